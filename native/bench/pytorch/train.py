"""LoRA training with PyTorch, transformers and PEFT, on exactly what Forja's trainer gets: the same GGUF (dequantised), the same
tokens in the same order, the same adapter to begin with, the same optimiser. Prints one JSON line: the losses, the median tokens
per second after the first steps, and the process's peak memory. Called by scripts/bench/pytorch.ts; not part of the tests.

    train.py --model base.gguf --adapter peft-folder --tokens tokens.json --steps 6 --threads 2 --dtype float32 [--compile]

tokens.json: {"rows": [[id, ...], ...]}, every token but a row's first supervised; one step takes all rows.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

WARM_UP_STEPS = 2  # compilation and first allocations


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", required=True)
    parser.add_argument("--adapter", required=True)
    parser.add_argument("--tokens", required=True)
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    folder, name = os.path.split(os.path.abspath(args.model))
    base = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=getattr(torch, args.dtype), attn_implementation="sdpa"
    )
    base.config.use_cache = False
    model = PeftModel.from_pretrained(base, args.adapter, is_trainable=True)
    model.train()
    step_model = torch.compile(model) if args.compile else model

    with open(args.tokens, encoding="utf-8") as file:
        rows = torch.tensor(json.load(file)["rows"])
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=args.learning_rate, weight_decay=0.0, fused=True)
    losses, seconds = [], []
    for _ in range(args.steps):
        began = time.perf_counter()
        loss = step_model(input_ids=rows, labels=rows).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(
        json.dumps(
            {
                "losses": losses,
                "tokens_per_second": rows.numel() / statistics.median(seconds[WARM_UP_STEPS:]),
                "peak_memory_bytes": peak,
                "trainable_parameters": sum(p.numel() for p in trainable),
                "torch_version": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
