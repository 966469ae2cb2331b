// SPDX-License-Identifier: Apache-2.0
#include "importers/construction.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "graph/fold.h"

namespace octet::importers {

using ops::Value;

std::string Construction::UniqueName(const std::string& wanted) {
  const int n = names_[wanted]++;
  return n == 0 ? wanted : UniqueName(wanted + "_" + std::to_string(n));
}

const TensorType& Construction::TypeOf(Value v) { return types_.try_emplace(v.id, graph().tensor(v.id).type).first->second; }

Value Construction::FindConstant(const TensorType& type, std::span<const std::byte> bytes, size_t hash) {
  const auto [begin, end] = constants_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const graph::Tensor& t = graph().tensor(it->second.id);
    if (t.constant && t.type.dtype == type.dtype && t.type.shape == type.shape && t.type.quant == type.quant && std::ranges::equal(*t.constant, bytes))
      return it->second;
  }
  return {};
}

Value Construction::Constant(const TensorType& type, std::span<const std::byte> bytes, const std::string& name) {
  const size_t hash = graph::QuickHash(bytes);
  if (const Value known = FindConstant(type, bytes, hash)) return known;
  return constants_.emplace(hash, Value{graph().AddConstant(name, type, graph::MakeBuffer(bytes))})->second;
}

Value Construction::Constant(const TensorType& type, graph::Buffer bytes, const std::string& name) {
  const size_t hash = graph::QuickHash(*bytes);
  if (const Value known = FindConstant(type, *bytes, hash)) return known;
  return constants_.emplace(hash, Value{graph().AddConstant(name, type, std::move(bytes))})->second;
}

bool Construction::ReleaseUnread(Value v) {
  constexpr size_t kLarge = 64 << 10;
  const graph::Tensor& t = graph().tensor(v.id);
  if (!t.constant || t.constant->size() < kLarge || graph().uses(v.id) > 0) return false;
  graph().Release(v.id);
  return true;
}

Status Construction::Fold(graph::NodeId id) {
  constexpr uint64_t kSmall = 1 << 20, kMostGrowth = 2;
  graph::Graph& g = graph();
  const graph::Node& n = g.node(id);
  uint64_t read = 0, made = 0;
  bool waits = false;
  for (const graph::TensorId t : n.inputs) {
    if (t == graph::kNoTensor) continue;
    waits |= unfolded_.contains(t);
    if (!g.is_constant(t) && !unfolded_.contains(t)) return {};
    read += g.tensor(t).constant ? g.tensor(t).constant->size() : 0;
  }
  for (const graph::TensorId t : n.outputs) {
    uint64_t bytes = 0;
    if (!CheckedBytes(g.tensor(t).type.dtype, g.tensor(t).type.shape, &bytes)) return {};
    made += bytes;
  }
  if (!waits && (made <= kSmall || made <= kMostGrowth * read)) {
    OCTET_ASSIGN([[maybe_unused]] const bool folded, graph::FoldNode(g, id));
    return {};
  }
  for (const graph::TensorId t : n.outputs) unfolded_[t] = id;
  return {};
}

graph::Buffer Construction::BytesOf(Value v) {
  graph::Graph& g = graph();
  std::set<graph::NodeId> needed;
  for (std::vector<graph::TensorId> open = {v.id}; !open.empty();) {
    const auto it = unfolded_.find(open.back());
    open.pop_back();
    if (it != unfolded_.end() && needed.insert(it->second).second) open.insert(open.end(), g.node(it->second).inputs.begin(), g.node(it->second).inputs.end());
  }
  for (const graph::NodeId id : needed) {  // In the order in which they were made.
    for (const graph::TensorId t : g.node(id).outputs) unfolded_.erase(t);
    if (!graph::FoldNode(g, id).ok()) break;
  }
  return g.tensor(v.id).constant;
}

void Construction::Refine(Value v, const TensorType& type) {
  TensorType& own = graph().tensor(v.id).type;
  if (graph().is_constant(v.id)) own.quant = type.quant;  // What was folded has its shape.
  else own = type;
  types_.erase(v.id);
}

