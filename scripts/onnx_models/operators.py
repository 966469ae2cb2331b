# SPDX-License-Identifier: Apache-2.0
"""Operators, their forms and their odd attributes."""
import numpy as np
import onnx
from onnx import TensorProto

from onnx_models.common import F, I, N, OUT, RNG, computed, floats, model, save


def shapes():
    """Shapes computed by operators, as exporters write them; the batch is free."""
    w = {"zero": np.array(0, np.int64), "axes": np.array([0], np.int64), "minus": np.array([6], np.int64), "two": np.array([2], np.int64), "w": floats(6, 4)}
    nodes = [N("Shape", ["x"], ["s"]), N("Gather", ["s", "zero"], ["n"], axis=0), N("Unsqueeze", ["n", "axes"], ["nv"]),
             N("Concat", ["nv", "two", "minus"], ["to"], axis=0), N("MatMul", ["x", "w"], ["mm"]), N("Reshape", ["mm", "to"], ["y"])]
    save("shapes", model(nodes, [("x", F, ["N", 3, 6])], [("y", F, ["N", 2, 6])], w), [floats(2, 3, 6)])


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


def old():
    """Attributes that later became inputs, and softmax over what is left of an axis."""
    nodes = [N("Clip", ["x"], ["c"], min=-0.5, max=0.5), N("Unsqueeze", ["c"], ["u"], axes=[0]), N("Pad", ["u"], ["p"], pads=[0, 1, 0, 0, 0, 2], value=1.0),
             N("Squeeze", ["p"], ["s"], axes=[0]), N("Slice", ["s"], ["l"], starts=[0, 1], ends=[3, 2147483647]), N("Softmax", ["l"], ["y"], axis=0)]
    m = model(nodes, [("x", F, [3, 4])], [("y", F, ["a", "b"])], {}, opset=8)
    x = floats(3, 4)
    v = np.pad(np.clip(x, -0.5, 0.5), ((1, 0), (0, 2)), constant_values=1)[0:3, 1:]
    e = np.exp(v - v.max())
    save("old", m, [x], [(e / e.sum()).astype(np.float32)])


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


def einsum():
    """A label of both sides in the middle of the left one, as relative positions of attention have it."""
    w = {"r": floats(4, 6, 5)}
    nodes = [N("Einsum", ["x", "r"], ["a"], equation="byhwc,hkc->byhwk"), N("Einsum", ["x", "p"], ["b"], equation="byhwc,wkc->byhwk")]
    m = model(nodes, [("x", F, [2, 1, 4, 3, 5]), ("p", F, [3, 7, 5])], [("a", F, [2, 1, 4, 3, 6]), ("b", F, [2, 1, 4, 3, 7])], w)
    save("einsum", m, [floats(2, 1, 4, 3, 5), floats(3, 7, 5)])


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
        dimension = onnx.TensorShapeProto.Dimension(**{"dim_param" if isinstance(size, str) else "dim_value": size})
        m.graph.input[0].type.tensor_type.shape.dim[at].CopyFrom(dimension)
    save("bins_open", m, inputs, computed(m, inputs))


def cubic():
    """A grid that reaches beyond the image, between its pixels by Keys' kernel: ONNX's evaluator
    would move places to the border first, torch and onnxruntime do not."""
    modes = [(padding, align) for padding in ("zeros", "border", "reflection") for align in (0, 1)]
    nodes = [N("GridSample", ["x", "grid"], [f"y{i}"], mode="cubic", padding_mode=padding, align_corners=align) for i, (padding, align) in enumerate(modes)]
    m = model(nodes, [("x", F, [2, 3, 5, 4]), ("grid", F, [2, 3, 4, 2])], [(f"y{i}", F, [2, 3, 3, 4]) for i in range(6)], {}, opset=20, ir=9)
    inputs = [floats(2, 3, 5, 4), floats(2, 3, 4, 2, scale=1.2)]
    save("cubic", m, inputs, computed(m, inputs))


