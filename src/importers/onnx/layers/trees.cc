// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml's ensembles of trees: all trees go down one step at a time together.
#include <algorithm>
#include <cmath>
#include <map>

#include "base/strings.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/learned.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// All nodes in one row; a leaf leads to itself.
struct Trees {
  std::vector<int32_t> feature, yes, no, roots;
  std::vector<float> limit;    // To `yes` up to here.
  std::vector<bool> missing;   // Whether what is no number goes there, too.
  std::map<std::pair<int64_t, int64_t>, int32_t> place;  // By tree and node.
  int depth = 0;

  int32_t Add(int32_t of) {
    const auto i = static_cast<int32_t>(feature.size());
    feature.push_back(of), yes.push_back(i), no.push_back(i), limit.push_back(0.0f), missing.push_back(false);
    return i;
  }
  void Branch(int32_t i, float at, int32_t to_yes, int32_t to_no, bool with_missing) {
    const auto k = static_cast<size_t>(i);
    limit[k] = at, yes[k] = to_yes, no[k] = to_no, missing[k] = with_missing;
  }
};

constexpr int kDeepest = 64;
constexpr size_t kMostNodes = 1 << 22;
// As TreeEnsemble numbers them.
constexpr std::string_view kModes[] = {"BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER"};
enum Mode { kLessEqual, kLess, kGreaterEqual, kGreater, kEqual, kNotEqual, kMember };

float Below(float v) { return std::nextafter(v, -INFINITY); }

struct Question {
  int mode = kLessEqual;
  float limit = 0;
  int32_t yes = 0, no = 0;
  bool missing = false;
};

// Two limits, one behind the other. What is no number equals nothing.
void AskEqual(Trees* t, int32_t i, const Question& q) {
  const int32_t inner = t->Add(t->feature[static_cast<size_t>(i)]);
  t->Branch(i, q.limit, inner, q.no, q.missing);
  t->Branch(inner, Below(q.limit), q.no, q.yes, false);
}

// Every question as ones whether a number is at most a limit. False: none of those that there are.
bool Ask(Trees* t, int32_t i, const Question& q) {
  switch (q.mode) {
    case kLessEqual: t->Branch(i, q.limit, q.yes, q.no, q.missing); return true;
    case kLess: t->Branch(i, Below(q.limit), q.yes, q.no, q.missing); return true;
    case kGreaterEqual: t->Branch(i, Below(q.limit), q.no, q.yes, !q.missing); return true;
    case kGreater: t->Branch(i, q.limit, q.no, q.yes, !q.missing); return true;
    case kEqual: AskEqual(t, i, q); return true;
    case kNotEqual: AskEqual(t, i, {kEqual, q.limit, q.no, q.yes, false}); return true;
    default: return false;
  }
}

// Whether a number is one of these: one question after the other.
void AskMember(Trees* t, int32_t i, std::span<const float> members, const Question& q) {
  if (members.empty()) t->Branch(i, 0.0f, q.no, q.no, false);
  for (size_t k = 0; k < members.size(); ++k) {
    const int32_t next = k + 1 < members.size() ? t->Add(t->feature[static_cast<size_t>(i)]) : q.no;
    AskEqual(t, i, {kEqual, members[k], q.yes, next, q.missing});
    i = next;
  }
}

// Steps from the roots to the lowest leaf; -1 where they are too many, as where nodes lead back.
int DepthOf(const Trees& t) {
  std::vector<int32_t> level = t.roots;
  for (int depth = 0; depth <= kDeepest; ++depth) {
    std::vector<int32_t> next;
    for (const int32_t i : level) {
      const auto k = static_cast<size_t>(i);
      if (t.yes[k] != i) next.insert(next.end(), {t.yes[k], t.no[k]});
    }
    if (next.empty()) return depth;
    std::ranges::sort(next);
    next.erase(std::ranges::unique(next).begin(), next.end());
    level = std::move(next);
  }
  return -1;
}

Status FindDepth(NodeContext& c, Trees* t) {
  t->depth = DepthOf(*t);
  return t->depth >= 0 ? Status() : c.Fail(Format("trees of at most %d steps", kDeepest), "deeper ones", "");
}

bool IsFeature(int64_t f) { return f >= 0 && f <= INT32_MAX; }

