// SPDX-License-Identifier: Apache-2.0
#include "quantizer/causes.h"

#include <algorithm>
#include <map>
#include <optional>

#include "quantizer/choose_params.h"
#include "quantizer/equalize_channels.h"
#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

constexpr auto kSteps = static_cast<double>(kInt8.steps());  // From end to end of an int8 range.
constexpr float kWideSpread = 15;       // Channels this much above the median cost the others their bits.
constexpr double kCoarse = 512;         // Over it, what the widest channel reaches is still a step: another range than its own is in use.
constexpr double kDrownedDb = 20;       // Of the median channel.
constexpr double kManySaturated = 0.01; // Of a layer's values, at the ends of its range.
constexpr double kLowSqnrDb = 20;       // Of a layer, or of the outputs where it alone is rounded: below is worth a word.
constexpr double kGoodSqnrDb = 35;      // Of a layer: above, nothing is.
constexpr size_t kMostCauses = 12, kMostAlike = 3;  // Nobody reads more.
constexpr double kManyLost = 0.3;       // Of a layer's values, below half a step.
constexpr double kUnlikeRanges = 8;     // Of what is joined under one scale.
constexpr double kHiding = 100;         // Data over an int8 range: no other samples reach so far.
constexpr double kTooWide = 4;          // An int8 range over what the data reach.
constexpr int kDeadShare = 8;           // From one channel in so many on.
constexpr double kLoneSample = 3;       // Times the next largest value: one sample sets the range.
constexpr int kNearby = 4;              // Operators between a variance and what is made of it.
// Of a first layer's bias beside what its median channel reaches. Over 16 trained models 0.0097 to 0.29, of at most 92; on
// their data times 255 at most 0.0012, of 230 and more (or a ReLU6 hides it); divided by 255 at least 0.40.
constexpr double kBiasDrowned = 0.0035, kLargeReach = 150, kBiasAlone = 0.36;
constexpr int64_t kSomeSamples = 32;    // What a channel reaches in fewer falls short: a bias seems larger beside it (0.43 in 8 good samples).
// Bytes that were not scaled reach further than the one, scaled ones no further than the other. Biases that no training made small or
// large (zeros at the start, random ones) say nothing by themselves.
constexpr double kLikeBytes = 128, kLikeShares = 1;

double Reach(const LayerRow& r) { return static_cast<double>(std::max(-r.min, r.max)); }
double Width(const LayerRow& r) { return static_cast<double>(std::max(r.max, 0.0f)) - static_cast<double>(std::min(r.min, 0.0f)); }

// The first few of a kind: layers behind the first often only pass on what it did.
void AddFew(std::vector<std::string> of_a_kind, std::vector<std::string>* causes) {
  of_a_kind.resize(std::min(of_a_kind.size(), kMostAlike));
  causes->insert(causes->end(), of_a_kind.begin(), of_a_kind.end());
}

void AddSpread(const std::vector<LayerRow>& layers, std::vector<std::string>* causes) {
  std::vector<const LayerRow*> order;
  for (const LayerRow& r : layers) order.push_back(&r);
  std::ranges::stable_sort(order, [](const LayerRow* a, const LayerRow* b) { return a->spread > b->spread; });
  for (const LayerRow* r : order) {
    // What equalisation already flattened in the file's own ranges is no cause any more.
    const bool coarse = r->step_over_median > static_cast<double>(r->spread) / kCoarse, measured = !std::isnan(r->sqnr_db);
    if (r->fixed_scale || r->spread < kWideSpread || !coarse || (measured && r->sqnr_db >= kGoodSqnrDb && r->median_channel_db >= kDrownedDb)) continue;
    causes->push_back(Format("channel %d of %s is %.0f times the median: one int8 step is %.0f %% of what the median channel ever reaches%s", r->widest_channel,
                             r->tensor.c_str(), static_cast<double>(r->spread), 100 * r->step_over_median,
                             measured ? Format(" (which keeps %.1f dB)", r->median_channel_db).c_str() : ""));
  }
}

