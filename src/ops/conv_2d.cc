// SPDX-License-Identifier: Apache-2.0
// Convolution, NHWC with weights [out, h, w, in / groups]:
//   y[b,i,j,o] = act(bias[o] + sum x[b, i*s + u*d - pad, j*s + v*d - pad, g*n + c] * w[o,u,v,c])
#include <vector>

#include "base/built.h"
#include "base/thread_pool.h"
#include "ops/conv_s16_util.h"
#include "ops/conv_util.h"
#include "ops/grouped_conv_util.h"
#include "ops/hybrid_product_util.h"
#include "ops/import.h"
#include "ops/keras_conv_util.h"
#include "ops/int8_util.h"
#include "ops/weights_util.h"

namespace octet::ops::conv_2d {
namespace {

constexpr bool kFloats = Builds("conv_2d", "f32"), kBytes = Builds("conv_2d", "u8"), kShorts = Builds("conv_2d", "i16");

struct Attrs {
  Padding padding = Padding::kSame;
  int32_t stride_w = 1, stride_h = 1;
  Activation activation = Activation::kNone;
  int32_t dilation_w = 1, dilation_h = 1;
  DType quantized_bias_type = DType::kF32;
};
constexpr AttrRow kRows[] = {
    Attr<&Attrs::padding>("padding", 0),
    Attr<&Attrs::stride_w>("stride_w", 1),
    Attr<&Attrs::stride_h>("stride_h", 2),
    Attr<&Attrs::activation>("fused_activation_function", 3),
    Attr<&Attrs::dilation_w>("dilation_w_factor", 4),
    Attr<&Attrs::dilation_h>("dilation_h_factor", 5),
    Attr<&Attrs::quantized_bias_type>("quantized_bias_type", 6),
};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "filter", .type = 'W', .role = Role::kWeights},
                               {.name = "bias", .type = 'B', .arity = Arity::kOptional, .role = Role::kBias}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32 B=f32", 1}, {"T=u8 W=u8 B=i32", 1}, {"T=i8 W=i8 B=i32", 3},
                              {"T=f32 W=i8|u8 B=f32", 2}, {"T=i16 W=i8 B=i64", 4}, {"T=i16 W=i8 B=i32", 8},
                              {"T=i8 W=i4 B=i32", 7},   {"T=f32 W=i4 B=f32", 7}, {"T=i16 W=i4 B=i32|i64", 8}};
constexpr QuantRow kQuant[] = {{.operand = 1, .kind = QuantKind::kPerChannel, .axis = 0},
                               {.operand = 2, .kind = QuantKind::kProductBias, .other = 1}};

int32_t Groups(const OpView& op) { return op.in(0)->shape[3] / op.in(1)->shape[3]; }

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  OCTET_TRY(CheckStrides(op, a.stride_h, a.stride_w, a.dilation_h, a.dilation_w, 4));
  OCTET_TRY(CheckActivation(op, a.activation));
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  if (w[3] < 1 || x[3] % w[3] != 0 || x[3] < w[3] || w[0] % (x[3] / w[3]) != 0)
    return op.Fail(Code::kInvalidModel, "the filter %s does not divide the %d input channels into groups; was the model exported in NCHW?",
                   w.text().c_str(), x[3]);
  OCTET_TRY(CheckBias(op, 2, w[0]));
  if (op.in(0)->dtype == DType::kF32 && op.in(1)->dtype == DType::kU8) return CheckPerTensor(op, *op.in(1), "filter");
  return CheckScales(op, w[0]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  out[0].shape = {x[0], SlideWindow(a.padding, x[1], w[1], a.stride_h, a.dilation_h).out,
                  SlideWindow(a.padding, x[2], w[2], a.stride_w, a.dilation_w).out, w[0]};
  return CheckConvOutput(op, out[0].shape);
}

Cost EstimateCost(const OpView& op) {
  const Shape &y = op.out(0)->shape, &w = op.in(1)->shape;
  return {y.elements() * w.elements(1, 4), op.in(0)->shape.elements() * BitsOf(op.in(0)->dtype) / 8 +
                                               w.elements() * BitsOf(op.in(1)->dtype) / 8 + y.elements() * BitsOf(op.out(0)->dtype) / 8};
}

