// SPDX-License-Identifier: Apache-2.0
// What each way of choosing a range makes of each tensor of a model, found once.
#pragma once
#include "quantizer/choose_params.h"

namespace octet::quantizer {

using RangeMethods = std::map<std::string, Ranges>;  // By tensor.

// One thread at a time.
class TensorRanges {
 public:
  // Inputs and states are never clipped. `repair`: what no reader tells apart is.
  TensorRanges(const graph::Model& model, Statistics statistics, bool repair);
  const Statistics& statistics() const { return statistics_; }

  Range Of(const std::string& tensor, Ranges method) const;
  // `others` instead of `common` for some.
  std::map<std::string, Range> All(Ranges common, const RangeMethods& others) const;

 private:
  struct Limits {
    bool whole = false;
    bool widens = false;  // Where few samples were seen.
    float low = 0;
  };
  Statistics statistics_;
  std::map<std::string, Limits> tensors_;
  mutable std::map<std::pair<std::string, Ranges>, Range> found_;
};

}  // namespace octet::quantizer
