// SPDX-License-Identifier: Apache-2.0
// Ops that move elements or make them: shapes, slices, joins, pads.
#include <algorithm>
#include <bit>

#include "importers/lowerings/band.h"
#include "importers/lowerings/selection.h"
#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"
#include "ops/keras_conv_util.h"

namespace octet::importers::savedmodel {
namespace {

// Operators tell the shape only where their operands are constant; its rank is known in any case.
Value WithRank(NodeContext& c, Value v, int rank) {
  if (c.rank(v) == rank || c.data(v)) return v;
  TensorType type = c.type(v);
  type.shape = {};
  for (int i = 0; i < rank; ++i) type.shape.push_back(kUnknown);
  c.Refine(v, type);
  return v;
}

Value WithDims(NodeContext& c, Value v, std::span<const int32_t> dims) {
  if (c.data(v)) return v;
  TensorType type = c.type(v);
  type.shape = Shape(dims);
  c.Refine(v, type);
  return v;
}

// Input i as whole numbers of 32 bits: a constant where they are known, else computed.
Result<Value> Whole(NodeContext& c, int i) {
  std::vector<int64_t> known;
  if (c.IntsOf(i, &known)) {
    std::vector<int32_t> narrow;
    for (const int64_t v : known) narrow.push_back(static_cast<int32_t>(std::clamp<int64_t>(v, INT32_MIN, INT32_MAX)));
    return c.Constant<int32_t>(c.Known(i)->shape, narrow);
  }
  const Value v = c.Input(i);
  return v ? c.Cast(v, DType::kI32) : Result<Value>(v);
}

// ------------------------------------------------------------------------------- reshaping

// The wanted dimensions with at most one of them open, when that is enough to say them.
bool OneOpen(NodeContext& c, Value x, const Partial& wanted, std::vector<int32_t>* dims) {
  *dims = wanted.dims();
  const auto open = [&] { return std::ranges::count(*dims, kUnknown); };
  if (open() <= 1) return true;
  // [b, -1] of [b, 4, 5] is [-1, 20].
  if (open() != 2) return false;
  const Shape& in = c.shape(x);
  int64_t rest = 1, fixed = 1, symbol = -1;
  for (int i = 0; i < in.rank(); ++i) {
    if (in[i] != kUnknown) rest *= std::max(in[i], 1);
    else if (symbol >= 0) return false;
    else symbol = c.builder().SymbolOf(x, i);
    if (rest > INT32_MAX) return false;
  }
  size_t stretched = dims->size();
  bool same = false;
  for (size_t i = 0; i < dims->size(); ++i) {
    const Number& n = wanted.v[i];
    if (n.known() && n.i == -1) stretched = i;
    else if (!n.known()) same = n.kind == Number::Kind::kSymbol && n.i == symbol;
    else fixed *= std::max<int64_t>(n.i, 1);
    if (fixed > INT32_MAX) return false;
  }
  if (!same || stretched == dims->size() || rest % fixed) return false;
  (*dims)[stretched] = static_cast<int32_t>(rest / fixed);
  return true;
}

// What is known of the result's dimensions beyond what the operator tells, and where they come from.
void KeepSymbols(NodeContext& c, Value y, const Partial& wanted) {
  if (c.rank(y) != static_cast<int>(wanted.v.size())) return;
  for (int i = 0; i < c.rank(y); ++i)
    if (wanted.v[static_cast<size_t>(i)].kind == Number::Kind::kSymbol && c.shape(y)[i] == kUnknown)
      c.builder().SetSymbol(y, i, wanted.v[static_cast<size_t>(i)].i);
}

Status ConvertReshape(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  const Partial* wanted = c.Known(1);
  std::vector<int32_t> dims;
  if (wanted && wanted->v.size() > kMaxRank) return c.Fail(Format("at most %d dimensions", kMaxRank), std::to_string(wanted->v.size()), "");
  if (wanted && OneOpen(c, x, *wanted, &dims)) {
    OCTET_ASSIGN(const Value y, c.ReshapeTo(x, dims));
    KeepSymbols(c, y, *wanted);
    return Set(c, y);
  }
  OCTET_ASSIGN(Value shape, Whole(c, 1));
  if (!shape) return {};
  if (c.rank(shape) == 0) {  // The one dimension.
    OCTET_ASSIGN(shape, c.ReshapeTo(shape, std::vector<int32_t>{1}));
  }
  OCTET_ASSIGN(Value y, c.Make("reshape", {x, shape}));
  if (wanted) {
    y = WithDims(c, y, wanted->dims());
    KeepSymbols(c, y, *wanted);
  } else if (c.rank(shape) == 1 && c.shape(shape)[0] >= 0) {
    y = WithRank(c, y, c.shape(shape)[0]);
  }
  return Set(c, y);
}

Status ConvertSqueeze(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  const Shape& s = c.shape(x);
  std::vector<int32_t> axes, dims;
  for (const int64_t axis : c.Ints(c.Has("squeeze_dims") ? "squeeze_dims" : "axis", {})) {
    OCTET_ASSIGN(const int32_t at, c.AxisOf(axis, s.rank()));
    axes.push_back(at);
  }
  for (int i = 0; i < s.rank(); ++i)
    if (axes.empty() ? s[i] != 1 : std::ranges::find(axes, i) == axes.end()) dims.push_back(s[i]);
  // A reshape says the same and merges with others.
  if (std::ranges::count(dims, kUnknown) <= 1) return Set(c, c.ReshapeTo(x, dims));
  return Set(c, c.Make("squeeze", {x}, {{"squeeze_dims", axes}}));
}

Status ConvertExpandDims(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> axis;
  if (!x) return {};
  if (!c.IntsOf(1, &axis) || axis.size() != 1) return c.Fail("a known axis", "a computed one", "");
  return Set(c, c.Make("expand_dims", {x, c.ScalarInt(static_cast<int32_t>(axis[0]))}));
}

Status ConvertTranspose(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value order, Whole(c, 1));
  if (!order) return {};
  OCTET_ASSIGN(const Value y, c.Make("transpose", {x, order}));
  return Set(c, WithRank(c, y, c.rank(x)));
}

Status ConvertShape(NodeContext& c) {
  const DType type = c.Has("out_type") ? c.Type("out_type") : DType::kI32;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const Value x = c.Input(i);
    if (!x) return {};
    OCTET_ASSIGN(const Value y, c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(type)}}));
    c.SetOutput(i, y);
  }
  return {};
}

