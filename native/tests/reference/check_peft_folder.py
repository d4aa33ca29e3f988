"""Loads an exported PEFT folder with the real PEFT and compares it with the merged F32 file: the logits must be equal.

    python check_peft_folder.py BASE.gguf PEFT_FOLDER MERGED_F32.gguf

All three are made from one tiny fixture and one adapter (`forja-trainer` export jobs of format peft and gguf). Prints the
largest difference and how much the adapter changes; exit code 1 when they differ by more than rounding.
"""

import sys

import peft
import torch

import tiny_models


def main(base: str, folder: str, merged: str) -> int:
    torch.manual_seed(1)
    tokens = torch.randint(6, 260, (1, 24))
    with torch.no_grad():
        plain = tiny_models.load(base).model.eval()(tokens).logits
        expected = tiny_models.load(merged).model.eval()(tokens).logits
        tuned = peft.PeftModel.from_pretrained(tiny_models.load(base).model, folder).eval()
        actual = tuned(tokens).logits
    difference, change = (actual - expected).abs().max().item(), (plain - expected).abs().max().item()
    print(f"{folder}: PEFT against merged {difference:.1e}; the adapter changes logits by up to {change:.2f}")
    return 0 if difference < 1e-3 < 0.05 < change else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
