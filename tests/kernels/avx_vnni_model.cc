// SPDX-License-Identifier: Apache-2.0
// AVX-VNNI's products with the same instruction as AVX-512 VL encodes it, so that they are tested on processors without the other.
// Nothing of the STL, as in all that is compiled for one instruction set.
#include <immintrin.h>

#include "kernels/int8.h"
#include "kernels/isa/int8_panels_avx2.h"
#include "kernels/isa/tile_sums_avx2.h"

namespace octet::kernels {
namespace {

#define OCTET_VPDPBUSD "%{evex%} vpdpbusd"

#include "kernels/isa/avx_vnni_int8_body.h"

}  // namespace

void LoadAvxVnniModel(const int8_t* x, int64_t n, void* to) { LoadFlipped(x, n, to); }
void MultiplyAvxVnniModel(const ProductS8& p, const void* const* rows, int64_t count, int64_t first_panel, int64_t end_panel, int8_t* y, void* scratch) {
  DotProducts(p, rows, count, first_panel, end_panel, y, scratch);
}

}  // namespace octet::kernels
