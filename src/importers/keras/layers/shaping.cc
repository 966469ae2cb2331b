// SPDX-License-Identifier: Apache-2.0
// keras.ops and TensorFlow functions that move elements.
#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>

#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/selection.h"
#include "ops/keras_conv_util.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// An axis of `rank`, counted from the front.
Result<int> Axis(LayerContext& c, int rank, int position, int64_t fallback) {
  std::vector<int64_t> axes;
  if (!IntsOf(LiteralOf(c, position, {"axis"}), &axes)) axes = {fallback};
  int axis = 0;
  if (axes.size() != 1 || !ops::NormalizeAxis(axes[0], rank, &axis))
    return c.Fail("an axis inside the rank", c.Get("axis").is_null() ? "none" : std::to_string(axes[0]), "");
  return axis;
}

// An index or a slice's end. Python's slices may end anywhere: what no axis reaches is as far as the last number.
int32_t Place(const Json& j) { return static_cast<int32_t>(std::clamp<int64_t>(j.integer(), INT32_MIN + 1, INT32_MAX - 1)); }

std::vector<int32_t> Narrow(const std::vector<int64_t>& v) { return {v.begin(), v.end()}; }

// The batch stays unknown where the new shape's other dimensions are known.
Status ConvertReshape(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const WholeNumbers to, WholeNumbersAt(c, 1, {"newshape", "new_shape", "shape"}));
  if (c.data(to.vector) || std::ranges::count(to.known, kUnknown) <= 1) return Set(c, c.Make("reshape", {x, c.Vector(to.known)}));  // The others tell it.
  const Value inputs[] = {x, to.vector};
  return Set(c, c.EmitAs("reshape", inputs, nullptr, {c.type(x).dtype, to.shape(), {}}));
}

Status ConvertTranspose(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int64_t> order;
  if (!IntsOf(LiteralOf(c, 1, {"axes", "perm"}), &order))
    for (int i = c.rank(x); i-- > 0;) order.push_back(i);
  return Set(c, c.Make("transpose", {x, c.Vector(Narrow(order))}));
}

Status ConvertSwapAxes(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  int a = 0, b = 0;
  if (!ops::NormalizeAxis(c.Int("axis1", 0), c.rank(x), &a) || !ops::NormalizeAxis(c.Int("axis2", 0), c.rank(x), &b))
    return c.Fail("axes inside the rank", "others", "");
  std::vector<int32_t> order(static_cast<size_t>(c.rank(x)));
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(a)], order[static_cast<size_t>(b)]);
  return Set(c, c.Make("transpose", {x, c.Vector(order)}));
}

Status ConvertExpandDims(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  std::vector<int64_t> axes;
  if (!IntsOf(LiteralOf(c, 1, {"axis"}), &axes)) axes = {-1};
  for (const int64_t axis : axes) {
    OCTET_ASSIGN(x, c.Make("expand_dims", {x, c.Vector({static_cast<int32_t>(axis)})}));
  }
  c.SetOutput(0, x);
  return {};
}

Status ConvertSqueeze(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int64_t> axes;
  IntsOf(LiteralOf(c, 1, {"axis"}), &axes);
  return Set(c, c.Make("squeeze", {x}, {{"squeeze_dims", Narrow(axes)}}));
}

Status ConvertConcatenate(LayerContext& c) {
  OCTET_ASSIGN(const std::vector<Value> list, ListAt(c, 0, {"xs", "values", "x"}));
  OCTET_ASSIGN(const int axis, Axis(c, c.rank(list[0]), 1, 0));
  return Set(c, c.Make("concatenation", list, {{"axis", axis}}));
}

