// SPDX-License-Identifier: Apache-2.0
// Weights rounded layer by layer, so that each layer's output, on what the quantized layers before it really
// give, comes nearest to float's (least squares, then column by column as in GPTQ).
#pragma once
#include "quantizer/output_error.h"

namespace octet::quantizer {

struct RoundingResult {
  int layers = 0, kept = 0;  // Tried; kept because the model's outputs came nearer on samples that did not choose.
  OutputDistance after;
};

// `quantized` was made from `reference`, whose tensors it names. `judge`: looks at other samples than `fit`.
Result<RoundingResult> RoundWeights(graph::Model& quantized, const graph::Model& reference, const data::Dataset& data, SampleRange fit, const OutputError& judge,
                                    const Progress& progress);

}  // namespace octet::quantizer
