"""Sentences per second of sentence-transformers on this machine: FOLDER BATCH THREADS, sentences as JSON on stdin; prints one line per round."""
import json
import sys
import time

import torch
from sentence_transformers import SentenceTransformer

folder, batch, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
given = json.load(sys.stdin)
model = SentenceTransformer(folder, device="cpu")
model.encode(given["sentences"][:8])
for _ in range(given["rounds"]):
    started = time.perf_counter()
    if batch == 1:
        for sentence in given["sentences"]:
            model.encode(sentence, show_progress_bar=False)
    else:
        model.encode(given["sentences"], batch_size=batch, show_progress_bar=False)
    print(len(given["sentences"]) / (time.perf_counter() - started))
