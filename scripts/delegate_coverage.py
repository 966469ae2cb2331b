#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs models on a delegate and on the CPU and prints what the delegate took, how it agrees, and why not all.

Usage: scripts/delegate_coverage.py OCTET [--delegate 'gpu;precision=float16'] [--tolerance 1e-3] [--reasons] [--json FILE] MODEL...

Inputs are random, the same for both. Integers must be equal unless --tolerance-int allows a difference; floats may differ
by the tolerance times the largest magnitude of the output, or by twice what the CPU's fast and reference kernels differ
by: hybrid models turn last bits of floats into steps of integers. Exit status 1 where a model disagrees; models whose
inputs cannot be made up (strings, shapes) are listed and not counted.
Needs nothing but Python: arrays are written and read as .npy members of .npz files.
"""
import argparse
import ast
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zipfile

FORMATS = {"float32": ("<f4", "f"), "float16": ("<f2", "e"), "int8": ("|i1", "b"), "uint8": ("|u1", "B"), "int16": ("<i2", "h"), "int32": ("<i4", "i"),
           "int64": ("<i8", "q"),
           "bool": ("|b1", "?"), "float64": ("<f8", "d"), "uint32": ("<u4", "I")}


class Skipped(Exception):
    """The model cannot be compared."""


def random_values(kind: str, count: int, rng: random.Random) -> list:
    if kind.startswith("float"):
        return [rng.uniform(-1, 1) for _ in range(count)]
    if kind == "bool":
        return [rng.random() < 0.5 for _ in range(count)]
    low, high = {"int8": (-128, 127), "uint8": (0, 255)}.get(kind, (0, 8))  # Larger integers are mostly indices.
    return [rng.randint(low, high) for _ in range(count)]


def npy(kind: str, shape: list, values: list) -> bytes:
    descr, code = FORMATS[kind]
    text = repr({"descr": descr, "fortran_order": False, "shape": tuple(shape)})
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + struct.pack(f"<{len(values)}{code}", *values)


def read_npz(path: pathlib.Path) -> dict:
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            length = struct.unpack("<H", data[8:10])[0]
            header = ast.literal_eval(data[10:10 + length].decode())
            code = next((c for d, c in FORMATS.values() if d.lstrip("|<") == header["descr"].lstrip("|<")), None)
            count = 1
            for d in header["shape"]:
                count *= d
            arrays[name.removesuffix(".npy")] = (header["descr"], struct.unpack(f"<{count}{code}", data[10 + length:]) if code else data[10 + length:])
    return arrays


def inputs_of(octet: str, model: str) -> list:
    """[(name, type, shape)] of the model's inputs."""
    run = subprocess.run([octet, "inspect", model, "--json"], capture_output=True, text=True)
    if run.returncode:
        raise Skipped(run.stderr.strip().splitlines()[-1])
    graph = json.loads(run.stdout)["subgraphs"][0]
    kinds = []
    for t in graph["inputs"]:
        tensor = graph["tensors"][t]
        signature = tensor.get("shape_signature") or tensor.get("shape", [])
        shape = [max(d, 1) for d in (tensor.get("shape") or signature)]
        kinds.append((tensor.get("name", ""), tensor.get("type", "FLOAT32").lower(), shape))
    return kinds


def difference(a: tuple, b: tuple) -> float:
    """Largest difference, over the largest magnitude for floats; 0 for equal ones."""
    if a[1] == b[1]:
        return 0.0
    if len(a[1]) != len(b[1]):
        return float("inf")
    floats = "f" in a[0]
    largest = max((abs(x) for x in a[1] if x == x and abs(x) != float("inf")), default=0.0)
    worst = 0.0
    for x, y in zip(a[1], b[1]):
        if x == y or (x != x and y != y):
            continue
        worst = max(worst, abs(x - y)) if abs(x - y) == abs(x - y) else float("inf")
    return worst / max(largest, 1e-6) if floats else worst


