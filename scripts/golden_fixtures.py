#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/importers/data/golden: small models as their frameworks save them, each with two inputs in a row and
the outputs that the framework gives. Needs tensorflow-cpu (with Keras 3); FILTER picks models by a part of their name.

Usage: scripts/golden_fixtures.py [FILTER]
"""
import pathlib
import shutil
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests/importers/data/golden"
RNG = np.random.default_rng(11)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def flat(outputs):
    return [np.asarray(t) for t in tf.nest.flatten(outputs, expand_composites=True)]


def arrays(runs):
    named = {}
    for r, (inputs, outputs) in enumerate(runs):
        named |= {f"{r}in{i}": v for i, v in enumerate(inputs)} | {f"{r}out{i}": v for i, v in enumerate(outputs)}
    return named


def save_keras(name, model, *inputs):
    model.save(OUT / f"{name}.keras")
    runs = [(x, flat(model(x if len(x) > 1 else x[0], training=False))) for x in inputs]
    np.savez(OUT / f"{name}.npz", **arrays(runs))


# ------------------------------------------------------------------------------------------ Keras
def recurrent_any_length():
    """Time steps that no one knows before the model runs, masked, in both directions, last and all steps."""
    ids = keras.Input([None], dtype="int32", name="ids")
    x = L.Embedding(7, 4, mask_zero=True)(ids)
    x = L.Bidirectional(L.GRU(3, return_sequences=True))(x)
    x = L.LSTM(3, return_sequences=True, go_backwards=True)(x)
    y, h = L.SimpleRNN(2, return_state=True)(x)
    save_keras("recurrent_any_length", keras.Model(ids, [y, h]), [np.array([[1, 2, 0, 3], [4, 0, 0, 5]], np.int32)], [np.array([[6, 0, 1]], np.int32)])


def recurrent_stateful():
    x = keras.Input(batch_shape=[2, 3, 4], name="x")
    y = L.LSTM(3, stateful=True, activation="softsign")(L.GRU(3, stateful=True, return_sequences=True)(x))
    save_keras("recurrent_stateful", keras.Model(x, y), [floats(2, 3, 4)], [floats(2, 3, 4)])


def lookups():
    """Numbers as categories: tables of positions, comparison where they lie far apart; bins."""
    numbers = keras.Input([3], dtype="int64", name="numbers")
    outputs = [L.IntegerLookup(vocabulary=[7, 3, 9], num_oov_indices=2)(numbers), L.IntegerLookup(vocabulary=[10**12, 5], output_mode="multi_hot")(numbers),
               L.IntegerLookup(vocabulary=[4, 8], mask_token=0)(numbers), L.Discretization(bin_boundaries=[0.5, 4.0, 8.0])(keras.ops.cast(numbers, "float32"))]
    save_keras("lookups", keras.Model(numbers, outputs), [np.array([[3, 4, 10**12]])], [np.array([[9, 5, -1]])])


def texts():
    """Texts split, cleaned and looked up; texts and numbers hashed and crossed."""
    text = keras.Input([1], dtype="string", name="text")
    words = ["the", "fox", "größer", "the fox"]
    modes = [{"output_sequence_length": 4}, {"ngrams": 2}, {"ngrams": 2, "output_mode": "count"}, {"output_mode": "multi_hot", "standardize": "lower"},
             {"output_mode": "tf_idf", "idf_weights": [0.5, 1.0, 2.0, 4.0]}, {"split": "character", "standardize": "strip_punctuation", "vocabulary": list("the fö"), "output_sequence_length": 9}]
    outputs = [L.TextVectorization(**({"vocabulary": words} | mode))(text) for mode in modes]
    lookup = L.StringLookup(vocabulary=words, num_oov_indices=3, output_mode="one_hot")(text)
    hashed = [L.Hashing(9, mask_value="")(text), L.Hashing(5, salt=[3, 2**40], output_mode="multi_hot")(text)]
    number = keras.Input([1], dtype="int64", name="number")
    hashed += [L.Hashing(9, salt=7)(number), L.HashedCrossing(11)([text, number])]
    model = keras.Model([text, number], [*outputs, lookup, *hashed])
    model.save(OUT / "texts.keras")
    runs = [[np.array([["The Fox, the FOX is größer!"], [""]]), np.array([[5], [-3]])], [np.array([["the\tfox  of all"]]), np.array([[2**40]])]]
    named = [([np.char.encode(x[0], "utf-8"), x[1]], flat(model([tf.constant(v) for v in x]))) for x in runs]
    np.savez(OUT / "texts.npz", **arrays(named))


def spectrograms():
    x = keras.Input([256], name="x")
    mel = L.MelSpectrogram(fft_length=64, sequence_stride=32, sequence_length=48, sampling_rate=2000, num_mel_bins=5, min_freq=20)(x)
    stft = L.STFTSpectrogram(mode="psd", frame_length=32, frame_step=16, padding="same", window=None)(keras.ops.expand_dims(x, -1))
    save_keras("spectrograms", keras.Model(x, [mel, stft]), [floats(1, 256)], [floats(1, 256)])


def volumes():
    x = keras.Input([2, 4, 5, 3, 2], name="x")
    y = L.ConvLSTM3D(2, 2, strides=(2, 1, 1), padding="same", return_sequences=True)(x)
    z = L.AutoContrast(value_range=(0, 1))(keras.ops.reshape(y, (-1, 4, 15, 2)))
    save_keras("volumes", keras.Model(x, [y, z]), [floats(1, 2, 4, 5, 3, 2)], [floats(2, 2, 4, 5, 3, 2)])


def functions():
    """keras.ops as layers: element by element, over axes, sorted, joined."""
    o = keras.ops
    x = keras.Input([4, 6], name="x")
    a, b = o.gelu(x), o.gelu(x, approximate=False)
    parts = [a + b, o.arctan(x), o.log1p(o.abs(x)), o.expm1(x), o.logaddexp(x, a), o.hard_shrink(x, 0.7), o.celu(x, 0.5), o.std(x, axis=-1, keepdims=True),
             o.logsumexp(x, axis=1, keepdims=True), o.norm(x, axis=-1, keepdims=True), o.sort(x), o.tril(x), o.nan_to_num(x), o.cumsum(x, axis=1)]
    top, at = o.top_k(x, 2)
    save_keras("functions", keras.Model(x, [*parts, top, at, o.moveaxis(x, 2, 1), o.diff(x), o.take_along_axis(x, at, axis=-1), o.trunc(x), o.bitwise_and(at, at + 3)]),
               [floats(1, 4, 6)], [floats(2, 4, 6)])


def named_ends():
    """Dicts of inputs and outputs, which both Keras number by their keys; a decoder whose own mask Keras does not pass along
    beside given states; whole numbers joined with floats; normalizations over other axes, and by the deviation alone; a mask that hides all."""
    ids, first, x, hide = keras.Input([4], dtype="int32", name="ids"), keras.Input([3], name="first"), keras.Input([4, 3], name="x"), keras.Input([4, 3], dtype="bool", name="hide")
    steps = L.LSTM(3, return_sequences=True)(L.Embedding(6, 3, mask_zero=True)(ids), initial_state=[first, first])
    outputs = {"steps": steps, "mean": L.GlobalAveragePooling1D()(steps), "joined": L.Concatenate()([first, ids]),
               "areas": L.RMSNormalization(axis=(1, 2))(x), "scaled": L.LayerNormalization(rms_scaling=True)(x), "hidden": L.Softmax()(x, mask=hide)}
    model = keras.Model({"z_ids": ids, "first": first, "x": x, "hide": hide}, outputs)
    for w in model.weights:
        w.assign(np.asarray(w) + 0.1 * floats(*w.shape))
    runs = []
    for n in (1, 2):
        given = {"first": floats(n, 3), "hide": floats(n, 4, 3) > 0, "x": floats(n, 4, 3), "z_ids": np.arange(4 * n, dtype=np.int32).reshape(n, 4) % 5}
        given["hide"][0, 1] = False
        runs.append((list(given.values()), flat(model(given))))
    model.save(OUT / "named_ends.keras")
    np.savez(OUT / "named_ends.npz", **arrays(runs))


def held_model():
    """A legacy file of a model within a wrapper within a model: one list of variables, first what is trained of them all."""
    inner = keras.Sequential([keras.Input([4]), L.Dense(3), L.BatchNormalization(), L.Dense(2)])
    a, x = keras.Input([3, 4]), keras.Input([3, 4])
    model = keras.Model(x, keras.Model(a, L.TimeDistributed(inner)(a))(x))
    for w in model.weights:
        w.assign(np.abs(floats(*w.shape)) + 0.2)
    model.save(OUT / "held_model.h5")
    np.savez(OUT / "held_model.npz", **arrays([([v], flat(model(v))) for v in (floats(1, 3, 4), floats(2, 3, 4))]))


def transforms():
    """Fourier transforms of pairs of real numbers; the first choice that holds; indices along any axis; overlapping parts."""
    o = keras.ops
    x, at = keras.Input([4, 6], name="x"), keras.Input([2, 6], dtype="int32", name="at")
    bins = o.rfft(x, 8)
    parts = [*o.fft((x, 2 * x)), *o.fft2((x, -x)), *o.ifft2((x, x)), *bins, o.irfft(bins), o.extract_sequences(x, 3, 2),
             o.tensordot(x, np.linspace(-1, 1, 48, dtype=np.float32).reshape(6, 2, 4), [[1, 2], [2, 0]]), o.select([x > 1, x > 0], [x, -x], 3.0), o.take_along_axis(x, at, axis=1), o.take_along_axis(x, at[..., :1], axis=1)]
    save_keras("transforms", keras.Model([x, at], parts), [floats(1, 4, 6), np.arange(12, dtype=np.int32).reshape(1, 2, 6) % 4], [floats(2, 4, 6), np.arange(24, dtype=np.int32).reshape(2, 2, 6) % 4])


def open_sizes():
    """Layers of whose shape only the rank is known; a signal of overlapping spectra, in steps that divide their length and in others."""
    x, v, (re, im) = keras.Input([None, None, 4], name="x"), keras.Input([None, 3, None, 2], name="v"), (keras.Input([None, 9], name=n) for n in ("re", "im"))
    o = keras.ops
    parts = [o.triu(x, 1), o.exp(o.tril(o.abs(x) * -np.inf, -1)), L.Flatten()(x), L.Reshape([-1, 2])(x), L.Conv3DTranspose(2, [2, 3, 3], strides=[1, 2, 2], padding="same")(v), L.Conv3DTranspose(1, 2, strides=2)(v),
             o.istft((re, im), 16, 4, 16), o.istft((re, im), 12, 5, 16, window="hamming", center=False)]
    save_keras("open_sizes", keras.Model([x, v, re, im], parts), *([floats(2, n, 3, 4), floats(1, 2, 3, n, 2), floats(2, n + 3, 9), floats(2, n + 3, 9)] for n in (2, 3)))


NARROW = np.array([[1 + 2**-11, 1 + 3 * 2**-11, 2049, 65519, 6e-8, 2**-25, -1e-5, 0.1], [1 + 2**-8, 1 + 3 * 2**-8, -3.3, 1e-20, 1000.5, 0, 77.7, -0.3]], np.float32)


def halves():
    """Casts there and back round; what is computed in between, is not."""
    o, x = keras.ops, keras.Input([8], name="x")
    parts = [o.cast(o.cast(f(x), t), back) for t in ("float16", "bfloat16") for f, back in ((o.abs, "float32"), (o.negative, "int32"))]
    save_keras("halves", keras.Model(x, parts), [NARROW], [NARROW[:1]])


def norms():
    """Norms of vectors and matrices, decompositions by what is the same for all signs of their vectors."""
    o, x = keras.ops, keras.Input([4, 3], name="x")
    inf, lower = float("inf"), o.cholesky(o.matmul(o.transpose(x, [0, 2, 1]), x) + o.eye(3))
    kinds = [(None, [1, 2]), (1, -1), (3, 1), (0, 1), (-inf, 2), ("fro", [1, 2]), ("nuc", [1, 2]), (2, [2, 1]), (-2, [1, 2]), (1, [1, 2]), (-1, [2, 1]), (inf, [1, 2]), (-inf, [1, 2])]
    (u, s, v), (values, vectors) = o.svd(x, full_matrices=False), o.eigh(o.matmul(x, o.transpose(x, [0, 2, 1])))
    parts = [o.norm(x, ord=p, axis=a, keepdims=i % 2 == 0) for i, (p, a) in enumerate(kinds)] + [o.normalize(x, axis=1, order=n) for n in (1, 2, 3)]
    parts += [o.matmul(u * s[:, None], v), s, values, o.matmul(vectors * values[:, None], o.transpose(vectors, [0, 2, 1])), *o.qr(x), *o.qr(x, mode="complete"), o.linalg.pinv(x), o.linalg.matrix_rank(x),
              o.linalg.cholesky_inverse(lower)]
    save_keras("norms", keras.Model(x, parts), [floats(1, 4, 3)], [floats(2, 4, 3)])
    a, b = keras.Input(batch_shape=[5, 3], name="a"), keras.Input(batch_shape=[5], name="b")
    save_keras("least_squares", keras.Model([a, b], [o.lstsq(a, b), o.lstsq(a, o.stack([b, -b], 1))]), [floats(5, 3), floats(5)], [floats(5, 3), floats(5)])


# ------------------------------------------------------------------------------------ SavedModels
def save_tf(name, module, *inputs, **options):
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, folder, **options)
    for extra in ("assets", "fingerprint.pb"):
        shutil.rmtree(folder / extra, ignore_errors=True) if (folder / extra).is_dir() else (folder / extra).unlink(missing_ok=True)
    np.savez(OUT / f"{name}.npz", **arrays([(list(x), flat(module.serve(*map(tf.constant, x)))) for x in inputs]))


class Scattered(tf.Module):
    def __init__(self):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([1, 4], tf.int64), tf.constant([0.5, 2.5])), -1.0)

    @tf.function(input_signature=[tf.TensorSpec([4, 3]), tf.TensorSpec([4], tf.int32)])
    def serve(self, x, ids):
        at = tf.constant([[0], [2]])
        return {"a": tf.tensor_scatter_nd_update(x, at, tf.ones([2, 3])), "b": tf.math.unsorted_segment_max(x, ids, 3), "c": tf.math.bincount(ids, minlength=4, maxlength=4),
                "d": self.table.lookup(tf.cast(ids, tf.int64)), "e": tf.raw_ops.Bucketize(input=x, boundaries=[-0.5, 0.5]), "f": tf.linalg.diag_part(x[:3]),
                "g": tf.searchsorted(tf.constant([[-1.0, 0.0, 1.0]]), x[:1]), "h": tf.bitwise.bitwise_and(ids * 70001, 65537 * 3), "i": tf.math.cumprod(x, axis=1, reverse=True),
                "j": tf.math.confusion_matrix(ids, ids[::-1], 4)}


class Images(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([1, 5, 4, 3])])
    def serve(self, x):
        boxes = tf.constant([[0.1, 0.0, 0.9, 1.0], [-0.2, 0.3, 0.5, 1.2]])
        return {"a": tf.image.adjust_hue(x, 0.1), "a0": tf.image.rgb_to_hsv(x - 0.2), "b": tf.image.adjust_saturation(x, 1.5), "c": tf.image.adjust_contrast(x, 2.0), "d": tf.image.resize(x, [7, 3], "bicubic"),
                "e": tf.image.resize(x, [2, 3], "area"), "f": tf.image.crop_and_resize(x, boxes, [0, 0], [3, 3]), "g": tf.image.extract_patches(x, [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")}


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


class Narrowed(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])
    def serve(self, x):
        there = tf.cast(x, tf.float16)
        return {"half": tf.cast(there, tf.float32), "brain": tf.cast(tf.cast(x * 3, tf.bfloat16), tf.float32), "whole": tf.cast(there, tf.int32)}


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
        return {"a": a.stack(), "b": b.stack(), "c": c.stack(), "d": d.stack(), "e": e.stack(), "f": tf.linalg.band_part(x, k, tf.cast(-1, tf.int32)), "g": tf.linalg.band_part(x, tf.constant(1), k - 1)}


def filled():
    save_tf("filled", Filled(), (np.float32([[1, 2, 3], [1, -2, 3], [-1, 2, 4]]), np.array(0, np.int32)), (np.float32([[1, 2], [3, -1], [-5, 4], [7, 1]]), np.array(2, np.int32)))


def narrowed():
    save_tf("narrowed", Narrowed(), (NARROW,), (NARROW[:1],))


def scattered():
    save_tf("scattered", Scattered(), (floats(4, 3), np.array([1, 0, 2, 1], np.int32)), (floats(4, 3), np.array([2, 3, 0, 0], np.int32) % 3))


def images():
    save_tf("images", Images(), (np.abs(floats(1, 5, 4, 3)) / 4,), (np.abs(floats(1, 5, 4, 3)) / 4,))


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


class Matrices(tf.Module):
    """Small matrices turned inside out, whole numbers of all widths, kernels that no operator has."""

    @tf.function(input_signature=[tf.TensorSpec([2, 3, 3]), tf.TensorSpec([2, 3], tf.int64)])
    def serve(self, x, n):
        positive = tf.matmul(x, x, transpose_b=True) + tf.eye(3)
        narrow = tf.cast(n, tf.uint8)
        image = tf.reshape(x, [1, 3, 3, 2])
        return {"a": tf.linalg.inv(x), "b": tf.linalg.det(x), "c": tf.linalg.cholesky(positive), "d": tf.linalg.solve(x, x[:, :, :2] + 1.0), "e": tf.linalg.slogdet(x)[1],
                "f": tf.linalg.triangular_solve(positive, x), "g": tf.einsum("bii->bi", x), "h": tf.abs(n), "i": n // 3, "j": n**3, "k": tf.sign(n), "l": tf.maximum(narrow, tf.constant(7, tf.uint8)),
                "m": narrow // tf.constant(2, tf.uint8), "n": tf.nn.dilation2d(image, tf.ones([2, 2, 2]) * 0.5, [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]),
                "o": tf.image.resize(image, [5, 2], "lanczos3", antialias=True), "p": tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(x), x),
                "q": tf.nn.sparse_softmax_cross_entropy_with_logits(n % 3, x), "r": tf.bitwise.bitwise_xor(tf.raw_ops.PopulationCount(x=tf.cast(n, tf.int32)), tf.constant(0, tf.uint8)),
                "s": tf.sparse.sparse_dense_matmul(tf.sparse.from_dense([[0.0, 2.0, 0.0], [1.0, 0.0, 3.0]]), x[0])}


class Choices(tf.Module):
    """One of several branches; lists that grow, and whose elements are slices at computed places."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.int32), tf.TensorSpec([None, 3])])
    def serve(self, k, x):
        y = tf.switch_case(k, [lambda: x * 2.0, lambda: x + 1.0, lambda: tf.sin(x)])
        rows = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for i in tf.range(tf.shape(x)[0]):
            rows = rows.write(i, x[i] * tf.cast(i, tf.float32))
        fixed = tf.TensorArray(tf.float32, size=tf.shape(x)[0])
        for i in tf.range(tf.shape(x)[0]):
            fixed = fixed.write(i, x[i] - 1.0)
        return {"a": y, "b": rows.stack(), "c": fixed.gather([1, 0])}