// Operators that move what they are given join operands under one scale.
std::vector<bool> AddJoins(const std::vector<LayerRow>& layers, const std::vector<Join>& joins, std::vector<std::string>* causes) {
  std::vector<bool> narrowed(layers.size(), false);
  for (const Join& join : joins) {
    const auto reach = [&](size_t i) { return Reach(layers[i]); };
    std::vector<size_t> operands = join.operands;
    std::erase_if(operands, [&](size_t i) { return reach(i) <= 0; });
    if (operands.size() < 2) continue;
    const size_t narrow = *std::ranges::min_element(operands, {}, reach), wide = *std::ranges::max_element(operands, {}, reach);
    if (reach(wide) <= kUnlikeRanges * reach(narrow)) continue;
    for (size_t i : operands) narrowed[i] = narrowed[i] || reach(i) < reach(wide);
    causes->push_back(Format("%s joins %s (up to %.3g) and %s (up to %.3g) under one scale: the smaller keeps only %.0f of %.0f steps", join.place.c_str(),
                             layers[wide].tensor.c_str(), reach(wide), layers[narrow].tensor.c_str(), reach(narrow),
                             std::max(1.0, (kSteps + 1) * reach(narrow) / reach(wide)), kSteps + 1));
  }
  return narrowed;
}

void AddRanges(const std::vector<LayerRow>& layers, const std::vector<bool>& narrowed, std::vector<std::string>* causes) {
  std::vector<std::string> saturated, wide;
  for (size_t i = 0; i < layers.size(); ++i) {
    const LayerRow& r = layers[i];
    const bool hides = Width(r) > kHiding * kSteps * r.step;  // A mask, which ends just below what it hides.
    const bool harmless = hides || r.isolated_db >= kGoodSqnrDb;
    if (r.saturated > kManySaturated && !harmless)
      saturated.push_back(
          Format("%.1f %% of the values of %s lie at the ends of its int8 range: the calibration set did not cover them", 100 * r.saturated, r.tensor.c_str()));
    if (!harmless && !r.rescaled && !r.fixed_scale && !narrowed[i] && Width(r) > 0 && kSteps * r.step > kTooWide * Width(r))
      wide.push_back(
          Format("the int8 range of %s is %.0f times what the data reach: other data, or a single sample, set it", r.tensor.c_str(),
                 kSteps * r.step / Width(r)));
  }
  AddFew(std::move(saturated), causes);
  AddFew(std::move(wide), causes);
}

void AddLost(const std::vector<LayerRow>& layers, std::vector<std::string>* causes) {
  for (const LayerRow& r : layers) {
    const bool fits = kSteps * r.step <= kTooWide * Width(r), known = !std::isnan(r.isolated_db);
    if (!fits || r.lost <= kManyLost || (known ? r.isolated_db >= kLowSqnrDb : r.channels > 1)) continue;
    causes->push_back(
        Format("%.0f %% of the values of %s are below half an int8 step and become zero: they differ too much in size for one scale, as the variances of a "
               "LayerNorm do%s",
               100 * r.lost, r.tensor.c_str(), known ? Format(" (it alone leaves the outputs %.0f dB)", r.isolated_db).c_str() : ""));
  }
}

void AddDead(const std::vector<LayerRow>& layers, std::vector<std::string>* causes) {
  std::vector<std::string> dead;
  const LayerRow* before = nullptr;
  for (const LayerRow& r : layers) {
    const bool passed_on = before && before->dead_channels == r.dead_channels && before->channels == r.channels;
    if (!r.fixed_scale && r.channels > 1 && r.dead_channels * kDeadShare >= r.channels && !passed_on)
      dead.push_back(Format("%d of %d channels of %s are always zero on these samples", r.dead_channels, r.channels, r.tensor.c_str()));
    before = &r;
  }
  AddFew(std::move(dead), causes);
}

// Is it one number per row, out of a row of many, as a mean or a variance is, or made of such a number alone, as the 1 / sqrt?
bool ReducesRows(const graph::Graph& g, graph::NodeId id) {
  for (int steps = 0; steps < kNearby && id >= 0; ++steps) {
    WeightedOp op;
    const graph::Node& n = g.node(id);
    if (n.inputs.empty() || n.inputs[0] == graph::kNoTensor) return false;
    const Shape &in = g.tensor(n.inputs[0]).type.shape, &out = g.tensor(n.outputs[0]).type.shape;
    if (in.rank() < 2 || out.rank() < 1 || out.back() != 1 || FindWeights(g, id, &op)) return false;
    if (in.back() > 1) return true;
    if (!(n.op->traits & ops::kElementwise)) return false;
    id = g.tensor(n.inputs[0]).producer;
  }
  return false;
}

