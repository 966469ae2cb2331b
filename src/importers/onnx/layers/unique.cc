// SPDX-License-Identifier: Apache-2.0
// The different elements, or slices of an axis, in their order or as they come; where each is first, which each element is, how often.
#include <algorithm>

#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::onnx {
namespace {

// What of the different ones each element is, and how many there are.
struct Numbered {
  Value ids, count;
};

Result<Value> Numbers(NodeContext& c, Value count) {
  OCTET_ASSIGN(const Value y, c.Make("range", {c.ScalarInt(0), count, c.ScalarInt(1)}));
  c.RefineShape(y, Shape{kUnknown});
  return y;
}

// Of a vector. In order: the places of the largest, of numbers that run the other way.
Result<Numbered> NumberElements(NodeContext& c, Value x, bool sorted) {
  const DType own = c.type(x).dtype;
  if (own != DType::kF32 && own != DType::kI64) {
    OCTET_ASSIGN(x, c.Cast(x, DType::kI32));
  }
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("unique", std::span(&x, 1), nullptr, {{c.type(x).dtype, {}, {}}, {DType::kI32, {}, {}}}));
  c.RefineShape(y[0], Shape{kUnknown});
  c.RefineShape(y[1], c.shape(x));
  OCTET_ASSIGN(const Value count, ops::DimensionOf(c, y[0], 0));
  if (!sorted) return Numbered{y[1], count};
  const bool real = c.type(x).dtype == DType::kF32;
  OCTET_ASSIGN(const Value top, c.Cast(real ? c.Scalar(0) : c.ScalarInt(-1), c.type(x).dtype));
  OCTET_ASSIGN(const Value key, c.Emit("sub", {top, y[0]}));
  OCTET_ASSIGN(const std::vector<Value> order,
               c.EmitNode("topk_v2", std::vector<Value>{key, count}, nullptr, {{c.type(x).dtype, {}, {}}, {DType::kI32, {}, {}}}));
  c.RefineShape(order[1], Shape{kUnknown});
  OCTET_ASSIGN(const Value from, c.Reshape(order[1], Shape{kUnknown, 1}));
  OCTET_ASSIGN(const Value to, Numbers(c, count));
  OCTET_ASSIGN(const Value size, c.Reshape(count, Shape{1}));
  OCTET_ASSIGN(Value rank, c.Make("scatter_nd", {from, to, size}));
  c.RefineShape(rank, Shape{kUnknown});
  OCTET_ASSIGN(const Value ids, c.Make("gather", {rank, y[1]}, {{"axis", 0}}));
  return Numbered{ids, count};
}

// Of rows [n, m]: all pairs are compared. In order: a row's number is how many different ones are less, where two first differ.
Result<Numbered> NumberRows(NodeContext& c, Value x, bool sorted) {
  const Shape s = c.shape(x);
  constexpr int64_t kMost = 1 << 24;
  if (s[1] == kUnknown || (s[0] != kUnknown && int64_t{s[0]} * s[0] > kMost / std::max(s[1], 1)))
    return c.Fail("slices of known size, at most 2^24 numbers in all pairs", s.text(), "");
  OCTET_ASSIGN(const Value rows, c.Reshape(x, Shape{s[0], 1, s[1]}));
  OCTET_ASSIGN(const Value columns, c.Reshape(x, Shape{1, s[0], s[1]}));
  OCTET_ASSIGN(const Value equal, c.Emit("equal", {rows, columns}));
  OCTET_ASSIGN(const Value same, c.Make("reduce_all", {equal, c.Vector({2})}));
  OCTET_ASSIGN(const Value like, c.Make("arg_max", {same, c.ScalarInt(1)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value n, ops::DimensionOf(c, x, 0));
  OCTET_ASSIGN(const Value all, Numbers(c, n));
  OCTET_ASSIGN(Value first, c.Emit("equal", {like, all}));
  OCTET_ASSIGN(first, c.Cast(first, DType::kI32));
  OCTET_ASSIGN(const Value count, c.Make("sum", {first, c.Vector({0})}));
  if (!sorted) {
    OCTET_ASSIGN(const Value before, c.Make("cumsum", {first, c.ScalarInt(0)}, {{"exclusive", 1}}));
    OCTET_ASSIGN(const Value ids, c.Make("gather", {before, like}, {{"axis", 0}}));
    return Numbered{ids, count};
  }
  OCTET_ASSIGN(const Value differs, c.Emit("not_equal", {rows, columns}));
  OCTET_ASSIGN(const Value where, c.Make("arg_max", {differs, c.ScalarInt(2)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(Value less, c.Emit("less", {columns, rows}));
  OCTET_ASSIGN(less, c.Cast(less, DType::kI32));
  OCTET_ASSIGN(less, c.Make("gather", {less, where}, {{"axis", 2}, {"batch_dims", 2}}));
  OCTET_ASSIGN(less, c.Emit("mul", {less, first}));
  OCTET_ASSIGN(const Value ids, c.Make("sum", {less, c.Vector({1})}));
  return Numbered{ids, count};
}

Status ConvertUnique(NodeContext& c) {
  Value x = c.Input(0);
  const bool sorted = c.Int("sorted", 1) != 0, slices = c.Has("axis");
  if (c.type(x).dtype == DType::kString) return c.Fail("numbers", "strings", "number them before the model");
  int32_t axis = 0;
  Numbered found;
  if (slices) {
    OCTET_ASSIGN(axis, c.Axis(c.Int("axis", 0), c.rank(x)));
    std::vector<int32_t> order = {axis};
    int64_t size = 1;
    for (int32_t i = 0; i < c.rank(x); ++i) {
      if (i == axis) continue;
      order.push_back(i);
      if (c.shape(x)[i] == kUnknown || (size *= c.shape(x)[i]) > INT32_MAX) return c.Fail("slices of known size", c.shape(x).text(), "give the input's shape");
    }
    OCTET_ASSIGN(Value rows, c.Transpose(x, order));
    OCTET_ASSIGN(rows, c.Reshape(rows, Shape{c.shape(x)[axis], static_cast<int32_t>(size)}));
    OCTET_ASSIGN(found, NumberRows(c, rows, sorted));
  } else {
    OCTET_ASSIGN(x, c.Reshape(x, Shape{kUnknown}));
    OCTET_ASSIGN(found, NumberElements(c, x, sorted));
  }
  OCTET_ASSIGN(const Value n, ops::DimensionOf(c, x, axis));
  OCTET_ASSIGN(const Value all, Numbers(c, n));
  OCTET_ASSIGN(const Value first, c.Make("unsorted_segment_min", {all, found.ids, found.count}));
  c.RefineShape(first, Shape{kUnknown});
  OCTET_ASSIGN(const Value y, c.Make("gather", {x, first}, {{"axis", axis}}));
  OCTET_ASSIGN(Value ones, c.Emit("equal", {found.ids, found.ids}));
  OCTET_ASSIGN(ones, c.Cast(ones, DType::kI32));
  OCTET_ASSIGN(const Value counts, c.Make("unsorted_segment_sum", {ones, found.ids, found.count}));
  c.RefineShape(counts, Shape{kUnknown});
  c.SetOutput(0, y);
  const Value others[] = {first, found.ids, counts};
  for (int i = 0; i < 3; ++i) {
    OCTET_ASSIGN(const Value wide, c.Cast(others[i], DType::kI64));
    c.SetOutput(i + 1, wide);
  }
  return {};
}

constexpr NodeRule kRules[] = {{"Unique", 0, ConvertUnique}};

}  // namespace

const std::span<const NodeRule> kUniqueRules = kRules;

}  // namespace octet::importers::onnx
