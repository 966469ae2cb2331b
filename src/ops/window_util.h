// SPDX-License-Identifier: Apache-2.0
// Reducing windows that slide over a tensor: REDUCE_WINDOW and its StableHLO form.
#pragma once
#include "ops/op_def.h"

namespace octet::ops {

enum class WindowFunction : uint8_t { kNone = 0, kAdd = 1, kMul = 2, kMinimum = 3, kMaximum = 4, kAll = 5, kAny = 6 };

// Per axis. The tensor is dilated and padded with the initial value (negative padding cuts), then windows slide.
struct Windows {
  WindowFunction function = WindowFunction::kNone;
  std::array<int64_t, kMaxRank> size{}, stride{}, dilation{}, base{}, low{}, high{};
};

Status InferWindows(const OpView& op, const Windows& windows, Shape* out);
Status PrepareWindows(Prepare& p, const Windows& windows);

}  // namespace octet::ops
