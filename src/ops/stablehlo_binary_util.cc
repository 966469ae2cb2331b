// SPDX-License-Identifier: Apache-2.0
#include "ops/stablehlo_binary_util.h"

namespace octet::ops {

Status CheckStablehloBinary(const OpView& op) {
  const Shape &a = op.in(0)->shape, &b = op.in(1)->shape;
  if (a.known() && b.known() && !(a == b))
    return op.Fail(Code::kInvalidModel, "expected operands of one shape, found %s and %s", a.text().c_str(), b.text().c_str());
  return {};
}

Status InferStablehloBinary(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  out[0].shape = op.in(0)->shape.known() ? op.in(0)->shape : op.in(1)->shape;
  return {};
}

}  // namespace octet::ops
