"""Random numbers that depend on a key and a counter only: native/src/base/random.hpp, bit for bit.

With them the reference makes the same initial adapter and takes the rows in the same order as the trainer, so that neither has
to be stored.
"""

import numpy as np

MASK = (1 << 64) - 1


def mix64(x: int) -> int:
    x = (x + 0x9E3779B97F4A7C15) & MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def stream_key(*parts: int) -> int:
    key = 0x243F6A8885A308D3
    for part in parts:
        key = mix64(key ^ (part & MASK))
    return key


def uniform01(key: int, i: int) -> float:
    return (mix64((key + i * 0xD1342543DE82EF95) & MASK) >> 40) * 2.0**-24


def name_key(seed: int, name: str) -> int:
    """Key of a named tensor, as in tests/support/scenario.cpp."""
    key = stream_key(seed, 0x666978)
    for c in name.encode():
        key = mix64(key ^ c)
    return key


def adapter_values(name: str, shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Initial values of an adapter tensor: uniform in (-1/8, 1/8). B is not zero, so that A has a gradient from the start.

    `shape` is numpy's (slowest first), `name` the GGUF name, for example blk.0.attn_q.weight.lora_a.
    """
    key = name_key(seed, name)
    flat = [(2.0 * uniform01(key, i) - 1.0) * 0.125 for i in range(int(np.prod(shape)))]
    return np.array(flat, dtype=np.float32).reshape(shape)


def row_order(n_rows: int, seed: int, epoch: int) -> list[int]:
    """The trainer's shuffle of an epoch (native/src/train/row-order.cpp)."""
    order = list(range(n_rows))
    key = stream_key(seed, 0x6F72646572, epoch)
    for i in range(n_rows - 1, 0, -1):
        j = mix64((key + i) & MASK) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def fnv1a(data: bytes, h: int = 0xCBF29CE484222325) -> int:
    for byte in data:
        h = ((h ^ byte) * 0x100000001B3) & MASK
    return h
