// SPDX-License-Identifier: Apache-2.0
// octet quantize SOURCE --data CALIB -o OUT.tflite: the model in fewer bits, with its accuracy.
#include "quantizer/quantize.h"

#include <algorithm>
#include <cstdio>

#include "base/file.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/source.h"
#include "exporter/exporter.h"
#include "quantizer/gate.h"
#include "quantizer/input_check.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string source, data, out, scheme = "int8", io = "float32", ranges = "auto", repair = "auto", holdout, max_drop = "1%", preprocess, effort = "default";
  std::vector<std::string> keep_float;
  int samples = 0;
  bool per_tensor = false, int8_only = false, json = false;
};

quantizer::QuantizeOptions Options(const Flags& f) {
  quantizer::QuantizeOptions o;
  o.automatic_ranges = f.ranges == "auto" && f.repair == "auto";
  o.ranges = f.ranges == "minmax" ? quantizer::Ranges::kMinMax : f.ranges == "percentile" ? quantizer::Ranges::kPercentile : quantizer::Ranges::kMse;
  o.repair = f.repair == "auto";
  o.max_samples = f.samples;
  o.rewrite.io = f.io == "int8" ? DType::kI8 : f.io == "uint8" ? DType::kU8 : DType::kF32;
  o.rewrite.per_tensor_weights = f.per_tensor;
  o.int8_only = f.int8_only;
  o.high_effort = f.effort == "high";
  for (const std::string& layer : f.keep_float) o.rewrite.keep_float[layer] = "kept in float on request";
  return o;
}

// What computes in float, of all multiply-adds and of all bytes moved.
struct Share {
  double macs = 0, bytes = 0;
};
Share FloatShare(const quantizer::QuantizeResult& r) {
  Share s;
  for (const quantizer::FloatNode& n : r.float_nodes) {
    s.macs += static_cast<double>(n.macs);
    s.bytes += static_cast<double>(n.bytes);
  }
  return {s.macs / std::max(1.0, static_cast<double>(r.macs)), s.bytes / std::max(1.0, static_cast<double>(r.bytes))};
}

std::string ResultJson(const Flags& f, const quantizer::QuantizeResult& r, size_t bytes) {
  report::Json j;
  j.Object().Field("output", f.out).Field("scheme", f.scheme).Field("bytes", bytes).Field("samples", r.samples).Field("chosen", r.chosen);
  j.Key("warnings").Array();
  for (const std::string& w : r.warnings) j.Text(w);
  j.End().Key("candidates").Array();
  for (const quantizer::Candidate& c : r.candidates) j.Object().Field("name", c.name).Field("output_error", c.output_error).End();
  j.End().Key("equalized").Array();
  for (const quantizer::EqualizedSpace& s : r.equalized)
    j.Object().Field("layer", s.place).Field("channels", s.channels).Field("spread_before", s.spread_before).Field("spread_after", s.spread_after).End();
  j.End().Field("equalization_difference", r.equalization_difference).Key("float_nodes").Array();
  for (const quantizer::FloatNode& n : r.float_nodes) j.Object().Field("layer", n.place).Field("op", n.op).Field("reason", n.reason).End();
  const Share share = FloatShare(r);
  j.End().Field("output_sqnr_db", r.output_sqnr_db).Field("float_share_macs", share.macs).Field("float_share_bytes", share.bytes);
  return j.End().text();
}

