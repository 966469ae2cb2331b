// SPDX-License-Identifier: Apache-2.0
#include "passes/visible_ranges.h"

#include <algorithm>
#include <cmath>
#include <ranges>
#include <vector>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kMargin = 12;                    // A logarithm: what is so far below a row's largest score is nothing beside it.
constexpr float kBoundless = 1e30f, kFar = 1e9f;
constexpr float kSteps = 256;                    // An operand's smallest step, of what it reaches.
constexpr Interval kAll, kNone{INFINITY, -INFINITY};
// Their outputs are some of their inputs' values, the same ones whatever the others are.
constexpr std::string_view kChoosing[] = {"maximum", "minimum", "max_pool_2d", "reduce_max", "reduce_min", "select", "select_v2"};
constexpr std::string_view kDividing[] = {"div", "floor_div", "floor_mod"};
constexpr std::string_view kMasking[] = {"add", "maximum", "minimum", "mul", "padv2", "select", "select_v2", "sub"};

// Functions that are level beyond these ends, but for what is a tenth of an int8 step: e^-8 of 1.
struct Levelling {
  std::string_view op;
  Interval ends;
};
constexpr Levelling kLevelling[] = {{"elu", {-8, INFINITY}}, {"gelu", {-4, INFINITY}},        {"logistic", {-8, 8}}, {"tanh", {-4, 4}},
                                    {"relu", {0, INFINITY}}, {"relu_0_to_1", {0, 1}}, {"relu6", {0, 6}},     {"relu_n1_to_1", {-1, 1}}};
constexpr Interval kSwish{-10, INFINITY};  // x * logistic(x)

const Levelling* FindLevelling(const graph::Node& n) {
  const auto it = std::ranges::find(kLevelling, n.op->name, &Levelling::op);
  return it == std::end(kLevelling) ? nullptr : it;
}

bool IsSoftmax(const graph::Node& n) { return n.op->name == "softmax"; }

bool IsOneOf(std::span<const std::string_view> names, const graph::Node& n) { return std::ranges::find(names, n.op->name) != names.end(); }

bool IsFloat(const Graph& g, TensorId t) { return t != graph::kNoTensor && g.tensor(t).type.dtype == DType::kF32; }

Interval Hull(Interval a, Interval b) { return {std::min(a.low, b.low), std::max(a.high, b.high)}; }

// Does it copy all of its input, or a part that no value decides?
bool Moves(const Graph& g, const graph::Node& n) {
  if (!(n.op->traits & ops::kMovesBytes) || std::ranges::any_of(n.op->inputs, [](const ops::Operand& o) { return o.role == ops::Role::kIndex; })) return false;
  const bool part = n.op->name == "slice" || n.op->name == "strided_slice";
  return !part || std::ranges::all_of(n.inputs | std::views::drop(1), [&](TensorId t) { return g.is_constant(t); });
}

// How many of a row's largest values decide what the node makes; 0: all.
int RankRead(const Graph& g, const graph::Node& n) {
  if (IsSoftmax(n)) return 1;
  if (n.op->name != "arg_max" && n.op->name != "topk_v2") return 0;
  const std::optional<int32_t> number = ConstantNumber(g, n.inputs[1]);
  if (!number) return 0;
  if (n.op->name == "topk_v2") return g.uses(n.outputs[0]) == 0 ? std::max(*number, 0) : 0;
  return *number == -1 || *number == g.tensor(n.inputs[0]).type.shape.rank() - 1 ? 1 : 0;
}

class Walk {
 public:
  Walk(const Graph& g, const Seen& seen) : g_(g), seen_(seen), visible_(g.tensors().size(), kNone) {}

  std::map<TensorId, Interval> Run() {
    for (TensorId t : g_.outputs)
      if (t != graph::kNoTensor) visible_[static_cast<size_t>(t)] = kAll;
    const std::vector<NodeId> order = g_.order();
    for (auto id = order.rbegin(); id != order.rend(); ++id) Read(g_.node(*id));
    std::map<TensorId, Interval> narrowed;
    for (size_t t = 0; t < visible_.size(); ++t)
      if (const Interval v = visible_[t]; v.low <= v.high && (std::isfinite(v.low) || std::isfinite(v.high))) narrowed[static_cast<TensorId>(t)] = v;
    return narrowed;
  }

 private:
  Interval& Visible(TensorId t) { return visible_[static_cast<size_t>(t)]; }
  std::optional<SeenValues> SeenOf(TensorId t) const { return IsFloat(g_, t) ? seen_(g_.tensor(t).name) : std::nullopt; }

  // A constant's own values: ranges, which have zero in them, are wider.
  std::optional<SeenValues> Held(TensorId t) const {
    if (!IsFloat(g_, t) || !g_.is_constant(t) || g_.tensor(t).data<float>().empty()) return SeenOf(t);
    const auto [min, max] = std::ranges::minmax_element(g_.tensor(t).data<float>());
    return SeenValues{*min, *max, INFINITY};
  }

  // Its operands are seen through it.
  void Read(const graph::Node& n) {
    for (size_t i = 0; i < n.inputs.size(); ++i)
      if (IsFloat(g_, n.inputs[i])) Visible(n.inputs[i]) = Hull(Visible(n.inputs[i]), Through(n, i));
  }

  Interval Through(const graph::Node& n, size_t i) {
    if (const int rank = RankRead(g_, n); rank > 0 && i == 0) return AbovePeaks(n);
    if (IsOneOf(kChoosing, n) || Moves(g_, n)) return OfOutputs(n);
    if (n.op->name == "add" || n.op->name == "sub" || n.op->name == "mul") return ThroughArithmetic(n, i);
    if (const Levelling* levelling = FindLevelling(n)) return levelling->ends;
    if (n.op->name == "neg") return {-Visible(n.outputs[0]).high, -Visible(n.outputs[0]).low};
    return kAll;
  }

