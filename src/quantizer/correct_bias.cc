// SPDX-License-Identifier: Apache-2.0
#include "quantizer/correct_bias.h"

#include <algorithm>
#include <cmath>

#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

// Means of a layer's inputs per channel, over all layers that share its weights and bias (the steps of an
// unrolled recurrent layer): they get one corrected bias together.
std::map<std::pair<graph::TensorId, graph::TensorId>, std::vector<double>> InputMeans(const graph::Graph& g, const Statistics& statistics) {
  std::map<std::pair<graph::TensorId, graph::TensorId>, std::vector<double>> means;
  std::map<std::pair<graph::TensorId, graph::TensorId>, int> uses;
  for (graph::NodeId id : g.order()) {
    WeightedOp op;
    if (!FindWeights(g, id, &op) || op.bias < 0 || g.node(id).inputs[op.bias] == graph::kNoTensor) continue;
    const auto it = statistics.find(g.tensor(g.node(id).inputs[op.data]).name);
    if (it == statistics.end() || it->second.channel_mean.empty()) continue;
    const std::pair key{g.node(id).inputs[op.weights], g.node(id).inputs[op.bias]};
    std::vector<double>& sum = means[key];
    sum.resize(it->second.channel_mean.size(), 0.0);
    for (size_t c = 0; c < std::min(sum.size(), it->second.channel_mean.size()); ++c) sum[c] += it->second.channel_mean[c];
    ++uses[key];
  }
  for (auto& [key, sum] : means)
    for (double& m : sum) m /= uses[key];
  return means;
}

// The bias that takes back what rounding the weights adds to each output on average:
//   b[o] += sum over the window of (W - W_q)[o, ...] * E[x_c]
std::vector<float> CorrectedBias(const graph::Graph& g, graph::NodeId id, const WeightedOp& op, const std::vector<double>& mean) {
  const graph::Tensor &w = g.tensor(g.node(id).inputs[op.weights]), &bias = g.tensor(g.node(id).inputs[op.bias]);
  const std::span<const float> v = w.data<float>();
  const Shape& s = w.type.shape;
  const int64_t inner = s.elements(op.output_axis + 1, s.rank()), outputs = s[op.output_axis], last = s.back();
  const auto output = [&](size_t i) { return static_cast<int64_t>(i) / inner % outputs; };
  std::vector<float> most(outputs, 0.0f), b(bias.data<float>().begin(), bias.data<float>().end());
  for (size_t i = 0; i < v.size(); ++i) most[output(i)] = std::max(most[output(i)], std::abs(v[i]));
  const size_t multiplier = op.channelwise ? std::max<size_t>(1, static_cast<size_t>(last) / mean.size()) : 1;
  for (size_t i = 0; i < v.size(); ++i) {
    const float scale = std::max(most[output(i)] / 127.0f, 1e-12f), rounded = std::round(v[i] / scale) * scale;
    const size_t channel = (static_cast<size_t>(static_cast<int64_t>(i) % last) / multiplier) % mean.size();
    b[output(i)] += static_cast<float>(static_cast<double>(v[i] - rounded) * mean[channel]);
  }
  return b;
}

}  // namespace

void CorrectBias(graph::Model& model, const Statistics& statistics) {
  graph::Graph& g = model.main();
  const auto means = InputMeans(g, statistics);
  std::map<std::pair<graph::TensorId, graph::TensorId>, graph::TensorId> made;
  for (graph::NodeId id : g.order()) {
    WeightedOp op;
    if (!FindWeights(g, id, &op) || op.bias < 0) continue;
    const std::pair key{g.node(id).inputs[op.weights], g.node(id).inputs[op.bias]};
    const auto mean = means.find(key);
    if (mean == means.end()) continue;
    const auto [it, fresh] = made.try_emplace(key, graph::kNoTensor);
    if (fresh) it->second = g.AddConstant<float>(g.tensor(key.second).name, g.tensor(key.second).type.shape, CorrectedBias(g, id, op, mean->second));
    g.SetInput(id, op.bias, it->second);
  }
}

}  // namespace octet::quantizer
