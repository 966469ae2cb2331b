// SPDX-License-Identifier: Apache-2.0
#include "quantizer/calibrate.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <set>
#include <unordered_map>

#include "exporter/exporter.h"
#include "passes/visible_ranges.h"
#include "quantizer/observe_states.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

constexpr int64_t kMostBinned = 1 << 16;  // Values of a tensor that go into its histogram, per sample.
constexpr float kFarOut = 100;            // Times what is visible: so much hides, and is not what other samples may need.
constexpr float kEmaKeep = 0.8145f;  // 0.95 per sample; a strand sees every fourth.

bool Observed(const runtime::TensorRef& t) { return t.data && t.type->dtype == DType::kF32 && t.bytes > 0; }

// Float tensors that the graph computes or takes in: those need ranges. By their positions in the list. Behind them what
// subgraphs compute that nodes call, loop by loop and branch by branch.
struct Watched {
  Watched(const runtime::Interpreter& interpreter, const graph::Model& model)
      : made(static_cast<size_t>(interpreter.num_nodes())), position(static_cast<size_t>(interpreter.num_tensors()), -1) {
    for (int n = 0; n < interpreter.num_nodes(); ++n) {
      const runtime::NodeInfo node = interpreter.node(n);
      for (int32_t t : node.outputs)
        if (const int k = Add(interpreter, t); k >= 0) made[static_cast<size_t>(n)].push_back(k);
      for (int32_t t : node.inputs) Add(interpreter, t);  // Constants, too: as operands of element-wise operators they need a scale.
    }
    for (int i = 0; i < interpreter.num_inputs(); ++i)
      if (const int k = position[static_cast<size_t>(interpreter.input_tensor(i))]; k >= 0) inputs.push_back(k);
    for (int t : tensors) names.emplace_back(interpreter.tensor(t).name);
    for (size_t g = 1; g < model.subgraphs.size(); ++g)
      for (const graph::NodeId id : model.subgraphs[g].order())
        for (const graph::TensorId t : model.subgraphs[g].node(id).outputs)
          if (const graph::Tensor& tensor = model.subgraphs[g].tensor(t);
              tensor.type.dtype == DType::kF32 && called.try_emplace(tensor.name, names.size()).second)
            names.push_back(tensor.name);
  }

  std::vector<std::string> names;                                 // Of all.
  std::vector<int> tensors;                                       // Of the main graph.
  std::unordered_map<std::string_view, size_t> called;            // In other subgraphs: by the names that the model owns.
  std::vector<std::vector<int>> made;  // By node.
  std::vector<int> inputs;

 private:
  int Add(const runtime::Interpreter& interpreter, int32_t t) {
    if (t < 0 || !Observed(interpreter.tensor(t))) return -1;
    int& k = position[static_cast<size_t>(t)];
    if (k < 0) {
      k = static_cast<int>(tensors.size());
      tensors.push_back(t);
    }
    return k;
  }
  std::vector<int> position;  // By tensor.
};

using Look = std::function<void(const runtime::TensorRef& tensor, size_t position)>;

// Shows tensors as they are made, while they are still in the cache and before their memory is another's.
class Watch : public runtime::Observer {
 public:
  Watch(const runtime::Interpreter& interpreter, const Watched& watched, const Look& look)
      : interpreter_(interpreter), watched_(watched), look_(look), shown_(watched.tensors.size(), false) {}
  // Before the run, when the inputs are set.
  void ShowInputs() {
    for (int k : watched_.inputs) Show(k);
  }
  void AfterNode(int node) override {
    for (int k : watched_.made[static_cast<size_t>(node)]) Show(k);
  }
  bool WatchesCalls() const override { return !watched_.called.empty(); }
  void AfterMade(const runtime::TensorRef& t) override {
    if (!Observed(t)) return;
    if (const auto at = watched_.called.find(t.name); at != watched_.called.end()) look_(t, at->second);
  }
  // After the run: what no node makes is the same in every one.
  void ShowConstants() {
    for (size_t k = 0; k < shown_.size(); ++k)
      if (!shown_[k]) Show(static_cast<int>(k));
  }

