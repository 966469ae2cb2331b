// SPDX-License-Identifier: Apache-2.0
// Sequences of tensors. Those whose length is known while the model is read are gone afterwards; others are their tensors, stacked.
#include <algorithm>

#include "importers/lowerings/dims.h"
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"
#include "ops/keras_conv_util.h"

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

// The stacked tensors of a sequence whose length is data.
Value Stacked(const NodeContext& c) { return c.num_inputs() > 0 && c.input(0).is_list ? c.input(0).value : Value{}; }

// The row of a stacked sequence's position, which may count from the end.
Result<Value> RowOf(NodeContext& c, Value stacked, Value position) {
  OCTET_ASSIGN(Value at, c.Cast(position, DType::kI32));
  OCTET_ASSIGN(at, c.Reshape(at, Shape{}));
  OCTET_ASSIGN(const Value rows, ops::DimensionOf(c, stacked, 0));
  OCTET_ASSIGN(const Value negative, c.Emit("less", {at, c.ScalarInt(0)}));
  OCTET_ASSIGN(const Value from, c.Emit("select_v2", {negative, rows, c.ScalarInt(1)}));
  return c.Emit("add", {at, from});
}

// Rows [from, to) of a stacked sequence; without `to`, all that follow.
Result<Value> Part(NodeContext& c, Value stacked, Value from, Value to) {
  const auto corner = [&](Value v) -> Result<Value> { return v ? c.Reshape(v, Shape{1}) : Result<Value>(c.Vector({0})); };
  OCTET_ASSIGN(const Value begin, corner(from));
  OCTET_ASSIGN(const Value end, corner(to));
  Shape shape = c.shape(stacked);
  shape[0] = kUnknown;
  OCTET_ASSIGN(const Value y, c.Make("strided_slice", {stacked, begin, end, c.Vector({1})}, {{"begin_mask", from ? 0 : 1}, {"end_mask", to ? 0 : 1}}));
  c.RefineShape(y, shape);
  return y;
}

Status InsertStacked(NodeContext& c, Value stacked) {
  OCTET_ASSIGN(const Value item, c.Make("expand_dims", {c.Input(1), c.ScalarInt(0)}));
  std::vector<Value> parts = {stacked, item};
  if (c.Input(2)) {
    OCTET_ASSIGN(const Value at, RowOf(c, stacked, c.Input(2)));
    OCTET_ASSIGN(const Value before, Part(c, stacked, {}, at));
    OCTET_ASSIGN(const Value behind, Part(c, stacked, at, {}));
    parts = {before, item, behind};
  }
  OCTET_ASSIGN(const Value y, c.Make("concatenation", parts, {{"axis", 0}}));
  c.SetOutput(0, Binding::Stacked(y));
  return {};
}

Status EraseStacked(NodeContext& c, Value stacked) {
  OCTET_ASSIGN(const Value at, RowOf(c, stacked, c.Input(1) ? c.Input(1) : c.ScalarInt(-1)));
  OCTET_ASSIGN(const Value next, c.Emit("add", {at, c.ScalarInt(1)}));
  OCTET_ASSIGN(const Value before, Part(c, stacked, {}, at));
  OCTET_ASSIGN(const Value behind, Part(c, stacked, next, {}));
  OCTET_ASSIGN(const Value y, c.Make("concatenation", {before, behind}, {{"axis", 0}}));
  c.SetOutput(0, Binding::Stacked(y));
  return {};
}

