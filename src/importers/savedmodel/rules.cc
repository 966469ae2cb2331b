// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {

const NodeRule* FindNodeRule(std::string_view op) {
  for (const auto rules : {kFusionRules,    kQuantizedRules,  kElementwiseRules, kShapingRules, kConvolutionRules, kProductRules,  kReductionRules,
                           kVariableRules,  kTensorListRules, kControlFlowRules, kScatterRules, kSparseRules,      kDecodingRules, kDetectionRules,
                           kSelectionRules, kImageRules,      kWarpRules,        kLinalgRules,  kAudioRules,       kRandomRules,   kComplexRules})
    for (const NodeRule& rule : rules)
      if (rule.name == op) return &rule;
  return nullptr;
}

bool IsElementwise(std::string_view op) {
  for (const NodeRule& rule : kElementwiseRules)
    if (rule.name == op) return true;
  return false;
}

}  // namespace octet::importers::savedmodel
