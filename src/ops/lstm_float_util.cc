// SPDX-License-Identifier: Apache-2.0
// The LSTM cell in float, with float weights or with int8 weights and activations quantized row by row.
#include <cmath>

#include "ops/lstm_util.h"
#include "ops/recurrent_util.h"

namespace octet::ops {
namespace {

using namespace recurrent;

struct Params {
  LstmSizes sizes;
  Activation activation;
  float cell_clip, proj_clip;
  bool asymmetric;
  // Hybrid: one scale per matrix, in the order of the operands.
  float input_scale[4], recurrent_scale[4], peephole_scale[4], projection_scale;
};

void Logistic(float* v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) v[i] = 1.0f / (1.0f + std::exp(-v[i]));
}

// v ← (v - mean) / stddev · weight + bias
void Normalize(const float* weight, const float* bias, float* v, int64_t n) {
  float sum = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) sum += v[i];
  const float mean = sum / static_cast<float>(n);
  for (int64_t i = 0; i < n; ++i) squares += (v[i] - mean) * (v[i] - mean);
  const float inverse = 1.0f / std::sqrt(squares / static_cast<float>(n) + 1e-8f);
  for (int64_t i = 0; i < n; ++i) v[i] = (v[i] - mean) * inverse * weight[i] + bias[i];
}

void Clip(float limit, float* v, int64_t n) {
  if (limit <= 0) return;
  for (int64_t i = 0; i < n; ++i) v[i] = std::clamp(v[i], -limit, limit);
}

template <class W>
void Gate(const Params& p, const Run& run, int gate, const Row& x, const Row& h, const float* cell, float* out) {
  const int64_t cells = p.sizes.cells;
  const auto* bias = run.input<float>(kLstmBias + gate);
  const auto* norm = run.input<float>(kLstmNorm + gate);
  if (norm) std::fill_n(out, cells, 0.0f);
  else std::copy_n(bias, cells, out);
  AddProduct(run.input<W>(kLstmInputWeights + gate), p.input_scale[gate], x, cells, p.sizes.inputs, out);
  AddProduct(run.input<W>(kLstmRecurrentWeights + gate), p.recurrent_scale[gate], h, cells, p.sizes.outputs, out);
  const W* peephole = gate == kCellGate ? nullptr : run.input<W>(LstmPeepholeOf(gate));
  for (int64_t i = 0; peephole && i < cells; ++i)
    out[i] += static_cast<float>(peephole[i]) * p.peephole_scale[gate] * cell[i];
  if (norm) Normalize(norm, bias, out, cells);
  if (gate == kCellGate) Activate(p.activation, out, cells);
  else Logistic(out, cells);
}

struct Scratch {
  float* gate[4];
  int8_t *x, *h, *hidden;
};

// h ← P·(o⊙act(c)) + b_P, or without projection o⊙act(c).
template <class W> void Output(const Params& p, const Run& run, const float* cell, const Scratch& s, float* h) {
  const int64_t cells = p.sizes.cells, outputs = p.sizes.outputs;
  float* hidden = s.gate[kCellGate];
  std::copy_n(cell, cells, hidden);
  Activate(p.activation, hidden, cells);
  for (int64_t i = 0; i < cells; ++i) hidden[i] *= s.gate[kOutputGate][i];
  const W* projection = run.input<W>(kLstmProjection);
  if (!projection) {
    std::copy_n(hidden, outputs, h);
    return;
  }
  const auto* bias = run.input<float>(kLstmProjectionBias);
  if (bias) std::copy_n(bias, outputs, h);
  else std::fill_n(h, outputs, 0.0f);
  AddProduct(projection, p.projection_scale, MakeRow<W>(hidden, cells, p.asymmetric, s.hidden), outputs, cells, h);
  Clip(p.proj_clip, h, outputs);
}

