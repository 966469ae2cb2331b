// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/complex.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace octet::importers {
namespace {

// Sums and products of parts that may be nothing, which is zero.
Result<Value> Sum(Lowering& c, Value a, Value b) { return !a ? b : !b ? a : c.Make("add", {a, b}); }
Result<Value> Difference(Lowering& c, Value a, Value b) { return !b ? Result<Value>(a) : a ? c.Make("sub", {a, b}) : c.Make("neg", {b}); }
Result<Value> Scaled(Lowering& c, Value a, Value b) { return a && b ? c.Make("mul", {a, b}) : Value(); }

}  // namespace

Result<Complex> Add(Lowering& c, Complex x, Complex y) {
  Complex z;
  OCTET_ASSIGN(z.re, Sum(c, x.re, y.re));
  OCTET_ASSIGN(z.im, Sum(c, x.im, y.im));
  return z;
}

Result<Complex> Subtract(Lowering& c, Complex x, Complex y) {
  Complex z;
  OCTET_ASSIGN(z.re, Difference(c, x.re, y.re));
  OCTET_ASSIGN(z.im, Difference(c, x.im, y.im));
  return z;
}

Result<Complex> Multiply(Lowering& c, Complex x, Complex y) {
  OCTET_ASSIGN(const Value a, Scaled(c, x.re, y.re));
  OCTET_ASSIGN(const Value b, Scaled(c, x.im, y.im));
  OCTET_ASSIGN(const Value d, Scaled(c, x.re, y.im));
  OCTET_ASSIGN(const Value e, Scaled(c, x.im, y.re));
  Complex z;
  OCTET_ASSIGN(z.re, Difference(c, a, b));
  OCTET_ASSIGN(z.im, Sum(c, d, e));
  return z;
}

// x / y = x * conj(y) / |y|^2
Result<Complex> Divide(Lowering& c, Complex x, Complex y) {
  Complex over = x;
  Value size = y.re;
  if (y.im) {
    OCTET_ASSIGN(const Complex mirror, Conjugate(c, y));
    OCTET_ASSIGN(over, Multiply(c, x, mirror));
    OCTET_ASSIGN(const Complex square, Multiply(c, y, mirror));
    size = square.re;
  }
  OCTET_ASSIGN(over.re, c.Make("div", {over.re, size}));
  if (over.im) {
    OCTET_ASSIGN(over.im, c.Make("div", {over.im, size}));
  }
  return over;
}

// e^(a + b i) = e^a * (cos b + i sin b)
Result<Complex> Exp(Lowering& c, Complex x) {
  OCTET_ASSIGN(const Value size, c.Make("exp", {x.re}));
  if (!x.im) return Complex{size, {}};
  Complex z;
  OCTET_ASSIGN(z.re, c.Make("cos", {x.im}));
  OCTET_ASSIGN(z.im, c.Make("sin", {x.im}));
  return Multiply(c, {size, {}}, z);
}

Result<Complex> Conjugate(Lowering& c, Complex x) { return Subtract(c, {x.re, {}}, {{}, x.im}); }

Result<Value> Magnitude(Lowering& c, Complex x) {
  if (!x.im) return c.Make("abs", {x.re});
  OCTET_ASSIGN(const Value a, c.Make("mul", {x.re, x.re}));
  OCTET_ASSIGN(const Value b, c.Make("mul", {x.im, x.im}));
  OCTET_ASSIGN(const Value square, c.Make("add", {a, b}));
  return c.Make("sqrt", {square});
}

Result<Complex> Parts(Lowering& c, Value x) {
  const TensorType number{DType::kF32, c.shape(x), {}};
  Complex y;
  OCTET_ASSIGN(y.re, c.EmitAs("real", std::span(&x, 1), nullptr, number));
  OCTET_ASSIGN(y.im, c.EmitAs("imag", std::span(&x, 1), nullptr, number));
  return y;
}

