// SPDX-License-Identifier: Apache-2.0
// y = act(a * b), broadcast. Integers: requantize((a - z_a) * (b - z_b), s_a * s_b / s_y), DOUBLE.
#include "ops/add_sub_util.h"

namespace octet::ops::mul {
namespace {

constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=f32 O=f32", 1},  {"T=i32 O=i32", 1},  {"T=u8 O=u8", 1},   {"T=i8 O=i8", 2},  {"T=i16 O=i8|u8|i16", 4},
                              {"T=i64 O=i64", 5}, {"T=c64 O=c64", 6}, {"T=u32 O=u32", 7}, {"T=f16 O=f16", 8}};

struct Params {
  Broadcast shape;
  ClampF32 clamp;
  Clamp32 integer_clamp;
  Multiplier multiplier;
  int32_t zero_a = 0, zero_b = 0, zero_out = 0;
};

// int16 without quantization is plain numbers; an output of bytes is quantized whether it has a scale or not.
bool IsPlainInt16(const OpView& op) { return op.in(0)->dtype == DType::kI16 && op.out(0)->dtype == DType::kI16 && op.out(0)->quant.empty(); }

Status Check(const OpView& op) {
  OCTET_TRY(CheckBinary(op));
  const Activation activation = op.attrs<ActivationAttrs>().activation;
  if (op.in(0)->dtype == DType::kC64 && activation != Activation::kNone)
    return op.Fail(Code::kInvalidModel, "complex numbers have no fused activation");
  return CheckActivation(op, activation);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  BroadcastShape(op.in(0)->shape, op.in(1)->shape, &out[0].shape);
  return {};
}

template <class T> Status RunPlain(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto [low, high] = BoundsOf<T>(p.clamp);
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [low, high](T x, T y) {
    if constexpr (std::is_integral_v<T>) return std::min(std::max(static_cast<T>(static_cast<Wrapping<T>>(x) * static_cast<Wrapping<T>>(y)), low), high);
    else return static_cast<T>(std::min(std::max(x * y, low), high));
  });
  return {};
}

Status RunComplex(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<C64>(0), run.input<C64>(1), run.output<C64>(0), [](C64 x, C64 y) { return x * y; });
  return {};
}

template <class T, class Y> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<Y>(0), [&](T x, T y) {
    const auto product = static_cast<int32_t>(static_cast<uint32_t>(x - p.zero_a) * static_cast<uint32_t>(y - p.zero_b));
    return static_cast<Y>(std::clamp(Requantize(product, p.multiplier) + p.zero_out, p.integer_clamp.low, p.integer_clamp.high));
  });
  return {};
}

// The product of scales is taken in float, as LiteRT does. Without scales it is 0/0, which counts as 0.
void FillInteger(const OpView& op, Params* p) {
  const TensorType &a = *op.in(0), &b = *op.in(1), &y = *op.out(0);
  p->zero_a = a.quant.zero0();
  p->zero_b = b.quant.zero0();
  p->zero_out = y.quant.zero0();
  p->multiplier = QuantizeMultiplier(static_cast<double>(a.quant.scale0() * b.quant.scale0() / y.quant.scale0()));
  p->integer_clamp = QuantizedClamp(op.attrs<ActivationAttrs>().activation, y);
}

RunFn PickInteger(DType in, DType out) {
  if (in == DType::kI8) return RunInteger<int8_t, int8_t>;
  if (in == DType::kU8) return RunInteger<uint8_t, uint8_t>;
  return ByType<int8_t, uint8_t, int16_t>(out, []<class Y>() -> RunFn { return RunInteger<int16_t, Y>; });
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  const DType type = op.in(0)->dtype;
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(op.in(0)->shape, op.in(1)->shape, op.out(0)->shape);
  p->clamp = FloatClamp(op.attrs<ActivationAttrs>().activation);
  const auto pick = []<class T>() -> RunFn { return RunPlain<T>; };
  RunFn run = IsPlainInt16(op) ? RunPlain<int16_t> : ByType<float, F16, int32_t, uint32_t, int64_t>(type, pick);
  if (type == DType::kC64) run = RunComplex;
  if (!run) {
    FillInteger(op, p);
    run = PickInteger(type, op.out(0)->dtype);
  }
  prepare.SetRun(run, p);
  return {};
}

