// SPDX-License-Identifier: Apache-2.0
#include "telemetry/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace octet::telemetry {
namespace {

// ceil(log2(v) * 2^scale) - 1. Powers of two are exact: the boundary belongs to the bucket below.
int64_t IndexOf(uint64_t value, int scale) {
  if (std::has_single_bit(value)) {
    const int64_t log2 = std::countr_zero(value);
    return (scale >= 0 ? log2 << scale : -(-log2 >> -scale)) - 1;
  }
  return static_cast<int64_t>(std::ceil(std::ldexp(std::log2(static_cast<double>(value)), scale))) - 1;
}

int64_t Half(int64_t index) { return index >> 1; }  // Towards minus infinity.

uint64_t SaturatingAdd(uint64_t a, uint64_t b) { return a > UINT64_MAX - b ? UINT64_MAX : a + b; }

}  // namespace

void Histogram::Add(uint64_t value) {
  value = std::min<uint64_t>(value, INT64_MAX);
  ++count_;
  sum_ = std::min<uint64_t>(SaturatingAdd(sum_, value), INT64_MAX);
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  if (value == 0) {
    ++zero_;
    return;
  }
  AddToBucket(IndexOf(value, scale_), 1);
}

void Histogram::AddToBucket(int64_t index, uint64_t count) {
  if (buckets_.empty()) {
    offset_ = index;
    buckets_.assign(1, count);
    return;
  }
  const int before = scale_;
  HalveUntil(std::min(index, offset_), std::max(index, offset_ + static_cast<int64_t>(buckets_.size()) - 1));
  for (int s = before; s > scale_; --s) index = Half(index);
  if (index < offset_) {
    buckets_.insert(buckets_.begin(), static_cast<size_t>(offset_ - index), 0);
    offset_ = index;
  }
  const auto at = static_cast<size_t>(index - offset_);
  if (at >= buckets_.size()) buckets_.resize(at + 1, 0);
  buckets_[at] += count;
}

// Until the buckets from `low` to `high`, indices of the present scale, are few enough.
void Histogram::HalveUntil(int64_t low, int64_t high) {
  while (high - low >= kMaxBuckets && scale_ > kMinScale) {
    low = Half(low);
    high = Half(high);
    Halve();
  }
}

void Histogram::Halve() {
  std::vector<uint64_t> halved;
  const int64_t offset = Half(offset_);
  for (size_t i = 0; i < buckets_.size(); ++i) {
    const auto at = static_cast<size_t>(Half(offset_ + static_cast<int64_t>(i)) - offset);
    if (at >= halved.size()) halved.resize(at + 1, 0);
    halved[at] += buckets_[i];
  }
  buckets_ = std::move(halved);
  offset_ = offset;
  --scale_;
}

void Histogram::Merge(const Histogram& other) {
  if (other.count_ == 0) return;
  Histogram from = other;
  while (from.scale_ > scale_) from.Halve();
  while (scale_ > from.scale_) Halve();
  for (size_t i = 0; i < from.buckets_.size(); ++i) {
    if (from.buckets_[i] == 0) continue;
    int64_t index = from.offset_ + static_cast<int64_t>(i);
    for (int s = from.scale_; s > scale_; --s) index = Half(index);  // This one may have halved on the way.
    AddToBucket(index, from.buckets_[i]);
  }
  zero_ += from.zero_;
  count_ += from.count_;
  sum_ = std::min<uint64_t>(SaturatingAdd(sum_, from.sum_), INT64_MAX);
  min_ = std::min(min_, from.min_);
  max_ = std::max(max_, from.max_);
}

double Histogram::Quantile(double q) const {
  double rank = q * static_cast<double>(count_) - static_cast<double>(zero_);
  if (count_ == 0 || rank <= 0) return 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    rank -= static_cast<double>(buckets_[i]);
    if (rank <= 0)
      return std::clamp(std::exp2(std::ldexp(static_cast<double>(offset_ + static_cast<int64_t>(i)) + 0.5, -scale_)), static_cast<double>(min_),
                        static_cast<double>(max_));
  }
  return static_cast<double>(max_);
}

void Histogram::AppendJson(std::string* out) const {
  *out += '[' + std::to_string(scale_) + ',' + std::to_string(offset_);
  for (const uint64_t v : {zero_, count_, sum_, min_, max_}) *out += ',' + std::to_string(v);
  for (const uint64_t c : buckets_) *out += ',' + std::to_string(c);
  *out += ']';
}

}  // namespace octet::telemetry
