// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution, NHWC with weights [1, h, w, channels * m]: output channel c*m + k sees input
// channel c only.
#include "base/built.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "ops/conv_util.h"
#include "ops/depth_multiplier_util.h"
#include "ops/depthwise_attrs.h"
#include "ops/depthwise_f32_util.h"
#include "ops/int8_util.h"
#include "ops/keras_conv_util.h"
#include "ops/weights_util.h"

namespace octet::ops::depthwise_conv_2d {
namespace {

constexpr bool kFloats = Builds("depthwise_conv_2d", "f32"), kBytes = Builds("depthwise_conv_2d", "u8"), kShorts = Builds("depthwise_conv_2d", "i16");

using Attrs = DepthwiseAttrs;
constexpr AttrRow kRows[] = {
    Attr<&Attrs::padding>("padding", 0),
    Attr<&Attrs::stride_w>("stride_w", 1),
    Attr<&Attrs::stride_h>("stride_h", 2),
    Attr<&Attrs::depth_multiplier>("depth_multiplier", 3),
    Attr<&Attrs::activation>("fused_activation_function", 4),
    Attr<&Attrs::dilation_w>("dilation_w_factor", 5),
    Attr<&Attrs::dilation_h>("dilation_h_factor", 6),
};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "filter", .type = 'W', .role = Role::kWeights},
                               {.name = "bias", .type = 'B', .arity = Arity::kOptional, .role = Role::kBias}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32 B=f32", 1}, {"T=u8 W=u8 B=i32", 1}, {"T=i8 W=i8 B=i32", 3},
                              {"T=f32 W=i8 B=f32", 6},  {"T=i16 W=i8 B=i64", 5}, {"T=i16 W=i8 B=i32", 5},
                              {"T=i8 W=i4 B=i32", 7}};
