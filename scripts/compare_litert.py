#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Latency of octet beside LiteRT with its default XNNPACK delegate: same file, one thread, in turns.

Usage: compare_litert.py OCTET MODEL.tflite...   (in an environment with ai-edge-litert: make compare)

Prints a Markdown table; ratios are of the minima over all rounds. Above 1, octet is faster.
"""
import json
import os
import subprocess
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

ROUNDS, RUNS = 4, 30


def litert_min_us(path):
    interpreter = Interpreter(model_path=path, num_threads=1)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        shape, dtype = detail["shape"], np.dtype(detail["dtype"])
        data = rng.standard_normal(shape) if dtype.kind == "f" else rng.integers(0, 100, shape)
        interpreter.set_tensor(detail["index"], data.astype(dtype))
    invoke = interpreter._interpreter.Invoke  # Without the Python wrapper's own microsecond.
    times = []
    for _ in range(RUNS):
        start = time.perf_counter_ns()
        invoke()
        times.append((time.perf_counter_ns() - start) / 1e3)
    return min(times)


def octet_min_us(octet, path):
    out = subprocess.run([octet, "bench", path, "--runs", str(RUNS), "--json"], capture_output=True, text=True, check=True).stdout
    result = json.loads(out)
    return result["min_us"], result["isa"]


def main():
    octet, models = sys.argv[1], sys.argv[2:]
    print("| model | LiteRT us | octet us | LiteRT / octet |\n|--|--:|--:|--:|")
    isa = ""
    for path in models:
        best = [float("inf"), float("inf")]
        for _ in range(ROUNDS):
            mine, isa = octet_min_us(octet, path)
            best = [min(best[0], litert_min_us(path)), min(best[1], mine)]
        print(f"| {os.path.basename(path).removesuffix('.tflite')} | {best[0]:.1f} | {best[1]:.1f} | {best[0] / best[1]:.2f} |")
    print(f"\none thread, {isa}, minima of {ROUNDS} x {RUNS} runs in turns")


if __name__ == "__main__":
    main()
