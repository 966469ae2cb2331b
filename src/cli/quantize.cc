// SPDX-License-Identifier: Apache-2.0
// octet quantize SOURCE --data CALIB -o OUT.tflite: the model in fewer bits, with its accuracy.
#include "quantizer/quantize.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "base/file.h"
#include "base/scratch_file.h"
#include "cli/command.h"
#include "cli/diagnosis.h"
#include "cli/output.h"
#include "cli/recipe.h"
#include "cli/source.h"
#include "exporter/exporter.h"
#include "passes/unroll_loops.h"
#include "quantizer/diagnose.h"
#include "quantizer/float_ends.h"
#include "quantizer/gate.h"
#include "quantizer/input_check.h"
#include "report/json.h"

namespace octet::cli {
namespace {

struct Flags {
  std::string source, data, out, scheme = "int8", io = "float32", output_type, ranges = "auto", repair = "auto", holdout, max_drop = "1%", preprocess;
  std::string report, recipe, cache, effort = "default", fallback = "float32";
  std::vector<std::string> keep_float;
  int samples = 0;
  bool per_tensor = false, per_tensor_dense = false, int8_only = false, write_anyway = false, json = false;
};

DType EndType(const std::string& name, const std::string& scheme) {
  if (name == "float32") return DType::kF32;
  return scheme == "int16x8" ? DType::kI16 : name == "uint8" ? DType::kU8 : DType::kI8;
}

quantizer::QuantizeOptions Options(const Flags& f) {
  quantizer::QuantizeOptions o;
  o.automatic_ranges = f.ranges == "auto" && f.repair == "auto";
  o.ranges = f.ranges == "minmax" ? quantizer::Ranges::kMinMax : f.ranges == "percentile" ? quantizer::Ranges::kPercentile
             : f.ranges == "kl" ? quantizer::Ranges::kKl : f.ranges == "ema" ? quantizer::Ranges::kEma : quantizer::Ranges::kMse;
  o.repair = f.repair == "auto";
  o.max_samples = f.samples;
  o.rewrite.inputs = EndType(f.io, f.scheme);
  o.rewrite.outputs = EndType(f.output_type.empty() ? f.io : f.output_type, f.scheme);
  o.rewrite.activation = f.scheme == "int16x8" ? DType::kI16 : DType::kI8;
  o.rewrite.per_tensor_weights = f.per_tensor;
  o.rewrite.per_tensor_dense = f.per_tensor_dense;
  o.int8_only = f.int8_only;
  o.fallback = f.fallback == "int16x8" ? DType::kI16 : DType::kF32;
  o.cache = f.cache;
  o.high_effort = f.effort == "high";
  return o;
}

// What some nodes are of all multiply-adds and of all bytes moved.
struct Share {
  double macs = 0, bytes = 0;
};
Share ShareOf(const std::vector<quantizer::FloatNode>& nodes, const quantizer::QuantizeResult& r) {
  Share s;
  for (const quantizer::FloatNode& n : nodes) {
    s.macs += static_cast<double>(n.macs);
    s.bytes += static_cast<double>(n.bytes);
  }
  return {r.macs > 0 ? s.macs / static_cast<double>(r.macs) : 0, r.bytes > 0 ? s.bytes / static_cast<double>(r.bytes) : 0};
}

std::string ResultJson(const Flags& f, const std::string& scheme, const quantizer::QuantizeResult& r, size_t bytes) {
  report::Json j;
  j.Object().Field("output", f.out).Field("scheme", scheme).Field("bytes", bytes).Field("samples", r.samples).Field("chosen", r.chosen);
  j.Key("warnings").Array();
  for (const std::string& w : r.warnings) j.Text(w);
  j.End().Key("causes").Array();
  for (const std::string& c : r.causes) j.Text(c);
  j.End().Key("candidates").Array();
  for (const quantizer::Candidate& c : r.candidates) j.Object().Field("name", c.name).Field("output_error", c.output_error).Field("sqnr_db", c.sqnr_db).End();
  j.End().Key("equalized").Array();
  for (const quantizer::EqualizedSpace& s : r.equalized)
    j.Object().Field("layer", s.place).Field("channels", s.channels).Field("spread_before", s.spread_before).Field("spread_after", s.spread_after).End();
  j.End().Field("equalization_difference", r.equalization_difference).Key("float_nodes").Array();
  for (const quantizer::FloatNode& n : r.float_nodes) j.Object().Field("layer", n.place).Field("op", n.op).Field("reason", n.reason).End();
  j.End().Key("int16_nodes").Array();
  for (const quantizer::FloatNode& n : r.int16_nodes) j.Object().Field("layer", n.place).Field("op", n.op).Field("reason", n.reason).End();
  const Share share = ShareOf(r.float_nodes, r), wide = ShareOf(r.int16_nodes, r);
  j.End().Field("output_sqnr_db", r.output_sqnr_db).Field("float_share_macs", share.macs).Field("float_share_bytes", share.bytes).Field("int16_share_macs", wide.macs).Field("int16_share_bytes", wide.bytes);
  return j.End().text();
}

void PrintResult(const Flags& f, const std::string& scheme, const quantizer::QuantizeResult& r, size_t bytes) {
  for (const std::string& w : r.warnings) Print(stdout, "warning: %s\n", w.c_str());
  for (const std::string& c : r.causes) Print(stdout, "found in the float model: %s\n", c.c_str());
  if (!r.candidates.empty()) {
    report::Table table{{"tried on half of the samples", "on the other half: dB", "mean error"}, {}, 1};
    for (const quantizer::Candidate& c : r.candidates)
      table.rows.push_back({c.name + (c.name == r.chosen ? "  <- chosen" : ""), Format("%.1f", c.sqnr_db), Format("%.2e", c.output_error)});
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
    Print(stdout, "equalized %zu groups of channels; the widest was %s, its largest channel %.0f times the median (float outputs unchanged to %.0e)\n",
          r.equalized.size(), where.c_str(), static_cast<double>(worst), r.equalization_difference);
  for (const quantizer::FloatNode& n : r.float_nodes) Print(stdout, "stays in float: %s '%s' (%s)\n", n.op.c_str(), n.place.c_str(), n.reason.c_str());
  if (!r.float_nodes.empty()) {
    const Share share = ShareOf(r.float_nodes, r);
    Print(stdout, "%zu operators compute in float: %.2f %% of the multiply-adds, %.1f %% of the bytes moved\n", r.float_nodes.size(), 100 * share.macs,
          100 * share.bytes);
  }
  for (const quantizer::FloatNode& n : r.int16_nodes) Print(stdout, "in int16x8: %s '%s' (%s)\n", n.op.c_str(), n.place.c_str(), n.reason.c_str());
  if (!r.int16_nodes.empty()) {
    const Share share = ShareOf(r.int16_nodes, r);
    Print(stdout, "%zu operators compute in int16x8: %.2f %% of the multiply-adds, %.1f %% of the bytes moved\n", r.int16_nodes.size(), 100 * share.macs,
          100 * share.bytes);
  }
  const std::string used = r.samples > 0 ? Format(", %lld samples used", static_cast<long long>(r.samples)) : "";
  Print(stdout, "%s: %s, %s, %s%s\n", f.out.c_str(), scheme.c_str(), r.chosen.c_str(), ByteText(bytes).c_str(), used.c_str());
}

// Schemes of single layers: 4-bit weights everywhere they exist, or what the recipe says.
Status ChooseLayers(const Flags& f, const graph::Graph& g, quantizer::RewriteOptions* options, WeightSchemes* weights) {
  std::vector<RecipeRule> rules;
  if (f.scheme == "int4") rules.push_back({".*", "", "int4"});
  if (!f.recipe.empty()) {
    OCTET_ASSIGN(std::vector<RecipeRule> read, ReadRecipe(f.recipe));
    rules.insert(rules.end(), read.begin(), read.end());
  }
  return ApplyRecipe(rules, g, options, weights);
}

// Says which layers lose what, so that a failed gate is a beginning.
Status PrintBlame(const Flags& f, const std::string& reference, const std::string& candidate, const data::Dataset& data) {
  constexpr int64_t kSamples = 50;
  constexpr size_t kWorst = 5;
  OCTET_ASSIGN(const quantizer::Diagnosis d, quantizer::Diagnose(reference, candidate, data, kSamples, {}));
  std::FILE* to = f.json ? stderr : stdout;
  for (const std::string& cause : d.causes) Print(to, "  - %s\n", cause.c_str());
  std::vector<quantizer::LayerRow> layers = d.layers;
  std::ranges::stable_sort(layers, {}, &quantizer::LayerRow::sqnr_db);
  layers.resize(std::min(kWorst, layers.size()));
  for (const quantizer::LayerRow& row : layers)
    Print(to, "  - %s '%s' ends with %.1f dB of signal to error\n", row.op.c_str(), row.tensor.c_str(), row.sqnr_db);
  if (f.scheme == "dynamic" || f.scheme == "float16" || f.data.empty())
    Print(to, "--scheme int8 with --data repairs what is named above, and tries on from cheap to dear\n");
  else if (f.repair != "auto" || f.ranges != "auto")
    Print(to, "without --repair none and --ranges octet repairs what is named above, and tries on from cheap to dear\n");
  else if (f.int8_only || !f.keep_float.empty()) Print(to, "without --int8-only and --keep-float octet may leave the worst of them in float\n");
  else Print(to, "more or better calibration data, --keep-float with the layers above, or training with quantization in mind would help\n");
  return {};
}

// A layer that nobody finds would silently be quantized. Longer names that end or begin alike are offered.
Status CheckLayers(const Flags& f, const graph::Graph& g) {
  std::set<std::string> names;
  for (graph::NodeId id : g.order()) {
    names.insert(g.node(id).place);
    for (graph::TensorId t : g.node(id).outputs) names.insert(g.tensor(t).name);
  }
  for (const std::string& layer : f.keep_float) {
    if (names.contains(layer)) continue;
    std::string like;
    for (const std::string& name : names)
      if (name.find(layer) != std::string::npos && like.size() < 100) like += (like.empty() ? "; is it " : ", ") + name;
    return Error(Code::kInvalidArgument, "--keep-float %s: no layer has that name%s", layer.c_str(),
                 like.empty() ? "; octet inspect lists them" : (like + "?").c_str());
  }
  return {};
}

struct Attempt {
  std::string name;
  bool high_effort = false;
  int float_operators = 0;
  bool wide = false;  // All activations of 16 bits.
};

// From cheap to dear. Where the ranges or no repairs are asked for, that alone is tried.
std::vector<Attempt> Attempts(const Flags& f) {
  std::vector<Attempt> list{{"the default", f.effort == "high", 0}};
  if (f.holdout.empty() || f.ranges != "auto" || f.repair != "auto") return list;
  if (f.effort != "high") list.push_back({"weights rounded layer by layer", true, 0});
  for (int n : {8, 16, 32})
    if (!f.int8_only) list.push_back({Format("up to %d operators in %s", n, f.fallback == "float32" ? "float" : "int16x8"), true, n});
  if (!f.int8_only && f.scheme == "int8" && f.io == "float32") list.push_back({"int16x8 throughout", false, 0, true});
  return list;
}

struct Made {
  quantizer::QuantizeResult result;
  std::vector<std::byte> bytes;
  std::string scheme;
};

// What raw samples have to go through and what comes out, for whoever runs the model; kept as it is where the
// source says it already.
void AddMetadata(const Flags& f, const data::Dataset& data, graph::Model& model) {
  const data::Preprocess p = *data::ParsePreprocess(f.preprocess);
  if ((p.empty() && data.class_names().empty()) || data.num_inputs() != 1 || model.metadata.contains(tflite::kMetadataName)) return;
  const quantizer::InputSummary values = quantizer::Summarize(data, 0, data.size());
  tflite::InputMetadata in{.name = model.main().tensor(model.main().inputs[0]).name, .mean = {}, .std = {}, .min = {values.min}, .max = {values.max}};
  // x * scale - mean over std, said as x - mean over std.
  const size_t n = std::max({p.scale.size(), p.mean.size(), p.std.size()});
  const auto value = [](const std::vector<double>& v, size_t i, double otherwise) { return v.empty() ? otherwise : v[v.size() > 1 ? i : 0]; };
  for (size_t i = 0; i < n; ++i) {
    const double scale = value(p.scale, i, 1);
    in.mean.push_back(static_cast<float>(value(p.mean, i, 0) / scale));
    in.std.push_back(static_cast<float>(value(p.std, i, 1) / scale));
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

// All nodes of the layers that are named, and those that make a tensor of that name.
void KeepFloat(const Flags& f, const graph::Graph& g, quantizer::RewriteOptions* options) {
  for (graph::NodeId id : g.order()) {
    if (g.node(id).outputs.empty()) continue;
    const std::string& tensor = g.tensor(g.node(id).outputs[0]).name;
    const auto makes = [&](const std::string& layer) {
      return std::ranges::any_of(g.node(id).outputs, [&](graph::TensorId t) { return g.tensor(t).name == layer; });
    };
    for (const std::string& layer : f.keep_float)
      if (layer == g.node(id).place || makes(layer)) options->keep_float[tensor] = "kept in float on request";
  }
}

// All layers but those.
quantizer::Layers Without(const std::map<std::string, std::string>& kept, const graph::Model& model) {
  quantizer::Layers layers;
  for (const graph::Graph& g : model.subgraphs)
    for (graph::NodeId id : g.order())
      if (const auto& outputs = g.node(id).outputs; !outputs.empty() && !kept.contains(g.tensor(outputs[0]).name)) layers.insert(g.tensor(outputs[0]).name);
  return layers;
}

// Weights alone: the whole model, or the layers that a recipe names where it asks for nothing else.
Result<Made> WeightsAlone(const Flags& f, graph::Model model) {
  quantizer::RewriteOptions options = Options(f).rewrite;
  KeepFloat(f, model.main(), &options);
  const quantizer::Layers layers = Without(options.keep_float, model), *const only = f.keep_float.empty() ? nullptr : &layers;
  if (!f.recipe.empty()) {
    WeightSchemes weights;
    OCTET_TRY(ChooseLayers(f, model.main(), &options, &weights));
    if (options.keep_float.size() < model.main().order().size())
      return Error(Code::kInvalidArgument, "the recipe asks for int8 activations, which need calibration data: --data CALIB.npz");
    OCTET_TRY(ApplyWeightSchemes(weights, options, &model));
  } else if (f.scheme == "float16") OCTET_TRY(quantizer::QuantizeFloat16(model, only));
  else OCTET_TRY((f.scheme == "dynamic" ? quantizer::QuantizeDynamicRange : quantizer::QuantizeInt4Blocks)(model, only, options));
  OCTET_ASSIGN(std::vector<std::byte> bytes, exporter::Export(model));
  Made made{.result = {}, .bytes = std::move(bytes), .scheme = f.recipe.empty() ? f.scheme : "recipe"};
  made.result.chosen = "weights alone";
  return made;
}

Result<Made> Make(const Flags& f, const graph::Model& model, const data::Dataset& data, const Attempt& attempt) {
  quantizer::QuantizeOptions options = Options(f);
  KeepFloat(f, model.main(), &options.rewrite);
  WeightSchemes weights;
  OCTET_TRY(ChooseLayers(f, model.main(), &options.rewrite, &weights));
  options.high_effort = attempt.high_effort;
  options.float_operators = attempt.float_operators;
  if (attempt.wide) options.rewrite.activation = DType::kI16;
  ProgressBar bar("quantize");
  OCTET_ASSIGN(quantizer::QuantizeResult r,
               quantizer::QuantizeInt8(model, data, options, [&](std::string_view what, int64_t done, int64_t total) { bar.Update(what, done, total); }));
  OCTET_TRY(ApplyWeightSchemes(weights, options.rewrite, &r.model));
  AddMetadata(f, data, r.model);
  OCTET_ASSIGN(std::vector<std::byte> bytes, exporter::Export(r.model));
  if (const auto labels = data.class_names(); !labels.empty()) {
    const std::vector<std::byte> archive = tflite::LabelArchive({labels.begin(), labels.end()}, bytes.size());
    bytes.insert(bytes.end(), archive.begin(), archive.end());
  }
  return Made{std::move(r), std::move(bytes), attempt.wide ? "int16x8" : f.scheme};
}

Result<int> Finish(const Flags& f, const Made& made) {
  OCTET_TRY(WriteFile(f.out, made.bytes));
  if (!f.report.empty()) {
    OCTET_ASSIGN(const TfliteFile reference, TfliteFile::From(f.source));
    OCTET_ASSIGN(const auto data, OpenData(f.holdout.empty() ? f.data : f.holdout, f.preprocess, f.source));
    OCTET_TRY(WriteDiagnosis(f.source, reference.path(), {f.out}, *data, f.report));
  }
  if (f.json) std::printf("%s\n", ResultJson(f, made.scheme, made.result, made.bytes.size()).c_str());
  else PrintResult(f, made.scheme, made.result, made.bytes.size());
  return kYes;
}

// The first attempt that holds the gate is written; the gate judges the very bytes that would ship, from a
// file beside the target. Where none holds nothing is written, or, if asked for, the one that lost least.
Result<int> Search(const Flags& f, const std::vector<Attempt>& attempts, const std::function<Result<Made>(const Attempt&)>& make,
                   const std::vector<std::string>& doubts, const data::Dataset& holdout, double max_drop) {
  OCTET_ASSIGN(const TfliteFile reference, TfliteFile::From(f.source));
  const ScratchFile candidate(f.out + ".candidate");
  std::FILE* to = f.json ? stderr : stdout;
  std::optional<Made> best;
  double least = INFINITY;
  for (const Attempt& attempt : attempts) {
    OCTET_ASSIGN(Made made, make(attempt));
    made.result.warnings.insert(made.result.warnings.end(), doubts.begin(), doubts.end());
    OCTET_TRY(WriteFile(candidate.path(), made.bytes));
    const Result<quantizer::GateResult> gate = quantizer::Gate(reference.path(), candidate.path(), holdout, {.max_drop = max_drop}, {});
    if (gate.ok()) {
      Print(to, "gate, %s: float %.2f, %s %.2f, drop %+.2f of %.2f allowed, %lld samples: %s\n", attempt.name.c_str(), gate->float_score,
                   made.scheme.c_str(), gate->quantized_score, gate->drop, gate->max_drop, static_cast<long long>(gate->samples),
                   gate->passed() ? "passed" : gate->drop > gate->max_drop ? "failed" : "too few samples to tell");
    }
    const bool passed = gate.ok() && gate->passed();
    if (gate.ok() && !passed && &attempt == &attempts.back()) OCTET_TRY(PrintBlame(f, reference.path(), candidate.path(), holdout));
    if (!gate.ok()) return Error(gate.error().code(), "%s", gate.error().message().c_str());
    if (passed) return Finish(f, made);
    if (gate->drop >= least) continue;
    least = gate->drop;
    best = std::move(made);
  }
  for (const std::string& doubt : doubts) Print(to, "warning: %s\n", doubt.c_str());
  Print(to, f.write_anyway ? "GATE FAILED, the attempt that lost least is written\n" : "GATE FAILED, nothing written\n");
  if (f.write_anyway && best) {
    OCTET_ASSIGN([[maybe_unused]] const int written, Finish(f, *best));
  }
  return kNo;
}

Result<int> QuantizeWithoutData(const Flags& f, const graph::Model& model, double max_drop) {
  if (!f.report.empty() && f.data.empty() && f.holdout.empty())
    return Error(Code::kInvalidArgument, "--report compares both models on samples: --data CALIB.npz or --holdout HOLDOUT.npz");
  if (f.holdout.empty()) {
    OCTET_ASSIGN(const Made made, WeightsAlone(f, model));
    return Finish(f, made);
  }
  OCTET_ASSIGN(const auto holdout, OpenData(f.holdout, f.preprocess, f.source));
  return Search(f, {{"weights alone"}}, [&](const Attempt&) { return WeightsAlone(f, model); }, {}, *holdout, max_drop);
}

Result<int> Quantize(const Flags& f) {
  OCTET_TRY(CheckOutputs({f.out, f.report}));
  std::error_code none;
  if (!f.report.empty() && std::filesystem::equivalent(f.source, f.out, none))
    return Error(Code::kInvalidArgument, "--report compares the result with '%s', in whose place it would be; write it to another file", f.source.c_str());
  OCTET_ASSIGN(const double max_drop, ParsePoints(f.max_drop));
  const bool integer = f.scheme != "dynamic" && f.scheme != "float16";
  const bool weights_alone = !integer || (f.data.empty() && (f.scheme == "int4" || !f.recipe.empty()));
  if (weights_alone && (f.io != "float32" || !(f.output_type.empty() || f.output_type == "float32")))
    return Error(Code::kInvalidArgument, "inputs and outputs are %s only where activations are quantized: --scheme int8 or int16x8 with --data",
                 f.io != "float32" ? f.io.c_str() : f.output_type.c_str());
  // A layer that stays in float is written out in steps, which need no state.
  const bool steps = integer && !f.data.empty();
  const bool whole_sequences = steps && f.scheme != "int16x8" && f.keep_float.empty() && f.recipe.empty();
  OCTET_ASSIGN(graph::Model model, LoadSource(f.source, {.whole_sequences = whole_sequences, .unroll = steps}));
  if (steps && model.subgraphs.size() > 1) OCTET_TRY(passes::UnrollLoops(model));
  quantizer::WidenEnds(model);
  quantizer::MakeNamesUnique(model);  // Recipes and --keep-float name tensors.
  OCTET_TRY(CheckLayers(f, model.main()));
  if (weights_alone) return QuantizeWithoutData(f, model, max_drop);
  if (f.data.empty()) return Error(Code::kInvalidArgument, "%s needs calibration data: --data CALIB.npz", f.scheme.c_str());
  OCTET_ASSIGN(const auto data, OpenData(f.data, f.preprocess, f.source));
  if (f.holdout.empty()) {
    OCTET_ASSIGN(const Made made, Make(f, model, *data, Attempts(f)[0]));
    return Finish(f, made);
  }
  OCTET_ASSIGN(const auto holdout, OpenData(f.holdout, f.preprocess, f.source));
  const std::vector<std::string> doubts = quantizer::CompareInputs(*data, f.samples > 0 ? std::min<int64_t>(f.samples, data->size()) : data->size(), *holdout);
  return Search(f, Attempts(f), [&](const Attempt& attempt) { return Make(f, model, *data, attempt); }, doubts, *holdout, max_drop);
}

}  // namespace

Body DeclareQuantize(FlagSet& flags) {
  auto f = std::make_shared<Flags>();
  flags.Positional("source", &f->source, kAnySource);
  flags.Option("--data", &f->data, "Calibration samples (.npz with x, optionally y); needed for int8 activations. int4 without: weights alone, in blocks",
               false);
  flags.Option("--preprocess", &f->preprocess, "What is done to raw data: scale=1/255,mean=0.5:0.5:0.5,std=0.2,resize=HxW,crop=HxW,color=gray", false);
  flags.Option("-o,--output", &f->out, "The .tflite file to write", true);
  flags.Choice("--scheme", &f->scheme, {"int8", "int16x8", "int4", "dynamic", "float16"}, "What is quantized");
  flags.Choice("--io", &f->io, {"float32", "int8", "uint8"}, "Type of the model's inputs and outputs");
  flags.Choice("--output-type", &f->output_type, {"float32", "int8", "uint8"}, "Of the outputs, where it is another than --io's");
  flags.Choice("--ranges", &f->ranges, {"auto", "mse", "minmax", "percentile", "kl", "ema"}, "How ranges are chosen");
  flags.Choice("--repair", &f->repair, {"auto", "none"}, "Channel equalisation and bias correction where they help");
  flags.Option("--recipe", &f->recipe, "Schemes by layer: lines of REGEX SCHEME (float32, float16, dynamic, int8, int16x8, int4, int4-block), or a JSON recipe",
               false);
  flags.Option("--samples", &f->samples, "Use the first N samples only (0: all)");
  flags.Choice("--effort", &f->effort, {"default", "high"},
               "high: round the weights of large models layer by layer, too, and of all in several passes; small models gain little");
  flags.Flag("--per-tensor", &f->per_tensor, "One scale per weight tensor, for runtimes without per-channel scales");
  flags.Flag("--per-tensor-dense", &f->per_tensor_dense, "One scale per weight tensor of dense layers only");
  flags.Flag("--int8-only", &f->int8_only, "Leave no operator in float for its accuracy");
  flags.Choice("--fallback", &f->fallback, {"float32", "int16x8"},
               "What the operators that lose too much in int8 are left in; int16x8 keeps the model integer, but helps less");
  flags.Option("--keep-float", &f->keep_float, "Layers that stay in float (repeatable)");
  flags.Option("--holdout", &f->holdout, "Labelled data: gate the result before it is written", false);
  flags.Option("--max-drop", &f->max_drop, "Percentage points that the gate allows", false);
  flags.Flag("--write-anyway", &f->write_anyway, "Where no attempt holds the gate, write the one that lost least; the exit code stays 1");
  flags.Option("--cache", &f->cache, "A folder that keeps what was seen of the data, for the next run on the same model and data", false);
  flags.Option("--report", &f->report, "Write an HTML page with plots", false);
  flags.Flag("--json", &f->json, "The result as JSON");
  return [f] { return Quantize(*f); };
}

}  // namespace octet::cli
