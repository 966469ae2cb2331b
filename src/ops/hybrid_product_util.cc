// SPDX-License-Identifier: Apache-2.0
#include "ops/hybrid_product_util.h"

#include <cstring>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/int8.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kChunk = 16384;  // Inputs per task.
constexpr double kLoadPanels = 0.5;  // Loading rows takes so long as multiplying them with so many panels.

struct Params {
  RowSource source;
  HybridForm form;
  RowBlocks blocks;
  HybridPanels panels;
  int64_t rows_per_group = 0;
  bool in_place = false;  // Quantized inputs are put into the loaded form where they lie, and multiplied there.
  kernels::ToFloat to_float;
  int64_t forms_at = 0, scratch_at = 0, scratch_bytes = 0;  // In the workspace, behind the quantized inputs.
};

void Store(const kernels::Elementwise& v, const float* x, int64_t n, const RowForm& f, bool asymmetric, int8_t* q) {
  if (f.inverse == 0.0f) std::fill_n(q, n, int8_t{0});
  else v.quantize_f32(x, n, f.inverse, static_cast<float>(f.quant.offset), asymmetric ? -128 : -127, 127, q);
}
void Store(const kernels::Elementwise& v, const float* x, int64_t n, const RowForm& f, bool asymmetric, float* q) {
  if (f.inverse == 0.0f) std::fill_n(q, n, 0.0f);
  else v.quantize_to_f32(x, n, f.inverse, static_cast<float>(f.quant.offset), asymmetric ? -128.0f : -127.0f, 127.0f, q);
}

RowForm RangeForm(bool asymmetric, float low, float high) { return asymmetric ? AsymmetricForm(low, high) : SymmetricForm(std::max(-low, high)); }

int64_t ChunksPerGroup(const HybridForm& form) { return (form.group_inputs + kChunk - 1) / kChunk; }

struct Range {
  float low = 0, high = 0;
};

void SumColumns(const int8_t* w, int64_t depth, int64_t columns, int32_t* sums) {
  const auto total = kernels::Vectors().total_s8;
  for (int64_t i = 0; i < columns; ++i) sums[i] = total(w + i * depth, depth);
}

SegmentsS8 FormOf(const HybridPanels& p) { return {p.segments, p.depth / p.segments, p.groups}; }

// Into the form that is multiplied, in place: for bytes only.
void LoadInPlace(int8_t* q, int64_t n) { kernels::BestInt8().load(q, n, q); }
void LoadInPlace(float*, int64_t) {}

// Small groups, as many as make a task. Ranges of a few first, then their forms, whose divisions then overlap.
template <class Q> void QuantizeTogether(const HybridForm& form, const float* x, int64_t first, int64_t end, Q* q, RowForm* forms, bool in_place) {
  const kernels::Elementwise& v = kernels::Vectors();
  constexpr int64_t kFew = 16;
  const int64_t n = form.group_inputs;
  for (int64_t g = first; g < end; g += kFew) {
    const int64_t few = std::min(kFew, end - g);
    Range ranges[kFew];
    for (int64_t i = 0; i < few; ++i) v.range_f32(x + (g + i) * n, n, &ranges[i].low, &ranges[i].high);
    for (int64_t i = 0; i < few; ++i) forms[g + i] = RangeForm(form.asymmetric, ranges[i].low, ranges[i].high);
    for (int64_t i = g; i < g + few; ++i) Store(v, x + i * n, n, forms[i], form.asymmetric, q + i * n);
    if (in_place) LoadInPlace(q + g * n, few * n);
  }
}

