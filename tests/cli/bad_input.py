#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Bad input to the octet command: a clear message, exit code 2, nothing half-written.

Usage: bad_input.py OCTET SOURCE_FOLDER WORK_FOLDER

Each case says what the message must contain: where, what was expected, what was found.
"""
import pathlib
import shutil
import subprocess
import sys
import zipfile

octet, source, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
sys.path.insert(0, str(source / "scripts"))
from demo_data import npy  # noqa: E402

MODEL = source / "examples/demo/model.keras"
SAMPLE = 28 * 28
TIMEOUT_S = 60


def npz(name, **arrays):
    """arrays: name -> (typecode, shape, values); returns the path."""
    path = work / name
    with zipfile.ZipFile(path, "w") as archive:
        for key, (typecode, shape, values) in arrays.items():
            archive.writestr(f"{key}.npy", npy(typecode, shape, values))
    return path


def cut(path, name, keep):
    """The first `keep` (a share) of a file's bytes."""
    data = path.read_bytes()
    target = work / name
    target.write_bytes(data[: int(len(data) * keep)])
    return target


def run(*args):
    return subprocess.run([octet, *map(str, args)], capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def prepare():
    """Good files that the cases spoil one at a time."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    ramp = [i % 251 / 250 for i in range(16 * SAMPLE)]
    npz("good.npz", x=("f", (16, 28, 28, 1), ramp), y=("q", (16,), [i % 10 for i in range(16)]))
    npz("no_labels.npz", x=("f", (16, 28, 28, 1), ramp))
    npz("empty.npz", x=("f", (0, 28, 28, 1), []), y=("q", (0,), []))
    npz("shape.npz", x=("f", (16, 14, 56, 1), ramp), y=("q", (16,), [0] * 16))
    npz("dtype.npz", x=("q", (16, 28, 28, 1), [0] * 16 * SAMPLE), y=("q", (16,), [0] * 16))
    npz("nan.npz", x=("f", (16, 28, 28, 1), ramp[:-1] + [float("nan")]), y=("q", (16,), [0] * 16))
    npz("uneven.npz", x=("f", (16, 28, 28, 1), ramp), y=("q", (15,), [0] * 15))
    npz("label.npz", x=("f", (16, 28, 28, 1), ramp), y=("q", (16,), [12] * 16))
    (work / "text.keras").write_text("not a model")
    (work / "text.npz").write_text("not an archive")
    for name in ("float", "int8"):
        made = run("convert", MODEL, "-o", work / "float.tflite") if name == "float" else run(
            "quantize", MODEL, "--data", work / "good.npz", "-o", work / "int8.tflite")
        assert made.returncode == 0, made.stderr
    for name in ("onnx/loops.onnx", "large_list.pb"):  # As many rounds as its input says, each in a list; a list that no memory has room for.
        made = run("convert", source / "tests/importers/data" / name, "-o", (work / pathlib.Path(name).stem).with_suffix(".tflite"))
        assert made.returncode == 0, made.stderr


def cases():
    good, out = work / "good.npz", work / "out.tflite"
    flt, int8 = work / "float.tflite", work / "int8.tflite"
    quantize = lambda data, target=out: ("quantize", MODEL, "--data", data, "-o", target)  # noqa: E731
    gate = lambda data: ("gate", flt, int8, "--data", data)  # noqa: E731
    yield "wrong shape in calibration", quantize(work / "shape.npz"), ["[28,28,1]", "[14,56,1]"]
    yield "wrong dtype in calibration", quantize(work / "dtype.npz"), ["float32", "int64"]
    yield "empty calibration set", quantize(work / "empty.npz"), ["empty.npz", "no samples"]
    yield "NaN in calibration", quantize(work / "nan.npz"), ["15", "NaN"]
    yield "not an archive", quantize(work / "text.npz"), ["text.npz"]
    yield "truncated archive", quantize(cut(good, "cut.npz", 0.5)), ["cut.npz"]
    yield "missing data", quantize(work / "missing.npz"), ["missing.npz"]
    yield "unwritable output", quantize(good, "/nonexistent/out.tflite"), ["/nonexistent/out.tflite"]
    yield "output is a folder", quantize(good, work), [str(work)]
    yield "labels missing", gate(work / "no_labels.npz"), ["label", "y"]
    yield "labels of another length", gate(work / "uneven.npz"), ["15", "16"]
    yield "label outside the classes", gate(work / "label.npz"), ["12", "10"]
    yield "wrong shape in holdout", gate(work / "shape.npz"), ["[28,28,1]", "[14,56,1]"]
    yield "missing model", ("convert", work / "missing.keras", "-o", out), ["missing.keras"]
    yield "not a model", ("convert", work / "text.keras", "-o", out), ["text.keras"]
    for share in (0.02, 0.3, 0.6, 0.9, 0.999):
        yield f"Keras file cut at {share}", ("convert", cut(MODEL, f"cut_{share}.keras", share), "-o", out), ["cut_"]
        yield f"tflite file cut at {share}", ("run", cut(flt, f"cut_{share}.tflite", share), "--in", good, "--out", work / "out.npz"), ["cut_"]
    yield "run: wrong shape", ("run", flt, "--in", npz("in.npz", **{"0": ("f", (1, 7, 7, 3), [0.0] * 147)}), "--out", work / "out.npz"), ["28"]
    yield "run: wrong dtype", ("run", flt, "--in", npz("in64.npz", **{"0": ("q", (1, 28, 28, 1), [0] * SAMPLE)}), "--out", work / "out.npz"), ["float32", "int64"]
    yield "run: unknown input", ("run", flt, "--in", npz("name.npz", nonsense=("f", (1, 28, 28, 1), [0.0] * SAMPLE)), "--out", work / "out.npz"), ["nonsense"]
    for rounds in (100000, 2**60):
        given = npz(f"rounds_{rounds}.npz", n=("q", (), [rounds]), x=("f", (3,), [0.5] * 3))
        yield f"run: a loop of {rounds} rounds", ("run", work / "loops.tflite", "--in", given, "--out", work / "out.npz", "--max-calls", 1000), ["limit of 1000"]
    given = npz("three.npz", x=("f", (3,), [0.5] * 3))
    yield "run: a list that is too large", ("run", work / "large_list.tflite", "--in", given, "--out", work / "out.npz"), ["[2147483647,3]", "memory limit"]
    yield "run: no threads", ("run", flt, "--in", given, "--out", work / "out.npz", "--threads", 0), ["--threads"]
    yield "bench: less than no threads", ("bench", flt, "--threads", -1), ["--threads"]
    yield "less than no samples", (*quantize(good), "--samples", -1), ["--samples"]
    yield "unwritable report", (*quantize(good), "--report", "/nonexistent/report.html"), ["/nonexistent/report.html"]
    yield "report without samples", ("quantize", MODEL, "-o", out, "--scheme", "float16", "--report", work / "report.html"), ["--data", "--holdout"]
    for shape, found in {"": "''", "0": "'0'", "1,28,0,1": "'0,1'", "1,28,28": "[1,28,28]"}.items():  # The last of too few dimensions.
        yield f"input of shape '{shape}'", ("convert", MODEL, "-o", out, "--input", f":{shape}"), ["input", found]
    for flags in (("--report", ""), ("--layers", ""), ("--signature", ""), ("--input", "")):
        yield f"empty {flags[0]}", ("convert", MODEL, "-o", out, *flags), [flags[0], "empty"]
    for scheme in ("dynamic", "float16", "int4"):
        yield f"integer inputs of {scheme} weights", ("quantize", MODEL, "-o", out, "--scheme", scheme, "--io", "int8"), ["int8", "activations", "--data"]
    yield "report of a comparison with the source", ("diagnose", MODEL, flt, "--report", out), ["--report", "--data"]
    yield "tolerance without parity", ("diagnose", MODEL, int8, "--data", good, "--tolerance", "1%"), ["--tolerance", "--parity"]
    yield "signature of a Keras reference", ("diagnose", MODEL, int8, "--data", good, "--signature", "serve"), ["--signature", "SavedModel"]
    yield "empty data", (*quantize(""), "--scheme", "dynamic"), ["--data", "empty"]
    yield "empty preprocess", (*quantize(good), "--preprocess", ""), ["--preprocess", "empty"]
    for source in (MODEL, flt, int8):
        yield f"signature of {source.name}", ("convert", source, "-o", out, "--signature", "serve"), ["--signature", "SavedModel", source.name]
    yield "layers of no Keras model", ("check", flt, "--layers", work / "missing.json"), ["--layers", "Keras", "float.tflite"]
    yield "unknown flag", ("convert", MODEL, "--nonsense"), ["nonsense"]
    yield "unknown command", ("nonsense",), ["nonsense"]
    yield "no output given", ("convert", MODEL), ["output"]
    yield "impossible drop", ("gate", flt, int8, "--data", good, "--max-drop", "much"), ["much", "%"]


def main():
    prepare()
    failed = passed = 0
    for title, args, words in cases():
        before = set(work.iterdir())
        result = run(*args)
        problems = []
        if result.returncode != 2:
            problems.append(f"exit code {result.returncode}, expected 2")
        problems += [f"the message lacks '{w}'" for w in words if w not in result.stderr + result.stdout]
        problems += [f"left {p.name} behind" for p in set(work.iterdir()) - before]
        passed, failed = passed + (not problems), failed + bool(problems)
        if problems:
            print(f"FAILED {title}: {'; '.join(problems)}\n       {result.stderr.strip()}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
