// SPDX-License-Identifier: Apache-2.0
// keras.ops that move, sort and join elements, or pool and resize images.
#include <algorithm>
#include <limits>
#include <numeric>

#include "importers/keras/builder.h"
#include "importers/keras/layers/functions.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/band.h"
#include "importers/lowerings/selection.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

Result<Value> Tensor(LayerContext& c) { return Operand(c, 0, {"x", "inputs", "images", "data", "a"}); }

Result<int> AxisOf(LayerContext& c, int64_t axis, int rank) {
  int at = 0;
  if (!ops::NormalizeAxis(axis, rank, &at)) return c.Fail("an axis inside the rank", std::to_string(axis), "");
  return at;
}

// -------------------------------------------------------------------------------------- shapes

Status ConvertRavel(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, c.Make("reshape", {x, c.Vector({-1})}));
}

Status ConvertMoveaxis(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int64_t> from, to;
  if (!IntsOf(LiteralOf(c, 1, {"source"}), &from) || !IntsOf(LiteralOf(c, 2, {"destination"}), &to) || from.size() != to.size()) return c.Fail("axes", "none", "");
  std::vector<int32_t> order(static_cast<size_t>(c.rank(x)), -1);
  std::vector<bool> moved(order.size(), false);
  for (size_t i = 0; i < from.size(); ++i) {
    OCTET_ASSIGN(const int a, AxisOf(c, from[i], c.rank(x)));
    OCTET_ASSIGN(const int b, AxisOf(c, to[i], c.rank(x)));
    order[static_cast<size_t>(b)] = a;
    moved[static_cast<size_t>(a)] = true;
  }
  int32_t next = 0;
  for (int32_t& o : order) {
    if (o >= 0) continue;
    while (next < c.rank(x) && moved[static_cast<size_t>(next)]) ++next;
    o = next++;
  }
  return Set(c, c.Make("transpose", {x, c.Vector(order)}));
}

Status ConvertBroadcastTo(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int64_t> dims;
  if (!IntsOf(LiteralOf(c, 1, {"shape"}), &dims)) return c.Fail("a shape of numbers", "another kind of argument", "");
  return Set(c, c.Make("broadcast_to", {x, c.Vector(std::vector<int32_t>(dims.begin(), dims.end()))}));
}

Status ConvertUnstack(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", 0), c.rank(x)));
  const int32_t n = c.shape(x)[axis];
  if (n < 1 || n > kMostParts) return c.Fail(Format("an axis of 1 to %d", static_cast<int>(kMostParts)), c.shape(x).text(), "give the input's shape");
  const bool has_kernel = c.type(x).dtype != DType::kI64;
  OCTET_ASSIGN(std::vector<Value> y, has_kernel ? c.MakeMany("unpack", {x}, {{"num", n}, {"axis", axis}}, n)
                                                : c.MakeMany("split", {Int(c, axis), x}, {{"num_splits", n}}, n));
  for (int32_t i = 0; i < n; ++i) {
    Value& part = y[static_cast<size_t>(i)];
    OCTET_ASSIGN(part, has_kernel ? Result<Value>(part) : c.Make("squeeze", {part}, {{"squeeze_dims", std::vector<int32_t>{axis}}}));
    c.SetOutput(i, part);
  }
  return {};
}

// Lists joined along the second, first or third axis.
template <int Axis> Status ConvertStacked(LayerContext& c) {
  OCTET_TRY(c.InputsToOneType());
  std::vector<Value> values;
  for (int i = 0; i < c.num_inputs(); ++i) values.push_back(c.Input(i));
  if (values.empty()) return c.Fail("tensors", "none", "");
  const int axis = Axis == 1 && c.rank(values[0]) == 1 ? 0 : Axis;
  if (c.rank(values[0]) <= axis) return c.Fail(Format("tensors of rank %d or more", axis + 1), c.shape(values[0]).text(), "");
  return Set(c, c.Make("concatenation", values, {{"axis", axis}}));
}

