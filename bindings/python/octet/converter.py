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
import warnings
import weakref
import zipfile

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


# Attributes of the original that are about its own way of working: octet takes any value, and the model is as good with each.
_OF_THE_ORIGINAL = {
    "canonicalizing_inf_as_min_max_float": True,
    "elide_elementsattrs_if_larger": None,
    "enable_timing": None,
    "exclude_conversion_metadata": False,
    "experimental_enable_resource_variables": True,
    "experimental_lower_to_saved_model": True,
    "experimental_new_converter": True,
    "experimental_new_dynamic_range_quantizer": True,
    "experimental_new_quantizer": True,
    "ir_dump_dir": None,
    "ir_dump_func_regex": None,
    "ir_dump_pass_regex": None,
    "legalize_custom_tensor_list_ops": False,
    "model_origin_framework": "UNSET",
    "print_ir_after": None,
    "print_ir_before": None,
    "print_ir_module_scope": None,
    "saved_model_dir": None,
    "serialize_debug_metadata": False,
    "unfold_batchmatmul": False,
    "_experimental_allow_all_select_tf_ops": False,
    "_experimental_default_to_single_batch_in_tensor_list_ops": False,
    "_experimental_disable_fuse_mul_and_fc": False,
    "_experimental_enable_composite_direct_lowering": True,
    "_experimental_enable_dynamic_update_slice": False,
    "_experimental_guarantee_all_funcs_one_use": False,
    "_experimental_lower_tensor_list_ops": True,
    "_experimental_preserve_assert_op": False,
    "_experimental_unfold_large_splat_constant": False,
    "_experimental_unsafe_fuse_dynamic_shaped_broadcast": False,
    "_experimental_use_buffer_offset": False,
}
# Attributes that ask for another model than octet makes: the value without a wish, and what to do instead.
_NOT_IN_OCTET = {
    "experimental_stablehlo_quantizer_config": (None, "set representative_dataset and target_spec"),
    "experimental_use_stablehlo_quantizer": (False, "set representative_dataset and target_spec"),
    "_experimental_calibrate_only": (False, "octet calibrates and quantizes in one step: convert() gives the quantized model"),
    "_experimental_full_integer_quantization_bias_type": (None, "biases are int32 beside int8 activations and int64 beside int16 ones"),
    "_experimental_low_bit_qat": (False, "octet quantize --scheme int4 has weights of 4 bits"),
    "_experimental_qdq_conversion_mode": (None, "convert a model without QUANTIZE and DEQUANTIZE pairs, with a representative_dataset"),
    "_experimental_quantization_options": (None, "set representative_dataset and target_spec"),
    "_experimental_reduce_type_precision": (False, "octet quantize --scheme int4 has weights of 4 bits"),
    "_experimental_sparsify_model": (False, "weights are stored densely"),
    "_experimental_strict_qdq": (False, "convert a model without QUANTIZE and DEQUANTIZE pairs, with a representative_dataset"),
    "_experimental_tf_quantization_mode": (None, "set representative_dataset and target_spec"),
    "_experimental_variable_quantization": (False, "variables stay in float"),
}


