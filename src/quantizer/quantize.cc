// SPDX-License-Identifier: Apache-2.0
#include "quantizer/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "exporter/exporter.h"
#include "quantizer/input_check.h"
#include "quantizer/roles.h"
#include "quantizer/round_weights.h"
#include "quantizer/sensitivity.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr int64_t kFewest = 16;             // Below it there is nothing to hold back: fit and score on all.
constexpr double kEqualTolerance = 1e-4;    // Equalisation must not change float outputs by more, relative.
constexpr int64_t kVerifySamples = 8;
constexpr double kEnoughDb = 25;            // Signal to noise of the outputs below which operators may stay in float,
constexpr double kWorthDb = 3;              // if that gains this much at least.
constexpr int64_t kSensitivitySamples = 8;
constexpr double kLoneSample = 3;           // Times the next largest value: one sample sets the range.

using Ranges_ = std::map<std::string, Range>;

struct Prepared {
  std::string name;
  graph::Model model;
  Statistics statistics;
  std::vector<EqualizedSpace> equalized;
  double difference = 0;
};

// Inputs and states are never clipped; what nobody tells apart is, unless the way is to be the naive one.
Ranges_ ChooseRanges(const graph::Graph& g, const Statistics& statistics, Ranges method, bool repair) {
  Ranges_ ranges;
  for (size_t i = 0; i < g.tensors().size(); ++i) {
    const auto t = static_cast<graph::TensorId>(i);
    const auto it = statistics.find(g.tensor(t).name);
    if (it == statistics.end()) continue;
    const bool whole = g.tensor(t).is_variable || std::ranges::find(g.inputs, t) != g.inputs.end();
    ranges[it->first] = whole ? ChooseRange(it->second, Ranges::kMinMax) : ChooseRange(repair ? Above(it->second, LowestUseful(g, t)) : it->second, method);
  }
  return ranges;
}

double LargestRelativeDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0, largest = 1e-9;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return worst / largest;
}

double SignalToNoiseDb(const std::vector<float>& reference, const std::vector<float>& outputs) {
  double signal = 1e-30, noise = 1e-30;
  for (size_t i = 0; i < reference.size(); ++i) {
    const double r = static_cast<double>(reference[i]), d = r - static_cast<double>(outputs[i]);
    signal += r * r;
    noise += d * d;
  }
  return 10 * std::log10(signal / noise);
}

// The int8 scale of every computed tensor, by the float tensor's name.
std::map<std::string, Quant> ScalesOf(const graph::Model& quantized) {
  std::map<std::string, Quant> scales;
  for (const graph::Tensor& t : quantized.main().tensors()) {
    if (t.constant || t.type.dtype != DType::kI8 || t.type.quant.empty()) continue;
    std::string_view name = t.name;
    if (name.ends_with(kInt8Suffix)) name.remove_suffix(kInt8Suffix.size());
    scales[std::string(name)] = t.type.quant;
  }
  return scales;
}

// Means of a layer's inputs per channel, over all layers that share its weights and bias (the steps of an
// unrolled recurrent layer): they get one corrected bias together.
std::map<std::pair<graph::TensorId, graph::TensorId>, std::vector<double>> InputMeans(const graph::Graph& g, const Statistics& statistics) {
  std::map<std::pair<graph::TensorId, graph::TensorId>, std::vector<double>> means;
  std::map<std::pair<graph::TensorId, graph::TensorId>, int> uses;
  for (graph::NodeId id : g.order()) {
    WeightedOp op;
    if (!FindWeights(g, id, &op) || op.bias < 0 || g.node(id).inputs[op.bias] == graph::kNoTensor) continue;
    const auto it = statistics.find(g.tensor(g.node(id).inputs[op.data]).name);
    if (it == statistics.end() || it->second.channel_mean.empty()) continue;
    const std::pair key{g.node(id).inputs[op.weights], g.node(id).inputs[op.bias]};
    std::vector<double>& sum = means[key];
    sum.resize(it->second.channel_mean.size(), 0.0);
    for (size_t c = 0; c < std::min(sum.size(), it->second.channel_mean.size()); ++c) sum[c] += it->second.channel_mean[c];
    ++uses[key];
  }
  for (auto& [key, sum] : means)
    for (double& m : sum) m /= uses[key];
  return means;
}

