# SPDX-License-Identifier: Apache-2.0
"""Runs .tflite models: the interface of `ai_edge_litert.interpreter`, over octet's runtime.

    interpreter = octet.Interpreter(model_path="model.tflite", num_threads=2)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image)
    interpreter.invoke()
    scores = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])

One interpreter is used by one thread at a time (a second one gets a RuntimeError); interpreters of one
model may run side by side. `invoke` releases the GIL. Float helpers around integer models:
`set_input(i, array)` and `get_output(i)` quantize and dequantize.
"""
import enum
import os
import sys

import numpy as np

from octet import _native

# By TensorType of the .tflite schema. Types that numpy lacks appear as the integers that hold them.
_NUMPY_TYPES = {
    0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 5: np.bytes_, 6: np.bool_, 7: np.int16,
    8: np.complex64, 9: np.int8, 10: np.float64, 11: np.complex128, 12: np.uint64, 15: np.uint32, 16: np.uint16,
    17: np.uint8, 18: np.uint16, 19: np.uint8, 20: np.uint8,
}
_TYPE_NAMES = {
    np.float32: "FLOAT32", np.float16: "FLOAT16", np.int32: "INT32", np.uint8: "UINT8", np.int64: "INT64", np.bytes_: "STRING",
    np.bool_: "BOOL", np.int16: "INT16", np.complex64: "COMPLEX64", np.int8: "INT8", np.float64: "FLOAT64",
    np.complex128: "COMPLEX128", np.uint64: "UINT64", np.uint32: "UINT32", np.uint16: "UINT16", np.str_: "STRING", np.object_: "STRING",
}
_STRING = 5


class OpResolverType(enum.Enum):
    """Which kernels run. octet's fast kernels give the reference's bits, so the choice is one of speed."""

    AUTO = 0
    BUILTIN = 1
    BUILTIN_REF = 2
    BUILTIN_WITHOUT_DEFAULT_DELEGATES = 3


class _Memory:
    """A tensor's memory as numpy sees it; keeps `owner` alive as long as arrays of it live."""

    __slots__ = ("__array_interface__", "owner")

    def __init__(self, dtype, shape, address, owner, read_only):
        self.__array_interface__ = {"shape": shape, "typestr": np.dtype(dtype).str, "data": (address, read_only), "version": 3}
        self.owner = owner


class _Tensor:
    """What the native side says of one tensor."""

    __slots__ = ("name", "dtype", "shape", "signature", "address", "bytes", "scales", "zero_points", "axis", "block_size")

    def __init__(self, native, *index):
        (self.name, self.dtype, self.shape, self.signature, self.address, self.bytes,
         self.scales, self.zero_points, self.axis, self.block_size) = native.tensor(*index)

    @property
    def numpy_type(self):
        return _NUMPY_TYPES.get(self.dtype, np.void)

    def array(self, owner=None, read_only=False):
        shape = self.shape
        if self.dtype in (17, 19, 20):  # Packed below a byte: the bytes as they lie.
            shape = (self.bytes,)
        return np.asarray(_Memory(self.numpy_type, shape, self.address or 1, owner, read_only))

    def details(self, index):
        per_tensor = len(self.scales) == 1
        return {
            "name": self.name,
            "index": index,
            "shape": np.array(self.shape, dtype=np.int32),
            "shape_signature": np.array(self.signature, dtype=np.int32),
            "dtype": self.numpy_type,
            "quantization": (float(self.scales[0]), int(self.zero_points[0])) if per_tensor else (0.0, 0),
            "quantization_parameters": {
                "scales": np.array(self.scales, dtype=np.float32),
                "zero_points": np.array(self.zero_points, dtype=np.int32),
                "quantized_dimension": self.axis,
                "block_size": self.block_size,
            },
            "sparsity_parameters": {},
        }


def _check_fits(tensor, index, value):
    """LiteRT's errors for an array of the wrong type or shape."""
    wanted = tensor.numpy_type
    fits = value.dtype.kind in "SUO" if tensor.dtype == _STRING else value.dtype == np.dtype(wanted)
    if not fits:
        found = _TYPE_NAMES.get(value.dtype.type, str(value.dtype))
        raise ValueError(f"Cannot set tensor: Got value of type {found} but expected type {_TYPE_NAMES.get(wanted)} for input {index}, name: {tensor.name} ")
    if value.ndim != len(tensor.shape):
        raise ValueError(f"Cannot set tensor: Dimension mismatch. Got {value.ndim} but expected {len(tensor.shape)} for input {index}.")
    for axis, (found, expected) in enumerate(zip(value.shape, tensor.shape)):
        if found != expected:
            raise ValueError(f"Cannot set tensor: Dimension mismatch. Got {found} but expected {expected} for dimension {axis} of input {index}.")


