// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_conv_util.h"

#include <cstring>
#include <vector>

#include "ops/inner_prepare.h"

namespace octet::ops {
namespace {

// [out, h, w, in] of [out, h, w, in / groups].
std::vector<std::byte> DenseFilter(const OpView& op, const ConvGeometry& g) {
  const TensorType& w = *op.in(1);
  const int64_t bytes = BitsOf(w.dtype) / 8, cell = w.shape[3] * bytes, taps = int64_t{g.filter_h} * g.filter_w;
  const int32_t group_out = g.out_c / (g.in_c / w.shape[3]);
  std::vector<std::byte> dense(static_cast<size_t>(g.out_c * WindowElements(g) * bytes));
  for (int64_t o = 0; o < g.out_c; ++o) {
    for (int64_t t = 0; t < taps; ++t) {
      std::byte* to = dense.data() + (o * taps + t) * g.in_c * bytes + o / group_out * cell;
      std::memcpy(to, op.constants[1] + (o * taps + t) * cell, static_cast<size_t>(cell));
    }
  }
  return dense;
}

}  // namespace

bool FitsDenseFilter(const ConvGeometry& g) {
  constexpr int64_t kMostWeights = 4 << 20;
  return WindowElements(g) * g.out_c <= kMostWeights;
}

Status PrepareGroupedConv(Prepare& prepare, const ConvGeometry& g, Status (*prepare_dense)(Prepare&)) {
  OpView op = prepare.op;
  const std::vector<std::byte> filter = DenseFilter(op, g);
  TensorType weights = *op.in(1);
  weights.shape = {g.out_c, g.filter_h, g.filter_w, g.in_c};
  const TensorType* inputs[] = {op.in(0), &weights, op.in(2)};
  const std::byte* constants[] = {op.constants[0], filter.data(), op.in(2) ? op.constants[2] : nullptr};
  op.inputs = inputs, op.constants = constants;
  InnerPrepare inner(prepare, op);
  OCTET_TRY(prepare_dense(inner));
  prepare.Workspace(inner.workspace_bytes);
  prepare.SetRun(inner.run, inner.params);
  return {};
}

}  // namespace octet::ops
