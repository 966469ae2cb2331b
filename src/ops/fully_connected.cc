// SPDX-License-Identifier: Apache-2.0
// y[r, o] = act(bias[o] + sum_k x[r, k] * w[o, k]). The input is read as rows of k = weights' last dimension.
// Integer results round(acc * s_in * s_w / s_out) in double precision, half away from zero, as the reference.
#include "base/thread_pool.h"
#include "ops/conv_util.h"
#include "ops/hybrid_product_util.h"
#include "ops/import.h"

namespace octet::ops::fully_connected {
namespace {

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
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32 B=f32", 1}, {"T=u8 W=u8 B=i32", 1},  {"T=i8 W=i8 B=i32", 4},
                              {"T=f32 W=i8 B=f32", 3},  {"T=i16 W=i8 B=i64", 7}, {"T=i16 W=i8 B=i32", 11}};
constexpr QuantRow kQuant[] = {{.operand = 1, .kind = QuantKind::kPerChannel, .axis = 0},
                               {.operand = 2, .kind = QuantKind::kProductBias, .other = 1}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  OCTET_TRY(CheckActivation(op, a.activation));
  if (a.weights_format != 0) return op.Fail(Code::kUnsupported, "shuffled weights (format %d)", a.weights_format);
  if (w.rank() != 2 || w[1] < 1 || w[0] < 1) return op.Fail(Code::kInvalidModel, "expected weights of rank 2, found %s", w.text().c_str());
  if (x.rank() < 1 || (x.known() && x.elements() % w[1] != 0))
    return op.Fail(Code::kInvalidModel, "an input of %s does not divide into rows of %d", x.text().c_str(), w[1]);
  if (a.keep_num_dims && x.back() != kUnknown && x.back() != w[1])
    return op.Fail(Code::kInvalidModel, "expected a last dimension of %d, found %s", w[1], x.text().c_str());
  OCTET_TRY(CheckBias(op, 2, w[0]));
  return op.in(0)->dtype == DType::kF32 ? Status() : CheckIntegerScales(op, w[0]);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape &x = op.in(0)->shape, &w = op.in(1)->shape;
  if (op.attrs<Attrs>().keep_num_dims) {
    out[0].shape = x;
    out[0].shape[x.rank() - 1] = w[0];
  } else {
    // An unknown batch stays unknown.
    out[0].shape = {x.known() ? static_cast<int32_t>(x.elements() / w[1]) : kUnknown, w[0]};
  }
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
  const bool hybrid = op.in(0)->dtype == DType::kF32 && op.in(1)->dtype == DType::kI8;
  if (a.keep_num_dims || !op.in(2)) version = std::max(version, op.in(2) ? 5 : 6);
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
  const float* weight_scale = nullptr;  // Hybrid.
  bool asymmetric = false;
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

template <class T, class W, class Bias> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const IntegerOutput& q = p.integer;
  const T* x = run.input<T>(0);
  const W* w = run.input<W>(1);
  const Bias* bias = run.input<Bias>(2);
  T* y = run.output<T>(0);
  ForEachRow(p, *run.pool, [&](int64_t row, int32_t o, int64_t index) {
    Bias acc = Dot<Bias>(x + row * p.depth, w + static_cast<int64_t>(o) * p.depth, p.depth, q.input_zero, q.weights_zero);
    if (bias) acc += bias[o];
    const double scaled = std::round(static_cast<double>(acc) * p.scale[o]);
    const double value = std::clamp(scaled + q.output_zero, static_cast<double>(q.clamp.low), static_cast<double>(q.clamp.high));
    y[index] = static_cast<T>(value);
  });
  return {};
}

Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const float *x = run.input<float>(0), *bias = run.input<float>(2);
  const int8_t* w = run.input<int8_t>(1);
  float* y = run.output<float>(0);
  run.pool->For(p.rows, [&](int64_t row, int thread) {
    auto* q = reinterpret_cast<int8_t*>(run.workspace) + static_cast<int64_t>(thread) * p.depth;
    const float* from = x + row * p.depth;
    const RowQuant r = p.asymmetric ? QuantizeRowAsymmetric(from, p.depth, q) : QuantizeRowSymmetric(from, p.depth, q);
    for (int32_t o = 0; o < p.channels; ++o) {
      const int32_t acc = Dot<int32_t>(q, w + static_cast<int64_t>(o) * p.depth, p.depth, r.offset, 0);
      const float value = static_cast<float>(acc) * (r.scale * p.weight_scale[o]) + (bias ? bias[o] : 0.0f);
      y[row * p.channels + o] = std::clamp(value, p.clamp.low, p.clamp.high);
    }
  });
  return {};
}

