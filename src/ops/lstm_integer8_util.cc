// SPDX-License-Identifier: Apache-2.0
// The LSTM cell in integers whose products are rounded to int8 (LiteRT's 8x8_8 kernel, told by 12
// intermediates): W·x and R·h as int8, their sum as int16 in Q3.12, layer normalization and activations
// through float, cells in Q0.15. The kernel is CIFG with layer normalization and projection only.
#include <cmath>

#include "ops/lstm_util.h"

namespace octet::ops {
namespace {

constexpr int kFractionBits = 12, kCellBits = 15;

// A product rounded to int8, and the multiplier that takes it to Q3.12.
struct Product {
  Multiplier round, widen;
  int32_t zero;
};

struct GateParams {
  Product input, recurrent;
  float norm_scale;
};

struct Params {
  LstmPass pass;
  GateParams gate[4];
  Multiplier projection;
  int32_t input_zero, output_zero;
  int16_t cell_clip;  // 0: none.
  int8_t proj_clip;
};

int32_t MultiplyRow(const Product& p, const int8_t* row, const int8_t* x, int32_t x_zero, int64_t n) {
  int32_t sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += (x[k] - x_zero) * row[k];
  const int8_t rounded = Saturate<int8_t>(Requantize(sum, p.round) + p.zero);
  return Requantize(rounded - p.zero, p.widen);
}

void Normalize(const int16_t* weight, float scale, const int32_t* bias, int64_t n, int16_t* v) {
  float sum = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    const float value = v[i];
    sum += value;
    squares += value * value;
  }
  const float count = static_cast<float>(n), mean = sum / count, variance = squares / count - mean * mean;
  const float inverse = 1.0f / std::sqrt(variance == 0 ? 1e-8f : variance);
  const float bias_scale = 0x1p-10f * scale;
  for (int64_t i = 0; i < n; ++i) {
    const float value = (static_cast<float>(v[i]) - mean) * inverse * static_cast<float>(weight[i]) * scale + static_cast<float>(bias[i]) * bias_scale;
    v[i] = SaturateReal<int16_t>(std::round(value * 0x1p12f));
  }
}

// In Q0.15, truncated.
int16_t ToFraction(float value) { return SaturateReal<int16_t>(value * 0x1p15f); }
void Logistic(int16_t* v, int64_t n) {
  for (int64_t i = 0; i < n; ++i) v[i] = ToFraction(1.0f / (1.0f + std::exp(-(static_cast<float>(v[i]) * 0x1p-12f))));
}
void Tanh(const int16_t* from, int64_t n, int bits, int16_t* to) {
  for (int64_t i = 0; i < n; ++i) to[i] = ToFraction(std::tanh(std::ldexp(static_cast<float>(from[i]), -bits)));
}

void Gate(const Params& p, const Run& run, int gate, const int8_t* x, const int8_t* h, int16_t* out) {
  const LstmSizes& s = p.pass.sizes;
  const LstmOperands& at = p.pass.at;
  const auto *w = OperandOf<int8_t>(run, at.input_weights[gate]), *r = OperandOf<int8_t>(run, at.recurrent_weights[gate]);
  for (int64_t i = 0; i < s.cells; ++i)
    out[i] = Saturate<int16_t>(MultiplyRow(p.gate[gate].input, w + i * s.inputs, x, p.input_zero, s.inputs) +
                               MultiplyRow(p.gate[gate].recurrent, r + i * s.outputs, h, p.output_zero, s.outputs));
  Normalize(OperandOf<int16_t>(run, at.norm[gate]), p.gate[gate].norm_scale, OperandOf<int32_t>(run, at.bias[gate]), s.cells, out);
  if (gate == kCellGate) Tanh(out, s.cells, kFractionBits, out);
  else Logistic(out, s.cells);
}

void UpdateCell(const Params& p, const int16_t* forget, const int16_t* candidate, int16_t* cell) {
  for (int64_t i = 0; i < p.pass.sizes.cells; ++i) {
    const auto kept = static_cast<int16_t>(RoundingDivideByPot(forget[i] * cell[i], kCellBits));
    const auto added = static_cast<int16_t>(RoundingDivideByPot((32767 - forget[i]) * candidate[i], kCellBits));
    cell[i] = Saturate<int16_t>(kept + added);
    if (p.cell_clip > 0) cell[i] = std::clamp<int16_t>(cell[i], static_cast<int16_t>(-p.cell_clip), p.cell_clip);
  }
}

void Project(const Params& p, const Run& run, const int16_t* hidden, int8_t* h) {
  const LstmSizes& s = p.pass.sizes;
  const auto* w = OperandOf<int8_t>(run, p.pass.at.projection);
  const auto* bias = OperandOf<int32_t>(run, p.pass.at.projection_bias);
  for (int64_t r = 0; r < s.outputs; ++r) {
    int64_t sum = bias[r];
    for (int64_t k = 0; k < s.cells; ++k) sum += hidden[k] * w[r * s.cells + k];
    h[r] = Saturate<int8_t>(Requantize64(sum, p.projection) + p.output_zero);
    if (p.proj_clip > 0) h[r] = std::clamp<int8_t>(h[r], static_cast<int8_t>(-p.proj_clip), p.proj_clip);
  }
}

Status Sequence(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const LstmSizes& s = p.pass.sizes;
  auto* forget = reinterpret_cast<int16_t*>(run.workspace);
  int16_t *candidate = forget + s.cells, *output = candidate + s.cells;
  for (int64_t i = 0; i < s.steps * s.batch; ++i) {
    const int64_t step = i / s.batch, b = i % s.batch, row = s.time_major ? i : b * s.steps + step;
    const auto* x = OperandOf<int8_t>(run, p.pass.at.input) + row * s.inputs;
    auto* h = reinterpret_cast<int8_t*>(run.in[p.pass.at.output_state]) + b * s.outputs;
    auto* cell = reinterpret_cast<int16_t*>(run.in[p.pass.at.cell_state]) + b * s.cells;
    Gate(p, run, kForgetGate, x, h, forget);
    Gate(p, run, kCellGate, x, h, candidate);
    UpdateCell(p, forget, candidate, cell);
    Gate(p, run, kOutputGate, x, h, output);
    Tanh(cell, s.cells, kCellBits, candidate);
    for (int64_t k = 0; k < s.cells; ++k) candidate[k] = static_cast<int16_t>(RoundingDivideByPot(output[k] * candidate[k], 15));
    Project(p, run, candidate, h);
    std::copy_n(h, s.outputs, run.output<int8_t>(p.pass.output) + row * s.outputs);
  }
  return {};
}

float ScaleOf(const OpView& op, int i) { return op.in(i)->quant.scale0(); }

Status CheckOperands(const OpView& op, const LstmOperands& at) {
  for (const TensorType* t : op.intermediates) {
    if (!t) return op.Fail(Code::kInvalidModel, "an intermediate is missing");
    OCTET_TRY(CheckPerTensor(op, *t, "an intermediate"));
  }
  OCTET_TRY(CheckLstmIntegerOperands(op, at));
  if (!OperandOf(op, at.norm[kForgetGate]) || !OperandOf(op, at.projection_bias) || ScaleOf(op, at.cell_state) != 0x1p-15f)
    return op.Fail(Code::kUnsupported, "products of 8 bits need layer normalization, a projection with bias and cells of scale 2^-15");
  return {};
}

// Of each gate three intermediates: the sum W·x + R·h, then W·x and R·h.
void SetGate(Prepare& p, int gate, const LstmOperands& at, GateParams* g) {
  const OpView& op = p.op;
  const auto scale = [&](int i) { return op.intermediates[static_cast<size_t>(i)]->quant.scale0(); };
  const auto zero = [&](int i) { return op.intermediates[static_cast<size_t>(i)]->quant.zero0(); };
  const int sum = 3 * gate, x = sum + 1, h = sum + 2;
  g->input = {QuantizeMultiplier(ScaleOf(op, at.input_weights[gate]) * ScaleOf(op, at.input) / scale(x)), QuantizeMultiplier(scale(x) / scale(sum)), zero(x)};
  g->recurrent = {QuantizeMultiplier(ScaleOf(op, at.recurrent_weights[gate]) * ScaleOf(op, at.output_state) / scale(h)),
                  QuantizeMultiplier(scale(h) / scale(sum)), zero(h)};
  const Multiplier norm = QuantizeMultiplier(static_cast<double>(ScaleOf(op, at.norm[gate])));
  g->norm_scale = static_cast<float>(std::ldexp(static_cast<double>(norm.mantissa), norm.shift - 31));
}

}  // namespace

