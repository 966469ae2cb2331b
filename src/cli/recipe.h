// SPDX-License-Identifier: Apache-2.0
// Which layers get which scheme: `octet quantize --recipe FILE`. Two forms: lines of "REGEX SCHEME", and the
// JSON list of ai-edge-quantizer. Later rules win.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quantizer/rewrite.h"

namespace octet::cli {

struct RecipeRule {
  std::string pattern;   // Searched in the layer's name and in its output's.
  std::string op;        // Only this operator, by its .tflite name in lower case; empty: any.
  std::string scheme;    // float32, int8, int4.
};

Result<std::vector<RecipeRule>> ReadRecipe(const std::string& path);
Status ApplyRecipe(const std::vector<RecipeRule>& rules, const graph::Graph& g, quantizer::RewriteOptions* options);

}  // namespace octet::cli
