// SPDX-License-Identifier: Apache-2.0
// Minutes instead of seconds: does the machine keep its speed?
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "cli/bench.h"
#include "cli/output.h"

namespace octet::cli {
namespace {

constexpr double kThrottledMedian = 1.25;  // By the best piece's median,
constexpr double kThrottledSpin = 1.15;    // or the fixed computation's time by its shortest.

double ReadNumber(const std::string& path) {
  double value = 0;
  std::FILE* file = std::fopen(path.c_str(), "r");
  if (!file) return 0;
  if (std::fscanf(file, "%lf", &value) != 1) value = 0;
  std::fclose(file);
  return value;
}

double ClockShare() {
  const double most = ReadNumber("/sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq");
  return most > 0 ? ReadNumber("/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq") / most : 0;
}

double HottestCelsius() {
  double hottest = 0;
  for (int i = 0; i < 32; ++i) hottest = std::max(hottest, ReadNumber(Format("/sys/class/thermal/thermal_zone%d/temp", i)) * 1e-3);
  return hottest;
}

// Integer work that nothing but the clock changes; about 100 us.
double SpinMicros() {
  const auto start = BenchClock::now();
  volatile uint32_t sink = 0;
  uint32_t x = 2463534242u;
  for (int i = 0; i < 50'000; ++i) x ^= x << 13, x ^= x >> 17, x ^= x << 5;
  sink = x;
  (void)sink;
  return MicrosSince(start);
}

double ShortestSpin() {
  double shortest = 1e9;
  for (int i = 0; i < 20; ++i) shortest = std::min(shortest, SpinMicros());
  return shortest;
}

Minute Summarize(const std::vector<double>& us, double begin_s, double shortest_spin) {
  Minute m;
  m.begin_s = begin_s;
  m.runs = static_cast<int>(us.size());
  m.median_us = Quantile(us, 0.5);
  m.p95_us = Quantile(us, 0.95);
  m.clock_share = ClockShare();
  m.celsius = HottestCelsius();
  double spin = 1e9;
  for (int i = 0; i < 5; ++i) spin = std::min(spin, SpinMicros());
  m.spin = spin / shortest_spin;
  return m;
}

}  // namespace

Result<double> ParseSeconds(const std::string& flag, const std::string& text) {
  char* end = nullptr;
  double seconds = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  if (unit == "m") seconds *= 60;
  if (unit == "h") seconds *= 3600;
  if (end == text.c_str() || !(unit.empty() || unit == "s" || unit == "m" || unit == "h") || !(seconds > 0 && seconds <= 7 * 86400))
    return Error(Code::kInvalidArgument, "%s: expected a time such as 90s, 30m or 1h, found '%s'", flag.c_str(), text.c_str());
  return seconds;
}

Status Sustain(std::vector<Subject>& subjects, double seconds, std::vector<std::vector<Minute>>* minutes) {
  const double piece_s = std::min(60.0, seconds / 10);
  const double shortest = ShortestSpin();
  minutes->assign(subjects.size(), {});
  std::vector<std::vector<double>> us(subjects.size());
  ProgressBar bar("bench");
  const auto start = BenchClock::now();
  double piece_began = 0;
  for (double now = 0; now < seconds;) {
    for (size_t i = 0; i < subjects.size(); ++i) {
      const auto run = BenchClock::now();
      OCTET_TRY(subjects[i].interpreter->Invoke());
      us[i].push_back(MicrosSince(run));
    }
    now = MicrosSince(start) * 1e-6;
    bar.Update("seconds", static_cast<int64_t>(now), static_cast<int64_t>(seconds));
    if (now - piece_began < piece_s && now < seconds) continue;
    for (size_t i = 0; i < subjects.size(); ++i) {
      (*minutes)[i].push_back(Summarize(us[i], piece_began, shortest));
      us[i].clear();
      if (subjects[i].memory.size() < 10'000) subjects[i].memory.push_back({MicrosSince(subjects[i].loaded) * 1e-6, RssBytes()});
    }
    piece_began = now;
  }
  for (std::vector<Minute>& list : *minutes) {
    const double best = std::ranges::min(list, {}, &Minute::median_us).median_us;
    for (Minute& m : list) m.throttled = m.median_us > kThrottledMedian * best || m.spin > kThrottledSpin;
  }
  return {};
}

}  // namespace octet::cli
