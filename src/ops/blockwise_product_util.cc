// SPDX-License-Identifier: Apache-2.0
// Dynamic range products of weights whose rows are cut into blocks with scales of their own:
//   y[r][c] = act((sum over b of scale[c][b] * sum over k of q[r][b, k] * w[c][b, k] - zero[r] * total[c]) * scale[r] + bias[c])
// with total[c] = sum over b of scale[c][b] * sum over k of w[c][b, k]. A block is an integer product of the packed kernels; blocks
// meet in float, one after the other, as in LiteRT's reference.
#include <vector>

#include "base/aligned_buffer.h"
#include "base/thread_pool.h"
#include "kernels/int8.h"
#include "ops/hybrid_product_util.h"
#include "ops/row_blocks.h"
#include "ops/weights_util.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kRowsPerTask = 24, kPanelsPerTask = 8;

struct Params {
  HybridForm form;
  int64_t rows = 0, depth = 0, block = 0, blocks = 0, columns = 0, padded = 0;
  bool narrow_range = false;
  const int8_t* packed = nullptr;     // [block][panel]
  const float* scale = nullptr;       // [block][padded]
  const int32_t* offset = nullptr;    // [block][padded]: less the loaded form's offset times the weights.
  const float* total = nullptr;       // [padded]
  const float* bias = nullptr;        // [padded]
  ClampF32 clamp;
  int64_t forms_at = 0, loaded_at = 0, pointers_at = 0, scratch_at = 0;  // In the workspace, behind the quantized inputs.
  int64_t sums_bytes = 0, scratch_bytes = 0;                             // Of a thread: its rows' sums, and the kernel's scratch.

  int64_t row_bytes() const { return depth * kernels::BestInt8().value_bytes; }
  int64_t block_bytes() const { return PackedBytesS8(block, columns); }
};

// Adds a block's sums, scaled, to sums[row][panels of the task].
struct BlockSums {
  const float* scale;
  float* sums;
  int64_t first_column, pitch;
  static void Take(void* context, const int32_t* from, int64_t row, int rows, int64_t column, int panels) {
    const auto& b = *static_cast<const BlockSums*>(context);
    const int64_t n = panels * kPanel;
    const auto add_scaled = kernels::Vectors().add_scaled;
    for (int r = 0; r < rows; ++r, from += n) {
      float* to = b.sums + (row + r) * b.pitch + column - b.first_column;
      add_scaled(from, b.scale + column, n, to);
    }
  }
};

void Finish(const Params& p, RowQuant quant, const float* sums, int64_t column, int64_t count, float* y) {
  for (int64_t i = 0; i < count; ++i, ++column) {
    const float value = (sums[i] - static_cast<float>(quant.offset) * p.total[column]) * quant.scale + p.bias[column];
    y[i] = std::clamp(value, p.clamp.low, p.clamp.high);
  }
}

// Rows [first, first + rows) times panels [panel, end).
void MultiplyBlocks(const Params& p, const Run& run, int64_t first, int64_t rows, int64_t panel, int64_t end, int thread) {
  const kernels::Int8& k = kernels::BestInt8();
  std::byte* scratch = run.workspace + p.scratch_at + thread * p.scratch_bytes;
  const int64_t pitch = (end - panel) * kPanel;
  BlockSums out{p.scale, reinterpret_cast<float*>(scratch), panel * kPanel, pitch};
  std::fill_n(out.sums, rows * pitch, 0.0f);
  const void** pointers = reinterpret_cast<const void**>(run.workspace + p.pointers_at) + first;
  for (int64_t b = 0; b < p.blocks; ++b, out.scale += p.padded) {
    const int64_t start = b * p.block * k.value_bytes;
    kernels::ProductS8 product{.offset = &start, .length = p.block, .packed = p.packed + b * p.block_bytes(), .columns = p.columns,
                               .narrow_range = p.narrow_range, .take = BlockSums::Take, .context = &out};
    product.requant.bias = p.offset + b * p.padded;
    k.multiply(product, pointers, rows, panel, end, nullptr, scratch + p.sums_bytes);
  }
  const auto* forms = reinterpret_cast<const RowForm*>(run.workspace + p.forms_at) + first;
  const int64_t column = panel * kPanel, count = std::min(pitch, p.columns - column);
  for (int64_t r = 0; r < rows; ++r) Finish(p, forms[r].quant, out.sums + r * pitch, column, count, run.output<float>(0) + (first + r) * p.columns + column);
}

Status RunBlockwise(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* q = reinterpret_cast<int8_t*>(run.workspace);
  QuantizeGroups(p.form, run.input<float>(0), *run.pool, q, reinterpret_cast<RowForm*>(run.workspace + p.forms_at));
  const auto load = kernels::BestInt8().load;
  run.pool->For(p.rows, [&](int64_t row, int) {
    std::byte* to = run.workspace + p.loaded_at + row * p.row_bytes();
    load(q + row * p.depth, p.depth, to);
    reinterpret_cast<const void**>(run.workspace + p.pointers_at)[row] = to;
  });
  const int64_t panels = p.padded / kPanel, groups = CeilDivide(panels, kPanelsPerTask);
  run.pool->For(CeilDivide(p.rows, kRowsPerTask) * groups, [&](int64_t task, int thread) {
    const int64_t row = task / groups * kRowsPerTask, panel = task % groups * kPanelsPerTask;
    MultiplyBlocks(p, run, row, std::min(kRowsPerTask, p.rows - row), panel, std::min(panels, panel + kPanelsPerTask), thread);
  });
  return {};
}

