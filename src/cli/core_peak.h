// SPDX-License-Identifier: Apache-2.0
// What one core reaches at best, measured in a few milliseconds: the yardstick beside bench's rates.
#pragma once

namespace octet::cli {

struct CorePeak {
  double int8_gmacs = 0, f32_gmacs = 0;  // G multiply-adds/s of the kernels on data in the nearest caches.
  double gbytes = 0;                     // GB/s read from memory.
};
CorePeak MeasureCorePeak();

}  // namespace octet::cli
