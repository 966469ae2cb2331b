// SPDX-License-Identifier: Apache-2.0
// octet bench --compat: the flags of TensorFlow Lite's benchmark_model, and the lines that programs read from it.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>

#include "base/file.h"
#include "cli/bench.h"
#include "cli/command.h"
#include "cli/output.h"

namespace octet::cli {
namespace {

// What of its flags only this mode has.
struct Compat {
  bool require_full = false, dry_run = false, list_signatures = false;
  std::string layers, layer_shapes, external, external_options, profile_csv, result_file;
  std::vector<std::string> ignored;
};

// Flags that change nothing here: what they tune is not there, or is decided by octet.
constexpr std::string_view kIgnored[] = {
    "use_caching", "benchmark_name", "output_prefix", "verbose", "report_peak_memory_footprint", "memory_footprint_check_interval_ms", "gpu_invoke_loop_times",
    "input_layer_value_range", "input_layer_value_files", "allow_fp16", "op_profiling_output_mode", "max_profiling_buffer_entries",
    "allow_dynamic_profiling_buffer_increase", "export_model_runtime_info", "model_runtime_info_output_file", "print_preinvoke_state", "print_postinvoke_state",
    "release_dynamic_tensors", "optimize_memory_for_large_tensors", "disable_delegate_clustering", "enable_builtin_cast_constant_cache", "output_filepath",
    "output_proto_filepath", "tensor_name_display_length", "tensor_type_display_length", "alloc_type_display_length", "first_delegate_node_index",
    "last_delegate_node_index", "delegate_serialize_dir", "delegate_serialize_token", "gpu_precision_loss_allowed", "gpu_experimental_enable_quant",
    "gpu_inference_for_sustained_speed", "gpu_backend", "gpu_wait_type", "use_xnnpack", "xnnpack_force_fp16", "xnnpack_weight_cache_file_path",
    "xnnpack_runtime_flags", "use_ynnpack", "ynnpack_static_shape", "ynnpack_fast_math", "ynnpack_consistent_arithmetic", "ynnpack_no_excess_precision",
    "disable_nnapi_cpu", "nnapi_execution_preference", "nnapi_execution_priority", "nnapi_accelerator_name", "nnapi_allow_fp16",
    "nnapi_allow_dynamic_dimensions", "nnapi_use_burst_mode", "nnapi_support_library_path", "hexagon_lib_path", "hexagon_profiling", "coreml_version",
    "stable_delegate_settings_file", "perf_options_list", "option_benchmark_run_delay", "random_shuffle_benchmark_runs"};

bool IsTrue(const std::string& value) { return value == "true" || value == "1" || value.empty(); }

std::vector<std::string> Split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(separator, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

Status SetDelegate(const std::string& key, const std::string& value, BenchFlags* f) {
  static const std::map<std::string, std::string> kNames = {{"use_gpu", "gpu"}, {"use_nnapi", "nnapi"}, {"use_coreml", "coreml"}};
  if (key == "use_hexagon")
    return IsTrue(value) ? Error(Code::kUnsupported, "--use_hexagon: load Hexagon's own delegate with --external_delegate_path") : Status();
  if (IsTrue(value)) f->delegates.delegates.push_back(kNames.at(key));
  return {};
}

// The whole text as a number, which `to` keeps where it is none.
template <class T> Status SetNumber(const std::string& key, std::string_view text, T* to) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *to);
  if (error == std::errc() && end == text.data() + text.size()) return {};
  return Error(Code::kInvalidArgument, "--%s: expected a number, found '%.*s'", key.c_str(), static_cast<int>(text.size()), text.data());
}

// One of benchmark_model's flags; false where it has none of that name.
Result<bool> SetFlag(const std::string& key, const std::string& value, BenchFlags* f, Compat* c) {
  const std::map<std::string, std::string*> texts = {{"signature_to_run_for", &f->signature}, {"input_layer", &c->layers}, {"input_layer_shape", &c->layer_shapes},
      {"external_delegate_path", &c->external}, {"external_delegate_options", &c->external_options}, {"op_profiling_output_file", &c->profile_csv},
      {"profiling_output_csv_file", &c->profile_csv}, {"result_file_path", &c->result_file}};
  const std::map<std::string, double*> numbers = {{"min_secs", &f->min_s}, {"max_secs", &f->max_s}, {"warmup_min_secs", &f->warmup_min_s}};
  const std::map<std::string, int*> counts = {{"num_runs", &f->runs}, {"warmup_runs", &f->warmup}, {"num_threads", &f->threads},
      {"min_nodes_per_partition", &f->delegates.min_nodes}, {"max_delegated_partitions", &f->delegates.max_parts}};
  const std::map<std::string, bool*> switches = {{"enable_op_profiling", &f->profile}, {"require_full_delegation", &c->require_full}, {"dry_run", &c->dry_run},
                                                 {"list_signatures", &c->list_signatures}};
  if (key == "graph") f->models = {value};
  else if (texts.count(key)) *texts.at(key) = value;
  else if (numbers.count(key)) OCTET_TRY(SetNumber(key, value, numbers.at(key)));
  else if (counts.count(key)) OCTET_TRY(SetNumber(key, value, counts.at(key)));
  else if (switches.count(key)) *switches.at(key) = IsTrue(value);
  else if (key == "run_delay" || key == "run_frequency") {
    double number = 0;
    OCTET_TRY(SetNumber(key, value, &number));
    f->delay_s = number <= 0 ? 0 : key == "run_delay" ? number : 1 / number;
  } else if (key == "use_gpu" || key == "use_nnapi" || key == "use_coreml" || key == "use_hexagon") OCTET_TRY(SetDelegate(key, value, f));
  else if (std::ranges::find(kIgnored, key) != std::end(kIgnored)) c->ignored.push_back(key);
  else return false;
  return true;
}

// "a,b" with "1,224,224,3:1,10".
Status SetShapes(const Compat& c, BenchFlags* f) {
  const std::vector<std::string> names = Split(c.layers, ','), shapes = Split(c.layer_shapes, ':');
  if (names.size() != shapes.size())
    return Error(Code::kInvalidArgument, "--input_layer names %zu inputs, --input_layer_shape has %zu shapes", names.size(), shapes.size());
  for (size_t i = 0; i < names.size(); ++i) {
    Shape shape;
    for (const std::string& d : Split(shapes[i], ',')) {
      int32_t size = 0;
      OCTET_TRY(SetNumber("input_layer_shape", d, &size));
      if (shape.rank() == kMaxRank) return Error(Code::kInvalidArgument, "--input_layer_shape: at most %d dimensions, found '%s'", kMaxRank, shapes[i].c_str());
      shape.push_back(size);
    }
    f->shapes.emplace_back(names[i], shape);
  }
  return {};
}

// "key:value;key:value" as benchmark_model writes them.
void SetExternal(const Compat& c, BenchFlags* f) {
  if (c.external.empty()) return;
  std::string spec = c.external;
  for (std::string option : Split(c.external_options, ';')) {
    std::ranges::replace(option, ':', '=');
    spec += ";" + option;
  }
  f->delegates.delegates.push_back(spec);
}

Compat& Settings() {
  static Compat settings;  // Between the two steps below: one command line per process.
  return settings;
}

void Info(const std::string& text) { Print(stdout, "INFO: %s\n", text.c_str()); }

std::string Stats(const std::vector<double>& us) {
  if (us.empty()) return "count=0";
  const double n = static_cast<double>(us.size()), mean = std::accumulate(us.begin(), us.end(), 0.0) / n;
  double squares = 0;
  for (double v : us) squares += (v - mean) * (v - mean);
  std::string text = Format("count=%zu", us.size());
  if (us.size() == 1) return text + Format(" curr=%.0f", us[0]);
  return text + Format(" first=%.0f curr=%.0f min=%.0f max=%.0f avg=%.6g std=%.0f p5=%.0f median=%.0f p95=%.0f", us[0], us.back(), Quantile(us, 0),
                       Quantile(us, 1), mean, std::sqrt(squares / n), Quantile(us, 0.05), Quantile(us, 0.5), Quantile(us, 0.95));
}

double Mean(const std::vector<double>& us) { return us.empty() ? 0 : std::accumulate(us.begin(), us.end(), 0.0) / static_cast<double>(us.size()); }

void TellDelegates(const Subject& s) {
  for (const runtime::DelegateDetails& d : s.interpreter->delegates()) {
    if (d.name == "cpu") continue;
    for (const std::string& failure : d.failures) Print(stdout, "WARNING: %s\n", failure.c_str());
    if (d.nodes == d.total_nodes) Info("Explicitly applied " + d.name + " delegate, and the model graph will be completely executed by the delegate.");
    else if (d.nodes > 0)
      Info("Explicitly applied " + d.name +
           Format(" delegate, and the model graph will be partially executed by the delegate w/ %d delegate kernels.", d.partitions));
    else Info("Though " + d.name + " delegate is explicitly applied, the model graph will not be executed by the delegate.");
  }
}

// Sums of what nodes have in common.
struct ByType {
  int count = 0;
  double ms = 0;
};

std::string ProfileText(const Subject& s) {
  double total = 0, cdf = 0;
  std::map<std::string, ByType> types;
  for (int i = 0; i < s.interpreter->num_nodes(); ++i) total += Mean(s.profiler->times[static_cast<size_t>(i)]) * 1e-3;
  std::string text = "Operator-wise Profiling Info for Regular Benchmark Runs:\n============================== Run Order ==============================\n";
  text += Format("%32s\t%9s\t%9s\t%9s\t%9s\t%9s\t%9s\t%s\n", "[Node type]", "[first]", "[avg ms]", "[%]", "[cdf%]", "[mem KB]", "[times called]", "[Name]");
  for (int i = 0; i < s.interpreter->num_nodes(); ++i) {
    const std::vector<double>& times = s.profiler->times[static_cast<size_t>(i)];
    if (times.empty()) continue;
    const runtime::NodeInfo n = s.interpreter->node(i);
    std::string type(n.op);
    std::ranges::transform(type, type.begin(), [](char ch) { return ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch; });
    const double ms = Mean(times) * 1e-3, share = total > 0 ? 100 * ms / total : 0;
    cdf += share;
    ++types[type].count;
    types[type].ms += ms;
    text += Format("%32s\t%9.3f\t%9.3f\t%8.3f%%\t%8.3f%%\t%9.3f\t%9d\t[%s]:%d\n", type.c_str(), times[0] * 1e-3, ms, share, cdf, 0.0, 1,
                   std::string(n.place).c_str(), i);
  }
  std::vector<std::pair<std::string, ByType>> sorted(types.begin(), types.end());
  std::ranges::sort(sorted, std::greater<>(), [](const auto& t) { return t.second.ms; });
  text += Format("\nNumber of nodes executed: %d\n============================== Summary by node type ==============================\n",
                 s.interpreter->num_nodes());
  text += Format("%32s\t%9s\t%9s\t%9s\t%9s\t%9s\t%9s\n", "[Node type]", "[count]", "[avg ms]", "[avg %]", "[cdf %]", "[mem KB]", "[times called]");
  cdf = 0;
  for (const auto& [type, t] : sorted) {
    const double share = total > 0 ? 100 * t.ms / total : 0;
    cdf += share;
    text += Format("%32s\t%9d\t%9.3f\t%8.3f%%\t%8.3f%%\t%9.3f\t%9d\n", type.c_str(), t.count, t.ms, share, cdf, 0.0, t.count);
  }
  return text;
}

void TellStart(const BenchFlags& f, const Compat& c) {
  Info("STARTING!");
  for (const std::string& flag : c.ignored) Info("--" + flag + " changes nothing here");
  Info("Log parameter values verbosely: [0]");
  Info(Format("Min num runs: [%d]", f.runs));
  if (f.threads > 0) Info(Format("Num threads: [%d]", f.threads));
  Info("Graph: [" + f.models[0] + "]");
  if (!f.signature.empty()) Info("Signature to run: [" + f.signature + "]");
  if (f.profile) Info("Enable op profiling: [1]");
  Info(Format("#threads used for CPU inference: [%d]", f.threads));
}

void TellRunning(int runs, double min_s, double max_s) {
  Info(Format("Running benchmark for at least %d iterations and at least %.6g seconds but terminate if exceeding %.6g seconds.", runs, min_s, max_s));
}

}  // namespace

