// SPDX-License-Identifier: Apache-2.0
// What the fleet says today: verdicts of rollouts, bottlenecks in the order of the time they cost, throttling, devices that need somebody.
#pragma once
#include <string>
#include <vector>

#include "fleet/database.h"
#include "fleet/verdict.h"

namespace octet::fleet {

struct Group {
  std::string model, device_model, delegate;
};

struct OperatorChange {
  std::string op;
  double before_ms, after_ms;
};

struct RolloutVerdict {
  Group group;
  std::string before, after;
  int64_t inferences_before = 0, inferences_after = 0, devices_before = 0, devices_after = 0;
  Comparison comparison;
};

// `cost_share`: the time lost in it as a share of the time of all inferences of the fleet.
struct Bottleneck {
  std::string kind;  // regression, queue, copies
  Group group;
  std::string version, since, what;
  double lost_s = 0, cost_share = 0;
  std::vector<OperatorChange> operators;  // The most changed first.
};

struct Throttling {
  Group group;
  std::string version;
  double share = 0, p95_ms = 0, p95_throttled_ms = 0;
};

struct Attention {
  std::string why, device, device_model, meaning;
  double value = 0;
};

struct FleetReport {
  int64_t devices = 0, silent = 0, inferences = 0;
  std::vector<RolloutVerdict> rollouts;
  std::vector<Bottleneck> bottlenecks;
  std::vector<Throttling> throttling;
  std::vector<Attention> attention;
  bool regressed() const;
};

struct ReportOptions {
  CompareOptions compare;
  std::string model;  // Only this one; empty: all.
};

Result<FleetReport> MakeReport(Database& database, const ReportOptions& options);

std::string TextOf(const FleetReport& report);
std::string JsonOf(const FleetReport& report);
std::string HtmlOf(const FleetReport& report);

}  // namespace octet::fleet
