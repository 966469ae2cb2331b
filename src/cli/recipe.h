// SPDX-License-Identifier: Apache-2.0
// Which layers get which scheme: `octet quantize --recipe FILE`. Two forms: lines of "REGEX SCHEME", and the
// JSON list of ai-edge-quantizer. Later rules win. What no line names is int8; what no rule of a JSON list
// names stays float, as it does there.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quantizer/quantize.h"

namespace octet::cli {

struct RecipeRule {
  std::string pattern;   // Searched in the layer's name and in its output's.
  std::string op;        // Only this operator, by its .tflite name in lower case; empty: any.
  std::string scheme;    // int8, int4: activations, too. dynamic, int4-block, float16: weights alone. float32.
};

// Layers whose weights alone are quantized afterwards, by their first outputs.
struct WeightSchemes {
  quantizer::Layers dynamic, int4_block, float16;
};

Result<std::vector<RecipeRule>> ReadRecipe(const std::string& path);
// Error: a rule that names nothing.
Status ApplyRecipe(const std::vector<RecipeRule>& rules, const graph::Graph& g, quantizer::RewriteOptions* options, WeightSchemes* weights);
Status ApplyWeightSchemes(const WeightSchemes& weights, const quantizer::RewriteOptions& options, graph::Model* model);

}  // namespace octet::cli
