// SPDX-License-Identifier: Apache-2.0
// Complex numbers of TensorFlow graphs. LiteRT's operators hardly compute with them and put none together, so they are carried as two tensors
// for as long as nothing asks for the one: what only moves numbers is done to both parts, and arithmetic is arithmetic of parts.
#pragma once
#include "importers/lowerings/complex.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {

// The parts of a tensor, which is of real numbers perhaps.
Result<Complex> PartsOf(NodeContext& c, Value v);
// One tensor of them; its maker (TensorFlow's own operator) goes where only the parts are read.
Result<Value> Join(NodeContext& c, Complex parts);

// The node's rule; with complex numbers, once for each part of them where it moves them, and arithmetic of the parts where it computes.
Status Convert(NodeContext& c, const NodeRule& rule);
// From or to complex numbers.
Status CastComplex(NodeContext& c, Value x, DType dtype);

}  // namespace octet::importers::savedmodel
