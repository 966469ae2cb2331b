// SPDX-License-Identifier: Apache-2.0
// Picking and placing elements by indices, which may be negative in ONNX.
#include <algorithm>
#include <limits>

#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

// Indices counted from the end become positive: constants here, others where the size is known, at run time.
Result<Value> Positive(NodeContext& c, Value indices, int32_t size) {
  if (const auto v = c.IntsOf(indices)) {
    std::vector<int32_t> out;
    for (const int64_t i : *v) {
      if (i < 0 && size == kUnknown) return c.Fail("a known dimension for a negative index", std::to_string(i), "give the input's shape");
      out.push_back(static_cast<int32_t>(i < 0 ? i + size : i));
    }
    return c.Constant<int32_t>(c.shape(indices), std::span<const int32_t>(out));
  }
  if (c.type(indices).dtype != DType::kI32 && c.type(indices).dtype != DType::kI64) return c.Cast(indices, DType::kI32);
  return indices;
}

Status ConvertGather(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  OCTET_ASSIGN(const Value indices, Positive(c, c.Input(1), c.shape(x)[axis]));
  // One element of a computed vector: exporters read single dimensions so.
  return Set(c, c.Make("gather", {x, indices}, {{"axis", axis}}));
}

Status ConvertGatherNd(NodeContext& c) {
  const int64_t batch = c.Int("batch_dims", 0);
  const Value x = c.Input(0);
  const Shape in = c.shape(x), at = c.shape(c.Input(1));
  OCTET_ASSIGN(Value indices, c.Cast(c.Input(1), DType::kI32));
  if (const auto v = c.IntsOf(indices); v && at.rank() > 0 && at.back() > 0) {
    std::vector<int32_t> out;
    for (size_t i = 0; i < v->size(); ++i) {
      const int64_t axis = static_cast<int64_t>(i) % at.back() + batch;
      out.push_back(static_cast<int32_t>((*v)[i] < 0 && axis < in.rank() ? (*v)[i] + in[static_cast<int>(axis)] : (*v)[i]));
    }
    indices = c.Constant<int32_t>(at, std::span<const int32_t>(out));
  }
  if (batch == 0) return Set(c, c.Make("gather_nd", {x, indices}));
  if (batch < 0 || batch >= std::min(in.rank(), at.rank())) return c.Fail("fewer batch_dims than dimensions", std::to_string(batch), "");
  const auto b = static_cast<int>(batch);
  if (at.back() == 1) {  // One axis behind the batch.
    OCTET_ASSIGN(indices, c.Make("squeeze", {indices}, {{"squeeze_dims", std::vector<int32_t>{at.rank() - 1}}}));
    return Set(c, c.Make("gather", {x, indices}, {{"axis", batch}, {"batch_dims", batch}}));
  }
  if (!in.known() || !at.known()) return c.Fail("known shapes, or batch_dims 0", in.text() + " and " + at.text(), "give the inputs' shapes");
  // The batch as one dimension, whose number goes in front of every index.
  const auto count = static_cast<int32_t>(at.elements(0, b));
  const auto merged = [&](const Shape& s) {
    Shape m{count};
    for (int i = b; i < s.rank(); ++i) m.push_back(s[i]);
    return m;
  };
  if (in.elements(0, b) != count) return c.Fail("one batch", in.text() + " and " + at.text(), "");
  OCTET_ASSIGN(const Value rows, c.Reshape(x, merged(in)));
  OCTET_ASSIGN(indices, c.Reshape(indices, merged(at)));
  Shape one = merged(at);
  one[one.rank() - 1] = 1;
  constexpr int64_t kMostPlaces = 1 << 24;
  if (one.elements() > kMostPlaces) return c.Fail(Format("at most %d places", static_cast<int>(kMostPlaces)), at.text(), "");
  std::vector<int32_t> numbers;
  const int64_t each = one.elements() / std::max(1, count);
  for (int64_t i = 0; i < one.elements(); ++i) numbers.push_back(static_cast<int32_t>(i / each));
  OCTET_ASSIGN(indices, c.Make("concatenation", {c.Constant<int32_t>(one, std::span<const int32_t>(numbers)), indices}, {{"axis", one.rank() - 1}}));
  OCTET_ASSIGN(const Value y, c.Make("gather_nd", {rows, indices}));
  Shape out(at.dims().first(static_cast<size_t>(at.rank() - 1)));
  for (int i = b + at.back(); i < in.rank(); ++i) out.push_back(in[i]);
  return Set(c, c.Reshape(y, out));
}

