// SPDX-License-Identifier: Apache-2.0
// Reads little-endian fields of untrusted bytes. Past the end everything is zero and ok() turns false,
// so a parser reads a whole record and checks once.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace octet::importers::keras {

class Cursor {
 public:
  explicit Cursor(std::span<const std::byte> bytes) : rest_(bytes) {}

  bool ok() const { return ok_; }
  size_t left() const { return rest_.size(); }

  std::span<const std::byte> Take(uint64_t n) {
    if (n > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(n);
    rest_ = rest_.subspan(n);
    return taken;
  }
  void Skip(uint64_t n) { Take(n); }
  template <class T> T Get() {
    T value = 0;
    const auto bytes = Take(sizeof(T));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }
  uint64_t GetWidth(int width) {  // 1, 2, 4 or 8 bytes.
    uint64_t value = 0;
    const auto bytes = Take(static_cast<uint64_t>(width));
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  std::string_view Text(uint64_t n) {
    const auto bytes = Take(n);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  bool Expect(std::string_view magic) {
    if (Text(magic.size()) != magic) ok_ = false;
    return ok_;
  }

 private:
  std::span<const std::byte> rest_;
  bool ok_ = true;
};

}  // namespace octet::importers::keras