Status ConvertStack(LayerContext& c) {
  const Argument* only = c.kind().starts_with("TFOp") ? FindArgument(c, 0, {"values"}) : nullptr;
  if (const Value x = only ? c.TensorOf(only) : Value{}; x && c.Int("axis", 0) == 0) return Set(c, x);  // TensorFlow's, of a tensor's rows.
  OCTET_ASSIGN(const std::vector<Value> list, ListAt(c, 0, {"x", "values"}));
  OCTET_ASSIGN(const int axis, Axis(c, c.rank(list[0]) + 1, 1, 0));
  OCTET_ASSIGN(const Value y, c.Make("pack", list, {{"values_count", static_cast<int64_t>(list.size())}, {"axis", axis}}));
  c.SetOutput(0, y);
  const bool wide = c.type(y).dtype == DType::kI64;
  if (c.rank(y) != 1 || (!wide && c.type(y).dtype != DType::kI32)) return {};
  std::vector<int32_t> known;  // It may be a shape.
  for (const Value v : list) {
    const int64_t number = !c.data(v) ? kUnknown : wide ? c.data_as<int64_t>(v)[0] : c.data_as<int32_t>(v)[0];
    known.push_back(number < 0 || number > INT32_MAX ? kUnknown : static_cast<int32_t>(number));
  }
  c.builder().SetElements(y, std::move(known));
  return {};
}

// The axis that vsplit, hsplit and dsplit cut.
int64_t CutAxis(const LayerContext& c, int rank) { return c.kind() == "Hsplit" ? (rank > 1 ? 1 : 0) : c.kind() == "Dsplit" ? 2 : 0; }

Status ConvertSplit(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const int axis, Axis(c, c.rank(x), 2, CutAxis(c, c.rank(x))));
  const int32_t size = c.shape(x)[axis], at = axis;
  const Json& parts = LiteralOf(c, 1, {"indices_or_sections", "num_or_size_splits"});
  std::vector<int64_t> cuts;
  if (!IntsOf(parts, &cuts) || size == kUnknown) return c.Fail("a number of parts and a known axis", c.shape(x).text(), "");
  std::vector<Value> values;
  const Value dimension = c.Constant<int32_t>(Shape{}, std::span(&at, 1));
  if (c.kind() == "ArraySplit" && parts.is_number() && cuts[0] > 0 && cuts[0] <= std::min<int64_t>(size, kMostParts) &&
      size % cuts[0] != 0) {  // The first parts are larger by one.
    const int64_t n = cuts[0];
    cuts.clear();
    for (int64_t i = 0; i < n; ++i) cuts.push_back((i + 1) * (size / n) + std::min(i + 1, size % n));
  }
  if (parts.is_number() && cuts.size() == 1) {
    const int64_t n = cuts[0];
    if (n < 1 || n > std::min<int64_t>(size, kMostParts))
      return c.Fail(Format("a number of parts from 1 to the axis' size, at most %d", static_cast<int>(kMostParts)), std::to_string(n), "");
    OCTET_ASSIGN(values, c.MakeMany("split", {dimension, x}, {{"num_splits", n}}, static_cast<int>(n)));
  } else {
    if (c.Has("num_or_size_splits")) std::partial_sum(cuts.begin(), cuts.end(), cuts.begin());  // TensorFlow gives sizes,
    else if (!parts.is_number()) cuts.push_back(size);                                                                   // numpy where to cut.
    std::vector<int32_t> sizes;
    for (size_t i = 0; i < cuts.size(); ++i) sizes.push_back(static_cast<int32_t>(cuts[i] - (i ? cuts[i - 1] : 0)));
    OCTET_ASSIGN(values, c.MakeMany("split_v", {x, c.Vector(sizes), dimension}, {{"num_splits", static_cast<int64_t>(sizes.size())}},
                                    static_cast<int>(sizes.size())));
  }
  for (size_t i = 0; i < values.size(); ++i) c.SetOutput(static_cast<int>(i), values[i]);
  return {};
}

