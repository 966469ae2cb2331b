// SPDX-License-Identifier: Apache-2.0
// 8-bit products on AMX: tdpbusd multiplies 16 rows of 64 uint8 with 64 x 16 int8 at a rate of 1,024 multiply-adds a
// cycle. Everything else, and few rows, as with AVX-512 VNNI.
#include "kernels/isa/requant_avx512.h"

namespace octet::kernels {
namespace {

// Instructions as text: the compiler's own functions want register numbers as literals.
struct Tiles {
  struct alignas(64) Shape {
    uint8_t palette = 1, start_row = 0, reserved[14] = {};
    uint16_t row_bytes[16] = {};
    uint8_t rows[16] = {};
  };
  static void Configure(int rows, int groups) {
    Shape s;
    for (int i = 0; i < 4; ++i) s.rows[i] = static_cast<uint8_t>(rows), s.row_bytes[i] = 64;
    for (int i = 4; i < 6; ++i) s.rows[i] = static_cast<uint8_t>(rows), s.row_bytes[i] = static_cast<uint16_t>(groups * 4);
    for (int i = 6; i < 8; ++i) s.rows[i] = static_cast<uint8_t>(groups), s.row_bytes[i] = 64;
    asm volatile("ldtilecfg %0" : : "m"(s));
  }
  template <int kTile> static void Load(const void* from, int64_t pitch) { asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(pitch), "i"(kTile) : "memory"); }
  template <int kTile> static void Store(void* to, int64_t pitch) { asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(pitch), "i"(kTile) : "memory"); }
  template <int kSums, int kRows, int kWeights> static void Dot() { asm volatile("tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSums), "i"(kRows), "i"(kWeights)); }
  static void Release() { asm volatile("tilerelease"); }
};

#include "kernels/isa/int8_tiles_body.h"

}  // namespace

void MultiplyAmx(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  const auto multiply = FillsTiles(p, count, end_panel - first_panel) ? MultiplyTiles : kAvx512VnniInt8.multiply;
  multiply(p, rows, count, first_panel, end_panel, y, scratch);
}
const int64_t kAmxScratchPerGroup = kTilesScratchPerGroup;

}  // namespace octet::kernels
