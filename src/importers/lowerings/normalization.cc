// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/normalization.h"

namespace octet::importers {

Result<Value> Normalize(Lowering& c, Value x, std::span<const int32_t> axes, float epsilon, Moments* moments) {
  OCTET_ASSIGN(const Value mean, c.Make("mean", {x, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value centred, c.Make("sub", {x, mean}));
  OCTET_ASSIGN(Value v, c.Make("mul", {centred, centred}));
  OCTET_ASSIGN(v, c.Make("mean", {v, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(v, c.Make("add", {v, c.Scalar(epsilon)}));
  OCTET_ASSIGN(v, c.Make("rsqrt", {v}));
  if (moments) *moments = {mean, v};
  return c.Make("mul", {centred, v});
}

Result<Value> RmsNormalize(Lowering& c, Value x, std::span<const int32_t> axes, float epsilon) {
  OCTET_ASSIGN(Value v, c.Make("mul", {x, x}));
  OCTET_ASSIGN(v, c.Make("mean", {v, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(v, c.Make("add", {v, c.Scalar(epsilon)}));
  OCTET_ASSIGN(v, c.Make("rsqrt", {v}));
  return c.Make("mul", {x, v});
}

}  // namespace octet::importers