Result<Value> Imaginary(Lowering& c, Complex x) { return x.im ? Result<Value>(x.im) : c.Make("zeros_like", {x.re}); }

// ---------------------------------------------------------------------- Fourier transforms

namespace {

// [rows, columns] of scale(row) * f(2 pi row * column / n).
template <class Scale> Value Waves(Lowering& c, int32_t rows, int32_t columns, int32_t n, double (*f)(double), const Scale& scale) {
  std::vector<float> values;
  values.reserve(static_cast<size_t>(rows) * static_cast<size_t>(columns));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t k = 0; k < columns; ++k) values.push_back(static_cast<float>(scale(r) * f(2 * std::numbers::pi * static_cast<double>(r * k % n) / n)));
  return c.Constant<float>(Shape{rows, columns}, values);
}
double Cos(double x) { return std::cos(x); }
double Sin(double x) { return std::sin(x); }

// Of rows, and of a single one.
Result<Value> Product(Lowering& c, Value x, Value m) {
  if (!x) return Value();
  if (c.rank(x) > 1) return c.Make("batch_matmul", {x, m}, {{"adj_x", 0}, {"adj_y", 0}});
  OCTET_ASSIGN(const Value row, c.Make("reshape", {x, c.Vector({1, c.shape(x)[0]})}));
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {row, m}, {{"adj_x", 0}, {"adj_y", 0}}));
  return c.Make("reshape", {y, c.Vector({c.shape(m)[1]})});
}

// The last two axes exchanged.
Result<Value> Turned(Lowering& c, Value x) {
  if (!x) return Value();
  std::vector<int32_t> order;
  for (int i = 0; i < c.rank(x); ++i) order.push_back(i);
  std::swap(order[order.size() - 1], order[order.size() - 2]);
  return c.Make("transpose", {x, c.Vector(order)});
}
Result<Complex> Turned(Lowering& c, Complex x) {
  OCTET_ASSIGN(x.re, Turned(c, x.re));
  OCTET_ASSIGN(x.im, Turned(c, x.im));
  return x;
}

// Whether the dozen operators of transforms that RFFT2D does not do are smaller than their matrices.
bool IsLongAndFast(int32_t n) { return n >= 64 && IsFast(n); }

// Bins 0 to n/2 of `low`, then bins n/2 - 1 to 1 of `high`, which mirror them.
Result<Value> Mirrored(Lowering& c, Value low, Value high, int32_t n) {
  const auto last = static_cast<size_t>(c.rank(low) - 1);
  std::vector<int32_t> from(last + 1, 0), to(last + 1, 0), steps(last + 1, 1);
  from[last] = n / 2 - 1, steps[last] = -1;
  const int64_t others = (int64_t{1} << last) - 1;
  OCTET_ASSIGN(const Value back,
               c.Make("strided_slice", {high, c.Vector(from), c.Vector(to), c.Vector(steps)}, {{"begin_mask", others}, {"end_mask", others}}));
  return c.Make("concatenation", {low, back}, {{"axis", static_cast<int64_t>(last)}});
}

// Of two transforms of real numbers: F(a + b i) = F(a) + F(b) i, where the upper half of each mirrors the lower one.
Result<Complex> FastFourier(Lowering& c, Complex x, int32_t n) {
  const auto half = [&](Value part) { return part ? RealFourier(c, part, n) : Result<Complex>(Complex()); };
  OCTET_ASSIGN(const Complex a, half(x.re));
  OCTET_ASSIGN(const Complex b, half(x.im));
  OCTET_ASSIGN(const Value low, Difference(c, a.re, b.im));
  OCTET_ASSIGN(const Value high, Sum(c, a.re, b.im));
  OCTET_ASSIGN(const Value low_im, Sum(c, a.im, b.re));
  OCTET_ASSIGN(const Value high_im, Difference(c, b.re, a.im));
  Complex y;
  OCTET_ASSIGN(y.re, Mirrored(c, low, high, n));
  OCTET_ASSIGN(y.im, Mirrored(c, low_im, high_im, n));
  return y;
}

