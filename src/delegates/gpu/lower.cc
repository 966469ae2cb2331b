// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/lower.h"

namespace octet::gpu {

Status Lower(const Node& node, Builder& b) {
  if (!node.known()) return Error(Code::kUnsupported, "the GPU has no custom operators");
  for (const auto find : {FindProduct, FindReduction, FindImage})
    if (const LowerFn lower = find(node.def().name)) return lower(node, b);
  if (node.has(ops::kMovesBytes)) return LowerMove(node, b);
  if (HasMap(node)) return LowerMap(node, b);
  return Error(Code::kUnsupported, "the GPU has no kernel for %s", std::string(node.def().name).c_str());
}

}  // namespace octet::gpu
