// SPDX-License-Identifier: Apache-2.0
#include "delegates/flex/node_def.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace octet::delegates {
namespace {

using Bytes = std::span<const std::byte>;

// FlexBuffers: an unsigned number of 1, 2, 4 or 8 bytes.
bool Number(Bytes b, uint64_t at, int width, uint64_t* value) {
  if (at > b.size() || b.size() - at < static_cast<uint64_t>(width)) return false;
  *value = 0;
  std::memcpy(value, b.data() + at, static_cast<size_t>(width));
  return true;
}

// Element i of the vector of typed values that the buffer is, as a string.
bool StringAt(Bytes b, uint64_t i, Bytes* text) {
  constexpr uint8_t kVector = 10, kString = 5;
  if (b.size() < 3) return false;
  const int root_width = std::to_integer<int>(b[b.size() - 1]);
  const uint8_t type = std::to_integer<uint8_t>(b[b.size() - 2]);
  const uint64_t root = b.size() - 2 - static_cast<uint64_t>(root_width);
  uint64_t offset = 0, count = 0;
  if (root_width < 1 || root_width > 8 || type >> 2 != kVector || root > b.size() || !Number(b, root, root_width, &offset) || offset > root) return false;
  const uint64_t vector = root - offset, width = 1u << (type & 3);
  if (vector < width || !Number(b, vector - width, static_cast<int>(width), &count) || i >= count || count > b.size() / width) return false;
  uint64_t packed = 0, length = 0;
  if (!Number(b, vector + count * width + i, 1, &packed) || packed >> 2 != kString) return false;
  const uint64_t at = vector + i * width, string_width = 1u << (packed & 3);
  if (!Number(b, at, static_cast<int>(width), &offset) || offset > at) return false;
  const uint64_t begin = at - offset;
  if (begin < string_width || !Number(b, begin - string_width, static_cast<int>(string_width), &length) || begin > b.size() || length > b.size() - begin) return false;
  *text = b.subspan(begin, length);
  return true;
}

// A protocol buffer's next field; only those with a length matter here, others are stepped over.
bool NextField(Bytes* rest, uint32_t* number, Bytes* bytes) {
  const auto varint = [&](uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !rest->empty(); shift += 7) {
      const auto byte = std::to_integer<uint64_t>((*rest)[0]);
      *rest = rest->subspan(1);
      *value |= (byte & 127) << shift;
      if (byte < 128) return true;
    }
    return false;
  };
  uint64_t tag = 0, length = 0;
  if (rest->empty() || !varint(&tag)) return false;
  *number = static_cast<uint32_t>(tag >> 3);
  *bytes = {};
  switch (tag & 7) {
    case 0: return varint(&length);
    case 1: length = 8; break;
    case 5: length = 4; break;
    case 2:
      if (!varint(&length)) return false;
      break;
    default: return false;
  }
  if (length > rest->size()) return false;
  *bytes = rest->first(length);
  *rest = rest->subspan(length);
  return true;
}

std::string Text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

}  // namespace

// NodeDef: 2 op, 5 attr (a map: 1 key, 2 AttrValue).
bool ReadNodeDef(Bytes options, NodeDef* node) {
  Bytes name, message, bytes;
  if (!StringAt(options, 0, &name) || !StringAt(options, 1, &message)) return false;
  node->op = Text(name);
  uint32_t number = 0;
  while (NextField(&message, &number, &bytes)) {
    if (number == 2) node->op = Text(bytes);
    if (number != 5) continue;
    NodeDef::Attribute& a = node->attributes.emplace_back();
    for (Bytes entry = bytes, field; NextField(&entry, &number, &field);) {
      if (number == 1) a.name = Text(field);
      if (number == 2) a.value = field;
    }
  }
  return message.empty() && !node->op.empty();
}

}  // namespace octet::delegates
