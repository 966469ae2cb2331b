// SPDX-License-Identifier: Apache-2.0
// Weights rounded layer by layer, so that each layer's output, on what the quantized layers before it really
// give, comes nearest to float's (least squares, then column by column as in GPTQ).
#pragma once
#include <set>
#include <span>

#include "quantizer/output_error.h"

namespace octet::quantizer {

struct RoundingResult {
  int layers = 0;                   // Tried.
  std::set<graph::NodeId> changed;  // Kept, because the model's outputs came nearer on samples that did not choose.
  OutputDistance after;
};

// One pass through the layers per damping, of the mean of the normal equations' diagonal: more of it stays nearer to
// the float weights. A later pass starts from what the earlier ones kept, and the last is the first that keeps nothing.
inline constexpr double kOnePass[] = {0.01}, kSeveralPasses[] = {0.01, 0.1, 0.003, 0.03};

// `quantized` was made from `reference`, whose tensors it names. `judge`: looks at other samples than `fit`.
Result<RoundingResult> RoundWeights(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit,
                                    const OutputError& judge, std::span<const double> passes, const Progress& progress);

}  // namespace octet::quantizer
