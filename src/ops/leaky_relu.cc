// SPDX-License-Identifier: Apache-2.0
// y = x for x >= 0, alpha * x below. Integers: one multiplier for each sign, DOUBLE.
#include "ops/binary_vector_util.h"
#include "ops/unary_util.h"

namespace octet::ops::leaky_relu {
namespace {

struct Attrs {
  float alpha = 0.0f;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::alpha>("alpha", 0)};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i8", 1}, {"T=i16", 2}};

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const UnaryParams*>(params);
  const float* x = run.input<float>(0);
  float* y = run.output<float>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    const float alpha = p.alpha;  // Stores to y might change it.
    for (int64_t i = begin; i < end; ++i) y[i] = x[i] > 0 ? x[i] : x[i] * alpha;
  });
  return {};
}

Status PrepareVectors(Prepare& p) {
  return PrepareWithNumberF32(p, kernels::Binary::kLeakyRelu, p.op.attrs<Attrs>().alpha, FloatClamp(Activation::kNone));
}

struct Integer {
  Multiplier identity, alpha;
  bool negate;  // alpha < 0: the multiplier is its magnitude, as ties round away from zero for products > 0 only.
  int32_t zero_in, zero_out;
  Clamp32 range;
};

int32_t Entry(const Integer& q, int32_t value) {
  const int32_t x = value - q.zero_in;
  const int32_t y = Requantize(x, x >= 0 ? q.identity : q.alpha);
  return std::clamp(q.zero_out + (x < 0 && q.negate ? -y : y), q.range.low, q.range.high);
}

Status PrepareReference(Prepare& p) {
  const TensorType &x = *p.op.in(0), &y = *p.op.out(0);
  const float alpha = p.op.attrs<Attrs>().alpha;
  if (x.dtype == DType::kF32) {
    auto* params = p.Params<UnaryParams>();
    *params = {CountOf(p.op), alpha};
    p.SetRun(RunFloat, params);
    return {};
  }
  const float in = x.quant.scale0(), out = y.quant.scale0(), below = in * alpha / out;
  const Integer q{QuantizeMultiplier(static_cast<double>(in / out)), QuantizeMultiplier(static_cast<double>(std::abs(below))), below < 0,
                  x.quant.zero0(), y.quant.zero0(), RangeOf(y.dtype)};
  return PrepareInteger<Integer, Entry>(p, q);
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

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
