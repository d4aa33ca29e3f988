"""Trains each tiny model for ten steps with PyTorch + PEFT and writes what the trainer must reproduce: results/VARIANT.json.

    python train_reference.py FIXTURES_DIR          # LoRA
    python train_reference.py FIXTURES_DIR dora     # DoRA: results/dora-VARIANT.json
    python train_reference.py FIXTURES_DIR hybrid   # short convolutions, delta nets

FIXTURES_DIR holds the F32 models that `forja-fixtures FIXTURES_DIR` writes. See README.md.
"""

import json
import pathlib
import sys

import numpy as np
import peft
import torch
import transformers

import tiny_models
from counter_random import adapter_values, row_order, stream_key, uniform01

VARIANTS = ["llama", "llama-tied", "mistral", "qwen2", "qwen3", "gemma3", "gemma3-softcap", "phi3"]
# Short convolutions and gated delta nets: forja-fixtures FIXTURES_DIR --architecture NAME.
HYBRID_VARIANTS = ["lfm2", "qwen35-equal-heads"]
SUPERVISED = 0x80000000
HERE = pathlib.Path(__file__).parent

# Named as in the train job. max_grad_norm is set so that some steps are clipped and some are not.
CASES = [
    dict(
        name="all-linear",
        target_modules=["q", "k", "v", "o", "gate", "up", "down"],
        lora_rank=4,
        lora_alpha=8,
        use_rslora=False,
        lr_scheduler="linear",
        learning_rate=0.01,
        weight_decay=0.01,
        warmup_steps=2,
    ),
    dict(
        name="q,v",
        target_modules=["q", "v"],
        lora_rank=8,
        lora_alpha=8,
        use_rslora=True,
        lr_scheduler="cosine",
        learning_rate=0.02,
        weight_decay=0.1,
        warmup_steps=3,
    ),
]
HYBRID_CASES = [CASES[0] | dict(target_modules=["all-linear"])]
# qwen2 has biases, phi3 fused layers.
DORA_VARIANTS = ["llama", "qwen2", "gemma3", "phi3"]
DORA_CASES = [case | dict(method="dora") for case in CASES]
COMMON = dict(
    adam_beta1=0.9,
    adam_beta2=0.98,
    adam_epsilon=1e-8,
    micro_batch_size=2,
    gradient_accumulation_steps=2,
    max_seq_len=24,
    max_steps=10,
    seed=7,
)
# File names of the layers that a module name means; phi3 has fused ones.
LAYERS = {"q": "attn_q", "k": "attn_k", "v": "attn_v", "o": "attn_output", "gate": "ffn_gate", "up": "ffn_up", "down": "ffn_down"}
LAYERS_PHI3 = LAYERS | {"q": "attn_qkv", "k": "attn_qkv", "v": "attn_qkv", "gate": "ffn_up"}


def make_rows(n_vocab: int) -> list[list[int]]:
    """Token file rows: 21 of unequal length, each a prompt (not supervised) and an answer.

    Row 3 is longer than max_seq_len and loses its end; row 5 has nothing to learn and is skipped.
    """
    rows = []
    for r in range(21):
        key = stream_key(1, 0x726F7773, r)
        n_prompt = 2 + int(uniform01(key, 0) * 6)
        n_answer = 3 + int(uniform01(key, 1) * 14)
        if r == 3:
            n_answer = 30
        # Tokens of a small part of the vocabulary, so that ten steps have something to learn.
        row = [6 + int(uniform01(key, 10 + i) * 40) % (n_vocab - 6) for i in range(n_prompt + n_answer)]
        rows.append([t | SUPERVISED if i >= n_prompt and r != 5 else t for i, t in enumerate(row)])
    return rows


def useful(rows: list[list[int]], max_seq_len: int) -> list[list[int]]:
    cut = [row[:max_seq_len] for row in rows]
    return [row for row in cut if any(t & SUPERVISED for t in row[1:])]


