// SPDX-License-Identifier: Apache-2.0
// Operators of TensorFlow's that no builtin one expresses: TensorFlow Lite's custom ones, and "Flex..." as TensorFlow's converter writes them with
// SELECT_TF_OPS. octet computes those it has kernels for itself (src/ops/flex_*.cc); LiteRT needs its Flex delegate.
#pragma once
#include <initializer_list>
#include <map>
#include <string>

#include "importers/lowering.h"

namespace octet::importers {

// A node that is a custom operator which octet computes, with its options. The outputs' shapes are what the operator's definition says.
Result<std::vector<Value>> AddCustomOp(Lowering& c, const ops::OpDef& def, std::span<const Value> inputs, std::vector<TensorType> outputs,
                                       std::vector<std::byte> options);

// An attribute by its name, and its message AttrValue.
using NodeAttr = std::pair<const std::string, std::string>;
NodeAttr IntAttr(std::string name, int64_t value);
NodeAttr FloatAttr(std::string name, float value);
NodeAttr BoolAttr(std::string name, bool value);
NodeAttr TextAttr(std::string name, std::string_view value);
NodeAttr TypeAttr(std::string name, DType value);
NodeAttr IntsAttr(std::string name, std::span<const int64_t> values);
NodeAttr TypesAttr(std::string name, std::span<const DType> values);
NodeAttr TextsAttr(std::string name, std::span<const std::string_view> values);

// The message NodeDef of an op: inputs are there without names.
std::string NodeMessage(std::string_view op, size_t inputs, const std::map<std::string, std::string>& attrs, std::string_view place);

// Whether octet has a kernel for the op.
bool HasOwnKernel(std::string_view op);

// A node that is this op; `message` is its NodeDef. Shapes of the outputs are what the op's own definition says, where octet has one.
Result<std::vector<Value>> AddTensorFlowOp(Lowering& c, std::string_view op, std::span<const Value> inputs, std::vector<TensorType> outputs,
                                           std::string_view message);
// The same for an op with a kernel, with attributes in the place of a NodeDef. They must be complete.
Result<std::vector<Value>> MakeTensorFlowOp(Lowering& c, std::string_view op, std::span<const Value> inputs, std::initializer_list<DType> outputs,
                                            std::initializer_list<NodeAttr> attrs);
inline Result<std::vector<Value>> MakeTensorFlowOp(Lowering& c, std::string_view op, std::initializer_list<Value> inputs, std::initializer_list<DType> outputs,
                                                   std::initializer_list<NodeAttr> attrs) {
  return MakeTensorFlowOp(c, op, std::span(inputs.begin(), inputs.size()), outputs, attrs);
}

}  // namespace octet::importers
