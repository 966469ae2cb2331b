// SPDX-License-Identifier: Apache-2.0
// Transposed convolution: every input pixel adds x * w, a filter-sized patch, to the output.
//   y[b, i*s + u - pad, j*s + v - pad, o] += sum_c x[b,i,j,c] * w[o,u,v,c];  then bias and activation
// The first operand gives the output's shape; padding is what a convolution of the output would have.
#include <cstring>

#include "base/thread_pool.h"
#include "ops/conv_util.h"
#include "ops/keras_conv_util.h"
#include "ops/move_attrs.h"
#include "ops/operand_util.h"
#include "ops/scatter_product_util.h"

namespace octet::ops::transpose_conv {
namespace {

struct Attrs {
  Padding padding = Padding::kSame;
  int32_t stride_w = 1, stride_h = 1;
  Activation activation = Activation::kNone;
  DType quantized_bias_type = DType::kF32;
};
constexpr AttrRow kRows[] = {
    Attr<&Attrs::padding>("padding", 0),
    Attr<&Attrs::stride_w>("stride_w", 1),
    Attr<&Attrs::stride_h>("stride_h", 2),
    Attr<&Attrs::activation>("fused_activation_function", 3),
    Attr<&Attrs::quantized_bias_type>("quantized_bias_type", 4),
};

enum Input { kShapeOfOutput, kWeightsInput, kData, kBias };
constexpr Operand kInputs[] = {{.name = "output_shape", .type = 'S', .role = Role::kShape},
                               {.name = "weights", .type = 'W', .role = Role::kWeights},
                               {.name = "input"},
                               {.name = "bias", .type = 'B', .arity = Arity::kOptional, .role = Role::kBias}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"S=i32 T=f32 W=f32 B=f32", 1}, {"S=i32 T=u8 W=u8 B=i32", 1}, {"S=i32 T=i8 W=i8 B=i32", 2},
                              {"S=i32 T=i16 W=i8 B=i64|i32", 3}, {"S=i32 T=f32 W=i8 B=f32", 5}};
constexpr QuantRow kQuant[] = {{.operand = kShapeOfOutput, .kind = QuantKind::kNone},
                               {.operand = kWeightsInput, .kind = QuantKind::kPerChannel, .axis = 0},
                               {.operand = kBias, .kind = QuantKind::kProductBias, .other = kWeightsInput}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(kData)->shape, &w = op.in(kWeightsInput)->shape;
  if (x.rank() != 4 || w.rank() != 4)
    return op.Fail(Code::kInvalidModel, "expected an input and weights of rank 4, found %s and %s", x.text().c_str(), w.text().c_str());
  if (a.stride_h < 1 || a.stride_w < 1) return op.Fail(Code::kInvalidModel, "strides %dx%d must be positive", a.stride_h, a.stride_w);
  if (w[3] != x[3] || w[1] < 1 || w[2] < 1) return op.Fail(Code::kInvalidModel, "weights %s do not fit the %d input channels", w.text().c_str(), x[3]);
  OCTET_TRY(CheckActivation(op, a.activation));
  OCTET_TRY(CheckBias(op, kBias, w[0]));
  if (op.in(kWeightsInput)->dtype == DType::kF32) return {};
  if (op.in(kData)->dtype != DType::kF32) {
    OCTET_TRY(CheckPerTensor(op, *op.in(kData), "input"));
    if (op.out(0)) OCTET_TRY(CheckPerTensor(op, *op.out(0), "output"));
  }
  return CheckWeightScales(op, kWeightsInput, w[0]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.out(0) ? op.out(0)->dtype : op.in(kData)->dtype;
  IntList shape;
  if (!ReadInts(op, kShapeOfOutput, &shape)) {
    out[0].dynamic = true;
    return {};
  }
  const Shape &x = op.in(kData)->shape, &w = op.in(kWeightsInput)->shape;
  if (shape.count != 4) return op.Fail(Code::kInvalidModel, "the output shape needs 4 dimensions, found %lld", static_cast<long long>(shape.count));
  for (int64_t d : shape.span())
    if (!FitsDimension(d)) return op.Fail(Code::kInvalidModel, "output dimension %lld is out of range", static_cast<long long>(d));
  out[0].shape = {static_cast<int32_t>(shape.v[0]), static_cast<int32_t>(shape.v[1]), static_cast<int32_t>(shape.v[2]), static_cast<int32_t>(shape.v[3])};
  if (shape.v[3] != w[0] || (x[0] != kUnknown && shape.v[0] != x[0]))
    return op.Fail(Code::kInvalidModel, "an output of %s does not fit an input of %s and weights of %s", out[0].shape.text().c_str(),
                   x.text().c_str(), w.text().c_str());
  return {};
}

Cost EstimateCost(const OpView& op) {
  const Shape &x = op.in(kData)->shape, &w = op.in(kWeightsInput)->shape, &y = op.out(0)->shape;
  const int bits = BitsOf(op.in(kData)->dtype) / 8;
  return {x.elements() * w.elements(0, 3), (x.elements() + y.elements()) * bits + w.elements() * BitsOf(op.in(kWeightsInput)->dtype) / 8};
}

int Version(const OpView& op) {
  Result<const TypeRow*> row = MatchTypes(op);
  int version = row.ok() ? (*row)->version : 1;
  if (op.in(kBias)) version = std::max(version, 3);
  return op.attrs<Attrs>().activation != Activation::kNone ? std::max(version, 4) : version;
}

// ------------------------------------------------------------------------- reference kernels

struct Params {
  ConvGeometry g;  // in_*: the small side (the input); out_*: the output.
  IntegerOutput integer;
  ClampF32 clamp;
  const float* weight_scale = nullptr;  // Hybrid, one per output channel.
  int64_t quantized_at = 0;             // Hybrid: where the workspace takes each thread's image.
};

// Adds all patches of one image to zeroed accumulators [out_h][out_w][out_c].
template <class Acc, class X, class W, class Term> void Scatter(const ConvGeometry& g, const X* x, const W* w, Acc* acc, const Term& term) {
  for (int32_t i = 0; i < g.in_h; ++i) {
    for (int32_t j = 0; j < g.in_w; ++j, x += g.in_c) {
      for (int32_t u = 0; u < g.filter_h; ++u) {
        const int32_t row = i * g.stride_h + u - g.pad_h;
        if (row < 0 || row >= g.out_h) continue;
        for (int32_t v = 0; v < g.filter_w; ++v) {
          const int32_t column = j * g.stride_w + v - g.pad_w;
          if (column < 0 || column >= g.out_w) continue;
          Acc* to = acc + (static_cast<int64_t>(row) * g.out_w + column) * g.out_c;
          for (int32_t o = 0; o < g.out_c; ++o) {
            const W* ws = w + ((static_cast<int64_t>(o) * g.filter_h + u) * g.filter_w + v) * g.in_c;
            Acc sum = 0;
            for (int32_t c = 0; c < g.in_c; ++c) sum += term(x[c], ws[c]);
            to[o] += sum;
          }
        }
      }
    }
  }
}

// Images one after the other; finish(accumulator, channel) gives the output element.
template <class Acc, class X, class W, class Y, class Term, class Finish>
Status RunScatter(const Params& p, const Run& run, const Term& term, const Finish& finish) {
  const ConvGeometry& g = p.g;
  const int64_t in = static_cast<int64_t>(g.in_h) * g.in_w * g.in_c, out = static_cast<int64_t>(g.out_h) * g.out_w * g.out_c;
  run.pool->For(g.batch, [&](int64_t b, int thread) {
    Acc* acc = reinterpret_cast<Acc*>(run.workspace) + thread * out;
    std::fill_n(acc, out, Acc{0});
    Scatter(g, run.input<X>(kData) + b * in, run.input<W>(kWeightsInput), acc, term);
    Y* y = run.output<Y>(0) + b * out;
    for (int64_t k = 0; k < out; ++k) y[k] = finish(acc[k], static_cast<int32_t>(k % g.out_c));
  });
  return {};
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float* bias = run.input<float>(kBias);
  return RunScatter<float, float, float, float>(p, run, [](float x, float w) { return x * w; },
                                                [&](float acc, int32_t o) { return std::clamp(acc + (bias ? bias[o] : 0.0f), p.clamp.low, p.clamp.high); });
}

template <class T, class W> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const int32_t* bias = run.input<int32_t>(kBias);
  return RunScatter<int32_t, T, W, T>(p, run, [&](T x, W w) { return (x - q.input_zero) * (w - q.weights_zero); },
                                      [&](int32_t acc, int32_t o) {
                                        const int32_t v = Requantize(acc + (bias ? bias[o] : 0), q.multiplier[o]) + q.output_zero;
                                        return static_cast<T>(std::clamp(v, q.clamp.low, q.clamp.high));
                                      });
}

Status RunInt16(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const int64_t* bias = run.input<int64_t>(kBias);
  return RunScatter<int64_t, int16_t, int8_t, int16_t>(p, run, [](int16_t x, int8_t w) { return static_cast<int64_t>(x) * w; },
                                                       [&](int64_t acc, int32_t o) {
                                                         const int32_t v = Requantize64(acc + (bias ? bias[o] : 0), q.multiplier[o]);
                                                         return static_cast<int16_t>(std::clamp(v, q.clamp.low, q.clamp.high));
                                                       });
}

// Dynamic range: each image is quantized with a zero point of its own.
Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.g;
  const int64_t in = static_cast<int64_t>(g.in_h) * g.in_w * g.in_c, out = static_cast<int64_t>(g.out_h) * g.out_w * g.out_c;
  const float *x = run.input<float>(kData), *bias = run.input<float>(kBias);
  run.pool->For(g.batch, [&](int64_t b, int thread) {
    auto* acc = reinterpret_cast<int32_t*>(run.workspace) + thread * out;
    auto* q = reinterpret_cast<int8_t*>(run.workspace + p.quantized_at) + thread * in;
    const RowQuant row = QuantizeRowAsymmetric(x + b * in, in, q);
    std::fill_n(acc, out, 0);
    Scatter(g, q, run.input<int8_t>(kWeightsInput), acc, [&](int8_t a, int8_t w) { return (a - row.offset) * w; });
    float* y = run.output<float>(0) + b * out;
    for (int64_t k = 0; k < out; ++k) {
      const auto o = static_cast<int32_t>(k % g.out_c);
      const float value = static_cast<float>(acc[k]) * p.weight_scale[o] * row.scale + (bias ? bias[o] : 0.0f);
      y[k] = std::clamp(value, p.clamp.low, p.clamp.high);
    }
  });
  return {};
}

