// SPDX-License-Identifier: Apache-2.0
// UnidirectionalSequenceLstm: an LSTM cell (lstm_util.h) over a sequence; the states live between runs.
#include "ops/import.h"
#include "ops/lstm_reset_util.h"
#include "ops/lstm_util.h"
#include "ops/operand_util.h"

namespace octet::ops::unidirectional_sequence_lstm {
namespace {

using Attrs = LstmAttrs;
constexpr AttrRow kRows[] = {
    Attr<&Attrs::fused_activation_function>("fused_activation_function", 0),
    Attr<&Attrs::cell_clip>("cell_clip", 1),
    Attr<&Attrs::proj_clip>("proj_clip", 2),
    Attr<&Attrs::time_major>("time_major", 3),
    Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 4),
    Attr<&Attrs::diagonal_recurrent_tensors>("diagonal_recurrent_tensors", 5),
};

// W: matrices; R: recurrent matrices, or diagonals in float; P: peepholes; N: layer normalization.
constexpr Operand kInputs[] = {
    {.name = "input"},
    LstmWeights("input_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("input_to_forget_weights", 'W'),
    LstmWeights("input_to_cell_weights", 'W'),
    LstmWeights("input_to_output_weights", 'W'),
    LstmWeights("recurrent_to_input_weights", 'R', Arity::kOptional),
    LstmWeights("recurrent_to_forget_weights", 'R'),
    LstmWeights("recurrent_to_cell_weights", 'R'),
    LstmWeights("recurrent_to_output_weights", 'R'),
    LstmWeights("cell_to_input_weights", 'P', Arity::kOptional),
    LstmWeights("cell_to_forget_weights", 'P', Arity::kOptional),
    LstmWeights("cell_to_output_weights", 'P', Arity::kOptional),
    LstmBias("input_gate_bias", Arity::kOptional),
    LstmBias("forget_gate_bias"),
    LstmBias("cell_gate_bias"),
    LstmBias("output_gate_bias"),
    LstmWeights("projection_weights", 'W', Arity::kOptional),
    LstmBias("projection_bias", Arity::kOptional),
    LstmState("output_state", 'S'),
    LstmState("cell_state", 'C'),
    LstmWeights("input_layer_norm_coefficients", 'N', Arity::kOptional),
    LstmWeights("forget_layer_norm_coefficients", 'N', Arity::kOptional),
    LstmWeights("cell_layer_norm_coefficients", 'N', Arity::kOptional),
    LstmWeights("output_layer_norm_coefficients", 'N', Arity::kOptional),
};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32 R=f32 P=f32 B=f32 N=f32 S=f32 C=f32"},
                              {"T=f32 W=i8|u8 R=i8|u8|f32 P=i8|u8 B=f32 N=f32 S=f32 C=f32", 2},
                              {"T=i8 W=i8 R=i8 P=i16 B=i32 N=i16 S=i8 C=i16", 3}};

constexpr QuantRow kQuant[] = {{.operand = 0, .kind = QuantKind::kFree},
                               {.operand = 1, .kind = QuantKind::kSymmetric},
                               {.operand = 2, .kind = QuantKind::kSymmetric},
                               {.operand = 3, .kind = QuantKind::kSymmetric},
                               {.operand = 4, .kind = QuantKind::kSymmetric},
                               {.operand = 5, .kind = QuantKind::kSymmetric},
                               {.operand = 6, .kind = QuantKind::kSymmetric},
                               {.operand = 7, .kind = QuantKind::kSymmetric},
                               {.operand = 8, .kind = QuantKind::kSymmetric},
                               {.operand = 9, .kind = QuantKind::kSymmetric16},
                               {.operand = 10, .kind = QuantKind::kSymmetric16},
                               {.operand = 11, .kind = QuantKind::kSymmetric16},
                               {.operand = 12, .kind = QuantKind::kProductBias, .other = 1},
                               {.operand = 13, .kind = QuantKind::kProductBias, .other = 2},
                               {.operand = 14, .kind = QuantKind::kProductBias, .other = 3},
                               {.operand = 15, .kind = QuantKind::kProductBias, .other = 4},
                               {.operand = 18, .kind = QuantKind::kSameAs, .other = ~0},
                               {.operand = 19, .kind = QuantKind::kPowerOfTwo16},
                               {.operand = kIntermediate + 4, .kind = QuantKind::kSameAs, .other = ~0}};

Status Check(const OpView& op) {
  if (op.num_inputs() != 20 && op.num_inputs() != 24)
    return op.Fail(Code::kInvalidModel, "expected 20 or 24 operands, found %d", op.num_inputs());
  const Shape& in = op.in(0)->shape;
  if (in.rank() != 3) return op.Fail(Code::kInvalidModel, "expected a sequence of rank 3, found %s", in.text().c_str());
  return CheckLstm(op, LstmOperands(), op.attrs<Attrs>());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  out[0].shape = {in[0], in[1], static_cast<int32_t>(LstmSizesOf(op, {}, false).outputs)};
  return {};
}

int Version(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  if (a.diagonal_recurrent_tensors) return 4;
  const bool hybrid = op.in(0)->dtype == DType::kF32 && op.in(LstmOperands().input_weights[kOutputGate])->dtype != DType::kF32;
  return hybrid && a.asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

Cost CostOfSequence(const OpView& op) {
  const LstmOperands at;
  const LstmSizes s = LstmSizesOf(op, at, op.attrs<Attrs>().time_major);
  const int64_t weights = LstmMacs(op, at, s), rows = s.steps * s.batch;
  return {.macs = rows * weights,
          .bytes = weights * BitsOf(op.in(at.input_weights[kOutputGate])->dtype) / 8 + rows * (s.inputs + s.outputs) * BitsOf(op.in(0)->dtype) / 8};
}

Status PrepareSequence(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  return PrepareLstm(p, a, LstmPassOf(p.op, {}, a.time_major));
}

bool TakesPacked(const OpView& op, const Cpu&) {
  const Activation a = op.attrs<Attrs>().fused_activation_function;
  return TakesLstmPacked(op) &&
         (a == Activation::kTanh || a == Activation::kNone || a == Activation::kRelu || a == Activation::kRelu6 || a == Activation::kReluN1To1);
}
Status PreparePacked(Prepare& p) { return PrepareLstmPacked(p, p.op.attrs<Attrs>()); }

bool TakesPacked16(const OpView& op, const Cpu&) { return TakesLstmPacked16(op); }
Status PreparePacked16(Prepare& p) { return PrepareLstmPacked16(p, p.op.attrs<Attrs>()); }

constexpr Variant kVariants[] = {{.name = "packed_s8", .takes = TakesPacked16, .prepare = PreparePacked16},
                                 {.name = "packed", .takes = TakesPacked, .prepare = PreparePacked},
                                 {.name = "reference", .prepare = PrepareSequence}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unidirectional_sequence_lstm",
    .code = BuiltinCode::kUnidirectionalSequenceLstm,
    .attrs = Layout<Attrs>(OptionsTable::kUnidirectionalSequenceLSTM, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .check = Check,
    .infer = Infer,
    .cost = CostOfSequence,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.reset = LstmReset};

}  // namespace octet::ops::unidirectional_sequence_lstm
