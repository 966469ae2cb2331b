// SPDX-License-Identifier: Apache-2.0
#include "ops/unary_util.h"

#include <array>

#include "base/thread_pool.h"

namespace octet::ops {
namespace {

constexpr int64_t kChunk = 16384;       // Elements per task.
constexpr int64_t kWorthPieces = 1024;  // Elements; for fewer, finding a table's pieces takes as long as thousands of inferences save.

struct FunctionParams {
  int64_t count;
  kernels::Function function;
};

Status RunFunction(const void* params, const Run& run) {
  const auto& p = *static_cast<const FunctionParams*>(params);
  const float* x = run.input<float>(0);
  float* y = run.output<float>(0);
  const auto apply = kernels::Vectors().function_f32[static_cast<int>(p.function)];
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) { apply(x + begin, end - begin, y + begin); });
  return {};
}

struct TabulatedFunction {
  FloatFunction f;
  float parameter, in_scale;
  int32_t in_zero;
  float out_scale;
  int32_t out_zero;
  Clamp32 range;
};

int32_t Tabulate(const TabulatedFunction& q, int32_t value) {
  const float x = q.in_scale * static_cast<float>(value - q.in_zero);
  const float rescaled = std::round(q.f(x, q.parameter) * (1.0f / q.out_scale));
  // Infinities saturate and NaN (0/0, without any scale) is 0, as in LiteRT; a cast would be undefined.
  const float shifted = rescaled + static_cast<float>(q.out_zero);
  if (std::isnan(shifted)) return 0;
  if (shifted <= static_cast<float>(q.range.low)) return q.range.low;
  return shifted >= static_cast<float>(q.range.high) ? q.range.high : static_cast<int32_t>(shifted);
}

using Entries = std::array<int32_t, 256>;  // From the input's lowest value on.

Entries TabulateEach(TableEntry entry, const void* q, int32_t low) {
  Entries all;
  for (int32_t i = 0; i < 256; ++i) all[static_cast<size_t>(i)] = entry(q, low + i);
  return all;
}

// |vectors(x) - f(x)| is below kApart (|x| + |y|), about 30 units in the last place: where y / scale is farther than that from a half,
// both round alike. The few others, and what is no number, are f's. Models have tables by the dozen, and f takes 40 ns.
Entries TabulateAtOnce(const TabulatedFunction& q, kernels::Function vectors, int32_t low) {
  constexpr float kApart = 4e-6f, kToWhole = 0x1.8p23f;  // Adding it to less than 2^22 leaves no places for fractions.
  std::array<float, 256> x, y;
  for (int32_t i = 0; i < 256; ++i) x[static_cast<size_t>(i)] = q.in_scale * static_cast<float>(low + i - q.in_zero);
  kernels::Vectors().function_f32[static_cast<int>(vectors)](x.data(), 256, y.data());
  const float inverse = 1.0f / q.out_scale, zero = static_cast<float>(q.out_zero), least = static_cast<float>(q.range.low),
              most = static_cast<float>(q.range.high);
  std::array<float, 256> to_half;  // From there; negative where that is not sure.
  Entries all;
  for (size_t i = 0; i < all.size(); ++i) {
    const float scaled = y[i] * inverse, near = std::min(std::max(-0x1p21f, scaled), 0x1p21f), whole = near + kToWhole - kToWhole;
    to_half[i] = 0.5f - std::abs(scaled - whole) - kApart * (std::abs(x[i]) + std::abs(y[i])) * inverse;
    all[i] = static_cast<int32_t>(std::min(std::max(least, whole + zero), most));
  }
  for (int32_t i = 0; i < 256; ++i)
    if (!(to_half[static_cast<size_t>(i)] > 0)) all[static_cast<size_t>(i)] = Tabulate(q, low + i);
  return all;
}