Status ConvertTile(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(WholeNumbers repeats, WholeNumbersAt(c, 1, {"repeats", "multiples"}));
  const auto given = static_cast<int>(repeats.known.size());
  if (given > c.rank(x) || (given < c.rank(x) && !repeats.complete()))
    return c.Fail("at most one repetition per axis", std::to_string(given), "expand the dimensions before");
  repeats.known.insert(repeats.known.begin(), static_cast<size_t>(c.rank(x) - given), 1);  // Of the last axes.
  if (repeats.complete() || c.data(repeats.vector)) return Set(c, c.Make("tile", {x, c.Vector(repeats.known)}));
  Shape out = c.shape(x);
  for (int i = 0; i < out.rank(); ++i) {
    const int32_t times = repeats.known[static_cast<size_t>(i)];
    if (times != 1) out[i] = times == kUnknown || out[i] == kUnknown || int64_t{out[i]} * times > INT32_MAX ? kUnknown : out[i] * times;
  }
  const Value inputs[] = {x, repeats.vector};
  return Set(c, c.EmitAs("tile", inputs, nullptr, {c.type(x).dtype, out, {}}));
}

// [.., n, ..] -> [.., n, 1, ..] -> tiled -> [.., n * times, ..]
Status ConvertRepeat(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  if (LiteralOf(c, 2, {"axis"}).is_null()) {  // All numbers, one behind the other.
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
  }
  OCTET_ASSIGN(const int axis, Axis(c, c.rank(x), 2, 0));
  std::vector<int64_t> times;
  if (!IntsOf(LiteralOf(c, 1, {"repeats"}), &times) || times.empty()) return c.Fail("numbers of repetitions", "others", "");
  const Shape in = c.shape(x);
  if (times.size() > 1) {  // Each slice its own number of times.
    std::vector<int32_t> at;
    for (size_t i = 0; i < times.size(); ++i) {
      if (times[i] < 0 || times[i] > (1 << 20) || at.size() > (1 << 20)) return c.Fail("at most 2^20 repetitions", std::to_string(times[i]), "");
      at.insert(at.end(), static_cast<size_t>(times[i]), static_cast<int32_t>(i));
    }
    if (in[axis] != static_cast<int32_t>(times.size())) return c.Fail("a number of repetitions for each slice", in.text(), "");
    return Set(c, c.Make("gather", {x, c.Vector(at)}, {{"axis", axis}}));
  }
  std::vector<int32_t> tiles(static_cast<size_t>(in.rank()) + 1, 1), out(in.dims().begin(), in.dims().end());
  tiles[static_cast<size_t>(axis) + 1] = static_cast<int32_t>(times[0]);
  int32_t& repeated = out[static_cast<size_t>(axis)];
  if (std::ranges::count(out, kUnknown) > 1 || times[0] < 0 || times[0] > INT32_MAX / std::max(repeated, 1))
    return c.Fail("at most one unknown dimension", in.text(), "");
  repeated = repeated == kUnknown ? -1 : repeated * static_cast<int32_t>(times[0]);
  OCTET_ASSIGN(Value y, c.Make("expand_dims", {x, c.Vector({axis + 1})}));
  OCTET_ASSIGN(y, c.Make("tile", {y, c.Vector(tiles)}));
  return Set(c, c.Make("reshape", {y, c.Vector(out)}));
}

Status ConvertFlip(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  std::vector<int64_t> axes;
  if (!IntsOf(LiteralOf(c, 1, {"axis"}), &axes))  // All of them.
    for (int i = 0; i < c.rank(x); ++i) axes.push_back(i);
  Value y = x;
  for (const int64_t a : axes) {  // The operator takes one axis, or several that are next to each other.
    int axis = 0;
    if (!ops::NormalizeAxis(a, c.rank(x), &axis)) return c.Fail("axes inside the rank", std::to_string(a), "");
    OCTET_ASSIGN(y, c.Make("reverse_v2", {y, c.Vector({axis})}));
  }
  return Set(c, y);
}

// Everything of `x` with [begin, end) of one axis.
Result<Value> Slice(LayerContext& c, Value x, int axis, int32_t begin, int32_t end) {
  std::vector<int32_t> from(static_cast<size_t>(c.rank(x)), 0), to(from), step(from.size(), 1);
  int64_t open = 0;
  for (int i = 0; i < c.rank(x); ++i)
    if (i != axis) open |= int64_t{1} << i;
  from[static_cast<size_t>(axis)] = begin;
  to[static_cast<size_t>(axis)] = end;
  return c.Make("strided_slice", {x, c.Vector(from), c.Vector(to), c.Vector(step)}, {{"begin_mask", open}, {"end_mask", open}});
}

