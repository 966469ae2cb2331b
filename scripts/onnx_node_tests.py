#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs octet on the ONNX standard's own node tests, which the `onnx` wheel generates.

Usage: scripts/onnx_node_tests.py OCTET [--only TEXT] [--list pass|refused|inexpressible|fail] [--goal PERCENT]

Needs a Python with onnx and numpy. A case passes when octet converts it and its outputs agree within the case's own
tolerance; it is inexpressible when a .tflite has no type or operator for it (the table below says why); refused when octet
says that it cannot (exit code 3); anything else is a failure. The goal is the share of passes among all that are expressible.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx.backend.test.case.node import collect_testcases

# What a .tflite cannot express, by the case's name, with the reason.
INEXPRESSIBLE = [
    (r"adagrad|adam|momentum|nesterov|gradient", "optimizers' steps: no inference"),
    (r"training_dropout(_default)?(_mask)?$", "ONNX names no generator: results cannot agree"),
    (r"string|regex|strnorm|tfidf|equal_string", "operators on text"),
    (r"_float8|float8_|FLOAT8|e4m3|e5m2|float4|FLOAT4|e2m1|e8m0|_f8|_fp8", "8- and 4-bit floats"),
    (r"int2|INT2|uint2|_to_U?INT4", "2- and 4-bit numbers as values"),
    (r"optional", "optional values"),
    (r"bernoulli|random|multinomial", "ONNX names no generator: results cannot agree"),
    (r"image_decoder", "decoding of image files: no operator"),
]
# Operands that a .tflite has as constants, attributes or parts of types: axes, shapes, paddings, scales, sizes. The cases
# pass them as inputs of the graph; here they become initializers with the case's own values, as in exported models.
PARAMETERS = {
    "Unsqueeze": [1], "Squeeze": [1], "Reshape": [1], "Expand": [1], "Slice": [1, 2, 3, 4], "Pad": [1, 2, 3], "Tile": [1], "Resize": [1, 2, 3], "Upsample": [1],
    "Split": [1], "TopK": [1], "OneHot": [1, 2], "Clip": [1, 2], "CumSum": [1], "CumProd": [1], "ConstantOfShape": [0], "Range": [0, 1, 2], "Trilu": [1],
    "STFT": [1, 2, 3], "DFT": [1, 2],
    "QuantizeLinear": [1, 2], "DequantizeLinear": [1, 2], "QLinearConv": [1, 2, 3, 4, 5, 6, 7, 8], "QLinearMatMul": [1, 2, 4, 5, 6, 7],
    "NonMaxSuppression": [2, 3, 4],
    "HannWindow": [0], "HammingWindow": [0], "BlackmanWindow": [0], "MelWeightMatrix": [0, 1, 2, 3, 4], "Dropout": [1, 2], "CenterCropPad": [1],
    "SplitToSequence": [1],
    "AffineGrid": [1], "Col2Im": [1, 2], "Compress": [], "Loop": [0, 1], "BatchNormalization": [1, 2, 3, 4]}
# Of the cases that write a function out, by the name of the case: the inputs that were the operator's.
NAMED = {"center_crop_pad": ["shape"], "affine_grid": ["size"]}
for name in ("Mean", "Sum", "Max", "Min", "Prod", "L1", "L2", "SumSquare", "LogSum", "LogSumExp"):
    PARAMETERS["Reduce" + name] = [1]


def with_parameters(case):
    """The model with parameters as initializers, and the positions of the inputs that remain."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph, fixed = model.graph, set()
    for node in graph.node:
        for i in PARAMETERS.get(node.op_type, []):
            if i < len(node.input) and node.input[i]:
                fixed.add(node.input[i])
    for pattern, names in NAMED.items():
        if pattern in case.name:
            fixed.update(names)
    keep = []
    for k, value in enumerate(list(graph.input)):
        if value.name in fixed:
            graph.initializer.append(onnx.numpy_helper.from_array(as_array(case.data_sets[0][0][k]), value.name))
            graph.input.remove(value)
        else:
            keep.append(k)
    return model, keep


# Types of the graph's inputs and outputs.
NO_TYPE = {onnx.TensorProto.COMPLEX64: "complex numbers", onnx.TensorProto.COMPLEX128: "complex numbers", onnx.TensorProto.STRING: "operators on text",
           onnx.TensorProto.UINT64: "64-bit unsigned arithmetic"}


def inexpressible(case):
    for pattern, reason in INEXPRESSIBLE:
        if re.search(pattern, case.name):
            return reason
    if any(o.domain in ("", "ai.onnx") and o.version < 7 for o in case.model.opset_import):
        return "opset below 7"
    graph = case.model.graph
    if any(not value.type.HasField("tensor_type") for value in graph.input) or any(value.type.HasField("optional_type") for value in graph.output):
        return "sequences and optionals as inputs, optionals as outputs"
    for value in list(graph.input) + list(graph.output):
        if value.type.tensor_type.elem_type in NO_TYPE:
            return NO_TYPE[value.type.tensor_type.elem_type]
    return None


def tensors(values):
    """Sequences as the tensors that they are of, as octet's outputs are."""
    return [t for v in values for t in (v if isinstance(v, list) else [v])]


