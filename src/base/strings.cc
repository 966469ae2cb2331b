// SPDX-License-Identifier: Apache-2.0
#include "base/strings.h"

#include <cstring>

namespace octet {
namespace {

int32_t IntAt(std::span<const std::byte> bytes, size_t i) {
  int32_t v;
  std::memcpy(&v, bytes.data() + sizeof v * i, sizeof v);
  return v;
}

}  // namespace

bool IsStringBuffer(std::span<const std::byte> bytes, int64_t strings) {
  if (bytes.size() < 4 || IntAt(bytes, 0) < 0 || IntAt(bytes, 0) != strings) return false;
  const size_t count = static_cast<size_t>(IntAt(bytes, 0));
  if ((bytes.size() - 4) / 4 < count + 1) return false;
  int64_t before = static_cast<int64_t>(8 + 4 * count);  // Offsets rise and stay inside.
  for (size_t i = 0; i <= count; ++i) {
    const int32_t offset = IntAt(bytes, 1 + i);
    if (offset < before || static_cast<size_t>(offset) > bytes.size()) return false;
    before = offset;
  }
  return true;
}

void ReadStrings(std::span<const std::byte> buffer, StringRef* out) {
  const auto count = static_cast<size_t>(IntAt(buffer, 0));
  for (size_t i = 0; i < count; ++i) {
    const int32_t begin = IntAt(buffer, 1 + i), end = IntAt(buffer, 2 + i);
    out[i] = {reinterpret_cast<const char*>(buffer.data()) + begin, static_cast<uint64_t>(end - begin)};
  }
}

std::vector<std::byte> WriteStrings(std::span<const StringRef> strings) {
  std::vector<int32_t> head = {static_cast<int32_t>(strings.size())};
  size_t at = sizeof(int32_t) * (strings.size() + 2);
  for (const StringRef& s : strings) {
    head.push_back(static_cast<int32_t>(at));
    at += s.size;
  }
  head.push_back(static_cast<int32_t>(at));
  std::vector<std::byte> buffer(at);
  std::memcpy(buffer.data(), head.data(), sizeof(int32_t) * head.size());
  at = sizeof(int32_t) * head.size();
  for (const StringRef& s : strings) {
    if (s.size > 0) std::memcpy(buffer.data() + at, s.data, s.size);
    at += s.size;
  }
  return buffer;
}

}  // namespace octet
