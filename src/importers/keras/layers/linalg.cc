// SPDX-License-Identifier: Apache-2.0
// keras.ops of linear algebra on small matrices.
#include "importers/keras/context.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/elimination.h"

namespace octet::importers::keras {
namespace {

Status ConvertInverse(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"x", "a"}));
  OCTET_ASSIGN(const Value eye, IdentityLike(c, a));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, eye));
  return Set(c, e.solution);
}

// A vector on the right counts as a matrix of one column.
Status ConvertSolve(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"a", "x"}));
  OCTET_ASSIGN(Value b, Operand(c, 1, {"b"}));
  const bool vector = c.rank(b) == c.rank(a) - 1;
  const int32_t column = c.rank(a) - 1;
  if (vector) {
    OCTET_ASSIGN(b, c.Make("expand_dims", {b, c.Vector({column})}));
  }
  Value y;
  if (c.kind() == "SolveTriangular") {
    OCTET_ASSIGN(y, SolveTriangular(c, a, b, c.Bool("lower", false)));
  } else {
    OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, b));
    y = e.solution;
  }
  if (vector) {
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{column}}}));
  }
  return Set(c, y);
}

// Det; Slogdet: its sign and the logarithm of its size; Logdet: of a positive one.
Status ConvertDeterminant(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, {}));
  if (c.kind() == "Det") return Set(c, e.determinant);
  OCTET_ASSIGN(Value log, c.Make("abs", {e.determinant}));
  OCTET_ASSIGN(log, c.Make("log", {log}));
  if (c.kind() == "Logdet") return Set(c, log);
  c.SetOutput(1, log);
  return Set(c, c.Make("sign", {e.determinant}));
}

Status ConvertCholesky(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const Value lower, Cholesky(c, a));
  return Set(c, c.Bool("upper", false) ? Adjoint(c, lower) : Result<Value>(lower));
}

constexpr LayerRule kRules[] = {{"ops.Inv", ConvertInverse}, {"ops.Solve", ConvertSolve}, {"ops.SolveTriangular", ConvertSolve}, {"ops.Det", ConvertDeterminant},
                                {"ops.Slogdet", ConvertDeterminant}, {"ops.Logdet", ConvertDeterminant}, {"ops.Cholesky", ConvertCholesky}};

}  // namespace

const std::span<const LayerRule> kLinalgRules = kRules;

}  // namespace octet::importers::keras
