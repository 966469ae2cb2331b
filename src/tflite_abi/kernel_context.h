// SPDX-License-Identifier: Apache-2.0
// One node as a TensorFlow Lite kernel sees it: a context whose tensors are the node's operands and the
// temporaries that the kernel adds.
#pragma once
#include <deque>
#include <string>
#include <vector>

#include "ops/op_def.h"
#include "tflite_abi/kernel_functions.h"
#include "tflite_abi/registration.h"

namespace octet::tflite_abi {

class KernelContext {
 public:
  // Calls the kernel's init.
  KernelContext(const TfLiteRegistration& registration, const ops::OpView& op);
  KernelContext(const KernelContext&) = delete;
  ~KernelContext();  // Calls free.

  // Calls prepare with the operands' types and, where they are there, values.
  Status Prepare();
  // Whether the kernel left the output's shape to invoke.
  bool dynamic(int output) const { return tensor_of(num_inputs_ + output).allocation_type == kTfLiteDynamic; }
  Shape shape(int output) const;
  // Calls invoke with these operands. Outputs of dynamic shape are copied to what the host gives for them.
  Status Invoke(const ops::Run& run);

  TfLiteContext* context() { return &context_; }

 private:
  static KernelContext& Of(const TfLiteContext* context) { return *static_cast<KernelContext*>(context->impl_); }
  static TfLiteStatus ResizeTensor(TfLiteContext* context, TfLiteTensor* tensor, TfLiteIntArray* size);
  static TfLiteStatus ResizeTensorExplicit(TfLiteContext* context, TfLiteTensor* tensor, int dims, const int* shape);
  static void ReportError(TfLiteContext* context, const char* format, ...);
  static TfLiteStatus AddTensors(TfLiteContext* context, int count, int* first);
  static void* AllocatePersistentBuffer(TfLiteContext* context, size_t bytes);
  static TfLiteStatus AllocateBufferForEval(TfLiteContext* context, size_t bytes, void** memory);
  static TfLiteStatus RequestScratchBuffer(TfLiteContext* context, size_t bytes, int* index);
  static void* GetScratchBuffer(TfLiteContext* context, int index);
  static TfLiteTensor* GetTensor(const TfLiteContext* context, int index);

  void Add(const TensorType* type, const std::byte* constant);
  const TfLiteTensor& tensor_of(int i) const { return tensors_[static_cast<size_t>(i)]; }
  Status Failed(const char* what) const;

  const TfLiteRegistration registration_;
  const std::string place_;
  const std::vector<char> options_;
  const int num_inputs_, num_outputs_;
  std::vector<TfLiteTensor> tensors_;  // Inputs that are there, then outputs, then temporaries.
  TfLiteContext context_ = RefusingContext();
  TfLiteNode node_{};
  std::deque<std::vector<char>> buffers_, scratch_, eval_;
  std::string error_;
};

}  // namespace octet::tflite_abi
