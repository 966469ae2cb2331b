// SPDX-License-Identifier: Apache-2.0
// y = -x. Integers wrap; the kernel knows no quantization.
#include "ops/unary_util.h"

namespace octet::ops::neg {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|i8|i16|i32|i64", 1}};

template <class T> T Apply(T x) {
  if constexpr (std::is_integral_v<T>) return static_cast<T>(Wrapping<T>{0} - static_cast<Wrapping<T>>(x));
  else return -x;
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<UnaryParams>();
  params->count = CountOf(p.op);
  const auto pick = []<class T>() -> RunFn { return RunUnary<T, Apply<Compute<T>>>; };
  p.SetRun(ByType<float, F16, BF16, int8_t, int16_t, int32_t, int64_t>(p.op.in(0)->dtype, pick), params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status FromOnnx(ImportContext& c) { return EmitUnary(c, "neg"); }
constexpr ImportRule kRules[] = {
    {Source::kOnnx, "Neg", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "neg",
    .code = BuiltinCode::kNeg,
    .attrs = Layout<NoAttrs>(OptionsTable::kNeg, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::neg
