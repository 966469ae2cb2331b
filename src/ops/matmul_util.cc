// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul_util.h"

#include "kernels/elementwise.h"
#include "kernels/products_f32.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

struct Params {
  MatmulShape shape;
  MatmulQuant q;
  kernels::Requant requant{};  // Without bias.
  const float* zeros = nullptr;
  int64_t rows_per_task = 0;
  // In the workspace: packed y, its column biases, the threads' rows.
  int64_t matrix_bytes = 0, bias_at = 0, scratch_at = 0, scratch_bytes = 0;
};

// y's element (k, n) is y[k * depth_step + n * column_step].
int64_t ColumnStep(const MatmulShape& s) { return s.adj_y ? s.k : 1; }
int64_t DepthStep(const MatmulShape& s) { return s.adj_y ? 1 : s.n; }

// Calls body(first column, columns, matrix) for every panel of every y.
template <class Body> void ForEachPanel(const MatmulShape& s, ThreadPool& pool, const Body& body) {
  const int64_t panels = RoundUp(s.n, kPanel) / kPanel;
  pool.For(s.y_matrices * panels, [&](int64_t task, int) {
    const int64_t column = task % panels * kPanel;
    body(column, std::min<int64_t>(kPanel, s.n - column), task / panels);
  });
}

// Calls body(batch, first row, rows, thread).
template <class Body> void ForEachRows(const Params& p, ThreadPool& pool, const Body& body) {
  const int64_t blocks = (p.shape.m + p.rows_per_task - 1) / p.rows_per_task;
  pool.For(p.shape.batches * blocks, [&](int64_t task, int thread) {
    const int64_t row = task % blocks * p.rows_per_task;
    body(task / blocks, row, std::min(p.rows_per_task, p.shape.m - row), thread);
  });
}

// Row `row` of the batch's x, laid out in `to` where it is stored as a column.
template <class T> const T* RowOf(const MatmulShape& s, const T* x, int64_t row, T* to) {
  if (!s.adj_x) return x + row * s.k;
  for (int64_t k = 0; k < s.k; ++k) to[k] = x[k * s.m + row];
  return to;
}

Status RunF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const MatmulShape& s = p.shape;
  const float *x = run.input<float>(0), *y = run.input<float>(1);
  ForEachPanel(s, *run.pool, [&](int64_t column, int64_t columns, int64_t matrix) {
    auto* to = reinterpret_cast<float*>(run.workspace + matrix * p.matrix_bytes) + column * s.k;
    PackPanelsF32(y + matrix * s.k * s.n + column * ColumnStep(s), ColumnStep(s), DepthStep(s), s.k, columns, to);
  });
  ForEachRows(p, *run.pool, [&](int64_t b, int64_t first, int64_t rows, int thread) {
    const float* a = x + p.shape.x_at[b] * s.m * s.k;
    if (s.adj_x) {
      auto* to = reinterpret_cast<float*>(run.workspace + p.scratch_at + thread * p.scratch_bytes);
      for (int64_t r = 0; r < rows; ++r) RowOf(s, a, first + r, to + r * s.k);
      a = to;
    } else {
      a += first * s.k;
    }
    const ClampF32 all;
    kernels::FloatProducts().product({.a = a, .lda = s.k, .rows = rows, .w = reinterpret_cast<const float*>(run.workspace + s.y_at[b] * p.matrix_bytes), .depth = s.k, .columns = s.n,
                                      .bias = p.zeros, .low = all.low, .high = all.high, .y = run.output<float>(0) + (b * s.m + first) * s.n, .ldy = s.n});
  });
  return {};
}

// y's panels, and per column what the offset form of x makes the sums too large by.
void PackS8(const Params& p, const Run& run) {
  const MatmulShape& s = p.shape;
  const int32_t offset = kernels::Best().offset_rows ? 128 + p.q.x_zero : 0;
  const int64_t padded = RoundUp(s.n, kPanel);
  ForEachPanel(s, *run.pool, [&](int64_t column, int64_t columns, int64_t matrix) {
    const int8_t* y = run.input<int8_t>(1) + matrix * s.k * s.n + column * ColumnStep(s);
    auto* to = reinterpret_cast<int8_t*>(run.workspace + matrix * p.matrix_bytes) + column * RoundUp(s.k, 4);
    PackPanelsS8(y, ColumnStep(s), DepthStep(s), s.k, columns, to);
    int32_t sum[kPanel] = {};
    for (int64_t k = 0; k < RoundUp(s.k, 4); k += 4, to += 4 * kPanel)
      for (int c = 0; c < kPanel; ++c) sum[c] += to[4 * c] + to[4 * c + 1] + to[4 * c + 2] + to[4 * c + 3];
    auto* bias = reinterpret_cast<int32_t*>(run.workspace + p.bias_at) + matrix * padded + column;
    for (int c = 0; c < kPanel; ++c) bias[c] = static_cast<int32_t>(-static_cast<uint32_t>(offset) * static_cast<uint32_t>(sum[c]));
  });
}

