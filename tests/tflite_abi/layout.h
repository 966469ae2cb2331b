/* SPDX-License-Identifier: Apache-2.0
 * Sizes and offsets of TensorFlow Lite's structures as its own headers give them on LP64 (x86-64, AArch64) and ILP32 (32-bit Arm; i386
 * where it differs, because 64-bit numbers lie at multiples of 4 there): what a program or delegate compiled against the original sees.
 * C11 and C++; layout_ilp32.sh compiles it for 32 bits. */
#include <stddef.h>

#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/delegates/external/external_delegate.h"
#include "tensorflow/lite/delegates/nnapi/nnapi_delegate_c_api.h"
#include "tensorflow/lite/delegates/xnnpack/xnnpack_delegate.h"
#include "tensorflow/lite/profiling/telemetry/c/profiler.h"

#ifdef __cplusplus
#define HOLDS(what) static_assert(what)
#else
#define HOLDS(what) _Static_assert(what, #what)
#endif
#ifdef __i386__
#define I386(here, else_where) here
#else
#define I386(here, else_where) else_where
#endif
#define PICK(lp64, ilp32) (sizeof(void*) == 8 ? (lp64) : (ilp32))
#define SIZE(type, lp64, ilp32) HOLDS(sizeof(type) == PICK(lp64, ilp32));
#define AT(type, field, lp64, ilp32) HOLDS(offsetof(type, field) == PICK(lp64, ilp32));

