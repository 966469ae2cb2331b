// SPDX-License-Identifier: Apache-2.0
#include "ops/matrix_util.h"

#include <cstring>

#include "kernels/elementwise.h"
#include "kernels/int8.h"

namespace octet::ops {

bool NarrowRange(const std::byte* w, int64_t n, int64_t rows) {
  return rows <= kernels::BestInt8().narrow_range_rows && !std::memchr(w, 0x80, static_cast<size_t>(n));
}

void PackPanelsS8(const int8_t* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, int8_t* to) {
  using kernels::kPanel;
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t n = std::min<int64_t>(kPanel, columns - first);
    int64_t k = 0;
    if (depth_step == 1 && n == kPanel) {  // A transposition of fours.
      kernels::Vectors().transpose_32(reinterpret_cast<const std::byte*>(w + first * column_step), column_step, kPanel, depth / 4,
                                      reinterpret_cast<std::byte*>(to), 4 * kPanel);
      k = depth / 4 * 4;
      to += k * kPanel;
    }
    for (; k < depth; k += 4, to += 4 * kPanel) {
      const int64_t deep = std::min<int64_t>(4, depth - k);
      const int8_t* from = w + first * column_step + k * depth_step;
      if (n < kPanel || deep < 4) std::memset(to, 0, 4 * kPanel);
      if (depth_step == 1 && deep == 4) {
        for (int64_t c = 0; c < n; ++c) std::memcpy(to + c * 4, from + c * column_step, 4);
      } else if (column_step == 1 && n == kPanel && deep == 4) {  // Whole and row by row: what vectors interleave.
        const int8_t *r0 = from, *r1 = r0 + depth_step, *r2 = r1 + depth_step, *r3 = r2 + depth_step;
        for (int64_t c = 0; c < kPanel; ++c) {
          to[4 * c] = r0[c];
          to[4 * c + 1] = r1[c];
          to[4 * c + 2] = r2[c];
          to[4 * c + 3] = r3[c];
        }
      } else {
        for (int64_t i = 0; i < deep; ++i)
          for (int64_t c = 0; c < n; ++c) to[c * 4 + i] = from[c * column_step + i * depth_step];
      }
    }
  }
}

void PackSegmentsS8(const int8_t* w, const SegmentsS8& form, bool channels_last, int8_t* to) {
  const int64_t depth = form.count * form.length, columns = form.groups.columns;
  const int64_t column_step = channels_last ? 1 : depth, depth_step = channels_last ? columns : 1;
  for (int64_t panel = 0; panel < form.groups.all_panels(); ++panel) {
    const int64_t group = panel / form.groups.panels(), first = panel % form.groups.panels() * kernels::kPanel;
    const int8_t* from = w + (group * columns + first) * column_step;
    for (int64_t s = 0; s < form.count; ++s, to += PackedBytesS8(form.length, kernels::kPanel))
      PackPanelsS8(from + s * form.length * depth_step, column_step, depth_step, form.length, std::min<int64_t>(kernels::kPanel, columns - first), to);
  }
}

}  // namespace octet::ops
