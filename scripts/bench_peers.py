#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet beside other runtimes: latency, load, first inference, peak memory. Same file, same cores, in turns. ONNX Runtime, which
reads no .tflite, takes part where the model lies beside its .tflite under the same name as .onnx (octet convert makes the one from the other).
MNN takes part in models of float inputs, converted by its own converter: its Python package makes no tensors of 8-bit integers.

Usage: bench_peers.py OCTET MODEL.tflite... [--threads N] [--rounds N] [--budget-ms MS] [--peers litert,openvino,onnxruntime,mnn] [--json FILE]
(in an environment with ai-edge-litert, openvino, onnxruntime and MNN: make bench)

Every round starts one fresh process per runtime and model, one at a time, in an order that turns around: it loads the model, runs once,
then for --budget-ms. Shown are minima over the rounds; ratios are peer / octet: above 1, octet is faster or smaller.
  load    open, parse, prepare, allocate; the file is in the page cache
  first   the first inference
  peak    the most resident memory up to the first inference's end, less what was resident before loading
"""
import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time

MEASURES = ("min_us", "load_us", "first_us", "peak_kb")


def memory_kb(name):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name + ":"))


def inputs_of(shape, dtype, np):
    rng = np.random.default_rng(0)
    shape = [int(n) if int(n) > 0 else 1 for n in shape]
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    low, high = {"int8": (-128, 128), "uint8": (0, 256)}.get(dtype.name, (0, 2))
    return rng.integers(low, high, shape).astype(dtype)


def litert(path, threads, np):
    from ai_edge_litert.interpreter import Interpreter

    def load():
        interpreter = Interpreter(model_path=path, num_threads=threads)
        interpreter.allocate_tensors()
        return interpreter

    def ready(interpreter):
        for d in interpreter.get_input_details():
            interpreter.set_tensor(d["index"], inputs_of(d["shape"], d["dtype"], np))
        return interpreter._interpreter.Invoke  # Without the Python wrapper's own microsecond.

    return load, ready


def openvino(path, threads, np):
    import openvino as ov

    core = ov.Core()

    def load():  # In float32, as the model says: it would take bfloat16 where the core has it.
        model = core.read_model(path)
        if any(i.partial_shape.is_dynamic for i in model.inputs):
            model.reshape({i: [d.get_length() if d.is_static else 1 for d in i.partial_shape] for i in model.inputs})
        return core.compile_model(model, "CPU",
                                  {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"})

    def ready(compiled):
        request = compiled.create_infer_request()
        for k, i in enumerate(compiled.inputs):
            request.set_input_tensor(k, ov.Tensor(inputs_of(list(i.shape), i.element_type.to_dtype(), np)))
        return lambda: (request.start_async(), request.wait())

    return load, ready


def onnxruntime(path, threads, np):
    import onnxruntime as ort

    def load():
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def ready(session):
        names = {"tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16"}
        feed = {i.name: inputs_of([n if isinstance(n, int) else 1 for n in i.shape], names.get(i.type, i.type[7:-1]), np) for i in session.get_inputs()}
        return lambda: session.run(None, feed)

    return load, ready


def mnn(path, threads, np):
    import MNN

    def load():
        interpreter = MNN.Interpreter(path)
        return interpreter, interpreter.createSession({"backend": "CPU", "numThread": threads, "precision": "high"})

    def ready(loaded):
        interpreter, session = loaded
        for tensor in interpreter.getSessionInputAll(session).values():
            if tensor.getDataType() != MNN.Halide_Type_Float:
                raise ValueError("an input is not float32")
            values = inputs_of(tensor.getShape(), "float32", np)
            tensor.copyFrom(MNN.Tensor(tensor.getShape(), MNN.Halide_Type_Float, values, tensor.getDimensionType()))
        return lambda: interpreter.runSession(session)

    return load, ready


PEERS = {"litert": litert, "openvino": openvino, "onnxruntime": onnxruntime, "mnn": mnn}


def mnn_file(path, folder):
    """The model as MNN's converter makes it, in `folder`; there is none where the converter fails."""
    to = os.path.join(folder, os.path.basename(path).removesuffix(".tflite") + ".mnn")
    # The `mnnconvert` command reports what it converts to its makers; the module behind it does not.
    convert = ("import sys, _tools; _tools.mnnconvert(['mnnconvert', '-f', 'TFLITE', '--modelFile', sys.argv[1], '--MNNModel', sys.argv[2],"
               " '--bizCode', 'octet'])")
    if not os.path.exists(to):
        subprocess.run([sys.executable, "-c", convert, path, to], capture_output=True, check=False)
    return to


def file_of(peer, path, folder):
    if peer == "onnxruntime":
        return path.removesuffix(".tflite") + ".onnx"
    return mnn_file(path, folder) if peer == "mnn" else path


