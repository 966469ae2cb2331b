// SPDX-License-Identifier: Apache-2.0
#include "quantizer/quantize.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "exporter/exporter.h"
#include "quantizer/input_check.h"
#include "quantizer/roles.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr int64_t kFewest = 16;             // Below it there is nothing to hold back: fit and score on all.
constexpr double kEqualTolerance = 1e-4;    // Equalisation must not change float outputs by more, relative.
constexpr int64_t kVerifySamples = 8;

using Ranges_ = std::map<std::string, Range>;

struct Prepared {
  std::string name;
  graph::Model model;
  Statistics statistics;
  std::vector<EqualizedSpace> equalized;
  double difference = 0;
};

Ranges_ ChooseRanges(const Statistics& statistics, const std::vector<std::string>& inputs, Ranges method) {
  Ranges_ ranges;
  for (const auto& [name, s] : statistics) {
    const bool input = std::ranges::find(inputs, name) != inputs.end();  // Inputs are never clipped.
    ranges[name] = ChooseRange(s, input ? Ranges::kMinMax : method);
  }
  return ranges;
}

std::vector<std::string> InputNames(const graph::Model& model) {
  std::vector<std::string> names;
  for (graph::TensorId t : model.main().inputs) names.push_back(model.main().tensor(t).name);
  return names;
}

Result<std::unique_ptr<Session>> OpenModel(const graph::Model& model, const data::Dataset& data) {
  OCTET_ASSIGN(std::vector<std::byte> bytes, exporter::Export(model));
  OCTET_ASSIGN(auto session, Session::FromBytes(std::move(bytes), {}));
  OCTET_TRY(session->Check(data));
  return session;
}

// All outputs of all samples, real values, one after the other.
Result<std::vector<float>> Outputs(const graph::Model& model, const data::Dataset& data, SampleRange samples) {
  OCTET_ASSIGN(const auto session, OpenModel(model, data));
  std::vector<float> all;
  for (int64_t i = samples.first; i < samples.end; i += samples.step) {
    OCTET_TRY(session->Run(data, i));
    for (int k = 0; k < session->interpreter().num_outputs(); ++k) {
      const std::vector<float> y = session->Output(k);
      all.insert(all.end(), y.begin(), y.end());
    }
  }
  return all;
}

double MeanDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  return a.empty() ? 0 : sum / static_cast<double>(a.size());
}

double LargestRelativeDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double worst = 0, largest = 1e-9;
  for (size_t i = 0; i < a.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    largest = std::max(largest, std::abs(static_cast<double>(a[i])));
  }
  return worst / largest;
}

