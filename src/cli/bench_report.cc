// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <map>

#include "base/cpu.h"
#include "cli/bench.h"
#include "cli/output.h"
#include "report/html.h"

namespace octet::cli {
namespace {

std::map<std::string, int> KernelCounts(const runtime::Interpreter& interpreter) {
  std::map<std::string, int> counts;
  for (int i = 0; i < interpreter.num_nodes(); ++i) ++counts[std::string(interpreter.node(i).kernel)];
  return counts;
}

struct NodeRow {
  int index;
  runtime::NodeInfo node;
  double us, share;
};

std::vector<NodeRow> NodeRows(const Subject& s) {
  std::vector<NodeRow> rows;
  double total = 0;
  for (int i = 0; i < s.interpreter->num_nodes(); ++i) {
    const double us = Quantile(s.profiler->times[static_cast<size_t>(i)], 0.5);
    total += us;
    if (us > 0) rows.push_back({i, s.interpreter->node(i), us, 0});
  }
  for (NodeRow& r : rows) r.share = total > 0 ? r.us / total : 0;
  return rows;
}

report::Table SummaryTable(const BenchResult& result) {
  report::Table table{{"model", "median us", "min", "p5", "p95", "p99", "load", "first", "arena", "against the first"}, {}, 1};
  for (const Subject& s : result.subjects) {
    const double median = Quantile(s.run_us, 0.5);
    table.rows.push_back({s.label, Format("%.1f", median), Format("%.1f", Quantile(s.run_us, 0)), Format("%.1f", Quantile(s.run_us, 0.05)),
                          Format("%.1f", Quantile(s.run_us, 0.95)), Format("%.1f", Quantile(s.run_us, 0.99)), Format("%.0f", s.load_us),
                          Format("%.0f", s.first_us), ByteText(s.interpreter->memory().arena_bytes),
                          Format("%.2fx", Quantile(result.subjects[0].run_us, 0.5) / median)});
  }
  return table;
}

report::Table ComparisonTable(const BenchResult& result) {
  report::Table table{{"against " + result.subjects[0].label, "verdict", "time ratio", "95% from", "to", "p"}, {}, 2};
  for (size_t i = 1; i < result.subjects.size(); ++i) {
    const Comparison c = Compare(result.subjects[0].run_us, result.subjects[i].run_us);
    table.rows.push_back({result.subjects[i].label, Verdict(c), Format("%.3f", c.ratio), Format("%.3f", c.low), Format("%.3f", c.high),
                          c.p < 1e-4 ? "<0.0001" : Format("%.2g", c.p)});
  }
  return table;
}

report::Table MinuteTable(const std::vector<Minute>& minutes) {
  report::Table table{{"from s", "runs", "median us", "p95", "clock", "celsius", "spin", ""}, {}, 0};
  for (const Minute& m : minutes)
    table.rows.push_back({Format("%.0f", m.begin_s), std::to_string(m.runs), Format("%.1f", m.median_us), Format("%.1f", m.p95_us),
                          m.clock_share > 0 ? Format("%.0f%%", 100 * m.clock_share) : "", m.celsius > 0 ? Format("%.0f", m.celsius) : "",
                          Format("%.2f", m.spin), m.throttled ? "throttled" : ""});
  return table;
}

std::string SustainText(const std::vector<Minute>& minutes) {
  const auto throttled = std::ranges::count_if(minutes, [](const Minute& m) { return m.throttled; });
  if (throttled == 0) return "no throttling seen\n";
  return Format("throttled in %d of %zu pieces: medians beyond 1.25 times the best one, or a fixed computation 1.15 times slower\n",
                static_cast<int>(throttled), minutes.size());
}

report::Table ProfileTable(const Subject& s, const CorePeak& peak) {
  report::Table table{{"#", "operator", "writes", "kernel", "us", "%", "GMAC/s", "of peak", "GB/s", "of memory's"}, {}, 4};
  for (const NodeRow& r : NodeRows(s)) {
    const double gmacs = static_cast<double>(r.node.macs) / r.us * 1e-3, gbytes = static_cast<double>(r.node.bytes) / r.us * 1e-3;
    table.rows.push_back({std::to_string(r.index), std::string(r.node.op), std::string(r.node.place), std::string(r.node.kernel), Format("%.1f", r.us),
                          Format("%.1f", 100 * r.share), r.node.macs ? Format("%.2f", gmacs) : "",
                          r.node.macs ? Format("%.0f%%", 100 * gmacs / PeakOf(peak, s, r.node)) : "", Format("%.2f", gbytes),
                          Format("%.0f%%", 100 * gbytes / peak.gbytes)});
  }
  return table;
}

// What delegates say of their own pieces.
report::Table InsideTable(const Subject& s) {
  report::Table table{{"#", "operator", "inside of", "us"}, {}, 3};
  for (const runtime::DelegateTiming& t : s.interpreter->delegate_timings()) {
    const runtime::NodeInfo n = s.interpreter->node(t.node);
    table.rows.push_back({std::to_string(t.node), std::string(n.op), std::string(n.kernel), Format("%.1f", t.us)});
  }
  return table;
}

void WriteTimes(report::Json& j, const Subject& s, const BenchFlags& f) {
  j.Field("min_us", Quantile(s.run_us, 0))
      .Field("p5_us", Quantile(s.run_us, 0.05))
      .Field("median_us", Quantile(s.run_us, 0.5))
      .Field("p95_us", Quantile(s.run_us, 0.95));
  j.Field("p99_us", Quantile(s.run_us, 0.99)).Field("max_us", Quantile(s.run_us, 1)).Field("load_us", s.load_us).Field("first_us", s.first_us);
  j.Field("load_cpu_us", s.load_cpu_us).Field("first_cpu_us", s.first_cpu_us);
  if (!f.raw) return;
  j.Key("samples_us").Array();
  for (double us : s.run_us) j.Number(us);
  j.End();
}

void WriteProfile(report::Json& j, const Subject& s, const CorePeak& peak) {
  j.Key("core_peak").Object().Field("int8_gmacs", peak.int8_gmacs).Field("f32_gmacs", peak.f32_gmacs).Field("gbytes_per_s", peak.gbytes).End();
  j.Key("profile").Array();
  for (int i = 0; i < s.interpreter->num_nodes(); ++i) {
    const runtime::NodeInfo n = s.interpreter->node(i);
    const std::vector<double>& us = s.profiler->times[static_cast<size_t>(i)];
    j.Object().Field("node", i).Field("op", n.op).Field("place", n.place).Field("kernel", n.kernel).Field("min_us", Quantile(us, 0)).Field("median_us", Quantile(us, 0.5));
    j.Field("macs", n.macs).Field("bytes", n.bytes);
    if (n.macs > 0) j.Field("peak_gmacs", PeakOf(peak, s, n));
    j.End();
  }
  j.End().Key("inside_delegates").Array();
  for (const runtime::DelegateTiming& t : s.interpreter->delegate_timings()) j.Object().Field("node", t.node).Field("us", t.us).End();
  j.End();
}

void WriteMinutes(report::Json& j, const std::vector<Minute>& minutes) {
  j.Key("sustain").Array();
  for (const Minute& m : minutes) {
    j.Object().Field("begin_s", m.begin_s).Field("runs", m.runs).Field("median_us", m.median_us).Field("p95_us", m.p95_us).Field("clock_share", m.clock_share);
    j.Field("celsius", m.celsius).Field("spin", m.spin).Field("throttled", m.throttled).End();
  }
  j.End();
}

void WriteSubject(report::Json& j, const BenchResult& result, size_t i, const BenchFlags& f) {
  const Subject& s = result.subjects[i];
  const runtime::MemoryUse memory = s.interpreter->memory();
  j.Object().Field("model", s.model).Field("label", s.label).Field("threads", s.threads).Field("runs", static_cast<int>(s.run_us.size())).Field("isa", Name(ThisCpu().isa));
  j.Field("version", std::string(OCTET_VERSION));
  WriteTimes(j, s, f);
  j.Field("arena_bytes", memory.arena_bytes).Field("arena_lower_bound_bytes", memory.lower_bound_bytes).Field("packed_bytes", memory.packed_bytes);
  j.Field("rss_bytes", PeakRssBytes()).Field("first_peak_rss_bytes", s.first_peak_bytes);
  j.Key("memory").Array();
  for (const MemorySample& m : s.memory) j.Object().Field("at_s", m.at_s).Field("rss_bytes", m.rss_bytes).End();
  j.End().Key("kernels").Object();
  for (const auto& [name, count] : KernelCounts(*s.interpreter)) j.Field(name, count);
  j.End().Key("delegates");
  WriteDelegates(j, s.interpreter->delegates());
  if (s.interpreter->shadow().checked > 0) WriteShadow(j.Key("shadow"), s.interpreter->shadow());
  if (i > 0) {
    const Comparison c = Compare(result.subjects[0].run_us, s.run_us);
    j.Key("against_first").Object().Field("ratio", c.ratio).Field("low", c.low).Field("high", c.high).Field("p", c.p).Field("verdict", Verdict(c)).End();
  }
  if (s.profiler) WriteProfile(j, s, result.peak);
  if (!result.minutes.empty()) WriteMinutes(j, result.minutes[i]);
  j.End();
}

}  // namespace

// What a node's multiply-adds could reach on as many cores as it has threads: floats', unless its operands are integers. With floats
// that are quantized on the way (dynamic range) the weights tell, but for kernels that multiply those as floats, too, and are named so.
double PeakOf(const CorePeak& peak, const Subject& s, const runtime::NodeInfo& n) {
  const auto is_float = [&](int32_t t) { return s.interpreter->tensor(t).type->dtype == DType::kF32; };
  const auto is_integer_weights = [&](int32_t t) {
    if (t < 0) return false;
    const runtime::TensorRef tensor = s.interpreter->tensor(t);
    return tensor.constant && !IsFloat(tensor.type->dtype) && !tensor.type->quant.empty();
  };
  const bool floats = !n.outputs.empty() && is_float(n.outputs[0]);
  const bool integer_products = std::ranges::any_of(n.inputs, is_integer_weights) && !n.kernel.ends_with("_f32");
  return (floats && !integer_products ? peak.f32_gmacs : peak.int8_gmacs) * s.threads;
}

void PrintBench(const BenchResult& result, const BenchFlags& f) {
  PrintTable(SummaryTable(result));
  Print(stdout, "%zu runs, %d thread%s, %s; times in microseconds\n", result.subjects[0].run_us.size(), f.threads, f.threads == 1 ? "" : "s",
        std::string(Name(ThisCpu().isa)).c_str());
  if (result.subjects.size() > 1) {
    Print(stdout, "\n");
    PrintTable(ComparisonTable(result));
  }
  for (size_t i = 0; i < result.subjects.size(); ++i) {
    const Subject& s = result.subjects[i];
    Print(stdout, "%s", (DelegatesText(s.interpreter->delegates()) + ShadowText(s.interpreter->shadow())).c_str());
    if (!result.minutes.empty()) {
      Print(stdout, "\n%s\n", s.label.c_str());
      PrintTable(MinuteTable(result.minutes[i]));
      Print(stdout, "%s", SustainText(result.minutes[i]).c_str());
    }
    if (!f.profile) continue;
    Print(stdout, "\n%s\n", s.label.c_str());
    PrintTable(ProfileTable(s, result.peak));
    if (const report::Table inside = InsideTable(s); !inside.rows.empty()) PrintTable(inside);
    Print(stdout, "one core's peak: %.1f int8 and %.1f float GMAC/s, %.1f GB/s from memory (what lies in caches comes faster)\n", result.peak.int8_gmacs,
          result.peak.f32_gmacs, result.peak.gbytes);
  }
}

std::string BenchJson(const BenchResult& result, const BenchFlags& f) {
  report::Json j;
  if (result.subjects.size() > 1) j.Array();
  for (size_t i = 0; i < result.subjects.size(); ++i) WriteSubject(j, result, i, f);
  if (result.subjects.size() > 1) j.End();
  return j.text();
}

// One line per run: label, threads, run, microseconds.
std::string BenchCsv(const BenchResult& result) {
  std::string text = "label,threads,run,us\n";
  for (const Subject& s : result.subjects) {
    std::string label = s.label;
    std::ranges::replace(label, ',', ';');
    for (size_t i = 0; i < s.run_us.size(); ++i) text += Format("%s,%d,%zu,%.3f\n", label.c_str(), s.threads, i, s.run_us[i]);
  }
  return text;
}

std::string BenchHtml(const BenchResult& result, const BenchFlags& f) {
  std::string body = report::Section("Latency", "Microseconds. Models and settings took turns.", report::HtmlTable(SummaryTable(result)));
  report::Chart runs{.title = "Runs, in their order, to twice p99", .x_label = "run", .y_label = "us", .categories = {}, .series = {}, .category_colors = {}};
  double slow = 0;
  for (size_t i = 0; i < result.subjects.size() && i < 4; ++i) {
    runs.series.push_back({result.subjects[i].label, result.subjects[i].run_us, static_cast<int>(i)});
    slow = std::max(slow, Quantile(result.subjects[i].run_us, 0.99));
  }
  runs.end = 2 * slow;  // One run that the system held up would leave all others on the axis.
  report::Chart memory{
      .title = "Resident memory, from loading to the last run", .x_label = "samples", .y_label = "MB", .categories = {}, .series = {}, .category_colors = {}};
  for (const report::Series& one : runs.series) {
    report::Series& m = memory.series.emplace_back(report::Series{one.name, {}, one.color});
    for (const MemorySample& at : result.subjects[memory.series.size() - 1].memory) m.values.push_back(static_cast<double>(at.rss_bytes) * 1e-6);
  }
  body += "<div class='charts'>" + report::LineChart(runs) + report::LineChart(memory) + "</div>\n";
  if (result.subjects.size() > 1)
    body +=
        report::Section("Compared", "Medians' ratio with bounds from 1000 resamples; p of the Mann-Whitney test.", report::HtmlTable(ComparisonTable(result)));
  for (size_t i = 0; i < result.subjects.size(); ++i) {
    const Subject& s = result.subjects[i];
    const std::string delegates = DelegatesText(s.interpreter->delegates()) + ShadowText(s.interpreter->shadow());
    if (!delegates.empty()) body += report::Section("Delegates: " + s.label, "", "<pre>" + report::Escape(delegates) + "</pre>");
    if (!result.minutes.empty())
      body += report::Section("Sustained: " + s.label, SustainText(result.minutes[i]), report::HtmlTable(MinuteTable(result.minutes[i])));
    if (s.profiler && f.profile) body += report::Section("Operators: " + s.label, "", report::HtmlTable(ProfileTable(s, result.peak)));
  }
  return report::Page("octet bench", Format("%s, %s", OCTET_VERSION, std::string(Name(ThisCpu().isa)).c_str()), body);
}

// Chrome's trace format, as Perfetto reads it too: phases and runs as they were, the last profiled run's nodes, memory.
std::string BenchTrace(const BenchResult& result) {
  report::Json j;
  j.Object().Field("displayTimeUnit", std::string("ns")).Key("traceEvents").Array();
  const BenchClock::time_point zero = result.subjects[0].loaded;
  const auto at = [&](BenchClock::time_point t) { return std::chrono::duration<double, std::micro>(t - zero).count(); };
  const auto event = [&](const std::string& name, size_t process, int thread, double begin, double us) {
    j.Object().Field("name", name).Field("ph", std::string("X")).Field("ts", begin).Field("dur", us).Field("pid", process + 1).Field("tid", thread).End();
  };
  for (size_t k = 0; k < result.subjects.size(); ++k) {
    const Subject& s = result.subjects[k];
    j.Object().Field("name", std::string("process_name")).Field("ph", std::string("M")).Field("pid", k + 1).Key("args").Object().Field("name", s.label).End().End();
    event("load", k, 1, at(s.loaded), s.load_us);
    event("first run", k, 1, at(s.first_began), s.first_us);
    for (size_t i = 0; i < s.run_us.size(); ++i) event(Format("run %zu", i), k, 1, at(s.run_began[i]), s.run_us[i]);
    for (const MemorySample& m : s.memory)
      j.Object().Field("name", std::string("rss")).Field("ph", std::string("C")).Field("ts", at(s.loaded) + m.at_s * 1e6).Field("pid", k + 1).Key("args").Object().Field("bytes", m.rss_bytes).End().End();
    if (!s.profiler) continue;
    for (int i = 0; i < s.interpreter->num_nodes(); ++i) {
      const runtime::NodeInfo n = s.interpreter->node(i);
      const std::vector<double>& times = s.profiler->times[static_cast<size_t>(i)];
      if (!times.empty()) event(std::string(n.op) + " " + std::string(n.place), k, 2, at(s.profiler->began[static_cast<size_t>(i)]), times.back());
    }
  }
  return j.End().End().text();
}

}  // namespace octet::cli