def matrices():
    save_tf("matrices", Matrices(), (floats(2, 3, 3), np.array([[-7, 0, 5], [9, 2, 11]], np.int64)), (floats(2, 3, 3), np.array([[1 << 40, -4, 3], [8, 250, 6]], np.int64) % (1 << 20)))


def choices():
    save_tf("choices", Choices(), (np.array(1, np.int32), floats(4, 3)), (np.array(2, np.int32), floats(2, 3)))


class WholeNumbers(tf.Module):
    """Narrow whole numbers wrap around; .tflite's operators of these types are for quantized ones."""

    @tf.function(input_signature=[tf.TensorSpec([6], tf.uint8), tf.TensorSpec([6], tf.int8)])
    def serve(self, a, b):
        return [a + a, a * a, a - a // 2, b + b, b * b, b - 3 * b]


def whole_numbers():
    save_tf("whole_numbers", WholeNumbers(), (np.array([1, 2, 3, 100, 200, 255], np.uint8), np.array([1, -2, 3, 100, -128, 127], np.int8)),
            (np.array([0, 16, 17, 128, 250, 7], np.uint8), np.array([0, 11, 12, -100, 64, -1], np.int8)))


# ------------------------------------------------------------------------------- TensorFlow 1's graphs
def old_control_flow():
    """Branches and loops of frames: Switch, Merge, Enter, Exit, NextIteration."""
    tf1 = tf.compat.v1
    tf1.disable_control_flow_v2()
    graph = tf.Graph()
    with graph.as_default():
        x = tf1.placeholder(tf.float32, [3], "x")
        y = tf1.cond(tf.reduce_sum(x) > 0, lambda: x * 2.0, lambda: x - 1.0)
        _, z = tf1.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, v * 0.5 + x), (tf.constant(0), y))
        z = tf.identity(z, "z")
        inputs = [np.array([1.0, 2.0, -0.5], np.float32), np.array([-1.0, -2.0, 0.5], np.float32)]
        with tf1.Session() as session:
            runs = [([v], [session.run(z, {x: v})]) for v in inputs]
    tf1.enable_control_flow_v2()
    pruned = tf1.graph_util.extract_sub_graph(graph.as_graph_def(), ["z"])
    (OUT / "old_control_flow.pb").write_bytes(pruned.SerializeToString(deterministic=True))
    np.savez(OUT / "old_control_flow.npz", **arrays(runs))


