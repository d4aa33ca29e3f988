"""PyTorch + transformers + PEFT on a GPU with the shapes of `npm run bench -- --suite gpu`: one JSON line a configuration.

Weights are random. The base is in 4 bits where bitsandbytes is installed (QLoRA), else in bfloat16. Every token is
supervised; a step is forward, backward, clipping and AdamW, as in the trainer's own benchmark.
"""

import argparse
import json
import sys
import time

try:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM
except ImportError as missing:
    sys.exit(f"{missing}: install torch, transformers and peft (and bitsandbytes for 4 bits)")

SHAPES = {
    "llama-3.1-8b": dict(num_hidden_layers=32, hidden_size=4096, num_attention_heads=32, num_key_value_heads=8,
                         intermediate_size=14336, vocab_size=128256),
    "llama-small": dict(num_hidden_layers=4, hidden_size=256, num_attention_heads=8, num_key_value_heads=2,
                        intermediate_size=768, vocab_size=1024),
}
MODULES = {"q,v": ["q_proj", "v_proj"],
           "all": ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]}


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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape", default="llama-3.1-8b", choices=SHAPES)
    parser.add_argument("--max-seq-len", type=int, default=512)
    parser.add_argument("--micro-batch-size", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("PyTorch sees no CUDA device")
    device = "cuda"
    for modules, names in MODULES.items():
        for rank in (8, 16):
            torch.manual_seed(1)
            torch.cuda.empty_cache()
            torch.set_default_dtype(torch.bfloat16)
            model = LlamaForCausalLM(LlamaConfig(**SHAPES[args.shape], rope_theta=500000.0, max_position_embeddings=8192))
            torch.set_default_dtype(torch.float32)
            four_bits = to_four_bits(model, device)
            model = get_peft_model(model.to(device), LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=names, lora_dropout=0.0))
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
            model.train()
            trainable = [p for p in model.parameters() if p.requires_grad]
            optimiser = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.0)
            torch.cuda.reset_peak_memory_stats()
            times = []
            for _ in range(args.steps + 1):
                ids = torch.randint(SHAPES[args.shape]["vocab_size"], (args.micro_batch_size, args.max_seq_len), device=device)
                torch.cuda.synchronize()
                began = time.perf_counter()
                with torch.autocast(device, dtype=torch.bfloat16):
                    loss = model(input_ids=ids, labels=ids).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(trainable, 1.0)
                optimiser.step()
                optimiser.zero_grad()
                torch.cuda.synchronize()
                times.append(time.perf_counter() - began)
            seconds = sorted(times[1:])[args.steps // 2]
            print(json.dumps({"program": "pytorch", "shape": args.shape, "base": "nf4" if four_bits else "bf16",
                              "modules": modules, "lora_rank": rank, "device": torch.cuda.get_device_name(),
                              "tokens_per_second": args.max_seq_len * args.micro_batch_size / seconds,
                              "peak_device_bytes": torch.cuda.max_memory_allocated()}), flush=True)
            del model, optimiser, trainable


main()
