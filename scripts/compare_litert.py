#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet beside LiteRT with its default XNNPACK delegate: same file, one thread, in turns.

Usage: compare_litert.py [--load|--threads] OCTET MODEL.tflite...   (in an environment with ai-edge-litert: make compare)

Prints a Markdown table; ratios are of the minima over all rounds. Above 1, octet is faster.
Without a flag: latency of inferences. --load: processor time from the file's name to an allocated interpreter, and of
the first inference after it; once as the first thing a process does (LiteRT's behind its import), once as
what it does again with another interpreter of the same file. Unlike time by the clock, it shows milliseconds of
work as they are on a machine that others use, too. --threads: how much faster each is with two threads than with one, and octet
node by node: for machines that others use, too.
"""
import json
import math
import os
import subprocess
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter

ROUNDS, RUNS, THREAD_ROUNDS = 4, 30, 12
LOAD_ROUNDS, LOADS = 7, 3  # Processes; interpreters in each.
IN_HERE = "--litert-loads"  # How this script calls itself.


def litert_open(path, threads=1):
    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    return interpreter


def fill_inputs(interpreter):
    rng = np.random.default_rng(0)
    for detail in interpreter.get_input_details():
        shape, dtype = detail["shape"], np.dtype(detail["dtype"])
        data = rng.standard_normal(shape) if dtype.kind == "f" else rng.integers(0, 100, shape)
        interpreter.set_tensor(detail["index"], data.astype(dtype))


def microseconds(work, clock=time.perf_counter_ns):
    start = clock()
    result = work()
    return (clock() - start) / 1e3, result


def litert_min_us(path, threads=1):
    interpreter = litert_open(path, threads)
    fill_inputs(interpreter)
    invoke = interpreter._interpreter.Invoke  # Without the Python wrapper's own microsecond.
    return min(microseconds(invoke)[0] for _ in range(RUNS))


def octet_bench(octet, models, *flags):
    out = subprocess.run([octet, "bench", *models, *flags, "--json"], capture_output=True, text=True, check=True).stdout
    return json.loads(out)


def octet_min_us(octet, path, threads=1):
    result = octet_bench(octet, [path], "--runs", str(RUNS), "--threads", str(threads))
    return result["min_us"], result["isa"]


def octet_loads(octet, path):
    """Per interpreter of a process: [load, first inference] in us."""
    return [[r["load_cpu_us"], r["first_cpu_us"]] for r in octet_bench(octet, [path] * LOADS, "--runs", "1", "--warmup", "0")]


def load_again_and_again(path):
    """What octet_loads says, of LiteRT in this process; as JSON."""
    times, kept = [], []
    for _ in range(LOADS):
        load_us, interpreter = microseconds(lambda: litert_open(path), time.process_time_ns)
        fill_inputs(interpreter)
        times.append([load_us, microseconds(interpreter._interpreter.Invoke, time.process_time_ns)[0]])
        kept.append(interpreter)
    print(json.dumps(times))


def litert_loads(path):
    """In a process of its own, not forked off this one: a fork's first writes copy pages, which takes LiteRT a millisecond."""
    run = subprocess.run([sys.executable, __file__, IN_HERE, path], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"LiteRT does not load {path}: {run.stderr}")
    return json.loads(run.stdout)


def least(runs):
    """Of several processes' times: [[load, first inference] of a process's first interpreter, of later ones]."""
    all_runs = np.array(runs)
    return np.array([all_runs[:, 0].min(axis=0), all_runs[:, 1:].min(axis=(0, 1))])


def name_of(path):
    return os.path.basename(path).removesuffix(".tflite")


def compare_loads(octet, models):
    print("| model | load LiteRT us | octet | ratio | again LiteRT | octet | ratio | first inference LiteRT | octet | ratio | again LiteRT | octet | ratio |")
    print("|--|" + "--:|" * 12)
    ratios, measured = [], []
    for path in models:
        theirs, ours = [], []
        try:
            for _ in range(LOAD_ROUNDS):
                theirs.append(litert_loads(path))
                ours.append(octet_loads(octet, path))
        except RuntimeError as error:
            print(f"{path}: left out: {str(error).splitlines()[-1]}", file=sys.stderr)
            continue
        a, b = least(theirs), least(ours)
        ratios.append(a / b)
        measured.append(path)
        cells = [f"{a[j][i]:.0f} | {b[j][i]:.0f} | {a[j][i] / b[j][i]:.2f}" for i in (0, 1) for j in (0, 1)]
        print(f"| {name_of(path)} | " + " | ".join(cells) + " |", flush=True)
    if not measured:
        sys.exit("LiteRT loads none of these models")
    for i, what in enumerate(["load", "first inference"]):
        for j, when in enumerate(["", ", again"]):
            r = [ratio[j][i] for ratio in ratios]
            print(f"\n{what}{when}: geometric mean {math.exp(np.log(r).mean()):.2f}, lowest {min(r):.2f} ({name_of(measured[int(np.argmin(r))])}), "
                  f"at least 2 on {sum(x >= 2 for x in r)}, at least 1 on {sum(x >= 1 for x in r)} of {len(r)}")
    print(f"\none thread, processor time, minima of {LOAD_ROUNDS} processes in turns, {LOADS} interpreters in each")


def compare_inferences(octet, models):
    print("| model | LiteRT us | octet us | LiteRT / octet |\n|--|--:|--:|--:|")
    isa = ""
    for path in models:
        best = [float("inf"), float("inf")]
        try:
            for _ in range(ROUNDS):
                mine, isa = octet_min_us(octet, path)
                best = [min(best[0], litert_min_us(path)), min(best[1], mine)]
        except (RuntimeError, ValueError, subprocess.CalledProcessError) as error:
            print(f"{path}: left out: {getattr(error, 'stderr', None) or error}", file=sys.stderr)
            continue
        print(f"| {name_of(path)} | {best[0]:.1f} | {best[1]:.1f} | {best[0] / best[1]:.2f} |", flush=True)
    print(f"\none thread, {isa}, minima of {ROUNDS} x {RUNS} runs in turns")


def octet_node_min_us(octet, path, threads):
    """Of all runs, and of each node's: [all, node, node, ...]."""
    result = octet_bench(octet, [path], "--runs", str(RUNS), "--threads", str(threads), "--profile")
    return np.array([result["min_us"]] + [node["min_us"] for node in result["profile"]]), result["isa"]


def compare_threads(octet, models):
    """The last column: one thread's minima of all nodes over two threads'. Where others use the machine, two cores are
    rarely both left alone for a whole inference, but often enough for one node of it."""
    print("| model | octet us | two threads | ratio | LiteRT us | two threads | ratio | octet, node by node |\n|--|" + "--:|" * 7)
    isa = ""
    for path in models:
        litert, octets = [math.inf] * 2, [math.inf] * 2  # With one thread, with two.
        for _ in range(THREAD_ROUNDS):
            for i, threads in enumerate((1, 2)):
                mine, isa = octet_node_min_us(octet, path, threads)
                octets[i] = np.minimum(octets[i], mine)
                litert[i] = min(litert[i], litert_min_us(path, threads))
        (one, *one_nodes), (two, *two_nodes) = octets
        cells = f"{one:.1f} | {two:.1f} | {one / two:.2f} | {litert[0]:.1f} | {litert[1]:.1f} | {litert[0] / litert[1]:.2f}"
        print(f"| {name_of(path)} | {cells} | {sum(one_nodes) / sum(two_nodes):.2f} |", flush=True)
    print(f"\n{isa}, minima of {THREAD_ROUNDS} x {RUNS} runs in turns")


MODES = {"--load": compare_loads, "--threads": compare_threads}


def main():
    if sys.argv[1:2] == [IN_HERE]:
        return load_again_and_again(sys.argv[2])
    modes = [a for a in sys.argv[1:] if a in MODES]
    octet, *models = [a for a in sys.argv[1:] if a not in MODES]
    (MODES[modes[0]] if modes else compare_inferences)(octet, models)


if __name__ == "__main__":
    main()
