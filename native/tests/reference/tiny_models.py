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
    "lfm2": {
        "attn_norm": "operator_norm",
        "attn_output": "self_attn.out_proj",
        "attn_q_norm": "self_attn.q_layernorm",
        "attn_k_norm": "self_attn.k_layernorm",
        "ffn_norm": "ffn_norm",
        "ffn_gate": "feed_forward.w1",
        "ffn_up": "feed_forward.w3",
        "ffn_down": "feed_forward.w2",
        "shortconv.conv": "conv.conv",
        "shortconv.in_proj": "conv.in_proj",
        "shortconv.out_proj": "conv.out_proj",
    },
    "qwen35": {
        "post_attention_norm": "post_attention_layernorm",
        "attn_qkv": "linear_attn.in_proj_qkv",
        "attn_gate": "linear_attn.in_proj_z",
        "ssm_beta": "linear_attn.in_proj_b",
        "ssm_alpha": "linear_attn.in_proj_a",
        "ssm_conv1d": "linear_attn.conv1d",
        "ssm_norm": "linear_attn.norm",
        "ssm_out": "linear_attn.out_proj",
    },
}
# Their blocks are not all alike, and all their linear layers are adapted.
HYBRID = ("lfm2", "qwen35")


@dataclass
class TinyModel:
    arch: str
    model: torch.nn.Module
    n_head: int
    n_head_kv: int
    stems: list[str]  # of the blocks' linear layers, in file order
    tensors_fnv: int  # FNV-1a over all tensors' bytes in file order: says whether a fixture is still the one used here

    def module_of(self, stem: str) -> str:
        """'blk.0.attn_q' -> 'model.layers.0.self_attn.q_proj'."""
        _, layer, part = stem.split(".", 2)
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
    n_head_kv = np.max(key("attention.head_count_kv"))  # a list of one for each block where they differ
    common = dict(
        vocab_size=tensors["token_embd.weight"].shape[0],
        hidden_size=key("embedding_length"),
        intermediate_size=key("feed_forward_length"),
        num_hidden_layers=n_layer,
        num_attention_heads=n_head,
        num_key_value_heads=int(n_head_kv),
        head_dim=head_dim,
        max_position_embeddings=key("context_length"),
        rms_norm_eps=key("attention.layer_norm_rms_epsilon"),
        tie_word_embeddings="output.weight" not in tensors,
        attn_implementation="eager",
        bos_token_id=None,
        eos_token_id=None,
        pad_token_id=0,
    )
    rope = {"rope_type": "default", "rope_theta": key("rope.freq_base", 10000.0)}
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
    elif arch == "lfm2":
        eps = common.pop("rms_norm_eps")
        model = transformers.Lfm2ForCausalLM(
            transformers.Lfm2Config(
                **common,
                norm_eps=eps,
                rope_parameters=rope,
                conv_L_cache=key("shortconv.l_cache"),
                block_auto_adjust_ff_dim=False,
                layer_types=["conv" if n == 0 else "full_attention" for n in key("attention.head_count_kv")],
            )
        )
    elif arch == "qwen35":
        n_value_heads, period = key("ssm.time_step_rank"), key("full_attention_interval")
        assert n_value_heads == key("ssm.group_count"), "the file has value heads in another order than transformers"
        model = transformers.Qwen3_5ForCausalLM(
            transformers.Qwen3_5TextConfig(
                **common,
                rope_parameters=rope | {"partial_rotary_factor": 1.0, "mrope_section": [int(n) for n in key("rope.dimension_sections")][:3]},
                linear_conv_kernel_dim=key("ssm.conv_kernel"),
                linear_key_head_dim=key("ssm.state_size"),
                linear_value_head_dim=key("ssm.state_size"),
                linear_num_key_heads=n_value_heads,
                linear_num_value_heads=n_value_heads,
                layer_types=["full_attention" if (i + 1) % period == 0 else "linear_attention" for i in range(n_layer)],
            )
        )
    else:
        raise KeyError(arch)

    tiny = TinyModel(arch, model, n_head, common["num_key_value_heads"], [], h)
    state = {}
    for name, value in tensors.items():
        stem, kind = name.rsplit(".", 1)
        if "norm" in stem and (arch == "gemma3" or (arch == "qwen35" and "ssm_norm" not in stem)):
            value = value - 1.0  # transformers keeps w, uses 1 + w; the file has 1 + w
        if name.endswith(".ssm_a"):  # the file has -exp of what transformers keeps
            state[f"model.layers.{stem.split('.')[1]}.linear_attn.A_log"] = np.log(-value)
            continue
        if name.endswith(".ssm_dt.bias"):
            state[f"model.layers.{stem.split('.')[1]}.linear_attn.dt_bias"] = value
            continue
        if stem.endswith("conv") or stem.endswith("conv1d"):
            value = value[:, None, :]
        elif arch in HYBRID and stem.startswith("blk.") and value.ndim == 2:
            tiny.stems.append(stem)
        if stem.startswith("blk."):
            state[f"{tiny.module_of(stem)}.{kind}"] = tiny.to_hf(stem, value)
        else:
            state[{"token_embd": "model.embed_tokens", "output_norm": "model.norm", "token_embd_norm": "model.embedding_norm", "output": "lm_head"}[stem] + "." + kind] = value
    missing, unexpected = model.load_state_dict({k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in state.items()}, strict=False)
    missing = [m for m in missing if not (m == "lm_head.weight" and common["tie_word_embeddings"])]
    if missing or unexpected:
        raise KeyError(f"missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    return tiny
