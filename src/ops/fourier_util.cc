// SPDX-License-Identifier: Apache-2.0
#include "ops/fourier_util.h"

#include <algorithm>
#include <bit>
#include <numbers>

namespace octet::ops {

void RadixTwo(C128* x, int64_t n, int64_t step, const C128* root, int64_t roots) {
  for (int64_t i = 1, j = 0; i < n; ++i) {  // Into the order of reversed bits.
    int64_t bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j |= bit;
    if (i < j) std::swap(x[i * step], x[j * step]);
  }
  for (int64_t half = 1; half < n; half *= 2) {
    const int64_t stride = roots / (2 * half);
    for (int64_t begin = 0; begin < n; begin += 2 * half) {
      for (int64_t k = 0; k < half; ++k) {
        const C128 r = root[k * stride];
        C128 &a = x[(begin + k) * step], &b = x[(begin + k + half) * step];
        const C128 turned(b.real() * r.real() - b.imag() * r.imag(), b.real() * r.imag() + b.imag() * r.real());
        b = a - turned;
        a += turned;
      }
    }
  }
}

namespace {

constexpr int64_t kMostLength = 1 << 20;

// e^(-pi i k / n), k in units of half a turn by n.
C128 HalfTurns(int64_t k, int64_t n) { return std::polar(1.0, -std::numbers::pi * static_cast<double>(k) / static_cast<double>(n)); }

// Of one length. Where that is no power of two it is a convolution of powers of two (Bluestein, 1970):
// X[k] = w[k] * sum over j of (x[j] w[j]) * conj(w[k - j]), w[k] = e^(-pi i k^2 / n).
struct Length {
  int64_t n, padded;    // padded == n: a power of two.
  const C128 *root;     // Of `padded`.
  const C128 *chirp;    // w.
  const C128 *filter;   // conj(w) transformed, over `padded`.
};

Length LengthOf(Prepare& p, int64_t n) {
  const bool plain = std::has_single_bit(static_cast<uint64_t>(n));
  const int64_t padded = plain ? n : static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(2 * n - 1)));
  auto* root = p.Array<C128>(static_cast<size_t>(padded));
  for (int64_t k = 0; k < padded; ++k) root[k] = HalfTurns(2 * k, padded);
  if (plain) return {n, n, root, nullptr, nullptr};
  auto* chirp = p.Array<C128>(static_cast<size_t>(n));
  auto* filter = p.Array<C128>(static_cast<size_t>(padded));
  for (int64_t k = 0; k < n; ++k) {
    chirp[k] = HalfTurns(k * k % (2 * n), n);
    filter[k] = std::conj(chirp[k]);
    if (k > 0) filter[padded - k] = filter[k];
  }
  RadixTwo(filter, padded, 1, root, padded);
  return {n, padded, root, chirp, filter};
}

// In place; `scratch` has room for `padded`.
void Transform(const Length& l, C128* x, C128* scratch) {
  if (!l.chirp) return RadixTwo(x, l.n, 1, l.root, l.padded);
  std::fill_n(scratch, l.padded, C128());
  for (int64_t k = 0; k < l.n; ++k) scratch[k] = x[k] * l.chirp[k];
  RadixTwo(scratch, l.padded, 1, l.root, l.padded);
  for (int64_t k = 0; k < l.padded; ++k) scratch[k] = std::conj(scratch[k] * l.filter[k]);  // Forward again is backward.
  RadixTwo(scratch, l.padded, 1, l.root, l.padded);
  for (int64_t k = 0; k < l.n; ++k) x[k] = std::conj(scratch[k]) * l.chirp[k] / static_cast<double>(l.padded);
}

struct Params {
  int64_t slices;
  bool inverse;
  Length rows, columns;  // Lengths of a row and of a column; the latter is 1 for one axis.
};

Status RunTransforms(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t w = p.rows.n, h = p.columns.n;
  auto* plane = reinterpret_cast<C128*>(run.workspace);
  C128 *column = plane + w * h, *scratch = column + h;
  const double scale = p.inverse ? 1.0 / static_cast<double>(w * h) : 1.0;
  for (int64_t s = 0; s < p.slices; ++s) {
    const C64* in = run.input<C64>(0) + s * w * h;
    C64* out = run.output<C64>(0) + s * w * h;
    for (int64_t i = 0; i < w * h; ++i) plane[i] = p.inverse ? std::conj(C128(in[i])) : C128(in[i]);
    for (int64_t y = 0; y < h; ++y) Transform(p.rows, plane + y * w, scratch);
    for (int64_t x = 0; h > 1 && x < w; ++x) {
      for (int64_t y = 0; y < h; ++y) column[y] = plane[y * w + x];
      Transform(p.columns, column, scratch);
      for (int64_t y = 0; y < h; ++y) plane[y * w + x] = column[y];
    }
    for (int64_t i = 0; i < w * h; ++i) out[i] = C64((p.inverse ? std::conj(plane[i]) : plane[i]) * scale);
  }
  return {};
}

}  // namespace

template <int kAxes> Status CheckFourier(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  if (in.rank() < kAxes) return op.Fail(Code::kInvalidModel, "expected %d dimensions or more, found %s", kAxes, in.text().c_str());
  for (int i = 1; i <= kAxes; ++i)
    if (in.back(i) > kMostLength)
      return op.Fail(Code::kUnsupported, "a transform of %d elements; at most %lld", in.back(i), static_cast<long long>(kMostLength));
  return {};
}
template Status CheckFourier<1>(const OpView&);
template Status CheckFourier<2>(const OpView&);

Status InferFourier(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kC64, op.in(0)->shape};
  return {};
}

Status PrepareFourier(Prepare& p, int axes, bool inverse) {
  const Shape& in = p.op.in(0)->shape;
  auto* params = p.Params<Params>();
  p.SetRun(RunTransforms, params);
  if (in.elements() == 0) return {};
  *params = {in.elements(0, in.rank() - axes), inverse, LengthOf(p, in.back(1)), LengthOf(p, axes == 2 ? in.back(2) : 1)};
  p.Workspace(sizeof(C128) * static_cast<size_t>(params->rows.n * params->columns.n + params->columns.n +
                                                 std::max(params->rows.padded, params->columns.padded)));
  return {};
}

}  // namespace octet::ops
