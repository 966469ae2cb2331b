// SPDX-License-Identifier: Apache-2.0
// Picking and placing elements by indices, which may be negative in ONNX.
#include <algorithm>
#include <optional>
#include <set>

#include "importers/limits.h"
#include "importers/lowerings/dims.h"
#include "importers/lowerings/selection.h"
#include "importers/lowerings/signs.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::onnx {
namespace {

// Indices of an axis of `size` places that are negative count from its end. `size` is a number or one per coordinate, of i32 as the indices.
Result<Value> Wrapped(NodeContext& c, Value indices, Value size) {
  OCTET_ASSIGN(const Value negative, c.Emit("less", {indices, c.ScalarInt(0)}));
  OCTET_ASSIGN(const Value moved, c.Emit("add", {indices, size}));
  return c.Emit("select_v2", {negative, moved, indices});
}

bool MayBeNegative(NodeContext& c, Value indices) { return !c.builder().IsNeverNegative(indices); }

// Indices of an axis as 32-bit numbers that count from its start.
Result<Value> FromStart(NodeContext& c, Value indices, Value x, int32_t axis) {
  const int32_t size = c.shape(x)[axis];
  if (const auto v = c.IntsOf(indices); v && size != kUnknown) {
    std::vector<int32_t> out;
    for (const int64_t i : *v) out.push_back(static_cast<int32_t>(i < 0 ? i + size : i));
    return c.Constant<int32_t>(c.shape(indices), std::span<const int32_t>(out));
  }
  const bool wraps = MayBeNegative(c, indices);
  OCTET_ASSIGN(indices, c.Cast(indices, DType::kI32));
  if (!wraps) return indices;
  OCTET_ASSIGN(const Value many, ops::DimensionOf(c, x, axis));
  return Wrapped(c, indices, many);
}

// Whether a table's rows are picked by numbers that the model is given: ids, which count nothing from the end.
bool PicksByIds(NodeContext& c, Value x, Value indices, int32_t axis) {
  const graph::Graph& g = c.construction().graph();
  const graph::TensorId source = SourceOfNumbers(g, indices.id);
  return axis == 0 && c.is_constant(x) && c.rank(x) > 1 && source >= 0 && !g.tensor(source).constant && g.tensor(source).producer < 0;
}

Status ConvertGather(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  Value indices = c.Input(1);
  const bool counts = !c.is_constant(indices) && (PicksByIds(c, x, indices, axis) || !MayBeNegative(c, indices));
  if (!counts) {
    OCTET_ASSIGN(indices, FromStart(c, indices, x, axis));
  }
  return Set(c, c.Make("gather", {x, indices}, {{"axis", axis}}));
}

// The dimensions of x that indices of this depth name, as a vector.
Result<Value> SizesOf(NodeContext& c, Value x, int first, int depth) {
  const Shape named(c.shape(x).dims().subspan(static_cast<size_t>(first), static_cast<size_t>(depth)));
  if (named.known()) return c.Vector(named.dims());
  std::vector<Value> sizes(static_cast<size_t>(depth));
  for (int i = 0; i < depth; ++i) {
    OCTET_ASSIGN(sizes[static_cast<size_t>(i)], ops::DimensionOf(c, x, first + i));
  }
  return c.Make("pack", sizes, {{"values_count", depth}, {"axis", 0}});
}

// The node's indices [..., depth] of the axes behind the `batch` first ones, counted from the start.
Result<Value> Coordinates(NodeContext& c, Value x, int batch) {
  const Shape in = c.shape(x), at = c.shape(c.Input(1));
  if (at.rank() < 1 || at.back() < 1 || batch + at.back() > in.rank()) return c.Fail("places in the data", at.text(), "check the model");
  const int depth = at.back();
  const Shape named(in.dims().subspan(static_cast<size_t>(batch), static_cast<size_t>(depth)));
  const auto v = c.IntsOf(c.Input(1));
  if (!v || (!named.known() && MayBeNegative(c, c.Input(1)))) {
    OCTET_ASSIGN(const Value indices, c.Cast(c.Input(1), DType::kI32));
    if (!MayBeNegative(c, c.Input(1))) return indices;
    OCTET_ASSIGN(const Value sizes, SizesOf(c, x, batch, depth));
    return Wrapped(c, indices, sizes);
  }
  std::vector<int32_t> out;
  for (size_t i = 0; i < v->size(); ++i) out.push_back(static_cast<int32_t>((*v)[i] < 0 ? (*v)[i] + named[static_cast<int>(i) % depth] : (*v)[i]));
  return c.Constant<int32_t>(at, std::span<const int32_t>(out));
}

Result<Value> Times(NodeContext& c, Value a, Value b) {
  const auto v = c.IntsOf(b);
  return v && v->size() == 1 && (*v)[0] == 1 ? Result<Value>(a) : c.Emit("mul", {a, b});
}

// `count` axes from `first` on as one.
Result<Value> MergeAxes(NodeContext& c, Value x, int first, int count) {
  const Shape s = c.shape(x);
  if (count == 1) return x;
  std::vector<Dim> dims;
  for (int i = 0; i < first; ++i) dims.push_back(DimOf(c, x, i));
  const Shape merged(s.dims().subspan(static_cast<size_t>(first), static_cast<size_t>(count)));
  dims.push_back({merged.known() ? static_cast<int32_t>(merged.elements()) : kUnknown, {}, 0});
  for (int i = first + count; i < s.rank(); ++i) dims.push_back(DimOf(c, x, i));
  return Reshape(c, x, dims);
}

Result<Value> ShapedLike(NodeContext& c, Value v, Value x) {
  std::vector<Dim> dims;
  for (int i = 0; i < c.rank(x); ++i) dims.push_back(DimOf(c, x, i));
  return Reshape(c, v, dims);
}

// What coordinates [..., depth] of the axes of x from `first` on number, were those axes one.
Result<Value> Numbered(NodeContext& c, Value x, Value at, int first) {
  const int last = c.rank(at) - 1, depth = c.shape(at)[last];
  if (depth == 1) return c.Make("squeeze", {at}, {{"squeeze_dims", std::vector<int32_t>{last}}});
  std::vector<Value> strides(static_cast<size_t>(depth), c.ScalarInt(1));
  for (int i = depth - 1; i > 0; --i) {
    OCTET_ASSIGN(const Value size, ops::DimensionOf(c, x, first + i));
    OCTET_ASSIGN(strides[static_cast<size_t>(i - 1)], Times(c, size, strides[static_cast<size_t>(i)]));
  }
  OCTET_ASSIGN(const Value each, c.Make("pack", strides, {{"values_count", depth}, {"axis", 0}}));
  OCTET_ASSIGN(at, c.Emit("mul", {at, each}));
  return c.Make("sum", {at, c.Vector({last})});
}

Status ConvertGatherNd(NodeContext& c) {
  const int64_t batch = c.Int("batch_dims", 0);
  const Value x = c.Input(0);
  const Shape in = c.shape(x), at = c.shape(c.Input(1));
  if (batch < 0 || batch >= std::min(in.rank(), at.rank())) return c.Fail("fewer batch_dims than dimensions", std::to_string(batch), "");
  const auto b = static_cast<int>(batch);
  OCTET_ASSIGN(Value indices, Coordinates(c, x, b));
  if (b == 0) return Set(c, c.Make("gather_nd", {x, indices}));
  if (at.back() == 1) {  // One axis behind the batch.
    OCTET_ASSIGN(indices, c.Make("squeeze", {indices}, {{"squeeze_dims", std::vector<int32_t>{at.rank() - 1}}}));
    return Set(c, c.Make("gather", {x, indices}, {{"axis", batch}, {"batch_dims", batch}}));
  }
  // What the indices are of as one axis, whose places they number.
  OCTET_ASSIGN(indices, Numbered(c, x, indices, b));
  OCTET_ASSIGN(const Value rows, MergeAxes(c, x, b, at.back()));
  return Set(c, c.Make("gather", {rows, indices}, {{"axis", batch}, {"batch_dims", batch}}));
}

// The indices of the node, as they were before an Expand or a Tile gave every element behind `axis` the same.
Result<Value> UnspreadIndices(NodeContext& c, int32_t axis) {
  const Value indices = c.Input(1);
  const Shape all = c.shape(indices);
  const auto maker = c.scope().makers.find(c.node().inputs[1]);
  if (maker == c.scope().makers.end() || (maker->second->op != "Expand" && maker->second->op != "Tile")) return indices;
  OCTET_ASSIGN(const Binding source, c.builder().Lookup(c.scope(), maker->second->inputs[0]));
  if (!source.value || c.rank(source.value) != all.rank()) return indices;
  const Shape own = c.shape(source.value);
  for (int i = 0; i < all.rank(); ++i)
    if (i <= axis ? own[i] != all[i] && own[i] != kUnknown : own[i] != 1) return indices;
  return source.value;
}

// One index for each slice of `axis`, for each place in front of it: [batch…, slices]. Empty where elements behind the axis have their own. What is
// in front and behind must be as the data has it.
Result<Value> SliceIndices(NodeContext& c, int32_t axis) {
  const Shape x = c.shape(c.Input(0)), all = c.shape(c.Input(1));
  if (all.rank() != x.rank()) return Value{};
  for (int i = 0; i < all.rank(); ++i)
    if (i != axis && (x[i] != all[i] || (i > axis && x[i] == kUnknown))) return Value{};
  OCTET_ASSIGN(const Value indices, UnspreadIndices(c, axis));
  std::vector<int32_t> behind;
  for (int i = axis + 1; i < all.rank(); ++i) {
    if (c.shape(indices)[i] != 1) return Value{};
    behind.push_back(i);
  }
  if (behind.empty()) return indices;
  return c.Make("squeeze", {indices}, {{"squeeze_dims", behind}});
}

// The numbers of the data's elements that the node's indices name: theirs along `axis`, each one's own place along the others.
Result<Value> ElementNumbers(NodeContext& c, int32_t axis) {
  const Value x = c.Input(0), indices = c.Input(1);
  const Shape s = c.shape(indices);
  if (s.rank() != c.rank(x)) return c.Fail("as many dimensions as the data", s.text(), "check the model");
  Shape written;  // As constants.
  for (int i = 0; i < s.rank(); ++i)
    if (i != axis && s[i] != kUnknown) written.push_back(s[i]);
  if (!c.IsSmall(written, 1 << 22)) return c.Fail("at most 2^22 places", s.text(), "");
  OCTET_ASSIGN(Value own, FromStart(c, indices, x, axis));
  Value stride = c.ScalarInt(1), places;
  for (int i = s.rank() - 1; i >= 0; --i) {
    if (i == axis) {
      OCTET_ASSIGN(own, Times(c, own, stride));
    } else if (s[i] != 1) {
      OCTET_ASSIGN(Value numbers, Positions(c, indices, i));
      OCTET_ASSIGN(numbers, Times(c, numbers, stride));
      Shape column{kUnknown};
      for (int k = i + 1; k < s.rank(); ++k) column.push_back(1);
      OCTET_ASSIGN(numbers, c.Reshape(numbers, column));
      OCTET_ASSIGN(places, places ? c.Emit("add", {places, numbers}) : Result<Value>(numbers));
    }
    if (i == 0) break;
    OCTET_ASSIGN(const Value size, ops::DimensionOf(c, x, i));
    OCTET_ASSIGN(stride, Times(c, stride, size));
  }
  return places ? c.Emit("add", {own, places}) : Result<Value>(own);
}

Status ConvertGatherElements(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  OCTET_ASSIGN(Value at, SliceIndices(c, axis));
  if (at) {
    OCTET_ASSIGN(at, FromStart(c, at, x, axis));
    return Set(c, c.Make("gather", {x, at}, {{"axis", axis}, {"batch_dims", axis}}));
  }
  OCTET_ASSIGN(at, ElementNumbers(c, axis));
  OCTET_ASSIGN(const Value elements, c.Reshape(x, Shape{kUnknown}));
  return Set(c, c.Make("gather", {elements, at}, {{"axis", 0}}));
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

// Places written once each; elsewhere the data. All of known shape.
Result<Value> PlacedOnce(NodeContext& c, Value x, Value at, Value updates) {
  const Value shape = c.Vector(c.shape(x).dims());
  OCTET_ASSIGN(const Value placed, c.Make("scatter_nd", {at, updates, shape}));
  const std::vector<int32_t> ones(static_cast<size_t>(c.shape(updates).elements()), 1);
  OCTET_ASSIGN(const Value hits, c.Make("scatter_nd", {at, c.Constant<int32_t>(c.shape(updates), std::span<const int32_t>(ones)), shape}));
  OCTET_ASSIGN(const Value written, c.Emit("greater", {hits, c.ScalarInt(0)}));
  return c.Emit("select_v2", {written, placed, x});
}

// Slices of `axis` put at places that may be written several times: the last counts, as in onnxruntime, or what the reduction (then along the first axis)
// makes of the data and all updates. The data's own slices come first, so that no place is without one, and none need be placed.
Result<Value> PlacedOften(NodeContext& c, Value x, Value at, Value updates, int32_t axis, std::string_view reduction) {
  if (std::max(c.shape(x)[axis], c.shape(at)[0]) > kMostWritten) return c.Fail("at most 2^24 places and updates", c.shape(x).text(), "");
  OCTET_ASSIGN(const Value count, ops::DimensionOf(c, x, axis));
  OCTET_ASSIGN(const Value own, Positions(c, x, axis));
  OCTET_ASSIGN(const Value all, c.Make("concatenation", {x, updates}, {{"axis", axis}}));
  OCTET_ASSIGN(const Value of, c.Make("concatenation", {own, at}, {{"axis", 0}}));
  const auto segments = [&](std::string_view op, Value data) -> Result<Value> {
    OCTET_ASSIGN(const Value y, c.Make(op, {data, of, count}));
    Shape s = c.shape(data);
    s[0] = c.shape(x)[axis];
    c.RefineShape(y, s);  // A computed count leaves the rank at most.
    return y;
  };
  if (!reduction.empty()) return segments(reduction, all);
  OCTET_ASSIGN(const Value numbers, Positions(c, of, 0));
  OCTET_ASSIGN(const Value last, segments("unsorted_segment_max", numbers));
  return c.Make("gather", {all, last}, {{"axis", axis}});
}

// What a node's attribute `reduction` is computed by: empty for none, "add" for sums.
Result<std::string_view> Reduction(const NodeContext& c) {
  const std::string how = c.Text("reduction", "none");
  if (how == "none") return std::string_view();
  if (how == "add") return std::string_view("add");
  if (how == "max") return std::string_view("unsorted_segment_max");
  if (how == "min") return std::string_view("unsorted_segment_min");
  if (how == "mul") return std::string_view("unsorted_segment_prod");
  return c.Fail("reduction none, add, mul, max or min", how, "");
}

// The type that the operators of a reduction have, for a type that they may lack.
DType PlacedAs(DType own, std::string_view reduction) {
  return own == DType::kBool || (!reduction.empty() && own != DType::kF32) ? DType::kI32 : own;
}

Result<Value> Placed(NodeContext& c, Value x, Value at, Value updates) {
  OCTET_ASSIGN(const std::string_view reduction, Reduction(c));
  const Shape s = c.shape(x), a = c.shape(at), u = c.shape(updates);
  if (a.rank() < 1 || a.back() < 1 || a.back() > s.rank()) return c.Fail("places in the data", a.text(), "check the model");
  if (u.known() && u.elements() == 0) return x;
  if (reduction == "add") {
    OCTET_ASSIGN(const Value shape, DimensionsOf(c, x));
    OCTET_ASSIGN(const Value placed, c.Make("scatter_nd", {at, updates, shape}));
    return c.Emit("add", {x, placed});
  }
  const DType own = c.type(x).dtype, wide = PlacedAs(own, reduction);
  const Value before = x;
  OCTET_ASSIGN(x, c.Cast(x, wide));
  OCTET_ASSIGN(updates, c.Cast(updates, wide));
  Value y;
  if (reduction.empty() && c.IsSmall(s, INT32_MAX) && c.IsSmall(u, INT32_MAX) && AllDiffer(c, at)) {
    OCTET_ASSIGN(y, PlacedOnce(c, x, at, updates));
  } else {
    const int depth = a.back();
    OCTET_ASSIGN(const Value rows, MergeAxes(c, x, 0, depth));
    OCTET_ASSIGN(at, Numbered(c, x, at, 0));
    OCTET_ASSIGN(at, c.Reshape(at, Shape{kUnknown}));
    OCTET_ASSIGN(updates, MergeAxes(c, updates, 0, a.rank() - 1));
    OCTET_ASSIGN(y, PlacedOften(c, rows, at, updates, 0, reduction));
    if (depth > 1) {
      OCTET_ASSIGN(y, ShapedLike(c, y, before));
    }
  }
  return c.Cast(y, own);
}

Status ConvertScatterElements(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  OCTET_ASSIGN(const std::string_view reduction, Reduction(c));
  OCTET_ASSIGN(Value at, SliceIndices(c, axis));
  if (at && c.rank(at) == 1 && reduction.empty()) {  // Whole slices.
    OCTET_ASSIGN(at, FromStart(c, at, x, axis));
    return Set(c, PlacedOften(c, x, at, c.Input(2), axis, reduction));
  }
  OCTET_ASSIGN(at, ElementNumbers(c, axis));
  OCTET_ASSIGN(at, c.Reshape(at, Shape{kUnknown, 1}));
  OCTET_ASSIGN(const Value elements, c.Reshape(x, Shape{kUnknown}));
  OCTET_ASSIGN(const Value updates, c.Reshape(c.Input(2), Shape{kUnknown}));
  OCTET_ASSIGN(const Value y, Placed(c, elements, at, updates));
  return Set(c, ShapedLike(c, y, x));
}

// What a slice of one axis covers: numbers that follow each other, or (whole) all.
struct Span {
  int32_t begin = 0, count = 0;
  bool whole = false;
};

std::optional<Span> SpanOf(std::span<const int64_t> numbers, int32_t size) {
  if (numbers.empty() || size == kUnknown) return std::nullopt;
  for (size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != numbers[0] + static_cast<int64_t>(i)) return std::nullopt;
  if (numbers.front() < 0 || numbers.back() >= size) return std::nullopt;
  const auto count = static_cast<int32_t>(numbers.size());
  return Span{static_cast<int32_t>(numbers[0]), count, count == size};
}

// Constant coordinates of a box of the data, in order.
std::vector<Span> ConstantBox(NodeContext& c, const Shape& in, Value at) {
  const auto v = c.IntsOf(at);
  const Shape s = c.shape(at);
  const int depth = s.back();
  if (!v || v->empty() || s.rank() != depth + 1) return {};
  std::vector<Span> box;
  for (int k = 0; k < depth; ++k) {
    std::vector<int64_t> along;
    const int64_t inner = s.elements(k + 1, depth);
    for (int32_t i = 0; i < s[k]; ++i) along.push_back((*v)[static_cast<size_t>(i * inner * depth + k)]);
    const std::optional<Span> span = SpanOf(along, in[k]);
    if (!span) return {};
    for (int64_t i = 0; i < s.elements(0, depth); ++i)
      if ((*v)[static_cast<size_t>(i * depth + k)] != span->begin + i / inner % s[k]) return {};
    box.push_back(*span);
  }
  return box;
}

const NodeProto* MakerOf(NodeContext& c, std::string_view name, std::string_view op) {
  const auto it = c.scope().makers.find(name);
  return it != c.scope().makers.end() && it->second->op == op ? it->second : nullptr;
}

// One axis of what TorchScript makes of x[:, a:b] = …: the axis's own numbers, spread over all others.
Result<std::optional<Span>> SpreadSpan(NodeContext& c, Value x, std::string_view coordinate, int axis, int depth) {
  const NodeProto* unsqueeze = MakerOf(c, coordinate, "Unsqueeze");
  const NodeProto* expand = unsqueeze ? MakerOf(c, unsqueeze->inputs[0], "Expand") : nullptr;
  if (!expand) return std::optional<Span>();
  OCTET_ASSIGN(const Binding numbers, c.builder().Lookup(c.scope(), expand->inputs[0]));
  const Shape s = numbers.value ? c.shape(numbers.value) : Shape{};
  if (s.rank() < 1 || s.rank() > depth) return std::optional<Span>();
  for (int i = 0; i < s.rank(); ++i)
    if (s[i] != 1 && i + depth - s.rank() != axis) return std::optional<Span>();
  if (const auto v = c.IntsOf(numbers.value)) return SpanOf(*v, c.shape(x)[axis]);
  const NodeProto* reshape = MakerOf(c, expand->inputs[0], "Reshape");
  const NodeProto* range = reshape ? MakerOf(c, reshape->inputs[0], "Range") : nullptr;
  if (!range || range->inputs.size() != 3) return std::optional<Span>();
  std::vector<Partial> given;
  for (const std::string_view name : range->inputs) {
    OCTET_ASSIGN(const Binding b, c.builder().Lookup(c.scope(), name));
    given.push_back(b.value ? c.PartialFor(x, b.value) : Partial{});
    if (!given.back().valid || given.back().numbers.size() != 1) return std::optional<Span>();
  }
  const bool whole = given[0].numbers[0] == Number::Of(0) && given[2].numbers[0] == Number::Of(1) && given[1].numbers[0].Is(x.id, axis);
  return whole ? std::optional(Span{0, kUnknown, true}) : std::nullopt;
}

// The same of all axes; empty where the node's indices were not made so.
Result<std::vector<Span>> SpreadBox(NodeContext& c, Value x, const Shape& at) {
  const NodeProto* join = MakerOf(c, c.node().inputs[1], "Concat");
  const auto depth = static_cast<size_t>(at.back());
  if (!join || join->inputs.size() != depth || at.rank() != at.back() + 1) return std::vector<Span>();
  std::vector<Span> box;
  for (size_t k = 0; k < depth; ++k) {
    OCTET_ASSIGN(const std::optional<Span> span, SpreadSpan(c, x, join->inputs[k], static_cast<int>(k), static_cast<int>(depth)));
    if (!span) return std::vector<Span>();
    box.push_back(*span);
  }
  return box;
}

// The box of the data that the node's indices name in order; empty where they do not. How large ones were made is looked at before what they are.
Result<std::vector<Span>> BoxOf(NodeContext& c, Value x) {
  const Shape in = c.shape(x), s = c.shape(c.Input(1));
  if (s.rank() < 2 || s.back() < 1 || s.back() > in.rank()) return std::vector<Span>();
  OCTET_ASSIGN(std::vector<Span> box, SpreadBox(c, x, s));
  if (!box.empty() || !c.is_constant(c.Input(1))) return box;
  OCTET_ASSIGN(const Value at, Coordinates(c, x, 0));
  return c.is_constant(at) ? ConstantBox(c, in, at) : std::vector<Span>();
}

// x with the updates in the place of a box: joined, axis by axis, with what lies around it.
Result<Value> WithBox(NodeContext& c, Value x, std::span<const Span> box, int axis, Value updates) {
  while (!box.empty() && box[0].whole) box = box.subspan(1), ++axis;
  if (box.empty()) return updates;
  const Shape s = c.shape(x);
  const auto part = [&](int32_t begin, int32_t count) {
    std::vector<int32_t> from(static_cast<size_t>(s.rank()), 0), size(static_cast<size_t>(s.rank()), -1);
    from[static_cast<size_t>(axis)] = begin;
    size[static_cast<size_t>(axis)] = count;
    return c.Make("slice", {x, c.Vector(from), c.Vector(size)});
  };
  std::vector<Value> parts;
  if (box[0].begin > 0) {
    OCTET_ASSIGN(const Value before, part(0, box[0].begin));
    parts.push_back(before);
  }
  if (std::ranges::all_of(box.subspan(1), &Span::whole)) {
    parts.push_back(updates);
  } else {
    OCTET_ASSIGN(Value inside, part(box[0].begin, box[0].count));
    OCTET_ASSIGN(inside, WithBox(c, inside, box.subspan(1), axis + 1, updates));
    parts.push_back(inside);
  }
  if (const int32_t end = box[0].begin + box[0].count; end < s[axis]) {
    OCTET_ASSIGN(const Value behind, part(end, s[axis] - end));
    parts.push_back(behind);
  }
  return c.Make("concatenation", parts, {{"axis", axis}});
}

Status ConvertScatterNd(NodeContext& c) {
  const Value x = c.Input(0);
  const Shape s = c.shape(c.Input(1));
  if (s.rank() < 1 || s.back() == kUnknown) return c.Fail("indices of known depth", s.text(), "");
  OCTET_ASSIGN(const std::string_view reduction, Reduction(c));
  OCTET_ASSIGN(const std::vector<Span> box, reduction.empty() ? BoxOf(c, x) : Result<std::vector<Span>>(std::vector<Span>()));
  Value y;
  if (!box.empty() && c.rank(c.Input(2)) == c.rank(x)) {
    OCTET_ASSIGN(y, WithBox(c, x, box, 0, c.Input(2)));
  } else {
    OCTET_ASSIGN(const Value at, Coordinates(c, x, 0));
    OCTET_ASSIGN(y, Placed(c, x, at, c.Input(2)));
  }
  c.builder().SetDimensionsOf(y, x);
  c.SetOutput(0, y);
  return {};
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
  OCTET_ASSIGN(const Value truth, c.type(x).dtype == DType::kBool
                                      ? Result<Value>(x)
                                      : c.Emit("not_equal", {x, c.type(x).dtype == DType::kF32 ? c.Scalar(0) : *c.Cast(c.Scalar(0), c.type(x).dtype)}));
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
    {"Gather", 0, ConvertGather}, {"GatherND", 0, ConvertGatherNd}, {"GatherElements", 0, ConvertGatherElements},
    {"ScatterElements", 0, ConvertScatterElements}, {"Scatter", 0, ConvertScatterElements}, {"ScatterND", 0, ConvertScatterNd}, {"TopK", 0, ConvertTopK},
    {"NonZero", 0, ConvertNonZero}, {"Compress", 0, ConvertCompress}, {"OneHot", 0, ConvertOneHot}, {"CumSum", 0, ConvertCumSum}};

}  // namespace

const std::span<const NodeRule> kIndexingRules = kRules;

}  // namespace octet::importers::onnx
