// SPDX-License-Identifier: Apache-2.0
// Parts of complex numbers, and Fourier transforms: RFFT2D where it has the length, else products with constant matrices, and TensorFlow's own
// operators for what is too long for them.
#include "importers/savedmodel/complex.h"

#include "importers/limits.h"
#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/flex.h"

namespace octet::importers::savedmodel {
namespace {

Status ConvertJoin(NodeContext& c) {
  const Value re = c.Input(0), im = c.Input(1);
  return re && im ? Set(c, Join(c, {re, im})) : Status();
}

// Real, Imag, Conj, Angle, ComplexAbs
Status ConvertPart(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (c.kind() == "ComplexAbs" && !c.builder().PartsOf(x)) return Set(c, c.EmitAs("complex_abs", std::span(&x, 1), nullptr, {DType::kF32, c.shape(x), {}}));
  OCTET_ASSIGN(const Complex parts, PartsOf(c, x));
  if (c.kind() == "ComplexAbs") return Set(c, Magnitude(c, parts));
  if (c.kind() == "Real") return Set(c, parts.re);
  OCTET_ASSIGN(const Value im, Imaginary(c, parts));
  if (c.kind() == "Imag") return Set(c, im);
  if (c.kind() == "Angle") return Set(c, c.Make("atan2", {im, parts.re}));
  OCTET_ASSIGN(const Complex mirror, Conjugate(c, parts));
  return Set(c, Join(c, mirror));
}

// ---------------------------------------------------------------------- Fourier transforms

// Whether the last axis, or the last two, can be transformed by builtin operators.
bool Fits(const NodeContext& c, Value x, int axes) {
  for (int k = 1; k <= axes; ++k)
    if (c.rank(x) < k || !IsTransformed(c.shape(x)[c.rank(x) - k])) return false;
  return true;
}

template <bool Inverse, int Axes> Status ConvertFourier(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (!Fits(c, x, Axes)) return AddFlex(c);
  OCTET_ASSIGN(const Complex in, PartsOf(c, x));
  OCTET_ASSIGN(const Complex y, Axes == 2 ? Fourier2(c, in, Inverse) : Fourier(c, in, Inverse));
  return Set(c, Join(c, y));
}

// The lengths that input 1 tells, of at most 2^20.
Result<std::vector<int32_t>> Lengths(NodeContext& c, size_t axes) {
  std::vector<int64_t> n;
  if (!c.IntsOf(1, &n) || n.size() != axes) return c.Fail("a known length", "a computed one", "");
  if (c.rank(c.Input(0)) < static_cast<int>(axes)) return c.Fail("as many axes as lengths", c.shape(c.Input(0)).text(), "");
  for (const int64_t length : n)
    if (length < 1 || length > 1 << 20) return c.Fail("a length of 1 to 2^20", std::to_string(length), "");
  return std::vector<int32_t>(n.begin(), n.end());
}

// The first half of the transform of complex numbers.
Result<Value> LongRfft(NodeContext& c, Value x, int32_t n) {
  if (c.shape(x).back() == kUnknown) return c.Fail("a known last dimension", c.shape(x).text(), "");
  OCTET_ASSIGN(x, Fitted(c, x, n));
  OCTET_ASSIGN(x, c.Cast(x, DType::kC64));
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "FFT", {x}, {DType::kC64}, {TypeAttr("Tcomplex", DType::kC64)}));
  return Fitted(c, y[0], n / 2 + 1);
}

// One transform over the last axis: RFFT2D of one row.
Status ConvertRfft(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const std::vector<int32_t> length, Lengths(c, 1));
  const int32_t n = length[0];
  if (!IsPowerOfTwo(n)) {
    if (!IsTransformed(n) || !Fits(c, x, 1)) return Set(c, LongRfft(c, x, n));
    OCTET_ASSIGN(const Complex y, RealFourier(c, x, n));
    return Set(c, Join(c, y));
  }
  return Set(c, FastRealFourier(c, x, n));
}

Status ConvertRfft2D(NodeContext& c) {
  const Value x = c.Input(0), length = c.Input(1);
  if (!x || !length) return {};
  OCTET_ASSIGN(const std::vector<int32_t> n, Lengths(c, 2));
  if ((!IsPowerOfTwo(n[0]) || !IsPowerOfTwo(n[1])) && IsTransformed(n[0]) && IsTransformed(n[1]) && Fits(c, x, 2)) {
    OCTET_ASSIGN(const Complex y, RealFourier2(c, x, n[0], n[1]));
    return Set(c, Join(c, y));
  }
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("rfft2d", std::vector<Value>{x, length}, nullptr, {{DType::kC64, {}, {}}}));
  Shape s;
  for (int i = 0; i + 2 < c.rank(x); ++i) s.push_back(c.shape(x)[i]);
  s.push_back(n[0]), s.push_back(n[1] / 2 + 1);
  c.Refine(y[0], {DType::kC64, s, {}});
  return Set(c, y[0]);
}

template <int Axes> Status ConvertIrfft(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const std::vector<int32_t> n, Lengths(c, Axes));
  OCTET_ASSIGN(const Complex in, PartsOf(c, x));
  const int64_t bins = c.shape(x).back(), weights = IsFast(n.back()) ? 0 : int64_t{n.back() / 2 + 1} * n.back();
  if (bins < 1 || weights > kMostWeights || (Axes == 2 && (!Fits(c, x, Axes) || !IsTransformed(n[0]))))
    return c.Fail("known numbers of bins and of samples, not too many", c.shape(x).text(), "give the input's shape, or transform shorter frames");
  return Set(c, Axes == 2 ? InverseRealFourier2(c, in, n[0], n[1]) : InverseRealFourier(c, in, n[0]));
}

constexpr NodeRule kRules[] = {
    {"Complex", ConvertJoin}, {"Real", ConvertPart}, {"Imag", ConvertPart}, {"Conj", ConvertPart}, {"Angle", ConvertPart}, {"ComplexAbs", ConvertPart},
    {"FFT", ConvertFourier<false, 1>}, {"IFFT", ConvertFourier<true, 1>}, {"FFT2D", ConvertFourier<false, 2>}, {"IFFT2D", ConvertFourier<true, 2>},
    {"RFFT", ConvertRfft}, {"RFFT2D", ConvertRfft2D}, {"IRFFT", ConvertIrfft<1>}, {"IRFFT2D", ConvertIrfft<2>}};

}  // namespace

const std::span<const NodeRule> kComplexRules = kRules;

}  // namespace octet::importers::savedmodel
