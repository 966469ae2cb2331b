// SPDX-License-Identifier: Apache-2.0
#include "quantizer/diagnose.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "quantizer/input_check.h"
#include "quantizer/rewrite.h"
#include "quantizer/roles.h"
#include "quantizer/sensitivity.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr double kOtherScale = 0.25;            // A channel's best factor this far from 1 was scaled on purpose.
constexpr double kSameSignal = 0.98;            // Squared correlation, above which a channel is another one's multiple.
constexpr double kFaint = 0.01;                 // Of the mean channel's power: such a channel's factor is mostly noise.
constexpr int64_t kHistogramSamples = 32;       // A histogram is looked at; more samples change no bar by much.
constexpr int64_t kIsolatedSamples = 8;         // Each runs the model once per layer.
constexpr int kTimedRuns = 20;                  // Of which the fastest counts.
// dB: an input is worth a word whose rounding alone leaves less, and no more than that above all of the error (half of it).
constexpr double kGoodInputDb = 30, kMostOfIt = 3;
constexpr double kSlower = 1.15, kSlowestNoise_us = 5;  // Times float's, and as much longer: less is the clock's noise.

struct Pair {
  int float_tensor, quantized_tensor;
  LayerRow row;
  // Per channel: sums of want^2, want * got and got^2. Equalisation scales channels on purpose, so the
  // error is what is left after the best factor per channel: want^2 - (want * got)^2 / got^2.
  std::vector<double> want2, product, got2;
  int64_t values = 0, at_ends = 0, lost = 0, nonzero = 0;
  TensorStatistics statistics;
  std::vector<float> quantized_max;  // Per channel.
};

std::string FloatName(std::string_view name) {
  return std::string(name.ends_with(kInt8Suffix) ? name.substr(0, name.size() - kInt8Suffix.size()) : name);
}

// Tensors of both models with the same name that the float model computes.
std::vector<Pair> MatchTensors(const runtime::Interpreter& reference, const runtime::Interpreter& candidate) {
  std::map<std::string, int> by_name;
  for (int i = 0; i < candidate.num_tensors(); ++i) {
    const runtime::TensorRef t = candidate.tensor(i);
    const bool quantized = t.data && !t.type->quant.empty() && t.type->dtype == DType::kI8;
    if (quantized || !by_name.contains(FloatName(t.name))) by_name[FloatName(t.name)] = i;
  }
  std::vector<Pair> pairs;
  for (int n = 0; n < reference.num_nodes(); ++n) {
    const runtime::NodeInfo node = reference.node(n);
    if (node.outputs.empty()) continue;
    const runtime::TensorRef t = reference.tensor(node.outputs[0]);
    const auto it = by_name.find(std::string(t.name));
    if (it == by_name.end() || !t.data || t.type->dtype != DType::kF32) continue;
    const runtime::TensorRef q = candidate.tensor(it->second);
    if (!q.data || !(q.type->shape == t.type->shape)) continue;
    Pair p{.float_tensor = node.outputs[0],
           .quantized_tensor = it->second,
           .row = {},
           .want2 = {},
           .product = {},
           .got2 = {},
           .statistics = {},
           .quantized_max = {}};
    p.row.tensor = t.name;
    p.row.op = node.op;
    const ops::QuantRow* rule = RuleFor(*ops::Find(node.op), ~0, DType::kI8);
    p.row.fixed_scale = rule && rule->kind == ops::QuantKind::kFixed;
    pairs.push_back(std::move(p));
  }
  return pairs;
}

void CountEnds(const runtime::TensorRef& q, Pair& p) {
  if (q.type->dtype != DType::kI8 || p.row.fixed_scale) return;
  const std::span values(reinterpret_cast<const int8_t*>(q.data), static_cast<size_t>(q.type->shape.elements()));
  const int32_t zero = q.type->quant.zero0();  // Which is no end that anything is cut off at.
  using Ends = std::numeric_limits<int8_t>;
  p.at_ends += std::ranges::count_if(values, [&](int8_t v) { return v != zero && (v == Ends::min() || v == Ends::max()); });
}

