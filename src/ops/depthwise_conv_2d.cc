// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution, NHWC with weights [1, h, w, channels * m]: output channel c*m + k sees input
// channel c only.
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "ops/conv_util.h"
#include "ops/depthwise_attrs.h"
#include "ops/depthwise_f32_util.h"
#include "ops/keras_conv_util.h"

namespace octet::ops::depthwise_conv_2d {
namespace {

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
                              {"T=f32 W=i8 B=f32", 6},  {"T=i16 W=i8 B=i64", 5}, {"T=i16 W=i8 B=i32", 5}};
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
  return op.in(0)->dtype == DType::kF32 ? Status() : CheckIntegerScales(op, w[3]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  out[0].shape = {x[0], SlideWindow(a.padding, x[1], w[1], a.stride_h, a.dilation_h).out,
                  SlideWindow(a.padding, x[2], w[2], a.stride_w, a.dilation_w).out, w[3]};
  return {};
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
  const float* weight_scale = nullptr;
  int64_t row_elements = 0;
};

void FillGeometry(const OpView& op, Params* p) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape, &y = op.out(0)->shape;
  p->g = {x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[1], w[2], a.stride_h, a.stride_w, a.dilation_h, a.dilation_w,
          SlideWindow(a.padding, x[1], w[1], a.stride_h, a.dilation_h).pad_before,
          SlideWindow(a.padding, x[2], w[2], a.stride_w, a.dilation_w).pad_before};
  p->multiplier = w[3] / x[3];
  p->clamp = FloatClamp(a.activation);
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
      p, run, run.input<T>(0), run.input<W>(1), [&](int32_t, T a, W c) { return (a - q.input_zero) * (c - q.weights_zero); },
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
  FillGeometry(op, p);
  const DType x = op.in(0)->dtype, w = op.in(1)->dtype;
  const size_t accumulators = static_cast<size_t>(prepare.threads) * p->g.out_c;
  prepare.Workspace(accumulators * 8);
  if (x == DType::kF32 && w == DType::kF32) {
    prepare.SetRun(RunFloat, p);
    return {};
  }
  if (x == DType::kF32) {
    auto* scales = prepare.Array<float>(static_cast<size_t>(p->g.out_c));
    for (int32_t c = 0; c < p->g.out_c; ++c) scales[c] = static_cast<float>(WeightScale(*op.in(1), c));
    p->weight_scale = scales;
    p->row_elements = op.in(0)->shape.elements(1, 4);
    prepare.Workspace(accumulators * 4 + 128 + static_cast<size_t>(p->g.batch * p->row_elements) + 64 + p->g.batch * sizeof(RowQuant));
    prepare.SetRun(RunHybrid, p);
    return {};
  }
  p->integer = MakeIntegerOutput(prepare, p->g.out_c, op.attrs<Attrs>().activation);
  const bool wide = x == DType::kI16 && op.in(2) && op.in(2)->dtype == DType::kI64;
  prepare.SetRun(x == DType::kU8 ? RunInteger<uint8_t, uint8_t> : x == DType::kI8 ? RunInteger<int8_t, int8_t> : wide ? RunInt16Bias64 : RunInteger<int16_t, int8_t>, p);
  return {};
}

// ------------------------------------------------------------------------------ fast kernels
// Channels are the vector dimension: for every output pixel, pointers to its window's cells; cells outside
// the image point at zeros.

struct FastParams {
  ConvGeometry g;
  const std::byte* weights = nullptr;  // [groups][pairs of taps][16][2] int16.
  kernels::Requant requant{};
  int32_t input_zero = 0;
  const std::byte* outside = nullptr;  // One pixel of zeros (of the input's zero point).
  int64_t scratch_bytes = 0;
};

bool TakesFast(const OpView& op, DType x, DType w) {
  return op.in(0)->dtype == x && op.in(1)->dtype == w && op.in(0)->shape[3] == op.in(1)->shape[3] && !op.has_const(0) && op.has_const(1) &&
         (!op.in(2) || op.has_const(2));
}
bool TakesS8(const OpView& op, const Cpu&) { return TakesFast(op, DType::kI8, DType::kI8); }
bool TakesF32(const OpView& op, const Cpu&) { return TakesFast(op, DType::kF32, DType::kF32); }
bool TakesHybrid(const OpView& op, const Cpu&) {
  return TakesFast(op, DType::kF32, DType::kI8) && op.in(1)->shape.elements(1, 3) <= kMostHybridCells;
}