def branch_in_loop():
    """A branch of frames within a loop of frames: its pivots belong to the loop, though no value needs them."""
    tf1 = tf.compat.v1
    tf1.disable_control_flow_v2()
    graph = tf.Graph()
    with graph.as_default():
        x = tf1.placeholder(tf.float32, [3], "x")
        _, z = tf1.while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, tf1.cond(tf.equal(i % 2, 0), lambda: v * 0.5, lambda: v + x)), (tf.constant(0), x))
        z = tf.identity(z, "z")
        inputs = [floats(3), floats(3)]
        with tf1.Session() as session:
            runs = [([v], [session.run(z, {x: v})]) for v in inputs]
    tf1.enable_control_flow_v2()
    pruned = tf1.graph_util.extract_sub_graph(graph.as_graph_def(), ["z"])
    (OUT / "branch_in_loop.pb").write_bytes(pruned.SerializeToString(deterministic=True))
    np.savez(OUT / "branch_in_loop.npz", **arrays(runs))


def lowered_branches():
    """Branches as freezing lowers them: what one side computes makes no sense to an input that takes the other."""
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 2], name="x")])
    def serve(x):
        size = tf.shape(x)
        rest = size[1] - 4
        cut = lambda v: tf.slice(v, [0, rest // 2, 0, 0], [1, 4, 3, 2]) * 2.0
        grown = lambda: tf.cond(size[2] > 2, lambda: tf.slice(tf.tile(x, [1, 4, 1, 1]), tf.stack([0, -rest, size[2] - 3, 0]), [1, 4, 3, 2]), lambda: tf.tile(x, [1, 4, 3, 1])[:, :4, :3] + 1.0)
        return tf.cond(rest >= 0, lambda: cut(x), grown) + tf.cast(rest, tf.float32)

    frozen = convert_variables_to_constants_v2(serve.get_concrete_function())
    (OUT / "lowered_branches.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))
    runs = [[floats(1, *size, 2)] for size in ((7, 3), (2, 5), (1, 1))]
    np.savez(OUT / "lowered_branches.npz", **arrays([(r, [frozen(*map(tf.constant, r))[0].numpy()]) for r in runs]))


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
    (OUT / "lowered_control_flow.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString(deterministic=True))
    runs = [[floats(2, 4), np.array(n, np.int32)] for n in (3, 9)]
    np.savez(OUT / "lowered_control_flow.npz", **arrays([(r, [frozen(*map(tf.constant, r))[0].numpy()]) for r in runs]))


def spread_volumes():
    """A transposed convolution over volumes with holes, which TensorFlow does not compute: as one whose kernel has zeros there."""
    x, kernel = keras.Input([3, 4, 3, 2]), floats(2, 2, 2, 3, 2)
    spread = np.zeros([3, 2, 4, 3, 2], np.float32)
    spread[::2, :, ::3] = kernel
    dilated, plain = (L.Conv3DTranspose(3, size, padding="same", use_bias=False, dilation_rate=holes) for size, holes in ((2, [2, 1, 3]), ([3, 2, 4], 1)))
    model, twin = keras.Model(x, dilated(x)), keras.Model(x, plain(x))
    dilated.set_weights([kernel]), plain.set_weights([spread])
    model.save(OUT / "spread_volumes.keras")
    np.savez(OUT / "spread_volumes.npz", **arrays([([v], flat(twin(v))) for v in (floats(1, 3, 4, 3, 2), floats(2, 3, 4, 3, 2))]))


def narrow_numbers():
    """Whole numbers of few bits: those are no quantized ones, and wrap around."""
    o, u, i = keras.ops, keras.Input([4], dtype="uint8", name="u"), keras.Input([4], dtype="int8", name="i")
    parts = [y for x in (u, i) for y in (o.add(x, x), o.multiply(x, x), o.subtract(x, o.flip(x, 1)), o.square(x), o.equal(x, o.flip(x, 1)), o.less(x, o.cast(9, x.dtype)), o.relu(x), o.sign(x), L.BatchNormalization()(x))]
    parts += [o.sum(i, 1), o.prod(i, 1), o.true_divide(o.cast(u, "bool"), 2)]  # Counted in 32 bits; a truth's literal is a number.
    given = np.array([[200, 3, 7, 100], [1, 2, 255, 4]], np.uint8)
    save_keras("narrow_numbers", keras.Model([u, i], parts), [given, given.astype(np.int8)], [given[:1], given[:1].astype(np.int8)])


def promoted():
    """Element types as Keras promotes them: Python numbers follow their tensor, whole numbers of few bits wrap around or count in 32 bits."""
    o = keras.ops
    u, i, w, b, f = (keras.Input([4], dtype=t, name=t) for t in ("uint8", "int8", "uint16", "bool", "float32"))
    parts = [y for x in (u, i, w) for y in (
        x + 1, 1 - x, x * 3, x * 0.5, x // 2, x % 3, o.mod(x, np.array([3, 4, 5, 6], "int64")), o.maximum(x, 2), o.add(x, np.array([1, 2, 300, 4], "int32")), o.fmod(x, 3), o.equal(x, 300),
        o.sort(x, 1), o.argsort(x, 1), o.argmax(x, 1), o.argmin(x), o.top_k(x, 2)[0], o.relu6(x), o.hypot(x, x), o.logaddexp(x, 1), o.ptp(x, 1), o.cumsum(x, 1), o.cumprod(x, 1),
        o.sum(x, 1), o.prod(x, 1), o.max(x, 1, initial=9), o.nansum(x, 1), o.nanmax(x, 1), o.nan_to_num(x), o.trunc(x), o.round(x, -1), o.digitize(x, np.array([0, 1, 5])), o.left_shift(x, 2),
        o.full_like(x, 7), o.repeat(x, [1, 2, 0, 1], axis=1), o.convert_to_tensor(x, "int32"), o.saturate_cast(x, "int8"), o.pad(x, [[0, 0], [1, 1]], constant_values=5))]
    parts += [y for x in (u, i) for y in (o.leaky_relu(x), o.tanh(x), o.matmul(o.reshape(x, (-1, 2, 2)), o.reshape(x, (-1, 2, 2))), o.dot(o.cast(x, "int16"), o.cast(x[0], "int16")), o.add(x, o.cast(w, "int16")),
                                          o.einsum("ab,ab->a", o.cast(x, "int32"), o.cast(x, "int32")), o.trace(o.reshape(x, (-1, 2, 2)), 1, 1, 2), o.where(x > 3, x, 1), o.image.resize(o.reshape(x, (-1, 2, 2, 1)), (3, 3)))]
    parts += [o.add(b, 2), o.equal(b, 2.5), o.multiply(b, 0.5), o.power(b, 2), o.sum(b, 1), o.max(b, 1), o.max(b, 1, initial=1), o.cumsum(b, 1), o.sort(b, 1), o.square(b), o.abs(b), o.diff(b), o.zeros_like(b), o.clip(b, 0, 1),
              o.where(b, 1, 0), o.where(b, f, 1), o.bitwise_or(b, np.array([1, 2, 4, 8], "int32")), o.argmax(b, 1), o.nanargmax(o.log(f), 1), o.nanargmin(o.log(f), keepdims=True), o.nancumsum(o.log(f), 1),
              o.cumsum(f, 1, dtype="int32"), o.round(f, 1), o.max(f, 1, initial=2.0), o.min(f, 1, initial=-1.0), o.multi_hot(o.reshape(i, (-1, 2, 2)), 4), o.one_hot(u, 3, dtype="int32"), o.saturate_cast(f * 100, "uint8")]
    parts += [o.concatenate([u, i]), o.stack([b, w], 1), o.hstack([i, w]), o.select([b], [u], i), o.select([b, u > 2], [u, f], 3), L.Average()([u, i]), L.Concatenate()([b, u]), L.Add()([u, w])]
    given = [np.array([[200, 3, 7, 100], [1, 2, 255, 4]], np.uint8)]
    given += [given[0].astype(np.int8), given[0].astype(np.uint16) * 257, given[0] > 5, np.array([[0.26, -1.5, 3.25, 1.04], [-2, -3, -1, 2.5]], np.float32)]
    save_keras("promoted", keras.Model([u, i, w, b, f], parts), given, [g[::-1] for g in given])


def newer_functions():
    """Functions of later Keras versions, and arguments that are left out: parts of unlike size, numbers without an axis, series, sets, distances."""
    o, x, y, k = keras.ops, keras.Input([5, 4], name="x"), keras.Input([5, 4], name="y"), keras.Input([5], dtype="int32", name="k")
    parts = [o.array_split(x, 3, axis=1), o.hsplit(x, [2]), o.dsplit(x, 2), o.tile(x, 2), o.tile(x, [2, 1]), o.repeat(x, 2), o.repeat(x, 3, axis=0), o.cross(x[..., :2], y[..., :2]), o.isreal(x),
             o.isin(k, [1, 3]), o.isin(k, [1, 3], invert=True), o.cdist(x, y), o.psnr(x, y, 2.0), o.in_top_k(k[:, 0], x[:, 0], 2), o.max_pool(x, 2), o.average_pool(x, 2, 1, "same"), o.sparsemax(x, axis=1), o.arccosh(x + 3),
             o.diagonal(x, 1, 1, 2), o.diagonal(x, -2, 2, 1), o.trace(x, 1, 1, 2), o.argmax(x, axis=None, keepdims=True), o.segment_min(x[:, 0], np.array([0]), 2), o.segment_prod(x[:, 0], np.array([0]), 2), o.logical_not(o.isclose(x, 0)),
             L.Discretization([0.0, 1.0], output_mode="multi_hot")(x), L.CategoryEncoding(4, "count")(k), o.unstack(o.cast(k, "int64") * 3000000000, axis=1), o.abs(o.cast(k, "int64") * -3000000000), o.layer_normalization(k)]
    runs = [[RNG.normal(0, 1, (1, 5, 4)).astype(np.float32), RNG.normal(0, 1, (1, 5, 4)).astype(np.float32), RNG.integers(0, 4, (1, 5)).astype(np.int32)] for _ in range(2)]
    save_keras("newer_functions", keras.Model([x, y, k], [t for p in parts for t in (p if isinstance(p, (list, tuple)) else [p])]), *runs)


def any_size():
    """keras.ops along axes whose size is open: orders, medians without NaN and with one, diagonals, running products, turns."""
    o, x, k = keras.ops, keras.Input([4], name="x"), keras.Input([4], dtype="int32", name="k")
    holes = o.where(x > 0.3, x * np.float32("nan"), x)
    parts = [o.sort(x, 0), o.argsort(k, 0), o.argsort(x, None), o.median(x, 0), o.median(x, keepdims=True), o.quantile(x, [0.2, 0.75], 0), o.percentile(x, 25, 0, method="nearest"), o.median(holes, 1),
             o.nanmedian(holes, 1), o.nanmedian(holes, 0), o.nanmedian(holes), o.nanquantile(holes, 0.6, 1, keepdims=True), o.nanpercentile(holes, 30, 1, method="higher"), o.trace(x), o.trace(k, -1),
             o.diagonal(x), o.diag(x, 1), o.diagflat(k, -2), o.diag(x[0]), o.cumprod(x, 0), o.cumprod(k), o.roll(x, 1, 0), o.roll(k, -3), o.roll(x, [1, 2], [0, 1])]
    runs = [[floats(n, 4), RNG.integers(-3, 4, (n, 4)).astype(np.int32)] for n in (2, 5)]
    runs[0][0][0], runs[1][0][2] = 1, 1  # A row without numbers.
    save_keras("any_size", keras.Model([x, k], parts), *runs)


def by_numbers():
    """keras.ops that say where numbers are and which there are; whole numbers of 32 and 64 bits; bits seen as another type; positions of a shape."""
    o = keras.ops
    u, n, w, k = (keras.Input(batch_shape=[6], dtype=t, name=t) for t in ("uint32", "int64", "int8", "int32"))
    f = keras.Input(batch_shape=[6], name="f")
    parts = [*o.nonzero(k), o.where(o.reshape(w, [2, 3])), *o.unique(k, return_index=True, return_inverse=True, return_counts=True), o.unique(f, sorted=False), *o.unique(w, size=4, return_counts=True),
             o.gcd(u, 12), o.gcd(k, n), o.lcm(w, 4), o.lcm(k, n), o.power(u, 3), o.power(n, o.abs(k)), o.power(u, u % 5), u // 7, o.sign(u), n // 7, o.floor_divide(u, o.maximum(u % 4, 1)), o.ldexp(f, w), o.nextafter(f, k),
             o.view(f, "int32"), o.view(k, "uint8"), o.view(o.cast(k, "int16"), "int32"), *o.unravel_index(o.abs(k), [2, 5]), *o.unravel_index(o.reshape(o.abs(w), [2, 3]), [4, 3]), o.diag(n), o.kron(k, w), o.kron(o.reshape(f, [2, 3]), o.reshape(f, [3, 2]))]
    given = [np.array([5, 0, 4294967295, 12, 7, 12], np.uint32), np.array([7, -3, 10**12, 12, 1, 0]), np.array([5, 0, -4, 5, 6, -6], np.int8), np.array([3, 0, 3, -8, 9, 0], np.int32), np.array([0.5, -1, 0.5, 0, 2, 3], np.float32)]
    save_keras("by_numbers", keras.Model([u, n, w, k, f], parts), given, [g[::-1] for g in given])


def seen_from_elsewhere():
    """keras.ops on images that are turned, shifted, scaled, cut into windows and put together; edges; vectors compared; powers; symbols from scores."""
    o = keras.ops
    x, t = keras.Input(batch_shape=[2, 5, 6, 2], name="x"), keras.Input(batch_shape=[2, 8], name="t")
    at, corners = keras.Input(batch_shape=[4, 3, 2], name="at"), keras.Input(batch_shape=[2, 4, 2], name="corners")
    scores, lengths = keras.Input([7, 4], name="scores"), keras.Input([], dtype="int32", name="lengths")
    v, moved = keras.Input(batch_shape=[6], name="v"), np.array([[0.5, 0.2], [0, 4], [4, 1], [4, 5]], np.float32)
    modes = {"constant": "bilinear", "nearest": "nearest", "wrap": "bilinear", "reflect": "nearest"}
    parts = [o.image.affine_transform(x, t, how, mode, 0.5) for mode, how in modes.items()]
    parts += [o.image.perspective_transform(x, np.stack([moved, moved]), corners), o.image.perspective_transform(x[0], np.round(moved), moved, "nearest"), o.image.affine_transform(o.cast(o.clip(x * 50 + 100, 0, 255), "uint8"), t)]
    parts += [o.image.map_coordinates(x, at, order, mode, 0.25) for order, mode in ((0, "constant"), (1, "constant"), (1, "nearest"), (0, "wrap"), (1, "reflect"))]
    parts += [o.image.scale_and_translate(x, (2, 7, 9, 2), np.array([1.4, 1.3], "float32"), np.array([0.3, -0.4], "float32"), [1, 2], how) for how in ("linear", "lanczos3")]
    parts += [o.image.scale_and_translate(x[0], (3, 4, 2), np.array([0.6, 0.7], "float32"), np.array([0, 0.5], "float32"), [0, 1], "cubic"), o.image.sobel_edges(x)]
    parts += [o.unfold(x, [3, 2], padding=[1, 0], stride=2), o.unfold(o.cast(x * 9, "int32"), [2, 1], dilation=2), o.fold(o.unfold(x, 2, padding=1), [6, 2], 2, padding=1)]
    parts += [o.correlate(v, o.slice(v, [0], [3]), mode) for mode in ("valid", "same", "full")] + [o.corrcoef(x[0, :, :, 0]), o.vander(v, 3), o.vander(v, increasing=True), o.geomspace(o.abs(v) + 1, 9, 4), o.geomspace(o.slice(v, [0], [3]), o.slice(v, [3], [3]), 3, False), o.erfinv(v / 9), o.i0(v)]
    parts += [y for merge in (True, False) for y in o.ctc_decode(scores, lengths, merge_repeated=merge, mask_index=-1 if merge else 0)]
    parts += [o.rearrange(x, "b h (w p) c -> (b p) w (h c)", p=2), o.rearrange(x, "b h w c -> b c h w"), o.adaptive_average_pool(x, (3, 4), "channels_last"), o.adaptive_max_pool(x, (2, 5), "channels_last")]
    turn = np.array([1.1, 0.1, -0.5, -0.2, 0.9, 0.7, 0.001, 0.002], np.float32)
    runs = [[floats(2, 5, 6, 2), np.stack([turn, turn + floats(8) * 0.01]), RNG.uniform(-2, 7, (4, 3, 2)).astype(np.float32), np.stack([moved + floats(4, 2) * 0.1 for _ in range(2)]), floats(n, 7, 4),
             RNG.integers(3, 8, n).astype(np.int32), floats(6) * 2] for n in (1, 3)]
    save_keras("seen_from_elsewhere", keras.Model([x, t, at, corners, scores, lengths, v], parts), *runs)


def whole_weights():
    """What model.quantize("int8") leaves: kernels and tables of whole numbers with their scales, also inside of attention and read backwards."""
    ids = keras.Input([5], dtype="int32", name="ids")
    table = L.ReversibleEmbedding(9, 6, tie_weights=False)
    y = L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")(L.Embedding(9, 4)(ids))
    y = L.Dense(6, use_bias=False)(L.Reshape([5, 6])(y)) + table(ids)
    model = keras.Model(ids, [L.MultiHeadAttention(2, 3)(y, y), table(y, reverse=True), L.Dense(3)(y)])
    for w in model.weights:
        w.assign(floats(*w.shape))
    model.quantize(config=keras.quantizers.Int8QuantizationConfig(activation_quantizer=None))
    save_keras("whole_weights", model, *[[RNG.integers(0, 9, (n, 5)).astype(np.int32)] for n in (1, 3)])


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


def locally_connected():
    """Weights of their own for every position, in all three forms that tf_keras keeps them in."""
    import tf_keras
    K = tf_keras.layers
    x, t = K.Input([5, 6, 2]), K.Input([7, 3])
    parts = [K.LocallyConnected2D(2, [2, 3], strides=[1, 2], activation="relu")(x), K.LocallyConnected2D(3, 3, padding="same", implementation=2)(x),
             K.LocallyConnected2D(2, 2, padding="same", implementation=3, use_bias=False)(x), K.LocallyConnected1D(2, 3, strides=2)(t), K.LocallyConnected2D(2, 3, data_format="channels_first", implementation=3)(K.Reshape([2, 5, 6])(x))]
    model = tf_keras.Model([x, t], parts)
    for w in model.weights:
        w.assign(floats(*w.shape))
    model.save(OUT / "locally_connected.keras")
    runs = [[floats(n, 5, 6, 2), floats(n, 7, 3)] for n in (1, 2)]
    np.savez(OUT / "locally_connected.npz", **arrays([(r, flat(model(r))) for r in runs]))


def odds_and_ends():
    x = keras.Input([5, 4, 3], name="x")
    y = L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1)(x)
    z = L.Conv2DTranspose(2, 2, strides=(2, 3), output_padding=(1, 2))(x)
    save_keras("odds_and_ends", keras.Model(x, [y, z, L.UnitNormalization()(x), keras.ops.softmax(x, axis=1)]), [floats(1, 5, 4, 3)], [floats(2, 5, 4, 3)])


def transposed():
    """Transposed convolutions with dilation, output padding in volumes, and of images of open size; celu."""
    x = keras.Input([None, None, 3], name="x")
    y = keras.Input([3, 2, 3, 2], name="y")
    z = keras.Input([5, 3], name="z")
    outputs = [L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="celu")(x), L.Conv3DTranspose(2, 3, strides=2, padding="same", output_padding=1)(y),
               L.Conv1DTranspose(2, 3, dilation_rate=2, padding="same")(z), L.Conv2DTranspose(2, 3, dilation_rate=2)(keras.ops.expand_dims(z, 1))]
    save_keras("transposed", keras.Model([x, y, z], outputs), [floats(1, 2, 3, 3), floats(1, 3, 2, 3, 2), floats(1, 5, 3)], [floats(2, 4, 2, 3), floats(2, 3, 2, 3, 2), floats(2, 5, 3)])


def more_functions():
    """keras.ops that order, count and leave NaN out, on images, as losses; softmax with a mask; a table read backwards; open heights."""
    o = keras.ops
    x = keras.Input([4, 6], name="x")
    image = keras.Input([None, None, 3], name="image")
    ids = keras.Input([4], dtype="int32", name="ids")
    weights = keras.Input([4], name="weights")
    share = o.softmax(x)
    holes = o.where(x > 1, x * np.float32("nan"), x)
    table = L.ReversibleEmbedding(5, 6, name="table")
    parts = [L.Activation("celu")(x), L.Activation("sparsemax")(x), L.Softmax()(x, mask=x > 0), L.Softmax(axis=[1, 2])(x), o.median(x, axis=-1), o.quantile(x, 0.3, axis=1), o.nanmean(holes, axis=-1),
             o.nanmax(holes, axis=1), o.cumprod(x, axis=1), o.rot90(x, 1, axes=(1, 2)), o.trapezoid(x), o.categorical_crossentropy(share, share), o.binary_crossentropy(share, x, from_logits=True),
             o.layer_normalization(x), o.rms_normalization(x), L.CategoryEncoding(7, output_mode="count")(ids, count_weights=weights), table(table(ids) + x, reverse=True)]
    y = L.Conv2DTranspose(2, 3, strides=2, dilation_rate=1, padding="same")(L.UpSampling2D(2)(image))
    z = L.Conv2DTranspose(2, 3, dilation_rate=2, padding="same")(o.image.pad_images(o.reshape(x, [-1, 4, 3, 2]), 1, 0, 0, 1))
    save_keras("more_functions", keras.Model([x, image, ids, weights], [*parts, y, z, o.image.crop_images(z, 1, 1, 0, 0)]),
               [floats(1, 4, 6), floats(1, 2, 3, 3), np.array([[0, 1, 4, 1]], np.int32), floats(1, 4)], [floats(2, 4, 6), floats(2, 3, 2, 3), np.array([[0, 1, 4, 1], [2, 2, 3, 0]], np.int32), floats(2, 4)])


def masked_attention():
    """Masks from the embedding on: merged, multiplied, attended with; gates, a window, several axes, an open length."""
    ids = keras.Input([5], dtype="int32", name="ids")
    more = keras.Input([5], dtype="int32", name="more")
    free = keras.Input([None, 4], name="free")
    grid = keras.Input([2, 3, 4], name="grid")
    a, b = L.Embedding(6, 4, mask_zero=True)(ids), L.Embedding(6, 4, mask_zero=True)(more)
    parts = [L.GRU(3)(L.Add()([a, b])), L.GRU(3)(L.Multiply()([a, b])), L.LSTM(3)(L.Concatenate()([a, b])), L.LSTM(3)(L.Concatenate(axis=1)([a, b])),
             L.MultiHeadAttention(2, 3)(a, a), L.MultiHeadAttention(2, 3, use_gate=True, sliding_window=2)(b, b), L.GroupQueryAttention(3, 4, 2)(a, b, use_causal_mask=True),
             L.MultiHeadAttention(2, 3, attention_axes=[2])(grid, grid), L.MultiHeadAttention(2, 3, output_shape=[2, 3])(free, free, use_causal_mask=True), L.Attention()([a, b])]
    model = keras.Model([ids, more, free, grid], parts)
    save_keras("masked_attention", model, [np.array([[1, 0, 2, 5, 0]], np.int32), np.array([[0, 0, 3, 4, 1]], np.int32), floats(1, 3, 4), floats(1, 2, 3, 4)],
               [np.array([[1, 2, 0, 0, 0], [3, 3, 4, 5, 1]], np.int32), np.array([[2, 0, 0, 1, 0], [1, 2, 3, 4, 5]], np.int32), floats(2, 6, 4), floats(2, 2, 3, 4)])


def any_axis():
    """Normalisations, products and sums over axes that are not the last; models inside wrappers; volumes of states."""
    x = keras.Input([4, 6], name="x")
    y = keras.Input([3, 4, 5, 2], name="y")
    inner = keras.Sequential([L.Conv2D(2, 2), L.BatchNormalization(), L.Flatten(), L.Dense(3)])
    weights = np.arange(12, dtype=np.float32).reshape(6, 2)
    parts = [L.LayerNormalization(axis=1)(x), L.LayerNormalization(axis=[1, 3])(y), L.GroupNormalization(groups=2, axis=1)(x), L.GroupNormalization(groups=2, axis=2)(y),
             L.EinsumDense("abc,bcd->abd", output_shape=[4, 3], bias_axes="bd")(x), L.EinsumDense("abc,dc->adb", output_shape=[3, 4], bias_axes="d")(x),
             L.Dot(axes=[2, 3], normalize=True)([x, keras.ops.reshape(x, [-1, 2, 2, 6])]), L.Dot(axes=1)([x[:, 0], x[:, 1]]), keras.ops.einsum("bij,jk,bil->bkl", x, weights, x),
             keras.ops.einsum("bij->b", x), L.TimeDistributed(inner)(y), L.Add()([x, x[:, 0]]),
             L.Bidirectional(L.ConvLSTM2D(2, 2, padding="same", return_sequences=True))(y), *L.ConvLSTM2D(2, 2, data_format="channels_first", return_state=True)(y)]
    save_keras("any_axis", keras.Model([x, y], parts), [floats(1, 4, 6), floats(1, 3, 4, 5, 2)], [floats(2, 4, 6), floats(2, 3, 4, 5, 2)])


def more_layers():
    """Pictures resized in ways that no operator has; convolutions with given kernels; matrices; whole numbers; axes of all kinds."""
    o = keras.ops
    x = keras.Input([4, 6], name="x")
    image = keras.Input([6, 5, 2], name="image")
    volume = keras.Input([3, 3, 4, 4], name="volume")
    n = keras.Input([4, 6], dtype="int32", name="n")
    square = o.reshape(x[:, :, :4], [-1, 4, 4]) * 0.2 + 2 * np.eye(4, dtype=np.float32)
    kernel = np.linspace(-1, 1, 36, dtype=np.float32)
    images = [L.Resizing(4, 7, interpolation=how)(image) for how in ("bicubic", "area", "lanczos3")]
    images += [L.Resizing(3, 4, antialias=True)(image), L.Resizing(5, 9, pad_to_aspect_ratio=True, fill_value=0.5)(image), L.UpSampling2D(2, interpolation="bicubic")(image),
               o.image.resize(image, [3, 3], interpolation="bicubic", antialias=True), o.conv(image, kernel.reshape(3, 3, 2, 2), 2, "same"), o.conv(x, kernel.reshape(3, 6, 2), 1, "same"),
               o.depthwise_conv(image, kernel.reshape(3, 3, 2, 2), 1, "valid"), o.separable_conv(image, kernel.reshape(3, 3, 2, 2), np.ones([1, 1, 4, 3], np.float32), 1, "same")]
    parts = [L.Conv3D(6, 2, groups=2, padding="same", activation="relu")(volume), o.inv(square), o.det(square), o.solve(square, x), o.slogdet(square)[1], o.exp(n), o.sqrt(n),
             o.square(n), o.mean(n, axis=1), o.any(n, axis=1), o.logical_xor(x, n), o.log_softmax(x, axis=1), o.sort(x, axis=1), o.argsort(x, axis=1), o.argmax(x), o.cumsum(n),
             o.average(x, axis=-1, weights=kernel[:6]), o.matmul(x, kernel[:6]), o.roll(x, [1, 2], axis=[1, 2]), o.repeat(x, [1, 0, 2, 1], axis=1), o.take(x, [-1, 2], axis=2), o.flip(x),
             o.zeros_like(x, dtype="int32"), o.ones_like(n, dtype="float32")]
    save_keras("more_layers", keras.Model([x, image, volume, n], [*images, *parts]), [floats(1, 4, 6), floats(1, 6, 5, 2), floats(1, 3, 3, 4, 4), np.arange(24, dtype=np.int32).reshape(1, 4, 6)],
               [floats(2, 4, 6), floats(2, 6, 5, 2), floats(2, 3, 3, 4, 4), np.arange(48, dtype=np.int32).reshape(2, 4, 6) % 7])


class Diagonals(tf.Module):
    """Diagonals beside the main one, bands of matrices of open size, boxes suppressed by a function of TensorFlow's library, the nearest pixel of a box."""

    @tf.function(input_signature=[tf.TensorSpec([2, None, 3]), tf.TensorSpec([None, 4]), tf.TensorSpec([None]), tf.TensorSpec([1, 6, 5, 2])])
    def serve(self, x, boxes, scores, image):
        square = tf.matmul(x, x, transpose_b=True)
        corners = tf.concat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        chosen, count = tf.image.non_max_suppression_padded(corners, scores, 3, 0.4, pad_to_max_output_size=True)
        few = tf.matmul(x, x, transpose_a=True)
        return {"a": tf.linalg.band_part(square, 1, 0), "b": tf.linalg.diag(x[:, 0], k=-1), "c": tf.linalg.diag(x[:, 0], k=1, num_rows=5), "d": tf.linalg.diag_part(few, k=1),
                "e": chosen, "f": count, "g": tf.image.crop_and_resize(image, [[0.1, 0.2, 0.7, 0.9], [0.0, 0.0, 1.0, 1.0]], [0, 0], [4, 5], "nearest", 2.0)}


def diagonals():
    boxes = [np.array([[0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.5, 0.5], [0.6, 0.5, 0.3, 0.3], [0.1, 0.15, 0.5, 0.45], [0.5, 0.1, 0.2, 0.3]], np.float32)[:n] for n in (5, 4)]
    save_tf("diagonals", Diagonals(), (floats(2, 4, 3), boxes[0], np.array([0.6, 0.9, 0.3, 0.5, 0.4], np.float32), floats(1, 6, 5, 2)),
            (floats(2, 5, 3), boxes[1], np.array([0.9, 0.2, 0.8, 0.7], np.float32), floats(1, 6, 5, 2)))


class Spectra(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 32])])
    def serve(self, x):
        spectrum = tf.signal.rfft(x)
        return {"a": tf.signal.irfft(spectrum), "b": tf.signal.irfft(spectrum, [24]), "c": tf.signal.inverse_stft(tf.signal.stft(x, 16, 8), 16, 8), "d": tf.math.angle(spectrum[:, 1:5])}


