// SPDX-License-Identifier: Apache-2.0
// With W, U, b as Keras stores them, sigma the recurrent activation and phi the activation:
//   SimpleRNN: h' = phi(xW + hU + b)
//   LSTM:      i,f,o = sigma(.), g = phi(.) of xW + hU + b;  c' = f*c + i*g;  h' = o * phi(c')
//   GRU:       z,r = sigma(xW + hU + b);  n = phi(xWn + bn + r*(hUn + dn)), or phi(xWn + bn + (r*h)Un);  h' = n + z*(h - n)
#include "importers/keras/layers/cell.h"

#include <algorithm>

#include "importers/keras/builder.h"

namespace octet::importers::keras {
namespace {

Status Bad(LayerContext& c, const std::string& expected, const std::string& found) {
  return Error(Code::kInvalidModel, "%s '%s': expected %s, found %s", c.layer().class_name.c_str(), c.place().c_str(), expected.c_str(), found.c_str());
}

}  // namespace

Status GateWeights::Load(LayerContext& c, const Json& config, const Variables& variables, int gates) {
  const Json& units = config["units"];
  units_ = static_cast<int32_t>(units.integer());
  gates_ = gates;
  OCTET_ASSIGN(const std::vector<std::string> paths, c.builder().weights().Datasets(variables));
  const bool bias = config["use_bias"].is_null() || config["use_bias"].boolean();
  if (paths.size() < 2u + bias) return Bad(c, Format("%d variables", 2 + bias), std::to_string(paths.size()));
  OCTET_ASSIGN(kernel_, c.builder().FloatVariable(paths[0], "kernel", c));
  OCTET_ASSIGN(recurrent_, c.builder().FloatVariable(paths[1], "recurrent_kernel", c));
  const Shape k = c.shape(kernel_), u = c.shape(recurrent_);
  const int64_t columns = static_cast<int64_t>(units_) * gates;
  if (units_ < 1 || k.rank() != 2 || u.rank() != 2 || k[1] != columns || u[0] != units_ || u[1] != columns)
    return Bad(c, Format("kernels of %lld columns", static_cast<long long>(columns)), k.text() + " and " + u.text());
  bias_.assign(static_cast<size_t>(columns), 0.0f);
  recurrent_bias_ = bias_;
  if (!bias) return {};
  OCTET_ASSIGN(const Value b, c.builder().FloatVariable(paths[2], "bias", c));
  const std::span<const float> values = c.data_as<float>(b);
  if (values.size() != bias_.size() && values.size() != 2 * bias_.size()) return Bad(c, "a bias of the kernel's width", c.shape(b).text());
  std::copy_n(values.begin(), bias_.size(), bias_.begin());
  if (values.size() > bias_.size()) std::copy_n(values.begin() + static_cast<int64_t>(bias_.size()), bias_.size(), recurrent_bias_.begin());
  return {};
}

Value GateWeights::Bias(LayerContext& c, std::initializer_list<int> gates, bool both) const {
  std::vector<float> out = Pick(bias_, gates);
  const std::vector<float> more = Pick(recurrent_bias_, gates);
  for (size_t i = 0; both && i < out.size(); ++i) out[i] += more[i];
  return c.Constant<float>(Shape{static_cast<int32_t>(out.size())}, out);
}

Value GateWeights::RecurrentBias(LayerContext& c, std::initializer_list<int> gates) const {
  const std::vector<float> out = Pick(recurrent_bias_, gates);
  return c.Constant<float>(Shape{static_cast<int32_t>(out.size())}, out);
}

bool GateWeights::recurrent_bias_is_zero() const {
  return std::ranges::all_of(recurrent_bias_, [](float v) { return v == 0.0f; });
}

std::vector<float> GateWeights::Pick(const std::vector<float>& from, std::initializer_list<int> gates) const {
  std::vector<float> out;
  for (const int g : gates) out.insert(out.end(), from.begin() + g * units_, from.begin() + (g + 1) * units_);
  return out;
}

Value GateWeights::Transposed(LayerContext& c, Value v, std::initializer_list<int> gates) const {
  const std::span<const float> from = c.data_as<float>(v);
  const int64_t in = c.shape(v)[0], columns = static_cast<int64_t>(units_) * gates_;
  std::vector<float> out;
  out.reserve(static_cast<size_t>(in * units_) * gates.size());
  for (const int g : gates)
    for (int64_t u = 0; u < units_; ++u)
      for (int64_t k = 0; k < in; ++k) out.push_back(from[static_cast<size_t>(k * columns + g * units_ + u)]);
  return c.Constant<float>(Shape{static_cast<int32_t>(gates.size()) * units_, static_cast<int32_t>(in)}, out);
}

namespace {

Result<std::unique_ptr<Cell>> MakeSimple(LayerContext& c, const GateWeights& w, Function output) {
  return MakeSimpleCell({.units = w.units(), .kernel = w.Kernel(c, {0}), .recurrent = w.Recurrent(c, {0}), .bias = w.Bias(c, {0}, true),
                         .activation = std::move(output)});
}

// Stored i, f, g, o; the cell has the three gates side by side.
Result<std::unique_ptr<Cell>> MakeLstm(LayerContext& c, const GateWeights& w, Function gate, const Function& output) {
  return MakeLstmCell({.units = w.units(), .kernel = w.Kernel(c, {0, 1, 3, 2}), .recurrent = w.Recurrent(c, {0, 1, 3, 2}),
                       .bias = w.Bias(c, {0, 1, 3, 2}, true),
                       .peep_input = {}, .peep_forget = {}, .peep_output = {}, .gate = std::move(gate), .candidate = output, .shown = output});
}

// Stored z, r, n.
Result<std::unique_ptr<Cell>> MakeGru(LayerContext& c, const GateWeights& w, bool reset_after, Function gate, Function output) {
  return MakeGruCell({.units = w.units(), .reset_after = reset_after, .candidate_bias_is_zero = w.recurrent_bias_is_zero(),
                      .gates_kernel = w.Kernel(c, {0, 1}), .gates_recurrent = w.Recurrent(c, {0, 1}), .gates_bias = w.Bias(c, {0, 1}, true),
                      .kernel = w.Kernel(c, {2}), .recurrent = w.Recurrent(c, {2}), .bias = w.Bias(c, {2}, false), .recurrent_bias = w.RecurrentBias(c, {2}),
                      .gate = std::move(gate), .candidate = std::move(output)});
}

}  // namespace

Result<std::unique_ptr<Cell>> MakeCell(LayerContext& c, std::string_view class_name, const Json& config, const Variables& variables) {
  const int gates = class_name.starts_with("LSTM") ? 4 : class_name.starts_with("GRU") ? 3 : 1;
  if (class_name != "LSTM" && class_name != "LSTMCell" && class_name != "GRU" && class_name != "GRUCell" && class_name != "SimpleRNN" &&
      class_name != "SimpleRNNCell")
    return c.Fail("LSTMCell, GRUCell or SimpleRNNCell", "a " + std::string(class_name), "use one of those cells");
  if (config["recurrent_activation"].text() == "softmax") return c.Fail("an element-wise recurrent_activation", "softmax", "");
  GateWeights w;
  OCTET_TRY(w.Load(c, config, variables, gates));
  Function gate = [&c, &config](Value v) { return c.ApplyActivation(v, config["recurrent_activation"]); };
  Function output = [&c, &config](Value v) { return c.ApplyActivation(v, config["activation"]); };
  if (gates == 4) return MakeLstm(c, w, std::move(gate), output);
  if (gates == 3) return MakeGru(c, w, config["reset_after"].boolean(), std::move(gate), std::move(output));
  return MakeSimple(c, w, std::move(output));
}

// Keras 3 passes initial_state by name, Keras 2 as further inputs.
std::vector<Value> InitialStates(LayerContext& c) {
  std::vector<Value> states;
  if (const Argument* named = c.Named("initial_state")) {
    if (const Value one = c.TensorOf(named)) states.push_back(one);
    for (const Argument& item : named->items) states.push_back(c.TensorOf(&item));
  }
  for (int i = 1; i < c.num_inputs(); ++i) states.push_back(c.Input(i));
  return states;
}

}  // namespace octet::importers::keras
