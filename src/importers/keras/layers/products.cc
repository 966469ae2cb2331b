// SPDX-License-Identifier: Apache-2.0
// Products of vectors and matrices: keras.ops, TensorFlow functions, the layer Dot.
#include <algorithm>

#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/einsum.h"
#include "importers/lowerings/integers.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

Status ConvertMatmul(LayerContext& c) {
  OCTET_ASSIGN(Factors p, ProductOperands(c));
  bool bytes = c.num_inputs() > 0 && c.rank(p.a) > 1 && c.rank(p.b) > 1;
  for (int i = 0; i < c.num_inputs(); ++i) bytes &= c.type(c.Input(i)).dtype == DType::kI8;
  if (bytes) p.result = DType::kI32;  // Only of such matrices.
  if (c.rank(p.a) >= 2 && c.rank(p.b) == 1) {  // With a vector: one column, dropped again.
    const int32_t last = c.rank(p.a) - 1;
    OCTET_ASSIGN(p.b, c.Make("expand_dims", {p.b, c.Vector({1})}));
    OCTET_ASSIGN(Value y, c.Make("batch_matmul", {p.a, p.b}));
    OCTET_ASSIGN(y, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{last}}}));
    return Set(c, Narrowed(c, y, p.result));
  }
  if (c.rank(p.a) < 2 || c.rank(p.b) < 2) return c.Fail("matrices", c.shape(p.a).text() + " and " + c.shape(p.b).text(), "reshape the operands");
  const bool adj_x = c.Get("transpose_a").boolean() || c.Get("adjoint_a").boolean(), adj_y = c.Get("transpose_b").boolean() || c.Get("adjoint_b").boolean();
  OCTET_ASSIGN(const Value y, c.Make("batch_matmul", {p.a, p.b}, {{"adj_x", adj_x}, {"adj_y", adj_y}}));
  return Set(c, Narrowed(c, y, p.result));
}

Status ConvertEinsum(LayerContext& c) {
  std::vector<Value> operands;
  DType result = DType::kBool;
  bool bytes = true;
  for (int i = 0; c.Positional(static_cast<size_t>(i)); ++i) {
    OCTET_ASSIGN(const Value operand, Operand(c, i, {}));
    const DType own = c.type(operand).dtype;
    result = CommonType(result, own);
    bytes &= own == DType::kI8;
    OCTET_ASSIGN(operands.emplace_back(), c.Cast(operand, DType::kF32));
  }
  OCTET_ASSIGN(const Value y, Einsum(c, c.Text("subscripts", ""), operands));
  return Set(c, Narrowed(c, y, bytes ? DType::kI32 : result));
}

Status SetProduct(LayerContext& c, const Factors& p, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  return Set(c, Narrowed(c, *y, p.result));
}

// Sums over pairs of axes, as an einsum whose letters are the axes, paired ones alike.
Result<Value> Contracted(LayerContext& c, const Factors& p, const std::vector<int64_t>& left, const std::vector<int64_t>& right) {
  std::string first, second, out;
  const int a = c.rank(p.a), b = c.rank(p.b);
  for (int i = 0; i < a; ++i) first += static_cast<char>('a' + i);
  for (int i = 0; i < b; ++i) second += static_cast<char>('A' + i);
  for (size_t i = 0; i < left.size(); ++i) {
    int from = 0, to = 0;
    if (!ops::NormalizeAxis(left[i], a, &from) || !ops::NormalizeAxis(right[i], b, &to)) return c.Fail("axes inside the ranks", std::to_string(left[i]), "");
    second[static_cast<size_t>(to)] = first[static_cast<size_t>(from)];
  }
  for (const char letter : first)
    if (second.find(letter) == std::string::npos) out += letter;
  for (const char letter : second)
    if (first.find(letter) == std::string::npos) out += letter;
  const Value operands[] = {p.a, p.b};
  return Einsum(c, first + "," + second + "->" + out, operands);
}

// Sum over the last axis of both.
Status ConvertInner(LayerContext& c) {
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  if (c.rank(p.a) == 0 || c.rank(p.b) == 0) return SetProduct(c, p, c.Make("mul", {p.a, p.b}));
  return SetProduct(c, p, Contracted(c, p, {c.rank(p.a) - 1}, {c.rank(p.b) - 1}));
}

// Sum over the last axis of the first and the last but one of the second.
Status ConvertDot(LayerContext& c) {
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  const int a = c.rank(p.a), b = c.rank(p.b);
  if (a == 0 || b == 0) return SetProduct(c, p, c.Make("mul", {p.a, p.b}));
  return SetProduct(c, p, Contracted(c, p, {a - 1}, {b == 1 ? 0 : b - 2}));
}

