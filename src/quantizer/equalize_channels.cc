// SPDX-License-Identifier: Apache-2.0
#include "quantizer/equalize_channels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kSweeps = 3;
constexpr float kDeadChannel = 1e-8f, kLargestFactor = 1e3f;
constexpr float kSix = 5.9f;  // What a channel under RELU6 may come to.

struct Use {
  NodeId node;
  WeightedOp op;
};

// Tensors whose channels must be scaled alike: joined by operators that pass channels through and by
// additions. Frozen when anything else makes or reads one of them.
struct Space {
  std::vector<TensorId> tensors;
  std::vector<Use> producers, consumers;
  int32_t channels = 0;
  bool frozen = false;
  bool clamped = false;  // A producer ends at 6.
};

class Spaces {
 public:
  Spaces(const Graph& g, EqualizeForm form) : g_(g), form_(form), parent_(g.tensors().size()), frozen_(g.tensors().size(), false) {
    std::iota(parent_.begin(), parent_.end(), 0);
    for (NodeId id : g.order()) Visit(id);
    for (TensorId t : g.inputs) Freeze(t);
    for (TensorId t : g.outputs) Freeze(t);
  }

  std::vector<Space> Collect() {
    std::vector<Space> by_root(parent_.size());
    for (size_t i = 0; i < parent_.size(); ++i) {
      const auto t = static_cast<TensorId>(i);
      Space& space = by_root[Find(t)];
      space.frozen |= frozen_[t] || g_.tensor(t).type.dtype != DType::kF32;
      if (!g_.is_constant(t)) space.tensors.push_back(t);
    }
    for (NodeId id : g_.order()) {
      Use use{id, {}};
      if (!FindWeights(g_, id, &use.op)) continue;
      Space& made = by_root[Find(g_.node(id).outputs[0])];
      made.producers.push_back(use);
      made.clamped |= !PassesScale(g_.node(id));
      by_root[Find(g_.node(id).inputs[use.op.data])].consumers.push_back(use);
    }
    std::erase_if(by_root, [&](Space& s) { return s.frozen || s.producers.empty() || s.consumers.empty() || !SetChannels(s); });
    return by_root;
  }

 private:
  TensorId Find(TensorId t) {
    while (parent_[t] != t) t = parent_[t] = parent_[parent_[t]];
    return t;
  }
  void Join(TensorId a, TensorId b) { parent_[Find(a)] = Find(b); }
  void Freeze(TensorId t) { frozen_[t] = true; }

  int32_t Last(TensorId t) const {
    const Shape& s = g_.tensor(t).type.shape;
    return s.rank() > 0 ? s.back() : 0;
  }

  void Visit(NodeId id) {
    const graph::Node& n = g_.node(id);
    WeightedOp weighted;
    if (FindWeights(g_, id, &weighted)) {
      if (!PassesScale(n) && !(form_.through_relu6 && ActivationOf(n) == ops::Activation::kRelu6)) Freeze(n.outputs[0]);
      // An operand of another role than data (a computed bias) is none of ours.
      for (size_t i = 0; i < n.inputs.size(); ++i)
        if (static_cast<int>(i) != weighted.data && n.inputs[i] != graph::kNoTensor && !g_.is_constant(n.inputs[i])) Freeze(n.inputs[i]);
      return;
    }
    const bool homogeneous = n.op->traits & ops::kHomogeneous;
    const bool sum = (n.op->traits & ops::kJointlyHomogeneous) && SameShapes(n) && PassesScale(n);
    if (homogeneous && KeepsChannels(n)) {
      Join(n.inputs[0], n.outputs[0]);
      for (size_t i = 1; i < n.inputs.size(); ++i)  // A computed slope or shape cannot be scaled along.
        if (n.inputs[i] != graph::kNoTensor && !g_.is_constant(n.inputs[i])) Freeze(n.inputs[i]);
    } else if (sum) {
      Join(n.inputs[0], n.outputs[0]);
      Join(n.inputs[1], n.outputs[0]);
    } else {
      for (TensorId t : n.inputs)
        if (t != graph::kNoTensor) Freeze(t);
      for (TensorId t : n.outputs) Freeze(t);
    }
  }

  // The fused activation may clamp at zero, but not at six or one.
  static bool PassesScale(const graph::Node& n) {
    const ops::Activation a = ActivationOf(n);
    return a == ops::Activation::kNone || a == ops::Activation::kRelu;
  }

  static ops::Activation ActivationOf(const graph::Node& n) {
    for (const ops::AttrRow& row : n.op->attrs.rows)
      if (row.name == "fused_activation_function") return *static_cast<const ops::Activation*>(row.at(const_cast<void*>(n.attrs.get())));
    return ops::Activation::kNone;
  }