void PrintResult(const Flags& f, const quantizer::QuantizeResult& r, size_t bytes) {
  for (const std::string& w : r.warnings) std::printf("warning: %s\n", w.c_str());
  if (!r.candidates.empty()) {
    report::Table table{{"tried on half of the samples", "mean output error on the other half"}, {}, 1};
    for (const quantizer::Candidate& c : r.candidates) table.rows.push_back({c.name + (c.name == r.chosen ? "  <- chosen" : ""), Format("%.2e", c.output_error)});
    PrintTable(table);
  }
  float worst = 1;
  std::string where;
  for (const quantizer::EqualizedSpace& s : r.equalized) {
    if (s.spread_before <= worst) continue;
    worst = s.spread_before;
    where = s.place;
  }
  if (!where.empty())
    std::printf("equalized %zu groups of channels; the widest was %s, its largest channel %.0f times the median (float outputs unchanged to %.0e)\n", r.equalized.size(),
                where.c_str(), static_cast<double>(worst), r.equalization_difference);
  for (const quantizer::FloatNode& n : r.float_nodes) std::printf("stays in float: %s '%s' (%s)\n", n.op.c_str(), n.place.c_str(), n.reason.c_str());
  if (!r.float_nodes.empty()) {
    const Share share = FloatShare(r);
    std::printf("%zu operators compute in float: %.2f %% of the multiply-adds, %.1f %% of the bytes moved\n", r.float_nodes.size(), 100 * share.macs, 100 * share.bytes);
  }
  std::printf("%s: int8, %s, %s, %lld samples used\n", f.out.c_str(), r.chosen.c_str(), ByteText(bytes).c_str(), static_cast<long long>(r.samples));
}

// The gate judges the very bytes that would ship, from a file beside the target; only then the name is given.
Result<bool> GateBeforeWriting(const Flags& f, std::span<const std::byte> bytes, double max_drop) {
  OCTET_ASSIGN(const auto holdout, OpenData(f.holdout, f.preprocess, f.source));
  OCTET_ASSIGN(const TfliteFile reference, TfliteFile::From(f.source));
  const std::string candidate = f.out + ".candidate";
  OCTET_TRY(WriteFile(candidate, bytes));
  Result<quantizer::GateResult> gate = quantizer::Gate(reference.path(), candidate, *holdout, {.max_drop = max_drop}, {});
  std::remove(candidate.c_str());
  if (!gate.ok()) return std::move(gate).status();
  std::fprintf(f.json ? stderr : stdout, "gate: float %.2f %%, int8 %.2f %%, drop %+.2f points of %.2f allowed, %lld samples: %s\n", gate->float_score,
               gate->quantized_score, gate->drop, gate->max_drop, static_cast<long long>(gate->samples), gate->passed() ? "passed" : "FAILED, nothing written");
  return gate->passed();
}

// What raw samples have to go through and what comes out, for whoever runs the model; kept as it is where the
// source says it already.
void AddMetadata(const Flags& f, const data::Dataset& data, graph::Model& model) {
  const data::Preprocess p = *data::ParsePreprocess(f.preprocess);
  if ((p.empty() && data.class_names().empty()) || data.num_inputs() != 1 || model.metadata.contains(tflite::kMetadataName)) return;
  const quantizer::InputSummary values = quantizer::Summarize(data, 0, data.size());
  tflite::InputMetadata in{.name = model.main().tensor(model.main().inputs[0]).name, .mean = {}, .std = {}, .min = {values.min}, .max = {values.max}};
  // x * scale - mean over std, said as x - mean over std.
  const size_t n = std::max({p.scale.size(), p.mean.size(), p.std.size()});
  const auto value = [](const std::vector<float>& v, size_t i, float otherwise) { return v.empty() ? otherwise : v[v.size() > 1 ? i : 0]; };
  for (size_t i = 0; i < n; ++i) {
    const float scale = value(p.scale, i, 1);
    in.mean.push_back(value(p.mean, i, 0) / scale);
    in.std.push_back(value(p.std, i, 1) / scale);
  }
  const Shape sample = data.input_type(0).shape;
  if (sample.rank() == 3 && (sample[2] == 1 || sample[2] == 3)) {
    in.height = sample[0];
    in.width = sample[1];
    in.channels = sample[2];
  }
  const auto labels = data.class_names();
  model.metadata[tflite::kMetadataName] = tflite::WriteMetadata({{in}, "", {labels.begin(), labels.end()}}, model.description);
  if (const std::string text = data::Text(p); !text.empty()) {
    const auto bytes = std::as_bytes(std::span(text));
    model.metadata[tflite::kPreprocessName].assign(bytes.begin(), bytes.end());
  }
}