// [1 + n, element] -> the element with n at `axis`, there alone or with the dimension that follows.
Status ConcatStacked(NodeContext& c, Value stacked, int32_t axis, bool alone) {
  OCTET_ASSIGN(stacked, Part(c, stacked, c.ScalarInt(1), {}));
  std::vector<int32_t> order;
  for (int32_t d = 1; d < c.rank(stacked); ++d) order.push_back(d);
  order.insert(order.begin() + axis, 0);
  OCTET_ASSIGN(Value y, c.Transpose(stacked, order));
  if (!alone) {
    std::vector<Dim> dims;
    for (int d = 0; d < c.rank(y); ++d)
      if (d == axis) dims.push_back({});
      else if (d != axis + 1) dims.push_back(DimOf(c, y, d));
    OCTET_ASSIGN(y, importers::Reshape(c, y, dims));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertConstruct(NodeContext& c) {
  std::vector<Value> items;
  for (int i = 0; i < c.num_inputs(); ++i) items.push_back(c.Input(i));
  c.SetOutput(0, Binding::Sequence(std::move(items)));
  return {};
}

Status ConvertEmpty(NodeContext& c) {
  c.SetOutput(0, Binding::Sequence({}));
  return {};
}

Status ConvertAt(NodeContext& c) {
  const std::vector<Value>& items = Items(c);
  if (Stacked(c) || (!items.empty() && !c.IntsOf(c.Input(1)))) {
    OCTET_ASSIGN(const Value stacked, c.Stack(c.input(0)));
    OCTET_ASSIGN(const Value at, RowOf(c, stacked, c.Input(1)));
    return Set(c, c.Make("gather", {stacked, at}, {{"axis", 0}}));
  }
  OCTET_ASSIGN(const size_t i, Position(c, 1, items.size(), 0));
  if (i >= items.size()) return c.Fail(Format("a position in %zu entries", items.size()), std::to_string(i), "check the model");
  c.SetOutput(0, items[i]);
  return {};
}

Status ConvertInsert(NodeContext& c) {
  if (!c.Input(1)) return c.Fail("a tensor to insert", "none", "check the model");
  if (const Value stacked = Stacked(c)) return InsertStacked(c, stacked);
  std::vector<Value> items = Items(c);
  OCTET_ASSIGN(const size_t i, Position(c, 2, items.size(), items.size()));
  items.insert(items.begin() + static_cast<std::ptrdiff_t>(i), c.Input(1));
  c.SetOutput(0, Binding::Sequence(std::move(items)));
  return {};
}

Status ConvertErase(NodeContext& c) {
  if (const Value stacked = Stacked(c)) return EraseStacked(c, stacked);
  std::vector<Value> items = Items(c);
  if (items.empty()) return c.Fail("entries", "an empty sequence", "check the model");
  OCTET_ASSIGN(const size_t i, Position(c, 1, items.size(), items.size() - 1));
  if (i < items.size()) items.erase(items.begin() + static_cast<std::ptrdiff_t>(i));
  c.SetOutput(0, Binding::Sequence(std::move(items)));
  return {};
}

Status ConvertLength(NodeContext& c) {
  if (const Value stacked = Stacked(c)) {
    OCTET_ASSIGN(Value n, ops::DimensionOf(c, stacked, 0));
    OCTET_ASSIGN(n, c.Emit("sub", {n, c.ScalarInt(1)}));
    return Set(c, c.Cast(n, DType::kI64));
  }
  const auto n = static_cast<int64_t>(Items(c).size());
  c.SetOutput(0, c.Constant<int64_t>(Shape{}, std::span(&n, 1)));
  return {};
}

Status ConvertConcat(NodeContext& c) {
  const std::vector<Value>& items = Items(c);
  const Value stacked = Stacked(c);
  if (items.empty() && !stacked) return c.Fail("entries", "an empty sequence", "check the model");
  const bool stack = c.Bool("new_axis", false);
  if (stacked) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(stacked) - (stack ? 0 : 1)));
    return ConcatStacked(c, stacked, axis, stack);
  }
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
  c.SetOutput(0, Binding::Sequence(std::move(parts)));
  return {};
}

constexpr NodeRule kRules[] = {{"SequenceConstruct", 0, ConvertConstruct}, {"SequenceEmpty", 0, ConvertEmpty}, {"SequenceAt", 0, ConvertAt},
                               {"SequenceInsert", 0, ConvertInsert},       {"SequenceErase", 0, ConvertErase}, {"SequenceLength", 0, ConvertLength},
                               {"ConcatFromSequence", 0, ConvertConcat},   {"SplitToSequence", 0, ConvertSplit}};

}  // namespace

const std::span<const NodeRule> kSequenceRules = kRules;

}  // namespace octet::importers::onnx
