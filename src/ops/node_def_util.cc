// SPDX-License-Identifier: Apache-2.0
#include "ops/node_def_util.h"

#include <cstdint>
#include <cstring>
#include <string_view>

namespace octet::ops {
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
  if (begin < string_width || !Number(b, begin - string_width, static_cast<int>(string_width), &length) || begin > b.size() || length > b.size() - begin)
    return false;
  *text = b.subspan(begin, length);
  return true;
}

// A protocol buffer's number at the front, taken off.
bool Varint(Bytes* rest, uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64 && !rest->empty(); shift += 7) {
    const auto byte = std::to_integer<uint64_t>((*rest)[0]);
    *rest = rest->subspan(1);
    *value |= (byte & 127) << shift;
    if (byte < 128) return true;
  }
  return false;
}

struct Field {
  uint32_t number = 0;
  bool varint = false;
  uint64_t value = 0;  // Of a varint.
  Bytes bytes;         // Of anything else.
};

// A message's next field.
bool NextField(Bytes* rest, Field* field) {
  uint64_t tag = 0, length = 0;
  *field = {};
  if (rest->empty() || !Varint(rest, &tag)) return false;
  field->number = static_cast<uint32_t>(tag >> 3);
  switch (tag & 7) {
    case 0: field->varint = true; return Varint(rest, &field->value);
    case 1: length = 8; break;
    case 5: length = 4; break;
    case 2:
      if (!Varint(rest, &length)) return false;
      break;
    default: return false;
  }
  if (length > rest->size()) return false;
  field->bytes = rest->first(length);
  *rest = rest->subspan(length);
  return true;
}

std::string_view View(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

// AttrValue: 1 list (of the same numbers), 2 text, 3 integer, 5 bool.
constexpr uint32_t kList = 1, kText = 2, kInteger = 3, kBool = 5;

// The message's last field of that number.
bool FindField(Bytes message, uint32_t number, Field* found) {
  bool there = false;
  for (Field f; NextField(&message, &f);)
    if (f.number == number) {
      *found = f;
      there = true;
    }
  return there;
}

}  // namespace

// NodeDef: 2 op, 5 attr (a map: 1 key, 2 AttrValue).
bool ReadNodeDef(Bytes options, NodeDef* node) {
  Bytes name, message;
  if (!StringAt(options, 0, &name) || !StringAt(options, 1, &message)) return false;
  node->op = View(name);
  for (Field f; NextField(&message, &f);) {
    if (f.number == 2) node->op = View(f.bytes);
    if (f.number != 5) continue;
    NodeDef::Attribute& a = node->attributes.emplace_back();
    Bytes entry = f.bytes;
    for (Field part; NextField(&entry, &part);) {
      if (part.number == 1) a.name = View(part.bytes);
      if (part.number == 2) a.value = part.bytes;
    }
  }
  return message.empty() && !node->op.empty();
}

Bytes NodeDef::Find(std::string_view name) const {
  for (const Attribute& a : attributes)
    if (a.name == name) return a.value;
  return {};
}

int64_t NodeDef::Int(std::string_view name, int64_t fallback) const {
  Field f;
  return FindField(Find(name), kInteger, &f) && f.varint ? static_cast<int64_t>(f.value) : fallback;
}

bool NodeDef::Bool(std::string_view name, bool fallback) const {
  Field f;
  return FindField(Find(name), kBool, &f) && f.varint ? f.value != 0 : fallback;
}

std::string_view NodeDef::Text(std::string_view name, std::string_view fallback) const {
  Field f;
  return FindField(Find(name), kText, &f) && !f.varint ? View(f.bytes) : fallback;
}

std::vector<int64_t> NodeDef::Ints(std::string_view name) const {
  std::vector<int64_t> ints;
  Field list;
  if (!FindField(Find(name), kList, &list)) return ints;
  for (Field f; NextField(&list.bytes, &f);) {
    if (f.number != kInteger) continue;
    if (f.varint) ints.push_back(static_cast<int64_t>(f.value));
    for (uint64_t v = 0; Varint(&f.bytes, &v);) ints.push_back(static_cast<int64_t>(v));  // Packed.
  }
  return ints;
}

std::vector<std::string_view> NodeDef::Texts(std::string_view name) const {
  std::vector<std::string_view> texts;
  Field list;
  if (!FindField(Find(name), kList, &list)) return texts;
  for (Field f; NextField(&list.bytes, &f);)
    if (f.number == kText && !f.varint) texts.push_back(View(f.bytes));
  return texts;
}

namespace {
struct NumberedType {
  DType type;
  int number;
};
constexpr NumberedType kTensorFlowTypes[] = {
    {DType::kF32, 1},   {DType::kF64, 2},   {DType::kI32, 3},      {DType::kU8, 4},      {DType::kI16, 5},  {DType::kI8, 6},
    {DType::kString, 7}, {DType::kC64, 8},   {DType::kI64, 9},      {DType::kBool, 10},   {DType::kBF16, 14}, {DType::kU16, 17},
    {DType::kC128, 18}, {DType::kF16, 19},  {DType::kResource, 20}, {DType::kVariant, 21}, {DType::kU32, 22}, {DType::kU64, 23}};
}  // namespace

int TensorFlowNumber(DType type) {
  for (const NumberedType& row : kTensorFlowTypes)
    if (row.type == type) return row.number;
  return 0;
}

DType DTypeFromTensorFlow(int64_t number) {
  for (const NumberedType& row : kTensorFlowTypes)
    if (row.number == number) return row.type;
  return DType::kNone;
}

}  // namespace octet::ops