Status RunS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const MatmulShape& s = p.shape;
  const kernels::Table& k = kernels::Best();
  PackS8(p, run);
  const int64_t depth4 = RoundUp(s.k, 4), k4 = depth4 / 4, row_bytes = depth4 * k.row_value_bytes, padded = RoundUp(s.n, kPanel);
  ForEachRows(p, *run.pool, [&](int64_t b, int64_t first, int64_t rows, int thread) {
    std::byte* a = run.workspace + p.scratch_at + thread * p.scratch_bytes;
    auto* acc = reinterpret_cast<int32_t*>(a + RoundUp(p.rows_per_task * row_bytes, 64));
    int32_t* row_sum = acc + kernels::kMaxRows * kPanel;
    auto* column = reinterpret_cast<int8_t*>(row_sum + RoundUp(p.rows_per_task, 16));
    auto* wide = reinterpret_cast<int16_t*>(column + RoundUp(s.k, 64));
    for (int64_t r = 0; r < rows; ++r) {
      const int8_t* x = RowOf(s, run.input<int8_t>(0) + s.x_at[b] * s.m * s.k, first + r, column);
      k.load_row(x, p.q.x_zero, s.k, a + r * row_bytes);
      k.pad_row(p.q.x_zero, depth4 - s.k, a + r * row_bytes + s.k * k.row_value_bytes);
      const int64_t total = kernels::Vectors().total_s8(x, s.k) - s.k * p.q.x_zero;
      row_sum[r] = static_cast<int32_t>(static_cast<uint32_t>(p.q.y_zero) * static_cast<uint32_t>(total));
    }
    const auto* packed = reinterpret_cast<const int8_t*>(run.workspace + s.y_at[b] * p.matrix_bytes);
    kernels::Requant requant = p.requant;
    requant.bias = reinterpret_cast<const int32_t*>(run.workspace + p.bias_at) + s.y_at[b] * padded;
    for (int64_t c = 0; c < s.n; c += kPanel) {
      const int8_t* weights = packed + c * depth4;
      if (k.widen_panel) k.widen_panel(weights, wide, k4);
      for (int64_t r = 0; r < rows; r += k.rows) {
        const int tile = static_cast<int>(std::min<int64_t>(k.rows, rows - r));
        k.product(a + r * row_bytes, depth4, tile, weights, k.widen_panel ? wide : nullptr, k4, acc);
        for (int i = 0; i < tile && p.q.y_zero != 0; ++i)
          for (int j = 0; j < kPanel; ++j) acc[i * kPanel + j] = static_cast<int32_t>(static_cast<uint32_t>(acc[i * kPanel + j]) - static_cast<uint32_t>(row_sum[r + i]));
        k.requantize(acc, tile, requant, c, static_cast<int>(std::min<int64_t>(kPanel, s.n - c)), run.output<int8_t>(0) + (b * s.m + first + r) * s.n + c, s.n);
      }
    }
  });
  return {};
}

}  // namespace

Status PrepareMatmulF32(Prepare& prepare, const MatmulShape& shape) {
  auto* p = prepare.Params<Params>();
  const int64_t padded = RoundUp(shape.n, kPanel);
  p->shape = shape;
  p->zeros = prepare.Array<float>(static_cast<size_t>(padded));
  p->rows_per_task = CutRows(shape.m, shape.n, shape.k * 4, kernels::FloatProducts().rows).rows_per_task;
  p->matrix_bytes = padded * shape.k * 4;
  p->scratch_at = shape.y_matrices * p->matrix_bytes;
  p->scratch_bytes = shape.adj_x ? RoundUp(p->rows_per_task * shape.k * 4, 64) : 0;
  prepare.Workspace(static_cast<size_t>(p->scratch_at + p->scratch_bytes * prepare.threads));
  prepare.SetRun(RunF32, p);
  return {};
}

Status PrepareMatmulS8(Prepare& prepare, const MatmulShape& shape, const MatmulQuant& q) {
  auto* p = prepare.Params<Params>();
  const kernels::Table& k = kernels::Best();
  const int64_t padded = RoundUp(shape.n, kPanel), depth4 = RoundUp(shape.k, 4);
  p->shape = shape;
  p->q = q;
  auto *mantissa = prepare.Array<int32_t>(static_cast<size_t>(padded)), *left = prepare.Array<int32_t>(static_cast<size_t>(padded)),
       *right = prepare.Array<int32_t>(static_cast<size_t>(padded));
  std::fill_n(mantissa, padded, q.multiplier.mantissa);
  std::fill_n(left, padded, std::max(q.multiplier.shift, 0));
  std::fill_n(right, padded, std::max(-q.multiplier.shift, 0));
  p->requant = {nullptr, mantissa, left, right, nullptr, q.out_zero, -128, 127};
  p->rows_per_task = CutRows(shape.m, shape.n, depth4 * k.row_value_bytes, k.rows).rows_per_task;
  p->matrix_bytes = RoundUp(PackedBytesS8(shape.k, shape.n), 64);
  p->bias_at = shape.y_matrices * p->matrix_bytes;
  p->scratch_at = p->bias_at + RoundUp(shape.y_matrices * padded * 4, 64);
  p->scratch_bytes = RoundUp(p->rows_per_task * depth4 * k.row_value_bytes, 64) + kernels::kMaxRows * kPanel * 4 + RoundUp(p->rows_per_task, 16) * 4 + RoundUp(shape.k, 64) +
                     (k.widen_panel ? RoundUp(depth4 * kPanel * 2, 64) : 0);
  prepare.Workspace(static_cast<size_t>(p->scratch_at + p->scratch_bytes * prepare.threads));
  prepare.SetRun(RunS8, p);
  return {};
}

}  // namespace octet::ops