Status ConvertSize(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value shape, c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value count, c.Make("reduce_prod", {shape, c.Vector({0})}, {{"keep_dims", 0}}));
  return Set(c, c.Cast(count, c.Has("out_type") ? c.Type("out_type") : DType::kI32));
}

// --------------------------------------------------------------------------------- slicing

// Axes that a slice with computed ends leaves whole: those behind its `count` entries, and entries with both masks.
void KeepWholeAxes(NodeContext& c, Value x, Value y, int count) {
  const int64_t whole = c.Int("begin_mask", 0) & c.Int("end_mask", 0), added = c.Int("new_axis_mask", 0), shrunk = c.Int("shrink_axis_mask", 0);
  std::vector<int64_t> steps;
  if (!c.IntsOf(3, &steps)) return;
  std::vector<int32_t> dims(c.shape(y).dims().begin(), c.shape(y).dims().end());
  size_t to = 0;
  for (int entry = 0, axis = 0; (entry < count || axis < c.rank(x)) && to < dims.size(); ++entry) {
    const int64_t bit = entry < count ? int64_t{1} << entry : 0;
    if (added & bit) {
      dims[to++] = 1;
      continue;
    }
    if (axis >= c.rank(x)) return;
    const bool same = entry >= count || ((whole & bit) && static_cast<size_t>(entry) < steps.size() &&
                                         (steps[static_cast<size_t>(entry)] == 1 || steps[static_cast<size_t>(entry)] == -1));
    if (!(shrunk & bit)) {
      if (same && dims[to] == kUnknown) {
        dims[to] = c.shape(x)[axis];
        if (dims[to] == kUnknown) c.builder().SetSymbol(y, static_cast<int>(to), c.builder().SymbolOf(x, axis));
      }
      ++to;
    }
    ++axis;
  }
  c.Refine(y, {c.type(y).dtype, Shape(dims), {}});
}

struct Slicing {
  Value begin, end, step;
  int64_t begin_mask, end_mask, ellipsis_mask, new_axis_mask, shrink_axis_mask;
};

// `x[..., 1:3]` with the axes that the dots stand for written out: the XNNPACK delegate takes slices with dots and computes others.
void WriteOutEllipsis(NodeContext& c, int rank, Slicing* s) {
  std::vector<int64_t> lists[3];
  for (int i = 0; i < 3; ++i)
    if (!c.IntsOf(i + 1, &lists[i]) || lists[i].size() != lists[0].size()) return;
  const auto count = static_cast<int>(lists[0].size());
  const int at = std::countr_zero(static_cast<uint64_t>(s->ellipsis_mask));
  if (count > kMaxRank || at >= count || (s->ellipsis_mask & ((int64_t{1} << count) - 1)) != int64_t{1} << at) return;
  const int64_t others = ((int64_t{1} << count) - 1) & ~s->ellipsis_mask;
  const int axes = rank - (count - 1 - std::popcount(static_cast<uint64_t>(s->new_axis_mask & others)));
  if (axes < 0) return;
  const int64_t whole = ((int64_t{1} << axes) - 1) << at;
  const auto moved = [&](int64_t mask) { return (mask & ((int64_t{1} << at) - 1)) | (mask & others) >> (at + 1) << (at + axes); };
  for (int i = 0; i < 3; ++i) {
    lists[i].erase(lists[i].begin() + at);
    lists[i].insert(lists[i].begin() + at, static_cast<size_t>(axes), i == 2 ? 1 : 0);
  }
  const auto vector = [&](const std::vector<int64_t>& list) { return c.Vector(std::vector<int32_t>(list.begin(), list.end())); };
  *s = {vector(lists[0]),        vector(lists[1]),          vector(lists[2]), moved(s->begin_mask) | whole, moved(s->end_mask) | whole, 0,
        moved(s->new_axis_mask), moved(s->shrink_axis_mask)};
}

