// SPDX-License-Identifier: Apache-2.0
// Is an operator a product with one of its operands? Asked of the operator itself, by running it.
#pragma once
#include "graph/graph.h"

namespace octet::quantizer {

// The operand of an element-wise node of two operands that is a float constant with one number per channel (last
// axis); -1 where there is none.
int ChannelConstant(const graph::Graph& g, graph::NodeId id);

// Does the output of such a node double when the operand does, whatever the other is?
bool GrowsWith(const graph::Graph& g, graph::NodeId id, int operand);

}  // namespace octet::quantizer
