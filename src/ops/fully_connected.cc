// SPDX-License-Identifier: Apache-2.0
// y[r, o] = act(bias[o] + sum_k x[r, k] * w[o, k]). The input is read as rows of k = weights' last dimension.
// Integer results round(acc * s_in * s_w / s_out) in double precision, half away from zero, as the reference.
#include <algorithm>

#include "base/built.h"
#include "base/thread_pool.h"
#include "ops/conv_util.h"
#include "ops/hybrid_product_util.h"
#include "ops/import.h"
#include "ops/int8_util.h"
#include "ops/operand_util.h"
#include "ops/recurrent_util.h"
#include "ops/weights_util.h"

namespace octet::ops::fully_connected {
namespace {

constexpr bool kFloats = Builds("fully_connected", "f32"), kBytes = Builds("fully_connected", "u8"), kShorts = Builds("fully_connected", "i16");

struct Attrs {
  Activation activation = Activation::kNone;
  int8_t weights_format = 0;
  bool keep_num_dims = false;
  bool asymmetric_quantize_inputs = false;
  DType quantized_bias_type = DType::kF32;
};
constexpr AttrRow kRows[] = {
    Attr<&Attrs::activation>("fused_activation_function", 0),
    Attr<&Attrs::weights_format>("weights_format", 1),
    Attr<&Attrs::keep_num_dims>("keep_num_dims", 2),
    Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 3),
    Attr<&Attrs::quantized_bias_type>("quantized_bias_type", 4),
};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "weights", .type = 'W', .role = Role::kWeights},
                               {.name = "bias", .type = 'B', .arity = Arity::kOptional, .role = Role::kBias}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'},
                                {.name = "shuffled_input", .type = 'S', .arity = Arity::kOptional}};
constexpr TypeRow kTypes[] = {
    {"T=f32 W=f32 B=f32 O=f32", 1}, {"T=u8 W=u8 B=i32 O=u8", 1},        {"T=u8 W=u8 B=i32 O=i16 S=u8", 2}, {"T=f32 W=i8|u8 B=f32 O=f32", 3},
    {"T=i8 W=i8 B=i32 O=i8", 4},    {"T=i16 W=i8 B=i64 O=i16", 7},      {"T=f32 W=i4 B=f32 O=f32", 10},    {"T=i8 W=i4 B=i32 O=i8", 10},
    {"T=i16 W=i8 B=i32 O=i16", 11}, {"T=i16 W=i4 B=i32|i64 O=i16", 11}, {"T=f32 W=i2 B=f32 O=f32", 14},    {"T=i8 W=i2 B=i32 O=i8", 14},
    {"T=i16 W=i2 B=i32|i64 O=i16", 14}, {"T=i16 W=i16 B=i32|i64 O=i16", 14}};
constexpr QuantRow kQuant[] = {{.operand = 1, .kind = QuantKind::kPerChannel, .axis = 0},
                               {.operand = 2, .kind = QuantKind::kProductBias, .other = 1}};

constexpr int8_t kShuffled = 1;  // Weights in blocks of 4 rows x 16 columns, their sign bits flipped.

bool IsHybrid(const OpView& op) { return op.in(0)->dtype == DType::kF32 && op.in(1)->dtype != DType::kF32; }

Status CheckShuffled(const OpView& op) {
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  const int64_t rows = x.known() && w[1] > 0 ? x.elements() / w[1] : 1;
  if (op.in(1)->dtype != DType::kU8 || op.in(0)->dtype != DType::kU8 || !op.in(2) || op.num_outputs() != 2 || op.out(0)->dtype != DType::kI16)
    return op.Fail(Code::kUnsupported, "shuffled weights need uint8 operands, a bias, an int16 output and a workspace");
  if (w[0] % 4 != 0 || w[1] % 16 != 0 || (rows != 1 && rows != 4))
    return op.Fail(Code::kUnsupported, "shuffled weights %s need rows of 4, columns of 16 and a batch of 1 or 4", w.text().c_str());
  return {};
}