def _set(native, tensor, index, position, value):
    """Copies an array into the input at `position`."""
    _check_fits(tensor, index, value)
    if tensor.dtype == _STRING:
        texts = [t if isinstance(t, bytes) else str(t).encode() for t in value.reshape(-1).tolist()]
        head = 4 * (len(texts) + 2)
        offsets = np.cumsum([head] + [len(t) for t in texts]).astype(np.int32)
        native.set_strings(position, np.int32(len(texts)).tobytes() + offsets.tobytes() + b"".join(texts))
        return
    if not tensor.address and tensor.bytes:
        raise ValueError("Cannot set tensor: Tensor is unallocated. Try calling allocate_tensors() first")
    tensor.array()[...] = value


def _get(native, tensor, position):
    """A copy of the output at `position`; strings come as an array of bytes objects."""
    if tensor.dtype != _STRING:
        return tensor.array().copy()
    buffer = native.get_strings(position)
    count = int(np.frombuffer(buffer, np.int32, 1)[0])
    offsets = np.frombuffer(buffer, np.int32, count + 1, 4)
    texts = np.empty(count, dtype=object)
    texts[:] = [buffer[a:b] for a, b in zip(offsets[:-1], offsets[1:])]
    return texts.reshape(tensor.shape)


def _load(model_path, model_content):
    if model_path is None and model_content is None:
        raise ValueError("`model_path` or `model_content` must be specified.")
    if model_path is not None and model_content is not None:
        raise ValueError("Can't both provide `model_path` and `model_content`")
    if model_content is not None:
        return _native.Model(content=bytes(memoryview(model_content)))
    path = os.fspath(model_path)
    if not os.path.isfile(path):
        raise ValueError(f"Could not open '{path}'.The model allocation is null/empty")
    return _native.Model(path=path)


def _threads(num_threads):
    if num_threads is None:
        return 1
    if not isinstance(num_threads, int):
        raise ValueError("type of num_threads should be int")
    if num_threads < 1:
        raise ValueError("num_threads should >= 1")
    return num_threads


class Delegate:
    """Who computes parts of models in the processor's place; made by load_delegate()."""

    def __init__(self, library, options=None):
        self._library = os.fspath(library)
        pairs = [(str(key), str(value)) for key, value in (options or {}).items()]
        try:
            self.native = _native.Delegate(self._library, pairs)
        except ValueError as error:
            raise ValueError(f"Failed to load delegate from {self._library}\n{error}") from None


def load_delegate(library, options=None):
    """A delegate by name ("gpu") or library: octet's own interface, or TensorFlow Lite's external delegates.

    OSError where the library cannot be loaded, ValueError where it cannot create its delegate.
    """
    return Delegate(library, options)


