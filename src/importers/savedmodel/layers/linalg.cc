// SPDX-License-Identifier: Apache-2.0
// Inverses, determinants and triangles of small matrices.
#include "importers/lowerings/elimination.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// What the op is about: the matrix, transposed where `adjoint` says so.
Result<Value> Matrix(NodeContext& c) {
  const Value a = c.Input(0);
  return a && c.Bool("adjoint", false) ? Adjoint(c, a) : Result<Value>(a);
}

Status ConvertInverse(NodeContext& c) {
  OCTET_ASSIGN(const Value a, Matrix(c));
  if (!a) return {};
  OCTET_ASSIGN(const Value eye, IdentityLike(c, a));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, eye));
  c.SetOutput(0, e.solution);
  return {};
}

Status ConvertSolve(NodeContext& c) {
  OCTET_ASSIGN(const Value a, Matrix(c));
  const Value b = c.Input(1);
  if (!a || !b) return {};
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, b));
  c.SetOutput(0, e.solution);
  return {};
}

Status ConvertDeterminant(NodeContext& c) {
  const Value a = c.Input(0);
  if (!a) return {};
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, a, {}));
  if (c.kind() == "MatrixDeterminant") return c.SetOutput(0, e.determinant), Status();
  OCTET_ASSIGN(const Value sign, c.Make("sign", {e.determinant}));
  OCTET_ASSIGN(Value log, c.Make("abs", {e.determinant}));
  OCTET_ASSIGN(log, c.Make("log", {log}));
  c.SetOutput(0, sign);
  c.SetOutput(1, log);
  return {};
}

Status ConvertCholesky(NodeContext& c) {
  const Value a = c.Input(0);
  return a ? Set(c, Cholesky(c, a)) : Status();
}

Status ConvertTriangular(NodeContext& c) {
  OCTET_ASSIGN(const Value a, Matrix(c));
  const Value b = c.Input(1);
  if (!a || !b) return {};
  return Set(c, SolveTriangular(c, a, b, c.Bool("lower", true) != c.Bool("adjoint", false)));
}

constexpr NodeRule kRules[] = {{"MatrixInverse", ConvertInverse}, {"MatrixSolve", ConvertSolve}, {"MatrixDeterminant", ConvertDeterminant},
                               {"LogMatrixDeterminant", ConvertDeterminant}, {"Cholesky", ConvertCholesky}, {"MatrixTriangularSolve", ConvertTriangular}};

}  // namespace

const std::span<const NodeRule> kLinalgRules = kRules;

}  // namespace octet::importers::savedmodel
