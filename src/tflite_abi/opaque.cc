// SPDX-License-Identifier: Apache-2.0
// Opaque pointers are octet's own structures under another name.
#include "tensorflow/lite/c/c_api_opaque.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

#include "tflite_abi/mirror.h"

struct TfLiteOpaqueTensorBuilder {
  TfLiteType type = kTfLiteNoType;
  void* data = nullptr;
  TfLiteAllocationType allocation_type = kTfLiteMemNone;
  TfLiteQuantizationParams params{};
  TfLiteQuantization quantization{kTfLiteNoQuantization, nullptr};
};

namespace {

TfLiteTensor* Of(TfLiteOpaqueTensor* t) { return reinterpret_cast<TfLiteTensor*>(t); }
const TfLiteTensor* Of(const TfLiteOpaqueTensor* t) { return reinterpret_cast<const TfLiteTensor*>(t); }
TfLiteNode* Of(TfLiteOpaqueNode* n) { return reinterpret_cast<TfLiteNode*>(n); }
const TfLiteNode* Of(const TfLiteOpaqueNode* n) { return reinterpret_cast<const TfLiteNode*>(n); }
TfLiteContext* Of(TfLiteOpaqueContext* c) { return reinterpret_cast<TfLiteContext*>(c); }
const TfLiteContext* Of(const TfLiteOpaqueContext* c) { return reinterpret_cast<const TfLiteContext*>(c); }

int IndexOf(const TfLiteIntArray* a, int i) { return a && i >= 0 && i < a->size ? a->data[i] : -1; }

TfLiteStatus Give(const TfLiteIntArray* a, const int** data, int* count) {
  *data = a->data;
  *count = a->size;
  return kTfLiteOk;
}

// The offsets of a buffer of strings, or null where it is none.
const int32_t* OffsetsOf(const TfLiteTensor* t, int32_t* count) {
  if (t->type != kTfLiteString || !t->data.raw || t->bytes < sizeof(int32_t)) return nullptr;
  std::memcpy(count, t->data.raw, sizeof(int32_t));
  const size_t head = (static_cast<size_t>(*count) + 2) * sizeof(int32_t);
  if (*count < 0 || t->bytes < head) return nullptr;
  return reinterpret_cast<const int32_t*>(t->data.raw) + 1;
}

}  // namespace

// -- tensors

