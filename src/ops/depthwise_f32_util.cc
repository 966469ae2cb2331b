// SPDX-License-Identifier: Apache-2.0
#include "ops/depthwise_f32_util.h"

#include "base/thread_pool.h"
#include "kernels/products_f32.h"
#include "ops/hybrid_product_util.h"

namespace octet::ops {
namespace {

using kernels::RoundUp;

struct Params {
  ConvGeometry g;
  HybridForm form;                   // Hybrid only.
  const float* weights = nullptr;    // Hybrid only: as floats.
  const float* outside = nullptr;    // One pixel of zeros.
  const float* bias = nullptr;
  const float* column_scale = nullptr;
  ClampF32 clamp;
  int32_t phases = 1;                // Dilated windows that start so many columns apart are neighbours among every so many columns.
  int64_t pitch = 0;                 // Columns of input that one row of output meets, phase after phase.
  int64_t forms_at = 0, cells_at = 0, cell_bytes = 0;  // In the workspace; cells per thread.
};

// Pointers to the pixels that output row `i` meets, [row][phase][column]: the filter's rows inside the image, each from the left
// padding on. Returns how many rows, and which of the filter's is the first.
int32_t FindCells(const Params& p, const float* image, int64_t i, const float** cells, int32_t* first) {
  const ConvGeometry& g = p.g;
  const int64_t per_phase = p.pitch / p.phases;
  int32_t rows = 0;
  for (int32_t u = 0; u < g.filter_h; ++u) {
    const int64_t y = i * g.stride_h + static_cast<int64_t>(u) * g.dilation_h - g.pad_h;
    if (y < 0 || y >= g.in_h) continue;
    if (rows++ == 0) *first = u;
    const float* row = image + y * g.in_w * g.in_c;
    for (int64_t phase = 0; phase < p.phases; ++phase) {
      for (int64_t k = 0, x = phase - g.pad_w; k < per_phase; ++k, x += p.phases) cells[k] = x >= 0 && x < g.in_w ? row + x * g.in_c : p.outside;
      cells += per_phase;
    }
  }
  return rows;
}

void RunRows(const Params& p, const Run& run, const float* x, const float* weights, const RowForm* forms) {
  const ConvGeometry& g = p.g;
  const auto window_row = kernels::FloatProducts().window_row;
  const RowRange wanted = run.rows ? *run.rows : RowRange{0, static_cast<int64_t>(g.batch) * g.out_h};
  run.pool->For(wanted.end - wanted.first, [&](int64_t i, int thread) {
    const int64_t line = wanted.first + i;
    auto* cells = reinterpret_cast<const float**>(run.workspace + p.cells_at + thread * p.cell_bytes);
    const int64_t b = line / g.out_h;
    int32_t first = 0;
    const int32_t rows = FindCells(p, x + b * g.in_h * g.in_w * g.in_c, line % g.out_h, cells, &first);
    const float* taps = weights + static_cast<int64_t>(first) * g.filter_w * g.in_c;
    float* y = run.output<float>(0) + line * g.out_w * g.in_c;
    for (int64_t phase = 0; phase < p.phases && phase < g.out_w; ++phase)
      window_row({.cells = cells + phase * (p.pitch / p.phases), .pitch = p.pitch, .rows = rows, .filter_w = g.filter_w, .stride = g.stride_w,
                  .dilation = g.dilation_w / p.phases, .w = taps, .channels = g.in_c, .outputs = kernels::CeilDivide(g.out_w - phase, p.phases),
                  .bias = p.bias, .column_scale = p.column_scale, .scale = forms ? forms[b].quant.scale : 1.0f, .low = p.clamp.low,
                  .high = p.clamp.high, .y = y + phase * g.in_c, .ldy = p.phases * int64_t{g.in_c}});
  });
}

Status RunF32(const void* params, const Run& run) {
  RunRows(*static_cast<const Params*>(params), run, run.input<float>(0), run.input<float>(1), nullptr);
  return {};
}

Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* q = reinterpret_cast<float*>(run.workspace);
  auto* forms = reinterpret_cast<RowForm*>(run.workspace + p.forms_at);
  QuantizeGroups(p.form, run.input<float>(0), *run.pool, q, forms);
  RunRows(p, run, q, p.weights, forms);
  return {};
}

Params* Begin(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias) {
  auto* p = prepare.Params<Params>();
  p->g = g;
  p->clamp = clamp;
  p->outside = prepare.Array<float>(static_cast<size_t>(g.in_c));
  float* sums = prepare.Array<float>(static_cast<size_t>(g.in_c));
  if (bias) std::copy_n(bias, g.in_c, sums);
  p->bias = sums;
  const int64_t columns = static_cast<int64_t>(g.out_w - 1) * g.stride_w + static_cast<int64_t>(g.filter_w - 1) * g.dilation_w + 1;
  p->phases = g.stride_w == 1 && g.dilation_w <= columns ? g.dilation_w : 1;
  p->pitch = RoundUp(columns, p->phases);
  p->cell_bytes = RoundUp(g.filter_h * p->pitch * static_cast<int64_t>(sizeof(float*)), 64);
  return p;
}

struct PackContext {
  const int8_t* weights;
  int64_t count;
};
void PackFloats(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  std::copy_n(c.weights, c.count, reinterpret_cast<float*>(packed));
}

}  // namespace

Status PrepareDepthwiseF32(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias) {
  Params* p = Begin(prepare, g, clamp, bias);
  prepare.Workspace(static_cast<size_t>(p->cell_bytes * prepare.threads));
  prepare.SetRun(RunF32, p);
  return {};
}

Status PrepareDepthwiseHybrid(Prepare& prepare, const ConvGeometry& g, ClampF32 clamp, const float* bias) {
  Params* p = Begin(prepare, g, clamp, bias);
  p->form = {g.batch, static_cast<int64_t>(g.in_h) * g.in_w * g.in_c, true, false};
  auto* scales = prepare.Array<float>(static_cast<size_t>(g.in_c));
  for (int32_t c = 0; c < g.in_c; ++c) scales[c] = static_cast<float>(WeightScale(*prepare.op.in(1), c));
  p->column_scale = scales;
  const PackContext context{reinterpret_cast<const int8_t*>(prepare.op.constants[1]), static_cast<int64_t>(g.filter_h) * g.filter_w * g.in_c};
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, "floats", 0, static_cast<size_t>(context.count) * 4, PackFloats, &context));
  p->weights = reinterpret_cast<const float*>(packed);
  p->forms_at = RoundUp(p->form.groups * p->form.group_inputs * 4, 64);
  p->cells_at = p->forms_at + RoundUp(FormBytes(p->form), 64);
  prepare.Workspace(static_cast<size_t>(p->cells_at + p->cell_bytes * prepare.threads));
  prepare.SetRun(RunHybrid, p);
  return {};
}

}  // namespace octet::ops