Status ConvertStridedSlice(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  Slicing s{{}, {}, {}, c.Int("begin_mask", 0), c.Int("end_mask", 0), c.Int("ellipsis_mask", 0), c.Int("new_axis_mask", 0), c.Int("shrink_axis_mask", 0)};
  OCTET_ASSIGN(s.begin, Whole(c, 1));
  OCTET_ASSIGN(s.end, Whole(c, 2));
  OCTET_ASSIGN(s.step, Whole(c, 3));
  if (!s.begin || !s.end || !s.step) return {};
  if (s.ellipsis_mask != 0) WriteOutEllipsis(c, c.rank(x), &s);
  OCTET_ASSIGN(const Value y, c.Make("strided_slice", {x, s.begin, s.end, s.step},
                                     {{"begin_mask", s.begin_mask}, {"end_mask", s.end_mask}, {"ellipsis_mask", s.ellipsis_mask},
                                      {"new_axis_mask", s.new_axis_mask}, {"shrink_axis_mask", s.shrink_axis_mask}}));
  int count = 0;  // The lists are of one length, which one of them may tell alone.
  for (const Value v : {s.begin, s.end, s.step})
    if (c.rank(v) == 1) count = std::max(count, c.shape(v)[0]);
  const int64_t entries = count > 0 && count < 32 ? (int64_t{1} << count) - 1 : 0;
  const Value ranked = WithRank(c, y,
                                c.rank(x) + std::popcount(static_cast<uint64_t>(s.new_axis_mask & entries)) -
                                    std::popcount(static_cast<uint64_t>(s.shrink_axis_mask & entries & ~s.new_axis_mask)));
  if ((c.Int("ellipsis_mask", 0) & entries) == 0 && count > 0) KeepWholeAxes(c, x, ranked, count);
  return Set(c, ranked);
}

Status ConvertSlice(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value begin, Whole(c, 1));
  OCTET_ASSIGN(const Value size, Whole(c, 2));
  if (!begin || !size) return {};
  OCTET_ASSIGN(const Value y, c.Make("slice", {x, begin, size}));
  return Set(c, WithRank(c, y, c.rank(x)));
}

Status ConvertSplit(NodeContext& c) {
  const Value x = c.Input(1);
  const auto parts = static_cast<int32_t>(c.Int("num_split", 0));
  if (!x) return {};
  if (parts < 1 || parts > (1 << 16)) return c.Fail("at least one part", std::to_string(parts), "");
  OCTET_ASSIGN(const Value axis, Whole(c, 0));
  if (!axis) return {};
  if (parts == 1) return Set(c, x);
  OCTET_ASSIGN(const std::vector<Value> y, c.MakeMany("split", {axis, x}, {{"num_splits", parts}}, parts));
  for (size_t i = 0; i < y.size(); ++i) c.SetOutput(static_cast<int>(i), y[i]);
  return {};
}

Status ConvertSplitV(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> sizes;
  if (!x) return {};
  if (!c.IntsOf(1, &sizes)) return c.Fail("known sizes", "computed ones", "");
  OCTET_ASSIGN(const Value lengths, Whole(c, 1));
  OCTET_ASSIGN(const Value axis, Whole(c, 2));
  if (!axis || sizes.empty() || sizes.size() > (1 << 16)) return {};
  const auto parts = static_cast<int32_t>(sizes.size());
  OCTET_ASSIGN(const std::vector<Value> y, c.MakeMany("split_v", {x, lengths, axis}, {{"num_splits", parts}}, parts));
  for (size_t i = 0; i < y.size(); ++i) c.SetOutput(static_cast<int>(i), y[i]);
  return {};
}

Status ConvertUnpack(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  const auto count = static_cast<int32_t>(c.Int("num", 0));
  if (count < 1 || count > (1 << 16)) return c.Fail("at least one part", std::to_string(count), "");
  if (c.type(x).dtype == DType::kI64) {  // The operator has none.
    OCTET_ASSIGN(const int32_t axis, c.AxisOf(c.Int("axis", 0), c.rank(x)));
    for (int32_t i = 0; i < count; ++i) {
      OCTET_ASSIGN(const Value part, c.Make("gather", {x, c.ScalarInt(i)}, {{"axis", axis}}));
      c.SetOutput(i, part);
    }
    return {};
  }
  OCTET_ASSIGN(const std::vector<Value> y, c.MakeMany("unpack", {x}, {{"num", count}, {"axis", c.Int("axis", 0)}}, count));
  for (size_t i = 0; i < y.size(); ++i) c.SetOutput(static_cast<int>(i), y[i]);
  return {};
}

