// SPDX-License-Identifier: Apache-2.0
// Activation-aware channel equalisation. One int8 tensor has one scale, so a channel that is hundreds of
// times smaller than its neighbour is lost. Where channels only pass through operators with
// f(s*x) = s*f(x), channel c can be divided by s_c in its producers and multiplied back in the weights of
// its consumers: exact in float, free at run time.
//   s_c = a_c^alpha / w_c^(1-alpha), divided by the geometric mean, within [1e-3, 1e3]
// with a_c the calibrated max |x| of the channel and w_c the largest consumer weight on it; alpha = 1 where
// all consumers are depthwise (their scales are per channel anyway), else 1/2. The weight form takes the largest
// producer weight for a_c and alpha = 1/2 throughout: for runtimes with one scale per weight tensor.
#pragma once
#include "quantizer/calibrate.h"

namespace octet::quantizer {

struct EqualizedSpace {
  std::string place;      // The first producer's layer.
  int channels = 0;
  float spread_before = 0, spread_after = 0;  // Largest over median channel maximum.
};

struct EqualizeForm {
  bool by_weights = false;
  bool through_relu6 = false;  // Where no channel reaches 6 on the calibration data: exact only as far as that holds.
  float from_spread = 0;       // Nothing is done where no space's channels are spread wider.
};

// Rewrites weights and biases; `statistics` is updated to what the new graph does (ranges and channel
// maxima exactly; histograms are dropped).
std::vector<EqualizedSpace> EqualizeChannels(graph::Graph& g, Statistics& statistics, EqualizeForm form = {});

// Largest over median channel maximum; 1 for fewer than two live channels.
float Spread(const std::vector<float>& channel_max);

}  // namespace octet::quantizer
