// SPDX-License-Identifier: Apache-2.0
// y = x for x >= 0, alpha * x below. Integers: one multiplier for each sign, DOUBLE.
#include "ops/unary_util.h"

namespace octet::ops::leaky_relu {
namespace {

struct Attrs {
  float alpha = 0.0f;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::alpha>("alpha", 0)};
constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}};

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const UnaryParams*>(params);
  const float* x = run.input<float>(0);
  float* y = run.output<float>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = x[i] > 0 ? x[i] : x[i] * p.alpha;
  });
  return {};
}

struct Integer {
  Multiplier identity, alpha;
};

int32_t Entry(const OpView& op, int32_t value, const void* context) {
  const auto& q = *static_cast<const Integer*>(context);
  const int32_t x = value - op.in(0)->quant.zero0();
  const Clamp32 range = RangeOf(op.out(0)->dtype);
  return std::clamp(op.out(0)->quant.zero0() + Requantize(x, x >= 0 ? q.identity : q.alpha), range.low, range.high);
}

Status PrepareReference(Prepare& p) {
  const OpView& op = p.op;
  const float alpha = op.attrs<Attrs>().alpha;
  if (op.in(0)->dtype == DType::kF32) {
    auto* params = p.Params<UnaryParams>();
    *params = {CountOf(op), alpha};
    p.SetRun(RunFloat, params);
    return {};
  }
  const double identity = static_cast<double>(op.in(0)->quant.scale0()) / static_cast<double>(op.out(0)->quant.scale0());
  const double below = static_cast<double>(op.in(0)->quant.scale0()) * static_cast<double>(alpha) / static_cast<double>(op.out(0)->quant.scale0());
  const Integer q{QuantizeMultiplier(identity), QuantizeMultiplier(below)};
  return PrepareTable(p, Entry, &q);
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

Status Emit(ImportContext& c, double slope) {
  OCTET_ASSIGN(Value y, c.Emit("leaky_relu", {c.Input(0)}, Attrs{static_cast<float>(slope)}));
  c.SetOutput(0, y);
  return {};
}
// "alpha" in Keras 2, default 0.3 in both.
Status FromKeras(ImportContext& c) { return Emit(c, c.Number("negative_slope", c.Number("alpha", 0.3))); }
Status FromActivation(ImportContext& c) { return Emit(c, c.Number("negative_slope", 0.2)); }
Status FromOnnx(ImportContext& c) { return Emit(c, c.Number("alpha", 0.01)); }
constexpr ImportRule kRules[] = {
    {Source::kKeras, "LeakyReLU", 0, FromKeras},
    {Source::kKerasActivation, "leaky_relu", 0, FromActivation},
    {Source::kOnnx, "LeakyRelu", 0, FromOnnx},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "leaky_relu",
    .code = BuiltinCode::kLeakyRelu,
    .attrs = Layout<Attrs>(OptionsTable::kLeakyRelu, kRows),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kHomogeneous | kKeepsChannels,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::leaky_relu
