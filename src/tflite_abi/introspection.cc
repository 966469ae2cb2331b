// SPDX-License-Identifier: Apache-2.0
// What the C++ headers (include/tensorflow/lite/interpreter.h) need beyond TensorFlow Lite's C interface: the nodes.
#include "ops/op_def.h"
#include "ops/registry.h"
#include "tflite_abi/c_api.h"

extern "C" {
TFL_CAPI_EXPORT int32_t TfLiteOctetNodeCount(const TfLiteInterpreter* it);
// Of the first subgraph, in the order in which they run. The lists are the caller's (TfLiteIntArrayFree).
TFL_CAPI_EXPORT TfLiteStatus TfLiteOctetNode(const TfLiteInterpreter* it, int32_t i, int32_t* builtin_code, const char** custom_name, TfLiteIntArray** inputs,
                                             TfLiteIntArray** outputs);
}

int32_t TfLiteOctetNodeCount(const TfLiteInterpreter* it) { return it->session->interpreter().num_nodes(); }

TfLiteStatus TfLiteOctetNode(const TfLiteInterpreter* it, int32_t i, int32_t* builtin_code, const char** custom_name, TfLiteIntArray** inputs,
                             TfLiteIntArray** outputs) {
  if (i < 0 || i >= TfLiteOctetNodeCount(it)) return kTfLiteError;
  const octet::runtime::NodeInfo node = it->session->interpreter().node(i);
  const octet::ops::OpDef* def = octet::ops::Find(node.op);
  const bool custom = !def || def->code == octet::ops::BuiltinCode::kCustom;
  *builtin_code = custom ? static_cast<int32_t>(kTfLiteBuiltinCustom) : static_cast<int32_t>(def->code);
  *custom_name = custom ? node.op.data() : nullptr;  // Literals, and names that stay registered.
  *inputs = octet::tflite_abi::ToIntArray(node.inputs);
  *outputs = octet::tflite_abi::ToIntArray(node.outputs);
  return kTfLiteOk;
}
