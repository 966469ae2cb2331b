// SPDX-License-Identifier: Apache-2.0
// What a TensorFlow op becomes that is not an operator of its own, or whose rule needs to know elements of its inputs.
// Ops that are one operator have their rule in the operator's file (ops/import.h).
#pragma once
#include <span>
#include <string_view>

#include "base/status.h"

namespace octet::importers::savedmodel {

class NodeContext;

struct NodeRule {
  std::string_view name;
  Status (*convert)(NodeContext&);
};

// One table per file of layers/.
extern const std::span<const NodeRule> kFusionRules;       // fusion.cc
extern const std::span<const NodeRule> kQuantizedRules;    // quantized.cc
extern const std::span<const NodeRule> kElementwiseRules;  // elementwise.cc
extern const std::span<const NodeRule> kShapingRules;      // shaping.cc
extern const std::span<const NodeRule> kConvolutionRules;  // convolution.cc
extern const std::span<const NodeRule> kProductRules;      // product.cc
extern const std::span<const NodeRule> kReductionRules;    // reduction.cc
extern const std::span<const NodeRule> kVariableRules;     // variable.cc
extern const std::span<const NodeRule> kTensorListRules;   // tensor_list.cc
extern const std::span<const NodeRule> kScatterRules;      // scatter.cc
extern const std::span<const NodeRule> kSelectionRules;    // selection.cc
extern const std::span<const NodeRule> kImageRules;        // image.cc
extern const std::span<const NodeRule> kDetectionRules;    // detection.cc
extern const std::span<const NodeRule> kWarpRules;         // warp.cc
extern const std::span<const NodeRule> kLinalgRules;       // linalg.cc
extern const std::span<const NodeRule> kAudioRules;        // audio.cc
extern const std::span<const NodeRule> kSparseRules;       // sparse.cc
extern const std::span<const NodeRule> kDecodingRules;     // decoding.cc
extern const std::span<const NodeRule> kRandomRules;       // random.cc
extern const std::span<const NodeRule> kComplexRules;      // complex.cc
extern const std::span<const NodeRule> kControlFlowRules;  // control_flow.cc

// Ops whose result has element i from element i of the inputs, after broadcasting.
bool IsElementwise(std::string_view op);

// Null when there is none here.
const NodeRule* FindNodeRule(std::string_view op);

}  // namespace octet::importers::savedmodel
