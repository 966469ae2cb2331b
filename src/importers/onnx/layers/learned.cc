// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: what is learned of tables. Scaled and picked columns, linear models, trees: all trees go down one step at a time together.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/strings.h"
#include "importers/lowerings/activation.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

std::vector<float> FloatsAt(NodeContext& c, std::string_view key) {
  const std::vector<double> v = c.Numbers(key, {});
  return {v.begin(), v.end()};
}

// However many: of each node of all trees one.
std::vector<int64_t> IntsAt(NodeContext& c, std::string_view key) {
  const AttributeProto* a = c.Find(key);
  return a ? std::vector<int64_t>(a->ints.begin(), a->ints.end()) : std::vector<int64_t>();
}

Value Row(NodeContext& c, const std::vector<float>& v) { return c.Constant<float>(Shape{static_cast<int32_t>(v.size())}, v); }

Result<Value> Rows(NodeContext& c) {
  const Value x = c.Input(0);
  if (c.rank(x) < 1 || c.rank(x) > 2) return c.Fail("rows of numbers", c.shape(x).text(), "");
  OCTET_ASSIGN(const Value numbers, c.Cast(x, DType::kF32));
  return c.rank(x) == 2 ? Result<Value>(numbers) : c.Make("expand_dims", {numbers, c.ScalarInt(0)});
}

// ---------------------------------------------------------------------------------------- columns

// (x - offset) * scale
Status ConvertScaler(NodeContext& c) {
  OCTET_ASSIGN(Value x, c.Cast(c.Input(0), DType::kF32));
  const std::vector<float> offset = FloatsAt(c, "offset"), scale = FloatsAt(c, "scale");
  if (!offset.empty()) {
    OCTET_ASSIGN(x, c.Emit("sub", {x, Row(c, offset)}));
  }
  return Set(c, scale.empty() ? Result<Value>(x) : c.Emit("mul", {x, Row(c, scale)}));
}

// By the largest number, the sum of magnitudes, or the length of each row.
Status ConvertNormalizer(NodeContext& c) {
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kF32));
  const std::string norm = c.Text("norm", "MAX");
  const Value last = c.Vector({c.rank(x) - 1});
  if (c.rank(x) < 1) return c.Fail("rows of numbers", "a scalar", "");
  Value size;
  if (norm == "L2") {
    OCTET_ASSIGN(size, c.Emit("mul", {x, x}));
    OCTET_ASSIGN(size, c.Make("sum", {size, last}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(size, c.Emit("sqrt", {size}));
  } else {
    OCTET_ASSIGN(size, norm == "L1" ? c.Emit("abs", {x}) : Result<Value>(x));
    OCTET_ASSIGN(size, c.Make(norm == "L1" ? "sum" : "reduce_max", {size, last}, {{"keep_dims", 1}}));
  }
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {size, c.Scalar(0)}));
  OCTET_ASSIGN(size, c.Emit("select_v2", {zero, c.Scalar(1), size}));
  return Set(c, c.Emit("div", {x, size}));
}

Status ConvertBinarizer(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const Value numbers, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(const Value above, c.Emit("greater", {numbers, c.Scalar(static_cast<float>(c.Number("threshold", 0)))}));
  return Set(c, c.Cast(above, c.type(x).dtype));
}

// What stands for no number becomes another one.
Status ConvertImputer(NodeContext& c) {
  const Value x = c.Input(0);
  const bool whole = c.Has("imputed_value_int64s");
  Value with, missing;
  if (whole) {
    const std::vector<int64_t> v = c.Ints("imputed_value_int64s", {});
    const int64_t replaced = c.Int("replaced_value_int64", 0);
    with = c.Constant<int64_t>(Shape{static_cast<int32_t>(v.size())}, v);
    OCTET_ASSIGN(missing, c.Emit("equal", {x, c.Constant<int64_t>(Shape{}, std::span(&replaced, 1))}));
  } else {
    const auto replaced = static_cast<float>(c.Number("replaced_value_float", 0));
    with = Row(c, FloatsAt(c, "imputed_value_floats"));
    OCTET_ASSIGN(missing, std::isnan(replaced) ? c.Emit("not_equal", {x, x}) : c.Emit("equal", {x, c.Scalar(replaced)}));
  }
  const DType own = c.type(x).dtype;
  if (own != (whole ? DType::kI64 : DType::kF32)) return c.Fail("numbers of the type of those that are put in", std::string(Name(own)), "");
  return Set(c, c.Emit("select_v2", {missing, with, x}));
}

