// SPDX-License-Identifier: Apache-2.0
// A node's attributes by the schema's names, as delegates see them (octet/delegate.h). What is absent is 0.
#pragma once
#include <string_view>

#include "octet/delegate.h"

namespace octet::delegates {

inline const OctetDelegateAttribute* FindAttribute(const OctetDelegateNode& node, std::string_view name) {
  for (int32_t i = 0; i < node.num_attributes; ++i)
    if (name == node.attributes[i].name) return &node.attributes[i];
  return nullptr;
}
inline int64_t IntAttribute(const OctetDelegateNode& node, std::string_view name) {
  const OctetDelegateAttribute* a = FindAttribute(node, name);
  return a ? a->value : 0;
}
inline double RealAttribute(const OctetDelegateNode& node, std::string_view name) {
  const OctetDelegateAttribute* a = FindAttribute(node, name);
  return a ? a->real : 0;
}

}  // namespace octet::delegates