def check(args, model: str, folder: pathlib.Path) -> dict:
    row = {"model": pathlib.Path(model).name, "nodes": 0, "total_nodes": 0, "mac_share": 0.0, "partitions": 0, "copies": 0, "difference": None, "reasons": [],
           "failures": []}
    rng = random.Random(1)
    with zipfile.ZipFile(folder / "in.npz", "w") as archive:
        for position, (_, kind, shape) in enumerate(inputs_of(args.octet, model)):
            count = 1
            for d in shape:
                count *= d
            if kind not in FORMATS:
                raise Skipped(f"an input of {kind}")
            archive.writestr(f"{position}.npy", npy(kind, shape, random_values(kind, count, rng)))
    def answer(*extra):
        run = subprocess.run([args.octet, "run", model, "--in", str(folder / "in.npz"), "--out", str(folder / "out.npz"), *extra], capture_output=True,
                             text=True)
        if run.returncode:
            raise (RuntimeError if extra else Skipped)((run.stderr.strip().splitlines() or [f"exit status {run.returncode}"])[-1])
        return read_npz(folder / "out.npz"), run.stdout

    cpu, _ = answer()
    there, text = answer("--delegate", args.delegate, "--json", "--pay-off", "off")
    for d in json.loads(text)["delegates"]:
        if d["name"] != "cpu":
            row.update({k: d[k] for k in ("nodes", "total_nodes", "mac_share", "partitions", "copies")})
            row["reasons"] = [f"{r['op']}: {r['reason']}" for r in d["reasons"]]
            row["failures"] = d["failures"]
    worst = {name: difference(a, there[name]) for name, a in cpu.items()}
    allowed = {name: args.tolerance if "f" in a[0] else args.tolerance_int for name, a in cpu.items()}
    if any(worst[n] > allowed[n] and "f" in cpu[n][0] for n in worst):
        reference, _ = answer("--kernels", "reference")
        allowed = {n: max(allowed[n], 2 * difference(cpu[n], reference[n])) if "f" in cpu[n][0] else allowed[n] for n in allowed}
    row["difference"] = max(worst.values(), default=0.0)
    row["agrees"] = all(worst[n] <= allowed[n] for n in worst) and not row["failures"]
    return row


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("octet")
    parser.add_argument("models", nargs="+")
    parser.add_argument("--delegate", default="gpu")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    parser.add_argument("--tolerance-int", type=float, default=0)
    parser.add_argument("--reasons", action="store_true", help="Print why nodes stay")
    parser.add_argument("--json", help="Also write the table there")
    args = parser.parse_args()
    rows = []
    print("| model | nodes | multiply-adds | parts | copies | largest difference | |\n|--|--|--|--|--|--|--|")
    with tempfile.TemporaryDirectory() as folder:
        for model in args.models:
            try:
                row = check(args, model, pathlib.Path(folder))
            except Skipped as error:
                print(f"| {pathlib.Path(model).name} | | | | | | not compared: {error} |", flush=True)
                continue
            except RuntimeError as error:
                row = {"model": pathlib.Path(model).name, "agrees": False, "error": str(error)}
                print(f"| {row['model']} | | | | | | {error} |", flush=True)
                rows.append(row)
                continue
            rows.append(row)
            print(f"| {row['model']} | {row['nodes']} of {row['total_nodes']} | {100 * row['mac_share']:.0f} %"
                  f" | {row['partitions']} | {row['copies']} | {row['difference']:.2g} | "
                  f"{'' if row['agrees'] else 'DISAGREES'}{' '.join(row['failures'])} |", flush=True)
            if args.reasons:
                for reason in sorted(set(row["reasons"])):
                    print(f"    {row['reasons'].count(reason)} x {reason}")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(rows, indent=1))
    good = sum(r["agrees"] for r in rows)
    print(f"{good} of {len(rows)} models agree with the CPU", file=sys.stderr)
    return 0 if good == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main())
