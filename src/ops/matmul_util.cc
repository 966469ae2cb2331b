// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul_util.h"

#include "kernels/elementwise.h"
#include "kernels/int8.h"
#include "kernels/products_f32.h"
#include "ops/binary_vector_util.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;


struct Params {
  MatmulShape shape;
  MatmulQuant q;
  kernels::Rescale rescale;
  const float* zeros = nullptr;
  RowBlocks blocks;
  const std::byte* packed = nullptr;  // A constant y, and
  const int32_t* bias = nullptr;      // its column biases.
  // In the workspace: packed y and its column biases, if y is computed; the threads' rows.
  int64_t matrix_bytes = 0, bias_at = 0, scratch_at = 0, scratch_bytes = 0;
};

// Calls body(first column, columns, matrix) for every panel of every y.
template <class Body> void ForEachPanel(const MatmulShape& s, ThreadPool& pool, const Body& body) {
  const int64_t panels = RoundUp(s.n, kPanel) / kPanel;
  pool.For(s.y_matrices * panels, [&](int64_t task, int) {
    const int64_t column = task % panels * kPanel;
    body(column, std::min<int64_t>(kPanel, s.n - column), task / panels);
  });
}

// A panel of y to its place behind `matrices`: there it is.
const std::byte* PackPanel(const Params& p, const float* y, int64_t matrix, int64_t column, int64_t columns, std::byte* matrices) {
  const MatmulShape& s = p.shape;
  auto* to = reinterpret_cast<float*>(matrices + matrix * p.matrix_bytes) + column * s.k;
  PackPanelsF32(y + s.y_at[matrix] + column * s.y_column, s.y_column, s.y_depth, s.k, columns, to);
  return reinterpret_cast<const std::byte*>(to);
}
const std::byte* PackPanel(const Params& p, const int8_t* y, int64_t matrix, int64_t column, int64_t columns, std::byte* matrices) {
  const MatmulShape& s = p.shape;
  auto* to = reinterpret_cast<int8_t*>(matrices + matrix * p.matrix_bytes) + column * RoundUp(s.k, 4);
  PackPanelsS8(y + s.y_at[matrix] + column * s.y_column, s.y_column, s.y_depth, s.k, columns, to);
  return reinterpret_cast<const std::byte*>(to);
}

// Calls body(batch, first row, rows, thread).
template <class Body> void ForEachRows(const Params& p, ThreadPool& pool, const Body& body) {
  const int64_t blocks = p.blocks.blocks();
  pool.For(p.shape.batches * blocks, [&](int64_t task, int thread) {
    const RowRange rows = EvenPart(p.shape.m, p.blocks.tile_rows, blocks, task % blocks);
    body(task / blocks, rows.first, rows.end - rows.first, thread);
  });
}

// Row `row` of the batch's x, laid out in `to` where it is stored as a column.
template <class T> const T* RowOf(const MatmulShape& s, const T* x, int64_t row, T* to) {
  x += row * s.x_row;
  if (s.x_depth == 1) return x;
  for (int64_t k = 0; k < s.k; ++k) to[k] = x[k * s.x_depth];
  return to;
}

Status RunF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const MatmulShape& s = p.shape;
  const float* x = run.input<float>(0);
  const auto pack = [&](int64_t column, int64_t columns, int64_t matrix) { PackPanel(p, run.input<float>(1), matrix, column, columns, run.workspace); };
  if (!p.packed) ForEachPanel(s, *run.pool, pack);
  const std::byte* matrices = p.packed ? p.packed : run.workspace;
  ForEachRows(p, *run.pool, [&](int64_t b, int64_t first, int64_t rows, int thread) {
    const float* a = x + s.x_at[b];
    int64_t pitch = s.x_row;
    if (s.x_depth != 1) {
      auto* to = reinterpret_cast<float*>(run.workspace + p.scratch_at + thread * p.scratch_bytes);
      for (int64_t r = 0; r < rows; ++r) RowOf(s, a, first + r, to + r * s.k);
      a = to, pitch = s.k;
    } else {
      a += first * s.x_row;
    }
    const ClampF32 all;
    const auto* w = reinterpret_cast<const float*>(matrices + s.y_of[b] * p.matrix_bytes);
    float* y = run.output<float>(0) + s.out_at[b] + first * s.out_row;
    kernels::FloatProducts().product({.a = a, .lda = pitch, .rows = rows, .w = w, .depth = s.k, .columns = s.n,
                                      .bias = p.zeros, .low = all.low, .high = all.high, .y = y, .ldy = s.out_row});
  });
  return {};
}

