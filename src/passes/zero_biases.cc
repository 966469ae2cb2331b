// SPDX-License-Identifier: Apache-2.0
#include "passes/zero_biases.h"

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

constexpr int kWeights = 1, kBias = 2;

bool IsFloatDense(const graph::Graph& g, const graph::Node& n) {
  return n.op->name == "fully_connected" && n.inputs.size() == 3 && g.is_constant(n.inputs[kWeights]) && g.tensor(n.inputs[kWeights]).type.dtype == DType::kF32;
}

}  // namespace

int GiveBiases(graph::Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) {
    if (!IsFloatDense(g, g.node(id)) || g.node(id).inputs[kBias] != graph::kNoTensor) return false;
    const int32_t units = g.tensor(g.node(id).inputs[kWeights]).type.shape[0];
    const std::vector<float> zeros(static_cast<size_t>(units), 0.0f);
    g.SetInput(id, kBias, g.AddConstant<float>(g.tensor(g.node(id).outputs[0]).name + "/bias", Shape{units}, zeros));
    return true;
  });
}

int LeaveOutZeroBiases(graph::Graph& g) {
  return ForEachNode(g, [&](graph::NodeId id) {
    if (!IsFloatDense(g, g.node(id)) || UniformValue(g, g.node(id).inputs[kBias]) != 0.0f) return false;
    g.SetInput(id, kBias, graph::kNoTensor);
    return true;
  });
}

}  // namespace octet::passes
