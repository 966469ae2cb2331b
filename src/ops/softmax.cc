// SPDX-License-Identifier: Apache-2.0
// Softmax over the last axis: y = e^(beta * (x - max)) / sum. int8 output: scale 1/256, zero point -128.
// 8-bit integers: Q5.26 exponentials, a Q12 sum, a reciprocal by Newton; all of it fixed point, so that
// the 256 possible differences to the maximum are two tables.
#include "base/thread_pool.h"
#include "ops/fixed_point_util.h"
#include "ops/unary_util.h"

namespace octet::ops::softmax {
namespace {

struct Attrs {
  float beta = 0.0f;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::beta>("beta", 0)};
constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 1.0f / 256, .fixed_zero_point = -128},
                               {.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI16, .fixed_scale = 1.0f / 32768, .fixed_zero_point = 0}};
constexpr int kDiffIntegerBits = 5, kSumIntegerBits = 12;

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

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const float* x = run.input<float>(0) + row * p.depth;
    float* y = run.output<float>(0) + row * p.depth;
    const float most = *std::max_element(x, x + p.depth);
    float sum = 0.0f;
    for (int64_t i = 0; i < p.depth; ++i) sum += y[i] = std::exp((x[i] - most) * p.beta);
    for (int64_t i = 0; i < p.depth; ++i) y[i] /= sum;
  });
  return {};
}

// 1 / sum for a Q12 sum > 0: scale * 2^-bits_over_unit, scale in Q0.31.
struct Reciprocal {
  int32_t scale = 0;
  int bits_over_unit = 0;
};
Reciprocal ReciprocalOf(int32_t sum) {
  const int headroom = std::countl_zero(static_cast<uint32_t>(sum));
  const uint32_t normalized = headroom >= 32 ? 0 : static_cast<uint32_t>(sum) << headroom;
  const int32_t fraction = static_cast<int32_t>(normalized - (1u << 31));
  return {fixed::MultiplyPot(fixed::TwoOverOnePlus(fraction), 1), kSumIntegerBits - headroom};
}

// Also the vector kernel's way out where the shift is beyond what it can do.
template <class T> void Finish(const Params& p, const T* x, int32_t most, Reciprocal inverse, T* y) {
  const int shift = inverse.bits_over_unit + 31 - 8;
  for (int64_t i = 0; i < p.depth; ++i) {
    int32_t value = std::numeric_limits<T>::min();
    if (x[i] - most >= p.least_difference) value += RoundingDivideByPot(RoundingDoublingHighMul(inverse.scale, p.exponential[most - x[i]]), shift);
    y[i] = Saturate<T>(value);
  }
}

template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const T* x = run.input<T>(0) + row * p.depth;
    const int32_t most = *std::max_element(x, x + p.depth);
    int32_t sum = 0;
    for (int64_t i = 0; i < p.depth; ++i)
      if (x[i] - most >= p.least_difference) sum += RoundingDivideByPot(p.exponential[most - x[i]], kSumIntegerBits);
    Finish(p, x, most, ReciprocalOf(sum), run.output<T>(0) + row * p.depth);
  });
  return {};
}

Status RunVectorsF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    kernels::Vectors().softmax_f32(run.input<float>(0) + row * p.depth, p.depth, p.beta, run.output<float>(0) + row * p.depth);
  });
  return {};
}

// As RunInteger: beyond the least difference both tables hold 0.
Status RunVectorsS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const kernels::Elementwise& v = kernels::Vectors();
  run.pool->For(p.rows, [&](int64_t row, int) {
    const int8_t* x = run.input<int8_t>(0) + row * p.depth;
    const int32_t most = v.max_s8(x, p.depth);
    const Reciprocal inverse = ReciprocalOf(v.total_of_table(x, p.depth, most, p.term));
    const int shift = inverse.bits_over_unit + 31 - 8;
    int8_t* y = run.output<int8_t>(0) + row * p.depth;
    if (shift > 0 && shift < 32) v.scaled_table(x, p.depth, most, p.exponential, {inverse.scale, 0, shift}, y);
    else Finish(p, x, most, inverse, y);
  });
  return {};
}

// beta * s_in in the difference's Q5.26, as a multiplier above one.
void FillTables(Params* p, float scale) {
  const double real = std::min(static_cast<double>(p->beta) * static_cast<double>(scale) * (1 << (31 - kDiffIntegerBits)), static_cast<double>(INT32_MAX));
  const Multiplier m = QuantizeMultiplier(real);
  const double radius = ((1 << kDiffIntegerBits) - 1) * static_cast<double>(1ll << (31 - kDiffIntegerBits)) / static_cast<double>(1ll << m.shift);
  p->least_difference = -static_cast<int32_t>(std::floor(radius));
  for (int32_t d = 0; d < 256 && -d >= p->least_difference; ++d) {
    const int32_t shifted = static_cast<int32_t>(static_cast<uint32_t>(-d) << m.shift);
    p->exponential[d] = fixed::ExpOfNegative<int32_t, kDiffIntegerBits>(RoundingDoublingHighMul(shifted, m.mantissa));
    p->term[d] = RoundingDivideByPot(p->exponential[d], kSumIntegerBits);
  }
}

Status PrepareWith(Prepare& prepare, RunFn run_float, RunFn run_bytes) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  p->depth = op.in(0)->shape.back();
  p->rows = p->depth == 0 ? 0 : op.in(0)->shape.elements() / p->depth;
  p->beta = op.attrs<Attrs>().beta;
  if (op.in(0)->dtype == DType::kF32) {
    prepare.SetRun(run_float, p);
    return {};
  }
  if (!(p->beta > 0.0f) || p->beta * op.in(0)->quant.scale0() * 67108864.0f < 1.0f)
    return op.Fail(Code::kUnsupported, "beta %g with an input scale of %g is too small", static_cast<double>(p->beta), static_cast<double>(op.in(0)->quant.scale0()));
  FillTables(p, op.in(0)->quant.scale0());
  prepare.SetRun(op.in(0)->dtype == DType::kI8 ? run_bytes : RunInteger<uint8_t>, p);
  return {};
}
Status PrepareReference(Prepare& prepare) { return PrepareWith(prepare, RunFloat, RunInteger<int8_t>); }
Status PrepareVectors(Prepare& prepare) { return PrepareWith(prepare, RunVectorsF32, RunVectorsS8); }

bool TakesVectors(const OpView& op, const Cpu&) { return op.in(0)->dtype == DType::kF32 || op.in(0)->dtype == DType::kI8; }
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
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::softmax
