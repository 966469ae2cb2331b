// SPDX-License-Identifier: Apache-2.0
#include "kernels/isa/lanes_avx2.h"
#include "kernels/kernels.h"
#include "kernels/products_f32.h"

namespace octet::kernels {
namespace {

constexpr int kTileRows = 6, kTilePanels = 1;
constexpr int64_t kHalfColumns = 8;  // One vector: nearly as fast per column, with more rows.
void HalfPanel(const ProductF32& p);
#include "kernels/isa/products_f32_body.h"
void HalfPanel(const ProductF32& p) { Rows<8, 1>(p, 0); }
#include "kernels/isa/winograd_f32_body.h"

}  // namespace

constinit const ProductsF32 kAvx2ProductsF32 = {kTileRows, kTilePanels, Product, WindowRow, {WinogradInput<2>, WinogradWeights<2>, WinogradOutput<2>}, {WinogradInput<4>, WinogradWeights<4>, WinogradOutput<4>}};

}  // namespace octet::kernels
