// SPDX-License-Identifier: Apache-2.0
// The LSTM cell in integers: int8 activations and weights, int16 gates (Q3.12 before, Q0.15 after the
// activation) and int16 cells whose scale is a power of two. Bit for bit LiteRT's 8x8_16 kernel.
#include <cmath>

#include "ops/fixed_point_util.h"
#include "ops/lstm_util.h"

namespace octet::ops {
namespace {

struct GateParams {
  Multiplier input, recurrent, peephole, norm;
  const int32_t* input_bias;      // Bias (unless normalized) and zero point of the input folded in.
  const int32_t* recurrent_bias;  // Zero point of the output state folded in.
  int32_t variance_guard;
};

struct Params {
  LstmPass pass;
  GateParams gate[4];
  Multiplier hidden, projection;
  const int32_t* projection_bias;
  int32_t hidden_zero, output_zero;
  int cell_shift;     // log2 of the cell's scale: -15 + integer bits.
  int16_t cell_clip;  // 0: none.
  int8_t proj_clip;
};

int16_t Saturate16(int32_t x) { return Saturate<int16_t>(x); }

// out[r] ← sat16(out[r] + (bias + M·x)·scale)
void AddProduct(const int8_t* matrix, const int8_t* x, const int32_t* bias, Multiplier scale, int64_t rows,
                int64_t n, int16_t* out) {
  for (int64_t r = 0; r < rows; ++r) {
    int32_t sum = bias[r];
    for (int64_t k = 0; k < n; ++k) sum += matrix[r * n + k] * x[k];
    out[r] = Saturate16(Requantize(sum, scale) + out[r]);
  }
}

// Mean and variance with 10 extra bits; weights and bias in 2^-10 of the result.
void Normalize(const GateParams& g, const int16_t* weight, const int32_t* bias, int64_t n, int16_t* v) {
  int64_t sum = 0, squares = 0;
  for (int64_t i = 0; i < n; ++i) {
    sum += v[i];
    squares += int32_t{v[i]} * v[i];
  }
  const auto mean = static_cast<int32_t>(sum * 1024 / n);
  const auto part = static_cast<int32_t>((1 << 20) / n);
  auto variance = static_cast<int32_t>((squares * part - int64_t{mean} * mean) / (1 << 20));
  if (variance < 1) variance = g.variance_guard;
  const Multiplier inverse = fixed::InverseSqrt(variance);
  for (int64_t i = 0; i < n; ++i) {
    const int32_t centered = Requantize(1024 * v[i] - mean, inverse);
    const auto scaled =
        static_cast<int32_t>(static_cast<uint32_t>(centered) * static_cast<uint32_t>(int32_t{weight[i]}) +
                             static_cast<uint32_t>(bias[i]));
    const int32_t rounded = (scaled > 0 ? int64_t{scaled} + 512 : int64_t{scaled} - 512) / 1024;
    v[i] = Saturate16(Requantize(rounded, {g.norm.mantissa, g.norm.shift + 12}));
  }
}

template <int... bits>
void TanhOf(int integer_bits, const int16_t* in, int64_t n, int16_t* out, std::integer_sequence<int, bits...>) {
  const auto apply = [&]<int b>() {
    for (int64_t i = 0; i < n; ++i) out[i] = fixed::Tanh<int16_t, b>(in[i]);
  };
  (void)((integer_bits == bits ? (apply.template operator()<bits>(), true) : false) || ...);
}
void Tanh(int integer_bits, const int16_t* in, int64_t n, int16_t* out) {
  TanhOf(integer_bits, in, n, out, std::make_integer_sequence<int, 7>());
}

// The gate of `rows` batch entries.
void Gate(const Params& p, const Run& run, int gate, int64_t rows, const int8_t* x, const int8_t* h,
          const int16_t* cell, int16_t* out) {
  const LstmSizes& s = p.pass.sizes;
  const GateParams& g = p.gate[gate];
  std::fill_n(out, rows * s.cells, int16_t{0});
  for (int64_t b = 0; b < rows; ++b) {
    int16_t* row = out + b * s.cells;
    AddProduct(OperandOf<int8_t>(run, p.pass.at.input_weights[gate]), x + b * s.inputs, g.input_bias, g.input, s.cells,
               s.inputs, row);
    AddProduct(OperandOf<int8_t>(run, p.pass.at.recurrent_weights[gate]), h + b * s.outputs, g.recurrent_bias, g.recurrent,
               s.cells, s.outputs, row);
  }
  if (const int16_t* peephole = OperandOf<int16_t>(run, p.pass.at.peephole[gate])) {
    // The reference walks as if each entry had as many cells as outputs: with a projection it leaves cells out.
    for (int64_t i = 0; i < std::min(rows * s.outputs, rows * s.cells); ++i) {
      const int64_t v = i % s.outputs;
      if (v < s.cells) out[i] = Saturate16(Requantize(peephole[v] * cell[i], g.peephole) + out[i]);
    }
  }
  for (int64_t b = 0; b < rows; ++b) {
    int16_t* row = out + b * s.cells;
    if (const auto* norm = OperandOf<int16_t>(run, p.pass.at.norm[gate]))
      Normalize(g, norm, OperandOf<int32_t>(run, p.pass.at.bias[gate]), s.cells, row);
    if (gate == kCellGate) Tanh(3, row, s.cells, row);
    else
      for (int64_t i = 0; i < s.cells; ++i) row[i] = fixed::Logistic<int16_t, 3>(row[i]);
  }
}

void UpdateCell(const Params& p, bool coupled, int64_t n, int16_t* const gate[4], int16_t* cell) {
  for (int64_t i = 0; i < n; ++i) {
    const int16_t forget = gate[kForgetGate][i];
    const auto in = coupled ? static_cast<int16_t>(32767 - forget) : gate[kInputGate][i];
    const auto kept = static_cast<int16_t>(RoundingDivideByPot(forget * cell[i], 15));
    const auto added = static_cast<int16_t>(RoundingDivideByPot(in * gate[kCellGate][i], 30 + p.cell_shift));
    cell[i] = Saturate16(kept + added);
    if (p.cell_clip > 0) cell[i] = std::clamp<int16_t>(cell[i], static_cast<int16_t>(-p.cell_clip), p.cell_clip);
  }
}

// One row: o⊙tanh(c), rescaled, and projected if there is a projection. `tanh` holds the input gate, which
// stays there when the cell's scale is below 2^-15 (SetCellShift).
void Output(const Params& p, const Run& run, const int16_t* out_gate, const int16_t* cell, int16_t* tanh,
            int8_t* hidden, int8_t* h) {
  const LstmSizes& s = p.pass.sizes;
  const auto* projection = OperandOf<int8_t>(run, p.pass.at.projection);
  Tanh(15 + p.cell_shift, cell, s.cells, tanh);
  int8_t* to = projection ? hidden : h;
  const int32_t zero = projection ? -p.hidden_zero : p.hidden_zero;
  for (int64_t i = 0; i < s.cells; ++i)
    to[i] = Saturate<int8_t>(Requantize(out_gate[i] * tanh[i], p.hidden) + zero);
  if (!projection) return;
  for (int64_t r = 0; r < s.outputs; ++r) {
    int32_t sum = p.projection_bias[r];
    for (int64_t k = 0; k < s.cells; ++k) sum += projection[r * s.cells + k] * hidden[k];
    h[r] = Saturate<int8_t>(Requantize(sum, p.projection) + p.output_zero);
    if (p.proj_clip > 0) h[r] = std::clamp<int8_t>(h[r], static_cast<int8_t>(-p.proj_clip), p.proj_clip);
  }
}

Status Sequence(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const LstmSizes& s = p.pass.sizes;
  const int64_t rows = s.rows(), n = rows * s.cells;
  auto* scratch = reinterpret_cast<int16_t*>(run.workspace);
  int16_t* gate[4] = {scratch, scratch + n, scratch + 2 * n, scratch + 3 * n};
  auto* hidden = reinterpret_cast<int8_t*>(scratch + 4 * n);
  const bool coupled = !OperandOf<int8_t>(run, p.pass.at.input_weights[kInputGate]);
  for (int64_t call = 0; call < s.calls(); ++call) {
    const auto* x = OperandOf<int8_t>(run, p.pass.at.input) + call * rows * s.inputs;
    auto* h = reinterpret_cast<int8_t*>(run.in[p.pass.at.output_state]) + s.first_row(call) * s.outputs;
    auto* cell = reinterpret_cast<int16_t*>(run.in[p.pass.at.cell_state]) + s.first_row(call) * s.cells;
    for (int g = coupled ? kForgetGate : kInputGate; g <= kCellGate; ++g)
      Gate(p, run, g, rows, x, h, cell, gate[g]);
    UpdateCell(p, coupled, n, gate, cell);
    Gate(p, run, kOutputGate, rows, x, h, cell, gate[kOutputGate]);
    for (int64_t b = 0; b < rows; ++b)
      Output(p, run, gate[kOutputGate] + b * s.cells, cell + b * s.cells, gate[kInputGate] + b * s.cells, hidden, h + b * s.outputs);
    std::copy_n(h, rows * s.outputs, run.output<int8_t>(p.pass.output) + call * rows * s.outputs);
  }
  return {};
}

// bias + factor · (sum of each row of the matrix)
const int32_t* FoldZeroPoint(Prepare& p, int matrix, int bias, int32_t factor) {
  const Shape& shape = p.op.in(matrix)->shape;
  const auto weights = p.op.const_of<int8_t>(matrix);
  const auto start = bias >= 0 ? p.op.const_of<int32_t>(bias) : std::span<const int32_t>();
  auto* folded = p.Array<int32_t>(static_cast<size_t>(shape[0]));
  for (int64_t r = 0; r < shape[0]; ++r) {
    int32_t sum = 0;
    for (int64_t k = 0; k < shape[1]; ++k) sum += weights[static_cast<size_t>(r * shape[1] + k)];
    const int32_t from = start.empty() ? 0 : start[static_cast<size_t>(r)];
    folded[r] = static_cast<int32_t>(static_cast<uint32_t>(from) +
                                     static_cast<uint32_t>(sum) * static_cast<uint32_t>(factor));
  }
  return folded;
}

float ScaleOf(const OpView& op, int i) { return op.in(i)->quant.scale0(); }

Status CheckOperands(const OpView& op, const LstmOperands& at) {
  if (op.intermediates.size() != 5 || !op.intermediates[4])
    return op.Fail(Code::kInvalidModel, "expected 5 intermediate tensors, found %zu", op.intermediates.size());
  const bool norm = OperandOf(op, at.norm[kForgetGate]) != nullptr;
  for (int i = norm ? 0 : 4; i < 5; ++i) {
    if (!op.intermediates[i]) return op.Fail(Code::kInvalidModel, "intermediate %d is missing", i);
    OCTET_TRY(CheckPerTensor(op, *op.intermediates[i], "an intermediate"));
  }
  return CheckLstmIntegerOperands(op, at);
}

// Products of scales in float, as the reference forms them.
void SetGate(Prepare& p, const LstmOperands& at, int gate, int cell_shift, GateParams* g) {
  const OpView& op = p.op;
  const bool norm = OperandOf(op, at.norm[gate]) != nullptr;
  const float scale = norm ? op.intermediates[gate]->quant.scale0() : 0x1p-12f;
  const int w = at.input_weights[gate], r = at.recurrent_weights[gate];
  g->input = QuantizeMultiplier(ScaleOf(op, w) * ScaleOf(op, at.input) / scale);
  g->recurrent = QuantizeMultiplier(ScaleOf(op, r) * ScaleOf(op, at.output_state) / scale);
  if (OperandOf(op, at.peephole[gate])) {
    const double real =
        std::ldexp(1.0, cell_shift) * static_cast<double>(ScaleOf(op, at.peephole[gate])) / static_cast<double>(scale);
    g->peephole = QuantizeMultiplier(static_cast<double>(static_cast<float>(real)));
  }
  const float norm_scale = norm ? ScaleOf(op, at.norm[gate]) : 1.0f;
  g->norm = QuantizeMultiplier(static_cast<double>(norm_scale));
  g->variance_guard = std::max(1, static_cast<int32_t>(10000 * norm_scale));
  g->input_bias = FoldZeroPoint(p, w, norm ? -1 : at.bias[gate], -op.in(at.input)->quant.zero0());
  g->recurrent_bias = FoldZeroPoint(p, r, -1, -op.in(at.output_state)->quant.zero0());
}

// The cell's scale is 2^shift. Above 2^-9 LiteRT refuses. Below 2^-15 it leaves tanh out and multiplies the
// output gate with what its buffer holds, which is the input gate; without one the buffer is undefined.
Status SetCellShift(const OpView& op, const LstmOperands& at, int* shift) {
  const float scale = ScaleOf(op, at.cell_state);
  const double log2 = std::log2(static_cast<double>(scale));
  *shift = static_cast<int>(std::lround(log2));
  const bool coupled = !OperandOf(op, at.input_weights[kInputGate]);
  if (std::abs(log2 - *shift) <= 1e-3 && *shift >= (coupled ? -15 : -30) && *shift <= -9) return {};
  return op.Fail(Code::kUnsupported, "the cell's scale must be a power of two in [2^%d, 2^-9], found %g", coupled ? -15 : -30,
                 static_cast<double>(scale));
}

void SetOutput(Prepare& p, const LstmAttrs& attrs, Params* params) {
  const OpView& op = p.op;
  const LstmOperands& at = params->pass.at;
  const float hidden_scale = op.intermediates[4]->quant.scale0();
  params->hidden = QuantizeMultiplier(
      static_cast<double>(static_cast<float>(0x1p-15 / static_cast<double>(hidden_scale) * 0x1p-15)));
  params->hidden_zero = op.intermediates[4]->quant.zero0();
  params->output_zero = op.in(at.output_state)->quant.zero0();
  if (OperandOf(op, at.projection)) {
    params->projection = QuantizeMultiplier(ScaleOf(op, at.projection) * hidden_scale / ScaleOf(op, at.output_state));
    const int bias = OperandOf(op, at.projection_bias) ? at.projection_bias : -1;
    params->projection_bias = FoldZeroPoint(p, at.projection, bias, params->hidden_zero);
  }
  if (attrs.cell_clip > 0)
    params->cell_clip = SaturateReal<int16_t>(attrs.cell_clip / ScaleOf(op, at.cell_state));
  if (attrs.proj_clip > 0)
    params->proj_clip = SaturateReal<int8_t>(attrs.proj_clip / op.out(0)->quant.scale0());
}

}  // namespace

Status CheckLstmIntegerOperands(const OpView& op, const LstmOperands& at) {
  for (int i = 0; i < op.num_inputs(); ++i) {
    const bool quantized = op.in(i) && op.in(i)->dtype != DType::kI32;
    if (quantized) OCTET_TRY(CheckPerTensor(op, *op.in(i), "an operand"));
    const bool state = i == at.input || i == at.output_state || i == at.cell_state;
    if (op.in(i) && !state && !op.has_const(i))
      return op.Fail(Code::kUnsupported, "operand %d must be constant", i);
  }
  return CheckPerTensor(op, *op.out(0), "output");
}

Status PrepareLstmInteger16(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass) {
  const OpView& op = p.op;
  OCTET_TRY(CheckOperands(op, pass.at));
  auto* params = p.Params<Params>();
  params->pass = pass;
  OCTET_TRY(SetCellShift(op, pass.at, &params->cell_shift));
  for (int gate = OperandOf(op, pass.at.input_weights[kInputGate]) ? 0 : 1; gate < 4; ++gate)
    SetGate(p, pass.at, gate, params->cell_shift, &params->gate[gate]);
  SetOutput(p, attrs, params);
  const LstmSizes& s = pass.sizes;
  p.Workspace(static_cast<size_t>(4 * s.rows() * s.cells) * sizeof(int16_t) +
              static_cast<size_t>(s.cells));
  p.SetRun(Sequence, params);
  return {};
}

}  // namespace octet::ops