class Interpreter:
    """A model that runs. Arguments as `ai_edge_litert.interpreter.Interpreter`, and octet's own by keyword:

    delegate_deny: what stays on the processor: operators ("conv_2d"), layers or tensors by name, nodes by number ("#12").
    shadow_share: the share of inferences that the processor computes, too; its answer is given where they differ.
    """

    def __init__(
        self,
        model_path=None,
        model_content=None,
        experimental_delegates=None,
        num_threads=None,
        experimental_op_resolver_type=OpResolverType.AUTO,
        experimental_preserve_all_tensors=False,
        experimental_disable_delegate_clustering=False,
        experimental_default_delegate_latest_features=False,
        experimental_compress_quantization_zero_points=False,
        experimental_disable_delegate_node_fusion=False,
        experimental_force_delegate_node_profiling=False,
        *,
        delegate_deny=(),
        shadow_share=0.0,
    ):
        del experimental_disable_delegate_clustering, experimental_default_delegate_latest_features
        del experimental_disable_delegate_node_fusion, experimental_force_delegate_node_profiling
        resolver = getattr(experimental_op_resolver_type, "name", str(experimental_op_resolver_type))
        if resolver not in OpResolverType.__members__:
            raise ValueError(f"Unrecognized passed in op resolver type: {experimental_op_resolver_type}")
        self._compress_zero_points = bool(experimental_compress_quantization_zero_points)
        self._options = {
            "threads": _threads(num_threads),
            "reference": resolver == "BUILTIN_REF",
            "keep_all_tensors": bool(experimental_preserve_all_tensors),
        }
        self._model = _load(model_path, model_content)
        for delegate in experimental_delegates or ():
            if not isinstance(delegate, Delegate):
                raise ValueError(f"experimental_delegates: expected what load_delegate() returns, found {type(delegate).__name__}")
        self._options["delegates"] = [delegate.native for delegate in experimental_delegates or ()]
        self._options["deny"] = [str(name).encode() for name in delegate_deny]
        self._options["shadow_share"] = float(shadow_share)
        self._interpreter = _native.Interpreter(self._model, **self._options)
        self._inputs = [index for index, _ in self._interpreter.ends(False)]
        self._outputs = [index for index, _ in self._interpreter.ends(True)]
        self._allocated = False
        self._static = False
        self._views = {}  # Memory by tensor, of inputs and, in static models, of what was read.
        self._runners = {}

    # -- delegates

    def get_delegate_details(self):
        """Who computes what, after allocate_tensors(): a dict per delegate in order of preference, then the CPU's."""
        keys = ("name", "nodes", "total_nodes", "mac_share", "partitions", "copies", "copy_bytes", "reasons", "failures")
        details = [dict(zip(keys, values)) for values in self._interpreter.delegates()]
        for entry in details:
            entry["reasons"] = [dict(zip(("node", "op", "place", "reason"), reason)) for reason in entry["reasons"]]
        return details

    # -- running

    def allocate_tensors(self):
        """Infers shapes, picks kernels, places memory. Arrays from tensor() must be gone."""
        self._ensure_safe()
        self._views = {}
        self._interpreter.allocate()
        self._allocated = True
        self._static = self._interpreter.is_static()

    def invoke(self):
        """Computes the outputs from the inputs, without the GIL."""
        if not self._allocated:
            raise RuntimeError("Invoke called on model that is not ready.")
        if sys.getrefcount(self._interpreter) > 2:
            self._ensure_safe()
        self._interpreter.invoke()

    def reset_all_variables(self):
        """Recurrent states and other variables back to zero."""
        self._interpreter.reset_variables()

    def resize_tensor_input(self, input_index, tensor_size, strict=False):
        """A new shape for the input tensor `input_index`; takes effect with allocate_tensors()."""
        self._ensure_safe()
        if input_index not in self._inputs:
            raise RuntimeError(f"Tensor {input_index} is not an input of the model; its inputs are {self._inputs}.")
        size = [int(d) for d in np.asarray(tensor_size).reshape(-1)]
        if min(size, default=0) < 0:
            raise RuntimeError(f"Tensor {input_index} cannot have the shape {size}: dimensions are not negative.")
        tensor = _Tensor(self._interpreter, input_index)
        if strict:
            self._check_strict(input_index, tensor, size)
        if list(tensor.shape) == size and self._allocated:
            return
        self._interpreter.resize(self._inputs.index(input_index), size)
        self._allocated = False
        self._views = {}

    @staticmethod
    def _check_strict(index, tensor, size):
        if len(size) != len(tensor.shape):
            raise RuntimeError(f"Attempting to resize tensor {index} of {len(tensor.shape)} dimensions to {len(size)}.")
        for axis, (old, free, new) in enumerate(zip(tensor.shape, tensor.signature, size)):
            if free != -1 and old != new:
                raise RuntimeError(
                    f"Attempting to resize dimension {axis} of tensor {index} with value {old} to {new}. "
                    "ResizeInputTensorStrict only allows mutating unknown dimensions identified by -1.")

    # -- tensors

    def _array(self, index, owner=None):
        """The tensor's memory. Constants may lie in the file, which is mapped for reading: to write there would end the process."""
        tensor = _Tensor(self._interpreter, index)
        if not tensor.address and tensor.bytes:
            raise ValueError("Tensor data is null. Run allocate_tensors() first")
        return tensor.array(owner, read_only=self._is_constant(index))

    def _is_constant(self, index):
        return _Tensor(self._model, 0, index).address != 0  # The file has data only of constants.

    def _view(self, index):
        """The same, cached while its place and shape stay."""
        view = self._array(index)
        if view.flags.writeable and (self._static or index in self._inputs):
            self._views[index] = view
        return view

    def set_tensor(self, tensor_index, value):
        """Copies an array into an input tensor. Its shape and type must be the tensor's."""
        view = self._views.get(tensor_index)
        if view is not None and type(value) is np.ndarray and value.dtype is view.dtype and value.shape == view.shape:
            view[...] = value
            return
        self._set_checked(tensor_index, value)

    def _set_checked(self, index, value):
        if index not in self._inputs:
            view = self._view(index)
            if not view.flags.writeable:
                raise ValueError(f"Cannot set tensor: tensor {index} is a constant of the model.")
            view[...] = value
            return
        tensor = _Tensor(self._interpreter, index)
        _set(self._interpreter, tensor, index, self._inputs.index(index), np.asarray(value))
        if tensor.dtype != _STRING:
            self._view(index)  # Cached for the next call.

    def get_tensor(self, tensor_index, subgraph_index=0):
        """A copy of a tensor's value. Of other subgraphs than the first: constants, and what a signature's runner left."""
        if subgraph_index != 0:
            return self._get_tensor_of(subgraph_index, tensor_index)
        view = self._views.get(tensor_index)
        if view is not None:
            return view.copy()
        tensor = _Tensor(self._interpreter, tensor_index)
        if tensor.dtype == _STRING and tensor_index in self._outputs:
            return _get(self._interpreter, tensor, self._outputs.index(tensor_index))
        return self._view(tensor_index).copy()

    def tensor(self, tensor_index):
        """A function that returns the tensor's memory as an array. Drop the arrays before allocate_tensors() and invoke()."""
        return lambda: self._array(tensor_index, owner=self._interpreter)

    def set_input(self, i, value):
        """Sets the i-th input from real values, quantized as the model asks."""
        index = self._inputs[i]
        tensor = _Tensor(self._interpreter, index)
        value = np.asarray(value)
        if tensor.scales and np.issubdtype(value.dtype, np.floating):
            limits = np.iinfo(tensor.numpy_type)
            value = np.clip(np.round(value / tensor.scales[0]) + tensor.zero_points[0], limits.min, limits.max)
        self.set_tensor(index, value.astype(tensor.numpy_type, copy=False))

    def get_output(self, i):
        """The i-th output as real values: integers are dequantized where they have a scale."""
        index = self._outputs[i]
        tensor = _Tensor(self._interpreter, index)
        value = self.get_tensor(index)
        if not tensor.scales:
            return value
        return (value.astype(np.float32) - tensor.zero_points[0]) * np.float32(tensor.scales[0])

    # -- asking

    def get_input_details(self):
        return [self._get_tensor_details(i, 0) for i in self._inputs]

    def get_output_details(self):
        return [self._get_tensor_details(i, 0) for i in self._outputs]

    def get_tensor_details(self, subgraph_index=0):
        count = self._interpreter.num_tensors() if subgraph_index == 0 else self._count_tensors(subgraph_index)
        return [self._get_tensor_details(i, subgraph_index) for i in range(count)]

    def _get_tensor_details(self, tensor_index, subgraph_index):
        index = int(tensor_index)
        tensor = _Tensor(self._interpreter, index) if subgraph_index == 0 else self._tensor_of(subgraph_index, index)
        details = tensor.details(index)
        zero_points = details["quantization_parameters"]["zero_points"]
        if self._compress_zero_points and zero_points.size and (zero_points == zero_points[0]).all():
            details["quantization_parameters"]["zero_points"] = zero_points[:1]
        return details

    def _get_ops_details(self):
        return [self._get_op_details(i) for i in range(len(self._interpreter.nodes()))]

    def _get_op_details(self, op_index):
        op, _, inputs, outputs = self._interpreter.nodes()[op_index]

        def types(indices):
            return [_Tensor(self._interpreter, i).numpy_type for i in indices if i >= 0]

        return {
            "index": op_index,
            "op_name": op.upper(),
            "inputs": np.array(inputs, dtype=np.int32),
            "outputs": np.array(outputs, dtype=np.int32),
            "operand_types": types(inputs),
            "result_types": types(outputs),
        }

    def num_subgraphs(self):
        return self._model.num_subgraphs()

    @property
    def experimental_compress_quantization_zero_points(self):
        return self._compress_zero_points

    def _native_handle(self):
        return id(self._interpreter)

    # -- subgraphs behind the first: a signature's own, as its runner has it; others as the file has them

    def _count_tensors(self, subgraph_index):
        count = self._model.num_tensors(subgraph_index)
        if count < 0:
            raise ValueError(f"subgraph_index is out of range: {subgraph_index} for the model, which has {self.num_subgraphs()} subgraphs.")
        return count

    def _runner_of(self, subgraph_index):
        for i, key in enumerate(self._model.signatures()):
            if self._model.signature_subgraph(i) == subgraph_index and key in self._runners:
                return self._runners[key]
        return None

    def _tensor_of(self, subgraph_index, tensor_index):
        self._count_tensors(subgraph_index)
        runner = self._runner_of(subgraph_index)
        if runner is None:
            return _Tensor(self._model, subgraph_index, tensor_index)
        with runner:
            return _Tensor(self._interpreter, tensor_index)

    def _get_tensor_of(self, subgraph_index, tensor_index):
        tensor = self._tensor_of(subgraph_index, tensor_index)
        if not tensor.address and tensor.bytes:
            raise ValueError("Tensor data is null. Run allocate_tensors() first")
        return tensor.array().copy()

    # -- signatures

    def get_signature_list(self):
        """{key: {"inputs": [names], "outputs": [names]}}, names sorted."""
        return {key: {"inputs": sorted(runner.input_names), "outputs": sorted(runner.output_names)}
                for key, runner in ((key, self._runner(key)) for key in self._model.signatures())}

    def _get_full_signature_list(self):
        return {key: {"inputs": dict(self._runner(key).inputs), "outputs": dict(self._runner(key).outputs)} for key in self._model.signatures()}

    def get_signature_runner(self, signature_key=None):
        """A callable that runs one signature: runner(name=array, ...) -> {name: array}."""
        keys = self._model.signatures()
        if signature_key is None:
            if len(keys) != 1:
                raise ValueError(f"SignatureDef signature_key is None and model has {len(keys)} Signatures."
                                 " None is only allowed when the model has 1 SignatureDef")
            signature_key = keys[0]
        if signature_key not in keys:
            raise ValueError(f'Invalid signature_key provided: "{signature_key}".')
        return SignatureRunner(self, signature_key)

    def _runner(self, key):
        if key not in self._runners:
            self._runners[key] = _Signature(self._interpreter, key)
        return self._runners[key]

    # -- safety of tensor()

    def _safe_to_run(self):
        """True when no array of tensor() is alive. Each runner has a reference, too."""
        return sys.getrefcount(self._interpreter) == 2 + len(self._runners)

    def _ensure_safe(self):
        if not self._safe_to_run() and not self._interpreter.busy():  # Another thread holds a reference, too: allocate() and invoke() say so.
            raise RuntimeError(
                "There is at least 1 reference to internal data\n"
                "      in the interpreter in the form of a numpy array or slice. Be sure to\n"
                "      only hold the function returned from tensor() if you are using raw\n"
                "      data access.")