Status ConvertOuter(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  OCTET_ASSIGN(const Value a, c.Make("reshape", {p.a, c.Vector({-1, 1})}));
  OCTET_ASSIGN(const Value b, c.Make("reshape", {p.b, c.Vector({1, -1})}));
  return Set(c, c.Make("mul", {a, b}));
}

// Sums over pairs of axes: those of a list for each side, or the last `axes` of the first with the first of the second.
Status ConvertTensordot(LayerContext& c) {
  const Json& literal = LiteralOf(c, 2, {"axes"});
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  const int a = c.rank(p.a);
  std::vector<int64_t> left, right;
  if (literal.is_number() || literal.is_null()) {
    const int64_t count = literal.is_number() ? literal.integer() : 2;
    for (int64_t i = 0; i < std::clamp<int64_t>(count, 0, kMaxRank); ++i) left.push_back(a - count + i), right.push_back(i);
  } else if (literal.size() != 2 || !IntsOf(literal[size_t{0}], &left) || !IntsOf(literal[1], &right) || left.size() != right.size()) {
    return c.Fail("a number of axes, or a list of axes for each side", "others", "use einsum");
  }
  return SetProduct(c, p, Contracted(c, p, left, right));
}

Status ConvertVdot(LayerContext& c) {
  OCTET_ASSIGN(const Factors p, ProductOperands(c));
  OCTET_ASSIGN(const Value a, c.Make("reshape", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(const Value b, c.Make("reshape", {p.b, c.Vector({-1})}));
  OCTET_ASSIGN(Value y, c.Make("mul", {a, b}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({0})}, {{"keep_dims", 0}}));
  return Set(c, Narrowed(c, y, p.result));
}

// Vectors of three along the last axis; of two: the third number of their product.
Status ConvertCross(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  const int32_t last = c.rank(p.a) - 1;
  if (last >= 0 && c.rank(p.b) > 0 && c.shape(p.a).back() == 2 && c.shape(p.b).back() == 2) {
    const Value other = c.Vector({1, 0});
    OCTET_ASSIGN(Value y, c.Make("gather", {p.b, other}, {{"axis", c.rank(p.b) - 1}}));
    OCTET_ASSIGN(y, c.Make("mul", {p.a, y}));  // a0 b1, a1 b0
    OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split", {Int(c, c.rank(y) - 1), y}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(y, c.Make("sub", {parts[0], parts[1]}));
    return Set(c, c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{c.rank(y) - 1}}}));
  }
  if (last < 0 || c.rank(p.b) == 0 || c.shape(p.a).back() != 3 || c.shape(p.b).back() != 3)
    return c.Fail("vectors of three numbers along the last axis", c.shape(p.a).text(), "");
  const auto turned = [&](Value v, std::initializer_list<int32_t> order) { return c.Make("gather", {v, c.Vector(order)}, {{"axis", last}}); };
  OCTET_ASSIGN(const Value a1, turned(p.a, {1, 2, 0}));
  OCTET_ASSIGN(const Value b2, turned(p.b, {2, 0, 1}));
  OCTET_ASSIGN(const Value a2, turned(p.a, {2, 0, 1}));
  OCTET_ASSIGN(const Value b1, turned(p.b, {1, 2, 0}));
  OCTET_ASSIGN(const Value x, c.Make("mul", {a1, b2}));
  OCTET_ASSIGN(const Value y, c.Make("mul", {a2, b1}));
  return Set(c, c.Make("sub", {x, y}));
}

// Sums of one vector's numbers times the other's, for each shift of it: a convolution whose filter is data.
Status ConvertCorrelate(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, FloatOperands(c));
  const Shape a = c.shape(p.a), b = c.shape(p.b);
  if (a.rank() != 1 || b.rank() != 1 || a[0] < 1 || b[0] < 1)
    return c.Fail("two vectors of known size", a.text() + " and " + b.text(), "give the inputs' shapes");
  const std::string mode = c.Text("mode", "valid");
  const int32_t n = a[0], m = b[0], around = mode == "valid" ? 0 : m - 1;
  if (mode != "valid" && mode != "same" && mode != "full") return c.Fail("mode valid, same or full", mode, "");
  if (n + 2 * around < m) return c.Fail("a second vector that is not longer", a.text() + " and " + b.text(), "exchange them, or take mode='full'");
  OCTET_ASSIGN(Value x, c.Make("reshape", {p.a, c.Vector({1, 1, n, 1})}));
  OCTET_ASSIGN(const Value filter, c.Make("reshape", {p.b, c.Vector({1, 1, m, 1})}));
  const int32_t pads[] = {0, 0, 0, 0, around, around, 0, 0};
  const float zero[] = {0};
  OCTET_ASSIGN(x, around > 0 ? c.Make("pad", {x, c.Constant<int32_t>(Shape{4, 2}, pads)}) : Result<Value>(x));
  OCTET_ASSIGN(Value y, c.Make("conv_2d", {x, filter, c.Constant<float>(Shape{1}, zero)},
                               {{"padding", static_cast<int64_t>(ops::Padding::kValid)}, {"stride_h", 1}, {"stride_w", 1}}));
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({-1})}));
  if (mode != "same") return Set(c, y);
  const int32_t size = std::max(n, m), first = (n + m - 1 - size) / 2;
  return Set(c, c.Make("slice", {y, c.Vector({first}), c.Vector({size})}));
}

