// SPDX-License-Identifier: Apache-2.0
#include "graph/graph.h"

#include <algorithm>

namespace octet::graph {

Attributes::Attributes(const ops::AttrLayout& layout, const void* from) : layout_(&layout), bytes_(layout.bytes) {
  if (bytes_.empty()) return;
  layout.init(bytes_.data());
  if (!from) return;
  std::memcpy(bytes_.data(), from, bytes_.size());
  for (const ops::AttrRow& row : layout.rows) {
    void* p = row.at(bytes_.data());
    const auto keep = [&]<class L>(L* list) { *list = Keep<L>(list->span()); };
    if (row.kind == ops::AttrKind::kText) keep(static_cast<ops::Text*>(p));
    if (row.kind == ops::AttrKind::kBytes) keep(static_cast<ops::Bytes*>(p));
    if (row.kind == ops::AttrKind::kFloats) keep(static_cast<ops::Floats*>(p));
    if (row.kind == ops::AttrKind::kSubgraphs) keep(static_cast<ops::Subgraphs*>(p));
  }
}

std::string Attributes::content() const {
  std::string content;
  if (!layout_) return content;
  const auto append = [&](const void* bytes, size_t size) { content.append(static_cast<const char*>(bytes), size); };
  for (const ops::AttrRow& row : layout_->rows) {
    const void* p = row.at(const_cast<std::byte*>(bytes_.data()));
    const auto list = [&]<class L>(const L* list) {
      const auto bytes = std::as_bytes(list->span());
      const uint64_t size = bytes.size();
      append(&size, sizeof size);
      append(bytes.data(), size);
    };
    switch (row.kind) {
      case ops::AttrKind::kBool:
      case ops::AttrKind::kI8: append(p, sizeof(int8_t)); break;
      case ops::AttrKind::kI32:
      case ops::AttrKind::kF32:
      case ops::AttrKind::kSubgraph: append(p, sizeof(int32_t)); break;
      case ops::AttrKind::kI64: append(p, sizeof(int64_t)); break;
      case ops::AttrKind::kInts: list(static_cast<const ops::Ints*>(p)); break;
      case ops::AttrKind::kLongs: list(static_cast<const ops::Longs*>(p)); break;
      case ops::AttrKind::kFloats: list(static_cast<const ops::Floats*>(p)); break;
      case ops::AttrKind::kBytes: list(static_cast<const ops::Bytes*>(p)); break;
      case ops::AttrKind::kText: list(static_cast<const ops::Text*>(p)); break;
      case ops::AttrKind::kSubgraphs: list(static_cast<const ops::Subgraphs*>(p)); break;
    }
  }
  return content;
}

bool Attributes::operator==(const Attributes& other) const { return layout_ == other.layout_ && content() == other.content(); }

TensorId Graph::AddTensor(std::string name, TensorType type) {
  Tensor& t = tensors_.emplace_back();
  t.name = std::move(name);
  t.type = std::move(type);
  return static_cast<TensorId>(tensors_.size() - 1);
}

namespace {
// Files may hold any byte as a boolean; C++ reads 0 and 1.
Buffer Booleans(const TensorType& type, Buffer bytes) {
  if (type.dtype != DType::kBool || !bytes || std::ranges::all_of(*bytes, [](std::byte b) { return b <= std::byte{1}; })) return bytes;
  std::vector<std::byte> plain(bytes->begin(), bytes->end());
  for (std::byte& b : plain) b = std::byte{b != std::byte{0}};
  return MakeBuffer(std::move(plain));
}
}  // namespace

TensorId Graph::AddConstant(std::string name, TensorType type, Buffer bytes) {
  const TensorId id = AddTensor(std::move(name), std::move(type));
  SetConstant(id, tensors_[id].type, std::move(bytes));
  return id;
}

NodeId Graph::AddNode(const ops::OpDef& op, Attributes attrs, std::vector<TensorId> inputs,
                      std::vector<TensorId> outputs, std::string place, NodeId before) {
  const NodeId id = static_cast<NodeId>(nodes_.size());
  for (TensorId t : inputs)
    if (t != kNoTensor) tensors_[t].consumers.push_back(id);
  for (TensorId t : outputs) tensors_[t].producer = id;
  nodes_.push_back({&op, std::move(attrs), std::move(inputs), std::move(outputs), std::move(place), {}, {}, {}});
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
  tensors_[tensor].constant = Booleans(type, std::move(bytes));
  tensors_[tensor].type = std::move(type);
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

namespace {

// The shapes that a subgraph has now count for callers with the same input shapes; for others nothing is known.
class LinkedCallee : public ops::Callee {
 public:
  explicit LinkedCallee(const CalleeTypes& types) : types_(types) {}
  std::string_view name() const override { return types_.name; }
  int num_inputs() const override { return static_cast<int>(types_.inputs.size()); }
  int num_outputs() const override { return static_cast<int>(types_.outputs.size()); }
  const TensorType& input(int i) const override { return types_.inputs[i]; }
  const TensorType& output(int i) const override { return types_.outputs[i]; }
  int InputOf(int output) const override { return types_.input_of[output]; }
  const ops::OpDef* sole_op() const override { return types_.sole_op; }
  Status Infer(std::span<const Shape> inputs, std::span<ops::OutputType> outputs) override {
    const bool same = std::ranges::equal(inputs, types_.inputs, {}, {}, &TensorType::shape);
    for (size_t i = 0; i < outputs.size(); ++i) outputs[i] = {types_.outputs[i].dtype, types_.outputs[i].shape, !same};
    return {};
  }
  Status Call(std::span<const Bound>, std::span<Bound>, ThreadPool&) override {
    return Error(Code::kUnsupported, "subgraph '%s' runs only in an interpreter", types_.name.c_str());
  }

 private:
  const CalleeTypes& types_;
};

}  // namespace

NodeView::NodeView(const Graph& g, NodeId id) {
  const Node& n = g.node(id);
  for (TensorId t : n.inputs) {
    inputs_.push_back(t == kNoTensor ? nullptr : &g.tensor(t).type);
    // Strings are constant in the file's form, which kernels do not read.
    constants_.push_back(g.is_constant(t) && g.tensor(t).type.dtype != DType::kString ? g.tensor(t).constant->data() : nullptr);
  }
  for (TensorId t : n.outputs) outputs_.push_back(&g.tensor(t).type);
  for (TensorId t : n.intermediates) intermediates_.push_back(t == kNoTensor ? nullptr : &g.tensor(t).type);
  for (const std::shared_ptr<const CalleeTypes>& types : n.callees) {
    owned_callees_.push_back(std::make_unique<LinkedCallee>(*types));
    callees_.push_back(owned_callees_.back().get());
  }
  view_ = {n.op, n.place, inputs_, outputs_, constants_, n.attrs.get(), intermediates_, callees_, nullptr, n.custom_options};
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

namespace {

std::shared_ptr<const CalleeTypes> TypesOf(const Graph& g) {
  auto types = std::make_shared<CalleeTypes>();
  types->name = g.name;
  for (TensorId t : g.inputs) types->inputs.push_back(g.tensor(t).type);
  for (TensorId t : g.outputs) {
    types->outputs.push_back(g.tensor(t).type);
    const auto at = std::ranges::find(g.inputs, t);
    types->input_of.push_back(at == g.inputs.end() ? -1 : static_cast<int>(at - g.inputs.begin()));
  }
  if (g.num_nodes() == 1) types->sole_op = g.node(g.order()[0]).op;
  return types;
}

Status LinkGraph(Graph& g, const std::vector<std::shared_ptr<const CalleeTypes>>& types) {
  for (NodeId id : g.order()) {
    Node& n = g.node(id);
    n.callees.clear();
    for (int32_t callee : ops::CalledSubgraphs(n.op->attrs, n.attrs.get())) {
      if (callee < 0 || static_cast<size_t>(callee) >= types.size())
        return Error(Code::kInvalidModel, "'%s' calls subgraph %d, there are %zu", n.place.c_str(), callee, types.size());
      n.callees.push_back(types[static_cast<size_t>(callee)]);
    }
  }
  return {};
}

}  // namespace

Status LinkCallees(Model& model) {
  std::vector<std::shared_ptr<const CalleeTypes>> types;
  for (const Graph& g : model.subgraphs) types.push_back(TypesOf(g));
  for (Graph& g : model.subgraphs) OCTET_TRY(LinkGraph(g, types));
  return {};
}

Status InferModel(Model& model) {
  OCTET_TRY(LinkCallees(model));
  std::vector<int> state(model.subgraphs.size(), 0);  // 1: being inferred, 2: done.
  const std::function<Status(size_t)> infer = [&](size_t i) -> Status {
    if (state[i] == 1) return Error(Code::kInvalidModel, "subgraph '%s' calls itself", model.subgraphs[i].name.c_str());
    if (state[i] == 2) return {};
    state[i] = 1;
    bool calls = false;
    for (NodeId id : model.subgraphs[i].order())
      for (int32_t callee : ops::CalledSubgraphs(model.subgraphs[i].node(id).op->attrs, model.subgraphs[i].node(id).attrs.get())) {
        OCTET_TRY(infer(static_cast<size_t>(callee)));
        calls = true;
      }
    if (calls) OCTET_TRY(LinkCallees(model));
    OCTET_TRY(InferAll(model.subgraphs[i]));
    state[i] = 2;
    return {};
  };
  for (size_t i = 0; i < model.subgraphs.size(); ++i) OCTET_TRY(infer(i));
  return LinkCallees(model);
}

Status InferAll(Graph& g) {
  for (NodeId id : g.order()) OCTET_TRY(InferNode(g, id));
  return {};
}

}  // namespace octet::graph
