# SPDX-License-Identifier: Apache-2.0
"""Quantization-aware training for Keras 3, on any backend.

    import octet.qat
    aware = octet.qat.quantize_model(model)     # The same weights, rounded as the int8 file will round them.
    aware.compile(...); aware.fit(...)          # A few epochs with a small learning rate.
    aware.save("aware.keras")                   # octet convert aware.keras -o int8.tflite

Weights of Dense, Conv and DepthwiseConv layers are rounded to 8 bits per output channel, symmetrically; activations to 8
bits between limits that follow the training data (a moving average) or that the layer itself fixes (softmax, sigmoid, tanh).
The gradient passes as if nothing were rounded. Batch norms stay between a convolution and the rounding of its output: the
converter folds them into the integer weights' scales. `octet convert` reads the saved model's limits exactly.

In inference the model computes what the file computes: sums of products of whole numbers, biases in their units, and each
operator's own rounding (docs/numerics.md). With JAX this needs jax_enable_x64: in float32 some ten in a million values of a layer
are one level off.
"""
import math
import sys

import keras
from keras import ops

BITS = 8
_WEIGHTED = ("Dense", "Conv1D", "Conv2D", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D")
_SEPARABLE = ("SeparableConv1D", "SeparableConv2D")
# Their outputs are elements of their inputs, so that the rounding before them is enough.
_MOVES = ("Flatten", "Reshape", "Permute", "MaxPooling1D", "MaxPooling2D", "ZeroPadding1D", "ZeroPadding2D", "Cropping1D", "Cropping2D",
          "RepeatVector", "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianDropout", "GaussianNoise", "ActivityRegularization",
          "GlobalMaxPooling1D", "GlobalMaxPooling2D", "InputLayer", "Identity",
          "Transpose", "Squeeze", "ExpandDims", "GetItem", "Max", "Min")  # The last ones are functions of keras.ops.
# In integers their outputs are on the grid of their inputs.
_KEEPS_GRID = ("AveragePooling1D", "AveragePooling2D", "UpSampling1D", "UpSampling2D", "Resizing", "CenterCrop")
# They make new values on it, between those of their input.
_BLENDS = ("AveragePooling1D", "AveragePooling2D", "Resizing", "UpSampling2D")
_CLAMPS = ("ReLU", "Relu", "Relu6")
_FIXED = {"softmax": (0.0, 255.0 / 256.0), "sigmoid": (0.0, 255.0 / 256.0), "tanh": (-1.0, 127.0 / 128.0),
          "log_softmax": (-255.0 / 16.0, 0.0), "unitnormalization": (-1.0, 127.0 / 128.0)}


def _straight_through(x, rounded):
    return x + ops.stop_gradient(rounded - x)


def _rounded(x, slack=0.0):
    """To whole numbers, halves away from zero; what misses a half by less than `slack` is one."""
    return ops.sign(x) * ops.floor(ops.abs(x) + (0.5 + slack))


def _between(old, new):
    """A matrix that interpolates `new` values from `old`: places have 10 bits behind the point, as in the integer operator."""
    one = 1024
    step = (one * old + new // 2) // new
    m = [[0.0] * old for _ in range(new)]
    for i, row in enumerate(m):
        at = i * step + step // 2 - one // 2
        low, high = (min(max(int(v), 0), old - 1) for v in (at / one, (at + one - 1) // one))
        row[low] += 1.0 - (at - one * low) / one
        row[high] += (at - one * low) / one
    return m


class _Bilinear:
    """A resizing layer whose weights are those of the integer operator."""

    def call(self, x):
        y = super().call(x)
        if not self._inbound_nodes or _grid_of(self._inbound_nodes[0].input_tensors[0]) is None:
            return y  # In floats, or not in a graph yet.
        if self.interpolation != "bilinear" or self.data_format != "channels_last" or getattr(self, "antialias", False):
            return y
        if None in (*x.shape[1:3], *y.shape[1:3]) or getattr(self, "crop_to_aspect_ratio", False) or getattr(self, "pad_to_aspect_ratio", False):
            return y
        rows, columns = (ops.convert_to_tensor(_between(x.shape[i], y.shape[i]), "float32") for i in (1, 2))
        z = ops.einsum("ih,bhwc,jw->bijc", rows, ops.cast(x, "float32"), columns)
        return ops.cast(z, y.dtype)


@keras.saving.register_keras_serializable(package="octet")
class Resizing(_Bilinear, keras.layers.Resizing):
    pass


@keras.saving.register_keras_serializable(package="octet")
class UpSampling2D(_Bilinear, keras.layers.UpSampling2D):
    pass


@keras.saving.register_keras_serializable(package="octet")
class Add(keras.layers.Add):
    """Of two rounded operands as the integer operator adds them: with 20 bits behind the point."""

    def call(self, inputs):
        y, behind = super().call(inputs), _Behind(self)
        if behind.rounding is None or len(inputs) != 2:
            return y
        (a, known_a), (b, known_b), (out, there) = (_step_of(r) for r in (*map(_grid_of, behind.inputs), behind.rounding))
        one, most = 2.0**20, 2.0 * _wide(ops.maximum(a, b))
        terms = [_rounded_twice(_wide(ops.round(x / step)) * one, _wide(step) / most) for x, step in zip(inputs, (a, b))]
        exact = ops.cast(_rounded_twice(terms[0] + terms[1], most / (one * _wide(out))) * _wide(out), "float32")
        return _straight_through(y, ops.where(known_a * known_b * there > 0, ops.stop_gradient(exact), y))


@keras.saving.register_keras_serializable(package="octet")
class FakeQuantize(keras.layers.Layer):
    """Rounds activations to 256 levels between two limits that include zero; zero is a level.

    In inference it rounds as the integer operator that the converter makes of what is before it. `use` counts the calls of one
    that is called several times.
    """

    def __init__(self, limits=None, momentum=0.99, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.limits = None if limits is None else tuple(float(v) for v in limits)
        self.momentum = momentum

    def build(self, input_shape):
        low, high = self.limits or (0.0, 0.0)
        constant = keras.initializers.Constant
        self.low = self.add_weight(name="low", shape=(), initializer=constant(low), trainable=False, dtype="float32")
        self.high = self.add_weight(name="high", shape=(), initializer=constant(high), trainable=False, dtype="float32")

    def call(self, x, training=False, use=0):
        if training and self.limits is None:
            self._observe(x)
        x = ops.cast(x, "float32")
        scale, known = self._scale()
        zero = ops.clip(ops.floor(0.5 - ops.convert_to_tensor(self.low) / scale), 0.0, float(2**BITS - 1)) - 128.0
        made_of = self._inbound_nodes[use].input_tensors[0] if use < len(self._inbound_nodes) else None
        if made_of is not None and _maker(made_of) in _BLENDS:  # On the grid of its input; of int8 halves go away from -zero.
            level = ops.clip(_rounded(x / scale + zero, 1e-4), -128.0, 127.0)
        else:
            index = ops.stop_gradient(x / scale)
            if made_of is not None and not training:
                index = _rounded_first(index, made_of, scale)
            level = ops.clip(_rounded(index) + zero, -128.0, 127.0)
        clipped = ops.clip(x, (-128.0 - zero) * scale, (127.0 - zero) * scale)
        rounded = _straight_through(clipped, (level - zero) * scale)
        return rounded * known + x * (1.0 - known)  # Before the first batch: as it is.

    def _scale(self):
        """The distance of two levels, and 1 (0 before the first batch, when nothing is rounded)."""
        scale = (ops.convert_to_tensor(self.high) - ops.convert_to_tensor(self.low)) / float(2**BITS - 1)
        known = ops.cast(scale > 0, "float32")
        return scale * known + (1.0 - known), known

    def _observe(self, x):
        x = ops.stop_gradient(ops.cast(x, "float32"))
        low, high = ops.minimum(ops.min(x), 0.0), ops.maximum(ops.max(x), 0.0)
        new = ops.cast(ops.convert_to_tensor(self.high) <= ops.convert_to_tensor(self.low), "float32")
        keep = self.momentum * (1.0 - new)
        self.low.assign(self.low * keep + low * (1.0 - keep))
        self.high.assign(self.high * keep + high * (1.0 - keep))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "limits": self.limits, "momentum": self.momentum}


@keras.saving.register_keras_serializable(package="octet")
class QuantizedWeights(keras.layers.Wrapper):
    """Runs a layer on its kernel rounded to whole multiples of max |w| / 127 of each output channel.

    Where its input is rounded, it computes as the file does: a sum of products of integers (exact in float32 up to 2^24), a bias
    that is a whole multiple of the product of both scales, and that product. `use` counts the calls of a layer that is called
    several times: each has an input with levels of its own.
    """

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **{**kwargs, "dtype": "float32"})  # Sums of products are exact in it; mixed precision is not.

    def _kernel_scale(self, w):
        """Of each output channel, for the kernel's shape; one where the file has one for all."""
        kind = type(self.layer).__name__
        depthwise = kind.startswith("DepthwiseConv")
        axis = len(w.shape) - 2 if depthwise or kind == "Conv2DTranspose" else len(w.shape) - 1
        axes = [i for i in range(len(w.shape)) if i != axis]
        if depthwise and w.shape[-1] != 1:
            axes = list(range(len(w.shape)))  # Channels and multipliers share an axis in the file.
        scale = ops.stop_gradient(ops.max(ops.abs(w), axis=axes, keepdims=True) / 127.0)
        return ops.where(scale > 0, scale, ops.ones_like(scale))

    def _along_channels(self, v, rank):
        """A vector so that it meets the channels of an output."""
        first = getattr(self.layer, "data_format", "") == "channels_first"
        return ops.reshape(v, (1, -1) + (1,) * (rank - 2) if first else (-1,))

    def call(self, x, training=False, use=0):
        layer, behind = self.layer, _Behind(self, use)
        w = ops.convert_to_tensor(layer.kernel)
        scale = self._kernel_scale(w)
        kernel = _straight_through(w / scale, ops.clip(ops.floor(w / scale + 0.5), -127.0, 127.0))
        scale = ops.reshape(scale, (-1,))
        bias = ops.convert_to_tensor(layer.bias) if layer.use_bias else ops.zeros((1,))
        step, known = _step_of(_grid_of(behind.input)) if behind.input is not None else (ops.ones(()), ops.zeros(()))
        x = x / step
        if not training:  # In training a dropout may have moved it.
            x = _straight_through(x, known * ops.round(x) + (1.0 - known) * x)
        y = sums = _products(layer, x, kernel)
        y = y * self._along_channels(scale * step, len(y.shape)) + self._along_channels(bias, len(y.shape))
        if not training and behind.rounding is not None:
            out, there = _step_of(behind.rounding)
            exact = ops.stop_gradient(self._as_integers(sums, scale, bias, step, out, behind.norm))
            y = _straight_through(y, ops.where(known * there > 0, exact, y))
        return layer.activation(y) if layer.activation is not None else y

    def _as_integers(self, sums, scale, bias, step, out, norm):
        """What the integer operator gives, before its clamp; the batch norm makes it of what is returned."""
        factor, offset = _affine(norm) if norm is not None else (ops.ones((1,)), ops.zeros((1,)))
        live = factor != 0
        factor = ops.where(live, factor, ops.ones_like(factor))
        scale = scale * ops.abs(factor)  # Of the folded weights.
        bias = bias * factor + offset
        whole = _rounded(_wide(bias) / _wide(scale * step))
        rank = len(sums.shape)
        total = _wide(sums) * _wide(self._along_channels(ops.sign(factor), rank)) + self._along_channels(whole, rank)
        multiplier = self._along_channels(_wide(step) * _wide(scale) / _wide(out), rank)
        once = type(self.layer).__name__ == "Dense"  # FULLY_CONNECTED multiplies in double precision.
        level = _rounded(total * multiplier) if once else _rounded_twice(total, multiplier)
        y = (level * _wide(out) - _wide(self._along_channels(offset, rank))) / _wide(self._along_channels(factor, rank))
        return ops.where(self._along_channels(live, rank), ops.cast(y, "float32"), 0.0)

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


_OWN = {keras.layers.Add: Add, keras.layers.Resizing: Resizing, keras.layers.UpSampling2D: UpSampling2D}


def _affine(norm):
    """A batch norm's factor and offset, computed as the converter does."""
    factor = 1.0 / ops.sqrt(ops.convert_to_tensor(norm.moving_variance) + norm.epsilon)
    if norm.scale:
        factor = ops.convert_to_tensor(norm.gamma) / ops.sqrt(ops.convert_to_tensor(norm.moving_variance) + norm.epsilon)
    shift = ops.convert_to_tensor(norm.moving_mean) * factor
    return factor, (ops.convert_to_tensor(norm.beta) if norm.center else ops.zeros_like(shift)) - shift


def _products(layer, x, kernel):
    """What the layer computes without bias and activation, with another kernel; its own code reads the variable."""
    kind = type(layer).__name__
    if kind == "Dense":
        return ops.matmul(x, kernel)
    if kind.startswith("DepthwiseConv"):
        strides = layer.strides[0] if kind == "DepthwiseConv1D" else layer.strides
        return ops.depthwise_conv(x, kernel, strides=strides, padding=layer.padding, dilation_rate=layer.dilation_rate, data_format=layer.data_format)
    if kind == "Conv2DTranspose":
        return ops.conv_transpose(x, kernel, strides=list(layer.strides), padding=layer.padding, output_padding=layer.output_padding,
                                  dilation_rate=layer.dilation_rate, data_format=layer.data_format)
    padding = layer.padding
    if padding == "causal":
        x, padding = ops.pad(x, [(0, 0), (layer.dilation_rate[0] * (layer.kernel_size[0] - 1), 0), (0, 0)]), "valid"
    return ops.conv(x, kernel, strides=list(layer.strides), padding=padding, dilation_rate=layer.dilation_rate, data_format=layer.data_format)


def _activation(layer):
    kind = type(layer).__name__
    if kind in _CLAMPS + ("Softmax", "LogSoftmax", "Sigmoid", "Tanh", "UnitNormalization"):  # Layers and functions.
        return "log_softmax" if kind == "LogSoftmax" else kind.lower()
    return getattr(getattr(layer, "activation", None), "__name__", "linear")


def _is_split(layer):
    """Whether the operand of the layer's activation is rounded, too: all but those that an integer operator computes at its end."""
    return type(layer).__name__ in _WEIGHTED + _SEPARABLE and getattr(layer, "groups", 1) == 1 and _activation(layer) not in ("linear", "relu", "relu6")


def _separable(layer, config, momentum):
    """A depthwise convolution, a rounding and a pointwise convolution in place of the one layer."""
    rank = len(layer.kernel_size)
    own = {key: config[key] for key in ("data_format", "dtype", "trainable")}
    spatial = {key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")}
    first = getattr(keras.layers, f"DepthwiseConv{rank}D")(use_bias=False, **spatial, **own)
    second = getattr(keras.layers, f"Conv{rank}D")(config["filters"], 1, use_bias=config["use_bias"], activation=config["activation"], **own)
    return [QuantizedWeights(first, name=layer.name + "_depthwise"), FakeQuantize(None, momentum, name=layer.name + "_middle"),
            QuantizedWeights(second, name=layer.name)]


def _readers(layer):
    return [node.operation for node in getattr(layer, "_outbound_nodes", [])]


def _only_before(layer, operations):
    """Whether the layer's output is rounded later: by the batch norm or the relu that alone reads it."""
    readers = [r for r in _readers(layer) if r in operations]
    if len(readers) != 1 or _activation(layer) not in ("linear", None):
        return False
    kind = type(layer).__name__
    if kind not in _WEIGHTED + _SEPARABLE and kind not in ("BatchNormalization", "Add"):
        return False
    after = readers[0]
    return (type(after).__name__ == "BatchNormalization" and kind in _WEIGHTED + _SEPARABLE) or (
        _activation(after) in ("relu", "relu6") and type(after).__name__ in _CLAMPS + ("Activation",))


def _as_functional(model):
    if isinstance(model, keras.Sequential):
        x = keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype, name=model.inputs[0].name)
        y = x
        for layer in model.layers:
            y = layer(y)
        return keras.Model(x, y, name=model.name)
    return model


def _node(x):
    return x._keras_history.operation._inbound_nodes[x._keras_history.node_index]


def _maker(x):
    return type(x._keras_history.operation).__name__


def _grid_of(x):
    """The rounding whose levels all elements of x are, or none."""
    while True:
        made = x._keras_history.operation
        if isinstance(made, FakeQuantize):
            return made
        if type(made).__name__ not in _MOVES + _KEEPS_GRID or not isinstance(getattr(made, "input", None), keras.KerasTensor):
            return None
        x = _node(x).input_tensors[0]


class _Behind:
    """What is around one call of a layer in its graph: its input, the one batch norm behind it, and the rounding of its result. Between
    them there may be a relu, which integer operators do at their end."""

    def __init__(self, layer, use=0):
        self.input = self.norm = self.rounding = None
        if use >= len(layer._inbound_nodes):
            return  # Not in a graph yet.
        node = layer._inbound_nodes[use]
        self.inputs = node.input_tensors
        self.input, x = self.inputs[0], node.outputs[0]
        while self.rounding is None:
            readers = [n for n in x._keras_history.operation._outbound_nodes if any(t is x for t in n.input_tensors)]
            if len(readers) != 1:
                return
            reader = readers[0].operation
            if isinstance(reader, FakeQuantize):
                self.rounding = reader
            elif isinstance(reader, keras.layers.BatchNormalization) and self.norm is None:
                self.norm = reader
            elif _activation(reader) not in ("relu", "relu6") or type(reader).__name__ not in _CLAMPS + ("Activation",):
                return
            x = readers[0].outputs[0]


def _step_of(rounding):
    return rounding._scale() if rounding is not None else (ops.ones(()), ops.zeros(()))


def _wide(x):
    """In double precision, where the backend has it: JAX wants jax_enable_x64."""
    if keras.backend.backend() == "jax" and not sys.modules["jax"].config.jax_enable_x64:
        return x
    return ops.cast(x, "float64")


def _rounded_twice(x, multiplier):
    """As a fixed-point multiplier M = m * 2^-shift, 1/2 <= m < 1: the product with m is rounded, and then its shift to the right."""
    finer = ops.round(ops.power(ops.cast(2.0, multiplier.dtype), _right_shift(multiplier)))
    return _rounded(_rounded(x * multiplier * finer) / finer)


def _rounded_first(index, x, scale):
    """The first rounding of operators that round twice. x is what is rounded, index its value in units of `scale`."""
    if _maker(x) == "Activation" and _activation(x._keras_history.operation) not in ("relu", "relu6"):
        return index
    shift = _shift(x, index, scale)
    if shift is None:
        return index
    finer = ops.round(ops.power(2.0, shift))
    return _rounded(index * finer) / finer


def _shift(x, index, scale):
    """Of the operator that makes x, or none where it rounds once."""
    made, inputs, kind = x._keras_history.operation, _node(x).input_tensors, _maker(x)
    scales = [_scale_of(t) for t in inputs]
    if kind == "Multiply" and len(inputs) == 1:
        scales += [_scale_of_number(v) for v in _node(x).arguments.args if isinstance(v, (int, float))]
    if not scales or any(s is None for s in scales):
        return None
    if kind == "Multiply" and len(scales) == 2:
        return _right_shift(scales[0] * scales[1] / scale)
    if kind in _CLAMPS + ("Activation",):
        return _right_shift(scales[0] / scale)
    if kind == "LeakyReLU":
        return ops.where(index < 0, _right_shift(scales[0] * abs(made.negative_slope) / scale), _right_shift(scales[0] / scale))
    if kind in ("GlobalAveragePooling1D", "GlobalAveragePooling2D", "Mean"):
        if len(x.shape) == 0 or None in (*inputs[0].shape[1:], *x.shape[1:]):
            return None
        count = math.prod(inputs[0].shape[1:]) // math.prod(x.shape[1:])
        return _right_shift(scales[0] / scale, count.bit_length() - 1)  # 1/n goes into m, as far as whole bits go.
    if kind == "FakeQuantize":
        return _requantize_shift(scales[0] / scale)
    if kind == "Concatenate":
        axis, rank = made.axis % len(x.shape), len(x.shape)
        parts = [ops.broadcast_to(_requantize_shift(s / scale), (t.shape[axis],)) for s, t in zip(scales, inputs)]
        return ops.reshape(ops.concatenate(parts), [-1 if i == axis else 1 for i in range(rank)])
    return None


def _scale_of(x):
    grid = _grid_of(x)
    return None if grid is None else grid._scale()[0]


def _scale_of_number(v):
    """A constant is the end of a grid of its own."""
    return abs(float(v)) / 127.0 if v else 1.0


def _right_shift(multiplier, more=0):
    exponent = ops.floor(ops.log2(multiplier) + 1e-6) + 1.0
    return ops.maximum(float(more) - exponent, ops.zeros_like(exponent))


def _requantize_shift(ratio):
    """The converter multiplies with 127 + 1 levels of 1/128 where quantize would round twice."""
    return ops.where(ratio < 0.5, _right_shift(ratio / 128.0), 0.0)


class _Copies:
    """What a model's layers become while it is cloned."""

    def __init__(self, source, momentum):
        self.layers, self.operations, self.momentum = list(source.layers), {o.name: o for o in source.operations}, momentum
        self.copies, self.depthwise, self.roundings, self.uses = {}, {}, {}, {}

    def clone(self, layer):
        if isinstance(layer, (keras.Sequential, keras.Model)):
            copy = quantize_model(layer, self.momentum)
        elif type(layer).__name__ in _WEIGHTED + _SEPARABLE and getattr(layer, "groups", 1) == 1:
            config = layer.get_config()
            if _is_split(layer):
                config["activation"] = "linear"
            if type(layer).__name__ in _SEPARABLE:
                *self.depthwise[layer.name], copy = _separable(layer, config, self.momentum)
            else:
                copy = QuantizedWeights(type(layer).from_config(config), name=layer.name)
        else:
            copy = _OWN.get(type(layer), type(layer)).from_config(layer.get_config())
        self.copies[layer.name] = copy
        return copy

    def call(self, layer, *args, **kwargs):
        args, kwargs = keras.tree.map_structure(self._rounded_input, (args, kwargs))
        old = self.operations[layer.name]
        if isinstance(layer, QuantizedWeights):
            x = args[0]
            if layer.name in self.depthwise:
                first, middle = self.depthwise[layer.name]
                x = self._apply(middle, self._apply(first, x))
            y = self._apply(layer, x)
        else:
            y = layer(*args, **kwargs)
        # Keras' merging layers of lists, recurrent states: only single outputs are rounded.
        if isinstance(old, keras.Model) or type(old).__name__ in _MOVES or isinstance(y, (list, tuple, dict)) or _only_before(old, self.operations.values()):
            return y
        return self._rounded_output(layer.name, old, args, y) if keras.backend.is_float_dtype(y.dtype) else y

    def take_weights(self):
        for layer in self.layers:
            copy, weights = self.copies.get(layer.name), layer.get_weights()
            if copy is None or isinstance(layer, keras.Model):
                continue
            if layer.name in self.depthwise:
                self.depthwise[layer.name][0].layer.set_weights(weights[:1])
                weights = weights[1:]
            (copy.layer if isinstance(copy, QuantizedWeights) else copy).set_weights(weights)

    def _rounding(self, name, limits=None):
        """One for all calls of a layer that is called several times."""
        if name not in self.roundings:
            self.roundings[name] = FakeQuantize(limits, self.momentum, name=name)
        return self.roundings[name]

    def _apply(self, layer, x, **kwargs):
        use = self.uses[layer.name] = self.uses.get(layer.name, -1) + 1
        return layer(x, **kwargs, **({"use": use} if use else {}))

    def _rounded_input(self, t):
        made = t._keras_history.operation if isinstance(t, keras.KerasTensor) else None
        if not isinstance(made, keras.layers.InputLayer) or not keras.backend.is_float_dtype(t.dtype):
            return t
        return self._apply(self._rounding(made.name + "_rounded"), t)

    def _rounded_output(self, name, old, args, y):
        grid = _grid_of(args[0]) if type(old).__name__ in _KEEPS_GRID else None
        if grid is not None:
            return self._apply(grid, y, training=False)
        if _is_split(old):
            y = self._apply(self._rounding(name + "_operand"), y)
            activation = name + "_activation"
            y = self.copies.setdefault(activation, keras.layers.Activation(old.activation, name=activation))(y)
        return self._apply(self._rounding(name + "_rounded", _FIXED.get(_activation(old))), y)


def quantize_model(model, momentum=0.99):
    """A copy of a Sequential or functional model with the same weights that rounds as its int8 file does."""
    if not model.built:
        raise ValueError("build the model first: give it an Input, or call it once")
    if not isinstance(model, keras.Sequential) and not hasattr(model, "operations"):
        raise ValueError(f"{type(model).__name__} computes in Python code of its own; expected a Sequential or functional model, whose layers can be "
                         "replaced: keras.Model(inputs, outputs)")
    source = _as_functional(model)
    copies = _Copies(source, momentum)
    aware = keras.models.clone_model(source, clone_function=copies.clone, call_function=copies.call)
    copies.take_weights()
    return aware
