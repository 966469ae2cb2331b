// SPDX-License-Identifier: Apache-2.0
// The integer LSTM of lstm_integer16_util.cc on packed weights, bit for bit: the products with the inputs of
// many steps are made ahead (the reference rescales them apart from the states'), gates run in 16-bit lanes.
// Without peepholes, projection, normalization and coupled gates.
#include <cmath>
#include <cstring>

#include "kernels/elementwise.h"
#include "kernels/fixed16.h"
#include "kernels/int8.h"
#include "ops/binary_vector_util.h"
#include "ops/lstm_util.h"
#include "ops/row_blocks.h"

namespace octet::ops {
namespace {

using kernels::kPanel;
using kernels::RoundUp;

constexpr int64_t kSumBytes = 256 << 10;  // Of the gates' sums that are made ahead.
constexpr int64_t kRows = 24;             // Inputs multiplied at once.
constexpr LstmOperands kAt;

// One gate's matrix.
struct Matrix {
  const int8_t* packed = nullptr;
  const int32_t* bias = nullptr;  // With all zero points' shares; padded.
  kernels::Rescale rescale;
};

struct Params {
  LstmSizes sizes;
  Matrix input[4], recurrent[4];
  kernels::Rescale hidden;
  int32_t hidden_zero = 0;
  int cell_shift = 0;
  int16_t cell_clip = 0;
  int64_t pitch = 0, rows_ahead = 0;  // int16 sums of a row: four gates, each padded.
  int64_t gates_at = 0, products_at = 0, zeros_at = 0, pointers_at = 0, loaded_at = 0, kernel_at = 0;
};

// Where one gate's sums go.
struct Shorts {
  const kernels::Rescale& rescale;
  const int16_t* add;   // Row by row, add_step apart.
  int64_t add_step;
  int16_t* to;
  int64_t to_step, columns;
  static void Take(void* context, const int32_t* sums, int64_t row, int rows, int64_t column, int panels) {
    const Shorts& s = *static_cast<const Shorts*>(context);
    const int64_t n = std::min<int64_t>(panels * kPanel, s.columns - column);
    for (int r = 0; r < rows; ++r)
      kernels::Vectors().to_shorts(sums + r * panels * kPanel, n, s.rescale, s.add + (row + r) * s.add_step + column, s.to + (row + r) * s.to_step + column);
  }
};

void Multiply(const Params& p, const Run& run, const Matrix& m, int64_t depth, int64_t rows, Shorts out) {
  constexpr int64_t kStart = 0;
  kernels::ProductS8 product{.offset = &kStart, .length = depth, .packed = m.packed, .columns = p.sizes.cells, .take = Shorts::Take, .context = &out};
  product.requant.bias = m.bias;
  kernels::BestInt8().multiply(product, reinterpret_cast<const void* const*>(run.workspace + p.pointers_at), rows, 0,
                               RoundUp(p.sizes.cells, kPanel) / kPanel, nullptr, run.workspace + p.kernel_at);
}

void LoadRows(const Params& p, const Run& run, const int8_t* x, int64_t depth, int64_t rows) {
  const kernels::Int8& k = kernels::BestInt8();
  auto** pointers = reinterpret_cast<const void**>(run.workspace + p.pointers_at);
  std::byte* to = run.workspace + p.loaded_at;
  for (int64_t r = 0; r < rows; ++r, x += depth, to += RoundUp(depth, 4) * k.value_bytes) {
    k.load(x, depth, to);
    pointers[r] = to;
  }
}

void InputSums(const Params& p, const Run& run, int64_t first, int64_t n, int16_t* sums) {
  const auto* zeros = reinterpret_cast<const int16_t*>(run.workspace + p.zeros_at);
  const int64_t gate_pitch = p.pitch / 4;
  for (int64_t at = 0; at < n; at += kRows) {
    const int64_t rows = std::min(kRows, n - at);
    LoadRows(p, run, run.input<int8_t>(kAt.input) + (first + at) * p.sizes.inputs, p.sizes.inputs, rows);
    for (int g = 0; g < 4; ++g)
      Multiply(p, run, p.input[g], p.sizes.inputs, rows, {p.input[g].rescale, zeros, 0, sums + at * p.pitch + g * gate_pitch, p.pitch, p.sizes.cells});
  }
}

// c <- f * c + i * g, both products rounded apart; h <- o * tanh(c), rescaled.
void UpdateCell(const Params& p, const Run& run, int16_t* gates, int16_t* cell, int8_t* h) {
  const kernels::Fixed16& fixed = kernels::FixedPoint16();
  const int64_t n = p.sizes.cells, step = p.pitch / 4;
  int16_t *in = gates, *forget = gates + step, *value = gates + 2 * step, *out = gates + 3 * step;
  fixed.logistic(in, n, in);
  fixed.logistic(forget, n, forget);
  fixed.tanh(3, value, n, value);
  fixed.logistic(out, n, out);
  const int shift = 30 + p.cell_shift;
  const int32_t clip = p.cell_clip > 0 ? p.cell_clip : 32768;
  for (int64_t i = 0; i < n; ++i) {
    const auto kept = static_cast<int16_t>(RoundingDivideByPot(forget[i] * cell[i], 15));
    const auto added = static_cast<int16_t>(RoundingDivideByPot(in[i] * value[i], shift));
    cell[i] = static_cast<int16_t>(std::clamp(std::clamp(kept + added, -32768, 32767), -clip, clip));
  }
  // A scale below 2^-15 leaves tanh out: the input gate stands in its place (lstm_integer16_util.cc).
  if (p.cell_shift >= -15) fixed.tanh(15 + p.cell_shift, cell, n, value);
  else value = in;
  auto* product = reinterpret_cast<int32_t*>(run.workspace + p.products_at);
  for (int64_t i = 0; i < n; ++i) product[i] = out[i] * value[i];
  constexpr int32_t kNone = 0;
  kernels::Vectors().to_bytes(product, n, 1, &kNone, p.hidden, p.hidden_zero, n, h, n);
}

Status RunSequence(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const LstmSizes& s = p.sizes;
  auto *sums = reinterpret_cast<int16_t*>(run.workspace), *gates = reinterpret_cast<int16_t*>(run.workspace + p.gates_at);
  std::memset(run.workspace + p.zeros_at, 0, static_cast<size_t>(s.cells) * 2);
  auto* states = reinterpret_cast<int8_t*>(run.in[kAt.output_state]);
  auto* cells = reinterpret_cast<int16_t*>(run.in[kAt.cell_state]);
  for (int64_t first = 0; first < s.steps * s.batch; first += p.rows_ahead) {
    const int64_t n = std::min(p.rows_ahead, s.steps * s.batch - first);
    InputSums(p, run, first, n, sums);
    for (int64_t row = first; row < first + n; ++row) {
      const int64_t b = s.time_major ? row % s.batch : row / s.steps;
      int8_t* h = states + b * s.outputs;
      LoadRows(p, run, h, s.outputs, 1);
      for (int g = 0; g < 4; ++g) {
        const int64_t at = g * p.pitch / 4;
        Multiply(p, run, p.recurrent[g], s.outputs, 1, {p.recurrent[g].rescale, sums + (row - first) * p.pitch + at, 0, gates + at, 0, s.cells});
      }
      UpdateCell(p, run, gates, cells + b * s.cells, h);
      std::memcpy(run.output<int8_t>(0) + row * s.outputs, h, static_cast<size_t>(s.outputs));
    }
  }
  return {};
}

// ---------------------------------------------------------------------------------- prepare

struct PackContext {
  const int8_t* weights;
  int64_t depth, columns;
};
void Pack(std::byte* packed, const void* context) {
  const auto& c = *static_cast<const PackContext*>(context);
  PackPanelsS8(c.weights, c.depth, 1, c.depth, c.columns, reinterpret_cast<int8_t*>(packed));
}

float ScaleOf(const OpView& op, int i) { return op.in(i)->quant.scale0(); }

// bias: operand or -1. The loaded form of the left operand adds `offset` to each value.
Result<Matrix> PrepareMatrix(Prepare& prepare, int weights, int bias, int left, Multiplier multiplier) {
  const OpView& op = prepare.op;
  const int64_t columns = op.in(weights)->shape[0], depth = op.in(weights)->shape[1];
  const auto w = op.const_of<int8_t>(weights);
  const int32_t taken = kernels::BestInt8().offset + op.in(left)->quant.zero0();
  auto* folded = prepare.Array<int32_t>(static_cast<size_t>(RoundUp(columns, kPanel)));
  int64_t largest = 0;
  for (int64_t c = 0; c < columns; ++c) {
    const int32_t from = bias >= 0 ? op.const_of<int32_t>(bias)[static_cast<size_t>(c)] : 0;
    const int32_t sum = kernels::Vectors().total_s8(w.data() + c * depth, depth);
    folded[c] = static_cast<int32_t>(static_cast<uint32_t>(from) - static_cast<uint32_t>(sum) * static_cast<uint32_t>(taken));
    largest = std::max(largest, std::abs(int64_t{from}));
  }
  const PackContext context{w.data(), depth, columns};
  OCTET_ASSIGN(const std::byte* packed,
               prepare.Pack(weights, "K4N16", static_cast<uint64_t>(depth), static_cast<size_t>(PackedBytesS8(depth, columns)), Pack, &context));
  return Matrix{reinterpret_cast<const int8_t*>(packed), folded, RescaleOf(multiplier, largest + depth * 255 * 128)};
}

Status PrepareMatrices(Prepare& prepare, Params* p) {
  const OpView& op = prepare.op;
  for (int g = 0; g < 4; ++g) {
    const int w = kAt.input_weights[g], r = kAt.recurrent_weights[g];
    const Multiplier input = QuantizeMultiplier(ScaleOf(op, w) * ScaleOf(op, kAt.input) / 0x1p-12f);
    const Multiplier recurrent = QuantizeMultiplier(ScaleOf(op, r) * ScaleOf(op, kAt.output_state) / 0x1p-12f);
    OCTET_ASSIGN(p->input[g], PrepareMatrix(prepare, w, kAt.bias[g], kAt.input, input));
    OCTET_ASSIGN(p->recurrent[g], PrepareMatrix(prepare, r, -1, kAt.output_state, recurrent));
  }
  return {};
}

void AskForWorkspace(Prepare& prepare, Params* p) {
  const LstmSizes& s = p->sizes;
  const kernels::Int8& k = kernels::BestInt8();
  const int64_t depth4 = RoundUp(std::max(s.inputs, s.outputs), 4);
  p->pitch = 4 * RoundUp(s.cells, 32);
  p->rows_ahead = std::clamp<int64_t>(kSumBytes / (p->pitch * 2), 1, s.steps * s.batch);
  p->gates_at = p->rows_ahead * p->pitch * 2;
  p->products_at = p->gates_at + p->pitch * 2;
  p->zeros_at = p->products_at + p->pitch;
  p->pointers_at = p->zeros_at + p->pitch;
  p->loaded_at = p->pointers_at + RoundUp(kRows * 8, 64);
  p->kernel_at = p->loaded_at + RoundUp(kRows * depth4 * k.value_bytes, 64);
  prepare.Workspace(static_cast<size_t>(p->kernel_at + RoundUp(k.scratch_per_group * (depth4 / 4), 64)));
}

}  // namespace

bool TakesLstmPacked16(const OpView& op) {
  if (op.in(kAt.input)->dtype != DType::kI8 || op.intermediates.size() != 5 || !op.intermediates[4] || op.intermediates[4]->quant.scale.size() != 1)
    return false;
  if (op.in(kAt.input)->shape.rank() != 3 || op.in(kAt.input)->shape.elements() < 1) return false;
  for (int g = 0; g < 4; ++g) {
    if (!op.has_const(kAt.input_weights[g]) || !op.has_const(kAt.recurrent_weights[g]) || !op.has_const(kAt.bias[g]) || op.in(kAt.norm[g])) return false;
    if (op.in(kAt.recurrent_weights[g])->shape.rank() != 2 || op.in(kAt.bias[g])->dtype != DType::kI32) return false;
  }
  const double shift = std::log2(static_cast<double>(ScaleOf(op, kAt.cell_state)));
  const bool power = std::abs(shift - std::round(shift)) <= 1e-3 && shift > -30.5 && shift < -8.5;
  return power && op.in(kAt.cell_state)->dtype == DType::kI16 && !op.in(kAt.peephole[kForgetGate]) && !op.in(kAt.projection);
}

Status PrepareLstmPacked16(Prepare& prepare, const LstmAttrs& attrs) {
  const OpView& op = prepare.op;
  OCTET_TRY(CheckLstmIntegerOperands(op, kAt));
  auto* p = prepare.Params<Params>();
  p->sizes = LstmSizesOf(op, kAt, attrs.time_major);
  p->cell_shift = static_cast<int>(std::lround(std::log2(static_cast<double>(ScaleOf(op, kAt.cell_state)))));
  if (attrs.cell_clip > 0) p->cell_clip = SaturateReal<int16_t>(attrs.cell_clip / ScaleOf(op, kAt.cell_state));
  const Multiplier hidden =
      QuantizeMultiplier(static_cast<double>(static_cast<float>(0x1p-15 / static_cast<double>(op.intermediates[4]->quant.scale0()) * 0x1p-15)));
  p->hidden = RescaleOf(hidden, int64_t{1} << 30);
  p->hidden_zero = op.intermediates[4]->quant.zero0();
  OCTET_TRY(PrepareMatrices(prepare, p));
  AskForWorkspace(prepare, p);
  prepare.SetRun(RunSequence, p);
  return {};
}

}  // namespace octet::ops
