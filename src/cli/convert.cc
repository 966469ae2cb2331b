// SPDX-License-Identifier: Apache-2.0
// octet convert SOURCE -o OUT.tflite: import, optimise, write.
#include <sys/stat.h>
#include <unistd.h>

#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"
#include "exporter/target_runtime.h"
#include "passes/narrow_weights.h"
#include "passes/zero_biases.h"
#include "quantizer/quantize.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string source, out, report, runtime, scheme = "float32";
  SourceFlags reading;
  bool json = false;
};

uint64_t FileBytes(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

std::string Summary(const Flags& f, const graph::Model& model, const std::vector<importers::Finding>& flex) {
  std::map<std::string, int> operators;
  for (graph::NodeId id : model.main().order()) ++operators[std::string(model.main().node(id).op->name)];
  report::Json j;
  j.Object().Field("source", f.source).Field("output", f.out).Field("scheme", f.scheme).Field("bytes", FileBytes(f.out));
  j.Field("operators", model.main().num_nodes()).Key("histogram").Object();
  for (const auto& [name, count] : operators) j.Field(name, count);
  j.End().Key("flex").Array();
  for (const importers::Finding& n : flex)
    j.Object().Field("layer", n.layer).Field("class", n.kind).Field("place", n.place).Field("reason", n.reason).Field("advice", n.advice).End();
  j.End().Key("tensorflow_operators").Object();
  for (const auto& [name, count] : TensorFlowOperators(model)) j.Field(name, count);
  return j.End().End().text();
}

// In red: such a model needs hundreds of megabytes of TensorFlow wherever it runs.
void WarnOfFlex(const std::vector<importers::Finding>& flex) {
  if (flex.empty()) return;
  const char* plain = std::getenv("NO_COLOR");
  const bool colors = ::isatty(STDERR_FILENO) && !(plain && *plain);
  if (colors) std::fputs("\033[31m", stderr);
  Print(stderr, "%zu op%s stayed TensorFlow's own (Flex): the model needs TensorFlow's library, of hundreds of megabytes, wherever it runs\n", flex.size(),
               flex.size() == 1 ? "" : "s");
  for (const importers::Finding& n : flex) Print(stderr, "  %s\n", importers::Text(n).c_str());
  if (colors) std::fputs("\033[0m", stderr);
}

// Large weights lie in files (graph/constant_bytes.h). What is made of them one after the other reuses one place in memory, which the
// system need not clear again; only larger things go back when they are let go. By itself glibc learns from sizes what it keeps.
void ReuseMemory() {
#if defined(__GLIBC__)
  constexpr int kLarge = 16 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kLarge);
  ::mallopt(M_TRIM_THRESHOLD, 2 * kLarge);
#endif
}

Result<int> Convert(const Flags& f) {
  ReuseMemory();
  OCTET_TRY(CheckOutputs({f.out, f.report}));
  std::vector<importers::Finding> flex;
  OCTET_ASSIGN(importers::ImportOptions options, f.reading.Options());
  if (f.reading.allow_flex) options.flex = &flex;
  OCTET_ASSIGN(graph::Model model, LoadSource(f.source, options));
  if (f.scheme == "dynamic") OCTET_TRY(quantizer::QuantizeDynamicRange(model));
  if (f.scheme == "float16") OCTET_TRY(quantizer::QuantizeFloat16(model));
  for (graph::Graph& g : model.subgraphs) {
    passes::LeaveOutZeroBiases(g);
    if (f.runtime.empty()) passes::PackNarrowWeights(g);  // Older ones may have no such kernels.
  }
  if (!f.runtime.empty()) OCTET_TRY(exporter::CheckRuntime(model, f.runtime));
  OCTET_TRY(WriteModel(model, f.out));
  const std::string summary = Summary(f, model, flex);
  if (!f.report.empty()) OCTET_TRY(WriteFile(f.report, summary));
  WarnOfFlex(flex);
  NoteTensorFlowOperators(TensorFlowOperators(model));
  if (f.json) std::printf("%s\n", summary.c_str());
  else Print(stdout, "%s: %s, %zu operators, %s\n", f.out.c_str(), f.scheme.c_str(), model.main().num_nodes(), ByteText(FileBytes(f.out)).c_str());
  return kYes;
}

}  // namespace

Body DeclareConvert(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("source", &f->source, kAnySource);
  flags.Option("-o,--output", &f->out, "The .tflite file to write", true);
  flags.Choice("--scheme", &f->scheme, {"float32", "float16", "dynamic"}, "How weights are stored; for int8 see quantize");
  f->reading.Declare(flags);
  flags.Option("--target-runtime", &f->runtime, "RELEASE of TensorFlow Lite, e.g. 2.11: refuse what needs a later one", false);
  flags.Option("--report", &f->report, "Write the summary as JSON", false);
  flags.Flag("--json", &f->json, "Print the summary as JSON");
  return [f] { return Convert(*f); };
}

}  // namespace octet::cli