Status ConvertGather(NodeContext& c) {
  const Value x = c.Input(0), indices = c.Input(1);
  std::vector<int64_t> axis = {0};
  if (!x || !indices) return {};
  if (c.num_inputs() > 2 && (!c.IntsOf(2, &axis) || axis.size() != 1)) return c.Fail("a known axis", "a computed one", "");
  return Set(c, c.Make("gather", {x, indices}, {{"axis", axis[0]}, {"batch_dims", c.Int("batch_dims", 0)}}));
}

// --------------------------------------------------------------------------------- joining

// The axis is the last input; of the oldest graphs the first.
Status ConvertConcat(NodeContext& c) {
  std::vector<Value> in = c.Inputs();
  std::vector<int64_t> axis;
  const bool first = c.kind() == "Concat";
  if (in.size() < 2 || !c.IntsOf(first ? 0 : c.num_inputs() - 1, &axis) || axis.size() != 1) return c.Fail("a known axis", "a computed one", "");
  in.erase(first ? in.begin() : in.end() - 1);
  for (const Value v : in)
    if (!v) return {};
  if (in.size() == 1) return Set(c, in[0]);
  OCTET_ASSIGN(const int32_t at, c.AxisOf(axis[0], c.rank(in[0])));
  return Set(c, c.Make("concatenation", in, {{"axis", at}}));
}

Status ConvertPack(NodeContext& c) {
  std::vector<Value> in = c.Inputs(1);
  for (const Value v : in)
    if (!v) return {};
  if (!in.empty() && c.type(in[0]).dtype == DType::kBool) {  // Which the operator does not take.
    for (Value& v : in) {
      OCTET_ASSIGN(v, c.Cast(v, DType::kI8));
    }
    OCTET_ASSIGN(const Value y, c.Make("pack", in, {{"values_count", static_cast<int64_t>(in.size())}, {"axis", c.Int("axis", 0)}}));
    return Set(c, c.Cast(y, DType::kBool));
  }
  return Set(c, c.Make("pack", in, {{"values_count", static_cast<int64_t>(in.size())}, {"axis", c.Int("axis", 0)}}));
}

// ----------------------------------------------------------------------- stretching, making

// An operator whose second input is small whole numbers; the rank stays.
template <int Kind> Status WithNumbers(NodeContext& c) {
  constexpr std::string_view kOps[] = {"tile", "pad"};
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value numbers, Whole(c, 1));
  if (!numbers) return {};
  OCTET_ASSIGN(const Value y, c.Make(kOps[Kind], {x, numbers}));
  return Set(c, WithRank(c, y, c.rank(x)));
}

// A truth for each axis.
Status ConvertReverse(NodeContext& c) {
  const Value x = c.Input(0);
  const Partial* turned = c.Known(1);
  if (!x) return {};
  if (!turned || !turned->known() || turned->v.size() != static_cast<size_t>(c.rank(x))) return c.Fail("known truths, one for each axis", "others", "");
  std::vector<int32_t> axes;
  for (int i = 0; i < c.rank(x); ++i)
    if (turned->v[static_cast<size_t>(i)].i != 0) axes.push_back(i);
  return Set(c, Reversed(c, x, axes));
}

// Along the axes that are named.
Status ConvertReverseV2(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> named;
  if (!x) return {};
  if (!c.IntsOf(1, &named)) return c.Fail("known axes", "computed ones", "");
  std::vector<int32_t> axes;
  for (const int64_t axis : named) {
    OCTET_ASSIGN(axes.emplace_back(), c.AxisOf(axis, c.rank(x)));
  }
  return Set(c, Reversed(c, x, axes));
}

// Places in a row as places along each of the dimensions.
Status ConvertUnravelIndex(NodeContext& c) {
  const Value at = c.Input(0);
  std::vector<int64_t> dims;
  if (!at) return {};
  if (!c.IntsOf(1, &dims) || dims.empty() || std::ranges::any_of(dims, [](int64_t d) { return d < 1 || d > INT32_MAX; }))
    return c.Fail("known dimensions", "others", "");
  std::vector<Value> places(dims.size());
  Value rest = at;
  for (size_t i = dims.size(); i-- > 0;) {
    OCTET_ASSIGN(const Value size, c.Cast(c.ScalarInt(static_cast<int32_t>(dims[i])), c.type(at).dtype));
    OCTET_ASSIGN(places[i], i == 0 ? Result<Value>(rest) : c.Make("floor_mod", {rest, size}));
    OCTET_ASSIGN(rest, i == 0 ? Result<Value>(rest) : c.Make("floor_div", {rest, size}));
  }
  return Set(c, c.Make("pack", places, {{"values_count", static_cast<int64_t>(places.size())}, {"axis", 0}}));
}

