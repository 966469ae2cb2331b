# SPDX-License-Identifier: Apache-2.0
"""tf_keras models that call TensorFlow's functions: each is a layer of its own in their files (TFOpLambda)."""
import numpy as np
import tensorflow as tf
import tf_keras

from golden.common import RNG, floats, golden, save_keras


def inputs(**shapes):
    """Of a model whose layers are numbered from the beginning, whichever were made before it."""
    tf_keras.backend.clear_session()
    types = {"at": "int32", "pixels": "uint8", "text": "string"}
    return [tf_keras.Input(shape, name=name, dtype=types.get(name)) for name, shape in shapes.items()]


@golden
def tensorflow_numbers():
    """Element by element, over axes, in order; arguments that keras.ops has not."""
    m, (x, y) = tf.math, inputs(x=[4, 6], y=[4, 6])
    p = tf.sigmoid(x)
    parts = [m.acos(p), m.atan2(x, y), m.atan2(2.0, x), m.xlogy(x, p), m.xlog1py(2.0, p), m.xdivy(x, y), m.multiply_no_nan(x, p), m.reciprocal_no_nan(x),
             m.lgamma(p + 1), m.log_sigmoid(x), m.rint(x), m.sign(x), m.is_nan(x), tf.add_n([x, y, x]), tf.norm(x, axis=-1),
             tf.norm(x, ord=1, axis=1, keepdims=True), tf.norm(x, ord=np.inf, axis=1), *tf.linalg.normalize(x, axis=1),
             m.l2_normalize(x, axis=[1, 2], epsilon=1e-6), tf.clip_by_norm(x, 1.5, axes=[2]), tf.nn.l2_loss(x), m.count_nonzero(tf.nn.relu(x), axis=1),
             m.reduce_std(x, axis=1), m.reduce_variance(x, axis=[1, 2], keepdims=True), m.reduce_logsumexp(x, axis=2), m.reduce_euclidean_norm(x, axis=2),
             tf.reduce_any(x > 0, axis=1), tf.reduce_all(x > -1, axis=[1, 2]), tf.argmax(x, axis=1), tf.argmin(x, axis=2, output_type=tf.int32),
             m.cumsum(x, axis=1, exclusive=True), m.cumsum(x, axis=2, reverse=True), m.cumprod(x, axis=1), m.cumprod(x, axis=1, exclusive=True),
             m.cumprod(x, axis=2, reverse=True), *m.top_k(x, 2), tf.sort(x, axis=1, direction="DESCENDING"), tf.argsort(x),
             tf.searchsorted(tf.constant([-1.0, 0.0, 0.5]), tf.reshape(x, [-1])), tf.nn.gelu(x), tf.nn.gelu(x, approximate=True), tf.nn.silu(x, beta=1.5),
             tf.nn.crelu(x), tf.nn.log_softmax(x, axis=1), tf.stop_gradient(x), tf.debugging.check_numerics(x, "finite"), tf.compat.v1.floor_div(x, 0.7),
             tf.pad(x, [[0, 0], [1, 1], [1, 0]], constant_values=2.0)]
    save_keras("tensorflow_numbers", tf_keras.Model([x, y], parts), [floats(1, 4, 6), floats(1, 4, 6)], [floats(2, 4, 6), floats(2, 4, 6)])


@golden
def tensorflow_classes():
    """What of logits depends on the classes that are data."""
    x, at = inputs(x=[4, 6], at=[4])
    save_keras("tensorflow_classes", tf_keras.Model([x, at], [tf.compat.v1.nn.sparse_softmax_cross_entropy_with_logits(labels=at, logits=x)]),
               *([floats(n, 4, 6), RNG.integers(0, 6, (n, 4)).astype(np.int32)] for n in (1, 3)))


