#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `octet serve` costs beside a plain loop of inference, and what it does under twice the load it can take.

Usage: scripts/serve_load.py BUILD_FOLDER MODEL... [--seconds S] [--rounds N]

Loop and server take turns; one interpreter of one thread each, the load generator on whatever other core there is. At least
90 % of the loop's throughput is the goal for models above 1 ms. Exit 1 when an accepted request failed.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.request

BYTES = {"BOOL": 1, "UINT8": 1, "INT8": 1, "UINT16": 2, "INT16": 2, "FP16": 2, "BF16": 2, "UINT32": 4, "INT32": 4, "FP32": 4, "UINT64": 8, "INT64": 8,
         "FP64": 8}


def request(port):
    """A request of zeros for the model `m`: the JSON part's length, and the body."""
    meta = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/v2/models/m"))
    inputs, binary = [], b""
    for tensor in meta["inputs"]:
        shape = [d if d > 0 else 1 for d in tensor["shape"]]
        size = BYTES[tensor["datatype"]]
        for d in shape:
            size *= d
        inputs.append({"name": tensor["name"], "shape": shape, "datatype": tensor["datatype"], "parameters": {"binary_data_size": size}})
        binary += bytes(size)
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return len(head), head + binary


def loop_per_second(octet, model, seconds):
    """Inferences a second of a plain loop, and the median of one. Other work on the machine makes the loop's wall time long; then the median's rate counts."""

    def bench(runs):
        start = time.perf_counter()
        out = subprocess.run([octet, "bench", model, "--runs", str(runs), "--json"], check=True, capture_output=True, text=True).stdout
        return time.perf_counter() - start, json.loads(out)["median_us"]

    start, median_us = bench(20)
    runs = max(20, int(seconds * 1e6 / median_us))
    wall, median_us = bench(20 + runs)
    return max(runs / max(wall - start, 1e-9), 1e6 / median_us), median_us


def load(build, port, body, head, connections, seconds, rate):
    done = subprocess.run([build / "tests/octet_serve_load", str(port), "/v2/models/m/infer", body, str(head), str(connections), str(seconds), str(rate)],
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def measure(build, model, seconds, rounds, work):
    octet = build / "octet"
    server = subprocess.Popen([octet, "serve", f"m={model},queue=8", "--port", "0"], stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if found := re.search(r"listening on \w+://[^:]+:(\d+)", line):
                break
        port = int(found.group(1))
        head, data = request(port)
        body = work / "body"
        body.write_bytes(data)
        load(build, port, body, head, 2, 0.3, 0)
        loops, served = [], []
        for _ in range(rounds):
            loops.append(loop_per_second(octet, model, seconds))
            served.append(load(build, port, body, head, 3, seconds, 0))
        loop, median_us = max(loops)
        best = max(served, key=lambda s: s["per_second"])
        over = load(build, port, body, head, 64, seconds, 2 * best["per_second"])
    finally:
        server.terminate()
        server.wait()
    print(f"{model.name}: loop {loop:.1f}/s ({median_us / 1000:.2f} ms), served {best['per_second']:.1f}/s = {100 * best['per_second'] / loop:.1f} %,"
          f" p50 {best['p50_us'] / 1000:.2f} ms, p99 {best['p99_us'] / 1000:.2f} ms with 3 clients; "
          f"at twice the load: {over['per_second']:.1f}/s answered, {over['refused']} refused"
          f" (p99 {over['refused_p99_us'] / 1000:.2f} ms), p99 {over['p99_us'] / 1000:.2f} ms, {over['failed']} failed")
    return over["failed"] + sum(s["failed"] for s in served)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("models", type=pathlib.Path, nargs="+")
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    a = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        failed = sum(measure(a.build, m, a.seconds, a.rounds, pathlib.Path(work)) for m in a.models)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
