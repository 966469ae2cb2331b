// SPDX-License-Identifier: Apache-2.0
#include "quantizer/equalize_channels.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "quantizer/channel_gain.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kSweeps = 3;
constexpr float kLargestFactor = 1e3f;
constexpr float kSix = 5.9f;  // What a channel under RELU6 may come to.

// Which of a space's channels a tensor holds; a flattened one holds them again and again.
struct Slice {
  int64_t offset = 0, width = 0;
  int64_t operator()(int64_t channel) const { return offset + channel % width; }
};

struct Use {
  NodeId node;
  WeightedOp op;
  Slice slice;  // Of what it makes, or reads.
};

struct Member {
  TensorId tensor;
  Slice slice;
};

// One number per channel of what a node makes: a factor (a LayerNorm's gain, a batch norm that nothing took in), or a
// term that is scaled along.
struct Numbers {
  enum class Part : uint8_t { kBegins, kTerm, kEnds };  // At a factor a space begins, as behind weights, and another ends, as before them.
  NodeId node;
  int operand;
  Part part;
  Slice slice;
};

// Tensors whose channels must be scaled alike: joined by operators that pass channels through, by additions, and, side
// by side, by concatenations. Frozen when anything else makes or reads one of them.
struct Space {
  std::vector<Member> tensors;
  std::vector<Use> producers, consumers;
  std::vector<Numbers> numbers;
  int32_t channels = 0;
  NodeId first = -1;  // That makes any of it.
  bool frozen = false;
  bool clamped = false;  // A producer ends at 6.
};

class Spaces {
 public:
  Spaces(const Graph& g, EqualizeForm form)
      : g_(g), form_(form), parent_(g.tensors().size()), shift_(parent_.size(), 0), width_(parent_.size()), frozen_(parent_.size(), false) {
    std::iota(parent_.begin(), parent_.end(), 0);
    for (size_t i = 0; i < width_.size(); ++i) width_[i] = Last(static_cast<TensorId>(i));
    for (NodeId id : g.order()) Visit(id);
    for (TensorId t : g.inputs) Freeze(t);
    for (TensorId t : g.outputs) Freeze(t);
  }

  std::vector<Space> Collect() {
    std::vector<Space> by_root(parent_.size());
    for (size_t i = 0; i < parent_.size(); ++i) {
      const auto t = static_cast<TensorId>(i);
      Space& space = by_root[Root(t)];
      space.frozen |= frozen_[t] || g_.tensor(t).type.dtype != DType::kF32;
      if (!g_.is_constant(t)) space.tensors.push_back({t, SliceOf(t)});
    }
    for (NodeId id : g_.order()) {
      WeightedOp op;
      if (!FindWeights(g_, id, &op)) continue;
      const TensorId in = g_.node(id).inputs[op.data], out = g_.node(id).outputs[0];
      Space& made = by_root[Root(out)];
      made.producers.push_back({id, op, SliceOf(out)});
      made.clamped |= !PassesScale(g_.node(id));
      by_root[Root(in)].consumers.push_back({id, op, SliceOf(in)});
    }
    for (Numbers& n : numbers_) {
      const graph::Node& node = g_.node(n.node);
      const TensorId t = n.part == Numbers::Part::kEnds ? node.inputs[static_cast<size_t>(1 - n.operand)] : node.outputs[0];
      n.slice = SliceOf(t);
      by_root[Root(t)].numbers.push_back(n);
    }
    std::erase_if(by_root, [&](Space& s) { return s.frozen || !IsRead(s) || !SetChannels(s); });
    return by_root;
  }

 private:
  // Channel c of t is channel c + shift_[t] of the root.
  TensorId Root(TensorId t) {
    TensorId root = t;
    int64_t shift = 0;
    for (; parent_[root] != root; root = parent_[root]) shift += shift_[root];
    if (root != t) {
      parent_[t] = root;
      shift_[t] = shift;
    }
    return root;
  }
  Slice SliceOf(TensorId t) {
    Root(t);
    return {shift_[t], width_[t]};
  }

