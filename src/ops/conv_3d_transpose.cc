// SPDX-License-Identifier: Apache-2.0
// Transposed convolution over volumes, NDHWC with weights [d, h, w, out, in]: every input cell adds x * w, a
// filter-sized block, to the output. The first operand gives the output's shape; padding is what a
// convolution of the output would have.
#include "base/thread_pool.h"
#include "ops/conv_3d_util.h"
#include "ops/import.h"
#include "ops/move_attrs.h"
#include "ops/operand_util.h"
#include "ops/scatter_product_util.h"

namespace octet::ops::conv_3d_transpose {
namespace {

enum Input { kShapeOfOutput, kFilter, kData, kBias };
constexpr Operand kInputs[] = {{.name = "output_shape", .type = 'S', .role = Role::kShape},
                               {.name = "filter", .role = Role::kWeights},
                               {.name = "input"},
                               {.name = "bias", .arity = Arity::kOptional, .role = Role::kBias}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32 T=f32"}};
constexpr QuantRow kQuant[] = {{.operand = kFilter, .kind = QuantKind::kPerChannel, .axis = 3}};  // Where its channels are: it has no integer form.

Status Check(const OpView& op) {
  const Shape &x = op.in(kData)->shape, &w = op.in(kFilter)->shape;
  OCTET_TRY(CheckConv3d(op, x, w));
  if (w[4] != x[4]) return op.Fail(Code::kInvalidModel, "the filter %s does not fit %d input channels", w.text().c_str(), x[4]);
  return CheckBias(op, kBias, w[3]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = DType::kF32;
  IntList shape;
  if (!ReadInts(op, kShapeOfOutput, &shape)) {
    out[0].dynamic = true;
    return {};
  }
  if (shape.count != 5) return op.Fail(Code::kInvalidModel, "the output shape needs 5 dimensions, found %lld", static_cast<long long>(shape.count));
  const Shape &x = op.in(kData)->shape, &w = op.in(kFilter)->shape;
  Shape y;
  for (int64_t d : shape.span()) {
    if (!FitsDimension(d)) return op.Fail(Code::kInvalidModel, "output dimension %lld is out of range", static_cast<long long>(d));
    y.push_back(static_cast<int32_t>(d));
  }
  bool fits = y[4] == w[3] && (x[0] == kUnknown || y[0] == x[0]);
  for (int i = 0; i < 3; ++i) fits &= x[1 + i] == kUnknown || SlideConv3d(op.attrs<Conv3dAttrs>(), y, w, i).out == x[1 + i];
  if (!fits)
    return op.Fail(Code::kInvalidModel, "an output of %s does not fit an input of %s and a filter of %s", y.text().c_str(), x.text().c_str(), w.text().c_str());
  out[0].shape = y;
  return {};
}

Cost EstimateCost(const OpView& op) {
  const Shape &x = op.in(kData)->shape, &y = op.out(0)->shape, &w = op.in(kFilter)->shape;
  return {x.elements() * w.elements(0, 4), (x.elements() + y.elements() + w.elements()) * 4};
}

struct Params {
  Conv3dGeometry g;
  ClampF32 clamp;
};

// Adds what one input cell contributes to its image of the output.
void Scatter(const Conv3dGeometry& g, const float* x, const int64_t (&step)[3], const float* weights, float* image) {
  ForEachCell(g, step, [&](int64_t cell, int64_t tap) {
    float* y = image + cell * g.out_c;
    const float* w = weights + tap * g.out_c * g.in_c;
    for (int64_t o = 0; o < g.out_c; ++o, w += g.in_c)
      for (int64_t c = 0; c < g.in_c; ++c) y[o] += x[c] * w[c];
  });
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Conv3dGeometry& g = p.g;
  const int64_t cells = g.small[0] * g.small[1] * g.small[2], volume = g.large[0] * g.large[1] * g.large[2];
  const float* bias = run.input<float>(kBias);
  run.pool->For(g.batch, [&](int64_t b, int) {
    float* y = run.output<float>(0) + b * volume * g.out_c;
    std::fill_n(y, volume * g.out_c, 0.0f);
    for (int64_t i = 0; i < cells; ++i)
      Scatter(g, run.input<float>(kData) + (b * cells + i) * g.in_c, {i / (g.small[1] * g.small[2]), i / g.small[2] % g.small[1], i % g.small[2]},
              run.input<float>(kFilter), y);
    for (int64_t i = 0; i < volume * g.out_c; ++i) y[i] = std::clamp(y[i] + (bias ? bias[i % g.out_c] : 0.0f), p.clamp.low, p.clamp.high);
  });
  return {};
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  const auto& a = op.attrs<Conv3dAttrs>();
  auto* p = prepare.Params<Params>();
  p->g = MakeConv3dGeometry(a, op.out(0)->shape, op.in(kData)->shape, op.in(kFilter)->shape);
  p->g.in_c = op.in(kFilter)->shape[4], p->g.out_c = op.in(kFilter)->shape[3];
  p->clamp = FloatClamp(a.activation);
  prepare.SetRun(RunFloat, p);
  return {};
}

// ------------------------------------------------------------------------------- fast kernel

ScatterOperands OperandsOf(const OpView& op) {
  const auto& a = op.attrs<Conv3dAttrs>();
  const Shape &x = op.in(kData)->shape, &w = op.in(kFilter)->shape, &y = op.out(0)->shape;
  const auto pad = [&](int i) { return SlideConv3d(a, y, w, i).pad_before; };
  return {.g = {x[0], x[2], x[3], x[4], y[2], y[3], y[4], w[1], w[2], a.stride_h, a.stride_w, 1, 1, pad(1), pad(2)},
          .depth = {x[1], y[1], w[0], a.stride_d, pad(0)},
          .taps_first = true,
          .data = kData,
          .weights = kFilter,
          .bias = kBias,
          .clamp = FloatClamp(a.activation)};
}

bool TakesPacked(const OpView& op, const Cpu&) {
  const auto& a = op.attrs<Conv3dAttrs>();
  const Shape& y = op.out(0)->shape;
  return a.dilation_d == 1 && a.dilation_h == 1 && a.dilation_w == 1 && op.has_const(kFilter) && (!op.in(kBias) || op.has_const(kBias)) && y.known() &&
         y.elements() > 0 && op.in(kData)->shape.elements() > 0 && FitsScatter(OperandsOf(op).g);
}

Status PreparePacked(Prepare& prepare) { return PrepareScatterF32(prepare, OperandsOf(prepare.op)); }

constexpr Variant kVariants[] = {{.name = "packed_f32", .takes = TakesPacked, .prepare = PreparePacked}, {.name = "reference", .prepare = PrepareReference}};

// A filter [d, h, w, out, in] with zeros between its taps: what a dilation means to a transposed convolution.
Result<Value> SpreadTaps(ImportContext& c, Value filter, const int32_t (&dilation)[3]) {
  const Shape f = c.shape(filter);
  const std::span<const float> from = c.data_as<float>(filter);
  constexpr int64_t kMostTaps = 1 << 28, kMostLength = 1 << 15;
  const auto spread = [&](int i) { return (f[i] - 1) * int64_t{dilation[i]} + 1; };
  const int64_t d = spread(0), h = spread(1), w = spread(2), each = int64_t{f[3]} * f[4];
  if (from.empty() || std::max({d, h, w}) > kMostLength || d * h * w > kMostTaps / std::max<int64_t>(each, 1))
    return c.Fail("a smaller dilation", std::to_string(dilation[0]), "");
  std::vector<float> to(static_cast<size_t>(d * h * w * each), 0.0f);
  for (int64_t i = 0; i < int64_t{f[0]} * f[1] * f[2]; ++i) {
    const int64_t z = i / (f[1] * f[2]) * dilation[0], y = i / f[2] % f[1] * dilation[1], x = i % f[2] * dilation[2];
    std::copy_n(&from[static_cast<size_t>(i * each)], each, &to[static_cast<size_t>(((z * h + y) * w + x) * each)]);
  }
  return c.Constant<float>(Shape{static_cast<int32_t>(d), static_cast<int32_t>(h), static_cast<int32_t>(w), f[3], f[4]}, to);
}

// Keras keeps its weights as the file does: [d, h, w, out, in].
Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(Conv3dAttrs attrs, ReadKerasConv3d(c));
  OCTET_ASSIGN(Value filter, c.Weight(0));
  const Shape x = c.shape(c.Input(0));
  const int32_t dilation[] = {attrs.dilation_d, attrs.dilation_h, attrs.dilation_w};
  if (c.shape(filter).rank() == 5 && std::ranges::any_of(dilation, [](int32_t n) { return n > 1; })) {
    OCTET_ASSIGN(filter, SpreadTaps(c, filter, dilation));
    attrs.dilation_d = attrs.dilation_h = attrs.dilation_w = 1;
  }
  const Shape f = c.shape(filter);
  if (f.rank() != 5 || x.rank() != 5) return c.Fail("an input and weights of rank 5", x.text() + " and " + f.text(), "save the model again");
  OCTET_ASSIGN(const Value bias, BiasOrZeros(c, 1, f[3]));
  Shape out{x[0]};
  const int32_t stride[] = {attrs.stride_d, attrs.stride_h, attrs.stride_w};
  const std::vector<int64_t> more = c.Ints("output_padding", {});
  const auto length = [&](int i, int32_t size) {
    if (more.empty() || size == kUnknown) return TransposedLength(size, f[i], stride[i], attrs.padding);
    return PaddedTransposedLength(size, f[i], stride[i], attrs.padding, more[std::min(static_cast<size_t>(i), more.size() - 1)]);
  };
  int32_t rests[3];
  for (int i = 0; i < 3; ++i) {
    out.push_back(length(i, x[1 + i]));
    rests[i] = length(i, 1) - stride[i];
  }
  out.push_back(f[3]);
  OCTET_ASSIGN(const Value shape, TransposedShape(c, c.Input(0), out, stride, rests));
  const Value inputs[] = {shape, filter, c.Input(0), bias};
  OCTET_ASSIGN(Value y, c.EmitAs("conv_3d_transpose", inputs, &attrs, {DType::kF32, out, {}}));
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {
    {Source::kKeras, "Conv3DTranspose", 0, FromKeras},
};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "conv_3d_transpose",
    .code = BuiltinCode::kConv3dTranspose,
    .attrs = Layout<Conv3dAttrs>(OptionsTable::kConv3D, kConv3dRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
    .cost = EstimateCost,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::conv_3d_transpose