Result<int> QuantizeWithoutData(const Flags& f, graph::Model model) {
  OCTET_TRY(f.scheme == "dynamic" ? quantizer::QuantizeDynamicRange(model) : quantizer::QuantizeFloat16(model));
  OCTET_TRY(WriteModel(model, f.out));
  std::printf("%s: %s\n", f.out.c_str(), f.scheme.c_str());
  return kYes;
}

Result<int> Quantize(const Flags& f) {
  OCTET_TRY(CheckWritable(f.out));
  OCTET_ASSIGN(const double max_drop, ParsePoints(f.max_drop));
  OCTET_ASSIGN(graph::Model model, LoadSource(f.source));
  if (f.scheme != "int8") return QuantizeWithoutData(f, std::move(model));
  if (f.data.empty()) return Error(Code::kInvalidArgument, "int8 needs calibration data: --data CALIB.npz");
  OCTET_ASSIGN(const auto data, OpenData(f.data, f.preprocess, f.source));
  ProgressBar bar("quantize");
  OCTET_ASSIGN(quantizer::QuantizeResult r, quantizer::QuantizeInt8(std::move(model), *data, Options(f), [&](std::string_view what, int64_t done, int64_t total) { bar.Update(what, done, total); }));
  if (!f.holdout.empty()) {
    OCTET_ASSIGN(const auto holdout, OpenData(f.holdout, f.preprocess, f.source));
    for (std::string& w : quantizer::CompareInputs(*data, r.samples, *holdout)) r.warnings.push_back(std::move(w));
  }
  AddMetadata(f, *data, r.model);
  OCTET_ASSIGN(std::vector<std::byte> bytes, exporter::Export(r.model));
  if (const auto labels = data->class_names(); !labels.empty()) {
    const std::vector<std::byte> archive = tflite::LabelArchive({labels.begin(), labels.end()}, bytes.size());
    bytes.insert(bytes.end(), archive.begin(), archive.end());
  }
  if (!f.holdout.empty()) {
    OCTET_ASSIGN(const bool passed, GateBeforeWriting(f, bytes, max_drop));
    if (!passed) return kNo;
  }
  OCTET_TRY(WriteFile(f.out, bytes));
  if (f.json) std::printf("%s\n", ResultJson(f, r, bytes.size()).c_str());
  else PrintResult(f, r, bytes.size());
  return kYes;
}

}  // namespace

Body DeclareQuantize(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("source", &f->source, "A .keras, .h5 or float .tflite file");
  flags.Option("--data", &f->data, "Calibration samples (.npz with x, optionally y); needed for int8", false);
  flags.Option("--preprocess", &f->preprocess, "What is done to raw data: scale=1/255,mean=0.5:0.5:0.5,std=0.2,resize=HxW,crop=HxW,color=gray", false);
  flags.Option("-o,--output", &f->out, "The .tflite file to write", true);
  flags.Choice("--scheme", &f->scheme, {"int8", "dynamic", "float16"}, "What is quantized");
  flags.Choice("--io", &f->io, {"float32", "int8", "uint8"}, "Type of the model's inputs and outputs");
  flags.Choice("--ranges", &f->ranges, {"auto", "mse", "minmax", "percentile"}, "How ranges are chosen");
  flags.Choice("--repair", &f->repair, {"auto", "none"}, "Channel equalisation and bias correction where they help");
  flags.Option("--samples", &f->samples, "Use the first N samples only (0: all)");
  flags.Choice("--effort", &f->effort, {"default", "high"}, "high: also round the weights layer by layer");
  flags.Flag("--per-tensor", &f->per_tensor, "One scale per weight tensor, for runtimes without per-channel scales");
  flags.Flag("--int8-only", &f->int8_only, "Leave no operator in float for its accuracy");
  flags.Option("--keep-float", &f->keep_float, "Layers that stay in float (repeatable)");
  flags.Option("--holdout", &f->holdout, "Labelled data: gate the result before it is written", false);
  flags.Option("--max-drop", &f->max_drop, "Percentage points that the gate allows", false);
  flags.Flag("--json", &f->json, "The result as JSON");
  return [f] { return Quantize(*f); };
}

}  // namespace octet::cli