  // Channel c of `part` is channel c + at of `whole`.
  void Join(TensorId part, TensorId whole, int64_t at = 0) {
    const TensorId from = Root(part), to = Root(whole);
    const int64_t shift = shift_[whole] + at - shift_[part];
    if (from == to) {
      frozen_[part] = frozen_[part] || shift != 0;  // The same channels at two places.
      return;
    }
    parent_[from] = to;
    shift_[from] = shift;
  }
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
    if (const int operand = ChannelConstant(g_, id); operand >= 0 && VisitNumbers(id, operand)) return;
    if (VisitProduct(id)) return;
    const bool homogeneous = n.op->traits & ops::kHomogeneous;
    const bool sum = (n.op->traits & ops::kJointlyHomogeneous) && SameShapes(n) && PassesScale(n);
    if (homogeneous && KeepsChannels(n)) {
      width_[n.outputs[0]] = width_[n.inputs[0]];
      Join(n.inputs[0], n.outputs[0]);
      for (size_t i = 1; i < n.inputs.size(); ++i)  // A computed slope or shape cannot be scaled along.
        if (n.inputs[i] != graph::kNoTensor && !g_.is_constant(n.inputs[i])) Freeze(n.inputs[i]);
    } else if (sum) {
      width_[n.outputs[0]] = width_[n.inputs[0]];
      for (TensorId t : n.inputs) {
        Join(t, n.outputs[0]);
        if (width_[t] != width_[n.outputs[0]]) Freeze(t);
      }
    } else if (Concatenates(n)) {
      int64_t at = 0;
      for (TensorId t : n.inputs) {
        Join(t, n.outputs[0], at);
        at += Last(t);
        if (width_[t] != Last(t)) Freeze(t);
      }
    } else {
      for (TensorId t : n.inputs)
        if (t != graph::kNoTensor) Freeze(t);
      for (TensorId t : n.outputs) Freeze(t);
    }
  }

  // A product with a number per channel begins a space: the numbers take the factors. A sum passes them on.
  bool VisitNumbers(NodeId id, int operand) {
    const graph::Node& n = g_.node(id);
    const TensorId data = n.inputs[static_cast<size_t>(1 - operand)];
    const bool sum = n.op->traits & ops::kJointlyHomogeneous, whole = g_.tensor(data).type.shape == g_.tensor(n.outputs[0]).type.shape;
    if (!PassesScale(n) || (sum && (!whole || width_[data] != Last(data))) || (!sum && !GrowsWith(g_, id, operand))) return false;
    if (sum) Join(data, n.outputs[0]);
    else if (!whole || width_[data] <= 0 || Last(data) % width_[data] != 0 || !GrowsWith(g_, id, 1 - operand)) Freeze(data);  // k / x would not hold.
    else numbers_.push_back({id, operand, Numbers::Part::kEnds, {}});
    numbers_.push_back({id, operand, sum ? Numbers::Part::kTerm : Numbers::Part::kBegins, {}});
    return true;
  }

  static bool IsRead(const Space& s) {
    return !s.consumers.empty() || std::ranges::any_of(s.numbers, [](const Numbers& n) { return n.part == Numbers::Part::kEnds; });
  }

  // A product of two computed tensors passes the factors of one on: of that whose numbers take them already.
  bool VisitProduct(NodeId id) {
    const graph::Node& n = g_.node(id);
    if (n.inputs.size() != 2 || !(n.op->traits & ops::kElementwise) || (n.op->traits & ops::kJointlyHomogeneous) || !PassesScale(n)) return false;
    for (int i = 0; i < 2; ++i) {
      const TensorId t = n.inputs[static_cast<size_t>(i)], other = n.inputs[static_cast<size_t>(1 - i)];
      const bool gained = std::ranges::any_of(numbers_, [&](const Numbers& made) {
        return made.part == Numbers::Part::kBegins && t != graph::kNoTensor && Root(g_.node(made.node).outputs[0]) == Root(t);
      });
      if (!gained || other == t || other == graph::kNoTensor || g_.is_constant(other) || g_.tensor(t).type.shape != g_.tensor(n.outputs[0]).type.shape ||
          width_[t] != Last(t) || !GrowsWith(g_, id, i))
        continue;
      Join(t, n.outputs[0]);
      Freeze(other);
      return true;
    }
    return false;
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

  // Are the channels of all inputs, one after the other, those of the output?
  bool Concatenates(const graph::Node& n) const {
    if (!(n.op->traits & ops::kMovesBytes) || n.inputs.size() < 2 || n.outputs.size() != 1 || !PassesScale(n)) return false;
    const Shape& out = g_.tensor(n.outputs[0]).type.shape;
    int64_t channels = 0;
    for (TensorId t : n.inputs) {
      if (t == graph::kNoTensor || g_.is_constant(t) || g_.tensor(t).type.dtype != DType::kF32 || out.rank() < 2 ||
          g_.tensor(t).type.shape.rank() != out.rank())
        return false;
      for (int i = 0; i + 1 < out.rank(); ++i)
        if (g_.tensor(t).type.shape[i] != out[i]) return false;
      channels += Last(t);
    }
    return channels == out.back();
  }

  bool SameShapes(const graph::Node& n) const {
    return n.inputs.size() == 2 && g_.tensor(n.inputs[0]).type.shape == g_.tensor(n.inputs[1]).type.shape && !g_.is_constant(n.inputs[0]) &&
           !g_.is_constant(n.inputs[1]);
  }

  // Producers say how many channels there are; consumers see a multiple of their slice (flattened).
  bool SetChannels(Space& s) const {
    int64_t low = INT64_MAX, high = INT64_MIN;
    const auto made = [&](NodeId node, const Slice& slice) {
      low = std::min(low, slice.offset);
      high = std::max(high, slice.offset + slice.width);
      if (s.first < 0 || node < s.first) s.first = node;
    };
    for (const Use& u : s.producers) {
      if (g_.tensor(g_.node(u.node).inputs[u.op.weights]).type.shape[u.op.output_axis] != u.slice.width) return false;
      made(u.node, u.slice);
    }
    for (const Numbers& n : s.numbers)
      if (n.part == Numbers::Part::kBegins) made(n.node, n.slice);
    if (s.first < 0) return false;
    s.channels = static_cast<int32_t>(high - low);
    bool inside = s.channels > 1;
    const auto move = [&](Slice& slice) {
      slice.offset -= low;
      inside = inside && slice.width > 0 && slice.offset >= 0 && slice.offset + slice.width <= s.channels;
    };
    for (Use& u : s.producers) move(u.slice);
    for (Use& u : s.consumers) move(u.slice);
    for (Numbers& n : s.numbers) move(n.slice);
    for (Member& m : s.tensors) move(m.slice);
    return inside && std::ranges::all_of(s.consumers, [&](const Use& u) {
      const Shape& w = g_.tensor(g_.node(u.node).inputs[u.op.weights]).type.shape;
      return w.back() % u.slice.width == 0 && (u.op.channelwise || w.back() == Last(g_.node(u.node).inputs[u.op.data]));  // Else grouped.
    });
  }

  const Graph& g_;
  const EqualizeForm form_;
  std::vector<TensorId> parent_;
  std::vector<int64_t> shift_, width_;
  std::vector<Numbers> numbers_;
  std::vector<bool> frozen_;
};

