# SPDX-License-Identifier: Apache-2.0
"""Sizes that the file leaves open, or that are computed."""
import numpy as np
import onnxruntime
from onnx import TensorProto

from onnx_models.common import F, I, N, RNG, computed, floats, model, save


def any_length():
    """A number of time steps that nobody knows before the model runs: a loop."""
    w = {"w": floats(1, 16, 3), "r": floats(1, 16, 4), "b": floats(1, 32), "gw": floats(1, 15, 4), "gr": floats(1, 15, 5), "axes": np.array([1])}
    nodes = [N("LSTM", ["x", "w", "r", "b"], ["y", "h", "c"], hidden_size=4), N("Squeeze", ["y", "axes"], ["s"]),
             N("GRU", ["s", "gw", "gr"], ["z", "last"], hidden_size=5, linear_before_reset=1)]
    m = model(nodes, [("x", F, ["T", "B", 3])], [("z", F, ["T", 1, "B", 5]), ("last", F, [1, "B", 5]), ("c", F, [1, "B", 4])], w)
    x = floats(6, 2, 3)
    outputs = onnxruntime.InferenceSession(m.SerializeToString()).run(None, {"x": x})
    save("any_length", m, [x], outputs)


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


def open_channels():
    """A batch norm of as many channels as come: PyTorch's instance norm by running statistics folds a free batch into them."""
    m = model([N("BatchNormalization", ["x", "s", "o", "m", "v"], ["y"])], [("x", F, [1, "C", 4])] + [(n, F, ["C"]) for n in "somv"], [("y", F, [1, "C", 4])],
              {})
    inputs = [floats(1, 5, 4), floats(5), floats(5), floats(5), np.abs(floats(5)) + 0.5]
    save("open_channels", m, inputs, computed(m, inputs))


def resized_traced():
    """Sizes with the batch that a model was traced with, for images of any number, and of any size."""
    w = {"large": np.array([1, 2, 7, 6]), "small": np.array([1, 2, 2, 3])}
    nodes = [N("Resize", ["x", "", "", "large"], ["a"], mode="cubic"), N("Resize", ["x", "", "", "small"], ["b"], mode="linear"),
             N("Resize", ["z", "", "", "large"], ["c"], mode="linear", coordinate_transformation_mode="pytorch_half_pixel"), N("Resize", ["z", "", "", "small"], ["d"])]
    sizes = [("a", 7, 6), ("b", 2, 3), ("c", 7, 6), ("d", 2, 3)]
    m = model(nodes, [("x", F, ["N", 2, 4, 5]), ("z", F, ["N", 2, "H", "W"])], [(n, F, ["N", 2, h, wide]) for n, h, wide in sizes], w)
    inputs = [floats(1, 2, 4, 5), floats(1, 2, 4, 5)]
    save("resized_traced", m, inputs, computed(m, inputs))


def grids_open():
    """Pixels of images of any size at as many computed places."""
    kinds = [("a", "linear", "zeros", 0), ("b", "linear", "border", 1), ("c", "nearest", "reflection", 0), ("d", "cubic", "zeros", 1),
             ("e", "linear", "reflection", 1)]
    nodes = [N("GridSample", ["x", "grid"], [n], mode=mode, padding_mode=padding, align_corners=align) for n, mode, padding, align in kinds]
    m = model(nodes, [("x", F, ["N", 2, "H", "W"]), ("grid", F, ["N", "h", "w", 2])], [(k[0], F, ["N", 2, "h", "w"]) for k in kinds], {}, opset=20, ir=9)
    inputs = [floats(2, 2, 5, 4), floats(2, 3, 6, 2, scale=0.9)]
    save("grids_open", m, inputs, onnxruntime.InferenceSession(m.SerializeToString()).run(None, dict(zip(("x", "grid"), inputs))))


def reshaped_open():
    """Reshapes of several open dimensions: some copied, one that the others tell, one from elsewhere beside one that is copied, sizes of the result;
    all parts put together as an output."""
    w = {"heads": np.array([0, 0, -1, 4]), "joined": np.array([0, 0, -1]), "copy": np.array([0]), "rest": np.array([-1]), "one": np.array([1]),
         "w": floats(8, 6), "first": np.array(0), "longer": np.array([0, 0, -1, 2])}
    nodes = [N("Reshape", ["x", "heads"], ["cut"]), N("Transpose", ["cut"], ["turned"], perm=[0, 2, 1, 3]), N("Relu", ["turned"], ["positive"]),
             N("Transpose", ["positive"], ["back"], perm=[0, 2, 1, 3]), N("Reshape", ["back", "joined"], ["whole"]), N("MatMul", ["whole", "w"], ["y"]),
             N("Shape", ["z"], ["s"]), N("Gather", ["s", "one"], ["d"]), N("Concat", ["copy", "d", "rest"], ["to"], axis=0),
             N("Reshape", ["x", "to"], ["mixed"]), N("Shape", ["x"], ["sx"]), N("Gather", ["sx", "first"], ["n0"]), N("Unsqueeze", ["n0", "copy"], ["n1"]),
             N("Concat", ["n1", "d", "rest"], ["sizes"], axis=0),
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
