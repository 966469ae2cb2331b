# SPDX-License-Identifier: Apache-2.0
"""Graphs as TensorFlow 1 saves them: control flow of frames, lowered branches, frozen in one file."""
import shutil

import numpy as np
import tensorflow as tf
from keras import layers as L

from golden.common import OUT, arrays, floats, golden, save_tf
from same_bytes import settle_lowered


def save_frames(name, loop, inputs):
    """The graph of z = loop(x), x of three numbers, with control flow of frames: Switch, Merge, Enter, Exit, NextIteration."""
    tf1 = tf.compat.v1
    tf1.disable_control_flow_v2()
    graph = tf.Graph()
    with graph.as_default():
        x = tf1.placeholder(tf.float32, [3], "x")
        z = tf.identity(loop(tf1, x), "z")
        with tf1.Session() as session:
            runs = [([v], [session.run(z, {x: v})]) for v in inputs]
    tf1.enable_control_flow_v2()
    pruned = tf1.graph_util.extract_sub_graph(graph.as_graph_def(), ["z"])
    (OUT / f"{name}.pb").write_bytes(pruned.SerializeToString(deterministic=True))
    np.savez(OUT / f"{name}.npz", **arrays(runs))


@golden
def old_control_flow():
    """A branch, and a loop."""
    def loop(tf1, x):
        y = tf1.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x - 1.0)
        return tf1.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, v * 0.5 + x), (tf.constant(0), y))[1]

    save_frames("old_control_flow", loop, [np.array([1.0, 2.0, -0.5], np.float32), np.array([-1.0, -2.0, 0.5], np.float32)])


@golden
def branch_in_loop():
    """A branch of frames within a loop of frames: its pivots belong to the loop, though no value needs them."""
    def loop(tf1, x):
        return tf1.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: v * 0.5, lambda: v + x)), (tf.constant(0), x))[1]

    save_frames("branch_in_loop", loop, [floats(3), floats(3)])


@golden
def array_places():
    """Arrays of tensors: cut and joined, read within a branch that would read behind the end, filled within one,
    gathered at places that are not all of them."""
    def loop(tf1, x):
        parts = tf.TensorArray(tf.float32, 3, clear_after_read=False, infer_shape=False).split(tf.concat([x, x * 2.0], 0), [2, 2, 2])
        whole = tf.TensorArray(tf.float32, 3, element_shape=[2])
        for k in range(3):
            whole = whole.write(k, tf.reshape(parts.read(k), [2]) * (k + 1.0))
        rows = tf.TensorArray(tf.float32, 3, clear_after_read=False).unstack(x)

        def step(i, out, sum):
            read = tf1.cond(tf.logical_and(sum > 0, i < 2), lambda: rows.read(i * 2), lambda: 0.5)
            return i + 1, tf1.cond(read > 0, lambda: out.write(2 - i, read), lambda: out.write(2 - i, read - 1.0)), sum + read

        out, sum = tf1.while_loop(lambda i, *_: i < 3, step, (tf.constant(0), tf.TensorArray(tf.float32, 3, clear_after_read=False), tf.constant(0.1)))[1:]
        return tf.concat([out.gather([1, 0]), out.stack(), whole.concat(), [sum]], 0)

    save_frames("array_places", loop, [np.array([1.0, -3.0, 0.5], np.float32), np.array([-1.0, 2.0, 0.25], np.float32)])


@golden
def open_rows():
    """A loop that fills a list with rows of an open length that no loop value has; as it is, and as frames."""
    def serve(x):
        rows = lambda i, v: tf.reshape(tf.nn.top_k(tf.reshape(v, [-1, 4]), 2)[0] + tf.cast(i, tf.float32), [-1])
        step = lambda i, v, out: (i + 1, v * 0.5 + x, out.write(i, rows(i, v)))
        return tf.while_loop(lambda i, *_: i < 3, step, (tf.constant(0), x, tf.TensorArray(tf.float32, 3)))[2].stack()

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=[tf.TensorSpec([None, 8], name="x")])
    save_tf("open_rows", module, [floats(2, 8)], [floats(3, 8)])


