# SPDX-License-Identifier: Apache-2.0
"""Which layers of a quantized model are wrong, and by how much: the view of `tf.lite.experimental.QuantizationDebugger`.

    debugger = octet.QuantizationDebugger(converter=converter, debug_dataset=lambda: ([x] for x in images))
    debugger.run()
    debugger.layer_statistics_dump(open("layers.csv", "w"))

octet needs no model in debug mode: it runs the float and the quantized model side by side and compares their tensors by name. A
layer's error is what has come together up to it, where the original shows what the layer adds; `octet diagnose` shows both, and why.
"""
import csv

import numpy as np

from octet.converter import Converter
from octet.interpreter import Interpreter

_METRICS = {
    "num_elements": lambda diff: diff.size,
    "stddev": np.std,
    "mean_error": np.average,
    "max_abs_error": lambda diff: np.max(np.abs(diff)),
    "mean_squared_error": lambda diff: np.average(diff ** 2),
}
_COLUMNS = ["op_name", "tensor_idx", *_METRICS, "scale", "zero_point", "tensor_name"]


class QuantizationDebugOptions:
    """Metrics of the caller's own, and what stays in float when the model is quantized again.

    layer_debug_metrics: {name: f(errors)}; layer_direct_compare_metrics: {name: f(float values, integers, scale, zero point)};
    model_debug_metrics: {name: f(float outputs, quantized outputs)}; denylisted_ops: operators ("CONV_2D"); denylisted_nodes: tensors.
    """

    def __init__(self, layer_debug_metrics=None, model_debug_metrics=None, layer_direct_compare_metrics=None, denylisted_ops=None, denylisted_nodes=None,
                 fully_quantize=False):
        self.layer_debug_metrics = layer_debug_metrics or {}
        self.model_debug_metrics = model_debug_metrics or {}
        self.layer_direct_compare_metrics = layer_direct_compare_metrics or {}
        self.denylisted_ops = list(denylisted_ops or [])
        self.denylisted_nodes = list(denylisted_nodes or [])
        self.fully_quantize = fully_quantize
        keys = [*self.layer_debug_metrics, *self.layer_direct_compare_metrics]
        taken = sorted({k for k in keys if k in _COLUMNS or keys.count(k) > 1})
        if taken:
            raise ValueError(f"names of metrics that are taken: {taken}")


def _content(path, content):
    if content is not None:
        return bytes(content)
    if path is None:
        return None
    with open(path, "rb") as file:
        return file.read()


