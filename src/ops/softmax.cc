// SPDX-License-Identifier: Apache-2.0
// Softmax over the last axis: y = e^(beta * (x - max)) / sum. int8 output: scale 1/256, zero point -128.
// 8-bit integers: Q5.26 exponentials, a Q12 sum, a reciprocal by Newton; all of it fixed point, so that
// the 256 possible differences to the maximum are two tables. int16: softmax_util.h.
#include "base/built.h"
#include "base/thread_pool.h"
#include "ops/softmax_util.h"
#include "ops/unary_util.h"

namespace octet::ops::softmax {
namespace {

constexpr bool kFloats = Builds("softmax", "f32"), kShorts = Builds("softmax", "i16");

struct Attrs {
  float beta = 0.0f;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::beta>("beta", 0)};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {{"T=f32 O=f32", 1}, {"T=u8 O=u8|i16", 1}, {"T=i8 O=i8|i16", 2}, {"T=i16 O=i16", 3}, {"T=f16 O=f16", 4}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 1.0f / 256, .fixed_zero_point = -128},
                               {.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI16, .fixed_scale = 1.0f / 32768, .fixed_zero_point = 0}};

struct Params {
  int64_t rows = 0, depth = 0;
  float beta = 1.0f;
  int32_t least_difference = 0;  // Below it, the exponential counts as zero.
  int32_t exponential[256];      // Of -difference, Q0.31.
  int32_t term[256];             // The same as it goes into the sum.
};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() < 1) return op.Fail(Code::kInvalidModel, "the input needs a dimension");
  return CheckUnary(op);
}

template <class T> Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const T* x = run.input<T>(0) + row * p.depth;
    T* y = run.output<T>(0) + row * p.depth;
    const float most = *std::max_element(x, x + p.depth);
    float sum = 0.0f;
    for (int64_t i = 0; i < p.depth; ++i) {
      const float power = std::exp((x[i] - most) * p.beta);
      y[i] = static_cast<T>(power);
      sum += power;
    }
    for (int64_t i = 0; i < p.depth; ++i) y[i] = static_cast<T>(y[i] / sum);
  });
  return {};
}

// Also the vector kernel's way out where the shift is beyond what it can do. From 32 on (1,000 classes as good as equal) the
// quotient is 0; LiteRT's reference kernel ends the process there.
template <class T, class Y> void Finish(const Params& p, const T* x, int32_t most, fixed::Reciprocal inverse, Y* y) {
  const int shift = inverse.bits_over_unit + 31 - fixed::kBits<Y>;
  for (int64_t i = 0; i < p.depth; ++i) {
    int32_t value = std::numeric_limits<Y>::min();
    if (x[i] - most >= p.least_difference && shift < 32)
      value += RoundingDivideByPot(RoundingDoublingHighMul(inverse.scale, p.exponential[most - x[i]]), shift);
    y[i] = Saturate<Y>(value);
  }
}

template <class T, class Y> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const T* x = run.input<T>(0) + row * p.depth;
    Y* y = run.output<Y>(0) + row * p.depth;
    const int32_t most = *std::max_element(x, x + p.depth);
    int32_t sum = 0;
    for (int64_t i = 0; i < p.depth; ++i)
      if (x[i] - most >= p.least_difference) sum += RoundingDivideByPot(p.exponential[most - x[i]], kSumIntegerBits);
    Finish(p, x, most, fixed::ReciprocalOf(sum, kSumIntegerBits), y);
  });
  return {};
}

Status RunVectorsF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  constexpr int64_t kRows = 8;  // Per task.
  run.pool->For((p.rows + kRows - 1) / kRows, [&](int64_t task, int) {
    const int64_t row = task * kRows;
    kernels::Vectors().softmax_f32(run.input<float>(0) + row * p.depth, std::min(kRows, p.rows - row), p.depth, p.beta, run.output<float>(0) + row * p.depth);
  });
  return {};
}

// As RunInteger: beyond the least difference both tables hold 0.
Status RunVectorsS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const kernels::Elementwise& v = kernels::Vectors();
  run.pool->For(p.rows, [&](int64_t row, int) {
    const int8_t* x = run.input<int8_t>(0) + row * p.depth;
    int8_t most = -128;
    v.max_rows_s8(x, 1, p.depth, &most);
    const fixed::Reciprocal inverse = fixed::ReciprocalOf(v.total_of_table(x, p.depth, most, p.term), kSumIntegerBits);
    const int shift = inverse.bits_over_unit + 31 - fixed::kBits<int8_t>;
    int8_t* y = run.output<int8_t>(0) + row * p.depth;
    if (shift > 0 && shift < 32) v.scaled_table(x, p.depth, most, p.exponential, {inverse.scale, 0, shift}, y);
    else Finish(p, x, most, inverse, y);
  });
  return {};
}

