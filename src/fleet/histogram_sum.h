// SPDX-License-Identifier: Apache-2.0
// A sum of histograms in the form of docs/telemetry.md, added up as fleet.hist_add() of the database does: bucket by bucket at the lower of two
// scales, the resolution halved until 320 buckets do. The result does not depend on the order.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace octet::fleet {

class HistogramSum {
 public:
  static constexpr int64_t kMostBuckets = 320;

  bool empty() const { return count_ == 0; }
  // `array`: {scale,offset,zero,count,sum,min,max,c0,…}, checked before.
  void Add(std::string_view array);
  void AppendArray(std::string* out) const;

 private:
  void Fit(int64_t low, int64_t high);
  void Halve();

  int64_t scale_ = 0, offset_ = 0, zero_ = 0, count_ = 0, sum_ = 0, least_ = 0, most_ = 0;
  std::vector<int64_t> buckets_;
};

}  // namespace octet::fleet