Result<Trees> ReadTrees(NodeContext& c) {
  const std::vector<int64_t> trees = IntsAt(c, "nodes_treeids"), nodes = IntsAt(c, "nodes_nodeids"), features = IntsAt(c, "nodes_featureids");
  const std::vector<int64_t> yes = IntsAt(c, "nodes_truenodeids"), no = IntsAt(c, "nodes_falsenodeids"), missing = IntsAt(c, "nodes_missing_value_tracks_true");
  const std::vector<float> limits = FloatsAt(c, "nodes_values");
  const std::vector<std::string> modes = c.Texts("nodes_modes");
  const size_t n = nodes.size();
  const size_t sizes[] = {trees.size(), features.size(), yes.size(), no.size(), limits.size(), modes.size(), missing.empty() ? n : missing.size()};
  if (n < 1 || n > kMostNodes || std::ranges::any_of(sizes, [&](size_t s) { return s != n; }))
    return c.Fail("trees whose nodes' attributes are all there", Format("%zu nodes", n), "check the model");
  Trees t;
  for (size_t i = 0; i < n; ++i) {
    const bool leaf = modes[i] == "LEAF";
    if (!leaf && !IsFeature(features[i])) return c.Fail("features counted from 0", std::to_string(features[i]), "check the model");
    const int32_t at = t.Add(leaf ? 0 : static_cast<int32_t>(features[i]));
    if (!t.place.emplace(std::pair(trees[i], nodes[i]), at).second) return c.Fail("one node of each number", "two", "check the model");
    if (i == 0 || trees[i] != trees[i - 1]) t.roots.push_back(at);
  }
  for (size_t i = 0; i < n; ++i) {
    if (modes[i] == "LEAF") continue;
    const auto a = t.place.find({trees[i], yes[i]}), b = t.place.find({trees[i], no[i]});
    if (a == t.place.end() || b == t.place.end()) return c.Fail("branches that lead to nodes", "others", "check the model");
    const int mode = static_cast<int>(std::ranges::find(kModes, modes[i]) - std::begin(kModes));
    if (!Ask(&t, static_cast<int32_t>(i), {mode, limits[i], a->second, b->second, !missing.empty() && missing[i] != 0}))
      return c.Fail("branches by comparison", modes[i], "");
  }
  OCTET_TRY(FindDepth(c, &t));
  return t;
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

// What places add to each output.
struct Leaves {
  std::vector<int32_t> places;
  std::vector<int64_t> outputs;
  std::vector<float> weights;
};

Result<Leaves> ReadLeaves(NodeContext& c, const Trees& t, const std::string& of) {
  const std::vector<int64_t> trees = IntsAt(c, of + "_treeids"), nodes = IntsAt(c, of + "_nodeids");
  Leaves leaves{{}, IntsAt(c, of + "_ids"), FloatsAt(c, of + "_weights")};
  const size_t sizes[] = {nodes.size(), leaves.outputs.size(), leaves.weights.size()};
  if (std::ranges::any_of(sizes, [&](size_t s) { return s != trees.size(); })) return c.Fail("a number for each leaf", "others", "check the model");
  for (size_t i = 0; i < trees.size(); ++i) {
    const auto at = t.place.find({trees[i], nodes[i]});
    if (at == t.place.end()) return c.Fail("leaves that are there", "others", "check the model");
    leaves.places.push_back(at->second);
  }
  return leaves;
}

// `aggregate`: an operator that reduces.
Result<Value> TreeScores(NodeContext& c, const Trees& t, const Leaves& leaves, int64_t outputs, std::string_view aggregate) {
  constexpr int64_t kMostWeights = 1 << 24;
  OCTET_ASSIGN(const Value x, Rows(c));
  const auto n = static_cast<int64_t>(t.feature.size());
  if (std::ranges::max(t.feature) >= c.shape(x).back() && c.shape(x).back() != kUnknown)
    return c.Fail("rows of as many numbers as the trees ask for", c.shape(x).text(), "check the model");
  if (outputs < 1 || outputs > kMostWeights / n) return c.Fail("at most 2^24 numbers of leaves", std::to_string(outputs), "");
  std::vector<float> weights(static_cast<size_t>(n * outputs), 0.0f);
  for (size_t i = 0; i < leaves.places.size(); ++i) {
    if (leaves.outputs[i] < 0 || leaves.outputs[i] >= outputs)
      return c.Fail("leaves of outputs that are there", std::to_string(leaves.outputs[i]), "check the model");
    weights[static_cast<size_t>(leaves.places[i] * outputs + leaves.outputs[i])] += leaves.weights[i];
  }
  OCTET_ASSIGN(const Value ends, Descent(c, t).Ends(x));
  const Value table = c.Constant<float>(Shape{static_cast<int32_t>(n), static_cast<int32_t>(outputs)}, weights);
  OCTET_ASSIGN(const Value each, c.Make("gather", {table, ends}, {{"axis", 0}}));
  return c.Make(aggregate, {each, c.Vector({1})}, {{"keep_dims", 0}});
}

// "SUM" or its number as the operator that does it. The least of several outputs would have to leave out trees that say nothing of one.
Result<std::string_view> Aggregate(NodeContext& c, int64_t outputs) {
  constexpr std::string_view kNames[] = {"AVERAGE", "SUM", "MIN", "MAX"}, kOps[] = {"mean", "sum", "reduce_min", "reduce_max"};
  const std::string name = c.Text("aggregate_function", "");
  const int64_t k = name.empty() ? c.Int("aggregate_function", 1) : std::ranges::find(kNames, name) - std::begin(kNames);
  if (k < 0 || k > 3 || (k > 1 && outputs != 1))
    return c.Fail("aggregate_function SUM or AVERAGE, of one output also MIN or MAX", name.empty() ? std::to_string(k) : name, "");
  return kOps[k];
}

Status ConvertTreeRegressor(NodeContext& c) {
  const int64_t outputs = c.Int("n_targets", 1);
  OCTET_ASSIGN(const Trees t, ReadTrees(c));
  OCTET_ASSIGN(const Leaves leaves, ReadLeaves(c, t, "target"));
  OCTET_ASSIGN(const std::string_view aggregate, Aggregate(c, outputs));
  OCTET_ASSIGN(Value y, TreeScores(c, t, leaves, outputs, aggregate));
  if (const std::vector<float> base = FloatsAt(c, "base_values"); !base.empty()) {
    OCTET_ASSIGN(y, c.Emit("add", {y, Row(c, base)}));
  }
  return Set(c, Transformed(c, y));
}

// Leaves that speak of one of two classes only give its score.
Status ConvertTreeClassifier(NodeContext& c) {
  OCTET_ASSIGN(const Labels labels, ReadLabels(c));
  OCTET_ASSIGN(const Trees t, ReadTrees(c));
  OCTET_ASSIGN(Leaves leaves, ReadLeaves(c, t, "class"));
  const std::vector<float> base = FloatsAt(c, "base_values");
  const bool one = labels.count == 2 && !leaves.outputs.empty() && std::ranges::all_of(leaves.outputs, [&](int64_t o) { return o == leaves.outputs[0]; });
  if (one) std::ranges::fill(leaves.outputs, 0);
  OCTET_ASSIGN(Value scores, TreeScores(c, t, leaves, one ? 1 : labels.count, "sum"));
  if (!base.empty()) {
    if (base.size() != static_cast<size_t>(one ? 1 : labels.count))
      return c.Fail("a base value for each score", std::to_string(base.size()), "check the model");
    OCTET_ASSIGN(scores, c.Emit("add", {scores, Row(c, base)}));
  }
  if (!one) return Classify(c, labels, scores);
  const bool probability = std::ranges::all_of(leaves.weights, [](float w) { return w >= 0; });
  return probability ? ClassifyByProbability(c, labels, scores) : ClassifyByMargin(c, labels, scores);
}

// ------------------------------------------------------------------------- TreeEnsemble (opset 5)

Result<std::vector<float>> TensorAt(NodeContext& c, std::string_view key) {
  const AttributeProto* a = c.Find(key);
  if (!a || !a->t) return std::vector<float>();
  OCTET_ASSIGN(const Value stored, c.builder().Stored(*a->t, c.place() + "/" + std::string(key)));
  OCTET_ASSIGN(const Value numbers, c.Cast(stored, DType::kF32));
  return c.FloatsOf(numbers);
}

// The members of the next set, of all sets with what is no number behind each.
std::span<const float> NextSet(std::span<const float>* all) {
  const size_t count = static_cast<size_t>(std::ranges::find_if(*all, [](float v) { return std::isnan(v); }) - all->begin());
  const std::span<const float> set = all->first(count);
  *all = all->subspan(std::min(count + 1, all->size()));
  return set;
}

// Inner nodes, then leaves.
Result<Trees> ReadSplits(NodeContext& c, size_t leaves) {
  const std::vector<int64_t> features = IntsAt(c, "nodes_featureids"), yes = IntsAt(c, "nodes_truenodeids"), no = IntsAt(c, "nodes_falsenodeids");
  const std::vector<int64_t> yes_ends = IntsAt(c, "nodes_trueleafs"), no_ends = IntsAt(c, "nodes_falseleafs"),
                             missing = IntsAt(c, "nodes_missing_value_tracks_true");
  OCTET_ASSIGN(const std::vector<float> limits, TensorAt(c, "nodes_splits"));
  OCTET_ASSIGN(const std::vector<float> modes, TensorAt(c, "nodes_modes"));
  OCTET_ASSIGN(const std::vector<float> members, TensorAt(c, "membership_values"));
  const size_t n = features.size();
  const size_t sizes[] = {yes.size(), no.size(), yes_ends.size(), no_ends.size(), limits.size(), modes.size(), missing.empty() ? n : missing.size()};
  if (n < 1 || leaves < 1 || n + leaves > kMostNodes || members.size() > kMostNodes || std::ranges::any_of(sizes, [&](size_t s) { return s != n; }))
    return c.Fail("trees whose nodes' attributes are all there", Format("%zu nodes and %zu leaves", n, leaves), "check the model");
  Trees t;
  for (const int64_t f : features) {
    if (!IsFeature(f)) return c.Fail("features counted from 0", std::to_string(f), "check the model");
    t.Add(static_cast<int32_t>(f));
  }
  for (size_t i = 0; i < leaves; ++i) t.Add(0);
  std::span<const float> sets = members;
  for (size_t i = 0; i < n; ++i) {
    const auto within = [&](int64_t to, bool leaf) { return to >= 0 && to < static_cast<int64_t>(leaf ? leaves : n); };
    if (!within(yes[i], yes_ends[i] != 0) || !within(no[i], no_ends[i] != 0)) return c.Fail("branches that lead to nodes", "others", "check the model");
    const auto to = [&](int64_t at, bool leaf) { return static_cast<int32_t>(at + (leaf ? static_cast<int64_t>(n) : 0)); };
    const int mode = modes[i] >= 0 && modes[i] <= static_cast<float>(kMember) ? static_cast<int>(modes[i]) : -1;
    const Question q{mode, limits[i], to(yes[i], yes_ends[i] != 0), to(no[i], no_ends[i] != 0), !missing.empty() && missing[i] != 0};
    if (q.mode == kMember) AskMember(&t, static_cast<int32_t>(i), NextSet(&sets), q);
    else if (!Ask(&t, static_cast<int32_t>(i), q)) return c.Fail("branches by comparison", std::to_string(q.mode), "check the model");
  }
  for (const int64_t r : IntsAt(c, "tree_roots")) {
    if (r < 0 || r >= static_cast<int64_t>(n)) return c.Fail("roots that are nodes", std::to_string(r), "check the model");
    t.roots.push_back(static_cast<int32_t>(r));
  }
  if (t.roots.empty() || t.roots.size() > kMostNodes) return c.Fail("roots of trees", std::to_string(t.roots.size()), "check the model");
  OCTET_TRY(FindDepth(c, &t));
  return t;
}

Status ConvertTreeEnsemble(NodeContext& c) {
  const int64_t outputs = c.Int("n_targets", 1);
  Leaves leaves{{}, IntsAt(c, "leaf_targetids"), {}};
  OCTET_ASSIGN(leaves.weights, TensorAt(c, "leaf_weights"));
  const size_t ends = leaves.weights.size();
  if (leaves.outputs.size() != ends) return c.Fail("a number for each leaf", "others", "check the model");
  OCTET_ASSIGN(const Trees t, ReadSplits(c, ends));
  const size_t inner = IntsAt(c, "nodes_featureids").size();
  for (size_t i = 0; i < ends; ++i) leaves.places.push_back(static_cast<int32_t>(inner + i));
  OCTET_ASSIGN(const std::string_view aggregate, Aggregate(c, outputs));
  OCTET_ASSIGN(const Value y, TreeScores(c, t, leaves, outputs, aggregate));
  return Set(c, Transformed(c, y));
}

constexpr NodeRule kRules[] = {{"ai.onnx.ml.TreeEnsembleRegressor", 0, ConvertTreeRegressor}, {"ai.onnx.ml.TreeEnsembleClassifier", 0, ConvertTreeClassifier},
                               {"ai.onnx.ml.TreeEnsemble", 0, ConvertTreeEnsemble}};

}  // namespace

const std::span<const NodeRule> kTreeRules = kRules;

}  // namespace octet::importers::onnx
