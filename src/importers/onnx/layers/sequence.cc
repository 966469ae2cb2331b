// SPDX-License-Identifier: Apache-2.0
// Sequences of tensors whose length is known while the model is read: they are gone afterwards.
#include <algorithm>

#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

Result<size_t> Position(NodeContext& c, int input, size_t size, size_t fallback) {
  if (!c.Input(input)) return fallback;
  OCTET_ASSIGN(const std::vector<int64_t> at, c.IntsAt(input, "position", {0}));
  const int64_t i = at.empty() ? 0 : at[0] < 0 ? at[0] + static_cast<int64_t>(size) : at[0];
  if (i < 0 || i > static_cast<int64_t>(size)) return c.Fail(Format("a position in %zu entries", size), std::to_string(i), "check the model");
  return static_cast<size_t>(i);
}

const std::vector<Value>& Items(const NodeContext& c) {
  static const std::vector<Value> kNone;
  return c.num_inputs() > 0 ? c.input(0).items : kNone;
}

Status ConvertConstruct(NodeContext& c) {
  std::vector<Value> items;
  for (int i = 0; i < c.num_inputs(); ++i) items.push_back(c.Input(i));
  c.SetOutputList(0, std::move(items));
  return {};
}

Status ConvertEmpty(NodeContext& c) {
  c.SetOutputList(0, {});
  return {};
}

Status ConvertAt(NodeContext& c) {
  const std::vector<Value>& items = Items(c);
  OCTET_ASSIGN(const size_t i, Position(c, 1, items.size(), 0));
  if (i >= items.size()) return c.Fail(Format("a position in %zu entries", items.size()), std::to_string(i), "check the model");
  c.SetOutput(0, items[i]);
  return {};
}

Status ConvertInsert(NodeContext& c) {
  std::vector<Value> items = Items(c);
  OCTET_ASSIGN(const size_t i, Position(c, 2, items.size(), items.size()));
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(i), c.Input(1));
  c.SetOutputList(0, std::move(items));
  return {};
}

Status ConvertErase(NodeContext& c) {
  std::vector<Value> items = Items(c);
  if (items.empty()) return c.Fail("entries", "an empty sequence", "check the model");
  OCTET_ASSIGN(const size_t i, Position(c, 1, items.size(), items.size() - 1));
  if (i < items.size()) items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
  c.SetOutputList(0, std::move(items));
  return {};
}

Status ConvertLength(NodeContext& c) {
  const auto n = static_cast<int64_t>(Items(c).size());
  c.SetOutput(0, c.Constant<int64_t>(Shape{}, std::span(&n, 1)));
  return {};
}

Status ConvertConcat(NodeContext& c) {
  const std::vector<Value>& items = Items(c);
  if (items.empty()) return c.Fail("entries", "an empty sequence", "check the model");
  const bool stack = c.Bool("new_axis", false);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(items[0]) + (stack ? 1 : 0)));
  Result<Value> y = stack ? c.Make("pack", items, {{"values_count", static_cast<int64_t>(items.size())}, {"axis", axis}})
                    : items.size() == 1 ? Result<Value>(items[0]) : c.Make("concatenation", items, {{"axis", axis}});
  if (!y.ok()) return std::move(y).status();
  c.SetOutput(0, *y);
  return {};
}

// Pieces of the given sizes, of one size, or of 1 each (then the axis may go).
Status ConvertSplit(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  const int32_t size = c.shape(x)[axis];
  if (size == kUnknown || size > 4096) return c.Fail("a known dimension to split", c.shape(x).text(), "give the input's shape");
  std::vector<int32_t> sizes;
  if (!c.Input(1)) {
    sizes.assign(static_cast<size_t>(size), 1);
  } else {
    OCTET_ASSIGN(const std::vector<int64_t> given, c.IntsAt(1, "split", {1}));
    const bool one = c.rank(c.Input(1)) == 0;
    if (one && (given.empty() || given[0] < 1)) return c.Fail("a positive size", "another", "check the model");
    for (int64_t left = size; one && left > 0; left -= given[0]) sizes.push_back(static_cast<int32_t>(std::min(left, given[0])));
    for (size_t i = 0; !one && i < given.size(); ++i) sizes.push_back(static_cast<int32_t>(given[i]));
  }
  const auto n = static_cast<int>(sizes.size());
  std::vector<Value> parts = {x};
  if (n > 1) {
    OCTET_ASSIGN(parts, c.MakeMany("split_v", {x, c.Vector(sizes), c.ScalarInt(axis)}, {{"num_splits", n}}, n));
  }
  for (Value& v : parts) {
    if (c.Input(1) || c.Int("keepdims", 1) != 0) continue;
    OCTET_ASSIGN(v, c.Make("squeeze", {v}, {{"squeeze_dims", std::vector<int32_t>{axis}}}));
  }
  c.SetOutputList(0, std::move(parts));
  return {};
}

constexpr NodeRule kRules[] = {{"SequenceConstruct", 0, ConvertConstruct}, {"SequenceEmpty", 0, ConvertEmpty}, {"SequenceAt", 0, ConvertAt},
                               {"SequenceInsert", 0, ConvertInsert},       {"SequenceErase", 0, ConvertErase}, {"SequenceLength", 0, ConvertLength},
                               {"ConcatFromSequence", 0, ConvertConcat},   {"SplitToSequence", 0, ConvertSplit}};

}  // namespace

const std::span<const NodeRule> kSequenceRules = kRules;

}  // namespace octet::importers::onnx
