// SPDX-License-Identifier: Apache-2.0
// Operators that do not care in which order the dimensions lie (element-wise ones, reductions, concatenations, paddings,
// slices) work as well on the other side of a transpose. Regions of such operators are found, and where computing the
// whole region on permuted tensors needs fewer transposes at its border than now, it is turned over:
//   conv -> T -> add -> relu -> T' -> conv   becomes   conv -> add -> relu -> conv.
// Every turn removes at least one transpose, so that this ends.
#include <algorithm>
#include <map>
#include <set>

#include "ops/move_attrs.h"
#include "passes/permutation.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// How an operator follows a permutation of its data.
enum class Follow : uint8_t {
  kNo,
  kElements,    // Nothing to do; smaller operands are constants that follow.
  kAxisAttr,    // Its attribute `axis`.
  kAxisInput,   // A constant operand that lists axes.
  kPerAxis,     // A constant operand with one entry (or row) per axis.
  kSlice,       // Begin, size: two of those.
  kStrided,     // Begin, end, strides and the masks' bits.
};
struct Rule {
  std::string_view op;
  Follow follow;
  int data = 0;      // The data operand (for kElements and concatenation: all).
  int operand = 1;   // Of kAxisInput and kPerAxis.
};
constexpr Rule kRules[] = {
    {"concatenation", Follow::kAxisAttr}, {"mean", Follow::kAxisInput}, {"sum", Follow::kAxisInput}, {"reduce_max", Follow::kAxisInput},
    {"reduce_min", Follow::kAxisInput}, {"reduce_prod", Follow::kAxisInput}, {"reduce_any", Follow::kAxisInput}, {"reduce_all", Follow::kAxisInput},
    {"pad", Follow::kPerAxis}, {"padv2", Follow::kPerAxis}, {"mirror_pad", Follow::kPerAxis}, {"tile", Follow::kPerAxis}, {"broadcast_to", Follow::kPerAxis},
    {"slice", Follow::kSlice}, {"strided_slice", Follow::kStrided}, {"split", Follow::kAxisInput, 1, 0}, {"split_v", Follow::kAxisInput, 0, 2},
    {"reverse_v2", Follow::kAxisInput}, {"cumsum", Follow::kAxisInput}, {"gather", Follow::kAxisAttr}, {"quantize", Follow::kElements},
    {"dequantize", Follow::kElements}};

Rule RuleOf(const graph::Node& n) {
  const auto it = std::ranges::find(kRules, n.op->name, &Rule::op);
  if (it != std::end(kRules)) return *it;
  const bool elementwise = (n.op->traits & ops::kElementwise) && !(n.op->traits & ops::kSideEffects);
  return {n.op->name, elementwise && n.op->name != "prelu" ? Follow::kElements : Follow::kNo};
}

const Shape& ShapeOf(const Graph& g, TensorId t) { return g.tensor(t).type.shape; }