constexpr QuantRow kQuant[] = {{.operand = 1, .kind = QuantKind::kPerChannel, .axis = 3},
                               {.operand = 2, .kind = QuantKind::kProductBias, .other = 1}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  OCTET_TRY(CheckStrides(op, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w, 4));
  OCTET_TRY(CheckActivation(op, a.activation));
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  if (w[0] != 1 || x[3] < 1 || w[3] < 1 || w[3] % x[3] != 0)
    return op.Fail(Code::kInvalidModel, "the filter %s does not fit %d input channels", w.text().c_str(), x[3]);
  OCTET_TRY(CheckBias(op, 2, w[3]));
  return CheckScales(op, w[3]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  out[0].shape = {x[0], SlideWindow(a.padding, x[1], w[1], a.stride_h, a.dilation_h).out,
                  SlideWindow(a.padding, x[2], w[2], a.stride_w, a.dilation_w).out, w[3]};
  return CheckConvOutput(op, out[0].shape);
}

Cost EstimateCost(const OpView& op) {
  const Shape &y = op.out(0)->shape, &w = op.in(1)->shape;
  return {y.elements() * w[1] * w[2], op.in(0)->shape.elements() * BitsOf(op.in(0)->dtype) / 8 +
                                          w.elements() * BitsOf(op.in(1)->dtype) / 8 + y.elements() * BitsOf(op.out(0)->dtype) / 8};
}

int Version(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  Result<const TypeRow*> row = MatchTypes(op);
  const int version = row.ok() ? (*row)->version : 1;
  const bool dilated = a.dilation_h != 1 || a.dilation_w != 1;
  return dilated ? std::max(version, 2) : version;
}

// ------------------------------------------------------------------------- reference kernels

struct Params {
  ConvGeometry g;
  int32_t multiplier = 1;  // Output channels per input channel.
  IntegerOutput integer;
  ClampF32 clamp;
  ByteWeights weights;
  const float* weight_scale = nullptr;
  int64_t row_elements = 0;
};

void FillParams(const OpView& op, Params* p) {
  p->g = GeometryOf<Attrs>(op);
  p->multiplier = p->g.out_c / p->g.in_c;
  p->clamp = FloatClamp(op.attrs<Attrs>().activation);
}

// acc[o] += term(x, w) over the window of one output pixel, all channels at once: channels are contiguous.
template <class Acc, class X, class W, class Term>
void Window(const Params& p, const X* x, const W* w, int32_t b, int32_t i, int32_t j, Acc* acc, const Term& term) {
  const ConvGeometry& g = p.g;
  for (int32_t u = 0; u < g.filter_h; ++u) {
    const int32_t row = i * g.stride_h + u * g.dilation_h - g.pad_h;
    if (row < 0 || row >= g.in_h) continue;
    for (int32_t v = 0; v < g.filter_w; ++v) {
      const int32_t column = j * g.stride_w + v * g.dilation_w - g.pad_w;
      if (column < 0 || column >= g.in_w) continue;
      const X* xs = x + ((static_cast<int64_t>(b) * g.in_h + row) * g.in_w + column) * g.in_c;
      const W* ws = w + (static_cast<int64_t>(u) * g.filter_w + v) * g.out_c;
      if (p.multiplier == 1) {
        for (int32_t c = 0; c < g.in_c; ++c) acc[c] += term(xs[c], ws[c]);
      } else {
        for (int32_t o = 0; o < g.out_c; ++o) acc[o] += term(xs[o / p.multiplier], ws[o]);
      }
    }
  }
}

// For every output pixel: zeroed accumulators, the window, then finish(o, acc, index of the output element).
template <class Acc, class X, class W, class Term, class Finish>
void ForEachPixel(const Params& p, const Run& run, const X* x, const W* w, const Term& term, const Finish& finish) {
  const ConvGeometry& g = p.g;
  run.pool->For(static_cast<int64_t>(g.batch) * g.out_h, [&](int64_t task, int thread) {
    Acc* acc = reinterpret_cast<Acc*>(run.workspace) + static_cast<int64_t>(thread) * g.out_c;
    const int32_t b = static_cast<int32_t>(task / g.out_h), i = static_cast<int32_t>(task % g.out_h);
    for (int32_t j = 0; j < g.out_w; ++j) {
      std::fill_n(acc, g.out_c, Acc{0});
      Window(p, x, w, b, i, j, acc, [&](X a, W c) { return term(b, a, c); });
      const int64_t index = (task * g.out_w + j) * g.out_c;
      for (int32_t o = 0; o < g.out_c; ++o) finish(b, o, acc[o], index + o);
    }
  });
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* bias = run.input<float>(2);
  float* y = run.output<float>(0);
  ForEachPixel<float>(p, run, run.input<float>(0), run.input<float>(1), [](int32_t, float a, float c) { return a * c; },
                      [&](int32_t, int32_t o, float acc, int64_t index) { y[index] = std::clamp(acc + (bias ? bias[o] : 0.0f), p.clamp.low, p.clamp.high); });
  return {};
}

template <class T, class W> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const int32_t* bias = run.input<int32_t>(2);
  T* y = run.output<T>(0);
  ForEachPixel<int32_t>(
      p, run, run.input<T>(0), reinterpret_cast<const W*>(p.weights.of(run)), [&](int32_t, T a, W c) { return (a - q.input_zero) * (c - q.weights_zero); },
      [&](int32_t, int32_t o, int32_t acc, int64_t index) {
        if (bias) acc += bias[o];
        y[index] = static_cast<T>(std::clamp(Requantize(acc, q.multiplier[o]) + q.output_zero, q.clamp.low, q.clamp.high));
      });
  return {};
}

Status RunInt16Bias64(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t* bias = run.input<int64_t>(2);
  int16_t* y = run.output<int16_t>(0);
  ForEachPixel<int64_t>(
      p, run, run.input<int16_t>(0), run.input<int8_t>(1), [](int32_t, int16_t a, int8_t c) { return static_cast<int64_t>(a) * c; },
      [&](int32_t, int32_t o, int64_t acc, int64_t index) {
        if (bias) acc += bias[o];
        y[index] = static_cast<int16_t>(std::clamp(Requantize64(acc, p.integer.multiplier[o]), p.integer.clamp.low, p.integer.clamp.high));
      });
  return {};
}

