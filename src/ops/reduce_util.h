// SPDX-License-Identifier: Apache-2.0
// Reductions over any set of axes: out[kept] = combine over the reduced axes of in[kept, reduced].
#pragma once
#include "base/thread_pool.h"
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/quant_util.h"
#include "ops/reduce_attrs.h"

namespace octet::ops {

inline constexpr AttrRow kReduceRows[] = {Attr<&ReduceAttrs::keep_dims>("keep_dims", 0)};
inline constexpr Operand kReduceInputs[] = {{.name = "input"}, {.name = "axis", .type = 'A', .role = Role::kShape}};
inline constexpr Operand kReduceOutputs[] = {{.name = "output"}};

Status CheckReduce(const OpView& op);
// As CheckReduce; int8, uint8 and int16 must have one quantization in and out.
Status CheckReduceSameQuant(const OpView& op);
Status InferReduce(const OpView& op, std::span<OutputType> out);

// Neighbouring axes of one kind merged; sizes of 1 dropped.
struct ReducePlan {
  struct Axis {
    int64_t size, in_step, out_step;  // Elements; out_step is 0 along reduced axes.
  };
  int rank = 0;
  std::array<Axis, kMaxRank> axis{};
  int64_t outputs = 1;  // Elements of the output.
  int64_t reduced = 1;  // Elements that make one output.
  bool empty = false;   // The input has none.
};
ReducePlan PlanReduce(const OpView& op);

// What networks reduce gets loops of its own; elsewhere they would only be long.
template <class In> inline constexpr bool kReducedOften = std::is_same_v<In, float> || std::is_same_v<In, int8_t> || std::is_class_v<In>;  // Or Bool.

// Rows onto one: some columns at a time, whose values stay in registers.
template <class In, class Sum, class F> void ReduceRows(const In* in, int64_t pitch, int64_t rows, int64_t columns, Sum* out, const F& combine) {
  constexpr int64_t kTogether = 64 / sizeof(Sum);
  int64_t c = 0;
  for (; c + kTogether <= columns; c += kTogether) {
    Sum sum[kTogether];
    std::copy_n(out + c, kTogether, sum);
    const In* x = in + c;
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4, x += 4 * pitch)
      for (int64_t i = 0; i < kTogether; ++i) sum[i] = combine(combine(combine(combine(sum[i], x[i]), x[pitch + i]), x[2 * pitch + i]), x[3 * pitch + i]);
    for (; r < rows; ++r, x += pitch)
      for (int64_t i = 0; i < kTogether; ++i) sum[i] = combine(sum[i], x[i]);
    std::copy_n(sum, kTogether, out + c);
  }
  for (int64_t r = 0; c < columns && r < rows; ++r)
    for (int64_t i = c; i < columns; ++i) out[i] = combine(out[i], in[r * pitch + i]);
}

// Neighbours onto one value. In lanes, where `combine` says that any order is right.
template <class In, class Sum, class F> Sum ReduceLine(const In* in, int64_t n, Sum sum, const F& combine) {
  int64_t i = 0;
  if constexpr (kReducedOften<In> && requires { F::kAnyOrder; }) {
    constexpr int64_t kLanes = std::max<int64_t>(32 / sizeof(Sum), 1);
    if (n >= 2 * kLanes) {
      Sum lane[kLanes];
      std::fill_n(lane, kLanes, sum);
      for (; i + kLanes <= n; i += kLanes)
        for (int64_t k = 0; k < kLanes; ++k) lane[k] = combine(lane[k], in[i + k]);
      for (int64_t half = kLanes / 2; half > 0; half /= 2)
        for (int64_t k = 0; k < half; ++k) lane[k] = combine(lane[k], lane[k + half]);
      sum = lane[0];
    }
  }
  for (; i < n; ++i) sum = combine(sum, in[i]);
  return sum;
}