// Whether all values of the node with the region's rank can be permuted together.
bool CanFollow(Graph& g, NodeId id, int rank) {
  graph::Node& n = g.node(id);
  const Rule rule = RuleOf(n);
  if (rule.follow == Follow::kNo || n.outputs.empty()) return false;
  const auto constant = [&](int i) { return static_cast<int>(n.inputs.size()) > i && g.is_constant(n.inputs[static_cast<size_t>(i)]); };
  for (const TensorId t : n.outputs) {
    if (ShapeOf(g, t).rank() != rank) return false;
    if (g.tensor(t).type.quant.per_channel()) return false;
  }
  switch (rule.follow) {
    case Follow::kElements:
      for (const TensorId t : n.inputs) {
        if (t == graph::kNoTensor) return false;
        const Shape& s = ShapeOf(g, t);
        const bool small = s.known() && s.elements() == 1 && s.rank() <= rank;
        if (s.rank() != rank && !small && !(g.is_constant(t) && s.rank() < rank)) return false;
        if (g.is_constant(t) && (BitsOf(g.tensor(t).type.dtype) < 8 || g.tensor(t).type.quant.per_channel())) return false;
      }
      return true;
    case Follow::kAxisAttr:
      if (n.op->name == "gather") {
        const auto* batch = FindAttr<int32_t>(n, "batch_dims");
        return ShapeOf(g, n.inputs[0]).rank() == rank && ShapeOf(g, n.inputs[1]).rank() == 1 && batch && *batch == 0;
      }
      return std::ranges::all_of(n.inputs,
                                 [&](TensorId t) { return ShapeOf(g, t).rank() == rank && (!g.is_constant(t) || BitsOf(g.tensor(t).type.dtype) >= 8); });
    case Follow::kStrided: {
      for (const char* mask : {"ellipsis_mask", "new_axis_mask", "shrink_axis_mask"})
        if (*FindAttr<int32_t>(n, mask) != 0) return false;
      return ShapeOf(g, n.inputs[0]).rank() == rank && constant(1) && constant(2) && constant(3) && ShapeOf(g, n.inputs[1]).elements() == rank;
    }
    case Follow::kSlice: return ShapeOf(g, n.inputs[0]).rank() == rank && constant(1) && constant(2) && g.tensor(n.inputs[1]).type.dtype == DType::kI32;
    default:
      return ShapeOf(g, n.inputs[static_cast<size_t>(rule.data)]).rank() == rank && constant(rule.operand) &&
             g.tensor(n.inputs[static_cast<size_t>(rule.operand)]).type.dtype == DType::kI32;
  }
}

// Reductions that drop their axes read a permuted tensor as well, if what stays keeps its order.
bool CanReduce(Graph& g, NodeId id, const Permutation& p) {
  graph::Node& n = g.node(id);
  const Rule rule = RuleOf(n);
  const auto* keep = FindAttr<bool>(n, "keep_dims");
  if (rule.follow != Follow::kAxisInput || !keep || *keep || !g.is_constant(n.inputs[1]) || g.tensor(n.inputs[1]).type.dtype != DType::kI32) return false;
  std::set<int32_t> reduced;
  for (const int32_t a : g.tensor(n.inputs[1]).data<int32_t>()) reduced.insert(a < 0 ? a + static_cast<int32_t>(p.size()) : a);
  int32_t last = -1;
  for (int32_t a = 0; a < static_cast<int32_t>(p.size()); ++a) {
    if (reduced.contains(a)) continue;
    if (p[static_cast<size_t>(a)] < last) return false;
    last = p[static_cast<size_t>(a)];
  }
  return true;
}

// Every list with an entry (or `width` of them) per axis: that of axis a goes to axis p[a].
void PermuteList(Graph& g, NodeId id, int i, const Permutation& p) {
  const graph::Tensor& t = g.tensor(g.node(id).inputs[static_cast<size_t>(i)]);
  const auto width = static_cast<size_t>(t.type.shape.elements()) / p.size();
  const auto bytes = static_cast<size_t>(BitsOf(t.type.dtype) / 8) * width;
  std::vector<std::byte> out(t.constant->size());
  for (size_t a = 0; a < p.size(); ++a) std::memcpy(out.data() + static_cast<size_t>(p[a]) * bytes, t.constant->data() + a * bytes, bytes);
  g.SetInput(id, i, g.AddConstant(t.name + "/permuted", t.type, graph::MakeBuffer(out)));
}

void PermuteAxes(Graph& g, NodeId id, int i, const Permutation& p) {
  const graph::Tensor& t = g.tensor(g.node(id).inputs[static_cast<size_t>(i)]);
  std::vector<int32_t> axes;
  for (const int32_t a : t.data<int32_t>()) axes.push_back(p[static_cast<size_t>(a < 0 ? a + static_cast<int32_t>(p.size()) : a)]);
  std::ranges::sort(axes);
  g.SetInput(id, i, g.AddConstant<int32_t>(t.name + "/permuted", t.type.shape, axes));
}

void PermuteMask(graph::Node& n, const char* name, const Permutation& p) {
  auto* mask = FindAttr<int32_t>(n, name);
  int32_t out = 0;
  for (size_t a = 0; a < p.size(); ++a) out |= (*mask >> a & 1) << p[a];
  *mask = out;
}

