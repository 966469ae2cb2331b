// SPDX-License-Identifier: Apache-2.0
// What TensorFlow's outputs cannot prove: vectors, whose signs are free.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "ops/decomposition_util.h"

namespace octet::ops {
namespace {

using Numbers = std::vector<double>;

Numbers Random(int64_t n, unsigned seed) {
  std::mt19937 rng(seed);
  Numbers x(static_cast<size_t>(n));
  for (double& v : x) v = std::uniform_real_distribution<double>(-1, 1)(rng);
  return x;
}

// [m, k] [k, n], the right one transposed or not.
Numbers Product(const Numbers& a, const Numbers& b, int64_t m, int64_t k, int64_t n, bool transposed) {
  Numbers y(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t l = 0; l < k; ++l)
        y[static_cast<size_t>(i * n + j)] += a[static_cast<size_t>(i * k + l)] * b[static_cast<size_t>(transposed ? j * k + l : l * n + j)];
  return y;
}

// The columns [m, n] have length 1 and are at right angles.
void ExpectOrthogonal(const Numbers& q, int64_t m, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double dot = 0;
      for (int64_t k = 0; k < m; ++k) dot += q[static_cast<size_t>(k * n + i)] * q[static_cast<size_t>(k * n + j)];
      ASSERT_NEAR(dot, i == j, 1e-12) << "columns " << i << " and " << j;
    }
  }
}

void ExpectNear(const Numbers& a, const Numbers& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], 1e-12) << i;
}

TEST(Decomposition, SingularVectorsMakeTheMatrix) {
  for (const auto [m, n, columns] : {std::array<int64_t, 3>{5, 3, 3}, {5, 3, 5}, {4, 4, 4}, {40, 31, 31}, {1, 1, 1}}) {
    for (const bool poor : {false, true}) {
      Numbers a = Random(m * n, 1), s(static_cast<size_t>(n)), u(static_cast<size_t>(m * columns)), v(static_cast<size_t>(n * n));
      for (int64_t i = 0; poor && i < m; ++i) a[static_cast<size_t>(i * n)] = n > 1 ? a[static_cast<size_t>(i * n + 1)] : 0;  // Of lower rank.
      Numbers lost = a;
      SingularValues(m, n, lost.data(), s.data(), columns, u.data(), v.data());
      ExpectOrthogonal(u, m, columns);
      ExpectOrthogonal(v, n, n);
      Numbers scaled(static_cast<size_t>(m * n));
      for (int64_t i = 0; i < m * n; ++i) scaled[static_cast<size_t>(i)] = u[static_cast<size_t>(i / n * columns + i % n)] * s[static_cast<size_t>(i % n)];
      ExpectNear(Product(scaled, v, m, n, n, true), a);
      EXPECT_TRUE(std::is_sorted(s.rbegin(), s.rend()));
    }
  }
}

TEST(Decomposition, EigenvectorsMakeTheMatrix) {
  for (const int64_t n : {1, 2, 5, 40}) {
    Numbers a = Random(n * n, 2), e(static_cast<size_t>(n)), v(static_cast<size_t>(n * n));
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = i; j < n; ++j) a[static_cast<size_t>(i * n + j)] = a[static_cast<size_t>(j * n + i)];
    Numbers lost = a;
    EigenSymmetric(n, lost.data(), e.data(), v.data());
    ExpectOrthogonal(v, n, n);
    Numbers scaled = v;
    for (int64_t i = 0; i < n * n; ++i) scaled[static_cast<size_t>(i)] *= e[static_cast<size_t>(i % n)];
    ExpectNear(Product(scaled, v, n, n, n, true), a);
    EXPECT_TRUE(std::is_sorted(e.begin(), e.end()));
  }
}

TEST(Decomposition, NumbersThatAreNoneEnd) {
  Numbers a(9, std::nan("")), e(3), u(9), v(9);
  EigenSymmetric(3, a.data(), e.data(), v.data());
  a.assign(9, HUGE_VAL);
  SingularValues(3, 3, a.data(), e.data(), 3, u.data(), v.data());
  a.assign(9, 0);
  SingularValues(3, 3, a.data(), e.data(), 3, u.data(), v.data());
  ExpectOrthogonal(u, 3, 3);
}

}  // namespace
}  // namespace octet::ops