TfLiteType TfLiteOpaqueTensorType(const TfLiteOpaqueTensor* t) { return TfLiteTensorType(Of(t)); }
int32_t TfLiteOpaqueTensorNumDims(const TfLiteOpaqueTensor* t) { return TfLiteTensorNumDims(Of(t)); }
int32_t TfLiteOpaqueTensorDim(const TfLiteOpaqueTensor* t, int32_t i) { return TfLiteTensorDim(Of(t), i); }
TfLiteStatus TfLiteOpaqueTensorGetNumDimsSignature(const TfLiteOpaqueTensor* t, int32_t* num_dims) {
  const TfLiteIntArray* signature = Of(t)->dims_signature;
  *num_dims = signature ? signature->size : -1;
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueTensorGetDimSignature(const TfLiteOpaqueTensor* t, int32_t i, int32_t* dim_length) {
  const TfLiteIntArray* signature = Of(t)->dims_signature;
  *dim_length = signature && i >= 0 && i < signature->size ? signature->data[i] : -1;
  return kTfLiteOk;
}
int TfLiteOpaqueTensorIsVariable(const TfLiteOpaqueTensor* t) { return Of(t)->is_variable ? 1 : 0; }
size_t TfLiteOpaqueTensorByteSize(const TfLiteOpaqueTensor* t) { return Of(t)->bytes; }
void* TfLiteOpaqueTensorData(const TfLiteOpaqueTensor* t) { return t ? Of(t)->data.data : nullptr; }
TfLiteAllocationType TfLiteOpaqueTensorGetAllocationType(const TfLiteOpaqueTensor* t) { return Of(t)->allocation_type; }
TfLiteAllocationStrategy TfLiteOpaqueTensorGetAllocationStrategy(const TfLiteOpaqueTensor* t) { return TfLiteTensorGetAllocationStrategy(Of(t)); }
TfLiteRunStability TfLiteOpaqueTensorGetBufferAddressStability(const TfLiteOpaqueTensor* t) { return TfLiteTensorGetBufferAddressStability(Of(t)); }
TfLiteRunStability TfLiteOpaqueTensorGetDataStability(const TfLiteOpaqueTensor* t) { return TfLiteTensorGetDataStability(Of(t)); }
TfLiteRunStep TfLiteOpaqueTensorGetDataKnownStep(const TfLiteOpaqueTensor* t) { return TfLiteTensorGetDataKnownStep(Of(t)); }
TfLiteRunStep TfLiteOpaqueTensorGetShapeKnownStep(const TfLiteOpaqueTensor* t) { return TfLiteTensorGetShapeKnownStep(Of(t)); }
const char* TfLiteOpaqueTensorName(const TfLiteOpaqueTensor* t) { return Of(t)->name; }
TfLiteQuantization TfLiteOpaqueTensorGetQuantization(const TfLiteOpaqueTensor* t) { return Of(t)->quantization; }
TfLiteQuantizationParams TfLiteOpaqueTensorGetQuantizationParams(const TfLiteOpaqueTensor* t) { return Of(t)->params; }
TfLiteStatus TfLiteOpaqueTensorCopyFromBuffer(TfLiteOpaqueTensor* t, const void* data, size_t bytes) { return TfLiteTensorCopyFromBuffer(Of(t), data, bytes); }
TfLiteStatus TfLiteOpaqueTensorCopyToBuffer(const TfLiteOpaqueTensor* t, void* data, size_t bytes) { return TfLiteTensorCopyToBuffer(Of(t), data, bytes); }
void TfLiteOpaqueTensorSetAllocationTypeToDynamic(TfLiteOpaqueTensor* t) {
  if (Of(t)->allocation_type == kTfLiteDynamic) return;
  Of(t)->allocation_type = kTfLiteDynamic;
  Of(t)->data.data = nullptr;
}
void TfLiteOpaqueTensorSetNonCpuAllocation(TfLiteOpaqueTensor* t) { Of(t)->allocation_type = kTfLiteNonCpu; }

// -- strings

int TfLiteOpaqueTensorGetStringCount(const TfLiteOpaqueTensor* t) {
  int32_t count = 0;
  return OffsetsOf(Of(t), &count) ? count : -1;
}
TfLiteStatus TfLiteOpaqueTensorGetString(const TfLiteOpaqueTensor* t, int index, const char** str, int* len) {
  int32_t count = 0;
  const int32_t* offsets = OffsetsOf(Of(t), &count);
  if (!offsets || index < 0 || index >= count) return kTfLiteError;
  const int32_t begin = offsets[index], end = offsets[index + 1];
  if (begin < 0 || end < begin || static_cast<size_t>(end) > Of(t)->bytes) return kTfLiteError;
  *str = Of(t)->data.raw + begin;
  *len = end - begin;
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueTensorWriteStrings(TfLiteOpaqueTensor* tensor, const char* const* str_array, int count, const int* lengths) {
  TfLiteTensor* t = Of(tensor);
  if (t->type != kTfLiteString || count < 0) return kTfLiteError;
  std::vector<int32_t> head{count};
  int64_t at = (static_cast<int64_t>(count) + 2) * 4;
  for (int i = 0; i <= count; ++i) {
    if (at > std::numeric_limits<int32_t>::max()) return kTfLiteError;
    head.push_back(static_cast<int32_t>(at));
    if (i < count) at += lengths[i];
  }
  TfLiteOpaqueTensorSetAllocationTypeToDynamic(tensor);
  if (TfLiteTensorResizeMaybeCopy(static_cast<size_t>(at), t, false) != kTfLiteOk) return kTfLiteError;
  std::memcpy(t->data.raw, head.data(), head.size() * sizeof(int32_t));
  for (int i = 0; i < count; ++i) std::memcpy(t->data.raw + head[static_cast<size_t>(i) + 1], str_array[i], static_cast<size_t>(lengths[i]));
  TfLiteIntArrayFree(t->dims);
  t->dims = octet::tflite_abi::ToIntArray(std::span(&count, 1));
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueTensorWriteString(TfLiteOpaqueTensor* t, const char* str, int len) { return TfLiteOpaqueTensorWriteStrings(t, &str, 1, &len); }

// -- tensors that a kernel adds

TfLiteOpaqueTensorBuilder* TfLiteOpaqueTensorBuilderCreate(void) { return new TfLiteOpaqueTensorBuilder; }
void TfLiteOpaqueTensorBuilderDelete(TfLiteOpaqueTensorBuilder* builder) { delete builder; }
TfLiteOpaqueTensorBuilder* TfLiteOpaqueTensorBuilderSetType(TfLiteOpaqueTensorBuilder* b, TfLiteType type) { return b->type = type, b; }
TfLiteOpaqueTensorBuilder* TfLiteOpaqueTensorBuilderSetData(TfLiteOpaqueTensorBuilder* b, void* data) { return b->data = data, b; }
TfLiteOpaqueTensorBuilder* TfLiteOpaqueTensorBuilderSetAllocationType(TfLiteOpaqueTensorBuilder* b, TfLiteAllocationType type) {
  return b->allocation_type = type, b;
}
TfLiteOpaqueTensorBuilder* TfLiteOpaqueTensorBuilderSetQuantizationParams(TfLiteOpaqueTensorBuilder* b, TfLiteQuantizationParams params) {
  return b->params = params, b;
}
TfLiteOpaqueTensorBuilder* TfLiteOpaqueTensorBuilderSetQuantization(TfLiteOpaqueTensorBuilder* b, TfLiteQuantization q) { return b->quantization = q, b; }

// -- nodes

const TfLiteOpaqueTensor* TfLiteOpaqueNodeGetInput(const TfLiteOpaqueContext* context, const TfLiteOpaqueNode* node, int index) {
  return TfLiteOpaqueContextGetOpaqueTensor(context, TfLiteOpaqueNodeGetInputTensorIndex(node, index));
}
TfLiteOpaqueTensor* TfLiteOpaqueNodeGetOutput(TfLiteOpaqueContext* context, const TfLiteOpaqueNode* node, int index) {
  return TfLiteOpaqueContextGetOpaqueTensor(context, TfLiteOpaqueNodeGetOutputTensorIndex(node, index));
}
int TfLiteOpaqueNodeNumberOfInputs(const TfLiteOpaqueNode* node) { return Of(node)->inputs->size; }
int TfLiteOpaqueNodeNumberOfOutputs(const TfLiteOpaqueNode* node) { return Of(node)->outputs->size; }
void* TfLiteOpaqueNodeGetUserData(const TfLiteOpaqueNode* node) { return Of(node)->user_data; }
void* TfLiteOpaqueNodeGetBuiltinData(const TfLiteOpaqueNode* node) { return Of(node)->builtin_data; }
TfLiteStatus TfLiteOpaqueNodeGetCustomInitialData(const TfLiteOpaqueNode* node, const void** init_data, int* size) {
  *init_data = Of(node)->custom_initial_data;
  *size = Of(node)->custom_initial_data_size;
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueNodeInputs(const TfLiteOpaqueNode* node, const int** inputs, int* count) { return Give(Of(node)->inputs, inputs, count); }
TfLiteStatus TfLiteOpaqueNodeOutputs(const TfLiteOpaqueNode* node, const int** outputs, int* count) { return Give(Of(node)->outputs, outputs, count); }
TfLiteStatus TfLiteOpaqueNodeTemporaries(const TfLiteOpaqueNode* node, const int** temporaries, int* count) {
  return Give(Of(node)->temporaries, temporaries, count);
}
TfLiteStatus TfLiteOpaqueNodeSetTemporaries(TfLiteOpaqueNode* node, const int* temporaries, int count) {
  if (count < 0) return kTfLiteError;
  TfLiteIntArrayFree(Of(node)->temporaries);
  Of(node)->temporaries = octet::tflite_abi::ToIntArray(std::span(temporaries, static_cast<size_t>(count)));
  return kTfLiteOk;
}
int TfLiteOpaqueNodeGetInputTensorIndex(const TfLiteOpaqueNode* node, int i) { return IndexOf(Of(node)->inputs, i); }
int TfLiteOpaqueNodeGetOutputTensorIndex(const TfLiteOpaqueNode* node, int i) { return IndexOf(Of(node)->outputs, i); }

// -- contexts

TfLiteOpaqueTensor* TfLiteOpaqueContextGetOpaqueTensor(const TfLiteOpaqueContext* context, int index) {
  return index < 0 ? nullptr : reinterpret_cast<TfLiteOpaqueTensor*>(Of(context)->GetTensor(Of(context), index));
}
size_t TfLiteOpaqueContextGetNumTensors(const TfLiteOpaqueContext* context) { return Of(context)->tensors_size; }
TfLiteStatus TfLiteOpaqueContextResizeTensor(TfLiteOpaqueContext* context, TfLiteOpaqueTensor* tensor, TfLiteIntArray* new_size) {
  return Of(context)->ResizeTensor(Of(context), Of(tensor), new_size);
}
TfLiteStatus TfLiteOpaqueContextAddTensor(TfLiteOpaqueContext* context, TfLiteOpaqueTensorBuilder* b, int* new_tensor_index) {
  if (b->allocation_type != kTfLiteDynamic && b->allocation_type != kTfLiteArenaRw && b->allocation_type != kTfLiteArenaRwPersistent) {
    Of(context)->ReportError(Of(context), "a tensor is added with an allocation type of %d; expected dynamic or arena", b->allocation_type);
    return kTfLiteError;
  }
  int index = -1;
  if (Of(context)->AddTensors(Of(context), 1, &index) != kTfLiteOk) return kTfLiteError;
  TfLiteTensor* t = Of(context)->GetTensor(Of(context), index);
  t->type = b->type;
  t->data.data = b->data;
  t->allocation_type = b->allocation_type;
  t->params = b->params;
  t->quantization = b->quantization;
  if (new_tensor_index) *new_tensor_index = index;
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueContextGetSizeOfType(TfLiteOpaqueContext*, TfLiteType type, size_t* bytes) {
  return octet::tflite_abi::SizeOfType(type, bytes) ? kTfLiteOk : kTfLiteError;
}
void TfLiteOpaqueContextReportErrorVa(TfLiteOpaqueContext* context, const char* format, va_list vlist) {
  char text[500];
  std::vsnprintf(text, sizeof(text), format, vlist);
  Of(context)->ReportError(Of(context), "%s", text);
}
void TfLiteOpaqueContextReportError(TfLiteOpaqueContext* context, const char* format, ...) {
  va_list args;
  va_start(args, format);
  TfLiteOpaqueContextReportErrorVa(context, format, args);
  va_end(args);
}
