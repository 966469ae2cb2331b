// SPDX-License-Identifier: Apache-2.0
// What the records of one batch add to the figures of groups and devices: summed here, where they are in hand, so that the database adds a few
// sums instead of reading every record again (migrations/0005_rollup.sql).
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "fleet/database.h"
#include "fleet/histogram_sum.h"

namespace octet::fleet {

class BatchSums {
 public:
  // A row of kCopyRecords as ParseLine wrote it.
  void Add(std::string_view row);
  // In the open transaction.
  Status Copy(Database& database) const;

 private:
  static constexpr size_t kCounts = 6, kGauges = 4, kStages = 8;
  struct Group {
    int64_t windows = 0, span_ms = 0, over_limit = 0;
    std::array<int64_t, kCounts> counts{};  // In the order of the table.
    std::array<int64_t, kGauges> gauges;    // The highest; INT64_MIN: none was seen.
    std::array<HistogramSum, kStages> stages;
    Group() { gauges.fill(INT64_MIN); }
  };
  struct Device {
    int64_t windows = 0, ok = 0, errors = 0;
    HistogramSum invoke;
  };
  // Times, numbers and names as they stand in the row.
  using GroupKey = std::tuple<std::string, std::string, std::string>;                // Hour, hardware, series.
  using DeviceKey = std::tuple<std::string, std::string, std::string, std::string>;  // Day, device, hardware, series.

  void AddOperators(const GroupKey& key, std::string_view ops);
  void AddDetail(const GroupKey& key, std::string_view detail);
  std::string GroupRows() const;
  std::string DeviceRows() const;
  std::string OperatorRows() const;
  std::string EventRows() const;

  std::map<GroupKey, Group> groups_;
  std::map<DeviceKey, Device> devices_;
  std::map<std::pair<GroupKey, std::string>, HistogramSum> operators_;
  std::map<std::tuple<GroupKey, std::string, std::string, std::string>, int64_t> events_;  // Kind, name, reason.
};

}  // namespace octet::fleet