def as_array(value):
    return onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else np.asarray(value)


def stored(value):
    """The array in the type that the .tflite's input has."""
    array = as_array(value)
    name = array.dtype.name
    if name == "bfloat16":
        return array.astype(np.float32)
    if name in ("int4", "uint4"):
        return array.astype(np.int8 if name == "int4" else np.uint8)
    return array


def agree(want, got, case):
    want = as_array(want)
    if want.shape != got.shape:
        return f"shape {got.shape}, not {want.shape}"
    a, b = want.astype(np.float64), got.astype(np.float64)
    atol, rtol = max(case.atol, 1e-5), max(case.rtol, 1e-3)
    if want.dtype.name in ("bfloat16", "float16"):
        atol, rtol = 1e-2, 1e-2
    if "dequantizelinear" not in case.name and "linear" in case.name and want.dtype.kind in "iu":
        atol = 1  # Ties are rounded away from zero, ONNX rounds them to even.
    return None if np.allclose(a, b, atol=atol, rtol=rtol, equal_nan=True) else f"differs by {np.nanmax(np.abs(a - b)):.3g}" if a.size else None


def run_case(octet, case):
    reason = inexpressible(case)
    if reason:
        return "inexpressible", reason
    with tempfile.TemporaryDirectory() as t:
        model, keep = with_parameters(case)
        onnx.save(model, f"{t}/m.onnx")
        r = subprocess.run([octet, "convert", f"{t}/m.onnx", "-o", f"{t}/m.tflite"], capture_output=True, text=True, timeout=120)
        if r.returncode == 3:
            return "refused", r.stderr.strip().split("\n")[0][:200]
        if r.returncode:
            return "fail", f"convert {r.returncode}: {r.stderr.strip()[-160:]}"
        for inputs, outputs in case.data_sets:
            np.savez(f"{t}/in.npz", **{str(i): stored(inputs[k]) for i, k in enumerate(keep)})
            r = subprocess.run([octet, "run", f"{t}/m.tflite", "--in", f"{t}/in.npz", "--out", f"{t}/out.npz"], capture_output=True, text=True, timeout=120)
            if r.returncode:
                return "fail", f"run {r.returncode}: {r.stderr.strip()[-160:]}"
            got = np.load(f"{t}/out.npz", allow_pickle=False)
            for i, want in enumerate(tensors(outputs)):
                if str(i) not in got.files:
                    return "fail", f"no output {i}"
                trouble = agree(want, got[str(i)], case)
                if trouble:
                    return "fail", f"output {i}: {trouble}"
    return "pass", ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("octet")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", nargs="*", default=["refused", "fail"])
    parser.add_argument("--goal", type=float, default=95.0)
    args = parser.parse_args()
    cases = [c for c in collect_testcases(None) if args.only in c.name]
    counts, reasons = collections.Counter(), collections.defaultdict(collections.Counter)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for case, (verdict, text) in zip(cases, pool.map(lambda c: run_case(args.octet, c), cases)):
            counts[verdict] += 1
            reasons[verdict][text] += 1
            if verdict in args.list:
                print(f"{verdict} {case.name}: {text}")
    for reason, n in reasons["inexpressible"].most_common():
        print(f"{n:5d} inexpressible: {reason}")
    expressible = len(cases) - counts["inexpressible"]
    share = 100.0 * counts["pass"] / max(1, expressible)
    print(f"{counts['pass']} of {expressible} expressible cases pass ({share:.1f} %), {counts['refused']} refused, {counts['fail']} fail;"
          f" {counts['inexpressible']} of {len(cases)} inexpressible")
    return 0 if share >= args.goal else 1


if __name__ == "__main__":
    sys.exit(main())
