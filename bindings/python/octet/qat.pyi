# SPDX-License-Identifier: Apache-2.0
from typing import Any, Optional

import keras

BITS: int

class FakeQuantize(keras.layers.Layer):
    limits: Optional[tuple[float, float]]
    momentum: float
    def __init__(self, limits: Optional[tuple[float, float]] = None, momentum: float = 0.99, **kwargs: Any) -> None: ...

class QuantizedWeights(keras.layers.Wrapper):
    def __init__(self, layer: keras.layers.Layer, **kwargs: Any) -> None: ...

class Resizing(keras.layers.Resizing): ...

class UpSampling2D(keras.layers.UpSampling2D): ...

class Add(keras.layers.Add): ...

def quantize_model(model: keras.Model, momentum: float = 0.99) -> keras.Model: ...
