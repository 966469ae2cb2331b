// SPDX-License-Identifier: Apache-2.0
// Non-maximum suppression of boxes: hard above an overlap, and softly (scores decay) with a sigma.
#pragma once
#include "ops/operand_util.h"

namespace octet::ops {

// Intersection over union of boxes [y1, x1, y2, x2] whose corners may be in any order.
float Overlap(const float* a, const float* b);

inline constexpr int kBoxes = 0, kScores = 1, kMaxOutput = 2, kOverlapThreshold = 3, kScoreThreshold = 4, kSigma = 5;
Status CheckSuppression(const OpView& op);
// The number of places in the output: dynamic until the operand is known.
Status InferSuppression(const OpView& op, std::span<OutputType> out);
// Outputs: chosen boxes, their scores (with a sigma), how many there are. The rest is zero.
Status PrepareSuppression(Prepare& p);

}  // namespace octet::ops
