// SPDX-License-Identifier: Apache-2.0
#include "quantizer/correct_bias.h"

#include <algorithm>
#include <cmath>

#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

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
std::vector<float> CorrectedBias(const graph::Graph& g, graph::NodeId id, const WeightedOp& op, const std::vector<double>& mean, bool four) {
  const graph::Tensor &w = g.tensor(g.node(id).inputs[op.weights]), &bias = g.tensor(g.node(id).inputs[op.bias]);
  const std::span<const float> v = w.data<float>();
  const Shape& s = w.type.shape;
  const ChannelLayout layout(s, op.output_axis);
  const std::vector<float> scales = WeightScales(v, layout, four);
  const std::vector<int8_t> steps = WeightSteps(v, layout, scales, four ? kInt4Steps : kInt8Steps);
  std::vector<float> b(bias.data<float>().begin(), bias.data<float>().end());
  // The mean that each position of the last axis meets.
  const auto last = static_cast<size_t>(s.back());
  const size_t multiplier = op.channelwise ? std::max<size_t>(1, last / mean.size()) : 1;
  std::vector<double> met(last);
  for (size_t k = 0; k < last; ++k) met[k] = mean[k / multiplier % mean.size()];
  size_t at = 0, position = 0;
  while (at < v.size()) {
    for (size_t o = 0; o < scales.size(); ++o) {
      double shift = 0;
      for (const size_t end = at + static_cast<size_t>(layout.inner); at < end; ++at) {
        shift += static_cast<double>(v[at] - static_cast<float>(steps[at]) * scales[o]) * met[position];
        if (++position == last) position = 0;
      }
      b[o] += static_cast<float>(shift);
    }
  }
  return b;
}

}  // namespace

void CorrectBias(graph::Model& model, const Statistics& statistics, const std::set<std::string>& int4) {
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
    if (fresh) it->second = g.AddConstant<float>(g.tensor(key.second).name, g.tensor(key.second).type.shape, CorrectedBias(g, id, op, mean->second, TakesInt4(g, id, int4)));
    g.SetInput(id, op.bias, it->second);
  }
}

}  // namespace octet::quantizer
