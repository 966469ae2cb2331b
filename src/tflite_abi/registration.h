// SPDX-License-Identifier: Apache-2.0
// Operators that a program brings along in TensorFlow Lite's form (TfLiteRegistration, TfLiteOperator), as
// operators of octet. The kernel sees a context that holds its own node and nothing else of the graph.
#pragma once
#include <string>
#include <vector>

#include "base/status.h"
#include "tensorflow/lite/c/common.h"

namespace octet::tflite_abi {

struct CustomOp {
  std::string name;
  TfLiteRegistration registration;
};

// Makes them known to the process by name; a name that is registered again means the new one from then on.
// Models opened before must be opened again to see them.
Status RegisterOps(const std::vector<CustomOp>& ops);

}  // namespace octet::tflite_abi

// Callbacks over opaque types: what stands behind a TfLiteOperator.
struct TfLiteOperator {
  int builtin_code = 0;
  std::string custom_name;
  int version = 1;
  void* user_data = nullptr;
  void* (*init)(TfLiteOpaqueContext*, const char*, size_t) = nullptr;
  void (*free)(TfLiteOpaqueContext*, void*) = nullptr;
  TfLiteStatus (*prepare)(TfLiteOpaqueContext*, TfLiteOpaqueNode*) = nullptr;
  TfLiteStatus (*invoke)(TfLiteOpaqueContext*, TfLiteOpaqueNode*) = nullptr;
  void* (*init_with_data)(void*, TfLiteOpaqueContext*, const char*, size_t) = nullptr;
  void (*free_with_data)(void*, TfLiteOpaqueContext*, void*) = nullptr;
  TfLiteStatus (*prepare_with_data)(void*, TfLiteOpaqueContext*, TfLiteOpaqueNode*) = nullptr;
  TfLiteStatus (*invoke_with_data)(void*, TfLiteOpaqueContext*, TfLiteOpaqueNode*) = nullptr;
  TfLiteAsyncKernel* (*async_kernel)(TfLiteOpaqueContext*, TfLiteOpaqueNode*) = nullptr;
  TfLiteAsyncKernel* (*async_kernel_with_data)(void*, TfLiteOpaqueContext*, TfLiteOpaqueNode*) = nullptr;
  uint64_t inplace_operator = 0;
};