// The bias that takes back what rounding the weights adds to each output on average:
//   b[o] += sum over the window of (W - W_q)[o, ...] * E[x_c]
std::vector<float> CorrectedBias(const graph::Graph& g, graph::NodeId id, const WeightedOp& op, const std::vector<double>& mean) {
  const graph::Tensor &w = g.tensor(g.node(id).inputs[op.weights]), &bias = g.tensor(g.node(id).inputs[op.bias]);
  const std::span<const float> v = w.data<float>();
  const Shape& s = w.type.shape;
  const int64_t inner = s.elements(op.output_axis + 1, s.rank()), outputs = s[op.output_axis], last = s.back();
  const auto output = [&](size_t i) { return static_cast<int64_t>(i) / inner % outputs; };
  std::vector<float> most(outputs, 0.0f), b(bias.data<float>().begin(), bias.data<float>().end());
  for (size_t i = 0; i < v.size(); ++i) most[output(i)] = std::max(most[output(i)], std::abs(v[i]));
  const size_t multiplier = op.channelwise ? std::max<size_t>(1, static_cast<size_t>(last) / mean.size()) : 1;
  for (size_t i = 0; i < v.size(); ++i) {
    const float scale = std::max(most[output(i)] / 127.0f, 1e-12f), rounded = std::round(v[i] / scale) * scale;
    const size_t channel = (static_cast<size_t>(static_cast<int64_t>(i) % last) / multiplier) % mean.size();
    b[output(i)] += static_cast<float>(static_cast<double>(v[i] - rounded) * mean[channel]);
  }
  return b;
}

void CorrectBias(graph::Model& model, const Statistics& statistics) {
  graph::Graph& g = model.main();
  const auto means = InputMeans(g, statistics);
  std::map<std::pair<graph::TensorId, graph::TensorId>, graph::TensorId> made;
  for (graph::NodeId id : g.order()) {
    WeightedOp op;
    if (!FindWeights(g, id, &op) || op.bias < 0) continue;
    const std::pair key{g.node(id).inputs[op.weights], g.node(id).inputs[op.bias]};
    const auto mean = means.find(key);
    if (mean == means.end()) continue;
    const auto [it, fresh] = made.try_emplace(key, graph::kNoTensor);
    if (fresh) it->second = g.AddConstant<float>(g.tensor(key.second).name, g.tensor(key.second).type.shape, CorrectedBias(g, id, op, mean->second));
    g.SetInput(id, op.bias, it->second);
  }
}

class Quantizer {
 public:
  Quantizer(graph::Model model, const data::Dataset& data, const QuantizeOptions& options, const Progress& progress)
      : model_(std::move(model)), data_(data), options_(options), progress_(progress) {
    MakeNamesUnique(model_.main());
    result_.samples = options.max_samples > 0 ? std::min(options.max_samples, data.size()) : data.size();
    const bool split = result_.samples >= kFewest;
    fit_ = {0, result_.samples, split ? 2 : 1};
    score_ = {split ? 1 : 0, result_.samples, split ? 2 : 1};
    all_ = {0, result_.samples, 1};
  }

  Result<QuantizeResult> Run() {
    result_.warnings = CheckCalibration(data_, result_.samples);
    const std::vector<Ranges> methods = options_.automatic_ranges ? std::vector{Ranges::kMse, Ranges::kMinMax, Ranges::kPercentile} : std::vector{options_.ranges};
    Choice choice{.ranges = methods[0]};
    if (options_.repair || methods.size() > 1) {
      OCTET_ASSIGN(choice, Choose(methods));
    }
    if (options_.repair && !options_.int8_only && options_.rewrite.activation == DType::kI8) OCTET_TRY(LeaveInFloat(&choice, methods));
    return Finish(choice);
  }