// ---------------------------------------------------------------------------------- prepare

struct PackContext {
  const std::byte* weights;
  int bits;
  int64_t depth, columns, block;
};

// The blocks' panels, and behind them the sum of every block's weights: int32 [block][padded].
void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  std::vector<int8_t> w(static_cast<size_t>(c.depth * c.columns));
  UnpackBits(c.weights, c.bits, c.depth * c.columns, w.data());
  const int64_t blocks = c.depth / c.block, bytes = PackedBytesS8(c.block, c.columns);
  auto* sums = reinterpret_cast<int32_t*>(packed + blocks * bytes);
  for (int64_t b = 0; b < blocks; ++b, sums += RoundUp(c.columns, kPanel)) {
    PackPanelsS8(w.data() + b * c.block, c.depth, 1, c.block, c.columns, reinterpret_cast<int8_t*>(packed + b * bytes));
    for (int64_t i = 0; i < c.columns; ++i) sums[i] = kernels::Vectors().total_s8(w.data() + i * c.depth + b * c.block, c.block);
  }
}

// What of the output depends on the weights alone.
void SetColumns(Prepare& prepare, const int32_t* sums, const float* bias, Params* p) {
  const auto all = static_cast<size_t>(p->blocks * p->padded), padded = static_cast<size_t>(p->padded);
  auto *scale = prepare.Array<float>(all), *total = prepare.Array<float>(padded), *biases = prepare.Array<float>(padded);
  auto* offset = prepare.Array<int32_t>(all);
  const SharedList<float>& scales = prepare.op.in(1)->quant.scale;
  for (int64_t c = 0; c < p->columns; ++c) {
    for (int64_t b = 0; b < p->blocks; ++b) {
      const int64_t at = b * p->padded + c;
      scale[at] = scales[static_cast<size_t>(c * p->blocks + b)];
      total[c] += scale[at] * static_cast<float>(sums[at]);
      offset[at] = -kernels::BestInt8().offset * sums[at];
    }
    if (bias) biases[c] = bias[c];
  }
  p->scale = scale, p->total = total, p->bias = biases, p->offset = offset;
}

void PlaceWorkspace(Prepare& prepare, Params* p) {
  const kernels::Int8& k = kernels::BestInt8();
  constexpr int64_t kLine = 64;
  p->forms_at = RoundUp(p->rows * p->depth, kLine);
  p->loaded_at = p->forms_at + RoundUp(FormBytes(p->form), kLine);
  p->pointers_at = p->loaded_at + RoundUp(p->rows * p->row_bytes() + kReadAhead, kLine);
  p->scratch_at = p->pointers_at + RoundUp(p->rows * static_cast<int64_t>(sizeof(void*)), kLine);
  p->sums_bytes = std::min(p->rows, kRowsPerTask) * std::min(p->padded, kPanelsPerTask * kPanel) * 4;
  p->scratch_bytes = p->sums_bytes + RoundUp(k.scratch_per_group * (p->block / 4), kLine);
  prepare.Workspace(static_cast<size_t>(p->scratch_at + p->scratch_bytes * prepare.threads));
}

}  // namespace

bool FitsProductBlockwise(const OpView& op) { return op.in(1)->quant.block_size > 0 && op.in(1)->quant.block_size % 4 == 0; }

Status PrepareProductBlockwise(Prepare& prepare, int64_t rows, ClampF32 clamp, const float* bias) {
  const TensorType& w = *prepare.op.in(1);
  auto* p = prepare.Params<Params>();
  p->rows = rows;
  p->columns = w.shape[0];
  p->depth = w.shape[1];
  p->block = w.quant.block_size;
  p->blocks = p->depth / p->block;
  p->padded = RoundUp(p->columns, kPanel);
  p->form = {rows, p->depth, true, true};
  p->narrow_range = BitsOf(w.dtype) < 8 || NarrowRange(prepare.op.constants[1], p->depth * p->columns, rows);
  p->clamp = clamp;
  const PackContext context{prepare.op.constants[1], BitsOf(w.dtype), p->depth, p->columns, p->block};
  const int64_t bytes = p->blocks * p->block_bytes();
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, "K4N16+sums by block", static_cast<uint64_t>(p->block),
                                                     static_cast<size_t>(bytes + p->blocks * p->padded * 4), Pack, &context));
  p->packed = reinterpret_cast<const int8_t*>(packed);
  SetColumns(prepare, reinterpret_cast<const int32_t*>(packed + bytes), bias, p);
  PlaceWorkspace(prepare, p);
  prepare.SetRun(RunBlockwise, p);
  return {};
}

}  // namespace octet::ops
