// SPDX-License-Identifier: Apache-2.0
#include "quantizer/reset_states.h"

#include <algorithm>
#include <cmath>

#include "ops/lstm_util.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr double kClosed = -12;  // Before the sigmoid: 2^-15, the gates' resolution, is at -10.4.
constexpr int64_t kMostColumns = 64;

struct Weights {
  std::span<const int8_t> values;
  int64_t rows, columns;
  double scale;
};

Weights WeightsOf(const Graph& g, TensorId t) {
  const graph::Tensor& w = g.tensor(t);
  return {w.data<int8_t>(), w.type.shape[0], w.type.shape[1], static_cast<double>(w.type.quant.scale0())};
}

class Reset {
 public:
  Reset(Graph& g, NodeId node) : g_(g), node_(node) {
    const Quant& q = g.tensor(Input(at_.input)).type.quant;
    value_ = q.zero0() < 0 ? 127 : -128;  // The end that is farther from zero.
    step_ = (value_ - q.zero0()) * static_cast<double>(q.scale0());
  }

  Status Run() {
    for (int gate : {ops::kInputGate, ops::kForgetGate}) FindPull(gate);
    double most = 0;
    for (const auto& pull : pull_)
      for (double v : pull) most = std::max(most, std::abs(v));
    columns_ = static_cast<int32_t>(std::clamp<double>(std::ceil(most / 127.0), 1, kMostColumns));
    for (int gate = 0; gate < 4; ++gate)
      if (Input(at_.input_weights[gate]) != graph::kNoTensor) Widen(gate);
    g_.SetInput(node_, at_.input, PadTime(PadColumns(Input(at_.input))));
    DropFirstStep();
    return {};
  }

 private:
  TensorId Input(int i) const { return g_.node(node_).inputs[static_cast<size_t>(i)]; }
  bool time_major() const { return static_cast<const ops::LstmAttrs*>(g_.node(node_).attrs.get())->time_major; }

  // What the added columns of each row have to sum to, in steps of the weights: with all inputs at value_,
  //   step * scale * (sum of the row + pull) + bias + whatever the state adds <= kClosed.
  void FindPull(int gate) {
    if (Input(at_.input_weights[gate]) == graph::kNoTensor) return;
    const Weights w = WeightsOf(g_, Input(at_.input_weights[gate])), r = WeightsOf(g_, Input(at_.recurrent_weights[gate]));
    const graph::Tensor &bias = g_.tensor(Input(at_.bias[gate])), &state = g_.tensor(Input(at_.output_state));
    const Quant& q = state.type.quant;
    const double largest = static_cast<double>(q.scale0()) * std::max(127 - q.zero0(), q.zero0() + 128);
    for (int64_t o = 0; o < w.rows; ++o) {
      double sum = 0, opened = static_cast<double>(bias.data<int32_t>()[static_cast<size_t>(o)]) * static_cast<double>(bias.type.quant.scale0());
      for (int64_t k = 0; k < w.columns; ++k) sum += w.values[static_cast<size_t>(o * w.columns + k)];
      for (int64_t k = 0; k < r.columns; ++k) opened += std::abs(static_cast<double>(r.values[static_cast<size_t>(o * r.columns + k)])) * r.scale * largest;
      const double wanted = (kClosed - opened) / (step_ * w.scale) - sum;
      // Closed enough already where the row alone pulls further.
      pull_[gate].push_back(step_ > 0 ? std::min(0.0, wanted) : std::max(0.0, wanted));
    }
  }

  void Widen(int gate) {
    const TensorId old = Input(at_.input_weights[gate]);
    const Weights w = WeightsOf(g_, old);
    std::vector<int8_t> wide;
    for (int64_t o = 0; o < w.rows; ++o) {
      wide.insert(wide.end(), w.values.begin() + o * w.columns, w.values.begin() + (o + 1) * w.columns);
      const double each = pull_[gate].empty() ? 0 : pull_[gate][static_cast<size_t>(o)] / columns_;
      wide.insert(wide.end(), static_cast<size_t>(columns_), static_cast<int8_t>(std::clamp(each < 0 ? std::floor(each) : std::ceil(each), -127.0, 127.0)));
    }
    const TensorType type{DType::kI8, Shape{static_cast<int32_t>(w.rows), static_cast<int32_t>(w.columns) + columns_}, g_.tensor(old).type.quant};
    g_.SetInput(node_, at_.input_weights[gate], g_.AddConstant(g_.tensor(old).name, type, graph::MakeBuffer(std::as_bytes(std::span(wide)))));
  }

