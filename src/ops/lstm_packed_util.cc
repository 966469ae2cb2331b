// SPDX-License-Identifier: Apache-2.0
// The float and hybrid LSTM without peepholes, projection and normalization, on packed weights: the products
// with the inputs of many steps are one product of matrices, the states follow step by step. Per step and
// gate the hybrid numbers are those of lstm_float_util.cc; the functions are the vector primitives'.
#include <cstring>

#include "kernels/elementwise.h"
#include "kernels/products_f32.h"
#include "ops/hybrid_product_util.h"
#include "ops/lstm_util.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr LstmOperands kAt;
constexpr int64_t kHybridRows = 24;   // Multiplied at once.
constexpr int64_t kSumBytes = 512 << 10;  // Of the gates' sums that are made ahead, at most; one task for each thread is enough.
constexpr int64_t kTaskRows = 24;

struct Params {
  LstmSizes sizes;
  Activation activation;
  float cell_clip;
  bool asymmetric;
  int64_t columns = 0, pitch = 0;      // Of a row of sums: 4 gates, one after the other; padded.
  int64_t rows_ahead = 0;
  const float* bias = nullptr;
  const float *input_weights = nullptr, *recurrent_weights = nullptr;
  HybridPanels input, recurrent;
  // In the workspace behind the sums.
  int64_t gates_at = 0, quantized_at = 0, forms_at = 0, scratch_at = 0;
};

// Which step's rows follow each other: input rows [first, first + n) to sums.
void InputSums(const Params& p, const Run& run, int64_t first, int64_t n, float* sums) {
  const float* x = run.input<float>(kAt.input) + first * p.sizes.inputs;
  const ClampF32 all;
  if (p.input_weights) {
    run.pool->For((n + kTaskRows - 1) / kTaskRows, [&](int64_t task, int) {
      const int64_t at = task * kTaskRows;
      kernels::FloatProducts().product({.a = x + at * p.sizes.inputs, .lda = p.sizes.inputs, .rows = std::min(kTaskRows, n - at),
                                        .w = p.input_weights, .depth = p.sizes.inputs, .columns = p.columns, .bias = p.bias,
                                        .low = all.low, .high = all.high, .y = sums + at * p.pitch, .ldy = p.pitch});
    });
    return;
  }
  auto* q = reinterpret_cast<int8_t*>(run.workspace + p.quantized_at);
  auto* forms = reinterpret_cast<RowForm*>(run.workspace + p.forms_at);
  QuantizeGroups({n, p.sizes.inputs, p.asymmetric, true}, x, *run.pool, q, forms);
  const HybridRows rows(p.input, kHybridRows);
  for (int64_t at = 0; at < n; at += kHybridRows) {
    const int64_t count = std::min(kHybridRows, n - at);
    for (int64_t r = 0; r < count; ++r) rows.LoadContiguous(run.workspace + p.scratch_at, r, forms[at + r].quant, q + (at + r) * p.sizes.inputs);
    rows.Multiply(run.workspace + p.scratch_at, count, 0, p.pitch / kPanel,
                  {p.input.column_sum, p.input.column_scale, p.bias, all.low, all.high, true}, sums + at * p.pitch, p.pitch);
  }
}

// gates = sums + R * h, for one row.
void AddRecurrent(const Params& p, const Run& run, const float* h, const float* sums, float* gates) {
  const ClampF32 all;
  const int64_t n = p.sizes.outputs;
  if (p.recurrent_weights) {
    kernels::FloatProducts().product({.a = h, .lda = n, .rows = 1, .w = p.recurrent_weights, .depth = n, .columns = p.columns, .bias = sums,
                                      .low = all.low, .high = all.high, .y = gates, .ldy = p.pitch});
    return;
  }
  auto* q = reinterpret_cast<int8_t*>(run.workspace + p.quantized_at);
  auto* form = reinterpret_cast<RowForm*>(run.workspace + p.forms_at);
  QuantizeGroups({1, n, p.asymmetric, true}, h, *run.pool, q, form);
  const HybridRows row(p.recurrent, kHybridRows);
  row.LoadContiguous(run.workspace + p.scratch_at, 0, form->quant, q);
  row.Multiply(run.workspace + p.scratch_at, 1, 0, p.pitch / kPanel,
               {p.recurrent.column_sum, p.recurrent.column_scale, sums, all.low, all.high, true}, gates, p.pitch);
}

void Activate(const Params& p, const float* x, int64_t n, float* y) {
  if (p.activation == Activation::kTanh) {
    kernels::Vectors().function_f32[static_cast<int>(kernels::Function::kTanh)](x, n, y);
    return;
  }
  const ClampF32 c = FloatClamp(p.activation);
  for (int64_t i = 0; i < n; ++i) y[i] = std::min(std::max(x[i], c.low), c.high);
}

