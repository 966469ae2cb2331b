// SPDX-License-Identifier: Apache-2.0
#include "quantizer/tensor_ranges.h"

#include <algorithm>
#include <cmath>

#include "quantizer/roles.h"

namespace octet::quantizer {
namespace {

// So few samples do not show how far values reach: logits that end at the range's end tie with each other. A quarter
// more costs a third of a bit.
constexpr int64_t kFewSamples = 16;
constexpr float kWidened = 1.25f;

Range Widened(Range r) { return {kWidened * r.min, kWidened * r.max}; }

}  // namespace

TensorRanges::TensorRanges(const graph::Model& model, Statistics statistics, bool repair) : statistics_(std::move(statistics)) {
  for (const graph::Graph& g : model.subgraphs)
    for (size_t i = 0; i < g.tensors().size(); ++i) {
      const auto t = static_cast<graph::TensorId>(i);
      if (!statistics_.contains(g.tensor(t).name)) continue;
      const bool whole = g.tensor(t).is_variable || std::ranges::find(g.inputs, t) != g.inputs.end();
      tensors_[g.tensor(t).name] = {whole, repair && !whole && g.tensor(t).producer >= 0, repair ? LowestUseful(g, t) : -INFINITY};
    }
}

Range TensorRanges::Of(const std::string& tensor, Ranges method) const {
  const auto limits = tensors_.find(tensor);
  if (limits == tensors_.end()) return {};
  if (limits->second.whole) method = Ranges::kMinMax;
  const auto [it, fresh] = found_.try_emplace({tensor, method});
  if (fresh) {
    const TensorStatistics& s = statistics_.at(tensor);
    it->second = ChooseRange(limits->second.whole ? s : Above(s, limits->second.low), method);
    if (limits->second.widens && s.ema_samples < kFewSamples) it->second = Widened(it->second);
  }
  return it->second;
}

std::map<std::string, Range> TensorRanges::All(Ranges common, const RangeMethods& others) const {
  std::map<std::string, Range> ranges;
  for (const auto& [name, limits] : tensors_) {
    const auto other = others.find(name);
    ranges[name] = Of(name, other == others.end() ? common : other->second);
    ranges[name].nearest = statistics_.at(name).nearest;
  }
  return ranges;
}

}  // namespace octet::quantizer
