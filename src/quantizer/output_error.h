// SPDX-License-Identifier: Apache-2.0
// How far a model's outputs are from float's, without labels: what candidates are compared by.
// Behind a softmax most samples are certain and show no error at all, so that the few others would decide
// alone. Where a softmax makes an output, its input is compared: on twelve models that ranks candidates as the
// holdout does (rank correlation 0.9 to 0.99), the softmax's output does not (0.3 to 0.9).
#pragma once
#include "quantizer/calibrate.h"

namespace octet::quantizer {

struct OutputDistance {
  double mean = 0;     // Mean |a - b| of the outputs themselves.
  double sqnr_db = 0;  // Power of the reference over power of the difference, of what is compared; what all samples share counts little.
};

class OutputError {
 public:
  // `reference` is the float model; it runs once.
  static Result<OutputError> Make(const graph::Model& reference, const data::Dataset& data, SampleRange samples, const Progress& progress);
  // `model`: a form of the reference in which tensors keep their names (up to kInt8Suffix).
  Result<OutputDistance> Measure(const graph::Model& model) const;
  // The model with the compared tensors as its only outputs.
  graph::Model Compared(const graph::Model& model) const;
  // The part of the reference's power that counts.
  double signal_share() const { return signal_.counted / signal_.power; }

 private:
  using Values = std::vector<std::vector<float>>;  // One after the other, per sample.
  struct Seen {
    Values outputs, compared, floors;  // floors: below them, compared values are all the same.
  };
  struct Signal {
    double power = 1e-30, counted = 1e-30;
  };
  static Signal SignalOf(const Values& samples);
  Result<Seen> Look(const graph::Model& model, const Progress& progress) const;

  const data::Dataset* data_ = nullptr;
  SampleRange samples_;
  std::vector<std::string> inner_;  // Per output: the tensor that is compared, or "" for the output itself.
  std::vector<float> margins_;      // Per output: how far below a row's largest value its floor is.
  Seen reference_;
  Signal signal_;
};

}  // namespace octet::quantizer
