// SPDX-License-Identifier: Apache-2.0
// What a Flex operator carries as its options: a FlexBuffers vector of the operator's name and its NodeDef.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/types.h"

namespace octet::ops {

struct NodeDef {
  struct Attribute {
    std::string name;
    std::span<const std::byte> value;  // An AttrValue message, in the file.
  };
  std::string op;
  std::vector<Attribute> attributes;

  // What the attribute says, in the file; the fallback where it is absent or of another kind.
  int64_t Int(std::string_view name, int64_t fallback) const;
  bool Bool(std::string_view name, bool fallback) const;
  std::string_view Text(std::string_view name, std::string_view fallback) const;
  std::vector<int64_t> Ints(std::string_view name) const;
  std::vector<std::string_view> Texts(std::string_view name) const;

 private:
  std::span<const std::byte> Find(std::string_view name) const;
};

// False where it is none; every offset is checked.
bool ReadNodeDef(std::span<const std::byte> options, NodeDef* node);

// TensorFlow's numbers of the types (tensorflow/core/framework/types.proto); 0 and kNone where there is none.
int TensorFlowNumber(DType type);
DType DTypeFromTensorFlow(int64_t number);

}  // namespace octet::ops
