// SPDX-License-Identifier: Apache-2.0
// Inverses, determinants and triangles of small matrices.
#include <algorithm>

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

// The x of least |A x - b|^2 + l |x|^2: (A^T A + l I) x = A^T b.
Status ConvertLeastSquares(NodeContext& c) {
  const Value a = c.Input(0), b = c.Input(1);
  if (!a || !b) return {};
  const Partial* l = c.Known(2);
  if (!l || !l->known() || l->v.size() != 1 || c.shape(a).rank() < 2 || c.shape(a).back() > c.shape(a).back(2))
    return c.Fail("at least as many equations as unknowns, and a known regularizer", c.shape(a).text(), "");
  const auto product = [&](Value v) { return c.Make("batch_matmul", {a, v}, {{"adj_x", 1}, {"adj_y", 0}}); };
  OCTET_ASSIGN(Value square, product(a));
  OCTET_ASSIGN(const Value right, product(b));
  OCTET_ASSIGN(Value extra, IdentityLike(c, square));
  OCTET_ASSIGN(extra, c.Make("mul", {extra, c.Scalar(static_cast<float>(l->v[0].f))}));
  OCTET_ASSIGN(square, c.Make("add", {square, extra}));
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, square, right));
  c.SetOutput(0, e.solution);
  return {};
}

// Rows of three numbers beside each other: above the diagonal, on it and below it.
Status ConvertTridiagonalProduct(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(4);
  if (!Ready(in) || in.size() < 4) return {};
  const Value x = in[3];
  const int rank = c.rank(x);
  const int32_t n = rank < 2 ? 0 : c.shape(x).back(2);
  if (n < 1) return c.Fail("a right side of known rows", c.shape(x).text(), "");
  Value sum;
  for (int i = 0; i < 3; ++i) {  // x of the row below, of this row, of the row above; ends count for nothing.
    std::vector<int32_t> at;
    for (int32_t row = 0; row < n; ++row) at.push_back(std::clamp(row + 1 - i, 0, n - 1));
    OCTET_ASSIGN(const Value rows, c.Make("gather", {x, c.Vector(at)}, {{"axis", rank - 2}}));
    OCTET_ASSIGN(Value line, Adjoint(c, in[static_cast<size_t>(i)]));
    if (i != 1) {
      std::vector<float> inside(static_cast<size_t>(n), 1.0f);
      inside[i == 0 ? static_cast<size_t>(n) - 1 : 0] = 0.0f;
      OCTET_ASSIGN(line, c.Make("mul", {line, c.Constant<float>(Shape{n, 1}, inside)}));
    }
    OCTET_ASSIGN(const Value product, c.Make("mul", {line, rows}));
    OCTET_ASSIGN(sum, sum ? c.Make("add", {sum, product}) : Result<Value>(product));
  }
  return Set(c, sum);
}

constexpr NodeRule kRules[] = {{"MatrixInverse", ConvertInverse}, {"MatrixSolve", ConvertSolve}, {"MatrixDeterminant", ConvertDeterminant},
                               {"LogMatrixDeterminant", ConvertDeterminant}, {"Cholesky", ConvertCholesky}, {"MatrixTriangularSolve", ConvertTriangular},
                               {"MatrixSolveLs", ConvertLeastSquares}, {"TridiagonalMatMul", ConvertTridiagonalProduct}};

}  // namespace

const std::span<const NodeRule> kLinalgRules = kRules;

}  // namespace octet::importers::savedmodel
