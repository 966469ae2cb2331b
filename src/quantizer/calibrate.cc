// SPDX-License-Identifier: Apache-2.0
#include "quantizer/calibrate.h"

#include <algorithm>
#include <cmath>

#include "exporter/exporter.h"
#include "quantizer/observe_states.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr float kEmaKeep = 0.8145f;  // 0.95 per sample; a strand sees every fourth.

bool Observed(const runtime::TensorRef& t) { return t.data && t.type->dtype == DType::kF32 && t.bytes > 0; }

// Float tensors that the graph computes or takes in: those need ranges.
std::vector<int> ObservedTensors(const runtime::Interpreter& interpreter) {
  std::vector<bool> wanted(interpreter.num_tensors(), false);
  for (int n = 0; n < interpreter.num_nodes(); ++n) {
    const runtime::NodeInfo node = interpreter.node(n);
    for (int32_t t : node.outputs) wanted[t] = true;
    for (int32_t t : node.inputs)
      if (t >= 0) wanted[t] = true;  // Constants, too: as operands of element-wise operators they need a scale.
  }
  std::vector<int> list;
  for (int i = 0; i < interpreter.num_tensors(); ++i)
    if (wanted[i] && Observed(interpreter.tensor(i))) list.push_back(i);
  return list;
}

// Per channel of one sample, in one pass that compilers turn into vector code.
struct ChannelRanges {
  std::vector<float> low, high;
  explicit ChannelRanges(int64_t channels) : low(static_cast<size_t>(channels), 0.0f), high(low) {}

  void Add(const float* __restrict x, int64_t n, double* __restrict sums) {
    const auto channels = static_cast<int64_t>(low.size());
    float *__restrict lows = low.data(), *__restrict highs = high.data();
    for (const float* end = x + n; x != end; x += channels) {
      for (int64_t c = 0; c < channels; ++c) {
        lows[c] = x[c] < lows[c] ? x[c] : lows[c];
        highs[c] = x[c] > highs[c] ? x[c] : highs[c];
        sums[c] += static_cast<double>(x[c]);
      }
    }
  }
};

void ObserveRange(const runtime::TensorRef& t, int64_t sample, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const int64_t n = t.type->shape.elements(), channels = t.type->shape.rank() > 0 ? t.type->shape.back() : 0;
  if (s.channel_max.size() != static_cast<size_t>(channels)) {
    s.channel_max.assign(channels, 0.0f);
    s.channel_mean.assign(channels, 0.0);
  }
  ChannelRanges ranges(std::max<int64_t>(1, channels));
  double scalar_sum = 0;
  ranges.Add(x, n, channels > 0 ? s.channel_mean.data() : &scalar_sum);
  float low = 0, high = 0;
  for (size_t c = 0; c < ranges.low.size(); ++c) {
    low = std::min(low, ranges.low[c]);
    high = std::max(high, ranges.high[c]);
    if (c < s.channel_max.size()) s.channel_max[c] = std::max({s.channel_max[c], -ranges.low[c], ranges.high[c]});
  }
  for (double sum : s.channel_mean)
    if (!std::isfinite(sum)) low = NAN;  // Comparisons pass NaN over, sums do not.
  if (!std::isfinite(scalar_sum)) low = NAN;
  s.min = std::min(s.min, low);
  s.max = std::max(s.max, high);
  if (low != low) s.min = low;
  const float most = std::max(-low, high), keep = s.ema_samples++ == 0 ? 0.0f : kEmaKeep;
  s.ema_min = keep * s.ema_min + (1 - keep) * low;
  s.ema_max = keep * s.ema_max + (1 - keep) * high;
  const float before = std::max(s.count ? std::max(-s.min, s.max) : 0.0f, 0.0f);
  if (s.widest_sample < 0 || most >= before) {
    if (s.widest_sample >= 0) s.runner_up_max = std::max(s.runner_up_max, std::min(most, before));
    s.widest_sample = sample;
  } else {
    s.runner_up_max = std::max(s.runner_up_max, most);
  }
  s.count += n;
}

void ObserveHistogram(const runtime::TensorRef& t, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const float width = (s.max - s.min) / kHistogramBins, per_width = 1.0f / width, last = kHistogramBins - 1;
  if (!(width > 0) || !std::isfinite(per_width)) return;
  const int64_t n = t.type->shape.elements();
  for (int64_t i = 0; i < n; ++i) s.histogram[static_cast<size_t>(static_cast<int>(std::clamp((x[i] - s.min) * per_width, 0.0f, last)))] += 1.0f;
}

// What one strand saw, added to what the strands before it saw.
void Merge(const TensorStatistics& from, TensorStatistics& to) {
  if (from.count == 0) return;
  if (to.count == 0) {
    to = from;
    return;
  }
  const float a = std::max(-to.min, to.max), b = std::max(-from.min, from.max);
  to.runner_up_max = std::max({to.runner_up_max, from.runner_up_max, std::min(a, b)});
  if (b > a || (b == a && from.widest_sample > to.widest_sample)) to.widest_sample = from.widest_sample;
  to.min = std::min(to.min, from.min);
  to.max = std::max(to.max, from.max);
  for (size_t c = 0; c < to.channel_max.size(); ++c) {
    to.channel_max[c] = std::max(to.channel_max[c], from.channel_max[c]);
    to.channel_mean[c] += from.channel_mean[c];
  }
  to.count += from.count;
  const auto a_share = static_cast<float>(to.ema_samples) / static_cast<float>(to.ema_samples + from.ema_samples);
  to.ema_min = a_share * to.ema_min + (1 - a_share) * from.ema_min;
  to.ema_max = a_share * to.ema_max + (1 - a_share) * from.ema_max;
  to.ema_samples += from.ema_samples;
}

