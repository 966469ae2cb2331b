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
"""
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
_FIXED = {"softmax": (0.0, 255.0 / 256.0), "sigmoid": (0.0, 255.0 / 256.0), "tanh": (-1.0, 127.0 / 128.0)}


def _straight_through(x, rounded):
    return x + ops.stop_gradient(rounded - x)


@keras.saving.register_keras_serializable(package="octet")
class FakeQuantize(keras.layers.Layer):
    """Rounds activations to 256 levels between two limits that include zero; zero is a level."""

    def __init__(self, limits=None, momentum=0.99, **kwargs):
        super().__init__(**kwargs)
        self.limits = None if limits is None else tuple(float(v) for v in limits)
        self.momentum = momentum

    def build(self, input_shape):
        low, high = self.limits or (0.0, 0.0)
        constant = keras.initializers.Constant
        self.low = self.add_weight(name="low", shape=(), initializer=constant(low), trainable=False, dtype="float32")
        self.high = self.add_weight(name="high", shape=(), initializer=constant(high), trainable=False, dtype="float32")

    def call(self, x, training=False):
        if training and self.limits is None:
            self._observe(x)
        levels = float(2**BITS - 1)
        low, high = ops.convert_to_tensor(self.low), ops.convert_to_tensor(self.high)
        scale = (high - low) / levels
        known = ops.cast(scale > 0, "float32")
        scale = scale * known + (1.0 - known)
        zero = ops.clip(ops.floor(0.5 - low / scale), 0.0, levels)
        bottom, top = -zero * scale, (levels - zero) * scale
        clipped = ops.clip(ops.cast(x, "float32"), bottom, top)
        # Halves go away from the middle, as int8's zero, which is how integer operators round averages; those a little less are halves.
        index = (clipped - bottom) / scale - 128.0
        rounded = (ops.sign(index) * ops.floor(ops.abs(index) + (0.5 + 1e-4)) + 128.0) * scale + bottom
        rounded = _straight_through(clipped, rounded)
        return ops.cast(rounded * known + ops.cast(x, "float32") * (1.0 - known), x.dtype)  # Before the first batch: as it is.

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
    """Runs a layer on its kernel rounded to whole multiples of max |w| / 127 of each output channel."""

    def __init__(self, layer, **kwargs):
        super().__init__(layer, **kwargs)

    def _rounded(self, w):
        kind = type(self.layer).__name__
        depthwise = kind.startswith("DepthwiseConv")
        axis = len(w.shape) - 2 if depthwise or kind == "Conv2DTranspose" else len(w.shape) - 1
        axes = [i for i in range(len(w.shape)) if i != axis]
        if depthwise and w.shape[-1] != 1:
            axes = list(range(len(w.shape)))  # One scale: channels and multipliers share an axis in the file.
        scale = ops.max(ops.abs(w), axis=axes, keepdims=True) / 127.0
        scale = ops.where(scale > 0, scale, ops.ones_like(scale))
        return ops.clip(ops.floor(w / scale + 0.5), -127.0, 127.0) * scale

    def call(self, x, training=False):
        w = ops.convert_to_tensor(self.layer.kernel)
        return _call_with_kernel(self.layer, x, _straight_through(w, self._rounded(w)))

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)


def _call_with_kernel(layer, x, kernel):
    """What the layer computes, with another kernel; its own code reads the variable."""
    kind = type(layer).__name__
    if kind == "Dense":
        y = ops.matmul(x, kernel)
    elif kind.startswith("DepthwiseConv"):
        strides = layer.strides[0] if kind == "DepthwiseConv1D" else layer.strides
        y = ops.depthwise_conv(x, kernel, strides=strides, padding=layer.padding, dilation_rate=layer.dilation_rate, data_format=layer.data_format)
    elif kind == "Conv2DTranspose":
        y = ops.conv_transpose(x, kernel, strides=list(layer.strides), padding=layer.padding, output_padding=layer.output_padding,
                               dilation_rate=layer.dilation_rate, data_format=layer.data_format)
    else:
        padding = layer.padding
        if padding == "causal":
            x, padding = ops.pad(x, [(0, 0), (layer.dilation_rate[0] * (layer.kernel_size[0] - 1), 0), (0, 0)]), "valid"
        y = ops.conv(x, kernel, strides=list(layer.strides), padding=padding, dilation_rate=layer.dilation_rate, data_format=layer.data_format)
    if layer.use_bias:
        bias = ops.convert_to_tensor(layer.bias)
        if getattr(layer, "data_format", "channels_last") == "channels_first":
            bias = ops.reshape(bias, (1, -1) + (1,) * (len(y.shape) - 2))
        y = y + bias
    return layer.activation(y) if layer.activation is not None else y


def _activation(layer):
    kind = type(layer).__name__
    if kind in ("Softmax", "ReLU", "Relu", "Relu6", "Sigmoid", "Tanh"):  # Layers and functions.
        return kind.lower()
    return getattr(getattr(layer, "activation", None), "__name__", "linear")


def _is_split(layer):
    """Whether the operand of the layer's activation is rounded, too: all but those that an integer operator computes at its end."""
    return type(layer).__name__ in _WEIGHTED + _SEPARABLE and getattr(layer, "groups", 1) == 1 and _activation(layer) not in ("linear", "relu", "relu6")


