// SPDX-License-Identifier: Apache-2.0
// UnidirectionalSequenceRnn: the simple recurrent cell (rnn_util.h) over a sequence; the state lives between runs.
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/rnn_util.h"

namespace octet::ops::unidirectional_sequence_rnn {
namespace {

struct Attrs {
  bool time_major = false;
  Activation fused_activation_function = Activation::kNone;
  bool asymmetric_quantize_inputs = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::time_major>("time_major", 0),
                             Attr<&Attrs::fused_activation_function>("fused_activation_function", 1),
                             Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 2)};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "input_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "recurrent_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "bias", .role = Role::kBias},
                               {.name = "hidden_state", .role = Role::kState}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32"}, {"T=f32 W=i8|u8", 2}};

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape& in = op.in(0)->shape;
  if (in.rank() != 3) return op.Fail(Code::kInvalidModel, "expected a sequence of rank 3, found %s", in.text().c_str());
  return CheckRnn(op, {}, a.time_major, a.fused_activation_function);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  out[0].shape = {in[0], in[1], op.in(1)->shape[0]};
  return {};
}

int Version(const OpView& op) {
  return op.in(1)->dtype != DType::kF32 && op.attrs<Attrs>().asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

RnnPass PassOf(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  return RnnPassOf(op, {}, a.time_major, a.fused_activation_function, a.asymmetric_quantize_inputs);
}

Cost CostOfSequence(const OpView& op) { return CostOfRnn(op, PassOf(op)); }

Status PrepareSequence(Prepare& p) { return PrepareRnn(p, PassOf(p.op)); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSequence}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "unidirectional_sequence_rnn",
    .code = BuiltinCode::kUnidirectionalSequenceRnn,
    .attrs = Layout<Attrs>(OptionsTable::kSequenceRNN, kRows),
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

}  // namespace octet::ops::unidirectional_sequence_rnn
