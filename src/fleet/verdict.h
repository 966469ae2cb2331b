// SPDX-License-Identifier: Apache-2.0
// Whether a rollout made a kind of device slower: two sets of devices with a histogram each, compared with confidence.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace octet::fleet {

enum class Verdict { kOk, kRegressed, kUnknown };
std::string_view Name(Verdict verdict);

struct Histogram {
  int scale = 0;
  int64_t offset = 0, zero = 0, count = 0;
  double sum = 0;
  std::vector<int64_t> buckets;
};
// From the database's array text: {scale,offset,zero,count,sum,min,max,c0,…}.
Result<Histogram> ParseHistogram(std::string_view text);

struct DeviceFigures {
  int64_t device = 0;
  int64_t ok = 0, errors = 0;
  Histogram invoke;
};

struct Change {
  double before = 0, after = 0;          // ns, or a share for errors.
  double change = 0, low = 0, high = 0;  // after / before - 1 (errors: the difference), and its 95 % interval.
};

struct Comparison {
  Verdict verdict = Verdict::kUnknown;
  std::string reason;
  Change p50, p95, errors;
  double mean_before = 0, mean_after = 0;  // ns.
};

struct CompareOptions {
  double tolerance = 0.05;      // How much slower still counts as the same.
  double error_tolerance = 0.01;
  int64_t least_inferences = 200;
  int64_t least_devices = 5;
  int resamples = 400;
};

// Devices are resampled, not inferences: a hundred thousand inferences of five devices say what five devices say. A device on both sides is drawn
// with both, so that what makes it slow by itself cancels out. The same figures give the same verdict.
Comparison Compare(const std::vector<DeviceFigures>& before, const std::vector<DeviceFigures>& after, const CompareOptions& options);

}  // namespace octet::fleet