template <class W>
void Step(const Params& p, const Run& run, const float* input, float* h, float* cell, const Scratch& s) {
  const int64_t cells = p.sizes.cells;
  const Row x = MakeRow<W>(input, p.sizes.inputs, p.asymmetric, s.x);
  const Row previous = MakeRow<W>(h, p.sizes.outputs, p.asymmetric, s.h);
  const bool coupled = !run.in[kLstmInputWeights];
  if (!coupled) Gate<W>(p, run, kInputGate, x, previous, cell, s.gate[kInputGate]);
  Gate<W>(p, run, kForgetGate, x, previous, cell, s.gate[kForgetGate]);
  Gate<W>(p, run, kCellGate, x, previous, cell, s.gate[kCellGate]);
  for (int64_t i = 0; i < cells; ++i) {
    const float forget = s.gate[kForgetGate][i], in = coupled ? 1.0f - forget : s.gate[kInputGate][i];
    cell[i] = forget * cell[i] + in * s.gate[kCellGate][i];
  }
  Clip(p.cell_clip, cell, cells);
  Gate<W>(p, run, kOutputGate, x, previous, cell, s.gate[kOutputGate]);
  Output<W>(p, run, cell, s, h);
}

template <class W> Status Sequence(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const LstmSizes& s = p.sizes;
  Scratch scratch;
  auto* real = reinterpret_cast<float*>(run.workspace);
  for (int gate = 0; gate < 4; ++gate) scratch.gate[gate] = real + gate * s.cells;
  scratch.x = reinterpret_cast<int8_t*>(real + 4 * s.cells);
  scratch.h = scratch.x + s.inputs;
  scratch.hidden = scratch.h + s.outputs;
  auto* h = reinterpret_cast<float*>(run.in[kLstmOutputState]);
  auto* cell = reinterpret_cast<float*>(run.in[kLstmCellState]);
  // Position in the sequence: step by step with all rows, or row by row with all steps.
  for (int64_t row = 0; row < s.steps * s.batch; ++row) {
    const int64_t b = s.time_major ? row % s.batch : row / s.steps;
    Step<W>(p, run, run.input<float>(kLstmInput) + row * s.inputs, h + b * s.outputs, cell + b * s.cells, scratch);
    std::copy_n(h + b * s.outputs, s.outputs, run.output<float>(0) + row * s.outputs);
  }
  return {};
}

float ScaleOf(const OpView& op, int i) {
  return i >= 0 && op.in(i) && !op.in(i)->quant.empty() ? op.in(i)->quant.scale0() : 1.0f;
}

template <class W> Status PrepareAs(Prepare& p, const LstmAttrs& attrs) {
  const Activation a = attrs.fused_activation_function;
  OCTET_TRY(CheckRecurrentActivation(p.op, a));
  auto* params = p.Params<Params>();
  params->sizes = LstmSizesOf(p.op, attrs.time_major);
  params->activation = a;
  params->cell_clip = attrs.cell_clip;
  params->proj_clip = attrs.proj_clip;
  params->asymmetric = attrs.asymmetric_quantize_inputs;
  for (int gate = 0; gate < 4; ++gate) {
    params->input_scale[gate] = ScaleOf(p.op, kLstmInputWeights + gate);
    params->recurrent_scale[gate] = ScaleOf(p.op, kLstmRecurrentWeights + gate);
    params->peephole_scale[gate] = std::is_same_v<W, float> ? 1.0f : ScaleOf(p.op, LstmPeepholeOf(gate));
  }
  params->projection_scale = ScaleOf(p.op, kLstmProjection);
  const LstmSizes& s = params->sizes;
  p.Workspace(static_cast<size_t>(4 * s.cells) * sizeof(float) +
              static_cast<size_t>(s.inputs + s.outputs + s.cells));
  p.SetRun(Sequence<W>, params);
  return {};
}

}  // namespace

Status PrepareLstmFloat(Prepare& p, const LstmAttrs& attrs) { return PrepareAs<float>(p, attrs); }
Status PrepareLstmHybrid(Prepare& p, const LstmAttrs& attrs) { return PrepareAs<int8_t>(p, attrs); }

}  // namespace octet::ops
