# SPDX-License-Identifier: Apache-2.0
import enum
import os
from typing import Any, Callable, Iterable, Optional, Sequence, Union


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

_Samples = Callable[[], Iterable[Any]]

class RepresentativeDataset:
    input_gen: _Samples
    def __init__(self, input_gen: _Samples) -> None: ...
    def __call__(self) -> Iterable[Any]: ...

class TargetSpec:
    supported_ops: set[Any]
    supported_types: set[Any]
    experimental_select_user_tf_ops: set[str]
    experimental_supported_backends: Any
    def __init__(
        self,
        supported_ops: Optional[Iterable[Any]] = None,
        supported_types: Optional[Iterable[Any]] = None,
        experimental_select_user_tf_ops: Optional[Iterable[str]] = None,
        experimental_supported_backends: Any = None,
    ) -> None: ...

class ConverterError(Exception): ...

class Converter:
    optimizations: Union[set[Any], list[Any]]
    representative_dataset: Optional[Union[_Samples, RepresentativeDataset]]
    target_spec: TargetSpec
    inference_input_type: type
    inference_output_type: type
    allow_custom_ops: bool
    canonicalizing_inf_as_min_max_float: bool
    elide_elementsattrs_if_larger: Any
    enable_timing: Any
    exclude_conversion_metadata: bool
    experimental_enable_resource_variables: bool
    experimental_lower_to_saved_model: bool
    experimental_new_converter: bool
    experimental_new_dynamic_range_quantizer: bool
    experimental_new_quantizer: bool
    experimental_stablehlo_quantizer_config: Any
    experimental_use_stablehlo_quantizer: bool
    ir_dump_dir: Any
    ir_dump_func_regex: Any
    ir_dump_pass_regex: Any
    legalize_custom_tensor_list_ops: bool
    model_origin_framework: str
    print_ir_after: Any
    print_ir_before: Any
    print_ir_module_scope: Any
    saved_model_dir: Any
    serialize_debug_metadata: bool
    unfold_batchmatmul: bool
    def __init__(self, source: Union[str, os.PathLike[str]], signature_key: Optional[str] = None, owned: Any = None, exported: Any = None) -> None: ...
    @classmethod
    def from_saved_model(cls, saved_model_dir: Union[str, os.PathLike[str]], signature_keys: Optional[Sequence[str]] = None, tags: Any = None) -> Converter: ...
    @classmethod
    def from_keras_file(cls, path: Union[str, os.PathLike[str]]) -> Converter: ...
    @classmethod
    def from_keras_model(cls, model: Any) -> Converter: ...
    @classmethod
    def from_concrete_functions(cls, funcs: Sequence[Any], trackable_obj: Any = None) -> Converter: ...
    @classmethod
    def experimental_from_jax(cls, serving_funcs: Any, inputs: Any) -> Converter: ...
    def convert(self) -> bytes: ...