// Of all values; only for such as are never exactly zero.
double LostShare(const TensorStatistics& s) {
  if (s.histogram.empty() || !(s.max > s.min)) return 0;
  const double width = (static_cast<double>(s.max) - static_cast<double>(s.min)) / kHistogramBins, half_step = kHistogramBins / kSteps / 2 * width;
  double lost = 0, all = 0;
  for (int i = 0; i < kHistogramBins; ++i) {
    const double x = std::abs(static_cast<double>(s.min) + (i + 0.5) * width);
    all += static_cast<double>(s.histogram[static_cast<size_t>(i)]);
    if (x < half_step) lost += static_cast<double>(s.histogram[static_cast<size_t>(i)]);
  }
  return all > 0 ? lost / all : 0;
}

struct FirstLayer {
  std::string place;
  double bias_share = 0;  // Of the median channel: |bias| / largest |value|.
  double reach = 0;       // Of all channels.
};

// The first layer with weights and a bias behind a tensor, where nothing but moving and padding is between them.
std::optional<FirstLayer> FirstBehind(const graph::Graph& g, graph::TensorId t, const Statistics& statistics) {
  while (g.tensor(t).consumers.size() == 1) {
    const graph::NodeId id = g.tensor(t).consumers[0];
    const graph::Node& n = g.node(id);
    if (n.outputs.empty()) return std::nullopt;
    const std::string& out = g.tensor(n.outputs[0]).name;
    WeightedOp op;
    if (!FindWeights(g, id, &op)) {
      if (!(n.op->traits & (ops::kMovesBytes | ops::kAliases))) return std::nullopt;
      t = n.outputs[0];
      continue;
    }
    const auto it = statistics.find(out);
    if (op.bias < 0 || static_cast<size_t>(op.bias) >= n.inputs.size() || n.inputs[static_cast<size_t>(op.bias)] == graph::kNoTensor || it == statistics.end())
      return std::nullopt;
    const graph::Tensor& bias = g.tensor(n.inputs[static_cast<size_t>(op.bias)]);
    const std::vector<float>& reach = it->second.channel_max;
    if (!bias.constant || bias.type.dtype != DType::kF32 || reach.empty() || bias.data<float>().size() != reach.size()) return std::nullopt;
    std::vector<double> shares;
    for (size_t c = 0; c < reach.size(); ++c)
      if (reach[c] > kDeadChannel) shares.push_back(static_cast<double>(std::abs(bias.data<float>()[c]) / reach[c]));
    if (shares.empty()) return std::nullopt;
    std::ranges::nth_element(shares, shares.begin() + static_cast<int64_t>(shares.size() / 2));
    return FirstLayer{n.place.empty() ? out : n.place, shares[shares.size() / 2], static_cast<double>(*std::ranges::max_element(reach))};
  }
  return std::nullopt;
}

}  // namespace

void FillChannels(const std::vector<float>& channel_max, LayerRow* row) {
  row->spread = Spread(channel_max);
  row->widest_channel = static_cast<int>(std::ranges::max_element(channel_max) - channel_max.begin());
  row->channels = static_cast<int>(channel_max.size());
  row->dead_channels = static_cast<int>(std::ranges::count_if(channel_max, [](float v) { return v <= kDeadChannel; }));
}

std::vector<std::string> CausesOf(const std::vector<LayerRow>& layers, const std::vector<Join>& joins, const std::vector<std::string>& inputs) {
  std::vector<std::string> causes = inputs;
  AddSpread(layers, &causes);
  const std::vector<bool> narrowed = AddJoins(layers, joins, &causes);
  if (inputs.empty()) AddRanges(layers, narrowed, &causes);
  AddLost(layers, &causes);
  const bool measured = std::ranges::any_of(layers, [](const LayerRow& r) { return !std::isnan(r.sqnr_db); });
  if (causes.empty() && measured) {
    const auto worst = std::ranges::min_element(layers, {}, &LayerRow::sqnr_db);
    if (worst->sqnr_db < kLowSqnrDb)
      causes.push_back(
          Format("%s has the lowest signal to error, %.1f dB; its channels are even, so no single one is to blame", worst->tensor.c_str(), worst->sqnr_db));
  }
  AddDead(layers, &causes);
  if (causes.size() > kMostCauses) causes.resize(kMostCauses);
  return causes;
}