 private:
  enum class Equalize : uint8_t { kNone, kActivations, kWeights };
  struct Choice {
    Equalize equalize = Equalize::kNone;
    Ranges ranges = Ranges::kMse;
    bool correct_bias = false;
    std::map<std::string, std::string> keep_float = {};  // By first output, with the reason.
  };

  static const char* Name(Ranges r) {
    switch (r) {
      case Ranges::kMse: return "mse";
      case Ranges::kMinMax: return "min-max";
      case Ranges::kPercentile: return "percentile";
      case Ranges::kKl: return "kl";
      case Ranges::kEma: return "moving average";
    }
    return "";
  }
  static std::string Name(const Choice& c) {
    const char* equalize = c.equalize == Equalize::kNone ? "as it is, " : c.equalize == Equalize::kActivations ? "equalized, " : "equalized by weights, ";
    return std::string(equalize) + Name(c.ranges) + (c.correct_bias ? ", bias corrected" : "") +
           (c.keep_float.empty() ? "" : Format(", %zu in float", c.keep_float.size()));
  }

  // Statistics over `samples`; with equalisation, measured again on the rewritten graph.
  Result<Prepared> PrepareGraph(Equalize equalize, SampleRange samples) {
    Prepared p{"", model_, {}, {}, 0};
    const bool histograms = options_.automatic_ranges || options_.ranges != Ranges::kMinMax;
    OCTET_ASSIGN(p.statistics, Calibrate(p.model, data_, samples, histograms && equalize == Equalize::kNone, progress_));
    if (equalize == Equalize::kNone) return p;
    p.equalized = EqualizeChannels(p.model.main(), p.statistics, {.by_weights = equalize == Equalize::kWeights, .through_relu6 = options_.rewrite.per_tensor_weights});
    if (p.equalized.empty()) return p;
    const SampleRange few{samples.first, std::min(samples.end, samples.first + kVerifySamples * samples.step), samples.step};
    OCTET_ASSIGN(const std::vector<float> before, RunOutputs(model_, data_, few, {}));
    OCTET_ASSIGN(const std::vector<float> after, RunOutputs(p.model, data_, few, {}));
    p.difference = LargestRelativeDifference(before, after);
    if (p.difference > kEqualTolerance) {  // Not exact here: undone.
      p.model = model_;
      p.equalized.clear();
    }
    OCTET_ASSIGN(p.statistics, Calibrate(p.model, data_, samples, histograms, progress_));
    return p;
  }

  Result<Rewritten> Rewrite(const Prepared& p, const Choice& c) const {
    const Ranges_ ranges = ChooseRanges(p.model.main(), p.statistics, c.ranges, options_.repair);
    RewriteOptions rewrite = options_.rewrite;
    rewrite.keep_float.insert(c.keep_float.begin(), c.keep_float.end());
    if (!c.correct_bias) return RewriteToInt8(p.model, ranges, rewrite);
    graph::Model corrected = p.model;
    CorrectBias(corrected, p.statistics);
    return RewriteToInt8(corrected, ranges, rewrite);
  }

  // Fit every candidate on one half, keep the one whose outputs are nearest to float on the other.
  Result<Choice> Choose(const std::vector<Ranges>& methods) {
    OCTET_ASSIGN(reference_, RunOutputs(model_, data_, score_, progress_));
    std::vector<Choice> tried;
    for (Equalize equalize : {Equalize::kNone, Equalize::kActivations, Equalize::kWeights}) {
      if (equalize != Equalize::kNone && !options_.repair) continue;
      OCTET_ASSIGN(Prepared p, PrepareGraph(equalize, fit_));
      prepared_.push_back(std::move(p));
      if (equalize != Equalize::kNone && prepared_.back().equalized.empty()) continue;
      for (Ranges r : methods) {
        tried.push_back({.equalize = equalize, .ranges = r});
        OCTET_TRY(Note(tried.back()));
      }
    }
    Choice best = tried[Best()];
    if (options_.repair) {
      best.correct_bias = true;
      tried.push_back(best);
      OCTET_TRY(Note(best));
    }
    return tried[Best()];
  }