Status PrepareLstmInteger8(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass) {
  const OpView& op = p.op;
  const LstmOperands& at = pass.at;
  OCTET_TRY(CheckOperands(op, at));
  auto* params = p.Params<Params>();
  params->pass = pass;
  for (int gate = kForgetGate; gate < 4; ++gate) SetGate(p, gate, at, &params->gate[gate]);
  // LiteRT's kernel reads behind a list: of the output gate's R·h it takes the forget gate's exponent as
  // mantissa and the cell gate's zero point. Its results are the ones that count.
  params->gate[kOutputGate].recurrent.widen.mantissa = params->gate[kForgetGate].recurrent.widen.shift;
  params->gate[kOutputGate].recurrent.zero = params->gate[kCellGate].input.zero;
  params->input_zero = op.in(at.input)->quant.zero0();
  params->output_zero = op.in(at.output_state)->quant.zero0();
  const double projection = static_cast<double>(ScaleOf(op, at.projection)) * 0x1p-15 / static_cast<double>(ScaleOf(op, at.output_state));
  params->projection = QuantizeMultiplier(static_cast<double>(static_cast<float>(projection)));
  if (attrs.cell_clip > 0 && attrs.cell_clip < 1) params->cell_clip = static_cast<int16_t>(std::min(attrs.cell_clip * 0x1p15f, 32767.0f));
  if (attrs.proj_clip > 0) params->proj_clip = SaturateReal<int8_t>(attrs.proj_clip / op.out(0)->quant.scale0());
  p.Workspace(static_cast<size_t>(3 * pass.sizes.cells) * sizeof(int16_t));
  p.SetRun(Sequence, params);
  return {};
}

}  // namespace octet::ops
