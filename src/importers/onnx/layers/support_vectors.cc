// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's support vector machines: how near a row is to each vector, and a linear model of that. Classes are told apart pair by pair.
#include <algorithm>
#include <array>

#include "base/strings.h"
#include "importers/limits.h"
#include "importers/lowerings/activation.h"
#include "importers/lowerings/loop.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/learned.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

Result<Value> Product(NodeContext& c, Value x, const std::vector<float>& weights, const std::vector<float>& bias) {
  const auto rows = static_cast<int32_t>(bias.size()), columns = static_cast<int32_t>(weights.size() / bias.size());
  return c.Make("fully_connected", {x, c.Constant<float>(Shape{rows, columns}, weights), Row(c, bias)});
}

// Squares of distances [N, vectors], measured from the middle of the vectors: far from it, differences of large squares are lost.
Result<Value> Distances(NodeContext& c, Value x, std::vector<float> vectors, int64_t count) {
  const size_t columns = vectors.size() / static_cast<size_t>(count);
  std::vector<float> middle(columns, 0.0f), squares(static_cast<size_t>(count), 0.0f);
  for (size_t i = 0; i < vectors.size(); ++i) middle[i % columns] += vectors[i] / static_cast<float>(count);
  for (size_t i = 0; i < vectors.size(); ++i) {
    vectors[i] -= middle[i % columns];
    squares[i / columns] += vectors[i] * vectors[i];
    vectors[i] *= -2;
  }
  OCTET_ASSIGN(x, c.Emit("sub", {x, Row(c, middle)}));
  OCTET_ASSIGN(const Value own, c.Emit("mul", {x, x}));
  OCTET_ASSIGN(const Value length, c.Make("sum", {own, c.Vector({1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value mixed, Product(c, x, vectors, squares));
  return c.Emit("add", {mixed, length});
}

struct Vectors {
  std::vector<float> numbers;  // [count, columns]
  int64_t count = 0;
  size_t columns() const { return numbers.size() / static_cast<size_t>(count); }
};

Result<Vectors> ReadVectors(NodeContext& c, Value x, int64_t count) {
  Vectors v{FloatsAt(c, "support_vectors"), count};
  const int32_t columns = c.shape(x).back();
  if (count < 1 || v.numbers.empty() || v.numbers.size() % static_cast<size_t>(count) != 0 ||
      (columns != kUnknown && static_cast<size_t>(columns) != v.columns()))
    return c.Fail("support vectors as long as a row", Format("%zu numbers for %lld", v.numbers.size(), static_cast<long long>(count)), "check the model");
  return v;
}

// The vectors' weighted sums [rows of weights, columns].
std::vector<float> Sums(const Vectors& v, const std::vector<float>& weights) {
  const size_t columns = v.columns(), count = static_cast<size_t>(v.count);
  std::vector<float> sums;
  for (size_t row = 0; row < weights.size() / count; ++row) {
    std::vector<double> sum(columns, 0.0);
    for (size_t k = 0; k < count; ++k) {
      const double w = static_cast<double>(weights[row * count + k]);
      for (size_t i = 0; i < columns && w != 0; ++i) sum[i] += w * static_cast<double>(v.numbers[k * columns + i]);
    }
    sums.insert(sums.end(), sum.begin(), sum.end());
  }
  return sums;
}

// weights [outputs, count] times the kernel of the rows with each vector, plus rho: [N, outputs]. A linear kernel needs no vectors.
Result<Value> Weighted(NodeContext& c, int64_t count, const std::vector<float>& weights, const std::vector<float>& rho) {
  std::vector<float> p = FloatsAt(c, "kernel_params");  // gamma, coef0, degree.
  p.resize(3, 0.0f);
  const std::string kind = c.Text("kernel_type", "LINEAR");
  OCTET_ASSIGN(const Value x, Rows(c));
  OCTET_ASSIGN(const Vectors vectors, ReadVectors(c, x, count));
  if (kind == "LINEAR") return Product(c, x, Sums(vectors, weights), rho);
  Value v;
  if (kind == "RBF") {
    OCTET_ASSIGN(v, Distances(c, x, vectors.numbers, count));
    OCTET_ASSIGN(v, Times(c, v, -p[0]));
    OCTET_ASSIGN(v, c.Emit("exp", {v}));
  } else if (kind == "POLY" || kind == "SIGMOID") {
    OCTET_ASSIGN(v, Product(c, x, vectors.numbers, std::vector<float>(static_cast<size_t>(count), 0.0f)));
    OCTET_ASSIGN(v, Times(c, v, p[0]));
    OCTET_ASSIGN(v, Plus(c, v, p[1]));
    OCTET_ASSIGN(v, kind == "POLY" ? c.Make("pow", {v, c.Scalar(p[2])}) : c.Emit("tanh", {v}));
  } else {
    return c.Fail("kernel LINEAR, POLY, RBF or SIGMOID", kind, "");
  }
  return Product(c, v, weights, rho);
}

Status ConvertRegressor(NodeContext& c) {
  const std::vector<float> coefficients = FloatsAt(c, "coefficients"), rho = FloatsAt(c, "rho");
  const int64_t count = c.Int("n_supports", 0);
  if (rho.size() != 1 || coefficients.empty() || (count > 0 && static_cast<int64_t>(coefficients.size()) != count))
    return c.Fail("a coefficient for each vector and one rho", Format("%zu and %zu", coefficients.size(), rho.size()), "check the model");
  Value y;
  if (count > 0) {
    OCTET_ASSIGN(y, Weighted(c, count, coefficients, rho));
  } else {  // A linear model.
    OCTET_ASSIGN(y, Rows(c));
    if (const int32_t columns = c.shape(y).back(); columns != kUnknown && static_cast<size_t>(columns) != coefficients.size())
      return c.Fail("a coefficient for each column", std::to_string(coefficients.size()), "check the model");
    OCTET_ASSIGN(y, Product(c, y, coefficients, rho));
  }
  if (c.Int("one_class", 0) == 0) return Set(c, Transformed(c, y));
  OCTET_ASSIGN(const Value inside, c.Emit("greater", {y, c.Scalar(0)}));
  return Set(c, c.Emit("select_v2", {inside, c.Scalar(1), c.Scalar(-1)}));
}

// ---------------------------------------------------------------------------------------- classes

using Pairs = std::vector<std::pair<size_t, size_t>>;

struct Machine {
  size_t classes = 0;
  std::vector<int64_t> count, first;  // Vectors of each class, and where they begin.
  int64_t vectors = 0;
  Pairs pairs;
  std::vector<float> rho, a, b;
};

Result<Machine> ReadMachine(NodeContext& c, int32_t classes) {
  constexpr int32_t kMostClasses = 64;
  if (classes < 2 || classes > kMostClasses) return c.Fail(Format("2 to %d classes", kMostClasses), std::to_string(classes), "");
  Machine m{static_cast<size_t>(classes), IntsAt(c, "vectors_per_class"), {}, 0, {}, FloatsAt(c, "rho"), FloatsAt(c, "prob_a"), FloatsAt(c, "prob_b")};
  if (m.count.size() != m.classes)
    return c.Fail("support vectors of each class", Format("those of %zu", m.count.size()), "write a linear model as LinearClassifier");
  for (const int64_t n : m.count) {
    if (n < 0 || n > kMostWritten) return c.Fail("at most 2^24 support vectors", std::to_string(n), "check the model");
    m.first.push_back(m.vectors);
    m.vectors += n;
  }
  for (size_t i = 0; i < m.classes; ++i)
    for (size_t j = i + 1; j < m.classes; ++j) m.pairs.emplace_back(i, j);
  const size_t n = m.pairs.size();
  if (m.rho.size() != n || m.a.size() != m.b.size() || (!m.a.empty() && m.a.size() != n))
    return c.Fail("rho, and prob_a and prob_b or none, for each pair of classes", Format("%zu, %zu and %zu", m.rho.size(), m.a.size(), m.b.size()),
                  "check the model");
  return m;
}

// Of each pair of classes [N, pairs]: above 0 where it is the first one. A vector of a class has a coefficient for each other class.
Result<Value> PairScores(NodeContext& c, const Machine& m) {
  const std::vector<float> coefficients = FloatsAt(c, "coefficients");
  const auto vectors = static_cast<size_t>(m.vectors);
  if (coefficients.size() != (m.classes - 1) * vectors || vectors * m.pairs.size() > static_cast<size_t>(kMostWritten))
    return c.Fail("coefficients of each vector for every other class, 2^24 at most", std::to_string(coefficients.size()), "check the model");
  std::vector<float> weights(m.pairs.size() * vectors, 0.0f);
  for (size_t k = 0; k < m.pairs.size(); ++k) {
    const auto [i, j] = m.pairs[k];
    const auto copy = [&](size_t of, size_t row) {
      const auto begin = static_cast<size_t>(m.first[of]);
      std::copy_n(coefficients.begin() + static_cast<ptrdiff_t>(row * vectors + begin), m.count[of],
                  weights.begin() + static_cast<ptrdiff_t>(k * vectors + begin));
    };
    copy(i, j - 1);
    copy(j, i);
  }
  return Weighted(c, m.vectors, weights, m.rho);
}

// The class that most pairs are for, the first of several.
Result<Value> Winner(NodeContext& c, const Machine& m, Value scores) {
  std::vector<float> votes(m.classes * m.pairs.size(), 0.0f), none(m.classes, 0.0f);
  for (size_t k = 0; k < m.pairs.size(); ++k) {
    const auto [i, j] = m.pairs[k];
    votes[i * m.pairs.size() + k] = 1;
    votes[j * m.pairs.size() + k] = -1;
    none[j] += 1;
  }
  OCTET_ASSIGN(const Value first, c.Emit("greater", {scores, c.Scalar(0)}));
  OCTET_ASSIGN(const Value ones, c.Cast(first, DType::kF32));
  OCTET_ASSIGN(const Value counted, Product(c, ones, votes, none));
  return c.Make("arg_max", {counted, c.ScalarInt(1)}, {{"output_type", static_cast<int64_t>(DType::kI32)}});
}

// Probabilities of classes that agree best with those of the pairs (Wu, Lin and Weng, 2004): x' Q x becomes least. As libsvm finds them,
// coordinate by coordinate until the error is small, as results end there and not at the least one.
class Coupling {
 public:
  Coupling(NodeContext& c, const Machine& m) : c_(c), n_(static_cast<int32_t>(m.classes)), pairs_(m.pairs) {}

  // r: of the first class of each pair.
  Result<Value> Solve(Value r) {
    OCTET_ASSIGN(const Value q, Matrix(r));
    OCTET_ASSIGN(Value p, c_.Make("slice", {r, c_.Vector({0, 0}), c_.Vector({-1, 1})}));
    OCTET_ASSIGN(p, c_.Emit("mul", {p, c_.Scalar(0)}));
    OCTET_ASSIGN(p, c_.Emit("add", {p, Row(c_, std::vector<float>(static_cast<size_t>(n_), 1.0f / static_cast<float>(n_)))}));
    const std::byte yes[] = {std::byte{1}};
    const Carried start = {c_.ScalarInt(0), c_.Constant(TensorType{DType::kBool, Shape{}, {}}, yes), p, q};
    OCTET_ASSIGN(const Carried end, Loop(c_, start, [&](const Carried& v) { return More(v); }, [&](const Carried& v) { return Round(v); }));
    return end[2];
  }

 private:
  // Q [N, n, n]: Q(t, t) sums the squares of what pairs give the others, Q(t, j) is minus the product of both sides.
  Result<Value> Matrix(Value r) {
    const size_t n = static_cast<size_t>(n_), k = pairs_.size();
    std::vector<float> weights(n * n * 3 * k, 0.0f);
    const auto at = [&](size_t row, size_t column, size_t term) -> float& { return weights[(row * n + column) * 3 * k + term]; };
    for (size_t i = 0; i < k; ++i) {
      const auto [a, b] = pairs_[i];
      at(b, b, i) += 1;
      at(a, a, k + i) += 1;
      at(a, b, 2 * k + i) = at(b, a, 2 * k + i) = -1;
    }
    OCTET_ASSIGN(const Value other, c_.Emit("sub", {c_.Scalar(1), r}));
    OCTET_ASSIGN(const Value first, c_.Emit("mul", {r, r}));
    OCTET_ASSIGN(const Value second, c_.Emit("mul", {other, other}));
    OCTET_ASSIGN(const Value both, c_.Emit("mul", {r, other}));
    OCTET_ASSIGN(const Value terms, c_.Make("concatenation", {first, second, both}, {{"axis", 1}}));
    OCTET_ASSIGN(const Value q, Product(c_, terms, weights, std::vector<float>(n * n, 0.0f)));
    return c_.Reshape(q, Shape{kUnknown, n_, n_});
  }

  Result<Value> More(const Carried& v) {
    OCTET_ASSIGN(const Value left, c_.Emit("less", {v[0], c_.ScalarInt(std::max(100, n_))}));
    return c_.Emit("logical_and", {left, v[1]});
  }

  Result<Value> Column(Value v, int32_t t) { return c_.Make("slice", {v, c_.Vector({0, t}), c_.Vector({-1, 1})}); }

  Result<Value> RowSum(Value v) { return c_.Make("sum", {v, c_.Vector({1})}, {{"keep_dims", 1}}); }

  // One class after the other; rows that are near enough stay.
  Result<Carried> Round(const Carried& v) {
    const Value before = v[2], q = v[3];
    OCTET_ASSIGN(const Value across, c_.Make("expand_dims", {before, c_.ScalarInt(1)}));
    OCTET_ASSIGN(Value qp, c_.Emit("mul", {q, across}));
    OCTET_ASSIGN(qp, c_.Make("sum", {qp, c_.Vector({2})}));
    OCTET_ASSIGN(Value pqp, c_.Emit("mul", {before, qp}));
    OCTET_ASSIGN(pqp, RowSum(pqp));
    OCTET_ASSIGN(Value error, c_.Emit("sub", {qp, pqp}));
    OCTET_ASSIGN(error, c_.Emit("abs", {error}));
    OCTET_ASSIGN(error, c_.Make("reduce_max", {error, c_.Vector({1})}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(const Value far, c_.Emit("greater_equal", {error, c_.Scalar(0.005f / static_cast<float>(n_))}));
    Value p = before;
    for (int32_t t = 0; t < n_; ++t) OCTET_TRY(Step(q, t, &p, &qp, &pqp));
    OCTET_ASSIGN(p, c_.Emit("select_v2", {far, p, before}));
    OCTET_ASSIGN(const Value again, c_.Make("reduce_any", {far, c_.Vector({0, 1})}));
    OCTET_ASSIGN(const Value round, c_.Emit("add", {v[0], c_.ScalarInt(1)}));
    return Carried{round, again, p, q};
  }

  // The share of class t as it should be beside the others, and all divided by their sum.
  Status Step(Value q, int32_t t, Value* p, Value* qp, Value* pqp) {
    OCTET_ASSIGN(Value row, c_.Make("slice", {q, c_.Vector({0, t, 0}), c_.Vector({-1, 1, n_})}));
    OCTET_ASSIGN(row, c_.Reshape(row, Shape{kUnknown, n_}));
    OCTET_ASSIGN(const Value own, Column(row, t));
    OCTET_ASSIGN(const Value now, Column(*qp, t));
    OCTET_ASSIGN(Value d, c_.Emit("sub", {*pqp, now}));
    OCTET_ASSIGN(d, c_.Emit("div", {d, own}));
    OCTET_ASSIGN(const Value sum, Plus(c_, d, 1));
    // pqp + d (d own + 2 now)
    OCTET_ASSIGN(Value change, c_.Emit("mul", {d, own}));
    OCTET_ASSIGN(change, c_.Emit("add", {change, now}));
    OCTET_ASSIGN(change, c_.Emit("add", {change, now}));
    OCTET_ASSIGN(change, c_.Emit("mul", {change, d}));
    OCTET_ASSIGN(*pqp, c_.Emit("add", {*pqp, change}));
    OCTET_ASSIGN(*pqp, c_.Emit("div", {*pqp, sum}));
    OCTET_ASSIGN(*pqp, c_.Emit("div", {*pqp, sum}));
    OCTET_ASSIGN(row, c_.Emit("mul", {row, d}));
    OCTET_ASSIGN(row, c_.Emit("add", {*qp, row}));
    OCTET_ASSIGN(*qp, c_.Emit("div", {row, sum}));
    std::vector<float> which(static_cast<size_t>(n_), 0.0f);
    which[static_cast<size_t>(t)] = 1;
    OCTET_ASSIGN(d, c_.Emit("mul", {d, Row(c_, which)}));
    OCTET_ASSIGN(d, c_.Emit("add", {*p, d}));
    OCTET_ASSIGN(*p, c_.Emit("div", {d, sum}));
    return {};
  }

  NodeContext& c_;
  const int32_t n_;
  const Pairs& pairs_;
};

Result<Value> Probabilities(NodeContext& c, const Machine& m, Value scores) {
  OCTET_ASSIGN(Value r, c.Emit("mul", {scores, Row(c, m.a)}));
  OCTET_ASSIGN(r, c.Emit("add", {r, Row(c, m.b)}));
  OCTET_ASSIGN(r, c.Emit("neg", {r}));
  OCTET_ASSIGN(r, c.Emit("logistic", {r}));
  OCTET_ASSIGN(r, c.Emit("maximum", {r, c.Scalar(1e-7f)}));
  OCTET_ASSIGN(r, c.Emit("minimum", {r, c.Scalar(1 - 1e-7f)}));
  return Coupling(c, m).Solve(r);
}

Status ConvertClassifier(NodeContext& c) {
  OCTET_ASSIGN(const Labels labels, ReadLabels(c));
  OCTET_ASSIGN(const Machine m, ReadMachine(c, labels.count));
  OCTET_ASSIGN(Value scores, PairScores(c, m));
  OCTET_ASSIGN(const Value winner, Winner(c, m, scores));
  OCTET_TRY(SetLabel(c, labels, winner));
  if (!m.a.empty()) {
    OCTET_ASSIGN(scores, Probabilities(c, m, scores));
  } else if (m.classes == 2) {
    OCTET_ASSIGN(const Value other, c.Emit("neg", {scores}));
    OCTET_ASSIGN(scores, c.Make("concatenation", {other, scores}, {{"axis", 1}}));
  }
  OCTET_ASSIGN(scores, Transformed(c, scores));
  c.SetOutput(1, scores);
  return {};
}

constexpr NodeRule kRules[] = {{"ai.onnx.ml.SVMRegressor", 0, ConvertRegressor}, {"ai.onnx.ml.SVMClassifier", 0, ConvertClassifier}};

}  // namespace

const std::span<const NodeRule> kSupportVectorRules = kRules;

}  // namespace octet::importers::onnx
