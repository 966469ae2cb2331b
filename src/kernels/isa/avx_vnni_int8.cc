// SPDX-License-Identifier: Apache-2.0
// 8-bit products on AVX-VNNI: processors with AVX2 that have vpdpbusd without AVX-512.
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/int8_panels_avx2.h"
#include "kernels/isa/tile_sums_avx2.h"

namespace octet::kernels {
namespace {

#define OCTET_VPDPBUSD "%{vex%} vpdpbusd"

#include "kernels/isa/avx_vnni_int8_body.h"

}  // namespace

void LoadAvxVnni(const int8_t* x, int64_t n, void* to) { LoadFlipped(x, n, to); }
void MultiplyAvxVnni(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  DotProducts(p, rows, count, first_panel, end_panel, y, scratch);
}

}  // namespace octet::kernels