// Dynamic range: each image is quantized with a zero point of its own.
Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.g;
  const float *x = run.input<float>(0), *bias = run.input<float>(2);
  std::byte* at = run.workspace + (static_cast<int64_t>(run.pool->threads()) * g.out_c * 4 + 63) / 64 * 64;
  auto* q = reinterpret_cast<int8_t*>(at);
  auto* rows = reinterpret_cast<RowQuant*>(at + (g.batch * p.row_elements + 63) / 64 * 64);
  for (int32_t b = 0; b < g.batch; ++b) rows[b] = QuantizeRowAsymmetric(x + b * p.row_elements, p.row_elements, q + b * p.row_elements);
  float* y = run.output<float>(0);
  ForEachPixel<int32_t>(p, run, static_cast<const int8_t*>(q), run.input<int8_t>(1), [&](int32_t b, int8_t a, int8_t c) { return (a - rows[b].offset) * c; },
                        [&](int32_t b, int32_t o, int32_t acc, int64_t index) {
                          const float value = static_cast<float>(acc) * p.weight_scale[o] * rows[b].scale + (bias ? bias[o] : 0.0f);
                          y[index] = std::clamp(value, p.clamp.low, p.clamp.high);
                        });
  return {};
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  FillParams(op, p);
  const DType x = op.in(0)->dtype, w = op.in(1)->dtype;
  const size_t accumulators = static_cast<size_t>(prepare.threads) * p->g.out_c;
  prepare.Workspace(accumulators * 8);
  if (kFloats && x == DType::kF32 && w == DType::kF32) {
    prepare.SetRun(RunFloat, p);
    return {};
  }
  if (kFloats && x == DType::kF32) {
    p->weight_scale = HybridScales(prepare, 1, p->g.out_c);
    p->row_elements = op.in(0)->shape.elements(1, 4);
    prepare.Workspace(accumulators * 4 + 128 + static_cast<size_t>(p->g.batch * p->row_elements) + 64 + p->g.batch * sizeof(RowQuant));
    prepare.SetRun(RunHybrid, p);
    return {};
  }
  p->integer = MakeIntegerOutput(prepare, p->g.out_c, op.attrs<Attrs>().activation);
  const bool narrow = op.in(2) && op.in(2)->dtype == DType::kI32;
  prepare.SetRun(kBytes && x == DType::kU8 ? RunInteger<uint8_t, uint8_t>
                 : x == DType::kI8 ? RunInteger<int8_t, int8_t>
                 : !kShorts        ? nullptr
                 : narrow          ? RunInteger<int16_t, int8_t>
                                   : RunInt16Bias64, p);
  size_t workspace = accumulators * 8;
  OCTET_ASSIGN(p->weights, PrepareByteWeights(prepare, 1, &workspace));
  prepare.Workspace(workspace);
  return {};
}

// ------------------------------------------------------------------------------ fast kernels
// Floats: channels are the vector dimension; for every output pixel, pointers to its window's cells; cells
// outside the image point at zeros.

bool TakesFast(const OpView& op, DType x, DType w) {
  return op.in(0)->dtype == x && op.in(1)->dtype == w && !op.has_const(0) && op.has_const(1) && (!op.in(2) || op.has_const(2)) &&
         op.in(0)->shape.elements() > 0;
}
bool OneEach(const OpView& op) { return op.in(0)->shape[3] == op.in(1)->shape[3]; }
bool TakesS8(const OpView& op, const Cpu&) {
  return TakesFast(op, DType::kI8, DType::kI8) && OneEach(op) && FitsDepthwiseS8(GeometryOf<Attrs>(op));
}
// One input channel seen by all outputs is a convolution.
bool TakesSingleS8(const OpView& op, const Cpu&) {
  return TakesFast(op, DType::kI8, DType::kI8) && op.in(0)->shape[3] == 1 && FitsProductS8(GeometryOf<Attrs>(op));
}
bool TakesF32(const OpView& op, const Cpu&) { return TakesFast(op, DType::kF32, DType::kF32) && OneEach(op); }
bool TakesHybrid(const OpView& op, const Cpu&) {
  return TakesFast(op, DType::kF32, DType::kI8) && OneEach(op) && op.in(1)->shape.elements(1, 3) <= kMostHybridCells;
}

