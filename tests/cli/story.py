#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The demo's story must stay true: float at least 94 %, the naive way loses at least 10 points and fails
the gate with exit code 1, the default way passes within 1 point with no float operator inside.

Usage: story.py OCTET SOURCE_FOLDER WORK_FOLDER. Skipped (77) where the data cannot be had.
"""
import json
import subprocess
import sys

from checks import expect, finish, run, source, work  # noqa: E402

MODEL = source / "examples/demo/model.keras"


def gate(model, drop):
    result = run("gate", MODEL, model, "--data", work / "holdout.npz", "--max-drop", drop, "--json")
    return result.returncode, json.loads(result.stdout)


def main():
    work.mkdir(parents=True, exist_ok=True)
    data = subprocess.run([sys.executable, source / "scripts/demo_data.py", work], capture_output=True, text=True, check=False)
    if data.returncode:
        print("skipped: the MNIST images cannot be downloaded:", data.stderr.strip()[-200:])
        return 77
    naive, good = work / "naive.tflite", work / "int8.tflite"
    run("quantize", MODEL, "--data", work / "calib_few.npz", "-o", naive, "--ranges", "minmax", "--repair", "none")
    code, verdict = gate(naive, "3%")
    expect(f"float accuracy {verdict['float']:.2f} % is at least 94 %", verdict["float"] >= 94)
    expect(f"the full holdout was used: {verdict['samples']} samples", verdict["samples"] >= 1000)
    expect(f"the naive way loses {verdict['drop']:.2f} points, at least 10", verdict["drop"] >= 10)
    expect("the gate fails with exit code 1", code == 1)
    causes = json.loads(run("diagnose", MODEL, naive, "--data", work / "calib.npz", "--json").stdout)["models"][0]["causes"]
    expect(f"diagnose names a channel: {causes[:1]}", any("channel" in c and "times the median" in c for c in causes))
    made = run("quantize", MODEL, "--data", work / "calib.npz", "-o", good, "--json")
    expect("no operator computes in float", made.returncode == 0 and json.loads(made.stdout)["float_nodes"] == [])
    code, verdict = gate(good, "1%")
    expect(f"the default way loses {verdict['drop']:.2f} points and passes the gate at 1", code == 0)
    report = work / "report.html"
    run("diagnose", MODEL, naive, good, "--data", work / "holdout.npz", "--report", report)
    expect("the report has plots", report.exists() and report.read_text().count("<svg") >= 8)
    refused = work / "refused.tflite"
    code = run("quantize", MODEL, "--data", work / "calib_few.npz", "-o", refused, "--ranges", "minmax", "--repair", "none", "--holdout", work / "holdout.npz").returncode
    expect("quantize --holdout writes nothing when the gate fails", code == 1 and not refused.exists())
    return finish()


if __name__ == "__main__":
    sys.exit(main())
