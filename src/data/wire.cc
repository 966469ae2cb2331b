// SPDX-License-Identifier: Apache-2.0
#include "data/wire.h"

namespace octet::data {

bool WireReader::Varint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 64; shift += 7) {
    std::span<const std::byte> one;
    if (!Take(1, &one)) return false;
    const auto b = std::to_integer<uint64_t>(one[0]);
    *value |= (b & 0x7f) << shift;
    if (b < 0x80) return true;
  }
  return ok_ = false;
}

bool WireReader::Fixed(int bytes, uint64_t* value) {
  std::span<const std::byte> taken;
  if (!Take(static_cast<uint64_t>(bytes), &taken)) return false;
  *value = 0;
  for (int i = 0; i < bytes; ++i) *value |= std::to_integer<uint64_t>(taken[i]) << (8 * i);
  return true;
}

bool WireReader::Take(uint64_t count, std::span<const std::byte>* taken) {
  if (count > rest_.size()) return ok_ = false;
  *taken = rest_.first(count);
  rest_ = rest_.subspan(count);
  return true;
}

bool WireReader::Next(WireField* field) {
  if (!ok_ || rest_.empty()) return false;
  uint64_t key = 0, length = 0;
  if (!Varint(&key)) return false;
  *field = {static_cast<uint32_t>(key >> 3), static_cast<WireField::Kind>(key & 7)};
  if (key >> 3 == 0 || key >> 3 > 0x1fffffff) return ok_ = false;
  switch (field->kind) {
    case WireField::Kind::kVarint: return Varint(&field->bits);
    case WireField::Kind::kFixed64: return Fixed(8, &field->bits);
    case WireField::Kind::kFixed32: return Fixed(4, &field->bits);
    case WireField::Kind::kBytes: return Varint(&length) && Take(length, &field->bytes);
  }
  return ok_ = false;
}

bool AppendPacked(const WireField& field, WireField::Kind element, std::vector<uint64_t>* to) {
  if (field.kind == element) return to->push_back(field.bits), true;
  if (field.kind != WireField::Kind::kBytes) return false;
  if (element == WireField::Kind::kVarint) {
    uint64_t value = 0;
    int shift = 0;
    for (const std::byte b : field.bytes) {
      if (shift > 63) return false;
      value |= (std::to_integer<uint64_t>(b) & 0x7f) << shift;
      shift += 7;
      if (std::to_integer<int>(b) >= 0x80) continue;
      to->push_back(value);
      value = 0, shift = 0;
    }
    return shift == 0;
  }
  const size_t width = element == WireField::Kind::kFixed64 ? 8 : 4;
  if (field.bytes.size() % width != 0) return false;
  for (size_t at = 0; at < field.bytes.size(); at += width) {
    uint64_t value = 0;
    for (size_t i = 0; i < width; ++i) value |= std::to_integer<uint64_t>(field.bytes[at + i]) << (8 * i);
    to->push_back(value);
  }
  return true;
}

}  // namespace octet::data
