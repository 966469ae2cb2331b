// SPDX-License-Identifier: Apache-2.0
#include "quantizer/correct_bias.h"

#include <algorithm>
#include <cmath>

#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

// A bias, and the weights whose rounding it makes up for. An LSTM has several; those on its inputs count, which are what
// reaches far.
struct Biased {
  WeightedOp op;
  bool one_scale = false;  // For all output channels.
};

std::vector<Biased> BiasesOf(const graph::Graph& g, graph::NodeId id) {
  const graph::Node& n = g.node(id);
  const auto given = [&](int operand) {
    return operand >= 0 && operand < static_cast<int>(n.inputs.size()) && n.inputs[static_cast<size_t>(operand)] != graph::kNoTensor;
  };
  WeightedOp op;
  if (FindWeights(g, id, &op)) return given(op.bias) ? std::vector{Biased{op, false}} : std::vector<Biased>();
  std::vector<Biased> found;
  for (const ops::QuantRow& row : n.op->quantization) {
    if (row.kind != ops::QuantKind::kProductBias || !given(row.operand) || !given(row.other)) continue;
    const graph::Tensor &w = g.tensor(n.inputs[static_cast<size_t>(row.other)]), &b = g.tensor(n.inputs[static_cast<size_t>(row.operand)]);
    const ops::QuantRow* rule = RuleFor(*n.op, row.other, DType::kI8);
    if (!w.constant || !b.constant || w.type.dtype != DType::kF32 || b.type.dtype != DType::kF32 || w.type.shape.rank() != 2 || !rule ||
        rule->kind != ops::QuantKind::kSymmetric)
      continue;
    found.push_back({{.data = 0, .weights = row.other, .bias = row.operand}, true});
  }
  return found;
}

using Constants = std::pair<graph::TensorId, graph::TensorId>;  // Weights and bias.

Constants ConstantsOf(const graph::Node& n, const WeightedOp& op) {
  return {n.inputs[static_cast<size_t>(op.weights)], n.inputs[static_cast<size_t>(op.bias)]};
}

// Means of a layer's inputs per channel, over all layers that share its weights and bias (the steps of an
// unrolled recurrent layer): they get one corrected bias together.
std::map<Constants, std::vector<double>> InputMeans(const graph::Graph& g, const Statistics& statistics) {
  std::map<Constants, std::vector<double>> means;
  std::map<Constants, int> uses;
  for (graph::NodeId id : g.order()) {
    for (const Biased& biased : BiasesOf(g, id)) {
      const auto it = statistics.find(g.tensor(g.node(id).inputs[static_cast<size_t>(biased.op.data)]).name);
      if (it == statistics.end() || it->second.channel_mean.empty()) continue;
      const Constants key = ConstantsOf(g.node(id), biased.op);
      std::vector<double>& sum = means[key];
      sum.resize(it->second.channel_mean.size(), 0.0);
      for (size_t c = 0; c < std::min(sum.size(), it->second.channel_mean.size()); ++c) sum[c] += it->second.channel_mean[c];
      ++uses[key];
    }
  }
  for (auto& [key, sum] : means)
    for (double& m : sum) m /= uses[key];
  return means;
}

// The bias that takes back what rounding the weights adds to each output on average:
//   b[o] += sum over the window of (W - W_q)[o, ...] * E[x_c]
std::vector<float> CorrectedBias(const graph::Graph& g, graph::NodeId id, const Biased& biased, const std::vector<double>& mean,
                                 const RewriteOptions& options) {
  const WeightedOp& op = biased.op;
  const bool four = TakesInt4(g, id, options.int4);
  const graph::Tensor &w = g.tensor(g.node(id).inputs[op.weights]), &bias = g.tensor(g.node(id).inputs[op.bias]);
  const std::span<const float> v = w.data<float>();
  const Shape& s = w.type.shape;
  const ChannelLayout layout(s, op.output_axis);
  std::vector<float> scales = WeightScales(v, layout, four);
  if (biased.one_scale || options.OneScale(s)) std::ranges::fill(scales, std::ranges::max(scales));
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

void CorrectBias(graph::Model& model, const Statistics& statistics, const RewriteOptions& options) {
  graph::Graph& g = model.main();
  const auto means = InputMeans(g, statistics);
  std::map<Constants, graph::TensorId> made;
  for (graph::NodeId id : g.order()) {
    for (const Biased& biased : BiasesOf(g, id)) {
      const Constants key = ConstantsOf(g.node(id), biased.op);
      const auto mean = means.find(key);
      if (mean == means.end()) continue;
      const auto [it, fresh] = made.try_emplace(key, graph::kNoTensor);
      if (fresh)
        it->second = g.AddConstant<float>(g.tensor(key.second).name, g.tensor(key.second).type.shape, CorrectedBias(g, id, biased, mean->second, options));
      g.SetInput(id, biased.op.bias, it->second);
    }
  }
}

}  // namespace octet::quantizer