// Columns by their places.
Status ConvertFeatureExtractor(NodeContext& c) {
  const Value x = c.Input(0);
  if (c.rank(x) < 1) return c.Fail("rows", "a scalar", "");
  OCTET_ASSIGN(Value at, c.Cast(c.Input(1), DType::kI32));
  OCTET_ASSIGN(at, c.Make("reshape", {at, c.Vector({-1})}));
  OCTET_ASSIGN(const Value y, c.Make("gather", {x, at}, {{"axis", c.rank(x) - 1}}));
  return Set(c, c.rank(x) > 1 ? Result<Value>(y) : c.Make("expand_dims", {y, c.ScalarInt(0)}));
}

// Columns side by side.
Status ConvertFeatureVectorizer(NodeContext& c) {
  std::vector<Value> parts;
  for (int i = 0; i < c.num_inputs(); ++i) {
    OCTET_ASSIGN(Value part, c.Cast(c.Input(i), DType::kF32));
    if (c.rank(part) == 1) {
      OCTET_ASSIGN(part, c.Make("expand_dims", {part, c.ScalarInt(-1)}));
    }
    parts.push_back(part);
  }
  return Set(c, parts.size() == 1 ? Result<Value>(parts[0]) : c.Make("concatenation", parts, {{"axis", 1}}));
}

// ----------------------------------------------------------------------------------------- scores

Result<Value> Transformed(NodeContext& c, Value scores) {
  const std::string how = c.Text("post_transform", "NONE");
  if (how == "NONE") return scores;
  if (how == "LOGISTIC") return c.Emit("logistic", {scores});
  if (how == "SOFTMAX") return c.Make("softmax", {scores}, {{"beta", 1.0}});
  return c.Fail("post_transform NONE, LOGISTIC or SOFTMAX", how, "");
}

// The names of classes, whole numbers or text.
struct Labels {
  Value names;
  int32_t count = 0;
};
Result<Labels> ReadLabels(NodeContext& c) {
  for (const char* key : {"classlabels_int64s", "classlabels_ints"}) {
    const std::vector<int64_t> v = c.Ints(key, {});
    const auto n = static_cast<int32_t>(v.size());
    if (n > 0) return Labels{c.Constant<int64_t>(Shape{n}, v), n};
  }
  const std::vector<std::string> texts = c.Texts("classlabels_strings");
  std::vector<StringRef> refs;
  for (const std::string& t : texts) refs.push_back({t.data(), static_cast<decltype(StringRef::size)>(t.size())});
  const auto n = static_cast<int32_t>(texts.size());
  if (n < 1) return c.Fail("names of classes", "none", "check the model");
  return Labels{c.Constant({DType::kString, Shape{n}, {}}, WriteStrings(refs)), n};
}

Status SetLabel(NodeContext& c, const Labels& labels, Value number) {
  OCTET_ASSIGN(const Value label, c.Make("gather", {labels.names, number}, {{"axis", 0}}));
  c.SetOutput(0, label);
  return {};
}

