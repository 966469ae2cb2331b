// SPDX-License-Identifier: Apache-2.0
// The report as text, JSON and HTML.
#include <algorithm>
#include <map>

#include "fleet/report.h"
#include "report/html.h"
#include "report/json.h"

namespace octet::fleet {
namespace {

using report::Table;

constexpr int kMostOfAKind = 6;

std::string Ms(double ns) { return Format("%.3g ms", ns / 1e6); }
std::string Percent(double x) { return Format("%+.1f %%", 100 * x); }
std::string Interval(const Change& c) { return Format("%s (%s to %s)", Percent(c.change).c_str(), Percent(c.low).c_str(), Percent(c.high).c_str()); }

Table RolloutTable(const FleetReport& r) {
  Table table{
      {"verdict", "model", "version", "hardware", "delegate", "p50 before", "p50 after", "p50 change (95 %)", "p95 change (95 %)", "devices", "inferences"},
      {},
      5};
  for (const RolloutVerdict& v : r.rollouts) {
    const Comparison& c = v.comparison;
    const bool known = c.p50.before > 0;
    table.rows.push_back({std::string(Name(c.verdict)), v.group.model, v.before + " to " + v.after, v.group.device_model, v.group.delegate,
                          known ? Ms(c.p50.before) : "", known ? Ms(c.p50.after) : "", known ? Interval(c.p50) : c.reason, known ? Interval(c.p95) : "",
                          Format("%lld / %lld", static_cast<long long>(v.devices_before), static_cast<long long>(v.devices_after)),
                          Format("%lld / %lld", static_cast<long long>(v.inferences_before), static_cast<long long>(v.inferences_after))});
  }
  return table;
}

Table ThrottlingTable(const FleetReport& r) {
  Table table{{"model", "version", "hardware", "delegate", "throttled", "p95 throttled", "p95"}, {}, 4};
  for (const Throttling& t : r.throttling)
    table.rows.push_back({t.group.model, t.version, t.group.device_model, t.group.delegate, Format("%.1f %%", 100 * t.share),
                          Format("%.3g ms", t.p95_throttled_ms), Format("%.3g ms", t.p95_ms)});
  return table;
}

Table AttentionTable(const FleetReport& r) {
  Table table{{"what", "device", "hardware", "value"}, {}, 3};
  std::map<std::string, int> seen;
  for (const Attention& a : r.attention)
    if (++seen[a.why] <= kMostOfAKind) table.rows.push_back({a.why, a.device, a.device_model, Format("%.4g %s", a.value, a.meaning.c_str())});
  return table;
}

std::string OperatorText(const Bottleneck& b) {
  std::string text;
  for (const OperatorChange& o : b.operators) text += Format("%s%s %.3g to %.3g ms", text.empty() ? "" : ", ", o.op.c_str(), o.before_ms, o.after_ms);
  return text;
}

std::string Title(const Bottleneck& b) {
  return Format("%s: %s on %s, %s", b.kind.c_str(), b.group.model.c_str(), b.group.device_model.c_str(), b.group.delegate.c_str());
}

std::string Aligned(const Table& table) {
  std::vector<size_t> widths(table.header.size());
  for (size_t c = 0; c < widths.size(); ++c) {
    widths[c] = table.header[c].size();
    for (const auto& row : table.rows) widths[c] = std::max(widths[c], row[c].size());
  }
  std::string text;
  const auto line = [&](const std::vector<std::string>& row) {
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string blanks(widths[c] - row[c].size(), ' ');
      text += static_cast<int>(c) < table.text_columns ? row[c] + blanks : blanks + row[c];
      text += c + 1 < row.size() ? "  " : "\n";
    }
  };
  line(table.header);
  for (const auto& row : table.rows) line(row);
  return text;
}

const char* Conclusion(const FleetReport& r) {
  if (r.regressed()) return "regressed: hold the rollout";
  return r.bottlenecks.empty() ? "no bottleneck" : "no rollout regressed";
}

void AddChange(report::Json& j, const char* key, const Change& c, double unit) {
  j.Key(key).Object().Field("before", c.before * unit).Field("after", c.after * unit).Field("change", c.change).Field("low", c.low).Field("high", c.high).End();
}

void AddGroup(report::Json& j, const Group& g) { j.Field("model", g.model).Field("device_model", g.device_model).Field("delegate", g.delegate); }

}  // namespace

std::string TextOf(const FleetReport& r) {
  std::string text = Format("%lld devices, %lld silent, %lld inferences\n", static_cast<long long>(r.devices), static_cast<long long>(r.silent),
                            static_cast<long long>(r.inferences));
  if (!r.rollouts.empty()) text += "\nRollouts\n" + Aligned(RolloutTable(r));
  if (!r.bottlenecks.empty()) text += "\nBottlenecks, by the time they cost\n";
  int place = 0;
  for (const Bottleneck& b : r.bottlenecks) {
    text += Format("%d. %s: %.1f %% of the fleet's time\n   %s\n", ++place, Title(b).c_str(), 100 * b.cost_share, b.what.c_str());
    if (!b.since.empty()) text += Format("   since %s\n", b.since.c_str());
    if (!b.operators.empty()) text += "   operators: " + OperatorText(b) + "\n";
  }
  if (!r.throttling.empty()) text += "\nThrottling\n" + Aligned(ThrottlingTable(r));
  const Table attention = AttentionTable(r);
  if (!r.attention.empty()) text += "\nDevices that need somebody\n" + Aligned(attention);
  if (r.attention.size() > attention.rows.size()) text += Format("… and %zu more: the view fleet.attention\n", r.attention.size() - attention.rows.size());
  return text + "\n" + Conclusion(r) + "\n";
}