def spectra():
    save_tf("spectra", Spectra(), (floats(1, 32),), (floats(3, 32),))


class Sound(tf.Module):
    """What TensorFlow Lite has custom operators for."""

    @tf.function(input_signature=[tf.TensorSpec([1600, 2])])
    def serve(self, x):
        squared = tf.raw_ops.AudioSpectrogram(input=x, window_size=400, stride=160, magnitude_squared=True)
        mfcc = tf.raw_ops.Mfcc(spectrogram=squared, sample_rate=16000, dct_coefficient_count=12, lower_frequency_limit=100.0)
        return {"a": tf.raw_ops.AudioSpectrogram(input=x, window_size=60, stride=300), "b": mfcc}


def sound():
    save_tf("sound", Sound(), (floats(1600, 2),), (floats(1600, 2) / 8,))


class Complex(tf.Module):
    """Complex numbers that never meet an operator: MFCCs, transforms of lengths that are no power of two, and back, products and shifts of spectra."""

    @tf.function(input_signature=[tf.TensorSpec([None, 48]), tf.TensorSpec([2, 6, 10])])
    def serve(self, x, images):
        s = tf.signal
        mel = tf.tensordot(tf.abs(s.stft(x, 16, 8)), s.linear_to_mel_weight_matrix(6, 9, 8000.0, 80.0, 3800.0), 1)
        z = tf.complex(images, 0.5 * images[..., ::-1])
        plane = s.fft2d(z) * tf.exp(tf.complex(0.0, 0.3)) - tf.math.conj(z)
        return {"a": s.mfccs_from_log_mel_spectrograms(tf.math.log(mel + 1e-2)), "b": s.inverse_stft(s.stft(x, 16, 4), 16, 4), "c": s.dct(x, 3), "d": tf.abs(s.rfft2d(images)),
                "e": s.irfft2d(s.rfft2d(images), [6, 10]), "f": tf.math.imag(s.ifft2d(tf.concat([plane, z], -1) / z[..., :1])), "g": tf.math.real(tf.reduce_sum(tf.transpose(plane, [1, 0, 2]), 0)),
                "h": tf.abs(s.ifft(s.fft(tf.cast(x, tf.complex64)) * tf.constant([2.0, 0.0] * 24, tf.complex64)))}


