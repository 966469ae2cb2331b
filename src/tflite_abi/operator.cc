// SPDX-License-Identifier: Apache-2.0
// TfLiteOperator: an operator's callbacks over opaque types, also under its older name.
#include "tensorflow/lite/c/c_api.h"
#include "tflite_abi/registration.h"

TfLiteOperator* TfLiteOperatorCreate(TfLiteBuiltinOperator builtin_code, const char* custom_name, int version, void* user_data) {
  auto* op = new TfLiteOperator;
  op->builtin_code = builtin_code;
  op->custom_name = custom_name ? custom_name : "";
  op->version = version;
  op->user_data = user_data;
  return op;
}
TfLiteOperator* TfLiteOperatorCreateWithData(TfLiteBuiltinOperator builtin_code, const char* custom_name, int version, void* user_data) {
  return TfLiteOperatorCreate(builtin_code, custom_name, version, user_data);
}
void TfLiteOperatorDelete(TfLiteOperator* op) { delete op; }

TfLiteBuiltinOperator TfLiteOperatorGetBuiltInCode(const TfLiteOperator* op) { return static_cast<TfLiteBuiltinOperator>(op->builtin_code); }
const char* TfLiteOperatorGetCustomName(const TfLiteOperator* op) { return op->builtin_code == kTfLiteBuiltinCustom ? op->custom_name.c_str() : nullptr; }
int TfLiteOperatorGetVersion(const TfLiteOperator* op) { return op ? op->version : -1; }
void* TfLiteOperatorGetUserData(const TfLiteOperator* op) { return op ? op->user_data : nullptr; }

void TfLiteOperatorSetInit(TfLiteOperator* op, void* (*init)(TfLiteOpaqueContext*, const char*, size_t)) { op->init = init; }
TfLiteStatus TfLiteOperatorSetInitWithData(TfLiteOperator* op, void* (*init)(void*, TfLiteOpaqueContext*, const char*, size_t)) {
  if (!op) return kTfLiteError;
  op->init_with_data = init;
  return kTfLiteOk;
}
void TfLiteOperatorSetFree(TfLiteOperator* op, void (*free)(TfLiteOpaqueContext*, void*)) { op->free = free; }
TfLiteStatus TfLiteOperatorSetFreeWithData(TfLiteOperator* op, void (*free)(void*, TfLiteOpaqueContext*, void*)) {
  if (!op) return kTfLiteError;
  op->free_with_data = free;
  return kTfLiteOk;
}
void TfLiteOperatorSetPrepare(TfLiteOperator* op, TfLiteStatus (*prepare)(TfLiteOpaqueContext*, TfLiteOpaqueNode*)) { op->prepare = prepare; }
TfLiteStatus TfLiteOperatorSetPrepareWithData(TfLiteOperator* op, TfLiteStatus (*prepare)(void*, TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  if (!op) return kTfLiteError;
  op->prepare_with_data = prepare;
  return kTfLiteOk;
}
void TfLiteOperatorSetInvoke(TfLiteOperator* op, TfLiteStatus (*invoke)(TfLiteOpaqueContext*, TfLiteOpaqueNode*)) { op->invoke = invoke; }
TfLiteStatus TfLiteOperatorSetInvokeWithData(TfLiteOperator* op, TfLiteStatus (*invoke)(void*, TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  if (!op) return kTfLiteError;
  op->invoke_with_data = invoke;
  return kTfLiteOk;
}
void TfLiteOperatorSetAsyncKernel(TfLiteOperator* op, TfLiteAsyncKernel* (*async_kernel)(TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  op->async_kernel = async_kernel;
}
TfLiteStatus TfLiteOperatorSetAsyncKernelWithData(TfLiteOperator* op, TfLiteAsyncKernel* (*async_kernel)(void*, TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  if (!op) return kTfLiteError;
  op->async_kernel_with_data = async_kernel;
  return kTfLiteOk;
}
void TfLiteOperatorSetInplaceOperator(TfLiteOperator* op, uint64_t inplace_operator) { op->inplace_operator = inplace_operator; }

void TfLiteInterpreterOptionsAddRegistrationExternal(TfLiteInterpreterOptions* options, TfLiteRegistrationExternal* op) {
  TfLiteInterpreterOptionsAddOperator(options, op);
}
TfLiteRegistrationExternal* TfLiteRegistrationExternalCreate(TfLiteBuiltinOperator builtin_code, const char* custom_name, int version) {
  return TfLiteOperatorCreate(builtin_code, custom_name, version, nullptr);
}
void TfLiteRegistrationExternalDelete(TfLiteRegistrationExternal* op) { TfLiteOperatorDelete(op); }
TfLiteBuiltinOperator TfLiteRegistrationExternalGetBuiltInCode(const TfLiteRegistrationExternal* op) { return TfLiteOperatorGetBuiltInCode(op); }
const char* TfLiteRegistrationExternalGetCustomName(const TfLiteRegistrationExternal* op) { return TfLiteOperatorGetCustomName(op); }
int TfLiteRegistrationExternalGetVersion(const TfLiteRegistrationExternal* op) { return TfLiteOperatorGetVersion(op); }
void TfLiteRegistrationExternalSetInit(TfLiteRegistrationExternal* op, void* (*init)(TfLiteOpaqueContext*, const char*, size_t)) {
  TfLiteOperatorSetInit(op, init);
}
void TfLiteRegistrationExternalSetFree(TfLiteRegistrationExternal* op, void (*free)(TfLiteOpaqueContext*, void*)) { TfLiteOperatorSetFree(op, free); }
void TfLiteRegistrationExternalSetPrepare(TfLiteRegistrationExternal* op, TfLiteStatus (*prepare)(TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  TfLiteOperatorSetPrepare(op, prepare);
}
void TfLiteRegistrationExternalSetInvoke(TfLiteRegistrationExternal* op, TfLiteStatus (*invoke)(TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  TfLiteOperatorSetInvoke(op, invoke);
}
void TfLiteRegistrationExternalSetAsyncKernel(TfLiteRegistrationExternal* op, TfLiteAsyncKernel* (*async_kernel)(TfLiteOpaqueContext*, TfLiteOpaqueNode*)) {
  TfLiteOperatorSetAsyncKernel(op, async_kernel);
}
void TfLiteRegistrationExternalSetInplaceOperator(TfLiteRegistrationExternal* op, uint64_t inplace_operator) {
  TfLiteOperatorSetInplaceOperator(op, inplace_operator);
}
