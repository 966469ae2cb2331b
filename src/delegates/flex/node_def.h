// SPDX-License-Identifier: Apache-2.0
// What a Flex operator carries as its options: a FlexBuffers vector of the operator's name and its NodeDef.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace octet::delegates {

struct NodeDef {
  struct Attribute {
    std::string name;
    std::span<const std::byte> value;  // An AttrValue message, in the file.
  };
  std::string op;
  std::vector<Attribute> attributes;
};

// False where it is none; every offset is checked.
bool ReadNodeDef(std::span<const std::byte> options, NodeDef* node);

}  // namespace octet::delegates