def quotients():
    """Integers of 64 bits are divided towards zero, as onnxruntime does."""
    a, b = np.array([-7, -6, 7, 6, -1, 0, 5, -9], np.int64), np.array([3, 3, -3, -3, 4, -4, 2, 2], np.int64)
    m = model([N("Div", ["a", "b"], ["q"]), N("Cast", ["q"], ["y"], to=F)], [("a", I, [8]), ("b", I, [8])], [("y", F, [8])], {})
    save("quotients", m, [a, b], [(np.sign(a) * np.sign(b) * (np.abs(a) // np.abs(b))).astype(np.float32)])


def long_quotients():
    """int64 beyond 32 bits, towards zero."""
    m = model([N("Div", ["x", "y"], ["q"])], [("x", I, [8]), ("y", I, [8])], [("q", I, [8])], {})
    x = np.array([2**40, -(2**40) - 5, 7, -7, 2**62, -(2**62), 2**33 + 1, -1], np.int64)
    y = np.array([3, 1000, 2, 2, -(2**31) - 1, 2**35, -2, 2**50], np.int64)
    save("long_quotients", m, [x, y], [np.array([abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1) for a, b in zip(x.tolist(), y.tolist())], np.int64)])


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


def clipped():
    """The sums before an LSTM's gates are clipped, not its cell, as onnxruntime has it; those of other cells are."""
    w = {"w": floats(2, 12, 2, scale=2), "r": floats(2, 12, 3, scale=2), "b": floats(2, 24), "c": floats(2, 2, 3, scale=4), "p": floats(2, 9),
         "gw": floats(1, 9, 2, scale=2), "gr": floats(1, 9, 3, scale=2), "nw": floats(1, 3, 2, scale=2), "nr": floats(1, 3, 3, scale=2)}
    nodes = [N("LSTM", ["x", "w", "r", "b", "", "", "c", "p"], ["l", "", "lc"], hidden_size=3, direction="bidirectional", clip=0.5),
             N("GRU", ["x", "gw", "gr"], ["g"], hidden_size=3, clip=0.5), N("RNN", ["x", "nw", "nr"], ["n"], hidden_size=3, clip=0.5)]
    m = model(nodes, [("x", F, [3, 2, 2])], [("l", F, [3, 2, 2, 3]), ("lc", F, [2, 2, 3]), ("g", F, [3, 1, 2, 3]), ("n", F, [3, 1, 2, 3])], w)
    inputs = [floats(3, 2, 2, scale=2)]
    save("clipped", m, inputs, computed(m, inputs))


def far_numbers():
    """What functions tend to: infinity is not divided by itself, nor times zero."""
    m = model([N("Erf", ["x"], ["e"]), N("Atan", ["x"], ["a"])], [("x", F, [8])], [("e", F, [8]), ("a", F, [8])], {})
    inputs = [np.array([np.inf, -np.inf, 3e38, -1e20, 9, -8, 0.5, -1e-4], np.float32)]
    save("far_numbers", m, inputs, computed(m, inputs))


def beyond():
    """Sizes that only a damaged file has: pads near 2^63, a sequence whose result would be gigabytes of zeros."""
    m = model([N("Pad", ["x", "pads"], ["y"], name="wide")], [("x", F, [2, 3])], [("y", F, ["N", "M"])], {"pads": np.array([0, 2**63 - 1, 0, 2**63 - 2])})
    (OUT / "far_pads.onnx").write_bytes(m.SerializeToString(deterministic=True))
    w = {"w": floats(1, 6, 1), "r": floats(1, 6, 2)}
    m = model([N("GRU", ["x", "w", "r"], ["y"], hidden_size=2, name="endless")], [("x", F, [2**30, 1, 1])], [("y", F, [2**30, 1, 1, 2])], w)
    (OUT / "gigabytes.onnx").write_bytes(m.SerializeToString(deterministic=True))