Status PrepareEntries(Prepare& p, const Entries& entries) {
  auto* params = p.Params<TableParams>();
  params->count = CountOf(p.op);
  const int32_t low = RangeOf(p.op.in(0)->dtype).low;
  for (int32_t i = 0; i < 256; ++i) params->table.entry[static_cast<uint8_t>(low + i)] = static_cast<uint8_t>(entries[static_cast<size_t>(i)]);
  if (params->count >= kWorthPieces) kernels::FindPieces(&params->table);
  p.SetRun(RunTable, params);
  return {};
}

}  // namespace

Status RunTable(const void* params, const Run& run) {
  const auto& p = *static_cast<const TableParams*>(params);
  const uint8_t* x = run.input<uint8_t>(0);
  uint8_t* y = run.output<uint8_t>(0);
  const int64_t first = run.rows ? run.rows->first * p.row : 0, count = run.rows ? run.rows->end * p.row - first : p.count;
  ForChunks(run, count, [&](int64_t begin, int64_t end) { kernels::Vectors().lookup(x + first + begin, end - begin, p.table, y + first + begin); });
  return {};
}

int64_t CountOf(const OpView& op) { return op.in(0)->shape.elements(); }

Status InferUnary(const OpView& op, std::span<OutputType> out) {
  out[0].shape = op.in(0)->shape;
  return {};
}

Status CheckUnary(const OpView& op) {
  const DType t = op.in(0)->dtype;
  if (t != DType::kI8 && t != DType::kU8 && t != DType::kI16) return {};
  if (op.in(0)->quant.empty() && (!op.out(0) || op.out(0)->quant.empty())) return {};
  OCTET_TRY(CheckPerTensor(op, *op.in(0), "input"));
  if (op.out(0)) OCTET_TRY(CheckPerTensor(op, *op.out(0), "output"));
  const int32_t zero_in = op.in(0)->quant.zero0(), zero_out = op.out(0) ? op.out(0)->quant.zero0() : 0;
  if (t == DType::kI16 && (zero_in != 0 || zero_out != 0))
    return op.Fail(Code::kInvalidModel, "int16 needs zero points of 0, found %d and %d", zero_in, zero_out);
  return {};
}

Cost CostOfUnary(const OpView& op) {
  const auto bytes = [](const TensorType& t) { return t.shape.elements() * BitsOf(t.dtype) / 8; };
  return {0, bytes(*op.in(0)) + bytes(*op.out(0))};
}

void ForChunks(const Run& run, int64_t count, void (*body)(const void*, int64_t, int64_t), const void* context) {
  run.pool->For((count + kChunk - 1) / kChunk, [&](int64_t task, int) { body(context, task * kChunk, std::min(count, (task + 1) * kChunk)); });
}

bool TakesFunctionF32(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32; }

Status PrepareFunctionF32(Prepare& p, kernels::Function function) {
  auto* params = p.Params<FunctionParams>();
  *params = {CountOf(p.op), function};
  p.SetRun(RunFunction, params);
  return {};
}

Status PrepareTable(Prepare& p, TableEntry entry, const void* q) {
  return PrepareEntries(p, TabulateEach(entry, q, RangeOf(p.op.in(0)->dtype).low));
}

Status PrepareFunction(Prepare& p, FloatFunction f, float parameter, std::optional<kernels::Function> vectors) {
  const TensorType &in = *p.op.in(0), &out = *p.op.out(0);
  if (in.dtype == DType::kI16) {
    Lut16 lut;
    FillLut16(in.quant.scale0(), in.quant.zero0(), out.quant.scale0(), out.quant.zero0(),
              [&](float x) { return f(x, parameter); }, &lut);
    return PrepareInteger<Lut16, LookUp>(p, lut);
  }
  const TabulatedFunction q{f, parameter, in.quant.scale0(), in.quant.zero0(), out.quant.scale0(), out.quant.zero0(), RangeOf(out.dtype)};
  return vectors ? PrepareEntries(p, TabulateAtOnce(q, *vectors, RangeOf(in.dtype).low)) : PrepareInteger<TabulatedFunction, Tabulate>(p, q);
}

}  // namespace octet::ops
