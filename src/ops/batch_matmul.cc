// SPDX-License-Identifier: Apache-2.0
// BatchMatmul: out[…, m, n] = Σ_k x[…, m, k] · y[…, k, n], batch dimensions broadcast; adj_x and adj_y
// say that a matrix is stored transposed. int8: DOUBLE rounding with the float product of the scales;
// int16: 64-bit sums, I64. Float x with int8 y: every row of x is quantized first (hybrid_util.h).
#include <cstring>

#include "base/thread_pool.h"
#include "ops/hybrid_util.h"
#include "ops/import.h"
#include "ops/layout_util.h"
#include "ops/matmul_shape_util.h"
#include "ops/matmul_util.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"
#include "ops/quant_util.h"
#include "ops/reduce_attrs.h"
#include "ops/shape_util.h"

namespace octet::ops::batch_matmul {
namespace {

using Attrs = BatchMatmulAttrs;
constexpr AttrRow kRows[] = {Attr<&Attrs::adj_x>("adj_x", 0), Attr<&Attrs::adj_y>("adj_y", 1),
                             Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 2)};

constexpr Operand kInputs[] = {{.name = "x", .type = 'X'}, {.name = "y", .type = 'Y'}};
constexpr Operand kOutputs[] = {{.name = "output", .type = 'O'}};
constexpr TypeRow kTypes[] = {
    {"X=f32 Y=f32 O=f32"}, {"X=f32 Y=i8 O=f32"}, {"X=i8 Y=i8 O=i8|i32", 2}, {"X=i16 Y=i16|i8 O=i16", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kFree}};

// The matrices' sizes: m x k times k x n. kUnknown where not known.
struct Sizes {
  int32_t m, k, n, k_other;
};
Sizes SizesOf(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape &x = op.in(0)->shape, &y = op.in(1)->shape;
  return {x.back(a.adj_x ? 1 : 2), x.back(a.adj_x ? 2 : 1), y.back(a.adj_y ? 2 : 1), y.back(a.adj_y ? 1 : 2)};
}

Status Check(const OpView& op) {
  const Shape &x = op.in(0)->shape, &y = op.in(1)->shape;
  if (x.rank() < 2 || y.rank() < 2 || x.rank() > 5 || y.rank() > 5)
    return op.Fail(Code::kInvalidModel, "expected ranks 2 to 5, found %s and %s", x.text().c_str(),
                   y.text().c_str());
  const Sizes s = SizesOf(op);
  Shape batch;
  if ((s.k != s.k_other && s.k != kUnknown && s.k_other != kUnknown) ||
      !BroadcastShape(BatchOf(x), BatchOf(y), &batch))
    return op.Fail(Code::kInvalidModel, "%s and %s do not multiply", x.text().c_str(), y.text().c_str());
  const TensorType* out = op.out(0);
  if (out && op.in(0)->dtype != DType::kF32 && out->dtype == op.in(0)->dtype) {
    OCTET_TRY(CheckPerTensor(op, *op.in(0), "x"));
    if (!op.in(1)->quant.per_channel()) OCTET_TRY(CheckPerTensor(op, *op.in(1), "y"));
    OCTET_TRY(CheckPerTensor(op, *out, "output"));
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Sizes s = SizesOf(op);
  BroadcastShape(BatchOf(op.in(0)->shape), BatchOf(op.in(1)->shape), &out[0].shape);
  out[0].shape.push_back(s.m);
  out[0].shape.push_back(s.n);
  return {};
}

int Version(const OpView& op) {
  const bool hybrid = op.in(0)->dtype == DType::kF32 && op.in(1)->dtype == DType::kI8;
  return hybrid && op.attrs<Attrs>().asymmetric_quantize_inputs ? 4 : RowVersion(op);
}

Cost CostOfMatmul(const OpView& op) {
  const Sizes s = SizesOf(op);
  const auto bytes = [](const TensorType& t) { return t.shape.elements() * BitsOf(t.dtype) / 8; };
  return {.macs = op.out(0)->shape.elements() * s.k,
          .bytes = bytes(*op.in(0)) + bytes(*op.in(1)) + bytes(*op.out(0))};
}

struct Params {
  int64_t batches, m, k, n, y_matrices;
  bool adj_x, adj_y, asymmetric;
  const int64_t* x_at;  // Per batch: which matrix of x and y.
  const int64_t* y_at;
  MatmulQuant q;
  int64_t depth;               // int8: k rounded up to whole vectors.
  float y_scale;               // Hybrid.
  const float* column_scale;   // Hybrid with a scale per column of y; else null.
  // Hybrid: where behind y the workspace takes the quantized rows of x, their scales, y's column sums, and a
  // row of each matrix of x that is stored transposed.
  int64_t x_matrices, rows_at, quants_at, sums_at, gathered_at;
  const int64_t* quant_of;     // Hybrid, per batch: the row of x whose scale its first row takes,
  const int64_t* sums_of;      // and the matrix of y whose sums.
};

// y as k x n, whatever way it is stored: the columns are what the inner loop runs along.
template <class Y> void LayOutY(const Params& p, const Y* y, Y* laid) {
  for (int64_t b = 0; b < p.y_matrices; ++b) {
    for (int64_t n = 0; n < p.n; ++n)
      for (int64_t k = 0; k < p.k; ++k) laid[(b * p.k + k) * p.n + n] = y[(b * p.n + n) * p.k + k];
  }
}

constexpr int64_t kColumns = 64;  // Sums that one pass over k keeps.

// sum[j] = Σ_k (x[k·step] - x_zero) · (y[k·n + j] - y_zero)
template <class Sum, class X, class Y>
void Dot(const Params& p, const X* x, int64_t step, int32_t x_zero, const Y* y, int64_t columns, Sum* sum) {
  std::fill_n(sum, columns, Sum{0});
  const int64_t depth = p.k, pitch = p.n;
  const Sum zero = static_cast<Sum>(p.q.y_zero);
  for (int64_t k = 0; k < depth; ++k, y += pitch) {
    const Sum a = static_cast<Sum>(x[k * step]) - static_cast<Sum>(x_zero);
    for (int64_t j = 0; j < columns; ++j) sum[j] += a * (static_cast<Sum>(y[j]) - zero);
  }
}

// A tile of 4 rows of x and 8 columns of y, whose sums stay in registers. Same order of additions as Dot.
void Tile(const float* x, int64_t row_step, int64_t k_step, const float* y, int64_t depth, int64_t pitch,
          float* out) {
  using Lanes [[gnu::vector_size(16)]] = float;
  Lanes sum[4][2] = {};
  for (int64_t k = 0; k < depth; ++k, x += k_step, y += pitch) {
    Lanes column[2];
    std::memcpy(column, y, sizeof column);
    for (int r = 0; r < 4; ++r) {
      sum[r][0] += x[r * row_step] * column[0];
      sum[r][1] += x[r * row_step] * column[1];
    }
  }
  for (int r = 0; r < 4; ++r) std::memcpy(out + r * pitch, sum[r], sizeof sum[r]);
}

Status MultiplyFloat(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto* y = run.input<float>(1);
  if (p.adj_y) {
    LayOutY(p, y, reinterpret_cast<float*>(run.workspace));
    y = reinterpret_cast<const float*>(run.workspace);
  }
  const int64_t row_step = p.adj_x ? 1 : p.k, k_step = p.adj_x ? p.m : 1, blocks = (p.m + 3) / 4;
  run.pool->For(p.batches * blocks, [&](int64_t task, int) {
    const int64_t b = task / blocks, m0 = task % blocks * 4, rows = std::min<int64_t>(4, p.m - m0);
    const float* x = run.input<float>(0) + p.x_at[b] * p.m * p.k + m0 * row_step;
    const float* matrix = y + p.y_at[b] * p.k * p.n;
    float* out = run.output<float>(0) + (b * p.m + m0) * p.n;
    const int64_t tiled = rows == 4 ? p.n / 8 * 8 : 0;
    for (int64_t n = 0; n < tiled; n += 8) Tile(x, row_step, k_step, matrix + n, p.k, p.n, out + n);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t n = tiled; n < p.n; n += kColumns)
        Dot(p, x + r * row_step, k_step, 0, matrix + n, std::min(kColumns, p.n - n), out + r * p.n + n);
  });
  return {};
}

// int8 as int16 without zero points, every row of x and column of y as `depth` neighbours: pairs of
// products then sum in one instruction.
void Widen(const int8_t* from, int64_t step, int64_t k, int64_t depth, int32_t zero, int16_t* to) {
  for (int64_t i = 0; i < k; ++i) to[i] = static_cast<int16_t>(from[i * step] - zero);
  std::fill(to + k, to + depth, int16_t{0});
}

// Dot products of x with four columns.
void DotFour(const int16_t* x, const int16_t* y, int64_t depth, int32_t* sum) {
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  for (int64_t k = 0; k < depth; ++k) {
    s0 += x[k] * y[k];
    s1 += x[k] * y[depth + k];
    s2 += x[k] * y[2 * depth + k];
    s3 += x[k] * y[3 * depth + k];
  }
  sum[0] = s0, sum[1] = s1, sum[2] = s2, sum[3] = s3;
}

void Store(const Params&, int32_t sum, int32_t* out) { *out = sum; }
void Store(const Params& p, int32_t sum, int8_t* out) {
  *out = Saturate<int8_t>(Requantize(sum, p.q.multiplier) + p.q.out_zero);
}

template <class Out> Status MultiplyBytes(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const int64_t depth = p.depth, columns = (p.n + 3) / 4 * 4;
  auto* y = reinterpret_cast<int16_t*>(run.workspace);
  run.pool->For(p.y_matrices * columns, [&](int64_t task, int) {
    const int64_t b = task / columns, n = task % columns;
    const int8_t* from = run.input<int8_t>(1) + b * p.k * p.n + n * (p.adj_y ? p.k : 1);
    Widen(from, p.adj_y ? 1 : p.n, n < p.n ? p.k : 0, depth, p.q.y_zero, y + task * depth);
  });
  run.pool->For(p.batches * p.m, [&](int64_t row, int thread) {
    const int64_t b = row / p.m, m = row % p.m;
    auto* x = y + p.y_matrices * columns * depth + thread * depth;
    Widen(run.input<int8_t>(0) + p.x_at[b] * p.m * p.k + m * (p.adj_x ? 1 : p.k), p.adj_x ? p.m : 1, p.k, depth,
          p.q.x_zero, x);
    const int16_t* matrix = y + p.y_at[b] * columns * depth;
    Out* out = run.output<Out>(0) + row * p.n;
    for (int64_t n = 0; n < p.n; n += 4) {
      int32_t sum[4];
      DotFour(x, matrix + n * depth, depth, sum);
      for (int64_t j = 0; j < std::min<int64_t>(4, p.n - n); ++j) Store(p, sum[j], out + n + j);
    }
  });
  return {};
}

template <class Y> Status MultiplyShorts(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto* y = run.input<Y>(1);
  if (p.adj_y) {
    LayOutY(p, y, reinterpret_cast<Y*>(run.workspace));
    y = reinterpret_cast<const Y*>(run.workspace);
  }
  run.pool->For(p.batches * p.m, [&](int64_t row, int) {
    const int64_t b = row / p.m, m = row % p.m;
    const auto* x = run.input<int16_t>(0) + p.x_at[b] * p.m * p.k + (p.adj_x ? m : m * p.k);
    const Y* matrix = y + p.y_at[b] * p.k * p.n;
    auto* out = run.output<int16_t>(0) + row * p.n;
    int64_t sum[kColumns];
    for (int64_t n = 0; n < p.n; n += kColumns) {
      const int64_t columns = std::min(kColumns, p.n - n);
      Dot(p, x, p.adj_x ? p.m : 1, p.q.x_zero, matrix + n, columns, sum);
      for (int64_t j = 0; j < columns; ++j)
        out[n + j] = Saturate<int16_t>(Requantize64(sum[j], p.q.multiplier) + p.q.out_zero);
    }
  });
  return {};
}

int64_t RoundUp(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// Every row of x as int8.
void QuantizeRows(const Params& p, const Run& run) {
  auto* rows = reinterpret_cast<int8_t*>(run.workspace + p.rows_at);
  auto* quants = reinterpret_cast<RowQuant*>(run.workspace + p.quants_at);
  run.pool->For(p.x_matrices, [&](int64_t matrix, int) {
    const float* x = run.input<float>(0) + matrix * p.m * p.k;
    auto* gathered = reinterpret_cast<float*>(run.workspace + p.gathered_at) + matrix * p.k;
    for (int64_t m = 0; m < p.m; ++m) {
      const float* row = x + m * p.k;
      if (p.adj_x) {
        for (int64_t k = 0; k < p.k; ++k) gathered[k] = x[k * p.m + m];
        row = gathered;
      }
      quants[matrix * p.m + m] = QuantizeRow(row, p.k, p.asymmetric, rows + (matrix * p.m + m) * p.k);
    }
  });
}

void SumColumns(const Params& p, const int8_t* y, int32_t* sums) {
  std::fill_n(sums, p.y_matrices * p.n, 0);
  for (int64_t b = 0; b < p.y_matrices; ++b)
    for (int64_t k = 0; k < p.k; ++k)
      for (int64_t n = 0; n < p.n; ++n) sums[b * p.n + n] += y[(b * p.k + k) * p.n + n];
}

Status MultiplyHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto* y = run.input<int8_t>(1);
  if (p.adj_y) {
    LayOutY(p, y, reinterpret_cast<int8_t*>(run.workspace));
    y = reinterpret_cast<const int8_t*>(run.workspace);
  }
  QuantizeRows(p, run);
  auto* sums = reinterpret_cast<int32_t*>(run.workspace + p.sums_at);
  if (p.asymmetric) SumColumns(p, y, sums);
  const auto* rows = reinterpret_cast<const int8_t*>(run.workspace + p.rows_at);
  const auto* quants = reinterpret_cast<const RowQuant*>(run.workspace + p.quants_at);
  run.pool->For(p.batches * p.m, [&](int64_t row, int) {
    const int64_t b = row / p.m, m = row % p.m;
    const RowQuant quant = quants[p.quant_of[b] + m];
    const float scale = quant.scale * p.y_scale;
    float* out = run.output<float>(0) + row * p.n;
    int32_t sum[kColumns];
    for (int64_t n = 0; n < p.n; n += kColumns) {
      const int64_t columns = std::min(kColumns, p.n - n);
      Dot(p, rows + (p.x_at[b] * p.m + m) * p.k, 1, 0, y + p.y_at[b] * p.k * p.n + n, columns, sum);
      for (int64_t j = 0; j < columns; ++j) {
        if (p.asymmetric) sum[j] -= quant.offset * sums[p.sums_of[b] * p.n + n + j];
        out[n + j] = (p.column_scale ? scale * p.column_scale[n + j] : scale) * static_cast<float>(sum[j]);
      }
    }
  });
  return {};
}

// LiteRT's kernel finds the scale of a row, and the sum of a column, by adding up the batch indices instead
// of weighing them by what lies inside: with several batch dimensions it takes those of another matrix. Its
// results are the ones that count. Before, it takes a y of [..., 1, k, n] for one of [..., k, n] and x's last
// batch dimension for more rows.
void SetQuantIndices(Prepare& p, const Shape& out, Params* params) {
  const Shape &x = p.op.in(0)->shape, &y = p.op.in(1)->shape;
  const bool joined = !params->adj_x && x.rank() > 2 && y.rank() > 2 && y.back(3) == 1;
  const int rank = out.rank() - 2, last = rank - (joined ? 1 : 0);  // Dimensions that count: [0, last).
  const int64_t rows = params->m * (joined ? x.back(3) : 1);
  auto* quant_of = p.Array<int64_t>(static_cast<size_t>(std::max<int64_t>(params->batches, 1)));
  auto* sums_of = p.Array<int64_t>(static_cast<size_t>(std::max<int64_t>(params->batches, 1)));
  const auto steps = [&](const Shape& in, int axis) {  // Whether `in` has the batch dimension `axis` of the output, and not as 1.
    const int own = axis - (out.rank() - in.rank());
    return own >= 0 && in[own] != 1;
  };
  for (int64_t b = 0; b < params->batches; ++b) {
    int64_t rest = b;
    for (int axis = rank - 1; axis >= 0; --axis) {
      const int64_t index = rest % out[axis];
      rest /= out[axis];
      if (axis >= last) {
        quant_of[b] += x.back(3) == 1 ? 0 : index * params->m;
        continue;
      }
      quant_of[b] += steps(x, axis) ? index * rows : 0;
      sums_of[b] += steps(y, axis) ? index : 0;
    }
  }
  params->quant_of = quant_of;
  params->sums_of = sums_of;
}

Status PrepareHybrid(Prepare& p, Params* params) {
  const Quant& quant = p.op.in(1)->quant;
  const int column = p.op.in(1)->shape.rank() - (params->adj_y ? 2 : 1);
  params->y_scale = quant.scale0();
  if (quant.per_channel()) {
    if (quant.axis != column || static_cast<int64_t>(quant.scale.size()) != params->n)
      return p.op.Fail(Code::kUnsupported, "scales of y must run along its columns (axis %d), found axis %d",
                       column, quant.axis);
    auto* scales = p.Array<float>(quant.scale.size());
    std::ranges::copy(quant.scale, scales);
    params->column_scale = scales;
    params->y_scale = 1.0f;
  }
  SetQuantIndices(p, p.op.out(0)->shape, params);
  params->x_matrices = BatchOf(p.op.in(0)->shape).elements();
  const int64_t rows = params->x_matrices * params->m;
  params->rows_at = params->adj_y ? RoundUp(params->y_matrices * params->k * params->n) : 0;
  params->quants_at = params->rows_at + RoundUp(rows * params->k);
  params->sums_at = params->quants_at + RoundUp(rows * static_cast<int64_t>(sizeof(RowQuant)));
  params->gathered_at = params->sums_at + (params->asymmetric ? RoundUp(params->y_matrices * params->n * 4) : 0);
  p.Workspace(static_cast<size_t>(params->gathered_at + (params->adj_x ? params->x_matrices * params->k * 4 : 0)));
  p.SetRun(MultiplyHybrid, params);
  return {};
}

// LiteRT's kernel knows one scale of y and takes 0 where there are several.
Multiplier MultiplierOf(const OpView& op) {
  const Quant& y = op.in(1)->quant;
  const float product = op.in(0)->quant.scale0() * (y.per_channel() ? 0.0f : y.scale0());
  return QuantizeMultiplier(static_cast<double>(product) / static_cast<double>(op.out(0)->quant.scale0()));
}

Params ParamsOf(Prepare& p) {
  const OpView& op = p.op;
  const Shape &x = op.in(0)->shape, &y = op.in(1)->shape, &out = op.out(0)->shape;
  const Attrs& a = op.attrs<Attrs>();
  const Sizes s = SizesOf(op);
  Params params{};
  const bool empty = out.elements() == 0;  // Then any number of batches takes no memory: none of them is looked at.
  params.batches = empty ? 0 : BatchOf(out).elements();
  params.m = s.m, params.k = s.k, params.n = s.n;
  params.y_matrices = empty ? 0 : BatchOf(y).elements();
  params.adj_x = a.adj_x, params.adj_y = a.adj_y, params.asymmetric = a.asymmetric_quantize_inputs;
  params.x_at = MatrixIndices(p, x, out, params.batches);
  params.y_at = MatrixIndices(p, y, out, params.batches);
  return params;
}

Result<MatmulQuant> QuantOf(const OpView& op) {
  const MatmulQuant quant{op.in(0)->quant.zero0(), op.in(1)->quant.zero0(), op.out(0)->quant.zero0(), MultiplierOf(op)};
  if (op.in(0)->dtype == DType::kI16 && quant.multiplier.shift > 14) return op.Fail(Code::kUnsupported, "the scales differ too much");
  return quant;
}

Status PrepareMultiply(Prepare& p) {
  const OpView& op = p.op;
  const TensorType &x = *op.in(0), &y = *op.in(1), &out = *op.out(0);
  const Attrs& a = op.attrs<Attrs>();
  const Sizes s = SizesOf(op);
  auto* params = p.Params<Params>();
  *params = ParamsOf(p);
  if (x.dtype == DType::kF32 && y.dtype == DType::kI8) return PrepareHybrid(p, params);
  if (x.dtype != DType::kF32 && out.dtype != DType::kI32) {  // int32 results are sums of raw products.
    OCTET_ASSIGN(params->q, QuantOf(op));
  }
  if (x.dtype == DType::kI8) {
    params->depth = RoundUp(s.k * 2) / 2;
    p.Workspace(static_cast<size_t>((params->y_matrices * RoundUp(s.n * 4) / 4 + p.threads) * params->depth * 2));
    p.SetRun(out.dtype == DType::kI8 ? MultiplyBytes<int8_t> : MultiplyBytes<int32_t>, params);
    return {};
  }
  if (a.adj_y) p.Workspace(static_cast<size_t>(params->y_matrices * s.k * s.n * BytesOf(y.dtype)));
  p.SetRun(x.dtype == DType::kF32 ? MultiplyFloat : y.dtype == DType::kI8 ? MultiplyShorts<int8_t> : MultiplyShorts<int16_t>, params);
  return {};
}

// ------------------------------------------------------------------------------ fast kernels

bool TakesPacked(const OpView& op, const Cpu&) {
  const DType t = op.in(0)->dtype;
  return (t == DType::kF32 || t == DType::kI8) && op.in(1)->dtype == t && op.out(0)->dtype == t &&
         op.in(0)->shape.elements() > 0 && op.in(1)->shape.elements() > 0;
}

// Rows and columns that stay next to each other; the depth or the columns of y may be what lies apart.
bool TakesOrder(const OpView& op, int operand, std::span<const int32_t> order) {
  const size_t rank = order.size();
  if (rank < 2) return false;
  const auto last = static_cast<int32_t>(rank) - 1;
  if (operand == 1) return order[rank - 1] == last || order[rank - 2] == last;
  return order[rank - 1] == last && (operand < 0 || !op.attrs<Attrs>().adj_x);
}

MatmulShape ShapeOf(Prepare& p) { return MatmulShapeOf(p, p.op.attrs<Attrs>().adj_x, p.op.attrs<Attrs>().adj_y); }

Status PreparePacked(Prepare& p) {
  const OpView& op = p.op;
  if (op.in(0)->dtype == DType::kF32) return PrepareMatmulF32(p, ShapeOf(p));
  OCTET_ASSIGN(const MatmulQuant quant, QuantOf(op));
  return PrepareMatmulS8(p, ShapeOf(p), quant);
}

bool TakesShorts(const OpView& op, const Cpu&) {
  const TensorType &x = *op.in(0), &y = *op.in(1);
  return x.dtype == DType::kI16 && y.dtype == DType::kI8 && x.quant.zero0() == 0 && y.quant.zero0() == 0 && !op.attrs<Attrs>().adj_x &&
         x.shape.elements() > 0 && y.shape.elements() > 0;
}

Status PrepareShorts(Prepare& p) {
  OCTET_ASSIGN(const MatmulQuant quant, QuantOf(p.op));
  return PrepareMatmulS16(p, ShapeOf(p), quant);
}

constexpr Variant kVariants[] = {{.name = "packed", .takes = TakesPacked, .prepare = PreparePacked, .takes_order = TakesOrder},
                                 {.name = "vectors", .takes = TakesShorts, .prepare = PrepareShorts},
                                 {.name = "reference", .prepare = PrepareMultiply}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "batch_matmul",
    .code = BuiltinCode::kBatchMatmul,
    .attrs = Layout<Attrs>(OptionsTable::kBatchMatMul, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
    .cost = CostOfMatmul,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::batch_matmul
