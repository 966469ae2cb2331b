// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {

const NodeRule* FindNodeRule(std::string_view op) {
  for (const auto rules : {kElementwiseRules, kShapingRules, kConvolutionRules, kProductRules, kReductionRules, kVariableRules})
    for (const NodeRule& rule : rules)
      if (rule.name == op) return &rule;
  return nullptr;
}

}  // namespace octet::importers::savedmodel
