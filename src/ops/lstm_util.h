// SPDX-License-Identifier: Apache-2.0
// The LSTM cell over a sequence, as LiteRT's full kernel defines it:
//   i, f, o = σ(W·x + A·a + R·h + p⊙c + b)    g = act(W·x + A·a + R·h + b)    c ← f⊙c + i⊙g    h ← P·(o⊙act(c)) + b_P
// optional: an auxiliary input a, peepholes p, projection P, layer normalization of the sums, i = 1 - f
// when i has no weights. One evaluator per arithmetic; LSTM and the sequence operators share them.
#pragma once
#include "ops/op_def.h"
#include "ops/quant_util.h"

namespace octet::ops {

inline constexpr int kInputGate = 0, kForgetGate = 1, kCellGate = 2, kOutputGate = 3;

// The positions of one cell's operands; -1 where an operator has none. As initialized: those of LSTM and
// UNIDIRECTIONAL_SEQUENCE_LSTM.
struct LstmOperands {
  int input = 0;
  int input_weights[4] = {1, 2, 3, 4};      // [cells, inputs]
  int recurrent_weights[4] = {5, 6, 7, 8};  // [cells, outputs]; [cells] when diagonal.
  int peephole[4] = {9, 10, -1, 11};        // [cells]
  int bias[4] = {12, 13, 14, 15};           // [cells]
  int projection = 16;                      // [outputs, cells]
  int projection_bias = 17;                 // [outputs]
  int output_state = 18;                    // [batch, outputs]
  int cell_state = 19;                      // [batch, cells]
  int norm[4] = {20, 21, 22, 23};           // [cells]
  int aux_input = -1;
  int aux_weights[4] = {-1, -1, -1, -1};    // [cells, auxiliary inputs]
};
// Definitions of operands.
constexpr Operand LstmWeights(std::string_view name, char type, Arity arity = Arity::kOne) { return {name, type, arity, Role::kWeights}; }
constexpr Operand LstmBias(std::string_view name, Arity arity = Arity::kOne) { return {name, 'B', arity, Role::kBias}; }
constexpr Operand LstmState(std::string_view name, char type) { return {name, type, Arity::kOne, Role::kState}; }

inline const TensorType* OperandOf(const OpView& op, int i) { return i < 0 ? nullptr : op.in(i); }
template <class T> const T* OperandOf(const Run& run, int i) { return i < 0 ? nullptr : run.input<T>(i); }

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
  int64_t steps, batch, inputs, cells, outputs, aux_inputs;
  bool time_major;

  int64_t rows() const { return time_major ? batch : 1; }  // Per step.
  int64_t calls() const { return time_major ? steps : steps * batch; }
  int64_t first_row(int64_t call) const { return time_major ? 0 : call / steps; }  // Of the states.
};
// An input of rank 2 is one step of a batch.
LstmSizes LstmSizesOf(const OpView& op, const LstmOperands& at, bool time_major);

// One pass over a sequence, and where its results go.
struct LstmPass {
  LstmOperands at;
  LstmSizes sizes{};
  bool backward = false;
  int output = 0;
  int64_t output_pitch = 0;  // Elements from one row of the output to the next.
  int64_t output_offset = 0;
};
LstmPass LstmPassOf(const OpView& op, const LstmOperands& at, bool time_major);

// Shapes of all operands against each other; also the types that a row of types cannot tell.
Status CheckLstm(const OpView& op, const LstmOperands& at, const LstmAttrs& attrs);

// Float or int8 weights, constant, without the optional parts: the fast way (lstm_packed_util.cc).
bool TakesLstmPacked(const OpView& op);
Status PrepareLstmPacked(Prepare& p, const LstmAttrs& attrs);
bool TakesLstmPacked16(const OpView& op);  // The same in integers (lstm_packed16_util.cc).
Status PrepareLstmPacked16(Prepare& p, const LstmAttrs& attrs);

int64_t LstmMacs(const OpView& op, const LstmOperands& at, const LstmSizes& sizes);  // Multiply-adds of one row.

// Float activations: weights f32, or 8 bits with each row of activations quantized (hybrid).
struct LstmFloatParams;
Result<const LstmFloatParams*> PrepareLstmFloat(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass);  // Asks for workspace.
void RunLstmFloat(const LstmFloatParams& params, const Run& run);

// Integers: every operand has one scale; all but the input and the states are constant.
Status CheckLstmIntegerOperands(const OpView& op, const LstmOperands& at);
Status PrepareLstmInteger16(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass);  // int8, int16 gates and cells.
Status PrepareLstmInteger8(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass);   // int8, products rounded to int8.

// The whole operator in the arithmetic that its types and intermediates call for.
Status PrepareLstm(Prepare& p, const LstmAttrs& attrs, const LstmPass& pass);

}  // namespace octet::ops
