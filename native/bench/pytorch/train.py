"""LoRA training with PyTorch, transformers and PEFT, to be held against Forja's trainer. Called by scripts/bench/python.ts; not part
of the tests. Prints one JSON line: the losses, the median tokens per second after the first steps, and the peak memory.

On exactly what the trainer gets: the same GGUF (dequantised), tokens, adapter and optimiser.

    train.py --model base.gguf --adapter peft-folder --tokens tokens.json --steps 6 --threads 2 --dtype float32 [--compile]

tokens.json: {"rows": [[id, ...], ...]}, every token but a row's first supervised; one step takes all rows.

On random weights and tokens of the trainer's shapes, for a GPU: the base is in 4 bits where bitsandbytes is installed (QLoRA), else
in bfloat16; activations are checkpointed, or kept with --keep-activations.

    train.py --shape llama-3.1-8b --lora-rank 16 --target-modules q,v --max-seq-len 512 --micro-batch-size 1 --device cuda --steps 5
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from contextlib import nullcontext

try:
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM
except ImportError as missing:
    sys.exit(f"{missing}: install what requirements.txt beside this script names")

WARM_UP_STEPS = 2  # compilation and first allocations

# As in native/tests/fixtures/large-model.cpp.
SHAPES = {
    "llama-3.1-8b": dict(num_hidden_layers=32, hidden_size=4096, num_attention_heads=32, num_key_value_heads=8,
                         intermediate_size=14336, vocab_size=128256),
    "llama-small": dict(num_hidden_layers=4, hidden_size=256, num_attention_heads=8, num_key_value_heads=2,
                        intermediate_size=768, vocab_size=1024),
}


def parse_arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--model")
    parser.add_argument("--adapter")
    parser.add_argument("--tokens")
    parser.add_argument("--dtype", choices=["float32", "bfloat16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--shape", choices=SHAPES)
    parser.add_argument("--lora-rank", type=int, default=16)
    parser.add_argument("--target-modules", default="q,k,v,o,gate,up,down")
    parser.add_argument("--max-seq-len", type=int, default=512)
    parser.add_argument("--micro-batch-size", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--keep-activations", action="store_true", help="with --shape: no checkpointing")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    return parser.parse_args()


def same_as_forja(args):
    """The model and rows of --model, --adapter and --tokens."""
    folder, name = os.path.split(os.path.abspath(args.model))
    base = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=getattr(torch, args.dtype), attn_implementation="sdpa"
    )
    base.config.use_cache = False
    with open(args.tokens, encoding="utf-8") as file:
        rows = torch.tensor(json.load(file)["rows"])
    return PeftModel.from_pretrained(base, args.adapter, is_trainable=True), rows, args.dtype


def random_weights(args):
    """A model of --shape with a fresh adapter, and rows of random tokens."""
    torch.manual_seed(1)
    shape = SHAPES[args.shape]
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(where_to_draw(args)):
        base = LlamaForCausalLM(LlamaConfig(**shape, rope_theta=500000.0, max_position_embeddings=8192))
    base.config.use_cache = False
    torch.set_default_dtype(torch.float32)
    base_type = "nf4" if args.device == "cuda" and to_four_bits(base, args.device) else "bfloat16"
    names = [f"{module}_proj" for module in args.target_modules.split(",")]
    adapter = LoraConfig(r=args.lora_rank, lora_alpha=2 * args.lora_rank, target_modules=names, lora_dropout=0.0)
    model = get_peft_model(base.to(args.device), adapter)
    if not args.keep_activations:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model, torch.randint(shape["vocab_size"], (args.micro_batch_size, args.max_seq_len)), base_type


def where_to_draw(args):
    """The GPU draws random weights in seconds and the CPU in minutes; but in bfloat16 they must fit there first."""
    shape = SHAPES[args.shape]
    width, layers = shape["hidden_size"], shape["num_hidden_layers"]
    weights = 2 * width * shape["vocab_size"] + layers * width * (3 * shape["intermediate_size"] + 3 * width)
    fits = args.device == "cuda" and torch.cuda.mem_get_info()[0] > 2 * weights * 1.2
    return args.device if fits else "cpu"


def to_four_bits(model, device):
    """Replaces the blocks' linear layers by bitsandbytes' NF4 ones; False where it isn't installed."""
    try:
        import bitsandbytes as bnb
    except ImportError:
        return False
    for block in model.model.layers:
        for parent in (block.self_attn, block.mlp):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, torch.nn.Linear):
                    small = bnb.nn.Linear4bit(layer.in_features, layer.out_features, bias=False,
                                              compute_dtype=torch.bfloat16, quant_type="nf4")
                    small.weight = bnb.nn.Params4bit(layer.weight.data, requires_grad=False, quant_type="nf4")
                    setattr(parent, name, small.to(device))  # quantised as it goes to the GPU
    return True


def main() -> None:
    args = parse_arguments()
    on_gpu = args.device == "cuda"
    if on_gpu and not torch.cuda.is_available():
        sys.exit("PyTorch sees no CUDA device")
    torch.set_num_threads(args.threads)
    model, rows, base_type = random_weights(args) if args.shape else same_as_forja(args)
    model.train()
    step_model = torch.compile(model) if args.compile else model
    rows = rows.to(args.device)
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=args.learning_rate, weight_decay=0.0, fused=True)
    if on_gpu:
        torch.cuda.reset_peak_memory_stats()
    losses, seconds = [], []
    for _ in range(args.steps):
        began = time.perf_counter()
        # The adapter of random weights is in float32.
        with torch.autocast(args.device, dtype=torch.bfloat16) if args.shape else nullcontext():
            loss = step_model(input_ids=rows, labels=rows).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if on_gpu:
            torch.cuda.synchronize()
        losses.append(loss.item())
        seconds.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(
        json.dumps(
            {
                "losses": losses,
                "tokens_per_second": rows.numel() / statistics.median(seconds[WARM_UP_STEPS:]),
                "peak_memory_bytes": peak,
                "peak_device_bytes": torch.cuda.max_memory_allocated() if on_gpu else 0,
                "base_type": base_type,
                "device": torch.cuda.get_device_name() if on_gpu else "cpu",
                "trainable_parameters": sum(p.numel() for p in trainable),
                "torch_version": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
