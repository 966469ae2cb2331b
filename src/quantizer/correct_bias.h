// SPDX-License-Identifier: Apache-2.0
// Takes back what rounding the weights adds to each output on average.
#pragma once
#include "quantizer/calibrate.h"

namespace octet::quantizer {

// Rewrites the float biases: b[o] += sum over the window of (W - W_q)[o, ...] * E[x_c].
void CorrectBias(graph::Model& model, const Statistics& statistics);

}  // namespace octet::quantizer