// Makes the node compute on tensors whose axis p[a] is what axis a was.
void FollowNode(Graph& g, NodeId id, const Permutation& p) {
  const Rule rule = RuleOf(g.node(id));
  switch (rule.follow) {
    case Follow::kAxisAttr: {
      auto* axis = FindAttr<int32_t>(g.node(id), "axis");
      *axis = p[static_cast<size_t>(*axis < 0 ? *axis + static_cast<int32_t>(p.size()) : *axis)];
      break;
    }
    case Follow::kAxisInput: PermuteAxes(g, id, rule.operand, p); break;
    case Follow::kPerAxis: PermuteList(g, id, rule.operand, p); break;
    case Follow::kSlice: PermuteList(g, id, 1, p), PermuteList(g, id, 2, p); break;
    case Follow::kStrided:
      for (const int i : {1, 2, 3}) PermuteList(g, id, i, p);
      PermuteMask(g.node(id), "begin_mask", p), PermuteMask(g.node(id), "end_mask", p);
      break;
    default: break;
  }
}

// Operands that are permuted with the region; the others (axes, scalars) stay as they are.
std::vector<int> DataOperands(const Graph& g, const graph::Node& n) {
  const Rule rule = RuleOf(n);
  std::vector<int> out;
  if (rule.follow == Follow::kElements || n.op->name == "concatenation") {
    for (size_t i = 0; i < n.inputs.size(); ++i)
      if (const Shape& s = ShapeOf(g, n.inputs[i]);
          !(s.known() && s.elements() == 1 && (g.is_constant(n.inputs[i]) || s.rank() < ShapeOf(g, n.outputs[0]).rank())))
        out.push_back(static_cast<int>(i));
  } else {
    out.push_back(rule.data);
  }
  return out;
}

class Region {
 public:
  // With `siblings`, also those that read the same values: the halves of a split by slices.
  Region(Graph& g, NodeId seed, int rank, bool siblings) : g_(g), rank_(rank), siblings_(siblings) { Grow(seed); }

  const std::set<NodeId>& nodes() const { return nodes_; }
  // Permutations that a transpose at its border suggests.
  std::vector<Permutation> Candidates() const {
    std::vector<Permutation> out;
    const auto add = [&](Permutation p) {
      if (!IsIdentity(p) && std::ranges::find(out, p) == out.end()) out.push_back(std::move(p));
    };
    for (const TensorId t : inputs_)
      if (const NodeId id = TransposeBefore(g_, t); id >= 0) add(*PermutationOf(g_, id));
    for (const TensorId t : outputs_)
      for (const NodeId reader : g_.tensor(t).consumers)
        if (!nodes_.contains(reader))
          if (const auto p = PermutationOf(g_, reader)) add(Inverse(*p));
    return out;
  }

  // Worth turning: fewer transposes; or as many, but all of them behind the region instead of before it, where convolutions
  // meet their activations and quantizations. Those only ever move down, so that this ends as well.
  bool Pays(const Permutation& p) const {
    int added = 0, met = 0;
    const int gain = Gain(p, &added, &met);
    return gain > 0 ||
           (gain == 0 && added == 0 && met == 0 && !siblings_ && std::ranges::any_of(inputs_, [&](TensorId t) { return Goes(t, p) && !Dequantized(t); }));
  }

 private:
  // lower-quantized takes transposes to the other side of dequantize: they stay there.
  bool Dequantized(TensorId t) const {
    return std::ranges::any_of(g_.tensor(t).consumers, [&](NodeId c) { return g_.node(c).op->name == "dequantize"; });
  }
  // The transpose before t that turning undoes: its source is then read directly. Not where the region itself makes the
  // source, as in x + transpose(x): that is turned over, too. -1: none.
  NodeId Undone(TensorId t, const Permutation& p) const {
    const NodeId id = TransposeBefore(g_, t);
    return id >= 0 && *PermutationOf(g_, id) == p && !outputs_.contains(g_.node(id).inputs[0]) ? id : -1;
  }
  // A transpose that only this region reads, and that turning takes away.
  bool Goes(TensorId t, const Permutation& p) const {
    return Undone(t, p) >= 0 && !g_.is_output(t) && std::ranges::all_of(g_.tensor(t).consumers, [&](NodeId c) { return nodes_.contains(c); });
  }

