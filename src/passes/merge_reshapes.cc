// SPDX-License-Identifier: Apache-2.0
//   x -> reshape -> reshape -> y            becomes  x -> reshape -> y          also where they are squeezes or expand_dims
//   x -> reshape -> relu -> reshape -> y    becomes  x -> relu -> reshape -> reshape -> y
//   x -> squeeze -> expand_dims -> y        becomes  y = x                      where that gives x's dimensions, however many are open
//   x -> reshape -> fully_connected -> y    becomes  x -> fully_connected -> y
//   x -> fully_connected -> reshape -> y    becomes  x -> fully_connected(keep_num_dims) -> y
//   x[4] -> reshape[1,4] -> add(y[6,4])     becomes  add(x, y)                  where the other operand has the result's dimensions
//   reshape(x) + relu(reshape(y))           becomes  reshape(x + relu(y))       where x and y are of one shape
// The second and third where the last dimension stays: fully_connected flattens the others itself, and brings them back.
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr std::string_view kReshapes[] = {"reshape", "squeeze", "expand_dims"};

// All dimensions but the last are the same: where one is unknown, the count of elements tells it.
bool SameOuter(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank() || std::ranges::count(a.dims(), kUnknown) > 1) return false;
  for (int i = 0; i + 1 < a.rank(); ++i)
    if (a[i] != b[i]) return false;
  return true;
}

// What fully_connected flattened gets its dimensions back.
bool KeepDimensions(Graph& g, NodeId reshape) {
  const TensorId mid = g.node(reshape).inputs[0], y = g.node(reshape).outputs[0];
  const NodeId dense = g.tensor(mid).producer;
  if (dense < 0 || g.node(dense).op->name != "fully_connected" || g.SoleConsumer(mid) != reshape) return false;
  graph::Node& n = g.node(dense);
  auto* keep = FindAttr<bool>(n, "keep_num_dims");
  const Shape &x = g.tensor(n.inputs[0]).type.shape, &weights = g.tensor(n.inputs[1]).type.shape, &wanted = g.tensor(y).type.shape;
  if (!keep || *keep || x.rank() < 3 || weights.rank() != 2 || x.back() != weights[1] || wanted.back() != weights[0] || !SameOuter(x, wanted)) return false;
  *keep = true;
  AbsorbConsumer(g, dense, reshape);
  return true;
}

constexpr std::string_view kBroadcasting[] = {"add", "sub", "mul", "div", "maximum", "minimum", "squared_difference", "less", "less_equal", "greater",
                                              "greater_equal", "equal", "not_equal", "logical_and", "logical_or"};

// The shape without the ones before all others.
std::span<const int32_t> Core(const Shape& s) {
  std::span<const int32_t> dims = s.dims();
  while (!dims.empty() && dims[0] == 1) dims = dims.subspan(1);
  return dims;
}

bool IsReshape(std::string_view op) { return std::ranges::find(kReshapes, op) != std::end(kReshapes); }

// The reshape that makes t, when its wanted shape does not matter to anyone else.
NodeId ReshapeBefore(const Graph& g, TensorId t) {
  const NodeId producer = g.tensor(t).producer;
  return producer >= 0 && IsReshape(g.node(producer).op->name) ? producer : -1;
}

// Ones that a reshape puts before a shape, or takes away there, are there for broadcasting anyway.
bool Broadcast(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (std::ranges::find(kBroadcasting, n.op->name) == std::end(kBroadcasting) || n.inputs.size() != 2) return false;
  for (size_t i = 0; i < 2; ++i) {
    const NodeId reshape = ReshapeBefore(g, n.inputs[i]);
    if (reshape < 0) continue;
    const TensorId x = g.node(reshape).inputs[0];
    const Shape &from = g.tensor(x).type.shape, &to = g.tensor(n.inputs[i]).type.shape, &other = g.tensor(n.inputs[1 - i]).type.shape,
                &y = g.tensor(n.outputs[0]).type.shape;
    if (!from.known() || !std::ranges::equal(Core(from), Core(to)) || other.rank() != y.rank() || from.rank() > y.rank()) continue;
    g.SetInput(id, static_cast<int>(i), x);
    return true;
  }
  return false;
}

