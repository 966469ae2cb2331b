// SPDX-License-Identifier: Apache-2.0
// What stands beside float, a model's float32 ends or operators without an int8 form, and is better off there whatever its noise is:
// - Joins that only float reads. An int8 scale would be that of the part which reaches furthest; in float every part keeps its own.
// - Functions of one input. It would be rounded before and behind them; tails that they bend (ELU, logarithms) would take its steps.
// - Islands: operators between float ones that cost less than the way into int8 and back.
#pragma once
#include <map>
#include <string>

#include "quantizer/calibrate.h"
#include "quantizer/rewrite.h"

namespace octet::quantizer {

// Of the main graph; by the first output, with the reason.
std::map<std::string, std::string> BesideFloat(const graph::Graph& g, const Statistics& statistics, const RewriteOptions& options);

}  // namespace octet::quantizer
