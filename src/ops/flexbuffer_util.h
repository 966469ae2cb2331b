// SPDX-License-Identifier: Apache-2.0
// Reads scalars out of the map that custom operators carry as options (FlexBuffers, a form of the flatbuffers
// project): values are found by name, every offset is checked.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace octet::ops {

class FlexMap {
 public:
  // Anything that is not such a map reads as an empty one.
  explicit FlexMap(std::span<const std::byte> bytes);
  double Number(std::string_view key, double fallback) const;
  int64_t Int(std::string_view key, int64_t fallback) const;
  bool Has(std::string_view key) const;

 private:
  struct Scalar {
    bool there = false;
    bool real = false;
    int64_t integer = 0;
    double number = 0;
  };
  Scalar Find(std::string_view key) const;
  Scalar Read(uint64_t at, int width, uint8_t packed_type) const;
  bool Uint(uint64_t at, int width, uint64_t* value) const;
  bool KeyIs(uint64_t at, std::string_view key) const;

  std::span<const std::byte> bytes_;
  uint64_t values_ = 0, keys_ = 0, count_ = 0;  // Places of the map's values and of its keys.
  int width_ = 1, key_width_ = 1;
};

}  // namespace octet::ops