// Small groups are one task together; large ones are cut, and met twice: for the range, then for the values.
template <class Q> void Quantize(const HybridForm& form, const float* x, ThreadPool& pool, Q* q, RowForm* forms, bool in_place = false) {
  const kernels::Elementwise& v = kernels::Vectors();
  const int64_t n = form.group_inputs, chunks = ChunksPerGroup(form);
  if (chunks <= 1) {
    const int64_t per_task = std::max<int64_t>(1, kChunk / std::max<int64_t>(1, n));
    pool.For((form.groups + per_task - 1) / per_task,
             [&](int64_t task, int) { QuantizeTogether(form, x, task * per_task, std::min(form.groups, (task + 1) * per_task), q, forms, in_place); });
    return;
  }
  auto* ranges = reinterpret_cast<Range*>(forms + form.groups);
  const auto for_chunks = [&](const auto& body) {
    pool.For(form.groups * chunks, [&](int64_t task, int) {
      const int64_t g = task / chunks, first = task % chunks * kChunk;
      body(task, g, g * n + first, std::min(kChunk, n - first));
    });
  };
  for_chunks([&](int64_t task, int64_t, int64_t at, int64_t count) {
    ranges[task] = {};
    v.range_f32(x + at, count, &ranges[task].low, &ranges[task].high);
  });
  for (int64_t g = 0; g < form.groups; ++g) {
    Range all;
    for (int64_t c = g * chunks; c < (g + 1) * chunks; ++c) all = {std::min(all.low, ranges[c].low), std::max(all.high, ranges[c].high)};
    forms[g] = RangeForm(form.asymmetric, all.low, all.high);
  }
  for_chunks([&](int64_t, int64_t g, int64_t at, int64_t count) {
    Store(v, x + at, count, forms[g], form.asymmetric, q + at);
    if (in_place) LoadInPlace(q + at, count);
  });
}

}  // namespace

HybridRows::HybridRows(const HybridPanels& panels, int64_t most_rows) : panels_(panels) {
  const kernels::Int8& k = kernels::BestInt8();
  row_bytes_ = RoundUp(panels.row(), 4) * k.value_bytes;  // The last group of four may be read whole.
  scales_at_ = RoundUp(most_rows * row_bytes_, 64);
  pointers_at_ = scales_at_ + RoundUp(most_rows * static_cast<int64_t>(sizeof(kernels::RowScale)), 64);
  kernel_at_ = pointers_at_ + RoundUp(most_rows * static_cast<int64_t>(sizeof(void*)), 64);
}

int64_t HybridRows::scratch_bytes() const { return kernel_at_ + RoundUp(kernels::BestInt8().scratch_per_group * FormOf(panels_).fours(), 64); }
kernels::RowScale* HybridRows::Scales(std::byte* scratch) const { return reinterpret_cast<kernels::RowScale*>(scratch + scales_at_); }

void HybridRows::SetRow(std::byte* scratch, int64_t r, RowQuant quant) const { Scales(scratch)[r] = {quant.scale, kernels::BestInt8().offset + quant.offset}; }

template <class Gather> void HybridRows::Load(std::byte* scratch, int64_t r, RowQuant quant, const Gather& gather) const {
  const kernels::Int8& k = kernels::BestInt8();
  SetRow(scratch, r, quant);
  std::byte* to = scratch + r * row_bytes_;
  const auto inside = [&](const int8_t* from, int64_t n) {
    k.load(from, n, to);
    to += n * k.value_bytes;
  };
  const auto outside = [&](int64_t n) {  // The zero point, which is a zero.
    if (k.value_bytes == 1) std::memset(to, quant.offset + k.offset, static_cast<size_t>(n));
    else std::fill_n(reinterpret_cast<int16_t*>(to), n, static_cast<int16_t>(quant.offset + k.offset));
    to += n * k.value_bytes;
  };
  gather(inside, outside);
}

void HybridRows::LoadContiguous(std::byte* scratch, int64_t r, RowQuant quant, const int8_t* q) const {
  Load(scratch, r, quant, [&](const auto& inside, const auto&) { inside(q, panels_.row()); });
}

void HybridRows::Multiply(std::byte* scratch, int64_t rows, int64_t first_panel, int64_t end_panel, const kernels::ToFloat& f, float* y, int64_t ldy) const {
  MultiplyRows(scratch, scratch, row_bytes_, rows, first_panel, end_panel, f, y, ldy);
}

void HybridRows::Multiply(std::byte* scratch, const std::byte* loaded, int64_t rows, int64_t first_panel, int64_t end_panel,
                          const kernels::ToFloat& f, float* y, int64_t ldy) const {
  MultiplyRows(scratch, loaded, panels_.row() * kernels::BestInt8().value_bytes, rows, first_panel, end_panel, f, y, ldy);
}

