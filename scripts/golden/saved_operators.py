# SPDX-License-Identifier: Apache-2.0
"""SavedModels of TensorFlow's own operators."""
import numpy as np
import tensorflow as tf

from golden.common import NARROW, RNG, flat, floats, golden, save_tf


class Scattered(tf.Module):
    def __init__(self):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(tf.constant([1, 4], tf.int64), tf.constant([0.5, 2.5])), -1.0)

    @tf.function(input_signature=[tf.TensorSpec([4, 3]), tf.TensorSpec([4], tf.int32)])
    def serve(self, x, ids):
        at = tf.constant([[0], [2]])
        return {"a": tf.tensor_scatter_nd_update(x, at, tf.ones([2, 3])), "b": tf.math.unsorted_segment_max(x, ids, 3),
                "c": tf.math.bincount(ids, minlength=4, maxlength=4),
                "d": self.table.lookup(tf.cast(ids, tf.int64)), "e": tf.raw_ops.Bucketize(input=x, boundaries=[-0.5, 0.5]), "f": tf.linalg.diag_part(x[:3]),
                "g": tf.searchsorted(tf.constant([[-1.0, 0.0, 1.0]]), x[:1]), "h": tf.bitwise.bitwise_and(ids * 70001, 65537 * 3),
                "i": tf.math.cumprod(x, axis=1, reverse=True),
                "j": tf.math.confusion_matrix(ids, ids[::-1], 4)}


class Images(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([1, 5, 4, 3])])
    def serve(self, x):
        boxes = tf.constant([[0.1, 0.0, 0.9, 1.0], [-0.2, 0.3, 0.5, 1.2]])
        return {"a": tf.image.adjust_hue(x, 0.1), "a0": tf.image.rgb_to_hsv(x - 0.2), "b": tf.image.adjust_saturation(x, 1.5),
                "c": tf.image.adjust_contrast(x, 2.0), "d": tf.image.resize(x, [7, 3], "bicubic"),
                "e": tf.image.resize(x, [2, 3], "area"), "f": tf.image.crop_and_resize(x, boxes, [0, 0], [3, 3]),
                "g": tf.image.extract_patches(x, [1, 2, 2, 1], [1, 1, 1, 1], [1, 1, 1, 1], "SAME")}


class Narrowed(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 8], tf.float32, name="x")])
    def serve(self, x):
        there = tf.cast(x, tf.float16)
        return {"half": tf.cast(there, tf.float32), "brain": tf.cast(tf.cast(x * 3, tf.bfloat16), tf.float32), "whole": tf.cast(there, tf.int32)}


@golden
def narrowed():
    save_tf("narrowed", Narrowed(), (NARROW,), (NARROW[:1],))


@golden
def scattered():
    save_tf("scattered", Scattered(), (floats(4, 3), np.array([1, 0, 2, 1], np.int32)), (floats(4, 3), np.array([2, 3, 0, 0], np.int32) % 3))


@golden
def images():
    save_tf("images", Images(), (np.abs(floats(1, 5, 4, 3)) / 4,), (np.abs(floats(1, 5, 4, 3)) / 4,))


class Matrices(tf.Module):
    """Small matrices turned inside out, whole numbers of all widths, kernels that no operator has."""

    @tf.function(input_signature=[tf.TensorSpec([2, 3, 3]), tf.TensorSpec([2, 3], tf.int64)])
    def serve(self, x, n):
        positive = tf.matmul(x, x, transpose_b=True) + tf.eye(3)
        narrow = tf.cast(n, tf.uint8)
        image = tf.reshape(x, [1, 3, 3, 2])
        return {"a": tf.linalg.inv(x), "b": tf.linalg.det(x), "c": tf.linalg.cholesky(positive), "d": tf.linalg.solve(x, x[:, :, :2] + 1.0),
                "e": tf.linalg.slogdet(x)[1],
                "f": tf.linalg.triangular_solve(positive, x), "g": tf.einsum("bii->bi", x), "h": tf.abs(n), "i": n // 3, "j": n**3, "k": tf.sign(n),
                "l": tf.maximum(narrow, tf.constant(7, tf.uint8)),
                "m": narrow // tf.constant(2, tf.uint8), "n": tf.nn.dilation2d(image, tf.ones([2, 2, 2]) * 0.5, [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]),
                "o": tf.image.resize(image, [5, 2], "lanczos3", antialias=True), "p": tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(x), x),
                "q": tf.nn.sparse_softmax_cross_entropy_with_logits(n % 3, x), "r": tf.bitwise.bitwise_xor(tf.raw_ops.PopulationCount(x=tf.cast(n, tf.int32)),
                    tf.constant(0, tf.uint8)),
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


