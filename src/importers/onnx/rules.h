// SPDX-License-Identifier: Apache-2.0
// What an ONNX operator becomes that is not one operator of the .tflite. One-operator rules are with the operator
// (ops/import.h, Source::kOnnx); those here go first.
#pragma once
#include <span>
#include <string_view>

#include "base/status.h"

namespace octet::importers::onnx {

class NodeContext;

struct NodeRule {
  std::string_view name;  // "Conv"; with the domain unless it is ai.onnx: "com.microsoft.Gelu".
  int since = 0;          // First opset that has this meaning.
  Status (*convert)(NodeContext&) = nullptr;
};

// One table per file of layers/.
extern const std::span<const NodeRule> kElementwiseRules;    // elementwise.cc
extern const std::span<const NodeRule> kConvolutionRules;    // convolution.cc
extern const std::span<const NodeRule> kPoolingRules;        // pooling.cc
extern const std::span<const NodeRule> kReductionRules;      // reduction.cc
extern const std::span<const NodeRule> kShapeRules;          // shape.cc
extern const std::span<const NodeRule> kMovementRules;       // movement.cc
extern const std::span<const NodeRule> kIndexingRules;       // indexing.cc
extern const std::span<const NodeRule> kMatrixRules;         // matrix.cc
extern const std::span<const NodeRule> kNormalizationRules;  // normalization.cc
extern const std::span<const NodeRule> kQuantizationRules;   // quantization.cc
extern const std::span<const NodeRule> kRecurrentRules;      // recurrent.cc
extern const std::span<const NodeRule> kResizeRules;         // resize.cc
extern const std::span<const NodeRule> kSequenceRules;       // sequence.cc
extern const std::span<const NodeRule> kControlRules;        // control.cc
extern const std::span<const NodeRule> kAttentionRules;      // attention.cc
extern const std::span<const NodeRule> kSignalRules;         // signal.cc
extern const std::span<const NodeRule> kSamplingRules;       // sampling.cc
extern const std::span<const NodeRule> kRegionRules;         // regions.cc
extern const std::span<const NodeRule> kCombinedRules;       // combined.cc
extern const std::span<const NodeRule> kCategoryRules;       // categories.cc
extern const std::span<const NodeRule> kLearnedRules;        // learned.cc
extern const std::span<const NodeRule> kTreeRules;           // trees.cc
extern const std::span<const NodeRule> kSupportVectorRules;  // support_vectors.cc
extern const std::span<const NodeRule> kRandomRules;         // random.cc
extern const std::span<const NodeRule> kPlacementRules;      // placement.cc
extern const std::span<const NodeRule> kNBitsRules;          // nbits.cc
extern const std::span<const NodeRule> kUniqueRules;         // unique.cc

// The newest rule not above `version`; null when there is none here.
const NodeRule* FindNodeRule(std::string_view name, int64_t version);

}  // namespace octet::importers::onnx
