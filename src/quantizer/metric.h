// SPDX-License-Identifier: Apache-2.0
// How good a model's outputs are, as one number: what gate compares and a bootstrap resamples.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace octet::quantizer {

enum class Metric : uint8_t {
  kAuto,            // kReconstruction where the output is shaped like the input, else kTop1.
  kTop1, kTop5,     // Share of samples whose label is the largest, or among the five largest outputs.
  kRecall, kF1,     // Means over the classes that occur.
  kAuc,             // Area under the ROC curve: of the second of two outputs, of the only one, or the mean of one against the rest.
  kReconstruction,  // AUC of the squared error between output and input; label 1 = anomalous.
  kMae, kRmse,      // Against y; lower is better, the drop is what it grew by, in percent of float's.
  kCosine,          // Mean cosine to y, or to the float model's output where there is no y.
  kMap,             // Mean average precision at an overlap of one half: outputs boxes, classes, scores[, count].
  kWer,             // Word error: edit distance of the decoded sequence to y over y's length; lower is better.
};
std::string_view Name(Metric metric);      // "top-1 accuracy"
std::string_view Flag(Metric metric);      // "top1"
Result<Metric> ParseMetric(std::string_view flag);
std::vector<std::string> MetricFlags();

// What is kept of one sample: a few numbers whose meaning is the scorer's own.
using Facts = std::vector<double>;

class Scorer {
 public:
  virtual ~Scorer() = default;
  // `outputs`: all outputs' real values. `reference`: the float model's, for kCosine.
  virtual Result<Facts> Look(int64_t index, const std::vector<std::vector<float>>& outputs, const std::vector<std::vector<float>>& reference) = 0;
  // In the metric's unit; `weights[i]`: how often sample i counts.
  virtual double Score(const std::vector<Facts>& samples, const std::vector<uint32_t>& weights) const = 0;
  virtual bool lower_is_better() const { return false; }
  virtual bool in_percent() const { return true; }
  // The answered class, where there is one; -1 else.
  virtual int64_t Answer(const Facts&) const { return -1; }
};

// Says what is missing where data and outputs do not fit the metric. `metric` is not kAuto.
Result<std::unique_ptr<Scorer>> MakeScorer(Metric metric, const data::Dataset& data, const std::vector<Shape>& outputs);

}  // namespace octet::quantizer