int Version(const OpView& op) {
  if (op.in(0)->dtype == DType::kF32 && op.in(1)->dtype == DType::kI8) return op.in(1)->quant.per_channel() ? 5 : 2;
  Result<const TypeRow*> row = MatchTypes(op);
  const int version = row.ok() ? (*row)->version : 1;
  return op.in(0)->dtype != DType::kI16 && Groups(op) > 1 ? std::max(version, 6) : version;
}

// ------------------------------------------------------------------------- reference kernels

struct Params {
  ConvGeometry g;
  int32_t group_in = 0, group_out = 0;  // Channels per group.
  IntegerOutput integer;
  ClampF32 clamp;
  ByteWeights weights;
  bool asymmetric = false;              // Hybrid: whether the inputs get a zero point.
  const float* weight_scale = nullptr;  // Hybrid, one per output channel.
  int64_t row_elements = 0;             // Hybrid: elements of one image.
  int32_t filter_elements = 0;
  int32_t lossy = 0;  // Hybrid: so many first weights of a filter lose signs (LostSign).
};

void FillParams(const OpView& op, Params* p) {
  p->g = GeometryOf<Attrs>(op);
  p->group_in = op.in(1)->shape[3];
  p->group_out = p->g.out_c / Groups(op);
  p->clamp = FloatClamp(op.attrs<Attrs>().activation);
}

// Sums over the window of one output element; cells outside the image are skipped.
template <class Acc, class X, class W, class Term>
Acc Window(const Params& p, const X* x, const W* w, int32_t b, int32_t i, int32_t j, int32_t o, const Term& term) {
  const ConvGeometry& g = p.g;
  const int32_t first = o / p.group_out * p.group_in;
  Acc acc = 0;
  for (int32_t u = 0; u < g.filter_h; ++u) {
    const int32_t row = i * g.stride_h + u * g.dilation_h - g.pad_h;
    if (row < 0 || row >= g.in_h) continue;
    for (int32_t v = 0; v < g.filter_w; ++v) {
      const int32_t column = j * g.stride_w + v * g.dilation_w - g.pad_w;
      if (column < 0 || column >= g.in_w) continue;
      const X* xs = x + ((static_cast<int64_t>(b) * g.in_h + row) * g.in_w + column) * g.in_c + first;
      const W* ws = w + ((static_cast<int64_t>(o) * g.filter_h + u) * g.filter_w + v) * p.group_in;
      for (int32_t c = 0; c < p.group_in; ++c) acc += term(xs[c], ws[c]);
    }
  }
  return acc;
}

// Calls body(b, i, j, o, index of the output element) for every output element, rows in parallel.
template <class Body> void ForEachOutput(const Params& p, ThreadPool& pool, const Body& body) {
  const ConvGeometry& g = p.g;
  pool.For(static_cast<int64_t>(g.batch) * g.out_h, [&](int64_t task, int) {
    const int32_t b = static_cast<int32_t>(task / g.out_h), i = static_cast<int32_t>(task % g.out_h);
    int64_t index = task * g.out_w * g.out_c;
    for (int32_t j = 0; j < g.out_w; ++j)
      for (int32_t o = 0; o < g.out_c; ++o, ++index) body(b, i, j, o, index);
  });
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float *x = run.input<float>(0), *w = run.input<float>(1), *bias = run.input<float>(2);
  float* y = run.output<float>(0);
  ForEachOutput(p, *run.pool, [&](int32_t b, int32_t i, int32_t j, int32_t o, int64_t index) {
    const float acc = Window<float>(p, x, w, b, i, j, o, [](float a, float c) { return a * c; });
    y[index] = std::clamp(acc + (bias ? bias[o] : 0.0f), p.clamp.low, p.clamp.high);
  });
  return {};
}

template <class T, class W> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const T* x = run.input<T>(0);
  const W* w = reinterpret_cast<const W*>(p.weights.of(run));
  const int32_t* bias = run.input<int32_t>(2);
  T* y = run.output<T>(0);
  ForEachOutput(p, *run.pool, [&](int32_t b, int32_t i, int32_t j, int32_t o, int64_t index) {
    int32_t acc = Window<int32_t>(p, x, w, b, i, j, o, [&](T a, W c) { return (a - q.input_zero) * (c - q.weights_zero); });
    if (bias) acc += bias[o];
    y[index] = static_cast<T>(std::clamp(Requantize(acc, q.multiplier[o]) + q.output_zero, q.clamp.low, q.clamp.high));
  });
  return {};
}