bool IsElementwise(const Graph& g, const graph::Node& n) {
  return (n.op->traits & ops::kElementwise) && !(n.op->traits & ops::kSideEffects) && n.outputs.size() == 1 && IsFloat(g.tensor(n.outputs[0]).type.dtype);
}

// A value that is a reshape, or computed of one element by element, for one reader.
struct Reshaped {
  NodeId reshape = -1;
  bool shared = false;          // Others read what the reshape makes, too.
  std::vector<NodeId> between;  // What is computed of it, the last first.
};

Reshaped ReshapedBefore(const Graph& g, TensorId t, NodeId reader) {
  Reshaped found;
  while (g.tensor(t).producer >= 0) {
    const bool alone = g.SoleConsumer(t) == reader;
    const NodeId id = g.tensor(t).producer;
    const graph::Node& n = g.node(id);
    if (IsReshape(n.op->name)) {
      found.reshape = id, found.shared = !alone;
      break;
    }
    const auto one_number = [&](TensorId k) { return g.is_constant(k) && g.tensor(k).type.shape.rank() == 0; };
    if (!alone || !IsElementwise(g, n) || n.inputs.empty() || !std::ranges::all_of(n.inputs.begin() + 1, n.inputs.end(), one_number)) break;
    found.between.push_back(id);
    t = n.inputs[0], reader = id;
  }
  return found;
}

// Dimensions of one come or go, and all others stay: a squeeze of an open one takes away more.
bool OnlyMovesOnes(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  const auto open = [&](TensorId t) { return std::ranges::count(g.tensor(t).type.shape.dims(), kUnknown); };
  return (n.op->name == "squeeze" || n.op->name == "expand_dims") && open(n.inputs[0]) == open(n.outputs[0]);
}

// Whether the second makes what the first had.
bool Undoes(const Graph& g, NodeId first, NodeId second) {
  const Shape& x = g.tensor(g.node(first).inputs[0]).type.shape;
  const bool ones = OnlyMovesOnes(g, first) && OnlyMovesOnes(g, second);
  return x == g.tensor(g.node(second).outputs[0]).type.shape && (ones || std::ranges::count(x.dims(), kUnknown) <= 1);
}

// What is computed between two reshapes is computed before both, which then are neighbours. The first may have other readers where the second undoes it.
bool ComputeBefore(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  const Reshaped found = IsReshape(n.op->name) ? ReshapedBefore(g, n.inputs[0], id) : Reshaped();
  if (found.reshape < 0 || found.between.empty() || (found.shared && !Undoes(g, found.reshape, id))) return false;
  const TensorId x = g.node(found.reshape).inputs[0], reshaped = g.node(found.reshape).outputs[0], computed = n.inputs[0];
  for (const NodeId between : found.between) g.tensor(g.node(between).outputs[0]).type.shape = g.tensor(x).type.shape;
  g.SetInput(found.between.back(), 0, x);
  if (found.shared) return Bypass(g, id);
  g.tensor(reshaped).type.dtype = g.tensor(computed).type.dtype;
  g.SetInput(found.reshape, 0, computed);
  g.SetInput(id, 0, reshaped);
  return true;
}

// The elements before and behind the open dimension, or all, if there is none.
std::optional<std::pair<int64_t, int64_t>> AroundOpen(const Shape& s) {
  if (std::ranges::count(s.dims(), kUnknown) > 1) return std::nullopt;
  const auto open = static_cast<size_t>(std::ranges::find(s.dims(), kUnknown) - s.dims().begin());
  const auto product = [](std::span<const int32_t> dims) { return Shape(dims).elements(); };
  return std::pair(product(s.dims().first(open)), open < s.dims().size() ? product(s.dims().subspan(open + 1)) : 0);
}

