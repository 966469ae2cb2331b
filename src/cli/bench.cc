// SPDX-License-Identifier: Apache-2.0
// octet bench MODEL...: latency of whole models, side by side when there are several, and per operator.
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>

#include "base/cpu.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/core_peak.h"
#include "cli/delegates.h"
#include "cli/output.h"
#include "report/json.h"
#include "runtime/interpreter.h"
#include "runtime/op_library.h"

namespace octet::cli {
namespace {

using Clock = std::chrono::steady_clock;

struct Flags {
  std::vector<std::string> models, ops;
  std::string kernels = "fast", trace;
  int threads = 1, runs = 50, warmup = 3;
  bool profile = false, json = false;
  DelegateFlags delegates;
};

double MicrosSince(Clock::time_point start) { return std::chrono::duration<double, std::micro>(Clock::now() - start).count(); }

double Quantile(std::vector<double> v, double q) {
  std::ranges::sort(v);
  return v.empty() ? 0 : v[std::min(v.size() - 1, static_cast<size_t>(q * static_cast<double>(v.size())))];
}

// Wall time of every node in every run.
class Profiler : public runtime::Observer {
 public:
  explicit Profiler(int nodes) : times(nodes) {}
  void BeforeNode(int) override { start_ = Clock::now(); }
  void AfterNode(int node) override { times[node].push_back(MicrosSince(start_)); }
  std::vector<std::vector<double>> times;

