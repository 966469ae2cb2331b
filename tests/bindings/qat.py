#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""octet.qat: a model trained with rounding, saved, converted and run gives what Keras gave, within one quantum.

Usage: qat.py OCTET REPOSITORY WORK_FOLDER      (run by a Python with Keras 3 and one of its backends)
"""
import importlib.util
import os
import pathlib
import subprocess
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import keras  # noqa: E402
import numpy as np  # noqa: E402
from keras import layers as L  # noqa: E402

OCTET, REPOSITORY, WORK = (pathlib.Path(a) for a in sys.argv[1:4])
spec = importlib.util.spec_from_file_location("octet_qat", REPOSITORY / "bindings/python/octet/qat.py")
qat = importlib.util.module_from_spec(spec)
spec.loader.exec_module(qat)


def network():
    x = keras.Input([8, 8, 3], name="image")
    y = L.ReLU()(L.BatchNormalization()(L.Conv2D(8, 3, padding="same", use_bias=False)(x)))
    z = L.Conv2D(8, 1)(L.DepthwiseConv2D(3, padding="same", activation="relu")(y))
    y = L.MaxPooling2D()(L.ReLU()(L.Add()([y, z])))
    return keras.Model(x, L.Dense(4, activation="softmax")(L.GlobalAveragePooling2D()(y)))


def sequential():
    return keras.Sequential([keras.Input([12]), L.Dense(16, activation="relu"), L.Dropout(0.2), L.Dense(3, activation="sigmoid")])


def one_dimensional():
    x = keras.Input([20, 4])
    y = L.MaxPooling1D()(L.Conv1D(8, 3, padding="causal", dilation_rate=2, activation="relu")(x))
    return keras.Model(x, L.Dense(3, activation="sigmoid")(L.GlobalMaxPooling1D()(L.Conv1D(8, 3, strides=2)(y))))


def shared():
    """A layer that is called twice, functions of keras.ops, and a model inside."""
    x = keras.Input([8])
    dense = L.Dense(8, activation="relu")
    inner = keras.Sequential([keras.Input([8]), L.Dense(6, activation="tanh")])
    return keras.Model(x, L.Dense(3, activation="softmax")(inner(dense(dense(x)) * 0.5 + keras.ops.relu(x))))


def separable():
    x = keras.Input([8, 8, 4])
    y = L.BatchNormalization()(L.SeparableConv2D(6, 3, padding="same", activation="relu")(x))
    y = L.Add()([L.AveragePooling2D(2)(y), L.SeparableConv2D(6, 3, strides=2, padding="same", depth_multiplier=2, activation="gelu")(x)])
    return keras.Model(x, L.Dense(3, activation="sigmoid")(L.Flatten()(y)))


def resized():
    """Grids that are joined, values between others on them, a bias in the integers' units behind each."""
    x = keras.Input([12, 12, 3])
    a = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    b = L.Conv2DTranspose(8, 2, strides=2)(L.Conv2D(12, 3, padding="same", activation="relu6")(L.MaxPooling2D()(a)))
    y = L.UpSampling2D(interpolation="bilinear")(L.Concatenate()([a, L.LeakyReLU(negative_slope=0.2)(L.BatchNormalization()(b))]))
    y = L.Conv2D(6, 3, strides=2)(L.Resizing(15, 17)(y))
    return keras.Model(x, L.Dense(3, activation="softmax")(L.Multiply()([L.GlobalAveragePooling2D()(y), L.Dense(6, activation="sigmoid")(L.GlobalMaxPooling2D()(y))])))


def transformer():
    x = keras.Input([8, 12])
    y = L.LayerNormalization()(L.Add()([x, L.MultiHeadAttention(2, 6)(x, x)]))
    y = L.LayerNormalization()(L.Add()([y, L.Dense(12)(L.Dense(24, activation="gelu")(y))]))
    return keras.Model(x, L.Dense(3, activation="softmax")(L.GlobalAveragePooling1D()(y)))


def picked():
    """Operands on unlike grids, one of which is taken; a mean by keras.ops."""
    x = keras.Input([8, 8, 3])
    a, b, c = (L.Conv2D(4, 1, activation=f)(x) for f in (None, "relu", None))
    y = L.Minimum()([L.Maximum()([a, b]), c])
    return keras.Model(x, L.Dense(3, activation="softmax")(L.Concatenate()([L.Flatten()(y), keras.ops.mean(y, axis=[1, 2])])))


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = L.Dense(3)

    def call(self, x):
        return self.dense(x)


def refuses_code():
    model = Own()
    model(np.zeros([1, 4]))
    try:
        qat.quantize_model(model)
    except ValueError as e:
        assert "Own computes in Python code" in str(e), e
        return
    assert False, "expected a ValueError for a model in code"


def check(name, model, shape, quantum, floats_left=0):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, *shape)).astype("f4"), rng.integers(0, 3, 64)
    aware = qat.quantize_model(model)
    aware.compile("adam", "sparse_categorical_crossentropy")
    aware.fit(x, y, epochs=2, verbose=0)
    aware.save(WORK / f"{name}.keras")
    want = keras.ops.convert_to_numpy(aware(x[:16], training=False))
    again = keras.ops.convert_to_numpy(keras.models.load_model(WORK / f"{name}.keras")(x[:16], training=False))
    assert np.array_equal(want, again), f"{name}: the saved model is another one"
    np.savez(WORK / "in.npz", **{"0": x[:16]})
    subprocess.run([OCTET, "convert", WORK / f"{name}.keras", "-o", WORK / f"{name}.tflite"], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([OCTET, "run", WORK / f"{name}.tflite", "--in", WORK / "in.npz", "--out", WORK / "out.npz"], check=True)
    got = np.load(WORK / "out.npz")["0"]
    worst = np.abs(got - want).max() / quantum
    listing = subprocess.run([OCTET, "inspect", WORK / f"{name}.tflite"], check=True, capture_output=True, text=True).stdout
    floats = sum(line.split()[0].isdigit() and "float32" in line and "QUANTIZE" not in line for line in listing.splitlines() if line.split())
    print(f"{name}: at most {worst:.2f} quanta apart, {floats} operators in float")
    assert worst <= 1.001 and floats <= floats_left, name


WORK.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(1)
check("network", network(), (8, 8, 3), 1 / 256)
check("sequential", sequential(), (12,), 1 / 256)
check("one_dimensional", one_dimensional(), (20, 4), 1 / 256)
check("shared", shared(), (8,), 1 / 256)
check("separable", separable(), (8, 8, 4), 1 / 256, 2)  # The batch norm behind an activation.
check("resized", resized(), (12, 12, 3), 1 / 256)
check("picked", picked(), (8, 8, 3), 1 / 256)
refuses_code()
check("transformer", transformer(), (8, 12), 1 / 256, 40)  # Attention and layer norms.