@golden
def tensorflow_shapes():
    """Dimensions as numbers, and tensors of dimensions that only the running model knows; what is picked by truths."""
    x, t, at = inputs(x=[4, 6], t=[None, 6], at=[3])
    n, steps = tf.shape(x)[0], tf.shape(t)[1]
    parts = [tf.reshape(x, [n, 24]), tf.reshape(x, tf.stack([n, 2, tf.shape(x)[1] * 3])), tf.reshape(t, [tf.shape(t)[0], steps, 2, 3]), tf.shape(x),
             tf.shape(x, out_type=tf.int64)[1:], tf.size(x), tf.zeros([n, 2]), tf.ones((n, 3), tf.int32), tf.fill(tf.shape(t), 3.5),
             tf.broadcast_to(x[:, :1], [n, 5, 6]), tf.broadcast_to([0.5], tf.shape(x[:, :1])), tf.tile(tf.constant([[1.0, 2.0]]), [n, 2]),
             t + tf.cast(tf.range(steps), tf.float32)[:, None],
             tf.range(1, steps, 2), tf.slice(x, [0, 1, 0], [-1, 2, 3]), tf.strided_slice(x, [0, 0, 1], [1, 3, 4], [1, 2, 1]),
             tf.slice(x, [0, 1, 2], [n, 2, 2]), *tf.unstack(x, axis=1), tf.gather(x, at, axis=1, batch_dims=1), tf.gather(x, at, batch_dims=1),
             tf.gather_nd(x, [[0, 1], [0, 2]]), tf.boolean_mask(x, x[:, :, 0] > 0), x[x > 0.5], x[:, at[0, 0] : steps], t[:, steps - 2 :], t[:, steps - 1],
             tf.where(x > 1), tf.one_hot(at, 5, on_value=2.0, off_value=-1.0, axis=1),
             tf.stack([x[:, 0], tf.constant([1.0, 2, 3, 4, 5, 6]) * tf.ones_like(x[:, 0])], axis=1), tf.sequence_mask(at, 5),
             tf.sequence_mask(at, maxlen=4, dtype=tf.float32), tf.reverse_sequence(x, at[:, 0], seq_axis=1, batch_axis=0),
             tf.scatter_nd(at[:, :, None], x[:, :3], [8, 6]), tf.tensor_scatter_nd_update(x, [[0]], tf.ones([1, 4, 6])),
             tf.math.unsorted_segment_mean(x[0], [0, 2, 0, 2], 4), tf.nn.embedding_lookup(np.eye(5, 3, dtype=np.float32), at)]
    indices = [RNG.integers(0, 4, (b, 3)).astype(np.int32) for b in (1, 2)]
    save_keras("tensorflow_shapes", tf_keras.Model([x, t, at], parts),
               [floats(1, 4, 6), floats(1, 5, 6), indices[0]], [floats(2, 4, 6), floats(2, 3, 6), indices[1]])


@golden
def tensorflow_matrices():
    """Products with constants on either side, diagonals, bands, solutions."""
    linalg, (x, v) = tf.linalg, inputs(x=[3, 3], v=[3])
    a = x + 4 * np.eye(3, dtype=np.float32)
    half = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    parts = [tf.constant(half.T) @ x, x @ tf.constant(half), linalg.matmul(x, x, transpose_a=True), linalg.matmul(x, x, adjoint_b=True),
             tf.tensordot(x, half, 1), tf.tensordot(x, half, [[1], [0]]), linalg.matrix_transpose(x), linalg.band_part(x, -1, 0), linalg.band_part(x, 1, 1),
             linalg.diag(v), linalg.set_diag(x, v), linalg.diag_part(x), linalg.trace(x), linalg.inv(a), linalg.det(a), linalg.solve(a, x),
             linalg.cholesky(linalg.matmul(a, a, transpose_b=True)), linalg.cross(v, 2 * v + 1)]
    save_keras("tensorflow_matrices", tf_keras.Model([x, v], parts), [floats(1, 3, 3), floats(1, 3)], [floats(2, 3, 3), floats(2, 3)])


