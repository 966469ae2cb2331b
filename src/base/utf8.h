// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <string_view>

namespace octet::ops {

// The first character and its length in bytes; -1 (of one byte) where there is none that is well-formed. `text` is not empty.
int32_t DecodeUtf8(std::string_view text, size_t* length);
// Of what is malformed at the front: the bytes that one replacement character stands for (the longest begin of a character, or one byte).
size_t MalformedLength(std::string_view text);
// Its bytes, 1 to 4, written to `to`.
size_t EncodeUtf8(int32_t rune, char* to);

}  // namespace octet::ops
