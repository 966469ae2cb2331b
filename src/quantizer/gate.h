// SPDX-License-Identifier: Apache-2.0
// Does the quantized file keep the float file's quality? Always on the full holdout, unless told and said otherwise.
#pragma once
#include <string>
#include <vector>

#include "data/npz.h"
#include "quantizer/calibrate.h"
#include "quantizer/metric.h"

namespace octet::quantizer {

struct GateOptions {
  Metric metric = Metric::kAuto;
  double max_drop = 1;      // Percentage points; for errors (MAE, RMSE) percent of the float model's.
  int64_t samples = 0;      // 0: the full holdout. Fewer are no gate.
  int output = 0;           // That y speaks of; detection takes them all.
  // What both models answered on every sample, taken elsewhere (octet.ray): float32 arrays float_0 … and quantized_0 …, samples first. Nothing is run then.
  const data::Archive* outputs = nullptr;
};

struct ClassRow {
  int64_t label = 0, count = 0;
  int64_t float_right = 0, quantized_right = 0;
};

// A sample that float has right and the quantized model wrong.
struct Flip {
  int64_t sample = 0, label = 0, answer = 0;
};

// How near an output is to float's, whether y speaks of it or not.
struct OutputRow {
  std::string name;
  double cosine = 1;           // Over all values of all samples.
  double mean_difference = 0;  // Mean |quantized - float|.
};

struct GateResult {
  Metric metric = Metric::kTop1;
  int64_t samples = 0, holdout = 0;             // Used, and there.
  double float_score = 0, quantized_score = 0;  // In the metric's unit: mostly percent.
  bool in_percent = true, lower_is_better = false;
  double drop = 0, max_drop = 0;                // Points lost; positive is worse.
  double low = 0, high = 0;                     // Where the drop lies with 95 %, by a paired bootstrap.
  double mean_difference = 0;                   // Mean |quantized - float| of the output that is judged.
  std::vector<OutputRow> outputs;
  int output = 0;                               // Of these the judged one; -1: all.
  int64_t agreement = 0;                        // Samples on which both answer the same class.
  std::vector<ClassRow> classes;                // Where the metric has classes.
  std::vector<int64_t> confusion;               // Rows float's answer, columns the quantized one's.
  std::vector<Flip> flipped;
  int float_operators = 0;                      // Of the quantized file, that compute in float.

  bool full() const { return samples == holdout; }
  // So few samples cannot tell: the interval reaches more than as much again beyond what is allowed.
  bool proven() const;
  bool passed() const { return drop <= max_drop && proven(); }
};

// Both files are run on every sample. Errors: no labels, labels outside the classes, shapes that do not fit.
Result<GateResult> Gate(const std::string& float_model, const std::string& quantized_model, const data::Dataset& holdout, const GateOptions& options,
                        const Progress& progress);

// Operators of a file that take float in and give float out.
int CountFloatOperators(const runtime::Interpreter& interpreter);

}  // namespace octet::quantizer
