// SPDX-License-Identifier: Apache-2.0
#include "ops/normalize_rows_util.h"

#include "base/thread_pool.h"
#include "kernels/elementwise.h"

namespace octet::ops {
namespace {

// A small part of a graph, asked by the tensors that its nodes make.
class Pattern {
 public:
  explicit Pattern(std::span<const WrittenOut> nodes) : nodes_(nodes) {}

  const WrittenOut* Made(int32_t tensor, std::string_view op) {
    for (const WrittenOut& n : nodes_)
      if (n.output == tensor && n.def->name == op && !Activates(n)) return Used(n);
    return nullptr;
  }
  // The mean of every row of the tensor that is returned, or -1.
  int32_t MeanOf(int32_t tensor) {
    const WrittenOut* n = Made(tensor, "mean");
    return n && n->reduces_rows ? n->inputs[0] : -1;
  }
  // `tensor` = op(a, other), in any order.
  bool MadeFrom(int32_t tensor, std::string_view op, int32_t a, int32_t* other) {
    const WrittenOut* n = Made(tensor, op);
    if (!n || n->inputs.size() != 2 || (n->inputs[0] != a && n->inputs[1] != a)) return false;
    *other = n->inputs[0] == a ? n->inputs[1] : n->inputs[0];
    return true;
  }
  // All nodes up to `last` take part.
  bool Whole(const WrittenOut& last) const { return used_ == (2u << (&last - nodes_.data())) - 1; }

 private:
  const WrittenOut* Used(const WrittenOut& n) {
    used_ |= 1u << (&n - nodes_.data());
    return &n;
  }
  static bool Activates(const WrittenOut& n) {
    for (const AttrRow& row : n.def->attrs.rows)
      if (row.name == "fused_activation_function") return *static_cast<const Activation*>(row.at(const_cast<void*>(n.attributes))) != Activation::kNone;
    return false;
  }
  std::span<const WrittenOut> nodes_;
  uint32_t used_ = 0;
};

// scale = rsqrt(mean((x - mean)^2) + epsilon) * gamma.
bool IsScale(Pattern& p, int32_t scale, int32_t x, int32_t mean, NormalizedRows* found) {
  const WrittenOut* product = p.Made(scale, "mul");
  if (!product) return false;
  for (int side : {0, 1}) {
    const WrittenOut* root = p.Made(product->inputs[side], "rsqrt");
    const WrittenOut* sum = root ? p.Made(root->inputs[0], "add") : nullptr;
    if (!sum) continue;
    found->gamma = product->inputs[1 - side];
    for (int of : {0, 1}) {
      const int32_t square = p.MeanOf(sum->inputs[of]);
      int32_t subtracted = -1;
      if (square < 0 || !p.MadeFrom(square, "squared_difference", x, &subtracted) || subtracted != mean) continue;
      found->epsilon = sum->inputs[1 - of];
      return true;
    }
  }
  return false;
}

// moved = -mean * scale, or beta - mean * scale.
bool IsMoved(Pattern& p, int32_t moved, int32_t mean, int32_t scale, NormalizedRows* found) {
  int32_t other = -1;
  if (p.MadeFrom(moved, "mul", scale, &other)) {
    const WrittenOut* negative = p.Made(other, "neg");
    return negative && negative->inputs[0] == mean;
  }
  const WrittenOut* difference = p.Made(moved, "sub");
  if (!difference || !p.MadeFrom(difference->inputs[1], "mul", scale, &other) || other != mean) return false;
  found->beta = difference->inputs[0];
  return true;
}

bool Matches(std::span<const WrittenOut> nodes, const WrittenOut& last, int side, NormalizedRows* found) {
  Pattern p(nodes);
  const int32_t mean = nodes[0].output;
  int32_t scale = -1;
  *found = {};
  found->x = p.MeanOf(mean);
  if (found->x < 0 || !p.Made(last.output, "add") || !p.MadeFrom(last.inputs[side], "mul", found->x, &scale)) return false;
  return IsScale(p, scale, found->x, mean, found) && IsMoved(p, last.inputs[1 - side], mean, scale, found) && p.Whole(last);
}

}  // namespace

NormalizedRows FindNormalizedRows(std::span<const WrittenOut> nodes) {
  constexpr size_t kFewest = 9, kMost = 12;  // Nodes of such a chain.
  NormalizedRows found;
  for (size_t last = kFewest - 1; last < std::min(nodes.size(), kMost); ++last) {
    if (nodes[last].def->name != "add" || nodes[last].inputs.size() != 2) continue;
    for (int side : {0, 1}) {
      if (!Matches(nodes.first(last + 1), nodes[last], side, &found)) continue;
      found.nodes = last + 1;
      return found;
    }
  }
  return {};
}

Status RunNormalizedRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const NormalizeParams*>(params);
  constexpr int64_t kTaskValues = 8192;
  const int64_t together = std::max<int64_t>(1, kTaskValues / p.length);
  run.pool->For((p.rows + together - 1) / together, [&](int64_t task, int) {
    const int64_t first = task * together, at = first * p.length;
    kernels::Vectors().normalize_f32(run.input<float>(0) + at, std::min(together, p.rows - first), p.length, p.epsilon, run.input<float>(1),
                                     p.has_beta ? run.input<float>(2) : nullptr, run.output<float>(0) + at);
  });
  return {};
}

}  // namespace octet::ops
