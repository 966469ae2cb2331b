# SPDX-License-Identifier: Apache-2.0
"""Keras 3: element types that policies give, and weights that quantize() packs."""
import keras
import numpy as np
import tensorflow as tf
from keras import layers as L

from golden.common import RNG, floats, golden, save_keras


@golden
def policies():
    """Element types of inputs and outputs, which the policies of layers, models inside and operations say. Whole numbers: no type rounds them."""
    o, x, y, k = keras.ops, keras.Input([6], dtype="float16", name="x"), keras.Input([6], name="y"), keras.Input([4], dtype="int32", name="k")
    mixed = keras.dtype_policies.DTypePolicyMap(default_policy="mixed_float16")
    hidden = L.Dense(5, "relu", dtype="mixed_float16")(y)
    inner = keras.Model(y, [hidden, o.cast(hidden, "float32"), hidden * 2])
    a, b, c = inner(x)
    parts = [a, b, c, L.Dense(2, dtype="float32")(c), L.Dense(2, dtype="float64")(c), L.Dense(2, dtype=mixed)(y), o.concatenate([a, b]), o.stack([a, c]),
             a + np.float32([1]), o.argmax(a, -1), a > c,
             L.CategoryEncoding(5, "count", dtype="mixed_float16")(k), L.Add(dtype="float16")([x, y]), o.add(x, L.Dense(6, dtype="float64")(y)),
             L.Flatten(dtype="float16")(k)]
    model = keras.Model([x, y, k], parts)
    for w in model.weights:
        w.assign(RNG.integers(-3, 4, w.shape))
    save_keras("policies", model,
               *[[RNG.integers(-4, 5, (n, 6)).astype(t) for t in ("float16", "float32")] + [RNG.integers(0, 5, (n, 4)).astype(np.int32)] for n in (1, 3)])


@golden
def functions_of_policy():
    """tf_keras: functions' own element types beside the policy of the layer that calls them."""
    import tf_keras
    tf_keras.mixed_precision.set_global_policy("mixed_float16")
    x = tf_keras.Input([4], name="x", dtype="float32")
    parts = [tf.cast(3 * x, tf.int32), tf.cast(tf_keras.layers.Dense(2)(x), tf.float32), tf.one_hot(tf.argmax(x, -1), 4, dtype=tf.int32),
             tf.saturate_cast(300 * x, tf.uint8), tf.ones_like(x, dtype=tf.int32),
             tf.zeros_like(x)]
    model = tf_keras.Model(x, parts)
    tf_keras.mixed_precision.set_global_policy("float32")
    model.set_weights([RNG.integers(-3, 4, w.shape) for w in model.get_weights()])
    save_keras("functions_of_policy", model, *[[RNG.integers(-4, 5, (n, 4)).astype(np.float32)] for n in (1, 3)])


def random_weights(model):
    for w in model.weights:
        if "zero" in w.name:
            w.assign(RNG.integers(-8, 8, w.shape) + 8 * (w.dtype == "uint8"))
        elif w.dtype in ("int8", "uint8"):
            w.assign(RNG.integers(0, 256, w.shape).astype(w.dtype))
        elif "g_idx" not in w.name:
            w.assign(RNG.uniform(0.5, 2, w.shape) if "scale" in w.name else floats(*w.shape))


@golden
def packed_weights():
    """What model.quantize("int4") leaves: two numbers in a byte, with scales for slices or for groups of three; kernels of several axes as matrices."""
    ids = keras.Input([5], dtype="int32", name="ids")
    for name, block_size in ("packed_slices", -1), ("packed_groups", 3):
        tables = [L.ReversibleEmbedding(9, 7, tie_weights=tied) for tied in (True, False)]
        y = L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")(L.Embedding(9, 5)(ids))
        y = L.EinsumDense("abc,dc->abd", output_shape=(None, 7))(L.EinsumDense("abde,def->abf", output_shape=(None, 4))(y))
        y = L.Dense(7, use_bias=False)(y) + tables[0](ids) + tables[1](ids)
        model = keras.Model(ids, [L.MultiHeadAttention(2, 3, value_dim=2)(y, y), *[t(y, reverse=True) for t in tables], L.Dense(3)(y)])
        model.quantize(config=keras.quantizers.Int4QuantizationConfig(block_size=block_size))
        for t in tables:
            t.inputs_quantizer = None  # The config's, which it does not take over.
        random_weights(model)
        save_keras(name, model, *[[RNG.integers(0, 9, (n, 5)).astype(np.int32)] for n in (1, 3)])


@golden
def calibrated_weights():
    """What GPTQ and AWQ leave: the bias first, transposed kernels, groups with what stands for zero. Keras 3.15 leaves that out
    when it saves; others do not."""
    for layer in L.Dense, L.EinsumDense:
        layer._get_kernel_with_merged_lora = lambda self: (self.kernel, None, self.kernel_zero)
    x = keras.Input([5, 8], name="x")
    y = L.EinsumDense("abde,def->abf", output_shape=(None, 5))(L.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")(x))
    made = [L.Dense(7), L.Dense(3, use_bias=False), L.Dense(3), L.Dense(3, activation="relu"), L.Dense(5, use_bias=False)]
    model = keras.Model(x, [layer(y) for layer in made] + [L.MultiHeadAttention(2, 3)(x, x)])
    inside = [layer for layer in model._flatten_layers() if isinstance(layer, (L.Dense, L.EinsumDense))]
    for i, (layer, bits, group) in enumerate(zip(inside, (4, 4, 8, 2, 4, 4, 4) * 2, (3, -1, 4, -1) * 3)):
        mode, config = ("awq", keras.quantizers.AWQConfig) if bits == 4 and i % 2 else ("gptq", keras.quantizers.GPTQConfig)
        layer.quantize(mode, config=config(None, None, weight_bits=bits, group_size=group))
        setattr(layer, f"is_{mode}_calibrated", True)
        layer.g_idx.assign(np.arange(layer.g_idx.shape[0]) // (group if group > 0 else 99))
    random_weights(model)
    save_keras("calibrated_weights", model, *[[floats(n, 5, 8)] for n in (1, 3)])