// Coordinates of every element of `shape`, with those of `axis` replaced by `indices`: [elements, rank].
Result<Value> Coordinates(NodeContext& c, Value indices, int32_t axis, int32_t size) {
  const Shape s = c.shape(indices);
  if (!s.known() || s.elements() > (1 << 22)) return c.Fail("indices of known shape", s.text(), "give the inputs' shapes");
  OCTET_ASSIGN(Value own, Positive(c, indices, size));
  OCTET_ASSIGN(own, c.Cast(own, DType::kI32));
  if (!c.is_constant(own) && size != kUnknown) {  // Negative ones at run time.
    OCTET_ASSIGN(const Value negative, c.Emit("less", {own, c.ScalarInt(0)}));
    OCTET_ASSIGN(const Value moved, c.Emit("add", {own, c.ScalarInt(size)}));
    OCTET_ASSIGN(own, c.Emit("select_v2", {negative, moved, own}));
  }
  const auto n = static_cast<int32_t>(s.elements());
  OCTET_ASSIGN(own, c.Reshape(own, Shape{n, 1}));
  std::vector<Value> columns;
  for (int a = 0; a < s.rank(); ++a) {
    if (a == axis) {
      columns.push_back(own);
      continue;
    }
    std::vector<int32_t> v;
    const int64_t inner = s.elements(a + 1, s.rank());
    for (int32_t i = 0; i < n; ++i) v.push_back(static_cast<int32_t>(i / inner % s[a]));
    columns.push_back(c.Constant<int32_t>(Shape{n, 1}, std::span<const int32_t>(v)));
  }
  return columns.size() == 1 ? Result<Value>(columns[0]) : c.Make("concatenation", columns, {{"axis", 1}});
}

// Where the shape of the indices is unknown, and the axis is the last: a gather for every row. The rows of both must be the same ones.
bool PicksInRows(const NodeContext& c, int32_t axis) {
  const Shape x = c.shape(c.Input(0)), at = c.shape(c.Input(1));
  if (at.known() || at.rank() != x.rank() || axis != x.rank() - 1) return false;
  for (int i = 0; i < axis; ++i)
    if (x[i] != at[i]) return false;
  return true;
}

Status ConvertGatherElements(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  if (PicksInRows(c, axis)) {
    OCTET_ASSIGN(const Value at, Positive(c, c.Input(1), c.shape(x)[axis]));
    return Set(c, c.Make("gather", {x, at}, {{"axis", axis}, {"batch_dims", axis}}));
  }
  OCTET_ASSIGN(const Value at, Coordinates(c, c.Input(1), axis, c.shape(x)[axis]));
  OCTET_ASSIGN(const Value y, c.Make("gather_nd", {x, at}));
  return Set(c, c.Reshape(y, c.shape(c.Input(1))));
}