// Two values that are reshaped alike meet before. Where a dimension is open it stays one, so that it is stretched as it was.
bool Sink(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (!IsElementwise(g, n) || n.inputs.size() != 2) return false;
  const std::array<Reshaped, 2> sides = {ReshapedBefore(g, n.inputs[0], id), ReshapedBefore(g, n.inputs[1], id)};
  if (sides[0].reshape < 0 || sides[1].reshape < 0 || (sides[0].shared && sides[1].shared)) return false;
  const std::array<TensorId, 2> before = {g.node(sides[0].reshape).inputs[0], g.node(sides[1].reshape).inputs[0]};
  const TensorId y = n.outputs[0];
  const auto shape_of = [&](TensorId t) { return g.tensor(t).type.shape; };
  const Shape shape = shape_of(before[0]), whole = shape_of(y);
  if (!(shape_of(before[1]) == shape && shape_of(n.inputs[0]) == whole && shape_of(n.inputs[1]) == whole)) return false;
  if (!OnlyMovesOnes(g, sides[0].reshape) || !OnlyMovesOnes(g, sides[1].reshape))
    if (const auto around = AroundOpen(shape); !around || AroundOpen(whole) != around) return false;
  for (size_t i = 0; i < 2; ++i) {
    for (const NodeId between : sides[i].between) g.tensor(g.node(between).outputs[0]).type.shape = shape;
    const bool direct = sides[i].between.empty();
    g.SetInput(direct ? id : sides[i].between.back(), direct ? static_cast<int>(i) : 0, before[i]);
  }
  TensorType type = g.tensor(y).type;
  type.shape = shape;
  const std::string name = g.tensor(y).name;
  const TensorId met = g.AddTensor(name, type);
  g.SetOutput(id, 0, met);
  const size_t behind = sides[0].shared ? 1 : 0;
  g.SetInput(sides[behind].reshape, 0, met);
  g.SetOutput(sides[behind].reshape, 0, y);
  if (!sides[1 - behind].shared) g.Erase(sides[1 - behind].reshape);
  return true;
}

bool Merge(Graph& g, NodeId id) {
  graph::Node& n = g.node(id);
  if (n.inputs.empty() || n.inputs[0] == graph::kNoTensor) return false;
  if (Broadcast(g, id)) return true;
  if (Sink(g, id)) return true;
  if (ComputeBefore(g, id)) return true;
  if (n.op->name == "reshape" && KeepDimensions(g, id)) return true;
  const NodeId before = ReshapeBefore(g, n.inputs[0]);
  if (before < 0) return false;
  const TensorId x = g.node(before).inputs[0];
  if (n.op->name == "reshape") {
    g.SetInput(id, 0, x);
    return true;
  }
  if (IsReshape(n.op->name)) {
    if (Undoes(g, before, id)) {
      g.SetInput(id, 0, x);
      if (Bypass(g, id)) return true;
      g.SetInput(id, 0, g.node(before).outputs[0]);
    }
    if (g.SoleConsumer(n.inputs[0]) != id || std::ranges::count(g.tensor(n.outputs[0]).type.shape.dims(), kUnknown) > 1) return false;
    ReplaceByReshape(g, id, x);
    return true;
  }
  if (n.op->name != "fully_connected") return false;
  const auto* keep = FindAttr<bool>(n, "keep_num_dims");
  const Shape &from = g.tensor(x).type.shape, &to = g.tensor(n.inputs[0]).type.shape;
  if (!keep || *keep || from.rank() < 2 || to.rank() != 2 || from.back() == kUnknown || from.back() != to.back()) return false;
  g.SetInput(id, 0, x);
  return true;
}

}  // namespace

Result<int> MergeReshapes(Graph& g) {
  const int rewrites = ForEachNode(g, [&](NodeId id) { return Merge(g, id); });
  if (rewrites > 0 && !g.Sort()) return Error(Code::kInvalidModel, "a cycle after merging reshapes");
  return rewrites;
}

}  // namespace octet::passes
