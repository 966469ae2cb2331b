// SPDX-License-Identifier: Apache-2.0
// Protocol buffers' wire format, written: fields in the order of the calls. Source: protobuf.dev/programming-guides/encoding.
#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace octet::coreml {

class WireWriter {
 public:
  void Varint(uint32_t field, uint64_t value) {
    Number(field << 3);
    Number(value);
  }
  // Text, bytes, a message, or packed scalars.
  void Bytes(uint32_t field, std::string_view bytes) {
    Number(field << 3 | 2);
    Number(bytes.size());
    bytes_ += bytes;
  }
  void Message(uint32_t field, const WireWriter& message) { Bytes(field, message.bytes_); }
  // Elements of a packed field.
  void Number(uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_ += static_cast<char>(value | 128);
    bytes_ += static_cast<char>(value);
  }
  void Float(float value) {
    for (uint32_t i = 0, bits = std::bit_cast<uint32_t>(value); i < 4; ++i, bits >>= 8) bytes_ += static_cast<char>(bits);
  }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace octet::coreml