@golden
def matrices():
    save_tf("matrices", Matrices(), (floats(2, 3, 3), np.array([[-7, 0, 5], [9, 2, 11]], np.int64)),
            (floats(2, 3, 3), np.array([[1 << 40, -4, 3], [8, 250, 6]], np.int64) % (1 << 20)))


@golden
def choices():
    save_tf("choices", Choices(), (np.array(1, np.int32), floats(4, 3)), (np.array(2, np.int32), floats(2, 3)))


class WholeNumbers(tf.Module):
    """Narrow whole numbers wrap around; .tflite's operators of these types are for quantized ones."""

    @tf.function(input_signature=[tf.TensorSpec([6], tf.uint8), tf.TensorSpec([6], tf.int8)])
    def serve(self, a, b):
        return [a + a, a * a, a - a // 2, b + b, b * b, b - 3 * b]


@golden
def whole_numbers():
    save_tf("whole_numbers", WholeNumbers(), (np.array([1, 2, 3, 100, 200, 255], np.uint8), np.array([1, -2, 3, 100, -128, 127], np.int8)),
            (np.array([0, 16, 17, 128, 250, 7], np.uint8), np.array([0, 11, 12, -100, 64, -1], np.int8)))


class Diagonals(tf.Module):
    """Diagonals beside the main one, bands of matrices of open size, boxes suppressed by a function of TensorFlow's library, the nearest pixel of a box."""

    @tf.function(input_signature=[tf.TensorSpec([2, None, 3]), tf.TensorSpec([None, 4]), tf.TensorSpec([None]), tf.TensorSpec([1, 6, 5, 2])])
    def serve(self, x, boxes, scores, image):
        square = tf.matmul(x, x, transpose_b=True)
        corners = tf.concat([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
        chosen, count = tf.image.non_max_suppression_padded(corners, scores, 3, 0.4, pad_to_max_output_size=True)
        few = tf.matmul(x, x, transpose_a=True)
        return {"a": tf.linalg.band_part(square, 1, 0), "b": tf.linalg.diag(x[:, 0], k=-1), "c": tf.linalg.diag(x[:, 0], k=1, num_rows=5),
                "d": tf.linalg.diag_part(few, k=1),
                "e": chosen, "f": count, "g": tf.image.crop_and_resize(image, [[0.1, 0.2, 0.7, 0.9], [0.0, 0.0, 1.0, 1.0]], [0, 0], [4, 5], "nearest", 2.0)}


@golden
def diagonals():
    boxes = [np.array([[0.1, 0.1, 0.5, 0.5], [0.12, 0.1, 0.5, 0.5], [0.6, 0.5, 0.3, 0.3], [0.1, 0.15, 0.5, 0.45], [0.5, 0.1, 0.2, 0.3]],
                      np.float32)[:n] for n in (5, 4)]
    save_tf("diagonals", Diagonals(), (floats(2, 4, 3), boxes[0], np.array([0.6, 0.9, 0.3, 0.5, 0.4], np.float32), floats(1, 6, 5, 2)),
            (floats(2, 5, 3), boxes[1], np.array([0.9, 0.2, 0.8, 0.7], np.float32), floats(1, 6, 5, 2)))


class Spectra(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 32])])
    def serve(self, x):
        spectrum = tf.signal.rfft(x)
        return {"a": tf.signal.irfft(spectrum), "b": tf.signal.irfft(spectrum, [24]), "c": tf.signal.inverse_stft(tf.signal.stft(x, 16, 8), 16, 8),
                "d": tf.math.angle(spectrum[:, 1:5])}


