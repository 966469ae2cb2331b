// SPDX-License-Identifier: Apache-2.0
// What operators that run another subgraph have in common: IF, CASE, COMPOSITE, WHILE.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

// The callee's ends have the number and element types of the node's operands from `first` on, and of its outputs.
Status CheckCallee(const OpView& op, const Callee& callee, int first, bool outputs);
// Shapes of the inputs from `first` on. `out` has room for all of them.
void InputShapes(const OpView& op, int first, std::span<Shape> out);

// A node that runs one of its callees, picked by its first input (or the only one): all of its kernel but the choice.
Status InferCall(const OpView& op, int first, std::span<OutputType> out, int chosen);  // chosen < 0: not known yet.
Status PrepareCall(Prepare& p, int first, int (*choose)(const Run& run, int callees));

}  // namespace octet::ops