// Blocks of block_size weights along a row; each has a scale of its own.
Status CheckBlocks(const OpView& op) {
  const TensorType& w = *op.in(1);
  const int64_t block = w.quant.block_size;
  if (!IsHybrid(op) || w.shape[1] % block != 0 || static_cast<int64_t>(w.quant.scale.size()) != w.shape.elements() / block)
    return op.Fail(Code::kUnsupported, "blocks of %lld do not divide weights of %s with %zu scales", static_cast<long long>(block),
                   w.shape.text().c_str(), w.quant.scale.size());
  return {};
}

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  OCTET_TRY(IsHybrid(op) ? recurrent::CheckRecurrentActivation(op, a.activation) : CheckActivation(op, a.activation));
  if (a.weights_format != 0 && a.weights_format != kShuffled) return op.Fail(Code::kUnsupported, "weights in format %d", a.weights_format);
  if (w.rank() != 2 || w[1] < 0 || w[0] < 0) return op.Fail(Code::kInvalidModel, "expected weights of rank 2, found %s", w.text().c_str());
  if (x.rank() < 1 || (w[1] > 0 && x.known() && x.elements() % w[1] != 0))
    return op.Fail(Code::kInvalidModel, "an input of %s does not divide into rows of %d", x.text().c_str(), w[1]);
  if (a.keep_num_dims && x.back() != kUnknown && x.back() != w[1])
    return op.Fail(Code::kInvalidModel, "expected a last dimension of %d, found %s", w[1], x.text().c_str());
  OCTET_TRY(CheckBias(op, 2, w[0]));
  if (a.weights_format == kShuffled) OCTET_TRY(CheckShuffled(op));
  return op.in(1)->quant.block_size > 0 ? CheckBlocks(op) : CheckScales(op, w[0]);
}

// Without columns the rows are what the leading dimensions say.
int64_t RowsOf(const Shape& x, int32_t depth) { return depth > 0 ? x.elements() / depth : x.elements(0, x.rank() - 1); }

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  if (op.attrs<Attrs>().keep_num_dims) {
    out[0].shape = x;
    out[0].shape[x.rank() - 1] = w[0];
  } else {
    const int64_t rows = x.known() ? RowsOf(x, w[1]) : kUnknown;  // An unknown batch stays unknown.
    if (rows > INT32_MAX) return op.Fail(Code::kInvalidModel, "the input %s has too many rows", x.text().c_str());
    out[0].shape = {static_cast<int32_t>(rows), w[0]};
  }
  if (out.size() > 1) out[1] = {DType::kU8, x};
  return {};
}

Cost EstimateCost(const OpView& op) {
  const Shape &y = op.out(0)->shape, &w = op.in(1)->shape;
  return {y.elements() * w[1], op.in(0)->shape.elements() * BitsOf(op.in(0)->dtype) / 8 +
                                   w.elements() * BitsOf(op.in(1)->dtype) / 8 + y.elements() * BitsOf(op.out(0)->dtype) / 8};
}

int Version(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  Result<const TypeRow*> row = MatchTypes(op);
  int version = row.ok() ? (*row)->version : 1;
  const bool hybrid = IsHybrid(op);
  if (a.keep_num_dims) version = std::max(version, 5);
  if (op.num_inputs() < 3) version = std::max(version, 6);  // A bias that is listed as absent is as old as the operator.
  if (hybrid && a.asymmetric_quantize_inputs) version = std::max(version, 9);
  if (op.in(1)->quant.per_channel()) version = std::max(version, op.in(0)->dtype == DType::kF32 ? 12 : op.in(0)->dtype == DType::kI8 ? 4 : 7);
  return version;
}

// ------------------------------------------------------------------------- reference kernels

struct Params {
  int64_t rows = 0;
  int32_t depth = 0, channels = 0;
  IntegerOutput integer;
  const double* scale = nullptr;        // Integer: s_in * s_w[o] / s_out.
  const float* weight_scale = nullptr;  // Hybrid: per channel, or per channel and block.
  ByteWeights weights;
  int32_t block_size = 0;
  bool asymmetric = false, loses_signs = false;
  Activation activation = Activation::kNone;
  ClampF32 clamp;
};

template <class Acc, class X, class W> Acc Dot(const X* x, const W* w, int32_t n, Acc x_zero, Acc w_zero) {
  Acc acc = 0;
  for (int32_t k = 0; k < n; ++k) acc += (static_cast<Acc>(x[k]) - x_zero) * (static_cast<Acc>(w[k]) - w_zero);
  return acc;
}