// Bias correction from channel means: what rounding the weights takes from, or adds to, each output on average.
//   b[o] += sum over the window of (W - W_q)[o, ...] * E[x_c]
void CorrectBias(graph::Model& model, const Statistics& statistics) {
  graph::Graph& g = model.main();
  for (graph::NodeId id : g.order()) {
    WeightedOp op;
    if (!FindWeights(g, id, &op) || op.bias < 0 || g.node(id).inputs[op.bias] == graph::kNoTensor) continue;
    const auto it = statistics.find(g.tensor(g.node(id).inputs[op.data]).name);
    if (it == statistics.end() || it->second.channel_mean.empty()) continue;
    const graph::Tensor& w = g.tensor(g.node(id).inputs[op.weights]);
    const std::span<const float> v = w.data<float>();
    const Shape& s = w.type.shape;
    const int64_t inner = s.elements(op.output_axis + 1, s.rank()), outputs = s[op.output_axis], last = s.back();
    const std::vector<double>& mean = it->second.channel_mean;
    const auto output = [&](size_t i) { return static_cast<int64_t>(i) / inner % outputs; };
    std::vector<float> most(outputs, 0.0f);
    for (size_t i = 0; i < v.size(); ++i) most[output(i)] = std::max(most[output(i)], std::abs(v[i]));
    const graph::Tensor& bias = g.tensor(g.node(id).inputs[op.bias]);
    std::vector<float> b(bias.data<float>().begin(), bias.data<float>().end());
    const size_t multiplier = op.channelwise ? std::max<size_t>(1, static_cast<size_t>(last) / mean.size()) : 1;
    for (size_t i = 0; i < v.size(); ++i) {
      const float scale = std::max(most[output(i)] / 127.0f, 1e-12f), rounded = std::round(v[i] / scale) * scale;
      const size_t channel = (static_cast<size_t>(static_cast<int64_t>(i) % last) / multiplier) % mean.size();
      b[output(i)] += static_cast<float>(static_cast<double>(v[i] - rounded) * mean[channel]);
    }
    const std::string name = bias.name;
    const Shape shape = bias.type.shape;
    g.SetInput(id, op.bias, g.AddConstant<float>(name, shape, b));
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
    Choice choice{false, methods[0], false};
    if (options_.repair || methods.size() > 1) {
      OCTET_ASSIGN(choice, Choose(methods));
    }
    return Finish(choice);
  }

 private:
  struct Choice {
    bool equalize;
    Ranges ranges;
    bool correct_bias;
  };

  static const char* Name(Ranges r) { return r == Ranges::kMse ? "mse" : r == Ranges::kMinMax ? "min-max" : "percentile"; }
  static std::string Name(const Choice& c) {
    return std::string(c.equalize ? "equalized, " : "as it is, ") + Name(c.ranges) + (c.correct_bias ? ", bias corrected" : "");
  }

  // Statistics over `samples`; with equalisation, measured again on the rewritten graph.
  Result<Prepared> PrepareGraph(bool equalize, SampleRange samples) {
    Prepared p{"", model_, {}, {}, 0};
    const bool histograms = options_.automatic_ranges || options_.ranges != Ranges::kMinMax;
    OCTET_ASSIGN(p.statistics, Calibrate(p.model, data_, samples, histograms && !equalize, progress_));
    if (!equalize) return p;
    p.equalized = EqualizeChannels(p.model.main(), p.statistics);
    if (p.equalized.empty()) return p;
    const SampleRange few{samples.first, std::min(samples.end, samples.first + kVerifySamples * samples.step), samples.step};
    OCTET_ASSIGN(const std::vector<float> before, Outputs(model_, data_, few));
    OCTET_ASSIGN(const std::vector<float> after, Outputs(p.model, data_, few));
    p.difference = LargestRelativeDifference(before, after);
    if (p.difference > kEqualTolerance) {  // Not exact here: undone.
      p.model = model_;
      p.equalized.clear();
    }
    OCTET_ASSIGN(p.statistics, Calibrate(p.model, data_, samples, histograms, progress_));
    return p;
  }

  Result<Rewritten> Rewrite(const Prepared& p, const Choice& c) const {
    const Ranges_ ranges = ChooseRanges(p.statistics, InputNames(p.model), c.ranges);
    if (!c.correct_bias) return RewriteToInt8(p.model, ranges, options_.rewrite);
    graph::Model corrected = p.model;
    CorrectBias(corrected, p.statistics);
    return RewriteToInt8(corrected, ranges, options_.rewrite);
  }

  // Fit every candidate on one half, keep the one whose outputs are nearest to float on the other.
  Result<Choice> Choose(const std::vector<Ranges>& methods) {
    OCTET_ASSIGN(const std::vector<float> reference, Outputs(model_, data_, score_));
    std::vector<Choice> tried;
    std::vector<Prepared> prepared;
    for (bool equalize : {false, true}) {
      if (equalize && !options_.repair) continue;
      OCTET_ASSIGN(Prepared p, PrepareGraph(equalize, fit_));
      prepared.push_back(std::move(p));
      if (equalize && prepared.back().equalized.empty()) continue;
      for (Ranges r : methods) {
        tried.push_back({equalize, r, false});
        OCTET_TRY(Score(prepared.back(), tried.back(), reference));
      }
    }
    Choice best = tried[Best()];
    if (options_.repair) {
      best.correct_bias = true;
      tried.push_back(best);
      OCTET_TRY(Score(prepared[best.equalize ? 1 : 0], best, reference));
    }
    return tried[Best()];
  }

  size_t Best() const {
    const auto it = std::ranges::min_element(result_.candidates, {}, &Candidate::output_error);
    return static_cast<size_t>(it - result_.candidates.begin());
  }

  Status Score(const Prepared& p, const Choice& c, const std::vector<float>& reference) {
    if (progress_) progress_("trying " + Name(c), static_cast<int64_t>(result_.candidates.size()), 8);
    OCTET_ASSIGN(const Rewritten rewritten, Rewrite(p, c));
    OCTET_ASSIGN(const std::vector<float> outputs, Outputs(rewritten.model, data_, score_));
    result_.candidates.push_back({Name(c), MeanDifference(reference, outputs)});
    return {};
  }

  Result<QuantizeResult> Finish(const Choice& choice) {
    OCTET_ASSIGN(result_.statistics_before, Calibrate(model_, data_, all_, false, progress_));
    OCTET_ASSIGN(Prepared p, PrepareGraph(choice.equalize, all_));
    OCTET_ASSIGN(Rewritten rewritten, Rewrite(p, choice));
    OCTET_TRY(graph::Verify(rewritten.model));
    result_.model = std::move(rewritten.model);
    result_.float_nodes = std::move(rewritten.float_nodes);
    result_.equalized = std::move(p.equalized);
    result_.equalization_difference = p.difference;
    result_.statistics = std::move(p.statistics);
    result_.chosen = Name(choice);
    return std::move(result_);
  }

  graph::Model model_;
  const data::Dataset& data_;
  const QuantizeOptions& options_;
  const Progress& progress_;
  SampleRange fit_, score_, all_;
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
