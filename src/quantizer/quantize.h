// SPDX-License-Identifier: Apache-2.0
// The whole way from a float graph to a quantized one: observe, choose, repair, rewrite. What is measured
// on the way is the written file's bytes, run by the runtime.
#pragma once
#include <set>

#include "quantizer/equalize_channels.h"
#include "quantizer/rewrite.h"

namespace octet::quantizer {

struct QuantizeOptions {
  bool automatic_ranges = true;       // Try mse, min-max and percentile and keep the best; else `ranges`.
  Ranges ranges = Ranges::kMse;
  bool repair = true;                 // Channel equalisation, ranges by tensor, bias correction, rounding: where they help.
  bool high_effort = false;           // Search and round also where the model is so large that it takes many seconds.
  int float_operators = 0;            // Leave up to so many in float; 0: few, and only where int8 is too noisy.
  DType fallback = DType::kF32;       // What they are left in: float, or kI16 (16x8), where they have that form.
  bool int8_only = false;             // Never leave an operator in float for its accuracy.
  int64_t max_samples = 0;            // 0: all that are given.
  std::string cache;                  // A folder for statistics (statistics_cache.h); empty: none.
  RewriteOptions rewrite;
};

// What was tried on half of the calibration set and scored on the other half, without labels.
struct Candidate {
  std::string name;          // "equalized, mse"
  double output_error = 0;   // Mean |int8 - float| of the model's outputs.
  double sqnr_db = 0;        // By which they are compared: OutputDistance.
};

struct QuantizeResult {
  graph::Model model;
  std::vector<std::string> warnings;       // About the calibration data.
  std::vector<std::string> causes;         // Why the float model loses in int8 as it comes, in words (causes.h).
  std::vector<EqualizedSpace> equalized;   // Empty where equalisation was not chosen.
  std::vector<Candidate> candidates;       // In the order tried.
  std::string chosen;
  double equalization_difference = 0;      // Largest float output difference, relative; 0 when not chosen.
  std::vector<FloatNode> float_nodes, int16_nodes;
  double output_sqnr_db = 0;               // On the held-out half; 0 where nothing was tried.
  int64_t macs = 0, bytes = 0;             // Of the whole model per inference: what float_nodes are a share of.
  int64_t samples = 0;
  Statistics statistics;                   // Of the graph that was quantized.
  Statistics statistics_before;            // Of the float graph as it came.
};

// `model`: converted and optimised, in float. Errors: no samples, NaN, shapes that do not fit.
Result<QuantizeResult> QuantizeInt8(graph::Model model, const data::Dataset& calibration, const QuantizeOptions& options, const Progress& progress);

// Weights alone, activations stay float; no data is needed. For the nodes whose first output is in `only`, or for all.
using Layers = std::set<std::string>;
// Weights of convolutions and dense layers to int8 (hybrid kernels), one scale per channel; options.OneScale() holds for dense layers.
Status QuantizeDynamicRange(graph::Model& model, const Layers* only = nullptr, const RewriteOptions& options = {});
// Float constants to float16 behind a DEQUANTIZE.
Status QuantizeFloat16(graph::Model& model, const Layers* only = nullptr);
// Dense weights and lookup tables to int4, one scale per kInt4Block weights of a row; where rows do not divide into
// blocks, and for convolutions, int8 as above.
inline constexpr int32_t kInt4Block = 32;
Status QuantizeInt4Blocks(graph::Model& model, const Layers* only = nullptr, const RewriteOptions& options = {});

// Every tensor of a model gets a name of its own: statistics are kept by name.
void MakeNamesUnique(graph::Model& model);

}  // namespace octet::quantizer
