// SPDX-License-Identifier: Apache-2.0
// y = x for x > 0, e^x - 1 below.
#include "ops/unary_util.h"

namespace octet::ops::elu {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32", 1}, {"T=i8", 1}};
float Apply(float x) { return x < 0.0f ? std::expm1(x) : x; }

// e^x - 1 = 2t / (1 - t) with t = tanh(x / 2), which loses nothing near 0.
Status RunVectors(const void* params, const Run& run) {
  const float* x = run.input<float>(0);
  float* y = run.output<float>(0);
  const auto tanh = kernels::Vectors().function_f32[static_cast<int>(kernels::Function::kTanh)];
  ForChunks(run, static_cast<const UnaryParams*>(params)->count, [&](int64_t begin, int64_t end) {
    constexpr int64_t kBlock = 256;
    float t[kBlock];
    for (int64_t at = begin; at < end; at += kBlock) {
      const int64_t n = std::min(kBlock, end - at);
      for (int64_t i = 0; i < n; ++i) t[i] = 0.5f * x[at + i];
      tanh(t, n, t);
      for (int64_t i = 0; i < n; ++i) y[at + i] = x[at + i] < 0.0f ? 2.0f * t[i] / (1.0f - t[i]) : x[at + i];
    }
  });
  return {};
}
Status PrepareVectors(Prepare& p) {
  auto* params = p.Params<UnaryParams>();
  *params = {CountOf(p.op)};
  p.SetRun(RunVectors, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesFunctionF32, .prepare = PrepareVectors}, {.name = "reference", .prepare = PrepareUnary<Apply>}};

Status FromKeras(ImportContext& c) {
  const double alpha = c.Number("alpha", 1.0);
  if (alpha != 1.0) return c.Fail("alpha=1", std::to_string(alpha), "train with alpha=1, or use a custom layer");
  return EmitUnary(c, "elu");
}
constexpr ImportRule kRules[] = {{Source::kKerasActivation, "elu", 0, FromKeras}, {Source::kKeras, "ELU", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "elu",
    .code = BuiltinCode::kElu,
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary,
    .check = CheckUnary,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::elu
