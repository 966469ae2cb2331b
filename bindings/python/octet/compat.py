# SPDX-License-Identifier: Apache-2.0
"""Makes programs written for TensorFlow Lite run on octet without a change to them.

    import octet.compat
    octet.compat.install()
    from tflite_runtime.interpreter import Interpreter   # octet's

After install(), `tflite_runtime.interpreter` and `ai_edge_litert.interpreter` are octet's modules, also
where neither is installed; `tensorflow.lite.Interpreter` and `TFLiteConverter` are octet's when TensorFlow is there or comes later.
"""
import importlib.abc
import importlib.machinery
import sys
import types

import octet
from octet import interpreter

_STANDS_FOR = ("tflite_runtime", "ai_edge_litert")


def _package(name):
    package = types.ModuleType(name, f"{name}, as octet stands in for it")
    package.__path__ = []
    package.__version__ = octet.__version__
    package.interpreter = interpreter
    return package


class _TensorFlow(importlib.abc.MetaPathFinder):
    """Replaces tf.lite's interpreter and converter once TensorFlow has been imported."""

    def find_spec(self, name, path=None, target=None):
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        if spec and spec.loader:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                _replace_in_tensorflow(module)

            spec.loader.exec_module = exec_module
        return spec


def _replace_in_tensorflow(tensorflow):
    tensorflow.lite.Interpreter = interpreter.Interpreter
    tensorflow.lite.TFLiteConverter = octet.Converter
    for name in ("Analyzer", "QuantizationDebugger", "QuantizationDebugOptions"):
        setattr(tensorflow.lite.experimental, name, getattr(octet, name))
    tensorflow.lite.experimental.OpResolverType = interpreter.OpResolverType
    tensorflow.lite.experimental.load_delegate = interpreter.load_delegate


def install():
    """Lets the names of TensorFlow Lite's interpreters resolve to octet's. May be called more than once."""
    for name in _STANDS_FOR:
        sys.modules[name] = _package(name)
        sys.modules[name + ".interpreter"] = interpreter
    if "tensorflow" in sys.modules:
        _replace_in_tensorflow(sys.modules["tensorflow"])
    elif not any(isinstance(f, _TensorFlow) for f in sys.meta_path):
        sys.meta_path.insert(0, _TensorFlow())
