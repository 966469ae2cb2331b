// SPDX-License-Identifier: Apache-2.0
#include "importers/construction.h"

#include <algorithm>
#include <functional>

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

}  // namespace octet::importers
