// SPDX-License-Identifier: Apache-2.0
// Pictures inside of a page. Stored without compression: they are small, and the page links nothing.
#pragma once
#include <cstdint>
#include <span>
#include <string>

namespace octet::report {

// A PNG as a data URI. `pixels`: rows of 8-bit gray (1 channel) or red, green, blue (3).
std::string PngUri(int height, int width, int channels, std::span<const uint8_t> pixels);

}  // namespace octet::report