// Per column of a packed panel, what the loaded form of x makes the sums too large by.
void OffsetPanel(const Params& p, const int8_t* panel, int32_t* bias) {
  const uint32_t offset = static_cast<uint32_t>(kernels::BestInt8().offset + p.q.x_zero);
  int32_t sum[4 * kPanel] = {};  // Four per column, as the bytes lie: lanes meet at the end only.
  for (int64_t k = 0; k < RoundUp(p.shape.k, 4); k += 4, panel += 4 * kPanel)
    for (int64_t i = 0; i < 4 * kPanel; ++i) sum[i] += panel[i];
  for (int64_t c = 0; c < kPanel; ++c) {
    const int32_t all = sum[4 * c] + sum[4 * c + 1] + sum[4 * c + 2] + sum[4 * c + 3];
    bias[c] = static_cast<int32_t>(-offset * static_cast<uint32_t>(all));
  }
}

void PackS8(const Params& p, const Run& run) {
  const int64_t padded = RoundUp(p.shape.n, kPanel);
  ForEachPanel(p.shape, *run.pool, [&](int64_t column, int64_t columns, int64_t matrix) {
    const std::byte* panel = PackPanel(p, run.input<int8_t>(1), matrix, column, columns, run.workspace);
    OffsetPanel(p, reinterpret_cast<const int8_t*>(panel), reinterpret_cast<int32_t*>(run.workspace + p.bias_at) + matrix * padded + column);
  });
}

// The sums' way to the output: less y's zero point times the row's sum, rescaled.
struct Bytes {
  const Params& p;
  const int32_t* row_offset;
  int8_t* y;
  static void Take(void* context, const int32_t* sums, int64_t row, int count, int64_t column, int panels) {
    const Bytes& b = *static_cast<const Bytes*>(context);
    const int64_t pitch = b.p.shape.out_row, columns = std::min<int64_t>(panels * kPanel, b.p.shape.n - column);
    kernels::Vectors().to_bytes(sums, panels * kPanel, count, b.row_offset + row, b.p.rescale, b.p.q.out_zero, columns, b.y + row * pitch + column, pitch);
  }
};

Status RunS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const MatmulShape& s = p.shape;
  const kernels::Int8& k = kernels::BestInt8();
  if (!p.packed) PackS8(p, run);
  const std::byte* matrices = p.packed ? p.packed : run.workspace;
  const int32_t* bias = p.packed ? p.bias : reinterpret_cast<const int32_t*>(run.workspace + p.bias_at);
  const int64_t row_bytes = RoundUp(s.k, 4) * k.value_bytes, padded = RoundUp(s.n, kPanel);
  ForEachRows(p, *run.pool, [&](int64_t b, int64_t first, int64_t rows, int thread) {
    std::byte* loaded = run.workspace + p.scratch_at + thread * p.scratch_bytes;
    const int64_t most_rows = p.blocks.most_rows();
    auto** pointers = reinterpret_cast<const void**>(loaded + RoundUp(most_rows * row_bytes, 64));
    auto* row_offset = reinterpret_cast<int32_t*>(pointers + RoundUp(most_rows, 8));
    auto* column = reinterpret_cast<int8_t*>(row_offset + RoundUp(most_rows, 16));
    for (int64_t r = 0; r < rows; ++r) {
      const int8_t* x = RowOf(s, run.input<int8_t>(0) + s.x_at[b], first + r, column);
      pointers[r] = loaded + r * row_bytes;
      k.load(x, s.k, loaded + r * row_bytes);
      const int64_t total = kernels::Vectors().total_s8(x, s.k) - s.k * p.q.x_zero;
      row_offset[r] = static_cast<int32_t>(static_cast<uint32_t>(p.q.y_zero) * static_cast<uint32_t>(total));
    }
    Bytes out{p, row_offset, run.output<int8_t>(0) + s.out_at[b] + first * s.out_row};
    constexpr int64_t kStart = 0;
    kernels::ProductS8 product{.offset = &kStart, .length = s.k, .packed = reinterpret_cast<const int8_t*>(matrices + s.y_of[b] * p.matrix_bytes),
                               .columns = s.n, .take = Bytes::Take, .context = &out};
    product.requant.bias = bias + s.y_of[b] * padded;
    k.multiply(product, pointers, rows, 0, padded / kPanel, nullptr, column + RoundUp(s.k, 64));
  });
  return {};
}

