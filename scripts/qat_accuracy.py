#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a model loses when it is quantized after training and when it is trained for it (octet.qat), on all held-back samples.

    qat_accuracy.py OCTET DIR [MODEL...] [--epochs 3] [--seed 1]      (a Python with Keras 3 and one of its backends)

DIR as for accuracy_table.py, and DIR/data/NAME_train.npz: x in bytes with `scale` and `offset`, y. The model is trained on from its
weights with a small rate, which falls to nothing. Exit code 1 where training does worse than quantizing afterwards (`octet quantize`,
100 samples), loses more than 3 points to float, or the file answers otherwise than the model in Keras.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras  # noqa: E402
import numpy as np  # noqa: E402

MAX_LOSS = 3.0         # Points behind the float model.
RATE, BATCH = 1e-3, 64

spec = importlib.util.spec_from_file_location("octet_qat", pathlib.Path(__file__).parent.parent / "bindings/python/octet/qat.py")
qat = importlib.util.module_from_spec(spec)
spec.loader.exec_module(qat)


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode not in (0, 1) or (done.returncode == 1 and not done.stdout):
        raise RuntimeError(f"{' '.join(map(str, command[:2]))}: {done.stderr.strip()[-300:]}")
    return done.stdout


def train(source, data, epochs):
    model = keras.models.load_model(source, compile=False)
    aware = qat.quantize_model(model)
    x = data["x"].astype("float32") * np.float32(data["scale"]) + np.float32(data["offset"])
    steps = epochs * (len(x) // BATCH)
    aware.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps)), "sparse_categorical_crossentropy")
    aware.fit(x, data["y"], batch_size=BATCH, epochs=epochs, verbose=0)
    return aware


def answers(octet, file, x, folder):
    np.savez(folder / "in.npz", **{"0": x})
    run(octet, "run", file, "--in", folder / "in.npz", "--out", folder / "out.npz")
    return np.load(folder / "out.npz")["0"]


def row(octet, top, model, name, epochs, folder):
    source, holdout = top / f"models/{model}.keras", top / f"data/{name}_holdout.npz"
    calibration = np.load(top / f"data/{name}_calib.npz")
    np.savez(folder / "calib.npz", x=calibration["x"][:100], y=calibration["y"][:100])
    run(octet, "convert", source, "-o", folder / "float.tflite")
    run(octet, "quantize", source, "--data", folder / "calib.npz", "-o", folder / "after.tflite")
    start = time.time()
    aware = train(source, np.load(top / f"data/{name}_train.npz"), epochs)
    seconds = time.time() - start
    aware.save(folder / "aware.keras")
    run(octet, "convert", folder / "aware.keras", "-o", folder / "aware.tflite")
    gates = [json.loads(run(octet, "gate", folder / "float.tflite", folder / f"{kind}.tflite", "--data", holdout, "--json")) for kind in ("after", "aware")]
    x = np.load(holdout)["x"][:256]
    apart = np.abs(answers(octet, folder / "aware.tflite", x, folder) - np.asarray(aware(x, training=False))).max() * 256
    return gates[0]["float"], gates[0]["quantized"], gates[1]["quantized"], apart, seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("octet")
    parser.add_argument("dir", type=pathlib.Path)
    parser.add_argument("model", nargs="*", default=["mbv2_kmnist"])
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    pairs, good = json.load(open(a.dir / "pairs.json")), True
    print(f"{'model':16s}  float  quantized  trained  quanta apart  seconds")
    for model in a.model:
        keras.utils.set_random_seed(a.seed)
        with tempfile.TemporaryDirectory() as folder:
            floats, after, aware, apart, seconds = row(a.octet, a.dir, model, pairs[model], a.epochs, pathlib.Path(folder))
        fine = aware >= after and floats - aware <= MAX_LOSS and apart < 1.01
        good &= fine
        print(f"{model:16s} {floats:6.2f} {after:10.2f} {aware:8.2f} {apart:13.2f} {seconds:8.0f}{'' if fine else '  !!'}", flush=True)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
