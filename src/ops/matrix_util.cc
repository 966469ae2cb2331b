// SPDX-License-Identifier: Apache-2.0
#include "ops/matrix_util.h"

#include <cstring>

namespace octet::ops {

void PackPanelsS8(const int8_t* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, int8_t* to) {
  using kernels::kPanel;
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t n = std::min<int64_t>(kPanel, columns - first);
    for (int64_t k = 0; k < depth; k += 4, to += 4 * kPanel) {
      const int64_t deep = std::min<int64_t>(4, depth - k);
      const int8_t* from = w + first * column_step + k * depth_step;
      if (n < kPanel || deep < 4) std::memset(to, 0, 4 * kPanel);
      if (depth_step == 1 && deep == 4) {
        for (int64_t c = 0; c < n; ++c) std::memcpy(to + c * 4, from + c * column_step, 4);
      } else {
        for (int64_t i = 0; i < deep; ++i)
          for (int64_t c = 0; c < n; ++c) to[c * 4 + i] = from[c * column_step + i * depth_step];
      }
    }
  }
}

}  // namespace octet::ops
