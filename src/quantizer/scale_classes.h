// SPDX-License-Identifier: Apache-2.0
// Tensors that must share a scale form a class; a class takes the union of its members' ranges, or the scale that an
// operator's definition fixes.
#pragma once
#include <map>
#include <vector>

#include "quantizer/choose_params.h"

namespace octet::quantizer {

class ScaleClasses {
 public:
  // Another tensor, in a class of its own. Its number: from zero on.
  int Add(Range range);
  int Find(int t);
  // An operator's definition sets the scale of the tensor's class in this type.
  void Fix(int t, DType type, const Quant& quant) { scales_[{t, type}] = quant; }
  bool HasFixed(int t);
  bool Fixed(int t, DType type) { return scales_.contains({Find(t), type}); }
  // One class, for a user of this type, unless that contradicts: a fixed scale wins over a chosen one that it covers; two different
  // fixed ones stay apart.
  void Unite(int a, int b, DType type);
  // The scale of the tensor's class; chosen from its range at first use.
  Quant Of(int t, DType type);

 private:
  std::vector<int> class_;
  std::map<std::pair<int, DType>, Quant> scales_;  // By class root.
  std::vector<Range> unions_;                      // The same.
};

}  // namespace octet::quantizer
