// SPDX-License-Identifier: Apache-2.0
// Does the quantized file keep the float file's accuracy? Always on the full holdout.
#pragma once
#include <string>
#include <vector>

#include "quantizer/calibrate.h"

namespace octet::quantizer {

enum class Metric : uint8_t {
  kTop1,            // Share of samples whose largest output is the label, in %.
  kReconstruction,  // Output shaped like the input: 100 * AUC of the squared error; label 1 = anomalous.
};

struct ClassRow {
  int64_t label = 0, count = 0;
  int64_t float_right = 0, quantized_right = 0;
};

struct GateResult {
  Metric metric = Metric::kTop1;
  int64_t samples = 0;
  double float_score = 0, quantized_score = 0;  // Percent.
  double drop = 0, max_drop = 0;                // Percentage points.
  double mean_difference = 0;                   // Mean |quantized - float| of the outputs.
  int64_t agreement = 0;                        // Samples on which both answer the same class.
  std::vector<ClassRow> classes;                // kTop1 only.
  std::vector<int64_t> confusion;               // kTop1: rows float's answer, columns the quantized one's.
  bool passed() const { return drop <= max_drop; }
};

// Both files are run on every sample. Errors: no labels, labels outside the classes, shapes that do not fit.
Result<GateResult> Gate(const std::string& float_model, const std::string& quantized_model, const data::Dataset& holdout, double max_drop, const Progress& progress);

std::string_view Name(Metric metric);

}  // namespace octet::quantizer