// Sizes of images, or what stands beside each of their axes, in another layout.
Status ConvertLayout(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  const std::string from = c.Text("src_format", "NHWC"), to = c.Text("dst_format", "NCHW");
  std::string axes = from, wanted = to;
  if (c.rank(x) < 1 || c.shape(x)[0] != static_cast<int32_t>(from.size())) {  // Of height and width alone.
    std::erase_if(axes, [](char a) { return a == 'N' || a == 'C'; });
    std::erase_if(wanted, [](char a) { return a == 'N' || a == 'C'; });
  }
  std::vector<int32_t> order;
  for (const char axis : wanted)
    if (const size_t at = axes.find(axis); at != std::string::npos) order.push_back(static_cast<int32_t>(at));
  if (c.rank(x) < 1 || order.size() != axes.size() || c.shape(x)[0] != static_cast<int32_t>(order.size()))
    return c.Fail("a number for each axis", c.shape(x).text(), "");
  return Set(c, c.Make("gather", {x, c.Vector(order)}, {{"axis", 0}}));
}

Status ConvertPadV2(NodeContext& c) {
  const Value x = c.Input(0), with = c.Input(2);
  if (!x || !with) return {};
  OCTET_ASSIGN(const Value numbers, Whole(c, 1));
  if (!numbers) return {};
  OCTET_ASSIGN(const Value y, c.Make("padv2", {x, numbers, with}));
  return Set(c, WithRank(c, y, c.rank(x)));
}

Status ConvertMirrorPad(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value numbers, Whole(c, 1));
  if (!numbers) return {};
  return Set(c, c.Make("mirror_pad", {x, numbers}, {{"mode", int64_t{c.Text("mode", "REFLECT") == "SYMMETRIC"}}}));
}

// Of [n, channels, ...] with blocks for all axes behind n, the channels' being none: the others' sizes and edges. The operators want channels last.
bool BlocksBehindChannels(NodeContext& c, Value x, std::vector<int32_t>* sizes, std::vector<int32_t>* cells) {
  std::vector<int64_t> blocks, edges;
  const int rank = c.rank(x);
  if ((rank != 3 && rank != 4) || !c.IntsOf(1, &blocks) || !c.IntsOf(2, &edges)) return false;
  if (std::ssize(blocks) != rank - 1 || edges.size() != 2 * blocks.size()) return false;
  if (blocks[0] != 1 || edges[0] != 0 || edges[1] != 0) return false;
  for (size_t i = 1; i < blocks.size(); ++i) sizes->push_back(static_cast<int32_t>(blocks[i]));
  for (size_t i = 2; i < edges.size(); ++i) cells->push_back(static_cast<int32_t>(edges[i]));
  return true;
}

// The dimensions behind the blocks stay, whatever the edges are: those of a dilated convolution over a free length are computed.
template <int Kind> Status BatchSpace(NodeContext& c) {
  constexpr std::string_view kOp = Kind == 0 ? "space_to_batch_nd" : "batch_to_space_nd";
  const Value x = c.Input(0);
  if (!x) return {};
  if (std::vector<int32_t> sizes, cells; BlocksBehindChannels(c, x, &sizes, &cells)) {
    std::vector<int32_t> last = {0}, back = {0, c.rank(x) - 1};
    for (int i = 2; i < c.rank(x); ++i) last.push_back(i), back.push_back(i - 1);
    last.push_back(1);
    OCTET_ASSIGN(Value y, c.Transpose(x, last));
    OCTET_ASSIGN(y, c.Make(kOp, {y, c.Vector(sizes), c.Constant<int32_t>(Shape{c.rank(x) - 2, 2}, cells)}));
    return Set(c, c.Transpose(y, back));
  }
  OCTET_ASSIGN(const Value block, Whole(c, 1));
  OCTET_ASSIGN(const Value edges, Whole(c, 2));
  if (!block || !edges) return {};
  OCTET_ASSIGN(const Value y, c.Make(kOp, {x, block, edges}));
  const Shape blocks = c.shape(block);
  if ((c.data(block) && c.data(edges)) || !blocks.known() || blocks.elements() >= c.rank(x)) return Set(c, WithRank(c, y, c.rank(x)));
  Shape dims = c.shape(x);
  for (int i = 0; i <= static_cast<int>(blocks.elements()); ++i) dims[i] = kUnknown;
  return Set(c, WithDims(c, y, dims.dims()));
}

template <int Kind> Status DepthSpace(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (c.Text("data_format", "NHWC") != "NHWC") return c.Fail("data_format NHWC", c.Text("data_format", ""), "");
  return Set(c, c.Make(Kind == 0 ? "space_to_depth" : "depth_to_space", {x}, {{"block_size", c.Int("block_size", 2)}}));
}

// Both inputs: the tensor (or dimensions) and what its dimensions become.
Status ConvertBroadcastTo(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value shape, Whole(c, 1));
  if (!shape) return {};
  OCTET_ASSIGN(Value y, c.Make("broadcast_to", {x, shape}));
  if (const Partial* wanted = c.Known(1)) y = WithDims(c, y, wanted->dims()), KeepSymbols(c, y, *wanted);
  else if (c.rank(shape) == 1 && c.shape(shape)[0] >= 0) y = WithRank(c, y, c.shape(shape)[0]);
  return Set(c, y);
}

