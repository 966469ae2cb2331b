// SPDX-License-Identifier: Apache-2.0
#include "quantizer/even_inputs.h"

#include <algorithm>
#include <cmath>

#include "exporter/exporter.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kNarrow = 1.0f / 16;  // Of the input's range: the middle feature has so many of 256 steps.
constexpr int32_t kMostFeatures = 4096;

struct Feature {
  float low = INFINITY, high = -INFINITY;
  float width() const { return high - low; }
  float centre() const { return 0.5f * low + 0.5f * high; }
  float factor() const { return width() > 0 ? 2 / width() : 1; }
};
using Features = std::vector<Feature>;

// The dense layer's operands, where nothing else reads them and all of the input is data to it.
bool TakesBack(const Graph& g, NodeId id, TensorId input, WeightedOp* op) {
  if (!FindWeights(g, id, op) || op->channelwise || op->output_axis != 0) return false;
  const graph::Node& n = g.node(id);
  const TensorId weights = n.inputs[static_cast<size_t>(op->weights)];
  const bool bias = op->bias >= 0 && g.is_constant(n.inputs[static_cast<size_t>(op->bias)]);
  return bias && n.inputs[static_cast<size_t>(op->data)] == input && g.tensor(weights).type.shape.rank() == 2 &&
         g.tensor(weights).type.shape.back() == g.tensor(input).type.shape.back();
}

bool MayBeEvened(const Graph& g, TensorId input) {
  const TensorType& type = g.tensor(input).type;
  WeightedOp op;
  const auto takes = [&](NodeId id) { return TakesBack(g, id, input, &op); };
  return type.dtype == DType::kF32 && type.shape.rank() > 1 && type.shape.back() > 1 && type.shape.back() <= kMostFeatures && !g.is_output(input) &&
         !g.tensor(input).consumers.empty() && std::ranges::all_of(g.tensor(input).consumers, takes);
}

Result<std::vector<Features>> Look(const graph::Model& model, const data::Dataset& data, SampleRange samples) {
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
  OCTET_ASSIGN(std::shared_ptr<const runtime::Model> file, runtime::Model::FromBytes(bytes));
  OCTET_ASSIGN(const auto session, Session::FromModel(std::move(file), {}));
  OCTET_TRY(session->Check(data));
  const Graph& g = model.main();
  std::vector<Features> inputs(g.inputs.size());
  for (int64_t s = samples.first; s < samples.end; s += samples.step) {
    OCTET_TRY(session->Prepare(data, s));
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!MayBeEvened(g, g.inputs[i])) continue;
      const std::vector<float> x = RealValues(session->interpreter().input(static_cast<int>(i)));
      inputs[i].resize(static_cast<size_t>(g.tensor(g.inputs[i]).type.shape.back()));
      for (size_t k = 0; k < x.size(); ++k) {
        Feature& f = inputs[i][k % inputs[i].size()];
        f.low = std::min(f.low, x[k]);
        f.high = std::max(f.high, x[k]);
      }
    }
  }
  return inputs;
}

bool Unlike(const Features& features) {
  if (features.empty()) return false;
  float low = 0, high = 0;
  std::vector<float> widths;
  for (const Feature& f : features) {
    low = std::min(low, f.low);
    high = std::max(high, f.high);
    if (f.width() > 0) widths.push_back(f.width());
  }
  if (widths.empty()) return false;
  std::ranges::nth_element(widths, widths.begin() + static_cast<ptrdiff_t>(widths.size() / 2));
  return widths[widths.size() / 2] < kNarrow * (high - low);
}

TensorId AddPlain(Graph& g, std::string_view op, TensorId x, std::string name, const std::vector<float>& by, NodeId before) {
  const ops::OpDef& def = *ops::Find(op);
  const TensorId constant = g.AddConstant<float>(name + "/by", Shape{static_cast<int32_t>(by.size())}, by), y = g.AddTensor(std::move(name), g.tensor(x).type);
  g.AddNode(def, graph::Attributes(def.attrs), {x, constant}, {y}, g.tensor(x).name, before);
  return y;
}

// y = W x + b with x = e / factor + centre.
void TakeBack(Graph& g, NodeId id, const WeightedOp& op, const Features& features) {
  const TensorId w = g.node(id).inputs[static_cast<size_t>(op.weights)], b = g.node(id).inputs[static_cast<size_t>(op.bias)];
  std::vector<float> weights(g.tensor(w).data<float>().begin(), g.tensor(w).data<float>().end()),
      bias(g.tensor(b).data<float>().begin(), g.tensor(b).data<float>().end());
  for (size_t row = 0; row < bias.size(); ++row) {
    double sum = static_cast<double>(bias[row]);
    for (size_t c = 0; c < features.size(); ++c) {
      float& v = weights[row * features.size() + c];
      sum += static_cast<double>(v) * static_cast<double>(features[c].centre());
      v /= features[c].factor();
    }
    bias[row] = static_cast<float>(sum);
  }
  g.SetInput(id, op.weights, g.AddConstant<float>(g.tensor(w).name, g.tensor(w).type.shape, weights));
  g.SetInput(id, op.bias, g.AddConstant<float>(g.tensor(b).name, g.tensor(b).type.shape, bias));
}

void Even(Graph& g, TensorId input, const Features& features, KeptInFloat* in_float) {
  const std::vector<NodeId> readers = g.tensor(input).consumers;
  const NodeId first = *std::ranges::find_if(g.order(), [&](NodeId id) { return std::ranges::find(readers, id) != readers.end(); });
  std::vector<float> centres, factors;
  for (const Feature& f : features) {
    centres.push_back(f.centre());
    factors.push_back(f.factor());
  }
  const std::string name = g.tensor(input).name;
  const TensorId centred = AddPlain(g, "sub", input, name + "/centred", centres, first), even = AddPlain(g, "mul", centred, name + "/even", factors, first);
  for (const TensorId t : {centred, even})
    (*in_float)[g.tensor(t).name] = "the input's features reach unlike far: each gets a scale of its own before it is quantized";
  WeightedOp op;
  for (NodeId id : readers)
    if (TakesBack(g, id, input, &op)) {
      TakeBack(g, id, op, features);
      g.SetInput(id, op.data, even);
    }
}

}  // namespace

Result<KeptInFloat> EvenInputs(graph::Model& model, const data::Dataset& data, SampleRange samples) {
  KeptInFloat in_float;
  Graph& g = model.main();
  if (std::ranges::none_of(g.inputs, [&](TensorId t) { return MayBeEvened(g, t); })) return in_float;
  OCTET_ASSIGN(const std::vector<Features> inputs, Look(model, data, samples));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Unlike(inputs[i])) Even(g, g.inputs[i], inputs[i], &in_float);
  return in_float;
}

Result<std::vector<std::string>> UnlikeInputs(const graph::Model& model, const data::Dataset& data, SampleRange samples) {
  std::vector<std::string> names;
  const Graph& g = model.main();
  if (std::ranges::none_of(g.inputs, [&](TensorId t) { return MayBeEvened(g, t); })) return names;
  OCTET_ASSIGN(const std::vector<Features> inputs, Look(model, data, samples));
  for (size_t i = 0; i < inputs.size(); ++i)
    if (Unlike(inputs[i])) names.push_back(g.tensor(g.inputs[i]).name);
  return names;
}

}  // namespace octet::quantizer
