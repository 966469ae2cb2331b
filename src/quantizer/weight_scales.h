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

// The largest weight is the last step.
float Int8Scale(std::span<const float> values);
// The scale for which rounding costs the least squares: with 15 levels the largest weights are worth clipping.
float Int4Scale(std::span<const float> values);

// The first of two in the low half.
std::vector<int8_t> Pack4(std::span<const int8_t> values);
std::vector<int8_t> Unpack4(std::span<const int8_t> packed, int64_t count);

// Do the weights of this node take four bits: its place or first output is in the list, and it has that form?
bool TakesInt4(const graph::Graph& g, graph::NodeId id, const std::set<std::string>& layers, DType activation = DType::kI8);

}  // namespace octet::quantizer