Status ConvertFill(NodeContext& c) {
  const Value value = c.Input(1);
  if (!value) return {};
  OCTET_ASSIGN(const Value shape, Whole(c, 0));
  if (!shape) return {};
  OCTET_ASSIGN(Value y, c.Make("fill", {shape, value}));
  if (const Partial* wanted = c.Known(0)) y = WithDims(c, y, wanted->dims()), KeepSymbols(c, y, *wanted);
  else if (c.rank(shape) == 1 && c.shape(shape)[0] >= 0) y = WithRank(c, y, c.shape(shape)[0]);
  return Set(c, y);
}

Status ConvertRange(NodeContext& c) {
  const std::vector<Value> in = c.Inputs(3);
  for (const Value v : in)
    if (!v) return {};
  OCTET_ASSIGN(const Value y, c.Make("range", in));
  return Set(c, WithRank(c, y, 1));
}

Status ConvertOneHot(NodeContext& c) {
  const Value ids = c.Input(0), on = c.Input(2), off = c.Input(3);
  if (!ids || !on || !off) return {};
  OCTET_ASSIGN(const Value depth, Whole(c, 1));
  if (!depth) return {};
  return Set(c, c.Make("one_hot", {ids, depth, on, off}, {{"axis", c.Int("axis", -1)}}));
}

Status ConvertResize(NodeContext& c) {
  Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value size, Whole(c, 1));
  if (!size) return {};
  const bool nearest = c.kind() == "ResizeNearestNeighbor";
  if (!nearest) {
    OCTET_ASSIGN(x, c.Cast(x, DType::kF32));
  }
  OCTET_ASSIGN(const Value y, c.Make(nearest ? "resize_nearest_neighbor" : "resize_bilinear", {x, size},
                                     {{"align_corners", int64_t{c.Bool("align_corners", false)}}, {"half_pixel_centers", int64_t{c.Bool("half_pixel_centers", false)}}}));
  if (c.rank(y) == 4) return Set(c, y);
  const int32_t dims[] = {c.shape(x)[0], kUnknown, kUnknown, c.shape(x)[3]};
  return Set(c, WithDims(c, y, dims));
}

Status ConvertTopK(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  Value k = c.ScalarInt(static_cast<int32_t>(c.Int("k", 1)));
  if (c.num_inputs() > 1) {
    OCTET_ASSIGN(k, Whole(c, 1));
  }
  if (!k) return {};
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("topk_v2", std::vector<Value>{x, k}, nullptr, {{c.type(x).dtype, {}, {}}, {DType::kI32, {}, {}}}));
  for (int i = 0; i < 2; ++i) {
    const Value v = y[static_cast<size_t>(i)];
    if (!c.data(k) && c.rank(x) > 0) {  // Computed: all that is open is how many.
      Shape s = c.shape(x);
      s[s.rank() - 1] = kUnknown;
      c.Refine(v, {c.type(v).dtype, s, {}});
    }
    c.SetOutput(i, v);
  }
  return {};
}

Status ConvertWhere(NodeContext& c) {
  Value x = c.Input(0);
  if (!x) return {};
  if (c.type(x).dtype != DType::kBool) {
    OCTET_ASSIGN(x, c.Cast(x, DType::kBool));
  }
  OCTET_ASSIGN(const Value y, c.EmitAs("where", std::span(&x, 1), nullptr, {DType::kI64, {}, {}}));
  const int32_t dims[] = {kUnknown, c.rank(x)};
  return Set(c, WithDims(c, y, dims));
}

Status ConvertPlain(NodeContext& c) {
  struct Plain {
    std::string_view op, becomes;
  };
  constexpr Plain kPlain[] = {{"GatherNd", "gather_nd"}, {"ScatterNd", "scatter_nd"}, {"BroadcastArgs", "broadcast_args"}, {"MatrixDiag", "matrix_diag"},
                              {"MatrixSetDiag", "matrix_set_diag"}};
  std::vector<Value> in = c.Inputs();
  for (const Value v : in)
    if (!v) return {};
  if (c.kind() == "ScatterNd" && in.size() == 3) {  // Indices and shape are of 32 bits.
    OCTET_ASSIGN(in[0], c.Cast(in[0], DType::kI32));
    OCTET_ASSIGN(in[2], c.Cast(in[2], DType::kI32));
  }
  return Set(c, c.Make(std::ranges::find(kPlain, c.kind(), &Plain::op)->becomes, in));
}

Status ConvertCumsum(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  OCTET_ASSIGN(const Value axis, Whole(c, 1));
  if (!axis) return {};
  return Set(c, c.Make("cumsum", {x, axis}, {{"exclusive", int64_t{c.Bool("exclusive", false)}}, {"reverse", int64_t{c.Bool("reverse", false)}}}));
}

