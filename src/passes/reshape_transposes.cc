// SPDX-License-Identifier: Apache-2.0
// Transposes in front of reshapes.
//   x -> T -> reshape -> y   becomes   x -> reshape -> T -> y   where the reshape cuts or joins dimensions that lie side
//   by side before the transpose as well, so that the transpose can meet others further down;
//   x -> T -> reshape -> T' -> y   becomes   x -> T" -> reshape -> y where T cannot go down, but T' up: a channel shuffle
//   between images then is one transpose;
//   x -> T -> sum -> y   becomes   x -> sum -> T' -> y where the reduction drops its axes: less to move;
//   x[N,H,W,C] -> T -> reshape[N,C*H*W] -> fully_connected   becomes   x -> reshape -> fully_connected with its weights'
//   columns in the other order: so that a flattened image costs no transpose.
#include <algorithm>

#include "passes/permutation.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// Dimensions [in_begin, in_end) of the reshape's input hold the same elements as [out_begin, out_end) of its output.
struct Block {
  int in_begin, in_end, out_begin, out_end;
};

// An unknown dimension matches one that is unknown as well, in a block of their own.
bool FindBlocks(const Shape& in, const Shape& out, std::vector<Block>* blocks) {
  int i = 0, o = 0;
  while (i < in.rank() || o < out.rank()) {
    Block b{i, i, o, o};
    if (i < in.rank() && o < out.rank() && in[i] == kUnknown && out[o] == kUnknown) {
      ++i, ++o;
    } else {
      int64_t left = 1, right = 1;
      do {
        const bool both = i > b.in_begin && o > b.out_begin;  // A dimension of each side first: ones match ones.
        if (i < in.rank() && (both ? left < right || o >= out.rank() : i == b.in_begin)) {
          if (in[i] == kUnknown) return false;
          left *= in[i++];
        } else if (o < out.rank()) {
          if (out[o] == kUnknown) return false;
          right *= out[o++];
        } else {
          return false;
        }
      } while (left != right || i == b.in_begin || o == b.out_begin);
    }
    b.in_end = i, b.out_end = o;
    blocks->push_back(b);
    // Ones at the end belong to the last block.
    if (i == in.rank() && o < out.rank() && std::ranges::all_of(out.dims().subspan(static_cast<size_t>(o)), [](int32_t d) { return d == 1; }))
      blocks->back().out_end = o = out.rank();
    if (o == out.rank() && i < in.rank() && std::ranges::all_of(in.dims().subspan(static_cast<size_t>(i)), [](int32_t d) { return d == 1; }))
      blocks->back().in_end = i = in.rank();
  }
  return true;
}

std::string Name(const Graph& g, TensorId t, const char* suffix) { return g.tensor(t).name + suffix; }

NodeId AddReshape(Graph& g, TensorId x, TensorId y, const Shape& shape, const std::string& place, NodeId before) {
  const ops::OpDef* op = ops::Find("reshape");
  return g.AddNode(*op, graph::Attributes(op->attrs), {x, g.AddConstant<int32_t>(place + "/shape", Shape{shape.rank()}, shape.dims())}, {y}, place, before);
}

// Joined dimensions must be neighbours before the transpose, in this order.
bool JoinsNeighbours(std::span<const Block> blocks, const Permutation& p) {
  for (const Block& b : blocks)
    for (int i = b.in_begin; i + 1 < b.in_end; ++i)
      if (p[static_cast<size_t>(i + 1)] != p[static_cast<size_t>(i)] + 1) return false;
  return true;
}