std::vector<Value> Construction::Inline(const graph::Graph& from, std::span<const Value> inputs) {
  std::map<graph::TensorId, graph::TensorId> here = {{graph::kNoTensor, graph::kNoTensor}};
  for (size_t i = 0; i < from.inputs.size(); ++i) here[from.inputs[i]] = inputs[i].id;
  const auto tensor = [&](graph::TensorId t) {
    if (const auto it = here.find(t); it != here.end()) return it->second;
    const graph::Tensor& old = from.tensor(t);
    const graph::TensorId id =
        old.constant ? graph().AddConstant(UniqueName(old.name), old.type, old.constant) : graph().AddTensor(UniqueName(old.name), old.type);
    graph().tensor(id).is_variable = old.is_variable;
    return here[t] = id;
  };
  for (const graph::NodeId id : from.order()) {
    const graph::Node& n = from.node(id);
    std::vector<graph::TensorId> in, out;
    for (const graph::TensorId t : n.inputs) in.push_back(tensor(t));
    for (const graph::TensorId t : n.outputs) out.push_back(tensor(t));
    graph::Node& added = graph().node(graph().AddNode(*n.op, n.attrs, std::move(in), std::move(out), n.place));
    added.callees = n.callees;
    added.custom_options = n.custom_options;
  }
  std::vector<Value> outputs;
  for (const graph::TensorId t : from.outputs) outputs.push_back({tensor(t)});
  return outputs;
}

Result<std::vector<Value>> Construction::Inline(graph::Model from, std::span<const Value> inputs) {
  const auto shift = static_cast<int32_t>(model_.subgraphs.size()) - 1;
  for (graph::Graph& g : from.subgraphs)
    for (const graph::NodeId id : g.order())
      for (const ops::AttrRow& row : g.node(id).op->attrs.rows)
        if (row.kind == ops::AttrKind::kSubgraph) *static_cast<int32_t*>(row.at(g.node(id).attrs.get())) += shift;
  for (size_t i = 1; i < from.subgraphs.size(); ++i) model_.subgraphs.push_back(std::move(from.subgraphs[i]));
  std::vector<Value> outputs = Inline(from.main(), inputs);
  if (from.subgraphs.size() > 1) OCTET_TRY(Link());
  return outputs;
}

void Construction::OpenSubgraph(const std::string& name) {
  open_.push_back({{}, std::exchange(types_, {}), std::exchange(constants_, {}), std::exchange(halves_, {}), std::exchange(unfolded_, {})});
  open_.back().graph.name = name;
}

int32_t Construction::CloseSubgraph() {
  Open& done = open_.back();
  done.graph.RemoveDead();
  model_.subgraphs.push_back(std::move(done.graph));
  types_ = std::move(done.types);
  constants_ = std::move(done.constants);
  halves_ = std::move(done.halves);
  unfolded_ = std::move(done.unfolded);
  open_.pop_back();
  return static_cast<int32_t>(model_.subgraphs.size()) - 1;
}

Result<std::vector<Value>> Construction::CallSubgraphs(std::string_view op, std::span<const int32_t> subgraphs, std::span<const Value> inputs,
                                              std::span<const TensorType> outputs, const std::string& place) {
  const ops::OpDef& def = *ops::Find(op);
  graph::Attributes attrs(def.attrs);
  size_t next = 0;
  for (const ops::AttrRow& row : def.attrs.rows)
    if (row.kind == ops::AttrKind::kSubgraph && next < subgraphs.size()) *static_cast<int32_t*>(row.at(attrs.get())) = subgraphs[next++];
  std::vector<graph::TensorId> in, out;
  std::vector<Value> values;
  for (const Value v : inputs) in.push_back(v.id);
  for (const TensorType& type : outputs) {
    out.push_back(graph().AddTensor(UniqueName(place + "/" + std::string(op)), type));
    values.push_back({out.back()});
  }
  const graph::NodeId node = graph().AddNode(def, std::move(attrs), std::move(in), std::move(out), place);
  OCTET_TRY(Link());
  OCTET_TRY(graph::InferNode(graph(), node));
  return values;
}

}  // namespace octet::importers
