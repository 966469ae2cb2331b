// SPDX-License-Identifier: Apache-2.0
// Symmetric scales of weights, in eight bits and in four (-7 to 7, two to a byte).
#pragma once
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::quantizer {

inline constexpr float kInt8Steps = 127.0f, kInt4Steps = 7.0f;

// How a weight tensor lies: [outer][channels][inner].
struct ChannelLayout {
  int64_t inner = 1, channels = 1;
  ChannelLayout(const Shape& shape, int axis) : inner(shape.elements(axis + 1, shape.rank())), channels(shape[axis]) {}
};

// One scale per channel. Eight bits: the largest weight is the last step. Four: the one for which rounding costs the
// least squares, since with 15 levels the largest weights are worth clipping.
std::vector<float> WeightScales(std::span<const float> values, const ChannelLayout& layout, bool four);
// One for all: the largest value is that many steps.
float SymmetricScale(std::span<const float> values, float steps);
float Int4Scale(std::span<const float> values);

// round(value / scale), half away from zero, within +-steps.
inline int8_t WeightStep(float value, float scale, float steps) {
  const float q = value / scale;
  const auto clamped = static_cast<double>(q < steps ? (q > -steps ? q : -steps) : steps);
  return static_cast<int8_t>(static_cast<int>(clamped + (clamped < 0 ? -0.5 : 0.5)));
}
// Of every weight.
std::vector<int8_t> WeightSteps(std::span<const float> values, const ChannelLayout& layout, std::span<const float> scales, float steps);

// Do the weights of this node take four bits: its place or first output is in the list, and it has that form?
bool TakesInt4(const graph::Graph& g, graph::NodeId id, const std::set<std::string>& layers, DType activation = DType::kI8);

}  // namespace octet::quantizer
