#!/usr/bin/env python3
"""One workload on mlx-lm: mlx_lm_bench.py MODEL_FOLDER prefill|decode TOKENS DEPTH SEQUENCES -> tokens/s of all on stdout.

MODEL_FOLDER is a Hugging Face style folder holding the same weights (tests/fixtures/smollm2 says how it is made).
Needs mlx and mlx-lm; runs on MLX's CPU device with the wheel's own kernels.
"""
import sys
import time

import mlx.core as mx
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.utils import load_model
import pathlib

mx.set_default_device(mx.cpu)
folder, kind = sys.argv[1:3]
tokens, depth, sequences = map(int, sys.argv[3:6])
model, _ = load_model(pathlib.Path(folder))
cache = make_prompt_cache(model)


def feed(rows):
    logits = model(mx.array(rows), cache=cache)[:, -1, :]  # [sequences, vocab]
    mx.eval(logits)
    return logits


feed([[1, 2, 3]] * sequences)  # warm-up
if depth:
    feed([[(7 * i) % 40000 for i in range(depth)]] * sequences)
start = time.perf_counter()
if kind == "prefill":
    feed([[(11 * i) % 40000 for i in range(tokens)]] * sequences)
else:
    last = [[5]] * sequences
    for _ in range(tokens):
        last = mx.argmax(feed(last), axis=-1, keepdims=True).tolist()
print(tokens * sequences / (time.perf_counter() - start))
