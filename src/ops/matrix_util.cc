// SPDX-License-Identifier: Apache-2.0
#include "ops/matrix_util.h"

#include <cstring>
#include <numeric>

#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kFewRows = 4;             // Below it, widening a panel costs more than it saves.

struct PackedProduct {
  RowSource source;
  RowBlocks blocks;
  int64_t depth = 0;                // filter_h * filter_w * in_c.
  int32_t columns = 0;
  const std::byte* weights = nullptr;
  kernels::Requant requant{};
  int32_t input_zero = 0;
  int64_t scratch_bytes = 0;        // Per thread.
};

Status RunS8(const void* params, const Run& run) {
  const auto& p = *static_cast<const PackedProduct*>(params);
  const kernels::Table& k = kernels::Best();
  const int64_t depth4 = RoundUp(p.depth, 4), k4 = depth4 / 4;
  const int8_t* x = run.input<int8_t>(0);
  const auto* packed = reinterpret_cast<const int8_t*>(p.weights);
  ForEachBlock(p.blocks, *run.pool, [&](const Block& block, int thread) {
    std::byte* a = run.workspace + thread * p.scratch_bytes;
    auto* wide = reinterpret_cast<int16_t*>(a + RoundUp(p.blocks.rows_per_task * depth4 * k.row_value_bytes, 64));
    auto* acc = reinterpret_cast<int32_t*>(wide + (k.widen_panel ? RoundUp(depth4 * kPanel, 32) : 0));
    for (int64_t r = 0; r < block.rows; ++r) {
      std::byte* to = a + r * depth4 * k.row_value_bytes;
      const auto inside = [&](const int8_t* from, int64_t n) {
        k.load_row(from, p.input_zero, n, to);
        to += n * k.row_value_bytes;
      };
      const auto outside = [&](int64_t n) {
        k.pad_row(p.input_zero, n, to);
        to += n * k.row_value_bytes;
      };
      if (p.source.contiguous) inside(x + (block.first_row + r) * p.depth, p.depth);
      else GatherRow(p.source, x, block.first_row + r, inside, outside);
      outside(depth4 - p.depth);  // Meets weights of zero.
    }
    for (int64_t panel = block.first_panel; panel < block.end_panel; ++panel) {
      const int8_t* weights = packed + panel * k4 * 64;
      const bool widen = k.widen_panel && block.rows >= kFewRows;
      if (widen) k.widen_panel(weights, wide, k4);
      const int64_t column = panel * kPanel;
      const int columns = static_cast<int>(std::min<int64_t>(kPanel, p.columns - column));
      for (int64_t r = 0; r < block.rows; r += k.rows) {
        const int rows = static_cast<int>(std::min<int64_t>(k.rows, block.rows - r));
        k.product(a + r * depth4 * k.row_value_bytes, depth4, rows, weights, widen ? wide : nullptr, k4, acc);
        k.requantize(acc, rows, p.requant, column, columns, run.output<int8_t>(0) + (block.first_row + r) * p.columns + column, p.columns);
      }
    }
  });
  return {};
}

struct PackContext {
  const std::byte* weights;
  int64_t depth;
  int32_t columns;
};

void PackS8(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  PackPanelsS8(reinterpret_cast<const int8_t*>(c.weights), c.depth, 1, c.depth, c.columns, reinterpret_cast<int8_t*>(packed));
}

// What the table's form of the left operand adds to every value.
int32_t RowOffset(int32_t zero) { return kernels::Best().offset_rows ? 128 + zero : 0; }

PackedProduct* Begin(Prepare& prepare, const RowSource& source, int64_t depth, int32_t columns) {
  auto* p = prepare.Params<PackedProduct>();
  p->source = source;
  p->depth = depth;
  p->columns = columns;
  return p;
}

}  // namespace

void PackPanelsS8(const int8_t* w, int64_t column_step, int64_t depth_step, int64_t depth, int64_t columns, int8_t* to) {
  for (int64_t first = 0; first < columns; first += kPanel) {
    const int64_t n = std::min<int64_t>(kPanel, columns - first);
    for (int64_t k = 0; k < depth; k += 4, to += 4 * kPanel) {
      const int64_t deep = std::min<int64_t>(4, depth - k);
      const int8_t* from = w + first * column_step + k * depth_step;
      if (n < kPanel || deep < 4) std::memset(to, 0, 4 * kPanel);
      if (depth_step == 1 && deep == 4) {
        for (int64_t c = 0; c < n; ++c) std::memcpy(to + c * 4, from + c * column_step, 4);
      } else {
        for (int64_t i = 0; i < deep; ++i)
          for (int64_t c = 0; c < n; ++c) to[c * 4 + i] = from[c * column_step + i * depth_step];
      }
    }
  }
}

Status PrepareProductS8(Prepare& prepare, const RowSource& source, int64_t rows, int64_t depth, int32_t columns, const IntegerOutput& output,
                        const double* scale, const int32_t* bias) {
  PackedProduct* p = Begin(prepare, source, depth, columns);
  const auto padded = static_cast<size_t>(RoundUp(columns, kPanel));
  std::vector<int32_t> sums(columns);
  const auto* w = reinterpret_cast<const int8_t*>(prepare.op.constants[1]);
  for (int32_t c = 0; c < columns; ++c) sums[c] = (bias ? bias[c] : 0) - RowOffset(output.input_zero) * static_cast<int32_t>(std::accumulate(w + c * depth, w + (c + 1) * depth, int64_t{0}));
  p->requant = MakeRequant(prepare, output, columns, sums.data());
  if (scale) {
    double* scales = prepare.Array<double>(padded);
    std::copy_n(scale, columns, scales);
    p->requant.scale = scales;
  }
  p->input_zero = output.input_zero;
  const int64_t depth4 = RoundUp(depth, 4);
  const kernels::Table& k = kernels::Best();
  p->blocks = CutRows(rows, columns, depth4 * k.row_value_bytes, k.rows);
  p->scratch_bytes = RoundUp(p->blocks.rows_per_task * depth4 * k.row_value_bytes, 64) + (k.widen_panel ? RoundUp(depth4 * kPanel * 2, 64) : 0) + kernels::kMaxRows * kPanel * 4;
  const PackContext context{prepare.op.constants[1], depth, columns};
  OCTET_ASSIGN(p->weights, prepare.Pack(1, "K4N16", static_cast<uint64_t>(depth), padded * static_cast<size_t>(depth4), PackS8, &context));
  prepare.Workspace(static_cast<size_t>(p->scratch_bytes) * prepare.threads);
  prepare.SetRun(RunS8, p);
  return {};
}

}  // namespace octet::ops