def complexes():
    save_tf("complex", Complex(), (floats(1, 48), floats(2, 6, 10)), (floats(3, 48), floats(2, 6, 10)))


class VolumesFirst(tf.Module):
    """A transposed convolution over volumes whose channels lie second."""

    def __init__(self):
        super().__init__()
        self.filter = tf.Variable(floats(2, 3, 2, 3, 2))

    @tf.function(input_signature=[tf.TensorSpec([None, 2, 3, 4, 3])])
    def serve(self, x):
        return tf.raw_ops.Conv3DBackpropInputV2(input_sizes=tf.stack([tf.shape(x)[0], 3, 6, 6, 4]), filter=self.filter, out_backprop=x, strides=[1, 1, 2, 1, 1], padding="VALID", data_format="NCDHW")


def volumes_first():
    save_tf("volumes_first", VolumesFirst(), (floats(1, 2, 3, 4, 3),), (floats(2, 2, 3, 4, 3),))


class Bits(tf.Module):
    """Bits of 64, numbers of a range that is computed."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.int64), tf.TensorSpec([3], tf.int64), tf.TensorSpec([], tf.int32)])
    def serve(self, x, y, n):
        b = tf.bitwise
        return {"a": b.bitwise_and(x, y), "b": b.bitwise_or(x, y), "c": b.bitwise_xor(x, y), "d": b.right_shift(x, y % 60), "e": tf.linspace(tf.cast(n, tf.float32), 9.0, n), "f": tf.unstack(x, axis=1)[2]}


def bits():
    save_tf("bits", Bits(), (np.array([[2**40 + 5, -3, -(2**62)]]), np.array([2**40 + 3, 77, 2**33 + 1]), np.int32(4)), (np.array([[1, 2, 3], [-1, -2, 2**62]]), np.array([3, -5, 59]), np.int32(2)))


def grids():
    """keras.ops that make numbers along new axes, and spectra of frames."""
    x, y = keras.Input([12], name="x"), keras.Input([3], name="y")
    ops = keras.ops
    outputs = [ops.linspace(x, 2.0, 4, axis=-1), ops.logspace(y, 0.5 * y, 3, endpoint=False), *ops.meshgrid(x[0], y[0]), *ops.meshgrid(x[0], y[0], indexing="ij"),
               *ops.stft(x, 4, 2, 6), *ops.stft(ops.reshape(x, (-1, 2, 6)), 4, 1, 4, window="hamming", center=False)]
    save_keras("grids", keras.Model([x, y], outputs), [floats(1, 12), floats(1, 3)], [floats(2, 12), floats(2, 3)])


class Draws(tf.Module):
    """Random numbers of a seed that is given, next to one that is read, then written, as Keras' generators of seeds do it."""

    def __init__(self):
        super().__init__()
        self.seed = tf.Variable([1337, 0], dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int32)])
    def serve(self, seed):
        before = self.seed.read_value() * 1
        self.seed.assign_add([0, 1])
        return {"a": tf.random.stateless_uniform([3, 2], 2 * seed), "b": tf.random.stateless_normal([5], seed), "c": tf.random.stateless_uniform([6], seed, 3, 90, tf.int32), "d": before,
                "e": tf.random.stateless_truncated_normal([4], [5, 6])}


