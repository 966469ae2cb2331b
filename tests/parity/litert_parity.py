#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The real LiteRT judges octet: same file, same inputs, same outputs.

Usage: litert_parity.py OCTET WORK_FOLDER SOURCE_FOLDER [SHARED_FOLDER]

Converts and quantizes the committed demo model with every scheme and runs each file in LiteRT's
reference kernels and in octet (reference and fast kernels); the same for the MLPerf and MobileNetV2
files of SHARED_FOLDER where there is one. Integers must be equal bit for bit, floats within 1e-5 of
the largest value, dynamic-range models within 2e-2 (LiteRT's own paths differ by 1e-2 there).
Exits 1 on a difference, 77 (skipped) without ai-edge-litert.
"""
import glob
import os
import subprocess
import sys

try:
    import numpy as np
    from ai_edge_litert.interpreter import Interpreter, OpResolverType
except ImportError:
    print("skipped: ai-edge-litert is not installed in this Python")
    sys.exit(77)

SAMPLES = 3


def litert_outputs(path, arrays):
    """Outputs of LiteRT's reference kernels, in graph order."""
    interpreter = Interpreter(model_path=path, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    for detail, array in zip(interpreter.get_input_details(), arrays):
        interpreter.resize_tensor_input(detail["index"], array.shape)
    interpreter.allocate_tensors()
    for detail, array in zip(interpreter.get_input_details(), arrays):
        interpreter.set_tensor(detail["index"], array)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]) for d in interpreter.get_output_details()]


def random_inputs(path, seed):
    """One array per input, batch 1, in the input's own element type."""
    rng = np.random.default_rng(seed)
    arrays = []
    for detail in Interpreter(model_path=path).get_input_details():
        shape, dtype = [max(1, int(d)) for d in detail["shape"]], np.dtype(detail["dtype"])
        if dtype.kind == "f":
            arrays.append(rng.standard_normal(shape).astype(dtype))
        else:
            info = np.iinfo(dtype)
            arrays.append(rng.integers(info.min, info.max + 1, shape).astype(dtype))
    return arrays


def octet_outputs(octet, path, arrays, kernels, work):
    np.savez(f"{work}/in.npz", **{str(i): a for i, a in enumerate(arrays)})
    subprocess.run([octet, "run", path, "--in", f"{work}/in.npz", "--out", f"{work}/out.npz", "--kernels", kernels],
                   check=True, capture_output=True)
    with np.load(f"{work}/out.npz") as archive:
        return [archive[str(i)] for i in range(sum(k.isdigit() for k in archive.files))]


def difference(want, got, dynamic):
    """None when equal by the rules above, else a sentence."""
    if want.shape != got.shape or want.dtype != got.dtype:
        return f"expected {want.dtype}{list(want.shape)}, found {got.dtype}{list(got.shape)}"
    if want.dtype.kind in "iub":
        wrong = int(np.sum(want != got))
        return f"{wrong} of {want.size} integers differ" if wrong else None
    limit = (2e-2 if dynamic else 1e-5) * max(1e-9, float(np.max(np.abs(want), initial=0)))
    worst = float(np.max(np.abs(want - got), initial=0))
    return f"differs by {worst:.3g}, allowed {limit:.3g}" if worst > limit else None


def compare(octet, path, work):
    problems = []
    dynamic = "dynamic" in os.path.basename(path) or "kws_float" in path
    for seed in range(SAMPLES):
        arrays = random_inputs(path, seed)
        want = litert_outputs(path, arrays)
        for kernels in ("reference", "fast"):
            got = octet_outputs(octet, path, arrays, kernels, work)
            if len(want) != len(got):
                problems.append(f"{kernels}: {len(got)} outputs, expected {len(want)}")
                continue
            problems += [f"{kernels}, output {i}: {p}" for i, (w, g) in enumerate(zip(want, got))
                         if (p := difference(w, g, dynamic))]
    return problems


def make_demo_models(octet, source, work):
    """The demo's model in every form octet writes."""
    model = f"{source}/examples/demo/model.keras"
    rng = np.random.default_rng(0)
    np.savez(f"{work}/calib.npz", x=rng.random((32, 28, 28, 1), dtype=np.float32))
    commands = {
        "demo_float": ["convert", model],
        "demo_float16": ["convert", model, "--scheme", "float16"],
        "demo_dynamic": ["convert", model, "--scheme", "dynamic"],
        "demo_int8": ["quantize", model, "--data", f"{work}/calib.npz"],
        "demo_int8_io": ["quantize", model, "--data", f"{work}/calib.npz", "--io", "int8"],
        "demo_naive": ["quantize", model, "--data", f"{work}/calib.npz", "--ranges", "minmax", "--repair", "none"],
    }
    for name, command in commands.items():
        path = f"{work}/{name}.tflite"
        subprocess.run([octet, *command, "-o", path], check=True, capture_output=True)
        yield path


def main():
    octet, work, source = sys.argv[1:4]
    shared = sys.argv[4] if len(sys.argv) > 4 else ""
    os.makedirs(work, exist_ok=True)
    models = list(make_demo_models(octet, source, work))
    extra = sorted(glob.glob(f"{shared}/zoo/perf/mlperf_*.tflite") + glob.glob(f"{shared}/zoo/perf/mobilenet_v2_*.tflite"))
    if not extra:
        print("skipped: the MLPerf and MobileNetV2 files are not here")
    failed = 0
    for path in models + extra:
        try:
            problems = compare(octet, path, work)
        except (subprocess.CalledProcessError, RuntimeError, ValueError) as error:
            problems = [(getattr(error, "stderr", b"") or str(error).encode()).decode().strip()]
        failed += bool(problems)
        print(("FAILED  " if problems else "ok      ") + os.path.basename(path))
        for problem in problems:
            print(f"        {problem}")
    print(f"{len(models) + len(extra) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