 private:
  Clock::time_point start_;
};

struct Measured {
  std::string model;
  double load_us = 0, first_us = 0;
  std::vector<double> run_us;
  std::unique_ptr<runtime::Interpreter> interpreter;
  std::unique_ptr<Profiler> profiler;
};

// Fixed pseudo-random inputs: xorshift, floats in [-1, 1), small integers where they may be indices.
void FillInputs(const runtime::Interpreter& interpreter) {
  uint32_t state = 2463534242u;
  const auto next = [&] {
    state ^= state << 13;
    state ^= state >> 17;
    return state ^= state << 5;
  };
  for (int i = 0; i < interpreter.num_inputs(); ++i) {
    const runtime::TensorRef in = interpreter.input(i);
    const DType t = in.type->dtype;
    if (!in.data) continue;
    if (t == DType::kF32) {
      for (uint64_t k = 0; k + 4 <= in.bytes; k += 4) {
        const float v = static_cast<float>(static_cast<int32_t>(next())) * 0x1p-31f;
        std::memcpy(in.data + k, &v, 4);
      }
    } else if (t == DType::kI8 || t == DType::kU8) {
      for (uint64_t k = 0; k < in.bytes; ++k) in.data[k] = static_cast<std::byte>(next());
    } else {
      std::memset(in.data, 0, in.bytes);
    }
  }
}

Result<Measured> Load(const std::string& path, const Flags& f) {
  Measured m;
  m.model = path;
  const auto start = Clock::now();
  OCTET_ASSIGN(const auto model, runtime::Model::Open(path));
  runtime::Options options{.threads = f.threads};
  options.kernels = f.kernels == "reference" ? runtime::Kernels::kReference : runtime::Kernels::kFast;
  OCTET_ASSIGN(options.delegates, LoadDelegates(f.delegates));
  options.delegates.profile = f.profile || !f.trace.empty();
  OCTET_ASSIGN(m.interpreter, runtime::Interpreter::Create(model, options));
  OCTET_TRY(m.interpreter->Allocate());
  m.load_us = MicrosSince(start);
  FillInputs(*m.interpreter);
  const auto first = Clock::now();
  OCTET_TRY(m.interpreter->Invoke());
  m.first_us = MicrosSince(first);
  return m;
}

// Models take turns, so that a machine whose speed drifts slows them alike.
Status Measure(std::vector<Measured>& models, const Flags& f) {
  ProgressBar bar("bench");
  for (int run = -f.warmup; run < f.runs; ++run) {
    for (Measured& m : models) {
      const auto start = Clock::now();
      OCTET_TRY(m.interpreter->Invoke());
      if (run >= 0) m.run_us.push_back(MicrosSince(start));
    }
    bar.Update("runs", std::max(0, run + 1), f.runs);
  }
  if (!f.profile && f.trace.empty()) return {};
  for (Measured& m : models) {
    m.profiler = std::make_unique<Profiler>(m.interpreter->num_nodes());
    m.interpreter->SetObserver(m.profiler.get());
    for (int run = 0; run < std::max(1, f.runs / 2); ++run) OCTET_TRY(m.interpreter->Invoke());
    m.interpreter->SetObserver(nullptr);
  }
  return {};
}

int64_t PeakBytes() {
  struct rusage usage;
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<int64_t>(usage.ru_maxrss) * 1024;
}

std::map<std::string, int> KernelCounts(const runtime::Interpreter& interpreter) {
  std::map<std::string, int> counts;
  for (int i = 0; i < interpreter.num_nodes(); ++i) ++counts[std::string(interpreter.node(i).kernel)];
  return counts;
}

// What node's multiply-adds could reach, by the type of what it writes.
double PeakOf(const CorePeak& peak, const Measured& m, const runtime::NodeInfo& n) {
  const bool is_float = !n.outputs.empty() && m.interpreter->tensor(n.outputs[0]).type->dtype == DType::kF32;
  return is_float ? peak.f32_gmacs : peak.int8_gmacs;
}

void WriteJson(report::Json& j, const Measured& m, const Flags& f, const CorePeak& peak) {
  const runtime::MemoryUse memory = m.interpreter->memory();
  j.Object().Field("model", m.model).Field("threads", f.threads).Field("runs", f.runs).Field("isa", Name(ThisCpu().isa));
  j.Field("min_us", Quantile(m.run_us, 0)).Field("median_us", Quantile(m.run_us, 0.5)).Field("p95_us", Quantile(m.run_us, 0.95)).Field("p99_us", Quantile(m.run_us, 0.99));
  j.Field("load_us", m.load_us).Field("first_us", m.first_us).Field("arena_bytes", memory.arena_bytes).Field("arena_lower_bound_bytes", memory.lower_bound_bytes);
  j.Field("packed_bytes", memory.packed_bytes).Field("rss_bytes", PeakBytes()).Key("kernels").Object();
  for (const auto& [name, count] : KernelCounts(*m.interpreter)) j.Field(name, count);
  const int nodes = m.interpreter->num_nodes();
  j.End().Key("delegates");
  WriteDelegates(j, m.interpreter->delegates());
  if (m.profiler) {
    j.Key("core_peak").Object().Field("int8_gmacs", peak.int8_gmacs).Field("f32_gmacs", peak.f32_gmacs).Field("gbytes_per_s", peak.gbytes).End();
    j.Key("profile").Array();
    for (int i = 0; i < nodes; ++i) {
      const runtime::NodeInfo n = m.interpreter->node(i);
      j.Object().Field("node", i).Field("op", n.op).Field("place", n.place).Field("kernel", n.kernel).Field("median_us", Quantile(m.profiler->times[i], 0.5));
      j.Field("macs", n.macs).Field("bytes", n.bytes).End();
    }
    j.End();
  }
  j.End();
}

void PrintProfile(const Measured& m, const CorePeak& peak) {
  double total = 0;
  std::vector<double> us;
  for (const auto& times : m.profiler->times) total += us.emplace_back(Quantile(times, 0.5));
  report::Table table{{"#", "operator", "writes", "kernel", "us", "%", "GMAC/s", "of peak", "GB/s"}, {}, 4};
  for (int i = 0; i < m.interpreter->num_nodes(); ++i) {
    const runtime::NodeInfo n = m.interpreter->node(i);
    if (us[i] <= 0) continue;
    table.rows.push_back({std::to_string(i), std::string(n.op), std::string(n.place), std::string(n.kernel), Format("%.1f", us[i]), Format("%.1f", 100 * us[i] / total),
                          n.macs ? Format("%.2f", static_cast<double>(n.macs) / us[i] * 1e-3) : "",
                          n.macs ? Format("%.0f%%", static_cast<double>(n.macs) / us[i] * 0.1 / PeakOf(peak, m, n)) : "", Format("%.2f", static_cast<double>(n.bytes) / us[i] * 1e-3)});
  }
  std::printf("\n%s\n", m.model.c_str());
  PrintTable(table);
  std::printf("one core's peak: %.1f int8 and %.1f float GMAC/s, %.1f GB/s from memory\n", peak.int8_gmacs, peak.f32_gmacs, peak.gbytes);
}

void PrintSummary(const std::vector<Measured>& models, const Flags& f) {
  report::Table table{{"model", "median us", "min", "p95", "p99", "load", "first", "arena", "against the first"}, {}, 1};
  for (const Measured& m : models) {
    const double median = Quantile(m.run_us, 0.5);
    table.rows.push_back({m.model, Format("%.1f", median), Format("%.1f", Quantile(m.run_us, 0)), Format("%.1f", Quantile(m.run_us, 0.95)), Format("%.1f", Quantile(m.run_us, 0.99)),
                          Format("%.0f", m.load_us), Format("%.0f", m.first_us), ByteText(m.interpreter->memory().arena_bytes),
                          Format("%.2fx", Quantile(models[0].run_us, 0.5) / median)});
  }
  PrintTable(table);
  std::printf("%d runs, %d thread%s, %s; times in microseconds\n", f.runs, f.threads, f.threads == 1 ? "" : "s", std::string(Name(ThisCpu().isa)).c_str());
}

// Chrome's trace format: one complete event per node, medians laid end to end.
std::string Trace(const std::vector<Measured>& models) {
  report::Json j;
  j.Object().Key("traceEvents").Array();
  for (size_t k = 0; k < models.size(); ++k) {
    double at = 0;
    for (int i = 0; i < models[k].interpreter->num_nodes(); ++i) {
      const double us = Quantile(models[k].profiler->times[i], 0.5);
      const runtime::NodeInfo n = models[k].interpreter->node(i);
      j.Object().Field("name", std::string(n.op) + " " + std::string(n.place)).Field("ph", "X").Field("ts", at).Field("dur", us).Field("pid", 1).Field("tid", k).End();
      at += us;
    }
  }
  return j.End().End().text();
}

Result<int> Bench(const Flags& f) {
  if (f.runs < 1 || f.runs > 1'000'000) return Error(Code::kInvalidArgument, "--runs: expected 1 to 1000000, found %d", f.runs);
  if (!f.trace.empty()) OCTET_TRY(CheckWritable(f.trace));
  std::vector<Measured> models;
  for (const std::string& library : f.ops) OCTET_TRY(runtime::LoadOps(library));
  for (const std::string& path : f.models) {
    OCTET_ASSIGN(Measured m, Load(path, f));
    models.push_back(std::move(m));
  }
  OCTET_TRY(Measure(models, f));
  for (const Measured& m : models) OCTET_TRY(CheckRequired(f.delegates, m.interpreter->delegates()));
  if (!f.trace.empty()) OCTET_TRY(WriteFile(f.trace, Trace(models)));
  const CorePeak peak = f.profile || !f.trace.empty() ? MeasureCorePeak() : CorePeak{};
  if (f.json) {
    report::Json j;
    if (models.size() > 1) j.Array();
    for (const Measured& m : models) WriteJson(j, m, f, peak);
    if (models.size() > 1) j.End();
    std::printf("%s\n", j.text().c_str());
    return kYes;
  }
  PrintSummary(models, f);
  for (const Measured& m : models) std::fputs(DelegatesText(m.interpreter->delegates()).c_str(), stdout);
  for (const Measured& m : models)
    if (f.profile) PrintProfile(m, peak);
  return kYes;
}

}  // namespace

Body DeclareBench(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("model", &f->models, "One or more .tflite files, measured in turns");
  flags.Option("--threads", &f->threads, "Threads, this one included");
  flags.Option("--runs", &f->runs, "Measured runs of each model");
  flags.Option("--warmup", &f->warmup, "Runs before, not counted");
  flags.Choice("--kernels", &f->kernels, {"fast", "reference"}, "Which kernels compute");
  flags.Option("--ops", &f->ops, "Libraries of custom operators (octet/custom_op.h)");
  DeclareDelegates(flags, &f->delegates);
  flags.Flag("--profile", &f->profile, "A table of operators with times and rates");
  flags.Option("--trace", &f->trace, "Write a Chrome trace", false);
  flags.Flag("--json", &f->json, "Results as JSON");
  return [f] { return Bench(*f); };
}

}  // namespace octet::cli
