"""Loads a tiny F32 fixture (forja-fixtures) into the transformers model of its architecture."""

from dataclasses import dataclass

import gguf
import numpy as np
import torch
import transformers

from counter_random import fnv1a

# GGUF tensor of a block -> module of a transformers decoder layer.
MODULES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_qkv": "self_attn.qkv_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
# Where an architecture's names differ.
MODULES_OF = {
    "gemma3": {
        "post_attention_norm": "post_attention_layernorm",
        "ffn_norm": "pre_feedforward_layernorm",
        "post_ffw_norm": "post_feedforward_layernorm",
    },
    "phi3": {"ffn_up": "mlp.gate_up_proj"},
}


@dataclass
class TinyModel:
    arch: str
    model: torch.nn.Module
    n_head: int
    n_head_kv: int
    tensors_fnv: int  # FNV-1a over all tensors' bytes in file order: says whether a fixture is still the one used here

    def module_of(self, stem: str) -> str:
        """'blk.0.attn_q' -> 'model.layers.0.self_attn.q_proj'."""
        _, layer, part = stem.split(".")
        return f"model.layers.{layer}.{MODULES_OF.get(self.arch, {}).get(part, MODULES.get(part))}"

    def to_hf(self, stem: str, rows: np.ndarray) -> np.ndarray:
        """Rows of a matrix's output dimension in the file's order -> transformers' order.

        Llama files have the rows of q and k permuted: pairs that rotate together lie side by side there, half a head apart in
        transformers.
        """
        heads = self._permuted(stem)
        if not heads:
            return rows
        per_head = rows.shape[0] // heads
        return rows.reshape(heads, per_head // 2, 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

    def to_gguf(self, stem: str, rows: np.ndarray) -> np.ndarray:
        """The inverse of to_hf."""
        heads = self._permuted(stem)
        if not heads:
            return rows
        per_head = rows.shape[0] // heads
        return rows.reshape(heads, 2, per_head // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)

    def _permuted(self, stem: str) -> int:
        if self.arch != "llama":
            return 0
        return {"attn_q": self.n_head, "attn_k": self.n_head_kv}.get(stem.split(".")[-1], 0)


def load(path: str) -> TinyModel:
    """Builds the model from the file's metadata and copies the weights. Raises KeyError for a tensor that has no place."""
    reader = gguf.GGUFReader(path)
    arch = reader.fields["general.architecture"].contents()

    def key(name, default=None):
        field = reader.fields.get(f"{arch}.{name}")
        return default if field is None else field.contents()

    tensors = {t.name: np.array(t.data) for t in reader.tensors}
    h = 0xCBF29CE484222325
    for t in reader.tensors:
        h = fnv1a(t.data.tobytes(), h)
    n_layer, n_head = key("block_count"), key("attention.head_count")
    head_dim = key("attention.key_length", key("embedding_length") // n_head)
    common = dict(
        vocab_size=tensors["token_embd.weight"].shape[0],
        hidden_size=key("embedding_length"),
        intermediate_size=key("feed_forward_length"),
        num_hidden_layers=n_layer,
        num_attention_heads=n_head,
        num_key_value_heads=key("attention.head_count_kv"),
        head_dim=head_dim,
        max_position_embeddings=key("context_length"),
        rms_norm_eps=key("attention.layer_norm_rms_epsilon"),
        tie_word_embeddings="output.weight" not in tensors,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    rope = {"rope_type": "default", "rope_theta": key("rope.freq_base")}
    if arch == "llama":
        model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**common, rope_parameters=rope))
    elif arch == "qwen2":
        model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**common, rope_parameters=rope))
    elif arch == "qwen3":
        model = transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**common, rope_parameters=rope))
    elif arch == "phi3":
        model = transformers.Phi3ForCausalLM(transformers.Phi3Config(**common, rope_parameters=rope, sliding_window=None))
    elif arch == "gemma3":
        period = key("attention.sliding_window_pattern", 6)
        if key("rope.scaling.factor"):
            rope = {"rope_type": "linear", "factor": key("rope.scaling.factor"), "rope_theta": key("rope.freq_base")}
        model = transformers.Gemma3ForCausalLM(
            transformers.Gemma3TextConfig(
                **common,
                query_pre_attn_scalar=head_dim,
                sliding_window=key("attention.sliding_window"),
                layer_types=["sliding_attention" if i % period < period - 1 else "full_attention" for i in range(n_layer)],
                rope_parameters={
                    "full_attention": rope,
                    "sliding_attention": {"rope_type": "default", "rope_theta": key("rope.freq_base_swa", 10000.0)},
                },
                hidden_activation="gelu_pytorch_tanh",
                final_logit_softcapping=key("final_logit_softcapping"),
            )
        )
    else:
        raise KeyError(arch)

    tiny = TinyModel(arch, model, n_head, common["num_key_value_heads"], h)
    state = {}
    for name, value in tensors.items():
        stem, kind = name.rsplit(".", 1)
        if arch == "gemma3" and "norm" in stem:
            value = value - 1.0  # transformers keeps w, uses 1 + w; the file has 1 + w
        if stem.startswith("blk."):
            state[f"{tiny.module_of(stem)}.{kind}"] = tiny.to_hf(stem, value)
        else:
            state[{"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}[stem] + "." + kind] = value
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in state.items()}, strict=False)
    missing = [m for m in missing if not (m == "lm_head.weight" and common["tie_word_embeddings"])]
    if missing or unexpected:
        raise KeyError(f"missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return tiny
