// SPDX-License-Identifier: Apache-2.0
// What pad, padv2 and mirror_pad share: operand 1 holds [before, after] for each dimension.
#pragma once
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {

Status CheckPaddings(const OpView& op);
Status InferPadded(const OpView& op, std::span<OutputType> out);
int VersionOfPad(const OpView& op);
// The input's box inside the output.
StridedCopy PadInterior(const OpView& op, const IntList& paddings);

}  // namespace octet::ops
