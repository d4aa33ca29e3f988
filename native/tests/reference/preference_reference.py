"""Trains tiny models for ten steps with TRL's own trainers and writes what the trainer must reproduce: results/preference-VARIANT.json.

    python preference_reference.py FIXTURES_DIR

FIXTURES_DIR is as for train_reference.py; requirements-preference.txt names what this needs beside it. See README.md.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np
import peft
import tokenizers
import torch
import transformers
import trl
from datasets import Dataset
from torch.utils.data import SequentialSampler
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

import tiny_models
from counter_random import row_order, stream_key, uniform01
from train_reference import CASES, SUPERVISED, Tuned, rounded, summary

VARIANTS = ["llama", "gemma3"]
ROWS_A_STEP, STEPS, SEED, MAX_SEQ_LEN = 4, 10, 7, 24
ADAPTER = {name: CASES[0][name] for name in ("target_modules", "lora_rank", "lora_alpha", "use_rslora")}
COMMON = dict(
    **ADAPTER,
    learning_rate=0.002,
    lr_scheduler="linear",
    warmup_steps=2,
    weight_decay=0.01,
    adam_beta1=0.9,
    adam_beta2=0.98,
    adam_epsilon=1e-8,
    max_grad_norm=0.5,
    micro_batch_size=2,
    gradient_accumulation_steps=2,
    max_seq_len=MAX_SEQ_LEN,
    max_steps=STEPS,
    seed=SEED,
)
# By the train job's names.
OBJECTIVES = [
    dict(objective="dpo", dpo_beta=0.3, dpo_loss_type="sigmoid"),
    dict(objective="dpo", dpo_beta=0.2, dpo_loss_type="ipo"),
    dict(objective="orpo", orpo_beta=0.4),
    dict(objective="kto", kto_beta=0.3, desirable_weight=1.5, undesirable_weight=0.8),
]
METRICS = {"reward_chosen": "rewards/chosen", "reward_rejected": "rewards/rejected", "reward_margin": "rewards/margins", "reward_accuracy": "rewards/accuracies", "kl": "kl"}


def tokens_of(key: int, first: int, count: int, n_vocab: int) -> list[int]:
    return [6 + int(uniform01(key, first + i) * 40) % (n_vocab - 6) for i in range(count)]


def make_pairs(n_vocab: int, n_prompt_most: int) -> list[dict]:
    """16 prompts with two answers of unequal length; pair 3's chosen answer is cut by max_seq_len."""
    pairs = []
    for r in range(16):
        key = stream_key(1, 0x7072656673, r)
        n_prompt = 1 + int(uniform01(key, 0) * n_prompt_most)
        n_chosen, n_rejected = (3 + int(uniform01(key, 1 + k) * 10) for k in range(2))
        if r == 3:
            n_chosen = 30
        pairs.append(
            dict(
                prompt=tokens_of(key, 10, n_prompt, n_vocab),
                chosen=tokens_of(key, 100, n_chosen, n_vocab),
                rejected=tokens_of(key, 200, n_rejected, n_vocab),
                desirable=bool(r % 3),
            )
        )
    return pairs


def in_order(rows: list) -> list:
    """The rows of all steps, one after the other."""
    steps_per_epoch = len(rows) // ROWS_A_STEP
    out = []
    for step in range(STEPS):
        order = row_order(len(rows), SEED, step // steps_per_epoch)
        at = step % steps_per_epoch * ROWS_A_STEP
        out += [rows[i] for i in order[at : at + ROWS_A_STEP]]
    return out


class Recording:
    """What is added to a trainer of TRL: rows are tokens already and come in order, and each step's loss is kept unrounded."""

    def _prepare_dataset(self, dataset, *_args, **_kwargs):
        return dataset

    def _get_train_sampler(self, train_dataset=None):
        return SequentialSampler(self.train_dataset if train_dataset is None else train_dataset)

    def compute_loss(self, *args, **kwargs):
        loss = super().compute_loss(*args, **kwargs)
        if self.model.training:
            self.losses.append((loss[0] if isinstance(loss, tuple) else loss).item())
        return loss


class Dpo(Recording, trl.DPOTrainer):
    losses: list


class Kto(Recording, trl.KTOTrainer):
    losses: list


class Orpo(Recording, ORPOTrainer):
    losses: list

    def tokenize_row(self, feature, model=None):
        prompt, chosen, rejected = ([int(t) for t in feature[k].split()] for k in ("prompt", "chosen", "rejected"))
        out = dict(prompt_input_ids=prompt, prompt_attention_mask=[1] * len(prompt))
        for name, answer in (("chosen", chosen), ("rejected", rejected)):
            ids = (prompt + answer)[:MAX_SEQ_LEN]
            out |= {f"{name}_input_ids": ids, f"{name}_attention_mask": [1] * len(ids), f"{name}_labels": [-100] * len(prompt) + ids[len(prompt) :]}
        return out


def tokenizer(n_vocab: int):
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({str(i): i for i in range(n_vocab)}, unk_token="0"))
    return transformers.PreTrainedTokenizerFast(tokenizer_object=words, pad_token="0", eos_token="1", bos_token="2")


