// SPDX-License-Identifier: Apache-2.0
#include "graph/dimensions.h"

#include <algorithm>
#include <optional>
#include <set>

#include "ops/move_attrs.h"

namespace octet::graph {
namespace {

using Dimensions = std::vector<Dimension>;

const Shape& ShapeOf(const Graph& g, TensorId t) { return g.tensor(t).type.shape; }

// Lengths that stand for open dimensions. They are prime: nothing is made of another one by splitting, joining or striding. What ends at a
// constant position equals a length that lies before it, so that the last is far.
constexpr int32_t kUsual = 1009, kOther = 2003, kFar = 1'000'003;

// A node whose inputs' open dimensions get lengths: which of them the output's follows, its operator's shape inference shows.
class Probe {
 public:
  Probe(const Graph& g, NodeId id, Dimension out) : lens_(g, id), view_(lens_.view()), out_(out), outputs_(g.node(id).outputs) {
    for (TensorId t : g.node(id).inputs) {
      inputs_.push_back(t);
      types_.push_back(t == kNoTensor ? TensorType() : g.tensor(t).type);
      for (int axis = 0; axis < types_.back().shape.rank(); ++axis)
        if (types_.back().shape[axis] == kUnknown) open_.push_back({t, axis});
    }
    std::ranges::sort(open_);
    open_.erase(std::ranges::unique(open_).begin(), open_.end());
    rank_ = ShapeOf(g, out.tensor).rank();
  }

  // Those that the output's length equals; several where they equal each other.
  Dimensions Told() {
    constexpr size_t kMostOpen = 64;  // Pairs of them are tried.
    if (open_.size() > kMostOpen || Length({}, kUsual) != kUsual) return {};
    Dimensions tied;  // Those that cannot change alone.
    for (const Dimension& d : open_) {
      if (Follows({d})) return {d};
      if (!Length({d}, kOther)) tied.push_back(d);
    }
    for (size_t i = 0; i < tied.size(); ++i)
      for (size_t k = i + 1; k < tied.size(); ++k)
        if (Follows({tied[i], tied[k]})) return OfPair(tied[i], tied[k]);
    return !tied.empty() && Follows(tied) ? tied : Dimensions();
  }

 private:
  bool Follows(const Dimensions& changed) { return Length(changed, kOther) == kOther && Length(changed, kFar) == kFar; }

  // One tells what both are, but where the shorter of them may be broadcast.
  Dimensions OfPair(Dimension a, Dimension b) { return Length({a}, 1) || Length({b}, 1) ? Dimensions{a, b} : Dimensions{a}; }

  // Of the output where these dimensions are `length` and the other open ones kUsual; nothing where the operator refuses that or cannot tell.
  std::optional<int32_t> Length(const Dimensions& changed, int32_t length) {
    std::vector<TensorType> types = types_;
    std::vector<const TensorType*> pointers;
    for (size_t i = 0; i < types.size(); ++i) {
      for (int axis = 0; axis < types[i].shape.rank(); ++axis)
        if (types[i].shape[axis] == kUnknown) types[i].shape[axis] = std::ranges::count(changed, Dimension{inputs_[i], axis}) ? length : kUsual;
      pointers.push_back(inputs_[i] == kNoTensor ? nullptr : &types[i]);
    }
    view_.inputs = pointers;
    std::vector<ops::OutputType> made(outputs_.size());
    if (!ops::CheckAndInfer(view_, made).ok()) return std::nullopt;
    const ops::OutputType& type = made[static_cast<size_t>(std::ranges::find(outputs_, out_.tensor) - outputs_.begin())];
    if (type.dynamic || type.shape.rank() != rank_) return std::nullopt;
    return type.shape[out_.axis];
  }