bool Sink(Graph& g, NodeId reshape) {
  const NodeId t = TransposeBefore(g, g.node(reshape).inputs[0]);
  if (t < 0 || g.SoleConsumer(g.node(t).outputs[0]) != reshape) return false;
  const Permutation p = *PermutationOf(g, t);
  const TensorId x = g.node(t).inputs[0], y = g.node(reshape).outputs[0];
  const Shape mid = g.tensor(g.node(t).outputs[0]).type.shape, out = g.tensor(y).type.shape;
  std::vector<Block> blocks;
  if (out.rank() == 0 || !FindBlocks(mid, out, &blocks)) return false;
  if (!JoinsNeighbours(blocks, p)) return false;
  // Blocks in the order of x.
  std::vector<size_t> order(blocks.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](size_t i) { return p[static_cast<size_t>(blocks[i].in_begin)]; });
  Shape shape;
  Permutation q(static_cast<size_t>(out.rank()));
  for (const size_t i : order)
    for (int o = blocks[i].out_begin; o < blocks[i].out_end; ++o) {
      q[static_cast<size_t>(o)] = shape.rank();
      shape.push_back(out[o]);
    }
  if (std::ranges::count(shape.dims(), kUnknown) > 1) return false;
  const std::string place = g.node(reshape).place;
  TensorType type = g.tensor(y).type;
  type.shape = shape;
  const TensorId moved = g.AddTensor(Name(g, y, "/reshaped"), type);
  AddReshape(g, x, moved, shape, place, reshape);
  if (IsIdentity(q) && !g.is_output(y)) {
    g.ReplaceUses(y, moved);
    g.Erase(reshape);
    return true;
  }
  const ops::OpDef* op = ops::Find("transpose");
  const TensorId list = g.AddConstant<int32_t>(place + "/order", Shape{out.rank()}, q);
  const TensorId fresh = g.AddTensor(g.tensor(y).name, g.tensor(y).type);
  const NodeId made = g.AddNode(*op, graph::Attributes(op->attrs), {moved, list}, {fresh}, place, reshape);
  g.Erase(reshape);
  if (g.is_output(y)) g.SetOutput(made, 0, y);
  else g.ReplaceUses(y, fresh);
  return true;
}

// The transpose behind the reshape goes before it, where it meets another: the parts that the reshape cuts or joins move whole.
bool Raise(Graph& g, NodeId second) {
  const std::optional<Permutation> p = PermutationOf(g, second);
  const TensorId joined = p ? g.node(second).inputs[0] : graph::kNoTensor;
  if (!p || g.SoleConsumer(joined) != second || !MeetsAbove(g, joined, *p)) return false;
  const NodeId reshape = g.tensor(joined).producer;
  const TensorId mid = g.node(reshape).inputs[0], y = g.node(second).outputs[0];
  std::vector<Block> blocks;
  FindBlocks(g.tensor(mid).type.shape, g.tensor(joined).type.shape, &blocks);
  const Permutation to = Inverse(*p);
  std::ranges::sort(blocks, {}, [&](const Block& b) { return to[static_cast<size_t>(b.out_begin)]; });
  Permutation q;
  for (const Block& b : blocks)
    for (int i = b.in_begin; i < b.in_end; ++i) q.push_back(i);
  const Shape out = g.tensor(y).type.shape;
  const std::string place = g.node(second).place;
  const TensorId moved = AddTranspose(g, mid, q, place, reshape);
  const TensorId fresh = g.AddTensor(g.tensor(y).name, g.tensor(y).type);
  const NodeId made = AddReshape(g, moved, fresh, out, place, second);
  g.Erase(second);
  if (g.is_output(y)) g.SetOutput(made, 0, y);
  else g.ReplaceUses(y, fresh);
  return true;
}

// A reduction that drops its axes goes before the transpose.
bool SinkReduction(Graph& g, NodeId id) {
  static constexpr std::string_view kReductions[] = {"mean", "sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_any", "reduce_all"};
  graph::Node& n = g.node(id);
  if (std::ranges::find(kReductions, n.op->name) == std::end(kReductions)) return false;
  const NodeId t = TransposeBefore(g, n.inputs[0]);
  const auto* keep = FindAttr<bool>(n, "keep_dims");
  const graph::Tensor& list = g.tensor(n.inputs[1]);
  if (t < 0 || !keep || *keep || !list.constant || list.type.dtype != DType::kI32) return false;
  const Permutation p = *PermutationOf(g, t);
  std::vector<bool> gone(p.size(), false);  // Dimensions of the transpose's input.
  std::vector<int32_t> axes;
  for (const int32_t a : list.data<int32_t>()) axes.push_back(p[static_cast<size_t>(a < 0 ? a + static_cast<int32_t>(p.size()) : a)]);
  for (const int32_t a : axes) gone[static_cast<size_t>(a)] = true;
  Permutation q;  // Of what is left.
  for (const int32_t a : p)
    if (!gone[static_cast<size_t>(a)]) q.push_back(static_cast<int32_t>(std::count(gone.begin(), gone.begin() + a, false)));
  const TensorId y = n.outputs[0];
  if (q.empty() || (!IsIdentity(q) && g.SoleConsumer(n.inputs[0]) != id)) return false;
  std::ranges::sort(axes);
  g.SetInput(id, 1, g.AddConstant<int32_t>(n.place + "/axes", list.type.shape, axes));
  g.SetInput(id, 0, g.node(t).inputs[0]);
  if (IsIdentity(q)) return true;
  TensorType type = g.tensor(y).type;
  type.shape = Permuted(type.shape, Inverse(q));
  const TensorId reduced = g.AddTensor(Name(g, y, "/reduced"), type);
  g.SetOutput(id, 0, reduced);
  const ops::OpDef* op = ops::Find("transpose");
  const TensorId order = g.AddConstant<int32_t>(g.node(id).place + "/order", Shape{static_cast<int32_t>(q.size())}, q);
  g.AddNode(*op, graph::Attributes(op->attrs), {reduced, order}, {y}, g.node(id).place);
  return g.Sort();
}

