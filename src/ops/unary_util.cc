// SPDX-License-Identifier: Apache-2.0
#include "ops/unary_util.h"

#include "base/thread_pool.h"

namespace octet::ops {
namespace {

constexpr int64_t kChunk = 16384;  // Elements per task.

struct TableParams {
  int64_t count;
  int8_t table[256];  // Indexed by the input's bits.
};

Status RunTable(const void* params, const Run& run) {
  const auto& p = *static_cast<const TableParams*>(params);
  const uint8_t* x = run.input<uint8_t>(0);
  uint8_t* y = run.output<uint8_t>(0);
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    kernels::Vectors().lookup(x + begin, end - begin, reinterpret_cast<const uint8_t*>(p.table), y + begin);
  });
  return {};
}

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

}  // namespace

int64_t CountOf(const OpView& op) { return op.in(0)->shape.elements(); }

Status InferUnary(const OpView& op, std::span<OutputType> out) {
  out[0].shape = op.in(0)->shape;
  return {};
}

Status CheckUnary(const OpView& op) {
  const DType t = op.in(0)->dtype;
  if (t != DType::kI8 && t != DType::kU8 && t != DType::kI16) return {};
  OCTET_TRY(CheckPerTensor(op, *op.in(0), "input"));
  return op.out(0) ? CheckPerTensor(op, *op.out(0), "output") : Status();
}

Cost CostOfUnary(const OpView& op) {
  const auto bytes = [](const TensorType& t) { return t.shape.elements() * BitsOf(t.dtype) / 8; };
  return {0, bytes(*op.in(0)) + bytes(*op.out(0))};
}

void ForChunks(const Run& run, int64_t count, void (*body)(const void*, int64_t, int64_t), const void* context) {
  run.pool->For((count + kChunk - 1) / kChunk, [&](int64_t task, int) { body(context, task * kChunk, std::min(count, (task + 1) * kChunk)); });
}

int32_t FloatTableEntry(const OpView& op, int32_t value, float (*f)(float)) {
  const Quant &in = op.in(0)->quant, &out = op.out(0)->quant;
  const float x = in.scale0() * static_cast<float>(value - in.zero0());
  const float rescaled = std::round(f(x) * (1.0f / out.scale0()));
  const Clamp32 range = RangeOf(op.out(0)->dtype);
  // Infinities (log of 0) saturate, as a cast of what is out of range would not.
  const float shifted = rescaled + static_cast<float>(out.zero0());
  if (!(shifted > static_cast<float>(range.low))) return range.low;
  return shifted >= static_cast<float>(range.high) ? range.high : static_cast<int32_t>(shifted);
}

bool TakesFunctionF32(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32; }

Status PrepareFunctionF32(Prepare& p, kernels::Function function) {
  auto* params = p.Params<FunctionParams>();
  *params = {CountOf(p.op), function};
  p.SetRun(RunFunction, params);
  return {};
}

Status PrepareTable(Prepare& p, TableEntry entry, const void* context) {
  auto* params = p.Params<TableParams>();
  params->count = CountOf(p.op);
  const int32_t low = RangeOf(p.op.in(0)->dtype).low;
  for (int32_t i = 0; i < 256; ++i) {
    const int32_t value = low + i;
    params->table[static_cast<uint8_t>(value)] = static_cast<int8_t>(entry(p.op, value, context));
  }
  p.SetRun(RunTable, params);
  return {};
}

}  // namespace octet::ops
