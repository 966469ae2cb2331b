# SPDX-License-Identifier: Apache-2.0
"""SavedModels whose structure is the matter: variables, tables, names, parts."""
import shutil

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from golden.common import OUT, arrays, flat, floats, golden, save_keras, save_tf


class Cache(tf.Module):
    """Keeps rows between runs, in three ways of writing them."""

    def __init__(self):
        super().__init__()
        self.rows = tf.Variable(tf.zeros([4, 2]))
        self.more = tf.Variable(tf.zeros([4, 2]))
        self.last = tf.Variable(tf.zeros([4, 2]))

    @tf.function(input_signature=[tf.TensorSpec([1, 2]), tf.TensorSpec([], tf.int32)])
    def serve(self, x, at):
        self.rows.assign(tf.tensor_scatter_nd_update(self.rows, [[at]], x))
        self.more.scatter_add(tf.IndexedSlices(x, [at]))
        self.last[at].assign(x[0])
        return {"a": self.rows.read_value(), "b": self.more.read_value(), "c": self.last.read_value()}


@golden
def cache():
    module = Cache()
    folder = OUT / "cache"
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, folder)
    for extra in ("assets", "fingerprint.pb"):
        shutil.rmtree(folder / extra, ignore_errors=True) if (folder / extra).is_dir() else (folder / extra).unlink(missing_ok=True)
    runs = []
    for at in (2, 0):
        x = [floats(1, 2), np.array(at, np.int32)]
        runs.append((x, flat(module.serve(*map(tf.constant, x)))))
    np.savez(OUT / "cache.npz", **arrays(runs))


