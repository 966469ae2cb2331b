// SPDX-License-Identifier: Apache-2.0
#include "fleet/report.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

namespace octet::fleet {
namespace {

constexpr double kQueueShare = 0.2, kCopyShare = 0.2;  // Of the time of a request: from here on it is a bottleneck.
constexpr double kThrottledShare = 0.01;
constexpr size_t kMostOperators = 5;

std::string Text(const Rows& rows, int row, int column) { return std::string(rows.text(row, column)); }

using RolloutKey = std::tuple<std::string, std::string, std::string, std::string, std::string>;  // model, before, after, device model, delegate
struct Sides {
  std::vector<DeviceFigures> devices[2];
  int64_t total_devices[2] = {0, 0}, inferences[2] = {0, 0};
};

Result<std::map<RolloutKey, Sides>> ReadSides(Database& database, const std::string& model) {
  OCTET_ASSIGN(const Rows rows,
               database.Query(
                   "SELECT model, before, after, device_model, delegate, side, device_id, ok, errors, coalesce(invoke, '{0,0,0,0,0,0,0}'), devices, inferences "
                   "FROM fleet.rollout_devices WHERE $1 = '' OR model = $1",
                   {model}));
  std::map<RolloutKey, Sides> groups;
  for (int i = 0; i < rows.size(); ++i) {
    Sides& sides = groups[{Text(rows, i, 0), Text(rows, i, 1), Text(rows, i, 2), Text(rows, i, 3), Text(rows, i, 4)}];
    const auto side = static_cast<size_t>(rows.integer(i, 5) != 0);
    OCTET_ASSIGN(Histogram invoke, ParseHistogram(rows.text(i, 9)));
    sides.devices[side].push_back({rows.integer(i, 6), rows.integer(i, 7), rows.integer(i, 8), std::move(invoke)});
    sides.total_devices[side] = rows.integer(i, 10);
    sides.inferences[side] = rows.integer(i, 11);
  }
  return groups;
}

Status Judge(Database& database, const ReportOptions& options, FleetReport* report) {
  OCTET_ASSIGN(const auto groups, ReadSides(database, options.model));
  for (const auto& [key, sides] : groups) {
    if (sides.devices[1].empty()) continue;  // The new version is not on this kind of device.
    RolloutVerdict v;
    std::tie(v.group.model, v.before, v.after, v.group.device_model, v.group.delegate) = key;
    v.devices_before = sides.total_devices[0];
    v.devices_after = sides.total_devices[1];
    v.inferences_before = sides.inferences[0];
    v.inferences_after = sides.inferences[1];
    v.comparison = Compare(sides.devices[0], sides.devices[1], options.compare);
    report->rollouts.push_back(std::move(v));
  }
  std::stable_sort(report->rollouts.begin(), report->rollouts.end(), [](const RolloutVerdict& a, const RolloutVerdict& b) {
    return std::pair(a.comparison.verdict != Verdict::kRegressed, -a.comparison.p50.change) <
           std::pair(b.comparison.verdict != Verdict::kRegressed, -b.comparison.p50.change);
  });
  return {};
}

// The operators whose time changed most between the versions of a rollout: where to look first.
Result<std::vector<OperatorChange>> Operators(Database& database, const RolloutVerdict& v) {
  OCTET_ASSIGN(const Rows rows,
               database.Query(
                   "SELECT a.op, b.mean_ms, a.mean_ms FROM fleet.operators a JOIN fleet.operators b USING (device_model, delegate, model, op) "
                   "WHERE a.model = $1 AND b.version = $2 AND a.version = $3 AND device_model = $4 AND delegate = $5 ORDER BY abs(a.mean_ms - b.mean_ms) DESC",
                   {v.group.model, v.before, v.after, v.group.device_model, v.group.delegate}));
  std::vector<OperatorChange> changes;
  for (int i = 0; i < rows.size() && changes.size() < kMostOperators; ++i) changes.push_back({Text(rows, i, 0), rows.number(i, 1), rows.number(i, 2)});
  return changes;
}

Status FindRegressions(Database& database, FleetReport* report) {
  for (const RolloutVerdict& v : report->rollouts) {
    const Comparison& c = v.comparison;
    if (c.verdict != Verdict::kRegressed) continue;
    Bottleneck b{"regression", v.group, v.after, "", "", 0, 0, {}};
    b.lost_s = std::max(0.0, c.mean_after - c.mean_before) * static_cast<double>(v.inferences_after) / 1e9;
    b.what = Format("version %s against %s: %s", v.after.c_str(), v.before.c_str(), c.reason.c_str());
    OCTET_ASSIGN(
        const Rows since,
        database.Query(
            "SELECT to_char(min(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI') FROM fleet.hourly WHERE model = $1 AND version = $2 AND device_model = $3 AND delegate = $4",
            {v.group.model, v.after, v.group.device_model, v.group.delegate}));
    b.since = Text(since, 0, 0) + " UTC";
    OCTET_ASSIGN(b.operators, Operators(database, v));
    report->bottlenecks.push_back(std::move(b));
  }
  return {};
}

Status FindStages(Database& database, const ReportOptions& options, FleetReport* report, double* all_s) {
  OCTET_ASSIGN(
      const Rows rows,
      database.Query(
          "SELECT model, device_model, delegate, version, queue_s, copy_s, total_s, queue_share, copy_share, requests, invoke_s FROM fleet.stages WHERE $1 = '' OR model = $1",
          {options.model}));
  for (int i = 0; i < rows.size(); ++i) {
    *all_s += rows.number(i, 10);
    if (rows.integer(i, 9) < options.compare.least_inferences) continue;
    const Group group{Text(rows, i, 0), Text(rows, i, 1), Text(rows, i, 2)};
    if (const double share = rows.number(i, 7); share > kQueueShare)
      report->bottlenecks.push_back({"queue", group, Text(rows, i, 3), "", Format("%.0f %% of a request is waiting for an interpreter: more interpreters, or fewer requests", 100 * share), rows.number(i, 4), 0, {}});
    if (const double share = rows.number(i, 8); share > kCopyShare)
      report->bottlenecks.push_back(
          {"copies", group, Text(rows, i, 3), "", Format("%.0f %% of a request is copying tensors in and out", 100 * share), rows.number(i, 5), 0, {}});
  }
  return {};
}

Status ReadThrottling(Database& database, const ReportOptions& options, FleetReport* report) {
  OCTET_ASSIGN(
      const Rows rows,
      database.Query(
          "SELECT model, device_model, delegate, version, share, p95_ms, p95_throttled_ms FROM fleet.throttling WHERE ($1 = '' OR model = $1) AND share >= $2",
          {options.model, std::to_string(kThrottledShare)}));
  for (int i = 0; i < rows.size(); ++i)
    report->throttling.push_back(
        {{Text(rows, i, 0), Text(rows, i, 1), Text(rows, i, 2)}, Text(rows, i, 3), rows.number(i, 4), rows.number(i, 5), rows.number(i, 6)});
  return {};
}

Status ReadAttention(Database& database, FleetReport* report) {
  OCTET_ASSIGN(const Rows rows, database.Query("SELECT why, device, device_model, value, meaning FROM fleet.attention"));
  for (int i = 0; i < rows.size(); ++i)
    report->attention.push_back({Text(rows, i, 0), Text(rows, i, 1), Text(rows, i, 2), Text(rows, i, 4), rows.number(i, 3)});
  OCTET_ASSIGN(const Rows totals,
               database.Query("SELECT count(last_seen), count(*) FILTER (WHERE last_seen < now() - fleet.setting('silent_hours') * interval '1 hour'), "
                              "(SELECT coalesce(sum(ok), 0) FROM fleet.latency_day) FROM fleet.device"));
  report->devices = totals.integer(0, 0);
  report->silent = totals.integer(0, 1);
  report->inferences = totals.integer(0, 2);
  return {};
}

}  // namespace

bool FleetReport::regressed() const {
  return std::any_of(rollouts.begin(), rollouts.end(), [](const RolloutVerdict& v) { return v.comparison.verdict == Verdict::kRegressed; });
}

Result<FleetReport> MakeReport(Database& database, const ReportOptions& options) {
  FleetReport report;
  double all_s = 0;
  OCTET_TRY(Judge(database, options, &report));
  OCTET_TRY(FindRegressions(database, &report));
  OCTET_TRY(FindStages(database, options, &report, &all_s));
  for (Bottleneck& b : report.bottlenecks) b.cost_share = all_s > 0 ? b.lost_s / all_s : 0;
  std::stable_sort(report.bottlenecks.begin(), report.bottlenecks.end(), [](const Bottleneck& a, const Bottleneck& b) { return a.lost_s > b.lost_s; });
  OCTET_TRY(ReadThrottling(database, options, &report));
  OCTET_TRY(ReadAttention(database, &report));
  return report;
}

}  // namespace octet::fleet