Result<Value> Rolled(LayerContext& c, Value x, int64_t by, int axis) {
  const int32_t size = c.shape(x)[axis];
  if (size == kUnknown) {  // Number i is what was at (i - shift) modulo the size.
    OCTET_ASSIGN(Value at, Positions(c, x, axis));
    OCTET_ASSIGN(const Value n, ops::DimensionOf(c, x, axis));
    OCTET_ASSIGN(at, c.Make("sub", {at, Int(c, static_cast<int32_t>(by))}));
    OCTET_ASSIGN(at, c.Make("floor_mod", {at, n}));
    return c.Make("gather", {x, at}, {{"axis", axis}});
  }
  if (size < 1) return x;
  const auto shift = static_cast<int32_t>(((by % size) + size) % size);
  if (shift == 0) return x;
  OCTET_ASSIGN(const Value tail, Slice(c, x, axis, size - shift, size));
  OCTET_ASSIGN(const Value head, Slice(c, x, axis, 0, size - shift));
  return c.Make("concatenation", {tail, head}, {{"axis", axis}});
}

Status ConvertRoll(LayerContext& c) {
  OCTET_ASSIGN(Value x, Tensor(c));
  std::vector<int64_t> shifts, axes;
  if (!IntsOf(LiteralOf(c, 1, {"shift"}), &shifts)) return c.Fail("shifts of numbers", "others", "");
  if (!IntsOf(LiteralOf(c, 2, {"axis"}), &axes)) {  // All numbers in a row.
    if (shifts.size() != 1) return c.Fail("one shift where no axis is named", std::to_string(shifts.size()), "");
    OCTET_ASSIGN(const Value dims, DimensionsOf(c, x));
    OCTET_ASSIGN(x, c.Make("reshape", {x, c.Vector({-1})}));
    OCTET_ASSIGN(x, Rolled(c, x, shifts[0], 0));
    return Set(c, c.Make("reshape", {x, dims}));
  }
  if (shifts.size() == 1) shifts.resize(axes.size(), shifts[0]);
  if (shifts.size() != axes.size()) return c.Fail("a shift for each axis", std::to_string(shifts.size()), "");
  for (size_t i = 0; i < axes.size(); ++i) {
    int axis = 0;
    if (!ops::NormalizeAxis(axes[i], c.rank(x), &axis)) return c.Fail("axes inside the rank", std::to_string(axes[i]), "");
    OCTET_ASSIGN(x, Rolled(c, x, shifts[i], axis));
  }
  return Set(c, x);
}

Status ConvertPad(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const Json& literal = LiteralOf(c, 1, {"pad_width", "paddings"});
  const Value widths = [&] {
    const auto made = ConstantOf(c, literal, DType::kI32);
    return made.ok() ? *made : Value{};
  }();
  if (!widths || c.shape(widths) != Shape{c.rank(x), 2}) return c.Fail("a pair of paddings per axis", "another form", "");
  std::string mode = c.Text("mode", "constant");
  const double value = c.Number("constant_values", 0);
  std::ranges::transform(mode, mode.begin(), [](unsigned char l) { return static_cast<char>(std::tolower(l)); });
  if (mode == "reflect" || mode == "symmetric") return Set(c, c.Make("mirror_pad", {x, widths}, {{"mode", mode == "symmetric"}}));
  if (mode != "constant") return c.Fail("mode constant, reflect or symmetric", mode, "");
  if (value == 0) return Set(c, c.Make("pad", {x, widths}));
  return Set(c, c.Make("padv2", {x, widths, NumberOf(c, value, c.type(x).dtype)}));
}