def trainer_of(case: dict, model, n_vocab: int, pairs: list[dict], out: str, optimizers):
    shared = dict(
        output_dir=out,
        per_device_train_batch_size=ROWS_A_STEP,
        gradient_accumulation_steps=1,
        max_steps=STEPS,
        max_grad_norm=COMMON["max_grad_norm"],
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        max_length=MAX_SEQ_LEN,
        remove_unused_columns=False,
        disable_tqdm=True,
    )
    made = dict(model=model, processing_class=tokenizer(n_vocab), optimizers=optimizers)
    if case["objective"] == "dpo":
        rows = [dict(prompt_ids=p["prompt"], chosen_ids=p["chosen"], rejected_ids=p["rejected"]) for p in pairs]
        args = trl.DPOConfig(**shared, beta=case["dpo_beta"], loss_type=[case["dpo_loss_type"]])
        return Dpo(**made, args=args, train_dataset=Dataset.from_list(rows))
    if case["objective"] == "orpo":
        text = lambda ids: " ".join(map(str, ids))
        rows = [dict(prompt=text(p["prompt"]), chosen=text(p["chosen"]), rejected=text(p["rejected"])) for p in pairs]
        return Orpo(**made, args=ORPOConfig(**shared, beta=case["orpo_beta"]), train_dataset=Dataset.from_list(rows))
    # The answers to other prompts are those of the row before in the step, as TRL's own preparation has them.
    rows = [
        dict(
            prompt_ids=p["prompt"],
            completion_ids=p["chosen"],
            KL_completion_ids=pairs[i - 1 if i % ROWS_A_STEP else i + ROWS_A_STEP - 1]["chosen"],
            label=p["desirable"],
        )
        for i, p in enumerate(pairs)
    ]
    weights = dict(desirable_weight=case["desirable_weight"], undesirable_weight=case["undesirable_weight"])
    return Kto(**made, args=trl.KTOConfig(**shared, beta=case["kto_beta"], **weights), train_dataset=Dataset.from_list(rows))


def run(path: str, case: dict, pairs: list[dict]) -> dict:
    torch.manual_seed(0)
    tiny = tiny_models.load(path)
    n_vocab = tiny.model.config.vocab_size
    tuned = Tuned(tiny, case | ADAPTER)
    parameters = [p for p in tuned.model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=COMMON["learning_rate"], betas=(0.9, 0.98), eps=1e-8, weight_decay=COMMON["weight_decay"])
    schedule = transformers.get_scheduler(COMMON["lr_scheduler"], optimizer, COMMON["warmup_steps"], STEPS)
    with tempfile.TemporaryDirectory() as out:
        trainer = trainer_of(case, tuned.model, n_vocab, in_order(pairs), out, (optimizer, schedule))
        trainer.losses = []
        trainer.train()
    logs = [entry for entry in trainer.state.log_history if "grad_norm" in entry]
    assert len(logs) == len(trainer.losses) == STEPS
    steps = [
        dict(train_loss=loss, grad_norm=float(entry["grad_norm"]), metrics=figures(case, entry))
        for loss, entry in zip(trainer.losses, logs)
    ]
    final = {}
    for name, p in tuned.parameters.items():
        values = tuned.to_gguf(name, p.detach().numpy())
        final[name] = summary(values) | {"moved": float(np.linalg.norm((values - tuned.start[name]).astype(np.float64)))}
    return dict(**case, **COMMON, steps=steps, final_adapter=final, rows=words_of(case["objective"], pairs))


def figures(case: dict, entry: dict) -> dict:
    """TRL's figures by our names. Of single answers there is no margin of a pair."""
    wanted = {ours: theirs for ours, theirs in METRICS.items() if not (case["objective"] == "kto" and ours == "reward_margin")}
    return {ours: entry[theirs] for ours, theirs in wanted.items() if entry.get(theirs) is not None}


def words_of(objective: str, pairs: list[dict]) -> list:
    """Rows as token-file words: of pairs both answers, of labelled rows one with its mark."""
    row = lambda p, answer: p["prompt"] + [t | SUPERVISED for t in p[answer]]
    if objective == "kto":
        return [[row(p, "chosen"), p["desirable"]] for p in pairs]
    return [[row(p, "chosen"), row(p, "rejected")] for p in pairs]


def main(fixtures: str) -> None:
    torch.set_num_threads(1)
    for variant in VARIANTS:
        path = f"{fixtures}/{variant}-f32.gguf"
        tiny = tiny_models.load(path)
        cases = []
        for case in OBJECTIVES:
            # TRL's ORPO learns the prompt, too, and Forja's does not: prompts of one token, which nothing predicts, are the same to both.
            pairs = make_pairs(tiny.model.config.vocab_size, 1 if case["objective"] == "orpo" else 6)
            cases.append(run(path, case, pairs))
            print(variant, case["objective"], [round(s["train_loss"], 4) for s in cases[-1]["steps"]], cases[-1]["steps"][-1]["metrics"], flush=True)
        out = dict(
            variant=variant,
            made_with={m.__name__: m.__version__.split("+")[0] for m in (torch, transformers, peft, trl)},
            base_tensors_fnv1a=f"{tiny.tensors_fnv:016x}",
            cases=cases,
        )
        target = pathlib.Path(__file__).parent / "results" / f"preference-{variant}.json"
        target.write_text(json.dumps(rounded(out), separators=(",", ":")).replace('},"', '},\n"').replace('},{"', '},\n{"') + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