SIZE(TfLiteTensor, 112, 64) AT(TfLiteTensor, type, 0, 0) AT(TfLiteTensor, data, 8, 4) AT(TfLiteTensor, dims, 16, 8) AT(TfLiteTensor, params, 24, 12)
AT(TfLiteTensor, allocation_type, 32, 20) AT(TfLiteTensor, bytes, 40, 24) AT(TfLiteTensor, allocation, 48, 28) AT(TfLiteTensor, name, 56, 32)
AT(TfLiteTensor, delegate, 64, 36) AT(TfLiteTensor, buffer_handle, 72, 40) AT(TfLiteTensor, data_is_stale, 76, 44)
AT(TfLiteTensor, is_variable, 77, 45) AT(TfLiteTensor, quantization, 80, 48) AT(TfLiteTensor, sparsity, 96, 56)
AT(TfLiteTensor, dims_signature, 104, 60)
SIZE(TfLiteNode, 80, 40) AT(TfLiteNode, inputs, 0, 0) AT(TfLiteNode, outputs, 8, 4) AT(TfLiteNode, intermediates, 16, 8)
AT(TfLiteNode, temporaries, 24, 12) AT(TfLiteNode, user_data, 32, 16) AT(TfLiteNode, builtin_data, 40, 20) AT(TfLiteNode, custom_initial_data, 48, 24)
AT(TfLiteNode, custom_initial_data_size, 56, 28) AT(TfLiteNode, delegate, 64, 32) AT(TfLiteNode, might_have_side_effect, 72, 36)
SIZE(TfLiteContext, 200, 100) AT(TfLiteContext, tensors_size, 0, 0) AT(TfLiteContext, GetExecutionPlan, 8, 4) AT(TfLiteContext, tensors, 16, 8)
AT(TfLiteContext, impl_, 24, 12) AT(TfLiteContext, ResizeTensor, 32, 16) AT(TfLiteContext, ReportError, 40, 20) AT(TfLiteContext, AddTensors, 48, 24)
AT(TfLiteContext, GetNodeAndRegistration, 56, 28) AT(TfLiteContext, ReplaceNodeSubsetsWithDelegateKernels, 64, 32)
AT(TfLiteContext, recommended_num_threads, 72, 36) AT(TfLiteContext, GetExternalContext, 80, 40) AT(TfLiteContext, SetExternalContext, 88, 44)
AT(TfLiteContext, allow_fp32_relax_to_fp16, 96, 48) AT(TfLiteContext, profiler, 104, 52) AT(TfLiteContext, AllocatePersistentBuffer, 112, 56)
AT(TfLiteContext, AllocateBufferForEval, 120, 60) AT(TfLiteContext, RequestScratchBufferInArena, 128, 64) AT(TfLiteContext, GetScratchBuffer, 136, 68)
AT(TfLiteContext, ResizeTensorExplicit, 144, 72) AT(TfLiteContext, PreviewDelegatePartitioning, 152, 76) AT(TfLiteContext, GetTensor, 160, 80)
AT(TfLiteContext, GetEvalTensor, 168, 84) AT(TfLiteContext, GetModelMetadata, 176, 88) AT(TfLiteContext, AcquireSubgraphContext, 184, 92)
AT(TfLiteContext, ReleaseSubgraphContext, 192, 96)
SIZE(TfLiteRegistration, 88, 48) AT(TfLiteRegistration, init, 0, 0) AT(TfLiteRegistration, free, 8, 4) AT(TfLiteRegistration, prepare, 16, 8)
AT(TfLiteRegistration, invoke, 24, 12) AT(TfLiteRegistration, profiling_string, 32, 16) AT(TfLiteRegistration, builtin_code, 40, 20)
AT(TfLiteRegistration, custom_name, 48, 24) AT(TfLiteRegistration, version, 56, 28) AT(TfLiteRegistration, registration_external, 64, 32)
AT(TfLiteRegistration, async_kernel, 72, 36) AT(TfLiteRegistration, inplace_operator, 80, 40)
SIZE(TfLiteRegistration_V1, 64, 32) AT(TfLiteRegistration_V1, version, 56, 28)
SIZE(TfLiteRegistration_V2, 72, 36) AT(TfLiteRegistration_V2, registration_external, 64, 32)
SIZE(TfLiteRegistration_V3, 80, 40) AT(TfLiteRegistration_V3, async_kernel, 72, 36)
SIZE(TfLiteDelegate, 56, I386(32, 40)) AT(TfLiteDelegate, data_, 0, 0) AT(TfLiteDelegate, Prepare, 8, 4) AT(TfLiteDelegate, CopyFromBufferHandle, 16, 8)
AT(TfLiteDelegate, CopyToBufferHandle, 24, 12) AT(TfLiteDelegate, FreeBufferHandle, 32, 16) AT(TfLiteDelegate, flags, 40, I386(20, 24))
AT(TfLiteDelegate, opaque_delegate_builder, 48, I386(28, 32))
SIZE(TfLiteOpaqueDelegateBuilder, 48, I386(28, 32)) AT(TfLiteOpaqueDelegateBuilder, data, 0, 0) AT(TfLiteOpaqueDelegateBuilder, Prepare, 8, 4)
AT(TfLiteOpaqueDelegateBuilder, CopyFromBufferHandle, 16, 8) AT(TfLiteOpaqueDelegateBuilder, CopyToBufferHandle, 24, 12)
AT(TfLiteOpaqueDelegateBuilder, FreeBufferHandle, 32, 16) AT(TfLiteOpaqueDelegateBuilder, flags, 40, I386(20, 24))
SIZE(TfLiteDelegateParams, 32, 16) AT(TfLiteDelegateParams, delegate, 0, 0) AT(TfLiteDelegateParams, nodes_to_replace, 8, 4)
AT(TfLiteDelegateParams, input_tensors, 16, 8) AT(TfLiteDelegateParams, output_tensors, 24, 12)
SIZE(TfLiteOpaqueDelegateParams, 40, 20) AT(TfLiteOpaqueDelegateParams, delegate, 0, 0) AT(TfLiteOpaqueDelegateParams, delegate_data, 8, 4)
AT(TfLiteOpaqueDelegateParams, nodes_to_replace, 16, 8) AT(TfLiteOpaqueDelegateParams, input_tensors, 24, 12)
AT(TfLiteOpaqueDelegateParams, output_tensors, 32, 16)
SIZE(TfLiteQuantization, 16, 8) AT(TfLiteQuantization, type, 0, 0) AT(TfLiteQuantization, params, 8, 4)
SIZE(TfLiteAffineQuantization, 24, 12) AT(TfLiteAffineQuantization, scale, 0, 0) AT(TfLiteAffineQuantization, zero_point, 8, 4)
AT(TfLiteAffineQuantization, quantized_dimension, 16, 8)
SIZE(TfLiteBlockwiseQuantization, 16, 16) AT(TfLiteBlockwiseQuantization, scale, 0, 0) AT(TfLiteBlockwiseQuantization, zero_point, 4, 4)
AT(TfLiteBlockwiseQuantization, blocksize, 8, 8) AT(TfLiteBlockwiseQuantization, quantized_dimension, 12, 12)
SIZE(TfLiteSparsity, 32, 16) AT(TfLiteSparsity, traversal_order, 0, 0) AT(TfLiteSparsity, block_map, 8, 4) AT(TfLiteSparsity, dim_metadata, 16, 8)
AT(TfLiteSparsity, dim_metadata_size, 24, 12)
SIZE(TfLiteDimensionMetadata, 24, 16) AT(TfLiteDimensionMetadata, format, 0, 0) AT(TfLiteDimensionMetadata, dense_size, 4, 4)
AT(TfLiteDimensionMetadata, array_segments, 8, 8) AT(TfLiteDimensionMetadata, array_indices, 16, 12)
SIZE(TfLiteCustomAllocation, 16, 8) AT(TfLiteCustomAllocation, data, 0, 0) AT(TfLiteCustomAllocation, bytes, 8, 4)
SIZE(TfLiteQuantizationParams, 8, 8) AT(TfLiteQuantizationParams, scale, 0, 0) AT(TfLiteQuantizationParams, zero_point, 4, 4)
SIZE(TfLiteExternalContext, 16, 8) AT(TfLiteExternalContext, type, 0, 0) AT(TfLiteExternalContext, Refresh, 8, 4)
SIZE(TfLiteEvalTensor, 24, 12) AT(TfLiteEvalTensor, data, 0, 0) AT(TfLiteEvalTensor, dims, 8, 4) AT(TfLiteEvalTensor, type, 16, 8)
SIZE(TfLiteNnapiDelegateOptions, 56, 32) AT(TfLiteNnapiDelegateOptions, execution_preference, 0, 0)
AT(TfLiteNnapiDelegateOptions, accelerator_name, 8, 4) AT(TfLiteNnapiDelegateOptions, cache_dir, 16, 8)
AT(TfLiteNnapiDelegateOptions, model_token, 24, 12) AT(TfLiteNnapiDelegateOptions, disallow_nnapi_cpu, 32, 16)
AT(TfLiteNnapiDelegateOptions, allow_fp16, 36, 20) AT(TfLiteNnapiDelegateOptions, max_number_delegated_partitions, 40, 24)
AT(TfLiteNnapiDelegateOptions, nnapi_support_library_handle, 48, 28)
SIZE(TfLiteTelemetrySettings, 16, 8) AT(TfLiteTelemetrySettings, source, 0, 0) AT(TfLiteTelemetrySettings, data, 8, 4)
SIZE(TfLiteTelemetryProfilerStruct, 56, 28) AT(TfLiteTelemetryProfilerStruct, data, 0, 0)
AT(TfLiteTelemetryProfilerStruct, ReportTelemetryEvent, 8, 4) AT(TfLiteTelemetryProfilerStruct, ReportTelemetryOpEvent, 16, 8)
AT(TfLiteTelemetryProfilerStruct, ReportSettings, 24, 12) AT(TfLiteTelemetryProfilerStruct, ReportBeginOpInvokeEvent, 32, 16)
AT(TfLiteTelemetryProfilerStruct, ReportEndOpInvokeEvent, 40, 20) AT(TfLiteTelemetryProfilerStruct, ReportOpInvokeEvent, 48, 24)
SIZE(TfLiteExternalDelegateOptions, 4120, 2060) AT(TfLiteExternalDelegateOptions, lib_path, 0, 0) AT(TfLiteExternalDelegateOptions, count, 8, 4)
AT(TfLiteExternalDelegateOptions, keys, 16, 8) AT(TfLiteExternalDelegateOptions, values, 2064, 1032)
AT(TfLiteExternalDelegateOptions, insert, 4112, 2056)

/* As libtensorflowlite_c of TensorFlow Lite 2.17 fills it. */
SIZE(TfLiteXNNPackDelegateOptions, 32, 20) AT(TfLiteXNNPackDelegateOptions, flags, 4, 4) AT(TfLiteXNNPackDelegateOptions, weights_cache, 8, 8)
AT(TfLiteXNNPackDelegateOptions, handle_variable_ops, 16, 12) AT(TfLiteXNNPackDelegateOptions, experimental_weight_cache_file_path, 24, 16)
SIZE(TfLiteIntArray, 4, 4) SIZE(TfLiteFloatArray, 4, 4)

HOLDS(kTfLiteBuiltinConv2d == 3 && kTfLiteBuiltinCustom == 32 && kTfLiteBuiltinStablehloCase == 209);
HOLDS(kTfLiteFloat16 == 10 && kTfLiteInt4 == 18 && kTfLiteFloat8E5M2 == 23 && kTfLiteUnresolvedOps == 7);

#undef AT
#undef SIZE
#undef PICK
#undef I386
#undef HOLDS
