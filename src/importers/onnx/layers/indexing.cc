// SPDX-License-Identifier: Apache-2.0
// Picking and placing elements by indices, which may be negative in ONNX.
#include <algorithm>
#include <set>

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

// Whether constant coordinates name no place twice.
bool AllDiffer(NodeContext& c, Value at) {
  const auto v = c.IntsOf(at);
  if (!v) return false;
  const auto depth = static_cast<size_t>(c.shape(at).back());
  std::set<std::vector<int64_t>> seen;
  for (auto i = v->begin(); i != v->end(); i += static_cast<std::ptrdiff_t>(depth))
    if (!seen.emplace(i, i + static_cast<std::ptrdiff_t>(depth)).second) return false;
  return true;
}

// Places written once each; elsewhere the data.
Result<Value> PlacedOnce(NodeContext& c, Value x, Value at, Value updates) {
  const Value shape = c.Vector(c.shape(x).dims());
  OCTET_ASSIGN(const Value placed, c.Make("scatter_nd", {at, updates, shape}));
  const std::vector<int32_t> ones(static_cast<size_t>(c.shape(updates).elements()), 1);
  OCTET_ASSIGN(const Value hits, c.Make("scatter_nd", {at, c.Constant<int32_t>(c.shape(updates), std::span<const int32_t>(ones)), shape}));
  OCTET_ASSIGN(const Value written, c.Emit("greater", {hits, c.ScalarInt(0)}));
  return c.Emit("select_v2", {written, placed, x});
}

// Places that may be written several times: the last update counts, as in onnxruntime, or what the reduction makes of the data and
// all updates. All as rows: what `at` indexes is one axis, and numbered.
Result<Value> PlacedOften(NodeContext& c, Value x, Value at, Value updates, std::string_view reduction) {
  const Shape s = c.shape(x);
  const int depth = c.shape(at).back();
  const auto places = static_cast<int32_t>(s.elements(0, depth));
  Shape rows{places}, given{kUnknown}, flags{places};
  for (int i = depth; i < s.rank(); ++i) rows.push_back(s[i]), given.push_back(s[i]), flags.push_back(1);
  std::vector<int32_t> strides, numbers;
  for (int i = 0; i < depth; ++i) strides.push_back(static_cast<int32_t>(s.elements(i + 1, depth)));
  OCTET_ASSIGN(at, c.Reshape(at, Shape{kUnknown, depth}));
  OCTET_ASSIGN(at, c.Emit("mul", {at, c.Vector(strides)}));
  OCTET_ASSIGN(at, c.Make("sum", {at, c.Vector({1})}));
  OCTET_ASSIGN(x, c.Reshape(x, rows));
  OCTET_ASSIGN(updates, c.Reshape(updates, given));
  const int32_t count = reduction.empty() ? c.shape(at)[0] : places;
  constexpr int32_t kMost = 1 << 24;  // Their numbers are written out.
  if (std::max(count, places) > kMost) return c.Fail("at most 2^24 places and updates", s.text(), "");
  for (int32_t i = 0; i < count; ++i) numbers.push_back(i);
  Value y;
  if (reduction.empty()) {
    OCTET_ASSIGN(const Value last, c.Make("unsorted_segment_max", {c.Vector(numbers), at, c.ScalarInt(places)}));
    OCTET_ASSIGN(const Value from, c.Emit("maximum", {last, c.ScalarInt(0)}));
    OCTET_ASSIGN(updates, c.Make("gather", {updates, from}, {{"axis", 0}}));
    OCTET_ASSIGN(Value written, c.Emit("greater_equal", {last, c.ScalarInt(0)}));
    OCTET_ASSIGN(written, c.Reshape(written, flags));
    OCTET_ASSIGN(y, c.Emit("select_v2", {written, updates, x}));
  } else {
    OCTET_ASSIGN(const Value all, c.Make("concatenation", {x, updates}, {{"axis", 0}}));
    OCTET_ASSIGN(const Value of, c.Make("concatenation", {c.Vector(numbers), at}, {{"axis", 0}}));
    OCTET_ASSIGN(y, c.Make(reduction, {all, of, c.ScalarInt(places)}));
  }
  return c.Reshape(y, s);
}

Result<Value> Placed(NodeContext& c, Value x, Value at, Value updates) {
  const std::string reduction = c.Text("reduction", "none");
  const Shape s = c.shape(x), a = c.shape(at), u = c.shape(updates);
  if (!c.IsSmall(s, INT32_MAX) || !c.IsSmall(u, INT32_MAX) || !a.known())
    return c.Fail("data and updates of known shape", s.text() + " and " + u.text(), "give the inputs' shapes");
  if (a.rank() < 1 || a.back() < 1 || a.back() > s.rank()) return c.Fail("places in the data", a.text(), "check the model");
  if (u.elements() == 0) return x;
  if (reduction == "add") {
    OCTET_ASSIGN(const Value placed, c.Make("scatter_nd", {at, updates, c.Vector(s.dims())}));
    return c.Emit("add", {x, placed});
  }
  const std::string_view op = reduction == "max"   ? "unsorted_segment_max"
                              : reduction == "min" ? "unsorted_segment_min"
                              : reduction == "mul" ? "unsorted_segment_prod"
                                                   : "";
  if (op.empty() && reduction != "none") return c.Fail("reduction none, add, mul, max or min", reduction, "");
  const DType own = c.type(x).dtype, wide = own == DType::kBool || (!op.empty() && own != DType::kF32) ? DType::kI32 : own;
  OCTET_ASSIGN(x, c.Cast(x, wide));
  OCTET_ASSIGN(updates, c.Cast(updates, wide));
  OCTET_ASSIGN(const Value y, op.empty() && AllDiffer(c, at) ? PlacedOnce(c, x, at, updates) : PlacedOften(c, x, at, updates, op));
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
  Shape most = c.shape(x);
  most[rank - 1] = kUnknown;
  for (const Value v : y) c.RefineShape(v, most);  // A computed k leaves the rank.
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
  OCTET_ASSIGN(const Value y, c.Make("one_hot", {at, depth, on, off}, {{"axis", axis == rank - 1 ? -1 : axis}}));
  Shape shape;
  for (int i = 0; i < rank; ++i) shape.push_back(i == axis ? kUnknown : c.shape(at)[i - (i > axis)]);
  c.RefineShape(y, shape);  // A computed depth leaves the rank.
  c.SetOutput(0, y);
  return {};
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