 private:
  void Show(int k) {
    shown_[static_cast<size_t>(k)] = true;
    if (const runtime::TensorRef t = interpreter_.tensor(watched_.tensors[static_cast<size_t>(k)]); Observed(t)) look_(t, static_cast<size_t>(k));
  }

  const runtime::Interpreter& interpreter_;
  const Watched& watched_;
  const Look& look_;
  std::vector<bool> shown_;
};

// Per channel of one sample. Narrow tensors are read as rows of several pixels, so that a row fills vectors.
class ChannelRanges {
 public:
  explicit ChannelRanges(int64_t channels)
      : channels_(channels),
        width_(channels * std::max<int64_t>(1, kRow / channels)),
        low_(static_cast<size_t>(width_), 0.0f),
        high_(low_),
        block_(low_),
        sum_(low_.size(), 0.0) {}

  void Add(const float* x, int64_t n) {
    const int64_t rows = n / width_;
    for (int64_t r = 0; r < rows; r += kBlock) AddBlock(x + r * width_, std::min(kBlock, rows - r), width_);
    AddBlock(x + rows * width_, 1, n - rows * width_);
    for (int64_t c = channels_; c < width_; ++c) {
      const auto to = static_cast<size_t>(c % channels_), from = static_cast<size_t>(c);
      low_[to] = std::min(low_[to], low_[from]);
      high_[to] = std::max(high_[to], high_[from]);
      sum_[to] += sum_[from];
    }
  }
  float low(int64_t c) const { return low_[static_cast<size_t>(c)]; }
  float high(int64_t c) const { return high_[static_cast<size_t>(c)]; }
  double sum(int64_t c) const { return sum_[static_cast<size_t>(c)]; }

 private:
  static constexpr int64_t kRow = 64;    // Values that a row has at least, about.
  static constexpr int64_t kBlock = 32;  // Rows that are summed in float.

  void AddBlock(const float* x, int64_t rows, int64_t width) {
    std::ranges::fill(block_, 0.0f);
    int64_t r = 0;
    for (; r + 4 <= rows; r += 4) AddRows<4>(x + r * width, width, low_.data(), high_.data(), block_.data());
    for (; r < rows; ++r) AddRows<1>(x + r * width, width, low_.data(), high_.data(), block_.data());
    for (int64_t c = 0; c < width; ++c) sum_[static_cast<size_t>(c)] += static_cast<double>(block_[static_cast<size_t>(c)]);
  }

  // Compilers turn it into vector code; several rows share the way of the results through memory.
  template <int kRows> static void AddRows(const float* __restrict x, int64_t width, float* __restrict low, float* __restrict high, float* __restrict sum) {
    for (int64_t c = 0; c < width; ++c) {
      float least = x[c], most = x[c], total = x[c];
      for (int r = 1; r < kRows; ++r) {
        const float v = x[r * width + c];
        least = v < least ? v : least;
        most = v > most ? v : most;
        total += v;
      }
      low[c] = least < low[c] ? least : low[c];
      high[c] = most > high[c] ? most : high[c];
      sum[c] += total;
    }
  }

  int64_t channels_, width_;
  std::vector<float> low_, high_, block_;
  std::vector<double> sum_;
};

