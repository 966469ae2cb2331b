#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes custom.keras, custom.h5 and custom.npz of tests/importers/data: a model with layers of its own classes. Needs Keras 3.

Usage: scripts/custom_layer_fixtures.py [FOLDER]

What the classes compute is said again in custom_layers.json, beside the models.
"""
import pathlib
import sys

import keras
import numpy as np

from same_bytes import settle_archives

FOLDER = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent / "tests/importers/data")


@keras.saving.register_keras_serializable("acme")
class Scale(keras.layers.Layer):
    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = alpha

    def build(self, shape):
        self.gamma = self.add_weight(shape=shape[-1:], name="gamma", initializer="uniform")
        self.beta = self.add_weight(shape=shape[-1:], name="beta", initializer="uniform")

    def call(self, x):
        return x * self.gamma * self.alpha + self.beta

    def get_config(self):
        return {**super().get_config(), "alpha": self.alpha}


class Gated(keras.layers.Layer):
    """Layers inside, and a weight of its own."""

    def __init__(self, units, activation="sigmoid", **kwargs):
        super().__init__(**kwargs)
        self.units, self.activation = units, activation
        self.value = keras.layers.Dense(units)
        self.gate = keras.layers.Dense(units, activation=activation)

    def build(self, shape):
        self.shift = self.add_weight(shape=(self.units,), name="shift", initializer="uniform")
        self.value.build(shape)
        self.gate.build(shape)

    def call(self, x):
        return self.value(x) * self.gate(x) + self.shift

    def compute_output_shape(self, shape):
        return (*shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "activation": self.activation}


@keras.saving.register_keras_serializable("acme")
class SumAndDifference(keras.layers.Layer):
    """Two inputs, two outputs; the second one summed over the last axis."""

    def call(self, a, b):
        return a + b, keras.ops.sum(a - b, axis=-1, keepdims=True)

    def compute_output_shape(self, a_shape, b_shape):
        return a_shape, (*a_shape[:-1], 1)


def main():
    keras.utils.set_random_seed(1)
    x = keras.Input((4,), name="x")
    scaled = Scale(alpha=0.5, name="scale")(keras.layers.Dense(4, name="dense")(x))
    total, difference = SumAndDifference(name="both")(Gated(3, name="gated")(scaled), Gated(3, "tanh", name="other")(scaled))
    model = keras.Model(x, [total, difference])
    for weight in model.weights:
        weight.assign(keras.random.uniform(weight.shape, -1, 1))
    model.save(FOLDER / "custom.keras")
    model.save(FOLDER / "custom.h5")
    settle_archives([FOLDER / "custom.keras"])
    data = np.random.default_rng(1).uniform(-1, 1, (3, 4)).astype("f4")
    total, difference = model.predict(data, verbose=0)
    np.savez(FOLDER / "custom.npz", x=data, total=total, difference=difference)


if __name__ == "__main__":
    main()
