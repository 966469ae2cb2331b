# SPDX-License-Identifier: Apache-2.0
"""What golden models share: where they go, their numbers, and how a run is written."""
import pathlib
import shutil

import numpy as np
import tensorflow as tf

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/importers/data/golden"
RNG = np.random.default_rng()
MODELS = []

# For half precision and bfloat16: between two of their numbers, halfway, too large, too small.
NARROW = np.array([[1 + 2**-11, 1 + 3 * 2**-11, 2049, 65519, 6e-8, 2**-25, -1e-5, 0.1], [1 + 2**-8, 1 + 3 * 2**-8, -3.3, 1e-20, 1000.5, 0, 77.7, -0.3]],
                  np.float32)


def golden(make):
    """Marks a function that writes a model."""
    MODELS.append(make)
    return make


def begin():
    """Every model draws the same numbers, whichever were written before it."""
    RNG.bit_generator.state = np.random.default_rng(11).bit_generator.state


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


def flat(outputs):
    return [np.asarray(t) for t in tf.nest.flatten(outputs, expand_composites=True)]


def arrays(runs):
    named = {}
    for r, (inputs, outputs) in enumerate(runs):
        named |= {f"{r}in{i}": v for i, v in enumerate(inputs)} | {f"{r}out{i}": v for i, v in enumerate(outputs)}
    return named


def save_keras(name, model, *inputs):
    model.save(OUT / f"{name}.keras")
    runs = [(x, flat(model(x if len(x) > 1 else x[0], training=False))) for x in inputs]
    np.savez(OUT / f"{name}.npz", **arrays(runs))


def save_tf(name, module, *inputs, runs=None, **options):
    """`runs` computes the same as module.serve, where TensorFlow itself has no kernels for that."""
    folder = OUT / name
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, folder, **options)
    for extra in ("assets", "fingerprint.pb"):
        shutil.rmtree(folder / extra, ignore_errors=True) if (folder / extra).is_dir() else (folder / extra).unlink(missing_ok=True)
    np.savez(OUT / f"{name}.npz", **arrays([(list(x), flat((runs or module.serve)(*map(tf.constant, x)))) for x in inputs]))