// Each axis: the last `shift` entries go to the front.
Result<Value> Rolled(NodeContext& c, Value x, const std::vector<int64_t>& shifts, const std::vector<int64_t>& axes) {
  for (size_t k = 0; k < axes.size(); ++k) {
    OCTET_ASSIGN(const int32_t axis, c.AxisOf(axes[k], c.rank(x)));
    const int32_t size = c.shape(x)[axis];
    if (size < 1) return c.Fail("a known axis", c.shape(x).text(), "");
    const auto shift = static_cast<int32_t>(((shifts[k] % size) + size) % size);
    if (shift == 0) continue;
    OCTET_ASSIGN(const std::vector<Value> parts, c.MakeMany("split_v", {x, c.Vector({size - shift, shift}), c.ScalarInt(axis)}, {{"num_splits", 2}}, 2));
    OCTET_ASSIGN(x, c.Make("concatenation", {parts[1], parts[0]}, {{"axis", axis}}));
  }
  return x;
}

// By shifts that are data, or of axes whose size is.
Result<Value> RolledByData(NodeContext& c, Value x, Value shifts, const std::vector<int64_t>& axes) {
  OCTET_ASSIGN(shifts, c.Cast(shifts, DType::kI32));
  OCTET_ASSIGN(shifts, c.Make("reshape", {shifts, c.Vector({-1})}));
  for (size_t k = 0; k < axes.size(); ++k) {
    OCTET_ASSIGN(const int32_t axis, c.AxisOf(axes[k], c.rank(x)));
    OCTET_ASSIGN(const Value size, ops::DimensionOf(c, x, axis));
    OCTET_ASSIGN(const Value shift, c.Make("gather", {shifts, c.ScalarInt(static_cast<int32_t>(k))}, {{"axis", 0}}));
    const Value range[] = {c.ScalarInt(0), size, c.ScalarInt(1)};
    OCTET_ASSIGN(Value from, c.EmitAs("range", range, nullptr, {DType::kI32, Shape{c.shape(x)[axis]}, {}}));
    OCTET_ASSIGN(from, c.Make("sub", {from, shift}));
    OCTET_ASSIGN(from, c.Make("floor_mod", {from, size}));
    OCTET_ASSIGN(x, c.Make("gather", {x, from}, {{"axis", axis}}));
  }
  return x;
}

Status ConvertRoll(NodeContext& c) {
  const Value x = c.Input(0), by = c.Input(1);
  std::vector<int64_t> shifts, axes;
  if (!x || !by) return {};
  if (!c.IntsOf(2, &axes)) return c.Fail("known axes", "computed ones", "");
  const Shape& s = c.shape(x);
  const auto is_open = [&](int64_t axis) { return axis >= -s.rank() && axis < s.rank() && s[static_cast<int>(axis < 0 ? axis + s.rank() : axis)] == kUnknown; };
  if (!c.IntsOf(1, &shifts) || std::ranges::any_of(axes, is_open)) return Set(c, RolledByData(c, x, by, axes));
  if (shifts.size() != axes.size()) return c.Fail("a shift for every axis", std::to_string(shifts.size()), "check the model");
  return Set(c, Rolled(c, x, shifts, axes));
}

// The part of matrices above and below the diagonal that is kept: negative numbers are no limits.
Status ConvertMatrixBandPart(NodeContext& c) {
  const Value x = c.Input(0), first = c.Input(1), last = c.Input(2);
  std::vector<int64_t> lower, upper;
  if (!x || !first || !last) return {};
  if (!c.IntsOf(1, &lower) || !c.IntsOf(2, &upper)) return Set(c, BandedBy(c, x, first, last));
  if (lower.size() != 1 || upper.size() != 1) return c.Fail("single numbers", std::to_string(lower.size()), "check the model");
  const auto limit = [](int64_t n) { return n < 0 ? std::nullopt : std::optional<int64_t>(n); };
  return Set(c, Banded(c, x, {limit(lower[0]), limit(upper[0])}));
}

Status ConvertReverseSequence(NodeContext& c) {
  const Value x = c.Input(0), lengths = c.Input(1);
  if (!x || !lengths) return {};
  return Set(c, ReverseSequences(c, x, lengths, c.Int("seq_dim", 0), c.Int("batch_dim", 0)));
}