using PerTensor = std::vector<TensorStatistics>;

Status CheckFinite(const runtime::Interpreter& interpreter, const std::vector<int>& tensors, const PerTensor& found) {
  for (size_t k = 0; k < tensors.size(); ++k)
    if (!std::isfinite(found[k].min) || !std::isfinite(found[k].max))
      return Error(Code::kInvalidModel, "tensor '%s' becomes infinite or NaN on the calibration data", std::string(interpreter.tensor(tensors[k]).name).c_str());
  return {};
}

}  // namespace

Result<Statistics> Calibrate(const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms, const Progress& progress,
                             const SampleRange* binned) {
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
  OCTET_ASSIGN(const std::shared_ptr<const runtime::Model> file, runtime::Model::FromBytes(bytes));
  const Session::Options options{.keep_all_tensors = true};
  OCTET_ASSIGN(const auto first, Session::FromModel(file, options));
  OCTET_TRY(first->Check(data));
  const std::vector<int> tensors = ObservedTensors(first->interpreter());
  std::vector<PerTensor> strands(kStrands, PerTensor(tensors.size()));
  std::vector<std::vector<std::unique_ptr<StateObserver>>> states;
  for (int strand = 0; strand < kStrands; ++strand) {
    OCTET_ASSIGN(auto observers, StateObserver::ForAll(model));
    states.push_back(std::move(observers));
  }
  OCTET_TRY(ForSamples(file, options, data, samples, "ranges", progress, [&](Session& session, int strand, int64_t sample, int64_t) -> Status {
    OCTET_TRY(session.Run(data, sample));
    for (size_t k = 0; k < tensors.size(); ++k) ObserveRange(session.interpreter().tensor(tensors[k]), sample, strands[static_cast<size_t>(strand)][k]);
    for (const auto& observer : states[static_cast<size_t>(strand)]) OCTET_TRY(observer->Observe(session.interpreter()));
    return {};
  }));
  PerTensor found(tensors.size());
  for (const PerTensor& strand : strands)
    for (size_t k = 0; k < tensors.size(); ++k) Merge(strand[k], found[k]);
  OCTET_TRY(CheckFinite(first->interpreter(), tensors, found));
  if (histograms) {
    for (PerTensor& strand : strands) {
      strand = found;
      for (TensorStatistics& s : strand) s.histogram.assign(kHistogramBins, 0.0f);
    }
    OCTET_TRY(ForSamples(file, options, data, binned ? *binned : samples, "histograms", progress, [&](Session& session, int strand, int64_t sample, int64_t) -> Status {
      OCTET_TRY(session.Run(data, sample));
      for (size_t k = 0; k < tensors.size(); ++k) ObserveHistogram(session.interpreter().tensor(tensors[k]), strands[static_cast<size_t>(strand)][k]);
      return {};
    }));
    for (size_t k = 0; k < tensors.size(); ++k) {
      found[k].histogram.assign(kHistogramBins, 0.0f);
      for (const PerTensor& strand : strands)
        for (int i = 0; i < kHistogramBins; ++i) found[k].histogram[static_cast<size_t>(i)] += strand[k].histogram[static_cast<size_t>(i)];
    }
  }
  Statistics statistics;
  for (size_t k = 0; k < tensors.size(); ++k) {
    TensorStatistics& s = found[k];
    for (double& m : s.channel_mean) m /= std::max<double>(1.0, static_cast<double>(s.count) / static_cast<double>(s.channel_mean.size()));
    statistics[std::string(first->interpreter().tensor(tensors[k]).name)] = std::move(s);
  }
  for (const auto& strand : states)
    for (const auto& observer : strand)
      for (const auto& [name, range] : observer->ranges()) {
        statistics[name].min = std::min(statistics[name].min, range.min);
        statistics[name].max = std::max(statistics[name].max, range.max);
      }
  return statistics;
}

Result<std::vector<float>> RunOutputs(const graph::Model& model, const data::Dataset& data, SampleRange samples, const Progress& progress) {
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
  OCTET_ASSIGN(const std::shared_ptr<const runtime::Model> file, runtime::Model::FromBytes(bytes));
  std::vector<std::vector<float>> by_sample(static_cast<size_t>(samples.count()));
  OCTET_TRY(ForSamples(file, {}, data, samples, "outputs", progress, [&](Session& session, int, int64_t sample, int64_t position) -> Status {
    OCTET_TRY(session.Run(data, sample));
    by_sample[static_cast<size_t>(position)] = session.AllOutputs();
    return {};
  }));
  std::vector<float> all;
  for (const std::vector<float>& y : by_sample) all.insert(all.end(), y.begin(), y.end());
  return all;
}

double MeanDifference(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
  return a.empty() ? 0 : sum / static_cast<double>(a.size());
}

}  // namespace octet::quantizer