@golden
def training_switch():
    """Frozen with its switch for training: what gradients alone would ask of the branches is no tensor;
    pooling and a transposed convolution with borders of their own, places."""
    tf1 = tf.compat.v1
    with tf.Graph().as_default() as graph, tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [None, 5, 6, 2], "x")
        training = tf1.placeholder_with_default(False, [], "training")
        scale = tf1.get_variable("scale", initializer=floats(2), use_resource=True)
        norm = lambda is_training: tf1.nn.fused_batch_norm(x, scale, scale * 0.5, scale * 0.1, scale * scale + 0.5, is_training=is_training)[0]
        y = tf.cond(training, lambda: norm(True), lambda: norm(False))
        tf1.gradients(tf.reduce_sum(y), scale)
        pooled = tf.nn.max_pool2d(y, 3, 2, [[0, 0], [1, 0], [1, 1], [0, 0]])
        largest, places = tf.nn.max_pool_with_argmax(y, [2, 3], [2, 1], "SAME")
        grown = tf.nn.conv2d_transpose(y, floats(3, 3, 3, 2), [tf.shape(x)[0], 9, 12, 3], 2, [[0, 0], [1, 1], [0, 1], [0, 0]])
        outs = [tf.identity(v, f"z{k}") for k, v in enumerate([pooled, largest, places, grown])]
        session.run(tf1.global_variables_initializer())
        runs = [([v], session.run(outs, {x: v})) for v in (floats(2, 5, 6, 2), floats(1, 5, 6, 2))]
        frozen = tf1.graph_util.convert_variables_to_constants(session, graph.as_graph_def(), ["z0", "z1", "z2", "z3"])
    (OUT / "training_switch.pb").write_bytes(frozen.SerializeToString(deterministic=True))
    np.savez(OUT / "training_switch.npz", **arrays(runs))


@golden
def pieces_of_variables():
    """Variables in pieces: a checkpoint has a key for each piece."""
    tf1 = tf.compat.v1
    with tf.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.int64, [None, 3], "x")
        pieces = lambda name, shape, count, axis: tf1.get_variable(name, shape, initializer=tf1.random_uniform_initializer(-1, 1, seed=3), use_resource=True,
                                                                   partitioner=tf1.fixed_size_partitioner(count, axis=axis))
        table, kernel = pieces("table", [70, 2], 3, 0), pieces("kernel", [6, 4], 2, 1)
        y = tf.matmul(tf.reshape(tf.nn.embedding_lookup(table, x), [-1, 6]), tf.convert_to_tensor(kernel))
        session.run(tf1.global_variables_initializer())
        runs = [([v], [session.run(y, {x: v})]) for v in (np.array([[0, 69, 30]]), np.array([[1, 2, 66], [46, 23, 24]]))]
        folder = OUT / "pieces_of_variables"
        shutil.rmtree(folder, ignore_errors=True)
        tf1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
        (folder / "fingerprint.pb").unlink(missing_ok=True)
    np.savez(OUT / "pieces_of_variables.npz", **arrays(runs))


@golden
def stripped_defaults():
    """SavedModels leave out attributes that have the op's default."""
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 2, 3, 2], name="x")])
    def serve(x):
        norm = tf.raw_ops.FusedBatchNormV3(x=x, scale=[1.0, 2.0], offset=[0.0, 1.0], mean=[0.5, 0.0], variance=[1e-4, 3e-4], is_training=False)
        return norm[0] * 1e-2, tf.raw_ops.QuantizeAndDequantizeV3(input=x, input_min=-1.0, input_max=1.0, num_bits=8)

    module.serve = serve
    save_tf("stripped_defaults", module, [floats(1, 2, 3, 2)], [floats(2, 2, 3, 2)])


@golden
def blocks_behind_channels():
    """A convolution dilated along one axis with its channels first, and a quotient whose divisor is known."""
    kernel, divisor = floats(3, 2, 4, 5), np.arange(1, 6, dtype=np.float32).reshape(5, 1, 1)
    module = tf.Module()

    @tf.function(input_signature=[tf.TensorSpec([None, 4, 9, 6], name="x")])
    def serve(x):
        blocks = tf.raw_ops.SpaceToBatchND(input=x, block_shape=[1, 2, 1], paddings=[[0, 0], [2, 3], [0, 0]])
        y = tf.transpose(tf.nn.conv2d(tf.transpose(blocks, [0, 2, 3, 1]), kernel, 1, "VALID"), [0, 3, 1, 2])
        return tf.math.divide_no_nan(tf.raw_ops.BatchToSpaceND(input=y, block_shape=[1, 2, 1], crops=[[0, 0], [0, 1], [0, 0]]), divisor)

    module.serve = serve
    save_tf("blocks_behind_channels", module, [floats(1, 4, 9, 6)], [floats(2, 4, 9, 6)])


