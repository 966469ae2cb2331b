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
  OCTET_ASSIGN(kernel_, c.builder().Variable(paths[0], "kernel", c));
  OCTET_ASSIGN(recurrent_, c.builder().Variable(paths[1], "recurrent_kernel", c));
  const Shape k = c.shape(kernel_), u = c.shape(recurrent_);
  const int64_t columns = static_cast<int64_t>(units_) * gates;
  if (units_ < 1 || k.rank() != 2 || u.rank() != 2 || k[1] != columns || u[0] != units_ || u[1] != columns)
    return Bad(c, Format("kernels of %lld columns", static_cast<long long>(columns)), k.text() + " and " + u.text());
  bias_.assign(static_cast<size_t>(columns), 0.0f);
  recurrent_bias_ = bias_;
  if (!bias) return {};
  OCTET_ASSIGN(const Value b, c.builder().Variable(paths[2], "bias", c));
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

Result<Value> Dense(LayerContext& c, Value x, Value kernel, Value bias) {
  return c.Make("fully_connected", {x, kernel, bias}, {{"keep_num_dims", c.rank(x) > 2}});
}

class BaseCell : public Cell {
 public:
  BaseCell(const Json& config) : config_(config) {}
  int num_states() const override { return 1; }
  int32_t units() const override { return weights_.units(); }
  Status Load(LayerContext& c, const Variables& variables, int gates) {
    if (config_["recurrent_activation"].text() == "softmax") return c.Fail("an element-wise recurrent_activation", "softmax", "");
    OCTET_TRY(weights_.Load(c, config_, variables, gates));
    return Prepare(c);
  }

 protected:
  virtual Status Prepare(LayerContext& c) = 0;
  Result<Value> Gate(LayerContext& c, Value v) const { return c.ApplyActivation(v, config_["recurrent_activation"]); }
  Result<Value> Output(LayerContext& c, Value v) const { return c.ApplyActivation(v, config_["activation"]); }

  const Json& config_;
  GateWeights weights_;
};

class SimpleCell : public BaseCell {
 public:
  using BaseCell::BaseCell;
  Status Prepare(LayerContext& c) override {
    kernel_ = weights_.Kernel(c, {0});
    bias_ = weights_.Bias(c, {0}, true);
    recurrent_ = weights_.Recurrent(c, {0});
    zero_ = weights_.RecurrentBias(c, {0});
    return {};
  }
  Result<std::vector<Value>> Project(LayerContext& c, Value x) override {
    OCTET_ASSIGN(const Value y, Dense(c, x, kernel_, bias_));
    return std::vector<Value>{y};
  }
  Status Step(LayerContext& c, std::span<const Value> projected, std::vector<Value>* states) override {
    Value sum = projected[0];
    if ((*states)[0]) {
      OCTET_ASSIGN(const Value hu, Dense(c, (*states)[0], recurrent_, zero_));
      OCTET_ASSIGN(sum, c.Make("add", {sum, hu}));
    }
    OCTET_ASSIGN((*states)[0], Output(c, sum));
    return {};
  }

 private:
  Value kernel_, bias_, recurrent_, zero_;
};

class LstmCell : public BaseCell {
 public:
  using BaseCell::BaseCell;
  int num_states() const override { return 2; }
  Status Prepare(LayerContext& c) override {  // Stored i, f, g, o; here the three gates side by side: i, f, o, g.
    kernel_ = weights_.Kernel(c, {0, 1, 3, 2});
    bias_ = weights_.Bias(c, {0, 1, 3, 2}, true);
    recurrent_ = weights_.Recurrent(c, {0, 1, 3, 2});
    const std::vector<float> zeros(static_cast<size_t>(units()) * 4, 0.0f);
    zero_ = c.Constant<float>(Shape{4 * units()}, zeros);
    return {};
  }
  Result<std::vector<Value>> Project(LayerContext& c, Value x) override {
    OCTET_ASSIGN(const Value y, Dense(c, x, kernel_, bias_));
    return std::vector<Value>{y};
  }
  Status Step(LayerContext& c, std::span<const Value> projected, std::vector<Value>* states) override {
    Value sum = projected[0];
    if ((*states)[0]) {
      OCTET_ASSIGN(const Value hu, Dense(c, (*states)[0], recurrent_, zero_));
      OCTET_ASSIGN(sum, c.Make("add", {sum, hu}));
    }
    OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split_v", {sum, c.Vector({3 * units(), units()}), Axis(c)}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(const Value gates, Gate(c, parts[0]));
    OCTET_ASSIGN(const std::vector<Value> ifo, c.MakeMany("split", {Axis(c), gates}, {{"num_splits", 3}}, 3));
    OCTET_ASSIGN(const Value g, Output(c, parts[1]));
    OCTET_ASSIGN(Value cell, c.Make("mul", {ifo[0], g}));
    if ((*states)[1]) {
      OCTET_ASSIGN(const Value kept, c.Make("mul", {ifo[1], (*states)[1]}));
      OCTET_ASSIGN(cell, c.Make("add", {kept, cell}));
    }
    OCTET_ASSIGN(const Value shown, Output(c, cell));
    OCTET_ASSIGN((*states)[0], c.Make("mul", {ifo[2], shown}));
    (*states)[1] = cell;
    return {};
  }

