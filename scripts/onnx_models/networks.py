# SPDX-License-Identifier: Apache-2.0
"""Networks, and what they are made of: convolutions, attention, recurrent layers, quantized ones."""
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from onnx_models.common import F, I, N, RNG, computed, floats, model, save


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


def masks():
    """A query that sees no key gives zeros; a cache is written around its end."""
    nodes = [N("Attention", ["q", "k", "v", "mask"], ["y"], is_causal=1), N("TensorScatter", ["k", "u", "w"], ["c"], mode="circular")]
    inputs = [("q", F, [1, 2, 3, 4]), ("k", F, [1, 2, 5, 4]), ("v", F, [1, 2, 5, 4]), ("mask", TensorProto.BOOL, [3, 5]), ("u", F, [1, 2, 2, 4]), ("w", I, [1])]
    m = model(nodes, inputs, [("y", F, [1, 2, 3, 4]), ("c", F, [1, 2, 5, 4])], {}, opset=24, ir=11)
    mask = np.array([[1, 0, 0, 0, 0], [0, 0, 1, 1, 1], [1, 0, 1, 1, 0]], bool)
    save("masks", m, [floats(1, 2, 3, 4), floats(1, 2, 5, 4), floats(1, 2, 5, 4), mask, floats(1, 2, 2, 4), np.array([4])])


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


def fused():
    """Layers with the activations that onnxruntime's optimizer put into them, numbers and all."""
    w = {"w": floats(4, 3, 3, 3), "b": floats(4), "v": floats(4, 4, 1, 1), "m": floats(4, 5), "c": floats(5)}
    nodes = [N("FusedConv", ["x", "w", "b"], ["a"], domain="com.microsoft", pads=[1, 1, 1, 1], activation="LeakyRelu", activation_params=[0.3]),
             N("FusedConv", ["a", "v"], ["d"], domain="com.microsoft", activation="Clip", activation_params=[-0.5, 0.25]),
             N("FusedConv", ["a", "v", "", "d"], ["e"], domain="com.microsoft", activation="Relu"), N("ReduceMean", ["e"], ["f"], axes=[2, 3], keepdims=0),
             N("FusedGemm", ["f", "m", "c"], ["y"], domain="com.microsoft", alpha=0.5, activation="LeakyRelu", activation_alpha=0.25),
             N("FusedGemm", ["f", "m", "c"], ["z"], domain="com.microsoft", alpha=0.5, activation="Tanh")]
    m = model(nodes, [("x", F, [1, 3, 6, 5])], [("e", F, [1, 4, 6, 5]), ("y", F, [1, 5]), ("z", F, [1, 5])], w, domains=["com.microsoft"])
    x = floats(1, 3, 6, 5)
    save("fused", m, [x], computed(m, [x]))


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