Status RunInt16Bias64(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int16_t* x = run.input<int16_t>(0);
  const int8_t* w = p.weights.of(run);
  const int64_t* bias = run.input<int64_t>(2);
  int16_t* y = run.output<int16_t>(0);
  ForEachOutput(p, *run.pool, [&](int32_t b, int32_t i, int32_t j, int32_t o, int64_t index) {
    int64_t acc = Window<int64_t>(p, x, w, b, i, j, o, [](int16_t a, int8_t c) { return static_cast<int64_t>(a) * c; });
    if (bias) acc += bias[o];
    y[index] = static_cast<int16_t>(std::clamp(Requantize64(acc, p.integer.multiplier[o]), p.integer.clamp.low, p.integer.clamp.high));
  });
  return {};
}

// Dynamic range: each image is quantized with its own range. Weights of one scale: symmetric inputs;
// scales per channel or groups: asymmetric, the zero point's share is taken out cell by cell.
Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.g;
  const float *x = run.input<float>(0), *bias = run.input<float>(2);
  const int8_t* w = p.weights.of(run);
  auto* q = reinterpret_cast<int8_t*>(run.workspace);
  auto* rows = reinterpret_cast<RowQuant*>(run.workspace + (static_cast<int64_t>(g.batch) * p.row_elements + 63) / 64 * 64);
  for (int32_t b = 0; b < g.batch; ++b) {
    const float* from = x + b * p.row_elements;
    int8_t* to = q + b * p.row_elements;
    rows[b] = QuantizeRow(from, p.row_elements, p.asymmetric, to);
  }
  float* y = run.output<float>(0);
  ForEachOutput(p, *run.pool, [&](int32_t b, int32_t i, int32_t j, int32_t o, int64_t index) {
    const int32_t zero = rows[b].offset;
    const int8_t* lossless = w + int64_t{o} * p.filter_elements + p.lossy;
    const int32_t acc = Window<int32_t>(p, q, w, b, i, j, o, [&](int8_t a, const int8_t& c) {
      return (a - zero) * c + (&c < lossless ? LostSign(a, c) : 0);
    });
    const float value = static_cast<float>(acc) * p.weight_scale[o] * rows[b].scale + (bias ? bias[o] : 0.0f);
    y[index] = std::clamp(value, p.clamp.low, p.clamp.high);
  });
  return {};
}

// Groups and int8 or int4 weights whose scales differ; uint8 weights have one scale.
bool AsymmetricInputs(const OpView& op) {
  if (op.in(1)->dtype == DType::kU8) return false;
  const SharedList<float>& scale = op.in(1)->quant.scale;
  return Groups(op) != 1 || std::ranges::any_of(scale, [&](float s) { return s != scale[0]; });
}

void PrepareHybrid(Prepare& prepare, Params* p, size_t* workspace) {
  const OpView& op = prepare.op;
  p->weight_scale = HybridScales(prepare, 1, p->g.out_c);
  p->asymmetric = AsymmetricInputs(op);
  p->row_elements = op.in(0)->shape.elements(1, 4);
  p->filter_elements = static_cast<int32_t>(op.in(1)->shape.elements(1, 4));
  // LiteRT multiplies uint8 weights of a multiple of four filters otherwise, and exactly.
  if (op.in(1)->dtype == DType::kU8 && p->g.out_c % 4 != 0) p->lossy = static_cast<int32_t>(LossyColumns(p->filter_elements));
  *workspace = static_cast<size_t>((p->g.batch * p->row_elements + 63) / 64 * 64) + p->g.batch * sizeof(RowQuant);
  prepare.SetRun(RunHybrid, p);
}

