# SPDX-License-Identifier: Apache-2.0
import os
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, TextIO, Union

from octet.converter import Converter

class QuantizationDebugOptions:
    layer_debug_metrics: Mapping[str, Callable[..., float]]
    model_debug_metrics: Mapping[str, Callable[..., float]]
    layer_direct_compare_metrics: Mapping[str, Callable[..., float]]
    denylisted_ops: list[str]
    denylisted_nodes: list[str]
    fully_quantize: bool
    def __init__(
        self,
        layer_debug_metrics: Optional[Mapping[str, Callable[..., float]]] = None,
        model_debug_metrics: Optional[Mapping[str, Callable[..., float]]] = None,
        layer_direct_compare_metrics: Optional[Mapping[str, Callable[..., float]]] = None,
        denylisted_ops: Optional[Sequence[str]] = None,
        denylisted_nodes: Optional[Sequence[str]] = None,
        fully_quantize: bool = False,
    ) -> None: ...

class QuantizationDebugger:
    layer_statistics: Optional[dict[str, dict[str, float]]]
    model_statistics: Optional[dict[str, float]]
    def __init__(
        self,
        quant_debug_model_path: Optional[Union[str, os.PathLike[str]]] = None,
        quant_debug_model_content: Optional[bytes] = None,
        float_model_path: Optional[Union[str, os.PathLike[str]]] = None,
        float_model_content: Optional[bytes] = None,
        debug_dataset: Optional[Callable[[], Iterable[Any]]] = None,
        debug_options: Optional[QuantizationDebugOptions] = None,
        converter: Optional[Converter] = None,
    ) -> None: ...
    @property
    def options(self) -> QuantizationDebugOptions: ...
    @options.setter
    def options(self, options: QuantizationDebugOptions) -> None: ...
    def get_nondebug_quantized_model(self) -> bytes: ...
    def get_debug_quantized_model(self) -> bytes: ...
    def run(self) -> None: ...
    def layer_statistics_dump(self, file: TextIO) -> None: ...