  // Outside of the region.
  bool OnlyReader(TensorId t, NodeId reader) const {
    return !g_.is_output(t) && std::ranges::all_of(g_.tensor(t).consumers, [&](NodeId c) { return c == reader || nodes_.contains(c); });
  }

  // Transposes fewer (or more, where negative) when t = transpose(t', p) for all values; `added` of them before the region; `met`: those
  // that cost nothing, because they meet others behind a reshape.
  int Gain(const Permutation& p, int* added, int* met) const {
    int gain = 0;
    for (const TensorId t : inputs_) {
      if (g_.is_constant(t)) continue;
      const NodeId id = TransposeBefore(g_, t);
      const bool goes = Undone(t, p) >= 0;
      const bool alone = !g_.is_output(t) && std::ranges::all_of(g_.tensor(t).consumers, [&](NodeId c) { return nodes_.contains(c); });
      if (goes) gain += alone;
      else if (alone && MeetsAbove(g_, t, Inverse(p))) ++*met;
      else *added += id < 0 || !alone || outputs_.contains(g_.node(id).inputs[0]);  // Another transpose merges with the new one.
    }
    for (const TensorId t : outputs_) {
      bool stays = g_.is_output(t);
      std::set<NodeId> seen;
      for (const NodeId reader : g_.tensor(t).consumers) {
        if (nodes_.contains(reader) || !seen.insert(reader).second) continue;
        const auto q = PermutationOf(g_, reader);
        if (q && g_.node(reader).inputs[0] == t) gain += IsIdentity(Compose(p, *q)) && !g_.is_output(g_.node(reader).outputs[0]);
        else if (OnlyReader(t, reader) && MeetsBelow(g_, reader, p)) ++*met;
        else if (!CanReduce(g_, reader, p) || g_.node(reader).inputs[0] != t) stays = true;
      }
      gain -= stays;
    }
    return gain - *added;
  }

 public:

  void Turn(const Permutation& p) {
    const Permutation inverse = Inverse(p);
    std::map<TensorId, TensorId> turned;  // What is read from outside.
    const NodeId first = *std::ranges::find_if(g_.order(), [&](NodeId id) { return nodes_.contains(id); });
    for (const TensorId t : std::vector<TensorId>(inputs_.begin(), inputs_.end())) turned[t] = Outside(t, p, inverse, first);
    for (const NodeId id : nodes_) {
      FollowNode(g_, id, p);
      for (const int i : DataOperands(g_, g_.node(id)))
        if (const auto it = turned.find(g_.node(id).inputs[static_cast<size_t>(i)]); it != turned.end()) g_.SetInput(id, i, it->second);
    }
    for (const TensorId t : std::vector<TensorId>(outputs_.begin(), outputs_.end())) TurnOutput(t, p, inverse);
    g_.Sort();
  }

 private:
  void Grow(NodeId seed) {
    std::vector<NodeId> open = {seed};
    while (!open.empty() && nodes_.size() < 100000) {
      const NodeId id = open.back();
      open.pop_back();
      if (nodes_.contains(id) || !CanFollow(g_, id, rank_)) continue;
      nodes_.insert(id);
      for (const TensorId t : g_.node(id).outputs)
        for (const NodeId reader : g_.tensor(t).consumers) open.push_back(reader);
      for (const int i : DataOperands(g_, g_.node(id)))
        Spread(g_.node(id).inputs[static_cast<size_t>(i)], &open);
    }
    for (const NodeId id : nodes_) {
      for (const TensorId t : g_.node(id).outputs) outputs_.insert(t);
      for (const int i : DataOperands(g_, g_.node(id))) {
        const TensorId t = g_.node(id).inputs[static_cast<size_t>(i)];
        if (g_.tensor(t).producer < 0 || !nodes_.contains(g_.tensor(t).producer)) inputs_.insert(t);
      }
    }
  }