// For every update [n, slice…] the largest (smallest, product) of all those at the same place; `at` is [n, depth].
Result<Value> Gathered(NodeContext& c, const Shape& x, Value at, Value updates, std::string_view op, float neutral) {
  const Shape s = c.shape(at);
  if (!c.IsSmall(c.shape(updates), 1 << 22)) return c.Fail("at most 2^22 updates with a reduction", c.shape(updates).text(), "");
  const int32_t n = s[0], slice = static_cast<int32_t>(c.shape(updates).elements() / std::max(n, 1));
  if (n < 1 || int64_t{n} * n * slice > (1 << 22)) return c.Fail("at most 2048 updates with a reduction", s.text(), "");
  std::vector<int32_t> strides;
  for (int i = 0; i < s[1]; ++i) strides.push_back(static_cast<int32_t>(x.elements(i + 1, s[1])));
  OCTET_ASSIGN(Value place, c.Emit("mul", {at, c.Vector(strides)}));
  OCTET_ASSIGN(place, c.Make("sum", {place, c.Vector({1})}));
  OCTET_ASSIGN(const Value down, c.Reshape(place, Shape{n, 1, 1}));
  OCTET_ASSIGN(const Value across, c.Reshape(place, Shape{1, n, 1}));
  OCTET_ASSIGN(const Value same, c.Emit("equal", {down, across}));
  OCTET_ASSIGN(Value v, c.Reshape(updates, Shape{1, n, slice}));
  OCTET_ASSIGN(const Value none, c.Cast(c.Scalar(neutral), c.type(v).dtype));
  OCTET_ASSIGN(v, c.Emit("select_v2", {same, v, none}));
  OCTET_ASSIGN(v, c.Make(op, {v, c.Vector({1})}));
  return c.Reshape(v, c.shape(updates));
}

// data with `updates` at `at`: where nothing was written, the data. Without a reduction coordinates occur once each, as ONNX
// demands; with one, all updates of a place agree on the result, and their mean is placed.
Result<Value> Placed(NodeContext& c, Value x, Value at, Value updates) {
  const std::string reduction = c.Text("reduction", "none");
  const Shape s = c.shape(x), u = c.shape(updates);
  if (!s.known() || !u.known()) return c.Fail("data and updates of known shape", s.text() + " and " + u.text(), "give the inputs' shapes");
  const DType own = c.type(x).dtype;
  const Value shape = c.Vector(s.dims());
  if (reduction == "add") {
    OCTET_ASSIGN(const Value placed, c.Make("scatter_nd", {at, updates, shape}));
    return c.Emit("add", {x, placed});
  }
  const bool max = reduction == "max", min = reduction == "min", mul = reduction == "mul";
  if (!max && !min && !mul && reduction != "none") return c.Fail("reduction none, add, mul, max or min", reduction, "");
  const bool reduces = reduction != "none", widens = own == DType::kBool || (reduces && own != DType::kF32);
  OCTET_ASSIGN(const Value data, c.Cast(x, widens ? DType::kI32 : own));
  OCTET_ASSIGN(Value values, c.Cast(updates, widens ? DType::kI32 : own));
  if (reduces) {
    const Shape a = c.shape(at);
    if (a.rank() < 1 || !a.known() || a.back() < 1 || a.back() > s.rank() || !c.IsSmall(s, INT32_MAX)) return c.Fail("places in the data", a.text(), "check the model");
    OCTET_ASSIGN(at, c.Reshape(at, Shape{static_cast<int32_t>(a.elements() / std::max(a.back(), 1)), a.back()}));
    Shape flat{c.shape(at)[0]};
    for (int i = a.back(); i < s.rank(); ++i) flat.push_back(s[i]);
    OCTET_ASSIGN(values, c.Reshape(values, flat));
    const float most = widens ? 1e9f : std::numeric_limits<float>::max();
    OCTET_ASSIGN(values, Gathered(c, s, at, values, max ? "reduce_max" : min ? "reduce_min" : "reduce_prod", max ? -most : min ? most : 1.0f));
  }
  const std::vector<int32_t> ones(static_cast<size_t>(c.shape(values).elements()), 1);
  OCTET_ASSIGN(Value placed, c.Make("scatter_nd", {at, values, shape}));
  OCTET_ASSIGN(const Value hits, c.Make("scatter_nd", {at, c.Constant<int32_t>(c.shape(values), std::span<const int32_t>(ones)), shape}));
  OCTET_ASSIGN(const Value written, c.Emit("greater", {hits, c.ScalarInt(0)}));
  if (reduces) {
    OCTET_ASSIGN(Value count, c.Emit("maximum", {hits, c.ScalarInt(1)}));
    OCTET_ASSIGN(count, c.Cast(count, c.type(placed).dtype));
    OCTET_ASSIGN(placed, c.Emit("div", {placed, count}));
    OCTET_ASSIGN(placed, c.Emit(max ? "maximum" : min ? "minimum" : "mul", {placed, data}));
  }
  OCTET_ASSIGN(const Value y, c.Emit("select_v2", {written, placed, data}));
  return c.Cast(y, own);
}

