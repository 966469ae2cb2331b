// SPDX-License-Identifier: Apache-2.0
// States of layers that were written out step by step, where element-wise operators alone carry them from one step to the
// next: c' = f * c + i * g of an LSTM, h' = n + z * (h - n) of a GRU. Each step rounds the state anew, and what a step adds
// may be less than one int8 step of what has gathered: 8 bits forget it. The fused operators keep such states in 16 bits.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::quantizer {

// First outputs of the nodes that carry states, and of the products that only feed them. Empty where there are no such
// states, or one of the nodes has no form of 16 bits.
std::vector<std::string> StateCarriers(const graph::Graph& g);

// First outputs of the sums that a residual stream consists of, three and more one upon the other, and of what it begins with. Only
// nodes that have a form of 16 bits.
std::vector<std::string> ResidualStreams(const graph::Graph& g);

}  // namespace octet::quantizer
