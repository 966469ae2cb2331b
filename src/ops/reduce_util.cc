// SPDX-License-Identifier: Apache-2.0
#include "ops/reduce_util.h"

#include "kernels/elementwise.h"
#include "ops/binary_vector_util.h"
#include "ops/layout_util.h"

namespace octet::ops {
namespace {

// Bit i: dimension i is reduced. False when the axes are not known yet.
bool Reduced(const OpView& op, uint32_t* mask) {
  const int rank = op.in(0)->shape.rank();
  IntList axes;
  if (!ReadInts(op, 1, &axes)) return false;
  *mask = 0;
  for (int64_t a : axes.span()) {
    int axis = 0;
    if (rank > 0 && NormalizeAxis(a, rank, &axis)) *mask |= 1u << axis;
  }
  return true;
}

void AddRows(const int8_t* in, int64_t rows, int64_t n, int32_t* sum) {
  const auto total = kernels::Vectors().total_s8;
  for (int64_t r = 0; r < rows; ++r) sum[r] += total(in + r * n, n);
}
void AddRows(const float* in, int64_t rows, int64_t n, float* sum) { kernels::Vectors().sum_rows_f32(in, rows, n, sum); }
void Accumulate(const int8_t* in, int64_t pitch, int64_t rows, int64_t n, int32_t* sum) { kernels::Vectors().accumulate_s8(in, pitch, rows, n, sum); }
void Accumulate(const float* in, int64_t pitch, int64_t rows, int64_t n, float* sum) { kernels::Vectors().accumulate_f32(in, pitch, rows, n, sum); }

template <class In, class Sum> void SumFrom(const ReducePlan& plan, int depth, const In* in, Sum* out) {
  if (plan.rank == 0) {
    *out = static_cast<Sum>(*out + *in);
    return;
  }
  const ReducePlan::Axis &a = plan.axis[depth], &inner = plan.axis[depth + 1 < plan.rank ? depth + 1 : depth];
  if (depth + 2 == plan.rank && a.out_step == 0 && inner.out_step != 0) {  // Rows onto one.
    Accumulate(in, a.in_step, a.size, inner.size, out);
  } else if (depth + 2 == plan.rank && a.out_step == 1 && inner.out_step == 0 && a.in_step == inner.size) {  // Each onto a value of its own.
    AddRows(in, a.size, inner.size, out);
  } else if (depth + 1 < plan.rank) {
    for (int64_t i = 0; i < a.size; ++i) SumFrom(plan, depth + 1, in + i * a.in_step, out + i * a.out_step);
  } else if (a.out_step == 0) {
    AddRows(in, 1, a.size, out);
  } else {
    Accumulate(in, 0, 1, a.size, out);
  }
}

template <class In, class Sum> void SumAll(const ReducePlan& plan, const In* in, Sum* sum, ThreadPool& pool) {
  std::fill_n(sum, plan.outputs, Sum{0});
  if (plan.empty) return;
  if (plan.rank < 2 || plan.axis[0].out_step == 0) return SumFrom(plan, 0, in, sum);
  const ReducePlan::Axis& a = plan.axis[0];
  const int64_t per_task = std::max<int64_t>(1, (1 << 14) * a.size / std::max<int64_t>(1, plan.outputs * plan.reduced));
  pool.For((a.size + per_task - 1) / per_task, [&](int64_t task, int) {
    const int64_t first = task * per_task;
    ReducePlan part = plan;
    part.axis[0].size = std::min(per_task, a.size - first);
    SumFrom(part, 0, in + first * a.in_step, sum + first * a.out_step);
  });
}

// So many bytes fit a 32-bit sum, less as many zero points: there is nothing to wrap.
bool SumsFit(const ReducePlan& plan) { return plan.reduced < (1 << 23); }

// Wraps like the reference's 32-bit accumulator.
template <class T> void SumIntegers(const QuantizedSum& p, const Run& run, int32_t* sum) {
  if constexpr (std::is_same_v<T, int8_t>) {
    if (p.vectors && SumsFit(p.plan)) return SumVectors(p.plan, run.input<T>(0), sum, *run.pool);
  }
  std::fill_n(sum, p.plan.outputs, 0);
  Reduce(p.plan, run.input<T>(0), sum, *run.pool, [](int32_t a, T b) {
    return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(int32_t{b}));
  });
}

template <class T> Status RunQuantizedMean(const void* params, const Run& run) {
  const auto& p = *static_cast<const QuantizedSum*>(params);
  auto* sum = reinterpret_cast<int32_t*>(run.workspace);
  SumIntegers<T>(p, run, sum);
  T* out = run.output<T>(0);
  for (int64_t i = 0; i < p.plan.outputs; ++i) {
    const auto centered = static_cast<int32_t>(static_cast<uint32_t>(sum[i]) - static_cast<uint32_t>(p.offset));
    out[i] = Saturate<T>(Requantize(centered, p.multiplier) + p.zero_point);
  }
  return {};
}

struct MeanS8 {
  ReducePlan plan;
  kernels::Rescale rescale;
  int32_t offset, zero_point;
};

// As RunQuantizedMean, rescaled by the vector primitives.
Status RunMeanS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const MeanS8*>(params);
  auto* sum = reinterpret_cast<int32_t*>(run.workspace);
  SumVectors(p.plan, run.input<int8_t>(0), sum, *run.pool);
  kernels::Vectors().to_bytes(sum, p.plan.outputs, 1, &p.offset, p.rescale, p.zero_point, p.plan.outputs, run.output<int8_t>(0), p.plan.outputs);
  return {};
}

