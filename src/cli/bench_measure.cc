// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <thread>

#include "base/cpu.h"
#include "cli/bench.h"
#include "cli/output.h"
#include "runtime/op_library.h"

namespace octet::cli {
namespace {

constexpr size_t kMemorySamples = 128;
constexpr double kSignificant = 0.01;

uint32_t Next(uint32_t* state) {  // xorshift.
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

// Fixed pseudo-random inputs: floats in [-1, 1), any bytes, zeros where they may be indices.
void FillInputs(const runtime::Interpreter& interpreter) {
  uint32_t state = 2463534242u;
  for (int i = 0; i < interpreter.num_inputs(); ++i) {
    const runtime::TensorRef in = interpreter.input(i);
    const DType t = in.type->dtype;
    if (!in.data) continue;
    if (t == DType::kF32) {
      for (uint64_t k = 0; k + 4 <= in.bytes; k += 4) {
        const float v = static_cast<float>(static_cast<int32_t>(Next(&state))) * 0x1p-31f;
        std::memcpy(in.data + k, &v, 4);
      }
    } else if (t == DType::kI8 || t == DType::kU8) {
      for (uint64_t k = 0; k < in.bytes; ++k) in.data[k] = static_cast<std::byte>(Next(&state));
    } else {
      std::memset(in.data, 0, in.bytes);
    }
  }
}

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

struct Axes {
  std::vector<int> threads;
  std::vector<std::vector<std::string>> delegates;
};

// "threads,delegates", "threads=1:2:4".
Result<Axes> ParseSweep(const BenchFlags& f) {
  Axes axes;
  if (f.sweep.empty()) return axes;
  for (const std::string& item : Split(f.sweep, ',')) {
    const size_t equals = item.find('=');
    const std::string name = item.substr(0, equals);
    if (name == "threads" && equals == std::string::npos) {
      const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
      for (int n = 1; n < cores; n *= 2) axes.threads.push_back(n);
      axes.threads.push_back(cores);
    } else if (name == "threads") {
      for (const std::string& n : Split(item.substr(equals + 1), ':')) axes.threads.push_back(std::atoi(n.c_str()));
      if (std::ranges::any_of(axes.threads, [](int n) { return n < 1 || n > 1024; }))
        return Error(Code::kInvalidArgument, "--sweep: expected threads=1:2:4, found '%s'", item.c_str());
    } else if (item == "delegates") {
      axes.delegates.push_back({});
      for (const std::string& d : f.delegates.delegates) axes.delegates.push_back({d});
    } else {
      return Error(Code::kInvalidArgument, "--sweep: expected threads, threads=1:2:4 or delegates, found '%s'", item.c_str());
    }
  }
  return axes;
}

// How many rounds there may be: the count asked for, and more until the time is reached, and never beyond the most.
class Rounds {
 public:
  Rounds(int least, double min_s, double max_s) : least_(least), min_us_(min_s * 1e6), max_us_(max_s * 1e6) {}
  bool More() {
    const double us = MicrosSince(start_);
    if (done_ > 0 && us >= max_us_) return false;
    if (done_ >= least_ && us >= min_us_) return false;
    return ++done_, true;
  }
  int done() const { return done_; }

 private:
  const int least_;
  const double min_us_, max_us_;
  const BenchClock::time_point start_ = BenchClock::now();
  int done_ = 0;
};

}  // namespace

double Quantile(std::vector<double> v, double q) {
  std::ranges::sort(v);
  return v.empty() ? 0 : v[std::min(v.size() - 1, static_cast<size_t>(q * static_cast<double>(v.size())))];
}

double ProcessorMicros() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_nsec) * 1e-3;
}

int64_t RssBytes() {
  long long pages = 0, resident = 0;
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (!file) return 0;
  if (std::fscanf(file, "%lld %lld", &pages, &resident) != 2) resident = 0;
  std::fclose(file);
  return resident * ::sysconf(_SC_PAGESIZE);
}

// VmHWM; what getrusage knows of began with the process that started this one.
int64_t PeakRssBytes() {
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (!file) return 0;
  long long kilobytes = 0;
  for (char line[256]; kilobytes == 0 && std::fgets(line, sizeof line, file);) std::sscanf(line, "VmHWM: %lld", &kilobytes);
  std::fclose(file);
  return kilobytes * 1024;
}

Status LoadSubject(Subject& s, const BenchFlags& f) {
  s.loaded = BenchClock::now();
  s.memory.push_back({0, RssBytes()});
  double processor = ProcessorMicros();
  OCTET_ASSIGN(const auto model, OpenModel(s.model, s.delegates));
  runtime::Options options{.threads = s.threads, .signature = f.signature};
  options.kernels = f.kernels == "reference" ? runtime::Kernels::kReference : runtime::Kernels::kFast;
  OCTET_ASSIGN(options.delegates, LoadDelegates(s.delegates));
  options.delegates.profile = f.profile || !f.trace.empty();
  OCTET_ASSIGN(s.interpreter, runtime::Interpreter::Create(model, options));
  for (const auto& [name, shape] : f.shapes) {
    const int input = s.interpreter->FindInput(name);
    if (input < 0) return Error(Code::kInvalidArgument, "'%s' has no input '%s'", s.model.c_str(), name.c_str());
    OCTET_TRY(s.interpreter->Resize(input, shape));
  }
  OCTET_TRY(s.interpreter->Allocate());
  s.load_us = MicrosSince(s.loaded);
  s.load_cpu_us = ProcessorMicros() - processor;
  s.memory.push_back({s.load_us * 1e-6, RssBytes()});
  FillInputs(*s.interpreter);
  s.first_began = BenchClock::now();
  processor = ProcessorMicros();
  OCTET_TRY(s.interpreter->Invoke());
  s.first_us = MicrosSince(s.first_began);
  s.first_cpu_us = ProcessorMicros() - processor;
  s.first_peak_bytes = PeakRssBytes();
  s.memory.push_back({MicrosSince(s.loaded) * 1e-6, RssBytes()});
  return {};
}

