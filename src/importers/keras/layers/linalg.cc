// SPDX-License-Identifier: Apache-2.0
// keras.ops of linear algebra on small matrices, and norms.
#include <algorithm>
#include <cmath>
#include <limits>

#include "importers/keras/context.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/elimination.h"
#include "importers/lowerings/tensorflow_op.h"

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

// The inverse of L L^T, or of U^T U.
Status ConvertCholeskyInverse(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"a", "x"}));
  const bool upper = c.Bool("upper", false);
  OCTET_ASSIGN(const Value eye, IdentityLike(c, a));
  OCTET_ASSIGN(const Value inverse, SolveTriangular(c, a, eye, !upper));
  return Set(c, c.Make("batch_matmul", {inverse, inverse}, {{"adj_x", upper ? 0 : 1}, {"adj_y", upper ? 1 : 0}}));
}

// ------------------------------------------------------------------------------ decompositions

struct Singular {
  Value u, s, v;
};
Result<Singular> Decompose(LayerContext& c, Value x, bool vectors, bool full) {
  if (c.rank(x) < 2) return c.Fail("matrices", c.shape(x).text(), "");
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "Svd", {x}, {DType::kF32, DType::kF32, DType::kF32},
                                                            {BoolAttr("compute_uv", vectors), BoolAttr("full_matrices", full), TypeAttr("T", DType::kF32)}));
  return Singular{y[1], y[0], y[2]};
}

Status ConvertSvd(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  const bool vectors = c.Bool("compute_uv", true);
  OCTET_ASSIGN(const Singular d, Decompose(c, x, vectors, c.Bool("full_matrices", true)));
  if (!vectors) return Set(c, d.s);
  c.SetOutput(0, d.u);
  c.SetOutput(1, d.s);
  OCTET_ASSIGN(const Value v, Adjoint(c, d.v));
  c.SetOutput(2, v);
  return {};
}

Status ConvertQr(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "Qr", {x}, {DType::kF32, DType::kF32},
                                                            {BoolAttr("full_matrices", c.Text("mode", "reduced") == "complete"), TypeAttr("T", DType::kF32)}));
  c.SetOutput(0, y[0]);
  c.SetOutput(1, y[1]);
  return {};
}

Status ConvertEigh(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "SelfAdjointEigV2", {x}, {DType::kF32, DType::kF32},
                                                            {BoolAttr("compute_v", true), TypeAttr("T", DType::kF32)}));
  c.SetOutput(0, y[0]);
  c.SetOutput(1, y[1]);
  return {};
}

// Singular values that count: above (or at) `share` of the largest.
Result<Value> Counting(LayerContext& c, Value s, double share, bool inclusive) {
  OCTET_ASSIGN(const Value most, c.Make("reduce_max", {s, c.Vector({-1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value least, c.Make("mul", {most, c.Scalar(static_cast<float>(share))}));
  return c.Make(inclusive ? "greater_equal" : "greater", {s, least});
}

// Of rounding errors, for matrices of known size.
Result<double> Precision(LayerContext& c, Value a) {
  const Shape& s = c.shape(a);
  if (s.rank() < 2 || s.back() == kUnknown || s.back(2) == kUnknown) return c.Fail("matrices of known size", s.text(), "give the input's shape");
  return std::max(s.back(), s.back(2)) * static_cast<double>(std::numeric_limits<float>::epsilon());
}

// v diag(1/s) u^T, without the values that count as zero.
Result<Value> PseudoInverse(LayerContext& c, Value a, double share, bool inclusive) {
  OCTET_ASSIGN(const Singular d, Decompose(c, a, true, false));
  OCTET_ASSIGN(const Value counts, Counting(c, d.s, share, inclusive));
  OCTET_ASSIGN(const Value ones, c.Make("equal", {d.s, d.s}));
  OCTET_ASSIGN(const Value one, c.Cast(ones, DType::kF32));
  OCTET_ASSIGN(const Value divisor, c.Make("select_v2", {counts, d.s, one}));
  OCTET_ASSIGN(const Value inverse, c.Make("div", {one, divisor}));
  OCTET_ASSIGN(const Value zero, c.Make("sub", {one, one}));
  OCTET_ASSIGN(Value scale, c.Make("select_v2", {counts, inverse, zero}));
  OCTET_ASSIGN(scale, c.Make("expand_dims", {scale, Int(c, -2)}));
  OCTET_ASSIGN(const Value v, c.Make("mul", {d.v, scale}));
  return c.Make("batch_matmul", {v, d.u}, {{"adj_y", 1}});
}

Status ConvertPinv(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const double precision, Precision(c, a));
  return Set(c, PseudoInverse(c, a, c.Number("rcond", 10 * precision), false));
}

Status ConvertLstsq(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"a"}));
  OCTET_ASSIGN(Value b, Operand(c, 1, {"b"}));
  OCTET_ASSIGN(const double precision, Precision(c, a));
  const double rcond = c.Number("rcond", precision);
  OCTET_ASSIGN(const Value inverse, PseudoInverse(c, a, rcond < 0 ? static_cast<double>(std::numeric_limits<float>::epsilon()) : rcond, true));
  if (c.rank(b) != 1) return Set(c, c.Make("batch_matmul", {inverse, b}));
  OCTET_ASSIGN(b, c.Make("expand_dims", {b, Int(c, 1)}));
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {inverse, b}));
  return Set(c, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{1}}}));
}