// int16 activations: 32-bit sums where the model says so, or has such a bias.
bool NarrowSums(const OpView& op) {
  return op.attrs<Attrs>().quantized_bias_type == DType::kI32 || (op.in(kBias) && op.in(kBias)->dtype == DType::kI32);
}

void SetGeometry(const OpView& op, Params* p) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(kData)->shape, &w = op.in(kWeightsInput)->shape, &y = op.out(0)->shape;
  p->g = {x[0], x[1], x[2], x[3], y[1], y[2], y[3], w[1], w[2], a.stride_h, a.stride_w, 1, 1,
          SlideWindow(a.padding, y[1], w[1], a.stride_h, 1).pad_before, SlideWindow(a.padding, y[2], w[2], a.stride_w, 1).pad_before};
  p->clamp = FloatClamp(a.activation);
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  const TensorType &x = *op.in(kData), &w = *op.in(kWeightsInput);
  auto* p = prepare.Params<Params>();
  SetGeometry(op, p);
  const auto threads = static_cast<size_t>(prepare.threads), image = static_cast<size_t>(op.out(0)->shape.elements(1, 4));
  const bool wide = x.dtype == DType::kI16 && !NarrowSums(op);
  const size_t accumulators = (image * (wide ? 8 : 4) * threads + 63) / 64 * 64;
  if (x.dtype == DType::kF32 && w.dtype == DType::kF32) {
    prepare.Workspace(accumulators);
    prepare.SetRun(RunFloat, p);
    return {};
  }
  if (x.dtype == DType::kF32) {
    p->weight_scale = HybridScales(prepare, kWeightsInput, p->g.out_c);
    p->quantized_at = static_cast<int64_t>(accumulators);
    prepare.Workspace(accumulators + threads * static_cast<size_t>(x.shape.elements(1, 4)));
    prepare.SetRun(RunHybrid, p);
    return {};
  }
  prepare.Workspace(accumulators);
  p->integer = MakeIntegerOutput(prepare, x, w, p->g.out_c, op.attrs<Attrs>().activation);
  prepare.SetRun(x.dtype == DType::kU8   ? RunInteger<uint8_t, uint8_t>
                 : x.dtype == DType::kI8 ? RunInteger<int8_t, int8_t>
                 : wide                  ? RunInt16
                                         : RunInteger<int16_t, int8_t>, p);
  return {};
}