Status PrepareF32(Prepare& prepare) {
  const OpView& op = prepare.op;
  return PrepareDepthwiseF32(prepare, GeometryOf<Attrs>(op), FloatClamp(op.attrs<Attrs>().activation), op.const_of<float>(2).data());
}
Status PrepareHybrid(Prepare& prepare) {
  const OpView& op = prepare.op;
  return PrepareDepthwiseHybrid(prepare, GeometryOf<Attrs>(op), FloatClamp(op.attrs<Attrs>().activation), op.const_of<float>(2).data());
}

Status PrepareS8(Prepare& prepare) {
  const OpView& op = prepare.op;
  const ConvGeometry g = GeometryOf<Attrs>(op);
  std::vector<Multiplier> multipliers(static_cast<size_t>(g.out_c));
  return PrepareDepthwiseS8(prepare, g, IntegerOutputOf(op, multipliers, op.attrs<Attrs>().activation), op.const_of<int32_t>(2).data());
}

Status PrepareSingleS8(Prepare& prepare) {
  const OpView& op = prepare.op;
  const ConvGeometry g = GeometryOf<Attrs>(op);
  const ProductShape shape{g, false, true, static_cast<int64_t>(g.batch) * g.out_h * g.out_w, WindowElements(g), g.out_c};
  std::vector<Multiplier> multipliers(static_cast<size_t>(g.out_c));
  return PrepareProductS8(prepare, shape, IntegerOutputOf(op, multipliers, op.attrs<Attrs>().activation), nullptr, op.const_of<int32_t>(2).data());
}

// What prepares a node with one output of each channel; null: nothing fast.
Status (*ChannelsPrepare(const OpView& op, const Cpu& cpu))(Prepare&) {
  return TakesS8(op, cpu) ? PrepareS8 : kFloats && TakesF32(op, cpu) ? PrepareF32 : kFloats && TakesHybrid(op, cpu) ? PrepareHybrid : nullptr;
}
bool TakesRepeated(const OpView& op, const Cpu& cpu) {
  return !kernels::kSmall && !OneEach(op) && FitsRepeatedChannels(op) && ChannelsPrepare(RepeatedChannels(op).op, cpu);
}
Status PrepareRepeated(Prepare& prepare) {
  return PrepareRepeatedChannels(prepare, [](Prepare& single) { return ChannelsPrepare(single.op, single.cpu)(single); });
}

constexpr Variant kVariants[] = {{.name = "single_s8", .takes = TakesSingleS8, .prepare = PrepareSingleS8, .row_window = RowWindowOf<Attrs>},
                                 {.name = "channels_s8", .takes = TakesS8, .prepare = PrepareS8, .row_window = RowWindowOf<Attrs>},
                                 {.name = "channels_f32", .takes = TakesF32, .prepare = kFloats ? PrepareF32 : nullptr, .row_window = RowWindowOf<Attrs>},
                                 {.name = "channels_hybrid_f32", .takes = TakesHybrid, .prepare = kFloats ? PrepareHybrid : nullptr},
                                 {.name = "channels_repeated", .takes = TakesRepeated, .prepare = kernels::kSmall ? nullptr : PrepareRepeated},
                                 {.name = "reference", .prepare = PrepareReference}};

// ------------------------------------------------------------------------------------ Keras

Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(KerasWindow w, ReadKerasWindow(c));
  OCTET_ASSIGN(Value filter, FilterDepthwise(c, 0, w.rank));
  OCTET_ASSIGN(Value bias, BiasOrZeros(c, 1, c.shape(filter)[3]));
  OCTET_ASSIGN(Value x, EnterImage(c, c.Input(0), w));
  OCTET_ASSIGN(Value y, EmitDepthwise(c, x, w, filter, bias));
  return LeaveImage(c, y, w);
}

constexpr ImportRule kRules[] = {{Source::kKeras, "DepthwiseConv2D", 0, FromKeras}, {Source::kKeras, "DepthwiseConv1D", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "depthwise_conv_2d",
    .code = BuiltinCode::kDepthwiseConv2d,
    .attrs = Layout<Attrs>(OptionsTable::kDepthwiseConv2D, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kKeepsChannels,
    .check = Check,
    .infer = Infer,
    .cost = EstimateCost,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::depthwise_conv_2d