// The cell's update from the four gates' sums; `gates` is overwritten.
void UpdateCell(const Params& p, float* gates, float* cell, float* h) {
  const int64_t n = p.sizes.cells;
  const auto logistic = kernels::Vectors().function_f32[static_cast<int>(kernels::Function::kLogistic)];
  float *in = gates + kInputGate * n, *forget = gates + kForgetGate * n, *value = gates + kCellGate * n, *out = gates + kOutputGate * n;
  logistic(in, 2 * n, in);  // And the forget gate behind it.
  Activate(p, value, n, value);
  logistic(out, n, out);
  for (int64_t i = 0; i < n; ++i) cell[i] = forget[i] * cell[i] + in[i] * value[i];
  if (p.cell_clip > 0)
    for (int64_t i = 0; i < n; ++i) cell[i] = std::clamp(cell[i], -p.cell_clip, p.cell_clip);
  if (p.activation != Activation::kNone) Activate(p, cell, n, value);
  for (int64_t i = 0; i < n; ++i) h[i] = value[i] * out[i];
}

Status RunSequence(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const LstmSizes& s = p.sizes;
  auto* sums = reinterpret_cast<float*>(run.workspace);
  auto* gates = reinterpret_cast<float*>(run.workspace + p.gates_at);
  auto *states = reinterpret_cast<float*>(run.in[kAt.output_state]), *cells = reinterpret_cast<float*>(run.in[kAt.cell_state]);
  for (int64_t first = 0; first < s.steps * s.batch; first += p.rows_ahead) {
    const int64_t n = std::min(p.rows_ahead, s.steps * s.batch - first);
    InputSums(p, run, first, n, sums);
    for (int64_t row = first; row < first + n; ++row) {
      const int64_t b = s.time_major ? row % s.batch : row / s.steps;
      float* h = states + b * s.outputs;
      AddRecurrent(p, run, h, sums + (row - first) * p.pitch, gates);
      UpdateCell(p, gates, cells + b * s.cells, h);
      std::memcpy(run.output<float>(0) + row * s.outputs, h, static_cast<size_t>(s.outputs) * 4);
    }
  }
  return {};
}

// The four gates' matrices, one below the other.
struct PackContext {
  const std::byte* gate[4];
  int64_t cells, depth;
};
template <class W> std::vector<W> Stacked(const PackContext& c) {
  std::vector<W> all;
  all.reserve(static_cast<size_t>(4 * c.cells * c.depth));
  for (const std::byte* g : c.gate) all.insert(all.end(), reinterpret_cast<const W*>(g), reinterpret_cast<const W*>(g) + c.cells * c.depth);
  return all;
}
void PackF32(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  auto* to = reinterpret_cast<float*>(packed);
  if (c.cells % kPanel != 0) return PackPanelsF32(Stacked<float>(c).data(), c.depth, 1, c.depth, 4 * c.cells, to);
  for (const std::byte* gate : c.gate) {  // No panel spans two gates: they need not lie together.
    PackPanelsF32(reinterpret_cast<const float*>(gate), c.depth, 1, c.depth, c.cells, to);
    to += c.cells * c.depth;
  }
}
void PackS8(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  auto* panels = reinterpret_cast<int8_t*>(packed);
  auto* sums = reinterpret_cast<int32_t*>(packed + PackedBytesS8(c.depth, 4 * c.cells));
  if (c.cells % kPanel != 0) return PackHybridPanels(Stacked<int8_t>(c).data(), c.depth, 4 * c.cells, panels, sums);
  for (const std::byte* gate : c.gate) {
    PackHybridPanels(reinterpret_cast<const int8_t*>(gate), c.depth, c.cells, panels, sums);
    panels += PackedBytesS8(c.depth, c.cells), sums += c.cells;
  }
}

PackContext ContextOf(const OpView& op, int first, int64_t cells, int64_t depth) {
  return {{op.constants[first], op.constants[first + 1], op.constants[first + 2], op.constants[first + 3]}, cells, depth};
}

Result<const float*> PackGatesF32(Prepare& prepare, int first, const Params& p, int64_t depth) {
  const PackContext context = ContextOf(prepare.op, first, p.sizes.cells, depth);
  OCTET_ASSIGN(const std::byte* packed,
               prepare.Pack(first, "lstm_f32", static_cast<uint64_t>(depth), static_cast<size_t>(p.pitch * depth * 4), PackF32, &context));
  return reinterpret_cast<const float*>(packed);
}

