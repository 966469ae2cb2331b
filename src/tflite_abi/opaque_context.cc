// SPDX-License-Identifier: Apache-2.0
// What opaque delegates ask of the model.
#include "tensorflow/lite/c/c_api_opaque.h"
#include "tflite_abi/delegate_context.h"
#include "tflite_abi/registration.h"

using octet::tflite_abi::DelegateContext;

namespace {
TfLiteContext* Of(TfLiteOpaqueContext* c) { return reinterpret_cast<TfLiteContext*>(c); }
const TfLiteContext* Of(const TfLiteOpaqueContext* c) { return reinterpret_cast<const TfLiteContext*>(c); }
}  // namespace

TfLiteStatus TfLiteOpaqueContextGetExecutionPlan(TfLiteOpaqueContext* context, TfLiteIntArray** plan) {
  return Of(context)->GetExecutionPlan(Of(context), plan);
}

TfLiteStatus TfLiteOpaqueContextGetNodeAndRegistration(TfLiteOpaqueContext* context, int node_index, TfLiteOpaqueNode** node,
                                                       TfLiteOperator** registration_external) {
  DelegateContext* self = DelegateContext::From(Of(context));
  TfLiteRegistration* registration = nullptr;
  if (!self || Of(context)->GetNodeAndRegistration(Of(context), node_index, reinterpret_cast<TfLiteNode**>(node), &registration) != kTfLiteOk)
    return kTfLiteError;
  *registration_external = self->OperatorOf(node_index);
  return kTfLiteOk;
}

TfLiteStatus TfLiteOpaqueContextReplaceNodeSubsetsWithDelegateKernels(TfLiteOpaqueContext* context, TfLiteOperator* op, const TfLiteIntArray* nodes,
                                                                      TfLiteOpaqueDelegate* delegate) {
  DelegateContext* self = DelegateContext::From(Of(context));
  return self && op ? self->Replace(op, nodes, delegate) : kTfLiteError;
}

TfLiteStatus TfLiteOpaqueContextGetInputs(const TfLiteOpaqueContext* context, const int** inputs, int* num_inputs) {
  const DelegateContext* self = DelegateContext::From(Of(context));
  if (!self) return kTfLiteError;
  *inputs = self->graph().inputs;
  *num_inputs = self->graph().num_inputs;
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueContextGetOutputs(const TfLiteOpaqueContext* context, const int** outputs, int* num_outputs) {
  const DelegateContext* self = DelegateContext::From(Of(context));
  if (!self) return kTfLiteError;
  *outputs = self->graph().outputs;
  *num_outputs = self->graph().num_outputs;
  return kTfLiteOk;
}
TfLiteStatus TfLiteOpaqueContextGetVariables(const TfLiteOpaqueContext* context, const int** variables, int* num_variables) {
  if (!DelegateContext::From(Of(context))) return kTfLiteError;
  *variables = nullptr;  // State stays with octet.
  *num_variables = 0;
  return kTfLiteOk;
}
size_t TfLiteOpaqueContextGetNumNodes(const TfLiteOpaqueContext* context) {
  const DelegateContext* self = DelegateContext::From(Of(context));
  return self ? static_cast<size_t>(self->graph().num_nodes) : 0;
}
const char* TfLiteOpaqueContextGetName(const TfLiteOpaqueContext*) { return "main"; }
TfLiteStatus TfLiteOpaqueContextAcquireSubgraphContext(TfLiteOpaqueContext*, int, TfLiteOpaqueContext**) { return kTfLiteError; }
TfLiteStatus TfLiteOpaqueContextReleaseSubgraphContext(TfLiteOpaqueContext*, int) { return kTfLiteError; }
TfLiteStatus TfLiteOpaqueContextMarkSubgraphAsDelegationSkippable(TfLiteOpaqueContext*, int) { return kTfLiteError; }
TfLiteStatus TfLiteOpaqueContextGetNodeInitDataMmapInfo(const TfLiteOpaqueContext*, const TfLiteOpaqueNode*, int*, int64_t*, int64_t*) { return kTfLiteError; }
TfLiteStatus TfLiteOpaqueContextGetExternalContext(TfLiteOpaqueContext*, void**, TfLiteExternalContextType) { return kTfLiteError; }
TfLiteStatus TfLiteOpaqueContextGetMetadata(TfLiteOpaqueContext*, const char*, const char**, size_t*) { return kTfLiteError; }
