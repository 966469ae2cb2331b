// SPDX-License-Identifier: Apache-2.0
#include "graph/graph.h"

#include <algorithm>

namespace octet::graph {

Buffer MakeBuffer(std::span<const std::byte> bytes) {
  return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

TensorId Graph::AddTensor(std::string name, TensorType type) {
  Tensor& t = tensors_.emplace_back();
  t.name = std::move(name);
  t.type = std::move(type);
  return static_cast<TensorId>(tensors_.size() - 1);
}

TensorId Graph::AddConstant(std::string name, TensorType type, Buffer bytes) {
  const TensorId id = AddTensor(std::move(name), std::move(type));
  tensors_[id].constant = std::move(bytes);
  return id;
}

NodeId Graph::AddNode(const ops::OpDef& op, Attributes attrs, std::vector<TensorId> inputs,
                      std::vector<TensorId> outputs, std::string place, NodeId before) {
  const NodeId id = static_cast<NodeId>(nodes_.size());
  for (TensorId t : inputs)
    if (t != kNoTensor) tensors_[t].consumers.push_back(id);
  for (TensorId t : outputs) tensors_[t].producer = id;
  nodes_.push_back({&op, std::move(attrs), std::move(inputs), std::move(outputs), std::move(place), {}});
  order_.insert(before < 0 ? order_.end() : std::ranges::find(order_, before), id);
  return id;
}

namespace {
void DropOneUse(std::vector<NodeId>& consumers, NodeId node) {
  consumers.erase(std::ranges::find(consumers, node));
}
}  // namespace

void Graph::SetInput(NodeId node, int i, TensorId tensor) {
  TensorId& slot = nodes_[node].inputs[i];
  if (slot != kNoTensor) DropOneUse(tensors_[slot].consumers, node);
  if (tensor != kNoTensor) tensors_[tensor].consumers.push_back(node);
  slot = tensor;
}

void Graph::AddInput(NodeId node, TensorId tensor) {
  nodes_[node].inputs.push_back(kNoTensor);
  SetInput(node, static_cast<int>(nodes_[node].inputs.size()) - 1, tensor);
}

void Graph::SetOutput(NodeId node, int i, TensorId tensor) {
  TensorId& slot = nodes_[node].outputs[i];
  tensors_[slot].producer = -1;
  tensors_[tensor].producer = node;
  slot = tensor;
}

void Graph::ReplaceUses(TensorId from, TensorId to) {
  const std::vector<NodeId> users = tensors_[from].consumers;
  for (NodeId user : users) {
    for (size_t i = 0; i < nodes_[user].inputs.size(); ++i)
      if (nodes_[user].inputs[i] == from) SetInput(user, static_cast<int>(i), to);
  }
  std::ranges::replace(outputs, from, to);
}

void Graph::SetConstant(TensorId tensor, TensorType type, Buffer bytes) {
  tensors_[tensor].type = std::move(type);
  tensors_[tensor].constant = std::move(bytes);
}

void Graph::Erase(NodeId node) {
  Node& n = nodes_[node];
  for (TensorId t : n.inputs)
    if (t != kNoTensor) DropOneUse(tensors_[t].consumers, node);
  for (TensorId t : n.outputs) tensors_[t].producer = -1;
  n = Node();
  order_.erase(std::ranges::find(order_, node));
}

bool Graph::Sort() {
  std::vector<int> waiting(nodes_.size(), 0);  // Computed inputs that are not there yet, per node.
  for (NodeId id : order_) {
    for (TensorId t : nodes_[id].inputs) waiting[id] += t != kNoTensor && tensors_[t].producer >= 0;
  }
  // Always the first ready node in the old order: a sorted graph stays as it is.
  std::vector<NodeId> sorted;
  std::vector<NodeId> left = order_;
  while (!left.empty()) {
    const size_t before = left.size();
    std::erase_if(left, [&](NodeId id) {
      if (waiting[id] != 0) return false;
      sorted.push_back(id);
      for (TensorId t : nodes_[id].outputs)
        for (NodeId user : tensors_[t].consumers) --waiting[user];
      return true;
    });
    if (left.size() == before) return false;
  }
  order_ = std::move(sorted);
  return true;
}

void Graph::RemoveDead() {
  std::vector<bool> live(nodes_.size(), false);
  for (auto it = order_.rbegin(); it != order_.rend(); ++it) {
    const Node& n = nodes_[*it];
    bool needed = n.op->traits & ops::kSideEffects;
    for (TensorId t : n.outputs) {
      needed |= is_output(t);
      for (NodeId user : tensors_[t].consumers) needed |= live[user];
    }
    live[*it] = needed;
  }
  for (const std::vector<NodeId> old = order_; NodeId id : old)
    if (!live[id]) Erase(id);

  // Ids stay what they are: signatures name tensors. The bytes of what nobody reads go.
  for (size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].consumers.empty() && !is_output(static_cast<TensorId>(i))) tensors_[i].constant.reset();
  }
}

bool Graph::is_output(TensorId t) const { return std::ranges::find(outputs, t) != outputs.end(); }

int Graph::uses(TensorId t) const {
  return static_cast<int>(tensors_[t].consumers.size() + std::ranges::count(outputs, t));
}

NodeId Graph::SoleConsumer(TensorId t) const {
  const std::vector<NodeId>& users = tensors_[t].consumers;
  return users.size() == 1 && !is_output(t) ? users[0] : -1;
}

NodeView::NodeView(const Graph& g, NodeId id) {
  const Node& n = g.node(id);
  for (TensorId t : n.inputs) {
    inputs_.push_back(t == kNoTensor ? nullptr : &g.tensor(t).type);
    constants_.push_back(g.is_constant(t) ? g.tensor(t).constant->data() : nullptr);
  }
  for (TensorId t : n.outputs) outputs_.push_back(&g.tensor(t).type);
  for (TensorId t : n.intermediates) intermediates_.push_back(t == kNoTensor ? nullptr : &g.tensor(t).type);
  view_ = {n.op, n.place, inputs_, outputs_, constants_, n.attrs.get(), intermediates_};
}

Status InferNode(Graph& g, NodeId id) {
  const NodeView lens(g, id);
  std::vector<ops::OutputType> types(g.node(id).outputs.size());
  OCTET_TRY(ops::CheckAndInfer(lens.view(), types));
  for (size_t i = 0; i < types.size(); ++i) {
    TensorType& t = g.tensor(g.node(id).outputs[i]).type;
    t.dtype = types[i].dtype;
    if (!types[i].dynamic) t.shape = types[i].shape;
  }
  return {};
}

Status InferAll(Graph& g) {
  for (NodeId id : g.order()) OCTET_TRY(InferNode(g, id));
  return {};
}

}  // namespace octet::graph