// The reshape that flattens all but the first dimension into y, or -1.
NodeId FlattenBefore(const Graph& g, TensorId y) {
  const NodeId id = g.tensor(y).producer;
  if (id < 0 || g.node(id).op->name != "reshape" || g.is_output(y)) return -1;
  const Shape &in = g.tensor(g.node(id).inputs[0]).type.shape, &out = g.tensor(y).type.shape;
  return out.rank() == 2 && in.rank() > 2 && in[0] == out[0] && Shape(in.dims().subspan(1)).known() ? id : -1;
}

bool PermuteColumns(Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.op->name != "fully_connected" || !g.is_constant(n.inputs[1])) return false;
  const NodeId flatten = FlattenBefore(g, n.inputs[0]);
  const NodeId t = flatten < 0 ? -1 : TransposeBefore(g, g.node(flatten).inputs[0]);
  if (t < 0 || g.SoleConsumer(n.inputs[0]) != id || g.SoleConsumer(g.node(t).outputs[0]) != flatten) return false;
  const Permutation p = *PermutationOf(g, t);
  const Shape mid = g.tensor(g.node(t).outputs[0]).type.shape;
  const graph::Tensor& w = g.tensor(n.inputs[1]);
  if (p[0] != 0 || w.type.shape.rank() != 2 || BitsOf(w.type.dtype) < 8 || (w.type.quant.per_channel() && w.type.quant.axis != 0)) return false;
  // Columns [C, H, W] -> [H, W, C]: as the elements before the transpose lie.
  Shape as{w.type.shape[0]};
  for (int i = 1; i < mid.rank(); ++i) as.push_back(mid[i]);
  if (as.elements() != w.type.shape.elements() || as.rank() > kMaxRank) return false;
  const Quant quant = w.type.quant;
  const Shape flat = w.type.shape;
  const TensorId columns = PermuteConstant(g, n.inputs[1], as, Inverse(p));
  TensorType type = g.tensor(columns).type;
  type.shape = flat;
  type.quant = quant;
  g.SetConstant(columns, type, g.tensor(columns).constant);
  g.SetInput(id, 1, columns);
  g.SetInput(flatten, 0, g.node(t).inputs[0]);
  return true;
}

}  // namespace

bool MeetsAbove(const Graph& g, TensorId t, const Permutation& p) {
  const NodeId reshape = g.tensor(t).producer;
  if (reshape < 0 || g.node(reshape).op->name != "reshape" || g.is_output(t)) return false;
  const TensorId mid = g.node(reshape).inputs[0];
  if (TransposeBefore(g, mid) < 0 || g.SoleConsumer(mid) != reshape) return false;
  const Shape& out = g.tensor(t).type.shape;
  std::vector<Block> blocks;
  if (std::ranges::count(out.dims(), kUnknown) > 1 || !FindBlocks(g.tensor(mid).type.shape, out, &blocks)) return false;
  const Permutation to = Inverse(p);
  for (const Block& b : blocks)
    for (int o = b.out_begin; o + 1 < b.out_end; ++o)
      if (to[static_cast<size_t>(o + 1)] != to[static_cast<size_t>(o)] + 1) return false;
  return true;
}

bool MeetsBelow(const Graph& g, NodeId reader, const Permutation& p) {
  if (g.node(reader).op->name != "reshape") return false;
  const TensorId y = g.node(reader).outputs[0];
  const NodeId next = g.SoleConsumer(y);
  if (next < 0 || !PermutationOf(g, next)) return false;
  const Shape &mid = g.tensor(g.node(reader).inputs[0]).type.shape, &out = g.tensor(y).type.shape;
  std::vector<Block> blocks;
  return out.rank() > 0 && std::ranges::count(out.dims(), kUnknown) <= 1 && FindBlocks(mid, out, &blocks) && JoinsNeighbours(blocks, p);
}

Result<int> ReshapeTransposes(Graph& g) {
  return ForEachNode(g,
                     [&](NodeId id) { return g.node(id).op->name == "reshape" ? Sink(g, id) : PermuteColumns(g, id) || Raise(g, id) || SinkReduction(g, id); });
}

}  // namespace octet::passes
