// SPDX-License-Identifier: Apache-2.0
// Rnn: one step of the simple recurrent cell (rnn_util.h) for a batch; the state lives between runs.
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/rnn_util.h"

namespace octet::ops::rnn {
namespace {

struct Attrs {
  Activation fused_activation_function = Activation::kNone;
  bool asymmetric_quantize_inputs = false;
};
constexpr AttrRow kRows[] = {Attr<&Attrs::fused_activation_function>("fused_activation_function", 0),
                             Attr<&Attrs::asymmetric_quantize_inputs>("asymmetric_quantize_inputs", 1)};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "input_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "recurrent_weights", .type = 'W', .role = Role::kWeights},
                               {.name = "bias", .role = Role::kBias},
                               {.name = "hidden_state", .role = Role::kState}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32 W=f32"}, {"T=f32 W=i8|u8", 2}};

Status Check(const OpView& op) {
  const Shape& in = op.in(0)->shape;
  if (in.rank() != 2) return op.Fail(Code::kInvalidModel, "expected an input of rank 2, found %s", in.text().c_str());
  return CheckRnn(op, {}, true, op.attrs<Attrs>().fused_activation_function);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0].shape = {op.in(0)->shape[0], op.in(1)->shape[0]};
  return {};
}

int Version(const OpView& op) {
  return op.in(1)->dtype != DType::kF32 && op.attrs<Attrs>().asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

RnnPass PassOf(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  return RnnPassOf(op, {}, true, a.fused_activation_function, a.asymmetric_quantize_inputs);
}

Cost CostOfStep(const OpView& op) { return CostOfRnn(op, PassOf(op)); }

Status PrepareStep(Prepare& p) { return PrepareRnn(p, PassOf(p.op)); }

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareStep}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "rnn",
    .code = BuiltinCode::kRnn,
    .attrs = Layout<Attrs>(OptionsTable::kRNN, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .check = Check,
    .infer = Infer,
    .cost = CostOfStep,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::rnn
