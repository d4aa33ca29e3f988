#include "model/block.hpp"

#include "base/random.hpp"

namespace forja {

var block_forward(tape & t, batch_inputs & in, const model & m, int il, method * tuning, uint64_t dropout_key, var x) {
    const hparams &       hp = m.hp();
    const block_weights & b  = m.blocks()[il];
    const int64_t         T  = x->value->ne[1];
    const bool            local = hp.is_local[il];
    const int64_t         n_q = (int64_t) hp.n_head * hp.head_dim, n_kv = (int64_t) hp.n_head_kv * hp.head_dim;
    const dropout_keys    keys{stream_key(dropout_key, il), in.batch->dropout_ids.data()};

    auto layer = [&](const linear_weights & w, const char * modules, var input) {
        return linear(t, w, input, tuning ? tuning->adapt(w, il, modules, keys) : nullptr);
    };

    // Attention.
    var normed = rms_norm(t, x, b.attn_norm, hp.rms_eps); // [n_embd, T]
    var q, k, v;
    if (b.qkv) {
        std::vector<var> parts = split_rows(t, layer(b.qkv, "q,k,v", normed), {n_q, n_kv, n_kv});
        q = parts[0];
        k = parts[1];
        v = parts[2];
    } else {
        q = layer(b.q, "q", normed);
        k = layer(b.k, "k", normed);
        v = layer(b.v, "v", normed);
    }
    q = reshape_3d(t, q, hp.head_dim, hp.n_head, T);
    k = reshape_3d(t, k, hp.head_dim, hp.n_head_kv, T);
    v = reshape_3d(t, v, hp.head_dim, hp.n_head_kv, T);
    if (b.q_norm) {
        q = rms_norm(t, q, b.q_norm, hp.rms_eps);
        k = rms_norm(t, k, b.k_norm, hp.rms_eps);
    }
    const rope_settings & r = local ? hp.rope_local : hp.rope;
    q = rope(t, in, q, r, m.rope_factors());
    k = rope(t, in, k, r, m.rope_factors());
    var attended = attention(t, in, q, k, v, {hp.attention_scale, hp.attention_softcap, local ? hp.n_swa : 0}); // [n_q, T]
    var out      = layer(b.o, "o", attended);
    if (b.attn_post_norm) {
        out = rms_norm(t, out, b.attn_post_norm, hp.rms_eps);
    }
    var mid = add(t, out, x);

    // Feed-forward network.
    normed = rms_norm(t, mid, b.ffn_norm, hp.rms_eps);
    var gate, up;
    if (b.gate_up) {
        std::vector<var> parts = split_rows(t, layer(b.gate_up, "gate,up", normed), {hp.n_ff, hp.n_ff});
        gate = parts[0];
        up   = parts[1];
    } else {
        gate = layer(b.gate, "gate", normed);
        up   = layer(b.up, "up", normed);
    }
    var down = layer(b.down, "down", gated(t, gate, up, hp.act));
    if (b.ffn_post_norm) {
        down = rms_norm(t, down, b.ffn_post_norm, hp.rms_eps);
    }
    return add(t, down, mid);
}

} // namespace forja
