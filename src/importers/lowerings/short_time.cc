// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/short_time.h"

#include <algorithm>

#include "importers/limits.h"

namespace octet::importers {

bool IsFast(const Framing& f) {
  constexpr int32_t kFewestPoints = 64, kMostTime = 1 << 30;
  if (f.size < kFewestPoints || !IsFast(f.size) || f.time < f.size || f.time > kMostTime || f.step > f.time) return false;
  const int64_t indices = int64_t{f.frames()} * f.blocks_per_frame(), window = int64_t{f.step} * f.blocks_per_frame(), weights = int64_t{2} * f.bins() * f.size;
  return std::max(indices, window) <= std::min(weights, kMostWritten);
}

// Cut into blocks of a step, each frame begins where a block does and gathers as many as it needs; the
// transform ends where the frame does.
Result<Value> SpectraOfFrames(Lowering& c, Value x, const Framing& f, const std::vector<double>& window) {
  const int32_t per_frame = f.blocks_per_frame(), blocks = f.frames() + per_frame - 1;
  OCTET_ASSIGN(x, Fitted(c, x, blocks * f.step));
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1, blocks, f.step})}));
  std::vector<int32_t> indices;
  for (int32_t i = 0; i < f.frames(); ++i)
    for (int32_t k = 0; k < per_frame; ++k) indices.push_back(i + k);
  OCTET_ASSIGN(x, c.Make("gather", {x, c.Constant<int32_t>(Shape{f.frames(), per_frame}, indices)}, {{"axis", 1}}));
  OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1, 1, per_frame * f.step})}));
  std::vector<float> weights(window.begin(), window.end());
  weights.resize(static_cast<size_t>(per_frame * f.step), 0.0f);
  OCTET_ASSIGN(x, c.Make("mul", {x, c.Constant<float>(Shape{per_frame * f.step}, weights)}));
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("rfft2d", std::vector<Value>{x, c.Vector({1, f.size})}, nullptr, {{DType::kC64, {}, {}}}));
  return y[0];
}

}  // namespace octet::importers
