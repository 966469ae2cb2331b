// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace octet::serve {

std::string Sha256(std::span<const std::byte> bytes);  // 64 hexadecimal digits.

}  // namespace octet::serve