def summed_loss(model, rows: list[list[int]]) -> torch.Tensor:
    """Sum of the losses of the supervised tokens, in nats; rows padded on the right."""
    length = max(map(len, rows))
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    mask = torch.zeros(len(rows), length, dtype=torch.long)
    labels = torch.full((len(rows), length), -100)
    for i, row in enumerate(rows):
        for j, word in enumerate(row):
            ids[i, j] = word & ~SUPERVISED
            mask[i, j] = 1
            if j > 0 and word & SUPERVISED:
                labels[i, j] = word & ~SUPERVISED
    logits = model(input_ids=ids, attention_mask=mask).logits
    return torch.nn.functional.cross_entropy(logits[:, :-1].reshape(-1, logits.shape[-1]).float(), labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")


def n_supervised(rows: list[list[int]]) -> int:
    return sum(1 for row in rows for t in row[1:] if t & SUPERVISED)


def summary(values: np.ndarray) -> dict:
    """Enough to recognise a tensor by: its length as a vector, the sum of its values, the first four."""
    return dict(
        norm=float(np.linalg.norm(values.astype(np.float64))),
        sum=float(values.astype(np.float64).sum()),
        first=[float(v) for v in values.reshape(-1)[:4]],
    )


class Tuned:
    """A PEFT model and where the adapter tensors of the GGUF lie in it."""

    def __init__(self, tiny: tiny_models.TinyModel, case: dict):
        self.tiny = tiny
        layers = LAYERS_PHI3 if tiny.arch == "phi3" else LAYERS
        if tiny.arch in tiny_models.HYBRID:
            self.stems = tiny.stems
        else:
            parts = list(dict.fromkeys(layers[m] for m in case["target_modules"]))
            self.stems = [f"blk.{il}.{part}" for il in range(tiny.model.config.num_hidden_layers) for part in parts]
        targets = sorted({tiny.module_of(stem).split(".")[-1] for stem in self.stems})
        self.model = peft.get_peft_model(
            tiny.model,
            peft.LoraConfig(
                r=case["lora_rank"],
                lora_alpha=case["lora_alpha"],
                use_rslora=case["use_rslora"],
                lora_dropout=0.0,
                use_dora=case.get("method") == "dora",
                target_modules=targets,
                task_type="CAUSAL_LM",
            ),
        )
        modules = dict(self.model.named_modules())
        self.parameters = {}  # GGUF name -> parameter
        for stem in self.stems:
            module = modules[f"base_model.model.{tiny.module_of(stem)}"]
            self.parameters[f"{stem}.weight.lora_a"] = module.lora_A["default"].weight
            self.parameters[f"{stem}.weight.lora_b"] = module.lora_B["default"].weight
        # DoRA's magnitudes stay as PEFT makes them: the lengths of the base's rows.
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(torch.from_numpy(self.from_gguf(name, adapter_values(name, tuple(p.shape)))))
        for stem in self.stems:
            if case.get("method") == "dora":
                module = modules[f"base_model.model.{tiny.module_of(stem)}"]
                self.parameters[f"{stem}.weight.dora_m"] = module.lora_magnitude_vector["default"].weight
        self.start = {name: self.to_gguf(name, p.detach().numpy()).copy() for name, p in self.parameters.items()}

    def from_gguf(self, name: str, values: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(self.tiny.to_hf(name.removesuffix(".weight.lora_b"), values)) if name.endswith("lora_b") else values

    def to_gguf(self, name: str, values: np.ndarray) -> np.ndarray:
        if name.endswith("dora_m"):  # one value for each of the matrix's rows
            return self.tiny.to_gguf(name.removesuffix(".weight.dora_m"), values.reshape(-1, 1)).reshape(-1)
        return self.tiny.to_gguf(name.removesuffix(".weight.lora_b"), values) if name.endswith("lora_b") else values


def run(path: str, case: dict, rows: list[list[int]], max_grad_norm: float) -> dict:
    """One training run. max_grad_norm 0: no clipping."""
    torch.manual_seed(0)
    tuned = Tuned(tiny_models.load(path), case)
    model = tuned.model
    model.train()
    trainable, _ = model.get_nb_trainable_parameters()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters,
        lr=case["learning_rate"],
        betas=(COMMON["adam_beta1"], COMMON["adam_beta2"]),
        eps=COMMON["adam_epsilon"],
        weight_decay=case["weight_decay"],
    )
    schedule = transformers.get_scheduler(case["lr_scheduler"], optimizer, case["warmup_steps"], COMMON["max_steps"])

    kept = useful(rows, COMMON["max_seq_len"])
    per_step = COMMON["micro_batch_size"] * COMMON["gradient_accumulation_steps"]
    steps_per_epoch = len(kept) // per_step
    assert len(kept) % per_step == 0
    steps, first_gradients = [], {}
    for step in range(COMMON["max_steps"]):
        order = row_order(len(kept), COMMON["seed"], step // steps_per_epoch)
        at = step % steps_per_epoch * per_step
        batch = [kept[i] for i in order[at : at + per_step]]
        count = n_supervised(batch)
        nats = 0.0
        for i in range(0, per_step, COMMON["micro_batch_size"]):
            loss = summed_loss(model, batch[i : i + COMMON["micro_batch_size"]])
            nats += loss.item()
            (loss / count).backward()
        if step == 0:
            first_gradients = {n: summary(tuned.to_gguf(n, p.grad.numpy())) for n, p in tuned.parameters.items()}
        norm = torch.nn.utils.clip_grad_norm_(parameters, max_grad_norm if max_grad_norm > 0 else float("inf")).item()
        rate = optimizer.param_groups[0]["lr"]
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        steps.append(dict(train_loss=nats / count, grad_norm=norm, learning_rate=rate, supervised_tokens=count))
    final = {}
    for name, p in tuned.parameters.items():
        values = tuned.to_gguf(name, p.detach().numpy())
        final[name] = summary(values) | {"moved": float(np.linalg.norm((values - tuned.start[name]).astype(np.float64)))}
    return dict(
        **case,
        **COMMON,
        max_grad_norm=max_grad_norm,
        trainable_parameters=trainable,
        steps=steps,
        clipped_steps=sum(1 for s in steps if 0 < max_grad_norm < s["grad_norm"]),
        first_gradients=first_gradients,
        final_adapter=final,
    )


def rounded(value, digits: int = 9):
    """Floats with nine digits: all that F32 has."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {k: rounded(v, digits) for k, v in value.items()}
    if isinstance(value, list):
        return [rounded(v, digits) for v in value]
    return value


def main(fixtures: str, method: str = "lora") -> None:
    torch.set_num_threads(1)
    is_dora = method == "dora"
    variants = {"lora": VARIANTS, "dora": DORA_VARIANTS, "hybrid": HYBRID_VARIANTS}[method]
    for variant in variants:
        path = f"{fixtures}/{variant}{'' if method == 'hybrid' else '-f32'}.gguf"
        tiny = tiny_models.load(path)
        rows = make_rows(tiny.model.config.vocab_size)
        cases = []
        for case in {"lora": CASES, "dora": DORA_CASES, "hybrid": HYBRID_CASES}[method]:
            # A trial without clipping finds the norm between the steps' norms that clips about half of them.
            norms = sorted(s["grad_norm"] for s in run(path, case, rows, 0.0)["steps"])
            max_grad_norm = round(float(np.mean(norms[4:6])), 2)
            result = run(path, case, rows, max_grad_norm)
            assert 0 < result["clipped_steps"] < len(result["steps"])
            cases.append(result)
            losses = [round(s["train_loss"], 4) for s in result["steps"]]
            print(variant, case["name"], result["trainable_parameters"], "clipped", result["clipped_steps"], losses, flush=True)
        out = dict(
            variant=variant,
            made_with={m.__name__: m.__version__.split("+")[0] for m in (torch, transformers, peft)},
            base_tensors_fnv1a=f"{tiny.tensors_fnv:016x}",
            rows=rows,
            cases=cases,
        )
        target = HERE / "results" / f"{'dora-' if is_dora else ''}{variant}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(rounded(out), separators=(",", ":")).replace('},"', '},\n"').replace('},{"', '},\n{"') + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:3])
