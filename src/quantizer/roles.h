// SPDX-License-Identifier: Apache-2.0
// How an operator uses its operands, read from its definition: the quantizer knows no operator by name.
#pragma once
#include "graph/graph.h"

namespace octet::quantizer {

// Weights and bias of an operator that multiplies by them: convolutions, dense layers.
struct WeightedOp {
  int data = 0, weights = -1, bias = -1;
  int output_axis = 0;       // Of the weights: one slice per output channel.
  bool channelwise = false;  // Depthwise: a slice meets one input channel only. Else the last axis is the input's.
};

// False where the operator has no weights, or they are not float constants.
bool FindWeights(const graph::Graph& g, graph::NodeId id, WeightedOp* found);

// The quantization rule of operand `i` (outputs: ~i); the last declared operand's rule repeats for lists.
const ops::QuantRow* RuleFor(const ops::OpDef& op, int operand, DType activation);

// The element type that an operand of that rule takes beside activations of that type (kI8 or kI16).
DType QuantizedType(const ops::QuantRow* rule, DType activation);

// Is the operand read for its shape alone? It may have any type then, and the definition binds none.
bool ReadsShapeOnly(const ops::OpDef& op, int operand);

// Does the operator make the same integers of quantized values as of floats? A comparison of 8 bits is coarser than its operands.
bool TellsIntegersApart(const ops::OpDef& op);

// Below this value all who read the tensor make the same of it, so that its range may end there.
float LowestUseful(const graph::Graph& g, graph::TensorId t);

// What the node costs where open dimensions are 1: for one sample.
ops::Cost SampleCost(const graph::Graph& g, graph::NodeId id);

// Could this node run with such activations and weights? Looks only at the definition's type rows.
bool HasIntegerForm(const graph::Graph& g, graph::NodeId id, DType activation = DType::kI8, DType weights = DType::kI8);

}  // namespace octet::quantizer
