// SPDX-License-Identifier: Apache-2.0
#include "ops/decomposition_util.h"

#include <algorithm>
#include <cmath>

#include "ops/text_util.h"

namespace octet::ops {
namespace {

constexpr int kMostSweeps = 60;  // They converge quadratically: ten are many.
constexpr double kPrecision = 1e-15;

// The rotation that makes the off-diagonal element of [[p, g], [g, q]] zero.
struct Rotation {
  double c = 1, s = 0;
};
Rotation RotationOf(double p, double q, double g) {
  const double theta = (q - p) / (2 * g);
  const double t = (theta >= 0 ? 1 : -1) / (std::fabs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  return {c, t * c};
}

void Rotate(const Rotation& r, double* x, double* y) {
  const double a = *x, b = *y;
  *x = r.c * a - r.s * b;
  *y = r.s * a + r.c * b;
}

void RotateColumns(const Rotation& r, int64_t rows, int64_t n, double* a, int64_t i, int64_t j) {
  for (int64_t k = 0; k < rows; ++k) Rotate(r, &a[k * n + i], &a[k * n + j]);
}

void SwapColumns(int64_t rows, int64_t n, double* a, int64_t i, int64_t j) {
  for (int64_t k = 0; k < rows; ++k) std::swap(a[k * n + i], a[k * n + j]);
}

double Dot(int64_t rows, int64_t n, const double* a, int64_t i, int64_t j) {
  double sum = 0;
  for (int64_t k = 0; k < rows; ++k) sum += a[k * n + i] * a[k * n + j];
  return sum;
}

// Whether the column's largest element is negative.
bool PointsDown(int64_t rows, int64_t n, const double* a, int64_t column) {
  int64_t at = 0;
  for (int64_t k = 1; k < rows; ++k)
    if (std::fabs(a[k * n + column]) > std::fabs(a[at * n + column])) at = k;
  return rows > 0 && a[at * n + column] < 0;
}

void Negate(int64_t rows, int64_t n, double* a, int64_t column) {
  for (int64_t k = 0; k < rows; ++k) a[k * n + column] = -a[k * n + column];
}

// A unit vector, at right angles to the columns before it.
void CompleteColumn(int64_t rows, int64_t n, double* a, int64_t column) {
  for (int64_t unit = 0; unit < rows; ++unit) {
    for (int64_t k = 0; k < rows; ++k) a[k * n + column] = k == unit;
    for (int pass = 0; pass < 2; ++pass) {
      for (int64_t j = 0; j < column; ++j) {
        const double along = Dot(rows, n, a, j, column);
        for (int64_t k = 0; k < rows; ++k) a[k * n + column] -= along * a[k * n + j];
      }
    }
    const double length = std::sqrt(Dot(rows, n, a, column, column));
    if (length < 0.5 / std::sqrt(static_cast<double>(rows))) continue;  // One of the units is never closer to the others.
    for (int64_t k = 0; k < rows; ++k) a[k * n + column] /= length;
    return;
  }
}

}  // namespace

void Triangulate(int64_t m, int64_t n, double* a, double* q) {
  for (int64_t i = 0; i < m * m; ++i) q[i] = i % (m + 1) == 0;
  for (int64_t k = 0; k < std::min(m, n); ++k) {
    double tail = 0;
    for (int64_t i = k + 1; i < m; ++i) tail += a[i * n + k] * a[i * n + k];
    if (tail == 0) continue;
    const double first = a[k * n + k], length = std::sqrt(first * first + tail), beta = first >= 0 ? -length : length;
    const double tau = (beta - first) / beta, scale = 1 / (first - beta);  // I - tau v v^T, v = (1, tail * scale)
    for (int64_t i = k + 1; i < m; ++i) a[i * n + k] *= scale;
    for (int64_t j = k + 1; j < n; ++j) {
      double sum = a[k * n + j];
      for (int64_t i = k + 1; i < m; ++i) sum += a[i * n + k] * a[i * n + j];
      a[k * n + j] -= tau * sum;
      for (int64_t i = k + 1; i < m; ++i) a[i * n + j] -= tau * sum * a[i * n + k];
    }
    for (int64_t row = 0; row < m; ++row) {
      double* const of = q + row * m;
      double sum = of[k];
      for (int64_t i = k + 1; i < m; ++i) sum += of[i] * a[i * n + k];
      of[k] -= tau * sum;
      for (int64_t i = k + 1; i < m; ++i) of[i] -= tau * sum * a[i * n + k];
    }
    a[k * n + k] = beta;
    for (int64_t i = k + 1; i < m; ++i) a[i * n + k] = 0;
  }
}

void EigenSymmetric(int64_t n, double* a, double* values, double* vectors) {
  double norm = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      vectors[i * n + j] = i == j;
      if (j > i) a[i * n + j] = a[j * n + i];
      norm += a[i * n + j] * a[i * n + j];
    }
  }
  const double small = kPrecision * std::sqrt(norm);
  bool again = std::isfinite(norm);
  for (int sweep = 0; again && sweep < kMostSweeps; ++sweep) {
    again = false;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) {
        if (std::fabs(a[i * n + j]) <= small / static_cast<double>(n)) continue;
        again = true;
        const Rotation r = RotationOf(a[i * n + i], a[j * n + j], a[i * n + j]);
        RotateColumns(r, n, n, a, i, j);
        for (int64_t k = 0; k < n; ++k) Rotate(r, &a[i * n + k], &a[j * n + k]);
        RotateColumns(r, n, n, vectors, i, j);
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) values[i] = a[i * n + i];
  for (int64_t i = 0; i < n; ++i) {
    const int64_t least = std::min_element(values + i, values + n) - values;
    std::swap(values[i], values[least]);
    SwapColumns(n, n, vectors, i, least);
    if (PointsDown(n, n, vectors, i)) Negate(n, n, vectors, i);
  }
}

