// SPDX-License-Identifier: Apache-2.0
#include "quantizer/scale_classes.h"

#include <algorithm>

namespace octet::quantizer {
namespace {

bool Covers(const Quant& q, DType type, Range r) {
  const Levels levels = LevelsOf(type);
  const float low = q.scale0() * (levels.low - static_cast<float>(q.zero0())), high = q.scale0() * (levels.high - static_cast<float>(q.zero0()));
  return r.min >= low - q.scale0() && r.max <= high + q.scale0();
}

}  // namespace

int ScaleClasses::Add(Range range) {
  class_.push_back(static_cast<int>(class_.size()));
  unions_.push_back(range);
  return class_.back();
}

int ScaleClasses::Find(int t) {
  const auto at = [&](int i) -> int& { return class_[static_cast<size_t>(i)]; };
  while (at(t) != t) t = at(t) = at(at(t));
  return t;
}

bool ScaleClasses::HasFixed(int t) {
  const int root = Find(t);
  return scales_.contains({root, DType::kI8}) || scales_.contains({root, DType::kI16});
}

void ScaleClasses::Unite(int a, int b, DType used) {
  a = Find(a);
  b = Find(b);
  if (a == b) return;
  Range &range_a = unions_[static_cast<size_t>(a)], &range_b = unions_[static_cast<size_t>(b)];
  for (DType type : {DType::kI8, DType::kI16}) {
    const auto of_a = scales_.find({a, type}), of_b = scales_.find({b, type});
    const bool fixed_a = of_a != scales_.end(), fixed_b = of_b != scales_.end();
    if (fixed_a && fixed_b && !(of_a->second == of_b->second)) return;
    if (fixed_a && !Covers(of_a->second, type, range_b)) return;
    if (fixed_b && !Covers(of_b->second, type, range_a)) return;
  }
  const bool to_b = scales_.contains({b, used});
  const int root = to_b ? b : a, joined = to_b ? a : b;
  class_[static_cast<size_t>(joined)] = root;
  unions_[static_cast<size_t>(root)] = {std::min(range_a.min, range_b.min), std::max(range_a.max, range_b.max)};
  for (DType type : {DType::kI8, DType::kI16})
    if (const auto it = scales_.find({joined, type}); it != scales_.end()) scales_.try_emplace({root, type}, it->second);
}

Quant ScaleClasses::Of(int t, DType type) {
  const int root = Find(t);
  const auto [it, fresh] = scales_.try_emplace({root, type});
  if (fresh) it->second = ActivationQuant(type, unions_[static_cast<size_t>(root)]);
  return it->second;
}

}  // namespace octet::quantizer
