// SPDX-License-Identifier: Apache-2.0
// What must be true of every model between passes. A failure here is a bug of the pass before it.
#include <algorithm>
#include <set>

#include "graph/graph.h"

namespace octet::graph {
namespace {

Status Broken(const Graph& g, const std::string& what) {
  return Error(Code::kInvalidModel, "graph '%s' is inconsistent: %s", g.name.c_str(), what.c_str());
}

Status VerifyTensor(const Graph& g, TensorId id) {
  const Tensor& t = g.tensor(id);
  if (t.constant) {
    uint64_t bytes = 0;
    const bool sized = BitsOf(t.type.dtype) > 0 && t.type.dtype != DType::kString;
    if (sized && (!CheckedBytes(t.type.dtype, t.type.shape, &bytes) || bytes != t.constant->size()))
      return Broken(g, "constant '" + t.name + "' has " + std::to_string(t.constant->size()) + " bytes for " + t.type.shape.text());
    if (t.producer >= 0) return Broken(g, "constant '" + t.name + "' is also computed");
  }
  const size_t scales = t.type.quant.scale.size();
  const int axis = t.type.quant.axis;
  if (scales > 1 && t.type.quant.block_size == 0 &&
      (axis < 0 || axis >= t.type.shape.rank() || static_cast<size_t>(t.type.shape[axis]) != scales))
    return Broken(g, "'" + t.name + "' has " + std::to_string(scales) + " scales on axis " + std::to_string(axis) + " of " + t.type.shape.text());
  return {};
}

Status VerifyCalls(const Model& model, const Graph& g, const Node& n) {
  const std::vector<int32_t> called = ops::CalledSubgraphs(n.op->attrs, n.attrs.get());
  if (called.size() != n.callees.size()) return Broken(g, "'" + n.place + "' is not linked to the subgraphs it calls");
  for (size_t i = 0; i < called.size(); ++i) {
    if (called[i] < 0 || static_cast<size_t>(called[i]) >= model.subgraphs.size())
      return Broken(g, "'" + n.place + "' calls subgraph " + std::to_string(called[i]));
    const Graph& callee = model.subgraphs[static_cast<size_t>(called[i])];
    if (callee.inputs.size() != n.callees[i]->inputs.size() || callee.outputs.size() != n.callees[i]->outputs.size())
      return Broken(g, "'" + n.place + "' was linked to '" + callee.name + "' before that changed");
  }
  return {};
}

Status VerifyNode(const Graph& g, NodeId id, std::set<TensorId>& computed) {
  const Node& n = g.node(id);
  for (TensorId t : n.inputs) {
    if (t == kNoTensor) continue;
    const Tensor& tensor = g.tensor(t);
    if (tensor.producer >= 0 && !computed.contains(t)) return Broken(g, "'" + n.place + "' reads '" + tensor.name + "' before it is computed");
    const auto listed = std::ranges::count(tensor.consumers, id), used = std::ranges::count(n.inputs, t);
    if (listed != used) return Broken(g, "the use list of '" + tensor.name + "' is wrong");
  }
  for (TensorId t : n.outputs) {
    if (g.tensor(t).producer != id) return Broken(g, "'" + g.tensor(t).name + "' does not name its producer");
    computed.insert(t);
  }
  return {};
}

}  // namespace

Status Verify(const Model& model) {
  for (const Graph& g : model.subgraphs) {
    for (size_t i = 0; i < g.tensors().size(); ++i) OCTET_TRY(VerifyTensor(g, static_cast<TensorId>(i)));
    std::set<TensorId> computed;
    for (NodeId id : g.order()) OCTET_TRY(VerifyNode(g, id, computed));
    for (NodeId id : g.order()) OCTET_TRY(VerifyCalls(model, g, g.node(id)));
    for (TensorId t : g.outputs) {
      const Tensor& tensor = g.tensor(t);
      const bool there = tensor.producer >= 0 || tensor.constant || std::ranges::find(g.inputs, t) != g.inputs.end() || tensor.is_variable;
      if (!there) return Broken(g, "output '" + tensor.name + "' is never computed");
    }
  }
  return {};
}

}  // namespace octet::graph