Status PrepareMeanS8(Prepare& p, const ReducePlan& plan) {
  const Quant &in = p.op.in(0)->quant, &out = p.op.out(0)->quant;
  const QuantizedMean mean = MeanOf(in, out, plan.reduced);
  auto* params = p.Params<MeanS8>();
  *params = {plan, RescaleOf(mean.multiplier, 256 * plan.reduced), mean.offset, out.zero0()};
  constexpr int64_t kVector = 16;  // Sums are read whole vectors at a time.
  p.Workspace(static_cast<size_t>((plan.outputs + kVector - 1) / kVector * kVector) * sizeof(int32_t));
  p.SetRun(RunMeanS8, params);
  return {};
}

// LiteRT's kernel for sums stays in float: q = z_out + round(Σ in·s + b), s = s_in / s_out, b = -z_in·s·n.
template <class T> Status RunQuantizedSum(const void* params, const Run& run) {
  const auto& p = *static_cast<const QuantizedSum*>(params);
  auto* sum = reinterpret_cast<int32_t*>(run.workspace);
  SumIntegers<T>(p, run, sum);
  const auto [low, high] = RangeOf(DTypeOf<T>);
  T* out = run.output<T>(0);
  for (int64_t i = 0; i < p.plan.outputs; ++i) {
    // The first clamp keeps the conversion defined; it cannot change what the second one gives.
    const auto value = SaturateReal<int32_t>(std::round(static_cast<float>(sum[i]) * p.scale + p.bias), -1e9f, 1e9f);
    out[i] = static_cast<T>(std::clamp(value + p.zero_point, low, high));
  }
  return {};
}

// What the reference leaves when there is nothing to sum: 0, in the quantized domain.
Status RunEmpty(const void* params, const Run& run) {
  std::fill_n(run.out[0], *static_cast<const int64_t*>(params), std::byte{0});
  return {};
}

RunFn PickRun(DType type, RunFn s8, RunFn u8, RunFn s16) {
  return type == DType::kI8 ? s8 : type == DType::kU8 ? u8 : s16;
}

}  // namespace

// s_in / s_out with 1/n folded into the mantissa, keeping as many bits as the shift allows.
QuantizedMean MeanOf(const Quant& in, const Quant& out, int64_t count) {
  Multiplier m = QuantizeMultiplier(static_cast<double>(in.scale0()) / static_cast<double>(out.scale0()));
  const int bits = 63 - std::countl_zero(static_cast<uint64_t>(count));
  const int shift = std::min({bits, 32, 31 + m.shift});
  return {{static_cast<int32_t>((static_cast<int64_t>(m.mantissa) << shift) / count), m.shift - shift},
          static_cast<int32_t>(static_cast<uint32_t>(in.zero0()) * static_cast<uint32_t>(count))};
}

void SumVectors(const ReducePlan& plan, const float* in, float* sum, ThreadPool& pool) { SumAll(plan, in, sum, pool); }
void SumVectors(const ReducePlan& plan, const int8_t* in, int32_t* sum, ThreadPool& pool) { SumAll(plan, in, sum, pool); }

Status CheckReduce(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  IntList axes;
  if (!ReadInts(op, 1, &axes) || in.rank() == 0) return {};
  if (axes.count > 2 * kMaxRank)
    return op.Fail(Code::kInvalidModel, "%lld axes are too many", static_cast<long long>(axes.count));
  for (int64_t a : axes.span()) {
    int axis = 0;
    if (!NormalizeAxis(a, in.rank(), &axis))
      return op.Fail(Code::kInvalidModel, "axis %lld is outside %s", static_cast<long long>(a), in.text().c_str());
  }
  return {};
}

