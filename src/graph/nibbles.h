// SPDX-License-Identifier: Apache-2.0
// 4-bit numbers as files have them: two to a byte, the first one in the low half.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace octet::graph {

std::vector<int8_t> Pack4(std::span<const int8_t> values);
std::vector<int8_t> Unpack4(std::span<const int8_t> packed, int64_t count);

}  // namespace octet::graph
