// SPDX-License-Identifier: Apache-2.0
// What the float model's tensors do on the calibration set. Streamed: memory does not grow with the
// number of samples; deterministic for any number of threads.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "graph/graph.h"

namespace octet::quantizer {

inline constexpr int kHistogramBins = 2048;

struct TensorStatistics {
  float min = 0, max = 0;               // Over all samples; zero is always inside.
  std::vector<float> channel_max;       // max |x| per channel (last axis); empty for scalars.
  std::vector<double> channel_mean;
  std::vector<float> histogram;         // kHistogramBins over [min, max]; after the second pass.
  float runner_up_max = 0;              // max |x| without the sample that set it: one outlier shows.
  int64_t widest_sample = -1;           // The sample that set max |x|.
  int64_t count = 0;                    // Values seen.
};

using Statistics = std::map<std::string, TensorStatistics>;  // By tensor name.
using Progress = std::function<void(std::string_view what, int64_t done, int64_t total)>;

// Samples [first, end) with `step` between them.
struct SampleRange {
  int64_t first = 0, end = 0, step = 1;
  int64_t count() const { return end <= first ? 0 : (end - first + step - 1) / step; }
};

// Runs the (float) model twice: ranges first, then histograms over them. Names must be unique.
Result<Statistics> Calibrate(const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms, const Progress& progress);

}  // namespace octet::quantizer