// Calls body(window pointers, index of the output pixel, scratch) for every output pixel; rows in parallel.
template <class T, class Body> void ForEachWindow(const FastParams& p, const Run& run, const Body& body) {
  const ConvGeometry& g = p.g;
  const T *x = run.input<T>(0), *outside = reinterpret_cast<const T*>(p.outside);
  run.pool->For(static_cast<int64_t>(g.batch) * g.out_h, [&](int64_t task, int thread) {
    std::byte* scratch = run.workspace + thread * p.scratch_bytes;
    auto* cells = reinterpret_cast<const T**>(scratch);
    const int64_t b = task / g.out_h, i = task % g.out_h;
    for (int64_t j = 0; j < g.out_w; ++j) {
      const T** cell = cells;
      for (int32_t u = 0; u < g.filter_h; ++u) {
        const int64_t row = i * g.stride_h + static_cast<int64_t>(u) * g.dilation_h - g.pad_h;
        for (int32_t v = 0; v < g.filter_w; ++v) {
          const int64_t column = j * g.stride_w + static_cast<int64_t>(v) * g.dilation_w - g.pad_w;
          const bool inside = row >= 0 && row < g.in_h && column >= 0 && column < g.in_w;
          *cell++ = inside ? x + ((b * g.in_h + row) * g.in_w + column) * g.in_c : outside;
        }
      }
      body(cells, task * g.out_w + j, scratch);
    }
  });
}

int64_t PointerBytes(const ConvGeometry& g) { return kernels::RoundUp(static_cast<int64_t>(g.filter_h) * g.filter_w * 8, 64); }

Status RunFastS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const FastParams*>(params);
  const kernels::Table& k = kernels::Best();
  const int taps = p.g.filter_h * p.g.filter_w;
  const int64_t channels = p.g.in_c, groups = kernels::RoundUp(channels, kernels::kPanel) / kernels::kPanel;
  ForEachWindow<int8_t>(p, run, [&](const int8_t* const* cells, int64_t pixel, std::byte* scratch) {
    auto* acc = reinterpret_cast<int32_t*>(scratch + PointerBytes(p.g));
    k.taps_s8(cells, taps, static_cast<int16_t>(p.input_zero), reinterpret_cast<const int16_t*>(p.weights), groups, acc);
    int8_t* y = run.output<int8_t>(0) + pixel * channels;
    for (int64_t c = 0; c < channels; c += kernels::kPanel)
      k.requantize(acc + c, 1, p.requant, c, static_cast<int>(std::min<int64_t>(kernels::kPanel, channels - c)), y + c, 0);
  });
  return {};
}

struct PackContext {
  const int8_t* weights;
  int64_t taps, channels;
};

void PackTaps(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  auto* to = reinterpret_cast<int16_t*>(packed);
  const int64_t pairs = (c.taps + 1) / 2;
  for (int64_t t = 0; t < c.taps; ++t)
    for (int64_t i = 0; i < c.channels; ++i)
      to[(i / kernels::kPanel * pairs + t / 2) * 32 + i % kernels::kPanel * 2 + t % 2] = c.weights[t * c.channels + i];
}

Status PrepareF32(Prepare& prepare) {
  Params p;
  FillGeometry(prepare.op, &p);
  return PrepareDepthwiseF32(prepare, p.g, p.clamp, prepare.op.const_of<float>(2).data());
}
Status PrepareHybrid(Prepare& prepare) {
  Params p;
  FillGeometry(prepare.op, &p);
  return PrepareDepthwiseHybrid(prepare, p.g, p.clamp, prepare.op.const_of<float>(2).data());
}

Status PrepareFast(Prepare& prepare) {
  const OpView& op = prepare.op;
  Params reference;
  FillGeometry(op, &reference);
  auto* p = prepare.Params<FastParams>();
  p->g = reference.g;
  const int64_t channels = p->g.in_c, taps = static_cast<int64_t>(p->g.filter_h) * p->g.filter_w, padded = kernels::RoundUp(channels, kernels::kPanel);
  auto* outside = prepare.Array<std::byte>(static_cast<size_t>(padded));
  p->outside = outside;
  p->scratch_bytes = PointerBytes(p->g) + kernels::RoundUp(padded * 4, 64);
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * prepare.threads);
  const IntegerOutput output = MakeIntegerOutput(prepare, p->g.out_c, op.attrs<Attrs>().activation);
  p->requant = MakeRequant(prepare, output, p->g.out_c, op.has_const(2) ? op.const_of<int32_t>(2).data() : nullptr);
  p->input_zero = output.input_zero;
  std::fill_n(outside, padded, static_cast<std::byte>(output.input_zero));
  const PackContext context{reinterpret_cast<const int8_t*>(op.constants[1]), taps, channels};
  OCTET_ASSIGN(p->weights, prepare.Pack(1, "taps16", static_cast<uint64_t>(taps), static_cast<size_t>((taps + 1) / 2 * padded * 4), PackTaps, &context));
  prepare.SetRun(RunFastS8, p);
  return {};
}

constexpr Variant kVariants[] = {{.name = "channels_s8", .takes = TakesS8, .prepare = PrepareFast},
                                 {.name = "channels_f32", .takes = TakesF32, .prepare = PrepareF32},
                                 {.name = "channels_hybrid", .takes = TakesHybrid, .prepare = PrepareHybrid},
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
