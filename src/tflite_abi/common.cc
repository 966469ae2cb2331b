// SPDX-License-Identifier: Apache-2.0
// Arrays and tensors of tensorflow/lite/c/common.h. Memory crosses the interface both ways, so all of it
// is malloc's: what one side makes, the other may free.
#include "tensorflow/lite/c/common.h"

#include <cstdlib>
#include <cstring>

namespace {

template <class Array, class Element> Array* Create(int size) {
  if (size < 0) return nullptr;
  auto* a = static_cast<Array*>(std::malloc(sizeof(Array) + static_cast<size_t>(size) * sizeof(Element)));
  if (a) a->size = size;
  return a;
}

template <class Array, class Element> Array* Copy(const Array* from) {
  if (!from) return nullptr;
  Array* to = Create<Array, Element>(from->size);
  if (to && from->size > 0) std::memcpy(to->data, from->data, static_cast<size_t>(from->size) * sizeof(Element));
  return to;
}

}  // namespace

size_t TfLiteIntArrayGetSizeInBytes(int size) { return sizeof(TfLiteIntArray) + static_cast<size_t>(size) * sizeof(int); }
TfLiteIntArray* TfLiteIntArrayCreate(int size) { return Create<TfLiteIntArray, int>(size); }
TfLiteIntArray* TfLiteIntArrayCopy(const TfLiteIntArray* src) { return Copy<TfLiteIntArray, int>(src); }
void TfLiteIntArrayFree(TfLiteIntArray* a) { std::free(a); }

int TfLiteIntArrayEqualsArray(const TfLiteIntArray* a, int b_size, const int b_data[]) {
  if (!a) return b_size == 0;
  return a->size == b_size && (b_size == 0 || std::memcmp(a->data, b_data, static_cast<size_t>(b_size) * sizeof(int)) == 0);
}
int TfLiteIntArrayEqual(const TfLiteIntArray* a, const TfLiteIntArray* b) {
  if (!a || !b) return a == b;
  return TfLiteIntArrayEqualsArray(a, b->size, b->data);
}

int TfLiteFloatArrayGetSizeInBytes(int size) { return static_cast<int>(sizeof(TfLiteFloatArray) + static_cast<size_t>(size) * sizeof(float)); }
TfLiteFloatArray* TfLiteFloatArrayCreate(int size) { return Create<TfLiteFloatArray, float>(size); }
TfLiteFloatArray* TfLiteFloatArrayCopy(const TfLiteFloatArray* src) { return Copy<TfLiteFloatArray, float>(src); }
void TfLiteFloatArrayFree(TfLiteFloatArray* a) { std::free(a); }

void TfLiteTensorDataFree(TfLiteTensor* t) {
  if (t->allocation_type == kTfLiteDynamic || t->allocation_type == kTfLitePersistentRo) std::free(t->data.raw);
  t->data.raw = nullptr;
}

void TfLiteQuantizationFree(TfLiteQuantization* quantization) {
  if (quantization->type == kTfLiteAffineQuantization && quantization->params) {
    auto* q = static_cast<TfLiteAffineQuantization*>(quantization->params);
    TfLiteFloatArrayFree(q->scale);
    TfLiteIntArrayFree(q->zero_point);
  }
  std::free(quantization->params);
  *quantization = {kTfLiteNoQuantization, nullptr};
}

void TfLiteSparsityFree(TfLiteSparsity* sparsity) {
  if (!sparsity) return;
  TfLiteIntArrayFree(sparsity->traversal_order);
  TfLiteIntArrayFree(sparsity->block_map);
  for (int i = 0; i < sparsity->dim_metadata_size && sparsity->dim_metadata; ++i) {
    TfLiteIntArrayFree(sparsity->dim_metadata[i].array_segments);
    TfLiteIntArrayFree(sparsity->dim_metadata[i].array_indices);
  }
  std::free(sparsity->dim_metadata);
  std::free(sparsity);
}

void TfLiteTensorFree(TfLiteTensor* t) {
  TfLiteTensorDataFree(t);
  TfLiteIntArrayFree(t->dims);
  t->dims = nullptr;
  TfLiteIntArrayFree(const_cast<TfLiteIntArray*>(t->dims_signature));
  t->dims_signature = nullptr;
  TfLiteQuantizationFree(&t->quantization);
  TfLiteSparsityFree(t->sparsity);
  t->sparsity = nullptr;
}

void TfLiteTensorReset(TfLiteType type, const char* name, TfLiteIntArray* dims, TfLiteQuantizationParams quantization, char* buffer, size_t size,
                       TfLiteAllocationType allocation_type, const void* allocation, bool is_variable, TfLiteTensor* tensor) {
  TfLiteTensorFree(tensor);
  tensor->type = type;
  tensor->name = name;
  tensor->dims = dims;
  tensor->params = quantization;
  tensor->data.raw = buffer;
  tensor->bytes = size;
  tensor->allocation_type = allocation_type;
  tensor->allocation = allocation;
  tensor->is_variable = is_variable;
}

TfLiteStatus TfLiteTensorCopy(const TfLiteTensor* src, TfLiteTensor* dst) {
  if (!src || !dst || src == dst) return kTfLiteOk;
  if (src->bytes != dst->bytes) return kTfLiteError;
  dst->type = src->type;
  TfLiteIntArrayFree(dst->dims);
  dst->dims = TfLiteIntArrayCopy(src->dims);
  if (src->bytes > 0) std::memcpy(dst->data.raw, src->data.raw, src->bytes);
  dst->buffer_handle = src->buffer_handle;
  dst->data_is_stale = src->data_is_stale;
  dst->delegate = src->delegate;
  return kTfLiteOk;
}