Status ConvertScatterElements(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  OCTET_ASSIGN(const Value at, Coordinates(c, c.Input(1), axis, c.shape(x)[axis]));
  OCTET_ASSIGN(const Value updates, c.Reshape(c.Input(2), Shape{c.shape(at)[0]}));
  return Set(c, Placed(c, x, at, updates));
}

Status ConvertScatterNd(NodeContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x), s = c.shape(c.Input(1));
  OCTET_ASSIGN(Value at, c.Cast(c.Input(1), DType::kI32));
  if (s.rank() < 1 || s.back() == kUnknown) return c.Fail("indices of known depth", s.text(), "");
  if (const auto v = c.IntsOf(at); v && s.back() > 0) {
    std::vector<int32_t> out;
    for (size_t i = 0; i < v->size(); ++i) {
      const int axis = static_cast<int>(static_cast<int64_t>(i) % s.back());
      out.push_back(static_cast<int32_t>((*v)[i] < 0 && axis < in.rank() ? (*v)[i] + in[axis] : (*v)[i]));
    }
    at = c.Constant<int32_t>(s, std::span<const int32_t>(out));
  }
  return Set(c, Placed(c, x, at, c.Input(2)));
}

// The operator takes the last axis; the smallest are the largest of the negative.
Status ConvertTopK(NodeContext& c) {
  Value x = c.Input(0);
  const int rank = c.rank(x);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", -1), rank));
  Value k = c.Input(1);
  if (!k) k = c.ScalarInt(static_cast<int32_t>(c.Int("k", 1)));  // Opset 1 to 9.
  OCTET_ASSIGN(k, c.Cast(k, DType::kI32));
  OCTET_ASSIGN(k, c.Reshape(k, Shape{}));
  std::vector<int32_t> order;
  for (int i = 0; i < rank; ++i) order.push_back(i == axis ? rank - 1 : i == rank - 1 ? axis : i);
  const bool smallest = c.version() >= 11 && c.Int("largest", 1) == 0;
  const DType own = c.type(x).dtype, wide = own == DType::kI64 || own == DType::kF32 ? own : DType::kI32;
  OCTET_ASSIGN(x, c.Transpose(x, order));
  OCTET_ASSIGN(x, c.Cast(x, wide));
  OCTET_ASSIGN(const Value zero, c.Cast(c.Scalar(0), wide));
  if (smallest) {
    OCTET_ASSIGN(x, c.Emit("sub", {zero, x}));
  }
  OCTET_ASSIGN(std::vector<Value> y, c.EmitNode("topk_v2", std::vector<Value>{x, k}, nullptr, {{wide, {}, {}}, {DType::kI32, {}, {}}}));
  if (smallest) {
    OCTET_ASSIGN(y[0], c.Emit("sub", {zero, y[0]}));
  }
  OCTET_ASSIGN(y[0], c.Cast(y[0], own));
  OCTET_ASSIGN(y[1], c.Cast(y[1], DType::kI64));
  for (int i = 0; i < 2; ++i) {
    OCTET_ASSIGN(const Value v, c.Transpose(y[static_cast<size_t>(i)], order));
    c.SetOutput(i, v);
  }
  return {};
}

// The coordinates, one column each.
Status ConvertNonZero(NodeContext& c) {
  Value x = c.Input(0);
  if (c.rank(x) == 0) {
    OCTET_ASSIGN(x, c.Reshape(x, Shape{1}));
  }
  OCTET_ASSIGN(const Value truth, c.type(x).dtype == DType::kBool ? Result<Value>(x) : c.Emit("not_equal", {x, c.type(x).dtype == DType::kF32 ? c.Scalar(0) : *c.Cast(c.Scalar(0), c.type(x).dtype)}));
  OCTET_ASSIGN(const Value rows, c.EmitAs("where", std::span(&truth, 1), nullptr, {DType::kI64, {}, {}}));
  c.RefineShape(rows, Shape{kUnknown, c.rank(x)});
  return Set(c, c.Transpose(rows, {1, 0}));
}