// Each number of the first times the whole second: [a, 1, b, 1, …] * [1, c, 1, d, …] -> [a c, b d, …].
Status ConvertKron(LayerContext& c) {
  OCTET_ASSIGN(Pair p, Operands(c, Literals::kOwn));
  const int rank = std::max(c.rank(p.a), c.rank(p.b));
  if (!c.shape(p.a).known() || !c.shape(p.b).known() || rank < 1 || rank > 3)
    return c.Fail("1 to 3 axes of known size", c.shape(p.a).text(), "give the inputs' shapes");
  std::vector<int32_t> outer, inner, dims;
  for (int i = 0; i < rank; ++i) {
    const auto size = [&](Value v) { return i < rank - c.rank(v) ? 1 : c.shape(v).back(rank - i); };
    outer.insert(outer.end(), {size(p.a), 1});
    inner.insert(inner.end(), {1, size(p.b)});
    dims.push_back(size(p.a) * size(p.b));
  }
  OCTET_ASSIGN(p.a, c.Make("reshape", {p.a, c.Vector(outer)}));
  OCTET_ASSIGN(p.b, c.Make("reshape", {p.b, c.Vector(inner)}));
  const Value factors[] = {p.a, p.b};
  OCTET_ASSIGN(const Value y, Elementwise(c, "mul", factors));
  return Set(c, c.Make("reshape", {y, c.Vector(dims)}));
}

// -------------------------------------------------------------------------------------- the layer

// v / |v| along `axis`.
Result<Value> Normalized(LayerContext& c, Value v, int axis) {
  if (axis == c.rank(v) - 1) return c.Make("l2_normalization", {v});
  OCTET_ASSIGN(Value norm, c.Make("mul", {v, v}));
  OCTET_ASSIGN(norm, c.Make("sum", {norm, c.Vector({axis})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(norm, c.Make("maximum", {norm, c.Scalar(1e-12f)}));  // Keras' epsilon.
  OCTET_ASSIGN(norm, c.Make("rsqrt", {norm}));
  return c.Make("mul", {v, norm});
}

// Keras' Dot: both inputs contract one axis each; the batch runs along. Two vectors keep one axis of 1.
Status ConvertDotLayer(LayerContext& c) {
  if (c.num_inputs() != 2) return c.Fail("two inputs", std::to_string(c.num_inputs()), "connect two layers");
  Value side[2] = {c.Input(0), c.Input(1)};
  std::vector<int64_t> axes = c.Ints("axes", {-1});
  if (axes.size() == 1) axes.push_back(axes[0]);
  std::string labels[2], result = "b";
  char next = 'd';
  for (int i = 0; i < 2; ++i) {
    const auto at = static_cast<size_t>(i);
    const int rank = c.rank(side[i]);
    int axis = 0;
    if (axes.size() != 2 || rank < 2 || rank > 8 || !ops::NormalizeAxis(axes[at], rank, &axis) || axis == 0)
      return c.Fail("axes of both inputs that are not the batch", c.shape(side[i]).text(), "permute the inputs");
    if (c.Bool("normalize", false)) {
      OCTET_ASSIGN(side[i], Normalized(c, side[i], axis));
    }
    labels[i] = "b";
    for (int k = 1; k < rank; ++k) labels[i] += k == axis ? 'c' : next++;
    for (const char l : labels[i])
      if (l != 'b' && l != 'c') result += l;
  }
  OCTET_ASSIGN(Value y, Einsum(c, labels[0] + "," + labels[1] + "->" + result, side));
  if (result == "b") {
    OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector({c.shape(y)[0], 1})}));
  }
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {
    {"Dot", ConvertDotLayer}, {"ops.Matmul", ConvertMatmul}, {"tf.linalg.matmul", ConvertMatmul}, {"ops.Einsum", ConvertEinsum}, {"ops.Inner", ConvertInner},
    {"ops.Dot", ConvertDot}, {"ops.Outer", ConvertOuter}, {"ops.Tensordot", ConvertTensordot}, {"tf.tensordot", ConvertTensordot},
    {"ops.Vdot", ConvertVdot}, {"ops.Cross", ConvertCross}, {"tf.linalg.cross", ConvertCross},
    {"ops.Correlate", ConvertCorrelate},
    {"ops.Kron", ConvertKron}};

}  // namespace

const std::span<const LayerRule> kProductRules = kRules;

}  // namespace octet::importers::keras
