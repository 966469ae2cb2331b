// SPDX-License-Identifier: Apache-2.0
// What integer kernels refuse, or may compute otherwise than float ones, with the scales that were chosen.
#pragma once
#include "quantizer/graph_scales.h"

namespace octet::quantizer {

// Adds the graph's integer nodes that have to stay in float, by their first outputs, with the first reason.
void FindRefused(const graph::Graph& g, const IntegerNodes& nodes, const GraphScales& scales, std::map<std::string, std::string>* refused);

}  // namespace octet::quantizer
