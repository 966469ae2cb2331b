// SPDX-License-Identifier: Apache-2.0
#include "kernels/isa/lanes_avx512.h"
#include "kernels/kernels.h"
#include "kernels/products_f32.h"

namespace octet::kernels {
namespace {

constexpr int kTileRows = 12, kTilePanels = 2;
constexpr int64_t kHalfColumns = 8;  // In vectors of as many lanes.
void HalfPanel(const ProductF32& p) { kAvx2ProductsF32.product(p); }
#include "kernels/isa/products_f32_body.h"
#include "kernels/isa/winograd_f32_body.h"

// Half of a vector is a whole one of half as many lanes, where nothing is masked.
void WindowRowOf(const WindowRowF32& p) {
  (p.channels < kLanes ? kAvx2ProductsF32.window_row : WindowRow)(p);
}

}  // namespace

constinit const ProductsF32 kAvx512ProductsF32 = {kTileRows, kTilePanels, Product, WindowRowOf, {WinogradInput<2>, WinogradWeights<2>, WinogradOutput<2>}, {WinogradInput<4>, WinogradWeights<4>, WinogradOutput<4>}};

}  // namespace octet::kernels