// The diagonal of square matrices: what eye() makes.
// diagonal [..., n], k, rows, columns, filling: one diagonal, k above the main one, of a matrix that may be larger than it needs.
Status ConvertMatrixDiagV3(NodeContext& c) {
  const Value x = c.Input(0);
  std::vector<int64_t> k, rows, columns;
  if (!x) return {};
  const Partial* filling = c.Known(4);
  if (c.rank(x) < 1) return c.Fail("diagonals of at least one dimension", "a scalar", "");
  const int64_t n = c.shape(x).back();
  if (!c.IntsOf(1, &k) || k.size() != 1 || std::abs(k[0]) > (1 << 20) || !c.IntsOf(2, &rows) || rows.size() != 1 || !c.IntsOf(3, &columns) ||
      columns.size() != 1)
    return c.Fail("one diagonal and known sizes", "others", "");
  if (!filling || !filling->known() || filling->v.size() != 1 || filling->v[0].f != 0 || filling->v[0].i != 0)
    return c.Fail("zeros beside the diagonal", "another filling", "");
  const int64_t above = std::max<int64_t>(k[0], 0), below = std::max<int64_t>(-k[0], 0);
  const bool plain = k[0] == 0 && rows[0] < 0 && columns[0] < 0;
  if (!plain && n < 1) return c.Fail("a diagonal of known size", c.shape(x).text(), "fix the input's shape");
  OCTET_ASSIGN(const Value y, c.Make("matrix_diag", {x}));
  if (plain) return Set(c, y);
  // A size that is not given is the least that fits; with one given, the other too.
  const int64_t height = rows[0] >= 0 ? rows[0] : columns[0] >= 0 ? n + below : std::max(n + below, n + above);
  const int64_t width = columns[0] >= 0 ? columns[0] : rows[0] >= 0 ? n + above : std::max(n + below, n + above);
  if (height < n + below || width < n + above || height > (1 << 20) || width > (1 << 20))
    return c.Fail("sizes that the diagonal fits in", std::to_string(height) + " x " + std::to_string(width), "");
  std::vector<int32_t> pads(static_cast<size_t>(2 * c.rank(y)), 0);
  const size_t row = pads.size() - 4;
  pads[row] = static_cast<int32_t>(below), pads[row + 1] = static_cast<int32_t>(height - n - below);
  pads[row + 2] = static_cast<int32_t>(above), pads[row + 3] = static_cast<int32_t>(width - n - above);
  return Set(c, c.Make("pad", {y, c.Constant<int32_t>(Shape{c.rank(y), 2}, pads)}));
}

Status ConvertBitcast(NodeContext& c) {
  const Value x = c.Input(0);
  const DType type = c.Type("type");
  if (!x) return {};
  if (type == DType::kNone || BitsOf(type) != BitsOf(c.type(x).dtype)) return c.Fail("types of one width", std::string(Name(type)), "");
  return Set(c, c.EmitAs("bitcast", std::span(&x, 1), nullptr, {type, c.shape(x), {}}));
}

constexpr NodeRule kRules[] = {
    {"MatrixBandPart", ConvertMatrixBandPart}, {"ReverseSequence", ConvertReverseSequence}, {"MatrixDiagV3", ConvertMatrixDiagV3},
    {"MatrixDiagV2", ConvertMatrixDiagV3}, {"Bitcast", ConvertBitcast},
    {"Reshape", ConvertReshape}, {"Squeeze", ConvertSqueeze}, {"ExpandDims", ConvertExpandDims}, {"Transpose", ConvertTranspose}, {"Shape", ConvertShape},
    {"ShapeN", ConvertShape}, {"Size", ConvertSize}, {"StridedSlice", ConvertStridedSlice}, {"Slice", ConvertSlice}, {"Split", ConvertSplit},
    {"SplitV", ConvertSplitV}, {"Unpack", ConvertUnpack}, {"GatherV2", ConvertGather}, {"Gather", ConvertGather}, {"ConcatV2", ConvertConcat},
    {"Pack", ConvertPack}, {"Tile", WithNumbers<0>}, {"ReverseV2", ConvertReverseV2}, {"Pad", WithNumbers<1>}, {"PadV2", ConvertPadV2},
    {"MirrorPad", ConvertMirrorPad}, {"SpaceToBatchND", BatchSpace<0>}, {"BatchToSpaceND", BatchSpace<1>}, {"SpaceToDepth", DepthSpace<0>},
    {"DepthToSpace", DepthSpace<1>}, {"BroadcastTo", ConvertBroadcastTo}, {"Fill", ConvertFill}, {"Range", ConvertRange}, {"OneHot", ConvertOneHot},
    {"ResizeBilinear", ConvertResize}, {"ResizeNearestNeighbor", ConvertResize}, {"TopKV2", ConvertTopK}, {"TopK", ConvertTopK}, {"Where", ConvertWhere},
    {"GatherNd", ConvertPlain}, {"ScatterNd", ConvertPlain}, {"BroadcastArgs", ConvertPlain}, {"MatrixDiag", ConvertPlain}, {"MatrixSetDiag", ConvertPlain},
    {"Cumsum", ConvertCumsum}, {"Roll", ConvertRoll}, {"Concat", ConvertConcat}, {"Reverse", ConvertReverse}, {"UnravelIndex", ConvertUnravelIndex},
    {"DataFormatVecPermute", ConvertLayout}, {"ConjugateTranspose", ConvertTranspose},
};

}  // namespace

const std::span<const NodeRule> kShapingRules = kRules;

}  // namespace octet::importers::savedmodel
