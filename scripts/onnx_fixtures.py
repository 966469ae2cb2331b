#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/importers/data/onnx: small ONNX models, each with inputs and the outputs that ONNX's own reference
evaluator gives. Needs onnx, onnxruntime and numpy; the same files come out every time: every fixture draws
the same numbers, whichever were made before it. FILTER picks fixtures by a part of their name.

Usage: scripts/onnx_fixtures.py [FILTER]
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/importers/data/onnx"
RNG = None  # Of the fixture that is being made.
F, I = TensorProto.FLOAT, TensorProto.INT64


def floats(*shape, scale=0.5):
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def model(nodes, inputs, outputs, weights, opset=17, functions=(), domains=(), ir=8):
    graph = helper.make_graph(nodes, "fixture", [helper.make_tensor_value_info(n, t, s) for n, t, s in inputs],
                              [helper.make_tensor_value_info(n, t, s) for n, t, s in outputs], [numpy_helper.from_array(v, k) for k, v in weights.items()])
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, functions=list(functions), producer_name="fixture")


def save(name, m, inputs, expected=None):
    if not any(i.domain == "com.microsoft" for i in m.opset_import):
        onnx.checker.check_model(m)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.onnx").write_bytes(m.SerializeToString(deterministic=True))
    if expected is None:
        expected = ReferenceEvaluator(m).run(None, {i.name: v for i, v in zip(m.graph.input, inputs)})
    arrays = {f"in{i}": v for i, v in enumerate(inputs)} | {f"out{i}": np.asarray(v, order="C") for i, v in enumerate(expected)}
    np.savez(OUT / f"{name}.npz", **arrays)


N = helper.make_node


def cnn():
    """Padding before a strided convolution, batch norm, a residual, pools: one transpose remains, that of the input."""
    w = {"w1": floats(6, 3, 3, 3), "b1": floats(6), "s": floats(6) + 1, "o": floats(6), "m": floats(6), "v": np.abs(floats(6)) + 0.5,
         "w2": floats(6, 1, 3, 3), "w3": floats(6, 6, 1, 1), "fc": floats(6 * 2 * 2, 5), "fb": floats(5)}
    nodes = [N("Conv", ["x", "w1", "b1"], ["c"], pads=[1, 1, 1, 1], strides=[2, 2], name="stem"),
             N("BatchNormalization", ["c", "s", "o", "m", "v"], ["n"], name="norm"), N("Relu", ["n"], ["r"]),
             N("Conv", ["r", "w2"], ["d"], pads=[1, 1, 1, 1], group=6), N("Conv", ["d", "w3"], ["p"]), N("Add", ["p", "r"], ["sum"]),
             N("MaxPool", ["sum"], ["mp"], kernel_shape=[2, 2], strides=[2, 2]), N("Flatten", ["mp"], ["flat"]), N("Gemm", ["flat", "fc", "fb"], ["y"])]
    m = model(nodes, [("x", F, ["N", 3, 8, 8])], [("y", F, ["N", 5])], w)
    save("cnn", m, [floats(2, 3, 8, 8)])


