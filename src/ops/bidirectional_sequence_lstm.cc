// SPDX-License-Identifier: Apache-2.0
// BidirectionalSequenceLstm: two LSTM cells (lstm_util.h) over a sequence, one forward, one backward; the
// states live between runs. With an auxiliary input but no weights for it, the backward cell reads the
// auxiliary input instead of the input: layers stacked without cross links.
#include "ops/import.h"
#include "ops/lstm_util.h"
#include "ops/operand_util.h"
#include "ops/recurrent_util.h"

namespace octet::ops::bidirectional_sequence_lstm {
namespace {

struct Attrs {
  Activation fused_activation_function = Activation::kNone;
  float cell_clip = 0;
  float proj_clip = 0;
  bool merge_outputs = false;
  bool time_major = true;
  bool asymmetric_quantize_inputs = false;
};
constexpr AttrRow kRows[] = {
    Attr<&Attrs::fused_activation_function>("fused_activation_function", 0), Attr<&Attrs::cell_clip>("cell_clip", 1),
    Attr<&Attrs::proj_clip>("proj_clip", 2), Attr<&Attrs::merge_outputs>("merge_outputs", 3),
    Attr<&Attrs::time_major>("time_major", 4), Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 5)};

constexpr int kAuxInput = 39;
constexpr LstmOperands kForward = {.projection = 16, .projection_bias = 17, .output_state = 35, .cell_state = 36, .norm = {-1, -1, -1, -1},
                                   .aux_input = kAuxInput, .aux_weights = {40, 41, 42, 43}};
constexpr LstmOperands kBackward = {.input_weights = {18, 19, 20, 21}, .recurrent_weights = {22, 23, 24, 25}, .peephole = {26, 27, -1, 28},
                                    .bias = {29, 30, 31, 32}, .projection = 33, .projection_bias = 34, .output_state = 37, .cell_state = 38,
                                    .norm = {-1, -1, -1, -1}, .aux_input = kAuxInput, .aux_weights = {44, 45, 46, 47}};

constexpr Operand kInputs[] = {
    {.name = "input"},
    LstmWeights("fw_input_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("fw_input_to_forget_weights", 'W'),
    LstmWeights("fw_input_to_cell_weights", 'W'),
    LstmWeights("fw_input_to_output_weights", 'W'),
    LstmWeights("fw_recurrent_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("fw_recurrent_to_forget_weights", 'W'),
    LstmWeights("fw_recurrent_to_cell_weights", 'W'),
    LstmWeights("fw_recurrent_to_output_weights", 'W'),
    LstmWeights("fw_cell_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("fw_cell_to_forget_weights", 'W', Arity::kOptional),
    LstmWeights("fw_cell_to_output_weights", 'W', Arity::kOptional),
    LstmBias("fw_input_gate_bias", Arity::kOptional),
    LstmBias("fw_forget_gate_bias"),
    LstmBias("fw_cell_gate_bias"),
    LstmBias("fw_output_gate_bias"),
    LstmWeights("fw_projection_weights", 'W', Arity::kOptional),
    LstmBias("fw_projection_bias", Arity::kOptional),
    LstmWeights("bw_input_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("bw_input_to_forget_weights", 'W'),
    LstmWeights("bw_input_to_cell_weights", 'W'),
    LstmWeights("bw_input_to_output_weights", 'W'),
    LstmWeights("bw_recurrent_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("bw_recurrent_to_forget_weights", 'W'),
    LstmWeights("bw_recurrent_to_cell_weights", 'W'),
    LstmWeights("bw_recurrent_to_output_weights", 'W'),
    LstmWeights("bw_cell_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("bw_cell_to_forget_weights", 'W', Arity::kOptional),
    LstmWeights("bw_cell_to_output_weights", 'W', Arity::kOptional),
    LstmBias("bw_input_gate_bias", Arity::kOptional),
    LstmBias("bw_forget_gate_bias"),
    LstmBias("bw_cell_gate_bias"),
    LstmBias("bw_output_gate_bias"),
    LstmWeights("bw_projection_weights", 'W', Arity::kOptional),
    LstmBias("bw_projection_bias", Arity::kOptional),
    LstmState("fw_output_state", 'S'),
    LstmState("fw_cell_state", 'S'),
    LstmState("bw_output_state", 'S'),
    LstmState("bw_cell_state", 'S'),
    {.name = "aux_input", .arity = Arity::kOptional},
    LstmWeights("fw_aux_input_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("fw_aux_input_to_forget_weights", 'W', Arity::kOptional),
    LstmWeights("fw_aux_input_to_cell_weights", 'W', Arity::kOptional),
    LstmWeights("fw_aux_input_to_output_weights", 'W', Arity::kOptional),
    LstmWeights("bw_aux_input_to_input_weights", 'W', Arity::kOptional),
    LstmWeights("bw_aux_input_to_forget_weights", 'W', Arity::kOptional),
    LstmWeights("bw_aux_input_to_cell_weights", 'W', Arity::kOptional),
    LstmWeights("bw_aux_input_to_output_weights", 'W', Arity::kOptional),
};
constexpr Operand kOutputs[] = {{.name = "fw_output"}, {.name = "bw_output", .arity = Arity::kOptional}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32 B=f32 S=f32"}, {"T=f32 W=i8|u8 B=f32 S=f32", 2}};

LstmAttrs CellAttrs(const Attrs& a) {
  return {.fused_activation_function = a.fused_activation_function, .cell_clip = a.cell_clip, .proj_clip = a.proj_clip, .time_major = a.time_major,
          .asymmetric_quantize_inputs = a.asymmetric_quantize_inputs};
}

// The backward cell's operands: its input is the auxiliary one when nothing else reads that.
LstmOperands Backward(const OpView& op) {
  LstmOperands at = kBackward;
  if (op.in(kAuxInput) && !op.in(at.aux_weights[kForgetGate])) at.input = kAuxInput;
  return at;
}

Status Check(const OpView& op) {
  if (op.num_inputs() != 48) return op.Fail(Code::kInvalidModel, "expected 48 operands, found %d", op.num_inputs());
  const Shape& in = op.in(0)->shape;
  if (in.rank() != 3) return op.Fail(Code::kInvalidModel, "expected a sequence of rank 3, found %s", in.text().c_str());
  if (!op.in(kForward.aux_weights[kForgetGate]) != !op.in(kBackward.aux_weights[kForgetGate]))
    return op.Fail(Code::kInvalidModel, "only one direction has auxiliary weights");
  const LstmOperands backward = Backward(op);
  if (backward.input == kAuxInput && !(op.in(kAuxInput)->shape == in))
    return op.Fail(Code::kInvalidModel, "the auxiliary input %s and the input %s differ", op.in(kAuxInput)->shape.text().c_str(), in.text().c_str());
  const LstmAttrs attrs = CellAttrs(op.attrs<Attrs>());
  OCTET_TRY(CheckLstm(op, kForward, attrs));
  return CheckLstm(op, backward, attrs);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Attrs& a = op.attrs<Attrs>();
  if (out.size() != (a.merge_outputs ? 1 : 2)) return op.Fail(Code::kInvalidModel, "%zu outputs do not go with merge_outputs %d", out.size(), a.merge_outputs);
  const Shape& in = op.in(0)->shape;
  const int64_t forward = LstmSizesOf(op, kForward, a.time_major).outputs, backward = LstmSizesOf(op, kBackward, a.time_major).outputs;
  if (forward + backward > INT32_MAX) return op.Fail(Code::kInvalidModel, "too many outputs");
  out[0].shape = {in[0], in[1], static_cast<int32_t>(a.merge_outputs ? forward + backward : forward)};
  if (!a.merge_outputs) out[1] = {out[0].dtype, Shape{in[0], in[1], static_cast<int32_t>(backward)}};
  return {};
}

int Version(const OpView& op) {
  return op.in(2)->dtype != DType::kF32 && op.attrs<Attrs>().asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

Cost CostOfSequence(const OpView& op) {
  const bool time_major = op.attrs<Attrs>().time_major;
  const LstmSizes s = LstmSizesOf(op, kForward, time_major), t = LstmSizesOf(op, kBackward, time_major);
  const int64_t weights = LstmMacs(op, kForward, s) + LstmMacs(op, kBackward, t), rows = s.steps * s.batch;
  return {.macs = rows * weights, .bytes = weights * BitsOf(op.in(2)->dtype) / 8 + rows * (2 * s.inputs + s.outputs + t.outputs) * 4};
}

struct Params {
  const LstmFloatParams *forward, *backward;
};

Status RunBoth(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  RunLstmFloat(*p.forward, run);
  RunLstmFloat(*p.backward, run);
  return {};
}

Status PrepareBoth(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  LstmPass forward = LstmPassOf(p.op, kForward, a.time_major), backward = LstmPassOf(p.op, Backward(p.op), a.time_major);
  backward.backward = true;
  if (a.merge_outputs) {
    forward.output_pitch = backward.output_pitch = forward.sizes.outputs + backward.sizes.outputs;
    backward.output_offset = forward.sizes.outputs;
  } else {
    backward.output = 1;
  }
  auto* params = p.Params<Params>();
  OCTET_ASSIGN(params->forward, PrepareLstmFloat(p, CellAttrs(a), forward));
  OCTET_ASSIGN(params->backward, PrepareLstmFloat(p, CellAttrs(a), backward));
  p.SetRun(RunBoth, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareBoth}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "bidirectional_sequence_lstm",
    .code = BuiltinCode::kBidirectionalSequenceLstm,
    .attrs = Layout<Attrs>(OptionsTable::kBidirectionalSequenceLSTM, kRows),
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

}  // namespace octet::ops::bidirectional_sequence_lstm
