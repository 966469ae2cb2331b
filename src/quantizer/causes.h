// SPDX-License-Identifier: Apache-2.0
// Why layers lose in 8 bits, in words: out of what `diagnose` measured of two files, or, before anything is
// quantized, out of the calibration statistics alone.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quantizer/calibrate.h"

namespace octet::quantizer {

inline constexpr int kLayerBins = 64;

struct LayerRow {
  std::string tensor;      // The layer's output.
  std::string op;
  double sqnr_db = NAN;    // Signal to accumulated error up to here, after the best factor per channel.
  double median_channel_db = NAN;  // The same of the median channel: what the largest channel drowns shows here.
  float spread = 1;        // Largest over median channel maximum, in float.
  int widest_channel = 0;
  int channels = 0;
  int dead_channels = 0;   // Always zero.
  double step_over_median = 0;  // One int8 step against the median channel's maximum: above 1 the channel is lost.
  double saturated = 0;    // Share of values at the ends of the int8 range.
  float min = 0, max = 0;  // Float range seen.
  double step = 0;                  // The int8 scale; 0 where the layer is not quantized.
  bool rescaled = false;            // Equalisation gave its channels other scales: the int8 step says nothing of float's values.
  bool fixed_scale = false;         // The operator's definition sets it: a softmax ends at the ends of its range.
  std::vector<float> quantized_channel_max;  // In the quantized model, largest first.
  double isolated_db = NAN;         // Signal to noise of the model's outputs when this layer alone is quantized; NaN: unknown, as
                                    // where equalisation gave the layer other units than float's.
  double lost = 0;                  // Share of the values other than zero that are below half an int8 step.
  std::vector<float> histogram;     // Of the float values, kLayerBins over [min, max].
  double float_us = 0, quantized_us = 0;  // Fastest of several runs on this machine.
};

// Operands side by side under one scale: positions of rows.
struct Join {
  std::string place;
  std::vector<size_t> operands;
};

// Spread, widest and dead channels of channel maxima.
void FillChannels(const std::vector<float>& channel_max, LayerRow* row);

// One sentence per layer that has a reason to lose, the worst first. `inputs`: what is wrong with the inputs' ranges,
// in words: where that is something, what follows from it in every layer is not said again.
std::vector<std::string> CausesOf(const std::vector<LayerRow>& layers, const std::vector<Join>& joins, const std::vector<std::string>& inputs);

// The same before anything is quantized, for one scale per tensor over all values seen.
std::vector<std::string> CausesIn(const graph::Graph& g, const Statistics& statistics);

// For every float input whose values are of another size than those that its first layer was trained on, a sentence. Biases
// tell: they were learned beside sums over the training data.
std::vector<std::string> OtherNormalisation(const graph::Graph& g, const Statistics& statistics);

// The layer whose range one sample stretches furthest beyond all others, in words; "" where none does.
std::string LoneSample(const Statistics& statistics);

}  // namespace octet::quantizer