// int16 activations: 32-bit sums where the model says so, or has such a bias.
bool NarrowSums(const OpView& op) {
  return op.attrs<Attrs>().quantized_bias_type == DType::kI32 || (op.in(2) && op.in(2)->dtype == DType::kI32);
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  FillParams(op, p);
  const DType x = op.in(0)->dtype;
  if (kFloats && x == DType::kF32 && op.in(1)->dtype == DType::kF32) {
    prepare.SetRun(RunFloat, p);
    return {};
  }
  size_t workspace = 0;
  if (kFloats && x == DType::kF32) {
    PrepareHybrid(prepare, p, &workspace);
  } else {
    p->integer = MakeIntegerOutput(prepare, p->g.out_c, op.attrs<Attrs>().activation);
    prepare.SetRun(kBytes && x == DType::kU8 ? RunInteger<uint8_t, uint8_t>
                   : x == DType::kI8    ? RunInteger<int8_t, int8_t>
                   : !kShorts           ? nullptr
                   : NarrowSums(op)     ? RunInteger<int16_t, int8_t>
                                        : RunInt16Bias64, p);
  }
  OCTET_ASSIGN(p->weights, PrepareByteWeights(prepare, 1, &workspace));
  prepare.Workspace(workspace);
  return {};
}

// ------------------------------------------------------------------------------ fast kernels

bool ConstantWeights(const OpView& op) { return op.has_const(1) && (!op.in(2) || op.has_const(2)) && op.in(0)->shape.elements() > 0; }

// Constant weights and bias: a product of windows and packed weights.
bool TakesPacked(const OpView& op, DType x, DType w) { return op.in(0)->dtype == x && op.in(1)->dtype == w && ConstantWeights(op); }
bool TakesS8(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kI8, DType::kI8) && FitsProductS8(GeometryOf<Attrs>(op)); }
bool TakesWinograd(const OpView& op, const Cpu&) {
  return Groups(op) == 1 && TakesPacked(op, DType::kI8, DType::kI8) &&
         TakesWinogradS8(GeometryOf<Attrs>(op), reinterpret_cast<const int8_t*>(op.constants[1]));
}
bool TakesF32(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kF32, DType::kF32); }
bool TakesHybrid(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kF32, DType::kI8); }
bool TakesWinogradFloats(const OpView& op, const Cpu& cpu) { return Groups(op) == 1 && TakesF32(op, cpu) && TakesWinogradF32(GeometryOf<Attrs>(op)); }

Status PrepareWinograd(Prepare& prepare) {
  const OpView& op = prepare.op;
  const ConvGeometry g = GeometryOf<Attrs>(op);
  std::vector<Multiplier> multipliers(static_cast<size_t>(g.out_c));
  return PrepareWinogradS8(prepare, g, IntegerOutputOf(op, multipliers, op.attrs<Attrs>().activation), op.const_of<int32_t>(2).data());
}

Status PrepareWinogradFloats(Prepare& prepare) {
  const OpView& op = prepare.op;
  return PrepareWinogradF32(prepare, GeometryOf<Attrs>(op), FloatClamp(op.attrs<Attrs>().activation), op.const_of<float>(2).data());
}

RowSource RowsOf(const ConvGeometry& g, int32_t groups) {
  const bool pointwise = g.filter_h == 1 && g.filter_w == 1 && g.stride_h == 1 && g.stride_w == 1 && g.pad_h == 0 && g.pad_w == 0;
  return {g, pointwise, groups};
}

// asymmetric: of dynamic range, whether inputs get a zero point.
Status PrepareProduct(Prepare& prepare, bool asymmetric) {
  const OpView& op = prepare.op;
  const ConvGeometry g = GeometryOf<Attrs>(op);
  const Activation activation = op.attrs<Attrs>().activation;
  const int64_t rows = static_cast<int64_t>(g.batch) * g.out_h * g.out_w, depth = op.in(1)->shape.elements(1, 4);
  const RowSource source = RowsOf(g, Groups(op));
  if (kFloats && op.in(1)->dtype == DType::kF32)
    return PrepareProductF32(prepare, source, rows, depth, g.out_c, FloatClamp(activation), op.const_of<float>(2).data());
  if (kFloats && op.in(0)->dtype == DType::kF32) {
    const HybridForm form{g.batch, op.in(0)->shape.elements(1, 4), asymmetric, false};
    return PrepareProductHybrid(prepare, source, form, rows, depth, g.out_c, FloatClamp(activation), op.const_of<float>(2).data());
  }
  std::vector<Multiplier> multipliers(static_cast<size_t>(g.out_c));
  const ProductShape shape{g, source.contiguous, false, rows, depth, g.out_c, source.groups};
  return PrepareProductS8(prepare, shape, IntegerOutputOf(op, multipliers, activation), nullptr, op.const_of<int32_t>(2).data());
}