template <class Body> void ForEachRow(const Params& p, ThreadPool& pool, const Body& body) {
  pool.For(p.rows, [&](int64_t row, int) {
    for (int32_t o = 0; o < p.channels; ++o) body(row, o, row * p.channels + o);
  });
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float *x = run.input<float>(0), *w = run.input<float>(1), *bias = run.input<float>(2);
  float* y = run.output<float>(0);
  ForEachRow(p, *run.pool, [&](int64_t row, int32_t o, int64_t index) {
    const float acc = Dot<float>(x + row * p.depth, w + static_cast<int64_t>(o) * p.depth, p.depth, 0.0f, 0.0f);
    y[index] = std::clamp(acc + (bias ? bias[o] : 0.0f), p.clamp.low, p.clamp.high);
  });
  return {};
}

template <class T, class W, class Bias, class Y = T, auto kDot = Dot<Bias, T, W>> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const T* x = run.input<T>(0);
  const W* w = reinterpret_cast<const W*>(p.weights.of(run));
  const Bias* bias = run.input<Bias>(2);
  Y* y = run.output<Y>(0);
  ForEachRow(p, *run.pool, [&](int64_t row, int32_t o, int64_t index) {
    Bias acc = kDot(x + row * p.depth, w + static_cast<int64_t>(o) * p.depth, p.depth, q.input_zero, q.weights_zero);
    if (bias) acc += bias[o];
    const double scaled = std::round(static_cast<double>(acc) * p.scale[o]);
    const double value = std::clamp(scaled + q.output_zero, static_cast<double>(q.clamp.low), static_cast<double>(q.clamp.high));
    y[index] = static_cast<Y>(value);
  });
  return {};
}

// int16 weights: the one kernel of 64-bit sums with a fixed-point multiplier.
template <class Bias> Status RunInt16Weights(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const auto *x = run.input<int16_t>(0), *w = run.input<int16_t>(1);
  const Bias* bias = run.input<Bias>(2);
  ForEachRow(p, *run.pool, [&](int64_t row, int32_t o, int64_t index) {
    int64_t acc = Dot<int64_t>(x + row * p.depth, w + static_cast<int64_t>(o) * p.depth, p.depth, q.input_zero, q.weights_zero);
    if (bias) acc += bias[o];
    run.output<int16_t>(0)[index] = static_cast<int16_t>(std::clamp(Requantize64(acc, q.multiplier[o]) + q.output_zero, q.clamp.low, q.clamp.high));
  });
  return {};
}

// A sum over blocks of 16, `step_x` and 64 apart. Never in line: unrolled there by GCC 12, it would be 35 kB.
[[gnu::noinline]] int32_t BlockedDot(const int8_t* x, int64_t step_x, const int8_t* w, int64_t blocks) {
  int32_t sum = 0;
  for (int64_t block = 0; block < blocks; ++block, x += step_x, w += 64) sum += Dot<int32_t>(x, w, 16, 0, 0);
  return sum;
}

// Blocks of 4 rows x 16 columns. Inputs lose 128, which is their zero point, by a flipped sign bit. The
// flipped input is an output, too: 16 columns of one batch row after the other.
Status RunShuffled(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto* x = run.input<uint8_t>(0);
  const auto* w = run.input<int8_t>(1);
  const auto* bias = run.input<int32_t>(2);
  auto* shuffled = run.output<int8_t>(1);
  for (int64_t row = 0; row < p.rows; ++row)
    for (int64_t k = 0; k < p.depth; ++k)
      shuffled[k / 16 * 16 * p.rows + row * 16 + k % 16] = static_cast<int8_t>(x[row * p.depth + k] ^ 0x80);
  ForEachRow(p, *run.pool, [&](int64_t row, int32_t o, int64_t index) {
    const int64_t blocks = p.depth / 16;
    const int32_t acc = bias[o] + BlockedDot(shuffled + row * 16, p.rows * 16, w + o / 4 * blocks * 64 + o % 4 * 16, blocks);
    run.output<int16_t>(0)[index] = static_cast<int16_t>(std::clamp(Requantize(acc, p.integer.multiplier[o]), p.integer.clamp.low, p.integer.clamp.high));
  });
  return {};
}

