// SPDX-License-Identifier: Apache-2.0
// y = act(a / b), broadcast.
#include "ops/add_sub_util.h"

namespace octet::ops::div {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}};

struct Params {
  Broadcast shape;
  ClampF32 clamp;
};

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float low = p.clamp.low, high = p.clamp.high;
  RunBroadcast(p.shape, *run.pool, run.input<float>(0), run.input<float>(1), run.output<float>(0),
               [=](float x, float y) { return std::min(std::max(x / y, low), high); });
  return {};
}

Status PrepareReference(Prepare& prepare) {
  auto* p = prepare.Params<Params>();
  *p = {CollapseBroadcast(prepare.op.in(0)->shape, prepare.op.in(1)->shape, prepare.op.out(0)->shape), FloatClamp(prepare.op.attrs<ActivationAttrs>().activation)};
  prepare.SetRun(RunFloat, p);
  return {};
}
Status PrepareVectors(Prepare& p) { return PrepareBinaryF32(p, kernels::Binary::kDivide, FloatClamp(p.op.attrs<ActivationAttrs>().activation)); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32, .prepare = PrepareVectors}, {.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "div",
    .code = BuiltinCode::kDiv,
    .attrs = Layout<ActivationAttrs>(OptionsTable::kDiv, kAddRows),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = CheckBinaryWithActivation,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::div