void HybridRows::MultiplyRows(std::byte* scratch, const std::byte* loaded, int64_t row_bytes, int64_t rows, int64_t first_panel, int64_t end_panel,
                              const kernels::ToFloat& f, float* y, int64_t ldy) const {
  struct Out {
    const kernels::ToFloat& f;
    const kernels::RowScale* scales;
    int64_t end_column;
    float* y;
    int64_t ldy;
  };
  const auto take = [](void* context, const int32_t* sums, int64_t row, int count, int64_t column, int panels) {
    const Out& o = *static_cast<const Out*>(context);
    kernels::Vectors().to_float(sums, panels * kPanel, count, o.f, o.scales + row, column, std::min<int64_t>(panels * kPanel, o.end_column - column),
                                o.y + row * o.ldy + column, o.ldy);
  };
  auto** pointers = reinterpret_cast<const void**>(scratch + pointers_at_);
  for (int64_t r = 0; r < rows; ++r) pointers[r] = loaded + r * row_bytes;
  constexpr int64_t kStart = 0;
  panels_.groups.ForEach(first_panel, end_panel, [&](int64_t group, int64_t first, int64_t end) {
    const int64_t gaps = panels_.groups.gaps(group), columns = (group + 1) * panels_.groups.columns + gaps;
    Out out{f, Scales(scratch), columns, y - gaps, ldy};
    kernels::ProductS8 product{.offset = panels_.offset ? panels_.offset + group * panels_.segments : &kStart, .segments = panels_.segments,
                               .length = panels_.depth / panels_.segments, .packed = panels_.weights, .columns = columns,
                               .narrow_range = panels_.narrow_range, .take = take, .context = &out};
    product.requant.bias = panels_.zeros;
    kernels::BestInt8().multiply(product, pointers, rows, first, end, nullptr, scratch + kernel_at_);
  });
}

namespace {

Status RunHybrid(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* q = reinterpret_cast<int8_t*>(run.workspace);
  auto* forms = reinterpret_cast<RowForm*>(run.workspace + p.forms_at);
  Quantize(p.form, run.input<float>(0), *run.pool, q, forms, p.in_place);
  const HybridRows rows(p.panels, p.blocks.most_rows());
  ForEachBlock(p.blocks, *run.pool, [&](const Block& block, int thread) {
    std::byte* scratch = run.workspace + p.scratch_at + thread * p.scratch_bytes;
    const int64_t columns = p.panels.groups.count * p.panels.groups.columns, row_values = p.panels.row();
    float* y = run.output<float>(0) + block.first_row * columns;
    const auto quant_of = [&](int64_t row) { return forms[row / p.rows_per_group].quant; };
    if (p.in_place) {
      for (int64_t r = 0; r < block.rows; ++r) rows.SetRow(scratch, r, quant_of(block.first_row + r));
      return rows.Multiply(scratch, run.workspace + block.first_row * row_values, block.rows, block.first_panel, block.end_panel, p.to_float, y,
                           columns);
    }
    for (int64_t r = 0; r < block.rows; ++r) {
      const int64_t row = block.first_row + r;
      const RowQuant quant = quant_of(row);
      if (p.source.contiguous) rows.LoadContiguous(scratch, r, quant, q + row * row_values);
      else rows.Load(scratch, r, quant,
                     [&](const auto& inside, const auto& outside) { GatherRow(p.source, static_cast<const int8_t*>(q), row, inside, outside); });
    }
    rows.Multiply(scratch, block.rows, block.first_panel, block.end_panel, p.to_float, y, columns);
  });
  return {};
}

struct PackContext {
  const int8_t* weights;
  SegmentsS8 form;
};

void Pack(std::byte* packed, const void* context) {
  const auto& [weights, form] = *static_cast<const PackContext*>(context);
  PackSegmentsS8(weights, form, false, reinterpret_cast<int8_t*>(packed));
  auto* sums = reinterpret_cast<int32_t*>(packed + form.packed_bytes());
  for (int64_t group = 0; group < form.groups.count; ++group)
    SumColumns(weights + group * form.groups.columns * form.depth(), form.depth(), form.groups.columns, sums + group * form.groups.packed());
}

// A window's cells, where a group's channels lie apart.
void SetSegments(Prepare& prepare, const ConvGeometry& g, HybridPanels* panels) {
  panels->segments = int64_t{g.filter_h} * g.filter_w;
  const int64_t length = panels->depth / panels->segments;
  auto* offset = prepare.Array<int64_t>(static_cast<size_t>(panels->groups.count * panels->segments));
  panels->offset = offset;
  for (int64_t group = 0; group < panels->groups.count; ++group)
    for (int64_t i = 0; i < panels->segments; ++i) *offset++ = (i * g.in_c + group * length) * kernels::BestInt8().value_bytes;
}

void SetOutput(Prepare& prepare, ClampF32 clamp, const float* bias, const ColumnGroups& groups, bool scales_first, kernels::ToFloat* f) {
  const auto padded = static_cast<size_t>(groups.all_panels() * kPanel);
  float *scales = prepare.Array<float>(padded), *offsets = prepare.Array<float>(padded);
  std::vector<float> all(static_cast<size_t>(groups.count * groups.columns));
  for (size_t c = 0; c < all.size(); ++c) all[c] = static_cast<float>(WeightScale(*prepare.op.in(1), static_cast<int32_t>(c)));
  groups.Spread(all.data(), scales);
  if (bias) groups.Spread(bias, offsets);
  *f = {nullptr, scales, offsets, clamp.low, clamp.high, scales_first};
}

}  // namespace