  void Spread(TensorId t, std::vector<NodeId>* open) const {
    const graph::Tensor& tensor = g_.tensor(t);
    if (tensor.producer >= 0) open->push_back(tensor.producer);
    if (siblings_ && !tensor.constant) open->insert(open->end(), tensor.consumers.begin(), tensor.consumers.end());
  }

  TensorId Outside(TensorId t, const Permutation& p, const Permutation& inverse, NodeId first) {
    const Shape& s = ShapeOf(g_, t);
    if (g_.is_constant(t)) {
      Shape full;  // Missing dimensions are 1 in front.
      for (int i = s.rank(); i < rank_; ++i) full.push_back(1);
      for (const int32_t d : s.dims()) full.push_back(d);
      return PermuteConstant(g_, t, full, inverse);
    }
    if (const NodeId id = Undone(t, p); id >= 0) return g_.node(id).inputs[0];
    return AddTranspose(g_, t, inverse, g_.node(first).place, -1);
  }

  // t keeps its name where it is a graph output, or read by others; then a transpose makes it from the new tensor.
  void TurnOutput(TensorId t, const Permutation& p, const Permutation& inverse) {
    const NodeId maker = g_.tensor(t).producer;
    const auto& made = g_.node(maker).outputs;
    const int slot = static_cast<int>(std::ranges::find(made, t) - made.begin());
    TensorType type = g_.tensor(t).type;
    type.shape = Permuted(type.shape, inverse);
    const TensorId fresh = g_.AddTensor(g_.tensor(t).name, type);
    g_.SetOutput(maker, slot, fresh);
    for (const NodeId reader : std::vector<NodeId>(g_.tensor(t).consumers)) {
      graph::Node& n = g_.node(reader);
      if (nodes_.contains(reader)) {
        for (size_t i = 0; i < n.inputs.size(); ++i)
          if (n.inputs[i] == t) g_.SetInput(reader, static_cast<int>(i), fresh);
      } else if (CanReduce(g_, reader, p) && n.inputs[0] == t) {
        PermuteAxes(g_, reader, 1, p);
        g_.SetInput(reader, 0, fresh);
      }
    }
    if (g_.tensor(t).consumers.empty() && !g_.is_output(t)) return;
    g_.tensor(fresh).name += "/permuted";
    const ops::OpDef* op = ops::Find("transpose");
    const TensorId order = g_.AddConstant<int32_t>(g_.node(maker).place + "/order", Shape{rank_}, p);
    g_.AddNode(*op, graph::Attributes(op->attrs), {fresh, order}, {t}, g_.node(maker).place);
  }

  Graph& g_;
  const int rank_;
  const bool siblings_;
  std::set<NodeId> nodes_;
  std::set<TensorId> inputs_, outputs_;
};

// The regions on both sides of a transpose.
bool TryAround(Graph& g, NodeId transpose) {
  const int rank = ShapeOf(g, g.node(transpose).outputs[0]).rank();
  std::vector<NodeId> seeds = g.tensor(g.node(transpose).outputs[0]).consumers;
  if (const NodeId maker = g.tensor(g.node(transpose).inputs[0]).producer; maker >= 0) seeds.push_back(maker);
  for (const NodeId seed : seeds) {
    if (!CanFollow(g, seed, rank)) continue;
    for (const bool siblings : {false, true}) {
      Region region(g, seed, rank, siblings);
      for (const Permutation& p : region.Candidates()) {
        if (!region.Pays(p)) continue;
        region.Turn(p);
        return true;
      }
    }
  }
  return false;
}

}  // namespace

Result<int> MoveTransposes(Graph& g) {
  Status status;
  const int turns = ForEachNode(g, [&](NodeId id) {
    if (!status.ok() || !PermutationOf(g, id) || !TryAround(g, id)) return false;
    auto merged = MergeTransposes(g);  // What a turn leaves side by side would make other regions look worth turning.
    if (!merged.ok()) status = std::move(merged).status();
    g.RemoveDead();
    return true;
  });
  OCTET_TRY(std::move(status));
  return turns;
}

}  // namespace octet::passes
