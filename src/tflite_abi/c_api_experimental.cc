// SPDX-License-Identifier: Apache-2.0
#include "tensorflow/lite/c/c_api_experimental.h"

#include "tflite_abi/c_api.h"

// -- options

void TfLiteInterpreterOptionsAddCustomOp(TfLiteInterpreterOptions* options, const char* name, const TfLiteRegistration* registration, int32_t, int32_t) {
  if (name && registration) options->ops.AddCustom(name, *registration);
}
void TfLiteInterpreterOptionsAddBuiltinOp(TfLiteInterpreterOptions* options, TfLiteBuiltinOperator op, const TfLiteRegistration* registration,
                                          int32_t min_version, int32_t max_version) {
  if (registration) options->ops.AddBuiltin(op, *registration, min_version, max_version);
}
void TfLiteInterpreterOptionsSetEnableDelegateFallback(TfLiteInterpreterOptions*, bool) {}  // It always falls back, and says so.
void TfLiteInterpreterOptionsSetTelemetryProfiler(TfLiteInterpreterOptions* options, TfLiteTelemetryProfilerStruct* profiler) { options->telemetry = profiler; }

// -- interpreters

TfLiteInterpreter* TfLiteInterpreterCreateWithSelectedOps(const TfLiteModel* model, const TfLiteInterpreterOptions* options) {
  return octet::tflite_abi::CreateInterpreter(model, options, true);
}
TfLiteStatus TfLiteInterpreterModifyGraphWithDelegate(const TfLiteInterpreter* it, TfLiteDelegate* delegate) {
  return delegate ? it->session->AddDelegate(delegate) : kTfLiteDelegateError;
}
int32_t TfLiteInterpreterGetInputTensorIndex(const TfLiteInterpreter* it, int32_t i) {
  return i >= 0 && i < TfLiteInterpreterGetInputTensorCount(it) ? it->session->inputs[static_cast<size_t>(i)] : -1;
}
int32_t TfLiteInterpreterGetOutputTensorIndex(const TfLiteInterpreter* it, int32_t i) {
  return i >= 0 && i < TfLiteInterpreterGetOutputTensorCount(it) ? it->session->outputs[static_cast<size_t>(i)] : -1;
}
TfLiteStatus TfLiteInterpreterResetVariableTensors(TfLiteInterpreter* it) { return it->session->reporter.Check(it->session->interpreter().ResetVariables()); }
int32_t TfLiteInterpreterGetVariableTensorCount(const TfLiteInterpreter* it) { return static_cast<int32_t>(it->session->variables.size()); }
TfLiteTensor* TfLiteInterpreterGetVariableTensor(const TfLiteInterpreter* it, int32_t i) {
  return i >= 0 && i < TfLiteInterpreterGetVariableTensorCount(it) ? it->session->tensor(it->session->variables[static_cast<size_t>(i)]) : nullptr;
}

TfLiteStatus TfLiteInterpreterEnsureTensorDataIsReadable(TfLiteInterpreter* it, int tensor_index) {
  return it->session->tensor(tensor_index) ? kTfLiteOk : kTfLiteError;
}
void TfLiteSetAllowBufferHandleOutput(const TfLiteInterpreter*, bool) {}

// -- memory

TfLiteStatus TfLiteInterpreterSetCustomAllocationForTensor(TfLiteInterpreter* it, int tensor_index, const TfLiteCustomAllocation* allocation, int64_t flags) {
  if (allocation) return it->session->SetMemory(tensor_index, *allocation, flags);
  it->session->reporter.Report("memory for tensor %d: the allocation is NULL", tensor_index);
  return kTfLiteError;
}
TfLiteStatus TfLiteInterpreterSetBufferHandle(TfLiteInterpreter* it, TfLiteTensor* tensor, TfLiteBufferHandle, TfLiteOpaqueDelegate*) {
  it->session->reporter.Report(
      "tensor '%s' keeps no buffer handle: octet's tensors lie in the processor's memory; share memory by TfLiteInterpreterSetCustomAllocationForTensor",
      tensor && tensor->name ? tensor->name : "");
  return kTfLiteError;
}
TfLiteStatus TfLiteInterpreterGetBufferHandle(TfLiteInterpreter* it, int tensor_index, TfLiteBufferHandle* buffer_handle, TfLiteOpaqueDelegate** delegate) {
  const TfLiteTensor* t = it->session->tensor(tensor_index);
  if (!t) return kTfLiteError;
  *buffer_handle = t->buffer_handle;  // There is none.
  *delegate = t->delegate;
  return kTfLiteOk;
}

// -- signatures

TfLiteStatus TfLiteSignatureRunnerCancel(TfLiteSignatureRunner* r) {
  if (!r->cancellation) return kTfLiteError;
  r->session->engine->interpreter->Cancel();
  return kTfLiteOk;
}
