// SPDX-License-Identifier: Apache-2.0
#include "ops/grouped_conv_util.h"

#include <cstring>
#include <vector>

#include "kernels/kernels.h"
#include "ops/inner_prepare.h"

namespace octet::ops {
namespace {

// [out, h, w, together * in] of [out, h, w, in].
std::vector<std::byte> WidenFilter(const OpView& op, int32_t together) {
  const TensorType& w = *op.in(1);
  const int64_t cell = w.shape[3] * (BitsOf(w.dtype) / 8), cells = w.shape.elements(0, 3);
  const int64_t group_cells = cells / (op.in(0)->shape[3] / w.shape[3]);
  std::vector<std::byte> wide(static_cast<size_t>(cells * together * cell));
  for (int64_t i = 0; i < cells; ++i)
    std::memcpy(wide.data() + (i * together + i / group_cells % together) * cell, op.constants[1] + i * cell, static_cast<size_t>(cell));
  return wide;
}

}  // namespace

int32_t GroupsTogether(int32_t groups, int32_t columns) {
  constexpr int32_t kHalfPanel = kernels::kPanel / 2;
  int32_t together = 1;
  for (int32_t n = 2; n <= groups && int64_t{n} * columns <= kHalfPanel; ++n)
    if (groups % n == 0) together = n;
  return together;
}

Status PrepareTogether(Prepare& prepare, int32_t together, Status (*prepare_product)(Prepare&)) {
  OpView op = prepare.op;
  const std::vector<std::byte> filter = WidenFilter(op, together);
  TensorType weights = *op.in(1);
  weights.shape[3] *= together;
  const TensorType* inputs[] = {op.in(0), &weights, op.in(2)};
  const std::byte* constants[] = {op.constants[0], filter.data(), op.in(2) ? op.constants[2] : nullptr};
  op.inputs = inputs, op.constants = constants;
  InnerPrepare inner(prepare, op);
  OCTET_TRY(prepare_product(inner));
  prepare.Workspace(inner.workspace_bytes);
  prepare.SetRun(inner.run, inner.params);
  return {};
}

}  // namespace octet::ops