class _Signature:
    """One entry point of an interpreter; variables and weights are shared with the others."""

    def __init__(self, native, key):
        self.native = native
        self.key = key
        with self:
            self.inputs = [(name, index) for index, name in native.ends(False)]
            self.outputs = [(name, index) for index, name in native.ends(True)]
        self.input_names = [name for name, _ in self.inputs]
        self.output_names = [name for name, _ in self.outputs]
        self.allocated = False

    def __enter__(self):
        self.native.select(self.key)
        return self

    def __exit__(self, *exception):
        self.native.select("")


class SignatureRunner:
    """Runs one signature: inputs by name are resized to what is given, outputs come back by name."""

    def __init__(self, interpreter=None, signature_key=None):
        if not interpreter:
            raise ValueError("None interpreter provided.")
        if not signature_key:
            raise ValueError("None signature_key provided.")
        self._signature_key = signature_key
        self._signature = interpreter._runner(signature_key)

    def __call__(self, **kwargs):
        s = self._signature
        if len(kwargs) != len(s.inputs):
            raise ValueError(f"Invalid number of inputs provided for running a SignatureDef, expected {len(s.inputs)} vs provided {len(kwargs)}")
        for name in kwargs:
            if name not in s.input_names:
                raise ValueError(f"Invalid Input name ({name}) for SignatureDef")
        with s:
            return self._run({name: np.asarray(value) for name, value in kwargs.items()})

    def _run(self, values):
        s = self._signature
        for name, value in values.items():
            position = s.input_names.index(name)
            if _Tensor(s.native, s.inputs[position][1]).shape != value.shape:
                s.native.resize(position, value.shape)
                s.allocated = False
        if not s.allocated:
            s.native.allocate()
            s.allocated = True
        for position, (name, index) in enumerate(s.inputs):
            _set(s.native, _Tensor(s.native, index), index, position, values[name])
        s.native.invoke()
        return {name: _get(s.native, _Tensor(s.native, index), position) for position, (name, index) in enumerate(s.outputs)}

    def get_input_details(self):
        with self._signature as s:
            return {name: _Tensor(s.native, index).details(index) for name, index in s.inputs}

    def get_output_details(self):
        with self._signature as s:
            return {name: _Tensor(s.native, index).details(index) for name, index in s.outputs}


class InterpreterWithCustomOps(Interpreter):
    """As Interpreter; custom operators are registered by a library (`--ops` of the command) instead."""

    def __init__(self, custom_op_registerers=None, **kwargs):
        if custom_op_registerers:
            raise ValueError("custom_op_registerers are functions of TensorFlow Lite's own library, which octet does not load")
        super().__init__(**kwargs)
