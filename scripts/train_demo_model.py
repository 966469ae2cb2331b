#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Train the demo's model: a small depthwise-separable CNN that int8 hurts.

Naive int8 gives every activation tensor one scale, so a net whose channels differ widely in
range loses accuracy. This one gets such a spread from batch-norm gammas that START log-normal. From
there it is trained as any net is, and nothing is rescaled afterwards.

    python3 scripts/demo_data.py OUT_DIR
    python3 scripts/train_demo_model.py OUT_DIR --out examples/demo/model.keras

Needs keras 3.15.1, jax and numpy; takes about three minutes on one CPU core.
"""

import argparse
import os
import pathlib

# Both are read when keras is imported. The sums of a step depend on how XLA splits them over
# threads, so one thread is what makes the weights the same on a machine with more cores.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("NPROC", "1")

import keras
import numpy as np
from keras import layers

SIDE = 28  # pixels
CLASSES = 10
STEM_CHANNELS = 24
BLOCKS = ((32, 1), (48, 2), (64, 1), (64, 1))  # (output channels, depthwise stride) of each block
DROPOUT = 0.1

GAMMA_SIGMA = 1.5  # standard deviation of log(gamma) at the start
SEED = 1
EPOCHS = 30
BATCH = 64  # images
LEARNING_RATE = 3e-3  # at the start; falls to zero along a half cosine
MAX_SHIFT = 2  # pixels, each way, drawn anew for every image and epoch


def norm_relu(x, name):
    """Batch normalization and ReLU, named after the convolution before them."""
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return layers.ReLU(name=f"{name}_relu")(x)


def build_model():
    """Image [N,28,28,1], 0..1, to probabilities [N,10]; the batch size is left open."""
    inputs = keras.Input((SIDE, SIDE, 1), name="image")
    x = layers.Conv2D(STEM_CHANNELS, 3, 2, padding="same", use_bias=False, name="stem")(inputs)
    x = norm_relu(x, "stem")
    for index, (channels, stride) in enumerate(BLOCKS, start=1):
        x = layers.DepthwiseConv2D(3, stride, padding="same", use_bias=False, name=f"dw_{index}")(x)
        x = norm_relu(x, f"dw_{index}")
        x = layers.Conv2D(channels, 1, use_bias=False, name=f"pw_{index}")(x)
        x = norm_relu(x, f"pw_{index}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(DROPOUT, name="dropout")(x)
    outputs = layers.Dense(CLASSES, activation="softmax", name="digit")(x)
    return keras.Model(inputs, outputs, name="demo_digits")


def spread_gammas(model, sigma, rng):
    """Start every batch-norm gamma log-normal; done on the built model, so that the file that
    is saved names no custom initializer."""
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.gamma.assign(rng.lognormal(0.0, sigma, layer.gamma.shape))


def shift_images(x, rng):
    """Return a copy of x with every image moved by up to MAX_SHIFT pixels, zeros coming in."""
    padded = np.pad(x, ((0, 0), (MAX_SHIFT, MAX_SHIFT), (MAX_SHIFT, MAX_SHIFT), (0, 0)))
    moved = np.empty_like(x)
    for index, (top, left) in enumerate(rng.integers(0, 2 * MAX_SHIFT + 1, (len(x), 2))):
        moved[index] = padded[index, top : top + SIDE, left : left + SIDE]
    return moved


def train(model, x, y, epochs, rng):
    """Train in place; every epoch sees freshly shifted images."""
    steps = epochs * -(-len(x) // BATCH)
    schedule = keras.optimizers.schedules.CosineDecay(LEARNING_RATE, steps)
    model.compile(keras.optimizers.Adam(schedule), "sparse_categorical_crossentropy")
    for epoch in range(epochs):
        history = model.fit(shift_images(x, rng), y, BATCH, verbose=0).history
        print(f"epoch {epoch + 1}/{epochs}: loss {history['loss'][0]:.4f}", flush=True)


def accuracy(model, x, y):
    """Share of images (0..1) whose most probable digit is the label."""
    return float(np.mean(model.predict(x, verbose=0).argmax(axis=1) == y))


def load(path):
    """Return (x, y) of one .npz file written by demo_data.py."""
    with np.load(path) as data:
        return data["x"], data["y"]


def main():
    parser = argparse.ArgumentParser(description="Train the demo's model.")
    parser.add_argument("data", type=pathlib.Path, help="folder that demo_data.py has written")
    parser.add_argument("--out", type=pathlib.Path, default="model.keras", help="file to write")
    parser.add_argument("--sigma", type=float, default=GAMMA_SIGMA, help="spread of log(gamma)")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    args = parser.parse_args()

    keras.utils.set_random_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    model = build_model()
    spread_gammas(model, args.sigma, rng)
    train(model, *load(args.data / "train.npz"), args.epochs, rng)

    # A fresh Model around the same layers has no optimizer, so its state is not saved either.
    keras.Model(model.inputs, model.outputs, name=model.name).save(args.out)
    score = accuracy(keras.models.load_model(args.out), *load(args.data / "holdout.npz"))
    print(f"{args.out}: {args.out.stat().st_size} bytes, float accuracy {100 * score:.2f} %")


if __name__ == "__main__":
    main()