class Sequences(tf.Module):
    """Sparse tensors put together, cut and sorted; rows of a ragged one; symbols from scores."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int64), tf.TensorSpec([None]), tf.TensorSpec([2], tf.int64), tf.TensorSpec([7, None, 4]),
                                  tf.TensorSpec([None], tf.int32)])
    def serve(self, places, values, shape, scores, lengths):
        sorted_, other = tf.sparse.reorder(tf.SparseTensor(places, values, shape)), tf.sparse.from_dense([[0.0, 2.5], [1.5, 0.0]])
        joined, cut = tf.sparse.concat(1, [sorted_, tf.sparse.slice(sorted_, [0, 0], shape), other], expand_nonconcat_dims=False), tf.sparse.slice(sorted_,
            [0, 1], [2, 2])
        below = tf.sparse.concat(0, [other, other])
        symbols, best = tf.nn.ctc_greedy_decoder(scores, lengths)
        plain, _ = tf.nn.ctc_greedy_decoder(scores, lengths, merge_repeated=False, blank_index=1)
        fixed = tf.SparseTensor([[0, 1], [2, 0], [2, 2]], values[:3], [4, 3])  # Places that are known beforehand.
        filled, sliced = tf.sparse.fill_empty_rows(fixed, 7.0)[0], tf.sparse.slice(fixed, [0, 0], [3, 2])
        rows = tf.gather(tf.RaggedTensor.from_row_lengths(values[:4], [1, 0, 3]), [2, 1, 0, 2])
        parts = [t for sparse in (sorted_, joined, cut, below, filled, sliced, symbols[0], plain[0]) for t in (sparse.indices, sparse.values,
            sparse.dense_shape)]
        return [*parts, best, rows.values, rows.row_splits]


@golden
def sequences():
    places = np.array([[1, 2], [0, 3], [1, 0], [0, 0], [0, 1]])
    save_tf("sequences", Sequences(), (places, floats(5), np.array([2, 4]), floats(7, 2, 4), np.array([7, 4], np.int32)),
            (places[:4], floats(4), np.array([2, 5]), np.repeat(floats(7, 3, 4)[:4], 2, axis=0)[:7], np.array([6, 7, 2], np.int32)))


class Large(tf.Module):
    """Matrices whose elimination must not lose digits: exponentials, rows of different size; slices with dots."""

    @tf.function(input_signature=[tf.TensorSpec([2, 3, 3])])
    def serve(self, x):
        rows = tf.constant([[1e6], [1.0], [1e-3]])
        return {"a": tf.linalg.expm(x), "b": tf.linalg.expm(x * 6.0) * 1e-6, "c": tf.linalg.solve(x * rows, x[..., 1:] * rows),
                "d": tf.linalg.triangular_solve(x * 1e5, x * 1e5),
                "e": x[1, ..., tf.newaxis, ::2], "f": x[..., 0]}


@golden
def large():
    save_tf("large", Large(), (floats(2, 3, 3),), (floats(2, 3, 3),))


class Tied(tf.Module):
    def __init__(self):
        super().__init__()
        self.w = tf.Variable(floats(128, 128) / 12)

    @tf.function(input_signature=[tf.TensorSpec((2, 128), tf.float32, name="x")])
    def serve(self, x):
        return {"y": tf.matmul(tf.matmul(tf.nn.relu(tf.matmul(x, self.w)), self.w, transpose_b=True), tf.identity(self.w))}


class Rows(tf.Module):
    """A list that grows by one at a time; volumes with holes, in groups and with channels first; extremes put at places; slices as XLA has them."""

    @tf.function(input_signature=[tf.TensorSpec([5, 3]), tf.TensorSpec([2, 5, 6, 7, 4]), tf.TensorSpec([], tf.int32)])
    def serve(self, x, volume, n):
        from tensorflow.compiler.tf2xla.python import xla

        def compiled(f):
            return tf.function(f, jit_compile=True)()
        rows, i = tf.TensorArray(tf.float32, 0, dynamic_size=True, element_shape=[3]), tf.constant(0)
        while i < 3 and tf.reduce_sum(x[i]) < 100.0:
            rows = rows.write(rows.size(), x[i] * 2)
            i += 1
        kernel = tf.constant(np.linspace(-1, 1, 2 * 2 * 2 * 4 * 2, dtype=np.float32).reshape(2, 2, 2, 4, 2))
        share = tf.constant(np.linspace(-1, 1, 2 * 2 * 2 * 2 * 4, dtype=np.float32).reshape(2, 2, 2, 2, 4))
        return {"a": rows.stack(), "b": tf.nn.convolution(volume, kernel, padding="SAME", dilations=[1, 2, 2]),
                "c": compiled(lambda: tf.nn.conv3d(volume, share, [1, 1, 2, 1, 1], "VALID")),
                "d": tf.tensor_scatter_nd_max(x, [[0, 1], [4, 2]], [0.5, 0.0]), "e": compiled(lambda: xla.dynamic_update_slice(x, x[:2] * 2, tf.stack([n, 0]))),
                "f": compiled(lambda: xla.dynamic_slice(x, tf.stack([n, 1]), [3, 2])), "g": tf.reduce_sum(x, []),
                "h": tf.linalg.set_diag(x[:3] > 0, [True, False, True]), "i": tf.nn.relu(n - 2)}


@golden
def rows():
    save_tf("rows", Rows(), (floats(5, 3), floats(2, 5, 6, 7, 4), np.int32(1)), (floats(5, 3), floats(2, 5, 6, 7, 4), np.int32(3)))


@golden
def references():
    """A model of TensorFlow 1 whose variables are read by their names alone."""
    folder, x = OUT / "references", [floats(2, 5, 5, 3), floats(2, 5, 5, 3)]
    shutil.rmtree(folder, ignore_errors=True)
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        image = v1.placeholder(tf.float32, [2, 5, 5, 3], name="image")
        kernel, shift = (v1.get_variable(n, initializer=tf.constant(floats(*s)), use_resource=False) for n, s in (("kernel", (3, 3, 3, 4)), ("shift", (4,))))
        y = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(image, kernel, 1, "SAME"), shift))
        session.run(v1.global_variables_initializer())
        v1.saved_model.simple_save(session, str(folder), {"image": image}, {"y": y})
        np.savez(OUT / "references.npz", **arrays([([v], [session.run(y, {image: v})]) for v in x]))


class Parted(tf.Module):
    """Rows parted among two functions and put back: what looks up an embedding in several tables."""

    @tf.function(input_signature=[tf.TensorSpec([None], tf.int32)])
    def serve(self, ids):
        tables = [tf.constant(np.linspace(k, k + 1, 12, dtype=np.float32).reshape(4, 3)) for k in range(2)]
        which = ids % 2
        places, keys = tf.dynamic_partition(tf.range(tf.size(ids)), which, 2), tf.dynamic_partition(ids // 2, which, 2)
        return tf.dynamic_stitch(places, [tf.gather(t, k) for t, k in zip(tables, keys)])


@golden
def parted():
    save_tf("parted", Parted(), (np.array([5, 0, 3, 3], np.int32),), (np.array([1, 7], np.int32),))


@golden
def tied():
    """Kernels of 64 KB, which leave memory when they are in another layout, with several readers."""
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    x = keras.Input((128,))
    dense = L.Dense(128, use_bias=False)
    save_keras("tied_layer", keras.Model(x, CustomScaleLayer(0.17)([x, dense(L.ReLU()(dense(x)))])), [floats(1, 128)], [floats(2, 128)])
    save_tf("tied", Tied(), (floats(2, 128),), (floats(2, 128),))


class Filled(tf.Module):
    """Lists that only branches, and loops in branches and loops, put something into; bands that the running model knows."""

    @tf.function(input_signature=[tf.TensorSpec([None, None]), tf.TensorSpec([], tf.int32)])
    def serve(self, x, k):
        a, b = tf.TensorArray(tf.float32, size=tf.shape(x)[0]), tf.TensorArray(tf.int32, size=tf.shape(x)[0])
        c, d, e = tf.TensorArray(tf.float32, size=4), tf.TensorArray(tf.float32, size=0, dynamic_size=True), tf.TensorArray(tf.float32, size=2)
        for i in tf.range(tf.shape(x)[0]):
            if x[i, 0] > 0:
                if x[i, 1] > 0:
                    a = a.write(i, x[i] * 2.0)
                    b = b.write(i, i * 10)
                else:
                    b = b.write(i, -i)
                for j in tf.range(2):
                    d = d.write(d.size(), x[i, j])
            else:
                a = a.write(i, x[i, ::-1])
        for i in tf.range(2):
            for j in tf.range(2):
                c = tf.switch_case(k, [lambda: c.write(i * 2 + j, x[i, j]), lambda: c, lambda: c.write(3 - j, x[j, i])])
        e = tf.cond(k > 0, lambda: e.write(0, 1.5), lambda: e.write(1, 2.5))
        return {"a": a.stack(), "b": b.stack(), "c": c.stack(), "d": d.stack(), "e": e.stack(), "f": tf.linalg.band_part(x, k, tf.cast(-1, tf.int32)),
                "g": tf.linalg.band_part(x, tf.constant(1), k - 1)}


@golden
def filled():
    save_tf("filled", Filled(), (np.float32([[1, 2, 3], [1, -2, 3], [-1, 2, 4]]), np.array(0, np.int32)),
            (np.float32([[1, 2], [3, -1], [-5, 4], [7, 1]]), np.array(2, np.int32)))
