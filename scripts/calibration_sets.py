#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does quantize tell bad calibration sets from good ones?

    calibration_sets.py OCTET DIR

DIR as in accuracy_table.py. For one model of each data set: three good sets (8 samples, 100 samples, 100 of one class)
and three bad ones (dimmed to a quarter, left at 255 times the range, uniform noise over the range). Prints what was
flagged; exit code 1 where a bad set was not, or a good one was.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np

COUNT = 100


def sets(x, y):
    rng = np.random.default_rng(0)
    one = x[y == np.bincount(y).argmax()] if y is not None else x
    yield "good", "8 samples", x[:8]
    yield "good", "100 samples", x[:COUNT]
    yield "good", "one class", one[:COUNT]
    yield "bad", "a quarter of the range", x[:COUNT] * 0.25
    yield "bad", "255 times the range", x[:COUNT] * 255
    yield "bad", "noise", rng.uniform(x.min(), x.max(), x[:COUNT].shape).astype(np.float32)


def flags(octet, source, x, holdout, folder):
    np.savez(f"{folder}/c.npz", x=x.astype(np.float32))
    done = subprocess.run([octet, "quantize", source, "--data", f"{folder}/c.npz", "-o", f"{folder}/q.tflite", "--ranges", "minmax", "--repair", "none",
                           "--int8-only",
                           "--holdout", holdout, "--max-drop", "100%", "--json"], capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)["warnings"] if done.returncode == 0 else [done.stderr.strip().split("\n")[-1]]


def main():
    octet, top = sys.argv[1:3]
    by_data = {d: m for m, d in json.load(open(f"{top}/pairs.json")).items() if os.path.exists(f"{top}/models/{m}.keras")}
    wrong, counts = 0, {"good": [0, 0], "bad": [0, 0]}
    with tempfile.TemporaryDirectory() as folder:
        for data, model in by_data.items():
            z = np.load(f"{top}/data/{data}_calib.npz")
            for kind, name, x in sets(z["x"].astype(np.float32), z["y"] if "y" in z.files else None):
                said = flags(octet, f"{top}/models/{model}.keras", x, f"{top}/data/{data}_holdout.npz", folder)
                # A sample alone in setting a range is a note about that sample, not about the set.
                said = [s for s in said if "alone sets the range" not in s]
                counts[kind][0] += bool(said)
                counts[kind][1] += 1
                wrong += bool(said) != (kind == "bad")
                print(f"{data:12s} {kind:4s} {name:24s} {'; '.join(said) or '-'}"[:200])
    print(f"flagged: {counts['bad'][0]} of {counts['bad'][1]} bad sets, {counts['good'][0]} of {counts['good'][1]} good ones")
    return wrong != 0


if __name__ == "__main__":
    sys.exit(main())