std::vector<float> Copy(const graph::Tensor& t) { return {t.data<float>().begin(), t.data<float>().end()}; }

// The channel of the space that weight element i meets, and of its output.
struct WeightIndex {
  int64_t out_inner, out_count, last, multiplier;
  WeightIndex(const Shape& s, const Use& u)
      : out_inner(s.elements(u.op.output_axis + 1, s.rank())),
        out_count(s[u.op.output_axis]),
        last(s.back()),
        multiplier(u.op.channelwise ? std::max<int64_t>(1, s.back() / u.slice.width) : 1) {}
  int64_t Output(int64_t i) const { return i / out_inner % out_count; }
};

// The space's channel met by element i: a depthwise multiplier stretches them.
int64_t InputChannel(const WeightIndex& index, const Use& u, int64_t i) { return u.slice(i % index.last / index.multiplier); }

// Largest magnitudes of numbers of one part.
void MeetNumbers(const Graph& g, const Space& s, Numbers::Part part, std::vector<float>* most) {
  for (const Numbers& n : s.numbers) {
    if (n.part != part) continue;
    const std::span<const float> v = g.tensor(g.node(n.node).inputs[static_cast<size_t>(n.operand)]).data<float>();
    for (size_t c = 0; c < v.size(); ++c) {
      float& m = (*most)[static_cast<size_t>(n.slice(static_cast<int64_t>(c)))];
      m = std::max(m, std::abs(v[c]));
    }
  }
}

std::vector<float> ConsumerWeights(const Graph& g, const Space& s, bool depthwise_too) {
  std::vector<float> most(s.channels, 0.0f);
  for (const Use& u : s.consumers) {
    if (u.op.channelwise && !depthwise_too) continue;
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u);
    const std::span<const float> v = w.data<float>();
    for (size_t i = 0; i < v.size(); ++i) {
      float& m = most[InputChannel(index, u, static_cast<int64_t>(i))];
      m = std::max(m, std::abs(v[i]));
    }
  }
  MeetNumbers(g, s, Numbers::Part::kEnds, &most);
  return most;
}

