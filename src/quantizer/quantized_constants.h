// SPDX-License-Identifier: Apache-2.0
// The integer forms of a graph's constants: weights, biases and other operands. Uses that agree on the scales share one tensor: an unrolled
// recurrent layer reads the same weights in every step. All are new tensors of the graph; the float ones stay.
#pragma once
#include <map>
#include <tuple>

#include "quantizer/rewrite.h"
#include "quantizer/roles.h"

namespace octet::quantizer {

class QuantizedConstants {
 public:
  // Both outlive it.
  QuantizedConstants(graph::Graph* g, const RewriteOptions& options) : g_(*g), options_(options) {}

  // As activations of that type (int8 or int16) are.
  graph::TensorId Activation(graph::TensorId t, DType type, const Quant& q);
  // Symmetric around zero: int8, int16, or int32 for biases.
  template <class T> graph::TensorId Symmetric(graph::TensorId t, float scale);
  // The node's weights, and its bias by the scales of its data and weights.
  void SetWeights(graph::NodeId id, const WeightedOp& op, float data_scale, DType activation);

 private:
  // How a node's bias is quantized: a step is one of the data times one of the weights.
  struct BiasSteps {
    float data;
    std::span<const float> weights;  // One per channel,
    bool per_tensor;                 // all the same.
  };
  template <class T> graph::TensorId Rounded(graph::TensorId t, DType type, const Quant& q);
  template <class T> graph::TensorId Bias(graph::TensorId t, const BiasSteps& steps);
  graph::TensorId Add(graph::TensorId from, const TensorType& type, std::span<const std::byte> bytes);

  graph::Graph& g_;
  const RewriteOptions& options_;
  std::map<std::tuple<graph::TensorId, std::vector<float>, int32_t>, graph::TensorId> made_;  // By source, scales and zero point.
};

}  // namespace octet::quantizer