def draws():
    save_tf("draws", Draws(), (np.array([4, 5], np.int32),), (np.array([-4, 5], np.int32),))


class Sparse(tf.Module):
    """Embeddings of sparse rows, some of them empty; a sparse and a ragged tensor as outputs."""

    def __init__(self):
        super().__init__()
        self.table = tf.Variable(floats(10, 3))

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int64), tf.TensorSpec([None], tf.int64), tf.TensorSpec([2], tf.int64)])
    def serve(self, places, ids, shape):
        sparse = tf.SparseTensor(places, ids, shape)
        weights = tf.SparseTensor(places, tf.cast(ids, tf.float32) * 0.5 + 0.25, shape)
        segments, rows = tf.cast(places[:, 0], tf.int32), tf.nn.embedding_lookup(self.table, ids)
        return {"a": tf.nn.safe_embedding_lookup_sparse(self.table, sparse, combiner="mean"), "b": tf.nn.safe_embedding_lookup_sparse(self.table, sparse, weights, combiner="sqrtn", default_id=4),
                "c": tf.nn.embedding_lookup_sparse(self.table, sparse, None, combiner="sqrtn"), "d": tf.sparse.segment_mean(rows, tf.range(tf.size(segments)), segments, num_segments=7),
                "e": tf.sparse.fill_empty_rows(sparse, tf.constant(-1, tf.int64))[0], "f": tf.RaggedTensor.from_row_splits(rows * 2.0, tf.concat([[0], tf.shape(ids, tf.int64)], 0)),
                "f_1": tf.math.segment_sum(rows, segments)}


