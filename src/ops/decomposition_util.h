// SPDX-License-Identifier: Apache-2.0
// Decompositions of matrices, in double, and what TensorFlow's operators for them share. Matrices are row by row.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

inline constexpr int32_t kMostRows = 512;  // Time goes with the cube.

// q [m, m] r [m, n] = a by Householder's reflections, which turn against the column's first element, as LAPACK's do. a becomes r.
void Triangulate(int64_t m, int64_t n, double* a, double* q);

// Eigenvalues [n], the smallest first, of a symmetric matrix whose lower triangle counts, and its vectors as columns [n, n], the largest
// element of each positive. Jacobi's rotations; a is lost.
void EigenSymmetric(int64_t n, double* a, double* values, double* vectors);

// u [m, columns] diag(values) v^T [n, n] = a [m, n], m >= columns >= n, the largest value first; the largest element of each of v's
// columns is positive. Columns of u behind the values complete it. Hestenes' rotations; a is lost.
void SingularValues(int64_t m, int64_t n, double* a, double* values, int64_t columns, double* u, double* v);

// The node, and matrices [..., m, n] of at most kMostRows either way; square where the operator asks for it.
Status CheckMatrices(const OpView& op);
Status CheckSquare(const OpView& op);

// [..., rows, columns], [..., rows]: what belongs to each matrix of `in`.
Shape PerMatrix(const Shape& in, std::initializer_list<int32_t> dims);
// The smaller of two dimensions.
int32_t Narrow(int32_t m, int32_t n);

struct MatrixParams {
  int64_t count, m, n;
  bool vectors, full;
};

// Numbers as another type; transposed.
template <class From, class To> void CopyNumbers(const From* from, int64_t n, To* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = static_cast<To>(from[i]);
}
template <class From, class To> void CopyTransposed(const From* from, int64_t rows, int64_t columns, To* to) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) to[j * rows + i] = static_cast<To>(from[i * columns + j]);
}

}  // namespace octet::ops