void ObserveRange(const runtime::TensorRef& t, int64_t sample, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const int64_t n = t.type->shape.elements(), channels = t.type->shape.rank() > 0 ? t.type->shape.back() : 0;
  if (s.channel_max.size() != static_cast<size_t>(channels)) {
    s.channel_max.assign(channels, 0.0f);
    s.channel_mean.assign(channels, 0.0);
  }
  ChannelRanges ranges(std::max<int64_t>(1, channels));
  ranges.Add(x, n);
  float low = 0, high = 0;
  for (int64_t c = 0; c < std::max<int64_t>(1, channels); ++c) {
    low = std::isfinite(ranges.sum(c)) ? std::min(low, ranges.low(c)) : NAN;  // Comparisons pass NaN over, sums do not.
    high = std::max(high, ranges.high(c));
    if (low != low) break;
    if (channels == 0) continue;
    float& most = s.channel_max[static_cast<size_t>(c)];
    most = std::max({most, -ranges.low(c), ranges.high(c)});
    s.channel_mean[static_cast<size_t>(c)] += ranges.sum(c);
  }
  const float before = s.count ? std::max(-s.min, s.max) : 0.0f;
  s.min = std::min(s.min, low);
  s.max = std::max(s.max, high);
  if (low != low) s.min = low;
  const float most = std::max(-low, high), keep = s.ema_samples++ == 0 ? 0.0f : kEmaKeep;
  s.ema_min = keep * s.ema_min + (1 - keep) * low;
  s.ema_max = keep * s.ema_max + (1 - keep) * high;
  if (s.widest_sample < 0 || most >= before) {
    if (s.widest_sample >= 0) s.runner_up_max = std::max(s.runner_up_max, std::min(most, before));
    s.widest_sample = sample;
  } else {
    s.runner_up_max = std::max(s.runner_up_max, most);
  }
  s.count += n;
}

// The value of that rank of every row, where it is not masked as a whole.
void ObservePeaks(const runtime::TensorRef& t, int rank, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const int64_t row = t.type->shape.back(), n = t.type->shape.elements();
  if (rank > row) return;
  std::vector<float> values(static_cast<size_t>(row));
  for (int64_t i = 0; i + row <= n; i += row) {
    std::copy_n(x + i, row, values.begin());
    std::ranges::nth_element(values, values.begin() + (rank - 1), std::greater());
    if (const float peak = values[static_cast<size_t>(rank - 1)]; peak > passes::kHidden) s.least_peak = std::min(s.least_peak, peak);
  }
}

