// SPDX-License-Identifier: Apache-2.0
// Reads scalars out of the map that custom operators carry as options (FlexBuffers, a form of the flatbuffers
// project): values are found by name, every offset is checked. And writes what such operators carry.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

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

// What a written map gives a name.
struct FlexScalar {
  enum class Kind : uint8_t { kInt, kBool, kFloat };
  std::string_view key;
  Kind kind = Kind::kInt;
  int64_t integer = 0;
  float number = 0;
};
// The same bytes as TensorFlow Lite's converter writes for them.
std::vector<std::byte> WriteFlexMap(std::vector<FlexScalar> scalars);

// FlexBuffers: every number is `1 << log` bytes wide and lies at a multiple of its width.
class FlexBuffer {
 public:
  // Where its characters begin. The packed type holds the kind (5) and the width of the length.
  size_t AddString(std::string_view text, uint8_t* packed_type) {
    constexpr uint8_t kString = 5;
    const int log = LogOf(text.size());
    Align(log);
    Add(text.size(), log);
    const size_t at = bytes_.size();
    for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    bytes_.push_back({});
    *packed_type = static_cast<uint8_t>(kString << 2 | log);
    return at;
  }
  void Align(int log) {
    while (bytes_.size() % (size_t{1} << log) != 0) bytes_.push_back({});
  }
  void Add(uint64_t value, int log) {
    for (int i = 0; i < 1 << log; ++i) bytes_.push_back(static_cast<std::byte>(value >> 8 * i));
  }
  static int LogOf(uint64_t value) { return value < 1u << 8 ? 0 : value < 1u << 16 ? 1 : value <= UINT32_MAX ? 2 : 3; }
  size_t size() const { return bytes_.size(); }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace octet::ops