void PrepareScales(Prepare& prepare, Params* p) {
  const OpView& op = prepare.op;
  p->integer = MakeIntegerOutput(prepare, p->channels, op.attrs<Attrs>().activation);
  auto* scale = prepare.Array<double>(static_cast<size_t>(p->channels));
  for (int32_t o = 0; o < p->channels; ++o)
    scale[o] = static_cast<double>(op.in(0)->quant.scale0()) * WeightScale(*op.in(1), o) / static_cast<double>(op.out(0)->quant.scale0());
  p->scale = scale;
}

Status PrepareReference(Prepare& prepare) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  const Attrs& a = op.attrs<Attrs>();
  p->depth = op.in(1)->shape[1];
  p->channels = op.in(1)->shape[0];
  p->rows = op.in(0)->shape.elements() / p->depth;
  p->clamp = FloatClamp(a.activation);
  p->asymmetric = a.asymmetric_quantize_inputs;
  const DType x = op.in(0)->dtype;
  if (x == DType::kF32 && op.in(1)->dtype == DType::kF32) {
    prepare.SetRun(RunFloat, p);
  } else if (x == DType::kF32) {
    auto* scales = prepare.Array<float>(static_cast<size_t>(p->channels));
    for (int32_t o = 0; o < p->channels; ++o) scales[o] = static_cast<float>(WeightScale(*op.in(1), o));
    p->weight_scale = scales;
    prepare.Workspace(static_cast<size_t>(prepare.threads) * p->depth);
    prepare.SetRun(RunHybrid, p);
  } else {
    PrepareScales(prepare, p);
    const bool wide = x == DType::kI16 && op.in(2) && op.in(2)->dtype == DType::kI64;
    prepare.SetRun(x == DType::kU8 ? RunInteger<uint8_t, uint8_t, int32_t> : x == DType::kI8 ? RunInteger<int8_t, int8_t, int32_t>
                   : wide          ? RunInteger<int16_t, int8_t, int64_t>
                                   : RunInteger<int16_t, int8_t, int32_t>, p);
  }
  return {};
}

bool TakesPacked(const OpView& op, DType x, DType w) {
  return op.in(0)->dtype == x && op.in(1)->dtype == w && op.has_const(1) && (!op.in(2) || op.has_const(2)) && op.in(0)->shape.elements() > 0;
}
bool TakesS8(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kI8, DType::kI8); }
bool TakesF32(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kF32, DType::kF32); }
bool TakesHybrid(const OpView& op, const Cpu&) { return TakesPacked(op, DType::kF32, DType::kI8); }

Status PreparePacked(Prepare& prepare) {
  const OpView& op = prepare.op;
  Params p;
  p.depth = op.in(1)->shape[1];
  p.channels = op.in(1)->shape[0];
  const int64_t rows = op.in(0)->shape.elements() / p.depth;
  const std::byte* bias = op.has_const(2) ? op.constants[2] : nullptr;
  const RowSource source{{}, true};
  const ClampF32 clamp = FloatClamp(op.attrs<Attrs>().activation);
  if (op.in(1)->dtype == DType::kF32) return PrepareProductF32(prepare, source, rows, p.depth, p.channels, clamp, reinterpret_cast<const float*>(bias));
  if (op.in(0)->dtype == DType::kF32)
    return PrepareProductHybrid(prepare, source, {rows, p.depth, op.attrs<Attrs>().asymmetric_quantize_inputs, true}, rows, p.depth, p.channels, clamp, reinterpret_cast<const float*>(bias));
  PrepareScales(prepare, &p);
  return PrepareProductS8(prepare, source, rows, p.depth, p.channels, p.integer, p.scale, reinterpret_cast<const int32_t*>(bias));
}

constexpr Variant kVariants[] = {{.name = "packed_s8", .takes = TakesS8, .prepare = PreparePacked},
                                 {.name = "packed_f32", .takes = TakesF32, .prepare = PreparePacked},
                                 {.name = "packed_hybrid", .takes = TakesHybrid, .prepare = PreparePacked},
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
  for (int32_t i = 0; i < in; ++i)
    for (int32_t o = 0; o < out; ++o) transposed[static_cast<int64_t>(o) * in + i] = from[static_cast<int64_t>(i) * out + o];
  const Value weights = c.Constant<float>(Shape{out, in}, transposed);
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
