// SPDX-License-Identifier: Apache-2.0
// The LSTM cell in float, with float weights or with int8 weights and activations quantized row by row.
#include <cmath>

#include "ops/lstm_util.h"
#include "ops/recurrent_util.h"

namespace octet::ops {

struct LstmFloatParams {
  LstmPass pass;
  bool hybrid, diagonal[4];
  Activation activation;
  float cell_clip, proj_clip;
  recurrent::RowMode mode;
  // Hybrid: one scale per matrix.
  float input_scale[4], recurrent_scale[4], peephole_scale[4], aux_scale[4], projection_scale;
};

namespace {

using namespace recurrent;
using Params = LstmFloatParams;

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

// One row of the sequence and its states.
struct Position {
  const float *input, *aux;  // aux: null without auxiliary weights.
  float *h, *cell;
};

// What a step multiplies, in the form that the weights take.
struct Rows {
  Row x, aux, h;
};

struct Scratch {
  float* gate[4];
  int8_t *x, *aux, *h, *hidden;
};

template <class W>
void Gate(const Params& p, const Run& run, int gate, const Rows& rows, const Position& pos, float* out) {
  const LstmSizes& s = p.pass.sizes;
  const LstmOperands& at = p.pass.at;
  const auto* bias = OperandOf<float>(run, at.bias[gate]);
  const auto* norm = OperandOf<float>(run, at.norm[gate]);
  if (norm) std::fill_n(out, s.cells, 0.0f);
  else std::copy_n(bias, s.cells, out);
  AddProduct(OperandOf<W>(run, at.input_weights[gate]), p.input_scale[gate], rows.x, s.cells, s.inputs, out);
  if (pos.aux) AddProduct(OperandOf<W>(run, at.aux_weights[gate]), p.aux_scale[gate], rows.aux, s.cells, s.aux_inputs, out);
  if (p.diagonal[gate]) {
    const auto* diagonal = OperandOf<float>(run, at.recurrent_weights[gate]);
    for (int64_t i = 0; i < s.cells; ++i) out[i] += diagonal[i] * pos.h[i];
  } else {
    AddProduct(OperandOf<W>(run, at.recurrent_weights[gate]), p.recurrent_scale[gate], rows.h, s.cells, s.outputs, out);
  }
  const W* peephole = OperandOf<W>(run, at.peephole[gate]);
  for (int64_t i = 0; peephole && i < s.cells; ++i)
    out[i] += static_cast<float>(peephole[i]) * p.peephole_scale[gate] * pos.cell[i];
  if (norm) Normalize(norm, bias, out, s.cells);
  if (gate == kCellGate) Activate(p.activation, out, s.cells);
  else Logistic(out, s.cells);
}

// h ← P·(o⊙act(c)) + b_P, or without projection o⊙act(c). Without an activation LiteRT leaves in its place what was there, the cell gate.
template <class W> void Output(const Params& p, const Run& run, const Scratch& s, const Position& pos) {
  const int64_t cells = p.pass.sizes.cells, outputs = p.pass.sizes.outputs;
  float* hidden = s.gate[kCellGate];
  if (p.activation != Activation::kNone) {
    std::copy_n(pos.cell, cells, hidden);
    Activate(p.activation, hidden, cells);
  }
  for (int64_t i = 0; i < cells; ++i) hidden[i] *= s.gate[kOutputGate][i];
  const W* projection = OperandOf<W>(run, p.pass.at.projection);
  if (!projection) {
    std::copy_n(hidden, outputs, pos.h);
    return;
  }
  const auto* bias = OperandOf<float>(run, p.pass.at.projection_bias);
  if (bias) std::copy_n(bias, outputs, pos.h);
  else std::fill_n(pos.h, outputs, 0.0f);
  AddProduct(projection, p.projection_scale, MakeRow<W>(hidden, cells, p.mode, s.hidden), outputs, cells, pos.h);
  Clip(p.proj_clip, pos.h, outputs);
}

template <class W> void Step(const Params& p, const Run& run, const Scratch& s, const Position& pos) {
  const LstmSizes& sizes = p.pass.sizes;
  Rows rows{MakeRow<W>(pos.input, sizes.inputs, p.mode, s.x), {}, MakeRow<W>(pos.h, sizes.outputs, p.mode, s.h)};
  if (pos.aux) rows.aux = MakeRow<W>(pos.aux, sizes.aux_inputs, p.mode, s.aux);
  const bool coupled = !OperandOf<W>(run, p.pass.at.input_weights[kInputGate]);
  if (!coupled) Gate<W>(p, run, kInputGate, rows, pos, s.gate[kInputGate]);
  Gate<W>(p, run, kForgetGate, rows, pos, s.gate[kForgetGate]);
  Gate<W>(p, run, kCellGate, rows, pos, s.gate[kCellGate]);
  for (int64_t i = 0; i < sizes.cells; ++i) {
    const float forget = s.gate[kForgetGate][i], in = coupled ? 1.0f - forget : s.gate[kInputGate][i];
    pos.cell[i] = forget * pos.cell[i] + in * s.gate[kCellGate][i];
  }
  Clip(p.cell_clip, pos.cell, sizes.cells);
  Gate<W>(p, run, kOutputGate, rows, pos, s.gate[kOutputGate]);
  Output<W>(p, run, s, pos);
}

template <class W> void Sequence(const Params& p, const Run& run) {
  const LstmPass& pass = p.pass;
  const LstmSizes& s = pass.sizes;
  Scratch scratch;
  auto* real = reinterpret_cast<float*>(run.workspace);
  for (int gate = 0; gate < 4; ++gate) scratch.gate[gate] = real + gate * s.cells;
  scratch.x = reinterpret_cast<int8_t*>(real + 4 * s.cells);
  scratch.aux = scratch.x + s.inputs;
  scratch.h = scratch.aux + s.aux_inputs;
  scratch.hidden = scratch.h + s.outputs;
  auto* h = reinterpret_cast<float*>(run.in[pass.at.output_state]);
  auto* cell = reinterpret_cast<float*>(run.in[pass.at.cell_state]);
  const auto* input = OperandOf<float>(run, pass.at.input);
  const auto* aux = s.aux_inputs > 0 ? OperandOf<float>(run, pass.at.aux_input) : nullptr;
  for (int64_t i = 0; i < s.steps * s.batch; ++i) {
    const int64_t step = pass.backward ? s.steps - 1 - i / s.batch : i / s.batch, b = i % s.batch;
    const int64_t row = s.time_major ? step * s.batch + b : b * s.steps + step;
    const Position pos{input + row * s.inputs, aux ? aux + row * s.aux_inputs : nullptr, h + b * s.outputs, cell + b * s.cells};
    Step<W>(p, run, scratch, pos);
    std::copy_n(pos.h, s.outputs, run.output<float>(pass.output) + row * pass.output_pitch + pass.output_offset);
  }
}

float ScaleOf(const OpView& op, int i) {
  const TensorType* t = OperandOf(op, i);
  return t && !t->quant.empty() ? t->quant.scale0() : 1.0f;
}

}  // namespace

Result<const LstmFloatParams*> PrepareLstmFloat(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass) {
  OCTET_TRY(CheckRecurrentActivation(p.op, attrs.fused_activation_function));
  auto* params = p.Params<Params>();
  const LstmOperands& at = pass.at;
  params->pass = pass;
  params->hybrid = p.op.in(at.input_weights[kOutputGate])->dtype != DType::kF32;
  params->activation = attrs.fused_activation_function;
  params->cell_clip = attrs.cell_clip;
  params->proj_clip = attrs.proj_clip;
  params->mode = {attrs.asymmetric_quantize_inputs, p.op.in(at.input_weights[kOutputGate])->dtype == DType::kU8};
  for (int gate = 0; gate < 4; ++gate) {
    const TensorType* recurrent = OperandOf(p.op, at.recurrent_weights[gate]);
    params->diagonal[gate] = recurrent && recurrent->shape.rank() == 1;
    params->input_scale[gate] = ScaleOf(p.op, at.input_weights[gate]);
    params->aux_scale[gate] = ScaleOf(p.op, at.aux_weights[gate]);
    params->recurrent_scale[gate] = ScaleOf(p.op, at.recurrent_weights[gate]);
    params->peephole_scale[gate] = params->hybrid ? ScaleOf(p.op, at.peephole[gate]) : 1.0f;
  }
  params->projection_scale = ScaleOf(p.op, at.projection);
  const LstmSizes& s = pass.sizes;
  p.Workspace(static_cast<size_t>(4 * s.cells) * sizeof(float) +
              static_cast<size_t>(s.inputs + s.aux_inputs + s.outputs + s.cells));
  return static_cast<const LstmFloatParams*>(params);
}

// uint8 weights hold the same signed bytes: an old spelling of the format.
void RunLstmFloat(const LstmFloatParams& params, const Run& run) {
  if (params.hybrid) Sequence<int8_t>(params, run);
  else Sequence<float>(params, run);
}

}  // namespace octet::ops
