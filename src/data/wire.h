// SPDX-License-Identifier: Apache-2.0
// Protocol buffers' wire format, read where it lies: ONNX and SavedModel files. Nothing is copied, so a
// message of gigabytes costs its pages; field numbers are the interface and stand with the readers.
// Source: protobuf.dev/programming-guides/encoding.
#pragma once
#include <bit>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace octet::data {

// One field. Varints and fixed numbers are in `bits`, everything with a length in `bytes`.
struct WireField {
  enum class Kind : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  uint32_t number = 0;
  Kind kind = Kind::kVarint;
  uint64_t bits = 0;
  std::span<const std::byte> bytes = {};

  int64_t as_int() const { return static_cast<int64_t>(bits); }
  int32_t as_int32() const { return static_cast<int32_t>(static_cast<uint32_t>(bits)); }  // int32, enums: sign-extended to 64 bits.
  bool as_bool() const { return bits != 0; }
  float as_float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits)); }
  double as_double() const { return std::bit_cast<double>(bits); }
  std::string_view as_text() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
};

// The fields of one message in the order in which they lie. Unknown fields are simply not asked for;
// groups, which no format of ours has, are malformed. Nesting is the caller's: bound its depth.
class WireReader {
 public:
  explicit WireReader(std::span<const std::byte> message) : rest_(message) {}
  // False at the end and at the first malformed field; ok() tells them apart.
  bool Next(WireField* field);
  bool ok() const { return ok_; }

 private:
  bool Varint(uint64_t* value);
  bool Fixed(int bytes, uint64_t* value);
  bool Take(uint64_t count, std::span<const std::byte>* taken);

  std::span<const std::byte> rest_;
  bool ok_ = true;
};

// Elements of a repeated scalar field, which writers pack into one field of bytes or repeat one by one:
// appends what this occurrence holds. `element` is how one element is stored. False: malformed.
bool AppendPacked(const WireField& field, WireField::Kind element, std::vector<uint64_t>* to);

}  // namespace octet::data
