// SPDX-License-Identifier: Apache-2.0
#include "quantizer/weight_scales.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

constexpr float kSmallest = 1e-12f;
constexpr int64_t kFewestInRow = 8;  // Values that are worth a kernel's call.

float Largest(std::span<const float> values) {
  float most = 0;
  for (float v : values) most = std::max(most, std::abs(v));
  return most;
}

}  // namespace

std::vector<float> WeightScales(std::span<const float> values, const ChannelLayout& layout, bool four) {
  const auto channels = static_cast<size_t>(layout.channels), inner = static_cast<size_t>(layout.inner);
  std::vector<float> scales(channels, 0.0f);
  if (four) {
    std::vector<std::vector<float>> by_channel(channels);
    for (size_t i = 0; i < values.size(); ++i) by_channel[i / inner % channels].push_back(values[i]);
    for (size_t c = 0; c < channels; ++c) scales[c] = Int4Scale(by_channel[c]);
    return scales;
  }
  for (size_t at = 0; at < values.size();)
    for (size_t c = 0; c < channels; ++c, at += inner) scales[c] = std::max(scales[c], Largest(values.subspan(at, inner)));
  for (float& s : scales) s = std::max(s / kInt8Steps, kSmallest);
  return scales;
}

float SymmetricScale(std::span<const float> values, float steps) { return std::max(Largest(values) / steps, kSmallest); }

std::vector<int8_t> WeightSteps(std::span<const float> values, const ChannelLayout& layout, std::span<const float> scales, float steps) {
  std::vector<int8_t> q(values.size());
  if (steps == kInt8Steps && layout.inner >= kFewestInRow) {  // The largest weight is no more than the last step.
    for (int64_t at = 0, c = 0; at < static_cast<int64_t>(values.size()); at += layout.inner, c = (c + 1) % layout.channels)
      kernels::Vectors().divide_to_s8(values.data() + at, layout.inner, scales[static_cast<size_t>(c)], 0, q.data() + at);
    return q;
  }
  for (size_t at = 0; at < values.size();)
    for (size_t c = 0; c < static_cast<size_t>(layout.channels); ++c)
      for (const size_t end = at + static_cast<size_t>(layout.inner); at < end; ++at) q[at] = WeightStep(values[at], scales[c], steps);
  return q;
}

bool TakesInt4(const graph::Graph& g, graph::NodeId id, const std::set<std::string>& layers, DType activation) {
  return layers.contains(g.tensor(g.node(id).outputs[0]).name) && HasIntegerForm(g, id, activation, DType::kI4);
}

float Int4Scale(std::span<const float> values) {
  constexpr int kTried = 20;  // Factors 1 to 0.525 of the largest weight.
  const float most = Largest(values);
  float best = std::max(most / kInt4Steps, kSmallest);
  double least = INFINITY;
  for (int i = 0; i < kTried; ++i) {
    const float scale = std::max(most * (1.0f - 0.025f * static_cast<float>(i)) / kInt4Steps, kSmallest);
    double error = 0;
    for (float v : values) {
      const float d = scale * std::clamp(std::round(v / scale), -kInt4Steps, kInt4Steps) - v;
      error += static_cast<double>(d) * static_cast<double>(d);
    }
    if (error >= least) continue;
    least = error;
    best = scale;
  }
  return best;
}

}  // namespace octet::quantizer
