// SPDX-License-Identifier: Apache-2.0
// What this build computes: everything, or what a list says of some models (-DOCTET_OPS, cmake/op_list.cmake).
#pragma once
#include <string_view>

namespace octet {

struct BuiltOp {
  std::string_view name, types;  // "conv_2d", "i8 f32": the element types of its outputs.
};
inline constexpr BuiltOp kBuiltOps[] = {
#include "built_types.inc"
    {"", ""}};

// Whether `word` is one of a list separated by spaces.
constexpr bool Lists(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const size_t end = list.find(' ');
    if (list.substr(0, end) == word) return true;
    if (end == list.npos) break;
    list.remove_prefix(end + 1);
  }
  return false;
}

// Whether this build has `op` at all: full ones list nothing.
constexpr bool Builds(std::string_view op) {
  for (const BuiltOp& b : kBuiltOps)
    if (b.name == op) return true;
  return kBuiltOps[0].name.empty();
}

// Whether this build computes `op` with outputs of the type of this short name ("f32"). Kernels of other types stand behind it, so
// that the compiler drops them; models that need one are refused when they are opened.
constexpr bool Builds(std::string_view op, std::string_view type) {
  for (const BuiltOp& b : kBuiltOps)
    if (b.name == op) return Lists(b.types, type);
  return true;
}

}  // namespace octet