Result<HybridPanels> PackGatesS8(Prepare& prepare, int first, const Params& p, int64_t depth) {
  const PackContext context = ContextOf(prepare.op, first, p.sizes.cells, depth);
  float* scale = prepare.Array<float>(static_cast<size_t>(p.pitch));
  for (int gate = 0; gate < 4; ++gate) std::fill_n(scale + gate * p.sizes.cells, p.sizes.cells, prepare.op.in(first + gate)->quant.scale0());
  OCTET_ASSIGN(const std::byte* packed,
               prepare.Pack(first, "lstm_s8", static_cast<uint64_t>(depth), static_cast<size_t>(HybridPanelBytes(depth, p.columns)), PackS8, &context));
  const bool narrow = std::ranges::all_of(context.gate, [&](const std::byte* w) { return NarrowRange(w, p.sizes.cells * depth, p.sizes.batch); });
  return HybridPanels{reinterpret_cast<const int8_t*>(packed), reinterpret_cast<const int32_t*>(packed + PackedBytesS8(depth, p.columns)), scale,
                      ZeroBias(prepare, p.columns), depth, {1, p.columns}, narrow};
}

const float* StackedBias(Prepare& prepare, const Params& p) {
  float* bias = prepare.Array<float>(static_cast<size_t>(p.pitch));
  for (int gate = 0; gate < 4; ++gate) std::ranges::copy(prepare.op.const_of<float>(kAt.bias[gate]), bias + gate * p.sizes.cells);
  return bias;
}

}  // namespace

bool TakesLstmPacked(const OpView& op) {
  const DType weights = op.in(kAt.input_weights[kForgetGate])->dtype;
  if (op.in(kAt.input)->dtype != DType::kF32 || (weights != DType::kF32 && weights != DType::kI8)) return false;
  for (int gate = 0; gate < 4; ++gate) {
    for (int i : {kAt.input_weights[gate], kAt.recurrent_weights[gate], kAt.bias[gate]})
      if (!op.has_const(i)) return false;
    const auto one_scale = [&](int i) { return weights == DType::kF32 || op.in(i)->quant.scale.size() == 1; };
    if (!one_scale(kAt.input_weights[gate]) || !one_scale(kAt.recurrent_weights[gate]) || op.in(kAt.norm[gate])) return false;
    if (op.in(kAt.recurrent_weights[gate])->shape.rank() != 2) return false;  // Diagonal.
  }
  if (op.in(kAt.input)->shape.rank() != 3) return false;
  return !op.in(kAt.peephole[kForgetGate]) && !op.in(kAt.projection) && op.in(kAt.input)->shape.elements() > 0;
}

Status PrepareLstmPacked(Prepare& prepare, const LstmAttrs& attrs) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<Params>();
  p->sizes = LstmSizesOf(op, kAt, attrs.time_major);
  p->activation = attrs.fused_activation_function;
  p->cell_clip = attrs.cell_clip;
  p->asymmetric = attrs.asymmetric_quantize_inputs;
  const LstmSizes& s = p->sizes;
  p->columns = 4 * s.cells;
  p->pitch = RoundUp(p->columns, kPanel);
  p->rows_ahead = std::clamp<int64_t>(std::min(kSumBytes / (p->pitch * 4), kTaskRows * prepare.threads), 1, s.steps * s.batch);
  p->bias = StackedBias(prepare, *p);
  p->gates_at = p->rows_ahead * p->pitch * 4;
  p->quantized_at = p->gates_at + p->pitch * 4;
  if (op.in(kAt.input_weights[0])->dtype == DType::kF32) {
    OCTET_ASSIGN(p->input_weights, PackGatesF32(prepare, kAt.input_weights[0], *p, s.inputs));
    OCTET_ASSIGN(p->recurrent_weights, PackGatesF32(prepare, kAt.recurrent_weights[0], *p, s.outputs));
    prepare.Workspace(static_cast<size_t>(p->quantized_at));
  } else {
    OCTET_ASSIGN(p->input, PackGatesS8(prepare, kAt.input_weights[0], *p, s.inputs));
    OCTET_ASSIGN(p->recurrent, PackGatesS8(prepare, kAt.recurrent_weights[0], *p, s.outputs));
    const HybridForm form{p->rows_ahead, s.inputs, p->asymmetric, true}, one{1, s.outputs, p->asymmetric, true};
    p->forms_at = p->quantized_at + RoundUp(std::max(p->rows_ahead * s.inputs, s.outputs), 64);
    p->scratch_at = p->forms_at + RoundUp(std::max(FormBytes(form), FormBytes(one)), 64);
    const int64_t scratch_bytes = std::max(HybridRows(p->input, kHybridRows).scratch_bytes(), HybridRows(p->recurrent, kHybridRows).scratch_bytes());
    prepare.Workspace(static_cast<size_t>(p->scratch_at + scratch_bytes));
  }
  prepare.SetRun(RunSequence, p);
  return {};
}

}  // namespace octet::ops
