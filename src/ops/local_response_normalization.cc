// SPDX-License-Identifier: Apache-2.0
// y = x / (bias + alpha * s)^beta, s the sum of x^2 over the channels c - radius … c + radius. LiteRT's
// reference kernel leaves the last channel of the window out; its optimized one is the golden here.
#include "base/thread_pool.h"
#include "ops/unary_util.h"

namespace octet::ops::local_response_normalization {
namespace {

struct Attrs {
  int32_t radius = 0;
  float bias = 0.0f, alpha = 0.0f, beta = 0.0f;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::radius>("radius", 0), Attr<&Attrs::bias>("bias", 1), Attr<&Attrs::alpha>("alpha", 2), Attr<&Attrs::beta>("beta", 3)};
constexpr TypeRow kTypes[] = {{"T=f32", 1}};

struct Params {
  int64_t rows, depth;
  Attrs attrs;
};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() != 4) return op.Fail(Code::kInvalidModel, "expected [batch, height, width, channels], found %s", op.in(0)->shape.text().c_str());
  if (op.attrs<Attrs>().radius < 0) return op.Fail(Code::kInvalidModel, "radius %d is negative", op.attrs<Attrs>().radius);
  return {};
}

// The window's sum moves along: one square enters, one leaves. In double, so that nothing is left behind.
Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t radius = std::min<int64_t>(p.attrs.radius, p.depth);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const float* x = run.input<float>(0) + row * p.depth;
    float* y = run.output<float>(0) + row * p.depth;
    const auto square = [&](int64_t c) { return c >= 0 && c < p.depth ? static_cast<double>(x[c]) * static_cast<double>(x[c]) : 0.0; };
    double sum = 0;
    for (int64_t c = 0; c < radius; ++c) sum += square(c);
    for (int64_t c = 0; c < p.depth; ++c) {
      sum += square(c + radius);
      y[c] = x[c] * std::pow(p.attrs.bias + p.attrs.alpha * static_cast<float>(sum), -p.attrs.beta);
      sum -= square(c - radius);
    }
  });
  return {};
}

Status PrepareReference(Prepare& prepare) {
  const Shape& shape = prepare.op.in(0)->shape;
  auto* p = prepare.Params<Params>();
  *p = {shape.elements(0, 3), shape.back(), prepare.op.attrs<Attrs>()};
  prepare.SetRun(RunFloat, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "local_response_normalization",
    .code = BuiltinCode::kLocalResponseNormalization,
    .attrs = Layout<Attrs>(OptionsTable::kLocalResponseNormalization, kRows),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::local_response_normalization