Status ConvertOneHot(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "indices"}, DType::kI32));
  OCTET_ASSIGN(Value classes, Operand(c, -1, {"depth", "num_classes"}, DType::kI32));
  OCTET_ASSIGN(classes, c.Cast(classes, DType::kI32));
  if (!c.data(classes) || c.rank(classes) != 0) return c.Fail("a known number of classes", "a tensor", "");
  OCTET_ASSIGN(const Value ids, c.Cast(x, DType::kI32));
  const Json &on_value = LiteralOf(c, -1, {"on_value"}), &off_value = LiteralOf(c, -1, {"off_value"});
  const Json& named = on_value.is_null() ? off_value : on_value;
  OCTET_ASSIGN(const DType type, NamedType(c, -1, named.is_null() ? DType::kF32 : PythonType(named)));
  const Value on = c.Scalar(static_cast<float>(c.Number("on_value", 1))), off = c.Scalar(static_cast<float>(c.Number("off_value", 0)));
  OCTET_ASSIGN(const Value hot, c.Make("one_hot", {ids, classes, on, off}, {{"axis", c.Int("axis", -1)}}));
  return Set(c, c.Cast(hot, type));
}

Status ConvertTake(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Operand(c, 0, {"x", "params"}));
  OCTET_ASSIGN(Value indices, Operand(c, 1, {"indices"}, DType::kI32));
  const int64_t batch = c.Int("batch_dims", 0);  // TensorFlow's, whose axis is the one behind them.
  OCTET_ASSIGN(const int axis, Axis(c, c.rank(x), 2, c.kind().starts_with("TFOp") ? batch : std::numeric_limits<int64_t>::max()));
  if (batch < 0 || batch > axis || batch > c.rank(indices)) return c.Fail("batch_dims before the axis", std::to_string(batch), "");
  OCTET_ASSIGN(indices, c.Cast(indices, DType::kI32));
  // Constants count from the end where negative.
  const std::span<const int32_t> known = c.data_as<int32_t>(indices);
  if (const int32_t n = c.shape(x)[axis]; n > 0 && std::ranges::any_of(known, [](int32_t i) { return i < 0; })) {
    std::vector<int32_t> from_front(known.begin(), known.end());
    for (int32_t& i : from_front) i += i < 0 ? n : 0;
    const Shape shape = c.shape(indices);
    indices = c.Constant<int32_t>(shape, from_front);
  }
  return Set(c, c.Make("gather", {x, indices}, {{"axis", axis}, {"batch_dims", batch}}));
}

// Zeros or ones of x's shape, and of its type unless another is asked for.
template <bool Ones> Status ConvertLike(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 1, c.type(x).dtype));
  if (Ones) {
    OCTET_ASSIGN(const Value shape, DimensionsOf(c, x));
    OCTET_ASSIGN(const Value one, c.Cast(c.Scalar(1), type));
    const Value inputs[] = {shape, one};
    return Set(c, c.EmitAs("fill", inputs, nullptr, {type, c.shape(x), {}}));
  }
  OCTET_ASSIGN(const Value wide, Widened(c, x));
  OCTET_ASSIGN(const Value zero, c.Make("zeros_like", {wide}));
  return Set(c, c.Cast(zero, type));
}

Status ConvertCast(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const Json& wanted = LiteralOf(c, 1, {"dtype"});
  const DType dtype = TypeOf(wanted);
  if (dtype == DType::kNone && c.kind() == "ConvertToTensor") return Set(c, x);
  if (dtype == DType::kNone) return c.Fail("an element type", "'" + wanted.text() + "'", "");
  return Set(c, c.CastOfSource(x, dtype));
}

Status ConvertSaturateCast(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const DType type, NamedType(c, 1, c.type(x).dtype));
  return Set(c, Saturated(c, x, type));
}

// ------------------------------------------------------------------------------ indexing

struct Indexing {
  std::vector<int32_t> begin, end, step;
  int64_t begin_mask = 0, end_mask = 0, shrink_mask = 0, new_axis_mask = 0, ellipsis_mask = 0;
};