bool TakesPacked(const OpView& op, const Cpu&) {
  const DType x = op.in(kData)->dtype, w = op.in(kWeightsInput)->dtype;
  const Shape& y = op.out(0)->shape;
  if (!(x == DType::kF32 && (w == x || w == DType::kI8)) && !(x == DType::kI8 && w == x)) return false;
  if (!op.has_const(kWeightsInput) || (op.in(kBias) && !op.has_const(kBias))) return false;
  if (!y.known() || y.elements() == 0 || op.in(kData)->shape.elements() == 0) return false;
  Params p;
  SetGeometry(op, &p);
  return FitsScatter(p.g);
}
Status PreparePacked(Prepare& prepare) {
  const OpView& op = prepare.op;
  Params p;
  SetGeometry(op, &p);
  ScatterOperands operands{.g = p.g, .data = kData, .weights = kWeightsInput, .bias = kBias, .clamp = p.clamp};
  if (op.in(kData)->dtype == DType::kF32)
    return op.in(kWeightsInput)->dtype == DType::kF32 ? PrepareScatterF32(prepare, operands) : PrepareScatterHybrid(prepare, operands);
  operands.integer = MakeIntegerOutput(prepare, *op.in(kData), *op.in(kWeightsInput), p.g.out_c, op.attrs<Attrs>().activation);
  return PrepareScatterS8(prepare, operands);
}