Result<std::vector<Subject>> LoadSubjects(const BenchFlags& f) {
  OCTET_ASSIGN(const Axes axes, ParseSweep(f));
  const std::vector<int> threads = axes.threads.empty() ? std::vector{f.threads} : axes.threads;
  const std::vector<std::vector<std::string>> delegates =
      axes.delegates.empty() ? std::vector<std::vector<std::string>>(1, f.delegates.delegates) : axes.delegates;
  std::vector<Subject> subjects;
  for (const std::string& model : f.models)
    for (const auto& list : delegates)
      for (const int n : threads) {
        Subject& s = subjects.emplace_back();
        s.model = s.label = model;
        s.threads = n;
        s.delegates = f.delegates;
        s.delegates.delegates = list;
        if (!axes.delegates.empty()) s.label += " " + (list.empty() ? std::string("cpu") : list[0].substr(list[0].find_last_of('/') + 1));
        if (!axes.threads.empty()) s.label += Format(" x%d", n);
        OCTET_TRY(LoadSubject(s, f));
      }
  return subjects;
}

Status Warmup(std::vector<Subject>& subjects, const BenchFlags& f) {
  Rounds rounds(f.warmup, f.warmup_min_s, f.max_s);
  while ((f.warmup > 0 || f.warmup_min_s > 0) && rounds.More())
    for (Subject& s : subjects) {
      const auto start = BenchClock::now();
      OCTET_TRY(s.interpreter->Invoke());
      s.warmup_us.push_back(MicrosSince(start));
    }
  return {};
}

Status Measure(std::vector<Subject>& subjects, const BenchFlags& f) {
  ProgressBar bar("bench");
  Rounds rounds(f.runs, f.min_s, f.max_s);
  const size_t every = std::max<size_t>(1, static_cast<size_t>(f.runs) / (kMemorySamples / 2));
  while (rounds.More()) {
    for (Subject& s : subjects) {
      if (f.delay_s > 0) std::this_thread::sleep_for(std::chrono::duration<double>(f.delay_s));
      const auto start = BenchClock::now();
      OCTET_TRY(s.interpreter->Invoke());
      s.run_us.push_back(MicrosSince(start));
      s.run_began.push_back(start);
      if (s.run_us.size() % every == 0 && s.memory.size() < kMemorySamples) s.memory.push_back({MicrosSince(s.loaded) * 1e-6, RssBytes()});
    }
    bar.Update("runs", rounds.done(), std::max(f.runs, rounds.done()));
  }
  return {};
}

Status ProfileAll(std::vector<Subject>& subjects, const BenchFlags& f) {
  for (Subject& s : subjects) {
    s.profiler = std::make_unique<Profiler>(s.interpreter->num_nodes());
    s.interpreter->SetObserver(s.profiler.get());
    Rounds rounds(std::max(1, f.runs / 2), 0, f.max_s);
    while (rounds.More()) OCTET_TRY(s.interpreter->Invoke());
    s.interpreter->SetObserver(nullptr);
  }
  return {};
}

// The ratio of medians with bounds from resamples, and the rank sum's probability under its normal approximation.
Comparison Compare(const std::vector<double>& a, const std::vector<double>& b) {
  Comparison c;
  if (a.empty() || b.empty()) return c;
  c.ratio = Quantile(b, 0.5) / Quantile(a, 0.5);
  uint32_t state = 88172645u;
  const auto resample = [&](const std::vector<double>& v) {
    std::vector<double> r(v.size());
    for (double& x : r) x = v[Next(&state) % v.size()];
    return Quantile(std::move(r), 0.5);
  };
  std::vector<double> ratios;
  for (int i = 0; i < 1000; ++i) ratios.push_back(resample(b) / resample(a));
  c.low = Quantile(ratios, 0.025);
  c.high = Quantile(ratios, 0.975);
  std::vector<std::pair<double, int>> all;
  for (double x : a) all.emplace_back(x, 0);
  for (double x : b) all.emplace_back(x, 1);
  std::ranges::sort(all);
  double rank_sum = 0, ties = 0;
  const auto n = static_cast<double>(all.size()), na = static_cast<double>(a.size()), nb = static_cast<double>(b.size());
  for (size_t i = 0; i < all.size();) {
    size_t k = i;
    while (k < all.size() && all[k].first == all[i].first) ++k;
    const double rank = (static_cast<double>(i + k) + 1) / 2, t = static_cast<double>(k - i);
    for (; i < k; ++i) rank_sum += all[i].second == 0 ? rank : 0;
    ties += t * t * t - t;
  }
  const double u = rank_sum - na * (na + 1) / 2, variance = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));
  c.p = variance > 0 ? std::erfc(std::abs(u - na * nb / 2) / std::sqrt(2 * variance)) : 1;
  return c;
}

std::string Verdict(const Comparison& c) {
  if (c.p > kSignificant || (c.low <= 1 && c.high >= 1)) return "no difference shown";
  return c.ratio < 1 ? "faster" : "slower";
}

}  // namespace octet::cli