def _separable(layer, config, momentum):
    """A depthwise and a pointwise convolution with a rounding between them, in place of the one layer."""
    rank = len(layer.kernel_size)
    own = {key: config[key] for key in ("data_format", "dtype", "trainable")}
    spatial = {key: config[key] for key in ("kernel_size", "strides", "padding", "dilation_rate", "depth_multiplier")}
    first = getattr(keras.layers, f"DepthwiseConv{rank}D")(use_bias=False, name=layer.name + "_depthwise", **spatial, **own)
    second = getattr(keras.layers, f"Conv{rank}D")(config["filters"], 1, use_bias=config["use_bias"], activation=config["activation"], name=layer.name + "_pointwise", **own)
    parts = [QuantizedWeights(first), FakeQuantize(None, momentum, name=layer.name + "_middle"), QuantizedWeights(second)]
    return keras.Sequential([keras.Input(batch_shape=layer.input.shape), *parts], name=layer.name)


def _set_weights(copy, weights):
    """Of a layer, of the one inside, or of both convolutions of a separable one."""
    if isinstance(copy, keras.Sequential):
        copy.layers[0].layer.set_weights(weights[:1])
        copy.layers[2].layer.set_weights(weights[1:])
    else:
        (copy.layer if isinstance(copy, QuantizedWeights) else copy).set_weights(weights)


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
        _activation(after) in ("relu", "relu6") and type(after).__name__ in ("ReLU", "Activation", "Relu", "Relu6"))


def _as_functional(model):
    if isinstance(model, keras.Sequential):
        x = keras.Input(batch_shape=model.input_shape, dtype=model.inputs[0].dtype, name=model.inputs[0].name)
        y = x
        for layer in model.layers:
            y = layer(y)
        return keras.Model(x, y, name=model.name)
    return model


def _grid_of(x):
    """The rounding whose levels all elements of x are, or none."""
    while True:
        made = x._keras_history.operation
        if isinstance(made, FakeQuantize):
            return made
        if type(made).__name__ not in _MOVES + _KEEPS_GRID or not isinstance(getattr(made, "input", None), keras.KerasTensor):
            return None
        x = made._inbound_nodes[x._keras_history.node_index].input_tensors[0]


def quantize_model(model, momentum=0.99):
    """A copy of a Sequential or functional model with the same weights that rounds as its int8 file does."""
    if not model.built:
        raise ValueError("build the model first: give it an Input, or call it once")
    source = _as_functional(model)
    layers, operations = list(source.layers), {o.name: o for o in source.operations}
    copies, roundings = {}, {}

    def rounding(name, limits=None):
        """One for all calls of a layer that is called several times."""
        if name not in roundings:
            roundings[name] = FakeQuantize(limits, momentum, name=name)
        return roundings[name]

    def clone(layer):
        if isinstance(layer, (keras.Sequential, keras.Model)):
            copy = quantize_model(layer, momentum)
        elif type(layer).__name__ in _WEIGHTED + _SEPARABLE and getattr(layer, "groups", 1) == 1:
            config = layer.get_config()
            if _is_split(layer):
                config["activation"] = "linear"
            separable = type(layer).__name__ in _SEPARABLE
            copy = _separable(layer, config, momentum) if separable else QuantizedWeights(type(layer).from_config(config), name=layer.name)
        else:
            copy = type(layer).from_config(layer.get_config())
        copies[layer.name] = copy
        return copy

    def call(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        old = operations[layer.name]
        # Keras' merging layers of lists, recurrent states: only single outputs are rounded.
        if isinstance(old, keras.Model) or type(old).__name__ in _MOVES or isinstance(y, (list, tuple, dict)) or _only_before(old, operations.values()):
            return y
        if not keras.backend.is_float_dtype(y.dtype):
            return y
        grid = _grid_of(args[0]) if type(old).__name__ in _KEEPS_GRID else None
        if grid is not None:
            return grid(y, training=False)
        if _is_split(old):
            y = rounding(layer.name + "_operand")(y)
            activation = layer.name + "_activation"
            y = copies.setdefault(activation, keras.layers.Activation(old.activation, name=activation))(y)
        return rounding(layer.name + "_rounded", _FIXED.get(_activation(old)))(y)

    def rounded_input(t):
        return FakeQuantize(None, momentum, name=t.name + "_rounded")(t) if keras.backend.is_float_dtype(t.dtype) else t

    inputs = keras.tree.map_structure(lambda t: keras.Input(batch_shape=t.shape, dtype=t.dtype, name=t.name), source.input)
    rounded = keras.tree.map_structure(rounded_input, inputs)
    body = keras.models.clone_model(source, clone_function=clone, call_function=call)
    aware = keras.Model(inputs, body(rounded), name=source.name)
    for layer in layers:
        copy = copies.get(layer.name)
        if copy is None or isinstance(layer, keras.Model):
            continue
        _set_weights(copy, layer.get_weights())
    return aware
