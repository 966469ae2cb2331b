// SPDX-License-Identifier: Apache-2.0
// y = x for x >= 0, alpha * x below; alpha broadcasts over x.
#include "ops/add_sub_util.h"
#include "ops/simple_binary_util.h"

namespace octet::ops::prelu {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "alpha"}};
constexpr TypeRow kTypes[] = {{"T=f32|u8|i8", 1}};

struct Params {
  Broadcast shape;
  Multiplier identity, alpha;
  int32_t zero_in = 0, zero_alpha = 0, zero_out = 0;
  Clamp32 range;
};

Status RunFloat(const void* params, const Run& run) {
  RunBroadcast(static_cast<const Params*>(params)->shape, *run.pool, run.input<float>(0), run.input<float>(1), run.output<float>(0),
               [](float x, float alpha) { return x >= 0.0f ? x : x * alpha; });
  return {};
}

template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), [&](T q, T a) {
    const int32_t x = q - p.zero_in;
    const int32_t y = x >= 0 ? Requantize(x, p.identity) : Requantize(x * (a - p.zero_alpha), p.alpha);
    return static_cast<T>(std::clamp(y + p.zero_out, p.range.low, p.range.high));
  });
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  out[0].shape = op.in(0)->shape;
  return {};
}

Status PrepareReference(Prepare& prepare) {
  const TensorType &x = *prepare.op.in(0), &a = *prepare.op.in(1), &y = *prepare.op.out(0);
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(x.shape, a.shape, y.shape);
  if (x.dtype == DType::kF32) {
    prepare.SetRun(RunFloat, p);
    return {};
  }
  p->identity = QuantizeMultiplier(static_cast<double>(x.quant.scale0() / y.quant.scale0()));
  p->alpha = QuantizeMultiplier(static_cast<double>(x.quant.scale0() * a.quant.scale0() / y.quant.scale0()));
  p->zero_in = x.quant.zero0();
  p->zero_alpha = a.quant.zero0();
  p->zero_out = y.quant.zero0();
  p->range = RangeOf(y.dtype);
  prepare.SetRun(x.dtype == DType::kI8 ? RunInteger<int8_t> : RunInteger<uint8_t>, p);
  return {};
}
Status PrepareVectors(Prepare& p) { return PrepareBinaryF32(p, kernels::Binary::kLeakyRelu, FloatClamp(Activation::kNone)); }
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesF32, .prepare = PrepareVectors},
                                 {.name = "reference", .prepare = PrepareReference}};

Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(Value alpha, c.Weight(0));
  OCTET_ASSIGN(Value y, c.Emit("prelu", {c.Input(0), alpha}));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {{Source::kKeras, "PReLU", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "prelu",
    .code = BuiltinCode::kPrelu,
    .inputs = kInputs,
    .outputs = kOneOutput,
    .types = kTypes,
    .traits = kElementwise | kHomogeneous | kKeepsChannels,
    .check = CheckBinary,
    .infer = Infer,
    .cost = CostOfElementwise,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::prelu