// The inverse is the transform of the parts exchanged, its parts exchanged, over n.
Result<Complex> FastInverseFourier(Lowering& c, Complex x, int32_t n) {
  const Value share = c.Scalar(1.0f / static_cast<float>(n));
  OCTET_ASSIGN(x.re, Scaled(c, x.re, share));
  OCTET_ASSIGN(x.im, Scaled(c, x.im, share));
  OCTET_ASSIGN(const Complex y, FastFourier(c, {x.im, x.re}, n));
  return Complex{y.im, y.re};
}

// Hartley's transform, the sum of x[j] * (cos + sin), is real and its own inverse but for 1/n; from Fourier's one and to it lead a difference of parts
// below n/2 and their sum above. The first and the last bin of a real signal have no imaginary part, whatever is there.
Result<Value> FastInverseRealFourier(Lowering& c, Complex x, int32_t n) {
  const float share = 1.0f / static_cast<float>(n);
  std::vector<float> shares(static_cast<size_t>(n / 2 + 1), share);
  shares.front() = shares.back() = 0.0f;
  OCTET_ASSIGN(const Value re, c.Make("mul", {x.re, c.Scalar(share)}));
  OCTET_ASSIGN(const Value im, Scaled(c, x.im, c.Constant<float>(Shape{n / 2 + 1}, shares)));
  OCTET_ASSIGN(const Value low, Difference(c, re, im));
  OCTET_ASSIGN(const Value high, Sum(c, re, im));
  OCTET_ASSIGN(const Value spectrum, Mirrored(c, low, high, n));
  OCTET_ASSIGN(const Complex y, RealFourier(c, spectrum, n));
  if (!im) return Mirrored(c, y.re, y.re, n);
  OCTET_ASSIGN(const Value first, c.Make("sub", {y.re, y.im}));
  OCTET_ASSIGN(const Value second, c.Make("add", {y.re, y.im}));
  return Mirrored(c, first, second, n);
}

// Over the last axis but one, of `rows` points.
Result<Complex> FourierOfColumns(Lowering& c, Complex x, int32_t rows, bool inverse) {
  OCTET_ASSIGN(x, Turned(c, x));
  OCTET_ASSIGN(x.re, Fitted(c, x.re, rows));
  if (x.im) {
    OCTET_ASSIGN(x.im, Fitted(c, x.im, rows));
  }
  OCTET_ASSIGN(x, Fourier(c, x, inverse));
  return Turned(c, x);
}

}  // namespace

Result<Value> Fitted(Lowering& c, Value x, int32_t n) {
  const int rank = c.rank(x);
  const int32_t size = c.shape(x).back();
  std::vector<int32_t> begin(static_cast<size_t>(rank), 0), sizes(static_cast<size_t>(rank), -1), pads(2 * static_cast<size_t>(rank), 0);
  if (size == n) return x;
  sizes.back() = n;
  if (size > n) return c.Make("slice", {x, c.Vector(begin), c.Vector(sizes)});
  pads.back() = n - size;
  return c.Make("pad", {x, c.Constant<int32_t>(Shape{rank, 2}, pads)});
}

Result<int32_t> Points(Lowering& c, Value x) {
  const int32_t n = c.rank(x) < 1 ? kUnknown : c.shape(x).back();
  if (!IsTransformed(n))
    return c.Fail(Format("a last axis of 1 to %d points, or of a power of two", kMostPoints), c.shape(x).text(),
                  "give the input's shape, or transform shorter frames");
  return n;
}

