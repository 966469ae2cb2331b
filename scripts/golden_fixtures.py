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
    return [np.asarray(t) for t in tf.nest.flatten(outputs)]


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


MODELS = [recurrent_any_length, recurrent_stateful]

if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for make in MODELS:
        if len(sys.argv) < 2 or sys.argv[1] in make.__name__:
            keras.utils.set_random_seed(5)
            keras.backend.clear_session()
            RNG = np.random.default_rng(11)
            make()
    print(f"{OUT}: {sum(f.stat().st_size for f in OUT.rglob('*') if f.is_file())} bytes")