// One row of the result from its quantized input.
void HybridRow(const Params& p, const int8_t* q, RowQuant r, const int8_t* w, const float* bias, float* y) {
  for (int32_t o = 0; o < p.channels; ++o, w += p.depth) {
    const int32_t acc = Dot<int32_t>(q, w, p.depth, r.offset, 0) + (p.loses_signs ? LostSigns(q, w, p.depth) : 0);
    y[o] = static_cast<float>(acc) * (r.scale * p.weight_scale[o]) + (bias ? bias[o] : 0.0f);
  }
}

// A scale per block: the sums of the blocks meet in float; the offset's share is taken out at the end.
void BlockwiseRow(const Params& p, const int8_t* q, RowQuant r, const int8_t* w, const float* bias, float* y) {
  const float* scale = p.weight_scale;
  for (int32_t o = 0; o < p.channels; ++o) {
    float sum = 0, weight_sum = 0;
    for (int32_t k = 0; k < p.depth; k += p.block_size, w += p.block_size, ++scale) {
      int32_t weights = 0;
      for (int32_t i = 0; i < p.block_size; ++i) weights += w[i];
      sum += static_cast<float>(Dot<int32_t>(q + k, w, p.block_size, 0, 0)) * *scale;
      weight_sum += *scale * static_cast<float>(weights);
    }
    y[o] = (sum - static_cast<float>(r.offset) * weight_sum) * r.scale + (bias ? bias[o] : 0.0f);
  }
}

Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float *x = run.input<float>(0), *bias = run.input<float>(2);
  const int8_t* w = p.weights.of(run);
  run.pool->For(p.rows, [&](int64_t row, int thread) {
    auto* q = reinterpret_cast<int8_t*>(run.workspace) + static_cast<int64_t>(thread) * p.depth;
    float* y = run.output<float>(0) + row * p.channels;
    const RowQuant r = QuantizeRow(x + row * p.depth, p.depth, p.asymmetric, q);
    (p.block_size > 0 ? BlockwiseRow : HybridRow)(p, q, r, w, bias, y);
    recurrent::Activate(p.activation, y, p.channels);
  });
  return {};
}

// LiteRT leaves the bias out where there is nothing to multiply.
Status RunEmpty(const void* params, const Run& run) {
  const auto bytes = *static_cast<const size_t*>(params);
  if (bytes > 0) std::memset(run.out[0], 0, bytes);
  return {};
}

void SetScales(const OpView& op, std::span<double> scales) {
  const auto in = static_cast<double>(op.in(0)->quant.scale0()), out = static_cast<double>(op.out(0)->quant.scale0());
  const SharedList<float>& weights = op.in(1)->quant.scale;  // One, or one for each channel.
  for (size_t o = 0; o < scales.size(); ++o) scales[o] = in * static_cast<double>(weights[weights.size() > 1 ? o : 0]) / out;
}

void PrepareScales(Prepare& prepare, Params* p) {
  const Quant& weights = prepare.op.in(1)->quant;
  p->integer = MakeIntegerOutput(prepare, p->channels, prepare.op.attrs<Attrs>().activation);
  if (!weights.per_channel()) p->integer.weights_zero = weights.zero0();  // Convolutions do not look at that of signed weights.
  auto* const scales = prepare.Array<double>(static_cast<size_t>(p->channels));
  SetScales(prepare.op, {scales, static_cast<size_t>(p->channels)});
  p->scale = scales;
}

void PrepareHybrid(Prepare& prepare, Params* p, size_t* workspace) {
  const Quant& quant = prepare.op.in(1)->quant;
  p->block_size = quant.block_size;
  p->loses_signs = prepare.op.in(1)->dtype == DType::kU8;
  p->asymmetric = quant.block_size > 0 || prepare.op.attrs<Attrs>().asymmetric_quantize_inputs;
  if (quant.block_size > 0) {
    auto* scales = prepare.Array<float>(quant.scale.size());
    std::ranges::copy(quant.scale, scales);
    p->weight_scale = scales;
  } else {
    p->weight_scale = HybridScales(prepare, 1, p->channels);
  }
  *workspace = static_cast<size_t>(prepare.threads) * p->depth;
  prepare.SetRun(RunHybrid, p);
}