void ObserveHistogram(const runtime::TensorRef& t, TensorStatistics& s) {
  const auto* x = reinterpret_cast<const float*>(t.data);
  const float width = (s.max - s.min) / kHistogramBins, per_width = 1.0f / width, last = kHistogramBins - 1;
  if (!(width > 0) || !std::isfinite(per_width)) return;
  const int64_t n = t.type->shape.elements(), channels = t.type->shape.back();
  int64_t step = (n + kMostBinned - 1) / kMostBinned;
  while (step > 1 && std::gcd(step, channels) != 1) ++step;  // All channels get their turn.
  for (int64_t i = 0; i < n; i += step)
    s.histogram[static_cast<size_t>(std::min(last, std::max(0.0f, (x[i] - s.min) * per_width)))] += 1.0f;  // NaN: the first.
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
  if (from.min != from.min) to.min = from.min;  // NaN: comparisons pass it over.
  to.least_peak = std::min(to.least_peak, from.least_peak);
  to.nearest = std::min(to.nearest, from.nearest);
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

// `constants_too`: once is enough for all samples.
Status RunWatched(Session& session, const data::Dataset& data, int64_t sample, const Watched& watched, bool constants_too, const Look& look) {
  runtime::Interpreter& interpreter = session.interpreter();
  OCTET_TRY(session.Prepare(data, sample));
  Watch watch(interpreter, watched, look);
  watch.ShowInputs();
  interpreter.SetObserver(&watch);
  Status status = interpreter.Invoke();
  interpreter.SetObserver(nullptr);
  OCTET_TRY(std::move(status));
  if (constants_too) watch.ShowConstants();
  return {};
}

// Constants may be infinite, as limits that nothing reaches are: that is no range.
Status CheckFinite(const graph::Model& model, const std::vector<std::string>& names, PerTensor& found) {
  std::set<std::string_view> constants;
  for (const graph::Graph& g : model.subgraphs)
    for (const graph::Tensor& t : g.tensors())
      if (t.constant) constants.insert(t.name);
  for (size_t k = 0; k < names.size(); ++k) {
    if (std::isfinite(found[k].min) && std::isfinite(found[k].max)) continue;
    if (!constants.contains(names[k]))
      return Error(Code::kInvalidModel, "tensor '%s' becomes infinite or NaN on the calibration data", names[k].c_str());
    found[k] = TensorStatistics();
  }
  return {};
}

void ObserveNearest(const runtime::TensorRef& t, TensorStatistics& s) {
  for (const float v : std::span(reinterpret_cast<const float*>(t.data), static_cast<size_t>(t.type->shape.elements())))
    s.nearest = std::min(s.nearest, std::abs(v));
}

// How a tensor is read.
struct Reading {
  int rank = 0;  // How many of its rows' largest values count; 0: all.
  bool divides = false;
};
std::vector<Reading> ReadingsOf(const graph::Model& model, const std::vector<std::string>& names) {
  std::map<std::string, Reading> readings;
  for (const graph::Graph& g : model.subgraphs)
    for (size_t i = 0; i < g.tensors().size(); ++i) {
      const auto t = static_cast<graph::TensorId>(i);
      const bool divides = std::ranges::any_of(g.tensor(t).consumers, [&](graph::NodeId id) { return passes::DivisorOf(g.node(id)) == t; });
      readings[g.tensor(t).name] = {passes::RankRead(g, t), divides};
    }
  std::vector<Reading> of_names;
  for (const std::string& name : names) of_names.push_back(readings[name]);
  return of_names;
}

void Narrow(passes::Interval to, TensorStatistics& s) {
  s.min = std::max(s.min, std::min(0.0f, to.low));
  s.max = std::min(s.max, std::max(0.0f, to.high));
  s.ema_min = std::max(s.ema_min, s.min);
  s.ema_max = std::min(s.ema_max, s.max);
  const float most = std::max(-s.min, s.max);
  s.runner_up_max = std::min(s.runner_up_max, most);
  for (float& m : s.channel_max) m = std::min(m, most);
}

// Of those that a file does not show: it has equal constants once, and those of called graphs are not watched.
Statistics OtherConstants(const graph::Model& model, const std::vector<std::string>& names) {
  const std::set<std::string_view> shown(names.begin(), names.end());
  Statistics others;
  for (const graph::Graph& g : model.subgraphs)
    for (const graph::Tensor& t : g.tensors()) {
      if (!t.constant || t.type.dtype != DType::kF32 || t.consumers.empty() || shown.contains(t.name)) continue;
      TensorStatistics& s = others[t.name];
      for (const float v : t.data<float>())
        if (std::isfinite(v)) s.min = std::min(s.min, v), s.max = std::max(s.max, v), s.nearest = std::min(s.nearest, std::abs(v));
      s.count = t.type.shape.elements();
    }
  return others;
}

// What no reader can tell apart is in no range. Inputs and states keep theirs, unless that is what hides or they are bounded anyway.
void NarrowToVisible(const graph::Model& model, const std::vector<std::string>& names, PerTensor& found, Statistics& constants) {
  std::unordered_map<std::string_view, TensorStatistics*> by_name;
  for (auto& [name, s] : constants) by_name[name] = &s;
  for (size_t k = 0; k < names.size(); ++k)
    if (found[k].count > 0) by_name[names[k]] = &found[k];
  const passes::Seen seen = [&](const std::string& tensor) -> std::optional<passes::SeenValues> {
    const auto at = by_name.find(tensor);
    return at == by_name.end() ? std::nullopt : std::optional(passes::SeenValues{at->second->min, at->second->max, at->second->least_peak});
  };
  for (const graph::Graph& g : model.subgraphs)
    for (const auto& [t, visible] : passes::VisibleRanges(g, seen)) {
      const auto at = by_name.find(g.tensor(t).name);
      if (at == by_name.end()) continue;
      TensorStatistics narrow = *at->second;
      Narrow(visible, narrow);
      const bool given = g.tensor(t).is_variable || std::ranges::find(g.inputs, t) != g.inputs.end();
      if (!given || passes::IsBounded(g, t) || at->second->max - at->second->min > kFarOut * (narrow.max - narrow.min)) *at->second = narrow;
    }
}

}  // namespace