TfLiteStatus TfLiteTensorResizeMaybeCopy(size_t num_bytes, TfLiteTensor* tensor, bool preserve_data) {
  if (!tensor) return kTfLiteError;
  if (tensor->allocation_type != kTfLiteDynamic) return kTfLiteOk;
  if (num_bytes == tensor->bytes && tensor->data.raw) return kTfLiteOk;
  void* memory = nullptr;
  if (preserve_data) {
    memory = std::realloc(tensor->data.raw, num_bytes > 0 ? num_bytes : 1);
  } else {
    memory = std::malloc(num_bytes > 0 ? num_bytes : 1);
    if (memory) std::free(tensor->data.raw);
  }
  if (!memory) return kTfLiteError;
  tensor->data.data = memory;
  tensor->bytes = num_bytes;
  return kTfLiteOk;
}
TfLiteStatus TfLiteTensorRealloc(size_t num_bytes, TfLiteTensor* tensor) { return TfLiteTensorResizeMaybeCopy(num_bytes, tensor, true); }

const TfLiteIntArray* TfLiteTensorGetDimsSignature(const TfLiteTensor* t) {
  return t->dims_signature && t->dims_signature->size > 0 ? t->dims_signature : t->dims;
}

const char* TfLiteTypeGetName(TfLiteType type) {
  static constexpr const char* kNames[] = {"NOTYPE", "FLOAT32",  "INT32",   "UINT8",      "INT64",  "STRING",   "BOOL",    "INT16",
                                           "COMPLEX64", "INT8", "FLOAT16", "FLOAT64", "COMPLEX128", "UINT64", "RESOURCE", "VARIANT", "UINT32",
                                           "UINT16", "INT4", "BFLOAT16", "INT2", "UINT4", "FLOAT8_E4M3FN", "FLOAT8_E5M2"};
  return type >= 0 && static_cast<size_t>(type) < sizeof(kNames) / sizeof(kNames[0]) ? kNames[type] : "Unknown type";
}

TfLiteDelegate TfLiteDelegateCreate(void) { return {}; }

TfLiteOpaqueDelegate* TfLiteOpaqueDelegateCreate(const TfLiteOpaqueDelegateBuilder* builder) {
  if (!builder) return nullptr;
  auto* d = static_cast<TfLiteDelegate*>(std::calloc(1, sizeof(TfLiteDelegate)));
  auto* own = static_cast<TfLiteOpaqueDelegateBuilder*>(std::malloc(sizeof(TfLiteOpaqueDelegateBuilder)));
  if (!d || !own) return std::free(d), std::free(own), nullptr;
  *own = *builder;
  d->opaque_delegate_builder = own;
  return d;
}
void TfLiteOpaqueDelegateDelete(TfLiteOpaqueDelegate* delegate) {
  if (!delegate) return;
  std::free(delegate->opaque_delegate_builder);
  std::free(delegate);
}
void* TfLiteOpaqueDelegateGetData(const TfLiteOpaqueDelegate* delegate) {
  if (!delegate) return nullptr;
  return delegate->opaque_delegate_builder ? delegate->opaque_delegate_builder->data : delegate->data_;
}

TfLiteAllocationStrategy TfLiteTensorGetAllocationStrategy(const TfLiteTensor* t) {
  switch (t->allocation_type) {
    case kTfLiteMemNone: return kTfLiteAllocationStrategyNone;
    case kTfLiteMmapRo: return kTfLiteAllocationStrategyMMap;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent: return kTfLiteAllocationStrategyArena;
    case kTfLiteDynamic:
    case kTfLitePersistentRo: return kTfLiteAllocationStrategyMalloc;
    case kTfLiteVariantObject: return kTfLiteAllocationStrategyNew;
    default: return kTfLiteAllocationStrategyUnknown;
  }
}
TfLiteRunStability TfLiteTensorGetBufferAddressStability(const TfLiteTensor* t) {
  switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo:
    case kTfLiteArenaRwPersistent:
    case kTfLitePersistentRo: return kTfLiteRunStabilityAcrossRuns;
    case kTfLiteArenaRw:
    case kTfLiteDynamic: return kTfLiteRunStabilityUnstable;
    default: return kTfLiteRunStabilityUnknown;
  }
}
TfLiteRunStability TfLiteTensorGetDataStability(const TfLiteTensor* t) {
  switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo:
    case kTfLitePersistentRo: return kTfLiteRunStabilityAcrossRuns;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent:
    case kTfLiteDynamic: return kTfLiteRunStabilitySingleRun;
    default: return kTfLiteRunStabilityUnknown;
  }
}
TfLiteRunStep TfLiteTensorGetDataKnownStep(const TfLiteTensor* t) {
  switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo: return kTfLiteRunStepInit;
    case kTfLitePersistentRo: return kTfLiteRunStepPrepare;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent:
    case kTfLiteDynamic:
    case kTfLiteVariantObject: return kTfLiteRunStepEval;
    default: return kTfLiteRunStepUnknown;
  }
}
TfLiteRunStep TfLiteTensorGetShapeKnownStep(const TfLiteTensor* t) {
  switch (t->allocation_type) {
    case kTfLiteMemNone:
    case kTfLiteMmapRo: return kTfLiteRunStepInit;
    case kTfLiteArenaRw:
    case kTfLiteArenaRwPersistent:
    case kTfLitePersistentRo: return kTfLiteRunStepPrepare;
    case kTfLiteDynamic:
    case kTfLiteVariantObject: return kTfLiteRunStepEval;
    default: return kTfLiteRunStepUnknown;
  }
}

void* TfLiteKernelInitFailed(void) { return reinterpret_cast<void*>(-1); }