std::string JsonOf(const FleetReport& r) {
  report::Json j;
  j.Object().Field("devices", r.devices).Field("silent", r.silent).Field("inferences", r.inferences).Field("regressed", r.regressed()).Key("rollouts").Array();
  for (const RolloutVerdict& v : r.rollouts) {
    const Comparison& c = v.comparison;
    j.Object().Field("verdict", Name(c.verdict)).Field("reason", c.reason);
    AddGroup(j, v.group);
    j.Field("before", v.before).Field("after", v.after).Field("devices_before", v.devices_before).Field("devices_after", v.devices_after);
    j.Field("inferences_before", v.inferences_before).Field("inferences_after", v.inferences_after);
    AddChange(j, "p50_ms", c.p50, 1e-6);
    AddChange(j, "p95_ms", c.p95, 1e-6);
    AddChange(j, "error_share", c.errors, 1);
    j.End();
  }
  j.End().Key("bottlenecks").Array();
  for (const Bottleneck& b : r.bottlenecks) {
    j.Object().Field("kind", b.kind);
    AddGroup(j, b.group);
    j.Field("version", b.version).Field("since", b.since).Field("what", b.what).Field("lost_s", b.lost_s).Field("cost_share", b.cost_share).Key("operators").Array();
    for (const OperatorChange& o : b.operators) j.Object().Field("op", o.op).Field("before_ms", o.before_ms).Field("after_ms", o.after_ms).End();
    j.End().End();
  }
  j.End().Key("throttling").Array();
  for (const Throttling& t : r.throttling) {
    j.Object();
    AddGroup(j, t.group);
    j.Field("version", t.version).Field("share", t.share).Field("p95_ms", t.p95_ms).Field("p95_throttled_ms", t.p95_throttled_ms).End();
  }
  j.End().Key("attention").Array();
  for (const Attention& a : r.attention)
    j.Object().Field("why", a.why).Field("device", a.device).Field("device_model", a.device_model).Field("value", a.value).Field("meaning", a.meaning).End();
  return j.End().End().text();
}

std::string HtmlOf(const FleetReport& r) {
  std::vector<report::Fact> facts = {{"devices", std::to_string(r.devices), 0}, {"silent", std::to_string(r.silent), r.silent > 0 ? -1 : 1},
                                     {"inferences", std::to_string(r.inferences), 0}, {"verdict", Conclusion(r), r.regressed() ? -1 : 1}};
  std::string body = report::Facts(facts);
  report::Chart chart{"Change of p50 after the rollout", "%", "", {}, {{"p50", {}, 2}}, {}, false, 3};
  for (const RolloutVerdict& v : r.rollouts) {
    if (v.comparison.p50.before <= 0) continue;
    chart.categories.push_back(v.group.model + " " + v.after + ", " + v.group.device_model + ", " + v.group.delegate);
    chart.series[0].values.push_back(std::max(0.0, 100 * v.comparison.p50.change));
    chart.category_colors.push_back(v.comparison.verdict == Verdict::kRegressed ? 1 : 2);
  }
  if (!r.rollouts.empty())
    body += report::Section("Rollouts", "Per hardware and delegate: histograms of the same devices before and after, devices resampled for the interval.",
                            (chart.categories.empty() ? "" : report::BarChart(chart)) + report::HtmlTable(RolloutTable(r)));
  std::string ranked;
  for (const Bottleneck& b : r.bottlenecks) {
    ranked += Format("<h3>%s</h3><p>%s. It costs %.1f %% of the time of all inferences%s%s.</p>", report::Escape(Title(b)).c_str(),
                     report::Escape(b.what).c_str(), 100 * b.cost_share, b.since.empty() ? "" : ", since ", report::Escape(b.since).c_str());
    Table operators{{"operator", "before", "after", "change"}, {}, 1};
    for (const OperatorChange& o : b.operators)
      operators.rows.push_back(
          {o.op, Format("%.3g ms", o.before_ms), Format("%.3g ms", o.after_ms), o.before_ms > 0 ? Percent(o.after_ms / o.before_ms - 1) : ""});
    if (!b.operators.empty()) ranked += report::HtmlTable(operators);
  }
  body += report::Section("Bottlenecks", "In the order of the time they cost the fleet.", ranked.empty() ? "<p>None.</p>" : ranked);
  if (!r.throttling.empty())
    body += report::Section("Throttling", "Share of the time in which heat held the clock back.", report::HtmlTable(ThrottlingTable(r)));
  if (!r.attention.empty())
    body += report::Section("Devices that need somebody", "Silent, behind, with a wrong clock, or dropping records.", report::HtmlTable(AttentionTable(r)));
  return report::Page("Fleet report", Conclusion(r), body);
}

}  // namespace octet::fleet