@golden
def tensorflow_images():
    """Sizes, colours, windows; filters that are constants."""
    i, n, (x,) = tf.image, tf.nn, inputs(x=[6, 8, 3])
    filters, each = np.linspace(-1, 1, 54, dtype=np.float32).reshape(3, 3, 3, 2), np.linspace(-1, 1, 54, dtype=np.float32).reshape(3, 3, 3, 2)
    parts = [i.resize(x, [3, 4]), i.resize(x, [12, 16], method="nearest"), i.resize(x, (4, 4), method="bicubic"), i.resize(x, (4, 4), antialias=True),
             i.resize(x, (3, 2), method="area"), tf.compat.v1.image.resize_bilinear(x, (12, 16), align_corners=True), i.flip_left_right(x),
             i.flip_up_down(x), i.central_crop(x, 0.5), i.rgb_to_grayscale(x), i.grayscale_to_rgb(x[:, :, :, :1]), i.rgb_to_hsv(tf.sigmoid(x)),
             i.hsv_to_rgb(tf.sigmoid(x)), i.adjust_brightness(x, 0.1), i.adjust_contrast(x, 1.5), i.adjust_gamma(tf.sigmoid(x), 0.5, 2.0),
             i.crop_to_bounding_box(x, 1, 2, 3, 4), i.pad_to_bounding_box(x, 1, 2, 9, 12), i.resize_with_crop_or_pad(x, 4, 11),
             i.per_image_standardization(x), i.extract_patches(x, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"),
             n.conv2d(x, filters, [1, 2, 1, 1], "SAME"), n.conv2d(x, filters, 1, "VALID", dilations=2), n.depthwise_conv2d(x, each, [1, 1, 1, 1], "SAME"),
             n.max_pool2d(x, 2, 2, "VALID"), n.avg_pool2d(x, [2, 3], 1, "SAME"), n.space_to_depth(x, 2),
             n.depth_to_space(tf.concat([x, x[:, :, :, :1]], -1), 2), n.bias_add(x, [1.0, 2.0, 3.0]), n.local_response_normalization(x, 2, 1.0, 0.1, 0.75),
             tf_keras.backend.conv2d(x, tf.constant(filters)), tf_keras.backend.batch_flatten(x)]
    save_keras("tensorflow_images", tf_keras.Model([x], parts), [floats(1, 6, 8, 3)], [floats(2, 6, 8, 3)])


@golden
def tensorflow_spectra():
    """Complex numbers on their way from real ones to real ones; frames of a signal."""
    m, s = tf.math, tf.signal
    x, v = inputs(x=[8, 6], v=[40])
    plane = s.fft2d(tf.cast(x, tf.complex64))
    pair = tf.complex(x, 2 * x)
    waves = s.stft(v, frame_length=10, frame_step=4)
    parts = [m.real(plane), m.imag(plane), tf.abs(s.fft(pair)), m.real(s.ifft(s.fft(pair))), tf.cast(s.ifft2d(plane), tf.float32), tf.abs(x), m.imag(pair),
             m.angle(s.fft(pair)),
             tf.abs(waves), m.imag(s.stft(v, 7, 7, fft_length=12)), s.frame(v, 8, 3)]
    save_keras("tensorflow_spectra", tf_keras.Model([x, v], parts), [floats(1, 8, 6), floats(1, 40)], [floats(2, 8, 6), floats(2, 40)])


@golden
def tensorflow_arguments():
    """Arguments that say something else than the rule: no window, other element types, ends beyond the axis, many numbers, tensors' own rows."""
    x, t, at, pixels, v = inputs(x=[4, 6], t=[None, 6], at=[3], pixels=[4, 6, 3], v=[20])
    s, end = tf.signal, 2**63 - 1
    parts = [tf.abs(s.stft(v, 10, 4, window_fn=None)), tf.abs(s.frame(tf.complex(v, 2 * v), 8, 3)), tf.range(0, tf.reduce_max(x) * 0 + 2, 0.5),
             tf.stack([at[0, 0]] * 10), tf.one_hot(at, 4, on_value=5, off_value=1), tf.one_hot(at, tf.shape(x)[1]), t[:, tf.shape(t)[1] - 2 : end],
             x[:, 1:end], tf.compat.v1.image.resize_nearest_neighbor(pixels, (8, 9)),
             tf.image.extract_patches(pixels, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "VALID"), tf.linalg.diag_part(at[:, :, None] * at[:, None]),
             tf.linalg.trace(at[:, :, None] * at[:, None]), tf.stack(x), tf.add_n(tf.unstack(x, num=4, axis=1))]
    at_1, at_2 = (RNG.integers(0, 4, (b, 3)).astype(np.int32) for b in (1, 2))
    pixels_1, pixels_2 = (RNG.integers(0, 256, (b, 4, 6, 3)).astype(np.uint8) for b in (1, 2))
    save_keras("tensorflow_arguments", tf_keras.Model([x, t, at, pixels, v], parts), [floats(1, 4, 6), floats(1, 5, 6), at_1, pixels_1, floats(1, 20)],
               [floats(2, 4, 6), floats(2, 3, 6), at_2, pixels_2, floats(2, 20)])


@golden
def tensorflow_filters():
    """Convolutions over sequences, images and volumes, there and back; windows; filters that are constants."""
    n, (x, v, w) = tf.nn, inputs(x=[6, 8, 3], v=[7, 3], w=[4, 5, 6, 2])

    def filters(*shape):
        return np.linspace(-1, 1, np.prod(shape), dtype=np.float32).reshape(shape)

    batch = tf.shape(x)[0]
    parts = [n.conv1d(v, filters(3, 3, 4), 1, "SAME"), n.conv1d(v, filters(3, 3, 4), 2, "VALID"), n.conv1d(v, filters(2, 3, 2), 1, "VALID", dilations=2),
             n.conv2d(x, filters(3, 3, 3, 2), 1, [[0, 0], [1, 1], [2, 0], [0, 0]]), n.convolution(x, filters(3, 3, 3, 2), [1, 2], "VALID"),
             n.conv3d(w, filters(2, 2, 2, 2, 3), [1, 2, 1, 2, 1], "VALID"), n.convolution(w, filters(2, 2, 2, 2, 3), padding="SAME"),
             n.conv2d_transpose(x, filters(3, 3, 4, 3), tf.stack([batch, 12, 16, 4]), 2, "SAME"),
             n.conv1d_transpose(v, filters(3, 4, 3), tf.stack([batch, 14, 4]), 2, "SAME"),
             n.conv3d_transpose(w, filters(2, 2, 2, 3, 2), tf.stack([batch, 8, 10, 12, 3]), 2, "SAME"),
             n.depthwise_conv2d(x, filters(3, 3, 3, 2), [1, 2, 2, 1], "VALID"),
             n.separable_conv2d(x, filters(3, 3, 3, 2), filters(1, 1, 6, 5), [1, 1, 1, 1], "SAME"), n.atrous_conv2d(x, filters(3, 3, 3, 2), 2, "SAME"),
             n.dilation2d(x, filters(2, 2, 3), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]), n.max_pool1d(v, 2, 2, "VALID"), n.avg_pool1d(v, 3, 2, "SAME"),
             n.max_pool3d(w, 2, 2, "VALID"), n.avg_pool3d(w, [1, 2, 2, 1, 1], 1, "SAME"), n.pool(x, [2, 2], "MAX", padding="SAME"),
             n.max_pool_with_argmax(x, 2, 2, "VALID")[0], n.batch_normalization(x, filters(3), 2 + filters(3), filters(3), 1 - filters(3), 1e-3),
             tf.compat.v1.nn.fused_batch_norm(x, filters(3), filters(3), filters(3), 2 + filters(3), is_training=False)[0],
             tf.compat.v1.nn.fused_batch_norm(x, filters(3), filters(3))[0], tf.compat.v1.extract_volume_patches(w, [1, 2, 2, 2, 1], [1, 1, 2, 1, 1], "SAME")]
    save_keras("tensorflow_filters", tf_keras.Model([x, v, w], parts), [floats(1, 6, 8, 3), floats(1, 7, 3), floats(1, 4, 5, 6, 2)],
               [floats(2, 6, 8, 3), floats(2, 7, 3), floats(2, 4, 5, 6, 2)])