// One item of x[...]: a number, None, an ellipsis or a slice (as Keras 3 or tf_keras write it).
bool AddIndex(const Json& item, Indexing* out) {
  const int64_t bit = int64_t{1} << out->begin.size();
  const std::string& kind = item["class_name"].text();
  const Json& slice = kind == "__slice__" ? item["config"] : item;
  int32_t begin = 0, end = 0, step = 1;
  if (item.is_null()) {
    out->new_axis_mask |= bit;
  } else if (kind == "__ellipsis__" || item.text() == "Ellipsis" || item.text() == "...") {
    out->ellipsis_mask |= bit;
  } else if (item.is_number()) {
    begin = Place(item);
    end = begin + 1;
    out->shrink_mask |= bit;
  } else if (slice.is_map() && (slice.Has("start") || slice.Has("stop") || slice.Has("step") || slice.keys().size() == 3)) {
    for (const char* part : {"start", "stop", "step"})
      if (!slice[part].is_null() && !slice[part].is_number()) return false;
    step = slice.Has("step") ? Place(slice["step"]) : 1;
    begin = Place(slice["start"]);
    end = Place(slice["stop"]);
    if (slice["start"].is_null()) out->begin_mask |= bit;
    if (slice["stop"].is_null()) out->end_mask |= bit;
  } else {
    return false;
  }
  out->begin.push_back(begin);
  out->end.push_back(end);
  out->step.push_back(step);
  return step != 0 && out->begin.size() <= static_cast<size_t>(kMaxRank);
}

// What is known of the picked elements of a vector that describes a shape.
void FollowElements(LayerContext& c, Value x, Value y, const Indexing& index) {
  const std::vector<int32_t>* all = c.builder().ElementsOf(x);
  if (!all || index.begin.size() != 1 || index.new_axis_mask || index.ellipsis_mask || index.step[0] != 1) return;
  const auto n = static_cast<int32_t>(all->size());
  const auto place = [&](int32_t i) { return std::clamp(i < 0 ? i + n : i, 0, n); };
  const int32_t from = index.begin_mask ? 0 : place(index.begin[0]), to = index.end_mask ? n : place(index.end[0]);
  if (index.shrink_mask) {
    const int32_t known = from < n ? (*all)[static_cast<size_t>(from)] : kUnknown;
    c.SetOutput(0, known == kUnknown ? y : NumberOf(c, known, c.type(y).dtype));
  } else if (from <= to) {
    c.builder().SetElements(y, {all->begin() + from, all->begin() + to});
  }
}

// Elements, or slices along the first axes, where a tensor of truths of these axes is true.
Status PickTrue(LayerContext& c, Value x, Value truths) {
  const int rank = c.rank(truths);
  if (rank < 1 || rank > c.rank(x)) return c.Fail("truths of the first axes", c.shape(truths).text(), "");
  OCTET_ASSIGN(truths, c.Cast(truths, DType::kBool));
  OCTET_ASSIGN(const Value at, c.EmitAs("where", std::span(&truths, 1), nullptr, {DType::kI64, Shape{kUnknown, rank}, {}}));
  OCTET_ASSIGN(const Value places, c.Cast(at, DType::kI32));
  return Set(c, c.Make("gather_nd", {x, places}));
}

Status ConvertBooleanMask(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(const Value truths, Operand(c, 1, {"mask"}, DType::kBool));
  if (c.Int("axis", 0) != 0) return c.Fail("truths of the first axes (axis=0)", std::to_string(c.Int("axis", 0)), "transpose before");
  return PickTrue(c, x, truths);
}

// What one side of a slice is: a number, a tensor, or nothing.
struct Bound {
  Value tensor;
  std::optional<int32_t> number;
};
Result<Bound> BoundOf(LayerContext& c, const Argument& slice, std::string_view side) {
  const auto at = std::ranges::find(slice.keys, side);
  const Argument* a = at == slice.keys.end() ? nullptr : &slice.items[static_cast<size_t>(at - slice.keys.begin())];
  if (const Value v = a ? c.TensorOf(a) : Value{}) {
    const std::span<const int32_t> known = c.type(v).dtype == DType::kI32 ? c.data_as<int32_t>(v) : std::span<const int32_t>();
    if (known.size() == 1) return Bound{{}, known[0]};
    OCTET_ASSIGN(const Value number, c.Cast(v, DType::kI32));
    return c.rank(v) == 0 ? Result<Bound>(Bound{number, {}}) : c.Fail("a number", c.shape(v).text(), "");
  }
  const Json* literal = a ? a->literal : slice.literal ? &(*slice.literal)[side] : nullptr;
  if (!literal || literal->is_null()) return Bound{};
  return literal->is_number() ? Result<Bound>(Bound{{}, Place(*literal)}) : c.Fail("a number", "another index", "");
}

