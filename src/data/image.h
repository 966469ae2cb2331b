// SPDX-License-Identifier: Apache-2.0
// PNG and JPEG files, decoded by libpng and libjpeg, which are hardened against hostile files. JPEG with libjpeg's
// defaults (slow integer transform, smoothed chroma): the pixels that Pillow, and so Keras, makes of the same file.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::data {

struct Image {
  int32_t height = 0, width = 0, channels = 0;  // 1 gray, 3 red, green, blue.
  std::vector<uint8_t> pixels;                  // Row by row, channels interleaved.
};

bool IsImageName(std::string_view name);  // By its ending.
// `channels`: 1, 3, or 0 for what the file has; transparency is put on black. `where` names the file in errors.
Result<Image> DecodeImage(std::span<const std::byte> bytes, int channels, const std::string& where);

}  // namespace octet::data
