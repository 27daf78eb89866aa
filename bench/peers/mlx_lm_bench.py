#!/usr/bin/env python3
"""One workload on mlx-lm: mlx_lm_bench.py MODEL_FOLDER prefill|decode TOKENS DEPTH -> tokens/s on stdout.

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
folder, kind, tokens, depth = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model, _ = load_model(pathlib.Path(folder))
cache = make_prompt_cache(model)


def feed(ids):
    logits = model(mx.array([ids]), cache=cache)[:, -1, :]
    mx.eval(logits)
    return logits


feed([1, 2, 3])  # warm-up
if depth:
    feed([(7 * i) % 40000 for i in range(depth)])
start = time.perf_counter()
if kind == "prefill":
    feed([(11 * i) % 40000 for i in range(tokens)])
else:
    token = 5
    for _ in range(tokens):
        token = int(mx.argmax(feed([token]), axis=-1).item())
print(tokens / (time.perf_counter() - start))
