// SPDX-License-Identifier: Apache-2.0
// OpenTelemetry's exponential histogram (docs/telemetry.md): bucket i counts the values in (base^i, base^(i+1)] with
// base = 2^(2^-scale). It needs no bounds chosen beforehand: where the values do not fit, the resolution halves.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace octet::telemetry {

class Histogram {
 public:
  static constexpr int kMaxBuckets = 160, kMaxScale = 5, kMinScale = -4;

  void Add(uint64_t value);
  void Merge(const Histogram& other);

  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  int scale() const { return scale_; }
  const std::vector<uint64_t>& buckets() const { return buckets_; }
  // The middle, on the logarithmic scale, of the bucket that holds the q-quantile; 0 when empty.
  double Quantile(double q) const;
  // [scale, offset, zero, count, sum, min, max, c0, c1, ...]
  void AppendJson(std::string* out) const;

 private:
  void AddToBucket(int64_t index, uint64_t count);
  void HalveUntil(int64_t low, int64_t high);
  void Halve();

  int scale_ = kMaxScale;
  int64_t offset_ = 0;
  uint64_t zero_ = 0, count_ = 0, sum_ = 0, min_ = UINT64_MAX, max_ = 0;
  std::vector<uint64_t> buckets_;  // The first and the last are not 0.
};

}  // namespace octet::telemetry
