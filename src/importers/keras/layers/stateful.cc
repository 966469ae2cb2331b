// SPDX-License-Identifier: Apache-2.0
// The sequence operators keep the state in variables; they exist for LSTM and SimpleRNN.
#include "importers/keras/layers/stateful.h"

#include "importers/keras/builder.h"
#include "importers/keras/layers/cell.h"

namespace octet::importers::keras {
namespace {

// Their fused activation; kSignBit where there is none of that name.
ops::Activation Fused(const std::string& name) {
  if (name == "linear") return ops::Activation::kNone;
  if (name == "relu") return ops::Activation::kRelu;
  if (name == "relu6") return ops::Activation::kRelu6;
  return name == "tanh" ? ops::Activation::kTanh : ops::Activation::kSignBit;
}

Result<Value> RunLstm(LayerContext& c, const Json& config, const Variables& cell, Value x, const Shape& state) {
  GateWeights w;
  OCTET_TRY(w.Load(c, config, cell, 4));
  std::vector<Value> in = {x};
  const int gates[] = {0, 1, 2, 3};  // Input, forget, cell, output: Keras' order is the operator's.
  for (const int g : gates) in.push_back(w.Kernel(c, {g}));
  for (const int g : gates) in.push_back(w.Recurrent(c, {g}));
  in.insert(in.end(), 3, Value{});   // No peepholes,
  for (const int g : gates) in.push_back(w.Bias(c, {g}, true));
  in.insert(in.end(), 2, Value{});   // no projection.
  in.push_back(c.Variable({DType::kF32, state, {}}, "output_state"));
  in.push_back(c.Variable({DType::kF32, state, {}}, "cell_state"));
  for (size_t i = in.size() - 2; i < in.size(); ++i) c.builder().graph().tensor(in[i].id).resets = !config["stateful"].boolean();
  return c.Make("unidirectional_sequence_lstm", in, {{"fused_activation_function", static_cast<int64_t>(ops::Activation::kTanh)}});
}

Result<Value> RunSimple(LayerContext& c, const Json& config, const Variables& cell, Value x, const Shape& state) {
  const ops::Activation activation = Fused(config["activation"].text());
  if (activation == ops::Activation::kSignBit)
    return c.Fail("activation tanh, relu or linear", config["activation"].text(), "load the model with stateful=False");
  GateWeights w;
  OCTET_TRY(w.Load(c, config, cell, 1));
  return c.Make("unidirectional_sequence_rnn", {x, w.Kernel(c, {0}), w.Recurrent(c, {0}), w.Bias(c, {0}, true), c.Variable({DType::kF32, state, {}}, "state")},
                {{"fused_activation_function", static_cast<int64_t>(activation)}});
}

}  // namespace

Result<Value> RunStateful(LayerContext& c, std::string_view kind, const Json& config, const Variables& variables, Value x, bool backwards) {
  const Shape in = c.shape(x);
  const auto units = static_cast<int32_t>(config["units"].integer());
  const bool any_batch = c.builder().whole_sequences();  // One sequence at a time.
  if (in.rank() != 3 || (in[0] == kUnknown && !any_batch) || units < 1) return c.Fail("a fixed batch size", in.text(), "give the input's shape");
  if (backwards) {
    OCTET_ASSIGN(x, c.Make("reverse_v2", {x, c.Vector({1})}));
  }
  const Variables cell = c.builder().weights().Inside(variables, "cell", 0, SIZE_MAX / 2);
  const Shape state{in[0] == kUnknown ? 1 : in[0], units};
  return kind == "LSTM" ? RunLstm(c, config, cell, x, state) : RunSimple(c, config, cell, x, state);
}

}  // namespace octet::importers::keras
