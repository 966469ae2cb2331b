// SPDX-License-Identifier: Apache-2.0
// A model of AMX's matrix registers, so that what is built on them is tested on processors without. Compiled for AVX-512:
// nothing of the STL.
#include "kernels/isa/requant_avx512.h"

namespace octet::kernels {
namespace {

struct Tiles {
  static inline uint8_t tile[8][16][64];
  static inline int rows[8], row_bytes[8];
  static void Configure(int row_count, int groups) {
    for (int t = 0; t < 8; ++t) {
      rows[t] = t < 6 ? row_count : groups;
      row_bytes[t] = t == 4 || t == 5 ? groups * 4 : 64;
      if (rows[t] < 1 || rows[t] > 16 || row_bytes[t] > 64) __builtin_trap();  // As the instruction would.
    }
  }
  template <int kTile> static void Load(const void* from, int64_t pitch) {
    for (int r = 0; r < rows[kTile]; ++r)
      __builtin_memcpy(tile[kTile][r], static_cast<const uint8_t*>(from) + r * pitch, static_cast<size_t>(row_bytes[kTile]));
  }
  template <int kTile> static void Store(void* to, int64_t pitch) {
    for (int r = 0; r < rows[kTile]; ++r) __builtin_memcpy(static_cast<uint8_t*>(to) + r * pitch, tile[kTile][r], static_cast<size_t>(row_bytes[kTile]));
  }
  template <int kSums, int kRows, int kWeights> static void Dot() {
    for (int r = 0; r < rows[kSums]; ++r)
      for (int c = 0; c < 16; ++c) {
        uint32_t sum;
        __builtin_memcpy(&sum, tile[kSums][r] + c * 4, 4);
        for (int k = 0; k < row_bytes[kRows]; ++k) sum += static_cast<uint32_t>(tile[kRows][r][k] * static_cast<int8_t>(tile[kWeights][k / 4][c * 4 + k % 4]));
        __builtin_memcpy(tile[kSums][r] + c * 4, &sum, 4);
      }
  }
  static void Release() {}
};

#include "kernels/isa/int8_tiles_body.h"

}  // namespace

void MultiplyTilesModel(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  MultiplyTiles(p, rows, count, first_panel, end_panel, y, scratch);
}

}  // namespace octet::kernels
