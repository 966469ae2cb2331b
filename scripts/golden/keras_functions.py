# SPDX-License-Identifier: Apache-2.0
"""Models of keras.ops: what functions mean for each element type, axis and shape."""
import keras
import numpy as np
from keras import layers as L

from golden.common import NARROW, RNG, floats, golden, save_keras


@golden
def functions():
    """keras.ops as layers: element by element, over axes, sorted, joined."""
    o = keras.ops
    x = keras.Input([4, 6], name="x")
    a, b = o.gelu(x), o.gelu(x, approximate=False)
    parts = [a + b, o.arctan(x), o.log1p(o.abs(x)), o.expm1(x), o.logaddexp(x, a), o.hard_shrink(x, 0.7), o.celu(x, 0.5), o.std(x, axis=-1, keepdims=True),
             o.logsumexp(x, axis=1, keepdims=True), o.norm(x, axis=-1, keepdims=True), o.sort(x), o.tril(x), o.nan_to_num(x), o.cumsum(x, axis=1)]
    top, at = o.top_k(x, 2)
    save_keras("functions", keras.Model(x, [*parts, top, at, o.moveaxis(x, 2, 1), o.diff(x), o.take_along_axis(x, at, axis=-1), o.trunc(x),
                                            o.bitwise_and(at, at + 3)]),
               [floats(1, 4, 6)], [floats(2, 4, 6)])


@golden
def transforms():
    """Fourier transforms of pairs of real numbers; the first choice that holds; indices along any axis; overlapping parts."""
    o = keras.ops
    x, at = keras.Input([4, 6], name="x"), keras.Input([2, 6], dtype="int32", name="at")
    bins = o.rfft(x, 8)
    parts = [*o.fft((x, 2 * x)), *o.fft2((x, -x)), *o.ifft2((x, x)), *bins, o.irfft(bins), o.extract_sequences(x, 3, 2),
             o.tensordot(x, np.linspace(-1, 1, 48, dtype=np.float32).reshape(6, 2, 4), [[1, 2], [2, 0]]), o.select([x > 1, x > 0], [x, -x], 3.0),
             o.take_along_axis(x, at, axis=1), o.take_along_axis(x, at[..., :1], axis=1)]
    save_keras("transforms", keras.Model([x, at], parts), [floats(1, 4, 6), np.arange(12, dtype=np.int32).reshape(1, 2, 6) % 4],
               [floats(2, 4, 6), np.arange(24, dtype=np.int32).reshape(2, 2, 6) % 4])


@golden
def long_transforms():
    """Of a power of two, by RFFT2D: there and back, of complex numbers, of overlapping frames; a spectrogram of another length."""
    o, x = keras.ops, keras.Input([3, 64], name="x")
    bins, row = o.rfft(x), x[:, 0]
    parts = [*bins, o.irfft((bins[0], bins[1] + 1)), o.irfft(bins, 256), *o.fft((x, 2 * x)), *o.ifft2((x, x)), *o.stft(x, 60, 20, 64),
             *o.stft(row, 64, 16, 64, center=False),
             o.istft(bins, 64, 20, 64),
             L.MelSpectrogram(fft_length=48, sequence_stride=20, sampling_rate=2000, num_mel_bins=3, mag_exp=1, power_to_db=False)(row),
             L.MelSpectrogram(fft_length=64, sequence_stride=27, sampling_rate=2000, num_mel_bins=3, mag_exp=1, power_to_db=False)(row)]
    save_keras("long_transforms", keras.Model(x, parts), [floats(1, 3, 64)], [floats(2, 3, 64)])


