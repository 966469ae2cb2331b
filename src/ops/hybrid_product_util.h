// SPDX-License-Identifier: Apache-2.0
// Float activations times int8 weights, "dynamic range": groups of inputs (rows, images) are quantized with
// their own range, multiplied as integers by the packed kernels, and scaled back. The numbers are those of the
// operators' references, step by step.
#pragma once
#include "kernels/elementwise.h"
#include "ops/hybrid_util.h"
#include "ops/matrix_util.h"

namespace octet::ops {

struct HybridForm {
  int64_t groups = 0;        // Quantized apart from each other,
  int64_t group_inputs = 0;  // with so many inputs each.
  bool asymmetric = false;
  bool scales_first = false; // Output: sum * (row scale * weight scale); otherwise (sum * weight scale) * row scale.
};

// Quantizes all groups of the input into `q` and how into `forms`. Chunks are cut from the shapes alone.
void QuantizeGroups(const HybridForm& form, const float* x, ThreadPool& pool, int8_t* q, RowForm* forms);
// The same as floats without their zero points, for kernels that multiply small integers as floats.
void QuantizeGroups(const HybridForm& form, const float* x, ThreadPool& pool, float* q, RowForm* forms);
// Bytes of `forms` above: one per group, and room for the ranges of the chunks.
int64_t FormBytes(const HybridForm& form);

// int8 weights in panels (K4N16 of kernels.h), and what brings their sums back to floats.
struct HybridPanels {
  const int8_t* weights = nullptr;
  const int32_t* column_sum = nullptr;
  const float* column_scale = nullptr;  // Both padded to whole panels.
  const int32_t* zeros = nullptr;       // As many.
  int64_t depth = 0;                    // Of a group.
  ColumnGroups groups;
  bool narrow_range = false;            // As in kernels::ProductS8.
  int64_t segments = 1;                 // Of several groups: a row's stretches that a group looks at,
  const int64_t* offset = nullptr;      // and where they are, group by group.
  int64_t row() const { return depth * groups.count; }  // Values.
};
inline int64_t HybridPanelBytes(int64_t depth, int64_t columns) { return PackedBytesS8(depth, columns) + kernels::RoundUp(columns, kernels::kPanel) * 4; }
const int32_t* ZeroBias(Prepare& prepare, int64_t columns);
// Every column's sum lies behind the panels of all.
void PackHybridPanels(const int8_t* w, int64_t depth, int64_t columns, int8_t* panels, int32_t* sums);

// Rows of integers times all panels or some of them. Scratch is for one thread.
class HybridRows {
 public:
  HybridRows(const HybridPanels& panels, int64_t most_rows);
  int64_t scratch_bytes() const;
  // Puts row r into the scratch: gather(inside, outside) calls inside(from, n) and outside(n), `depth` values in all.
  template <class Gather> void Load(std::byte* scratch, int64_t r, RowQuant quant, const Gather& gather) const;
  void LoadContiguous(std::byte* scratch, int64_t r, RowQuant quant, const int8_t* q) const;
  // y[r * ldy + c] for the loaded rows and those of all columns that are in panels [first, end); `f` gives bias and clamps.
  void Multiply(std::byte* scratch, int64_t rows, int64_t first_panel, int64_t end_panel, const kernels::ToFloat& f, float* y, int64_t ldy) const;
  // The same for rows that lie elsewhere in the loaded form, one behind the other; SetRow says how each is quantized.
  void SetRow(std::byte* scratch, int64_t r, RowQuant quant) const;
  void Multiply(std::byte* scratch, const std::byte* loaded, int64_t rows, int64_t first_panel, int64_t end_panel, const kernels::ToFloat& f,
                float* y, int64_t ldy) const;

 private:
  kernels::RowScale* Scales(std::byte* scratch) const;
  void MultiplyRows(std::byte* scratch, const std::byte* loaded, int64_t row_bytes, int64_t rows, int64_t first_panel, int64_t end_panel,
                    const kernels::ToFloat& f, float* y, int64_t ldy) const;
  HybridPanels panels_;
  int64_t row_bytes_, scales_at_, pointers_at_, kernel_at_;
};

// Weights are input 1, [columns, depth] row-major int8; `rows` divide evenly among the groups.
Status PrepareProductHybrid(Prepare& prepare, const RowSource& source, const HybridForm& form, int64_t rows, int64_t depth, int32_t columns,
                            ClampF32 clamp, const float* bias);

// The same of weights in blocks (Quant::block_size) of whole groups of four.
bool FitsProductBlockwise(const OpView& op);
Status PrepareProductBlockwise(Prepare& prepare, int64_t rows, ClampF32 clamp, const float* bias);

}  // namespace octet::ops
