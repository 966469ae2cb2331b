// SPDX-License-Identifier: Apache-2.0
// What octet bench measures and how; bench.cc has the command, bench_*.cc the parts.
#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "cli/core_peak.h"
#include "cli/delegates.h"
#include "report/json.h"
#include "runtime/interpreter.h"

namespace octet::cli {

using BenchClock = std::chrono::steady_clock;
inline double MicrosSince(BenchClock::time_point start) { return std::chrono::duration<double, std::micro>(BenchClock::now() - start).count(); }

struct BenchFlags {
  std::vector<std::string> models, ops, rest;
  std::string kernels = "fast", trace, csv, html, sweep, sustain, signature;
  int threads = 1, runs = 50, warmup = 3;
  double min_s = 0, max_s = 150, warmup_min_s = 0, delay_s = 0;
  bool profile = false, json = false, raw = false, compat = false;
  std::vector<std::pair<std::string, Shape>> shapes;  // Of inputs, by name or position.
  DelegateFlags delegates;
};

// Wall time of every node in every run, and when nodes of the last one began.
class Profiler : public runtime::Observer {
 public:
  explicit Profiler(int nodes) : times(static_cast<size_t>(nodes)), began(static_cast<size_t>(nodes)) {}
  void BeforeNode(int node) override {
    start_ = BenchClock::now();
    began[static_cast<size_t>(node)] = start_;
  }
  void AfterNode(int node) override { times[static_cast<size_t>(node)].push_back(MicrosSince(start_)); }
  std::vector<std::vector<double>> times;
  std::vector<BenchClock::time_point> began;

 private:
  BenchClock::time_point start_;
};

struct MemorySample {
  double at_s;
  int64_t rss_bytes;
};

// One model with one setting, loaded and measured.
struct Subject {
  std::string model, label;  // The label tells settings of one model apart.
  int threads = 1;
  DelegateFlags delegates;
  double load_us = 0, first_us = 0;
  double load_cpu_us = 0, first_cpu_us = 0;  // Processor time of the process, which others on the machine do not lengthen.
  int64_t first_peak_bytes = 0;  // The most resident memory up to the first run's end.
  BenchClock::time_point loaded, first_began;
  std::vector<double> warmup_us, run_us;
  std::vector<BenchClock::time_point> run_began;
  std::vector<MemorySample> memory;
  std::unique_ptr<runtime::Interpreter> interpreter;
  std::unique_ptr<Profiler> profiler;
};

struct Minute {  // Or a shorter piece of a sustained run.
  double begin_s = 0, median_us = 0, p95_us = 0;
  double clock_share = 0;  // Of the highest frequency; 0: not readable.
  double celsius = 0;      // The hottest zone; 0: not readable.
  double spin = 1;         // Time of a fixed computation, by its shortest.
  int runs = 0;
  bool throttled = false;
};

struct Comparison {
  double ratio = 1, low = 1, high = 1;  // Median of the second by that of the first, with 95% bounds.
  double p = 1;                         // Mann-Whitney: how likely such ranks are without a difference.
};

// -- measuring (bench_measure.cc)
double Quantile(std::vector<double> v, double q);
double ProcessorMicros();
int64_t RssBytes();
int64_t PeakRssBytes();  // The most resident memory so far.
Result<std::vector<Subject>> LoadSubjects(const BenchFlags& f);
Status LoadSubject(Subject& s, const BenchFlags& f);
Status Warmup(std::vector<Subject>& subjects, const BenchFlags& f);
// Subjects take turns, so that a machine whose speed drifts slows them alike.
Status Measure(std::vector<Subject>& subjects, const BenchFlags& f);
Status ProfileAll(std::vector<Subject>& subjects, const BenchFlags& f);
Comparison Compare(const std::vector<double>& a, const std::vector<double>& b);
std::string Verdict(const Comparison& c);  // Of the second: "faster", "slower" or "no difference shown".

// -- another build of octet (bench_builds.cc)
Result<int> BenchBuilds(const BenchFlags& f, const std::string& other);

// -- for long (bench_sustain.cc)
Result<double> ParseSeconds(const std::string& flag, const std::string& text);  // "90", "30m", "1.5h"
Status Sustain(std::vector<Subject>& subjects, double seconds, std::vector<std::vector<Minute>>* minutes);

// -- telling (bench_report.cc)
struct BenchResult {
  std::vector<Subject> subjects;
  std::vector<std::vector<Minute>> minutes;  // Per subject; empty without --sustain.
  CorePeak peak;
};
void PrintBench(const BenchResult& result, const BenchFlags& f);
std::string BenchJson(const BenchResult& result, const BenchFlags& f);
std::string BenchCsv(const BenchResult& result);
std::string BenchHtml(const BenchResult& result, const BenchFlags& f);
std::string BenchTrace(const BenchResult& result);
double PeakOf(const CorePeak& peak, const Subject& s, const runtime::NodeInfo& n);

// -- as benchmark_model (bench_compat.cc)
// Reads its flags from f.rest.
Status ParseCompat(BenchFlags* f);
Result<int> BenchCompat(const BenchFlags& f);

}  // namespace octet::cli