RunFn IntegerRun(const OpView& op) {
  const DType x = op.in(0)->dtype;
  if (x == DType::kI8 || !(kBytes || kShorts)) return RunInteger<int8_t, int8_t, int32_t>;
  if (x == DType::kU8) return op.out(0)->dtype == DType::kI16 ? RunInteger<uint8_t, uint8_t, int32_t, int16_t> : RunInteger<uint8_t, uint8_t, int32_t>;
  const bool wide = !op.in(2) || op.in(2)->dtype == DType::kI64;
  if (op.in(1)->dtype == DType::kI16) return wide ? RunInt16Weights<int64_t> : RunInt16Weights<int32_t>;
  return wide ? RunInteger<int16_t, int8_t, int64_t> : RunInteger<int16_t, int8_t, int32_t>;
}

// `integer`: what runs where that is not decided by the weights' form.
Status PrepareRows(Prepare& prepare, RunFn integer) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  const Attrs& a = op.attrs<Attrs>();
  p->depth = op.in(1)->shape[1];
  p->channels = op.in(1)->shape[0];
  p->rows = RowsOf(op.in(0)->shape, p->depth);
  p->activation = a.activation;
  p->clamp = FloatClamp(a.activation);
  if (p->depth == 0) {
    auto* bytes = prepare.Params<size_t>();
    *bytes = static_cast<size_t>(p->rows * p->channels * BitsOf(op.out(0)->dtype) / 8);
    prepare.SetRun(RunEmpty, bytes);
    return {};
  }
  if (kFloats && op.in(1)->dtype == DType::kF32) {
    prepare.SetRun(RunFloat, p);
    return {};
  }
  size_t workspace = 0;
  if (kFloats && IsHybrid(op)) {
    PrepareHybrid(prepare, p, &workspace);
  } else {
    PrepareScales(prepare, p);
    prepare.SetRun(kShorts && a.weights_format == kShuffled ? RunShuffled : integer, p);
  }
  if (BitsOf(op.in(1)->dtype) <= 8) {
    OCTET_ASSIGN(p->weights, PrepareByteWeights(prepare, 1, &workspace));
  }
  prepare.Workspace(workspace);
  return {};
}

Status PrepareReference(Prepare& prepare) { return PrepareRows(prepare, IntegerRun(prepare.op)); }

template <class Acc> Acc DotS16S8(const int16_t* x, const int8_t* w, int32_t n, Acc, Acc) { return static_cast<Acc>(kernels::Vectors().dot_s16_s8(x, w, n)); }
bool TakesS16(const OpView& op, const Cpu&) {
  if (!kShorts || op.in(0)->dtype != DType::kI16 || op.in(1)->dtype != DType::kI8 || op.attrs<Attrs>().weights_format == kShuffled) return false;
  return op.in(0)->quant.zero0() == 0 && op.in(1)->quant.zero0() == 0;
}
Status PrepareS16(Prepare& prepare) {
  const OpView& op = prepare.op;
  const bool wide = !op.in(2) || op.in(2)->dtype == DType::kI64;
  return PrepareRows(prepare, wide ? RunInteger<int16_t, int8_t, int64_t, int16_t, DotS16S8<int64_t>>
                                   : RunInteger<int16_t, int8_t, int32_t, int16_t, DotS16S8<int32_t>>);
}

bool TakesPacked(const OpView& op, DType x, DType w) {
  return op.in(0)->dtype == x && op.in(1)->dtype == w && op.has_const(1) && (!op.in(2) || op.has_const(2)) && op.in(0)->shape.elements() > 0 &&
         op.in(1)->shape.elements() > 0;
}
bool TakesS8(const OpView& op, const Cpu&) {
  return TakesPacked(op, DType::kI8, DType::kI8) && (op.in(1)->quant.per_channel() || op.in(1)->quant.zero0() == 0);
}
bool TakesF32(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kF32, DType::kF32); }
bool TakesHybrid(const OpView& op, const Cpu&) {
  return TakesPacked(op, DType::kF32, DType::kI8) && op.in(1)->quant.block_size == 0 && op.attrs<Attrs>().activation != Activation::kTanh;
}

bool TakesBlocks(const OpView& op, const Cpu&) {
  const DType w = op.in(1)->dtype;
  return kFloats && w != DType::kU8 && TakesPacked(op, DType::kF32, w) && FitsProductBlockwise(op) && op.attrs<Attrs>().activation != Activation::kTanh;
}
Status PrepareBlocks(Prepare& prepare) {
  const OpView& op = prepare.op;
  const auto* bias = reinterpret_cast<const float*>(op.has_const(2) ? op.constants[2] : nullptr);
  return PrepareProductBlockwise(prepare, op.in(0)->shape.elements() / op.in(1)->shape[1], FloatClamp(op.attrs<Attrs>().activation), bias);
}