def sparse():
    save_tf("sparse", Sparse(), (np.array([[0, 0], [0, 2], [2, 1], [2, 3], [2, 4], [4, 0]]), np.array([3, 1, 7, 7, 2, 9]), np.array([6, 5])), (np.array([[1, 1], [3, 0]]), np.array([0, 8]), np.array([4, 2])))


class Sequences(tf.Module):
    """Sparse tensors put together, cut and sorted; rows of a ragged one; symbols from scores."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.int64), tf.TensorSpec([None]), tf.TensorSpec([2], tf.int64), tf.TensorSpec([7, None, 4]), tf.TensorSpec([None], tf.int32)])
    def serve(self, places, values, shape, scores, lengths):
        sorted_, other = tf.sparse.reorder(tf.SparseTensor(places, values, shape)), tf.sparse.from_dense([[0.0, 2.5], [1.5, 0.0]])
        joined, cut = tf.sparse.concat(1, [sorted_, tf.sparse.slice(sorted_, [0, 0], shape), other], expand_nonconcat_dims=False), tf.sparse.slice(sorted_, [0, 1], [2, 2])
        below = tf.sparse.concat(0, [other, other])
        symbols, best = tf.nn.ctc_greedy_decoder(scores, lengths)
        plain, _ = tf.nn.ctc_greedy_decoder(scores, lengths, merge_repeated=False, blank_index=1)
        fixed = tf.SparseTensor([[0, 1], [2, 0], [2, 2]], values[:3], [4, 3])  # Places that are known beforehand.
        filled, sliced = tf.sparse.fill_empty_rows(fixed, 7.0)[0], tf.sparse.slice(fixed, [0, 0], [3, 2])
        rows = tf.gather(tf.RaggedTensor.from_row_lengths(values[:4], [1, 0, 3]), [2, 1, 0, 2])
        parts = [t for sparse in (sorted_, joined, cut, below, filled, sliced, symbols[0], plain[0]) for t in (sparse.indices, sparse.values, sparse.dense_shape)]
        return [*parts, best, rows.values, rows.row_splits]


def sequences():
    places = np.array([[1, 2], [0, 3], [1, 0], [0, 0], [0, 1]])
    save_tf("sequences", Sequences(), (places, floats(5), np.array([2, 4]), floats(7, 2, 4), np.array([7, 4], np.int32)),
            (places[:4], floats(4), np.array([2, 5]), np.repeat(floats(7, 3, 4)[:4], 2, axis=0)[:7], np.array([6, 7, 2], np.int32)))


class Warped(tf.Module):
    """Images turned, sheared and seen from the side, with all that may lie outside."""

    @tf.function(input_signature=[tf.TensorSpec([None, 5, 6, 2]), tf.TensorSpec([None, 8])])
    def serve(self, x, t):
        one = tf.constant([[0.8, -0.5, 1.0, 0.6, 0.9, -2.3, 0.01, -0.02]])
        warp = tf.raw_ops.ImageProjectiveTransformV3
        modes = [(how, mode) for how in ("NEAREST", "BILINEAR") for mode in ("CONSTANT", "REFLECT", "WRAP", "NEAREST")]
        return [*(warp(images=x, transforms=t, output_shape=[4, 7], fill_value=0.5, interpolation=how, fill_mode=mode) for how, mode in modes),
                tf.raw_ops.ImageProjectiveTransformV2(images=x, transforms=one, output_shape=[5, 6], interpolation="BILINEAR")]


def warped():
    turns = np.array([[0.9, -0.6, 0.3, 0.7, 1.1, -0.7, 0, 0], [1.7, 0.1, -9.1, -0.2, 2.3, 4.3, 0.003, -0.005]], np.float32)
    save_tf("warped", Warped(), (floats(2, 5, 6, 2), turns), (floats(1, 5, 6, 2), turns[1:]))


class Detections(tf.Module):
    """Boxes of several classes: shared and of their own, fewer and more than are asked for."""

    @tf.function(input_signature=[tf.TensorSpec([2, 12, 4]), tf.TensorSpec([2, 12, 3])])
    def serve(self, corners, scores):
        low, size = corners[..., :2], tf.abs(corners[..., 2:]) * 0.4 + 0.05
        boxes = tf.concat([low, low + size], -1)[:, :, tf.newaxis]
        nms = tf.image.combined_non_max_suppression
        return [*nms(boxes, scores, 5, 8, 0.4, 0.1), *nms(tf.concat([boxes, boxes * 0.9, boxes + 0.2], 2), scores, 4, 20, 0.3, 0.3, pad_per_class=True, clip_boxes=False),
                *nms(boxes, scores, 3, 40, 0.5)]


def detections():
    save_tf("detections", Detections(), *((RNG.uniform(0, 1, (2, 12, 4)).astype(np.float32), RNG.uniform(-0.5, 1, (2, 12, 3)).astype(np.float32)) for _ in range(2)))


class Large(tf.Module):
    """Matrices whose elimination must not lose digits: exponentials, rows of different size; slices with dots."""

    @tf.function(input_signature=[tf.TensorSpec([2, 3, 3])])
    def serve(self, x):
        rows = tf.constant([[1e6], [1.0], [1e-3]])
        return {"a": tf.linalg.expm(x), "b": tf.linalg.expm(x * 6.0) * 1e-6, "c": tf.linalg.solve(x * rows, x[..., 1:] * rows), "d": tf.linalg.triangular_solve(x * 1e5, x * 1e5),
                "e": x[1, ..., tf.newaxis, ::2], "f": x[..., 0]}


class Special(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 9])])
    def serve(self, x):
        m, unit = tf.math, tf.math.tanh(x * 0.3)
        return [m.bessel_i0(x), m.bessel_i0e(x * 4.0), m.bessel_i1(x), m.bessel_i1e(x * 4.0), m.lgamma(x), m.lgamma(x * 30.7), m.digamma(x), m.digamma(x * 9.0), m.erfinv(unit), m.ndtri(m.exp(-m.abs(x)) * 0.5), m.ndtri(0.5 + unit * 0.45),
                tf.einsum("ok,bk->bo", tf.reshape(tf.range(27.0), [3, 9]) * 0.01, x), m.zeta(1.5 + m.abs(x), 0.25 + m.square(x)), m.polygamma(2.0, 0.3 + m.abs(x)), m.polygamma(0.0, 0.3 + m.abs(x))]


class Quotients(tf.Module):
    """Quotients that are 0/0 where they are not taken."""

    @tf.function(input_signature=[tf.TensorSpec([1, 2, 2, 3])])
    def serve(self, x):
        return [tf.image.rgb_to_hsv(x), tf.math.erf(x - 0.25), tf.math.divide_no_nan(x, x[..., :1])]


def quotients():
    """Black, grey and white pixels among others."""
    pixels = np.array([[0, 0, 0], [0.25, 0.25, 0.25], [1, 1, 1], [0, 0.5, 1]], np.float32)
    save_tf("quotients", Quotients(), (pixels.reshape(1, 2, 2, 3),), (np.roll(pixels, 1, -1)[::-1].reshape(1, 2, 2, 3),))


def special():
    """Away from the poles of gamma's functions, where a float's own rounding is the larger error."""
    near = np.array([[-5.3, -2.6, -1.4, -0.4, 0.3, 1.4, 2.7, 4.6, 11.2]], np.float32)
    save_tf("special", Special(), (near,), (np.concatenate([near * 0.37, near[:, ::-1] * 1.57]),))


def large():
    save_tf("large", Large(), (floats(2, 3, 3),), (floats(2, 3, 3),))


class FakeQuantized(tf.Module):
    def __init__(self):
        super().__init__()
        self.kernel, self.deep, self.head = tf.Variable(floats(3, 3, 2, 4)), tf.Variable(floats(3, 3, 4, 1)), tf.Variable(floats(4, 3))
        self.up = tf.Variable(floats(2, 2, 3, 4))

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 6, 2])])
    def serve(self, x):
        rounded = tf.quantization.fake_quant_with_min_max_vars
        per_channel = tf.quantization.fake_quant_with_min_max_vars_per_channel(self.kernel, [-2.1, -2.3, -3.1, -2.2], [2.1, 2.3, 3.1, 2.2], narrow_range=True)
        y = rounded(tf.nn.relu(tf.nn.conv2d(rounded(x, -3.0, 3.0), per_channel, 1, "SAME")), 0.0, 11.3)
        y = rounded(tf.nn.depthwise_conv2d(y, rounded(self.deep, -3.0, 3.0, narrow_range=True), [1, 2, 2, 1], "SAME"), -40.0, 40.0)
        flat = rounded(tf.matmul(tf.reduce_max(y, [1, 2]), rounded(self.head, -3.0, 3.0, narrow_range=True)), -200.0, 200.0)
        return {"a": flat, "b": rounded(tf.nn.conv2d_transpose(y, rounded(self.up, -3.0, 3.0, narrow_range=True), [tf.shape(y)[0], 6, 6, 3], 2), -310.0, 310.0)}


def fake_quantized():
    save_tf("fake_quantized", FakeQuantized(), (floats(1, 6, 6, 2),), (floats(2, 6, 6, 2),))


def prepared():
    """Statistics for several axes or for one that is not the last, whole numbers, and images of bytes, which layers take as floats."""
    x, n, u = keras.Input((4, 5, 4)), keras.Input((4, 3), dtype="int32"), keras.Input((9, 8, 3), dtype="uint8")
    norms = [L.Normalization(axis=(1, 3)), L.Normalization(axis=1), L.Normalization(axis=-1)]
    for norm, data in zip(norms, (floats(9, 4, 5, 4), floats(9, 4, 5, 4), floats(9, 4, 3))):
        norm.adapt(data)
    part = L.Normalization(axis=(1, 2), mean=[1.0, 2.0, 3.0, 4.0, 5.0], variance=[1.0, 2.0, 3.0, 4.0, 5.0])
    model = keras.Model([x, n, u], [norms[0](x), norms[1](x), norms[2](n), part(x), L.CenterCrop(4, 5)(u)])
    numbers = np.arange(24, dtype=np.int32).reshape(2, 4, 3)
    bytes_ = RNG.integers(0, 256, (2, 9, 8, 3)).astype(np.uint8)
    save_keras("prepared", model, [floats(2, 4, 5, 4), numbers, bytes_], [floats(1, 4, 5, 4), numbers[:1], bytes_[:1]])


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
        return {"a": rows.stack(), "b": tf.nn.convolution(volume, kernel, padding="SAME", dilations=[1, 2, 2]), "c": compiled(lambda: tf.nn.conv3d(volume, share, [1, 1, 2, 1, 1], "VALID")),
                "d": tf.tensor_scatter_nd_max(x, [[0, 1], [4, 2]], [0.5, 0.0]), "e": compiled(lambda: xla.dynamic_update_slice(x, x[:2] * 2, tf.stack([n, 0]))),
                "f": compiled(lambda: xla.dynamic_slice(x, tf.stack([n, 1]), [3, 2])), "g": tf.reduce_sum(x, []),
                "h": tf.linalg.set_diag(x[:3] > 0, [True, False, True]), "i": tf.nn.relu(n - 2)}


def rows():
    save_tf("rows", Rows(), (floats(5, 3), floats(2, 5, 6, 7, 4), np.int32(1)), (floats(5, 3), floats(2, 5, 6, 7, 4), np.int32(3)))


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


def parted():
    save_tf("parted", Parted(), (np.array([5, 0, 3, 3], np.int32),), (np.array([1, 7], np.int32),))


class Rounded(tf.Module):
    """Rounding to levels of one range, of the tensor's own and of one per channel; products of whole numbers; segments of sorted ids of any number."""

    @tf.function(input_signature=[tf.TensorSpec([2, 4, 3]), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, 2])])
    def serve(self, x, ids, rows):
        q = tf.quantization
        return {"a": q.quantize_and_dequantize_v2(x, -1.0, 1.0, range_given=True, num_bits=4), "b": q.quantize_and_dequantize_v2(x, 0.0, 0.0),
                "c": q.fake_quant_with_min_max_vars_per_channel(x, [-1.0, -2.0, -0.5], [1.0, 0.5, 2.0]), "d": q.fake_quant_with_min_max_args(x, -1, 1, 4),
                "e": tf.matmul(tf.cast(4 * x, tf.int32), tf.cast(3 * x, tf.int32), transpose_b=True), "f": tf.math.segment_sum(rows, tf.sort(ids))}