void FillTables(Params* p, float scale) {
  const ScaledDifference scaled = ScaleDifferences(static_cast<double>(p->beta), static_cast<double>(scale));
  p->least_difference = scaled.least;
  for (int32_t d = 0; d < 256 && -d >= scaled.least; ++d) {
    p->exponential[d] = fixed::ExpOfNegative<int32_t, kDiffIntegerBits>(scaled(-d));
    p->term[d] = RoundingDivideByPot(p->exponential[d], kSumIntegerBits);
  }
}

Status PrepareWith(Prepare& prepare, RunFn run_float, RunFn run_bytes) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  p->depth = op.in(0)->shape.back();
  p->rows = p->depth == 0 ? 0 : op.in(0)->shape.elements() / p->depth;
  p->beta = op.attrs<Attrs>().beta;
  const DType type = op.in(0)->dtype;
  if (kFloats && (type == DType::kF32 || type == DType::kF16)) {
    prepare.SetRun(type == DType::kF32 ? run_float : RunFloat<F16>, p);
    return {};
  }
  if (kShorts && type == DType::kI16) return PrepareSoftmax16(prepare, p->beta);
  if (!(p->beta > 0.0f) || p->beta * op.in(0)->quant.scale0() * 67108864.0f < 1.0f)
    return op.Fail(Code::kUnsupported, "beta %g with an input scale of %g is too small", static_cast<double>(p->beta),
                   static_cast<double>(op.in(0)->quant.scale0()));
  FillTables(p, op.in(0)->quant.scale0());
  const bool wide = op.out(0)->dtype == DType::kI16;
  if (type == DType::kI8) prepare.SetRun(wide ? RunInteger<int8_t, int16_t> : run_bytes, p);
  else prepare.SetRun(wide ? RunInteger<uint8_t, int16_t> : RunInteger<uint8_t, uint8_t>, p);
  return {};
}
Status PrepareReference(Prepare& prepare) { return PrepareWith(prepare, RunFloat<float>, RunInteger<int8_t, int8_t>); }
Status PrepareVectors(Prepare& prepare) { return PrepareWith(prepare, RunVectorsF32, RunVectorsS8); }

bool TakesVectors(const OpView& op, const Cpu&) {
  const DType t = op.in(0)->dtype;
  return (t == DType::kF32 || t == DType::kI8) && op.out(0)->dtype == t;
}
constexpr Variant kVariants[] = {{.name = "vectors", .takes = TakesVectors, .prepare = PrepareVectors}, {.name = "reference", .prepare = PrepareReference}};

// Another axis than the last goes there and back by transposes.
Status FromKeras(ImportContext& c) {
  Value x = c.Input(0);
  const int rank = c.rank(x);
  const std::vector<int64_t> axes = c.Ints("axis", {-1});
  if (axes.size() != 1) return c.Fail("one axis", std::to_string(axes.size()) + " axes", "reshape so that softmax runs over one axis");
  const int axis = static_cast<int>(axes[0] < 0 ? axes[0] + rank : axes[0]);
  if (axis < 0 || axis >= rank) return c.Fail("an axis of the input", std::to_string(axes[0]), "check the layer");
  std::vector<int32_t> swap(rank);
  for (int i = 0; i < rank; ++i) swap[i] = i == axis ? rank - 1 : i == rank - 1 ? axis : i;
  const bool last = axis == rank - 1;
  if (!last) {
    OCTET_ASSIGN(x, c.Emit("transpose", {x, c.Vector(swap)}));
  }
  OCTET_ASSIGN(Value y, c.Emit("softmax", {x}, Attrs{1.0f}));
  if (!last) {
    OCTET_ASSIGN(y, c.Emit("transpose", {y, c.Vector(swap)}));
  }
  c.SetOutput(0, y);
  return {};
}
constexpr ImportRule kRules[] = {{Source::kKeras, "Softmax", 0, FromKeras}, {Source::kKerasActivation, "softmax", 0, FromKeras}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "softmax",
    .code = BuiltinCode::kSoftmax,
    .attrs = Layout<Attrs>(OptionsTable::kSoftmax, kRows),
    .inputs = kUnaryInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::softmax