Status ConvertAppend(LayerContext& c) {
  OCTET_ASSIGN(Pair p, Operands(c, Literals::kOwn));
  if (c.Has("axis")) {
    OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", 0), c.rank(p.a)));
    return Set(c, c.Make("concatenation", {p.a, p.b}, {{"axis", axis}}));
  }
  OCTET_ASSIGN(p.a, c.Make("reshape", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(p.b, c.Make("reshape", {p.b, c.Vector({-1})}));
  return Set(c, c.Make("concatenation", {p.a, p.b}, {{"axis", 0}}));
}

template <int Back> Status ConvertFlipped(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, c.Make("reverse_v2", {x, c.Vector({Back})}));
}

// start + (stop - start) * i / (num - 1) along a new axis; without the endpoint a step less. Logspace: the base to the power of that.
Status ConvertLinspace(LayerContext& c) {
  constexpr int64_t kMost = 1 << 20;
  OCTET_ASSIGN(Value start, Operand(c, 0, {"start"}));
  OCTET_ASSIGN(Value stop, Operand(c, 1, {"stop"}));
  OCTET_ASSIGN(start, c.Cast(start, DType::kF32));
  OCTET_ASSIGN(stop, c.Cast(stop, DType::kF32));
  const int64_t num = c.Int("num", 50);
  const bool closed = c.Bool("endpoint", true);
  if (num < 1 || num > kMost || c.Bool("retstep", false)) return c.Fail(Format("1 to %d numbers, without retstep", static_cast<int>(kMost)), std::to_string(num), "");
  OCTET_ASSIGN(Value d, c.Make("sub", {stop, start}));
  const int rank = c.rank(d);
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", 0), rank + 1));
  if (c.rank(start) != rank) {
    OCTET_ASSIGN(const Value none, c.Make("zeros_like", {d}));
    OCTET_ASSIGN(start, c.Make("add", {start, none}));
  }
  std::vector<float> share;
  for (int64_t i = 0; i < num; ++i) share.push_back(num == 1 ? 0.0f : static_cast<float>(static_cast<double>(i) / static_cast<double>(closed ? num - 1 : num)));
  Shape along;
  for (int i = 0; i <= rank; ++i) along.push_back(i == axis ? static_cast<int32_t>(num) : 1);
  OCTET_ASSIGN(d, c.Make("expand_dims", {d, Int(c, axis)}));
  OCTET_ASSIGN(start, c.Make("expand_dims", {start, Int(c, axis)}));
  OCTET_ASSIGN(d, c.Make("mul", {d, c.Constant<float>(along, share)}));
  OCTET_ASSIGN(Value y, c.Make("add", {start, d}));
  if (c.kind() == "Logspace") {
    OCTET_ASSIGN(y, c.Make("pow", {c.Scalar(static_cast<float>(c.Number("base", 10))), y}));
  }
  return Set(c, y);
}

// Coordinates of a grid, one tensor for each axis; "xy": the first two axes exchanged.
Status ConvertMeshgrid(LayerContext& c) {
  const int n = c.num_inputs();
  if (n < 1 || n > kMaxRank) return c.Fail(Format("1 to %d vectors", kMaxRank), std::to_string(n), "");
  const bool exchanged = n > 1 && c.Text("indexing", "xy") == "xy";
  const auto axis_of = [&](int i) { return exchanged && i < 2 ? 1 - i : i; };
  std::vector<int32_t> dims(static_cast<size_t>(n));
  for (int i = 0; i < n; ++i) {
    const Shape s = c.shape(c.Input(i));
    if (!s.known() || s.elements() > (1 << 24)) return c.Fail("vectors of known length", s.text(), "give the input's shape");
    dims[static_cast<size_t>(axis_of(i))] = static_cast<int32_t>(s.elements());
  }
  for (int i = 0; i < n; ++i) {
    std::vector<int32_t> along(dims.size(), 1);
    along[static_cast<size_t>(axis_of(i))] = -1;
    OCTET_ASSIGN(Value y, c.Make("reshape", {c.Input(i), c.Vector(along)}));
    OCTET_ASSIGN(y, c.Make("broadcast_to", {y, c.Vector(dims)}));
    c.SetOutput(i, y);
  }
  return {};
}

// The part of a matrix on and below (above) a diagonal.
Status ConvertTriangle(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const int64_t k = std::max(c.Int("k", 0), -INT64_MAX);
  return Set(c, Banded(c, x, c.kind() == "Tril" ? BandLimits{{}, k} : BandLimits{-k, {}}));
}

// Elements of a diagonal of two axes, along a last axis; their sum.
Result<Value> Diagonal(LayerContext& c, Value x) {
  const int rank = c.rank(x);
  int a = 0, b = 1;
  if (rank < 2 || !ops::NormalizeAxis(c.Int("axis1", 0), rank, &a) || !ops::NormalizeAxis(c.Int("axis2", 1), rank, &b) || a == b)
    return c.Fail("two axes inside the rank", c.shape(x).text(), "");
  if (a != rank - 2 || b != rank - 1) {
    std::vector<int32_t> order;
    for (int i = 0; i < rank; ++i)
      if (i != a && i != b) order.push_back(i);
    order.insert(order.end(), {a, b});
    OCTET_ASSIGN(x, c.Make("transpose", {x, c.Vector(order)}));
  }
  const Shape s = c.shape(x);
  const int64_t rows = s.back(2), columns = s.back(), offset = c.Int("offset", 0);
  const auto open = std::count(s.dims().begin(), s.dims().end(), kUnknown);
  if (rows < 1 || columns < 1 || open > 1 || offset <= -rows || offset >= columns || rows * columns > INT32_MAX)
    return c.Fail("a diagonal of two axes of known size", s.text(), "give the input's shape");
  std::vector<int32_t> dims(s.dims().begin(), s.dims().end() - 2), at;
  dims.push_back(static_cast<int32_t>(rows * columns));
  for (int64_t i = std::max<int64_t>(0, -offset); i < rows && i + offset < columns; ++i) at.push_back(static_cast<int32_t>(i * columns + i + offset));
  OCTET_ASSIGN(const Value flat, c.Make("reshape", {x, c.Vector(dims)}));
  return c.Make("gather", {flat, c.Vector(at)}, {{"axis", rank - 2}});
}
Status ConvertDiagonal(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  return Set(c, Diagonal(c, x));
}
Status ConvertTrace(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(Value d, Diagonal(c, x));
  OCTET_ASSIGN(d, Widened(c, d));
  OCTET_ASSIGN(d, c.Make("sum", {d, c.Vector({c.rank(d) - 1})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(d, SumType(own)));
}

// x[1:] - x[:-1] along an axis
Status ConvertDiff(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  const auto part = [&](Value v, int32_t begin, int32_t end) {
    std::vector<int32_t> from(static_cast<size_t>(c.rank(v)), 0), to(from), step(from.size(), 1);
    int64_t open = 0;
    for (int i = 0; i < c.rank(v); ++i)
      if (i != axis) open |= int64_t{1} << i;
    from[static_cast<size_t>(axis)] = begin;
    to[static_cast<size_t>(axis)] = end;
    const int64_t last = end == 0 ? int64_t{1} << axis : 0;
    return c.Make("strided_slice", {v, c.Vector(from), c.Vector(to), c.Vector(step)}, {{"begin_mask", open}, {"end_mask", open | last}});
  };
  for (int64_t n = c.Int("n", 1); n > 0; --n) {
    OCTET_ASSIGN(const Value a, part(x, 1, 0));
    OCTET_ASSIGN(const Value b, part(x, 0, -1));
    OCTET_ASSIGN(x, c.Make(c.type(x).dtype == DType::kBool ? "not_equal" : "sub", {a, b}));
  }
  return Set(c, x);
}

// ----------------------------------------------------------------------------- picking, sorting

// Behind the axis the indices are one for all elements, or the axis changes places with the last one.
Status ConvertTakeAlongAxis(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(Value at, Operand(c, 1, {"indices"}, DType::kI32));
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  const Shape s = c.shape(x), picked = c.shape(at);
  const int last = s.rank() - 1;
  if (picked.rank() != s.rank()) return c.Fail("indices of the same rank", picked.text(), "");
  for (int i = 0; i < axis; ++i)
    if (s[i] != picked[i]) return c.Fail("indices for all elements before the axis", picked.text(), "broadcast before");
  const auto behind = picked.dims().subspan(static_cast<size_t>(axis) + 1), all = s.dims().subspan(static_cast<size_t>(axis) + 1);
  if (axis < last && std::ranges::all_of(behind, [](int32_t d) { return d == 1; })) {
    std::vector<int32_t> ones;
    for (int i = axis + 1; i <= last; ++i) ones.push_back(i);
    OCTET_ASSIGN(at, c.Make("squeeze", {at}, {{"squeeze_dims", ones}}));
    return Set(c, c.Make("gather", {x, at}, {{"axis", axis}, {"batch_dims", axis}}));
  }
  if (!std::ranges::equal(behind, all)) return c.Fail("indices for all elements or one for all behind the axis", picked.text(), "broadcast before");
  std::vector<int32_t> order;
  for (int i = 0; i <= last; ++i) order.push_back(i == axis ? last : i == last ? axis : i);
  const auto exchanged = [&](Value v) { return axis == last ? Result<Value>(v) : c.Make("transpose", {v, c.Vector(order)}); };
  OCTET_ASSIGN(x, exchanged(x));
  OCTET_ASSIGN(at, exchanged(at));
  OCTET_ASSIGN(const Value y, c.Make("gather", {x, at}, {{"axis", last}, {"batch_dims", last}}));
  return Set(c, exchanged(y));
}

// The choice of the first condition that holds.
Status ConvertSelect(LayerContext& c) {
  const Argument *conditions = FindArgument(c, 0, {"condlist"}), *choices = FindArgument(c, 1, {"choicelist"});
  if (!conditions || !choices || conditions->items.size() != choices->items.size() || choices->items.empty()) return c.Fail("as many choices as conditions", "others", "");
  const Argument* otherwise = FindArgument(c, 2, {"default"});
  const Value rest = otherwise ? c.TensorOf(otherwise) : Value{};
  DType type = rest ? c.type(rest).dtype : DType::kBool;
  for (size_t i = 0; i < choices->items.size(); ++i) {
    const Value choice = c.TensorOf(&choices->items[i]);
    if (!c.TensorOf(&conditions->items[i]) || !choice) return c.Fail("tensors", "numbers", "");
    type = CommonType(type, c.type(choice).dtype);
  }
  Value y = NumberOf(c, 0, type);
  if (otherwise) {
    OCTET_ASSIGN(y, Operand(c, 2, {"default"}, type));
    OCTET_ASSIGN(y, c.Cast(y, type));
  }
  for (size_t i = conditions->items.size(); i-- > 0;) {
    OCTET_ASSIGN(const Value condition, c.Cast(c.TensorOf(&conditions->items[i]), DType::kBool));
    OCTET_ASSIGN(const Value choice, c.Cast(c.TensorOf(&choices->items[i]), type));
    OCTET_ASSIGN(y, c.Make("select_v2", {condition, choice, y}));
  }
  return Set(c, y);
}

Result<std::vector<Value>> Top(LayerContext& c, Value x, int32_t k) {
  return c.EmitNode("topk_v2", std::vector<Value>{x, Int(c, k)}, nullptr, {{c.type(x).dtype, {}, {}}, {DType::kI32, {}, {}}});
}
Status ConvertTopK(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value wide, Widened(c, x));
  OCTET_ASSIGN(const std::vector<Value> y, Top(c, wide, static_cast<int32_t>(c.Int("k", 1))));
  OCTET_ASSIGN(const Value numbers, c.Cast(y[0], c.type(x).dtype));
  c.SetOutput(0, numbers);
  c.SetOutput(1, y[1]);
  return {};
}
// Rising: the largest of what is negated first. The axis changes places with the last one.
Status ConvertSort(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  const bool positions = c.kind() == "Argsort";
  OCTET_ASSIGN(const int axis, AxisOf(c, c.Int("axis", -1), c.rank(x)));
  const int last = c.rank(x) - 1;
  const int32_t n = c.shape(x)[axis];
  if (n < 1) return c.Fail("an axis of known size", c.shape(x).text(), "give the input's shape");
  std::vector<int32_t> order;
  for (int i = 0; i <= last; ++i) order.push_back(i == axis ? last : i == last ? axis : i);
  const auto exchanged = [&](Value v) { return axis == last ? Result<Value>(v) : c.Make("transpose", {v, c.Vector(order)}); };
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, exchanged(x));
  OCTET_ASSIGN(x, Widened(c, x));
  OCTET_ASSIGN(x, c.Make("neg", {x}));
  OCTET_ASSIGN(const std::vector<Value> y, Top(c, x, n));
  OCTET_ASSIGN(Value sorted, positions ? Result<Value>(y[1]) : c.Make("neg", {y[0]}));
  OCTET_ASSIGN(sorted, c.Cast(sorted, positions ? DType::kI32 : own));
  return Set(c, exchanged(sorted));
}
Status ConvertDigitize(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  OCTET_ASSIGN(x, Widened(c, x));
  std::vector<double> limits;
  if (!NumbersOf(LiteralOf(c, 1, {"bins"}), &limits)) return c.Fail("bins of numbers", "another kind of argument", "");
  return Set(c, Bucketize(c, x, {limits.begin(), limits.end()}));
}

Status ConvertSegment(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(Value ids, Operand(c, 1, {"segment_ids"}, DType::kI32));
  if (!c.Has("num_segments")) return c.Fail("num_segments", "none", "");
  OCTET_ASSIGN(ids, c.Cast(ids, DType::kI32));
  const DType own = c.type(x).dtype;
  const std::string_view kind = c.kind();
  const char* op = kind == "SegmentMax" ? "unsorted_segment_max" : kind == "SegmentMin" ? "unsorted_segment_min"
      : kind == "SegmentProd" ? "unsorted_segment_prod" : "unsorted_segment_sum";
  if (own == DType::kI64 || own == DType::kU32) return c.Fail("float32 or integers of at most 32 bits", std::string(NumpyName(own)), "cast the input");
  OCTET_ASSIGN(const Value wide, Widened(c, x));
  OCTET_ASSIGN(const Value y, c.Make(op, {wide, ids, Int(c, static_cast<int32_t>(c.Int("num_segments", 1)))}));
  return Set(c, c.Cast(y, own));
}

// ------------------------------------------------------------------------------------- images

std::vector<int64_t> Two(LayerContext& c, const char* key, const std::vector<int64_t>& fallback) {
  std::vector<int64_t> v = c.Ints(key, fallback);
  if (v.size() == 1) v.push_back(v[0]);
  return v;
}

// Of images, or of series: those are images of one row.
Status ConvertPool(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  std::vector<int64_t> size = Two(c, "pool_size", {}), stride = Two(c, "strides", size);
  const bool series = c.rank(x) == 3;
  if ((c.rank(x) != 4 && !series) || size.size() != 2 || stride.size() != 2 || c.Text("data_format", "channels_last") != "channels_last")
    return c.Fail("images or series, channels last", c.shape(x).text(), "");
  if (series) {
    size[0] = stride[0] = 1;
    OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.Vector({1})}));
  }
  const DType own = c.type(x).dtype;
  OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(Value y, c.Make(c.kind() == "MaxPool" ? "max_pool_2d" : "average_pool_2d", {x},
                               {{"padding", static_cast<int64_t>(c.Text("padding", "valid") == "same" ? ops::Padding::kSame : ops::Padding::kValid)},
                                {"stride_h", stride[0]}, {"stride_w", stride[1]}, {"filter_height", size[0]}, {"filter_width", size[1]}}));
  OCTET_ASSIGN(y, series ? c.Make("squeeze", {y}, {{"squeeze_dims", std::vector<int32_t>{1}}}) : Result<Value>(y));
  return Set(c, Narrowed(c, y, own));
}

