// SPDX-License-Identifier: Apache-2.0
// The form of a string tensor in files and in TensorFlow Lite's API: int32 count, int32 offset[count + 1]
// from the start, then the characters.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "base/types.h"

namespace octet {

// Whether `buffer` holds exactly `count` strings, all inside.
bool IsStringBuffer(std::span<const std::byte> buffer, int64_t count);
// References to the strings of a buffer that passed the check above; characters stay in `buffer`.
void ReadStrings(std::span<const std::byte> buffer, StringRef* out);
std::vector<std::byte> WriteStrings(std::span<const StringRef> strings);

}  // namespace octet