def rounded():
    save_tf("rounded", Rounded(), (floats(2, 4, 3), np.array([1, 0, 1], np.int32), floats(3, 2)), (floats(2, 4, 3), np.array([2, 0, 1, 1], np.int32), floats(4, 2)))


def single_elements():
    """A choice between single elements, whose shape is not told by how many there are."""
    x = keras.Input(batch_shape=(1, 1))
    y = keras.ops.where(keras.ops.sum(x) > 0, x, 0.0)
    save_keras("single_elements", keras.Model(x, [y, keras.ops.squeeze(y, 0)]), [np.float32([[2]])], [np.float32([[-3]])])


def tied():
    """Kernels of 64 KB, which leave memory when they are in another layout, with several readers."""
    from keras.src.applications.inception_resnet_v2 import CustomScaleLayer
    x = keras.Input((128,))
    dense = L.Dense(128, use_bias=False)
    save_keras("tied_layer", keras.Model(x, CustomScaleLayer(0.17)([x, dense(L.ReLU()(dense(x)))])), [floats(1, 128)], [floats(2, 128)])
    save_tf("tied", Tied(), (floats(2, 128),), (floats(2, 128),))


MODELS = [
    filled, whole_weights, any_size, by_numbers, seen_from_elsewhere, fake_quantized, branch_in_loop, references, rounded, one_of_two, narrow_numbers, promoted, newer_functions, spread_volumes, locally_connected, transforms, open_sizes, halves, narrowed, norms, rows, named_ends, held_model,
    prepared, tied, single_elements, sound, complexes, bits, volumes_first, grids, draws, sparse, detections, warped, sequences,
    special, quotients, large, spectra, diagonals, more_layers, masked_attention, any_axis, odds_and_ends,
    transposed, more_functions, matrices, choices, whole_numbers, recurrent_any_length, recurrent_stateful, lookups,
    texts, spectrograms, volumes, functions, scattered, images, cache, old_control_flow,
    lowered_control_flow, lowered_branches, parted,
]

if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for make in MODELS:
        if len(sys.argv) < 2 or sys.argv[1] in make.__name__:
            keras.utils.set_random_seed(5)
            keras.backend.clear_session()
            RNG = np.random.default_rng(11)
            make()
    print(f"{OUT}: {sum(f.stat().st_size for f in OUT.rglob('*') if f.is_file())} bytes")