Status PreparePacked(Prepare& prepare) {
  const OpView& op = prepare.op;
  Params p;
  p.depth = op.in(1)->shape[1];
  p.channels = op.in(1)->shape[0];
  const int64_t rows = op.in(0)->shape.elements() / p.depth;
  const std::byte* bias = op.has_const(2) ? op.constants[2] : nullptr;
  const ClampF32 clamp = FloatClamp(op.attrs<Attrs>().activation);
  if (kFloats && op.in(1)->dtype == DType::kF32)
    return PrepareProductF32(prepare, {{}, true}, rows, p.depth, p.channels, clamp, reinterpret_cast<const float*>(bias));
  if (kFloats && op.in(0)->dtype == DType::kF32)
    return PrepareProductHybrid(prepare, {{}, true}, {rows, p.depth, op.attrs<Attrs>().asymmetric_quantize_inputs, true}, rows, p.depth, p.channels,
                                clamp, reinterpret_cast<const float*>(bias));
  std::vector<double> scales(static_cast<size_t>(p.channels));  // Sums are rounded by these, not by multipliers.
  SetScales(op, scales);
  const IntegerOutput output = IntegerOutputOf(op, {}, op.attrs<Attrs>().activation);
  return PrepareProductS8(prepare, {{}, true, false, rows, p.depth, p.channels}, output, scales.data(), reinterpret_cast<const int32_t*>(bias));
}

constexpr Variant kVariants[] = {{.name = "packed_s8", .takes = TakesS8, .prepare = PreparePacked},
                                 {.name = "packed_f32", .takes = TakesF32, .prepare = kFloats ? PreparePacked : nullptr},
                                 {.name = "packed_hybrid", .takes = TakesHybrid, .prepare = kFloats ? PreparePacked : nullptr},
                                 {.name = "packed_blocks", .takes = TakesBlocks, .prepare = kFloats ? PrepareBlocks : nullptr},
                                 {.name = "vectors", .takes = TakesS16, .prepare = kShorts ? PrepareS16 : nullptr},
                                 {.name = "reference", .prepare = PrepareReference}};

// ------------------------------------------------------------------------------------ Keras

// Dense on rank 3 and more works on the last axis: one operator with keep_num_dims.
Status FromKeras(ImportContext& c) {
  OCTET_ASSIGN(Value kernel, c.Weight(0));
  const std::span<const float> from = c.data_as<float>(kernel);
  const Shape& s = c.shape(kernel);
  if (s.rank() != 2 || from.empty()) return c.Fail("a float kernel of rank 2", s.text(), "save the model again");
  const int32_t in = s[0], out = s[1];
  std::vector<float> transposed(from.size());
  constexpr int32_t kTile = 16;  // Floats of a cache line.
  for (int32_t first = 0; first < in; first += kTile)
    for (int32_t o = 0; o < out; ++o)
      for (int32_t i = first; i < std::min(first + kTile, in); ++i) transposed[static_cast<int64_t>(o) * in + i] = from[static_cast<int64_t>(i) * out + o];
  TensorType type{DType::kF32, Shape{out, in}, c.type(kernel).quant};  // Of quantization-aware training: the grid goes along.
  if (!type.quant.empty()) type.quant.axis = 0;
  const Value weights = c.Constant(type, std::as_bytes(std::span<const float>(transposed)));
  const std::vector<float> zeros(out, 0.0f);
  Value bias = c.Constant<float>(Shape{out}, zeros);
  if (c.Bool("use_bias", true)) {
    OCTET_ASSIGN(bias, c.Weight(1));
  }
  const Attrs attrs{.keep_num_dims = c.rank(c.Input(0)) > 2};
  OCTET_ASSIGN(Value y, c.Emit("fully_connected", {c.Input(0), weights, bias}, attrs));
  OCTET_ASSIGN(y, c.Activate(y));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Dense", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "fully_connected",
    .code = BuiltinCode::kFullyConnected,
    .attrs = Layout<Attrs>(OptionsTable::kFullyConnected, kRows),
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

}  // namespace octet::ops::fully_connected
