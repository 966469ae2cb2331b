#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Real models whose parts go to a delegate that fails in every run: the same bits as without one.

Usage: shared_models.py MODULE_FOLDER FAILING_DELEGATE SHARED      (run by a Python with numpy)
"""
import pathlib
import sys

import numpy as np

sys.path.insert(0, sys.argv[1])
import octet  # noqa: E402

DELEGATE, SHARED = sys.argv[2], pathlib.Path(sys.argv[3])


def value(detail, seed):
    random, dtype = np.random.default_rng(seed), detail["dtype"]
    if dtype == np.float32:
        return random.standard_normal(detail["shape"]).astype(np.float32)
    if dtype in (np.int8, np.uint8):
        return random.integers(0, 100, detail["shape"]).astype(dtype)
    return np.zeros(detail["shape"], dtype)  # They may be indices.


def run(model, delegates):
    """Outputs of two inferences, and how many parts came back."""
    it = octet.Interpreter(model_path=model, experimental_delegates=delegates)
    it.allocate_tensors()
    outputs = []
    for _ in range(2):
        for seed, detail in enumerate(it.get_input_details()):
            it.set_tensor(detail["index"], value(detail, seed))
        it.invoke()
        outputs += [it.get_tensor(detail["index"]) for detail in it.get_output_details()]
    return outputs, len(it.get_delegate_details()[0]["failures"])


def same(a, b):
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


bad, parts, runs = [], 0, 0
for model in sorted([*SHARED.glob("zoo/models/*.tflite"), *SHARED.glob("zoo/perf/*.tflite")]):
    try:
        expected, _ = run(model, [])
    except (ValueError, RuntimeError, TypeError):
        continue  # Inputs that these values do not suit: strings, shapes that must agree.
    for seed in range(3):
        outputs, failures = run(model, [octet.load_delegate(DELEGATE, {"seed": seed})])
        parts, runs = parts + failures, runs + 1
        if len(outputs) != len(expected) or not all(map(same, outputs, expected)):
            bad.append(f"{model.name} seed {seed}")
print(f"{runs} runs, {parts} parts handed back, {len(bad)} differ: {bad[:10]}")
sys.exit(1 if bad or runs == 0 or parts == 0 else 0)