constexpr Variant kVariants[] = {{.name = "packed", .takes = TakesPacked, .prepare = PreparePacked}, {.name = "reference", .prepare = PrepareReference}};

// ------------------------------------------------------------------------------------ Keras

Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(const KerasWindow w, ReadKerasWindow(c));
  OCTET_ASSIGN(const Value taps, FilterTransposed(c, 0, w.rank));
  OCTET_ASSIGN(const Value filter, SpreadTaps(c, taps, w.dilation[0], w.dilation[1]));
  OCTET_ASSIGN(const Value bias, BiasOrZeros(c, 1, c.shape(filter)[0]));
  OCTET_ASSIGN(const Value x, EnterImage(c, c.Input(0), w));
  const Shape &in = c.shape(x), &f = c.shape(filter);
  const std::vector<int64_t> more = c.Ints("output_padding", {});
  // An axis of unknown length: its length is this plus the stride times it.
  const auto length = [&](int axis, int32_t size) {
    const int32_t taps = f[1 + axis], stride = w.stride[axis];
    const int first = 2 - w.rank;  // A sequence is an image of height 1.
    if (more.empty() || axis < first) return TransposedLength(size, taps, stride, w.padding);
    return PaddedTransposedLength(size, taps, stride, w.padding, more[std::min(static_cast<size_t>(axis - first), more.size() - 1)]);
  };
  Shape out{in[0], kUnknown, kUnknown, f[0]};
  for (int axis = 0; axis < 2; ++axis)
    if (in[1 + axis] != kUnknown) out[1 + axis] = length(axis, in[1 + axis]);
  const int32_t rests[] = {length(0, 1) - w.stride[0], length(1, 1) - w.stride[1]};
  OCTET_ASSIGN(const Value shape, TransposedShape(c, x, out, w.stride, rests));
  const Attrs attrs{.padding = w.padding, .stride_w = w.stride[1], .stride_h = w.stride[0]};
  const Value inputs[] = {shape, filter, x, bias};
  OCTET_ASSIGN(const Value y, c.EmitAs("transpose_conv", inputs, &attrs, {DType::kF32, out, {}}));
  return LeaveImage(c, y, w);
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Conv2DTranspose", 0, FromKeras}, {Source::kKeras, "Conv1DTranspose", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "transpose_conv",
    .code = BuiltinCode::kTransposeConv,
    .attrs = Layout<Attrs>(OptionsTable::kTransposeConv, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
    .cost = EstimateCost,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::transpose_conv
