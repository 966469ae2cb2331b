/* SPDX-License-Identifier: Apache-2.0
 * The experimental part of TensorFlow Lite's C interface, implemented by octet (src/tflite_abi). */
#ifndef TENSORFLOW_LITE_C_C_API_EXPERIMENTAL_H_
#define TENSORFLOW_LITE_C_C_API_EXPERIMENTAL_H_

#include "tensorflow/lite/builtin_ops.h"
#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/profiling/telemetry/c/profiler.h"

#ifdef __cplusplus
extern "C" {
#endif

TFL_CAPI_EXPORT TfLiteStatus TfLiteInterpreterResetVariableTensors(TfLiteInterpreter* interpreter);
TFL_CAPI_EXPORT int32_t TfLiteInterpreterGetVariableTensorCount(const TfLiteInterpreter* interpreter);
TFL_CAPI_EXPORT TfLiteTensor* TfLiteInterpreterGetVariableTensor(const TfLiteInterpreter* interpreter, int32_t variable_index);

/* octet runs its own kernels of builtin operators: registrations of those say that an operator may be used, and where the program has a
 * kernel of its own for one that the model needs, no interpreter is created and the error reporter says so. Custom operators run theirs.
 * Registrations are copied; what they point to must outlive the interpreters. */
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsAddBuiltinOp(TfLiteInterpreterOptions* options, TfLiteBuiltinOperator op,
                                                          const TfLiteRegistration* registration, int32_t min_version, int32_t max_version);
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsAddCustomOp(TfLiteInterpreterOptions* options, const char* name,
                                                         const TfLiteRegistration* registration, int32_t min_version, int32_t max_version);

/* Operators by callback, in place of those that were added. NULL for an operator that is not there. A TfLiteOperator without methods stands
 * for octet's kernel, or, WithFallback, for what the callbacks of registrations say. V1 to V3: for programs that know these structures. */
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetOpResolver(TfLiteInterpreterOptions* options,
                                                           const TfLiteRegistration* (*find_builtin_op)(void* user_data, TfLiteBuiltinOperator op, int version),
                                                           const TfLiteRegistration* (*find_custom_op)(void* user_data, const char* custom_op, int version),
                                                           void* op_resolver_user_data);
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetOpResolverExternal(TfLiteInterpreterOptions* options,
                                                                   const TfLiteOperator* (*find_builtin_op)(void* user_data, int op, int version),
                                                                   const TfLiteOperator* (*find_custom_op)(void* user_data, const char* custom_op, int version),
                                                                   void* op_resolver_user_data);
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetOpResolverExternalWithFallback(
    TfLiteInterpreterOptions* options, const TfLiteOperator* (*find_builtin_op_external)(void* user_data, int op, int version),
    const TfLiteOperator* (*find_custom_op_external)(void* user_data, const char* custom_op, int version),
    const TfLiteRegistration* (*find_builtin_op)(void* user_data, TfLiteBuiltinOperator op, int version),
    const TfLiteRegistration* (*find_custom_op)(void* user_data, const char* op, int version), void* op_resolver_user_data);
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetOpResolverV1(
    TfLiteInterpreterOptions* options, const TfLiteRegistration_V1* (*find_builtin_op_v1)(void* user_data, TfLiteBuiltinOperator op, int version),
    const TfLiteRegistration_V1* (*find_custom_op_v1)(void* user_data, const char* op, int version), void* op_resolver_user_data);
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetOpResolverV2(
    TfLiteInterpreterOptions* options, const TfLiteRegistration_V2* (*find_builtin_op_v2)(void* user_data, TfLiteBuiltinOperator op, int version),
    const TfLiteRegistration_V2* (*find_custom_op_v2)(void* user_data, const char* op, int version), void* op_resolver_user_data);
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetOpResolverV3(
    TfLiteInterpreterOptions* options, const TfLiteRegistration_V3* (*find_builtin_op_v3)(void* user_data, TfLiteBuiltinOperator op, int version),
    const TfLiteRegistration_V3* (*find_custom_op_v3)(void* user_data, const char* op, int version), void* op_resolver_user_data);
/* Only operators that the options list or find; others are an error. */
TFL_CAPI_EXPORT TfLiteInterpreter* TfLiteInterpreterCreateWithSelectedOps(const TfLiteModel* model, const TfLiteInterpreterOptions* options);

/* As a delegate from TfLiteNnapiDelegateCreate with its defaults would do. */
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetUseNNAPI(TfLiteInterpreterOptions* options, bool enable);
/* What happens is told to it. Not owned: it and its data outlive the interpreter. */
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetTelemetryProfiler(TfLiteInterpreterOptions* options, struct TfLiteTelemetryProfilerStruct* profiler);

/* The delegate must outlive the interpreter. Tensors that were allocated are allocated anew. */
TFL_CAPI_EXPORT TfLiteStatus TfLiteInterpreterModifyGraphWithDelegate(const TfLiteInterpreter* interpreter, TfLiteDelegate* delegate);
/* A delegate's part always goes back to the processor's kernels when it fails, and the error reporter says so. */
TFL_CAPI_EXPORT void TfLiteInterpreterOptionsSetEnableDelegateFallback(TfLiteInterpreterOptions* options, bool enable);

TFL_CAPI_EXPORT int32_t TfLiteInterpreterGetInputTensorIndex(const TfLiteInterpreter* interpreter, int32_t input_index);
TFL_CAPI_EXPORT int32_t TfLiteInterpreterGetOutputTensorIndex(const TfLiteInterpreter* interpreter, int32_t output_index);
/* An input, output or variable in the program's memory, which outlives the interpreter: data at a multiple of 64 (unless flags skip that
 * check; then of its element's size), bytes for the whole tensor. TfLiteInterpreterAllocateTensors comes next, and is where a size is
 * checked. An error where the tensor has no place of its own (see octet_bind_input). */
TFL_CAPI_EXPORT TfLiteStatus TfLiteInterpreterSetCustomAllocationForTensor(TfLiteInterpreter* interpreter, int tensor_index,
                                                                           const TfLiteCustomAllocation* allocation, int64_t flags);

/* Tensors are always in the processor's memory here: readable, and never handed out as handles. Set is an error that says so; Get finds
 * kTfLiteNullBufferHandle. */
TFL_CAPI_EXPORT TfLiteStatus TfLiteInterpreterSetBufferHandle(TfLiteInterpreter* interpreter, TfLiteTensor* tensor, TfLiteBufferHandle buffer_handle,
                                                              TfLiteOpaqueDelegate* delegate);
TFL_CAPI_EXPORT TfLiteStatus TfLiteInterpreterGetBufferHandle(TfLiteInterpreter* interpreter, int tensor_index, TfLiteBufferHandle* buffer_handle,
                                                              TfLiteOpaqueDelegate** delegate);
TFL_CAPI_EXPORT void TfLiteSetAllowBufferHandleOutput(const TfLiteInterpreter* interpreter, bool allow_buffer_handle_output);
TFL_CAPI_EXPORT TfLiteStatus TfLiteSignatureRunnerCancel(TfLiteSignatureRunner* runner);
TFL_CAPI_EXPORT TfLiteStatus TfLiteInterpreterEnsureTensorDataIsReadable(TfLiteInterpreter* interpreter, int tensor_index);

#ifdef __cplusplus
}
#endif
#endif /* TENSORFLOW_LITE_C_C_API_EXPERIMENTAL_H_ */