Result<Complex> Fourier(Lowering& c, Complex x, bool inverse) {
  OCTET_ASSIGN(const int32_t n, Points(c, x.re));
  if (IsLongAndFast(n)) return inverse ? FastInverseFourier(c, x, n) : FastFourier(c, x, n);
  const auto scale = [&](int64_t) { return inverse ? 1.0 / n : 1.0; };
  const Value cosines = Waves(c, n, n, n, Cos, scale), sines = Waves(c, n, n, n, Sin, scale);
  OCTET_ASSIGN(const Value a, Product(c, x.re, cosines));
  OCTET_ASSIGN(const Value b, Product(c, x.im, sines));
  OCTET_ASSIGN(const Value d, Product(c, x.im, cosines));
  OCTET_ASSIGN(const Value e, Product(c, x.re, sines));
  Complex y;
  OCTET_ASSIGN(y.re, inverse ? Difference(c, a, b) : Sum(c, a, b));
  OCTET_ASSIGN(y.im, inverse ? Sum(c, d, e) : Difference(c, d, e));
  return y;
}

Result<Complex> Fourier2(Lowering& c, Complex x, bool inverse) {
  if (c.rank(x.re) < 2) return c.Fail("images", c.shape(x.re).text(), "");
  OCTET_ASSIGN(const Complex y, Fourier(c, x, inverse));
  return FourierOfColumns(c, y, c.shape(x.re)[c.rank(x.re) - 2], inverse);
}

Result<Value> FastRealFourier(Lowering& c, Value x, int32_t n) {
  const int32_t row = c.rank(x) - 1;
  OCTET_ASSIGN(const Value image, c.Make("expand_dims", {x, c.Constant<int32_t>(Shape{}, std::span(&row, 1))}));
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("rfft2d", std::vector<Value>{image, c.Vector({1, n})}, nullptr, {{DType::kC64, {}, {}}}));
  std::vector<int32_t> dims(c.shape(x).dims().begin(), c.shape(x).dims().end());
  dims.back() = n / 2 + 1;
  if (std::ranges::count(dims, kUnknown) <= 1) return c.Make("reshape", {y[0], c.Vector(dims)});
  return c.Make("squeeze", {y[0]}, {{"squeeze_dims", std::vector<int32_t>{row}}});
}

Result<Complex> RealFourier(Lowering& c, Value x, int32_t n) {
  Complex y;
  if (IsFast(n)) {
    OCTET_ASSIGN(const Value bins, FastRealFourier(c, x, n));
    return Parts(c, bins);
  }
  OCTET_ASSIGN(x, Fitted(c, x, n));
  OCTET_ASSIGN(y.re, Product(c, x, Waves(c, n, n / 2 + 1, n, Cos, [](int64_t) { return 1.0; })));
  OCTET_ASSIGN(y.im, Product(c, x, Waves(c, n, n / 2 + 1, n, Sin, [](int64_t) { return -1.0; })));
  return y;
}

// Bins that have a mirror image count twice.
Result<Value> InverseRealFourier(Lowering& c, Complex x, int32_t n) {
  OCTET_ASSIGN(x.re, Fitted(c, x.re, n / 2 + 1));
  if (x.im) {
    OCTET_ASSIGN(x.im, Fitted(c, x.im, n / 2 + 1));
  }
  if (IsLongAndFast(n)) return FastInverseRealFourier(c, x, n);
  const auto share = [&](int64_t k) { return (k == 0 || 2 * k == n ? 1.0 : 2.0) / n; };
  OCTET_ASSIGN(const Value a, Product(c, x.re, Waves(c, n / 2 + 1, n, n, Cos, share)));
  if (!x.im) return a;
  OCTET_ASSIGN(const Value b, Product(c, x.im, Waves(c, n / 2 + 1, n, n, Sin, share)));
  return c.Make("sub", {a, b});
}

Result<Complex> RealFourier2(Lowering& c, Value x, int32_t rows, int32_t columns) {
  OCTET_ASSIGN(const Complex y, RealFourier(c, x, columns));
  return FourierOfColumns(c, y, rows, false);
}

Result<Value> InverseRealFourier2(Lowering& c, Complex x, int32_t rows, int32_t columns) {
  OCTET_ASSIGN(const Complex y, FourierOfColumns(c, x, rows, true));
  return InverseRealFourier(c, y, columns);
}

}  // namespace octet::importers