Status ConvertGrayscale(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  if (c.Text("data_format", "channels_last") != "channels_last" || c.rank(x) < 3 || c.shape(x).back() != 3) return c.Fail("RGB images, channels last", c.shape(x).text(), "");
  const float share[] = {0.2989f, 0.5870f, 0.1140f};
  OCTET_ASSIGN(Value y, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(y, c.Make("mul", {y, c.Constant<float>(Shape{3}, std::span<const float>(share))}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 1}}));
  return Set(c, Narrowed(c, y, c.type(x).dtype));
}

constexpr LayerRule kRules[] = {
    {"ops.Ravel", ConvertRavel}, {"ops.Moveaxis", ConvertMoveaxis}, {"ops.BroadcastTo", ConvertBroadcastTo}, {"ops.Unstack", ConvertUnstack},
    {"ops.Hstack", ConvertStacked<1>}, {"ops.Vstack", ConvertStacked<0>}, {"ops.Dstack", ConvertStacked<2>}, {"ops.Append", ConvertAppend},
    {"ops.Flipud", ConvertFlipped<0>}, {"ops.Fliplr", ConvertFlipped<1>}, {"ops.Tril", ConvertTriangle}, {"ops.Triu", ConvertTriangle},
    {"ops.Diagonal", ConvertDiagonal}, {"ops.Trace", ConvertTrace}, {"ops.Diff", ConvertDiff}, {"ops.TakeAlongAxis", ConvertTakeAlongAxis}, {"ops.Select", ConvertSelect},
    {"ops.TopK", ConvertTopK}, {"ops.Sort", ConvertSort}, {"ops.Argsort", ConvertSort}, {"ops.Digitize", ConvertDigitize},
    {"ops.SegmentSum", ConvertSegment}, {"ops.SegmentMax", ConvertSegment}, {"ops.SegmentMin", ConvertSegment}, {"ops.SegmentProd", ConvertSegment},
    {"ops.MaxPool", ConvertPool}, {"ops.AveragePool", ConvertPool},
    {"ops.RGBToGrayscale", ConvertGrayscale}, {"ops.Linspace", ConvertLinspace}, {"ops.Logspace", ConvertLinspace}, {"ops.Meshgrid", ConvertMeshgrid}};

}  // namespace

const std::span<const LayerRule> kArrayRules = kRules;

}  // namespace octet::importers::keras