@golden
def spectra():
    save_tf("spectra", Spectra(), (floats(1, 32),), (floats(3, 32),))


class Sound(tf.Module):
    """What TensorFlow Lite has custom operators for."""

    @tf.function(input_signature=[tf.TensorSpec([1600, 2])])
    def serve(self, x):
        squared = tf.raw_ops.AudioSpectrogram(input=x, window_size=400, stride=160, magnitude_squared=True)
        mfcc = tf.raw_ops.Mfcc(spectrogram=squared, sample_rate=16000, dct_coefficient_count=12, lower_frequency_limit=100.0)
        return {"a": tf.raw_ops.AudioSpectrogram(input=x, window_size=60, stride=300), "b": mfcc}


@golden
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
        return {"a": s.mfccs_from_log_mel_spectrograms(tf.math.log(mel + 1e-2)), "b": s.inverse_stft(s.stft(x, 16, 4), 16, 4), "c": s.dct(x, 3),
                "d": tf.abs(s.rfft2d(images)),
                "e": s.irfft2d(s.rfft2d(images), [6, 10]), "f": tf.math.imag(s.ifft2d(tf.concat([plane, z], -1) / z[..., :1])),
                "g": tf.math.real(tf.reduce_sum(tf.transpose(plane, [1, 0, 2]), 0)),
                "h": tf.abs(s.ifft(s.fft(tf.cast(x, tf.complex64)) * tf.constant([2.0, 0.0] * 24, tf.complex64)))}


@golden
def complexes():
    save_tf("complex", Complex(), (floats(1, 48), floats(2, 6, 10)), (floats(3, 48), floats(2, 6, 10)))


class VolumesFirst(tf.Module):
    """A transposed convolution over volumes whose channels lie second."""

    def __init__(self):
        super().__init__()
        self.filter = tf.Variable(floats(2, 3, 2, 3, 2))

    @tf.function(input_signature=[tf.TensorSpec([None, 2, 3, 4, 3])])
    def serve(self, x):
        return tf.raw_ops.Conv3DBackpropInputV2(input_sizes=tf.stack([tf.shape(x)[0], 3, 6, 6, 4]), filter=self.filter, out_backprop=x, strides=[1, 1, 2, 1, 1],
                                                padding="VALID", data_format="NCDHW")


@golden
def volumes_first():
    save_tf("volumes_first", VolumesFirst(), (floats(1, 2, 3, 4, 3),), (floats(2, 2, 3, 4, 3),))


class Bits(tf.Module):
    """Bits of 64, numbers of a range that is computed."""

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.int64), tf.TensorSpec([3], tf.int64), tf.TensorSpec([], tf.int32)])
    def serve(self, x, y, n):
        b = tf.bitwise
        return {"a": b.bitwise_and(x, y), "b": b.bitwise_or(x, y), "c": b.bitwise_xor(x, y), "d": b.right_shift(x, y % 60),
                "e": tf.linspace(tf.cast(n, tf.float32), 9.0, n), "f": tf.unstack(x, axis=1)[2]}


@golden
def bits():
    save_tf("bits", Bits(), (np.array([[2**40 + 5, -3, -(2**62)]]), np.array([2**40 + 3, 77, 2**33 + 1]), np.int32(4)),
            (np.array([[1, 2, 3], [-1, -2, 2**62]]), np.array([3, -5, 59]), np.int32(2)))


class Draws(tf.Module):
    """Random numbers of a seed that is given, next to one that is read, then written, as Keras' generators of seeds do it."""

    def __init__(self):
        super().__init__()
        self.seed = tf.Variable([1337, 0], dtype=tf.int64)

    @tf.function(input_signature=[tf.TensorSpec([2], tf.int32)])
    def serve(self, seed):
        before = self.seed.read_value() * 1
        self.seed.assign_add([0, 1])
        return {"a": tf.random.stateless_uniform([3, 2], 2 * seed), "b": tf.random.stateless_normal([5], seed),
                "c": tf.random.stateless_uniform([6], seed, 3, 90, tf.int32), "d": before,
                "e": tf.random.stateless_truncated_normal([4], [5, 6])}


