// SPDX-License-Identifier: Apache-2.0
// Complex numbers as two tensors, and Fourier transforms:
//   forward:  X[k] = sum_j x[j] * e^(-2 pi i j k / n)      inverse:  x[j] = 1/n * sum_k X[k] * e^(2 pi i j k / n)
// TensorFlow Lite has one operator of them, RFFT2D: the forward one of real numbers, of lengths that are powers of two. The others are made of it
// where that makes a smaller file than products with constant cosines and sines, which every length has.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

struct Complex {
  Value re, im;  // Without an imaginary part the numbers are real.
};

// -- element by element, with broadcasting
Result<Complex> Add(Lowering& c, Complex x, Complex y);
Result<Complex> Subtract(Lowering& c, Complex x, Complex y);
Result<Complex> Multiply(Lowering& c, Complex x, Complex y);
Result<Complex> Divide(Lowering& c, Complex x, Complex y);
Result<Complex> Exp(Lowering& c, Complex x);
Result<Complex> Conjugate(Lowering& c, Complex x);
Result<Value> Magnitude(Lowering& c, Complex x);
// Of a tensor of complex numbers.
Result<Complex> Parts(Lowering& c, Value x);
// The imaginary part where it is not there, too.
Result<Value> Imaginary(Lowering& c, Complex x);

// -- Fourier transforms over the last axis
constexpr int32_t kMostPoints = 2048;         // Of products. Squared: 16 MB each of cosines and sines.
constexpr int32_t kMostFastPoints = 1 << 20;  // Of RFFT2D.

constexpr bool IsPowerOfTwo(int32_t n) { return n > 0 && (n & (n - 1)) == 0; }
// Whether RFFT2D is smaller than the products. (A matrix and its product are shorter by three operators.)
constexpr bool IsFast(int32_t n) { return n >= 16 && n <= kMostFastPoints && IsPowerOfTwo(n); }
constexpr bool IsTransformed(int64_t n) { return n >= 1 && (n <= kMostPoints || (n <= kMostFastPoints && IsFast(static_cast<int32_t>(n)))); }

// The last axis cut to n elements, or zeros behind.
Result<Value> Fitted(Lowering& c, Value x, int32_t n);
// Its number of points.
Result<int32_t> Points(Lowering& c, Value x);
Result<Complex> Fourier(Lowering& c, Complex x, bool inverse);
// Over the last two axes.
Result<Complex> Fourier2(Lowering& c, Complex x, bool inverse);
// Of n real numbers: the bins up to half of the length; the others mirror them. And back.
Result<Complex> RealFourier(Lowering& c, Value x, int32_t n);
// By RFFT2D, as one tensor; n is a power of two.
Result<Value> FastRealFourier(Lowering& c, Value x, int32_t n);
Result<Value> InverseRealFourier(Lowering& c, Complex x, int32_t n);
Result<Complex> RealFourier2(Lowering& c, Value x, int32_t rows, int32_t columns);
Result<Value> InverseRealFourier2(Lowering& c, Complex x, int32_t rows, int32_t columns);

}  // namespace octet::importers