Status PreparePacked(Prepare& prepare) {
  const int32_t groups = Groups(prepare.op), together = GroupsTogether(groups, prepare.op.out(0)->shape[3] / groups);
  if (together == 1) return PrepareProduct(prepare, AsymmetricInputs(prepare.op));
  return PrepareTogether(prepare, together, [](Prepare& wider) { return PrepareProduct(wider, true); });
}

bool TakesShorts(const OpView& op, const Cpu&) {
  return kShorts && op.in(0)->dtype == DType::kI16 && op.in(1)->dtype == DType::kI8 && Groups(op) == 1 && op.in(0)->quant.zero0() == 0 &&
         op.in(1)->quant.zero0() == 0;
}
Status PrepareShorts(Prepare& prepare) {
  const OpView& op = prepare.op;
  const ConvGeometry g = GeometryOf<Attrs>(op);
  return PrepareConvS16(prepare, g, MakeIntegerOutput(prepare, g.out_c, op.attrs<Attrs>().activation), NarrowSums(op));
}

constexpr Variant kVariants[] = {{.name = "winograd_s8", .takes = TakesWinograd, .prepare = PrepareWinograd},
                                 {.name = "packed_s8", .takes = TakesS8, .prepare = PreparePacked, .row_window = RowWindowOf<Attrs>},
                                 {.name = "winograd_f32", .takes = TakesWinogradFloats, .prepare = kFloats ? PrepareWinogradFloats : nullptr},
                                 {.name = "packed_f32", .takes = TakesF32, .prepare = kFloats ? PreparePacked : nullptr, .row_window = RowWindowOf<Attrs>},
                                 {.name = "packed_hybrid", .takes = TakesHybrid, .prepare = kFloats ? PreparePacked : nullptr},
                                 {.name = "vectors_s16", .takes = TakesShorts, .prepare = kShorts ? PrepareShorts : nullptr},
                                 {.name = "reference", .prepare = PrepareReference}};

// ------------------------------------------------------------------------------------ Keras

Result<Value> Convolve(ImportContext& c, Value x, const KerasWindow& w, Value filter, Value bias) {
  const Attrs attrs{.padding = w.padding, .stride_w = w.stride[1], .stride_h = w.stride[0], .dilation_w = w.dilation[1], .dilation_h = w.dilation[0]};
  return c.Emit("conv_2d", {x, filter, bias}, attrs);
}

Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(KerasWindow w, ReadKerasWindow(c));
  OCTET_ASSIGN(Value filter, FilterOhwi(c, 0, w.rank));
  OCTET_ASSIGN(Value bias, BiasOrZeros(c, 1, c.shape(filter)[0]));
  OCTET_ASSIGN(Value x, EnterImage(c, c.Input(0), w));
  OCTET_ASSIGN(Value y, Convolve(c, x, w, filter, bias));
  return LeaveImage(c, y, w);
}

// Depthwise, then 1x1: two operators.
Status FromKerasSeparable(ImportContext& c) {
  OCTET_ASSIGN(KerasWindow w, ReadKerasWindow(c));
  OCTET_ASSIGN(Value depthwise, FilterDepthwise(c, 0, w.rank));
  OCTET_ASSIGN(Value no_bias, Zeros(c, c.shape(depthwise)[3]));
  OCTET_ASSIGN(Value x, EnterImage(c, c.Input(0), w));
  OCTET_ASSIGN(Value mid, EmitDepthwise(c, x, w, depthwise, no_bias));
  OCTET_ASSIGN(Value pointwise, FilterOhwi(c, 1, w.rank));
  OCTET_ASSIGN(Value bias, BiasOrZeros(c, 2, c.shape(pointwise)[0]));
  OCTET_ASSIGN(Value y, Convolve(c, mid, KerasWindow{.rank = w.rank, .padding = Padding::kValid}, pointwise, bias));
  return LeaveImage(c, y, w);
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Conv2D", 0, FromKeras},
                                 {Source::kKeras, "Conv1D", 0, FromKeras},
                                 {Source::kKeras, "SeparableConv2D", 0, FromKerasSeparable},
                                 {Source::kKeras, "SeparableConv1D", 0, FromKerasSeparable}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "conv_2d",
    .code = BuiltinCode::kConv2d,
    .attrs = Layout<Attrs>(OptionsTable::kConv2D, kRows),
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

}  // namespace octet::ops::conv_2d
