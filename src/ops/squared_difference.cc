// SPDX-License-Identifier: Apache-2.0
// y = (a - b)^2, broadcast. int8: both inputs rescaled to 2 * max scale with a left shift of 7, DOUBLE.
#include "ops/add_sub_util.h"
#include "ops/reduce_attrs.h"

namespace octet::ops::squared_difference {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|i32", 1}, {"T=i8", 2}};
constexpr int kLeftShift = 7;

struct Params {
  Broadcast shape;
  Multiplier a, b, out;
  int32_t zero_a = 0, zero_b = 0, zero_out = 0;
};

template <class T> Status RunPlain(const void* params, const Run& run) {
  RunBroadcast(static_cast<const Params*>(params)->shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [](T x, T y) {
    if constexpr (std::is_integral_v<T>) {
      const auto d = static_cast<uint32_t>(x) - static_cast<uint32_t>(y);
      return static_cast<T>(d * d);
    } else {
      return (x - y) * (x - y);
    }
  });
  return {};
}

Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<int8_t>(0), run.input<int8_t>(1), run.output<int8_t>(0), [&](int8_t x, int8_t y) {
    const int32_t d = Requantize((x - p.zero_a) * (1 << kLeftShift), p.a) - Requantize((y - p.zero_b) * (1 << kLeftShift), p.b);
    return Saturate<int8_t>(Requantize(static_cast<int32_t>(static_cast<uint32_t>(d) * static_cast<uint32_t>(d)), p.out) + p.zero_out);
  });
  return {};
}

Status Check(const OpView& op) {
  OCTET_TRY(CheckBinary(op));
  if (op.in(0)->dtype != DType::kI8) return {};
  OCTET_TRY(CheckPerTensor(op, *op.in(0), "lhs"));
  OCTET_TRY(CheckPerTensor(op, *op.in(1), "rhs"));
  return op.out(0) ? CheckPerTensor(op, *op.out(0), "output") : Status();
}

void FillInteger(const OpView& op, Params* p) {
  const double sa = static_cast<double>(op.in(0)->quant.scale0()), sb = static_cast<double>(op.in(1)->quant.scale0());
  const double twice = 2.0 * std::max(sa, sb);
  p->a = QuantizeMultiplier(sa / twice);
  p->b = QuantizeMultiplier(sb / twice);
  p->out = QuantizeMultiplier(twice * twice / ((1 << (kLeftShift * 2)) * static_cast<double>(op.out(0)->quant.scale0())));
  p->zero_a = op.in(0)->quant.zero0();
  p->zero_b = op.in(1)->quant.zero0();
  p->zero_out = op.out(0)->quant.zero0();
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(op.in(0)->shape, op.in(1)->shape, op.out(0)->shape);
  if (op.in(0)->dtype != DType::kI8) {
    prepare.SetRun(op.in(0)->dtype == DType::kF32 ? RunPlain<float> : RunPlain<int32_t>, p);
    return {};
  }
  FillInteger(op, p);
  prepare.SetRun(RunInteger, p);
  return {};
}

Status PrepareVectors(Prepare& prepare) {
  if (prepare.op.in(0)->dtype == DType::kF32) return PrepareBinaryF32(prepare, kernels::Binary::kSquaredDifference, {});
  Params p;
  FillInteger(prepare.op, &p);
  constexpr int64_t kLargest = 255 << kLeftShift;
  return PreparePairS8(prepare, kernels::Vectors().squared_difference_s8,
                       {p.zero_a, p.zero_b, p.zero_out, kLeftShift, -128, 127, RescaleOf(p.a, kLargest), RescaleOf(p.b, kLargest),
                        RescaleOf(p.out, (kLargest + 2) * (kLargest + 2))});
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32OrS8, .prepare = PrepareVectors}, {.name = "reference", .prepare = PrepareReference}};

// LayerNormalization: x * m + (beta - mean * m) with m = gamma / sqrt(variance + epsilon); with rms_scaling only x * m.
Status FromKerasLayerNormalization(ImportContext& c) {
  const Value x = c.Input(0);
  const int rank = c.rank(x);
  std::vector<int32_t> axes;
  bool last = true;  // The parameters broadcast as they are.
  for (int64_t a : c.Ints("axis", {-1})) {
    int axis = 0;
    if (!NormalizeAxis(a, rank, &axis) || (!axes.empty() && axes.back() >= axis))
      return c.Fail("ascending axes inside the rank", "axis " + std::to_string(a), "correct the layer's axis");
    axes.push_back(axis);
  }
  for (size_t i = 0; i < axes.size(); ++i) last &= axes[i] == rank - static_cast<int>(axes.size() - i);
  const auto parameter = [&](int i) -> Result<Value> {
    OCTET_ASSIGN(const Value v, c.Weight(i));
    const std::span<const float> values = c.data_as<float>(v);
    if (last || values.empty() || c.rank(v) != static_cast<int>(axes.size())) return v;
    Shape wide;
    for (int k = 0, next = 0; k < rank; ++k) wide.push_back(std::ranges::find(axes, k) == axes.end() ? 1 : c.shape(v)[next++]);
    return c.Constant<float>(wide, values);
  };
  const ReduceAttrs keep{.keep_dims = true};
  const Value over = c.Vector(axes);
  OCTET_ASSIGN(Value mean, c.Emit("mean", {x, over}, keep));
  OCTET_ASSIGN(Value variance, c.Emit("squared_difference", {x, mean}));
  OCTET_ASSIGN(variance, c.Emit("mean", {variance, over}, keep));
  OCTET_ASSIGN(variance, c.Emit("add", {variance, c.Scalar(static_cast<float>(c.Number("epsilon", 1e-3)))}));
  OCTET_ASSIGN(Value factor, c.Emit("rsqrt", {variance}));
  int next = 0;
  const bool rms = c.Bool("rms_scaling", false);
  if (rms || c.Bool("scale", true)) {
    OCTET_ASSIGN(Value gamma, parameter(next++));
    OCTET_ASSIGN(factor, c.Emit("mul", {factor, gamma}));
  }
  OCTET_ASSIGN(Value y, c.Emit("mul", {x, factor}));
  if (rms) {
    c.SetOutput(0, y);
    return {};
  }
  OCTET_ASSIGN(Value shift, c.Emit("mul", {mean, factor}));
  if (c.Bool("center", true)) {
    OCTET_ASSIGN(Value beta, parameter(next++));
    OCTET_ASSIGN(shift, c.Emit("sub", {beta, shift}));
    OCTET_ASSIGN(y, c.Emit("add", {y, shift}));
  } else {
    OCTET_ASSIGN(y, c.Emit("sub", {y, shift}));
  }
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {{Source::kKeras, "LayerNormalization", 0, FromKerasLayerNormalization}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "squared_difference",
    .code = BuiltinCode::kSquaredDifference,
    .attrs = Layout<NoAttrs>(OptionsTable::kSquaredDifference, {}),
    .inputs = kBinaryInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise,
    .check = Check,
    .infer = InferBinary,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::squared_difference
