// SPDX-License-Identifier: Apache-2.0
// From the end: the root's value, its type, its width. A map is a vector of values with, before it, the offset to its
// keys, the keys' width, and the count; behind it a type per value. Offsets count backwards from where they stand.
#include "ops/flexbuffer_util.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace octet::ops {
namespace {
enum Type : uint8_t { kNull = 0, kInt = 1, kUint = 2, kFloat = 3, kIndirectInt = 6, kIndirectUint = 7, kIndirectFloat = 8, kMap = 9, kBool = 26 };
}  // namespace

bool FlexMap::Uint(uint64_t at, int width, uint64_t* value) const {
  if ((width != 1 && width != 2 && width != 4 && width != 8) || at > bytes_.size() || bytes_.size() - at < static_cast<uint64_t>(width)) return false;
  *value = 0;
  std::memcpy(value, bytes_.data() + at, static_cast<size_t>(width));
  return true;
}

FlexMap::FlexMap(std::span<const std::byte> bytes) : bytes_(bytes) {
  if (bytes.size() < 3) return;
  const int root_width = std::to_integer<int>(bytes.back());
  const auto packed = std::to_integer<uint8_t>(bytes[bytes.size() - 2]);
  const uint64_t root = bytes.size() - 2 - static_cast<uint64_t>(root_width);
  uint64_t offset = 0, key_offset = 0, key_width = 0, count = 0;
  if (packed >> 2 != kMap || !Uint(root, root_width, &offset) || offset > root) return;
  const uint64_t values = root - offset;
  const int width = 1 << (packed & 3);
  const auto w = static_cast<uint64_t>(width);
  if (values < 3 * w || !Uint(values - 3 * w, width, &key_offset) || !Uint(values - 2 * w, width, &key_width) || !Uint(values - w, width, &count)) return;
  if (key_offset > values - 3 * w || key_width > 8 || count > bytes.size() / w) return;
  values_ = values;
  width_ = width;
  keys_ = values - 3 * w - key_offset;
  key_width_ = static_cast<int>(key_width);
  count_ = count;
}

bool FlexMap::KeyIs(uint64_t at, std::string_view key) const {
  uint64_t offset = 0;
  if (!Uint(at, key_width_, &offset) || offset > at) return false;
  const uint64_t text = at - offset;
  if (bytes_.size() - text <= key.size()) return false;
  return std::memcmp(bytes_.data() + text, key.data(), key.size()) == 0 && bytes_[text + key.size()] == std::byte{0};
}

FlexMap::Scalar FlexMap::Read(uint64_t at, int width, uint8_t packed) const {
  const uint8_t type = packed >> 2;
  uint64_t raw = 0;
  if (!Uint(at, width, &raw)) return {};
  if (type == kIndirectInt || type == kIndirectUint || type == kIndirectFloat) {
    if (raw > at) return {};
    return Read(at - raw, 1 << (packed & 3), static_cast<uint8_t>((type - kIndirectInt + kInt) << 2));
  }
  Scalar s{true, type == kFloat, 0, 0};
  if (type == kFloat && width == 4) s.number = static_cast<double>(std::bit_cast<float>(static_cast<uint32_t>(raw)));
  else if (type == kFloat && width == 8) s.number = std::bit_cast<double>(raw);
  else if (type == kInt) s.integer = static_cast<int64_t>(raw << (64 - 8 * width)) >> (64 - 8 * width);
  else if (type == kUint || type == kBool) s.integer = static_cast<int64_t>(raw);
  else return {};
  return s;
}

FlexMap::Scalar FlexMap::Find(std::string_view key) const {
  const auto w = static_cast<uint64_t>(width_);
  for (uint64_t i = 0; i < count_; ++i) {
    const uint64_t type = values_ + count_ * w + i;
    if (type >= bytes_.size()) return {};
    if (KeyIs(keys_ + i * static_cast<uint64_t>(key_width_), key)) return Read(values_ + i * w, width_, std::to_integer<uint8_t>(bytes_[type]));
  }
  return {};
}

double FlexMap::Number(std::string_view key, double fallback) const {
  const Scalar s = Find(key);
  return !s.there ? fallback : s.real ? s.number : static_cast<double>(s.integer);
}

int64_t FlexMap::Int(std::string_view key, int64_t fallback) const {
  const Scalar s = Find(key);
  if (!s.there || !s.real) return s.there ? s.integer : fallback;
  return s.number > -0x1p62 && s.number < 0x1p62 ? static_cast<int64_t>(s.number) : fallback;
}

bool FlexMap::Has(std::string_view key) const { return Find(key).there; }

namespace {

// Bytes that the scalar needs, as their logarithm.
int LogOfScalar(const FlexScalar& s) {
  if (s.kind == FlexScalar::Kind::kFloat) return 2;
  const int64_t v = s.integer;
  return v == static_cast<int8_t>(v) ? 0 : v == static_cast<int16_t>(v) ? 1 : v == static_cast<int32_t>(v) ? 2 : 3;
}

uint64_t Bits(const FlexScalar& s, int log) {
  if (s.kind != FlexScalar::Kind::kFloat) return static_cast<uint64_t>(s.integer);
  return log == 3 ? std::bit_cast<uint64_t>(static_cast<double>(s.number)) : std::bit_cast<uint32_t>(s.number);
}

uint8_t TypeOf(const FlexScalar& s) { return s.kind == FlexScalar::Kind::kFloat ? kFloat : s.kind == FlexScalar::Kind::kBool ? kBool : kInt; }

}  // namespace

std::vector<std::byte> WriteFlexMap(std::vector<FlexScalar> scalars) {
  std::ranges::sort(scalars, {}, &FlexScalar::key);
  FlexBuffer b;
  std::vector<size_t> at;
  for (const FlexScalar& s : scalars) {
    at.push_back(b.size());
    for (const char c : s.key) b.Add(static_cast<uint8_t>(c), 0);
    b.Add(0, 0);
  }
  // The keys: their number, and the offset to each.
  const int key_log = FlexBuffer::LogOf(b.size() + 8 * (scalars.size() + 2));
  b.Align(key_log);
  b.Add(scalars.size(), key_log);
  const size_t keys = b.size();
  for (const size_t key : at) b.Add(b.size() - key, key_log);
  int log = FlexBuffer::LogOf(b.size() - keys + 8);
  for (const FlexScalar& s : scalars) log = std::max(log, LogOfScalar(s));
  b.Align(log);
  b.Add(b.size() - keys, log);
  b.Add(uint64_t{1} << key_log, log);
  b.Add(scalars.size(), log);
  const size_t values = b.size();
  for (const FlexScalar& s : scalars) b.Add(Bits(s, log), log);
  for (const FlexScalar& s : scalars) b.Add(static_cast<uint64_t>(TypeOf(s) << 2 | log), 0);
  const int root_log = FlexBuffer::LogOf(b.size() - values + 8);
  b.Align(root_log);
  b.Add(b.size() - values, root_log);
  b.Add(static_cast<uint64_t>(kMap << 2 | log), 0);
  b.Add(uint64_t{1} << root_log, 0);
  return b.Take();
}

}  // namespace octet::ops