template <class T> struct PackContext {
  const Params& p;
  const T* y;
};
template <class T> void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext<T>*>(context);
  ThreadPool alone(1);
  ForEachPanel(c.p.shape, alone, [&](int64_t column, int64_t columns, int64_t matrix) { PackPanel(c.p, c.y, matrix, column, columns, packed); });
}

// A constant y is packed once; the key says which of its two forms.
template <class T> Status PackConstant(Prepare& prepare, std::string_view format, Params* p) {
  if (!prepare.op.has_const(1)) return {};
  const MatmulShape& s = p->shape;
  const PackContext<T> context{*p, reinterpret_cast<const T*>(prepare.op.constants[1])};
  const uint64_t key = static_cast<uint64_t>(s.y_depth) << 32 | static_cast<uint64_t>(s.y_column);
  OCTET_ASSIGN(p->packed, prepare.Pack(1, format, key, static_cast<size_t>(s.y_matrices * p->matrix_bytes), Pack<T>, &context));
  return {};
}

// As if they were computed: PackS8.
void SetBias(Prepare& prepare, int64_t padded, Params* p) {
  auto* bias = prepare.Array<int32_t>(static_cast<size_t>(p->shape.y_matrices * padded));
  for (int64_t matrix = 0; matrix < p->shape.y_matrices; ++matrix)
    for (int64_t column = 0; column < padded; column += kPanel)
      OffsetPanel(*p, reinterpret_cast<const int8_t*>(p->packed + matrix * p->matrix_bytes) + column * RoundUp(p->shape.k, 4), bias + matrix * padded + column);
  p->bias = bias;
}

}  // namespace

Status PrepareMatmulF32(Prepare& prepare, const MatmulShape& shape) {
  auto* p = prepare.Params<Params>();
  const int64_t padded = RoundUp(shape.n, kPanel);
  p->shape = shape;
  p->zeros = prepare.Array<float>(static_cast<size_t>(padded));
  p->blocks = CutRows(shape.m, shape.n, shape.k * 4, kernels::FloatProducts().rows);
  p->matrix_bytes = padded * shape.k * 4;
  OCTET_TRY(PackConstant<float>(prepare, "N16F32 of matrices", p));
  p->scratch_at = p->packed ? 0 : shape.y_matrices * p->matrix_bytes;
  p->scratch_bytes = shape.x_depth != 1 ? RoundUp(p->blocks.most_rows() * shape.k * 4, 64) : 0;
  prepare.Workspace(static_cast<size_t>(p->scratch_at + p->scratch_bytes * prepare.threads));
  prepare.SetRun(RunF32, p);
  return {};
}

Status PrepareMatmulS8(Prepare& prepare, const MatmulShape& shape, const MatmulQuant& q) {
  auto* p = prepare.Params<Params>();
  const kernels::Int8& k = kernels::BestInt8();
  const int64_t padded = RoundUp(shape.n, kPanel), depth4 = RoundUp(shape.k, 4);
  p->shape = shape;
  p->q = q;
  p->rescale = RescaleOf(q.multiplier, shape.k * 255 * 255);
  p->blocks = CutRows(shape.m, shape.n, depth4 * k.value_bytes, kTileRowsS8);
  const int64_t most_rows = p->blocks.most_rows();
  p->matrix_bytes = RoundUp(PackedBytesS8(shape.k, shape.n), 64);
  OCTET_TRY(PackConstant<int8_t>(prepare, "K4N16 of matrices", p));
  if (p->packed) SetBias(prepare, padded, p);
  p->bias_at = shape.y_matrices * p->matrix_bytes;
  p->scratch_at = p->packed ? 0 : p->bias_at + RoundUp(shape.y_matrices * padded * 4, 64);
  p->scratch_bytes = RoundUp(most_rows * depth4 * k.value_bytes, 64) + RoundUp(most_rows, 8) * 8 + RoundUp(most_rows, 16) * 4 + RoundUp(shape.k, 64) +
                     RoundUp(k.scratch_per_group * (depth4 / 4), 64);
  prepare.Workspace(static_cast<size_t>(p->scratch_at + p->scratch_bytes * prepare.threads));
  prepare.SetRun(RunS8, p);
  return {};
}

}  // namespace octet::ops