  // Position k of the last dimension is channel k % channels afterwards, too. A reshape that only merges
  // (flatten) keeps that; one that splits does not.
  bool KeepsChannels(const graph::Node& n) const {
    const int32_t in = Last(n.inputs[0]), out = Last(n.outputs[0]);
    if (in <= 0 || out <= 0) return false;
    return (n.op->traits & ops::kAliases) ? out % in == 0 : out == in;
  }

  bool SameShapes(const graph::Node& n) const {
    return n.inputs.size() == 2 && g_.tensor(n.inputs[0]).type.shape == g_.tensor(n.inputs[1]).type.shape && !g_.is_constant(n.inputs[0]) && !g_.is_constant(n.inputs[1]);
  }

  // All producers make the same number of channels; consumers see a multiple of it (flattened).
  bool SetChannels(Space& s) const {
    const auto made = [&](const Use& u) { return g_.tensor(g_.node(u.node).inputs[u.op.weights]).type.shape[u.op.output_axis]; };
    s.channels = made(s.producers[0]);
    for (const Use& u : s.producers)
      if (made(u) != s.channels) return false;
    for (const Use& u : s.consumers) {
      const Shape& w = g_.tensor(g_.node(u.node).inputs[u.op.weights]).type.shape;
      if (w.back() % s.channels != 0) return false;
      if (!u.op.channelwise && w.back() != Last(g_.node(u.node).inputs[u.op.data])) return false;  // Grouped.
    }
    return s.channels > 1;
  }

  const Graph& g_;
  const EqualizeForm form_;
  std::vector<TensorId> parent_;
  std::vector<bool> frozen_;
};

std::vector<float> Copy(const graph::Tensor& t) { return {t.data<float>().begin(), t.data<float>().end()}; }

// The channel of the space that weight element i meets, and of its output.
struct WeightIndex {
  int64_t out_inner, out_count, last, multiplier;
  WeightIndex(const Shape& s, const WeightedOp& op, int32_t channels)
      : out_inner(s.elements(op.output_axis + 1, s.rank())), out_count(s[op.output_axis]), last(s.back()), multiplier(op.channelwise ? std::max<int64_t>(1, s.back() / channels) : 1) {}
  int64_t Output(int64_t i) const { return i / out_inner % out_count; }
};

// Input channel met by element i: flattened inputs repeat the channels, a depthwise multiplier stretches them.
int64_t InputChannel(const WeightIndex& index, const WeightedOp& op, int64_t i, int32_t channels) {
  const int64_t k = i % index.last;
  return op.channelwise ? k / index.multiplier : k % channels;
}

std::vector<float> ConsumerWeights(const Graph& g, const Space& s, bool depthwise_too) {
  std::vector<float> most(s.channels, 0.0f);
  for (const Use& u : s.consumers) {
    if (u.op.channelwise && !depthwise_too) continue;
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u.op, s.channels);
    const std::span<const float> v = w.data<float>();
    for (size_t i = 0; i < v.size(); ++i) {
      float& m = most[InputChannel(index, u.op, static_cast<int64_t>(i), s.channels)];
      m = std::max(m, std::abs(v[i]));
    }
  }
  return most;
}

std::vector<float> ActivationMaxima(const Graph& g, const Space& s, const Statistics& statistics) {
  std::vector<float> most(s.channels, 0.0f);
  for (TensorId t : s.tensors) {
    const auto it = statistics.find(g.tensor(t).name);
    if (it == statistics.end()) continue;
    const std::vector<float>& m = it->second.channel_max;
    for (size_t i = 0; i < m.size(); ++i) most[i % s.channels] = std::max(most[i % s.channels], m[i]);
  }
  return most;
}

std::vector<float> ProducerWeights(const Graph& g, const Space& s) {
  std::vector<float> most(s.channels, 0.0f);
  for (const Use& u : s.producers) {
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u.op, s.channels);
    const std::span<const float> v = w.data<float>();
    for (size_t i = 0; i < v.size(); ++i) {
      float& m = most[index.Output(static_cast<int64_t>(i))];
      m = std::max(m, std::abs(v[i]));
    }
  }
  return most;
}

