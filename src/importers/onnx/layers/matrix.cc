// SPDX-License-Identifier: Apache-2.0
// Matrix products. Constant right sides become fully_connected, [out, in]; others batch_matmul.
#include <algorithm>
#include <map>

#include "importers/lowerings/activation.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/layers/matrix.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

Status Set(NodeContext& c, Result<Value> y) {
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

Value Zeros(NodeContext& c, int32_t n) {
  const std::vector<float> zeros(static_cast<size_t>(n), 0.0f);
  return c.Constant<float>(Shape{n}, zeros);
}

// x [..., K] times weights [N, K].
Result<Value> Dense(NodeContext& c, Value x, Value weights, Value bias) {
  const int32_t n = c.shape(weights)[0];
  return c.Make("fully_connected", {x, weights, bias ? bias : Zeros(c, n)}, {{"keep_num_dims", c.rank(x) > 2}});
}

// Numbers of other types are multiplied as floats or int32.
Result<Value> Product(NodeContext& c, Value a, Value b, bool adj_x, bool adj_y) {
  const DType t = c.type(a).dtype;
  if (t == DType::kF32) return c.Make("batch_matmul", {a, b}, {{"adj_x", adj_x}, {"adj_y", adj_y}});
  OCTET_ASSIGN(const Value x, c.Cast(a, DType::kF32));
  OCTET_ASSIGN(const Value y, c.Cast(b, DType::kF32));
  OCTET_ASSIGN(const Value z, c.Make("batch_matmul", {x, y}, {{"adj_x", adj_x}, {"adj_y", adj_y}}));
  return c.Cast(z, t);
}

}  // namespace

Result<Value> MatMul(NodeContext& c, Value a, Value b) {
  const int ra = c.rank(a), rb = c.rank(b);
  if (ra < 1 || rb < 1) return c.Fail("vectors or matrices", "a scalar", "multiply instead");
  const bool from_constant = c.is_constant(b) || !c.type(b).quant.empty();
  if (rb == 2 && ra >= 2 && from_constant && c.type(a).dtype == DType::kF32) {
    OCTET_ASSIGN(const Value weights, PermuteWeights(c, b, std::array<int32_t, 2>{1, 0}));
    return Dense(c, a, weights, {});
  }
  if (rb == 1) {  // A column: the last dimension goes.
    OCTET_ASSIGN(const Value column, c.Reshape(b, Shape{c.shape(b)[0], 1}));
    OCTET_ASSIGN(Value x, ra == 1 ? c.Reshape(a, Shape{1, c.shape(a)[0]}) : Result<Value>(a));
    OCTET_ASSIGN(const Value y, MatMul(c, x, column));
    Shape s;
    for (int i = 0; i + 1 < c.rank(y) && ra > 1; ++i) s.push_back(c.shape(y)[i]);
    return c.Reshape(y, s);
  }
  if (ra == 1) {
    OCTET_ASSIGN(const Value row, c.Reshape(a, Shape{1, c.shape(a)[0]}));
    OCTET_ASSIGN(const Value y, MatMul(c, row, b));
    Shape s;
    for (int i = 0; i < c.rank(y); ++i)
      if (i != c.rank(y) - 2) s.push_back(c.shape(y)[i]);
    return c.Reshape(y, s);
  }
  return Product(c, a, b, false, false);
}

