#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Models of one Keras layer or function each, as TensorFlow converts them: float, int8 and, where there are weights, dynamic range.

Usage: layer_models.py FOLDER [NAME...]      (in an environment with tensorflow and tf_keras)
Then:  build/litert-venv/bin/python scripts/compare_litert.py build/release/octet FOLDER/*.tflite
which shows what LiteRT computes faster. Random weights; sizes as in the middle of a small network.
"""
import os
import pathlib
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
import tf_keras as keras

LAYERS = keras.layers
IMAGE, SMALL, ROWS = (56, 56, 32), (28, 28, 32), (128, 256)
WITH_WEIGHTS = ("conv", "depthwise", "dense", "lstm", "gru", "attention")


def layer(make, *shapes):
    return shapes, lambda inputs: make()(inputs if len(inputs) > 1 else inputs[0])


def function(f, *shapes):
    return shapes, lambda inputs: keras.layers.Lambda(lambda x: f(*x) if isinstance(x, (list, tuple)) else f(x))(inputs if len(inputs) > 1 else inputs[0])


CASES = {
    "conv_3x3": layer(lambda: LAYERS.Conv2D(32, 3, padding="same"), IMAGE),
    "conv_5x5_s2": layer(lambda: LAYERS.Conv2D(48, 5, strides=2, padding="same"), IMAGE),
    "conv_dilated": layer(lambda: LAYERS.Conv2D(32, 3, dilation_rate=2, padding="same"), IMAGE),
    "conv_1x7": layer(lambda: LAYERS.Conv2D(32, (1, 7), padding="same"), IMAGE),
    "conv_groups": layer(lambda: LAYERS.Conv2D(32, 3, groups=4, padding="same"), IMAGE),
    "conv_transpose_2x2": layer(lambda: LAYERS.Conv2DTranspose(32, 2, strides=2), SMALL),
    "conv_transpose_3x3": layer(lambda: LAYERS.Conv2DTranspose(32, 3, strides=2, padding="same"), SMALL),
    "conv_1d": layer(lambda: LAYERS.Conv1D(64, 5, padding="same"), (400, 64)),
    "conv_3d": layer(lambda: LAYERS.Conv3D(8, 3, padding="same"), (8, 28, 28, 8)),
    "depthwise_3x3": layer(lambda: LAYERS.DepthwiseConv2D(3, padding="same"), IMAGE),
    "depthwise_5x5_s2": layer(lambda: LAYERS.DepthwiseConv2D(5, strides=2, padding="same"), IMAGE),
    "depthwise_double": layer(lambda: LAYERS.DepthwiseConv2D(3, depth_multiplier=2, padding="same"), IMAGE),
    "depthwise_dilated": layer(lambda: LAYERS.DepthwiseConv2D(3, dilation_rate=2, padding="same"), IMAGE),
    "dense": layer(lambda: LAYERS.Dense(512), (256,)),
    "dense_rows": layer(lambda: LAYERS.Dense(512), ROWS),
    "attention": (((128, 256),), lambda x: LAYERS.MultiHeadAttention(4, 64)(x[0], x[0])),
    "lstm": layer(lambda: LAYERS.LSTM(64), (32, 64)),
    "gru": layer(lambda: LAYERS.GRU(64, unroll=True), (32, 64)),
    "max_pool_2x2": layer(lambda: LAYERS.MaxPool2D(2), IMAGE),
    "max_pool_3x3": layer(lambda: LAYERS.MaxPool2D(3, 2, padding="same"), IMAGE),
    "average_pool_2x2": layer(lambda: LAYERS.AveragePooling2D(2), IMAGE),
    "average_pool_3x3": layer(lambda: LAYERS.AveragePooling2D(3, 1, padding="same"), IMAGE),
    "global_average": layer(LAYERS.GlobalAveragePooling2D, IMAGE),
    "global_max": layer(LAYERS.GlobalMaxPooling2D, IMAGE),
    "resize_bilinear": function(lambda x: tf.image.resize(x, [50, 61]), SMALL),
    "resize_nearest": function(lambda x: tf.image.resize(x, [50, 61], method="nearest"), SMALL),
    "upsample_bilinear": layer(lambda: LAYERS.UpSampling2D(2, interpolation="bilinear"), SMALL),
    "upsample_nearest": layer(lambda: LAYERS.UpSampling2D(2), SMALL),
    "concatenate": layer(LAYERS.Concatenate, IMAGE, IMAGE),
    "pad": layer(lambda: LAYERS.ZeroPadding2D(1), IMAGE),
    "pad_mirrored": function(lambda x: tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT"), IMAGE),
    "crop": layer(lambda: LAYERS.Cropping2D(3), IMAGE),
    "split": function(lambda x: tf.add_n(tf.split(x, 2, -1)), IMAGE),
    "stack": function(lambda a, b: tf.stack([a, b], -1), (56, 56, 8), (56, 56, 8)),
    "slice": function(lambda x: x[:, 2:50, 3:53, 4:20], IMAGE),
    "strided_slice": function(lambda x: x[:, ::2, ::2, :], IMAGE),
    "tile": function(lambda x: tf.tile(x, [1, 2, 2, 1]), SMALL),
    "gather": function(lambda x: tf.gather(x, np.arange(0, 128, 3), axis=1), ROWS),
    "transpose_channels": layer(lambda: LAYERS.Permute((3, 1, 2)), IMAGE),
    "transpose_image": layer(lambda: LAYERS.Permute((2, 1, 3)), IMAGE),
    "depth_to_space": function(lambda x: tf.nn.depth_to_space(x, 2), (28, 28, 64)),
    "space_to_depth": function(lambda x: tf.nn.space_to_depth(x, 2), IMAGE),
    "add": layer(LAYERS.Add, IMAGE, IMAGE),
    "subtract": layer(LAYERS.Subtract, IMAGE, IMAGE),
    "multiply": layer(LAYERS.Multiply, IMAGE, IMAGE),
    "maximum": layer(LAYERS.Maximum, IMAGE, IMAGE),
    "multiply_by_channel": layer(LAYERS.Multiply, IMAGE, (1, 1, 32)),
    "multiply_by_pixel": layer(LAYERS.Multiply, IMAGE, (56, 56, 1)),
    "divide": function(lambda a, b: a / (tf.abs(b) + 1), IMAGE, IMAGE),
    "where": function(lambda a, b: tf.where(a > 0, a, b), IMAGE, IMAGE),
    "relu": layer(LAYERS.ReLU, IMAGE),
    "relu6": layer(lambda: LAYERS.ReLU(6.0), IMAGE),
    "leaky_relu": layer(lambda: LAYERS.LeakyReLU(0.1), IMAGE),
    "prelu": layer(lambda: LAYERS.PReLU(shared_axes=[1, 2]), IMAGE),
    "elu": layer(LAYERS.ELU, IMAGE),
    "gelu": function(lambda x: tf.nn.gelu(x, approximate=True), IMAGE),
    "sigmoid": function(tf.sigmoid, IMAGE),
    "tanh": function(tf.tanh, IMAGE),
    "swish": function(tf.nn.silu, IMAGE),
    "hard_swish": function(lambda x: x * tf.nn.relu6(x + 3) / 6, IMAGE),
    "abs": function(tf.abs, IMAGE),
    "exp": function(tf.exp, IMAGE),
    "square": function(tf.square, IMAGE),
    "sqrt": function(lambda x: tf.sqrt(tf.abs(x)), IMAGE),
    "rsqrt": function(lambda x: tf.math.rsqrt(tf.abs(x) + 1), IMAGE),
    "softmax": layer(LAYERS.Softmax, (128, 1000)),
    "layer_norm": layer(LAYERS.LayerNormalization, ROWS),
    "batch_norm": layer(LAYERS.BatchNormalization, IMAGE),
    "l2_normalize": function(lambda x: tf.math.l2_normalize(x, -1), ROWS),
    "max_of_channels": function(lambda x: tf.reduce_max(x, -1), IMAGE),
    "mean_of_channels": function(lambda x: tf.reduce_mean(x, -1), IMAGE),
    "sum_of_image": function(lambda x: tf.reduce_sum(x, [1, 2]), IMAGE),
    "arg_max": function(lambda x: tf.argmax(x, -1, output_type=tf.int32), IMAGE),
    "top_k": function(lambda x: tf.math.top_k(x, 5)[0], (1000,)),
    "cumulative_sum": function(lambda x: tf.cumsum(x, 1), ROWS),
    "matmul": function(tf.matmul, (4, 128, 64), (4, 64, 128)),
}


def convert(model, shapes, kind):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    rng = np.random.default_rng(0)
    if kind != "float":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "int8":
        converter.representative_dataset = lambda: ([rng.standard_normal((1, *s)).astype(np.float32) for s in shapes] for _ in range(4))
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8
    return converter.convert()


def main():
    folder, names = pathlib.Path(sys.argv[1]), sys.argv[2:] or list(CASES)
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names):
        shapes, build = CASES[name]
        inputs = [keras.Input(s, batch_size=1) for s in shapes]
        model = keras.Model(inputs, build(inputs))
        for kind in ("float", "int8") + (("dynamic",) if name.startswith(WITH_WEIGHTS) else ()):
            try:
                (folder / f"{name}_{kind}.tflite").write_bytes(convert(model, shapes, kind))
            except Exception as error:  # What TensorFlow does not quantize: said, and left out.
                print(f"{name} {kind}: {str(error).splitlines()[0][:120]}", file=sys.stderr)
        print(f"\r{i + 1} of {len(names)} layers", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
