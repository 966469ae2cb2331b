#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What quantization costs on pairs of model and data, as a table.

    accuracy_table.py OCTET DIR [MODEL...] [--samples 8,100,0] [--flags=--per-tensor]

DIR/pairs.json maps model names to data names; DIR/models/MODEL.keras; DIR/data/NAME_{calib,holdout}.npz with x and y.
For each model and number of calibration samples (0: all): the float model's score, the quantized one's, the points
lost, the mean difference of the outputs, operators that compute in float, the file against the naive way's
(--ranges minmax --repair none), seconds, and what was chosen. Below it the spread over the numbers of samples.
Exit code 1 where a limit below does not hold.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np

MAX_DROP, MAX_DROP_SMALL = 0.5, 1.0  # Points; the second for 600 holdout samples, recurrent cells, --per-tensor.
MAX_SPREAD = 0.7                     # Points between the numbers of samples.
MAX_FLOAT = {"vit": (4, 1.05), "mbv3": (8, 1.25)}  # Operators in float, file against the naive one.
MAX_DIFFERENCE = {"mbv1w": 3.0e-3, "ae_": 3.0e-3, "conv1d_": 1.0e-3}  # Mean difference of the outputs, 100 samples.


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode not in (0, 1) or (done.returncode == 1 and not done.stdout):
        raise RuntimeError(f"{' '.join(command[:2])}: {done.stderr.strip()[-200:]}")
    return done.stdout


class Pair:
    def __init__(self, octet, top, model, data, folder):
        self.octet, self.model, self.folder = octet, model, folder
        self.source = f"{top}/models/{model}.keras"
        self.calibration = np.load(f"{top}/data/{data}_calib.npz")
        self.holdout = f"{top}/data/{data}_holdout.npz"
        self.small = data == "digits" or "lstm" in model
        self.float_file = f"{folder}/float.tflite"
        run(octet, "convert", self.source, "-o", self.float_file)

    def quantize(self, samples, *flags):
        data, out = f"{self.folder}/calib.npz", f"{self.folder}/quantized.tflite"
        part = slice(0, samples or None)
        np.savez(data, x=self.calibration["x"][part], y=self.calibration["y"][part])
        start = time.time()
        told = json.loads(run(self.octet, "quantize", self.source, "--data", data, "-o", out, "--json", *flags))
        told["seconds"] = time.time() - start
        told["gate"] = json.loads(run(self.octet, "gate", self.float_file, out, "--data", self.holdout, "--json"))
        return told


def limits_broken(pair, samples, row, ratio, flags):
    drop, broken = row["gate"]["drop"], []
    operators, size = next((v for k, v in MAX_FLOAT.items() if pair.model.startswith(k)), (0, 1.05))
    allowed = MAX_DROP_SMALL if pair.small or "--per-tensor" in flags else MAX_DROP
    if drop > allowed: broken.append(f"drop > {allowed}")
    if len(row["float_nodes"]) > operators: broken.append(f"float operators > {operators}")
    if ratio > size: broken.append(f"size > {size}")
    most = next((v for k, v in MAX_DIFFERENCE.items() if pair.model.startswith(k)), None)
    if most and samples == 100 and not flags and row["gate"]["mean_difference"] > most: broken.append(f"difference > {most}")
    return broken


def table(octet, top, models, counts, flags):
    pairs = json.load(open(f"{top}/pairs.json"))
    good = True
    print(f"{'model':16s} samples  float  int8   drop    lost      low   high  difference in float  size  seconds  chosen")
    for model, data in pairs.items():
        if (models and model not in models) or not os.path.exists(f"{top}/models/{model}.keras"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            pair, drops = Pair(octet, top, model, data, folder), []
            naive = pair.quantize(100, "--ranges", "minmax", "--repair", "none")
            for samples in counts:
                row = pair.quantize(samples, *flags)
                g, ratio = row["gate"], row["bytes"] / naive["bytes"]
                broken = limits_broken(pair, samples, row, ratio, flags)
                drops.append(g["drop"])
                good &= not broken
                print(f"{model:16s} {samples or 'all':>7} {g['float']:6.2f} {g['quantized']:6.2f} {g['drop']:+6.2f} ({naive['gate']['drop']:+6.2f})"
                      f" {g['drop_low']:+6.2f} {g['drop_high']:+6.2f}"
                      f"  {g['mean_difference']:.2e} {len(row['float_nodes']):6d} {ratio:7.2f} {row['seconds']:7.1f}"
                      f"  {row['chosen']}{'  !! ' + ', '.join(broken) if broken else ''}", flush=True)
            if max(drops) - min(drops) > MAX_SPREAD:
                good = False
                print(f"{model:16s} spread {max(drops) - min(drops):.2f} points over the numbers of samples !!")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("octet")
    parser.add_argument("dir")
    parser.add_argument("model", nargs="*")
    parser.add_argument("--samples", default="100", help="numbers of calibration samples, 0 for all (default: 100)")
    parser.add_argument("--flags", default="", help="more flags of quantize: --flags=\"--effort high\"")
    a = parser.parse_args()
    sys.exit(0 if table(a.octet, a.dir, a.model, [int(n) for n in a.samples.split(",")], a.flags.split()) else 1)


if __name__ == "__main__":
    main()