@golden
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
        return {"a": tf.nn.safe_embedding_lookup_sparse(self.table, sparse, combiner="mean"),
                "b": tf.nn.safe_embedding_lookup_sparse(self.table, sparse, weights, combiner="sqrtn", default_id=4),
                "c": tf.nn.embedding_lookup_sparse(self.table, sparse, None, combiner="sqrtn"),
                "d": tf.sparse.segment_mean(rows, tf.range(tf.size(segments)), segments, num_segments=7),
                "e": tf.sparse.fill_empty_rows(sparse, tf.constant(-1, tf.int64))[0], "f": tf.RaggedTensor.from_row_splits(rows * 2.0,
                    tf.concat([[0], tf.shape(ids, tf.int64)], 0)),
                "f_1": tf.math.segment_sum(rows, segments)}


@golden
def sparse():
    save_tf("sparse", Sparse(), (np.array([[0, 0], [0, 2], [2, 1], [2, 3], [2, 4], [4, 0]]), np.array([3, 1, 7, 7, 2, 9]), np.array([6, 5])),
            (np.array([[1, 1], [3, 0]]), np.array([0, 8]), np.array([4, 2])))


class Warped(tf.Module):
    """Images turned, sheared and seen from the side, with all that may lie outside."""

    @tf.function(input_signature=[tf.TensorSpec([None, 5, 6, 2]), tf.TensorSpec([None, 8])])
    def serve(self, x, t):
        one = tf.constant([[0.8, -0.5, 1.0, 0.6, 0.9, -2.3, 0.01, -0.02]])
        warp = tf.raw_ops.ImageProjectiveTransformV3
        modes = [(how, mode) for how in ("NEAREST", "BILINEAR") for mode in ("CONSTANT", "REFLECT", "WRAP", "NEAREST")]
        return [*(warp(images=x, transforms=t, output_shape=[4, 7], fill_value=0.5, interpolation=how, fill_mode=mode) for how, mode in modes),
                tf.raw_ops.ImageProjectiveTransformV2(images=x, transforms=one, output_shape=[5, 6], interpolation="BILINEAR")]


@golden
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
        return [*nms(boxes, scores, 5, 8, 0.4, 0.1), *nms(tf.concat([boxes, boxes * 0.9, boxes + 0.2], 2), scores, 4, 20, 0.3, 0.3, pad_per_class=True,
                                                          clip_boxes=False),
                *nms(boxes, scores, 3, 40, 0.5)]


@golden
def detections():
    save_tf("detections", Detections(), *((RNG.uniform(0, 1, (2, 12, 4)).astype(np.float32),
                                           RNG.uniform(-0.5, 1, (2, 12, 3)).astype(np.float32)) for _ in range(2)))


class OpenDetections(tf.Module):
    """The same of any number of images."""

    @tf.function(input_signature=[tf.TensorSpec([None, 12, 4]), tf.TensorSpec([None, 12, 3])])
    def serve(self, corners, scores):
        boxes = tf.concat([corners[..., :2], corners[..., :2] + 0.2 + corners[..., 2:]], -1)[:, :, tf.newaxis]
        return list(tf.image.combined_non_max_suppression(boxes, scores, 5, 8, 0.4, 0.1))


@golden
def open_detections():
    save_tf("open_detections", OpenDetections(),
            *((RNG.uniform(0, 1, (n, 12, 4)).astype(np.float32), RNG.uniform(-0.5, 1, (n, 12, 3)).astype(np.float32)) for n in (3, 1)))


class ChosenPerImage(tf.Module):
    """As detectors choose boxes: image by image, filled up to a length that only the author knows."""

    @tf.function(input_signature=[tf.TensorSpec([None, 12, 4]), tf.TensorSpec([None, 12])])
    def serve(self, corners, scores):
        def choose(image):
            chosen = tf.image.non_max_suppression(image[0], image[1], 5, 0.4, 0.2)
            filled = tf.pad(tf.gather(image[0], chosen), [[0, 5 - tf.shape(chosen)[0]], [0, 0]])
            filled.set_shape([5, 4])
            return filled, tf.size(chosen)
        return tf.map_fn(choose, (corners, scores), fn_output_signature=(tf.float32, tf.int32))


