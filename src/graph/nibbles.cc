// SPDX-License-Identifier: Apache-2.0
#include "graph/nibbles.h"

namespace octet::graph {

std::vector<int8_t> Pack4(std::span<const int8_t> values) {
  std::vector<int8_t> packed((values.size() + 1) / 2, 0);
  for (size_t i = 0; i < values.size(); ++i) packed[i / 2] = static_cast<int8_t>(packed[i / 2] | (values[i] & 15) << (i % 2 ? 4 : 0));
  return packed;
}

std::vector<int8_t> Unpack4(std::span<const int8_t> packed, int64_t count) {
  std::vector<int8_t> values;
  for (int64_t i = 0; i < count; ++i) {
    const int nibble = packed[static_cast<size_t>(i / 2)] >> (i % 2 ? 4 : 0) & 15;
    values.push_back(static_cast<int8_t>(nibble < 8 ? nibble : nibble - 16));
  }
  return values;
}

}  // namespace octet::graph
