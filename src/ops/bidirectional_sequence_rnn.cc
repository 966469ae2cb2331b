// SPDX-License-Identifier: Apache-2.0
// BidirectionalSequenceRnn: two simple recurrent cells (rnn_util.h) over a sequence, one forward, one
// backward; the states live between runs. Two habits of LiteRT's only kernel are part of its results: a
// hybrid time-major sequence runs as many times over as it has steps, the states going on; and an
// auxiliary input without weights is the backward cell's input only in time-major order.
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/rnn_util.h"

namespace octet::ops::bidirectional_sequence_rnn {
namespace {

struct Attrs {
  bool time_major = false;
  Activation fused_activation_function = Activation::kNone;
  bool merge_outputs = false;
  bool asymmetric_quantize_inputs = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::time_major>("time_major", 0),
                             Attr<&Attrs::fused_activation_function>("fused_activation_function", 1),
                             Attr<&Attrs::merge_outputs>("merge_outputs", 2),
                             Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 3)};

enum { kInput = 0, kAuxInput = 9, kForwardAux = 10, kBackwardAux = 11 };
constexpr RnnOperands kForward = {.aux_input = kAuxInput, .aux_weights = kForwardAux};
constexpr RnnOperands kBackward = {.weights = 5, .recurrent = 6, .bias = 7, .state = 8, .aux_input = kAuxInput, .aux_weights = kBackwardAux};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "fw_input_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "fw_recurrent_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "fw_bias", .role = Role::kBias},
                               {.name = "fw_hidden_state", .role = Role::kState},
                               {.name = "bw_input_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "bw_recurrent_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "bw_bias", .role = Role::kBias},
                               {.name = "bw_hidden_state", .role = Role::kState},
                               {.name = "aux_input", .arity = Arity::kOptional},
                               {.name = "fw_aux_input_weights", .type = 'W', .arity = Arity::kOptional, .role = Role::kWeights},
                               {.name = "bw_aux_input_weights", .type = 'W', .arity = Arity::kOptional, .role = Role::kWeights}};
constexpr Operand kOutputs[] = {{.name = "fw_output"}, {.name = "bw_output", .arity = Arity::kOptional}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32"}, {"T=f32 W=i8|u8", 2}};

RnnOperands Backward(const OpView& op) {
  RnnOperands at = kBackward;
  if (op.in(kAuxInput) && !op.in(kBackwardAux) && op.attrs<Attrs>().time_major) at.input = kAuxInput;
  return at;
}

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape& in = op.in(kInput)->shape;
  if (in.rank() != 3) return op.Fail(Code::kInvalidModel, "expected a sequence of rank 3, found %s", in.text().c_str());
  if (!op.in(kForwardAux) != !op.in(kBackwardAux)) return op.Fail(Code::kInvalidModel, "only one direction has auxiliary weights");
  if (op.in(kAuxInput) && !op.in(kForwardAux) && !(op.in(kAuxInput)->shape == in))
    return op.Fail(Code::kInvalidModel, "the auxiliary input %s and the input %s differ", op.in(kAuxInput)->shape.text().c_str(), in.text().c_str());
  OCTET_TRY(CheckRnn(op, kForward, a.time_major, a.fused_activation_function));
  return CheckRnn(op, Backward(op), a.time_major, a.fused_activation_function);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Attrs& a = op.attrs<Attrs>();
  if (out.size() != (a.merge_outputs ? 1 : 2)) return op.Fail(Code::kInvalidModel, "%zu outputs do not go with merge_outputs %d", out.size(), a.merge_outputs);
  const Shape& in = op.in(kInput)->shape;
  const int64_t forward = op.in(kForward.weights)->shape[0], backward = op.in(kBackward.weights)->shape[0];
  if (forward + backward > INT32_MAX) return op.Fail(Code::kInvalidModel, "too many units");
  out[0].shape = {in[0], in[1], static_cast<int32_t>(a.merge_outputs ? forward + backward : forward)};
  if (!a.merge_outputs) out[1] = {out[0].dtype, Shape{in[0], in[1], static_cast<int32_t>(backward)}};
  return {};
}

int Version(const OpView& op) {
  return op.in(1)->dtype != DType::kF32 && op.attrs<Attrs>().asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

constexpr int64_t kMostSteps = int64_t{1} << 24;

struct Params {
  RnnPass forward, backward;
  bool hybrid;
  int64_t repeats;
};

Status RunBoth(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.repeats; ++i) {
    RunRnn(p.forward, p.hybrid, run);
    RunRnn(p.backward, p.hybrid, run);
  }
  return {};
}

RnnPass PassOf(const OpView& op, const RnnOperands& at) {
  const Attrs& a = op.attrs<Attrs>();
  return RnnPassOf(op, at, a.time_major, a.fused_activation_function, a.asymmetric_quantize_inputs);
}

// How often the sequence is run.
int64_t RepeatsOf(const OpView& op, const RnnPass& pass) {
  return op.in(kForward.weights)->dtype != DType::kF32 && op.attrs<Attrs>().time_major ? pass.steps : 1;
}

Cost CostOfBoth(const OpView& op) {
  const RnnPass pass = PassOf(op, kForward);
  const Cost forward = CostOfRnn(op, pass), backward = CostOfRnn(op, PassOf(op, Backward(op)));
  return {.macs = (forward.macs + backward.macs) * RepeatsOf(op, pass), .bytes = forward.bytes + backward.bytes};
}

Status PrepareBoth(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  auto* params = p.Params<Params>();
  RnnPass forward = PassOf(p.op, kForward), backward = PassOf(p.op, Backward(p.op));
  backward.backward = true;
  if (a.merge_outputs) {
    forward.output_pitch = backward.output_pitch = forward.units + backward.units;
    backward.output_offset = forward.units;
  } else {
    backward.output = 1;
  }
  const int64_t repeats = RepeatsOf(p.op, forward);
  if (repeats > 1 && forward.steps * repeats > kMostSteps)
    return p.op.Fail(Code::kUnsupported, "%lld steps, run as many times over, are too many", static_cast<long long>(forward.steps));
  *params = {forward, backward, p.op.in(kForward.weights)->dtype != DType::kF32, repeats};
  p.Workspace(std::max(RnnWorkspace(forward), RnnWorkspace(backward)));
  p.SetRun(RunBoth, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareBoth}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "bidirectional_sequence_rnn",
    .code = BuiltinCode::kBidirectionalSequenceRnn,
    .attrs = Layout<Attrs>(OptionsTable::kBidirectionalSequenceRNN, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
    .cost = CostOfBoth,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::bidirectional_sequence_rnn