std::vector<std::string> CausesIn(const graph::Graph& g, const Statistics& statistics) {
  std::vector<LayerRow> layers;
  std::vector<Join> joins;
  std::map<graph::TensorId, size_t> rows;
  for (graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    if (n.op->traits & ops::kMovesBytes) {
      Join join{n.place, {}};
      for (graph::TensorId t : n.inputs)
        if (const auto it = rows.find(t); it != rows.end()) join.operands.push_back(it->second);
      joins.push_back(std::move(join));
    }
    const bool computes =
        std::ranges::any_of(n.inputs, [&](graph::TensorId t) { return t != graph::kNoTensor && !g.is_constant(t) && g.tensor(t).type.dtype == DType::kF32; });
    if (n.outputs.empty() || !computes) continue;  // The zeros that a loop begins with lose nothing.
    const auto it = statistics.find(g.tensor(n.outputs[0]).name);
    if (it == statistics.end() || it->second.channel_max.empty()) continue;
    const TensorStatistics& s = it->second;
    LayerRow row;
    row.tensor = it->first;
    row.op = n.op->name;
    row.min = s.min;
    row.max = s.max;
    FillChannels(s.channel_max, &row);
    row.step = Width(row) / kSteps;
    const double median = Reach(row) / std::max(1.0, static_cast<double>(row.spread));
    row.step_over_median = median > 0 ? row.step / median : 0;
    if (ReducesRows(g, id)) row.lost = LostShare(s);
    const ops::QuantRow* rule = RuleFor(*n.op, ~0, DType::kI8);
    row.fixed_scale = rule && rule->kind == ops::QuantKind::kFixed;
    rows[n.outputs[0]] = layers.size();
    layers.push_back(std::move(row));
  }
  return CausesOf(layers, joins, {});
}

std::vector<std::string> OtherNormalisation(const graph::Graph& g, const Statistics& statistics) {
  std::vector<std::string> doubts;
  for (const graph::TensorId input : g.inputs) {
    const std::optional<FirstLayer> first = FirstBehind(g, input, statistics);
    const auto seen = statistics.find(g.tensor(input).name);
    if (!first || first->bias_share <= 0 || seen == statistics.end()) continue;
    const TensorStatistics& s = seen->second;
    const double reach = std::max(-static_cast<double>(s.min), static_cast<double>(s.max));
    const bool large = first->bias_share < kBiasDrowned && first->reach > kLargeReach && reach >= kLikeBytes,
               small = first->bias_share > kBiasAlone && s.ema_samples >= kSomeSamples && reach <= kLikeShares;
    if (!large && !small) continue;
    doubts.push_back(Format(
        "input '%s' reaches from %g to %g: beside that, the biases of %s are %s (%.2g of what its median channel reaches); was the model trained on %s values, "
        "as %s? --preprocess states what is done to the data",
        g.tensor(input).name.c_str(), static_cast<double>(s.min), static_cast<double>(s.max), first->place.c_str(), large ? "nothing" : "nearly all",
        first->bias_share, large ? "smaller" : "larger", large ? "0 to 1 instead of 0 to 255" : "0 to 255 instead of 0 to 1"));
  }
  return doubts;
}

std::string LoneSample(const Statistics& statistics) {
  double worst = kLoneSample;
  std::string text;
  for (const auto& [name, s] : statistics) {
    const double most = std::max(-static_cast<double>(s.min), static_cast<double>(s.max)), next = static_cast<double>(s.runner_up_max);
    if (s.widest_sample < 0 || next <= 0 || most / next <= worst) continue;
    worst = most / next;
    text = Format("sample %lld alone sets the range of %s: %.3g, the next largest is %.3g; is it a good sample?", static_cast<long long>(s.widest_sample),
                  name.c_str(), most, next);
  }
  return text;
}

}  // namespace octet::quantizer
