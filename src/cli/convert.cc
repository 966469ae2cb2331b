// SPDX-License-Identifier: Apache-2.0
// octet convert SOURCE -o OUT.tflite: import, optimise, write.
#include <sys/stat.h>

#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"
#include "exporter/target_runtime.h"
#include "quantizer/quantize.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string source, out, report, signature, runtime, scheme = "float32";
  std::vector<std::string> inputs;
  bool json = false;
};

uint64_t FileBytes(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 ? static_cast<uint64_t>(info.st_size) : 0;
}

std::string Summary(const Flags& f, const graph::Model& model) {
  std::map<std::string, int> operators;
  for (graph::NodeId id : model.main().order()) ++operators[std::string(model.main().node(id).op->name)];
  report::Json j;
  j.Object().Field("source", f.source).Field("output", f.out).Field("scheme", f.scheme).Field("bytes", FileBytes(f.out));
  j.Field("operators", model.main().num_nodes()).Key("histogram").Object();
  for (const auto& [name, count] : operators) j.Field(name, count);
  return j.End().End().text();
}

Result<int> Convert(const Flags& f) {
  OCTET_TRY(CheckWritable(f.out));
  if (!f.report.empty()) OCTET_TRY(CheckWritable(f.report));
  OCTET_ASSIGN(graph::Model model, LoadSource(f.source, f.inputs, false, f.signature));
  if (f.scheme == "dynamic") OCTET_TRY(quantizer::QuantizeDynamicRange(model));
  if (f.scheme == "float16") OCTET_TRY(quantizer::QuantizeFloat16(model));
  if (!f.runtime.empty()) OCTET_TRY(exporter::CheckRuntime(model, f.runtime));
  OCTET_TRY(WriteModel(model, f.out));
  const std::string summary = Summary(f, model);
  if (!f.report.empty()) OCTET_TRY(WriteFile(f.report, summary));
  if (f.json) std::printf("%s\n", summary.c_str());
  else std::printf("%s: %s, %zu operators, %s\n", f.out.c_str(), f.scheme.c_str(), model.main().num_nodes(), ByteText(FileBytes(f.out)).c_str());
  return kYes;
}

}  // namespace

Body DeclareConvert(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("source", &f->source, "A .keras, .h5, .onnx, .pb or .tflite file, or a SavedModel's folder");
  flags.Option("-o,--output", &f->out, "The .tflite file to write", true);
  flags.Choice("--scheme", &f->scheme, {"float32", "float16", "dynamic"}, "How weights are stored; for int8 see quantize");
  flags.Option("--input", &f->inputs, "NAME:SHAPE, e.g. image:1,224,224,3: fix an input's shape (repeatable)");
  flags.Option("--signature", &f->signature, "NAME of a SavedModel's signature; without it serving_default, or the only one", false);
  flags.Option("--target-runtime", &f->runtime, "RELEASE of TensorFlow Lite, e.g. 2.11: refuse what needs a later one", false);
  flags.Option("--report", &f->report, "Write the summary as JSON", false);
  flags.Flag("--json", &f->json, "Print the summary as JSON");
  return [f] { return Convert(*f); };
}

}  // namespace octet::cli