Status CheckReduceSameQuant(const OpView& op) {
  OCTET_TRY(CheckReduce(op));
  const TensorType *in = op.in(0), *out = op.out(0);
  if (!out || in->quant.empty() || out->quant.empty()) return {};
  if (in->quant.scale0() != out->quant.scale0() || in->quant.zero0() != out->quant.zero0())
    return op.Fail(Code::kInvalidModel, "input and output must share one quantization, found %g,%d and %g,%d",
                   static_cast<double>(in->quant.scale0()), in->quant.zero0(),
                   static_cast<double>(out->quant.scale0()), out->quant.zero0());
  return {};
}

Status InferReduce(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  uint32_t mask = 0;
  out[0].dynamic = !Reduced(op, &mask);
  for (int i = 0; i < in.rank() && !out[0].dynamic; ++i) {
    const bool gone = (mask >> i & 1) != 0;
    if (!gone || op.attrs<ReduceAttrs>().keep_dims) out[0].shape.push_back(gone ? 1 : in[i]);
  }
  return {};
}

ReducePlan PlanReduce(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  const auto stride = Strides(in);
  uint32_t mask = 0;
  Reduced(op, &mask);
  ReducePlan plan;
  bool last_gone = false;
  for (int i = 0; i < in.rank(); ++i) {
    const bool gone = (mask >> i & 1) != 0;
    (gone ? plan.reduced : plan.outputs) *= in[i];
    plan.empty |= in[i] == 0;
    if (in[i] == 1) continue;
    if (plan.rank > 0 && gone == last_gone) {
      ReducePlan::Axis& a = plan.axis[plan.rank - 1];
      a = {a.size * in[i], stride[i], gone ? 0 : 1};
    } else {
      plan.axis[plan.rank++] = {in[i], stride[i], gone ? 0 : 1};
    }
    last_gone = gone;
  }
  int64_t step = 1;
  for (int i = plan.rank - 1; i >= 0; --i) {
    if (plan.axis[i].out_step == 0) continue;
    plan.axis[i].out_step = step;
    step *= plan.axis[i].size;
  }
  return plan;
}

Status PrepareQuantizedSum(Prepare& p, bool mean, bool vectors) {
  const TensorType &in = *p.op.in(0), &out = *p.op.out(0);
  OCTET_TRY(CheckPerTensor(p.op, in, "input"));
  OCTET_TRY(CheckPerTensor(p.op, out, "output"));
  auto* params = p.Params<QuantizedSum>();
  params->plan = PlanReduce(p.op);
  if (params->plan.empty) {
    auto* bytes = p.Params<int64_t>();
    *bytes = params->plan.outputs * (BitsOf(out.dtype) / 8);
    p.SetRun(RunEmpty, bytes);
    return {};
  }
  if (mean && vectors && in.dtype == DType::kI8 && SumsFit(params->plan)) return PrepareMeanS8(p, params->plan);
  params->zero_point = out.quant.zero0();
  params->vectors = vectors;
  p.Workspace(static_cast<size_t>(params->plan.outputs) * sizeof(int32_t));
  if (mean) {
    const QuantizedMean m = MeanOf(in.quant, out.quant, params->plan.reduced);
    params->multiplier = m.multiplier;
    params->offset = m.offset;
    p.SetRun(PickRun(in.dtype, RunQuantizedMean<int8_t>, RunQuantizedMean<uint8_t>, RunQuantizedMean<int16_t>),
             params);
  } else {
    params->scale = in.quant.scale0() / out.quant.scale0();
    params->bias = static_cast<float>(-in.quant.zero0()) * params->scale * static_cast<float>(params->plan.reduced);
    p.SetRun(PickRun(in.dtype, RunQuantizedSum<int8_t>, RunQuantizedSum<uint8_t>, RunQuantizedSum<int16_t>),
             params);
  }
  return {};
}

Status GlobalPoolFromKeras(ImportContext& c, std::string_view op) {
  const Value x = c.Input(0);
  const int first = FirstSpatialAxis(c);
  std::vector<int32_t> axes;
  for (int i = first; i < first + c.rank(x) - 2; ++i) axes.push_back(i);
  if (axes.empty()) return c.Fail("an input of rank 3 or more", c.shape(x).text(), "check the layer before it");
  const ReduceAttrs attrs{.keep_dims = c.Bool("keepdims", false)};
  OCTET_ASSIGN(Value y, c.Emit(op, {x, c.Vector(axes)}, attrs));
  c.SetOutput(0, y);
  return {};
}

}  // namespace octet::ops
