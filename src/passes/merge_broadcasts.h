// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string_view>
#include <vector>

#include "base/types.h"

namespace octet::passes {

// The operands' shapes with neighbours merged that broadcast alike, and the result's shape; at most one open dimension (-1) each.
// Where too many are left, both operands need the result's shape first.
struct Merged {
  std::vector<int32_t> a, b, out;
  bool spread = false;
};
// Whether the operator needs its operands in fewer dimensions and they have them.
bool MergeForBroadcast(std::string_view op, const Shape& a, const Shape& b, Merged* merged);

}  // namespace octet::passes
