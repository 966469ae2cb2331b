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

// Could this node run with int8 activations? Looks only at the definition's type rows.
bool HasInt8Form(const graph::Graph& g, graph::NodeId id);

}  // namespace octet::quantizer