namespace {

Status ConvertMatMul(NodeContext& c) { return Set(c, MatMul(c, c.Input(0), c.Input(1))); }

// alpha * A' * B' + beta * C
Status ConvertGemm(NodeContext& c) {
  Value a = c.Input(0), b = c.Input(1), bias = c.Input(2);
  const auto alpha = static_cast<float>(c.Number("alpha", 1.0)), beta = static_cast<float>(c.Number("beta", 1.0));
  if (c.rank(a) != 2 || c.rank(b) != 2) return c.Fail("matrices", c.shape(a).text() + " and " + c.shape(b).text(), "check the model");
  if (c.Bool("transA", false)) {
    OCTET_ASSIGN(a, c.Transpose(a, {1, 0}));
  }
  if (!c.Bool("transB", false)) {
    OCTET_ASSIGN(b, PermuteWeights(c, b, std::array<int32_t, 2>{1, 0}));
  }
  if (bias && beta != 1.0f) {
    OCTET_ASSIGN(bias, Times(c, bias, beta));
  }
  const int32_t n = c.shape(b)[0];
  const bool folds = alpha == 1.0f || c.is_constant(b);
  if (alpha != 1.0f && c.is_constant(b)) {
    OCTET_ASSIGN(b, Times(c, b, alpha));
  }
  const bool vector = bias && n != kUnknown && c.shape(bias).known() && c.shape(bias).elements() == n && c.shape(bias).back() == n;
  const bool fits = n != kUnknown && c.type(a).dtype == DType::kF32;
  if (!fits) {
    OCTET_ASSIGN(Value y, Product(c, a, b, false, true));
    if (!folds) {
      OCTET_ASSIGN(y, Times(c, y, alpha));
    }
    return Set(c, bias ? c.Emit("add", {y, bias}) : Result<Value>(y));
  }
  Value row;
  if (folds && vector) {
    OCTET_ASSIGN(row, c.Reshape(bias, Shape{n}));
  }
  OCTET_ASSIGN(Value y, Dense(c, a, b, row));
  if (!folds) {
    OCTET_ASSIGN(y, Times(c, y, alpha));
  }
  if (bias && !row) {
    OCTET_ASSIGN(y, c.Emit("add", {y, bias}));
  }
  c.SetOutput(0, y);
  return {};
}

std::vector<int32_t> SwapLast(int rank) {
  std::vector<int32_t> order;
  for (int i = 0; i < rank; ++i) order.push_back(i);
  if (rank > 1) std::swap(order[static_cast<size_t>(rank - 1)], order[static_cast<size_t>(rank - 2)]);
  return order;
}

// alpha * A' * B' with A or B transposed in their last two dimensions.
Status ConvertFusedMatMul(NodeContext& c) {
  Value a = c.Input(0), b = c.Input(1);
  if (c.Bool("transBatchA", false) || c.Bool("transBatchB", false)) return c.Fail("no transBatchA or transBatchB", "one", "");
  if (c.Bool("transA", false)) {
    OCTET_ASSIGN(a, c.Transpose(a, SwapLast(c.rank(a))));
  }
  if (c.Bool("transB", false)) {
    OCTET_ASSIGN(b, c.Transpose(b, SwapLast(c.rank(b))));
  }
  OCTET_ASSIGN(const Value y, MatMul(c, a, b));
  return Set(c, Times(c, y, static_cast<float>(c.Number("alpha", 1.0))));
}

// ----------------------------------------------------------------------------------- einsum

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
};

// Letters per operand; "..." becomes capital letters of the broadcast dimensions. False: not understood.
bool ParseEquation(std::string text, std::span<const int> ranks, Equation* e) {
  std::erase(text, ' ');
  const size_t arrow = text.find("->");
  std::string left = text.substr(0, arrow);
  const bool has_output = arrow != std::string::npos;
  e->output = has_output ? text.substr(arrow + 2) : "";
  for (size_t at = 0; at <= left.size();) {
    const size_t comma = std::min(left.find(',', at), left.size());
    e->inputs.push_back(left.substr(at, comma - at));
    at = comma + 1;
  }
  if (e->inputs.size() != ranks.size()) return false;
  std::string dots;  // The most dimensions that "..." stands for.
  for (size_t i = 0; i < ranks.size(); ++i) {
    std::string& s = e->inputs[i];
    const size_t at = s.find("...");
    if (at == std::string::npos) continue;
    const int count = ranks[i] - static_cast<int>(s.size()) + 3;
    if (count < 0 || count > kMaxRank) return false;
    std::string letters;
    for (int k = 0; k < count; ++k) letters += static_cast<char>('\x80' + kMaxRank - count + k);
    s.replace(at, 3, letters);
    if (letters.size() > dots.size()) dots = letters;
  }
  if (!has_output) {  // The letters that occur once, sorted.
    std::map<char, int> seen;
    for (const std::string& s : e->inputs)
      for (const char ch : s) ++seen[ch];
    for (const auto& [ch, n] : seen)
      if (n == 1 && dots.find(ch) == std::string::npos) e->output += ch;
    e->output = dots + e->output;
  } else if (const size_t at = e->output.find("..."); at != std::string::npos) {
    e->output.replace(at, 3, dots);
  }
  for (size_t i = 0; i < ranks.size(); ++i)
    if (static_cast<int>(e->inputs[i].size()) != ranks[i]) return false;
  return true;
}

bool Holds(const std::string& s, char ch) { return s.find(ch) != std::string::npos; }

// Sums over the letters that are in neither `keep`; the diagonal where one occurs twice.
Result<Value> Reduced(NodeContext& c, Value v, std::string* letters, const std::string& keep) {
  for (size_t i = 0; i < letters->size(); ++i) {
    const size_t j = letters->find((*letters)[i], i + 1);
    if (j == std::string::npos) continue;
    const Shape s = c.shape(v);
    const int32_t n = s[static_cast<int>(i)];
    if (n == kUnknown || n != s[static_cast<int>(j)] || n > 4096) return c.Fail("a diagonal of known size", s.text(), "");
    Shape eye;
    for (size_t k = 0; k < letters->size(); ++k) eye.push_back(k == i || k == j ? n : 1);
    std::vector<float> ones(static_cast<size_t>(n) * static_cast<size_t>(n), 0.0f);
    for (int32_t k = 0; k < n; ++k) ones[static_cast<size_t>(k) * static_cast<size_t>(n) + static_cast<size_t>(k)] = 1.0f;
    OCTET_ASSIGN(v, c.Emit("mul", {v, c.Constant<float>(eye, ones)}));
    OCTET_ASSIGN(v, c.Make("sum", {v, c.Vector({static_cast<int32_t>(j)})}));
    letters->erase(j, 1);
    return Reduced(c, v, letters, keep);
  }
  std::vector<int32_t> axes;
  std::string rest;
  for (size_t i = 0; i < letters->size(); ++i) {
    if (Holds(keep, (*letters)[i])) rest += (*letters)[i];
    else axes.push_back(static_cast<int32_t>(i));
  }
  *letters = rest;
  return axes.empty() ? Result<Value>(v) : c.Make("sum", {v, c.Vector(axes)});
}

