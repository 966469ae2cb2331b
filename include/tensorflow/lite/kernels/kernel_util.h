// SPDX-License-Identifier: Apache-2.0
// What custom operators use to reach their tensors.
#ifndef TENSORFLOW_LITE_KERNELS_KERNEL_UTIL_H_
#define TENSORFLOW_LITE_KERNELS_KERNEL_UTIL_H_

#include <cstdint>

#include "tensorflow/lite/c/common.h"

namespace tflite {

inline int NumInputs(const TfLiteNode* node) { return node->inputs ? node->inputs->size : 0; }
inline int NumOutputs(const TfLiteNode* node) { return node->outputs ? node->outputs->size : 0; }
inline int NumIntermediates(const TfLiteNode* node) { return node->intermediates ? node->intermediates->size : 0; }
inline int NumDimensions(const TfLiteTensor* t) { return t->dims->size; }
inline int SizeOfDimension(const TfLiteTensor* t, int dim) { return t->dims->data[dim]; }

inline int64_t NumElements(const TfLiteIntArray* dims) {
  int64_t count = 1;
  for (int i = 0; i < dims->size; ++i) count *= dims->data[i];
  return count;
}
inline int64_t NumElements(const TfLiteTensor* t) { return NumElements(t->dims); }

namespace internal {
inline TfLiteTensor* TensorAt(const TfLiteContext* context, const TfLiteIntArray* list, int i) {
  if (!list || i < 0 || i >= list->size || list->data[i] == kTfLiteOptionalTensor) return nullptr;
  return context->tensors ? &context->tensors[list->data[i]] : context->GetTensor(context, list->data[i]);
}
}  // namespace internal

// Null: absent.
inline const TfLiteTensor* GetInput(const TfLiteContext* context, const TfLiteNode* node, int i) { return internal::TensorAt(context, node->inputs, i); }
inline const TfLiteTensor* GetOptionalInputTensor(const TfLiteContext* context, const TfLiteNode* node, int i) { return GetInput(context, node, i); }
inline TfLiteTensor* GetOutput(TfLiteContext* context, const TfLiteNode* node, int i) { return internal::TensorAt(context, node->outputs, i); }
inline TfLiteTensor* GetVariableInput(TfLiteContext* context, const TfLiteNode* node, int i) {
  TfLiteTensor* t = internal::TensorAt(context, node->inputs, i);
  return t && t->is_variable ? t : nullptr;
}

inline TfLiteStatus GetInputSafe(const TfLiteContext* context, const TfLiteNode* node, int i, const TfLiteTensor** tensor) {
  *tensor = GetInput(context, node, i);
  return *tensor ? kTfLiteOk : kTfLiteError;
}
inline TfLiteStatus GetOutputSafe(TfLiteContext* context, const TfLiteNode* node, int i, TfLiteTensor** tensor) {
  *tensor = GetOutput(context, node, i);
  return *tensor ? kTfLiteOk : kTfLiteError;
}

inline bool IsConstantTensor(const TfLiteTensor* t) { return t->allocation_type == kTfLiteMmapRo; }
inline bool IsDynamicTensor(const TfLiteTensor* t) { return t->allocation_type == kTfLiteDynamic; }
inline bool HaveSameShapes(const TfLiteTensor* a, const TfLiteTensor* b) { return TfLiteIntArrayEqual(a->dims, b->dims) != 0; }

template <class T> T* GetTensorData(TfLiteTensor* t) { return t ? reinterpret_cast<T*>(t->data.raw) : nullptr; }
template <class T> const T* GetTensorData(const TfLiteTensor* t) { return t ? reinterpret_cast<const T*>(t->data.raw) : nullptr; }

}  // namespace tflite

#endif  // TENSORFLOW_LITE_KERNELS_KERNEL_UTIL_H_
