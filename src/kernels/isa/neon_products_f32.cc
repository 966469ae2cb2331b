// SPDX-License-Identifier: Apache-2.0
#include "kernels/isa/lanes_neon.h"
#include "kernels/kernels.h"
#include "kernels/products_f32.h"

namespace octet::kernels {
namespace {

// 20 sums, 5 rows of four elements, 4 weights: of 32 registers.
constexpr int kTileRows = 5, kTilePanels = 1;
constexpr int64_t kHalfColumns = 0;
void HalfPanel(const ProductF32&) {}
#include "kernels/isa/products_f32_body.h"
#include "kernels/isa/winograd_f32_body.h"

}  // namespace

constinit const ProductsF32 kNeonProductsF32 = {kTileRows, kTilePanels, Product, WindowRow, {WinogradInput<2>, WinogradWeights<2>, WinogradOutput<2>}, {WinogradInput<4>, WinogradWeights<4>, WinogradOutput<4>}};

}  // namespace octet::kernels