@golden
def chosen_per_image():
    save_tf("chosen_per_image", ChosenPerImage(),
            *((RNG.uniform(0, 1, (n, 12, 4)).astype(np.float32), RNG.uniform(-0.5, 1, (n, 12)).astype(np.float32)) for n in (3, 1)))


class PlacesOfAll(tf.Module):
    """Places that count through the images, of windows of six cells and of one."""

    @tf.function(input_signature=[tf.TensorSpec([2, 5, 4, 3])])
    def serve(self, x):
        pool = lambda size, steps, padding: tf.nn.max_pool_with_argmax(x, size, steps, padding, include_batch_in_index=True)
        return [*pool([3, 2], [2, 1], "SAME"), pool(1, 2, "VALID").argmax]


@golden
def places_of_all():
    save_tf("places_of_all", PlacesOfAll(), *([RNG.uniform(-1, 1, (2, 5, 4, 3)).astype(np.float32)] for _ in range(2)))


class Special(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None, 9])])
    def serve(self, x):
        m, unit = tf.math, tf.math.tanh(x * 0.3)
        return [m.bessel_i0(x), m.bessel_i0e(x * 4.0), m.bessel_i1(x), m.bessel_i1e(x * 4.0), m.lgamma(x), m.lgamma(x * 30.7), m.digamma(x), m.digamma(x * 9.0),
                m.erfinv(unit), m.ndtri(m.exp(-m.abs(x)) * 0.5), m.ndtri(0.5 + unit * 0.45),
                tf.einsum("ok,bk->bo", tf.reshape(tf.range(27.0), [3, 9]) * 0.01, x), m.zeta(1.5 + m.abs(x), 0.25 + m.square(x)),
                m.polygamma(2.0, 0.3 + m.abs(x)), m.polygamma(0.0, 0.3 + m.abs(x))]


class Quotients(tf.Module):
    """Quotients that are 0/0 where they are not taken."""

    @tf.function(input_signature=[tf.TensorSpec([1, 2, 2, 3])])
    def serve(self, x):
        return [tf.image.rgb_to_hsv(x), tf.math.erf(x - 0.25), tf.math.divide_no_nan(x, x[..., :1])]


@golden
def quotients():
    """Black, grey and white pixels among others."""
    pixels = np.array([[0, 0, 0], [0.25, 0.25, 0.25], [1, 1, 1], [0, 0.5, 1]], np.float32)
    save_tf("quotients", Quotients(), (pixels.reshape(1, 2, 2, 3),), (np.roll(pixels, 1, -1)[::-1].reshape(1, 2, 2, 3),))


@golden
def special():
    """Away from the poles of gamma's functions, where a float's own rounding is the larger error."""
    near = np.array([[-5.3, -2.6, -1.4, -0.4, 0.3, 1.4, 2.7, 4.6, 11.2]], np.float32)
    save_tf("special", Special(), (near,), (np.concatenate([near * 0.37, near[:, ::-1] * 1.57]),))


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


@golden
def fake_quantized():
    save_tf("fake_quantized", FakeQuantized(), (floats(1, 6, 6, 2),), (floats(2, 6, 6, 2),))


class Rounded(tf.Module):
    """Rounding to levels of one range, of the tensor's own and of one per channel; products of whole numbers; segments of sorted ids of any number."""

    @tf.function(input_signature=[tf.TensorSpec([2, 4, 3]), tf.TensorSpec([None], tf.int32), tf.TensorSpec([None, 2])])
    def serve(self, x, ids, rows):
        q = tf.quantization
        return {"a": q.quantize_and_dequantize_v2(x, -1.0, 1.0, range_given=True, num_bits=4), "b": q.quantize_and_dequantize_v2(x, 0.0, 0.0),
                "c": q.fake_quant_with_min_max_vars_per_channel(x, [-1.0, -2.0, -0.5], [1.0, 0.5, 2.0]), "d": q.fake_quant_with_min_max_args(x, -1, 1, 4),
                "e": tf.matmul(tf.cast(4 * x, tf.int32), tf.cast(3 * x, tf.int32), transpose_b=True), "f": tf.math.segment_sum(rows, tf.sort(ids))}