// The class with the highest score.
Status Classify(NodeContext& c, const Labels& labels, Value scores) {
  OCTET_ASSIGN(const Value best, c.Make("arg_max", {scores, c.ScalarInt(1)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_TRY(SetLabel(c, labels, best));
  OCTET_ASSIGN(const Value y, Transformed(c, scores));
  c.SetOutput(1, y);
  return {};
}

// One score [N, 1] for two classes: a probability, or one that is above 0 for the second.
Status ClassifyTwo(NodeContext& c, const Labels& labels, Value score, bool probability) {
  OCTET_ASSIGN(Value second, c.Emit("greater", {score, c.Scalar(probability ? 0.5f : 0.0f)}));
  OCTET_ASSIGN(second, c.Cast(second, DType::kI32));
  OCTET_ASSIGN(second, c.Make("reshape", {second, c.Vector({-1})}));
  OCTET_TRY(SetLabel(c, labels, second));
  Value other;
  if (probability) {
    OCTET_ASSIGN(other, c.Emit("sub", {c.Scalar(1), score}));
  } else {
    OCTET_ASSIGN(other, c.Emit("neg", {score}));
  }
  OCTET_ASSIGN(Value both, c.Make("concatenation", {other, score}, {{"axis", 1}}));
  OCTET_ASSIGN(both, probability ? Result<Value>(both) : Transformed(c, both));
  c.SetOutput(1, both);
  return {};
}

// ----------------------------------------------------------------------------------------- linear

Result<Value> LinearScores(NodeContext& c, const std::vector<float>& weights, std::vector<float> bias, int64_t outputs) {
  OCTET_ASSIGN(const Value x, Rows(c));
  if (outputs < 1 || weights.empty() || weights.size() % static_cast<size_t>(outputs) != 0 || (!bias.empty() && bias.size() != static_cast<size_t>(outputs)))
    return c.Fail("weights and a bias for each output", Format("%zu and %zu", weights.size(), bias.size()), "check the model");
  bias.resize(static_cast<size_t>(outputs), 0.0f);
  const auto n = static_cast<int32_t>(outputs), columns = static_cast<int32_t>(weights.size() / static_cast<size_t>(outputs));
  return c.Make("fully_connected", {x, c.Constant<float>(Shape{n, columns}, weights), Row(c, bias)});
}

Status ConvertLinearRegressor(NodeContext& c) {
  OCTET_ASSIGN(const Value y, LinearScores(c, FloatsAt(c, "coefficients"), FloatsAt(c, "intercepts"), c.Int("targets", 1)));
  return Set(c, Transformed(c, y));
}

Status ConvertLinearClassifier(NodeContext& c) {
  const std::vector<float> bias = FloatsAt(c, "intercepts");
  OCTET_ASSIGN(const Labels labels, ReadLabels(c));
  OCTET_ASSIGN(const Value scores, LinearScores(c, FloatsAt(c, "coefficients"), bias, bias.empty() ? labels.count : static_cast<int64_t>(bias.size())));
  const int32_t n = c.shape(scores).back();
  if (n == 1 && labels.count == 2) return ClassifyTwo(c, labels, scores, false);
  return n == labels.count ? Classify(c, labels, scores) : c.Fail("a score for each class", std::to_string(n), "check the model");
}

// ------------------------------------------------------------------------------------------ trees

// All nodes in one row; a leaf leads to itself.
struct Trees {
  std::vector<int32_t> feature, yes, no, roots;
  std::vector<float> limit;
  std::vector<bool> missing;  // Whether what is no number goes on as if below the limit.
  std::map<std::pair<int64_t, int64_t>, int32_t> place;  // By tree and node.
  int depth = 0;
};

constexpr int kDeepest = 64;

// Below or at the limit, or below it: at most the float before.
bool SetLimit(Trees* t, size_t i, const std::string& mode, float limit) {
  if (mode != "BRANCH_LEQ" && mode != "BRANCH_LT") return false;
  t->limit[i] = mode == "BRANCH_LT" ? std::nextafter(limit, -INFINITY) : limit;
  return true;
}

// Steps from the roots to the lowest leaf; -1 where nodes lead back.
int DepthOf(const Trees& t) {
  std::vector<int32_t> level = t.roots;
  for (int depth = 0; depth <= kDeepest; ++depth) {
    std::vector<int32_t> next;
    for (const int32_t i : level) {
      const auto k = static_cast<size_t>(i);
      if (t.yes[k] != i) next.insert(next.end(), {t.yes[k], t.no[k]});
    }
    if (next.empty()) return depth;
    if (next.size() > t.feature.size()) return -1;
    level = std::move(next);
  }
  return -1;
}

Result<Trees> ReadTrees(NodeContext& c) {
  constexpr size_t kMostNodes = 1 << 22;
  const std::vector<int64_t> trees = IntsAt(c, "nodes_treeids"), nodes = IntsAt(c, "nodes_nodeids"), features = IntsAt(c, "nodes_featureids");
  const std::vector<int64_t> yes = IntsAt(c, "nodes_truenodeids"), no = IntsAt(c, "nodes_falsenodeids"), missing = IntsAt(c, "nodes_missing_value_tracks_true");
  const std::vector<float> limits = FloatsAt(c, "nodes_values");
  const std::vector<std::string> modes = c.Texts("nodes_modes");
  const size_t n = nodes.size();
  const size_t sizes[] = {trees.size(), features.size(), yes.size(), no.size(), limits.size(), modes.size(), missing.empty() ? n : missing.size()};
  if (n < 1 || n > kMostNodes || std::ranges::any_of(sizes, [&](size_t s) { return s != n; }))
    return c.Fail("trees whose nodes' attributes are all there", Format("%zu nodes", n), "check the model");
  Trees t{std::vector<int32_t>(n, 0), std::vector<int32_t>(n), std::vector<int32_t>(n), {}, std::vector<float>(n, 0.0f), std::vector<bool>(n, false), {}, 0};
  for (size_t i = 0; i < n; ++i) {
    if (!t.place.emplace(std::pair(trees[i], nodes[i]), static_cast<int32_t>(i)).second) return c.Fail("one node of each number", "two", "check the model");
    if (i == 0 || trees[i] != trees[i - 1]) t.roots.push_back(static_cast<int32_t>(i));
  }
  for (size_t i = 0; i < n; ++i) {
    t.yes[i] = t.no[i] = static_cast<int32_t>(i);
    if (modes[i] == "LEAF") continue;
    const auto a = t.place.find({trees[i], yes[i]}), b = t.place.find({trees[i], no[i]});
    if (a == t.place.end() || b == t.place.end() || features[i] < 0 || features[i] > INT32_MAX)
      return c.Fail("branches that lead to nodes", "others", "check the model");
    if (!SetLimit(&t, i, modes[i], limits[i])) return c.Fail("branches BRANCH_LEQ or BRANCH_LT", modes[i], "");
    t.feature[i] = static_cast<int32_t>(features[i]), t.yes[i] = a->second, t.no[i] = b->second;
    t.missing[i] = !missing.empty() && missing[i] != 0;
  }
  t.depth = DepthOf(t);
  return t.depth >= 0 ? Result<Trees>(std::move(t)) : c.Fail(Format("trees of at most %d steps", kDeepest), "deeper ones", "");
}

// Where each tree ends for each row: [N, trees].
class Descent {
 public:
  Descent(NodeContext& c, const Trees& t) : c_(c), t_(t), misses_(std::ranges::count(t.missing, true) > 0) {}

  // `at`: places of nodes; [trees] at first, which is the same for all rows.
  Result<Value> Step(Value x, Value at, bool first) {
    OCTET_ASSIGN(const Value feature, Of(t_.feature, at));
    OCTET_ASSIGN(const Value number, c_.Make("gather", {x, feature}, {{"axis", 1}, {"batch_dims", first ? 0 : 1}}));
    OCTET_ASSIGN(const Value limit, Of(t_.limit, at));
    OCTET_ASSIGN(Value below, c_.Emit("less_equal", {number, limit}));
    if (misses_) {
      OCTET_ASSIGN(const Value lets, Of(std::vector<int32_t>(t_.missing.begin(), t_.missing.end()), at));
      OCTET_ASSIGN(const Value may, c_.Emit("equal", {lets, c_.ScalarInt(1)}));
      OCTET_ASSIGN(Value none, c_.Emit("not_equal", {number, number}));
      OCTET_ASSIGN(none, c_.Emit("logical_and", {none, may}));
      OCTET_ASSIGN(below, c_.Emit("logical_or", {below, none}));
    }
    OCTET_ASSIGN(const Value yes, Of(t_.yes, at));
    OCTET_ASSIGN(const Value no, Of(t_.no, at));
    return c_.Emit("select_v2", {below, yes, no});
  }

  Result<Value> Ends(Value x) {
    Value at = c_.Vector(t_.roots);
    for (int i = 0; i < std::max(t_.depth, 1); ++i) {  // A first step even to a leaf, for a row of each.
      OCTET_ASSIGN(at, Step(x, at, i == 0));
    }
    return at;
  }

 private:
  template <class T> Result<Value> Of(const std::vector<T>& list, Value at) {
    return c_.Make("gather", {c_.Constant<T>(Shape{static_cast<int32_t>(list.size())}, std::span<const T>(list)), at}, {{"axis", 0}});
  }
  NodeContext& c_;
  const Trees& t_;
  const bool misses_;
};

// What leaves add to each output.
struct Leaves {
  std::vector<int64_t> trees, nodes, outputs;
  std::vector<float> weights;
};
Leaves ReadLeaves(NodeContext& c, const std::string& of) {
  return {IntsAt(c, of + "_treeids"), IntsAt(c, of + "_nodeids"), IntsAt(c, of + "_ids"), FloatsAt(c, of + "_weights")};
}

Result<Value> TreeScores(NodeContext& c, const Leaves& leaves, int64_t outputs) {
  constexpr int64_t kMostWeights = 1 << 24;
  OCTET_ASSIGN(const Value x, Rows(c));
  OCTET_ASSIGN(const Trees t, ReadTrees(c));
  const auto n = static_cast<int64_t>(t.feature.size());
  if (std::ranges::max(t.feature) >= c.shape(x).back() && c.shape(x).back() != kUnknown)
    return c.Fail("rows of as many numbers as the trees ask for", c.shape(x).text(), "check the model");
  if (outputs < 1 || outputs > kMostWeights / n) return c.Fail("at most 2^24 numbers of leaves", std::to_string(outputs), "");
  std::vector<float> weights(static_cast<size_t>(n * outputs), 0.0f);
  const size_t sizes[] = {leaves.nodes.size(), leaves.outputs.size(), leaves.weights.size()};
  if (std::ranges::any_of(sizes, [&](size_t s) { return s != leaves.trees.size(); })) return c.Fail("a number for each leaf", "others", "check the model");
  for (size_t i = 0; i < leaves.trees.size(); ++i) {
    const auto at = t.place.find({leaves.trees[i], leaves.nodes[i]});
    if (at == t.place.end() || leaves.outputs[i] < 0 || leaves.outputs[i] >= outputs) return c.Fail("leaves that are there", "others", "check the model");
    weights[static_cast<size_t>(at->second * outputs + leaves.outputs[i])] += leaves.weights[i];
  }
  OCTET_ASSIGN(const Value ends, Descent(c, t).Ends(x));
  const Value table = c.Constant<float>(Shape{static_cast<int32_t>(n), static_cast<int32_t>(outputs)}, weights);
  OCTET_ASSIGN(const Value each, c.Make("gather", {table, ends}, {{"axis", 0}}));
  const std::string how = c.Text("aggregate_function", "SUM");
  if (how != "SUM" && how != "AVERAGE") return c.Fail("aggregate_function SUM or AVERAGE", how, "");
  return c.Make(how == "SUM" ? "sum" : "mean", {each, c.Vector({1})}, {{"keep_dims", 0}});
}

Status ConvertTreeRegressor(NodeContext& c) {
  OCTET_ASSIGN(Value y, TreeScores(c, ReadLeaves(c, "target"), c.Int("n_targets", 1)));
  if (const std::vector<float> base = FloatsAt(c, "base_values"); !base.empty()) {
    OCTET_ASSIGN(y, c.Emit("add", {y, Row(c, base)}));
  }
  return Set(c, Transformed(c, y));
}

// Leaves that speak of one of two classes only give its score.
Status ConvertTreeClassifier(NodeContext& c) {
  OCTET_ASSIGN(const Labels labels, ReadLabels(c));
  Leaves leaves = ReadLeaves(c, "class");
  const std::vector<float> base = FloatsAt(c, "base_values");
  const bool one = labels.count == 2 && !leaves.outputs.empty() && std::ranges::all_of(leaves.outputs, [&](int64_t o) { return o == leaves.outputs[0]; });
  if (one) std::ranges::fill(leaves.outputs, 0);
  OCTET_ASSIGN(Value scores, TreeScores(c, leaves, one ? 1 : labels.count));
  if (!base.empty()) {
    if (base.size() != static_cast<size_t>(one ? 1 : labels.count)) return c.Fail("a base value for each score", std::to_string(base.size()), "");
    OCTET_ASSIGN(scores, c.Emit("add", {scores, Row(c, base)}));
  }
  const bool probability = std::ranges::all_of(leaves.weights, [](float w) { return w >= 0; });
  return one ? ClassifyTwo(c, labels, scores, probability) : Classify(c, labels, scores);
}

Status ConvertZipMap(NodeContext& c) { return c.Fail("scores as a tensor", "a list of maps", "convert the classifier with options={'zipmap': False}"); }

constexpr NodeRule kRules[] = {
    {"ai.onnx.ml.ZipMap", 0, ConvertZipMap},
    {"ai.onnx.ml.Scaler", 0, ConvertScaler}, {"ai.onnx.ml.Normalizer", 0, ConvertNormalizer}, {"ai.onnx.ml.Binarizer", 0, ConvertBinarizer},
    {"ai.onnx.ml.Imputer", 0, ConvertImputer}, {"ai.onnx.ml.ArrayFeatureExtractor", 0, ConvertFeatureExtractor},
    {"ai.onnx.ml.FeatureVectorizer", 0, ConvertFeatureVectorizer}, {"ai.onnx.ml.LinearRegressor", 0, ConvertLinearRegressor},
    {"ai.onnx.ml.LinearClassifier", 0, ConvertLinearClassifier}, {"ai.onnx.ml.TreeEnsembleRegressor", 0, ConvertTreeRegressor},
    {"ai.onnx.ml.TreeEnsembleClassifier", 0, ConvertTreeClassifier}};

}  // namespace

const std::span<const NodeRule> kLearnedRules = kRules;

}  // namespace octet::importers::onnx
