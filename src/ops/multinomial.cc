// SPDX-License-Identifier: Apache-2.0
// Multinomial: class numbers drawn with probabilities softmax(logits), by inverting the cumulative distribution.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/philox_util.h"

namespace octet::ops::multinomial {
namespace {

constexpr Operand kInputs[] = {{.name = "logits"}, {.name = "samples", .type = 'S', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=f32 S=i32 O=i32|i64"}};

Status Check(const OpView& op) {
  const Shape& logits = op.in(0)->shape;
  if (logits.rank() != 2 || logits[1] == 0) return op.Fail(Code::kInvalidModel, "expected logits [batch, classes], found %s", logits.text().c_str());
  return CheckScalar(op, 1, "samples");
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  int64_t samples = 0;
  out[0].dtype = op.out(0) ? op.out(0)->dtype : DType::kI64;
  out[0].dynamic = !ReadInt(op, 1, &samples);
  if (out[0].dynamic) return {};
  if (!FitsDimension(samples)) return op.Fail(Code::kInvalidArgument, "%lld samples", static_cast<long long>(samples));
  out[0].shape = {op.in(0)->shape[0], static_cast<int32_t>(samples)};
  return {};
}

struct Params {
  RandomState* state;
  int64_t batches, classes, samples;
  bool wide;
};

// Sums of exp(logit - largest) over the classes so far; logits that are not finite have no weight.
double Accumulate(const float* logits, int64_t n, double* sums) {
  float largest = std::numeric_limits<float>::lowest();
  for (int64_t i = 0; i < n; ++i)
    if (std::isfinite(logits[i])) largest = std::max(largest, logits[i]);
  double total = 0;
  for (int64_t i = 0; i < n; ++i) {
    if (std::isfinite(logits[i])) total += std::exp(static_cast<double>(logits[i]) - static_cast<double>(largest));
    sums[i] = total;
  }
  return total;
}

Status Draw(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RandomState now = *p.state;
  // As TensorFlow does: what other versions of the operator might have drawn is skipped between runs.
  SkipWords(*p.state, static_cast<uint64_t>(p.batches) * static_cast<uint64_t>((p.samples + 3) / 4 * 4) * 2 * 256);
  auto* sums = reinterpret_cast<double*>(run.workspace);
  PhiloxWords words{};
  size_t used = words.size();
  for (int64_t b = 0; b < p.batches; ++b) {
    const double total = Accumulate(run.input<float>(0) + b * p.classes, p.classes, sums);
    for (int64_t s = 0; s < p.samples; ++s, used += 2) {
      if (used == words.size()) {
        words = NextWords(now);
        used = 0;
      }
      const double wanted = UnitDouble(words[used], words[used + 1]) * total;
      const int64_t drawn = std::upper_bound(sums, sums + p.classes, wanted) - sums;
      const int64_t at = b * p.samples + s;
      if (p.wide) run.output<int64_t>(0)[at] = drawn;
      else run.output<int32_t>(0)[at] = static_cast<int32_t>(drawn);
    }
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  const Shape& logits = p.op.in(0)->shape;
  auto* params = p.Params<Params>();
  OCTET_ASSIGN(RandomState* const state, GeneratorOf(p));
  *params = {state, logits[0], logits[1], p.op.out(0)->shape[1], p.op.out(0)->dtype == DType::kI64};
  p.Workspace(sizeof(double) * static_cast<size_t>(logits[1]));
  p.SetRun(Draw, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "multinomial", .code = BuiltinCode::kMultinomial, .attrs = Layout<RandomAttrs>(OptionsTable::kRandom, kRandomRows),
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .traits = kRandom, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::multinomial