@golden
def lowered_branches():
    """Branches as freezing lowers them: what one side computes makes no sense to an input that takes the other."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 2], name="x")])
    def serve(x):
        size = tf.shape(x)
        rest = size[1] - 4
        cut = lambda v: tf.slice(v, [0, rest // 2, 0, 0], [1, 4, 3, 2]) * 2.0
        grown = lambda: tf.cond(size[2] > 2, lambda: tf.slice(tf.tile(x, [1, 4, 1, 1]), tf.stack([0, -rest, size[2] - 3, 0]), [1, 4, 3, 2]),
                                lambda: tf.tile(x, [1, 4, 3, 1])[:, :4, :3] + 1.0)
        return tf.cond(rest >= 0, lambda: cut(x), grown) + tf.cast(rest, tf.float32)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    (OUT / "lowered_branches.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))
    runs = [[floats(1, *size, 2)] for size in ((7, 3), (2, 5), (1, 1))]
    np.savez(OUT / "lowered_branches.npz", **arrays([(r, [frozen(*map(tf.constant, r))[0].numpy()]) for r in runs]))


@golden
def lowered_control_flow():
    """TensorFlow 2's While, If and Case as freezing lowers them: inputs that nobody reads stay behind, a Case is a _SwitchN."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
    w = tf.constant(floats(4, 4) * 0.4)
    cell = L.GRU(3, return_sequences=True)

    @tf.function(input_signature=[tf.TensorSpec([2, 4], name="x"), tf.TensorSpec([], tf.int32, name="n")])
    def serve(x, n):
        i, y = tf.constant(0), x
        while i < n:
            if i % 2 == 0:
                y = y @ w + 1.0
            else:
                j = tf.constant(0)
                while j < i:
                    y, j = tf.tanh(y) + x, j + 1
            i += 1
        z = tf.switch_case(n - 2, [lambda: y + 1.0, lambda: y * 2.0, lambda: y @ w])
        return tf.concat([z, tf.reshape(cell(tf.reshape(x, [1, 4, 2])), [2, 6])], 1)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    (OUT / "lowered_control_flow.pb").write_bytes(settle_lowered(frozen.graph.as_graph_def()).SerializeToString(deterministic=True))
    runs = [[floats(2, 4), np.array(n, np.int32)] for n in (3, 9)]
    np.savez(OUT / "lowered_control_flow.npz", **arrays([(r, [frozen(*map(tf.constant, r))[0].numpy()]) for r in runs]))


@golden
def one_of_two():
    """A branch of TensorFlow 1 whose sides differ in shape; elements that another vector lacks, truths stacked, shifts that are data."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    @tf.function(input_signature=[tf.TensorSpec([None, 3], name="x"), tf.TensorSpec([None], tf.int32, name="n")])
    def serve(x, n):
        y = tf.cond(tf.reduce_all(tf.stack([tf.shape(x)[0] > 2, tf.reduce_sum(x) > -1e9])), lambda: tf.concat([x, x], 0), lambda: x[:1] * 2.0)
        rest = tf.raw_ops.ListDiff(x=n, y=tf.constant([1, 4]))
        return y, rest.out, rest.idx, tf.roll(x, n[:2], [0, 1]), tf.roll(x, -4, 0)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    (OUT / "one_of_two.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))
    runs = [[floats(3, 3), np.array([1, 2, 3, 4, 2], np.int32)], [floats(2, 3), np.array([7, 1], np.int32)]]
    np.savez(OUT / "one_of_two.npz", **arrays([(r, [v.numpy() for v in frozen(*map(tf.constant, r))]) for r in runs]))


@golden
def crossed():
    """Text joined and crossed, frozen: a GraphDef does not say of how many operands such ops are."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    text = tf.TensorSpec([None, 1], tf.string, name="x")
    numbers = tf.TensorSpec([None, 1], tf.int64, name="n")

    @tf.function(input_signature=[text, numbers])
    def run(x, n):
        crossed = tf.sparse.cross_hashed([tf.strings.join([x, x], "-"), n], 16)
        return tf.reshape(crossed.values, [-1, 1])

    frozen = convert_variables_to_constants_v2(run.get_concrete_function())
    (OUT / "crossed.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))
    feeds = [(np.array([["a"], ["bc"]], object), np.int64([[1], [7]])), (np.array([["q"]], object), np.int64([[3]]))]
    np.savez(OUT / "crossed.npz", **arrays([([x.astype("S2"), n], [run(tf.constant(x), tf.constant(n)).numpy()]) for x, n in feeds]))


@golden
def switched_variables():
    """A variable that both sides of a branch of frames read, behind Switches of its handle; a print."""
    tf1 = tf.compat.v1
    tf1.disable_control_flow_v2()
    with tf.Graph().as_default(), tf1.Session() as session:
        x = tf1.placeholder(tf.float32, [3], "x")
        w = tf1.get_variable("w", initializer=floats(3), use_resource=True)
        y = tf1.Print(tf1.cond(tf.reduce_sum(x) > 0, lambda: x * w, lambda: x - w), [x])
        session.run(tf1.global_variables_initializer())
        runs = [([v], [session.run(y, {x: v})]) for v in (np.array([1.0, 2.0, -0.5], np.float32), np.array([-1.0, -2.0, 0.5], np.float32))]
        folder = OUT / "switched_variables"
        shutil.rmtree(folder, ignore_errors=True)
        tf1.saved_model.simple_save(session, str(folder), {"x": x}, {"y": y})
        (folder / "fingerprint.pb").unlink(missing_ok=True)
    tf1.enable_control_flow_v2()
    np.savez(OUT / "switched_variables.npz", **arrays(runs))