@golden
def rounded():
    save_tf("rounded", Rounded(), (floats(2, 4, 3), np.array([1, 0, 1], np.int32), floats(3, 2)),
            (floats(2, 4, 3), np.array([2, 0, 1, 1], np.int32), floats(4, 2)))


class Segments(tf.Module):
    """Segments, how many known or said by the data."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2]), tf.TensorSpec([None], tf.int32), tf.TensorSpec([], tf.int32)])
    def serve(self, rows, ids, count):
        raw = tf.raw_ops
        return self.of(raw.SegmentSumV2, raw.SegmentMaxV2, raw.SegmentMinV2, raw.SegmentProdV2, rows, ids, count)

    def unsorted(self, rows, ids, count):
        """The same, of operators that TensorFlow computes outside of XLA, too."""
        raw = tf.raw_ops
        return self.of(raw.UnsortedSegmentSum, raw.UnsortedSegmentMax, raw.UnsortedSegmentMin, raw.UnsortedSegmentProd, rows, ids, count)

    def of(self, sum, max, min, prod, rows, ids, count):
        own, known = dict(data=rows, segment_ids=ids, num_segments=count), dict(data=rows, segment_ids=ids, num_segments=4)
        return {"a": sum(**own), "b": sum(**known), "c": max(**own), "d": min(**known), "e": prod(**own), "f": tf.math.unsorted_segment_min(rows, ids, count)}


@golden
def segments():
    module = Segments()
    save_tf("segments", module, (floats(5, 2), np.array([0, 0, 1, 3, 3], np.int32), np.array(4, np.int32)),
            (floats(4, 2), np.array([0, 2, 2, 2], np.int32), np.array(5, np.int32)), runs=module.unsorted)


class Rare(tf.Module):
    """Operators that few graphs have: neighbours of numbers, places of sorted rows, layouts, systems of more equations than unknowns."""

    @tf.function(input_signature=[tf.TensorSpec([3, 4]), tf.TensorSpec([3], tf.int32), tf.TensorSpec([1, 3, 4, 4, 2])])
    def serve(self, x, n, volume):
        raw, first = tf.raw_ops, tf.constant([[1], [0]])
        far = tf.constant([[0.0, np.inf, -np.inf, np.nan], [1.0, -1.0, 0.0, 0.0], [0.5, 0.5, -2.0, 3.0]])
        return {"a": tf.math.nextafter(x, -x), "b": tf.math.nextafter(far, tf.constant([1.0, 0.0, 0.0, 1.0])),
                "c": tf.math.cumulative_logsumexp(x, 1, exclusive=True),
                "d": tf.math.cumulative_logsumexp(x, 0, exclusive=True, reverse=True), "e": raw.NthElement(input=x, n=2),
                "f": raw.NthElement(input=x, n=0, reverse=True),
                "g": tf.math.approx_max_k(x, 2)[0], "h": raw.Reverse(tensor=x, dims=[False, True]), "i": tf.unravel_index(n, [2, 3, 4]),
                "j": raw.DataFormatVecPermute(x=tf.concat([n, n[:1] + 9], 0)), "k": raw.Concat(concat_dim=1, values=[x, x]),
                "l": raw.ConjugateTranspose(x=x, perm=[1, 0]),
                "m": raw.InplaceUpdate(x=x * 2, i=[2, 0], v=x[:2] * 2), "n": raw.InplaceAdd(x=x * 3, i=[1], v=x[:1]),
                "o": raw.ScatterNdNonAliasingAdd(input=x, indices=first, updates=x[1:]),
                "p": tf.linalg.lstsq(tf.transpose(x), tf.ones([4, 2]), fast=True, l2_regularizer=0.1),
                "q": tf.linalg.tridiagonal_matmul((x[:, 0], x[:, 1], x[:, 2]), x, "sequence"),
                "r": tf.math.accumulate_n([x, x, x]), "s": tf.linalg.set_diag(x, x[:, 0], k=1), "t": tf.linalg.set_diag(x, x[:2, 0], k=-1),
                "u": raw.ExtractVolumePatches(input=volume, ksizes=[1, 2, 3, 1, 1], strides=[1, 1, 2, 1, 1], padding="SAME"), "v": tf.linalg.diag_part(x, k=2)}


@golden
def rare():
    save_tf("rare", Rare(), (floats(3, 4), np.array([5, 0, 23], np.int32), floats(1, 3, 4, 4, 2)),
            (floats(3, 4), np.array([1, 13, 7], np.int32), floats(1, 3, 4, 4, 2)))


class Repeated(tf.Module):
    """Boxes of a free batch are told in a loop, beside a loop of the model's own and inside of one."""

    @tf.function(input_signature=[tf.TensorSpec([None, 6, 4]), tf.TensorSpec([None, 6, 2]), tf.TensorSpec([], tf.int32)])
    def serve(self, boxes, scores, n):
        def best(s):
            return tf.image.combined_non_max_suppression(tf.expand_dims(tf.sigmoid(boxes), 2), s, 4, 6, 0.5, 0.1)[1]

        i, s, inside = tf.constant(0), tf.sigmoid(scores), tf.zeros([tf.shape(boxes)[0], 6])
        while i < n:
            s, inside, i = s * 0.9, inside + best(s), i + 1
        return {"a": best(s), "b": inside}


