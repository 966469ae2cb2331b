// SPDX-License-Identifier: Apache-2.0
#include "importers/construction.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace octet::importers {

using ops::Value;

std::string Construction::UniqueName(const std::string& wanted) {
  const int n = names_[wanted]++;
  return n == 0 ? wanted : UniqueName(wanted + "_" + std::to_string(n));
}

const TensorType& Construction::TypeOf(Value v) { return types_.try_emplace(v.id, graph().tensor(v.id).type).first->second; }

Value Construction::Constant(const TensorType& type, std::span<const std::byte> bytes, const std::string& name) {
  const size_t hash = std::hash<std::string_view>()({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  const auto [begin, end] = constants_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const graph::Tensor& t = graph().tensor(it->second.id);
    if (t.type.dtype == type.dtype && t.type.shape == type.shape && t.type.quant == type.quant && std::ranges::equal(*t.constant, bytes)) return it->second;
  }
  const Value v{graph().AddConstant(name, type, graph::MakeBuffer(bytes))};
  constants_.emplace(hash, v);
  return v;
}

void Construction::OpenSubgraph(const std::string& name) {
  open_.push_back({{}, std::exchange(types_, {}), std::exchange(constants_, {})});
  open_.back().graph.name = name;
}

int32_t Construction::CloseSubgraph() {
  Open& done = open_.back();
  done.graph.RemoveDead();
  model_.subgraphs.push_back(std::move(done.graph));
  types_ = std::move(done.types);
  constants_ = std::move(done.constants);
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
  OCTET_TRY(graph::LinkCallees(model_));
  OCTET_TRY(graph::InferNode(graph(), node));
  return values;
}

}  // namespace octet::importers
