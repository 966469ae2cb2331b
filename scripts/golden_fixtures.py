#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/importers/data/golden: small models as their frameworks save them, each with two inputs in a row and
the outputs that the framework gives. Needs tensorflow-cpu (with Keras 3); FILTER picks models by a part of their name.
The models are in scripts/golden.

Usage: scripts/golden_fixtures.py [FILTER]
"""
import sys

import keras

from golden import keras_functions, keras_layers, saved_models, saved_operators, tensorflow1, tensorflow_functions  # noqa: F401: what they define is in MODELS.
from golden import keras_weights  # noqa: F401: the last one, as it mends Keras.
from golden.common import MODELS, OUT, begin
from same_bytes import settle_archives, settle_graphs

if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for make in MODELS:
        if len(sys.argv) < 2 or sys.argv[1] in make.__name__:
            keras.utils.set_random_seed(5)
            keras.backend.clear_session()
            begin()
            make()
    settle_archives(OUT.rglob("*.keras"))
    settle_graphs(OUT.rglob("saved_model.pb"))
    print(f"{OUT}: {sum(f.stat().st_size for f in OUT.rglob('*') if f.is_file())} bytes")