Result<Value> Ordered(NodeContext& c, Value v, const std::string& from, const std::string& to) {
  std::vector<int32_t> order;
  for (const char ch : to) order.push_back(static_cast<int32_t>(from.find(ch)));
  return PermuteWeights(c, v, order);
}

// One dimension for each group of letters.
int32_t Size(NodeContext& c, Value v, const std::string& letters, const std::string& of) {
  int64_t n = 1;
  for (const char ch : of) {
    const int32_t d = c.shape(v)[static_cast<int>(letters.find(ch))];
    n = d == kUnknown || n < 0 ? -1 : n * d;
  }
  return static_cast<int32_t>(n);
}

// Both operands as [batch, rows, contracted] and [batch, contracted, columns].
Result<Value> Contract(NodeContext& c, Value a, std::string la, Value b, std::string lb, const std::string& keep, std::string* letters) {
  OCTET_ASSIGN(a, Reduced(c, a, &la, keep + lb));
  OCTET_ASSIGN(b, Reduced(c, b, &lb, keep + la));
  std::string batch, rows, columns, inner;
  for (const char ch : la) (Holds(lb, ch) ? (Holds(keep, ch) ? batch : inner) : rows) += ch;
  for (const char ch : lb)
    if (!Holds(la, ch)) columns += ch;
  for (const char ch : batch + inner)
    if (c.shape(a)[static_cast<int>(la.find(ch))] != c.shape(b)[static_cast<int>(lb.find(ch))]) return c.Fail("equal dimensions of one letter", c.shape(a).text() + " and " + c.shape(b).text(), "");
  const auto dims = [&](Value v, const std::string& of, const std::string& which) {
    std::vector<int32_t> d;
    for (const char ch : which) d.push_back(c.shape(v)[static_cast<int>(of.find(ch))]);
    return d;
  };
  const std::vector<int32_t> batch_dims = dims(a, la, batch), row_dims = dims(a, la, rows), column_dims = dims(b, lb, columns);
  const int32_t m = Size(c, a, la, rows), k = Size(c, a, la, inner), n = Size(c, b, lb, columns);
  OCTET_ASSIGN(a, Ordered(c, a, la, batch + rows + inner));
  const bool dense = batch.empty() && (c.is_constant(b) || !c.type(b).quant.empty());
  OCTET_ASSIGN(b, Ordered(c, b, lb, dense ? columns + inner : batch + inner + columns));
  Shape sa(batch_dims), sb(dense ? std::vector<int32_t>{n, k} : batch_dims);
  sa.push_back(m), sa.push_back(k);
  if (!dense) sb.push_back(k), sb.push_back(n);
  OCTET_ASSIGN(a, c.Reshape(a, sa));
  OCTET_ASSIGN(b, c.Reshape(b, sb));
  OCTET_ASSIGN(Value y, dense ? Dense(c, a, b, {}) : Product(c, a, b, false, false));
  Shape out(batch_dims);
  for (const int32_t d : row_dims) out.push_back(d);
  for (const int32_t d : column_dims) out.push_back(d);
  *letters = batch + rows + columns;
  return c.Reshape(y, out);
}

Status ConvertEinsum(NodeContext& c) {
  std::vector<int> ranks;
  for (int i = 0; i < c.num_inputs(); ++i) ranks.push_back(c.rank(c.Input(i)));
  Equation e;
  const std::string text = c.Text("equation", "");
  if (!ParseEquation(text, ranks, &e) || ranks.empty()) return c.Fail("an equation for its inputs", text, "check the model");
  Value v = c.Input(0);
  std::string letters = e.inputs[0];
  for (size_t i = 1; i < e.inputs.size(); ++i) {
    std::string keep = e.output;
    for (size_t j = i + 1; j < e.inputs.size(); ++j) keep += e.inputs[j];
    OCTET_ASSIGN(v, Contract(c, v, letters, c.Input(static_cast<int>(i)), e.inputs[i], keep, &letters));
  }
  OCTET_ASSIGN(v, Reduced(c, v, &letters, e.output));
  for (const char ch : e.output)
    if (!Holds(letters, ch)) return c.Fail("output letters from the inputs", text, "check the model");
  return Set(c, Ordered(c, v, letters, e.output));
}

constexpr NodeRule kRules[] = {{"MatMul", 0, ConvertMatMul}, {"Gemm", 0, ConvertGemm}, {"Einsum", 0, ConvertEinsum}, {"com.microsoft.FusedMatMul", 0, ConvertFusedMatMul}};

}  // namespace

const std::span<const NodeRule> kMatrixRules = kRules;

}  // namespace octet::importers::onnx