@golden
def repeated():
    save_tf("repeated", Repeated(), (floats(1, 6, 4), floats(1, 6, 2), np.int32(2)), (floats(2, 6, 4), floats(2, 6, 2), np.int32(3)))


class Narrow(tf.Module):
    """Sums and quotients of whole numbers of every width, segments without rows, operands and axes that an operator does not take as they are."""

    @tf.function(input_signature=[tf.TensorSpec([2, 4], tf.int8), tf.TensorSpec([2, 4], tf.uint8), tf.TensorSpec([2, 4], tf.int64), tf.TensorSpec([2, 3, 2]),
                                  tf.TensorSpec([None, 1])])
    def serve(self, small, byte, large, x, row):
        raw, ids = tf.raw_ops, tf.constant([0, 3])
        wide = tf.cast(small, tf.int16)
        return {"a": tf.reduce_sum(byte, 1), "b": tf.reduce_sum(small), "c": tf.reduce_mean(byte, 0, keepdims=True), "d": tf.reduce_prod(byte, 1),
                "e": tf.reduce_sum(wide, 1), "f": tf.reduce_sum(tf.cast(byte, tf.uint32), 1), "g": tf.reduce_max(tf.cast(byte, tf.uint16), 1),
                "h": tf.truncatediv(wide, tf.constant([3, -3, 7, 2], tf.int16)), "i": tf.truncatediv(small, tf.constant(3, tf.int8)),
                "j": tf.truncatediv(byte, tf.constant(3, tf.uint8)), "k": tf.truncatediv(large, tf.constant([7, -7, 3, 10**9], tf.int64)),
                "l": raw.TruncateMod(x=large, y=tf.constant([7, -7, 3, 10**9], tf.int64)), "m": raw.Div(x=large, y=tf.constant(-5, tf.int64)),
                "n": tf.math.segment_max(x, ids), "o": tf.math.segment_min(tf.cast(small, tf.int32), ids),
                "p": tf.reverse(x, [0, 2]), "q": tf.reverse(x, [-1, 0, 1]), "r": tf.atan2(x, tf.constant([2.0, -1.0])),
                "s": tf.atan2(tf.constant(0.5), x), "t": tf.atan2(row, tf.constant([1.0, -2.0, 0.0]))}


@golden
def narrow():
    module = Narrow()
    save_tf("narrow", module, *[(np.array([[-7, 7, -8, 5], [100, 28, -128, 127]], np.int8), np.array([[1, 2, 3, 4], [200, 5, 9, 1]], np.uint8),
                                 np.array([[-22, 22, -9, 7 * 10**17], [6, -6, 2**62, -5]], np.int64), floats(2, 3, 2), floats(n, 1)) for n in (2, 1)])