@golden
def unsigned():
    """What is cast to uint64 and back."""
    o, x = keras.ops, keras.Input([4], name="x")
    save_keras("unsigned", keras.Model(x, [o.cast(o.cast(x, "uint64") + 3, "float32"), o.cast(o.cast(x, "uint64") // o.cast(2, "uint64"), "int32")]),
               [np.float32([[0.5, 2, 7.9, 1e6]])],
               [np.float32([[1, 3, 70000, 5e9]] * 2) % 1e8])


@golden
def open_sizes():
    """Layers of whose shape only the rank is known; a signal of overlapping spectra, in steps that divide their length and in others."""
    x, v, (re, im) = keras.Input([None, None, 4], name="x"), keras.Input([None, 3, None, 2], name="v"), (keras.Input([None, 9], name=n) for n in ("re", "im"))
    o = keras.ops
    parts = [o.triu(x, 1), o.exp(o.tril(o.abs(x) * -np.inf, -1)), L.Flatten()(x), L.Reshape([-1, 2])(x),
             L.Conv3DTranspose(2, [2, 3, 3], strides=[1, 2, 2], padding="same")(v), L.Conv3DTranspose(1, 2, strides=2)(v),
             o.istft((re, im), 16, 4, 16), o.istft((re, im), 12, 5, 16, window="hamming", center=False)]
    save_keras("open_sizes", keras.Model([x, v, re, im], parts), *([floats(2, n, 3, 4), floats(1, 2, 3, n, 2), floats(2, n + 3, 9),
        floats(2, n + 3, 9)] for n in (2, 3)))


@golden
def halves():
    """Casts there and back round; what is computed in between, is not."""
    o, x = keras.ops, keras.Input([8], name="x")
    parts = [o.cast(o.cast(f(x), t), back) for t in ("float16", "bfloat16") for f, back in ((o.abs, "float32"), (o.negative, "int32"))]
    save_keras("halves", keras.Model(x, parts), [NARROW], [NARROW[:1]])


@golden
def narrow_numbers():
    """Whole numbers of few bits: those are no quantized ones, and wrap around."""
    o, u, i = keras.ops, keras.Input([4], dtype="uint8", name="u"), keras.Input([4], dtype="int8", name="i")
    parts = [y for x in (u, i) for y in (o.add(x, x), o.multiply(x, x), o.subtract(x, o.flip(x, 1)), o.square(x), o.equal(x, o.flip(x, 1)),
                                         o.less(x, o.cast(9, x.dtype)), o.relu(x), o.sign(x), L.BatchNormalization()(x))]
    parts += [o.sum(i, 1), o.prod(i, 1), o.true_divide(o.cast(u, "bool"), 2)]  # Counted in 32 bits; a truth's literal is a number.
    given = np.array([[200, 3, 7, 100], [1, 2, 255, 4]], np.uint8)
    save_keras("narrow_numbers", keras.Model([u, i], parts), [given, given.astype(np.int8)], [given[:1], given[:1].astype(np.int8)])


@golden
def promoted():
    """Element types as Keras promotes them: Python numbers follow their tensor, whole numbers of few bits wrap around or count in 32 bits."""
    o = keras.ops
    u, i, w, b, f = (keras.Input([4], dtype=t, name=t) for t in ("uint8", "int8", "uint16", "bool", "float32"))
    parts = [y for x in (u, i, w) for y in (
        x + 1, 1 - x, x * 3, x * 0.5, x // 2, x % 3, o.mod(x, np.array([3, 4, 5, 6], "int64")), o.maximum(x, 2), o.add(x, np.array([1, 2, 300, 4], "int32")),
        o.fmod(x, 3), o.equal(x, 300),
        o.sort(x, 1), o.argsort(x, 1), o.argmax(x, 1), o.argmin(x), o.top_k(x, 2)[0], o.relu6(x), o.hypot(x, x), o.logaddexp(x, 1), o.ptp(x, 1), o.cumsum(x, 1),
        o.cumprod(x, 1),
        o.sum(x, 1), o.prod(x, 1), o.max(x, 1, initial=9), o.nansum(x, 1), o.nanmax(x, 1), o.nan_to_num(x), o.trunc(x), o.round(x, -1),
        o.digitize(x, np.array([0, 1, 5])), o.left_shift(x, 2),
        o.full_like(x, 7), o.repeat(x, [1, 2, 0, 1], axis=1), o.convert_to_tensor(x, "int32"), o.saturate_cast(x, "int8"),
        o.pad(x, [[0, 0], [1, 1]], constant_values=5))]
    parts += [y for x in (u, i) for y in (o.leaky_relu(x), o.tanh(x), o.matmul(o.reshape(x, (-1, 2, 2)), o.reshape(x, (-1, 2, 2))),
                                          o.dot(o.cast(x, "int16"), o.cast(x[0], "int16")), o.add(x, o.cast(w, "int16")),
                                          o.einsum("ab,ab->a", o.cast(x, "int32"), o.cast(x, "int32")), o.trace(o.reshape(x, (-1, 2, 2)), 1, 1, 2),
                                          o.where(x > 3, x, 1), o.image.resize(o.reshape(x, (-1, 2, 2, 1)), (3, 3)))]
    parts += [o.add(b, 2), o.equal(b, 2.5), o.multiply(b, 0.5), o.power(b, 2), o.sum(b, 1), o.max(b, 1), o.max(b, 1, initial=1), o.cumsum(b, 1), o.sort(b, 1),
              o.square(b), o.abs(b), o.diff(b), o.zeros_like(b), o.clip(b, 0, 1),
              o.where(b, 1, 0), o.where(b, f, 1), o.bitwise_or(b, np.array([1, 2, 4, 8], "int32")), o.argmax(b, 1), o.nanargmax(o.log(f), 1),
              o.nanargmin(o.log(f), keepdims=True), o.nancumsum(o.log(f), 1),
              o.cumsum(f, 1, dtype="int32"), o.round(f, 1), o.max(f, 1, initial=2.0), o.min(f, 1, initial=-1.0), o.multi_hot(o.reshape(i, (-1, 2, 2)), 4),
              o.one_hot(u, 3, dtype="int32"), o.saturate_cast(f * 100, "uint8")]
    parts += [o.concatenate([u, i]), o.stack([b, w], 1), o.hstack([i, w]), o.select([b], [u], i), o.select([b, u > 2], [u, f], 3), L.Average()([u, i]),
              L.Concatenate()([b, u]), L.Add()([u, w])]
    given = [np.array([[200, 3, 7, 100], [1, 2, 255, 4]], np.uint8)]
    given += [given[0].astype(np.int8), given[0].astype(np.uint16) * 257, given[0] > 5, np.array([[0.26, -1.5, 3.25, 1.04], [-2, -3, -1, 2.5]], np.float32)]
    save_keras("promoted", keras.Model([u, i, w, b, f], parts), given, [g[::-1] for g in given])


@golden
def newer_functions():
    """Functions of later Keras versions, and arguments that are left out: parts of unlike size, numbers without an axis, series, sets, distances."""
    o, x, y, k = keras.ops, keras.Input([5, 4], name="x"), keras.Input([5, 4], name="y"), keras.Input([5], dtype="int32", name="k")
    parts = [o.array_split(x, 3, axis=1), o.hsplit(x, [2]), o.dsplit(x, 2), o.tile(x, 2), o.tile(x, [2, 1]), o.repeat(x, 2), o.repeat(x, 3, axis=0),
             o.cross(x[..., :2], y[..., :2]), o.isreal(x),
             o.isin(k, [1, 3]), o.isin(k, [1, 3], invert=True), o.cdist(x, y), o.psnr(x, y, 2.0), o.in_top_k(k[:, 0], x[:, 0], 2), o.max_pool(x, 2),
             o.average_pool(x, 2, 1, "same"), o.sparsemax(x, axis=1), o.arccosh(x + 3),
             o.diagonal(x, 1, 1, 2), o.diagonal(x, -2, 2, 1), o.trace(x, 1, 1, 2), o.argmax(x, axis=None, keepdims=True),
             o.segment_min(x[:, 0], np.array([0]), 2), o.segment_prod(x[:, 0], np.array([0]), 2), o.logical_not(o.isclose(x, 0)),
             L.Discretization([0.0, 1.0], output_mode="multi_hot")(x), L.CategoryEncoding(4, "count")(k), o.unstack(o.cast(k, "int64") * 3000000000, axis=1),
             o.abs(o.cast(k, "int64") * -3000000000), o.layer_normalization(k)]
    runs = [[RNG.normal(0, 1, (1, 5, 4)).astype(np.float32), RNG.normal(0, 1, (1, 5, 4)).astype(np.float32),
             RNG.integers(0, 4, (1, 5)).astype(np.int32)] for _ in range(2)]
    save_keras("newer_functions", keras.Model([x, y, k], [t for p in parts for t in (p if isinstance(p, (list, tuple)) else [p])]), *runs)


@golden
def any_size():
    """keras.ops along axes whose size is open: orders, medians without NaN and with one, diagonals, running products, turns."""
    o, x, k = keras.ops, keras.Input([4], name="x"), keras.Input([4], dtype="int32", name="k")
    holes = o.where(x > 0.3, x * np.float32("nan"), x)
    parts = [o.sort(x, 0), o.argsort(k, 0), o.argsort(x, None), o.median(x, 0), o.median(x, keepdims=True), o.quantile(x, [0.2, 0.75], 0),
             o.percentile(x, 25, 0, method="nearest"), o.median(holes, 1),
             o.nanmedian(holes, 1), o.nanmedian(holes, 0), o.nanmedian(holes), o.nanquantile(holes, 0.6, 1, keepdims=True),
             o.nanpercentile(holes, 30, 1, method="higher"), o.trace(x), o.trace(k, -1),
             o.diagonal(x), o.diag(x, 1), o.diagflat(k, -2), o.diag(x[0]), o.cumprod(x, 0), o.cumprod(k), o.roll(x, 1, 0), o.roll(k, -3),
             o.roll(x, [1, 2], [0, 1])]
    runs = [[floats(n, 4), RNG.integers(-3, 4, (n, 4)).astype(np.int32)] for n in (2, 5)]
    runs[0][0][0], runs[1][0][2] = 1, 1  # A row without numbers.
    save_keras("any_size", keras.Model([x, k], parts), *runs)


@golden
def by_numbers():
    """keras.ops that say where numbers are and which there are; whole numbers of 32 and 64 bits; bits seen as another type; positions of a shape."""
    o = keras.ops
    u, n, w, k = (keras.Input(batch_shape=[6], dtype=t, name=t) for t in ("uint32", "int64", "int8", "int32"))
    f = keras.Input(batch_shape=[6], name="f")
    parts = [*o.nonzero(k), o.where(o.reshape(w, [2, 3])), *o.unique(k, return_index=True, return_inverse=True, return_counts=True), o.unique(f, sorted=False),
             *o.unique(w, size=4, return_counts=True),
             o.gcd(u, 12), o.gcd(k, n), o.lcm(w, 4), o.lcm(k, n), o.power(u, 3), o.power(n, o.abs(k)), o.power(u, u % 5), u // 7, o.sign(u), n // 7,
             o.floor_divide(u, o.maximum(u % 4, 1)), o.ldexp(f, w), o.nextafter(f, k),
             o.view(f, "int32"), o.view(k, "uint8"), o.view(o.cast(k, "int16"), "int32"), *o.unravel_index(o.abs(k), [2, 5]),
             *o.unravel_index(o.reshape(o.abs(w), [2, 3]), [4, 3]), o.diag(n), o.kron(k, w), o.kron(o.reshape(f, [2, 3]), o.reshape(f, [3, 2]))]
    given = [np.array([5, 0, 4294967295, 12, 7, 12], np.uint32), np.array([7, -3, 10**12, 12, 1, 0]), np.array([5, 0, -4, 5, 6, -6], np.int8),
             np.array([3, 0, 3, -8, 9, 0], np.int32), np.array([0.5, -1, 0.5, 0, 2, 3], np.float32)]
    save_keras("by_numbers", keras.Model([u, n, w, k, f], parts), given, [g[::-1] for g in given])


@golden
def seen_from_elsewhere():
    """keras.ops on images that are turned, shifted, scaled, cut into windows and put together; edges; vectors compared; powers; symbols from scores."""
    o = keras.ops
    x, t = keras.Input(batch_shape=[2, 5, 6, 2], name="x"), keras.Input(batch_shape=[2, 8], name="t")
    at, corners = keras.Input(batch_shape=[4, 3, 2], name="at"), keras.Input(batch_shape=[2, 4, 2], name="corners")
    scores, lengths = keras.Input([7, 4], name="scores"), keras.Input([], dtype="int32", name="lengths")
    v, moved = keras.Input(batch_shape=[6], name="v"), np.array([[0.5, 0.2], [0, 4], [4, 1], [4, 5]], np.float32)
    modes = {"constant": "bilinear", "nearest": "nearest", "wrap": "bilinear", "reflect": "nearest"}
    parts = [o.image.affine_transform(x, t, how, mode, 0.5) for mode, how in modes.items()]
    parts += [o.image.perspective_transform(x, np.stack([moved, moved]), corners), o.image.perspective_transform(x[0], np.round(moved), moved, "nearest"),
              o.image.affine_transform(o.cast(o.clip(x * 50 + 100, 0, 255), "uint8"), t)]
    parts += [o.image.map_coordinates(x, at, order, mode, 0.25) for order, mode in ((0, "constant"), (1, "constant"), (1, "nearest"), (0, "wrap"),
        (1, "reflect"))]
    parts += [o.image.scale_and_translate(x, (2, 7, 9, 2), np.array([1.4, 1.3], "float32"), np.array([0.3, -0.4], "float32"), [1, 2], how) for how in ("linear",
        "lanczos3")]
    parts += [o.image.scale_and_translate(x[0], (3, 4, 2), np.array([0.6, 0.7], "float32"), np.array([0, 0.5], "float32"), [0, 1], "cubic"),
              o.image.sobel_edges(x)]
    parts += [o.unfold(x, [3, 2], padding=[1, 0], stride=2), o.unfold(o.cast(x * 9, "int32"), [2, 1], dilation=2),
              o.fold(o.unfold(x, 2, padding=1), [6, 2], 2, padding=1)]
    parts += [o.correlate(v, o.slice(v, [0], [3]), mode) for mode in ("valid", "same", "full")] + [o.corrcoef(x[0, :, :, 0]), o.vander(v, 3),
        o.vander(v, increasing=True), o.geomspace(o.abs(v) + 1, 9, 4), o.geomspace(o.slice(v, [0], [3]), o.slice(v, [3], [3]), 3, False), o.erfinv(v / 9),
        o.i0(v)]
    parts += [y for merge in (True, False) for y in o.ctc_decode(scores, lengths, merge_repeated=merge, mask_index=-1 if merge else 0)]
    parts += [o.rearrange(x, "b h (w p) c -> (b p) w (h c)", p=2), o.rearrange(x, "b h w c -> b c h w"), o.adaptive_average_pool(x, (3, 4), "channels_last"),
              o.adaptive_max_pool(x, (2, 5), "channels_last")]
    turn = np.array([1.1, 0.1, -0.5, -0.2, 0.9, 0.7, 0.001, 0.002], np.float32)
    runs = [[floats(2, 5, 6, 2), np.stack([turn, turn + floats(8) * 0.01]), RNG.uniform(-2, 7, (4, 3, 2)).astype(np.float32),
             np.stack([moved + floats(4, 2) * 0.1 for _ in range(2)]), floats(n, 7, 4),
             RNG.integers(3, 8, n).astype(np.int32), floats(6) * 2] for n in (1, 3)]
    save_keras("seen_from_elsewhere", keras.Model([x, t, at, corners, scores, lengths, v], parts), *runs)


@golden
def odds_and_ends():
    x = keras.Input([5, 4, 3], name="x")
    y = L.Conv2DTranspose(2, 3, strides=2, padding="same", output_padding=1)(x)
    z = L.Conv2DTranspose(2, 2, strides=(2, 3), output_padding=(1, 2))(x)
    save_keras("odds_and_ends", keras.Model(x, [y, z, L.UnitNormalization()(x), keras.ops.softmax(x, axis=1)]), [floats(1, 5, 4, 3)], [floats(2, 5, 4, 3)])


@golden
def transposed():
    """Transposed convolutions with dilation, output padding in volumes, and of images of open size; celu."""
    x = keras.Input([None, None, 3], name="x")
    y = keras.Input([3, 2, 3, 2], name="y")
    z = keras.Input([5, 3], name="z")
    outputs = [L.Conv2DTranspose(2, 3, strides=2, padding="same", activation="celu")(x), L.Conv3DTranspose(2, 3, strides=2, padding="same",
        output_padding=1)(y),
               L.Conv1DTranspose(2, 3, dilation_rate=2, padding="same")(z), L.Conv2DTranspose(2, 3, dilation_rate=2)(keras.ops.expand_dims(z, 1))]
    save_keras("transposed", keras.Model([x, y, z], outputs), [floats(1, 2, 3, 3), floats(1, 3, 2, 3, 2), floats(1, 5, 3)],
               [floats(2, 4, 2, 3), floats(2, 3, 2, 3, 2), floats(2, 5, 3)])


@golden
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
    parts = [L.Activation("celu")(x), L.Activation("sparsemax")(x), L.Softmax()(x, mask=x > 0), L.Softmax(axis=[1, 2])(x), o.median(x, axis=-1),
             o.quantile(x, 0.3, axis=1), o.nanmean(holes, axis=-1),
             o.nanmax(holes, axis=1), o.cumprod(x, axis=1), o.rot90(x, 1, axes=(1, 2)), o.trapezoid(x), o.categorical_crossentropy(share, share),
             o.binary_crossentropy(share, x, from_logits=True),
             o.layer_normalization(x), o.rms_normalization(x), L.CategoryEncoding(7, output_mode="count")(ids, count_weights=weights),
             table(table(ids) + x, reverse=True)]
    y = L.Conv2DTranspose(2, 3, strides=2, dilation_rate=1, padding="same")(L.UpSampling2D(2)(image))
    z = L.Conv2DTranspose(2, 3, dilation_rate=2, padding="same")(o.image.pad_images(o.reshape(x, [-1, 4, 3, 2]), 1, 0, 0, 1))
    save_keras("more_functions", keras.Model([x, image, ids, weights], [*parts, y, z, o.image.crop_images(z, 1, 1, 0, 0)]),
               [floats(1, 4, 6), floats(1, 2, 3, 3), np.array([[0, 1, 4, 1]], np.int32), floats(1, 4)],
               [floats(2, 4, 6), floats(2, 3, 2, 3), np.array([[0, 1, 4, 1], [2, 2, 3, 0]], np.int32), floats(2, 4)])


@golden
def any_axis():
    """Normalisations, products and sums over axes that are not the last; models inside wrappers; volumes of states."""
    x = keras.Input([4, 6], name="x")
    y = keras.Input([3, 4, 5, 2], name="y")
    inner = keras.Sequential([L.Conv2D(2, 2), L.BatchNormalization(), L.Flatten(), L.Dense(3)])
    weights = np.arange(12, dtype=np.float32).reshape(6, 2)
    parts = [L.LayerNormalization(axis=1)(x), L.LayerNormalization(axis=[1, 3])(y), L.GroupNormalization(groups=2, axis=1)(x),
             L.GroupNormalization(groups=2, axis=2)(y),
             L.EinsumDense("abc,bcd->abd", output_shape=[4, 3], bias_axes="bd")(x), L.EinsumDense("abc,dc->adb", output_shape=[3, 4], bias_axes="d")(x),
             L.Dot(axes=[2, 3], normalize=True)([x, keras.ops.reshape(x, [-1, 2, 2, 6])]), L.Dot(axes=1)([x[:, 0], x[:, 1]]),
             keras.ops.einsum("bij,jk,bil->bkl", x, weights, x),
             keras.ops.einsum("bij->b", x), L.TimeDistributed(inner)(y), L.Add()([x, x[:, 0]]),
             L.Bidirectional(L.ConvLSTM2D(2, 2, padding="same", return_sequences=True))(y),
             *L.ConvLSTM2D(2, 2, data_format="channels_first", return_state=True)(y)]
    save_keras("any_axis", keras.Model([x, y], parts), [floats(1, 4, 6), floats(1, 3, 4, 5, 2)], [floats(2, 4, 6), floats(2, 3, 4, 5, 2)])


@golden
def channels_before():
    """Channels first, and what runs along the last axis then: activations do."""
    x, y = keras.Input([4, 5, 6], name="x"), keras.Input([4, 6], name="y")
    first = {"data_format": "channels_first"}
    parts = [L.Conv2D(3, 2, activation="softmax", **first)(x), L.DepthwiseConv2D(2, activation="log_softmax", **first)(x),
             L.Conv2DTranspose(2, 2, activation=L.Softmax(axis=-1), **first)(x), L.Conv1D(2, 2, activation="softmax", **first)(y),
             L.SeparableConv2D(3, 2, activation="relu", **first)(x)]
    save_keras("channels_before", keras.Model([x, y], parts), [floats(1, 4, 5, 6), floats(1, 4, 6)], [floats(2, 4, 5, 6), floats(2, 4, 6)])


@golden
def open_groups():
    """Groups of channels normalised over an open length, images of an open size, and with an open length behind them; a free length twice as long."""
    x, y, z = keras.Input([None, 6], name="x"), keras.Input([None, None, 4], name="y"), keras.Input([4, None, 3], name="z")
    parts = [L.GroupNormalization(groups=3)(x), L.GroupNormalization(groups=2)(y), L.GroupNormalization(groups=-1, axis=1)(z), L.UpSampling1D(2)(x)]
    save_keras("open_groups", keras.Model([x, y, z], parts), [floats(1, 5, 6), floats(1, 3, 2, 4), floats(1, 4, 2, 3)],
               [floats(2, 4, 6), floats(2, 4, 3, 4), floats(2, 4, 5, 3)])


@golden
def grids():
    """keras.ops that make numbers along new axes, and spectra of frames."""
    x, y = keras.Input([12], name="x"), keras.Input([3], name="y")
    ops = keras.ops
    outputs = [ops.linspace(x, 2.0, 4, axis=-1), ops.logspace(y, 0.5 * y, 3, endpoint=False), *ops.meshgrid(x[0], y[0]),
               *ops.meshgrid(x[0], y[0], indexing="ij"),
               *ops.stft(x, 4, 2, 6), *ops.stft(ops.reshape(x, (-1, 2, 6)), 4, 1, 4, window="hamming", center=False)]
    save_keras("grids", keras.Model([x, y], outputs), [floats(1, 12), floats(1, 3)], [floats(2, 12), floats(2, 3)])


@golden
def single_elements():
    """A choice between single elements, whose shape is not told by how many there are."""
    x = keras.Input(batch_shape=(1, 1))
    y = keras.ops.where(keras.ops.sum(x) > 0, x, 0.0)
    save_keras("single_elements", keras.Model(x, [y, keras.ops.squeeze(y, 0)]), [np.float32([[2]])], [np.float32([[-3]])])


@golden
def partitioned():
    """Counts per part of a range, parts of an order, halves' bits, similarity of images, numbers between those of an open batch."""
    o = keras.ops
    keras.src.backend.math.histogram = keras.src.backend.numpy.histogram  # Where Keras 3.15 looks for it.
    f, k, h = keras.Input([], name="f"), keras.Input(batch_shape=[8], dtype="int32", name="k"), keras.Input([3, 2], name="h")
    images, at = keras.Input([2, 9, 8, 2], name="images"), RNG.uniform(-1, 4, (3, 5)).astype(np.float32)
    parts = [*o.histogram(f, 4), *o.histogram(f, 3, (-1, 1)), *o.histogram(k, 3), o.argpartition(k, 2), o.argpartition(o.reshape(k, [2, 4]), 5, axis=None),
             o.view(o.cast(h, "float16"), "int16"),
             o.view(o.cast(h, "bfloat16"), "uint8"), o.cast(o.view(o.cast(999 * h, "int16"), "float16"), "float32"),
             o.image.ssim(images[:, 0], images[:, 1], 2.0, 5, 1.2), o.image.ssim(images[0], images[1], k1=0.1, filter_size=2)]
    parts += [o.image.map_coordinates(x, at, order, mode, 0.5) for x in (h, o.cast(8 * h, "int32"))
              for order, mode in ((0, "nearest"), (1, "constant"), (1, "wrap"), (1, "reflect"))]
    runs = [[floats(n), RNG.permutation(8).astype(np.int32) + 1, floats(m, 3, 2), RNG.random((m, 2, 9, 8, 2), np.float32)] for n, m in ((9, 2), (5, 3))]
    save_keras("partitioned", keras.Model([f, k, h, images], parts), *runs)
