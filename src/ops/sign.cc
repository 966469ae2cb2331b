// SPDX-License-Identifier: Apache-2.0
// y = -1, 0 or 1 with the sign of x; NaN stays.
#include "ops/unary_util.h"

namespace octet::ops::sign {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f64", 1}, {"T=i32", 2}};

template <class T> T Apply(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(x)) return x;
  }
  return static_cast<T>(x > 0 ? 1 : x < 0 ? -1 : 0);
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<UnaryParams>();
  params->count = CountOf(p.op);
  p.SetRun(ByType<float, double, int32_t>(p.op.in(0)->dtype, []<class T>() -> RunFn { return RunUnary<T, Apply<T>>; }), params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "sign",
    .code = BuiltinCode::kSign,
    .attrs = Layout<NoAttrs>(OptionsTable::kSign, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::sign
