// SPDX-License-Identifier: Apache-2.0
// The few functions of TensorFlow's C API that run one operator at a time, found at run time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "base/types.h"

struct TF_Status;
struct TF_Tensor;
struct TF_TString {
  uint64_t words[3];  // TensorFlow's own affair.
};
struct TFE_ContextOptions;
struct TFE_Context;
struct TFE_TensorHandle;
struct TFE_Op;

namespace octet::delegates {

struct TensorFlow {
  // Once per process and path.
  static Result<const TensorFlow*> Load(const std::string& path);

  std::string path;
  TFE_Context* context = nullptr;

  TF_Status* (*NewStatus)() = nullptr;
  void (*DeleteStatus)(TF_Status*) = nullptr;
  int (*GetCode)(const TF_Status*) = nullptr;
  const char* (*Message)(const TF_Status*) = nullptr;
  TF_Tensor* (*AllocateTensor)(int, const int64_t*, int, size_t) = nullptr;
  // The memory is given back by the function, with its last argument, when nobody holds the tensor any more.
  TF_Tensor* (*NewTensor)(int, const int64_t*, int, void*, size_t, void (*)(void*, size_t, void*), void*) = nullptr;
  void (*DeleteTensor)(TF_Tensor*) = nullptr;
  void (*StringInit)(TF_TString*) = nullptr;
  void (*StringCopy)(TF_TString*, const char*, size_t) = nullptr;
  void (*StringDealloc)(TF_TString*) = nullptr;
  const char* (*StringData)(const TF_TString*) = nullptr;
  size_t (*StringSize)(const TF_TString*) = nullptr;
  void* (*TensorData)(const TF_Tensor*) = nullptr;
  size_t (*TensorByteSize)(const TF_Tensor*) = nullptr;
  int (*TensorType)(const TF_Tensor*) = nullptr;
  int (*NumDims)(const TF_Tensor*) = nullptr;
  int64_t (*Dim)(const TF_Tensor*, int) = nullptr;
  TFE_ContextOptions* (*NewContextOptions)() = nullptr;
  void (*DeleteContextOptions)(TFE_ContextOptions*) = nullptr;
  TFE_Context* (*NewContext)(const TFE_ContextOptions*, TF_Status*) = nullptr;
  TFE_TensorHandle* (*NewTensorHandle)(const TF_Tensor*, TF_Status*) = nullptr;
  void (*DeleteTensorHandle)(TFE_TensorHandle*) = nullptr;
  TF_Tensor* (*Resolve)(TFE_TensorHandle*, TF_Status*) = nullptr;
  TFE_Op* (*NewOp)(TFE_Context*, const char*, TF_Status*) = nullptr;
  void (*DeleteOp)(TFE_Op*) = nullptr;
  void (*AddInput)(TFE_Op*, TFE_TensorHandle*, TF_Status*) = nullptr;
  void (*SetAttribute)(const TFE_Op*, const char*, const void*, size_t, TF_Status*) = nullptr;
  void (*Execute)(TFE_Op*, TFE_TensorHandle**, int*, TF_Status*) = nullptr;
};

}  // namespace octet::delegates
