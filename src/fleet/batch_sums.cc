// SPDX-License-Identifier: Apache-2.0
#include "fleet/batch_sums.h"

#include <algorithm>
#include <charconv>

#include "fleet/json_cursor.h"

namespace octet::fleet {
namespace {

// Columns of kCopyRecords (record.cc).
enum Column : size_t { kAt, kBoot, kSeq, kMono, kDevice, kHardware, kSeries, kSpan, kErrors, kOk, kFirstCount = kOk, kFirstGauge = 14, kFirstStage = 20, kOps = 28, kDetail, kColumns };
constexpr size_t kInvoke = kFirstStage + 2;
constexpr size_t kHourDigits = 13, kDayDigits = 10;  // "2026-11-26 01"
constexpr std::string_view kNull = "\\N";

int64_t Number(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::array<std::string_view, kColumns> Split(std::string_view row) {
  std::array<std::string_view, kColumns> columns;
  for (std::string_view& column : columns) {
    const size_t end = std::min(row.find_first_of("\t\n"), row.size());
    column = row.substr(0, end);
    row.remove_prefix(std::min(end + 1, row.size()));
  }
  return columns;
}

// CopyRows of COPY's text format.
class CopyRows {
 public:
  CopyRows& Text(std::string_view text) {
    if (!first_) text_ += '\t';
    first_ = false;
    text_ += text;
    return *this;
  }
  CopyRows& Hour(const std::string& hour) { return Text(hour + ":00:00+00"); }
  CopyRows& Integer(int64_t value) { return Text(std::to_string(value)); }
  CopyRows& Histogram(const HistogramSum& h) {
    std::string array;
    if (!h.empty()) h.AppendArray(&array);
    return Text(h.empty() ? kNull : array);
  }
  void End() {
    text_ += '\n';
    first_ = true;
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
  bool first_ = true;
};

}  // namespace

void BatchSums::Add(std::string_view row) {
  const auto columns = Split(row);
  GroupKey key(columns[kAt].substr(0, kHourDigits), columns[kHardware], columns[kSeries]);
  Group& g = groups_[key];
  ++g.windows;
  g.span_ms += Number(columns[kSpan]);
  g.counts[0] += Number(columns[kOk]);
  g.counts[1] += Number(columns[kErrors]);
  for (size_t i = 2; i < kCounts; ++i) g.counts[i] += Number(columns[kFirstCount + i - 1]);
  for (size_t i = 0; i < kGauges; ++i)
    if (columns[kFirstGauge + i] != kNull) g.gauges[i] = std::max(g.gauges[i], Number(columns[kFirstGauge + i]));
  const std::string_view rss = columns[kFirstGauge], limit = columns[kFirstGauge + 1];
  g.over_limit += rss != kNull && limit != kNull && 10 * Number(rss) > 9 * Number(limit);
  for (size_t i = 0; i < kStages; ++i)
    if (columns[kFirstStage + i] != kNull) g.stages[i].Add(columns[kFirstStage + i]);
  Device& d = devices_[DeviceKey(columns[kAt].substr(0, kDayDigits), columns[kDevice], columns[kHardware], columns[kSeries])];
  ++d.windows;
  d.ok += Number(columns[kOk]);
  d.errors += Number(columns[kErrors]);
  if (columns[kInvoke] != kNull) d.invoke.Add(columns[kInvoke]);
  if (columns[kOps] != kNull) AddOperators(key, columns[kOps]);
  if (columns[kDetail] != kNull) AddDetail(key, columns[kDetail]);
}

// {"operator":"{…}",…}
void BatchSums::AddOperators(const GroupKey& key, std::string_view ops) {
  JsonCursor c(ops);
  std::string_view name;
  bool first = true;
  c.OpenObject();
  while (c.Member(&name, &first)) operators_[{key, std::string(name)}].Add(c.String());
}

// {"errors":{code:n},"fallback":[[operator,reason,n],…]}
void BatchSums::AddDetail(const GroupKey& key, std::string_view detail) {
  JsonCursor c(detail);
  std::string_view part, name;
  bool first = true;
  c.OpenObject();
  while (c.Member(&part, &first)) {
    bool inner = true, comma = true;
    if (part == "errors") {
      c.OpenObject();
      while (c.Member(&name, &inner)) events_[{key, "error", std::string(name), ""}] += c.Integer();
    } else {
      c.OpenArray();
      while (c.Element(&inner)) {
        comma = true;
        c.OpenArray(), c.Element(&comma);
        const std::string op(c.String());
        c.Element(&comma);
        const std::string reason(c.String());
        c.Element(&comma);
        events_[{key, "fallback", op, reason}] += c.Integer();
        c.Element(&comma);
      }
    }
  }
}

std::string BatchSums::GroupRows() const {
  CopyRows rows;
  for (const auto& [key, g] : groups_) {
    const auto& [hour, hardware, series] = key;
    rows.Hour(hour).Text(hardware).Text(series).Integer(g.windows).Text(
        Format("%lld.%03d", static_cast<long long>(g.span_ms / 1000), static_cast<int>(g.span_ms % 1000)));
    for (const int64_t count : g.counts) rows.Integer(count);
    for (const int64_t gauge : g.gauges) rows.Text(gauge == INT64_MIN ? std::string(kNull) : std::to_string(gauge));
    rows.Integer(g.over_limit);
    for (const HistogramSum& stage : g.stages) rows.Histogram(stage);
    rows.End();
  }
  return rows.Take();
}

std::string BatchSums::DeviceRows() const {
  CopyRows rows;
  for (const auto& [key, d] : devices_) {
    const auto& [day, device, hardware, series] = key;
    rows.Text(day + " 00:00:00+00").Text(device).Text(hardware).Text(series).Integer(d.windows).Integer(d.ok).Integer(d.errors).Histogram(d.invoke).End();
  }
  return rows.Take();
}

std::string BatchSums::OperatorRows() const {
  CopyRows rows;
  for (const auto& [key, time] : operators_) {
    const auto& [hour, hardware, series] = key.first;
    rows.Hour(hour).Text(hardware).Text(series).Text(key.second).Histogram(time).End();
  }
  return rows.Take();
}

std::string BatchSums::EventRows() const {
  CopyRows rows;
  for (const auto& [key, n] : events_) {
    const auto& [group, kind, name, reason] = key;
    const auto& [hour, hardware, series] = group;
    rows.Hour(hour).Text(hardware).Text(series).Text(kind).Text(name).Text(reason).Integer(n).End();
  }
  return rows.Take();
}

Status BatchSums::Copy(Database& database) const {
  if (groups_.empty()) return {};
  OCTET_TRY(database.Copy(
      "COPY fleet.fresh_hour (at, hardware_id, series_id, windows, span_s, ok, errors, deadline_miss, shadow, shadow_mismatch, lost_frames, rss_kb, limit_kb, arena_kb, temp_c, "
      "over_limit, queue, copy_in, invoke, copy_out, total, load, prepare, first) FROM STDIN",
      GroupRows()));
  OCTET_TRY(database.Copy("COPY fleet.fresh_device (at, device_id, hardware_id, series_id, windows, ok, errors, invoke) FROM STDIN", DeviceRows()));
  if (!operators_.empty()) OCTET_TRY(database.Copy("COPY fleet.fresh_operator (at, hardware_id, series_id, op, time) FROM STDIN", OperatorRows()));
  if (!events_.empty()) OCTET_TRY(database.Copy("COPY fleet.fresh_event (at, hardware_id, series_id, kind, name, reason, n) FROM STDIN", EventRows()));
  return {};
}

}  // namespace octet::fleet
