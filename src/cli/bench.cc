// SPDX-License-Identifier: Apache-2.0
// octet bench MODEL...: latency of whole models, side by side when there are several, and per operator.
#include "cli/bench.h"

#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "runtime/op_library.h"

namespace octet::cli {
namespace {

// Times that are flags of text, so that "1.5s" and "2m" do.
struct Flags : BenchFlags {
  std::string min, max = "150s", warmup_min, build;
};

Status CheckFlags(Flags& f) {
  if (f.models.empty() && !f.compat) return Error(Code::kInvalidArgument, "bench: model is required; see octet bench --help");
  if (!f.compat && !f.rest.empty()) return Error(Code::kInvalidArgument, "bench: unknown argument '%s'; see octet bench --help", f.rest[0].c_str());
  if (f.runs < 1 || f.runs > 1'000'000) return Error(Code::kInvalidArgument, "--runs: expected 1 to 1000000, found %d", f.runs);
  const auto seconds = [](const char* flag, const std::string& text, double* to) -> Status {
    if (text.empty()) return {};
    OCTET_ASSIGN(*to, ParseSeconds(flag, text));
    return {};
  };
  OCTET_TRY(seconds("--min-time", f.min, &f.min_s));
  OCTET_TRY(seconds("--max-time", f.max, &f.max_s));
  OCTET_TRY(seconds("--warmup-time", f.warmup_min, &f.warmup_min_s));
  return CheckOutputs({f.trace, f.csv, f.html});
}

Result<BenchResult> MeasureAll(const BenchFlags& f) {
  double sustain_s = 0;
  if (!f.sustain.empty()) {
    OCTET_ASSIGN(sustain_s, ParseSeconds("--sustain", f.sustain));
  }
  BenchResult result;
  OCTET_ASSIGN(result.subjects, LoadSubjects(f));
  OCTET_TRY(Warmup(result.subjects, f));
  OCTET_TRY(Measure(result.subjects, f));
  for (const Subject& s : result.subjects) {
    WarnOfDenials(s.delegates, s.interpreter->delegates());
    OCTET_TRY(CheckRequired(s.delegates, s.interpreter->delegates()));
  }
  if (sustain_s > 0) OCTET_TRY(Sustain(result.subjects, sustain_s, &result.minutes));
  if (f.profile || !f.trace.empty()) OCTET_TRY(ProfileAll(result.subjects, f));
  if (f.profile) result.peak = MeasureCorePeak();
  return result;
}

Result<int> Bench(Flags& f) {
  OCTET_TRY(CheckFlags(f));
  for (const std::string& library : f.ops) OCTET_TRY(runtime::LoadOps(library));
  if (f.compat) {
    OCTET_TRY(ParseCompat(&f));
    return BenchCompat(f);
  }
  if (!f.build.empty()) return BenchBuilds(f, f.build);
  OCTET_ASSIGN(const BenchResult result, MeasureAll(f));
  if (!f.trace.empty()) OCTET_TRY(WriteFile(f.trace, BenchTrace(result)));
  if (!f.csv.empty()) OCTET_TRY(WriteFile(f.csv, BenchCsv(result)));
  if (!f.html.empty()) OCTET_TRY(WriteFile(f.html, BenchHtml(result, f)));
  if (f.json) std::printf("%s\n", BenchJson(result, f).c_str());
  else PrintBench(result, f);
  return kYes;
}

}  // namespace

Body DeclareBench(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("model", &f->models, "One or more .tflite files, measured in turns", false);
  flags.Option("--threads", &f->threads, "Threads, this one included", 1);
  flags.Option("--runs", &f->runs, "Measured runs of each model, at least");
  flags.Option("--min-time", &f->min, "More runs until so much time has passed: 1s", false);
  flags.Option("--max-time", &f->max, "No more runs after this", false);
  flags.Option("--warmup", &f->warmup, "Runs before, not counted, at least");
  flags.Option("--warmup-time", &f->warmup_min, "More of them until so much time has passed", false);
  flags.Option("--signature", &f->signature, "Which signature to run", false);
  flags.Choice("--kernels", &f->kernels, {"fast", "reference"}, "Which kernels compute");
  flags.Option("--ops", &f->ops, "Libraries of custom operators (octet/custom_op.h)");
  DeclareDelegates(flags, &f->delegates);
  flags.Option("--sweep", &f->sweep, "Settings to compare: threads, threads=1:2:4, delegates, or several with commas", false);
  flags.Option("--build", &f->build, "Another octet binary, in turns with this one: which build is faster?", false);
  flags.Option("--sustain", &f->sustain, "Then run for so long, with a line per minute: does the machine keep its speed? 30m", false);
  flags.Flag("--profile", &f->profile, "A table of operators with times and rates");
  flags.Flag("--raw", &f->raw, "With --json: every run's time");
  flags.Option("--trace", &f->trace, "Write a trace for chrome://tracing and Perfetto", false);
  flags.Option("--csv", &f->csv, "Write every run's time", false);
  flags.Option("--html", &f->html, "Write a page with tables and charts", false);
  flags.Flag("--json", &f->json, "Results as JSON");
  flags.Flag("--compat", &f->compat, "As TensorFlow Lite's benchmark_model: its flags (--graph=m.tflite --num_threads=4), its lines");
  flags.Rest(&f->rest);
  return [f] { return Bench(*f); };
}

}  // namespace octet::cli
