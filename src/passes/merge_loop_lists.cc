// SPDX-License-Identifier: Apache-2.0
//   while (n = 0, list, h): n < 6, (n + 1, list with h' at row n, h')   begins with   list = pack(h, h, h, h, h, h)
//   while (n = 0, row, h): n < 6, (n + 1, expand_dims(h'), h')           is           row = expand_dims(h)   behind the loop
// TensorFlow's loops begin with a list of zeros, whose size is computed where the batch is free. Where every row is written before anyone reads it,
// it may begin with anything of that size, and the value that is written has rows of it. A list of one row is what was written last.
#include "graph/dimensions.h"
#include "passes/loops.h"
#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::kNoTensor;
using graph::NodeId;
using graph::TensorId;

constexpr int32_t kMostRows = 64;  // A list of operands of a quarter of a kilobyte.

// The node itself, or null.
const graph::Node* NodeMaking(const Graph& g, TensorId t, std::string_view op) {
  const NodeId maker = Maker(g, t, op);
  return maker < 0 ? nullptr : &g.node(maker);
}

std::optional<size_t> Place(const std::vector<TensorId>& list, TensorId t) {
  const auto at = std::ranges::find(list, t);
  return at == list.end() ? std::nullopt : std::optional(static_cast<size_t>(at - list.begin()));
}

// A loop that counts 0, 1, 2, … `rounds` - 1.
struct Count {
  size_t variable = 0;
  int32_t rounds = 0;
};

std::optional<Count> CountOf(const Loop& loop, const Graph& g, const graph::Node& node) {
  const Graph &condition = *loop.condition, &body = *loop.body;
  const graph::Node* const less = NodeMaking(condition, condition.outputs[0], "less");
  if (!less) return std::nullopt;
  const std::optional<size_t> at = Place(condition.inputs, less->inputs[0]);
  const std::optional<int32_t> limit = ConstantNumber(condition, less->inputs[1]);
  if (!at || !limit || ConstantNumber(g, node.inputs[*at]) != 0) return std::nullopt;
  const graph::Node* const add = NodeMaking(body, body.outputs[*at], "add");
  const TensorId n = body.inputs[*at];
  if (!add || !((add->inputs[0] == n && ConstantNumber(body, add->inputs[1]) == 1) || (add->inputs[1] == n && ConstantNumber(body, add->inputs[0]) == 1)))
    return std::nullopt;
  return Count{*at, *limit};
}

// Nobody reads the variable in a round but for this node, or at all.
bool OnlyReadBy(const Loop& loop, size_t variable, NodeId node) {
  const graph::Graph& body = *loop.body;
  const TensorId t = body.inputs[variable];
  return loop.condition->uses(loop.condition->inputs[variable]) == 0 && body.uses(t) == (node < 0 ? 0 : 1) && (node < 0 || body.SoleConsumer(t) == node);
}

// The variable whose next value is the row that a round writes at the row it counts; nothing where it does anything else with the list.
std::optional<size_t> Written(const Loop& loop, size_t list, const Count& count) {
  const Graph& body = *loop.body;
  const NodeId writer = body.tensor(body.outputs[list]).producer;
  const graph::Node* const n = NodeMaking(body, body.outputs[list], "dynamic_update_slice");
  if (!n || n->inputs[0] != body.inputs[list] || !OnlyReadBy(loop, list, writer)) return std::nullopt;
  const graph::Node* const start = NodeMaking(body, n->inputs[2], "pack");
  if (!start || start->inputs.empty() || start->inputs[0] != body.inputs[count.variable]) return std::nullopt;
  if (!std::ranges::all_of(start->inputs.begin() + 1, start->inputs.end(), [&](TensorId t) { return ConstantNumber(body, t) == 0; })) return std::nullopt;
  const TensorId row = WithoutAxis(body, n->inputs[1], 0);
  return row == kNoTensor ? std::nullopt : Place(body.outputs, row);
}

bool Begin(const Loop& loop, Graph& g, NodeId id, size_t list, const Count& count, graph::Origins* origins) {
  const graph::Node& node = g.node(id);
  const TensorId zeros = node.inputs[list];
  const int32_t rows = g.tensor(zeros).type.shape.rank() > 0 ? g.tensor(zeros).type.shape[0] : kUnknown;
  if (!NodeMaking(g, zeros, "fill") || rows != count.rounds || rows < 1 || rows > kMostRows) return false;
  const std::optional<size_t> written = Written(loop, list, count);
  if (!written || *written == list || !graph::HasSizeOfRow(g, zeros, node.inputs[*written], origins)) return false;
  const ops::OpDef& op = *ops::Find("pack");
  const TensorId begun = g.AddTensor(g.tensor(zeros).name, g.tensor(zeros).type);
  const std::vector<TensorId> inputs(static_cast<size_t>(rows), node.inputs[*written]);
  const NodeId made = g.AddNode(op, graph::Attributes(op.attrs), inputs, {begun}, node.place, id);
  *FindAttr<int32_t>(g.node(made), "values_count") = rows;
  g.SetInput(id, static_cast<int>(list), begun);
  return true;
}

bool IsZeros(const Graph& g, TensorId t) {
  const graph::Node* const fill = NodeMaking(g, t, "fill");
  return fill && UniformValue(g, fill->inputs[1]) == 0.0f;
}

// Where no round may run, what both begin with has to be the same, too.
bool TakeOut(const Loop& loop, Graph& g, NodeId id, size_t list, bool runs) {
  const graph::Node node = g.node(id);
  const TensorId made = node.outputs[list], row = WithoutAxis(*loop.body, loop.body->outputs[list], 0);
  if (row == kNoTensor || g.uses(made) == 0 || g.is_output(made) || !OnlyReadBy(loop, list, -1)) return false;
  const std::optional<size_t> last = Place(loop.body->outputs, row);
  if (!last || !graph::HasTypeOfRow(g, made, node.outputs[*last]) || !(runs || (IsZeros(g, node.inputs[list]) && IsZeros(g, node.inputs[*last])))) return false;
  const TensorId again = g.AddTensor(g.tensor(made).name, g.tensor(made).type);
  g.ReplaceUses(made, again);
  const ops::OpDef& op = *ops::Find("expand_dims");
  const int32_t axis = 0;
  const TensorId at = g.AddConstant<int32_t>(g.tensor(made).name + "/axis", Shape(), std::span(&axis, 1));
  g.AddNode(op, graph::Attributes(op.attrs), {node.outputs[*last], at}, {again}, node.place, NodeAfter(g, id));
  return true;
}

bool Merge(const Loop& loop, Graph& g, NodeId id) {
  const std::optional<Count> count = CountOf(loop, g, g.node(id));
  graph::Origins origins;
  bool merged = false;
  for (size_t list = 0; list < loop.body->inputs.size(); ++list) {
    merged |= TakeOut(loop, g, id, list, count && count->rounds > 0) || (count && Begin(loop, g, id, list, *count, &origins));
  }
  return merged;
}

}  // namespace

Result<int> MergeLoopLists(graph::Model& model) { return ForEachLoop(model, Merge); }

}  // namespace octet::passes
