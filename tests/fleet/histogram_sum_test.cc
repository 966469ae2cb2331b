// SPDX-License-Identifier: Apache-2.0
#include "fleet/histogram_sum.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "tests/pick.h"

namespace octet::fleet {
namespace {

using Numbers = std::vector<int64_t>;  // [scale, offset, zero, count, sum, min, max, c0, …]
constexpr size_t kHead = 7;

std::string Text(const Numbers& numbers) {
  std::string text = "{";
  for (const int64_t n : numbers) text += (text.size() > 1 ? "," : "") + std::to_string(n);
  return text + "}";
}

Numbers Read(const HistogramSum& sum) {
  std::string text;
  sum.AppendArray(&text);
  Numbers numbers;
  for (const char* at = text.c_str(); *at != '}';) {
    char* end = nullptr;
    numbers.push_back(std::strtoll(at + 1, &end, 10));
    at = end;
  }
  return numbers;
}

Numbers Random(std::mt19937_64& random) {
  const auto pick = test::PickFrom<int64_t>(random);
  Numbers h = {pick(-4, 8),        pick(0, 1) ? pick(-1'000'000, 1'000'000) : pick(0, 900), pick(1, 3), 0, pick(0, 1'000'000'000'000'000'000), pick(0, 10),
               pick(10, 1'000'000)};
  for (int64_t n = pick(0, 160); n > 0; --n) h.push_back(pick(0, 2));
  h[3] = std::accumulate(h.begin() + kHead, h.end(), h[2]);
  return h;
}

// Whatever devices send: every value is counted in some bucket, the buckets are bounded, and the order does not matter.
TEST(HistogramSum, KeepsEveryValueInAnyOrder) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 2000; ++round) {
    std::vector<Numbers> parts;
    for (int i = 0; i < 8; ++i) parts.push_back(Random(random));
    HistogramSum forward, backward;
    for (const Numbers& p : parts) forward.Add(Text(p));
    std::ranges::reverse(parts);
    for (const Numbers& p : parts) backward.Add(Text(p));
    const Numbers sum = Read(forward), other = Read(backward);
    int64_t count = 0;
    for (const Numbers& p : parts) count += p[3];
    ASSERT_EQ(sum[3], count);
    ASSERT_EQ(std::accumulate(sum.begin() + kHead, sum.end(), sum[2]), count);
    ASSERT_LE(sum.size(), kHead + HistogramSum::kMostBuckets);
    ASSERT_TRUE(sum.size() == kHead || sum == other) << Text(sum) << " " << Text(other);  // Without buckets a scale means nothing.
  }
}

TEST(HistogramSum, AddsBucketByBucketAtTheLowerScale) {
  HistogramSum sum;
  sum.Add("{1,4,0,3,30,8,12,1,2}");   // Buckets 4 and 5 of scale 1: both are bucket 2 of scale 0.
  sum.Add("{0,1,1,3,10,0,9,1,1}");    // Buckets 1 and 2 of scale 0.
  EXPECT_EQ(Read(sum), (Numbers{0, 1, 1, 6, 40, 0, 12, 1, 4}));
}

TEST(HistogramSum, AHostileSumStaysAtItsBound) {
  HistogramSum sum;
  for (int i = 0; i < 20; ++i) sum.Add("{0,1,0,1,1000000000000000000,1,1,1}");
  EXPECT_EQ(Read(sum)[4], 9'000'000'000'000'000'000);
}

}  // namespace
}  // namespace octet::fleet
