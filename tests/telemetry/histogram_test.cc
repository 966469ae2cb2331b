// SPDX-License-Identifier: Apache-2.0
#include "telemetry/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

namespace octet::telemetry {
namespace {

std::string Json(const Histogram& h) {
  std::string text;
  h.AppendJson(&text);
  return text;
}

TEST(TelemetryHistogram, BoundariesBelongBelow) {
  Histogram h;
  h.Add(0);
  h.Add(1);  // ceil(0) - 1.
  EXPECT_EQ(Json(h), "[5,-1,1,2,1,0,1,1]");
  h.Add(2);  // 1 * 32 - 1.
  EXPECT_EQ(Json(h).substr(0, 20), "[5,-1,1,3,3,0,2,1,0,");
  EXPECT_EQ(h.buckets().size(), 33u);
}

TEST(TelemetryHistogram, OnlyZeros) {
  Histogram h;
  h.Add(0);
  EXPECT_EQ(Json(h), "[5,0,1,1,0,0,0]");
  EXPECT_EQ(h.Quantile(0.5), 0);
}

TEST(TelemetryHistogram, HalvesUntilAllFits) {
  Histogram h;
  for (uint64_t v = 1; v < uint64_t{1} << 62; v *= 3) h.Add(v);
  h.Add(UINT64_MAX);
  EXPECT_LE(h.buckets().size(), 160u);
  EXPECT_GT(h.buckets().front(), 0u);
  EXPECT_GT(h.buckets().back(), 0u);
  EXPECT_EQ(std::accumulate(h.buckets().begin(), h.buckets().end(), uint64_t{0}), h.count());
  EXPECT_EQ(h.scale(), 1);  // 63 powers of two in 160 buckets.
  EXPECT_LE(h.sum(), uint64_t{INT64_MAX});
}

// Every value lies within its bucket's bounds, whatever order and scale it went through.
TEST(TelemetryHistogram, QuantilesAreWithinABucket) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> latency(std::log(3e6), 0.5);
  std::vector<double> values;
  Histogram h;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(std::floor(latency(random)));
    h.Add(static_cast<uint64_t>(values.back()));
  }
  std::ranges::sort(values);
  for (const double q : {0.01, 0.5, 0.95, 0.99}) {
    const double exact = values[static_cast<size_t>(q * 20000) - 1], width = std::exp2(std::ldexp(1, -h.scale()));
    EXPECT_LT(std::abs(std::log(h.Quantile(q) / exact)), std::log(width)) << q;
  }
}

TEST(TelemetryHistogram, MergingIsAddingAll) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 50; ++round) {
    Histogram a, b, both;
    const int spread = 1 + static_cast<int>(random() % 40);
    for (int i = 0; i < 200; ++i) {
      const uint64_t v = random() >> (63 - random() % static_cast<uint64_t>(spread));
      (i % 2 ? a : b).Add(v);
      both.Add(v);
    }
    a.Merge(b);
    EXPECT_EQ(a.count(), both.count());
    EXPECT_EQ(a.sum(), both.sum());
    if (a.scale() == both.scale()) EXPECT_EQ(Json(a), Json(both));
    else EXPECT_LT(a.scale(), both.scale());  // Ranges of both at a time may need one step more.
  }
}

}  // namespace
}  // namespace octet::telemetry
