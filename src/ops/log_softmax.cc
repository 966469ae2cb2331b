// SPDX-License-Identifier: Apache-2.0
// y = x - log(sum of e^x) over the last axis. 8-bit integers: Q5.26 exponentials, a Q12 sum and its
// logarithm, all fixed point; output scale 1/16, zero point the type's largest value.
#include "base/thread_pool.h"
#include "ops/softmax_util.h"
#include "ops/unary_util.h"

namespace octet::ops::log_softmax {
namespace {

constexpr TypeRow kTypes[] = {{"T=f32|u8", 1}, {"T=i8", 2}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFixed, .when = DType::kI8, .fixed_scale = 16.0f / 256, .fixed_zero_point = 127}};
constexpr int kOutputIntegerBits = 4;

struct Params {
  int64_t rows = 0, depth = 0;
  int32_t least_difference = 0;
  Multiplier to_difference;   // From Q5.26 back to steps of the input.
  int32_t difference[256];    // -d in Q5.26.
  int32_t exponential[256];   // Of it, in Q12.
};

Status Check(const OpView& op) {
  if (op.in(0)->shape.rank() < 1) return op.Fail(Code::kInvalidModel, "the input needs a dimension");
  OCTET_TRY(CheckUnary(op));
  const TensorType* out = op.out(0);
  if (!out || op.in(0)->dtype == DType::kF32) return {};
  if (out->quant.scale0() == 16.0f / 256 && out->quant.zero0() == RangeOf(out->dtype).high) return {};
  return op.Fail(Code::kInvalidModel, "the output needs a scale of 1/16 and a zero point of %d, found %g and %d", RangeOf(out->dtype).high,
                 static_cast<double>(out->quant.scale0()), out->quant.zero0());
}

Status RunFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) {
    const float* x = run.input<float>(0) + row * p.depth;
    float *y = run.output<float>(0) + row * p.depth, sum = 0.0f;
    const float most = *std::max_element(x, x + p.depth);
    for (int64_t i = 0; i < p.depth; ++i) sum += std::exp(x[i] - most);
    const float log = std::log(sum);
    for (int64_t i = 0; i < p.depth; ++i) y[i] = x[i] - most - log;
  });
  return {};
}

using fixed::Add;
using fixed::Multiply;
using fixed::MultiplyPot;
using fixed::Subtract;

// log(x) for x >= 1 in Q12, as Q5. x = 2^e * r with r around sqrt(1/2): log(x) = e * log(2) + log(r), and
// log(r) as a quotient of polynomials of the distance from 2^(-1/4). Of the two ways to choose e the one is
// taken that leaves the smaller r. One integer bit more than the answer's while it is summed.
int32_t Log(int32_t x) {
  constexpr int kBits = 31 - (kDiffIntegerBits + 1);
  constexpr int32_t kLog2 = 1488522236, kRootHalf = 1518500250, kFourthRootHalf = 1805811301;
  constexpr int32_t kQuarter = 1 << (kBits - 2);
  // With f = 2^(1/4): 11/240 f, f/20, 2/f - f, f/4.
  constexpr int32_t kNumerator = 117049297, kSquare = 127690142, kConstant = 1057819769, kLinear = 638450708;

  const int headroom = std::countl_zero(static_cast<uint32_t>(x));
  const int32_t r_a = MultiplyPot(Multiply(MultiplyPot(x, headroom - 1), kRootHalf), 1);
  const int32_t e_a = MultiplyPot(kSumIntegerBits - headroom, kBits) + kQuarter;
  const int scaled_headroom = std::countl_zero(static_cast<uint32_t>(Multiply(x, kRootHalf))) - 1;
  const int32_t r_b = MultiplyPot(x, scaled_headroom);
  const int32_t e_b = MultiplyPot(kSumIntegerBits - scaled_headroom, kBits) - kQuarter;
  const int32_t r = std::min(r_a, r_b), e = std::max(e_a, e_b);

  const int64_t sum = int64_t{r} + kFourthRootHalf;
  const auto p = static_cast<int32_t>((sum + (sum >= 0 ? 1 : -1)) / 2);
  const int32_t half = Subtract(r, kFourthRootHalf), q = Add(half, half), q2 = Multiply(q, q);
  const int32_t numerator = Add(Multiply(q, r), Multiply(Multiply(q, q2), kNumerator));
  const int32_t denominator = Add(Multiply(p, Add(Add(kConstant, q), Multiply(kSquare, q2))), Multiply(kLinear, q));
  const int32_t inverse = MultiplyPot(fixed::TwoOverOnePlus(denominator), 1);
  const int32_t log_r = Multiply(RoundingDivideByPot(numerator, kDiffIntegerBits + 1), inverse);
  return MultiplyPot(Add(Multiply(e, kLog2), log_r), 1);
}

