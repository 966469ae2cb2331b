// SPDX-License-Identifier: Apache-2.0
// UnidirectionalSequenceRnn: h ← act(W·x + R·h + b) over a sequence; the state lives between runs.
#include "ops/import.h"
#include "ops/operand_util.h"
#include "ops/recurrent_util.h"

namespace octet::ops::unidirectional_sequence_rnn {
namespace {

using namespace recurrent;

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
  const Shape &in = op.in(0)->shape, &w = op.in(1)->shape, &r = op.in(2)->shape, &b = op.in(3)->shape,
              &h = op.in(4)->shape;
  OCTET_TRY(CheckRecurrentActivation(op, op.attrs<Attrs>().fused_activation_function));
  const int32_t batch = in.rank() == 3 ? in[op.attrs<Attrs>().time_major ? 1 : 0] : 0;
  const bool fits = in.rank() == 3 && w.rank() == 2 && w.known() && w[1] == in[2] && r == Shape{w[0], w[0]} &&
                    b == Shape{w[0]} && h.known() && (batch == kUnknown || h.elements() == int64_t{batch} * w[0]);
  if (fits) return {};
  return op.Fail(Code::kInvalidModel, "sequence %s, weights %s and %s, bias %s and state %s do not fit",
                 in.text().c_str(), w.text().c_str(), r.text().c_str(), b.text().c_str(), h.text().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  out[0].shape = {in[0], in[1], op.in(1)->shape[0]};
  return {};
}

int Version(const OpView& op) {
  return op.in(1)->dtype != DType::kF32 && op.attrs<Attrs>().asymmetric_quantize_inputs ? 3 : RowVersion(op);
}

struct Params {
  int64_t steps, batch, inputs, units;
  bool time_major, asymmetric;
  Activation activation;
  float input_scale, recurrent_scale;
};

template <class W> Status Sequence(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  auto* next = reinterpret_cast<float*>(run.workspace);
  auto* x_scratch = reinterpret_cast<int8_t*>(next + p.units);
  for (int64_t row = 0; row < p.steps * p.batch; ++row) {
    const int64_t b = p.time_major ? row % p.batch : row / p.steps;
    float* h = reinterpret_cast<float*>(run.in[4]) + b * p.units;
    const Row x = MakeRow<W>(run.input<float>(0) + row * p.inputs, p.inputs, p.asymmetric, x_scratch);
    const Row previous = MakeRow<W>(h, p.units, p.asymmetric, x_scratch + p.inputs);
    std::copy_n(run.input<float>(3), p.units, next);
    AddProduct(run.input<W>(1), p.input_scale, x, p.units, p.inputs, next);
    AddProduct(run.input<W>(2), p.recurrent_scale, previous, p.units, p.units, next);
    Activate(p.activation, next, p.units);
    std::copy_n(next, p.units, h);
    std::copy_n(next, p.units, run.output<float>(0) + row * p.units);
  }
  return {};
}

Status PrepareSequence(Prepare& p) {
  const Attrs& a = p.op.attrs<Attrs>();
  const Shape& in = p.op.in(0)->shape;
  auto* params = p.Params<Params>();
  *params = {in[a.time_major ? 0 : 1],
             in[a.time_major ? 1 : 0],
             in[2],
             p.op.in(1)->shape[0],
             a.time_major,
             a.asymmetric_quantize_inputs,
             a.fused_activation_function,
             p.op.in(1)->quant.scale0(),
             p.op.in(2)->quant.scale0()};
  p.Workspace(static_cast<size_t>(params->units) * sizeof(float) +
              static_cast<size_t>(params->inputs + params->units));
  // uint8 weights hold the same signed bytes: an old spelling of the format.
  p.SetRun(p.op.in(1)->dtype == DType::kF32 ? Sequence<float> : Sequence<int8_t>, params);
  return {};
}

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
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::unidirectional_sequence_rnn
