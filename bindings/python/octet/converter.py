# SPDX-License-Identifier: Apache-2.0
"""Converts and quantizes trained models: the interface of `tf.lite.TFLiteConverter`, without TensorFlow.

    converter = octet.Converter.from_saved_model("exported/")     # or from_keras_file("model.keras")
    converter.optimizations = [octet.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in images)
    open("model.tflite", "wb").write(converter.convert())

As there: optimizations alone quantize weights (dynamic range); with a representative dataset everything to
int8; TFLITE_BUILTINS_INT8 in target_spec.supported_ops forbids float operators; supported_types = [float16]
stores weights as float16. What octet would do differently by default it does better: every calibration
sample is used, channels are equalised where that helps, and an error says which layer, and what to do.
"""
import enum
import os
import pathlib
import subprocess
import tempfile

import numpy as np

from octet import cli


class OpsSet(enum.Enum):
    TFLITE_BUILTINS = "TFLITE_BUILTINS"
    SELECT_TF_OPS = "SELECT_TF_OPS"
    TFLITE_BUILTINS_INT8 = "TFLITE_BUILTINS_INT8"
    EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 = "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    EXPERIMENTAL_STABLEHLO_OPS = "EXPERIMENTAL_STABLEHLO_OPS"


class Optimize(enum.Enum):
    DEFAULT = "DEFAULT"
    OPTIMIZE_FOR_SIZE = "OPTIMIZE_FOR_SIZE"
    OPTIMIZE_FOR_LATENCY = "OPTIMIZE_FOR_LATENCY"
    EXPERIMENTAL_SPARSITY = "EXPERIMENTAL_SPARSITY"


class RepresentativeDataset:
    """A callable that yields samples: lists of arrays in input order, or dictionaries by input name."""

    def __init__(self, input_gen):
        self.input_gen = input_gen

    def __call__(self):
        return self.input_gen()


class TargetSpec:
    def __init__(self, supported_ops=None, supported_types=None, experimental_select_user_tf_ops=None, experimental_supported_backends=None):
        self.supported_ops = set(supported_ops or {OpsSet.TFLITE_BUILTINS})
        self.supported_types = set(supported_types or ())
        self.experimental_select_user_tf_ops = set(experimental_select_user_tf_ops or ())
        self.experimental_supported_backends = experimental_supported_backends


class ConverterError(Exception):
    """The model cannot be converted as asked; the text names the layers and the way out."""


def _name(value):
    """The name of an enum member or type, octet's or TensorFlow's own."""
    return getattr(value, "name", None) or getattr(value, "__name__", None) or str(value)


class Converter:
    """One conversion. Set the attributes, then call convert()."""

    def __init__(self, source, signature_key=None, owned=None):
        self._source = os.fspath(source)
        self._signature_key = signature_key
        self._owned = owned  # Keeps a temporary folder alive.
        self.optimizations = set()
        self.representative_dataset = None
        self.target_spec = TargetSpec()
        self.inference_input_type = np.float32
        self.inference_output_type = np.float32
        self.allow_custom_ops = False
        self.exclude_conversion_metadata = False
        self.experimental_new_converter = True
        self.experimental_new_quantizer = True
        self.experimental_enable_resource_variables = True
        self.unfold_batchmatmul = False
        self.serialize_debug_metadata = False
        self._keep_float = []  # Layers: QuantizationDebugger's deny-lists.

    @classmethod
    def from_saved_model(cls, saved_model_dir, signature_keys=None, tags=None):
        """A SavedModel's folder; `signature_keys` names the one to convert."""
        if tags not in (None, ["serve"], {"serve"}, ("serve",)):
            raise ValueError(f"octet reads the graph tagged 'serve'; found tags={tags!r}")
        if signature_keys and len(signature_keys) > 1:
            raise ValueError(f"octet converts one signature at a time; found {list(signature_keys)}")
        return cls(saved_model_dir, signature_keys[0] if signature_keys else None)

    @classmethod
    def from_keras_file(cls, path):
        """A .keras or .h5 file, or an .onnx or .tflite one: what the `octet` command reads."""
        return cls(path)

    @classmethod
    def from_keras_model(cls, model):
        """A Keras model in memory, of any backend; it is saved and read back."""
        folder = tempfile.TemporaryDirectory(prefix="octet-")
        path = os.path.join(folder.name, "model.keras")
        model.save(path)
        return cls(path, owned=folder)

    @classmethod
    def from_concrete_functions(cls, funcs, trackable_obj=None):
        """TensorFlow functions; they are exported as a SavedModel by the TensorFlow they come from."""
        if len(funcs) != 1:
            raise ValueError(f"octet converts one function at a time; found {len(funcs)}")
        import tensorflow as tf  # The caller has it: the function is its object.

        folder = tempfile.TemporaryDirectory(prefix="octet-")
        holder = trackable_obj if trackable_obj is not None else tf.Module()
        tf.saved_model.save(holder, folder.name, signatures={"serving_default": funcs[0]})
        return cls(folder.name, "serving_default", owned=folder)

    def convert(self):
        """The .tflite file's bytes. ConverterError says what will not convert, and why."""
        with tempfile.TemporaryDirectory(prefix="octet-") as folder:
            out = os.path.join(folder, "model.tflite")
            if self.representative_dataset is not None and self.optimizations:
                self._run(self._quantize_arguments(folder, out))
            else:
                self._run(["convert", self._source, "-o", out, "--scheme", self._scheme(), *self._signature()])
            return pathlib.Path(out).read_bytes()

    def _signature(self):
        return ["--signature", self._signature_key] if self._signature_key else []

    def _scheme(self):
        if not self.optimizations:
            return "float32"
        return "float16" if any(_name(t) == "float16" for t in self.target_spec.supported_types) else "dynamic"

    def _quantize_arguments(self, folder, out):
        data = os.path.join(folder, "calibration.npz")
        self._write_samples(data)
        ops = {_name(o) for o in self.target_spec.supported_ops}
        arguments = ["quantize", self._source, "--data", data, "-o", out]
        io = _name(self.inference_input_type)
        if io != _name(self.inference_output_type):
            raise ValueError(f"octet gives inputs and outputs one type; found {io} and {_name(self.inference_output_type)}")
        arguments += ["--io", io]
        if OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8.name in ops:
            arguments += ["--scheme", "int16x8"]
        if OpsSet.TFLITE_BUILTINS_INT8.name in ops and len(ops) == 1:
            arguments += ["--int8-only"]
        for layer in self._keep_float:
            arguments += ["--keep-float", layer]
        return arguments

    def _write_samples(self, path):
        """All samples, batches joined: one array per input, by name or position."""
        columns = {}
        for sample in self.representative_dataset():
            if isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[0], str):
                sample = sample[1]  # (signature key, inputs)
            items = sample.items() if isinstance(sample, dict) else enumerate(sample)
            for key, value in items:
                columns.setdefault(str(key), []).append(np.asarray(value))
        if not columns:
            raise ValueError("representative_dataset yields no samples")
        arrays = {key: np.concatenate(values) for key, values in columns.items()}
        if len(arrays) == 1:
            arrays = {"x": next(iter(arrays.values()))}
        np.savez(path, **arrays)

    @staticmethod
    def _run(arguments):
        done = subprocess.run([cli.command(), *arguments], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ConverterError(done.stderr.strip() or f"octet {arguments[0]} failed with exit code {done.returncode}")