void AddSample(const runtime::TensorRef& t, const runtime::TensorRef& q, Pair& p) {
  const std::vector<float> want = RealValues(t), got = RealValues(q);
  TensorStatistics& s = p.statistics;
  const size_t channels = static_cast<size_t>(t.type->shape.back());
  s.channel_max.resize(channels, 0.0f);
  p.quantized_max.resize(channels, 0.0f);
  for (std::vector<double>* sums : {&p.want2, &p.product, &p.got2}) sums->resize(channels, 0.0);
  const float half_step = q.type->dtype == DType::kI8 && !q.type->quant.empty() ? q.type->quant.scale0() / 2 : 0;
  for (size_t i = 0; i < want.size(); ++i) {
    p.nonzero += want[i] != 0;
    p.lost += want[i] != 0 && std::abs(want[i]) < half_step;
    const double w = static_cast<double>(want[i]), g = static_cast<double>(got[i]);
    p.want2[i % channels] += w * w;
    p.product[i % channels] += w * g;
    p.got2[i % channels] += g * g;
    s.min = std::min(s.min, want[i]);
    s.max = std::max(s.max, want[i]);
    s.channel_max[i % channels] = std::max(s.channel_max[i % channels], std::abs(want[i]));
    p.quantized_max[i % channels] = std::max(p.quantized_max[i % channels], std::abs(got[i]));
  }
  p.values += static_cast<int64_t>(want.size());
  CountEnds(q, p);
}

double Decibels(double signal, double error) {
  constexpr double kMost = 120, kNoSignal = 1e-30;  // Beyond what float itself resolves; a logarithm needs some.
  return error > 0 ? std::min(kMost, 10 * std::log10(std::max(signal, kNoSignal) / error)) : kMost;
}

float Median(std::vector<float> v) {
  std::erase_if(v, [](float x) { return x <= kDeadChannel; });
  if (v.empty()) return 0;
  std::ranges::nth_element(v, v.begin() + static_cast<ptrdiff_t>(v.size() / 2));
  return v[v.size() / 2];
}

void FillRow(const runtime::TensorRef& q, Pair& p) {
  LayerRow& r = p.row;
  const std::vector<float>& m = p.statistics.channel_max;
  double signal = 0, error = 0;
  std::vector<double> channels_db;
  for (size_t c = 0; c < p.want2.size(); ++c) {
    const double left = p.got2[c] > 0 ? std::max(0.0, p.want2[c] - p.product[c] * p.product[c] / p.got2[c]) : p.want2[c];
    signal += p.want2[c];
    error += left;
    if (p.want2[c] > 0) channels_db.push_back(Decibels(p.want2[c], left));
  }
  r.sqnr_db = Decibels(signal, error);
  if (!channels_db.empty()) {
    const auto middle = channels_db.begin() + static_cast<ptrdiff_t>(channels_db.size() / 2);
    std::ranges::nth_element(channels_db, middle);
    r.median_channel_db = *middle;
  }
  for (size_t c = 0; c < p.want2.size(); ++c) {
    if (p.got2[c] <= 0 || p.want2[c] <= kFaint * signal / static_cast<double>(p.want2.size())) continue;
    const double slope = p.product[c] / p.got2[c], likeness = p.product[c] * slope / p.want2[c];  // Squared correlation: noise is no scale.
    p.row.rescaled |= likeness > kSameSignal && std::abs(slope - 1) > kOtherScale;
  }
  FillChannels(m, &r);
  r.min = p.statistics.min;
  r.max = p.statistics.max;
  r.lost = p.nonzero && !p.row.rescaled ? static_cast<double>(p.lost) / static_cast<double>(p.nonzero) : 0;
  r.saturated = p.values ? static_cast<double>(p.at_ends) / static_cast<double>(p.values) : 0;
  const float median = Median(m);
  if (!q.type->quant.empty() && q.type->dtype == DType::kI8 && median > 0) r.step_over_median = static_cast<double>(q.type->quant.scale0() / median);
  if (q.type->dtype == DType::kI8) r.step = static_cast<double>(q.type->quant.scale0());
  r.quantized_channel_max = p.quantized_max;
  std::ranges::sort(r.quantized_channel_max, std::greater());
}

// The float values once more, now that their ranges are known.
Status AddHistograms(Session& session, const data::Dataset& data, int64_t samples, std::vector<Pair>& pairs) {
  for (Pair& p : pairs) p.row.histogram.assign(kLayerBins, 0.0f);
  for (int64_t i = 0; i < std::min(samples, kHistogramSamples); ++i) {
    OCTET_TRY(session.Run(data, i));
    for (Pair& p : pairs) {
      const float width = (p.row.max - p.row.min) / kLayerBins;
      if (!(width > 0)) continue;
      for (float v : RealValues(session.interpreter().tensor(p.float_tensor)))
        p.row.histogram[static_cast<size_t>(std::clamp(static_cast<int>((v - p.row.min) / width), 0, kLayerBins - 1))] += 1.0f;
    }
  }
  return {};
}