Status ParseCompat(BenchFlags* f) {
  Compat& c = Settings();
  c = Compat();
  f->min_s = 1;
  f->warmup = 1;
  f->warmup_min_s = 0.5;
  for (const std::string& argument : f->rest) {
    const size_t equals = argument.find('='), name = argument.find_first_not_of('-');
    const std::string key = name == std::string::npos ? "" : argument.substr(name, equals == std::string::npos ? equals : equals - name);
    OCTET_ASSIGN(const bool known, SetFlag(key, equals == std::string::npos ? "" : argument.substr(equals + 1), f, &c));
    if (!known) return Error(Code::kInvalidArgument, "--compat: benchmark_model has no flag '%s'", argument.c_str());
  }
  if (f->threads < 1) f->threads = 1;
  if (f->models.size() != 1) return Error(Code::kInvalidArgument, "--compat: expected one model, --graph=MODEL.tflite");
  SetExternal(c, f);
  return SetShapes(c, f);
}

Result<int> BenchCompat(const BenchFlags& f) {
  const Compat& c = Settings();
  const int64_t before = RssBytes();
  TellStart(f, c);
  OCTET_ASSIGN(auto model, runtime::Model::Open(f.models[0]));
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(f.models[0]));
  Info("Loaded model " + f.models[0]);
  if (c.list_signatures) {
    std::string keys;
    for (std::string_view key : model->signatures()) keys += " " + std::string(key);
    Info("The Model contains the following signature keys:" + keys);
    return kYes;
  }
  model.reset();  // What is open already would not be loaded again.
  OCTET_ASSIGN(std::vector<Subject> subjects, LoadSubjects(f));
  Subject& s = subjects[0];
  TellDelegates(s);
  if (c.require_full && DelegatedShare(s.interpreter->delegates()) < 1) {
    Print(stdout, "ERROR: Disallowed CPU fallback detected.\nERROR: Benchmarking failed.\n%s", DelegatesText(s.interpreter->delegates()).c_str());
    return kNo;
  }
  Info(Format("The input model file size (MB): %.6g", static_cast<double>(file.bytes().size()) * 1e-6));
  Info(Format("Initialized session in %.6gms.", s.load_us * 1e-3));
  if (c.dry_run) return kYes;
  const int64_t ready = RssBytes();
  s.warmup_us.push_back(s.first_us);
  TellRunning(f.warmup, f.warmup_min_s, f.max_s);
  BenchFlags warmup = f;
  warmup.warmup = std::max(0, f.warmup - 1);
  OCTET_TRY(Warmup(subjects, warmup));
  Info(Stats(s.warmup_us) + "\n");
  TellRunning(f.runs, f.min_s, f.max_s);
  OCTET_TRY(Measure(subjects, f));
  Info(Stats(s.run_us) + "\n");
  const std::string timings = Format("Inference timings in us: Init: %.0f, First inference: %.0f, Warmup (avg): %.6g, Inference (avg): %.6g", s.load_us,
                                     s.first_us, Mean(s.warmup_us), Mean(s.run_us));
  Info(timings);
  Info(
      "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual memory footprint of the model at runtime. Take the information at your discretion.");
  Info(Format("Memory footprint delta from the start of the tool (MB): init=%.6g overall=%.6g", static_cast<double>(ready - before) / 1048576,
              static_cast<double>(RssBytes() - before) / 1048576));
  if (f.profile) {
    OCTET_TRY(ProfileAll(subjects, f));
    const std::string profile = ProfileText(s);
    Print(stdout, "%s\n", profile.c_str());
    if (!c.profile_csv.empty()) OCTET_TRY(WriteFile(c.profile_csv, profile));
  }
  if (!c.result_file.empty()) OCTET_TRY(WriteFile(c.result_file, timings + "\n"));
  return kYes;
}

}  // namespace octet::cli