// What an index picks of one axis.
struct Picked {
  Bound from, to;
  bool drops = false;  // The axis: a number, not a slice.
  int32_t size = kUnknown;
};
Result<Picked> PickedBy(LayerContext& c, const Argument& item, int32_t size) {
  Picked p;
  if (item.kind == Argument::Kind::kMap || (item.literal && item.literal->is_map() && !item.literal->Has("class_name"))) {
    OCTET_ASSIGN(const Bound step, BoundOf(c, item, "step"));
    if (step.tensor || step.number.value_or(1) != 1) return c.Fail("steps of one", "others", "use gather");
    OCTET_ASSIGN(p.from, BoundOf(c, item, "start"));
    OCTET_ASSIGN(p.to, BoundOf(c, item, "stop"));
    if (!p.from.tensor && !p.from.number && !p.to.tensor && !p.to.number) p.size = size;
    return p;
  }
  const Value v = c.TensorOf(&item);
  if (!v && !(item.literal && item.literal->is_number())) return c.Fail("numbers and slices", "another index", "use gather");
  if (v && (c.rank(v) != 0 || IsFloat(c.type(v).dtype))) return c.Fail("a whole number", c.shape(v).text(), "use gather");
  OCTET_ASSIGN(p.from.tensor, v ? c.Cast(v, DType::kI32) : Result<Value>(Int(c, Place(*item.literal))));
  OCTET_ASSIGN(p.to.tensor, c.Make("add", {p.from.tensor, Int(c, 1)}));
  p.drops = true;
  return p;
}

// x[a:b, i, …] where only the running model knows some of the numbers; in steps of one, without new axes.
Status SliceByTensors(LayerContext& c, Value x, const Argument& index) {
  const std::span<const Argument> items = index.kind == Argument::Kind::kList ? std::span(index.items) : std::span(&index, 1);
  const Shape in = c.shape(x);
  if (items.size() > static_cast<size_t>(in.rank())) return c.Fail("at most an index for each axis", in.text(), "");
  int64_t begin_mask = 0, end_mask = 0, shrink_mask = 0;
  std::vector<Value> begin, end;
  Shape out;
  for (size_t i = 0; i < items.size(); ++i) {
    const int64_t bit = int64_t{1} << i;
    OCTET_ASSIGN(const Picked p, PickedBy(c, items[i], in[static_cast<int>(i)]));
    if (p.drops) shrink_mask |= bit;
    else out.push_back(p.size);
    const auto add = [&](const Bound& b, std::vector<Value>* to, int64_t* open) {
      *open |= b.tensor || b.number ? 0 : bit;
      to->push_back(b.tensor ? b.tensor : Int(c, b.number.value_or(0)));
    };
    add(p.from, &begin, &begin_mask);
    add(p.to, &end, &end_mask);
  }
  for (int i = static_cast<int>(items.size()); i < in.rank(); ++i) out.push_back(in[i]);
  const auto vector = [&](const std::vector<Value>& v) { return c.Make("pack", v, {{"values_count", static_cast<int64_t>(v.size())}, {"axis", 0}}); };
  OCTET_ASSIGN(const Value first, vector(begin));
  OCTET_ASSIGN(const Value last, vector(end));
  OCTET_ASSIGN(const std::vector<Value> y, c.MakeMany("strided_slice", {x, first, last, c.Vector(std::vector<int32_t>(items.size(), 1))},
                                                      {{"begin_mask", begin_mask}, {"end_mask", end_mask}, {"shrink_axis_mask", shrink_mask}}, 1));
  c.construction().Refine(y[0], {c.type(x).dtype, out, {}});
  return Set(c, y[0]);
}

