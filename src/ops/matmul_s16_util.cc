// SPDX-License-Identifier: Apache-2.0
// int16 times int8, row by row: a row of x meets every column of y, which lies whole in memory.
#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "ops/matmul_util.h"
#include "ops/quant_util.h"

namespace octet::ops {
namespace {

struct Params {
  MatmulShape shape;
  MatmulQuant q;
  bool in_place = false;            // Columns of y lie so already.
  const int8_t* columns = nullptr;  // Those of a constant y.
};

void LayOutColumns(const MatmulShape& s, const int8_t* y, int8_t* columns) {
  for (int64_t b = 0; b < s.y_matrices; ++b)
    for (int64_t k = 0; k < s.k; ++k)
      for (int64_t n = 0; n < s.n; ++n) columns[(b * s.n + n) * s.k + k] = y[s.y_at[b] + k * s.y_depth + n * s.y_column];
}

const int8_t* ColumnsOf(const Params& p, const Run& run) {
  if (p.columns) return p.columns;
  if (p.in_place) return run.input<int8_t>(1);
  auto* columns = reinterpret_cast<int8_t*>(run.workspace);
  LayOutColumns(p.shape, run.input<int8_t>(1), columns);
  return columns;
}

Status RunRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const MatmulShape& s = p.shape;
  const int8_t* columns = ColumnsOf(p, run);
  const auto dot = kernels::Vectors().dot_s16_s8;
  run.pool->For(s.batches * s.m, [&](int64_t row, int) {
    const int64_t b = row / s.m, m = row % s.m;
    const int16_t* x = run.input<int16_t>(0) + s.x_at[b] + m * s.x_row;
    const int8_t* y = columns + s.y_of[b] * s.n * s.k;
    int16_t* out = run.output<int16_t>(0) + s.out_at[b] + m * s.out_row;
    for (int64_t n = 0; n < s.n; ++n) out[n] = Saturate<int16_t>(Requantize64(dot(x, y + n * s.k, s.k), p.q.multiplier) + p.q.out_zero);
  });
  return {};
}

struct PackContext {
  const MatmulShape& shape;
  const int8_t* y;
};
void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  LayOutColumns(c.shape, c.y, reinterpret_cast<int8_t*>(packed));
}

}  // namespace

Status PrepareMatmulS16(Prepare& prepare, const MatmulShape& shape, const MatmulQuant& q) {
  auto* p = prepare.Params<Params>();
  *p = {.shape = shape, .q = q, .in_place = shape.y_depth == 1};
  const auto bytes = static_cast<size_t>(shape.y_matrices * shape.k * shape.n);
  if (!p->in_place && prepare.op.has_const(1)) {
    const PackContext context{shape, reinterpret_cast<const int8_t*>(prepare.op.constants[1])};
    OCTET_ASSIGN(const std::byte* columns, prepare.Pack(1, "columns_s8", static_cast<uint64_t>(shape.k), bytes, Pack, &context));
    p->columns = reinterpret_cast<const int8_t*>(columns);
  } else if (!p->in_place) {
    prepare.Workspace(bytes);
  }
  prepare.SetRun(RunRows, p);
  return {};
}

}  // namespace octet::ops
