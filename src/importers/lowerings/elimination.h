// SPDX-License-Identifier: Apache-2.0
// Linear algebra on small square matrices [..., n, n] of known size, written out step by step.
#pragma once
#include "importers/lowering.h"

namespace octet::importers {

struct Eliminated {
  Value solution;     // X with a X = b; empty where no b was given.
  Value determinant;  // [...]
};
// Gauss-Jordan with row exchanges.
Result<Eliminated> Eliminate(Lowering& c, Value a, Value b);

// I, of a's shape.
Result<Value> IdentityLike(Lowering& c, Value a);

// The lower triangle L with L L^T = a.
Result<Value> Cholesky(Lowering& c, Value a);

// X with T X = b, T the lower (or upper) triangle of a.
Result<Value> SolveTriangular(Lowering& c, Value a, Value b, bool lower);

// The last two axes exchanged.
Result<Value> Adjoint(Lowering& c, Value a);

}  // namespace octet::importers
