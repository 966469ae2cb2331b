# SPDX-License-Identifier: Apache-2.0
from octet.analyzer import Analyzer as Analyzer
from octet.converter import Converter as Converter
from octet.converter import ConverterError as ConverterError
from octet.converter import OpsSet as OpsSet
from octet.converter import Optimize as Optimize
from octet.converter import RepresentativeDataset as RepresentativeDataset
from octet.converter import TargetSpec as TargetSpec
from octet.debugger import QuantizationDebugger as QuantizationDebugger
from octet.debugger import QuantizationDebugOptions as QuantizationDebugOptions
from octet.interpreter import Delegate as Delegate
from octet.interpreter import Interpreter as Interpreter
from octet.interpreter import InterpreterWithCustomOps as InterpreterWithCustomOps
from octet.interpreter import OpResolverType as OpResolverType
from octet.interpreter import SignatureRunner as SignatureRunner
from octet.interpreter import load_delegate as load_delegate

__version__: str
__all__ = [
    "Analyzer", "Converter", "ConverterError", "Delegate", "Interpreter", "InterpreterWithCustomOps", "OpResolverType", "OpsSet", "Optimize",
    "QuantizationDebugOptions", "QuantizationDebugger", "RepresentativeDataset", "SignatureRunner", "TargetSpec", "load_delegate",
]
