// SPDX-License-Identifier: Apache-2.0
// What the float model's tensors do on the calibration set. Streamed: memory does not grow with the
// number of samples; deterministic for any number of threads.
#pragma once
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quantizer/session.h"

namespace octet::quantizer {

inline constexpr int kHistogramBins = 2048;
inline constexpr float kDeadChannel = 1e-8f;  // A channel that reaches no further is always zero, but for rounding.

struct TensorStatistics {
  float min = 0, max = 0;               // Over all samples; zero is always inside.
  std::vector<float> channel_max;       // max |x| per channel (last axis); empty for scalars.
  std::vector<double> channel_mean;
  std::vector<float> histogram;         // kHistogramBins over [min, max]; after the second pass.
  float runner_up_max = 0;              // max |x| without the sample that set it: one outlier shows.
  int64_t widest_sample = -1;           // The sample that set max |x|.
  int64_t count = 0;                    // Values seen.
  float ema_min = 0, ema_max = 0;       // Moving averages of the samples' ranges.
  int64_t ema_samples = 0;
  float nearest = std::numeric_limits<float>::infinity();     // The least |x| of what is divided by.
  float least_peak = std::numeric_limits<float>::infinity();  // While calibrating: passes::SeenValues.
};

using Statistics = std::map<std::string, TensorStatistics>;  // By tensor name.

// Runs the (float) model twice: ranges first, then histograms over them, of `binned` only where that is given. Ranges end where what is
// beyond changes no output (passes::VisibleRanges). Names must be unique.
Result<Statistics> Calibrate(const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms, const Progress& progress,
                             const SampleRange* binned = nullptr);

// All outputs of all samples, real values, one after the other.
Result<std::vector<float>> RunOutputs(const graph::Model& model, const data::Dataset& data, SampleRange samples, const Progress& progress);
double MeanDifference(const std::vector<float>& a, const std::vector<float>& b);

}  // namespace octet::quantizer