@golden
def tensorflow_ops():
    """Functions that are one op of TensorFlow's graphs, and lists of numbers in a function's first place."""
    i, linalg, m, q = tf.image, tf.linalg, tf.math, tf.quantization
    x, v, s, boxes = inputs(x=[6, 8, 3], v=[6], s=[3, 4], boxes=[10, 4])
    square = linalg.matmul(s, s, transpose_b=True)
    ids, places = [0, 1, 0, 2, 1, 0], tf.abs(tf.cast(v, tf.int32))
    parts = [tf.searchsorted([-1.0, 0.0, 1.0], tf.reshape(v, [-1])), tf.searchsorted(tf.sort(v), v, side="right"), tf.add([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], v),
             linalg.matmul([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], s), tf.maximum([0, 1, 2, 3, 4, 5], places),
             tf.where([True, False, True, False, True, True], v, 0.0),
             tf.gather([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], places), tf.dynamic_stitch([[0, 2], [1, 3]], [v[0, :2], v[0, 2:4]]),
             tf.cast(m.unsorted_segment_mean(tf.cast(v[0] * 10, tf.int32), ids, 4), tf.float32), m.unsorted_segment_sqrt_n(s[0], [0, 1, 0], 4),
             m.segment_mean(s[0], [0, 0, 1]),
             linalg.diag_part(s), linalg.diag_part(s, k=1), linalg.diag(v, k=1), linalg.set_diag(s, s[:, :3, 0], k=1), linalg.tensor_diag(v[0]),
             linalg.eigvalsh(square),
             linalg.triangular_solve(square + 4 * np.eye(3, dtype=np.float32), s), m.cumulative_logsumexp(v, 1, exclusive=True, reverse=True),
             m.nextafter(v, v + 1),
             tf.truncatemod(v, 0.7), tf.bitcast(v, tf.int32), m.in_top_k(tf.argmax(v, 1), v, 2), tf.histogram_fixed_width(v, [-1.0, 1.0], 5),
             m.invert_permutation(tf.argsort(v[0])),
             tf.linspace(v[0, 0], v[0, 1], 5), i.psnr(tf.sigmoid(x), tf.sigmoid(2 * x), 1.0), i.ssim(tf.sigmoid(x), tf.sigmoid(2 * x), 1.0, filter_size=5),
             i.total_variation(x),
             i.adjust_hue(tf.sigmoid(x), 0.1), i.adjust_saturation(tf.sigmoid(x), 0.5), i.crop_and_resize(x, [[0.1, 0.2, 0.8, 0.9]], [0], [4, 4]),
             i.rgb_to_yiq(x), i.yuv_to_rgb(x),
             i.rot90(x), i.rot90(x, 3), i.transpose(x),
             *i.combined_non_max_suppression(tf.expand_dims(tf.sigmoid(boxes), 2), tf.sigmoid(boxes[:, :, :2]), 4, 6, 0.5, 0.3), i.sobel_edges(x),
             q.fake_quant_with_min_max_vars(v, -1.0, 1.0), tf.batch_to_space(tf.space_to_batch(x, [2, 2], [[0, 0], [0, 0]]), [2, 2], [[0, 0], [0, 0]])]
    save_keras("tensorflow_ops", tf_keras.Model([x, v, s, boxes], parts), [floats(1, 6, 8, 3), floats(1, 6), floats(1, 3, 4), floats(1, 10, 4)],
               [floats(2, 6, 8, 3), floats(2, 6), floats(2, 3, 4), floats(2, 10, 4)])


@golden
def tensorflow_text():
    """Text in, numbers out."""
    s, (x,) = tf.strings, inputs(text=[2])
    clean = s.lower(s.strip(x))
    text = [clean, s.upper(x), s.substr(x, 1, 2), s.regex_replace(x, "[aeiou]", "*"), s.join([clean, x], separator="-"), s.as_string(s.length(x))]
    parts = [s.length(x), s.length(x, unit="UTF8_CHAR"), s.regex_full_match(clean, "[a-z ]+"), s.to_number(text[-1]),
             *[s.to_hash_bucket_fast(t, 1 << 40) for t in text]]
    save_keras("tensorflow_text", tf_keras.Model([x], parts), [np.array([["Hello", " Wor ld "]]).astype("S")],
               [np.array([["a1b2", "Oh"], ["zz", " x"]]).astype("S")])
