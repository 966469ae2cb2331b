// SPDX-License-Identifier: Apache-2.0
// Ranges tensor by tensor: which method suits one tensor is decided by what its rounding alone does to the
// model's outputs. Where a range should end depends on whether what lies beyond it matters, which no
// measure on the tensor itself can say.
#pragma once
#include "quantizer/rewrite.h"
#include "quantizer/sensitivity.h"
#include "quantizer/tensor_ranges.h"

namespace octet::quantizer {

// Another method for the tensors of one class.
struct RangeChange {
  std::vector<std::string> tensors;
  Ranges method = Ranges::kMse;

  void Apply(RangeMethods* to) const {
    for (const std::string& t : tensors) (*to)[t] = method;
  }
  // False where they have another method.
  bool Undo(RangeMethods* from) const {
    const auto it = from->find(tensors[0]);
    if (it == from->end() || it->second != method) return false;
    for (const std::string& t : tensors) from->erase(t);
    return true;
  }
};

// Where another method than the common one is better, the most worthwhile first. `model`: the float model with the
// outputs to compare. `classes`: of the form that the common method makes; the tensors of one class take one method.
// Looks at the classes that add most of the noise.
Result<std::vector<RangeChange>> RefineRanges(std::shared_ptr<const runtime::Model> model, const std::vector<ScaleClass>& classes, DType activation,
                                              const TensorRanges& ranges, const data::Dataset& data, SampleRange samples, const Progress& progress);

}  // namespace octet::quantizer