def worker(peer, path, threads, budget_ms):
    """One line of JSON: what one fresh process measured."""
    import numpy as np

    sys.stdout = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # Libraries may print.
    load, ready = PEERS[peer](path, threads, np)
    now = time.perf_counter_ns
    with open(path, "rb") as model:
        model.read()
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")  # The peak begins here.
    before = memory_kb("VmRSS")
    start = now()
    loaded = load()
    load_us = (now() - start) / 1e3
    run = ready(loaded)
    start = now()
    run()
    first_us = (now() - start) / 1e3
    peak_kb = memory_kb("VmHWM") - before
    best, end = math.inf, now() + budget_ms * 1e6
    while now() < end:
        start = now()
        run()
        best = min(best, now() - start)
    print(json.dumps(dict(zip(MEASURES, (best / 1e3, load_us, first_us, peak_kb)))), flush=True)


def run_octet(octet, path, threads, budget_ms):
    command = [octet, "bench", path, "--threads", str(threads), "--runs", "1", "--min-time", f"{budget_ms / 1e3}s", "--json"]
    result = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    peak_kb = (result["first_peak_rss_bytes"] - result["memory"][0]["rss_bytes"]) / 1024
    return dict(zip(MEASURES, (result["min_us"], result["load_us"], result["first_us"], peak_kb)))


def run_peer(peer, path, threads, budget_ms):
    command = [sys.executable, __file__, "--worker", peer, path, str(threads), str(budget_ms)]
    out = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if out.returncode:
        raise RuntimeError((out.stderr.strip().splitlines() or [f"exit {out.returncode}"])[-1][:200])
    return json.loads(out.stdout.strip().splitlines()[-1])


def measure(options, path, folder):
    """Per runtime its minima over all rounds, or why it has none. `folder` takes converted models."""
    best, failed = {}, {}
    files = {peer: file_of(peer, path, folder) for peer in options.peers}
    names = ["octet"] + [peer for peer, file in files.items() if os.path.exists(file)]
    for r in range(options.rounds):
        for name in names if r % 2 == 0 else names[::-1]:
            if name in failed:
                continue
            try:
                how = options.threads, options.budget_ms
                one = run_octet(options.octet, path, *how) if name == "octet" else run_peer(name, files[name], *how)
            except (RuntimeError, subprocess.SubprocessError, ValueError, KeyError) as e:
                failed[name] = f"{type(e).__name__}: {e}"
                continue
            best[name] = {k: min(one[k], best.get(name, one)[k]) for k in MEASURES}
    return {n: b for n, b in best.items() if n not in failed}, failed


def ratios_of(results, peer):
    return {k: [max(r[peer][k], 1) / max(r["octet"][k], 1) if k == "peak_kb" else r[peer][k] / r["octet"][k] for _, r in results if peer in r and "octet" in r]
            for k in MEASURES}


def row_of(name, best, failed, peers):
    cells = [name] + ([f"{best['octet']['min_us']:.1f}"] if "octet" in best else ["-"])
    for peer in peers:
        if peer not in best or "octet" not in best:
            cells += ["-"] * 4
            continue
        cells += [f"{values[0]:.2f}" for values in ratios_of([(name, best)], peer).values()]
    print("| " + " | ".join(cells) + " |", flush=True)
    for runtime, why in failed.items():
        print(f"  {runtime} does not run {name}: {why}", file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("octet")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--budget-ms", type=float, default=150)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--json", default="")
    options = parser.parse_args()
    options.peers = options.peers.split(",")
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
    print("| model | octet us | " + " | ".join(f"{p} / octet: time | load | first | peak memory" for p in options.peers) + " |")
    print("|--|" + "--:|" * (1 + 4 * len(options.peers)))
    results, failures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for path in options.models:
            name = os.path.basename(path).removesuffix(".tflite")
            best, failed = measure(options, path, folder)
            results.append((name, best))
            failures[name] = failed
            row_of(name, best, failed, options.peers)
    for peer in options.peers:
        for measure_name, values in ratios_of(results, peer).items():
            if values:
                mean = math.exp(sum(map(math.log, values)) / len(values))
                print(f"{peer} / octet, {measure_name}: geometric mean {mean:.2f}, lowest {min(values):.2f}, {len(values)} models")
    with open("/proc/cpuinfo") as info:
        core = next((line.split(":")[1].strip() for line in info if line.startswith("model name")), "unknown core")
    isa = os.environ.get("OCTET_ISA")
    print(f"{core}{f' as {isa}' if isa else ''}, {options.threads} thread(s), minima of {options.rounds} rounds, {time.strftime('%Y-%m-%d')}")
    if options.json:
        with open(options.json, "w") as out:
            json.dump({"core": core, "threads": options.threads, "results": dict(results), "failed": failures}, out, indent=1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], sys.argv[3], int(sys.argv[4]), float(sys.argv[5]))
    else:
        main()
