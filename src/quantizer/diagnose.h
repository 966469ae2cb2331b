// SPDX-License-Identifier: Apache-2.0
// Which layers lose, and why: the float and the quantized model run side by side on the same samples.
#pragma once
#include <string>
#include <vector>

#include "quantizer/causes.h"

namespace octet::quantizer {

struct Diagnosis {
  std::vector<LayerRow> layers;         // In order of execution.
  std::vector<std::string> causes;      // In words, the worst first.
  std::vector<std::string> slower;      // Layers that int8 makes slower on this CPU, in words.
  int64_t samples = 0;
  double output_sqnr_db = 0;
};

// `samples` 0: all. Layers are matched by tensor name.
Result<Diagnosis> Diagnose(const std::string& float_model, const std::string& quantized_model, const data::Dataset& data, int64_t samples,
                           const Progress& progress);

}  // namespace octet::quantizer
