// SPDX-License-Identifier: Apache-2.0
// Which layers lose, and why: the float and the quantized model run side by side on the same samples.
#pragma once
#include <cmath>
#include <string>
#include <vector>

#include "quantizer/calibrate.h"

namespace octet::quantizer {

inline constexpr int kLayerBins = 64;

struct LayerRow {
  std::string tensor;      // The layer's output.
  std::string op;
  double sqnr_db = 0;      // Signal to accumulated error up to here, after the best factor per channel.
  float spread = 1;        // Largest over median channel maximum, in float.
  int widest_channel = 0;
  int channels = 0;
  int dead_channels = 0;   // Always zero.
  double step_over_median = 0;  // One int8 step against the median channel's maximum: above 1 the channel is lost.
  double saturated = 0;    // Share of values at the ends of the int8 range.
  float min = 0, max = 0;  // Float range seen.
  double step = 0;                  // The int8 scale; 0 where the layer is not quantized.
  std::vector<float> quantized_channel_max;  // In the quantized model, largest first.
  double isolated_db = NAN;         // Signal to noise of the model's outputs when this layer alone is quantized; NaN: unknown, as
                                    // where equalisation gave the layer other units than float's.
  double lost = 0;                  // Share of the values other than zero that are below half an int8 step.
  std::vector<float> histogram;     // Of the float values, kLayerBins over [min, max].
  double float_us = 0, quantized_us = 0;  // Fastest of several runs on this machine.
};

struct Diagnosis {
  std::vector<LayerRow> layers;         // In order of execution.
  std::vector<std::string> causes;      // In words, the worst first.
  std::vector<std::string> slower;      // Layers that int8 makes slower on this CPU, in words.
  int64_t samples = 0;
  double output_sqnr_db = 0;
};

// `samples` 0: all. Layers are matched by tensor name.
Result<Diagnosis> Diagnose(const std::string& float_model, const std::string& quantized_model, const data::Dataset& data, int64_t samples, const Progress& progress);

}  // namespace octet::quantizer
