# SPDX-License-Identifier: Apache-2.0
"""Models of Keras layers."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from golden.common import OUT, RNG, arrays, flat, floats, golden, save_keras


@golden
def recurrent_any_length():
    """Time steps that no one knows before the model runs, masked, in both directions, last and all steps."""
    ids = keras.Input([None], dtype="int32", name="ids")
    x = L.Embedding(7, 4, mask_zero=True)(ids)
    x = L.Bidirectional(L.GRU(3, return_sequences=True))(x)
    x = L.LSTM(3, return_sequences=True, go_backwards=True)(x)
    y, h = L.SimpleRNN(2, return_state=True)(x)
    save_keras("recurrent_any_length", keras.Model(ids, [y, h]), [np.array([[1, 2, 0, 3], [4, 0, 0, 5]], np.int32)], [np.array([[6, 0, 1]], np.int32)])


@golden
def recurrent_known_length():
    """A few known steps: loops, but for two of them and for unroll=True; masks beside states from zero and given ones, steps counted down."""
    x, h = keras.Input(batch_shape=[2, 4, 3], name="x"), keras.Input(batch_shape=[2, 3], name="h")
    masked = L.Masking()(x)
    outputs = [L.GRU(3)(masked), L.LSTM(3, return_sequences=True, go_backwards=True)(masked),
               L.SimpleRNN(3, return_sequences=True, zero_output_for_mask=True)(masked),
               *L.GRU(3, reset_after=False, return_sequences=True, return_state=True)(masked, initial_state=h),
               L.Bidirectional(L.SimpleRNN(2, return_sequences=True))(x), L.RNN([L.LSTMCell(3), L.GRUCell(2)], return_sequences=True)(x),
               L.GRU(3, unroll=True)(x), L.GRU(2)(x[:, :2]), L.ConvLSTM1D(2, 2, go_backwards=True, return_sequences=True)(L.Reshape([4, 3, 1])(x))]
    runs = [[floats(2, 4, 3), floats(2, 3)] for _ in range(2)]
    runs[0][0][0, 2:] = runs[0][0][1, 0] = 0
    save_keras("recurrent_known_length", keras.Model([x, h], outputs), *runs)


@golden
def conv_lstm_states():
    """Begun with the states of another layer: a loop, and two steps one by one."""
    x, z = keras.Input([4, 5, 2], name="x"), keras.Input([2, 4, 4, 1], name="z")
    y, *states = L.ConvLSTM1D(2, 2, padding="same", return_state=True)(x)
    volume, *begun = L.ConvLSTM2D(2, 2, padding="same", return_state=True)(z)
    outputs = [y, L.ConvLSTM1D(2, 2, padding="same", return_sequences=True)(x, initial_state=states), volume,
               L.ConvLSTM2D(2, 2, padding="same", go_backwards=True)(z, initial_state=begun)]
    save_keras("conv_lstm_states", keras.Model([x, z], outputs), *[[floats(n, 4, 5, 2), floats(n, 2, 4, 4, 1)] for n in (1, 2)])


@golden
def recurrent_stateful():
    x = keras.Input(batch_shape=[2, 3, 4], name="x")
    y = L.LSTM(3, stateful=True, activation="softsign")(L.GRU(3, stateful=True, return_sequences=True)(x))
    save_keras("recurrent_stateful", keras.Model(x, y), [floats(2, 3, 4)], [floats(2, 3, 4)])


@golden
def lookups():
    """Numbers as categories: tables of positions, comparison where they lie far apart; bins."""
    numbers = keras.Input([3], dtype="int64", name="numbers")
    outputs = [L.IntegerLookup(vocabulary=[7, 3, 9], num_oov_indices=2)(numbers), L.IntegerLookup(vocabulary=[10**12, 5], output_mode="multi_hot")(numbers),
               L.IntegerLookup(vocabulary=[4, 8], mask_token=0)(numbers), L.Discretization(bin_boundaries=[0.5, 4.0, 8.0])(keras.ops.cast(numbers, "float32"))]
    save_keras("lookups", keras.Model(numbers, outputs), [np.array([[3, 4, 10**12]])], [np.array([[9, 5, -1]])])


@golden
def texts():
    """Texts split, cleaned and looked up; texts and numbers hashed and crossed."""
    text = keras.Input([1], dtype="string", name="text")
    words = ["the", "fox", "größer", "the fox"]
    modes = [{"output_sequence_length": 4}, {"ngrams": 2}, {"ngrams": 2, "output_mode": "count"}, {"output_mode": "multi_hot", "standardize": "lower"},
             {"output_mode": "tf_idf", "idf_weights": [0.5, 1.0, 2.0, 4.0]}, {"split": "character", "standardize": "strip_punctuation",
                 "vocabulary": list("the fö"), "output_sequence_length": 9}]
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


@golden
def spectrograms():
    x = keras.Input([256], name="x")
    mel = L.MelSpectrogram(fft_length=64, sequence_stride=32, sequence_length=48, sampling_rate=2000, num_mel_bins=5, min_freq=20)(x)
    stft = L.STFTSpectrogram(mode="psd", frame_length=32, frame_step=16, padding="same", window=None)(keras.ops.expand_dims(x, -1))
    save_keras("spectrograms", keras.Model(x, [mel, stft]), [floats(1, 256)], [floats(1, 256)])


@golden
def volumes():
    x = keras.Input([2, 4, 5, 3, 2], name="x")
    y = L.ConvLSTM3D(2, 2, strides=(2, 1, 1), padding="same", return_sequences=True)(x)
    z = L.AutoContrast(value_range=(0, 1))(keras.ops.reshape(y, (-1, 4, 15, 2)))
    save_keras("volumes", keras.Model(x, [y, z]), [floats(1, 2, 4, 5, 3, 2)], [floats(2, 2, 4, 5, 3, 2)])


@golden
def images_any_length():
    """ConvLSTMs over a free number of images: forth, back, and of lines."""
    x, z = keras.Input([None, 4, 3, 2], name="x"), keras.Input([None, 4, 2], name="z")
    y = L.Bidirectional(L.ConvLSTM2D(2, 2, padding="same", return_sequences=True))(x)
    y = L.ConvLSTM2D(2, 2, go_backwards=True, return_sequences=True, return_state=True)(y)
    u = L.ConvLSTM1D(2, 3, strides=2, return_sequences=True)(z)
    save_keras("images_any_length", keras.Model([x, z], [*y, u]), [floats(2, 3, 4, 3, 2), floats(2, 2, 4, 2)], [floats(1, 1, 4, 3, 2), floats(1, 5, 4, 2)])


@golden
def named_ends():
    """Dicts of inputs and outputs, which both Keras number by their keys; a decoder whose own mask Keras does not pass along
    beside given states; whole numbers joined with floats; normalizations over other axes, and by the deviation alone; a mask that hides all."""
    ids, first, x, hide = keras.Input([4], dtype="int32", name="ids"), keras.Input([3], name="first"), keras.Input([4, 3], name="x"), keras.Input([4, 3],
        dtype="bool", name="hide")
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


@golden
def held_model():
    """A legacy file of a model within a wrapper within a model: one list of variables, first what is trained of them all."""
    inner = keras.Sequential([keras.Input([4]), L.Dense(3), L.BatchNormalization(), L.Dense(2)])
    a, x = keras.Input([3, 4]), keras.Input([3, 4])
    model = keras.Model(x, keras.Model(a, L.TimeDistributed(inner)(a))(x))
    for w in model.weights:
        w.assign(np.abs(floats(*w.shape)) + 0.2)
    model.save(OUT / "held_model.h5")
    np.savez(OUT / "held_model.npz", **arrays([([v], flat(model(v))) for v in (floats(1, 3, 4), floats(2, 3, 4))]))


@golden
def norms():
    """Norms of vectors and matrices, decompositions by what is the same for all signs of their vectors."""
    o, x = keras.ops, keras.Input([4, 3], name="x")
    inf, lower = float("inf"), o.cholesky(o.matmul(o.transpose(x, [0, 2, 1]), x) + o.eye(3))
    kinds = [(None, [1, 2]), (1, -1), (3, 1), (0, 1), (-inf, 2), ("fro", [1, 2]), ("nuc", [1, 2]), (2, [2, 1]), (-2, [1, 2]), (1, [1, 2]), (-1, [2, 1]),
             (inf, [1, 2]), (-inf, [1, 2])]
    (u, s, v), (values, vectors) = o.svd(x, full_matrices=False), o.eigh(o.matmul(x, o.transpose(x, [0, 2, 1])))
    parts = [o.norm(x, ord=p, axis=a, keepdims=i % 2 == 0) for i, (p, a) in enumerate(kinds)] + [o.normalize(x, axis=1, order=n) for n in (1, 2, 3)]
    parts += [o.matmul(u * s[:, None], v), s, values, o.matmul(vectors * values[:, None], o.transpose(vectors, [0, 2, 1])), *o.qr(x), *o.qr(x, mode="complete"),
              o.linalg.pinv(x), o.linalg.matrix_rank(x),
              o.linalg.cholesky_inverse(lower)]
    save_keras("norms", keras.Model(x, parts), [floats(1, 4, 3)], [floats(2, 4, 3)])
    a, b = keras.Input(batch_shape=[5, 3], name="a"), keras.Input(batch_shape=[5], name="b")
    save_keras("least_squares", keras.Model([a, b], [o.lstsq(a, b), o.lstsq(a, o.stack([b, -b], 1))]), [floats(5, 3), floats(5)], [floats(5, 3), floats(5)])


@golden
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


@golden
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


@golden
def locally_connected():
    """Weights of their own for every position, in all three forms that tf_keras keeps them in."""
    import tf_keras
    K = tf_keras.layers
    x, t = K.Input([5, 6, 2]), K.Input([7, 3])
    parts = [K.LocallyConnected2D(2, [2, 3], strides=[1, 2], activation="relu")(x), K.LocallyConnected2D(3, 3, padding="same", implementation=2)(x),
             K.LocallyConnected2D(2, 2, padding="same", implementation=3, use_bias=False)(x), K.LocallyConnected1D(2, 3, strides=2)(t),
             K.LocallyConnected2D(2, 3, data_format="channels_first", implementation=3)(K.Reshape([2, 5, 6])(x))]
    model = tf_keras.Model([x, t], parts)
    for w in model.weights:
        w.assign(floats(*w.shape))
    model.save(OUT / "locally_connected.keras")
    runs = [[floats(n, 5, 6, 2), floats(n, 7, 3)] for n in (1, 2)]
    np.savez(OUT / "locally_connected.npz", **arrays([(r, flat(model(r))) for r in runs]))


@golden
def masked_attention():
    """Masks from the embedding on: merged, multiplied, attended with; gates, a window, several axes, an open length."""
    ids = keras.Input([5], dtype="int32", name="ids")
    more = keras.Input([5], dtype="int32", name="more")
    free = keras.Input([None, 4], name="free")
    grid = keras.Input([2, 3, 4], name="grid")
    a, b = L.Embedding(6, 4, mask_zero=True)(ids), L.Embedding(6, 4, mask_zero=True)(more)
    parts = [L.GRU(3)(L.Add()([a, b])), L.GRU(3)(L.Multiply()([a, b])), L.LSTM(3)(L.Concatenate()([a, b])), L.LSTM(3)(L.Concatenate(axis=1)([a, b])),
             L.MultiHeadAttention(2, 3)(a, a), L.MultiHeadAttention(2, 3, use_gate=True, sliding_window=2)(b, b),
             L.GroupQueryAttention(3, 4, 2)(a, b, use_causal_mask=True),
             L.MultiHeadAttention(2, 3, attention_axes=[2])(grid, grid), L.MultiHeadAttention(2, 3, output_shape=[2, 3])(free, free, use_causal_mask=True),
             L.Attention()([a, b])]
    model = keras.Model([ids, more, free, grid], parts)
    save_keras("masked_attention", model, [np.array([[1, 0, 2, 5, 0]], np.int32), np.array([[0, 0, 3, 4, 1]], np.int32), floats(1, 3, 4), floats(1, 2, 3, 4)],
               [np.array([[1, 2, 0, 0, 0], [3, 3, 4, 5, 1]], np.int32), np.array([[2, 0, 0, 1, 0], [1, 2, 3, 4, 5]], np.int32), floats(2, 6, 4),
                floats(2, 2, 3, 4)])


@golden
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
    images += [L.Resizing(3, 4, antialias=True)(image), L.Resizing(3, 4, interpolation="nearest", antialias=True)(image),
               L.Resizing(5, 9, pad_to_aspect_ratio=True, fill_value=0.5)(image),
               L.UpSampling2D(2, interpolation="bicubic")(image),
               o.image.resize(image, [3, 3], interpolation="bicubic", antialias=True), o.conv(image, kernel.reshape(3, 3, 2, 2), 2, "same"),
               o.conv(x, kernel.reshape(3, 6, 2), 1, "same"),
               o.depthwise_conv(image, kernel.reshape(3, 3, 2, 2), 1, "valid"), o.separable_conv(image, kernel.reshape(3, 3, 2, 2),
                   np.ones([1, 1, 4, 3], np.float32), 1, "same")]
    parts = [L.Conv3D(6, 2, groups=2, padding="same", activation="relu")(volume), o.inv(square), o.det(square), o.solve(square, x), o.slogdet(square)[1],
             o.exp(n), o.sqrt(n),
             o.square(n), o.mean(n, axis=1), o.any(n, axis=1), o.logical_xor(x, n), o.log_softmax(x, axis=1), o.sort(x, axis=1), o.argsort(x, axis=1),
             o.argmax(x), o.cumsum(n),
             o.average(x, axis=-1, weights=kernel[:6]), o.matmul(x, kernel[:6]), o.roll(x, [1, 2], axis=[1, 2]), o.repeat(x, [1, 0, 2, 1], axis=1),
             o.take(x, [-1, 2], axis=2), o.flip(x),
             o.zeros_like(x, dtype="int32"), o.ones_like(n, dtype="float32")]
    save_keras("more_layers", keras.Model([x, image, volume, n], [*images, *parts]), [floats(1, 4, 6), floats(1, 6, 5, 2), floats(1, 3, 3, 4, 4),
        np.arange(24, dtype=np.int32).reshape(1, 4, 6)],
               [floats(2, 4, 6), floats(2, 6, 5, 2), floats(2, 3, 3, 4, 4), np.arange(48, dtype=np.int32).reshape(2, 4, 6) % 7])


@golden
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


@golden
def constant_mask():
    """Attention under a mask that is a constant of the call."""
    x = keras.Input([6, 8], name="x")
    y = L.MultiHeadAttention(2, 4)(x, x, attention_mask=np.tril(np.ones((1, 6, 6), bool)))
    save_keras("constant_mask", keras.Model(x, y), [floats(1, 6, 8)], [floats(2, 6, 8)])
