// SPDX-License-Identifier: Apache-2.0
// Matrix products. Constant right sides become fully_connected, [out, in]; others batch_matmul.
#include <algorithm>
#include <array>
#include <map>

#include "importers/lowerings/activation.h"
#include "importers/lowerings/einsum.h"
#include "importers/lowerings/elimination.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/layers/matrix.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

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

// Without a dimension of one, however many others are open.
Result<Value> Dropped(NodeContext& c, Value v, int32_t axis) { return c.Make("squeeze", {v}, {{"squeeze_dims", std::vector<int32_t>{axis}}}); }

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
    return ra == 1 ? c.Reshape(y, Shape{}) : Dropped(c, y, c.rank(y) - 1);
  }
  if (ra == 1) {
    OCTET_ASSIGN(const Value row, c.Reshape(a, Shape{1, c.shape(a)[0]}));
    OCTET_ASSIGN(const Value y, MatMul(c, row, b));
    return Dropped(c, y, c.rank(y) - 2);
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
  const bool vector = bias && n != kUnknown && c.shape(bias).known() && c.shape(bias).elements() == n && c.rank(bias) > 0 && c.shape(bias).back() == n;
  const bool fits = n > 0 && n < (1 << 24) && c.type(a).dtype == DType::kF32;
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


// A letter that occurs twice in an operand means the diagonal: what is off it becomes zero, and one of the two is summed.
Result<Value> Diagonal(NodeContext& c, Value v, std::string* letters) {
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
    return Diagonal(c, v, letters);
  }
  return v;
}

// Two operands at a time; between them, the letters that the rest still needs are kept.
Status ConvertEinsum(NodeContext& c) {
  std::vector<int> ranks;
  for (int i = 0; i < c.num_inputs(); ++i) ranks.push_back(c.rank(c.Input(i)));
  Equation e;
  const std::string text = c.Text("equation", "");
  if (!ParseEquation(text, ranks, &e) || ranks.empty()) return c.Fail("an equation for its inputs", text, "check the model");
  std::vector<Value> operands;
  for (size_t i = 0; i < e.inputs.size(); ++i) {
    OCTET_ASSIGN(const Value v, Diagonal(c, c.Input(static_cast<int>(i)), &e.inputs[i]));
    operands.push_back(v);
  }
  Value v = operands[0];
  std::string letters = e.inputs[0];
  for (size_t i = 1; i < operands.size(); ++i) {
    std::string needed = e.output, kept;
    for (size_t j = i + 1; j < operands.size(); ++j) needed += e.inputs[j];
    const bool last = i + 1 == operands.size();
    for (const char ch : letters + e.inputs[i])
      if (needed.find(ch) != std::string::npos && kept.find(ch) == std::string::npos) kept += ch;
    if (last) kept = e.output;
    OCTET_ASSIGN(v, Einsum(c, letters + "," + e.inputs[i] + "->" + kept, std::array<Value, 2>{v, operands[i]}));
    letters = kept;
  }
  if (operands.size() > 1) return Set(c, v);
  return Set(c, Einsum(c, letters + "->" + e.output, std::span<const Value>(&v, 1)));
}

Status ConvertDeterminant(NodeContext& c) {
  OCTET_ASSIGN(const Eliminated e, Eliminate(c, c.Input(0), {}));
  c.SetOutput(0, e.determinant);
  return {};
}

constexpr NodeRule kRules[] = {{"Det", 0, ConvertDeterminant}, {"MatMul", 0, ConvertMatMul}, {"Gemm", 0, ConvertGemm}, {"Einsum", 0, ConvertEinsum},
                               {"com.microsoft.FusedMatMul", 0, ConvertFusedMatMul}};

}  // namespace

const std::span<const NodeRule> kMatrixRules = kRules;

}  // namespace octet::importers::onnx