class Converter:
    """One conversion. Set the attributes, then call convert().

    Every public attribute of the original is there. What is only about the original's inside takes any value; what asks for
    a model that octet does not make is a ConverterError with the way out.
    """

    def __init__(self, source, signature_key=None, owned=None, exported=None):
        self._source = os.fspath(source)
        self._signature_key = signature_key
        if owned is not None:
            weakref.finalize(self, owned.cleanup)  # A temporary folder.
        self._exported = exported  # Writes the same model as a SavedModel, and says where, for when the source has parts that are code.
        self.optimizations = set()
        self.representative_dataset = None
        self.target_spec = TargetSpec()
        self.inference_input_type = np.float32
        self.inference_output_type = np.float32
        self.allow_custom_ops = False
        self._experimental_disable_per_channel = False
        self._experimental_disable_per_channel_quantization_for_dense_layers = False
        for name, value in _OF_THE_ORIGINAL.items():
            setattr(self, name, value)
        for name, (value, _) in _NOT_IN_OCTET.items():
            setattr(self, name, value)
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
        """A Keras model in memory, of any backend; it is saved and read back. A model with code of its own (custom layers, a subclass of
        Model) is exported as a SavedModel where its backend is TensorFlow."""
        folder = tempfile.TemporaryDirectory(prefix="octet-")
        path = os.path.join(folder.name, "model.keras")

        def exported():
            out = os.path.join(folder.name, "exported")
            model.export(out, verbose=False)
            return out

        try:
            model.save(path)
        except (NotImplementedError, TypeError, ValueError):  # What Keras raises of models that it cannot describe.
            return cls(exported(), owned=folder)
        return cls(path, owned=folder, exported=exported if hasattr(model, "export") else None)

    @classmethod
    def from_concrete_functions(cls, funcs, trackable_obj=None):
        """TensorFlow functions; they are exported as a SavedModel by the TensorFlow they come from."""
        if len(funcs) != 1:
            raise ValueError(f"octet converts one function at a time; found {len(funcs)}")
        import tensorflow as tf  # The caller has it: the function is its object.

        folder = tempfile.TemporaryDirectory(prefix="octet-")
        holder = trackable_obj
        if holder is None:
            holder = tf.Module()
            holder.captured = list(funcs[0].variables)  # Only what is tracked can be saved.
        tf.saved_model.save(holder, folder.name, signatures={"serving_default": funcs[0]})
        return cls(folder.name, "serving_default", owned=folder)

    @classmethod
    def experimental_from_jax(cls, serving_funcs, inputs):
        """The original's, deprecated there."""
        raise ConverterError("octet reads no JAX functions: export them by jax2tf as a SavedModel, then Converter.from_saved_model")

    def convert(self):
        """The .tflite file's bytes. ConverterError says what will not convert, and why."""
        self._check_wishes()
        with tempfile.TemporaryDirectory(prefix="octet-") as folder:
            out = os.path.join(folder, "model.tflite")
            try:
                self._make(folder, out)
            except ConverterError as error:
                if self._exported is None:
                    raise
                try:
                    self._source, self._exported = self._exported(), None
                except Exception:  # Other backends, and models that were never built, have no SavedModel: the first reason counts.
                    raise error from None
                self._make(folder, out)
            if "GPU" in (self.target_spec.experimental_supported_backends or ()):
                self._run(["check", out, "--target", "gpu"])
            return pathlib.Path(out).read_bytes()

    def _make(self, folder, out):
        """Leaves the model at `out`."""
        if self.representative_dataset is None or not self.optimizations or self._weights_as_float16():
            self._run(["convert", self._source, "-o", out, "--scheme", self._scheme(), *self._graph_arguments()])
            return
        source = self._source
        if not source.endswith((".keras", ".h5", ".hdf5", ".tflite")):  # What `octet quantize` reads.
            source = os.path.join(folder, "float.tflite")
            self._run(["convert", self._source, "-o", source, *self._graph_arguments()])
        self._run(["quantize", source, "-o", out, *self._quantize_arguments(folder)])

    def _ops(self):
        return {_name(o) for o in self.target_spec.supported_ops}

    def _types(self):
        return {_name(t) for t in self.target_spec.supported_types}

    def _weights_as_float16(self):
        return bool(self.optimizations) and "float16" in self._types()

    def _int8_only(self):
        return self._ops() == {OpsSet.TFLITE_BUILTINS_INT8.name} or self._types() == {"int8"}

    def _int16(self):
        return OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8.name in self._ops()

    def _aware(self):
        """Whether the source was trained with quantization in it: its ranges are its own (octet.qat)."""
        if not (self._source.endswith(".keras") and zipfile.is_zipfile(self._source)):
            return False
        with zipfile.ZipFile(self._source) as archive:
            return "config.json" in archive.namelist() and b"octet>FakeQuantize" in archive.read("config.json")

    def _check_wishes(self):
        """What was asked for is what octet makes, and the wishes fit together."""
        refused = [f"{name}: {advice}" for name, (value, advice) in _NOT_IN_OCTET.items() if getattr(self, name) != value]
        if OpsSet.EXPERIMENTAL_STABLEHLO_OPS.name in self._ops():
            refused.append("target_spec.supported_ops: octet writes TensorFlow Lite's operators, no StableHLO; take TFLITE_BUILTINS")
        refused += [f"target_spec.supported_types: float32, float16 or int8; found {t}" for t in sorted(self._types() - {"float32", "float16", "int8"})]
        if refused:
            raise ConverterError("octet does not do what is asked for:\n  " + "\n  ".join(refused))
        if any(_name(o) == "EXPERIMENTAL_SPARSITY" for o in self.optimizations):
            warnings.warn("Optimize.EXPERIMENTAL_SPARSITY: octet stores weights densely; the model computes the same", stacklevel=3)
        needs_samples = self.optimizations and self.representative_dataset is None and not self._aware()
        if needs_samples and (self._int8_only() or self._int16()):
            raise ValueError("integer activations need samples to find their ranges: set representative_dataset, which is None")
        io = {_name(self.inference_input_type), _name(self.inference_output_type)}
        if io != {"float32"} and not self._aware() and (not self.optimizations or self.representative_dataset is None or self._weights_as_float16()):
            raise ValueError("inference_input_type and inference_output_type other than float32 need a model with integer activations: "
                             f"set optimizations = [Optimize.DEFAULT] and a representative_dataset; found {' and '.join(sorted(io))}")
        allowed = {"float32", "int16"} if self._int16() else {"float32", "int8", "uint8"}
        if not io <= allowed:
            raise ValueError(f"inference_input_type and inference_output_type are one of {sorted(allowed)} here; found {sorted(io - allowed)}")

    def _graph_arguments(self):
        arguments = ["--signature", self._signature_key] if self._signature_key and os.path.isdir(self._source) else []
        return arguments + (["--allow-flex"] if OpsSet.SELECT_TF_OPS.name in self._ops() else [])

    def _scheme(self):
        if not self.optimizations or self._aware():
            return "float32"
        return "float16" if self._weights_as_float16() else "dynamic"

    def _quantize_arguments(self, folder):
        data = os.path.join(folder, "calibration.npz")
        self._write_samples(data)
        ends = [_name(t).replace("int16", "int8") for t in (self.inference_input_type, self.inference_output_type)]  # int16x8's integers are int16.
        arguments = ["--data", data, "--io", ends[0], "--output-type", ends[1]]
        if self._int16():
            arguments += ["--scheme", "int16x8"]
        if self._int8_only():
            arguments += ["--int8-only"]
        if self._experimental_disable_per_channel:
            arguments += ["--per-tensor"]
        if self._experimental_disable_per_channel_quantization_for_dense_layers:
            arguments += ["--per-tensor-dense"]
        for layer in self._keep_float:
            arguments += ["--keep-float", layer]
        return arguments

    def _write_samples(self, path):
        """All samples, batches joined: one array per input, by name or position."""
        columns = {}
        dataset = getattr(self.representative_dataset, "input_gen", self.representative_dataset)  # RepresentativeDataset, octet's or TensorFlow's own.
        for sample in dataset():
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