template <class In, class Sum, class F>
void ReduceFrom(const ReducePlan& plan, int depth, const In* in, Sum* out, const F& combine) {
  if (depth == plan.rank) {
    *out = combine(*out, *in);
    return;
  }
  const ReducePlan::Axis& a = plan.axis[depth];
  if constexpr (requires { combine.Rows(in, a.in_step, a.size, a.size, out); }) {
    if (depth + 2 == plan.rank) {
      const ReducePlan::Axis& inner = plan.axis[depth + 1];
      const bool one_row = a.out_step == 0 && inner.out_step == 1 && inner.in_step == 1;
      if (one_row) return combine.Rows(in, a.in_step, a.size, inner.size, out);
      if (a.out_step == 1 && a.in_step == inner.size && inner.out_step == 0 && inner.in_step == 1) return combine.Lines(in, a.size, inner.size, out);
    }
  }
  if (kReducedOften<In> && depth + 2 == plan.rank && a.out_step == 0 && plan.axis[depth + 1].out_step == 1 && plan.axis[depth + 1].in_step == 1) {
    if constexpr (kReducedOften<In>) ReduceRows(in, a.in_step, a.size, plan.axis[depth + 1].size, out, combine);
  } else if (depth + 1 < plan.rank) {
    for (int64_t i = 0; i < a.size; ++i)
      ReduceFrom(plan, depth + 1, in + i * a.in_step, out + i * a.out_step, combine);
  } else if (a.out_step == 0) {
    *out = ReduceLine(in, a.size, *out, combine);
  } else {
    for (int64_t i = 0; i < a.size; ++i) out[i] = combine(out[i], in[i]);
  }
}

// Combines every input into `out`, which holds the start values. The order is that of the input.
template <class In, class Sum, class F>
void Reduce(const ReducePlan& plan, const In* in, Sum* out, ThreadPool& pool, const F& combine) {
  if (plan.empty) return;
  constexpr int64_t kWorthwhile = 1 << 14;  // Elements; below that threads cost more than they save.
  if (plan.rank < 2 || plan.axis[0].out_step == 0 || plan.outputs * plan.reduced < kWorthwhile)
    return ReduceFrom(plan, 0, in, out, combine);
  const ReducePlan::Axis& a = plan.axis[0];
  const int64_t per_task = std::max<int64_t>(1, kWorthwhile / (plan.outputs * plan.reduced / a.size));
  pool.For((a.size + per_task - 1) / per_task, [&](int64_t task, int) {
    ReducePlan part = plan;
    part.axis[0].size = std::min(per_task, a.size - task * per_task);
    ReduceFrom(part, 0, in + task * per_task * a.in_step, out + task * per_task * a.out_step, combine);
  });
}

// Sums by the vector primitives: floats in another order than Reduce's, integers the same bits.
void SumVectors(const ReducePlan& plan, const float* in, float* sum, ThreadPool& pool);
void SumVectors(const ReducePlan& plan, const int8_t* in, int32_t* sum, ThreadPool& pool);

// A reduction in the element type itself, as a RunFn. F has `start` and operator().
struct ReduceParams {
  ReducePlan plan;
};
template <class T, template <class> class F> Status RunReduce(const void* params, const Run& run) {
  const ReducePlan& plan = static_cast<const ReduceParams*>(params)->plan;
  T* out = run.output<T>(0);
  std::fill_n(out, plan.outputs, F<T>::start());
  Reduce(plan, run.input<T>(0), out, *run.pool, F<T>());
  return {};
}
template <template <class> class F> Status PrepareReduce(Prepare& p) {
  auto* params = p.Params<ReduceParams>();
  params->plan = PlanReduce(p.op);
  switch (p.op.in(0)->dtype) {
    case DType::kF32:
      p.SetRun(RunReduce<float, F>, params);
      break;
    case DType::kI32:
      p.SetRun(RunReduce<int32_t, F>, params);
      break;
    case DType::kI64:
      p.SetRun(RunReduce<int64_t, F>, params);
      break;
    case DType::kI16:
      p.SetRun(RunReduce<int16_t, F>, params);
      break;
    case DType::kU8:
      p.SetRun(RunReduce<uint8_t, F>, params);
      break;
    case DType::kI8:
      p.SetRun(RunReduce<int8_t, F>, params);
      break;
    default:
      return p.op.Fail(Code::kUnsupported, "no kernel for %s", std::string(Name(p.op.in(0)->dtype)).c_str());
  }
  return {};
}

// Mean and sum of quantized types, as LiteRT has them. Mean: q = z_out + round((Σ in - n·z_in)·M), M with
// 1/n inside, in DOUBLE rounding. Sum: in float, see reduce_util.cc.
struct QuantizedSum {
  ReducePlan plan;
  Multiplier multiplier;  // Mean.
  int32_t offset;         // Mean: n·z_in.
  float scale, bias;      // Sum.
  int32_t zero_point;
  bool vectors;           // int8 sums by the vector primitives.
};
Status PrepareQuantizedSum(Prepare& p, bool mean, bool vectors = false);
struct QuantizedMean {
  Multiplier multiplier;
  int32_t offset;
};
QuantizedMean MeanOf(const Quant& in, const Quant& out, int64_t count);

// Keras' global pooling: `op` over every axis between batch and channels.
Status GlobalPoolFromKeras(ImportContext& c, std::string_view op);

}  // namespace octet::ops
