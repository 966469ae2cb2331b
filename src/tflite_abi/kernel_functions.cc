// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/kernel_functions.h"

#include "tflite_abi/mirror.h"
#include "tflite_abi/registration.h"

namespace octet::tflite_abi {
namespace {
TfLiteOpaqueContext* Opaque(TfLiteContext* c) { return reinterpret_cast<TfLiteOpaqueContext*>(c); }
TfLiteOpaqueNode* Opaque(TfLiteNode* n) { return reinterpret_cast<TfLiteOpaqueNode*>(n); }
void SayNothing(TfLiteContext*, const char*, ...) {}
}  // namespace

void* CallInit(const TfLiteRegistration& r, TfLiteContext* context, const char* data, size_t bytes) {
  const TfLiteOperator* op = r.registration_external;
  if (!op) return r.init ? r.init(context, data, bytes) : nullptr;
  if (op->init_with_data) return op->init_with_data(op->user_data, Opaque(context), data, bytes);
  return op->init ? op->init(Opaque(context), data, bytes) : nullptr;
}

void CallFree(const TfLiteRegistration& r, TfLiteContext* context, void* data) {
  const TfLiteOperator* op = r.registration_external;
  if (!op && r.free) r.free(context, data);
  if (op && op->free_with_data) op->free_with_data(op->user_data, Opaque(context), data);
  else if (op && op->free) op->free(Opaque(context), data);
}

TfLiteStatus CallPrepare(const TfLiteRegistration& r, TfLiteContext* context, TfLiteNode* node) {
  const TfLiteOperator* op = r.registration_external;
  if (!op) return r.prepare ? r.prepare(context, node) : kTfLiteOk;
  if (op->prepare_with_data) return op->prepare_with_data(op->user_data, Opaque(context), Opaque(node));
  return op->prepare ? op->prepare(Opaque(context), Opaque(node)) : kTfLiteOk;
}

TfLiteStatus CallInvoke(const TfLiteRegistration& r, TfLiteContext* context, TfLiteNode* node) {
  const TfLiteOperator* op = r.registration_external;
  if (!op && r.invoke) return r.invoke(context, node);
  if (op && op->invoke_with_data) return op->invoke_with_data(op->user_data, Opaque(context), Opaque(node));
  if (op && op->invoke) return op->invoke(Opaque(context), Opaque(node));
  context->ReportError(context, "it has no invoke");
  return kTfLiteError;
}

TfLiteContext RefusingContext() {
  TfLiteContext c = {};
  c.GetExecutionPlan = [](TfLiteContext*, TfLiteIntArray**) { return kTfLiteError; };
  c.ResizeTensor = [](TfLiteContext*, TfLiteTensor*, TfLiteIntArray* size) {
    TfLiteIntArrayFree(size);
    return kTfLiteError;
  };
  c.ReportError = SayNothing;
  c.AddTensors = [](TfLiteContext*, int, int*) { return kTfLiteError; };
  c.GetNodeAndRegistration = [](TfLiteContext*, int, TfLiteNode**, TfLiteRegistration**) { return kTfLiteError; };
  c.ReplaceNodeSubsetsWithDelegateKernels = [](TfLiteContext*, TfLiteRegistration, const TfLiteIntArray*, TfLiteDelegate*) { return kTfLiteError; };
  c.GetExternalContext = [](TfLiteContext*, TfLiteExternalContextType) -> TfLiteExternalContext* { return nullptr; };
  c.SetExternalContext = [](TfLiteContext*, TfLiteExternalContextType, TfLiteExternalContext*) {};
  c.AllocatePersistentBuffer = [](TfLiteContext*, size_t) -> void* { return nullptr; };
  c.AllocateBufferForEval = [](TfLiteContext*, size_t, void**) { return kTfLiteError; };
  c.RequestScratchBufferInArena = [](TfLiteContext*, size_t, int*) { return kTfLiteError; };
  c.GetScratchBuffer = [](TfLiteContext*, int) -> void* { return nullptr; };
  c.ResizeTensorExplicit = [](TfLiteContext*, TfLiteTensor*, int, const int*) { return kTfLiteError; };
  c.PreviewDelegatePartitioning = [](TfLiteContext*, const TfLiteIntArray*, TfLiteDelegateParams**, int*) { return kTfLiteError; };
  c.GetTensor = [](const TfLiteContext*, int) -> TfLiteTensor* { return nullptr; };
  c.GetEvalTensor = [](const TfLiteContext*, int) -> TfLiteEvalTensor* { return nullptr; };
  c.GetModelMetadata = [](const TfLiteContext*, const char*, const char**, size_t*) { return kTfLiteError; };
  c.AcquireSubgraphContext = [](TfLiteContext*, int, TfLiteContext**) { return kTfLiteError; };
  c.ReleaseSubgraphContext = [](TfLiteContext*, int) { return kTfLiteError; };
  return c;
}

bool BytesOf(const TfLiteTensor& t, size_t* bytes) {
  size_t elements = 1, size = 0;
  for (int i = 0; t.dims && i < t.dims->size; ++i)
    if (t.dims->data[i] < 0 || __builtin_mul_overflow(elements, static_cast<size_t>(t.dims->data[i]), &elements)) return false;
  return SizeOfType(t.type, &size) && !__builtin_mul_overflow(elements, size, bytes);
}

}  // namespace octet::tflite_abi
