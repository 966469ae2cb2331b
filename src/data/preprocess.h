// SPDX-License-Identifier: Apache-2.0
// What is done to raw samples before a model sees them, stated once: x' = (x * scale - mean) / std, after
// resizing and cropping images. Kept in a model's metadata (tflite/metadata.h), so that others need not guess.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"

namespace octet::data {

struct Preprocess {
  // One value, or one per channel (last axis); empty: 1, 0, 1. Computed in double: 1/255 gives what dividing by 255 gives.
  std::vector<double> scale, mean, std;
  int32_t resize_height = 0, resize_width = 0;  // 0: as it is. Bilinear, pixel centres aligned at halves.
  int32_t crop_height = 0, crop_width = 0;      // The middle; 0: everything.
  int32_t channels = 0;                         // Of images: 1 gray, 3 colour, 0 as the files have them.
  bool raw_only = false;                        // From a model's metadata: for images and integers, not for floats, which
                                                // are taken as the model wants them.

  bool empty() const { return *this == Preprocess(); }
  bool operator==(const Preprocess&) const = default;
};

// "scale=1/255,mean=0.5:0.4:0.3,std=0.2,resize=224x224,crop=200x200,color=gray".
Result<Preprocess> ParsePreprocess(std::string_view text);
std::string Text(const Preprocess& preprocess);

// One sample in place. Errors: channel counts that differ, a crop larger than the image.
Status Apply(const Preprocess& preprocess, std::vector<float>* values, Shape* shape);

}  // namespace octet::data