Status ConvertGetItem(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const Argument* picked = FindArgument(c, 1, {"key", "slice_spec"});
  const Value tensor = picked ? c.TensorOf(picked) : Value{};
  if (tensor && c.type(tensor).dtype == DType::kBool) return PickTrue(c, x, tensor);
  std::vector<TensorRef> tensors;
  if (picked) CollectTensors(*picked, &tensors);
  if (!tensors.empty()) return SliceByTensors(c, x, *picked);
  const Json& key = LiteralOf(c, 1, {"key", "slice_spec"});
  const Json& list = key["class_name"].text() == "__tuple__" ? (key.Has("items") ? key["items"] : key["config"]["items"]) : key;
  Indexing index;
  bool good = true;
  if (list.is_list())
    for (const Json& item : list.items()) good = good && AddIndex(item, &index);
  else good = AddIndex(list, &index);
  if (!good || index.begin.empty()) return c.Fail("numbers, slices, None and ...", "another index", "");
  OCTET_ASSIGN(const Value y, c.Make("strided_slice", {x, c.Vector(index.begin), c.Vector(index.end), c.Vector(index.step)},
                                     {{"begin_mask", index.begin_mask}, {"end_mask", index.end_mask}, {"shrink_axis_mask", index.shrink_mask},
                                      {"new_axis_mask", index.new_axis_mask}, {"ellipsis_mask", index.ellipsis_mask}}));
  c.SetOutput(0, y);
  FollowElements(c, x, y, index);
  return {};
}

constexpr LayerRule kRules[] = {
    {"ops.ZerosLike", ConvertLike<false>}, {"ops.OnesLike", ConvertLike<true>},
    {"ops.Reshape", ConvertReshape}, {"tf.reshape", ConvertReshape},
    {"ops.Transpose", ConvertTranspose}, {"tf.transpose", ConvertTranspose}, {"tf.compat.v1.transpose", ConvertTranspose},
    {"ops.SwapAxes", ConvertSwapAxes}, {"ops.Swapaxes", ConvertSwapAxes},
    {"ops.ExpandDims", ConvertExpandDims}, {"tf.expand_dims", ConvertExpandDims},
    {"ops.Squeeze", ConvertSqueeze}, {"tf.squeeze", ConvertSqueeze}, {"tf.compat.v1.squeeze", ConvertSqueeze},
    {"ops.Concatenate", ConvertConcatenate}, {"tf.concat", ConvertConcatenate},
    {"ops.Stack", ConvertStack}, {"tf.stack", ConvertStack},
    {"ops.Split", ConvertSplit}, {"ops.ArraySplit", ConvertSplit}, {"ops.Vsplit", ConvertSplit}, {"ops.Hsplit", ConvertSplit}, {"ops.Dsplit", ConvertSplit},
    {"tf.split", ConvertSplit},
    {"ops.Tile", ConvertTile}, {"tf.tile", ConvertTile},
    {"ops.Repeat", ConvertRepeat}, {"tf.repeat", ConvertRepeat},
    {"ops.Flip", ConvertFlip}, {"tf.reverse", ConvertFlip},
    {"ops.Roll", ConvertRoll}, {"tf.roll", ConvertRoll},
    {"ops.Pad", ConvertPad}, {"tf.compat.v1.pad", ConvertPad}, {"tf.pad", ConvertPad},
    {"ops.OneHot", ConvertOneHot}, {"tf.one_hot", ConvertOneHot},
    {"ops.Take", ConvertTake}, {"tf.compat.v1.gather", ConvertTake}, {"tf.gather", ConvertTake},
    {"ops.Cast", ConvertCast}, {"ops.ConvertToTensor", ConvertCast}, {"ops.SaturateCast", ConvertSaturateCast},
    {"tf.dtypes.saturate_cast", ConvertSaturateCast}, {"tf.saturate_cast", ConvertSaturateCast},
    {"tf.zeros_like", ConvertLike<false>}, {"tf.ones_like", ConvertLike<true>},
    {"ops.GetItem", ConvertGetItem}, {"tf.__operators__.getitem", ConvertGetItem}, {"tf.compat.v1.boolean_mask", ConvertBooleanMask},
};

}  // namespace

const std::span<const LayerRule> kShapingRules = kRules;

}  // namespace octet::importers::keras
