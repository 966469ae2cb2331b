// SPDX-License-Identifier: Apache-2.0
// LiteRT broadcasts comparisons, logic and some more over at most four dimensions, and ends the process at five.
#include "passes/merge_broadcasts.h"

#include <algorithm>
#include <limits>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr int kMost = 4;
constexpr std::string_view kLimited[] = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or",
                                         "floor_div", "floor_mod", "pow", "atan2", "bitwise_xor", "right_shift"};

// The product; -1 where one of them is open. False: too large.
bool Times(int32_t* n, int32_t by) {
  const int64_t product = *n < 0 || by < 0 ? -1 : int64_t{*n} * by;
  *n = static_cast<int32_t>(product);
  return product <= std::numeric_limits<int32_t>::max();
}

bool OneOpen(const std::vector<int32_t>& dims) { return std::ranges::count(dims, -1) <= 1; }

}  // namespace

bool MergeForBroadcast(std::string_view op, const Shape& a, const Shape& b, Merged* merged) {
  const int rank = std::max(a.rank(), b.rank());
  if (rank <= kMost || a == b || std::ranges::find(kLimited, op) == std::end(kLimited)) return false;
  enum class Kind { kBothOne, kFirstOne, kSecondOne, kSame };
  Kind last = Kind::kBothOne;
  const auto dim = [&](const Shape& s, int i) { return i < rank - s.rank() ? 1 : s[i - (rank - s.rank())]; };
  for (int i = 0; i < rank; ++i) {
    const int32_t p = dim(a, i), q = dim(b, i);
    if (p != q && p != 1 && q != 1) return false;  // One of them is open: perhaps 1.
    merged->out.push_back(p == 1 ? q : p);
    const Kind kind = p == 1 && q == 1 ? Kind::kBothOne : p == 1 ? Kind::kFirstOne : q == 1 ? Kind::kSecondOne : Kind::kSame;
    if (kind == Kind::kBothOne && !merged->a.empty()) continue;
    if (merged->a.empty() || (last != kind && last != Kind::kBothOne)) {
      merged->a.push_back(p);
      merged->b.push_back(q);
    } else if (!Times(&merged->a.back(), p) || !Times(&merged->b.back(), q)) {
      return false;
    }
    last = kind;
  }
  merged->spread = static_cast<int>(merged->a.size()) > kMost;
  if (merged->spread) return std::ranges::count(merged->out, -1) == 0;
  return OneOpen(merged->a) && OneOpen(merged->b) && OneOpen(merged->out);
}

namespace {

TensorId Brought(Graph& g, std::string_view how, TensorId x, const std::vector<int32_t>& dims, NodeId before) {
  const ops::OpDef& op = *ops::Find(how);
  const std::string place = g.node(before).place;
  Shape shape;
  for (const int32_t d : dims) shape.push_back(d < 0 ? kUnknown : d);
  const TensorId wanted = g.AddConstant<int32_t>(place + "/shape", Shape{static_cast<int32_t>(dims.size())}, dims);
  const TensorId y = g.AddTensor(g.tensor(x).name + "/merged", {g.tensor(x).type.dtype, shape, g.tensor(x).type.quant});
  g.AddNode(op, graph::Attributes(op.attrs), {x, wanted}, {y}, place, before);
  return y;
}

bool Rewrite(Graph& g, NodeId id) {
  const graph::Node n = g.node(id);
  if (n.inputs.size() != 2 || n.inputs[0] == graph::kNoTensor || n.inputs[1] == graph::kNoTensor) return false;
  Merged merged;
  if (!MergeForBroadcast(n.op->name, g.tensor(n.inputs[0]).type.shape, g.tensor(n.inputs[1]).type.shape, &merged)) return false;
  const TensorId y = n.outputs[0];
  if (merged.spread) {
    for (int i = 0; i < 2; ++i) g.SetInput(id, i, Brought(g, "broadcast_to", n.inputs[static_cast<size_t>(i)], merged.out, id));
    return true;
  }
  const TensorId a = Brought(g, "reshape", n.inputs[0], merged.a, id), b = Brought(g, "reshape", n.inputs[1], merged.b, id);
  const NodeId smaller =
      g.AddNode(*n.op, n.attrs, {a, b}, {g.AddTensor(g.tensor(y).name + "/merged", {g.tensor(y).type.dtype, {}, g.tensor(y).type.quant})}, n.place, id);
  (void)graph::InferNode(g, smaller);
  ReplaceByReshape(g, id, g.node(smaller).outputs[0]);
  return true;
}

}  // namespace

Result<int> MergeBroadcasts(Graph& g) {
  return ForEachNode(g, [&](NodeId id) { return Rewrite(g, id); });
}

}  // namespace octet::passes
