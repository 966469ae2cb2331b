# SPDX-License-Identifier: Apache-2.0
"""octet: edge inference that people can trust.

`octet.Interpreter` runs .tflite models with the interface of LiteRT's; `octet.Converter` makes them with the
interface of tf.lite.TFLiteConverter; `octet.compat.install()` makes programs that cannot be changed use both.
"""
from octet import _native
from octet.analyzer import Analyzer
from octet.converter import Converter, ConverterError, OpsSet, Optimize, RepresentativeDataset, TargetSpec
from octet.debugger import QuantizationDebugger, QuantizationDebugOptions
from octet.interpreter import Delegate, Interpreter, InterpreterWithCustomOps, OpResolverType, SignatureRunner, load_delegate

__version__ = _native.version()
__all__ = [
    "Analyzer", "Converter", "ConverterError", "Delegate", "Interpreter", "InterpreterWithCustomOps", "OpResolverType", "OpsSet", "Optimize",
    "QuantizationDebugOptions", "QuantizationDebugger", "RepresentativeDataset", "SignatureRunner", "TargetSpec", "load_delegate",
]
