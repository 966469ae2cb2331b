// SPDX-License-Identifier: Apache-2.0
#include "fleet/histogram_sum.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace octet::fleet {
namespace {

constexpr size_t kHead = 7, kMostNumbers = kHead + 160;  // Of a device's histogram.
constexpr int64_t kMostSum = 9'000'000'000'000'000'000;      // What hostile devices can reach; stays there.

}  // namespace

void HistogramSum::Halve() {
  const int64_t offset = offset_ >> 1;
  size_t size = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    const auto at = static_cast<size_t>(((offset_ + static_cast<int64_t>(i)) >> 1) - offset);
    const int64_t count = buckets_[i];
    if (at == size) buckets_[size++] = 0;  // at <= i: what is overwritten was read.
    buckets_[at] += count;
  }
  buckets_.resize(size);
  offset_ = offset;
  --scale_;
}

// Makes room for the buckets low .. high of the present scale, which are few enough.
void HistogramSum::Fit(int64_t low, int64_t high) {
  if (buckets_.empty()) offset_ = low;
  if (low < offset_) {
    buckets_.insert(buckets_.begin(), static_cast<size_t>(offset_ - low), 0);
    offset_ = low;
  }
  if (const auto size = static_cast<size_t>(high - offset_ + 1); size > buckets_.size()) buckets_.resize(size, 0);
}

void HistogramSum::Add(std::string_view array) {
  std::array<int64_t, kMostNumbers> numbers;
  size_t n = 0;
  for (const char *at = array.data() + 1, *end = array.data() + array.size(); at < end && n < kMostNumbers; ++n)
    at = std::from_chars(at, end, numbers[n]).ptr + 1;
  const auto [scale, offset, zero, count, sum, least, most] = std::array{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6]};
  if (empty()) scale_ = scale, offset_ = offset, least_ = least;
  least_ = std::min(least_, least);
  most_ = std::max(most_, most);
  zero_ += zero;
  count_ += count;
  sum_ = sum_ > kMostSum - sum ? kMostSum : sum_ + sum;
  const auto cells = static_cast<int64_t>(n - kHead);
  if (cells == 0) return;
  if (buckets_.empty()) scale_ = scale;
  while (scale_ > scale) Halve();
  int shift = static_cast<int>(scale - scale_);
  const auto low = [&] { return std::min(offset >> shift, buckets_.empty() ? INT64_MAX : offset_); };
  const auto high = [&] { return std::max((offset + cells - 1) >> shift, buckets_.empty() ? INT64_MIN : offset_ + static_cast<int64_t>(buckets_.size()) - 1); };
  while (high() - low() >= kMostBuckets) {
    Halve();
    ++shift;
  }
  Fit(low(), high());
  for (int64_t i = 0; i < cells; ++i) buckets_[static_cast<size_t>(((offset + i) >> shift) - offset_)] += numbers[kHead + static_cast<size_t>(i)];
}

void HistogramSum::AppendArray(std::string* out) const {
  char separator = '{';
  const auto put = [&](int64_t value) {
    char digits[24];
    *out += separator;
    out->append(digits, static_cast<size_t>(std::to_chars(digits, digits + sizeof digits, value).ptr - digits));
    separator = ',';
  };
  for (const int64_t value : {scale_, offset_, zero_, count_, sum_, least_, most_}) put(value);
  for (const int64_t value : buckets_) put(value);
  *out += '}';
}

}  // namespace octet::fleet