template <class T> void Row(const Params& p, const T* x, T* y) {
  constexpr int32_t kLow = std::numeric_limits<T>::min(), kHigh = std::numeric_limits<T>::max();
  const int32_t most = *std::max_element(x, x + p.depth);
  uint32_t sum = 0;
  for (int64_t i = 0; i < p.depth; ++i)
    if (x[i] - most >= p.least_difference) sum += static_cast<uint32_t>(p.exponential[most - x[i]]);
  const int32_t log = Log(static_cast<int32_t>(sum));
  // What would be below the least Q5.26 when the logarithm is subtracted.
  const int32_t lowest = Requantize(Add(log, INT32_MIN), p.to_difference);
  const int32_t least = std::max(p.least_difference - 1, lowest);
  for (int64_t i = 0; i < p.depth; ++i) {
    int32_t value = kLow;
    if (x[i] - most > least)
      value = RoundingDivideByPot(Subtract(p.difference[most - x[i]], log), 31 - kDiffIntegerBits - kOutputIntegerBits) + kHigh;
    y[i] = Saturate<T>(value);
  }
}

template <class T> Status RunInteger(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(p.rows, [&](int64_t row, int) { Row(p, run.input<T>(0) + row * p.depth, run.output<T>(0) + row * p.depth); });
  return {};
}

void FillTables(Params* p, float scale) {
  const ScaledDifference scaled = ScaleDifferences(1.0, static_cast<double>(scale));
  p->least_difference = scaled.least;
  p->to_difference = QuantizeMultiplier(static_cast<double>(1ll << (31 - scaled.multiplier.shift)) / scaled.multiplier.mantissa);
  for (int32_t d = 0; d < 256; ++d) {
    p->difference[d] = scaled(-d);
    if (-d >= scaled.least) p->exponential[d] = RoundingDivideByPot(fixed::ExpOfNegative<int32_t, kDiffIntegerBits>(scaled(-d)), kSumIntegerBits);
  }
}

Status PrepareReference(Prepare& prepare) {
  const TensorType& x = *prepare.op.in(0);
  auto* p = prepare.Params<Params>();
  p->depth = x.shape.back();
  p->rows = p->depth == 0 ? 0 : x.shape.elements() / p->depth;
  if (x.dtype != DType::kF32) {
    if (!(x.quant.scale0() * 67108864.0f >= 1.0f))
      return prepare.op.Fail(Code::kUnsupported, "an input scale of %g is too small", static_cast<double>(x.quant.scale0()));
    FillTables(p, x.quant.scale0());
  }
  prepare.SetRun(x.dtype == DType::kF32 ? RunFloat : x.dtype == DType::kI8 ? RunInteger<int8_t> : RunInteger<uint8_t>, p);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "log_softmax",
    .code = BuiltinCode::kLogSoftmax,
    .attrs = Layout<NoAttrs>(OptionsTable::kLogSoftmax, {}),
    .inputs = kUnaryInputs,
    .outputs = kUnaryOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = InferUnary,
    .cost = CostOfUnary,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::log_softmax
