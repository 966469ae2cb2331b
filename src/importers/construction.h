// SPDX-License-Identifier: Apache-2.0
// The model under construction: what the builders of all formats share.
#pragma once
#include <map>
#include <string>

#include "graph/graph.h"
#include "ops/import.h"

namespace octet::importers {

class Construction {
 public:
  Construction() { model_.subgraphs.emplace_back(); }
  graph::Graph& graph() { return model_.main(); }
  std::string UniqueName(const std::string& wanted);
  // Stays where it is while the graph grows: rules keep references.
  const TensorType& TypeOf(ops::Value v);
  // A constant of the graph; the same bytes give the same one.
  ops::Value Constant(const TensorType& type, std::span<const std::byte> bytes, const std::string& name);

 protected:
  graph::Model model_;
  std::map<int32_t, TensorType> types_;

 private:
  std::map<std::string, int> names_;
  std::multimap<size_t, ops::Value> constants_;  // By hash.
};

}  // namespace octet::importers