Result<Statistics> Calibrate(const graph::Model& model, const data::Dataset& data, SampleRange samples, bool histograms, const Progress& progress,
                             const SampleRange* binned) {
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
  OCTET_ASSIGN(const std::shared_ptr<const runtime::Model> file, runtime::Model::FromBytes(bytes));
  std::vector<PerTensor> strands;
  std::vector<std::vector<std::unique_ptr<StateObserver>>> states;
  for (int strand = 0; strand < kStrands; ++strand) {
    OCTET_ASSIGN(auto observers, StateObserver::ForAll(model));
    states.push_back(std::move(observers));
  }
  // Fused operators would hide what is between them. What observers of states read after the run must still be there.
  const bool has_states = !states[0].empty();
  const Session::Options options{.keep_all_tensors = has_states, .keep_all_nodes = true};
  OCTET_ASSIGN(const auto first, Session::FromModel(file, options));
  OCTET_TRY(first->Check(data));
  const Watched watched(first->interpreter(), model);
  const std::vector<std::string>& names = watched.names;
  const std::vector<Reading> readings = ReadingsOf(model, names);
  strands.assign(kStrands, PerTensor(names.size()));
  OCTET_TRY(ForSamples(file, options, data, samples, "ranges", progress, [&](Session& session, int strand, int64_t sample, int64_t position) -> Status {
    PerTensor& into = strands[static_cast<size_t>(strand)];
    OCTET_TRY(RunWatched(session, data, sample, watched, position == 0, [&](const runtime::TensorRef& t, size_t k) {
      ObserveRange(t, sample, into[k]);
      if (readings[k].rank > 0) ObservePeaks(t, readings[k].rank, into[k]);
      if (readings[k].divides) ObserveNearest(t, into[k]);
    }));
    for (const auto& observer : states[static_cast<size_t>(strand)]) OCTET_TRY(observer->Observe(session.interpreter()));
    return {};
  }));
  PerTensor found(names.size());
  for (const PerTensor& strand : strands)
    for (size_t k = 0; k < names.size(); ++k) Merge(strand[k], found[k]);
  OCTET_TRY(CheckFinite(model, names, found));
  Statistics statistics = OtherConstants(model, names);
  NarrowToVisible(model, names, found, statistics);
  if (histograms) {
    for (PerTensor& strand : strands) {
      strand = found;
      for (TensorStatistics& s : strand) s.histogram.assign(kHistogramBins, 0.0f);
    }
    OCTET_TRY(ForSamples(
        file, options, data, binned ? *binned : samples, "histograms", progress, [&](Session& session, int strand, int64_t sample, int64_t position) -> Status {
          PerTensor& into = strands[static_cast<size_t>(strand)];
          return RunWatched(session, data, sample, watched, position == 0, [&](const runtime::TensorRef& t, size_t k) { ObserveHistogram(t, into[k]); });
        }));
    for (size_t k = 0; k < names.size(); ++k) {
      found[k].histogram.assign(kHistogramBins, 0.0f);
      for (const PerTensor& strand : strands)
        for (int i = 0; i < kHistogramBins; ++i) found[k].histogram[static_cast<size_t>(i)] += strand[k].histogram[static_cast<size_t>(i)];
    }
  }
  for (size_t k = 0; k < names.size(); ++k) {
    TensorStatistics& s = found[k];
    if (k >= watched.tensors.size() && s.count == 0) continue;  // In a branch that no sample took.
    for (double& m : s.channel_mean) m /= std::max<double>(1.0, static_cast<double>(s.count) / static_cast<double>(s.channel_mean.size()));
    statistics[names[k]] = std::move(s);
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