class QuantizationDebugger:
    """Runs a debug data set through a float model and its quantized form. Arguments as the original's."""

    def __init__(self, quant_debug_model_path=None, quant_debug_model_content=None, float_model_path=None, float_model_content=None,
                 debug_dataset=None, debug_options=None, converter=None):
        self._dataset = debug_dataset
        self._options = debug_options or QuantizationDebugOptions()
        self._converter = converter
        self.layer_statistics = None
        self.model_statistics = None
        self._float = _content(float_model_path, float_model_content)
        self._quantized = _content(quant_debug_model_path, quant_debug_model_content)
        if converter is not None:
            self._convert()
        if self._quantized is None:
            raise ValueError("a converter, or the quantized model (quant_debug_model_path or quant_debug_model_content), must be given")
        if self._float is None:
            raise ValueError("octet compares with the float model: give float_model_path, float_model_content or a converter")

    @property
    def options(self):
        return self._options

    @options.setter
    def options(self, options):
        """With a converter, the model is quantized again."""
        self._options = options
        if self._converter is not None:
            self._convert()

    def _convert(self):
        given = self._converter
        plain = Converter(given._source, given._signature_key, exported=given._exported)
        plain.target_spec.supported_ops |= {o for o in given.target_spec.supported_ops if getattr(o, "name", o) == "SELECT_TF_OPS"}
        self._float = plain.convert()
        self._converter._keep_float = [*self._options.denylisted_nodes, *self._layers_of(self._options.denylisted_ops)]
        self._quantized = self._converter.convert()

    def _layers_of(self, ops):
        if not ops:
            return []
        it = Interpreter(model_content=self._float)
        names = {d["index"]: d["name"] for d in it.get_tensor_details()}
        return [names[op["outputs"][0]] for op in it._get_ops_details() if op["op_name"] in ops]

    def get_nondebug_quantized_model(self):
        return self._quantized

    def get_debug_quantized_model(self):
        """The same: octet's models need no debug mode."""
        return self._quantized

    def run(self):
        """Fills layer_statistics ({tensor: {metric: mean over samples}}) and model_statistics."""
        if self._dataset is None:
            raise ValueError("debug_dataset is not given")
        pair = _Pair(self._float, self._quantized)
        layers = {}
        models = {}
        for sample in self._dataset():
            pair.feed(sample)
            for layer in pair.layers:
                real, integers = pair.values(layer)
                diff = (integers.astype(np.float32) - layer.zero_point) * np.float32(layer.scale) - real
                found = layers.setdefault(layer.name, {})
                for name, metric in {**_METRICS, **self._options.layer_debug_metrics}.items():
                    found.setdefault(name, []).append(metric(diff))
                for name, metric in self._options.layer_direct_compare_metrics.items():
                    found.setdefault(name, []).append(metric(real, integers, layer.scale, layer.zero_point))
            for name, metric in self._options.model_debug_metrics.items():
                models.setdefault(name, []).append(metric(*pair.outputs()))
        self._layers = pair.layers
        self.layer_statistics = {layer: {k: float(np.mean(v)) for k, v in found.items()} for layer, found in layers.items()}
        self.model_statistics = {k: float(np.mean(v)) for k, v in models.items()}

    def layer_statistics_dump(self, file):
        """A CSV table, a line per layer."""
        if self.layer_statistics is None:
            raise ValueError("call run() first")
        own = [*self._options.layer_debug_metrics, *self._options.layer_direct_compare_metrics]
        writer = csv.DictWriter(file, [*_COLUMNS[:7], *own, *_COLUMNS[7:]])
        writer.writeheader()
        for layer in self._layers:
            if layer.name in self.layer_statistics:
                writer.writerow({"op_name": layer.op, "tensor_idx": layer.index, "scale": layer.scale, "zero_point": layer.zero_point,
                                 "tensor_name": layer.name, **self.layer_statistics[layer.name]})


class _Layer:
    """A quantized tensor that an operator writes, and its float twin."""

    def __init__(self, op, index, name, twin, quantization):
        self.op, self.index, self.name, self.twin = op, index, name, twin
        self.scale, self.zero_point = quantization


class _Pair:
    """Both models, fed alike, with all their tensors kept."""

    def __init__(self, float_model, quantized_model):
        self.float = Interpreter(model_content=float_model, experimental_preserve_all_tensors=True)
        self.quantized = Interpreter(model_content=quantized_model, experimental_preserve_all_tensors=True)
        twins = {d["name"]: d["index"] for d in self.float.get_tensor_details()}
        details = self.quantized.get_tensor_details()
        self.layers = []
        for op in self.quantized._get_ops_details():
            for index in op["outputs"]:
                detail = details[index]
                twin = twins.get(detail["name"], twins.get(detail["name"].rsplit("/int", 1)[0]))
                if op["op_name"] != "QUANTIZE" and len(detail["quantization_parameters"]["scales"]) == 1 and twin is not None:
                    self.layers.append(_Layer(op["op_name"], int(index), detail["name"], twin, detail["quantization"]))
        if not self.layers:
            raise ValueError("the two models share no names of tensors: is one made from the other?")

    def feed(self, sample):
        if isinstance(sample, tuple) and len(sample) == 2 and isinstance(sample[0], str):
            sample = sample[1]  # (signature key, inputs)
        for it in (self.float, self.quantized):
            details = it.get_input_details()
            values = [sample[d["name"]] for d in details] if isinstance(sample, dict) else sample
            for detail, value in zip(details, values):
                if list(np.shape(value)) != list(detail["shape"]):
                    it.resize_tensor_input(detail["index"], np.shape(value))
            it.allocate_tensors()
            for i, value in enumerate(values):
                it.set_input(i, np.asarray(value))
            it.invoke()

    def values(self, layer):
        return self.float.get_tensor(layer.twin), self.quantized.get_tensor(layer.index)

    def outputs(self):
        return tuple([it.get_output(i) for i in range(len(it.get_output_details()))] for it in (self.float, self.quantized))