const int32_t* ZeroBias(Prepare& prepare, int64_t columns) { return prepare.Array<int32_t>(static_cast<size_t>(RoundUp(columns, kPanel))); }

void PackHybridPanels(const int8_t* w, int64_t depth, int64_t columns, int8_t* panels, int32_t* sums) {
  PackPanelsS8(w, depth, 1, depth, columns, panels);
  SumColumns(w, depth, columns, sums);
}

void QuantizeGroups(const HybridForm& form, const float* x, ThreadPool& pool, int8_t* q, RowForm* forms) { Quantize(form, x, pool, q, forms); }
void QuantizeGroups(const HybridForm& form, const float* x, ThreadPool& pool, float* q, RowForm* forms) { Quantize(form, x, pool, q, forms); }

int64_t FormBytes(const HybridForm& form) {
  const int64_t chunks = ChunksPerGroup(form);
  return form.groups * (static_cast<int64_t>(sizeof(RowForm)) + (chunks > 1 ? chunks * static_cast<int64_t>(sizeof(Range)) : 0));
}

Status PrepareProductHybrid(Prepare& prepare, const RowSource& source, const HybridForm& form, int64_t rows, int64_t depth, int32_t columns,
                            ClampF32 clamp, const float* bias) {
  auto* p = prepare.Params<Params>();
  p->source = source;
  p->form = form;
  p->rows_per_group = rows / form.groups;
  p->in_place = source.contiguous && kernels::BestInt8().value_bytes == 1;
  HybridPanels& panels = p->panels;
  panels.depth = depth;
  panels.groups = {source.groups, columns / source.groups};
  if (source.groups > 1) SetSegments(prepare, source.g, &panels);
  SetOutput(prepare, clamp, bias, panels.groups, form.scales_first, &p->to_float);
  const PackContext context{reinterpret_cast<const int8_t*>(prepare.op.constants[1]), FormOf(panels)};
  const int64_t bytes = context.form.packed_bytes(), padded = panels.groups.all_panels() * kPanel;
  OCTET_ASSIGN(const std::byte* packed, prepare.Pack(1, "K4N16+sums", PackedForm(depth, source.groups),
                                                     static_cast<size_t>(bytes + padded * 4), Pack, &context));
  panels.weights = reinterpret_cast<const int8_t*>(packed);
  panels.column_sum = reinterpret_cast<const int32_t*>(packed + bytes);
  panels.column_scale = p->to_float.column_scale;
  panels.zeros = ZeroBias(prepare, padded);
  panels.narrow_range = NarrowRange(prepare.op.constants[1], depth * columns, rows);
  p->to_float.column_sum = p->panels.column_sum;
  p->blocks = CutRows(rows, padded, RoundUp(panels.row(), 4) * kernels::BestInt8().value_bytes, kTileRowsS8);
  CutPanels({.depth = depth, .together = rows == 1 ? kRowPanels : 2, .before = p->in_place ? 0 : kLoadPanels}, prepare.threads, p->blocks);
  p->scratch_bytes = HybridRows(p->panels, p->blocks.most_rows()).scratch_bytes();
  p->forms_at = RoundUp(form.groups * form.group_inputs, 64);
  p->scratch_at = p->forms_at + RoundUp(FormBytes(form), 64);
  prepare.Workspace(static_cast<size_t>(p->scratch_at + p->scratch_bytes * prepare.threads));
  prepare.SetRun(RunHybrid, p);
  return {};
}

}  // namespace octet::ops