// Elements, or slices of an axis, where the condition holds.
Status ConvertCompress(NodeContext& c) {
  Value x = c.Input(0);
  int32_t axis = 0;
  if (c.Has("axis")) {
    OCTET_ASSIGN(axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  } else {
    OCTET_ASSIGN(x, c.Reshape(x, Shape{kUnknown}));
  }
  OCTET_ASSIGN(Value at, c.EmitAs("where", std::vector<Value>{c.Input(1)}, nullptr, {DType::kI64, {}, {}}));
  c.RefineShape(at, Shape{kUnknown, 1});
  OCTET_ASSIGN(at, c.Make("squeeze", {at}, {{"squeeze_dims", std::vector<int32_t>{1}}}));
  return Set(c, c.Make("gather", {x, at}, {{"axis", axis}}));
}

// values[1] where the index is the position, values[0] elsewhere.
Status ConvertOneHot(NodeContext& c) {
  OCTET_ASSIGN(Value at, c.Cast(c.Input(0), DType::kI32));
  OCTET_ASSIGN(Value depth, c.Cast(c.Input(1), DType::kI32));
  OCTET_ASSIGN(depth, c.Reshape(depth, Shape{}));
  const int rank = c.rank(at) + 1;
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", -1), rank));
  OCTET_ASSIGN(const Value moved, c.Emit("floor_mod", {at, depth}));  // Negative ones count from the end,
  OCTET_ASSIGN(const Value minus, c.Emit("sub", {c.ScalarInt(0), depth}));
  OCTET_ASSIGN(const Value low, c.Emit("greater_equal", {at, minus}));  // those outside nowhere.
  OCTET_ASSIGN(const Value high, c.Emit("less", {at, depth}));
  OCTET_ASSIGN(const Value inside, c.Emit("logical_and", {low, high}));
  OCTET_ASSIGN(at, c.Emit("select_v2", {inside, moved, c.ScalarInt(-1)}));
  const Value values = c.Input(2);
  const auto pick = [&](int32_t i) -> Result<Value> { return c.Make("gather", {values, c.ScalarInt(i)}, {{"axis", 0}}); };
  OCTET_ASSIGN(const Value off, pick(0));
  OCTET_ASSIGN(const Value on, pick(1));
  return Set(c, c.Make("one_hot", {at, depth, on, off}, {{"axis", axis == rank - 1 ? -1 : axis}}));
}

Status ConvertCumSum(NodeContext& c) {
  const DType own = c.type(c.Input(0)).dtype;
  OCTET_ASSIGN(const std::vector<int64_t> axes, c.IntsAt(1, "axis", {0}));
  OCTET_ASSIGN(const int32_t axis, c.Axis(axes.empty() ? 0 : axes[0], c.rank(c.Input(0))));
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), own == DType::kF32 || own == DType::kI64 ? own : DType::kI32));
  OCTET_ASSIGN(const Value y, c.Make("cumsum", {x, c.ScalarInt(axis)}, {{"exclusive", c.Int("exclusive", 0)}, {"reverse", c.Int("reverse", 0)}}));
  return Set(c, c.Cast(y, own));
}

constexpr NodeRule kRules[] = {
    {"Gather", 0, ConvertGather}, {"GatherND", 0, ConvertGatherNd}, {"GatherElements", 0, ConvertGatherElements}, {"ScatterElements", 0, ConvertScatterElements},
    {"Scatter", 0, ConvertScatterElements}, {"ScatterND", 0, ConvertScatterNd}, {"TopK", 0, ConvertTopK}, {"NonZero", 0, ConvertNonZero},
    {"Compress", 0, ConvertCompress}, {"OneHot", 0, ConvertOneHot}, {"CumSum", 0, ConvertCumSum}};

}  // namespace

const std::span<const NodeRule> kIndexingRules = kRules;

}  // namespace octet::importers::onnx
