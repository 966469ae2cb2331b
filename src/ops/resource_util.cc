// SPDX-License-Identifier: Apache-2.0
#include "ops/resource.h"

namespace octet::ops {

ResourceId Resources::VariableId(std::string_view container, std::string_view name) {
  const auto [it, fresh] = variable_ids_.try_emplace({std::string(container), std::string(name)}, static_cast<ResourceId>(variables_.size()));
  if (fresh) variables_.emplace_back();
  return it->second;
}

ResourceId Resources::TableId(int32_t table, DType key, DType value) {
  const auto [it, fresh] = table_ids_.try_emplace(table, static_cast<ResourceId>(tables_.size()));
  if (fresh) {
    tables_.emplace_back();
    tables_.back().key = key;
    tables_.back().value = value;
  }
  return it->second;
}

Variable* Resources::variable(ResourceId id) {
  return id >= 0 && static_cast<size_t>(id) < variables_.size() ? &variables_[static_cast<size_t>(id)] : nullptr;
}

HashTable* Resources::table(ResourceId id) {
  return id >= 0 && static_cast<size_t>(id) < tables_.size() ? &tables_[static_cast<size_t>(id)] : nullptr;
}

}  // namespace octet::ops