Status PrepareVectors(Prepare& prepare) {
  const OpView& op = prepare.op;
  if (op.in(0)->dtype == DType::kF32) return PrepareBinaryF32(prepare, kernels::Binary::kMultiply, FloatClamp(op.attrs<ActivationAttrs>().activation));
  Params p;
  FillInteger(op, &p);
  if (op.in(0)->dtype == DType::kI8) return PrepareProductPairS8(prepare, p.multiplier, p.integer_clamp);
  constexpr int64_t kLargest = int64_t{65535} * 65535;
  const kernels::ScaledPair q{p.zero_a, p.zero_b, p.zero_out, 0, p.integer_clamp.low, p.integer_clamp.high, {}, {}, RescaleOf(p.multiplier, kLargest)};
  return PreparePairS16(prepare, kernels::Vectors().product_s16, q);
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32OrInteger, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

// ------------------------------------------------------------------------------------ Keras

Status FromKerasMultiply(ImportContext& c) { return MergeInputs(c, "mul"); }

// One number for all, or as many as `shape` has.
Result<Value> ScaleAndShift(ImportContext& c, Value x, const Shape& shape, std::span<const float> factor, std::span<const float> offset) {
  const auto constant = [&](std::span<const float> v) { return v.size() == 1 ? c.Scalar(v[0]) : c.Constant<float>(shape, v); };
  OCTET_ASSIGN(Value y, c.Emit("mul", {x, constant(factor)}));
  return c.Emit("add", {y, constant(offset)});
}

// Of channels.
Result<Value> ScaleAndShift(ImportContext& c, Value x, std::span<const float> factor, std::span<const float> offset) {
  return ScaleAndShift(c, x, Shape{static_cast<int32_t>(factor.size())}, factor, offset);
}

std::vector<float> Floats(const std::vector<double>& v) { return {v.begin(), v.end()}; }

// Integers (images) become floats first.
Result<Value> FloatInput(ImportContext& c) {
  const Value x = c.Input(0);
  if (c.type(x).dtype == DType::kF32) return x;
  return c.EmitAs("cast", std::span(&x, 1), nullptr, {DType::kF32, c.shape(x), {}});
}

// x * scale + offset
Status FromKerasRescaling(ImportContext& c) {
  OCTET_ASSIGN(const Value x, FloatInput(c));
  const std::vector<float> scale = Floats(c.Numbers("scale", {1.0})), offset = Floats(c.Numbers("offset", {0.0}));
  OCTET_ASSIGN(Value y, ScaleAndShift(c, x, scale, offset));
  c.SetOutput(0, y);
  return {};
}

// gamma * (x - mean) / sqrt(variance + epsilon) + beta, as one factor and one offset per channel.
Status FromKerasBatchNormalization(ImportContext& c) {
  const std::vector<int64_t> axis = c.Ints("axis", {-1});
  const int rank = c.rank(c.Input(0));
  if (axis.size() != 1 || (axis[0] != -1 && axis[0] != rank - 1))
    return c.Fail("axis=-1 (channels last)", std::to_string(axis.empty() ? 0 : axis[0]), "normalize the last axis");
  int next = 0;
  std::vector<std::span<const float>> w;
  for (bool there : {c.Bool("scale", true), c.Bool("center", true), true, true}) {
    if (!there) {
      w.emplace_back();
      continue;
    }
    OCTET_ASSIGN(Value v, c.Weight(next++));
    w.push_back(c.data_as<float>(v));
  }
  const size_t n = w[2].size();
  for (const std::span<const float> v : w)
    if (v.size() != n && !v.empty()) return c.Fail("weights of one length", std::to_string(v.size()) + " and " + std::to_string(n), "save the model again");
  if (w[3].size() != n) return c.Fail("a variance per mean", std::to_string(w[3].size()), "save the model again");
  const float epsilon = static_cast<float>(c.Number("epsilon", 1e-3));
  std::vector<float> factor(n), offset(n);
  for (size_t i = 0; i < n; ++i) {
    factor[i] = (w[0].empty() ? 1.0f : w[0][i]) / std::sqrt(w[3][i] + epsilon);
    offset[i] = (w[1].empty() ? 0.0f : w[1][i]) - w[2][i] * factor[i];
  }
  OCTET_ASSIGN(Value y, ScaleAndShift(c, c.Input(0), factor, offset));
  c.SetOutput(0, y);
  return {};
}

// The shape in which `count` statistics meet x: that of the layer's axes, or of the last of them, 1 elsewhere.
Result<Shape> ShapeOfStatistics(ImportContext& c, size_t count) {
  const Shape in = c.shape(c.Input(0));
  const int rank = in.rank();
  std::vector<bool> kept(static_cast<size_t>(rank), false);
  for (const int64_t axis : c.Ints("axis", {-1})) {
    if (axis < -rank || axis >= rank) return c.Fail("axes of its input", std::to_string(axis), "check the layer");
    kept[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  }
  Shape shape = in;
  uint64_t all = 1;
  for (int i = rank - 1; i >= 0; --i) {
    if (!kept[static_cast<size_t>(i)] || all == count) shape[i] = 1;
    else all *= shape[i] == kUnknown ? 0 : static_cast<uint64_t>(shape[i]);
  }
  if (all != count) return c.Fail("a mean for each place of its axes", std::to_string(count) + " for an input of " + in.text(), "save the model again");
  return rank > 0 && shape.elements() == shape.back() ? Shape{shape.back()} : shape;
}

// (x - mean) / max(sqrt(variance), 1e-7); the numbers are weights after adapt, else in the configuration.
Status FromKerasNormalization(ImportContext& c) {
  std::vector<float> mean = Floats(c.Numbers("mean", {})), variance = Floats(c.Numbers("variance", {}));
  if (c.num_weights() >= 2) {
    OCTET_ASSIGN(Value m, c.Weight(0));
    OCTET_ASSIGN(Value v, c.Weight(1));
    mean.assign(c.data_as<float>(m).begin(), c.data_as<float>(m).end());
    variance.assign(c.data_as<float>(v).begin(), c.data_as<float>(v).end());
  }
  if (mean.empty() || mean.size() != variance.size()) return c.Fail("a mean and a variance", "none", "call adapt() before saving");
  std::vector<float> factor(mean.size()), offset(mean.size());
  const bool invert = c.Bool("invert", false);
  for (size_t i = 0; i < mean.size(); ++i) {
    const float deviation = std::max(std::sqrt(variance[i]), 1e-7f);
    factor[i] = invert ? deviation : 1.0f / deviation;
    offset[i] = invert ? mean[i] : -mean[i] / deviation;
  }
  Shape shape;
  if (mean.size() > 1) {
    OCTET_ASSIGN(shape, ShapeOfStatistics(c, mean.size()));
  }
  OCTET_ASSIGN(const Value x, FloatInput(c));
  OCTET_ASSIGN(Value y, ScaleAndShift(c, x, shape, factor, offset));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {
    {Source::kKeras, "Multiply", 0, FromKerasMultiply},
    {Source::kKeras, "Rescaling", 0, FromKerasRescaling},
    {Source::kKeras, "BatchNormalization", 0, FromKerasBatchNormalization},
    {Source::kKeras, "Normalization", 0, FromKerasNormalization},
    {Source::kOnnx, "Mul", 0, FromKerasMultiply},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "mul",
    .code = BuiltinCode::kMul,
    .attrs = Layout<ActivationAttrs>(OptionsTable::kMul, kActivationRows),
    .inputs = kBinaryInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .traits = kElementwise,
    .check = Check,
    .infer = Infer,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::mul