// What the file gives its inputs, by their names in float.
std::map<std::string, Quant> InputScales(const runtime::Interpreter& reference, const runtime::Interpreter& candidate) {
  std::map<std::string, Quant> by_name, scales;
  for (int i = 0; i < candidate.num_tensors(); ++i) {
    const runtime::TensorRef t = candidate.tensor(i);
    if (t.type->dtype == DType::kI8 && t.type->quant.scale.size() == 1) by_name[FloatName(t.name)] = t.type->quant;
  }
  for (int i = 0; i < reference.num_inputs(); ++i)
    if (const auto it = by_name.find(std::string(reference.input(i).name)); it != by_name.end()) scales.insert(*it);
  return scales;
}

// What each layer's rounding alone does to the outputs; the same of the inputs, in decibels.
Result<std::map<std::string, double>> AddIsolated(const std::string& float_model, const runtime::Interpreter& reference, const runtime::Interpreter& candidate,
                                                  const data::Dataset& data, int64_t samples, const Progress& progress, std::vector<Pair>& pairs) {
  const std::map<std::string, Quant> inputs = InputScales(reference, candidate);
  std::map<std::string, Quant> scales = inputs;
  for (const Pair& p : pairs) {
    const runtime::TensorRef q = candidate.tensor(p.quantized_tensor);
    if (q.type->dtype == DType::kI8 && !q.type->quant.empty() && !p.row.rescaled) scales[p.row.tensor] = q.type->quant;
  }
  OCTET_ASSIGN(std::shared_ptr<const runtime::Model> file, runtime::Model::Open(float_model));
  OCTET_ASSIGN(const Sensitivity s, MeasureSensitivity(std::move(file), scales, DType::kI8, data, {0, std::min(samples, kIsolatedSamples), 1}, progress));
  for (Pair& p : pairs)
    if (const auto it = s.noise.find(p.row.tensor); it != s.noise.end()) p.row.isolated_db = Decibels(s.signal, it->second);
  std::map<std::string, double> inputs_db;
  for (const auto& [name, quant] : inputs) inputs_db[name] = Decibels(s.signal, s.noise.at(name));
  return inputs_db;
}

// Fastest time of every node, by its first output.
class NodeTimer : public runtime::Observer {
 public:
  explicit NodeTimer(const runtime::Interpreter& interpreter) : interpreter_(interpreter) {}
  void BeforeNode(int) override { start_ = std::chrono::steady_clock::now(); }
  void AfterNode(int node) override {
    if (interpreter_.node(node).outputs.empty()) return;
    const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start_).count();
    const auto [it, fresh] = fastest_.try_emplace(FloatName(interpreter_.tensor(interpreter_.node(node).outputs[0]).name), us);
    if (!fresh) it->second = std::min(it->second, us);
  }
  double Of(const std::string& tensor) const {
    const auto it = fastest_.find(tensor);
    return it == fastest_.end() ? 0 : it->second;
  }

 private:
  const runtime::Interpreter& interpreter_;
  std::chrono::steady_clock::time_point start_;
  std::map<std::string, double> fastest_;
};

Status AddTimes(const std::string& float_model, const std::string& quantized_model, const data::Dataset& data, std::vector<Pair>& pairs) {
  for (const bool is_float : {true, false}) {
    OCTET_ASSIGN(const auto session, Session::Open(is_float ? float_model : quantized_model, {}));
    OCTET_TRY(session->Check(data));
    NodeTimer timer(session->interpreter());
    session->interpreter().SetObserver(&timer);
    for (int run = 0; run < kTimedRuns; ++run) OCTET_TRY(session->Run(data, 0));
    session->interpreter().SetObserver(nullptr);
    for (Pair& p : pairs) (is_float ? p.row.float_us : p.row.quantized_us) = timer.Of(p.row.tensor);
  }
  return {};
}

// Operators that move what they are given join operands under one scale.
std::vector<Join> JoinsOf(const runtime::Interpreter& reference, const std::vector<Pair>& pairs) {
  std::map<int, size_t> rows;
  for (size_t i = 0; i < pairs.size(); ++i) rows[pairs[i].float_tensor] = i;
  std::vector<Join> joins;
  for (int n = 0; n < reference.num_nodes(); ++n) {
    const runtime::NodeInfo node = reference.node(n);
    if (!(ops::Find(node.op)->traits & ops::kMovesBytes)) continue;
    Join join{std::string(node.place), {}};
    for (int32_t t : node.inputs)
      if (const auto it = rows.find(t); it != rows.end()) join.operands.push_back(it->second);
    joins.push_back(std::move(join));
  }
  return joins;
}