// `a`: what the activations reach.
std::vector<float> Factors(const Graph& g, const Space& s, const std::vector<float>& a, EqualizeForm form) {
  const std::vector<float> w = ConsumerWeights(g, s, form.by_weights), made = form.by_weights ? ProducerWeights(g, s) : a;
  const bool depthwise_only = !form.by_weights && std::ranges::all_of(s.consumers, [](const Use& u) { return u.op.channelwise; });
  std::vector<float> factors(s.channels, 1.0f);
  double log_sum = 0;
  int live = 0;
  const auto dead = [&](int c) { return made[c] < kDeadChannel || (!depthwise_only && w[c] < kDeadChannel) || (s.clamped && a[c] > kSix); };
  for (int c = 0; c < s.channels; ++c) {
    if (dead(c)) continue;
    factors[c] = depthwise_only ? made[c] : std::sqrt(made[c] / w[c]);
    log_sum += std::log(static_cast<double>(factors[c]));
    ++live;
  }
  const float mean = live ? static_cast<float>(std::exp(log_sum / live)) : 1.0f;
  for (int c = 0; c < s.channels; ++c) {
    factors[c] = dead(c) ? 1.0f : std::clamp(factors[c] / mean, 1.0f / kLargestFactor, kLargestFactor);
    if (s.clamped && !dead(c)) factors[c] = std::max(factors[c], a[c] / kSix);
  }
  return factors;
}

void SetConstant(Graph& g, NodeId node, int input, const std::vector<float>& values) {
  const graph::Tensor& old = g.tensor(g.node(node).inputs[input]);
  const std::string name = old.name;
  const Shape shape = old.type.shape;
  g.SetInput(node, input, g.AddConstant<float>(name, shape, values));
}

void Apply(Graph& g, const Space& s, const std::vector<float>& factors) {
  for (const Use& u : s.producers) {
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u.op, s.channels);
    std::vector<float> v = Copy(w);
    for (size_t i = 0; i < v.size(); ++i) v[i] /= factors[index.Output(static_cast<int64_t>(i))];
    SetConstant(g, u.node, u.op.weights, v);
    if (u.op.bias < 0 || g.node(u.node).inputs[u.op.bias] == graph::kNoTensor) continue;
    std::vector<float> b = Copy(g.tensor(g.node(u.node).inputs[u.op.bias]));
    for (size_t c = 0; c < b.size(); ++c) b[c] /= factors[c];
    SetConstant(g, u.node, u.op.bias, b);
  }
  for (const Use& u : s.consumers) {
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u.op, s.channels);
    std::vector<float> v = Copy(w);
    for (size_t i = 0; i < v.size(); ++i) v[i] *= factors[InputChannel(index, u.op, static_cast<int64_t>(i), s.channels)];
    SetConstant(g, u.node, u.op.weights, v);
  }
}

// Bounds after scaling: exact for the channel maxima; the range follows from them.
void ScaleStatistics(const Graph& g, const Space& s, const std::vector<float>& factors, Statistics& statistics) {
  for (TensorId t : s.tensors) {
    const auto it = statistics.find(g.tensor(t).name);
    if (it == statistics.end()) continue;
    TensorStatistics& st = it->second;
    float most = 0;
    for (size_t i = 0; i < st.channel_max.size(); ++i) {
      st.channel_max[i] /= factors[i % s.channels];
      st.channel_mean[i] /= static_cast<double>(factors[i % s.channels]);
      most = std::max(most, st.channel_max[i]);
    }
    st.min = st.min < 0 ? -most : 0;
    st.max = most;
    st.histogram.clear();
  }
}

}  // namespace

float Spread(const std::vector<float>& channel_max) {
  std::vector<float> live;
  for (float m : channel_max)
    if (m > kDeadChannel) live.push_back(m);
  if (live.size() < 2) return 1;
  std::ranges::sort(live);
  return live.back() / live[live.size() / 2];
}

std::vector<EqualizedSpace> EqualizeChannels(Graph& g, Statistics& statistics, EqualizeForm form) {
  std::vector<Space> spaces = Spaces(g, form).Collect();
  std::ranges::sort(spaces, {}, [](const Space& s) { return s.producers[0].node; });  // Topological.
  std::vector<EqualizedSpace> report;
  for (const Space& s : spaces)
    report.push_back({g.node(s.producers[0].node).place, s.channels, Spread(ActivationMaxima(g, s, statistics)), 0});
  if (std::ranges::all_of(report, [&](const EqualizedSpace& s) { return s.spread_before < form.from_spread; })) return {};
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    for (const Space& s : spaces) {
      const std::vector<float> factors = Factors(g, s, ActivationMaxima(g, s, statistics), form);
      Apply(g, s, factors);
      ScaleStatistics(g, s, factors, statistics);
    }
  }
  for (size_t i = 0; i < spaces.size(); ++i) report[i].spread_after = Spread(ActivationMaxima(g, spaces[i], statistics));
  return report;
}

}  // namespace octet::quantizer
