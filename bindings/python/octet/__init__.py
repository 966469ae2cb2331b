# SPDX-License-Identifier: Apache-2.0
"""octet: edge inference that people can trust.

`octet.Interpreter` runs .tflite models with the interface of LiteRT's; `octet.compat.install()` makes
programs that cannot be changed use it.
"""
from octet import _native
from octet.interpreter import Interpreter, InterpreterWithCustomOps, OpResolverType, SignatureRunner

__version__ = _native.version()
__all__ = ["Interpreter", "InterpreterWithCustomOps", "OpResolverType", "SignatureRunner"]