  const NodeView lens_;
  ops::OpView view_;
  Dimension out_;
  std::vector<TensorId> inputs_, outputs_;
  std::vector<TensorType> types_;
  Dimensions open_;
  int rank_ = 0;
};

// Elements under a shape that is computed: the only open dimension of both is one where all else has as many elements.
Dimensions Reshaped(const Graph& g, TensorId from, Dimension to) {
  const Shape &in = ShapeOf(g, from), &out = ShapeOf(g, to.tensor);
  const auto known = [](const Shape& s) {
    Shape rest;
    for (const int32_t d : s.dims())
      if (d != kUnknown) rest.push_back(d);
    return rest;
  };
  const Shape a = known(in), b = known(out);
  if (in.rank() - a.rank() != 1 || out.rank() - b.rank() != 1 || out[to.axis] != kUnknown || a.elements() != b.elements() || a.elements() == 0) return {};
  return {{from, static_cast<int>(std::ranges::find(in.dims(), kUnknown) - in.dims().begin())}};
}

// Forwards from the place that its second input says.
bool StartsAtBegin(const Graph& g, const Node& n) {
  const auto& a = *static_cast<const ops::StridedSliceAttrs*>(n.attrs.get());
  if ((a.begin_mask | a.ellipsis_mask | a.new_axis_mask) != 0 || a.offset || !g.is_constant(n.inputs[3])) return false;
  const Tensor& steps = g.tensor(n.inputs[3]);
  return steps.type.dtype == DType::kI32 && std::ranges::all_of(steps.data<int32_t>(), [](int32_t s) { return s == 1; });
}

// Element i of a vector that is put together of others: the tensor that it alone is.
TensorId Element(const Graph& g, TensorId vector, int i) {
  const NodeId maker = vector == kNoTensor ? -1 : g.tensor(vector).producer;
  if (maker < 0 || ShapeOf(g, vector).rank() != 1) return kNoTensor;
  const Node& n = g.node(maker);
  if (n.op->name == "pack") return i < static_cast<int>(n.inputs.size()) ? n.inputs[static_cast<size_t>(i)] : kNoTensor;
  if (n.op->name != "concatenation") return kNoTensor;
  for (const TensorId part : n.inputs) {
    if (part == kNoTensor) return kNoTensor;
    const Shape& s = ShapeOf(g, part);
    if (!s.known() || s.rank() != 1) return kNoTensor;
    if (i < s[0]) return i == 0 && s[0] == 1 ? part : kNoTensor;
    i -= s[0];
  }
  return kNoTensor;
}

// What whole numbers are made of by the operators that only change how they are written; sizes fit either type.
TensorId Plain(const Graph& g, TensorId t) {
  constexpr int kMostSteps = 8;
  const auto whole = [&](TensorId n) { return n != kNoTensor && (g.tensor(n).type.dtype == DType::kI32 || g.tensor(n).type.dtype == DType::kI64); };
  for (int step = 0; step < kMostSteps && whole(t) && g.tensor(t).producer >= 0; ++step) {
    const Node& n = g.node(g.tensor(t).producer);
    const bool one = ShapeOf(g, t).known() && ShapeOf(g, t).elements() == 1;
    if ((n.op->name != "cast" && !(one && n.op->name == "reshape")) || !whole(n.inputs[0])) break;
    t = n.inputs[0];
  }
  return t;
}

// A shape that is put together of other tensors' sizes.
Dimensions Sized(const Graph& g, const Node& n, Dimension d) {
  const size_t shape = n.op->name == "fill" ? 0 : 1;
  if ((shape == 1 && n.op->name != "reshape" && n.op->name != "broadcast_to") || n.inputs.size() <= shape) return {};
  const TensorId size = Plain(g, Element(g, Plain(g, n.inputs[shape]), d.axis));
  const std::optional<Dimension> read = size == kNoTensor ? std::nullopt : DimensionRead(g, size);
  return read ? Dimensions{*read} : Dimensions();
}

// What the open dimension equals; none where it is its maker's own.
Dimensions Tell(const Graph& g, Dimension d) {
  const NodeId maker = g.tensor(d.tensor).producer;
  if (maker < 0 || !g.node(maker).callees.empty()) return {};
  const Node& n = g.node(maker);
  if (Dimensions sizes = Sized(g, n, d); !sizes.empty()) return sizes;
  Dimensions told = Probe(g, maker, d).Told();
  if (told.empty() && n.op->traits & ops::kAliases && !n.inputs.empty() && n.inputs[0] != kNoTensor) return Reshaped(g, n.inputs[0], d);
  return told;
}

}  // namespace

std::optional<Dimension> DimensionRead(const Graph& g, TensorId t) {
  const NodeId reader = g.tensor(t).producer;
  if (reader < 0 || !g.tensor(t).type.shape.known() || g.tensor(t).type.shape.elements() != 1) return std::nullopt;
  const Node& n = g.node(reader);
  const bool strided = n.op->name == "strided_slice";
  if ((!strided && n.op->name != "slice" && n.op->name != "gather") || n.inputs[0] == kNoTensor || !g.is_constant(n.inputs[1])) return std::nullopt;
  const NodeId asked = g.tensor(n.inputs[0]).producer;
  const Tensor& at = g.tensor(n.inputs[1]);
  if (asked < 0 || g.node(asked).op->name != "shape" || (strided && !StartsAtBegin(g, n))) return std::nullopt;
  if (at.type.dtype != DType::kI32 || at.data<int32_t>().size() != 1) return std::nullopt;
  const TensorId of = g.node(asked).inputs[0];
  if (of == kNoTensor) return std::nullopt;
  const int rank = ShapeOf(g, of).rank(), begin = at.data<int32_t>()[0], axis = strided && begin < 0 ? begin + rank : begin;
  if (axis < 0 || axis >= rank) return std::nullopt;
  return Dimension{of, axis};
}

const std::vector<Dimension>& Origins::Before(const Graph& g, Dimension d) {
  const auto [it, fresh] = before_.try_emplace(d);
  if (fresh) it->second = Tell(g, d);
  return it->second;
}

Dimension Origins::Of(const Graph& g, Dimension d) {
  constexpr size_t kMost = 1 << 14;
  std::set<Dimension> seen, origins;
  Dimensions open = {d};
  Dimension common = d;  // Where the ways up part and do not meet again, the last one before.
  while (!open.empty()) {
    const Dimension at = open.back();
    if (open.size() == 1 && origins.empty()) common = at;
    open.pop_back();
    if (!seen.insert(at).second) continue;
    if (seen.size() > kMost) return common;
    const Dimensions& before = Before(g, at);
    const auto is_open = [&](const Dimension& b) { return b.axis < ShapeOf(g, b.tensor).rank() && ShapeOf(g, b.tensor)[b.axis] == kUnknown; };
    if (!before.empty() && std::ranges::all_of(before, is_open)) open.insert(open.end(), before.begin(), before.end());
    else origins.insert(at);
  }
  return origins.size() == 1 ? *origins.begin() : common;
}

bool HasTypeOfRow(const Graph& g, TensorId list, TensorId x) {
  const Shape &rows = ShapeOf(g, list), &row = ShapeOf(g, x);
  return g.tensor(list).type.dtype == g.tensor(x).type.dtype && rows.rank() == row.rank() + 1 && std::ranges::equal(rows.dims().subspan(1), row.dims());
}

bool HasSizeOfRow(const Graph& g, TensorId list, TensorId x, Origins* origins) {
  if (!HasTypeOfRow(g, list, x)) return false;
  const Shape& row = ShapeOf(g, x);
  for (int i = 0; i < row.rank(); ++i)
    if (row[i] == kUnknown && origins->Of(g, {list, i + 1}) != origins->Of(g, {x, i})) return false;
  return true;
}

}  // namespace octet::graph