  // As far below the least peak again as the highest one is above it: other samples may have lower ones.
  Interval AbovePeaks(const graph::Node& n) const {
    const std::optional<SeenValues> s = SeenOf(n.inputs[0]);
    if (!s || !std::isfinite(s->least_peak)) return kAll;
    const float margin = IsSoftmax(n) ? MarginOf(n) : 0;
    return {s->least_peak - std::max(margin, s->max - s->least_peak), INFINITY};
  }

  Interval OfOutputs(const graph::Node& n) {
    Interval all = kNone;
    for (TensorId t : n.outputs) {
      const std::optional<SeenValues> s = SeenOf(t);
      if (!s) return kAll;
      all = Hull(all, {std::max(Visible(t).low, s->min), std::min(Visible(t).high, s->max)});
    }
    return all.low <= all.high ? all : kAll;
  }

  // Of the node's output, before its activation.
  Interval Unactivated(const graph::Node& n) {
    const Interval out = Visible(n.outputs[0]);
    switch (*FindAttr<ops::Activation>(n, "fused_activation_function")) {
      case ops::Activation::kNone: return out;
      case ops::Activation::kRelu: return {std::max(out.low, 0.0f), out.high};
      case ops::Activation::kRelu6: return {std::max(out.low, 0.0f), std::min(out.high, 6.0f)};
      case ops::Activation::kReluN1To1: return {std::max(out.low, -1.0f), std::min(out.high, 1.0f)};
      default: return kAll;
    }
  }

  Interval ThroughArithmetic(const graph::Node& n, size_t i) {
    const Interval out = Unactivated(n);
    const std::optional<SeenValues> own = SeenOf(n.inputs[i]), other = Held(n.inputs[1 - i]), made = SeenOf(n.outputs[0]);
    if (n.op->name == "mul" && IsLogisticOf(n.inputs[1 - i], n.inputs[i])) return kSwish;
    if (!own || !other || !made) return kAll;
    if (n.op->name == "add") return {out.low - other->max, out.high - other->min};
    if (n.op->name == "sub") return i == 0 ? Interval{out.low + other->min, out.high + other->max} : Interval{other->min - out.high, other->max - out.low};
    if (FusesActivation(n) || (!std::isfinite(out.low) && !std::isfinite(out.high))) return kAll;
    // The smaller factor moves by steps: by the first of them already the product goes out of sight.
    const float sight = std::max(-std::max(out.low, made->min), std::min(out.high, made->max)), step = Reach(*other) / kSteps;
    return step > 0 && Reach(*other) < Reach(*own) ? Interval{-sight / step, sight / step} : kAll;
  }
  static float Reach(const SeenValues& s) { return std::max(-s.min, s.max); }

  static bool FusesActivation(const graph::Node& n) { return *FindAttr<ops::Activation>(n, "fused_activation_function") != ops::Activation::kNone; }

  bool IsLogisticOf(TensorId y, TensorId x) const {
    const NodeId made = g_.tensor(y).producer;
    return made >= 0 && g_.node(made).op->name == "logistic" && g_.node(made).inputs[0] == x;
  }

  const Graph& g_;
  const Seen& seen_;
  std::vector<Interval> visible_;  // By tensor; kNone: not read.
};

}  // namespace

int RankRead(const Graph& g, TensorId t) {
  int rank = 0;
  for (NodeId id : g.tensor(t).consumers)
    if (g.node(id).inputs[0] == t) rank = std::max(rank, RankRead(g, g.node(id)));
  return IsFloat(g, t) && g.tensor(t).type.shape.rank() > 0 ? rank : 0;
}

float MarginOf(const graph::Node& n) {
  const float* beta = IsSoftmax(n) ? FindAttr<float>(n, "beta") : nullptr;
  return beta && *beta > 0 ? kMargin / *beta : INFINITY;
}

std::map<TensorId, Interval> VisibleRanges(const Graph& g, const Seen& seen) { return Walk(g, seen).Run(); }

bool IsBounded(const Graph& g, TensorId t) {
  return !g.is_output(t) && std::ranges::all_of(g.tensor(t).consumers, [&](NodeId id) {
    const graph::Node& n = g.node(id);
    return FindLevelling(n) || ((n.op->name == "minimum" || n.op->name == "maximum") && g.is_constant(n.inputs[n.inputs[0] == t ? 1 : 0]));
  });
}

TensorId DivisorOf(const graph::Node& n) { return IsOneOf(kDividing, n) ? n.inputs[1] : graph::kNoTensor; }

int MakeFinite(Graph& g) {
  return ForEachNode(g, [&](NodeId id) {
    bool changed = false;
    for (size_t i = 0; i < g.node(id).inputs.size() && IsOneOf(kMasking, g.node(id)); ++i) {
      const TensorId t = g.node(id).inputs[i];
      if (!IsFloat(g, t) || !g.is_constant(t)) continue;
      std::vector<float> values(g.tensor(t).data<float>().begin(), g.tensor(t).data<float>().end());
      const auto boundless = [](float v) { return std::abs(v) >= kBoundless; };
      if (std::ranges::none_of(values, boundless)) continue;
      for (float& v : values) v = boundless(v) ? std::copysign(kFar, v) : v;
      g.SetInput(id, static_cast<int>(i), g.AddConstant<float>(g.tensor(t).name + "/finite", g.tensor(t).type.shape, values));
      changed = true;
    }
    return changed;
  });
}

}  // namespace octet::passes