// Do the data lie in the ranges that the file gives its inputs?
std::vector<std::string> InputCauses(const runtime::Interpreter& reference, const runtime::Interpreter& candidate, const data::Dataset& data, int64_t samples) {
  const std::map<std::string, Quant> by_name = InputScales(reference, candidate);
  std::vector<std::string> causes;
  for (int i = 0; i < std::min(reference.num_inputs(), data.num_inputs()); ++i) {
    int from = i;
    for (int k = 0; k < data.num_inputs(); ++k)
      if (reference.FindInput(data.input_name(k)) == i) from = k;
    const std::string name(reference.input(i).name);
    const auto it = by_name.find(name);
    if (it == by_name.end()) continue;
    const float scale = it->second.scale0(), zero = static_cast<float>(it->second.zero0());
    const std::string doubt = DoubtRange(name, {scale * (kInt8.low - zero), scale * (kInt8.high - zero)}, data, from, samples);
    if (!doubt.empty()) causes.push_back(doubt);
  }
  return causes;
}

}  // namespace

Result<Diagnosis> Diagnose(const std::string& float_model, const std::string& quantized_model, const data::Dataset& data, int64_t samples,
                           const Progress& progress) {
  OCTET_ASSIGN(const auto reference, Session::Open(float_model, {.keep_all_tensors = true}));
  OCTET_ASSIGN(const auto candidate, Session::Open(quantized_model, {.keep_all_tensors = true}));
  OCTET_TRY(reference->Check(data));
  OCTET_TRY(candidate->Check(data));
  std::vector<Pair> pairs = MatchTensors(reference->interpreter(), candidate->interpreter());
  Diagnosis d;
  d.samples = samples > 0 ? std::min(samples, data.size()) : data.size();
  double signal = 0, error = 0;
  for (int64_t i = 0; i < d.samples; ++i) {
    OCTET_TRY(reference->Run(data, i));
    OCTET_TRY(candidate->Run(data, i));
    for (Pair& p : pairs) AddSample(reference->interpreter().tensor(p.float_tensor), candidate->interpreter().tensor(p.quantized_tensor), p);
    const std::vector<float> want = reference->Output(), got = candidate->Output();
    for (size_t k = 0; k < std::min(want.size(), got.size()); ++k) {
      signal += static_cast<double>(want[k]) * static_cast<double>(want[k]);
      error += (static_cast<double>(want[k]) - static_cast<double>(got[k])) * (static_cast<double>(want[k]) - static_cast<double>(got[k]));
    }
    if (progress) progress("samples", i + 1, d.samples);
  }
  for (Pair& p : pairs) FillRow(candidate->interpreter().tensor(p.quantized_tensor), p);
  OCTET_TRY(AddHistograms(*reference, data, d.samples, pairs));
  OCTET_ASSIGN(const auto inputs_db, AddIsolated(float_model, reference->interpreter(), candidate->interpreter(), data, d.samples, progress, pairs));
  OCTET_TRY(AddTimes(float_model, quantized_model, data, pairs));
  const std::vector<Join> joins = JoinsOf(reference->interpreter(), pairs);
  for (Pair& p : pairs) d.layers.push_back(std::move(p.row));
  d.output_sqnr_db = Decibels(signal, error);
  const std::vector<std::string> out_of_range = InputCauses(reference->interpreter(), candidate->interpreter(), data, d.samples);
  d.causes = CausesOf(d.layers, joins, out_of_range);
  for (const auto& [name, db] : inputs_db)
    if (out_of_range.empty() && db < kGoodInputDb && db < d.output_sqnr_db + kMostOfIt)
      d.causes.push_back(
          Format("the rounding of input '%s' to 256 steps alone leaves the outputs %.0f dB: its values differ too much in size for one scale, as those of a "
                 "spectrogram do; --keep-float leaves what reads it in float, --scheme int16x8 gives it 65536 steps",
                 name.c_str(), db));
  for (const LayerRow& r : d.layers)
    if (r.quantized_us > kSlower * r.float_us && r.quantized_us - r.float_us > kSlowestNoise_us && r.float_us > 0)
      d.slower.push_back(Format("%s '%s' takes %.0f us in int8, %.0f us in float on this CPU", r.op.c_str(), r.tensor.c_str(), r.quantized_us, r.float_us));
  return d;
}

}  // namespace octet::quantizer
