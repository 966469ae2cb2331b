# SPDX-License-Identifier: Apache-2.0
"""Loops, scans, branches, functions and sequences."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from onnx_models.common import F, I, N, OUT, RNG, computed, floats, model, save


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