  // Where int8 leaves the outputs too noisy on samples that did not choose its ranges, the operators whose
  // quantization costs most stay in float: few, named, and only if they gain something. Which ranges are best
  // depends on what is left: clipping hides an outlier that float would keep.
  Status LeaveInFloat(Choice* choice, const std::vector<Ranges>& methods) {
    const Prepared& p = prepared_[static_cast<size_t>(choice->equalize)];
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(p, *choice));
    OCTET_ASSIGN(const std::vector<float> outputs, RunOutputs(rewritten.model, data_, score_, {}));
    const double before = SignalToNoiseDb(reference_, outputs);
    result_.output_sqnr_db = before;
    const bool forced = options_.float_operators > 0;
    if (before >= kEnoughDb && !forced) return {};
    OCTET_ASSIGN(const std::vector<std::byte> file, exporter::Export(rewritten.model));
    const graph::Graph& g = p.model.main();
    const FloatBudget budget = forced ? FloatBudget{options_.float_operators, INT64_MAX} : BudgetOf(g, static_cast<int64_t>(file.size()));
    Choice best = *choice;
    double most = before;
    std::vector<Ranges> blamed{choice->ranges};
    if (choice->ranges != Ranges::kMinMax && methods.size() > 1) blamed.push_back(Ranges::kMinMax);
    std::set<std::vector<std::vector<std::string>>> planned;
    for (Ranges ranges : blamed) {
      Choice trial = *choice;
      trial.ranges = ranges;
      OCTET_ASSIGN(const Sensitivity sensitivity, Blame(p, trial));
      const std::vector<std::vector<std::string>> plan = PlanFloat(g, sensitivity, budget);
      if (!planned.insert(plan).second) continue;
      for (const std::vector<std::string>& step : plan) {
        for (const std::string& name : step) trial.keep_float[name] = Reason(sensitivity, name);
        for (Ranges method : methods) {
          trial.ranges = method;
          OCTET_ASSIGN(const double db, Score(trial));
          if (db <= most) continue;
          most = db;
          best = trial;
        }
        if (most >= kEnoughDb && !forced) break;
      }
    }
    if (most < before + kWorthDb && !forced) return {};
    *choice = best;
    result_.output_sqnr_db = most;
    return {};
  }

  Result<Sensitivity> Blame(const Prepared& p, const Choice& choice) {
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(p, choice));
    SampleRange few = score_;
    few.end = std::min(few.end, few.first + few.step * kSensitivitySamples);
    OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(p.model));
    OCTET_ASSIGN(std::shared_ptr<const runtime::Model> file, runtime::Model::FromBytes(bytes));
    return MeasureSensitivity(std::move(file), ScalesOf(rewritten.model), data_, few, progress_);
  }

  static std::string Reason(const Sensitivity& s, const std::string& tensor) {
    const auto it = s.noise.find(tensor);
    if (it == s.noise.end() || it->second <= 0) return "next to an operator that loses too much in int8";
    return Format("in int8 it alone leaves the outputs %.0f dB of signal to noise", 10 * std::log10(std::max(s.signal, 1e-30) / it->second));
  }

  size_t Best() const {
    const auto it = std::ranges::min_element(result_.candidates, {}, &Candidate::output_error);
    return static_cast<size_t>(it - result_.candidates.begin());
  }

  Status Note(const Choice& c) {
    OCTET_ASSIGN([[maybe_unused]] const double db, Score(c));
    return {};
  }

  // Notes the candidate's output error on the held-out half; returns its signal to noise in dB.
  Result<double> Score(const Choice& c) {
    if (progress_) progress_("trying " + Name(c), static_cast<int64_t>(result_.candidates.size()), 8);
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(prepared_[static_cast<size_t>(c.equalize)], c));
    OCTET_ASSIGN(const std::vector<float> outputs, RunOutputs(rewritten.model, data_, score_, {}));
    result_.candidates.push_back({Name(c), MeanDifference(reference_, outputs)});
    return SignalToNoiseDb(reference_, outputs);
  }

  Result<QuantizeResult> Finish(const Choice& choice) {
    OCTET_ASSIGN(result_.statistics_before, Calibrate(model_, data_, all_, false, progress_));
    WarnAboutLoneSamples();
    OCTET_ASSIGN(Prepared p, PrepareGraph(choice.equalize, all_));
    OCTET_ASSIGN(Rewritten rewritten, Rewrite(p, choice));
    result_.chosen = Name(choice);
    // With one scale per weight tensor rounding is what holds small channels up.
    const bool coarse = options_.rewrite.per_tensor_weights && result_.output_sqnr_db != 0 && result_.output_sqnr_db < kEnoughDb;
    if ((options_.high_effort || coarse) && !reference_.empty() && options_.rewrite.activation == DType::kI8) {
      OCTET_ASSIGN(const RoundingResult rounding, RoundWeights(rewritten.model, p.model, data_, fit_, score_, reference_, progress_));
      if (rounding.kept > 0) {
        result_.chosen += Format(", %d of %d layers rounded anew", rounding.kept, rounding.layers);
        result_.candidates.push_back({result_.chosen, rounding.error});
      }
    }
    OCTET_TRY(graph::Verify(rewritten.model));
    result_.model = std::move(rewritten.model);
    result_.float_nodes = std::move(rewritten.float_nodes);
    result_.equalized = std::move(p.equalized);
    result_.equalization_difference = p.difference;
    result_.statistics = std::move(p.statistics);
    for (graph::NodeId id : p.model.main().order()) {
      const ops::Cost cost = ops::CostOf(graph::NodeView(p.model.main(), id).view());
      result_.macs += cost.macs;
      result_.bytes += cost.bytes;
    }
    return std::move(result_);
  }

  // The layer whose range one sample stretches furthest beyond all others.
  void WarnAboutLoneSamples() {
    double worst = kLoneSample;
    std::string text;
    for (const auto& [name, s] : result_.statistics_before) {
      const double most = std::max(-static_cast<double>(s.min), static_cast<double>(s.max)), next = static_cast<double>(s.runner_up_max);
      if (s.widest_sample < 0 || next <= 0 || most / next <= worst) continue;
      worst = most / next;
      text = Format("sample %lld alone sets the range of %s: %.3g, the next largest is %.3g; is it a good sample?", static_cast<long long>(s.widest_sample), name.c_str(), most, next);
    }
    if (!text.empty()) result_.warnings.push_back(text);
  }

  graph::Model model_;
  const data::Dataset& data_;
  const QuantizeOptions& options_;
  const Progress& progress_;
  SampleRange fit_, score_, all_;
  std::vector<Prepared> prepared_;  // By Equalize.
  std::vector<float> reference_;    // The float model's outputs on score_.
  QuantizeResult result_;
};

}  // namespace

void MakeNamesUnique(graph::Graph& g) {
  std::set<std::string> names;
  for (size_t i = 0; i < g.tensors().size(); ++i) {
    graph::Tensor& t = g.tensor(static_cast<graph::TensorId>(i));
    const std::string base = t.name;
    for (int n = 1; !names.insert(t.name).second; ++n) t.name = base + "_" + std::to_string(n);
  }
}

Result<QuantizeResult> QuantizeInt8(graph::Model model, const data::Dataset& calibration, const QuantizeOptions& options, const Progress& progress) {
  if (model.subgraphs.size() != 1) return Error(Code::kUnsupported, "a model with control flow cannot be quantized to int8 yet; use --scheme dynamic or float16");
  return Quantizer(std::move(model), calibration, options, progress).Run();
}

}  // namespace octet::quantizer
