// SPDX-License-Identifier: Apache-2.0
#include "ops/conv_s16_util.h"

#include <algorithm>
#include <type_traits>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

struct Params {
  ConvGeometry g;
  IntegerOutput output;
  int64_t depth = 0;  // Elements of a window.
};

int16_t Narrowed(const IntegerOutput& q, int32_t acc, int32_t o) {
  return static_cast<int16_t>(std::clamp(Requantize(acc, q.multiplier[o]) + q.output_zero, q.clamp.low, q.clamp.high));
}
int16_t Narrowed(const IntegerOutput& q, int64_t acc, int32_t o) {
  return static_cast<int16_t>(std::clamp(Requantize64(acc, q.multiplier[o]), q.clamp.low, q.clamp.high));
}

// With zeros outside of the image.
void GatherWindow(const ConvGeometry& g, const int16_t* x, int64_t row, int16_t* to) {
  const auto inside = [&](const int16_t* from, int64_t n) { to = std::copy_n(from, n, to); };
  const auto outside = [&](int64_t n) { to = std::fill_n(to, n, int16_t{0}); };
  GatherRow({g, false}, x, row, inside, outside);
}

// Sums that wrap are the exact ones' low bits.
template <class Acc> Status RunRows(const void* params, const Run& run) {
  using Wrapping = std::make_unsigned_t<Acc>;
  const auto& p = *static_cast<const Params*>(params);
  const ConvGeometry& g = p.g;
  const auto* w = run.input<int8_t>(1);
  const Acc* bias = run.input<Acc>(2);
  const auto dot = kernels::Vectors().dot_s16_s8;
  run.pool->For(static_cast<int64_t>(g.batch) * g.out_h, [&](int64_t line, int thread) {
    int16_t* const window = reinterpret_cast<int16_t*>(run.workspace) + thread * p.depth;
    int16_t* y = run.output<int16_t>(0) + line * g.out_w * g.out_c;
    for (int64_t row = line * g.out_w; row < (line + 1) * g.out_w; ++row) {
      GatherWindow(g, run.input<int16_t>(0), row, window);
      for (int32_t o = 0; o < g.out_c; ++o) {
        const Wrapping sum = static_cast<Wrapping>(dot(window, w + o * p.depth, p.depth)) + static_cast<Wrapping>(bias ? bias[o] : Acc{0});
        *y++ = Narrowed(p.output, static_cast<Acc>(sum), o);
      }
    }
  });
  return {};
}

}  // namespace

Status PrepareConvS16(Prepare& prepare, const ConvGeometry& g, const IntegerOutput& output, bool narrow_sums) {
  auto* p = prepare.Params<Params>();
  *p = {g, output, WindowElements(g)};
  prepare.Workspace(static_cast<size_t>(prepare.threads * p->depth) * sizeof(int16_t));
  prepare.SetRun(narrow_sums ? RunRows<int32_t> : RunRows<int64_t>, p);
  return {};
}

}  // namespace octet::ops