 private:
  static Value Axis(LayerContext& c) {
    const int32_t last = 1;
    return c.Constant<int32_t>(Shape{}, std::span(&last, 1));
  }
  Value kernel_, bias_, recurrent_, zero_;
};

class GruCell : public BaseCell {
 public:
  using BaseCell::BaseCell;
  Status Prepare(LayerContext& c) override {  // Stored z, r, n.
    reset_after_ = config_["reset_after"].boolean();
    gates_kernel_ = weights_.Kernel(c, {0, 1});
    gates_bias_ = weights_.Bias(c, {0, 1}, true);
    gates_recurrent_ = weights_.Recurrent(c, {0, 1});
    kernel_ = weights_.Kernel(c, {2});
    bias_ = weights_.Bias(c, {2}, false);
    recurrent_ = weights_.Recurrent(c, {2});
    recurrent_bias_ = weights_.RecurrentBias(c, {2});
    const std::vector<float> zeros(static_cast<size_t>(units()) * 2, 0.0f);
    zero_ = c.Constant<float>(Shape{2 * units()}, zeros);
    return {};
  }
  Result<std::vector<Value>> Project(LayerContext& c, Value x) override {
    OCTET_ASSIGN(const Value gates, Dense(c, x, gates_kernel_, gates_bias_));
    OCTET_ASSIGN(const Value candidate, Dense(c, x, kernel_, bias_));
    return std::vector<Value>{gates, candidate};
  }
  Status Step(LayerContext& c, std::span<const Value> projected, std::vector<Value>* states) override {
    const Value h = (*states)[0];
    Value gates = projected[0];
    if (h) {
      OCTET_ASSIGN(const Value hu, Dense(c, h, gates_recurrent_, zero_));
      OCTET_ASSIGN(gates, c.Make("add", {gates, hu}));
    }
    OCTET_ASSIGN(gates, Gate(c, gates));
    const int32_t axis = 1;
    OCTET_ASSIGN(const std::vector<Value> zr, c.MakeMany("split", {c.Constant<int32_t>(Shape{}, std::span(&axis, 1)), gates}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(const Value candidate, Candidate(c, projected[1], h, zr[1]));
    OCTET_ASSIGN(const Value n, Output(c, candidate));
    if (!h) {  // n - z*n
      OCTET_ASSIGN(const Value part, c.Make("mul", {zr[0], n}));
      OCTET_ASSIGN((*states)[0], c.Make("sub", {n, part}));
      return {};
    }
    OCTET_ASSIGN(const Value way, c.Make("sub", {h, n}));
    OCTET_ASSIGN(const Value part, c.Make("mul", {zr[0], way}));
    OCTET_ASSIGN((*states)[0], c.Make("add", {n, part}));
    return {};
  }

 private:
  Result<Value> Candidate(LayerContext& c, Value projected, Value h, Value r) {
    if (reset_after_) {
      if (!h && weights_.recurrent_bias_is_zero()) return projected;
      Value hu = recurrent_bias_;
      if (h) {
        OCTET_ASSIGN(hu, Dense(c, h, recurrent_, recurrent_bias_));
      }
      OCTET_ASSIGN(const Value reset, c.Make("mul", {r, hu}));
      return c.Make("add", {projected, reset});
    }
    if (!h) return projected;
    OCTET_ASSIGN(const Value reset, c.Make("mul", {r, h}));
    OCTET_ASSIGN(const Value hu, Dense(c, reset, recurrent_, recurrent_bias_));
    return c.Make("add", {projected, hu});
  }

  bool reset_after_ = false;
  Value gates_kernel_, gates_bias_, gates_recurrent_, kernel_, bias_, recurrent_, recurrent_bias_, zero_;
};

template <class T> Result<std::unique_ptr<Cell>> Load(LayerContext& c, const Json& config, const Variables& variables, int gates) {
  auto cell = std::make_unique<T>(config);
  OCTET_TRY(cell->Load(c, variables, gates));
  return std::unique_ptr<Cell>(std::move(cell));
}

}  // namespace

Result<std::unique_ptr<Cell>> MakeCell(LayerContext& c, std::string_view class_name, const Json& config, const Variables& variables) {
  if (class_name == "LSTM" || class_name == "LSTMCell") return Load<LstmCell>(c, config, variables, 4);
  if (class_name == "GRU" || class_name == "GRUCell") return Load<GruCell>(c, config, variables, 3);
  if (class_name == "SimpleRNN" || class_name == "SimpleRNNCell") return Load<SimpleCell>(c, config, variables, 1);
  return c.Fail("LSTMCell, GRUCell or SimpleRNNCell", "a " + std::string(class_name), "use one of those cells");
}

}  // namespace octet::importers::keras