Status ConvertRank(LayerContext& c) {
  OCTET_ASSIGN(const Value a, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(const Singular d, Decompose(c, a, false, false));
  OCTET_ASSIGN(const double precision, Precision(c, a));
  OCTET_ASSIGN(const Value counts, c.Has("tol") ? c.Make("greater", {d.s, c.Scalar(static_cast<float>(c.Number("tol", 0)))})
               : Counting(c, d.s, precision, false));
  OCTET_ASSIGN(const Value ones, c.Cast(counts, DType::kI32));
  return Set(c, c.Make("sum", {ones, c.Vector({-1})}));
}

// --------------------------------------------------------------------------------------- norms

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// (sum of |x|^p)^(1/p); of p = inf the largest, -inf the smallest, 0 the number of those that are not zero.
Result<Value> VectorNorm(LayerContext& c, Value x, double p, std::span<const int32_t> axes, int64_t keep) {
  if (p == 2) {
    OCTET_ASSIGN(Value y, c.Make("mul", {x, x}));
    OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", keep}}));
    return c.Make("sqrt", {y});
  }
  if (p == 0) {
    OCTET_ASSIGN(Value y, c.Make("not_equal", {x, c.Scalar(0)}));
    OCTET_ASSIGN(y, c.Cast(y, DType::kF32));
    return c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", keep}});
  }
  OCTET_ASSIGN(Value y, c.Make("abs", {x}));
  if (std::isinf(p)) return c.Make(p > 0 ? "reduce_max" : "reduce_min", {y, c.Vector(axes)}, {{"keep_dims", keep}});
  if (p == 1) return c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", keep}});
  OCTET_ASSIGN(y, c.Make("pow", {y, c.Scalar(static_cast<float>(p))}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", keep}}));
  return c.Make("pow", {y, c.Scalar(static_cast<float>(1 / p))});
}

// The largest (or smallest) of the singular values, or their sum ("nuc": p is NaN).
Result<Value> SpectralNorm(LayerContext& c, Value x, double p, int32_t row, int32_t column, int64_t keep) {
  std::vector<int32_t> order;
  for (int32_t i = 0; i < c.rank(x); ++i)
    if (i != row && i != column) order.push_back(i);
  order.push_back(row), order.push_back(column);
  OCTET_ASSIGN(const Value last, c.Make("transpose", {x, c.Vector(order)}));
  OCTET_ASSIGN(const Singular d, Decompose(c, last, false, false));
  OCTET_ASSIGN(Value y, c.Make(std::isnan(p) ? "sum" : p > 0 ? "reduce_max" : "reduce_min", {d.s, c.Vector({-1})}));
  for (const int32_t axis : {std::min(row, column), std::max(row, column)}) {
    if (!keep) break;
    OCTET_ASSIGN(y, c.Make("expand_dims", {y, Int(c, axis)}));
  }
  return y;
}

// Sums of sizes along one axis, of which the other has the largest or the smallest.
Result<Value> MatrixNorm(LayerContext& c, Value x, double p, int32_t row, int32_t column, int64_t keep) {
  for (int32_t* axis : {&row, &column}) *axis += *axis < 0 ? c.rank(x) : 0;
  if (std::isnan(p) || std::fabs(p) == 2) return SpectralNorm(c, x, p, row, column, keep);
  if (std::fabs(p) != 1 && !std::isinf(p)) return c.Fail("a matrix's ord fro, nuc, 1, 2, inf or one of these negative", std::to_string(p), "");
  int32_t sums = std::isinf(p) ? column : row, most = std::isinf(p) ? row : column;
  if (!keep && most > sums) --most;
  OCTET_ASSIGN(const Value y, VectorNorm(c, x, 1, std::span(&sums, 1), keep));
  return c.Make(p > 0 ? "reduce_max" : "reduce_min", {y, c.Vector({most})}, {{"keep_dims", keep}});
}

Status ConvertNorm(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  std::vector<int64_t> given;
  std::vector<int32_t> axes;
  if (IntsOf(LiteralOf(c, 1, {"axis"}), &given)) axes.assign(given.begin(), given.end());
  else
    for (int32_t i = 0; i < c.rank(x); ++i) axes.push_back(i);
  const Json& ord = c.Get("ord");
  const std::string_view name = ord.text();
  const bool negative = name.starts_with('-');
  double p = 2;
  if (ord.is_number()) p = ord.number();
  else if (name.ends_with("inf") || name.ends_with("Infinity")) p = negative ? -kInfinity : kInfinity;
  else if (name == "nuc") p = std::nan("");
  const int64_t keep = c.Get("keepdims").boolean();
  if (axes.size() == 2 && !ord.is_null() && name != "fro") return Set(c, MatrixNorm(c, x, p, axes[0], axes[1], keep));
  return Set(c, VectorNorm(c, x, p, axes, keep));
}

// x / max(norm(x), epsilon)
Status ConvertNormalize(LayerContext& c) {
  OCTET_ASSIGN(Value x, Operand(c, 0, {"x"}));
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  constexpr double kEpsilon = 1e-7;  // keras.backend.epsilon()
  const auto epsilon = static_cast<float>(c.Number("epsilon", kEpsilon));
  std::vector<int64_t> given;
  if (!IntsOf(LiteralOf(c, 1, {"axis"}), &given)) given = {-1};
  const std::vector<int32_t> axes(given.begin(), given.end());
  const int64_t order = c.Int("order", 2);
  if (order != 2) {
    OCTET_ASSIGN(Value norm, axes.size() == 2 ? MatrixNorm(c, x, static_cast<double>(order), axes[0], axes[1], 1)
                 : VectorNorm(c, x, static_cast<double>(order), axes, 1));
    OCTET_ASSIGN(norm, c.Make("maximum", {norm, c.Scalar(epsilon)}));
    return Set(c, c.Make("div", {x, norm}));
  }
  OCTET_ASSIGN(Value y, c.Make("mul", {x, x}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(epsilon * epsilon)}));
  OCTET_ASSIGN(y, c.Make("rsqrt", {y}));
  return Set(c, c.Make("mul", {x, y}));
}

// Distances between all rows of one and of the other.
Status ConvertDistances(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Fractions(c));
  OCTET_ASSIGN(const Value x, c.Make("expand_dims", {p.a, c.Vector({-2})}));
  OCTET_ASSIGN(Value y, c.Make("expand_dims", {p.b, c.Vector({-3})}));
  OCTET_ASSIGN(y, c.Make("squared_difference", {x, y}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({c.rank(y) - 1})}, {{"keep_dims", 0}}));
  return Set(c, c.Make("sqrt", {y}));
}

constexpr LayerRule kRules[] = {
    {"ops.Inv", ConvertInverse}, {"tf.linalg.inv", ConvertInverse}, {"ops.Solve", ConvertSolve}, {"ops.SolveTriangular", ConvertSolve},
    {"ops.Det", ConvertDeterminant},
    {"ops.Slogdet", ConvertDeterminant}, {"ops.Logdet", ConvertDeterminant}, {"ops.Cholesky", ConvertCholesky},
    {"tf.linalg.cholesky", ConvertCholesky}, {"ops.CholeskyInverse", ConvertCholeskyInverse},
    {"ops.SVD", ConvertSvd}, {"ops.Qr", ConvertQr}, {"ops.Eigh", ConvertEigh}, {"ops.Pinv", ConvertPinv}, {"ops.Lstsq", ConvertLstsq},
    {"ops.MatrixRank", ConvertRank}, {"ops.Norm", ConvertNorm}, {"ops.Normalize", ConvertNormalize}, {"ops.CDist", ConvertDistances}};

}  // namespace

const std::span<const LayerRule> kLinalgRules = kRules;

}  // namespace octet::importers::keras
