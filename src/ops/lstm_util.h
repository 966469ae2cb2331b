// SPDX-License-Identifier: Apache-2.0
// The LSTM cell over a sequence, as LiteRT's full kernel defines it:
//   i, f, o = σ(W·x + R·h + p⊙c + b)    g = act(W·x + R·h + b)    c ← f⊙c + i⊙g    h ← P·(o⊙act(c)) + b_P
// optional: peepholes p, projection P, layer normalization of the sums, i = 1 - f when i has no weights.
#pragma once
#include "ops/op_def.h"
#include "ops/quant_util.h"

namespace octet::ops {

// Operands, in the order of the schema. Gates are input, forget, cell, output.
inline constexpr int kLstmInput = 0;
inline constexpr int kLstmInputWeights = 1;      // Four: [cells, inputs].
inline constexpr int kLstmRecurrentWeights = 5;  // Four: [cells, outputs].
inline constexpr int kLstmPeephole = 9;          // Three: input, forget, output gate; [cells].
inline constexpr int kLstmBias = 12;             // Four: [cells].
inline constexpr int kLstmProjection = 16;       // [outputs, cells]
inline constexpr int kLstmProjectionBias = 17;   // [outputs]
inline constexpr int kLstmOutputState = 18;      // [batch, outputs]
inline constexpr int kLstmCellState = 19;        // [batch, cells]
inline constexpr int kLstmNorm = 20;             // Four: [cells].

inline constexpr int kInputGate = 0, kForgetGate = 1, kCellGate = 2, kOutputGate = 3;
// Operand of a gate's peephole; -1 for the cell gate, which has none.
inline int LstmPeepholeOf(int gate) {
  return gate == kCellGate ? -1 : kLstmPeephole + (gate == kOutputGate ? 2 : gate);
}

struct LstmAttrs {
  Activation fused_activation_function = Activation::kNone;
  float cell_clip = 0;
  float proj_clip = 0;
  bool time_major = false;
  bool asymmetric_quantize_inputs = false;
  bool diagonal_recurrent_tensors = false;
};

// Sizes, and how the sequence lies in memory. A time-major step handles the whole batch, a batch-major
// one handles one entry, in LiteRT's order.
struct LstmSizes {
  int64_t steps, batch, inputs, cells, outputs;
  bool time_major;

  int64_t rows() const { return time_major ? batch : 1; }  // Per step.
  int64_t calls() const { return time_major ? steps : steps * batch; }
  int64_t first_row(int64_t call) const { return time_major ? 0 : call / steps; }  // Of the states.
};
LstmSizes LstmSizesOf(const OpView& op, bool time_major);

// Shapes of all operands against each other; also the types that a row of types cannot tell.
Status CheckLstm(const OpView& op, bool time_major);

// Float or int8 weights, constant, without the optional parts: the fast way (lstm_packed_util.cc).
bool TakesLstmPacked(const OpView& op);
Status PrepareLstmPacked(Prepare& p, const LstmAttrs& attrs);
Status PrepareLstmFloat(Prepare& p, const LstmAttrs& attrs);    // Weights f32.
Status PrepareLstmHybrid(Prepare& p, const LstmAttrs& attrs);   // Weights i8, everything else f32.
Status PrepareLstmInteger(Prepare& p, const LstmAttrs& attrs);  // int8 with int16 cells.

}  // namespace octet::ops
