// SPDX-License-Identifier: Apache-2.0
// Takes back what rounding the weights adds to each output on average.
#pragma once
#include "quantizer/calibrate.h"
#include "quantizer/rewrite.h"

namespace octet::quantizer {

// Rewrites the float biases: b[o] += sum over the window of (W - W_q)[o, ...] * E[x_c]. Of weights as
// `options` has them rounded.
void CorrectBias(graph::Model& model, const Statistics& statistics, const RewriteOptions& options);

}  // namespace octet::quantizer