void SingularValues(int64_t m, int64_t n, double* a, double* values, int64_t columns, double* u, double* v) {
  for (int64_t i = 0; i < n * n; ++i) v[i] = i % (n + 1) == 0;
  bool again = true;
  for (int sweep = 0; again && sweep < kMostSweeps; ++sweep) {
    again = false;
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = i + 1; j < n; ++j) {
        const double p = Dot(m, n, a, i, i), q = Dot(m, n, a, j, j), g = Dot(m, n, a, i, j);
        if (!(std::fabs(g) > kPrecision * std::sqrt(p * q))) continue;
        again = true;
        const Rotation r = RotationOf(p, q, g);
        RotateColumns(r, m, n, a, i, j);
        RotateColumns(r, n, n, v, i, j);
      }
    }
  }
  for (int64_t i = 0; i < n; ++i) values[i] = std::sqrt(Dot(m, n, a, i, i));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t most = std::max_element(values + i, values + n) - values;
    std::swap(values[i], values[most]);
    SwapColumns(m, n, a, i, most);
    SwapColumns(n, n, v, i, most);
    if (PointsDown(n, n, v, i)) Negate(n, n, v, i), Negate(m, n, a, i);
  }
  const double small = n > 0 ? values[0] * kPrecision * static_cast<double>(m) : 0;
  for (int64_t i = 0; i < columns; ++i) {
    if (i >= n || values[i] <= small) CompleteColumn(m, columns, u, i);
    else
      for (int64_t k = 0; k < m; ++k) u[k * columns + i] = a[k * n + i] / values[i];
  }
}

Status CheckMatrices(const OpView& op) {
  OCTET_TRY(CheckNode(op));
  const Shape& s = op.in(0)->shape;
  if (s.rank() < 2) return op.Fail(Code::kInvalidModel, "expected matrices, found %s", s.text().c_str());
  if (s.back() > kMostRows || s.back(2) > kMostRows)
    return op.Fail(Code::kUnsupported, "matrices of %s; at most %d rows and columns", s.text().c_str(), kMostRows);
  return {};
}

Status CheckSquare(const OpView& op) {
  OCTET_TRY(CheckMatrices(op));
  const Shape& s = op.in(0)->shape;
  if (s.back() == s.back(2) || s.back() == kUnknown || s.back(2) == kUnknown) return {};
  return op.Fail(Code::kInvalidModel, "expected square matrices, found %s", s.text().c_str());
}

Shape PerMatrix(const Shape& in, std::initializer_list<int32_t> dims) {
  Shape s;
  for (int i = 0; i + 2 < in.rank(); ++i) s.push_back(in[i]);
  for (const int32_t d : dims) s.push_back(d);
  return s;
}

int32_t Narrow(int32_t m, int32_t n) { return m == kUnknown || n == kUnknown ? kUnknown : std::min(m, n); }

}  // namespace octet::ops
