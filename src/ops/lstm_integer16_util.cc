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
  LstmSizes sizes;
  GateParams gate[4];
  Multiplier hidden, projection;
  const int32_t* projection_bias;
  int32_t hidden_zero, output_zero;
  int cell_shift;     // log2 of the cell's scale.
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
  const LstmSizes& s = p.sizes;
  const GateParams& g = p.gate[gate];
  std::fill_n(out, rows * s.cells, int16_t{0});
  for (int64_t b = 0; b < rows; ++b) {
    int16_t* row = out + b * s.cells;
    AddProduct(run.input<int8_t>(kLstmInputWeights + gate), x + b * s.inputs, g.input_bias, g.input, s.cells,
               s.inputs, row);
    AddProduct(run.input<int8_t>(kLstmRecurrentWeights + gate), h + b * s.outputs, g.recurrent_bias, g.recurrent,
               s.cells, s.outputs, row);
  }
  if (const int16_t* peephole = gate == kCellGate ? nullptr : run.input<int16_t>(LstmPeepholeOf(gate))) {
    // The reference walks as if each entry had as many cells as outputs: with a projection it leaves cells out.
    for (int64_t i = 0; i < std::min(rows * s.outputs, rows * s.cells); ++i) {
      const int64_t v = i % s.outputs;
      if (v < s.cells) out[i] = Saturate16(Requantize(peephole[v] * cell[i], g.peephole) + out[i]);
    }
  }
  for (int64_t b = 0; b < rows; ++b) {
    int16_t* row = out + b * s.cells;
    if (const auto* norm = run.input<int16_t>(kLstmNorm + gate))
      Normalize(g, norm, run.input<int32_t>(kLstmBias + gate), s.cells, row);
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

// One row: o⊙tanh(c), rescaled, and projected if there is a projection.
void Output(const Params& p, const Run& run, const int16_t* out_gate, const int16_t* cell, int16_t* tanh,
            int8_t* hidden, int8_t* h) {
  const LstmSizes& s = p.sizes;
  const auto* projection = run.input<int8_t>(kLstmProjection);
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
  const LstmSizes& s = p.sizes;
  const int64_t rows = s.rows(), n = rows * s.cells;
  auto* scratch = reinterpret_cast<int16_t*>(run.workspace);
  int16_t* gate[4] = {scratch, scratch + n, scratch + 2 * n, scratch + 3 * n};
  int16_t* tanh = scratch + 4 * n;
  auto* hidden = reinterpret_cast<int8_t*>(tanh + s.cells);
  const bool coupled = !run.in[kLstmInputWeights];
  for (int64_t call = 0; call < s.calls(); ++call) {
    const auto* x = run.input<int8_t>(kLstmInput) + call * rows * s.inputs;
    auto* h = reinterpret_cast<int8_t*>(run.in[kLstmOutputState]) + s.first_row(call) * s.outputs;
    auto* cell = reinterpret_cast<int16_t*>(run.in[kLstmCellState]) + s.first_row(call) * s.cells;
    for (int g = coupled ? kForgetGate : kInputGate; g <= kCellGate; ++g)
      Gate(p, run, g, rows, x, h, cell, gate[g]);
    UpdateCell(p, coupled, n, gate, cell);
    Gate(p, run, kOutputGate, rows, x, h, cell, gate[kOutputGate]);
    for (int64_t b = 0; b < rows; ++b)
      Output(p, run, gate[kOutputGate] + b * s.cells, cell + b * s.cells, tanh, hidden, h + b * s.outputs);
    std::copy_n(h, rows * s.outputs, run.output<int8_t>(0) + call * rows * s.outputs);
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

Status CheckOperands(const OpView& op) {
  if (op.intermediates.size() != 5 || !op.intermediates[4])
    return op.Fail(Code::kInvalidModel, "expected 5 intermediate tensors, found %zu", op.intermediates.size());
  const bool norm = op.in(kLstmNorm + kForgetGate) != nullptr;
  for (int i = norm ? 0 : 4; i < 5; ++i) {
    if (!op.intermediates[i]) return op.Fail(Code::kInvalidModel, "intermediate %d is missing", i);
    OCTET_TRY(CheckPerTensor(op, *op.intermediates[i], "an intermediate"));
  }
  for (int i = 0; i < op.num_inputs(); ++i) {
    const bool quantized = op.in(i) && op.in(i)->dtype != DType::kI32;
    if (quantized) OCTET_TRY(CheckPerTensor(op, *op.in(i), "an operand"));
    const bool state = i == kLstmInput || i == kLstmOutputState || i == kLstmCellState;
    if (op.in(i) && !state && !op.has_const(i))
      return op.Fail(Code::kUnsupported, "operand %d must be constant", i);
  }
  return CheckPerTensor(op, *op.out(0), "output");
}

// Products of scales in float, as the reference forms them.
void SetGate(Prepare& p, int gate, int cell_shift, GateParams* g) {
  const OpView& op = p.op;
  const bool norm = op.in(kLstmNorm + gate) != nullptr;
  const float scale = norm ? op.intermediates[gate]->quant.scale0() : 0x1p-12f;
  const int w = kLstmInputWeights + gate, r = kLstmRecurrentWeights + gate;
  g->input = QuantizeMultiplier(ScaleOf(op, w) * ScaleOf(op, kLstmInput) / scale);
  g->recurrent = QuantizeMultiplier(ScaleOf(op, r) * ScaleOf(op, kLstmOutputState) / scale);
  const int peephole = gate == kCellGate ? -1 : LstmPeepholeOf(gate);
  if (peephole >= 0 && op.in(peephole)) {
    const double real =
        std::ldexp(1.0, cell_shift) * static_cast<double>(ScaleOf(op, peephole)) / static_cast<double>(scale);
    g->peephole = QuantizeMultiplier(static_cast<double>(static_cast<float>(real)));
  }
  const float norm_scale = norm ? ScaleOf(op, kLstmNorm + gate) : 1.0f;
  g->norm = QuantizeMultiplier(static_cast<double>(norm_scale));
  g->variance_guard = std::max(1, static_cast<int32_t>(10000 * norm_scale));
  g->input_bias = FoldZeroPoint(p, w, norm ? -1 : kLstmBias + gate, -op.in(kLstmInput)->quant.zero0());
  g->recurrent_bias = FoldZeroPoint(p, r, -1, -op.in(kLstmOutputState)->quant.zero0());
}

}  // namespace

Status PrepareLstmInteger(Prepare& p, const LstmAttrs& attrs) {
  const OpView& op = p.op;
  OCTET_TRY(CheckOperands(op));
  auto* params = p.Params<Params>();
  params->sizes = LstmSizesOf(op, attrs.time_major);
  const double log2 = std::log2(static_cast<double>(ScaleOf(op, kLstmCellState)));
  params->cell_shift = static_cast<int>(std::lround(log2));
  if (std::abs(log2 - params->cell_shift) > 1e-3 || params->cell_shift < -15 || params->cell_shift > -9)
    return op.Fail(Code::kUnsupported, "the cell's scale must be a power of two in [2^-15, 2^-9], found %g",
                   static_cast<double>(ScaleOf(op, kLstmCellState)));
  for (int gate = op.in(kLstmInputWeights) ? 0 : 1; gate < 4; ++gate)
    SetGate(p, gate, params->cell_shift, &params->gate[gate]);
  const float hidden_scale = op.intermediates[4]->quant.scale0();
  params->hidden = QuantizeMultiplier(
      static_cast<double>(static_cast<float>(0x1p-15 / static_cast<double>(hidden_scale) * 0x1p-15)));
  params->hidden_zero = op.intermediates[4]->quant.zero0();
  params->output_zero = op.in(kLstmOutputState)->quant.zero0();
  if (op.in(kLstmProjection)) {
    params->projection =
        QuantizeMultiplier(ScaleOf(op, kLstmProjection) * hidden_scale / ScaleOf(op, kLstmOutputState));
    const int bias = op.in(kLstmProjectionBias) ? kLstmProjectionBias : -1;
    params->projection_bias = FoldZeroPoint(p, kLstmProjection, bias, params->hidden_zero);
  }
  if (attrs.cell_clip > 0)
    params->cell_clip =
        static_cast<int16_t>(std::clamp(attrs.cell_clip / ScaleOf(op, kLstmCellState), -32768.0f, 32767.0f));
  if (attrs.proj_clip > 0)
    params->proj_clip =
        static_cast<int8_t>(std::clamp(attrs.proj_clip / op.out(0)->quant.scale0(), -128.0f, 127.0f));
  const LstmSizes& s = params->sizes;
  p.Workspace(static_cast<size_t>(4 * s.rows() * s.cells + s.cells) * sizeof(int16_t) +
              static_cast<size_t>(s.cells));
  p.SetRun(Sequence, params);
  return {};
}

}  // namespace octet::ops
