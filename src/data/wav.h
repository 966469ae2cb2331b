// SPDX-License-Identifier: Apache-2.0
// RIFF WAVE files with PCM of 8, 16, 24 or 32 bits, or floats: the sounds that data sets come in.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::data {

struct Sound {
  int32_t rate = 0, channels = 0;
  std::vector<float> samples;  // In [-1, 1], channels interleaved.
};

Result<Sound> ParseWav(std::span<const std::byte> bytes, const std::string& where);

}  // namespace octet::data
