// SPDX-License-Identifier: Apache-2.0
// UnidirectionalSequenceLstm: an LSTM cell (lstm_util.h) over a sequence; the states live between runs.
#include "ops/import.h"
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

constexpr Operand Weights(std::string_view name, Arity arity = Arity::kOne) {
  return {name, 'W', arity, Role::kWeights};
}
constexpr Operand Vector(std::string_view name, char type) {
  return {name, type, Arity::kOptional, Role::kWeights};
}
constexpr Operand Bias(std::string_view name, Arity arity = Arity::kOne) { return {name, 'B', arity, Role::kBias}; }

constexpr Operand kInputs[] = {
    {.name = "input"},
    Weights("input_to_input_weights", Arity::kOptional),
    Weights("input_to_forget_weights"),
    Weights("input_to_cell_weights"),
    Weights("input_to_output_weights"),
    Weights("recurrent_to_input_weights", Arity::kOptional),
    Weights("recurrent_to_forget_weights"),
    Weights("recurrent_to_cell_weights"),
    Weights("recurrent_to_output_weights"),
    Vector("cell_to_input_weights", 'P'),
    Vector("cell_to_forget_weights", 'P'),
    Vector("cell_to_output_weights", 'P'),
    Bias("input_gate_bias", Arity::kOptional),
    Bias("forget_gate_bias"),
    Bias("cell_gate_bias"),
    Bias("output_gate_bias"),
    Weights("projection_weights", Arity::kOptional),
    Bias("projection_bias", Arity::kOptional),
    {.name = "output_state", .type = 'S', .role = Role::kState},
    {.name = "cell_state", .type = 'C', .role = Role::kState},
    Vector("input_layer_norm_coefficients", 'N'),
    Vector("forget_layer_norm_coefficients", 'N'),
    Vector("cell_layer_norm_coefficients", 'N'),
    Vector("output_layer_norm_coefficients", 'N'),
};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32 P=f32 B=f32 N=f32 S=f32 C=f32"},
                              {"T=f32 W=i8|u8 P=i8|u8 B=f32 N=f32 S=f32 C=f32", 2},
                              {"T=i8 W=i8 P=i16 B=i32 N=i16 S=i8 C=i16", 3}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  if (op.num_inputs() < 20)
    return op.Fail(Code::kInvalidModel, "expected 20 or 24 operands, found %d", op.num_inputs());
  if (!(a.cell_clip >= 0) || !(a.proj_clip >= 0)) return op.Fail(Code::kInvalidModel, "clips must not be negative");
  return CheckLstm(op, a.time_major);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(kLstmInput)->shape;
  out[0].shape = {in[0], in[1], op.in(kLstmRecurrentWeights + kOutputGate)->shape[1]};
  return {};
}

int Version(const OpView& op) {
  const bool hybrid =
      op.in(kLstmInput)->dtype == DType::kF32 && op.in(kLstmInputWeights + kOutputGate)->dtype != DType::kF32;
  return hybrid && op.attrs<Attrs>().asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

Cost CostOfSequence(const OpView& op) {
  const LstmSizes s = LstmSizesOf(op, op.attrs<Attrs>().time_major);
  const int64_t gates = op.in(kLstmInputWeights) ? 4 : 3;
  const int64_t weights =
      gates * s.cells * (s.inputs + s.outputs) + (op.in(kLstmProjection) ? s.cells * s.outputs : 0);
  const int64_t rows = s.steps * s.batch;
  return {.macs = rows * weights,
          .bytes = weights * BitsOf(op.in(kLstmInputWeights + kOutputGate)->dtype) / 8 +
                   rows * (s.inputs + s.outputs) * BitsOf(op.in(kLstmInput)->dtype) / 8};
}

Status PrepareSequence(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  if (p.op.in(kLstmInput)->dtype == DType::kI8) return PrepareLstmInteger(p, a);
  // uint8 weights hold the same signed bytes: an old spelling of the format.
  return p.op.in(kLstmInputWeights + kOutputGate)->dtype == DType::kF32 ? PrepareLstmFloat(p, a)
                                                                        : PrepareLstmHybrid(p, a);
}

bool TakesPacked(const OpView& op, const Cpu&) {
  const Activation a = op.attrs<Attrs>().fused_activation_function;
  return TakesLstmPacked(op) && (a == Activation::kTanh || a == Activation::kNone || a == Activation::kRelu || a == Activation::kRelu6 || a == Activation::kReluN1To1);
}
Status PreparePacked(Prepare& p) { return PrepareLstmPacked(p, p.op.attrs<Attrs>()); }

constexpr Variant kVariants[] = {{.name = "packed", .takes = TakesPacked, .prepare = PreparePacked},
                                 {.name = "reference", .prepare = PrepareSequence}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unidirectional_sequence_lstm",
    .code = BuiltinCode::kUnidirectionalSequenceLstm,
    .attrs = Layout<Attrs>(OptionsTable::kUnidirectionalSequenceLSTM, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
    .cost = CostOfSequence,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unidirectional_sequence_lstm
