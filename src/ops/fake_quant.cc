// SPDX-License-Identifier: Apache-2.0
// FakeQuant: rounds floats to the steps of a quantization of num_bits over [min, max], nudged so that 0 is a step; a range
// without 0 is moved until it ends there.
#include "ops/unary_util.h"

namespace octet::ops::fake_quant {
namespace {

struct Attrs {
  float min = 0, max = 0;
  int32_t num_bits = 0;
  bool narrow_range = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::min>("min", 0), Attr<&Attrs::max>("max", 1), Attr<&Attrs::num_bits>("num_bits", 2),
                             Attr<&Attrs::narrow_range>("narrow_range", 3)};
constexpr TypeRow kTypes[] = {{"T=f32"}};

struct Params {
  int64_t count;
  float scale, low, high;
};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  if (a.num_bits >= 2 && a.num_bits <= 16 && a.min < a.max && std::isfinite(a.max - a.min)) return {};
  return op.Fail(Code::kInvalidModel, "expected 2 to 16 bits over a range, found %d over [%g, %g]", a.num_bits,
                 static_cast<double>(a.min), static_cast<double>(a.max));
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float *x = run.input<float>(0), inverse = 1.0f / p.scale;
  float* y = run.output<float>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float clamped = std::min(p.high, std::max(p.low, x[i]));
      y[i] = std::round((clamped - p.low) * inverse) * p.scale + p.low;
    }
  });
  return {};
}

Status PrepareReference(Prepare& prepare) {
  const Attrs& a = prepare.op.attrs<Attrs>();
  auto* p = prepare.Params<Params>();
  const float first = a.narrow_range ? 1.0f : 0.0f, last = static_cast<float>((1 << a.num_bits) - 1);
  p->count = CountOf(prepare.op);
  p->scale = (a.max - a.min) / (last - first);
  const float zero = std::round(std::clamp(first - a.min / p->scale, first, last));
  p->low = (first - zero) * p->scale;
  p->high = (last - zero) * p->scale;
  prepare.SetRun(RunFloat, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

int Version(const OpView& op) { return op.attrs<Attrs>().narrow_range ? 2 : 1; }

}  // namespace

extern constinit const OpDef kDef = {
    .name = "fake_quant",
    .code = BuiltinCode::kFakeQuant,
    .attrs = Layout<Attrs>(OptionsTable::kFakeQuant, kRows),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .traits = kElementwise | kUnary | kKeepsChannels,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::fake_quant