def unet():
    """Concatenation, a transposed convolution, resizing: transposes at the input and the output only."""
    w = {"w1": floats(4, 2, 3, 3), "w2": floats(4, 4, 3, 3), "up": floats(4, 4, 2, 2), "w3": floats(2, 8, 1, 1), "scales": np.array([1, 1, 2, 2], np.float32)}
    nodes = [N("Conv", ["x", "w1"], ["a"], auto_pad="SAME_UPPER"), N("LeakyRelu", ["a"], ["a2"], alpha=0.1),
             N("AveragePool", ["a2"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
             N("Conv", ["p", "w2"], ["b"], pads=[1, 1, 1, 1]), N("ConvTranspose", ["b", "up"], ["u"], strides=[2, 2]),
             N("Concat", ["a2", "u"], ["cat"], axis=1),
             N("Conv", ["cat", "w3"], ["z"]),
             N("Resize", ["z", "", "scales"], ["y"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")]
    save("unet", model(nodes, [("x", F, [1, 2, 8, 8])], [("y", F, [1, 2, 16, 16])], w), [floats(1, 2, 8, 8)])


def shapes():
    """Shapes computed by operators, as exporters write them; the batch is free."""
    w = {"zero": np.array(0, np.int64), "axes": np.array([0], np.int64), "minus": np.array([6], np.int64), "two": np.array([2], np.int64), "w": floats(6, 4)}
    nodes = [N("Shape", ["x"], ["s"]), N("Gather", ["s", "zero"], ["n"], axis=0), N("Unsqueeze", ["n", "axes"], ["nv"]),
             N("Concat", ["nv", "two", "minus"], ["to"], axis=0), N("MatMul", ["x", "w"], ["mm"]), N("Reshape", ["mm", "to"], ["y"])]
    save("shapes", model(nodes, [("x", F, ["N", 3, 6])], [("y", F, ["N", 2, 6])], w), [floats(2, 3, 6)])


def transformer():
    """Attention, gelu and layer norm written out."""
    d = 8
    w = {k: floats(d, d) for k in ("wq", "wk", "wv", "wo", "w1", "w2")}
    w |= {"heads": np.array([1, 5, 2, 4], np.int64), "back": np.array([1, 5, d], np.int64), "scale": np.array(0.5, np.float32), "g": floats(d) + 1,
          "b": floats(d),
          "root": np.array(2**0.5, np.float32), "one": np.array(1, np.float32), "half": np.array(0.5, np.float32)}
    nodes = []
    for k, perm in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
        nodes += [N("MatMul", ["x", "w" + k], [k + "m"]), N("Reshape", [k + "m", "heads"], [k + "r"]), N("Transpose", [k + "r"], [k], perm=perm)]
    nodes += [N("MatMul", ["q", "k"], ["qk"]), N("Mul", ["qk", "scale"], ["qs"]), N("Softmax", ["qs"], ["p"], axis=-1), N("MatMul", ["p", "v"], ["a"]),
              N("Transpose", ["a"], ["at"], perm=[0, 2, 1, 3]), N("Reshape", ["at", "back"], ["ar"]), N("MatMul", ["ar", "wo"], ["ao"]),
              N("Add", ["ao", "x"], ["r"]),
              N("LayerNormalization", ["r", "g", "b"], ["ln"], axis=-1), N("MatMul", ["ln", "w1"], ["h"]),
              N("Div", ["h", "root"], ["hd"]), N("Erf", ["hd"], ["e"]), N("Add", ["e", "one"], ["e1"]), N("Mul", ["h", "e1"], ["he"]),
              N("Mul", ["he", "half"], ["ge"]),
              N("MatMul", ["ge", "w2"], ["y"])]
    save("transformer", model(nodes, [("x", F, [1, 5, d])], [("y", F, [1, 5, d])], w), [floats(1, 5, d)])


def recurrent():
    """Two directions, lengths, initial states, peepholes, a clipped cell."""
    h, i, t, b = 3, 2, 4, 2
    w = {"w": floats(2, 4 * h, i), "r": floats(2, 4 * h, h), "b": floats(2, 8 * h), "gw": floats(1, 3 * h, i), "gr": floats(1, 3 * h, h),
         "gb": floats(1, 6 * h)}
    nodes = [N("LSTM", ["x", "w", "r", "b"], ["y", "yh", "yc"], hidden_size=h, direction="bidirectional"),
             N("GRU", ["x", "gw", "gr", "gb"], ["g", "gh"], hidden_size=h, linear_before_reset=1)]
    outputs = [("y", F, [t, 2, b, h]), ("yh", F, [2, b, h]), ("yc", F, [2, b, h]), ("g", F, [t, 1, b, h]), ("gh", F, [1, b, h])]
    m = model(nodes, [("x", F, [t, b, i])], outputs, w)
    x = floats(t, b, i, scale=1)
    save("recurrent", m, [x], lstm(x, w, h) + gru(x, w, h))


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def lstm(x, w, h):
    ys, hs, cs = [], [], []
    for d in range(2):
        hh = np.zeros((x.shape[1], h), np.float32)
        cc, out = hh.copy(), [None] * len(x)
        for t in range(len(x)) if d == 0 else reversed(range(len(x))):
            s = x[t] @ w["w"][d].T + hh @ w["r"][d].T + w["b"][d][: 4 * h] + w["b"][d][4 * h :]
            i, o, f, g = np.split(s, 4, axis=1)
            cc = sigmoid(f) * cc + sigmoid(i) * np.tanh(g)
            hh = sigmoid(o) * np.tanh(cc)
            out[t] = hh
        ys.append(np.stack(out)), hs.append(hh), cs.append(cc)
    return [np.stack(ys, 1).astype(np.float32), np.stack(hs).astype(np.float32), np.stack(cs).astype(np.float32)]


def gru(x, w, h):
    hh, out = np.zeros((x.shape[1], h), np.float32), []
    wz, wr, wn = np.split(w["gw"][0], 3)
    rz, rr, rn = np.split(w["gr"][0], 3)
    bz, br, bn, dz, dr, dn = np.split(w["gb"][0], 6)
    for xt in x:
        z, r = sigmoid(xt @ wz.T + hh @ rz.T + bz + dz), sigmoid(xt @ wr.T + hh @ rr.T + br + dr)
        n = np.tanh(xt @ wn.T + bn + r * (hh @ rn.T + dn))
        hh = (1 - z) * n + z * hh
        out.append(hh)
    return [np.stack(out)[:, None].astype(np.float32), hh[None].astype(np.float32)]


def quantized():
    """QuantizeLinear and DequantizeLinear around a convolution and an addition: integers, bit for bit."""
    q = RNG.integers(-127, 128, (4, 2, 3, 3)).astype(np.int8)
    ws = (np.abs(floats(4)) * 0.01 + 0.004).astype(np.float32)
    w = {"q": q, "ws": ws, "wz": np.zeros(4, np.int8), "xs": np.array(0.02, np.float32), "xz": np.array(120, np.uint8), "ys": np.array(0.05, np.float32),
         "yz": np.array(110, np.uint8),
         "bq": RNG.integers(-500, 500, 4).astype(np.int32), "bs": ws * np.float32(0.02), "bz": np.zeros(4, np.int32)}
    nodes = [N("QuantizeLinear", ["x", "xs", "xz"], ["xq"]), N("DequantizeLinear", ["xq", "xs", "xz"], ["xd"]),
             N("DequantizeLinear", ["q", "ws", "wz"], ["wd"], axis=0),
             N("DequantizeLinear", ["bq", "bs", "bz"], ["bd"], axis=0), N("Conv", ["xd", "wd", "bd"], ["c"], pads=[1, 1, 1, 1]), N("Relu", ["c"], ["r"]),
             N("QuantizeLinear", ["r", "ys", "yz"], ["rq"]), N("DequantizeLinear", ["rq", "ys", "yz"], ["y"])]
    m = model(nodes, [("x", F, [1, 2, 6, 6])], [("y", F, [1, 4, 6, 6])], w, opset=19)
    save("quantized", m, [floats(1, 2, 6, 6, scale=1)])


def grids():
    """Bytes onto a grid more than twice as coarse; logistic, tanh and softmax with other grids than their own; unsigned inputs.
    Scales that keep sums and products away from halves, so that one step of the scale is one answer."""
    w = {"xs": np.float32(0.031), "xz": np.uint8(117), "bs": np.float32(0.013), "bz": np.uint8(131), "cs": np.float32(0.0873), "cz": np.uint8(120),
         "ss": np.float32(0.00373), "sz": np.uint8(3),
         "ts": np.float32(0.0071), "tz": np.uint8(129), "ms": np.float32(0.00213), "mz": np.uint8(0)}

    def dequantized(name, grid, node):
        return [node, N("QuantizeLinear", [name, grid + "s", grid + "z"], [name + "_q"]),
                N("DequantizeLinear", [name + "_q", grid + "s", grid + "z"], [name + "_out"])]
    nodes = [N("DequantizeLinear", ["a", "xs", "xz"], ["x"]), N("DequantizeLinear", ["b", "bs", "bz"], ["z"]),
             *dequantized("joined", "c", N("Concat", ["x", "z"], ["joined"], axis=1)),
             *dequantized("gate", "s", N("Sigmoid", ["x"], ["gate"])), *dequantized("th", "t", N("Tanh", ["z"], ["th"])),
             *dequantized("share", "m", N("Softmax", ["x"], ["share"], axis=-1)),
             *dequantized("sum", "c", N("Add", ["x", "z"], ["sum"]))]
    names = ["joined_out", "gate_out", "th_out", "share_out", "sum_out"]
    inputs = [("a", TensorProto.UINT8, [1, 8, 32]), ("b", TensorProto.UINT8, [1, 8, 32])]
    m = model(nodes, inputs, [(n, F, [1, 16 if n == "joined_out" else 8, 32]) for n in names], w, opset=19, ir=9)
    save("grids", m, [np.arange(256, dtype=np.uint8).reshape(1, 8, 32), RNG.permutation(256).astype(np.uint8).reshape(1, 8, 32)])


def quantized_lstm():
    """DynamicQuantizeLSTM: its integers as the LSTM's floats."""
    steps, units, k = 4, 3, 5
    q = {"W": RNG.integers(-127, 128, (2, k, 4 * units)).astype(np.int8), "R": RNG.integers(0, 256, (2, units, 4 * units)).astype(np.uint8)}
    w = q | {"B": floats(2, 8 * units), "ws": np.array([0.004, 0.003], np.float32), "wz": np.array([0, 0], np.int8),
             "rs": (RNG.random((2, 4 * units)) * 0.004 + 0.002).astype(np.float32), "rz": np.full((2, 4 * units), 128, np.uint8)}
    nodes = [N("DynamicQuantizeLSTM", ["x", "W", "R", "B", "", "", "", "", "ws", "wz", "rs", "rz"], ["y", "h", "c"], domain="com.microsoft", hidden_size=units,
               direction="bidirectional")]
    ends = [("y", F, [steps, 2, 1, units]), ("h", F, [2, 1, units]), ("c", F, [2, 1, units])]
    plain = {"W": np.transpose(q["W"] * w["ws"][:, None, None], (0, 2, 1)), "R": np.transpose((q["R"].astype(np.float32) - 128) * w["rs"][:, None], (0, 2, 1)),
             "B": w["B"]}
    x = floats(steps, 1, k)
    lstm = model([N("LSTM", ["x", "W", "R", "B"], ["y", "h", "c"], hidden_size=units, direction="bidirectional")], [("x", F, [steps, 1, k])], ends, plain)
    expected = onnxruntime.InferenceSession(lstm.SerializeToString()).run(None, {"x": x})
    save("quantized_lstm", model(nodes, [("x", F, [steps, 1, k])], ends, w, domains=["com.microsoft"]), [x], expected)


def loops():
    """A count that is data becomes WHILE; branches of equal shapes are selected."""
    body = helper.make_graph([N("Mul", ["c", "k"], ["c2"]), N("Add", ["c2", "x"], ["c3"]), N("Identity", ["cond"], ["cond2"])], "body",
                             [helper.make_tensor_value_info("i", I, []), helper.make_tensor_value_info("cond", TensorProto.BOOL, []),
                              helper.make_tensor_value_info("c", F, [3])],
                             [helper.make_tensor_value_info("cond2", TensorProto.BOOL, []), helper.make_tensor_value_info("c3", F, [3]),
                              helper.make_tensor_value_info("c2", F, [3])])
    then = helper.make_graph([N("Neg", ["last"], ["t"])], "then", [], [helper.make_tensor_value_info("t", F, [3])])
    other = helper.make_graph([N("Identity", ["last"], ["e"])], "else", [], [helper.make_tensor_value_info("e", F, [3])])
    w = {"k": np.array(0.5, np.float32), "true": np.array(True), "zero": np.array(0, np.float32)}
    nodes = [N("Loop", ["n", "true", "x"], ["last", "all"], body=body, name="rounds"), N("ReduceSum", ["x"], ["sum"], keepdims=0),
             N("Less", ["sum", "zero"], ["neg"]),
             N("If", ["neg"], ["y"], then_branch=then, else_branch=other)]
    m = model(nodes, [("n", I, []), ("x", F, [3])], [("y", F, [3]), ("all", F, ["T", 3])], w)
    save("loops", m, [np.array(4, np.int64), np.array([1, -2, 0.5], np.float32)])


def old():
    """Attributes that later became inputs, and softmax over what is left of an axis."""
    nodes = [N("Clip", ["x"], ["c"], min=-0.5, max=0.5), N("Unsqueeze", ["c"], ["u"], axes=[0]), N("Pad", ["u"], ["p"], pads=[0, 1, 0, 0, 0, 2], value=1.0),
             N("Squeeze", ["p"], ["s"], axes=[0]), N("Slice", ["s"], ["l"], starts=[0, 1], ends=[3, 2147483647]), N("Softmax", ["l"], ["y"], axis=0)]
    m = model(nodes, [("x", F, [3, 4])], [("y", F, ["a", "b"])], {}, opset=8)
    x = floats(3, 4)
    v = np.pad(np.clip(x, -0.5, 0.5), ((1, 0), (0, 2)), constant_values=1)[0:3, 1:]
    e = np.exp(v - v.max())
    save("old", m, [x], [(e / e.sum()).astype(np.float32)])


def function():
    """A function of the model's own, with an attribute that has a default."""
    f = helper.make_function("own", "ScaledTanh", ["a"], ["b"], [N("Constant", [], ["k"]), N("Mul", ["a", "k"], ["m"]), N("Tanh", ["m"], ["b"])],
                             [helper.make_opsetid("", 17)], attributes=[], attribute_protos=[helper.make_attribute("scale", 2.0)])
    reference = f.node[0].attribute.add()
    reference.name, reference.ref_attr_name, reference.type = "value_float", "scale", onnx.AttributeProto.FLOAT
    nodes = [N("ScaledTanh", ["x"], ["a"], domain="own"), N("ScaledTanh", ["a"], ["y"], domain="own", scale=0.5)]
    m = model(nodes, [("x", F, [4])], [("y", F, [4])], {}, functions=[f], domains=["own"])
    x = floats(4)
    save("function", m, [x], [np.tanh(np.tanh(x * 2) * 0.5)])


def external():
    """Weights in a file beside the model."""
    w = floats(4, 3)
    m = model([N("MatMul", ["x", "w"], ["y"])], [("x", F, [2, 4])], [("y", F, [2, 3])], {"w": w})
    t = m.graph.initializer[0]
    (OUT / "external.bin").write_bytes(b"\0" * 16 + t.raw_data)
    t.ClearField("raw_data")
    t.data_location = TensorProto.EXTERNAL
    for k, v in (("location", "external.bin"), ("offset", "16"), ("length", str(w.nbytes))):
        entry = t.external_data.add()
        entry.key, entry.value = k, v
    x = floats(2, 4)
    (OUT / "external.onnx").write_bytes(m.SerializeToString(deterministic=True))
    np.savez(OUT / "external.npz", in0=x, out0=x @ w)
    t.external_data[0].value = "../external.bin"
    (OUT / "escape.onnx").write_bytes(m.SerializeToString(deterministic=True))


def any_length():
    """A number of time steps that nobody knows before the model runs: a loop."""
    w = {"w": floats(1, 16, 3), "r": floats(1, 16, 4), "b": floats(1, 32), "gw": floats(1, 15, 4), "gr": floats(1, 15, 5), "axes": np.array([1])}
    nodes = [N("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], hidden_size=4), N("Squeeze", ["y", "axes"], ["s"]),
             N("GRU", ["s", "gw", "gr"], ["z", "last"], hidden_size=5, linear_before_reset=1)]
    m = model(nodes, [("x", F, ["T", "B", 3])], [("z", F, ["T", 1, "B", 5]), ("last", F, [1, "B", 5]), ("c", F, [1, "B", 4])], w)
    x = floats(6, 2, 3)
    outputs = onnxruntime.InferenceSession(m.SerializeToString()).run(None, {"x": x})
    save("any_length", m, [x], outputs)


def excite():
    """A squeeze-and-excite block, a channel shuffle and a group norm between convolutions: single cells and groups keep channels last."""
    w = {"w1": floats(8, 3, 3, 3), "w2": floats(2, 8, 1, 1), "w3": floats(8, 2, 1, 1), "w4": floats(8, 4, 1, 1), "w5": floats(4, 8, 1, 1),
         "apart": np.array([1, 2, 4, 6, 6]), "whole": np.array([1, 8, 6, 6]),
         "groups": np.array([0, 1, -1]), "one": np.ones(1, np.float32), "zero": np.zeros(1, np.float32)}
    nodes = [N("Conv", ["x", "w1"], ["c"], pads=[1, 1, 1, 1]), N("HardSwish", ["c"], ["h"]), N("GlobalAveragePool", ["h"], ["g"]),
             N("Conv", ["g", "w2"], ["r"]), N("Relu", ["r"], ["ra"]),
             N("Conv", ["ra", "w3"], ["e"]), N("Sigmoid", ["e"], ["s"]), N("Mul", ["s", "h"], ["m"]), N("Split", ["m"], ["a", "b"], axis=1),
             N("Conv", ["b", "w4"], ["d"]), N("Conv", ["d", "w5"], ["f"]),
             N("Relu", ["f"], ["fa"]), N("Concat", ["a", "fa"], ["cat"], axis=1), N("Reshape", ["cat", "apart"], ["p"]),
             N("Transpose", ["p"], ["t"], perm=[0, 2, 1, 3, 4]), N("Reshape", ["t", "whole"], ["u"]),
             N("Reshape", ["u", "groups"], ["gr"]), N("InstanceNormalization", ["gr", "one", "zero"], ["n"]), N("Reshape", ["n", "whole"], ["nw"]),
             N("Conv", ["nw", "w2"], ["z"]), N("GlobalMaxPool", ["z"], ["y"])]
    save("excite", model(nodes, [("x", F, [1, 3, 6, 6])], [("y", F, [1, 2, 1, 1])], w), [floats(1, 3, 6, 6)])


def einsum():
    """A label of both sides in the middle of the left one, as relative positions of attention have it."""
    w = {"r": floats(4, 6, 5)}
    nodes = [N("Einsum", ["x", "r"], ["a"], equation="byhwc,hkc->byhwk"), N("Einsum", ["x", "p"], ["b"], equation="byhwc,wkc->byhwk")]
    m = model(nodes, [("x", F, [2, 1, 4, 3, 5]), ("p", F, [3, 7, 5])], [("a", F, [2, 1, 4, 3, 6]), ("b", F, [2, 1, 4, 3, 7])], w)
    save("einsum", m, [floats(2, 1, 4, 3, 5), floats(3, 7, 5)])


def free_axes():
    """Batch and length are free: positions cut from a table by a computed end, picked row by row."""
    w = {"table": np.arange(16)[None], "zero": np.array(0), "one": np.array(1), "from": np.array([0]), "axis": np.array([1]), "first": np.array([0]),
         "w": floats(16, 4), "kinds": floats(1, 16), "step": np.array([1])}
    nodes = [N("Shape", ["x"], ["s"]), N("Gather", ["s", "one"], ["n"], axis=0), N("Unsqueeze", ["n", "first"], ["nv"]),
             N("Slice", ["table", "from", "nv", "axis", "step"], ["at"]),
             N("GatherElements", ["kinds", "at"], ["k"], axis=1), N("Gather", ["w", "at"], ["e"], axis=0), N("Range", ["zero", "n", "one"], ["r"]),
             N("Unsqueeze", ["r", "axis"], ["rc"]),
             N("Cast", ["rc"], ["rf"], to=1), N("Add", ["x", "e"], ["xe"]), N("Mul", ["xe", "rf"], ["y"])]
    save("free_axes", model(nodes, [("x", F, ["B", "T", 4])], [("y", F, ["B", "T", 4]), ("k", F, [1, "T"])], w), [floats(2, 5, 4)])


def masks():
    """A query that sees no key gives zeros; a cache is written around its end."""
    nodes = [N("Attention", ["q", "k", "v", "mask"], ["y"], is_causal=1), N("TensorScatter", ["k", "u", "w"], ["c"], mode="circular")]
    inputs = [("q", F, [1, 2, 3, 4]), ("k", F, [1, 2, 5, 4]), ("v", F, [1, 2, 5, 4]), ("mask", TensorProto.BOOL, [3, 5]), ("u", F, [1, 2, 2, 4]), ("w", I, [1])]
    m = model(nodes, inputs, [("y", F, [1, 2, 3, 4]), ("c", F, [1, 2, 5, 4])], {}, opset=24, ir=11)
    mask = np.array([[1, 0, 0, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 1, 0]], bool)
    save("masks", m, [floats(1, 2, 3, 4), floats(1, 2, 5, 4), floats(1, 2, 5, 4), mask, floats(1, 2, 2, 4), np.array([4])])


def placed():
    """Dilated pools in three dimensions, indices of maxima and back, overlapping patches, scatters that reduce places hit twice."""
    w = {"image": np.array([4, 5]), "block": np.array([2, 2]), "at": np.array([[1], [3], [1]]), "up": floats(3, 2)}
    nodes = [N("MaxPool", ["v"], ["a"], kernel_shape=[2, 2, 2], dilations=[2, 1, 2]),
             N("AveragePool", ["v"], ["b"], kernel_shape=[2, 2, 2], dilations=[1, 2, 1]),
             N("MaxPool", ["x"], ["p", "i"], kernel_shape=[2, 2], strides=[2, 2]), N("MaxUnpool", ["p", "i"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
             N("Col2Im", ["patches", "image", "block"], ["d"]), N("ScatterND", ["rows", "at", "up"], ["e"], reduction="max"),
             N("ScatterND", ["rows", "at", "up"], ["f"], reduction="mul")]
    inputs = [("v", F, [1, 2, 4, 4, 4]), ("x", F, [1, 2, 4, 4]), ("patches", F, [1, 8, 12]), ("rows", F, [4, 2])]
    outputs = [("a", F, [1, 2, 2, 3, 2]), ("b", F, [1, 2, 3, 2, 3]), ("c", F, [1, 2, 4, 4]), ("d", F, [1, 2, 4, 5]), ("e", F, [4, 2]), ("f", F, [4, 2])]
    save("placed", model(nodes, inputs, outputs, w, opset=22, ir=10), [floats(1, 2, 4, 4, 4), floats(1, 2, 4, 4), floats(1, 8, 12), floats(4, 2)])


def blocks():
    """Four-bit weights with a scale per 32 of them, in both dialects."""
    k, n = 64, 32
    q = RNG.integers(-8, 8, (k, n)).astype(np.int8)
    scale = (RNG.random((k // 32, n)) * 0.02 + 0.01).astype(np.float16).astype(np.float32)
    wide = (q.astype(np.float32).reshape(k // 32, 32, n) * scale[:, None]).reshape(k, n)
    unsigned = (q.T + 8).astype(np.uint8).reshape(n, k // 32, 32)
    w = {"s": scale, "packed": unsigned[..., 0::2] | unsigned[..., 1::2] << 4, "st": np.ascontiguousarray(scale.T)}
    nodes = [N("DequantizeLinear", ["q", "s"], ["w"], axis=0, block_size=32), N("MatMul", ["x", "w"], ["a"]),
             N("MatMulNBits", ["x", "packed", "st"], ["b"], domain="com.microsoft", K=k, N=n, bits=4, block_size=32)]
    m = model(nodes, [("x", F, [1, 3, k])], [("a", F, [1, 3, n]), ("b", F, [1, 3, n])], w, opset=21, domains=["com.microsoft"], ir=10)
    m.graph.initializer.append(helper.make_tensor("q", TensorProto.INT4, [k, n], q.flatten()))
    x = floats(1, 3, k)
    save("blocks", m, [x], [x @ wide, x @ wide])


def broadcast():
    """Operands of fewer axes, whose own come last."""
    w = {"b": floats(3), "m": floats(4, 1)}
    nodes = [N("Add", ["x", "b"], ["a"]), N("Mul", ["m", "a"], ["c"]), N("Sub", ["b", "c"], ["d"]), N("Max", ["d", "b", "m"], ["e"]),
             N("Pow", ["e", "two"], ["y"])]
    w["two"] = np.array(2, np.float32)
    x = floats(2, 4, 3)
    y = np.maximum(np.maximum(w["b"] - w["m"] * (x + w["b"]), w["b"]), w["m"]) ** 2
    save("broadcast", model(nodes, [("x", F, [2, 4, 3])], [("y", F, [2, 4, 3])], w), [x], [y])


def solids():
    """Volumes: a convolution in groups, then a transposed one that crops and grows; a filter for each channel that pads itself, a dilated transposed one."""
    w = {"w1": floats(4, 2, 2, 3, 2), "b1": floats(4), "w2": floats(4, 3, 3, 3, 2), "b2": floats(3), "w3": floats(8, 1, 3, 3, 2), "w4": floats(4, 2, 2, 3, 2)}
    nodes = [N("Conv", ["x", "w1", "b1"], ["c"], group=2, pads=[0, 1, 0, 1, 1, 0], strides=[1, 2, 1]),
             N("ConvTranspose", ["c", "w2", "b2"], ["y"], strides=[2, 1, 2], pads=[1, 0, 1, 0, 1, 0], output_padding=[1, 0, 1]),
             N("Conv", ["x", "w3"], ["each"], group=4, auto_pad="SAME_UPPER"), N("ConvTranspose", ["x", "w4"], ["wide"], dilations=[2, 1, 3])]
    m = model(nodes, [("x", F, ["N", 4, 4, 5, 4])], [("y", F, ["N", 3, "D", "H", "W"]), ("each", F, ["N", 8, 4, 5, 4]), ("wide", F, ["N", 2, 6, 7, 7])], w)
    inputs = [floats(2, 4, 4, 5, 4)]
    save("solids", m, inputs, computed(m, inputs))


def refused():
    nodes = [N("TfIdfVectorizer", ["x"], ["d"], name="distinct"), N("Mystery", ["x"], ["m"], domain="shop", name="own"), N("Relu", ["x"], ["r"])]
    m = model(nodes, [("x", F, [3, 3])], [("d", F, ["M"]), ("m", F, [3, 3]), ("r", F, [3, 3])], {}, domains=["shop"])
    (OUT / "refused.onnx").write_bytes(m.SerializeToString(deterministic=True))


def too_many_starts():
    """Computed places to begin at for more axes than there are."""
    info = [("x", F, [3, 4]), ("from", I, [90]), ("to", I, [90])]
    m = model([N("Slice", ["x", "from", "to"], ["y"], name="cut")], info, [("y", F, ["N", "M"])], {})
    (OUT / "too_many_starts.onnx").write_bytes(m.SerializeToString(deterministic=True))


def regions():
    """Pixels at computed places: boxes, deformed filters of several groups, volumes; a determinant."""
    boxes = np.array([[0, 0, 9, 9], [2.5, 1, 6, 7.25], [-4, 3, 20, 5]], np.float32)
    w = {"of": np.array([0, 1, 0], np.int64), "w": floats(4, 2, 2, 2), "bias": floats(4)}
    nodes = [N("RoiAlign", ["x", "boxes", "of"], ["r"], output_height=2, output_width=3, sampling_ratio=2, spatial_scale=0.75),
             N("RoiAlign", ["x", "boxes", "of"], ["m"], output_height=2, output_width=2, sampling_ratio=1, mode="max",
               coordinate_transformation_mode="output_half_pixel"),
             N("DeformConv", ["x", "w", "offset", "bias", "mask"], ["d"], kernel_shape=[2, 2], pads=[1, 0, 0, 1], strides=[2, 1], group=2, offset_group=4),
             N("GridSample", ["v", "grid"], ["g"], mode="linear", padding_mode="zeros"), N("Det", ["a"], ["det"])]
    inputs = [("x", F, [2, 4, 7, 6]), ("boxes", F, [3, 4]), ("offset", F, [2, 32, 4, 6]), ("mask", F, [2, 16, 4, 6]), ("v", F, [1, 2, 3, 4, 5]),
              ("grid", F, [1, 2, 3, 2, 3]), ("a", F, [2, 3, 3])]
    outputs = [("r", F, [3, 4, 2, 3]), ("m", F, [3, 4, 2, 2]), ("d", F, [2, 4, 4, 6]), ("g", F, [1, 2, 2, 3, 2]), ("det", F, [2])]
    given = [floats(2, 4, 7, 6), boxes, floats(2, 32, 4, 6, scale=1.5), np.abs(floats(2, 16, 4, 6)), floats(1, 2, 3, 4, 5), floats(1, 2, 3, 2, 3),
             floats(2, 3, 3)]
    save("regions", model(nodes, inputs, outputs, w, opset=22, ir=10), given)


def bins():
    """Regions of any size, and none: as many samples as pixels, means and the largest; the largest of whole pixels, of regions partly outside, too."""
    boxes = np.array([[0, 0, 5, 7], [3.3, 2.1, 18.9, 12.2], [1, 1, 1.5, 1.5], [-3, -2, 25, 20]], np.float32)
    rows = np.array([[0, 0, 0, 5, 7], [1, 3, 2, 18, 12], [0, 1, 1, 1, 1], [0, 2.6, 3.4, 9.5, 30]], np.float32)
    size = {"output_height": 3, "output_width": 2, "sampling_ratio": 0, "spatial_scale": 0.5}
    nodes = [N("RoiAlign", ["x", "boxes", "of"], ["mean"], **size),
             N("RoiAlign", ["x", "boxes", "of"], ["most"], mode="max", coordinate_transformation_mode="output_half_pixel", **size),
             N("MaxRoiPool", ["x", "rows"], ["whole"], pooled_shape=[3, 4], spatial_scale=0.5)]
    m = model(nodes, [("x", F, [2, 2, 7, 10]), ("boxes", F, ["R", 4]), ("of", I, ["R"]), ("rows", F, ["S", 5])],
              [("mean", F, ["R", 2, 3, 2]), ("most", F, ["R", 2, 3, 2]), ("whole", F, ["S", 2, 3, 4])], {})
    inputs = [floats(2, 2, 7, 10), boxes, np.array([0, 1, 0, 1]), rows]
    save("bins", m, inputs, computed(m, inputs))
    for at, size in enumerate((2, 2, "H", "W")):  # Detectors take pictures of any size.
        m.graph.input[0].type.tensor_type.shape.dim[at].CopyFrom(onnx.TensorShapeProto.Dimension(**{"dim_param" if isinstance(size, str) else "dim_value": size}))
    save("bins_open", m, inputs, computed(m, inputs))


def scans():
    """Steps along other axes, backwards, more than are written out, as many as there are; sequences of a batch, as opset 8 had it."""
    def body(states=1):
        info = helper.make_tensor_value_info
        return helper.make_graph([N("Mul", ["h", "k"], ["hk"]), N("Add", ["hk", "xt"], ["hx"]), N("Tanh", ["hx"], ["h2"]), N("Sub", ["h2", "zt"], ["yt"])],
                                 "body",
                                 [info("h", F, [3]), info("xt", F, [3]), info("zt", F, [3])], [info("h2", F, [3]), info("yt", F, [3])],
                                 [numpy_helper.from_array(np.array(0.75, np.float32), "k")])

    scan = {"body": body(), "num_scan_inputs": 2}
    nodes = [N("Scan", ["h", "x", "z"], ["a", "b"], **scan, scan_input_axes=[0, 1], scan_input_directions=[0, 1], scan_output_axes=[1]),
             N("Scan", ["h", "long", "long"], ["c", "d"], **scan, scan_input_directions=[1, 0], scan_output_directions=[1]),
             N("Scan", ["h", "any", "any"], ["e", "f"], **scan)]
    inputs = [("h", F, [3]), ("x", F, [5, 3]), ("z", F, [3, 5]), ("long", F, [40, 3]), ("any", F, ["T", 3])]
    outputs = [("a", F, [3]), ("b", F, [3, 5]), ("c", F, [3]), ("d", F, [40, 3]), ("e", F, [3]), ("f", F, ["T", 3])]
    def scanned(h, x, z):
        given = []
        for xt, zt in zip(x, z):
            h = np.tanh(h * np.float32(0.75) + xt)
            given.append(h - zt)
        return h, np.stack(given)

    h, x, z, long, some = floats(3), floats(5, 3), floats(3, 5), floats(40, 3), floats(4, 3)  # The reference has no directions.
    (a, b), (c, d), (e, f) = scanned(h, x, z.T[::-1]), scanned(h, long[::-1], long), scanned(h, some, some)
    save("scans", model(nodes, inputs, outputs, {}), [h, x, z, long, some], [a, b.T, c, d[::-1], e, f])
    h, x, z = floats(2, 3), floats(2, 4, 3), floats(2, 4, 3)
    m = model([N("Scan", ["", "h", "x", "z"], ["y", "s"], **scan)], [("h", F, [2, 3]), ("x", F, [2, 4, 3]), ("z", F, [2, 4, 3])],
              [("y", F, [2, 3]), ("s", F, [2, 4, 3])], {}, opset=8)
    save("scan_of_batch", m, [h, x, z], [np.stack(v) for v in zip(*(scanned(h[i], x[i], z[i]) for i in range(2)))])


def cubic():
    """A grid that reaches beyond the image, between its pixels by Keys' kernel: ONNX's evaluator
    would move places to the border first, torch and onnxruntime do not."""
    modes = [(padding, align) for padding in ("zeros", "border", "reflection") for align in (0, 1)]
    nodes = [N("GridSample", ["x", "grid"], [f"y{i}"], mode="cubic", padding_mode=padding, align_corners=align) for i, (padding, align) in enumerate(modes)]
    m = model(nodes, [("x", F, [2, 3, 5, 4]), ("grid", F, [2, 3, 4, 2])], [(f"y{i}", F, [2, 3, 3, 4]) for i in range(6)], {}, opset=20, ir=9)
    inputs = [floats(2, 3, 5, 4), floats(2, 3, 4, 2, scale=1.2)]
    save("cubic", m, inputs, computed(m, inputs))


def batches():
    """Elements gathered by indices of several axes behind a batch of two; random numbers, of which only the shape counts."""
    w = {"none": np.array(0, np.float32)}
    nodes = [N("GatherND", ["x", "i"], ["a"], batch_dims=2), N("GatherND", ["x", "j"], ["b"], batch_dims=2), N("RandomNormalLike", ["x"], ["n"], mean=2.0),
             N("RandomUniform", [], ["u"], shape=[5], low=-1.0),
             N("Bernoulli", ["x"], ["p"]), N("Mul", ["n", "none"], ["c"]), N("Mul", ["u", "none"], ["d"]), N("Mul", ["p", "none"], ["e"])]
    x, i, j = floats(2, 3, 4, 5), RNG.integers(0, 4, (2, 3, 1)), RNG.integers(0, 4, (2, 3, 6, 2))
    a, b = np.take_along_axis(x, i[..., None].repeat(5, -1), 2)[:, :, 0], x[np.arange(2)[:, None, None], np.arange(3)[:, None], j[..., 0], j[..., 1]]
    inputs = [("x", F, [2, 3, 4, 5]), ("i", TensorProto.INT64, [2, 3, 1]), ("j", TensorProto.INT64, [2, 3, 6, 2])]
    outputs = [("a", F, [2, 3, 5]), ("b", F, [2, 3, 6]), ("c", F, [2, 3, 4, 5]), ("d", F, [5]), ("e", F, [2, 3, 4, 5])]
    save("batches", model(nodes, inputs, outputs, w), [x, i, j], [a, b, np.zeros_like(x), np.zeros(5, np.float32), np.zeros_like(x)])


def branches():
    """Branches whose outputs have different shapes, each read something else from around; one of either is taken."""
    def graphs():
        then = helper.make_graph([N("MatMul", ["a", "w"], ["ty"]), N("Relu", ["b"], ["tz"])], "then", [],
                                 [helper.make_tensor_value_info("ty", F, [2, 3]), helper.make_tensor_value_info("tz", F, [2, 4])])
        other = helper.make_graph([N("Identity", ["b"], ["ey"]), N("Slice", ["a", "from", "to"], ["ez"])], "else", [],
                                  [helper.make_tensor_value_info("ey", F, [2, 4]), helper.make_tensor_value_info("ez", F, [1, 4])])
        return {"then_branch": then, "else_branch": other}

    w = {"w": floats(4, 3), "zero": np.array(0, np.float32), "from": np.array([0], np.int64), "to": np.array([1], np.int64)}
    nodes = [N("Add", ["x", "x"], ["a"]), N("Neg", ["x"], ["b"]), N("ReduceSum", ["x"], ["s"], keepdims=0), N("Greater", ["s", "zero"], ["c"]),
             N("Not", ["c"], ["n"]),
             N("If", ["c"], ["y", "z"], **graphs()), N("If", ["n"], ["p", "q"], **graphs()), N("Add", ["y", "y"], ["yy"])]
    outputs = [("yy", F, [2, "Y"]), ("z", F, ["Z", 4]), ("p", F, [2, "P"]), ("q", F, ["Q", 4])]
    save("branches", model(nodes, [("x", F, [2, 4])], outputs, w), [floats(2, 4)])


def ranks():
    """PyTorch's squeeze of an open dimension: of branches with unlike ranks, the file tells which one there is."""
    then = helper.make_graph([N("Squeeze", ["x", "zero"], ["t"])], "then", [], [helper.make_tensor_value_info("t", F, [4, 3])])
    other = helper.make_graph([N("Identity", ["x"], ["e"])], "else", [], [helper.make_tensor_value_info("e", F, ["N", 4, 3])])
    nodes = [N("Shape", ["x"], ["n"], start=0, end=1), N("Equal", ["n", "one"], ["c"]), N("If", ["c"], ["z"], then_branch=then, else_branch=other),
             N("Softmax", ["z"], ["y"], axis=0)]
    m = model(nodes, [("x", F, ["N", 4, 3])], [("y", F, [4, 3])], {"zero": np.array([0]), "one": np.array([1])})
    m.graph.value_info.append(helper.make_tensor_value_info("z", F, [4, 3]))
    save("ranks", m, [floats(1, 4, 3)])


def quotients():
    """Integers of 64 bits are divided towards zero, as onnxruntime does."""
    a, b = np.array([-7, -6, 7, 6, -1, 0, 5, -9], np.int64), np.array([3, 3, -3, -3, 4, -4, 2, 2], np.int64)
    m = model([N("Div", ["a", "b"], ["q"]), N("Cast", ["q"], ["y"], to=F)], [("a", I, [8]), ("b", I, [8])], [("y", F, [8])], {})
    save("quotients", m, [a, b], [(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(np.float32)])


def computed(m, inputs):
    return onnxruntime.InferenceSession(m.SerializeToString()).run(None, {i.name: v for i, v in zip(m.graph.input, inputs)})


def distinct():
    """Different numbers and rows, in order and as they come, of a free count; drawn classes, of which one is sure."""
    kinds = {"a": ("x", {}), "b": ("x", {"sorted": 0}), "c": ("rows", {"axis": 0}), "d": ("rows", {"axis": 0, "sorted": 0}), "e": ("n", {"axis": 1})}
    nodes = [N("Unique", [x], [k + v for v in "yirc"], **how) for k, (x, how) in kinds.items()] + [N("Multinomial", ["odds"], ["m"], sample_size=3, dtype=I)]
    shapes = {"x": ["M"], "rows": ["M", 3], "n": [2, "M"]}
    outputs = [(k + v, F if v == "y" and x != "n" else I, shapes[x] if v == "y" else [v]) for k, (x, _) in kinds.items() for v in "yirc"] + [("m", I, [2, 3])]
    m = model(nodes, [("x", F, ["T", 4]), ("rows", F, ["R", 3]), ("n", I, [2, 6]), ("odds", F, [2, 3])], outputs, {})
    odds = np.array([[-1e9, 0, -1e9], [0, -1e9, -1e9]], np.float32)
    inputs = [RNG.integers(-2, 3, (3, 4)).astype(np.float32), RNG.integers(0, 2, (6, 3)).astype(np.float32), RNG.integers(-1, 1, (2, 6)), odds]
    save("distinct", m, inputs, computed(m, inputs))


def overwritten():
    """Updates at one place several times, at coordinates that are data: the last counts, or the reduction of all and the data."""
    kinds = ("none", "add", "mul", "max", "min")
    nodes = [N("ScatterND", ["x", "at", "up"], ["nd" + k], reduction=k) for k in kinds]
    nodes += [N("ScatterElements", ["x", "to", "v"], ["el" + k], reduction=k, axis=1) for k in kinds]
    nodes += [N("ScatterND", ["x", "twice", "up"], ["fixed"])]
    inputs = [("x", F, [4, 3]), ("at", I, [5, 1]), ("up", F, [5, 3]), ("to", I, [4, 4]), ("v", F, [4, 4])]
    m = model(nodes, inputs, [(p + k, F, [4, 3]) for p in ("nd", "el") for k in kinds] + [("fixed", F, [4, 3])],
              {"twice": np.array([[3], [-4], [3], [1], [0]])}, opset=18)
    given = [floats(4, 3), np.array([[2], [0], [2], [3], [0]]), floats(5, 3), RNG.integers(-3, 3, (4, 4)), floats(4, 4)]
    save("overwritten", m, given, computed(m, given))


def collected():
    """Sequences that loops fill: as many trips as the data has, none, a known count; read, shortened and joined afterwards."""
    info, seq = helper.make_tensor_value_info, lambda n: helper.make_tensor_sequence_value_info(n, F, None)
    def body(prefix):
        steps = [N("Gather", ["x", "i"], ["row"]), N("Mul", ["h", "half"], ["hk"]), N("Add", ["hk", "row"], ["h2"]), N("SequenceInsert", ["s", "h2"], ["s2"]),
                 N("Identity", ["on"], ["on2"])]
        return helper.make_graph(steps, prefix, [info("i", I, []), info("on", TensorProto.BOOL, []), info("h", F, [3]), seq("s")],
                                 [info("on2", TensorProto.BOOL, []), info("h2", F, [3]), seq("s2"), info("row", F, [3])])

    w = {"half": np.array(0.5, np.float32), "true": np.array(True), "two": np.array(2), "last": np.array(-1), "first": np.array(0),
         "start": np.zeros(3, np.float32)}
    nodes = [N("SequenceEmpty", [], ["none"]), N("SequenceConstruct", ["start"], ["one"])]
    for name, count, begin in (("a", "n", "none"), ("b", "n", "one"), ("c", "two", "none"), ("d", "zero", "one")):
        nodes += [N("Loop", [count, "true", "start", begin], [name + "h", name + "s", name + "rows"], body=body(name))]
    nodes += [N("ConcatFromSequence", ["as"], ["a"], axis=1, new_axis=1), N("ConcatFromSequence", ["bs"], ["b"], axis=0),
              N("ConcatFromSequence", ["cs"], ["c"], axis=0, new_axis=1),
              N("ConcatFromSequence", ["ds"], ["d"], axis=0), N("SequenceLength", ["as"], ["length"]), N("SequenceAt", ["bs", "last"], ["end"]),
              N("SequenceErase", ["bs", "first"], ["fewer"]),
              N("SequenceInsert", ["fewer", "start", "first"], ["more"]), N("SequenceErase", ["more"], ["less"]),
              N("ConcatFromSequence", ["less"], ["e"], axis=0, new_axis=1)]
    outputs = [("a", F, [3, "A"]), ("b", F, ["B"]), ("c", F, [2, 3]), ("d", F, ["D"]), ("e", F, ["E", 3]), ("length", I, []), ("end", F, [3]),
               ("arows", F, ["R", 3]), ("drows", F, ["S", 3])]
    m = model(nodes, [("n", I, []), ("zero", I, []), ("x", F, [4, 3])], outputs, w)
    inputs = [np.array(4), np.array(0), floats(4, 3)]
    save("collected", m, inputs, computed(m, inputs))


def collected_open():
    """Trips that give tensors whose dimensions are data: some trips, and none; truths turned around; a part whose ends are data, of all axes; zeros as many as
    data says."""
    info = helper.make_tensor_value_info
    steps = [N("Mul", ["h", "half"], ["h2"]), N("Transpose", ["h2"], ["across"], perm=[1, 0]), N("Identity", ["on"], ["on2"])]
    body = helper.make_graph(steps, "body", [info("i", I, []), info("on", TensorProto.BOOL, []), info("h", F, ["B", "C"])],
                             [info("on2", TensorProto.BOOL, []), info("h2", F, ["B", "C"]), info("h2", F, ["B", "C"]), info("across", F, ["C", "B"])])
    w = {"half": np.array(0.5, np.float32), "true": np.array(True), "nothing": np.array(0, np.float32)}
    nodes = [N("Loop", ["n", "true", "x"], ["end", "all", "turned"], body=body), N("Loop", ["zero", "true", "x"], ["same", "none", "none2"], body=body)]
    nodes += [N("Greater", ["x", "nothing"], ["above"]), N("ReverseSequence", ["above", "lengths"], ["back"], batch_axis=0, time_axis=1),
              N("Cast", ["back"], ["turned_truths"], to=F), N("Shape", ["none"], ["empty"])]
    nodes += [N("Shape", ["x"], ["size"]), N("Sub", ["size", "ones"], ["ends"]), N("Slice", ["x", "ones", "ends"], ["middle"])]
    nodes += [N("ReduceSum", ["lengths"], ["total"], keepdims=1), N("ConstantOfShape", ["total"], ["zeros"]),
              N("ScatterElements", ["zeros", "lengths", "marks"], ["marked"], axis=0)]
    nodes += [N("Slice", ["x", "total", "far", "second"], ["none_left"]), N("ReduceMin", ["lengths"], ["least"], keepdims=1),
              N("Slice", ["x", "least", "far", "second"], ["rest"])]
    nodes += [N("Unsqueeze", ["x", "second"], ["rows"]), N("MatMul", ["rows", "column"], ["weighed"]), N("MatMul", ["row", "x"], ["mixed"])]
    w |= {"column": floats(5), "row": floats(3)}
    w |= {"far": np.array([2**63 - 1]), "second": np.array([1]), "ones": np.array([1, 1]), "marks": np.array([1, 2, 3], np.float32)}
    outputs = [("weighed", F, ["B", 1]), ("mixed", F, ["C"]), ("none_left", F, ["B", "N2"]), ("rest", F, ["B", "N3"]), ("marked", F, ["L"]),
               ("middle", F, ["M", "N"]), ("end", F, ["B", "C"]), ("all", F, ["T", "B", "C"]), ("turned", F, ["T", "C", "B"]), ("same", F, ["B", "C"]),
               ("empty", I, [3]), ("turned_truths", F, ["B", "C"])]
    m = model(nodes, [("n", I, []), ("zero", I, []), ("x", F, ["B", "C"]), ("lengths", I, ["B"])], outputs, w)
    inputs = [np.array(4), np.array(0), floats(3, 5), np.array([2, 5, 1])]
    expected = computed(m, inputs)
    expected[10] = np.array([0, 0, 0])  # What no trip has told is nothing.
    save("collected_open", m, inputs, expected)


def chosen_sequences():
    """Sequences that an If gives: of items of one shape, and of others."""
    seq = lambda n: helper.make_tensor_sequence_value_info(n, F, None)
    side = lambda p, first, second: helper.make_graph([N("Mul", ["x", "x"], [p + "q"]), N("SequenceConstruct", [first, second], [p + "s"])], p, [],
                                                      [seq(p + "s")])
    nodes = [N("Slice", ["x", "zero", "one"], ["top"]), N("Not", ["when"], ["else"])]
    for k, when in enumerate(("when", "else")):
        nodes += [N("If", [when], [f"a{k}"], then_branch=side(f"t{k}", "x", f"t{k}q"), else_branch=side(f"e{k}", f"e{k}q", "x")),
                  N("If", [when], [f"b{k}"], then_branch=side(f"u{k}", "top", f"u{k}q"), else_branch=side(f"f{k}", f"f{k}q", "x")),
                  N("ConcatFromSequence", [f"a{k}"], [f"y{k}"], axis=0), N("ConcatFromSequence", [f"b{k}"], [f"z{k}"], axis=0)]
    outputs = [("y0", F, [4, 3]), ("y1", F, [4, 3]), ("z0", F, ["Z", 3]), ("z1", F, ["W", 3])]
    m = model(nodes, [("x", F, [2, 3]), ("when", TensorProto.BOOL, [])], outputs, {"zero": np.array([0]), "one": np.array([1])})
    inputs = [floats(2, 3), np.array(True)]
    save("chosen_sequences", m, inputs, computed(m, inputs))


def triangles():
    """Of matrices of open size."""
    nodes = [N("Trilu", ["x"], ["a"]), N("Trilu", ["x", "above"], ["b"]), N("Trilu", ["x", "below"], ["c"], upper=0),
             N("Trilu", ["x", "above"], ["d"], upper=0)]
    m = model(nodes, [("x", F, [2, "R", "C"])], [(n, F, [2, "R", "C"]) for n in "abcd"], {"above": np.array(1), "below": np.array(-2)})
    save("triangles", m, [floats(2, 4, 5)])


def halves():
    """Casts there and back round."""
    nodes = [N("Cast", ["x"], ["h"], to=TensorProto.FLOAT16), N("Cast", ["h"], ["a"], to=F), N("Cast", ["x"], ["b16"], to=TensorProto.BFLOAT16),
             N("Cast", ["b16"], ["b"], to=F)]
    m = model(nodes, [("x", F, [6])], [("a", F, [6]), ("b", F, [6])], {})
    inputs = [np.array([1 + 2**-11, 1 + 3 * 2**-11, 2049, -3.3, 1 + 2**-8, 1 + 3 * 2**-8], np.float32)]
    save("halves", m, inputs, computed(m, inputs))


def rolled():
    """PyTorch's roll by nothing, which joins all and none of a tensor; a convolution whose weights alone say how many channels there are."""
    w = {"zero": np.array([0]), "most": np.array([2**63 - 1]), "two": np.array([2]), "sizes": np.array([-1, 2, 2]), "k": floats(5, 12, 1, 1)}
    nodes = [N("Slice", ["x", "zero", "most", "two"], ["all"]), N("Slice", ["x", "zero", "zero", "two"], ["none"]), N("Concat", ["all", "none"], ["r"], axis=2),
             N("Shape", ["x"], ["s"], start=0, end=1), N("Concat", ["s", "sizes"], ["to"], axis=0), N("Reshape", ["r", "to"], ["c"]),
             N("Conv", ["c", "k"], ["y"]),
             N("Neg", ["x"], ["minus"]), N("Concat", ["none", "minus"], ["same"], axis=2)]
    m = model(nodes, [("x", F, ["N", 3, 4, "W"])], [("y", F, ["N", 5, 2, 2]), ("same", F, ["N", 3, 4, "W"])], w)
    save("rolled", m, [floats(2, 3, 4, 4)])


def counted():
    """Counts that are data leave the rank of what they make: its shape and its axes are asked for."""
    w = {"one": np.array([1]), "few": np.array([2]), "zero": np.array([0]), "onoff": np.array([0.0, 1.0], np.float32), "back": np.array([3, -1])}
    nodes = [N("Shape", ["x"], ["s"], start=0, end=1), N("Concat", ["s", "one"], ["times"], axis=0), N("Tile", ["row", "times"], ["t"]),
             N("Shape", ["t"], ["ts"]),
             N("Gather", ["ts", "zero"], ["rows"]), N("Add", ["rows", "one"], ["more"]), N("Squeeze", ["more"], ["depth"]), N("Min", ["s", "few"], ["k"]),
             N("TopK", ["t", "k"], ["v", "i"], axis=0), N("Transpose", ["v"], ["turned"], perm=[1, 0]), N("Reshape", ["turned", "back"], ["top"]),
             N("OneHot", ["at", "depth", "onoff"], ["hot"], axis=0), N("Shape", ["hot"], ["hs"]), N("ReduceSum", ["hot", "one"], ["sums"])]
    m = model(nodes, [("x", F, ["N", 2]), ("row", F, [1, 3]), ("at", I, [2])], [("rows", I, [1]), ("top", F, [3, "K"]), ("hs", I, [2]), ("sums", F, ["D", 1])],
              w)
    save("counted", m, [floats(3, 2), floats(1, 3), np.array([0, 3])])


def any_boxes():
    """Boxes of a number that is data, as detection models choose among those that passed a threshold."""
    w = {"most": np.array([2**63 - 1]), "overlap": np.array([0.5], np.float32), "least": np.array([0.1], np.float32)}
    m = model([N("NonMaxSuppression", ["boxes", "scores", "most", "overlap", "least"], ["y"])], [("boxes", F, [1, "B", 4]), ("scores", F, [1, 2, "B"])],
              [("y", I, ["K", 3])], w)
    boxes = np.array([[[0, 0, 4, 4], [0, 0, 4, 3.9], [5, 5, 9, 9], [0, 6, 3, 9], [5, 5, 9, 7]]], np.float32)  # The last one overlaps by just what is let be.
    save("any_boxes", m, [boxes, np.array([[[0.3, 0.9, 0.5, 0.05, 0.4], [0.8, 0.2, 0.05, 0.6, 0.7]]], np.float32)])


def spread():
    """PyTorch's expand_as before arithmetic, which broadcasts by itself; a spread that makes the result larger stays."""
    w = {"to": np.array([2, 3, 4]), "column": floats(2, 1, 1)}
    nodes = [N("ReduceMean", ["x"], ["mean"], axes=[2], keepdims=1), N("Expand", ["mean", "to"], ["means"]), N("Mul", ["x", "means"], ["a"]),
             N("ReduceMax", ["x"], ["max"], axes=[2], keepdims=1), N("Expand", ["max", "to"], ["again"]), N("Sub", ["again", "column"], ["b"])]
    m = model(nodes, [("x", F, [2, 3, 4])], [("a", F, [2, 3, 4]), ("b", F, [2, 3, 4])], w)
    save("spread", m, [floats(2, 3, 4)])


def placed_open():
    """Picking and placing where the numbers of rows and of indices are data: one index for a whole slice, spread over its elements (detectors pool regions
    of several levels so); an index for each element, some counted from the end; coordinates; updates that are none."""
    w = {"ones": np.array([1, 4, 2]), "wide": np.array([1, 1, 3]), "zero": np.array(0.0, np.float32), "col": np.array([-1, 1, 1]), "none": np.array([0])}
    nodes = [N("Greater", ["score", "zero"], ["good"]), N("NonZero", ["good"], ["found"]), N("Squeeze", ["found", "none"], ["list"]),
             N("Reshape", ["list", "col"], ["each"]), N("Expand", ["each", "ones"], ["spread"]),
             N("ScatterElements", ["x", "spread", "v"], ["slices"], axis=0), N("GatherElements", ["x", "spread"], ["taken"], axis=0),
             N("Tile", ["best", "wide"], ["bests"]), N("GatherElements", ["z", "bests"], ["tops"], axis=1),
             N("GatherElements", ["z", "own"], ["cells"], axis=1), N("GatherElements", ["z", "own"], ["heads"], axis=0),
             N("ScatterElements", ["z", "own", "put"], ["lifted"], axis=1, reduction="max"),
             N("ScatterElements", ["z", "own", "put"], ["added"], axis=0, reduction="add"), N("ScatterElements", ["z", "own", "put"], ["rows"], axis=2),
             N("ScatterND", ["z", "places", "values"], ["nd"]), N("GatherND", ["z", "inner"], ["pairs"], batch_dims=1)]
    inputs = [("score", F, ["N"]), ("x", F, ["N", 4, 2]), ("v", F, ["K", 4, 2]), ("z", F, ["B", "T", 3]), ("best", I, ["B", "P", 1]), ("own", I, ["B", "Q", 2]),
              ("put", F, ["B", "Q", 2]), ("places", I, ["M", 2]), ("values", F, ["M", 3]), ("inner", I, ["B", "M", 2])]
    outputs = {"slices": 3, "taken": 3, "tops": 3, "cells": 3, "heads": 3, "lifted": 3, "added": 3, "rows": 3, "nd": 3, "pairs": 2}
    m = model(nodes, inputs, [(o, F, [f"{o}{i}" for i in range(rank)]) for o, rank in outputs.items()], w, opset=18)
    x, z = floats(5, 4, 2), floats(2, 4, 3)
    given = [np.array([1, -1, 2, -2, 1], np.float32), x, floats(3, 4, 2), z, RNG.integers(0, 4, (2, 2, 1)), RNG.integers(-2, 2, (2, 3, 2)), floats(2, 3, 2),
             np.array([[0, 1], [1, 3], [0, 1]]), floats(3, 3), RNG.integers(0, 3, (2, 3, 2))]
    save("placed_open", m, given, computed(m, given))


def resized_open():
    """Images to sizes that are data, in all the ways that need none of them known; and images of open size to a fixed one."""
    w = {"fixed": np.array([1, 2, 7, 4]), "corner": np.array(0), "double": np.array([1, 1, 2, 2], np.float32), "w": floats(3, 2, 1, 1)}
    ways = {"lh": dict(mode="linear"), "lc": dict(mode="linear", coordinate_transformation_mode="align_corners"),
            "la": dict(mode="linear", coordinate_transformation_mode="asymmetric"),
            "na": dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"), "cu": dict(mode="cubic"),
            "cv": dict(mode="cubic", cubic_coeff_a=-0.5), "cc": dict(mode="cubic", coordinate_transformation_mode="align_corners"), "nh": dict(mode="nearest")}
    broken = {"bl": dict(mode="linear", coordinate_transformation_mode="pytorch_half_pixel"),
              "bc": dict(mode="cubic", coordinate_transformation_mode="asymmetric"), "bn": dict(mode="nearest", nearest_mode="round_prefer_ceil")}
    nodes = [N("Shape", ["x"], ["front"], start=0, end=2),
             N("Concat", ["front", "hw"], ["sizes"], axis=0)] + [N("Resize", ["x", "", "", "sizes"], [k], **v) for k, v in ways.items()]
    nodes += [N("Resize", ["x", "", "", "hw"], ["axes"], mode="linear", axes=[2, 3]), N("Resize", ["open", "", "", "fixed"], ["set"], mode="linear"),
              N("Gather", ["lh", "corner"], ["one"], axis=0), N("Gather", ["one", "corner"], ["plane"], axis=0)]
    nodes += [N("Resize", ["open", "", "double"], ["twice"], mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"),
              N("Conv", ["twice", "w"], ["seen"])]
    nodes += [N("Resize", ["open", "", "double"], ["smooth"], mode="linear"), N("Tile", ["open", "fours"], ["deep"]),
              N("DepthToSpace", ["deep"], ["spread"], blocksize=2)]
    nodes += [N("Resize", ["open", "", "parts"], [k], **v) for k, v in broken.items()]
    w["fours"], w["parts"] = np.array([1, 4, 1, 1]), np.array([1, 1, 1.5, 0.6], np.float32)
    outputs = [(k, F, [1, 2, "H2", "W2"]) for k in [*ways, "axes"]] + [("set", F, [1, 2, 7, 4]), ("plane", F, ["H2", "W2"])]
    outputs += [("seen", F, [1, 3, "2H", "2W"]), ("smooth", F, [1, 2, "2H", "2W"]),
                ("spread", F, [1, 2, "2H", "2W"])] + [(k, F, [1, 2, "H3", "W3"]) for k in broken]
    m = model(nodes, [("x", F, [1, 2, 5, 6]), ("hw", I, [2]), ("open", F, [1, 2, "H", "W"])], outputs, w, opset=18)
    given = [floats(1, 2, 5, 6), np.array([8, 4]), floats(1, 2, 3, 9)]
    save("resized_open", m, given, computed(m, given))


def padded_open():
    """Images filled up to whole windows, by zeros, a number and mirrored, where only the running model knows how much is missing; then a convolution."""
    w = {"four": np.array([4]), "zeros": np.array([0, 0, 0, 0, 0, 0]), "two": np.array([2]), "end": np.array([4]), "half": np.array(0.5, np.float32),
         "k": floats(3, 2, 2, 2)}
    nodes = [N("Shape", ["x"], ["s"]), N("Slice", ["s", "two", "end"], ["hw"]), N("Mod", ["hw", "four"], ["rest"]), N("Sub", ["four", "rest"], ["missing"]),
             N("Mod", ["missing", "four"], ["more"]), N("Concat", ["zeros", "more"], ["pads"], axis=0), N("Pad", ["x", "pads"], ["whole"]),
             N("Pad", ["x", "pads", "half"], ["framed"]),
             N("Pad", ["x", "pads"], ["mirrored"], mode="reflect"), N("Conv", ["whole", "k"], ["seen"], strides=[2, 2])]
    outputs = [(k, F, [1, 2, "H2", "W2"]) for k in ("whole", "framed", "mirrored")] + [("seen", F, [1, 3, "H3", "W3"])]
    m = model(nodes, [("x", F, [1, 2, "H", "W"])], outputs, w)
    inputs = [floats(1, 2, 5, 7)]
    save("padded_open", m, inputs, computed(m, inputs))


def cropped_open():
    """Images brought to the height and width of others, by zeros or by cutting, whichever only the running model knows; mirrored, too."""
    w = {"two": np.array([2]), "end": np.array([4]), "halves": np.array([2, 2]), "nothing": np.array([0, 0])}
    nodes = [N("Shape", ["x"], ["s"]), N("Slice", ["s", "two", "end"], ["hw"]), N("Shape", ["like"], ["t"]), N("Slice", ["t", "two", "end"], ["HW"]),
             N("Sub", ["HW", "hw"], ["missing"]), N("Div", ["missing", "halves"], ["front"]), N("Sub", ["missing", "front"], ["back"]),
             N("Concat", ["nothing", "front", "nothing", "back"], ["pads"], axis=0), N("Pad", ["x", "pads"], ["fitted"]),
             N("Pad", ["x", "pads"], ["mirrored"], mode="reflect"),
             N("Add", ["fitted", "like"], ["sum"])]
    m = model(nodes, [("x", F, [1, 2, "H", "W"]), ("like", F, [1, 2, "H2", "W2"])], [(k, F, [1, 2, "H2", "W2"]) for k in ("fitted", "mirrored", "sum")], w)
    inputs = [floats(1, 2, 10, 5), floats(1, 2, 6, 8)]
    save("cropped_open", m, inputs, computed(m, inputs))


def eca():
    """Efficient channel attention as PyTorch writes it with a free batch, whose size comes from another tensor's shape: two blocks around a skip."""
    w = {"zero": np.array(0), "front": np.array([0]), "one": np.array([1]), "rest": np.array([-1]), "w0": floats(8, 3, 3, 3), "w1": floats(8, 8, 1, 1),
         "w2": floats(8, 8, 1, 1), "k": floats(1, 1, 3), "last": floats(8, 8, 1, 1)}

    def block(x, p):
        return [N("Conv", [x, "w" + p], ["c" + p]), N("ReduceMean", ["c" + p], ["m" + p], axes=[2, 3], keepdims=0), N("Shape", ["c" + p], ["s" + p]),
                N("Gather", ["s" + p, "zero"], ["n" + p], axis=0),
                N("Unsqueeze", ["n" + p, "front"], ["u" + p]), N("Concat", ["u" + p, "one", "rest"], ["to" + p], axis=0),
                N("Reshape", ["m" + p, "to" + p], ["row" + p]), N("Conv", ["row" + p, "k"], ["e" + p], pads=[1, 1]),
                N("Sigmoid", ["e" + p], ["g" + p]), N("Concat", ["u" + p, "rest", "one", "one"], ["back" + p], axis=0),
                N("Reshape", ["g" + p, "back" + p], ["r" + p]), N("Expand", ["r" + p, "s" + p], ["x" + p]), N("Mul", ["c" + p, "x" + p], ["y" + p])]

    nodes = [N("Conv", ["x", "w0"], ["a"], pads=[1, 1, 1, 1]), N("Relu", ["a"], ["a0"])] + block("a0", "1") + [N("Add", ["y1", "a0"], ["b"]),
                                                                                                               N("Relu", ["b"], ["b0"])] + block("b0", "2")
    nodes += [N("Add", ["y2", "b0"], ["d"]), N("Conv", ["d", "last"], ["e"]), N("GlobalAveragePool", ["e"], ["p"]), N("Flatten", ["p"], ["y"])]
    m = model(nodes, [("x", F, ["N", 3, 6, 6])], [("y", F, ["N", 8])], w)
    save("eca", m, [floats(3, 3, 6, 6)])


def boxes_placed():
    """x[:, a:b, c:] += … as TorchScript writes it with a free batch, constant coordinates of a box (with a middle left as it is), and ones that are none."""
    w = {"zero": np.array(0), "one": np.array(1), "rows": np.array([1, 2]).reshape(2, 1), "columns": np.array([2, 3]), "last": np.array([-1]),
         "col": np.array([-1, 1, 1]),
         "box": np.stack(np.meshgrid([0, 1], [1, 2], indexing="ij"), -1).astype(np.int64),
         "mixed": np.stack(np.meshgrid([1, 0], [1, 2], indexing="ij"), -1).astype(np.int64)}
    nodes = [N("Shape", ["x"], ["s"]), N("Gather", ["s", "zero"], ["n"], axis=0), N("Range", ["zero", "n", "one"], ["r"]), N("Reshape", ["r", "col"], ["rc"]),
             N("Shape", ["v"], ["vs"])]
    for name, source in (("a", "rc"), ("b", "rows"), ("c", "columns")):
        nodes += [N("Expand", [source, "vs"], ["e" + name]), N("Unsqueeze", ["e" + name, "last"], ["u" + name])]
    nodes += [N("Concat", ["ua", "ub", "uc"], ["at"], axis=-1), N("Relu", ["x"], ["y0"]), N("ScatterND", ["y0", "at", "v"], ["y"]),
              N("ScatterND", ["z", "box", "p"], ["q"]), N("ScatterND", ["z", "mixed", "p"], ["m"])]
    m = model(nodes, [("x", F, ["N", 4, 4]), ("v", F, ["N", 2, 2]), ("z", F, [3, 4, 2]), ("p", F, [2, 2, 2])],
              [("y", F, ["N", 4, 4]), ("q", F, [3, 4, 2]), ("m", F, [3, 4, 2])], w)
    save("boxes_placed", m, [floats(2, 4, 4), floats(2, 2, 2), floats(3, 4, 2), floats(2, 2, 2)])


def from_the_end():
    """Indices that a running model knows may count from the end: of known and of open axes, one axis and several, read and written; ids of a table do not."""
    w = {"table": floats(5, 3), "one": np.array(1)}
    nodes = [N("Gather", ["x", "i"], ["picked"], axis=1), N("Gather", ["x", "row"], ["open"], axis=0), N("GatherElements", ["x", "e"], ["each"], axis=1),
             N("GatherND", ["x", "p"], ["places"]),
             N("ScatterElements", ["x", "e", "v"], ["written"], axis=1), N("ScatterND", ["x", "p", "u"], ["put"]), N("Gather", ["table", "ids"], ["rows"]),
             N("ArgMax", ["x"], ["top"], axis=1, keepdims=0), N("Gather", ["table", "top"], ["best"]), N("Sub", ["top", "one"], ["before"]),
             N("Gather", ["table", "before"], ["last"])]
    m = model(nodes,
              [("x", F, ["N", 4]), ("i", I, [3]), ("row", I, []), ("e", I, ["N", 2]), ("p", I, [2, 2]), ("v", F, ["N", 2]), ("u", F, [2]), ("ids", I, [2])],
              [(k, F, s) for k, s in {"picked": ["N", 3], "open": [4], "each": ["N", 2], "places": [2], "written": ["N", 4], "put": ["N", 4], "rows": [2, 3],
                                      "best": ["N", 3], "last": ["N", 3]}.items()], w)
    x = floats(3, 4)
    x[1] = [2, 0, 0, 0]
    given = [x, np.array([-1, 0, -4]), np.array(-2), np.array([[0, -1], [-2, 3], [1, -3]]), np.array([[-1, 0], [1, -2]]), floats(3, 2), floats(2),
             np.array([4, 0])]
    save("from_the_end", m, given, computed(m, given))


def sequence_outputs():
    """A sequence as an output is its tensors; one whose length is data cannot be."""
    def ends(n, outputs):
        n.graph.output.extend(helper.make_tensor_sequence_value_info(name, F, None) for name in outputs)
        return n

    w = {"two": np.array(2), "first": np.array(0)}
    nodes = [N("SplitToSequence", ["x", "two"], ["s"], axis=1), N("Relu", ["x"], ["r"]), N("SequenceAt", ["s", "first"], ["a"]),
             N("SequenceConstruct", ["r", "x", "a"], ["c"]), N("Neg", ["a"], ["y"])]
    m = ends(model(nodes, [("x", F, ["N", 5])], [("y", F, ["N", 2])], w), ["s", "c"])
    x = floats(3, 5)
    save("sequence_outputs", m, [x], [-x[:, :2], x[:, :2], x[:, 2:4], x[:, 4:], np.maximum(x, 0), x, x[:, :2]])
    m = ends(model([N("SplitToSequence", ["x"], ["s"], axis=0, keepdims=0, name="rows")], [("x", F, ["N", 5])], [], {}), ["s"])
    (OUT / "sequence_of_data.onnx").write_bytes(m.SerializeToString(deterministic=True))


def windows():
    """A mask for every window, spread over a free batch that is counted from the windows; an identity matrix of open size."""
    w = {"cut": np.array([-1, 2, 3]), "zero": np.array(0), "front": np.array([0]), "per": np.array(2), "rest": np.array([-1, -1, -1]), "minus": np.array([-1]),
         "ones": np.ones(4, np.int64),
         "mask": np.where(RNG.random((1, 2, 2, 3)) > 0.5, 0, -5).astype(np.float32), "split": np.array([-1, 2, 2, 3]), "back": np.array([-1, 2, 2, 3])}
    nodes = [N("Reshape", ["x", "cut"], ["v"]), N("Shape", ["v"], ["s"]), N("Gather", ["s", "zero"], ["n"]), N("Div", ["n", "per"], ["b"]),
             N("Unsqueeze", ["b", "front"], ["bv"]), N("Concat", ["bv", "rest"], ["to"], axis=0),
             N("Mul", ["ones", "minus"], ["none"]), N("Equal", ["to", "none"], ["same"]), N("Where", ["same", "ones", "to"], ["wide"]),
             N("Expand", ["mask", "wide"], ["m"]), N("Reshape", ["v", "split"], ["a"]),
             N("Reshape", ["m", "back"], ["mb"]), N("Add", ["a", "mb"], ["y"]), N("EyeLike", ["z"], ["eye"], k=1), N("Mul", ["z", "eye"], ["above"])]
    m = model(nodes, [("x", F, ["N", 4, 3]), ("z", F, ["A", "B"])], [("y", F, ["N", 2, 2, 3]), ("above", F, ["A", "B"])], w)
    save("windows", m, [floats(3, 4, 3), floats(3, 4)])


def heads():
    """Volumes pooled by a filter for each channel, a free batch times the heads as their batch: what they are reshaped back to is known but for the batch."""
    w = {"zero": np.array(0), "front": np.array([0]), "three": np.array(3), "cut": np.array([2, 4, 5, 6]), "k": floats(2, 1, 3, 3, 3), "kb": floats(2),
         "back": np.array([3, 2, -1]), "wide": floats(4, 1, 2, 1, 3)}
    nodes = [N("Shape", ["x"], ["s"]), N("Gather", ["s", "zero"], ["n"]), N("Mul", ["n", "three"], ["nh"]), N("Unsqueeze", ["nh", "front"], ["nhv"]),
             N("Concat", ["nhv", "cut"], ["to"], axis=0), N("Reshape", ["x", "to"], ["v"]),
             N("Conv", ["v", "k", "kb"], ["c"], group=2, pads=[1, 1, 1, 1, 1, 1], strides=[2, 1, 2]), N("Unsqueeze", ["n", "front"], ["nv"]),
             N("Concat", ["nv", "back"], ["home"], axis=0), N("Reshape", ["c", "home"], ["y"]),
             N("Conv", ["v", "wide"], ["z"], group=2, dilations=[2, 1, 1], auto_pad="VALID")]
    m = model(nodes, [("x", F, ["N", 3, 2, 120])], [("y", F, ["N", 3, 2, "P"]), ("z", F, ["M", 4, 2, 5, 4])], w)
    save("heads", m, [floats(2, 3, 2, 120)])


def spectra():
    """Transforms of a power of two, of real and complex numbers, there and back; of windowed frames whose step divides them, or does not."""
    w = {"axis": np.array(1), "step": np.array(32), "odd": np.array(27), "length": np.array(64),
         "hann": (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(64) / 64)).astype(np.float32)}
    nodes = [N("DFT", ["x", "", "axis"], ["full"]), N("DFT", ["full", "length", "axis"], ["back"], inverse=1),
             N("DFT", ["x", "length", "axis"], ["half"], onesided=1), N("DFT", ["half", "length", "axis"], ["real"], inverse=1, onesided=1),
             N("STFT", ["s", "step", "hann", "length"], ["even"]), N("STFT", ["s", "odd", "", "length"], ["uneven"])]
    m = model(nodes, [("x", F, ["N", 64, 1]), ("s", F, [2, 200, 1])],
              [("full", F, ["N", 64, 2]), ("back", F, ["N", 64, 2]), ("half", F, ["N", 33, 2]), ("real", F, ["N", 64, 1]), ("even", F, [2, 5, 33, 2]),
               ("uneven", F, [2, 6, 33, 2])], w, opset=20, ir=9)
    save("spectra", m, [floats(2, 64, 1), floats(2, 200, 1)])


def pooled_open():
    """Windows over images of open size that hang over the end, or whose padding does not count."""
    nodes = [N("AveragePool", ["x"], ["hung"], kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
             N("AveragePool", ["x"], ["bare"], kernel_shape=[3, 2], strides=[1, 2], pads=[1, 0, 1, 1]),
             N("AveragePool", ["x"], ["counted"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1),
             N("MaxPool", ["x"], ["most"], kernel_shape=[2, 2], strides=[3, 3], ceil_mode=1),
             N("AveragePool", ["v"], ["row"], kernel_shape=[4], strides=[3], pads=[1, 1], ceil_mode=1)]
    m = model(nodes, [("x", F, ["N", 2, "H", "W"]), ("v", F, ["N", 2, "L"])],
              [(n, F, ["N", 2, n + "h", n + "w"]) for n in ("hung", "bare", "counted", "most")] + [("row", F, ["N", 2, "l"])], {}, opset=19, ir=9)
    x = [floats(2, 2, 6, 7), floats(2, 2, 9)]
    save("pooled_open", m, x, onnxruntime.InferenceSession(m.SerializeToString()).run(None, dict(zip("xv", x))))


def rounds():
    """A loop picks rows by the number of the round, which counts nothing from the end; so does a branch inside it."""
    def value(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    then = helper.make_graph([N("Gather", ["x", "i"], ["t"])], "then", [], [value("t", F, [3])])
    other = helper.make_graph([N("Neg", ["c"], ["e"])], "else", [], [value("e", F, [3])])
    body = helper.make_graph([N("Gather", ["x", "i"], ["row"]), N("Add", ["c", "row"], ["s"]), N("ReduceSum", ["s"], ["sum"], keepdims=0),
                              N("Greater", ["sum", "zero"], ["above"]),
                              N("If", ["above"], ["more"], then_branch=then, else_branch=other), N("Add", ["s", "more"], ["c2"]),
                              N("Identity", ["cond"], ["cond2"])], "body",
                             [value("i", I, []), value("cond", TensorProto.BOOL, []), value("c", F, [3])],
                             [value("cond2", TensorProto.BOOL, []), value("c2", F, [3])])
    w = {"true": np.array(True), "zero": np.array(0, np.float32), "first": floats(3)}
    m = model([N("Loop", ["n", "true", "first"], ["y"], body=body, name="rounds")], [("n", I, []), ("x", F, ["R", 3])], [("y", F, [3])], w)
    save("rounds", m, [np.array(3, np.int64), floats(4, 3)])


def own_statistics():
    """Before opset 14 a batch norm with more outputs than one takes the batch's own mean and variance. Rows to unit length, one of zeros."""
    w = {"s": floats(3) + 1, "o": floats(3), "m": floats(3), "v": np.abs(floats(3)) + 0.5}
    m = model([N("BatchNormalization", ["x", "s", "o", "m", "v"], ["y", "mean", "variance", "saved_mean", "saved_variance"]),
               N("LpNormalization", ["x"], ["unit"])], [("x", F, ["N", 3, 4])],
              [("y", F, ["N", 3, 4]), ("unit", F, ["N", 3, 4])], w, opset=11)
    inputs = [floats(2, 3, 4)]
    inputs[0][1, 2] = 0
    save("own_statistics", m, inputs, computed(m, inputs))


def patches():
    """Patches of a free batch that overlap, reach beyond the image and leave pixels out; others that tile it."""
    w = {"image": np.array([5, 6]), "block": np.array([2, 3]), "tile": np.array([3, 2])}
    nodes = [N("Col2Im", ["x", "image", "block"], ["y"], strides=[3, 2], pads=[1, 0, 0, 1], dilations=[1, 2]),
             N("Col2Im", ["z", "image2", "tile"], ["t"], strides=[3, 2])]
    m = model(nodes, [("x", F, ["N", 12, 4]), ("z", F, ["N", 6, 6])], [("y", F, ["N", 2, 5, 6]), ("t", F, ["N", 1, 6, 6])], w | {"image2": np.array([6, 6])},
              opset=18)
    save("patches", m, [floats(2, 12, 4), floats(2, 6, 6)])


def far_numbers():
    """What functions tend to: infinity is not divided by itself, nor times zero."""
    m = model([N("Erf", ["x"], ["e"]), N("Atan", ["x"], ["a"])], [("x", F, [8])], [("e", F, [8]), ("a", F, [8])], {})
    inputs = [np.array([np.inf, -np.inf, 3e38, -1e20, 9, -8, 0.5, -1e-4], np.float32)]
    save("far_numbers", m, inputs, computed(m, inputs))


def open_channels():
    """A batch norm of as many channels as come: PyTorch's instance norm by running statistics folds a free batch into them."""
    m = model([N("BatchNormalization", ["x", "s", "o", "m", "v"], ["y"])], [("x", F, [1, "C", 4])] + [(n, F, ["C"]) for n in "somv"], [("y", F, [1, "C", 4])],
              {})
    inputs = [floats(1, 5, 4), floats(5), floats(5), floats(5), np.abs(floats(5)) + 0.5]
    save("open_channels", m, inputs, computed(m, inputs))


def learned():
    """What is learned of tables: columns, linear models, trees of unlike depth with limits below and at, and rows that lack a number."""
    def ml(op, inputs, outputs, **attrs):
        return helper.make_node(op, inputs, outputs, domain="ai.onnx.ml", **attrs)

    def trees(of, ids, weights=(0.5, -0.25, 1.5, 0.75, -1.0)):
        nodes = {"treeids": [0, 0, 0, 0, 0, 1, 1, 1], "nodeids": [0, 1, 2, 3, 4, 0, 1, 2], "featureids": [0, 0, 2, 0, 0, 3, 0, 0],
                 "values": [0.1, 0.0, -0.2, 0.0, 0.0, 0.3, 0.0, 0.0],
                 "modes": ["BRANCH_LEQ", "LEAF", "BRANCH_LT", "LEAF", "LEAF", "BRANCH_LEQ", "LEAF", "LEAF"], "truenodeids": [1, 0, 3, 0, 0, 1, 0, 0],
                 "falsenodeids": [2, 0, 4, 0, 0, 2, 0, 0],
                 "missing_value_tracks_true": [0, 0, 1, 0, 0, 0, 0, 0]}
        leaves = {"treeids": [0, 0, 0, 1, 1], "nodeids": [1, 3, 4, 1, 2], "ids": ids, "weights": weights}
        return {f"nodes_{k}": v for k, v in nodes.items()} | {f"{of}_{k}": v for k, v in leaves.items()}

    w = {"at": np.array([2, 0])}
    nodes = [ml("Scaler", ["x"], ["scaled"], offset=[0.5, 0.0, -1.0, 2.0], scale=[2.0, 1.0, 0.5, 1.5]), ml("Normalizer", ["scaled"], ["l2"], norm="L2"),
             ml("Normalizer", ["scaled"], ["l1"], norm="L1"),
             ml("Normalizer", ["z"], ["most"], norm="MAX"), ml("Binarizer", ["scaled"], ["bits"], threshold=0.25),
             ml("Imputer", ["m"], ["whole"], imputed_value_floats=[1.0, 2.0, 3.0, 4.0], replaced_value_float=float("nan")),
             ml("ArrayFeatureExtractor", ["x", "at"], ["picked"]), ml("FeatureVectorizer", ["x", "scaled"], ["beside"], inputdimensions=[4, 4]),
             ml("LinearRegressor", ["x"], ["line"], coefficients=[0.5, -1.0, 0.25, 2.0, 1.0, 0.0, -0.5, 0.1], intercepts=[0.1, -0.2], targets=2),
             ml("LinearClassifier", ["x"], ["label", "scores"], coefficients=[0.5, -1.0, 0.25, 2.0, 1.0, 0.0, -0.5, 0.1, -0.3, 0.2, 0.1, 0.4],
                intercepts=[0.1, -0.2, 0.0],
                classlabels_ints=[3, 5, 9], post_transform="SOFTMAX"),
             ml("LinearClassifier", ["x"], ["two", "shares"], coefficients=[0.5, -1.0, 0.25, 2.0, -0.5, 1.0, -0.25, -2.0], intercepts=[0.1, -0.1],
                classlabels_ints=[0, 1], post_transform="LOGISTIC"),
             ml("TreeEnsembleRegressor", ["m"], ["forest"], n_targets=2, **trees("target", [0, 1, 0, 1, 1])),
             ml("TreeEnsembleRegressor", ["x"], ["mean"], n_targets=1, base_values=[0.5], aggregate_function="AVERAGE", **trees("target", [0] * 5)),
             ml("TreeEnsembleClassifier", ["x"], ["tree", "tree_scores"], classlabels_int64s=[7, 8, 9], post_transform="SOFTMAX",
                **trees("class", [0, 1, 2, 1, 0], (0.5, 0.25, 1.5, 0.75, 1.0))),
             ml("TreeEnsembleClassifier", ["x"], ["pair", "pair_scores"], classlabels_int64s=[0, 1], post_transform="LOGISTIC", **trees("class", [0] * 5))]
    outputs = [(n, F, ["N", k]) for n,
               k in (("l2", 4), ("l1", 4), ("most", 4), ("bits", 4), ("whole", 4), ("picked", 2), ("beside", 8), ("line", 2), ("scores", 3), ("shares", 2),
                     ("forest", 2), ("mean", 1), ("tree_scores", 3),
                                             ("pair_scores", 2))] + [(n, I, ["N"]) for n in ("label", "two", "tree", "pair")]
    m = model(nodes, [(n, F, ["N", 4]) for n in "xzm"], outputs, w, domains=["ai.onnx.ml"])
    m.opset_import[1].version = 3
    rows = floats(6, 4)
    missing = rows.copy()
    missing[1:4, [0, 2]] = np.nan
    inputs = [rows, np.abs(floats(6, 4)), missing]
    save("learned", m, inputs, onnxruntime.InferenceSession(m.SerializeToString()).run(None, dict(zip("xzm", inputs))))


def support_vectors():
    """Support vector machines of every kernel, with and without probabilities: three classes told apart pair by pair, rows far from zero."""
    def machine(op, outputs, kernel, rows=5, **attrs):
        return helper.make_node(op, ["x"], outputs, domain="ai.onnx.ml", kernel_type=kernel, kernel_params=[0.2, 0.5, 2.0],
                                support_vectors=(floats(rows, 4) + 3).ravel().tolist(), **attrs)

    three = {"coefficients": floats(2, 5).ravel().tolist(), "vectors_per_class": [2, 1, 2], "rho": [0.1, -0.2, 0.05], "classlabels_ints": [4, 5, 9]}
    two = {"coefficients": [0.5, -0.25, 0.75, -1.0, 0.3], "vectors_per_class": [3, 2], "rho": [0.1], "classlabels_ints": [0, 1]}
    line = {"coefficients": floats(5).tolist(), "n_supports": 5, "rho": [0.25]}
    nodes = [machine("SVMRegressor", ["near"], "RBF", **line), machine("SVMRegressor", ["line"], "LINEAR", **line),
             machine("SVMRegressor", ["curve"], "POLY", **line),
             machine("SVMRegressor", ["inside"], "SIGMOID", one_class=1, **line), machine("SVMClassifier", ["three", "pairs"], "RBF", **three),
             machine("SVMClassifier", ["likely", "shares"], "POLY", prob_a=[-1.0, -0.5, -2.0], prob_b=[0.1, 0.0, -0.1], **three),
             machine("SVMClassifier", ["two", "sides"], "LINEAR", **two),
             machine("SVMClassifier", ["either", "halves"], "SIGMOID", prob_a=[-1.5], prob_b=[0.2], **two)]
    outputs = [(n, F, ["N", k]) for n,
               k in (("near", 1), ("line", 1), ("curve", 1), ("inside", 1), ("pairs", 3), ("shares", 3), ("sides", 2),
                     ("halves", 2))] + [(n, I, ["N"]) for n in ("three", "likely", "two", "either")]
    m = model(nodes, [("x", F, ["N", 4])], outputs, {}, domains=["ai.onnx.ml"])
    inputs = [floats(7, 4) + 3]
    save("support_vectors", m, inputs, computed(m, inputs))


def questions():
    """Trees of one operator for all kinds: every comparison, sets of members, the least of all trees, rows that lack a number."""
    def trees(outputs, **attrs):
        tensors = {"nodes_splits": np.array([0.1, -0.3, 0.2, 1.0, 2.0, 0.0, 0.5], np.float32), "nodes_modes": np.array([0, 1, 2, 4, 5, 6, 3], np.uint8),
                   "membership_values": np.array([1, 2, np.nan], np.float32), "leaf_weights": np.array([0.5, -1, 2, 0.25, 3, -0.75, 1.5, -2, 0.1], np.float32)}
        return helper.make_node("TreeEnsemble", ["x"], outputs, domain="ai.onnx.ml", tree_roots=[0, 3, 5], nodes_featureids=[0, 1, 2, 3, 3, 3, 1],
                                nodes_truenodeids=[1, 0, 2, 4, 5, 6, 7],
                                nodes_falsenodeids=[2, 1, 3, 4, 6, 8, 8], nodes_trueleafs=[0, 1, 1, 1, 1, 0, 1], nodes_falseleafs=[0, 1, 1, 0, 1, 1, 1],
                                nodes_missing_value_tracks_true=[0, 1, 0, 0, 0, 0, 1],
                                **{k: numpy_helper.from_array(v, k) for k, v in tensors.items()}, **attrs)

    nodes = [trees(["sums"], n_targets=2, leaf_targetids=[0, 1, 0, 1, 1, 0, 0, 1, 0]),
             trees(["least"], n_targets=1, leaf_targetids=[0] * 9, aggregate_function=2),
             trees(["three"], n_targets=3, leaf_targetids=[0, 1, 2, 1, 1, 0, 0, 2, 0])]
    m = model(nodes, [("x", F, ["N", 4])], [("sums", F, ["N", 2]), ("least", F, ["N", 1]), ("three", F, ["N", 3])], {}, opset=21, domains=["ai.onnx.ml"], ir=10)
    m.opset_import[1].version = 5
    x = floats(12, 4)
    x[:, 3] = np.arange(12) % 4
    x[4:7, 1] = np.nan
    save("questions", m, [x], computed(m, [x]))


def grids_open():
    """Pixels of images of any size at as many computed places."""
    kinds = [("a", "linear", "zeros", 0), ("b", "linear", "border", 1), ("c", "nearest", "reflection", 0), ("d", "cubic", "zeros", 1),
             ("e", "linear", "reflection", 1)]
    nodes = [N("GridSample", ["x", "grid"], [n], mode=mode, padding_mode=padding, align_corners=align) for n, mode, padding, align in kinds]
    m = model(nodes, [("x", F, ["N", 2, "H", "W"]), ("grid", F, ["N", "h", "w", 2])], [(k[0], F, ["N", 2, "h", "w"]) for k in kinds], {}, opset=20, ir=9)
    inputs = [floats(2, 2, 5, 4), floats(2, 3, 6, 2, scale=0.9)]
    save("grids_open", m, inputs, onnxruntime.InferenceSession(m.SerializeToString()).run(None, dict(zip(("x", "grid"), inputs))))


def beyond():
    """Sizes that only a damaged file has: pads near 2^63, a sequence whose result would be gigabytes of zeros."""
    m = model([N("Pad", ["x", "pads"], ["y"], name="wide")], [("x", F, [2, 3])], [("y", F, ["N", "M"])], {"pads": np.array([0, 2**63 - 1, 0, 2**63 - 2])})
    (OUT / "far_pads.onnx").write_bytes(m.SerializeToString(deterministic=True))
    w = {"w": floats(1, 6, 1), "r": floats(1, 6, 2)}
    m = model([N("GRU", ["x", "w", "r"], ["y"], hidden_size=2, name="endless")], [("x", F, [2**30, 1, 1])], [("y", F, [2**30, 1, 1, 2])], w)
    (OUT / "gigabytes.onnx").write_bytes(m.SerializeToString(deterministic=True))


def reshaped_open():
    """Reshapes of several open dimensions: some copied, one that the others tell, one from elsewhere beside one that is copied, sizes of the result; all parts put together as an output."""
    w = {"heads": np.array([0, 0, -1, 4]), "joined": np.array([0, 0, -1]), "copy": np.array([0]), "rest": np.array([-1]), "one": np.array([1]), "w": floats(8, 6), "first": np.array(0), "longer": np.array([0, 0, -1, 2])}
    nodes = [N("Reshape", ["x", "heads"], ["cut"]), N("Transpose", ["cut"], ["turned"], perm=[0, 2, 1, 3]), N("Relu", ["turned"], ["positive"]),
             N("Transpose", ["positive"], ["back"], perm=[0, 2, 1, 3]), N("Reshape", ["back", "joined"], ["whole"]), N("MatMul", ["whole", "w"], ["y"]),
             N("Shape", ["z"], ["s"]), N("Gather", ["s", "one"], ["d"]), N("Concat", ["copy", "d", "rest"], ["to"], axis=0), N("Reshape", ["x", "to"], ["mixed"]),
             N("Shape", ["x"], ["sx"]), N("Gather", ["sx", "first"], ["n0"]), N("Unsqueeze", ["n0", "copy"], ["n1"]), N("Concat", ["n1", "d", "rest"], ["sizes"], axis=0),
             N("Reshape", ["x", "sizes"], ["sized"]), N("Relu", ["sized"], ["above"]), N("Reshape", ["above", "longer"], ["again"]),
             N("Neg", ["x"], ["n"]), N("Split", ["n"], ["l", "r"], axis=2), N("Concat", ["l", "r"], ["all"], axis=-1)]
    inputs = [("x", F, ["N", "T", 8]), ("z", F, [1, "M"])]
    outputs = [("y", F, ["N", "T", 6]), ("mixed", F, ["N", "M", "R"]), ("again", F, ["N", "M", "S", 2]), ("all", F, ["N", "T", 8])]
    save("reshaped_open", model(nodes, inputs, outputs, w), [floats(2, 3, 8), floats(1, 6)])


def computed_regions():
    """A region of an image whose place is computed, a part of it outside; a constant that is rounded to 16 bits without a sign."""
    w = {"front": np.array([0, 0], np.float32), "middle": np.array([1, 1], np.float32), "size": np.array([1, 2, 4, 3]), "step": np.array(0.01, np.float32),
         "zero": np.array(100, np.uint16), "factor": np.array(1.23456, np.float32)}
    nodes = [N("Concat", ["front", "from", "middle", "to"], ["region"], axis=0),
             N("Resize", ["x", "region", "", "size"], ["cut"], mode="linear", coordinate_transformation_mode="tf_crop_and_resize"),
             N("QuantizeLinear", ["factor", "step", "zero"], ["short"]), N("DequantizeLinear", ["short", "step", "zero"], ["rounded"]),
             N("Mul", ["cut", "rounded"], ["y"])]
    m = model(nodes, [("x", F, [1, 2, 5, 6]), ("from", F, [2]), ("to", F, [2])], [("y", F, [1, 2, 4, 3])], w, opset=21, ir=10)
    inputs = [floats(1, 2, 5, 6), np.array([0.1, 0.3], np.float32), np.array([0.8, 1.1], np.float32)]
    save("computed_regions", m, inputs, computed(m, inputs))


FIXTURES = (cnn, unet, shapes, transformer, recurrent, quantized, loops, old, function, external, refused, too_many_starts, any_length, excite, einsum,
            free_axes,
            masks, placed, blocks, broadcast, grids, quantized_lstm, regions, branches, scans, cubic, solids, batches, quotients, distinct,
            overwritten, collected, collected_open, halves, triangles, rolled, counted, any_boxes, spread, chosen_sequences, placed_open, resized_open,
            padded_open, cropped_open, eca,
            boxes_placed, from_the_end, sequence_outputs, windows, heads, spectra, pooled_open, rounds,
            own_statistics, patches, far_numbers, open_channels, learned, grids_open, beyond, computed_regions, support_vectors, questions, bins, ranks, reshaped_open)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for make in FIXTURES:
        if len(sys.argv) < 2 or sys.argv[1] in make.__name__:
            RNG = np.random.default_rng(7)
            make()
    print(f"{OUT}: {sum(f.stat().st_size for f in OUT.iterdir())} bytes")
