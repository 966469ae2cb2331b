// SPDX-License-Identifier: Apache-2.0
#include "cli/core_peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include "kernels/int8.h"
#include "kernels/products_f32.h"

namespace octet::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Units per nanosecond of the fastest of `rounds` runs: others on the machine only make it slower.
template <class Body> double Best(double units, int rounds, const Body& body) {
  double best = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    body();
    best = std::max(best, units / std::max(1.0, std::chrono::duration<double, std::nano>(Clock::now() - start).count()));
  }
  return best;
}

double Int8Gmacs() {
  constexpr int64_t kRows = 64, kDepth = 1024, kColumns = 64, kPanels = kColumns / kernels::kPanel;
  const kernels::Int8& k = kernels::BestInt8();
  std::vector<int8_t> x(kRows * kDepth, 1), weights(kDepth * kColumns, 1), y(kRows * kColumns);
  std::vector<uint8_t> loaded(kRows * kDepth * k.value_bytes + 64), scratch(kDepth / 4 * k.scratch_per_group + 64);
  std::vector<int32_t> ones(kColumns + kernels::kPanel, 1 << 30), zeros(kColumns + kernels::kPanel), shifts(kColumns + kernels::kPanel, 8);
  const int64_t offset = 0;
  kernels::ProductS8 p{&offset, 1, kDepth, weights.data(), {zeros.data(), ones.data(), zeros.data(), shifts.data(), nullptr, 0, -128, 127}, kColumns, kColumns};
  k.load(x.data(), kRows * kDepth, loaded.data());
  std::vector<const void*> rows;
  for (int64_t r = 0; r < kRows; ++r) rows.push_back(loaded.data() + r * kDepth * k.value_bytes);
  return Best(static_cast<double>(kRows * kDepth * kColumns), 500, [&] { k.multiply(p, rows.data(), kRows, 0, kPanels, y.data(), scratch.data()); });
}

double F32Gmacs() {
  constexpr int64_t kDepth = 256, kColumns = 32;
  const kernels::ProductsF32& k = kernels::FloatProducts();
  const int64_t rows = k.rows;
  std::vector<float> x(static_cast<size_t>(rows) * kDepth, 1.0f), w(kDepth * kColumns, 1.0f), bias(kColumns), y(static_cast<size_t>(rows) * kColumns);
  const kernels::ProductF32 p{.a = x.data(), .lda = kDepth, .rows = rows, .w = w.data(), .depth = kDepth, .columns = kColumns, .bias = bias.data(),
                              .low = -1e30f, .high = 1e30f, .y = y.data(), .ldy = kColumns};
  return Best(static_cast<double>(rows * kDepth * kColumns), 2000, [&] { k.product(p); });
}

// Sums over more than the last level of caches holds.
double Gbytes() {
  std::vector<uint64_t> data((128 << 20) / 8, 1);
  volatile uint64_t keep = 0;
  return Best(static_cast<double>(data.size() * 8), 4, [&] {
    uint64_t sum = 0;
    for (const uint64_t v : data) sum += v;
    keep = sum;
  });
}

}  // namespace

CorePeak MeasureCorePeak() { return {Int8Gmacs(), F32Gmacs(), Gbytes()}; }

}  // namespace octet::cli