  TensorId Pads(const std::string& name, int axis, int32_t before, int32_t after) {
    std::vector<int32_t> pads(6, 0);
    pads[static_cast<size_t>(2 * axis)] = before;
    pads[static_cast<size_t>(2 * axis + 1)] = after;
    return g_.AddConstant<int32_t>(name, Shape{3, 2}, pads);
  }

  TensorId Emit(std::string_view op, const std::string& name, std::vector<TensorId> inputs, Shape shape) {
    const ops::OpDef& def = *ops::Find(op);
    const TensorId out = g_.AddTensor(name, {DType::kI8, shape, g_.tensor(inputs[0]).type.quant});
    g_.AddNode(def, graph::Attributes(def.attrs), std::move(inputs), {out}, g_.node(node_).place, node_);
    return out;
  }

  TensorId PadColumns(TensorId x) {
    Shape shape = g_.tensor(x).type.shape;
    shape[2] += columns_;
    const std::string name = g_.node(node_).place + "/reset_columns";
    return Emit("pad", name, {x, Pads(name + "/by", 2, 0, columns_)}, shape);
  }

  TensorId PadTime(TensorId x) {
    const int axis = time_major() ? 0 : 1;
    Shape shape = g_.tensor(x).type.shape;
    if (shape[axis] != kUnknown) ++shape[axis];
    const std::string name = g_.node(node_).place + "/reset_step";
    const auto value = static_cast<int8_t>(value_);
    const TensorId with = g_.AddConstant(name + "/value", {DType::kI8, Shape{}, g_.tensor(x).type.quant}, graph::MakeBuffer(std::as_bytes(std::span(&value, 1))));
    return Emit("padv2", name, {x, Pads(name + "/by", axis, 1, 0), with}, shape);
  }

  // The output without the step in front takes the old output's place.
  void DropFirstStep() {
    const int axis = time_major() ? 0 : 1;
    const TensorId old = g_.node(node_).outputs[0];
    TensorType type = g_.tensor(old).type;
    if (type.shape[axis] != kUnknown) ++type.shape[axis];
    const TensorId longer = g_.AddTensor(g_.tensor(old).name + "/with_reset", type);
    g_.SetOutput(node_, 0, longer);
    std::vector<int32_t> begin(3, 0), zeros(3, 0), ones(3, 1);
    begin[static_cast<size_t>(axis)] = 1;
    const ops::OpDef& def = *ops::Find("strided_slice");
    graph::Attributes attrs(def.attrs);
    for (const ops::AttrRow& row : def.attrs.rows) {
      if (row.name == "end_mask") *static_cast<int32_t*>(row.at(attrs.get())) = 7;
      if (row.name == "begin_mask") *static_cast<int32_t*>(row.at(attrs.get())) = 7 & ~(1 << axis);
    }
    const std::string name = g_.node(node_).place + "/reset_drop";
    g_.AddNode(def, attrs, {longer, g_.AddConstant<int32_t>(name + "/begin", Shape{3}, begin), g_.AddConstant<int32_t>(name + "/end", Shape{3}, zeros),
                            g_.AddConstant<int32_t>(name + "/by", Shape{3}, ones)},
               {old}, g_.node(node_).place);
  }

  Graph& g_;
  const NodeId node_;
  const ops::LstmOperands at_;
  int32_t value_ = 127, columns_ = 1;
  double step_ = 0;
  std::vector<double> pull_[4];  // Of the input and the forget gate.
};

}  // namespace

Status PrependReset(Graph& g, NodeId node) {
  const graph::Node& n = g.node(node);
  bool cells = false;
  for (const ops::QuantRow& row : n.op->quantization) cells |= row.kind == ops::QuantKind::kPowerOfTwo16;
  if (!cells || g.tensor(n.inputs[0]).type.shape.rank() != 3) return {};
  return Reset(g, node).Run();
}

}  // namespace octet::quantizer
