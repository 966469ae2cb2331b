// SPDX-License-Identifier: Apache-2.0
// Mean over the given axes. Integers sum in 64 bits and truncate; quantized types see reduce_util.h.
#include "ops/reduce_util.h"

namespace octet::ops::mean {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8|i32|i64 A=i32"}, {"T=i8 A=i32", 2}, {"T=i16 A=i32", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFree}, {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckReduce(op));
  const TensorType *in = op.in(0), *out = op.out(0);
  if (in->dtype == DType::kI16 && (in->quant.zero0() != 0 || (out && out->quant.zero0() != 0)))
    return op.Fail(Code::kInvalidModel, "int16 needs zero points of 0, found %d and %d", in->quant.zero0(), out ? out->quant.zero0() : 0);
  return {};
}

// An empty mean is NaN in float; the reference writes the integer types' quiet NaN, which is 0.
Status MeanFloat(const void* params, const Run& run) {
  const ReducePlan& plan = static_cast<const ReduceParams*>(params)->plan;
  auto* out = run.output<float>(0);
  std::fill_n(out, plan.outputs, plan.empty ? std::numeric_limits<float>::quiet_NaN() : 0.0f);
  Reduce(plan, run.input<float>(0), out, *run.pool, [](float a, float b) { return a + b; });
  const auto n = static_cast<float>(plan.reduced);
  for (int64_t i = 0; i < plan.outputs; ++i) out[i] /= n;
  return {};
}

Status MeanVectors(const void* params, const Run& run) {
  const ReducePlan& plan = static_cast<const ReduceParams*>(params)->plan;
  auto* out = run.output<float>(0);
  SumVectors(plan, run.input<float>(0), out, *run.pool);
  const auto n = static_cast<float>(plan.reduced);
  for (int64_t i = 0; i < plan.outputs; ++i) out[i] /= n;
  return {};
}

template <class T> Status MeanInteger(const void* params, const Run& run) {
  const ReducePlan& plan = static_cast<const ReduceParams*>(params)->plan;
  auto* sum = reinterpret_cast<int64_t*>(run.workspace);
  std::fill_n(sum, plan.outputs, 0);
  Reduce(plan, run.input<T>(0), sum, *run.pool, [](int64_t a, T b) {
    return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(int64_t{b}));
  });
  for (int64_t i = 0; i < plan.outputs; ++i)
    run.output<T>(0)[i] = static_cast<T>(plan.empty ? 0 : sum[i] / plan.reduced);
  return {};
}

Status PrepareMean(Prepare& p) {
  const DType type = p.op.in(0)->dtype;
  if (type == DType::kI8 || type == DType::kU8 || type == DType::kI16) return PrepareQuantizedSum(p, true);
  auto* params = p.Params<ReduceParams>();
  params->plan = PlanReduce(p.op);
  if (type != DType::kF32) p.Workspace(static_cast<size_t>(params->plan.outputs) * sizeof(int64_t));
  p.SetRun(type == DType::kF32   ? MeanFloat
           : type == DType::kI32 ? MeanInteger<int32_t>
                                 : MeanInteger<int64_t>,
           params);
  return {};
}

bool TakesVectors(const OpView& op, const Cpu&) {
  return (op.in(0)->dtype == DType::kF32 || op.in(0)->dtype == DType::kI8) && op.in(0)->shape.elements() > 0;
}

Status PrepareVectors(Prepare& p) {
  if (p.op.in(0)->dtype == DType::kI8) return PrepareQuantizedSum(p, true, true);
  auto* params = p.Params<ReduceParams>();
  params->plan = PlanReduce(p.op);
  p.SetRun(MeanVectors, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesVectors, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareMean}};

Status FromKeras(ImportContext& c) { return GlobalPoolFromKeras(c, "mean"); }

constexpr ImportRule kRules[] = {{Source::kKeras, "GlobalAveragePooling1D", 0, FromKeras},
                                 {Source::kKeras, "GlobalAveragePooling2D", 0, FromKeras},
                                 {Source::kKeras, "GlobalAveragePooling3D", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "mean",
    .code = BuiltinCode::kMean,
    .attrs = Layout<ReduceAttrs>(OptionsTable::kReducer, kReduceRows),
    .inputs = kReduceInputs,
    .outputs = kReduceOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kHomogeneous,
    .check = Check,
    .infer = InferReduce,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::mean