std::vector<float> ActivationMaxima(const Graph& g, const Space& s, const Statistics& statistics) {
  std::vector<float> most(s.channels, 0.0f);
  for (const Member& member : s.tensors) {
    const auto it = statistics.find(g.tensor(member.tensor).name);
    if (it == statistics.end()) continue;
    const std::vector<float>& m = it->second.channel_max;
    for (size_t i = 0; i < m.size(); ++i) {
      float& channel = most[static_cast<size_t>(member.slice(static_cast<int64_t>(i)))];
      channel = std::max(channel, m[i]);
    }
  }
  return most;
}

std::vector<float> ProducerWeights(const Graph& g, const Space& s) {
  std::vector<float> most(s.channels, 0.0f);
  for (const Use& u : s.producers) {
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u);
    const std::span<const float> v = w.data<float>();
    for (size_t i = 0; i < v.size(); ++i) {
      float& m = most[u.slice(index.Output(static_cast<int64_t>(i)))];
      m = std::max(m, std::abs(v[i]));
    }
  }
  MeetNumbers(g, s, Numbers::Part::kBegins, &most);
  return most;
}

// `a`: what the activations reach.
std::vector<float> Factors(const Graph& g, const Space& s, const std::vector<float>& a, EqualizeForm form) {
  const std::vector<float> w = ConsumerWeights(g, s, form.by_weights), made = form.by_weights ? ProducerWeights(g, s) : a;
  const bool depthwise_only = !form.by_weights && std::ranges::all_of(s.consumers, [](const Use& u) { return u.op.channelwise; }) &&
                              std::ranges::none_of(s.numbers, [](const Numbers& n) { return n.part == Numbers::Part::kEnds; });
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
    const WeightIndex index(w.type.shape, u);
    std::vector<float> v = Copy(w);
    for (size_t i = 0; i < v.size(); ++i) v[i] /= factors[u.slice(index.Output(static_cast<int64_t>(i)))];
    SetConstant(g, u.node, u.op.weights, v);
    if (u.op.bias < 0 || g.node(u.node).inputs[u.op.bias] == graph::kNoTensor) continue;
    std::vector<float> b = Copy(g.tensor(g.node(u.node).inputs[u.op.bias]));
    for (size_t c = 0; c < b.size(); ++c) b[c] /= factors[u.slice(static_cast<int64_t>(c))];
    SetConstant(g, u.node, u.op.bias, b);
  }
  for (const Numbers& n : s.numbers) {
    std::vector<float> v = Copy(g.tensor(g.node(n.node).inputs[static_cast<size_t>(n.operand)]));
    for (size_t c = 0; c < v.size(); ++c) {
      const float factor = factors[n.slice(static_cast<int64_t>(c))];
      v[c] = n.part == Numbers::Part::kEnds ? v[c] * factor : v[c] / factor;
    }
    SetConstant(g, n.node, n.operand, v);
  }
  for (const Use& u : s.consumers) {
    const graph::Tensor& w = g.tensor(g.node(u.node).inputs[u.op.weights]);
    const WeightIndex index(w.type.shape, u);
    std::vector<float> v = Copy(w);
    for (size_t i = 0; i < v.size(); ++i) v[i] *= factors[InputChannel(index, u, static_cast<int64_t>(i))];
    SetConstant(g, u.node, u.op.weights, v);
  }
}

// Bounds after scaling: exact for the channel maxima; the range follows from them.
void ScaleStatistics(const Graph& g, const Space& s, const std::vector<float>& factors, Statistics& statistics) {
  for (const auto& [t, slice] : s.tensors) {
    const auto it = statistics.find(g.tensor(t).name);
    if (it == statistics.end()) continue;
    TensorStatistics& st = it->second;
    float most = 0;
    for (size_t i = 0; i < st.channel_max.size(); ++i) {
      const float factor = factors[static_cast<size_t>(slice(static_cast<int64_t>(i)))];
      st.channel_max[i] /= factor;
      st.channel_mean[i] /= static_cast<double>(factor);
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
  std::ranges::sort(spaces, {}, &Space::first);  // Topological.
  std::vector<EqualizedSpace> report;
  for (const Space& s : spaces)
    report.push_back({g.node(s.first).place, s.channels, Spread(ActivationMaxima(g, s, statistics)), 0});
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
