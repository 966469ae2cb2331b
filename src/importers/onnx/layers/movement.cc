// SPDX-License-Identifier: Apache-2.0
// Operators that move elements: transposes, slices, paddings, joining and cutting.
#include <algorithm>
#include <limits>
#include <numeric>

#include "importers/lowerings/band.h"
#include "importers/lowerings/selection.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/image.h"
#include "importers/onnx/rules.h"
#include "ops/layout_util.h"

namespace octet::importers::onnx {
namespace {

std::vector<int32_t> Narrow(std::span<const int64_t> v) {
  std::vector<int32_t> out;
  for (const int64_t i : v) out.push_back(static_cast<int32_t>(std::clamp<int64_t>(i, INT32_MIN, INT32_MAX)));
  return out;
}

Status ConvertTranspose(NodeContext& c) {
  const int rank = c.rank(c.Input(0));
  std::vector<int64_t> order = c.Ints("perm", {});
  for (int i = rank - 1; i >= 0 && !c.Has("perm"); --i) order.push_back(i);
  std::vector<int64_t> sorted = order;
  std::ranges::sort(sorted);
  for (int i = 0; i < rank; ++i)
    if (static_cast<int>(sorted.size()) != rank || sorted[static_cast<size_t>(i)] != i)
      return c.Fail("a permutation of the dimensions", Format("%zu entries", order.size()), "check the model");
  return Set(c, PermuteWeights(c, c.Input(0), Narrow(order)));
}

Status ConvertConcat(NodeContext& c) {
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(c.Input(0))));
  std::vector<Value> parts;
  for (int i = 0; i < c.num_inputs(); ++i) parts.push_back(c.Input(i));
  if (parts.size() == 1) return Set(c, parts[0]);
  return Set(c, c.Make("concatenation", parts, {{"axis", axis}}));
}

struct Cut {
  std::vector<int32_t> begin, end, step;
  int64_t begin_mask = 0, end_mask = 0;
};

// The slice of one axis: ONNX clamps begin and end into the axis, and an end before the first element with a
// negative step means "through the first".
Status CutAxis(NodeContext& c, int64_t begin, int64_t end, int64_t step, int32_t size, int axis, Cut* cut) {
  const auto a = static_cast<size_t>(axis);
  if (step == 0 || step > INT32_MAX || step < -INT32_MAX) return c.Fail("a step other than 0", std::to_string(step), "check the model");
  cut->step[a] = static_cast<int32_t>(step);
  if (size != kUnknown) {
    const auto from_end = [&](int64_t i) { return i < 0 ? i + size : i; };
    begin = step > 0 ? std::clamp<int64_t>(from_end(begin), 0, size) : std::clamp<int64_t>(from_end(begin), 0, size - 1);
    end = step > 0 ? std::clamp<int64_t>(from_end(end), 0, size) : std::clamp<int64_t>(from_end(end), -1, size - 1);
    if (step < 0 && end == -1) cut->end_mask |= 1 << axis;
    if (step > 0 && begin >= end) begin = end = 0;
    if (step > 0 && end == size && begin < end) cut->end_mask |= 1 << axis;
    if (begin == 0 && step > 0 && end != 0) cut->begin_mask |= 1 << axis;
  } else {
    if (step > 0 ? end > INT32_MAX / 2 : end < INT32_MIN / 2) cut->end_mask |= 1 << axis;
    if (step > 0 ? begin == 0 || begin < INT32_MIN / 2 : begin > INT32_MAX / 2 || begin == -1) cut->begin_mask |= 1 << axis;
  }
  cut->begin[a] = static_cast<int32_t>(std::clamp<int64_t>(begin, INT32_MIN, INT32_MAX));
  cut->end[a] = cut->end_mask >> axis & 1 ? 0 : static_cast<int32_t>(std::clamp<int64_t>(end, INT32_MIN, INT32_MAX));
  return {};
}

Result<Value> Slice(NodeContext& c, Value x, std::span<const int64_t> begins, std::span<const int64_t> ends, std::span<const int64_t> axes,
                    std::span<const int64_t> steps) {
  const int rank = c.rank(x);
  const Cut whole{std::vector<int32_t>(static_cast<size_t>(rank), 0), std::vector<int32_t>(static_cast<size_t>(rank), 0),
                  std::vector<int32_t>(static_cast<size_t>(rank), 1)};
  Cut cut = whole;
  cut.begin_mask = cut.end_mask = (1 << rank) - 1;
  for (size_t i = 0; i < begins.size(); ++i) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(i < axes.size() ? axes[i] : static_cast<int64_t>(i), rank));
    cut.begin_mask &= ~(int64_t{1} << axis);
    cut.end_mask &= ~(int64_t{1} << axis);
    OCTET_TRY(CutAxis(c, begins[i], i < ends.size() ? ends[i] : 0, i < steps.size() ? steps[i] : 1, c.shape(x)[axis], axis, &cut));
  }
  const bool nothing = cut.begin_mask == (1 << rank) - 1 && cut.end_mask == cut.begin_mask && std::ranges::all_of(cut.step, [](int32_t s) { return s == 1; });
  if (nothing) return x;
  return c.Make("strided_slice", {x, c.Vector(cut.begin), c.Vector(cut.end), c.Vector(cut.step)}, {{"begin_mask", cut.begin_mask}, {"end_mask", cut.end_mask}});
}

// Begins and ends that are computed, in positive steps: full vectors put together at run time.
Result<Value> ComputedSlice(NodeContext& c, std::span<const int64_t> axes, std::span<const int64_t> steps) {
  const Value x = c.Input(0);
  const int rank = c.rank(x);
  const auto scatter = [&](Value v) -> Result<Value> {
    OCTET_ASSIGN(const Value values, c.Cast(v, DType::kI32));
    const Partial numbers = c.PartialOf(v);
    std::vector<Value> parts;
    for (int i = 0; i < rank; ++i) {
      const auto at = static_cast<size_t>(std::ranges::find(axes, i) - axes.begin());
      if (at == axes.size()) {
        parts.push_back(c.Vector({0}));
      } else if (numbers.valid && at < numbers.numbers.size() && numbers.numbers[at].known) {  // The largest number of 64 bits is the end.
        parts.push_back(c.Vector({static_cast<int32_t>(std::clamp<int64_t>(numbers.numbers[at].value, INT32_MIN, INT32_MAX))}));
      } else {
        OCTET_ASSIGN(const Value one, c.Make("slice", {values, c.Vector({static_cast<int32_t>(at)}), c.Vector({1})}));
        parts.push_back(one);
      }
    }
    return parts.size() == 1 ? Result<Value>(parts[0]) : c.Make("concatenation", parts, {{"axis", 0}});
  };
  int64_t mask = (1 << rank) - 1;
  std::vector<int32_t> step(static_cast<size_t>(rank), 1);
  for (size_t i = 0; i < axes.size(); ++i) {
    mask &= ~(int64_t{1} << axes[i]);
    if (i < steps.size() && steps[i] < 1) return c.Fail("positive steps where the begin is computed", std::to_string(steps[i]), "");
    if (i < steps.size()) step[static_cast<size_t>(axes[i])] = static_cast<int32_t>(steps[i]);
  }
  OCTET_ASSIGN(const Value begin, scatter(c.Input(1)));
  OCTET_ASSIGN(const Value end, scatter(c.Input(2)));
  OCTET_ASSIGN(const Value y, c.Make("strided_slice", {x, begin, end, c.Vector(step)}, {{"begin_mask", mask}, {"end_mask", mask}}));
  Shape shape = c.shape(x);
  for (const int64_t a : axes) shape[static_cast<int>(a)] = kUnknown;
  c.RefineShape(y, shape);
  return y;
}

Status ConvertSlice(NodeContext& c) {
  const Value x = c.Input(0);
  const bool inputs = c.version() >= 10;
  OCTET_ASSIGN(std::vector<int64_t> axes, inputs ? c.IntsAt(3, "axes", {}) : Result<std::vector<int64_t>>(c.Ints("axes", {})));
  OCTET_ASSIGN(const std::vector<int64_t> steps, inputs ? c.IntsAt(4, "steps", {}) : Result<std::vector<int64_t>>(std::vector<int64_t>()));
  const bool known = !inputs || (c.PartialOf(c.Input(1)).known() && c.PartialOf(c.Input(2)).known());
  if (!known) {
    for (int64_t& a : axes) {
      OCTET_ASSIGN(a, c.Axis(a, c.rank(x)));
    }
    const bool sequential = axes.empty();
    const int given = static_cast<int>(c.shape(c.Input(1)).known() ? c.shape(c.Input(1)).elements() : 0);
    for (int i = 0; sequential && i < given; ++i) {
      OCTET_ASSIGN(axes.emplace_back(), c.Axis(i, c.rank(x)));
    }
    return Set(c, ComputedSlice(c, axes, steps));
  }
  OCTET_ASSIGN(const std::vector<int64_t> begins, inputs ? c.IntsAt(1, "starts", {}) : Result<std::vector<int64_t>>(c.Ints("starts", {})));
  OCTET_ASSIGN(const std::vector<int64_t> ends, inputs ? c.IntsAt(2, "ends", {}) : Result<std::vector<int64_t>>(c.Ints("ends", {})));
  return Set(c, Slice(c, x, begins, ends, axes, steps));
}

Status ConvertSplit(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", 0), c.rank(x)));
  OCTET_ASSIGN(std::vector<int64_t> sizes, c.IntsAt(1, "split", {}));
  const int32_t size = c.shape(x)[axis];
  const int n = c.num_outputs();
  if (sizes.empty()) {
    if (size == kUnknown && n > 1) return c.Fail("a known dimension to split", c.shape(x).text(), "give the sizes");
    const int64_t each = (static_cast<int64_t>(size) + n - 1) / n;  // The last one is smaller where it does not fit.
    for (int64_t left = size, i = 0; i < n; ++i, left -= each) sizes.push_back(std::max<int64_t>(0, std::min<int64_t>(each, left)));
  }
  if (static_cast<int>(sizes.size()) != n) return c.Fail(Format("%d sizes", n), std::to_string(sizes.size()), "check the model");
  if (n == 1) return Set(c, x);
  const bool equal = std::ranges::all_of(sizes, [&](int64_t s) { return s == sizes[0]; });
  OCTET_ASSIGN(const std::vector<Value> parts,
               equal ? c.MakeMany("split", {c.ScalarInt(axis), x}, {{"num_splits", n}}, n)
                     : c.MakeMany("split_v", {x, c.Vector(Narrow(sizes)), c.ScalarInt(axis)}, {{"num_splits", n}}, n));
  for (int i = 0; i < n; ++i) c.SetOutput(i, parts[static_cast<size_t>(i)]);
  return {};
}

// Of all axes, negative ones cut. Modes constant, reflect, edge and wrap.
Result<std::vector<int64_t>> PadAmounts(NodeContext& c) {
  const int rank = c.rank(c.Input(0));
  OCTET_ASSIGN(const std::vector<int64_t> given, c.version() >= 11 ? c.IntsAt(1, "pads", {}) : Result<std::vector<int64_t>>(c.Ints("pads", {})));
  std::vector<int64_t> axes;
  if (c.Input(3)) {
    OCTET_ASSIGN(axes, c.IntsAt(3, "axes", {}));
  }
  for (int i = 0; !c.Input(3) && i < rank; ++i) axes.push_back(i);
  if (given.size() != 2 * axes.size()) return c.Fail(Format("%zu pads", 2 * axes.size()), std::to_string(given.size()), "check the model");
  std::vector<int64_t> pads(static_cast<size_t>(2 * rank), 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    OCTET_ASSIGN(const int32_t axis, c.Axis(axes[i], rank));
    if (given[i] > (1 << 28) || given[i + axes.size()] > (1 << 28)) return c.Fail("pads below 2^28", "more", "check the model");
    pads[static_cast<size_t>(axis)] = given[i];
    pads[static_cast<size_t>(axis + rank)] = given[i + axes.size()];
  }
  return pads;
}

// One axis after the other: slices of the border, joined to it.
Result<Value> PadByParts(NodeContext& c, Value x, std::span<const int64_t> pads, bool wrap) {
  const int rank = c.rank(x);
  for (int axis = 0; axis < rank; ++axis) {
    const int64_t before = pads[static_cast<size_t>(axis)], after = pads[static_cast<size_t>(axis + rank)], size = c.shape(x)[axis];
    if (before == 0 && after == 0) continue;
    if (wrap && (size == kUnknown || before > size || after > size)) return c.Fail("wrapped pads no larger than the dimension", c.shape(x).text(), "");
    const auto part = [&](int64_t begin, int64_t end, int64_t times) -> Result<Value> {
      const int64_t a = axis;
      OCTET_ASSIGN(Value v, Slice(c, x, std::span(&begin, 1), std::span(&end, 1), std::span(&a, 1), {}));
      if (times <= 1) return v;
      std::vector<int32_t> multiples(static_cast<size_t>(rank), 1);
      multiples[static_cast<size_t>(axis)] = static_cast<int32_t>(times);
      return c.Make("tile", {v, c.Vector(multiples)});
    };
    std::vector<Value> parts;
    if (before > 0) {
      OCTET_ASSIGN(const Value v, wrap ? part(size - before, size, 1) : part(0, 1, before));
      parts.push_back(v);
    }
    parts.push_back(x);
    if (after > 0) {
      OCTET_ASSIGN(const Value v, wrap ? part(0, after, 1) : part(-1, INT64_MAX, after));
      parts.push_back(v);
    }
    OCTET_ASSIGN(x, c.Make("concatenation", parts, {{"axis", axis}}));
  }
  return x;
}

// x, of `shape`, without what negative pads ([axis][before, behind]) cut off, and those that are left.
Status CutComputed(NodeContext& c, const Shape& shape, Value* x, Value* pads) {
  const int rank = c.rank(*x);
  OCTET_ASSIGN(const Value added, c.Make("maximum", {*pads, c.ScalarInt(0)}));
  OCTET_ASSIGN(const Value cut, c.Make("sub", {added, *pads}));
  OCTET_ASSIGN(const Value fronts, c.Make("slice", {cut, c.Vector({0, 0}), c.Vector({rank, 1})}));
  OCTET_ASSIGN(const Value begin, c.Reshape(fronts, Shape{rank}));
  OCTET_ASSIGN(const Value lost, c.Make("sum", {cut, c.Vector({1})}));
  OCTET_ASSIGN(const Value whole, c.Make("shape", {*x}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value size, c.Make("sub", {whole, lost}));
  OCTET_ASSIGN(*x, c.Make("slice", {*x, begin, size}));
  c.RefineShape(*x, shape);
  *pads = added;
  return {};
}

// The shape behind pads as far as they are known, and where negative ones may cut something off before: there `cut` is open.
Status Widen(NodeContext& c, const Partial& pads, Shape* shape, Shape* cut) {
  const int rank = shape->rank();
  const auto fits = [](const Number& n) { return n.value > -(1 << 28) && n.value < 1 << 28; };
  *cut = Shape(std::vector<int32_t>(static_cast<size_t>(rank), kUnknown));
  for (int i = 0; i < rank && pads.valid; ++i) {
    const Number &before = pads.numbers[static_cast<size_t>(i)], &after = pads.numbers[static_cast<size_t>(i + rank)];
    const bool told = before.known && after.known;
    if (told && (!fits(before) || !fits(after))) return c.Fail("pads below 2^28", "more", "check the model");
    int32_t& size = (*shape)[i];
    if (told && before.value >= 0 && after.value >= 0) (*cut)[i] = size;
    const int64_t added = told ? before.value + after.value : 0;
    if (!told || (size == kUnknown && added != 0)) size = kUnknown;
    else if (added != 0) size = static_cast<int32_t>(std::clamp<int64_t>(size + added, kUnknown, INT32_MAX));
  }
  return {};
}

// Pads that only the running model knows: a row of what lies before each axis, then one of what lies behind.
Status ComputedPad(NodeContext& c, const std::string& mode) {
  Value x = c.Input(0);
  const int rank = c.rank(x);
  if (mode != "constant" && mode != "reflect") return c.Fail("mode constant or reflect where the pads are computed", mode, "");
  if (c.Input(3) || c.shape(c.Input(1)) != Shape{2 * rank})
    return c.Fail("computed pads of all axes", c.shape(c.Input(1)).text(), "export with a fixed input size");
  OCTET_ASSIGN(Value pads, c.Cast(c.Input(1), DType::kI32));
  OCTET_ASSIGN(pads, c.Reshape(pads, Shape{2, rank}));
  OCTET_ASSIGN(pads, c.Transpose(pads, {1, 0}));
  Partial known = c.PartialOf(c.Input(1));
  if (!known.valid) known = Computed(c.shape(c.Input(1)));
  Shape out = c.shape(x), cut;
  OCTET_TRY(Widen(c, known, &out, &cut));
  if (!c.builder().IsNeverNegative(pads)) OCTET_TRY(CutComputed(c, cut, &x, &pads));
  Value y;
  if (mode == "reflect") {
    OCTET_ASSIGN(y, c.Make("mirror_pad", {x, pads}, {{"mode", 0}}));
  } else if (c.Input(2)) {
    OCTET_ASSIGN(Value with, c.Cast(c.Input(2), c.type(x).dtype));
    OCTET_ASSIGN(with, c.Reshape(with, Shape{}));
    OCTET_ASSIGN(y, c.Make("padv2", {x, pads, with}));
  } else {
    OCTET_ASSIGN(y, c.Make("pad", {x, pads}));
  }
  c.RefineShape(y, out);
  return Set(c, y);
}

Status ConvertPad(NodeContext& c) {
  Value x = c.Input(0);
  const int rank = c.rank(x);
  const std::string mode = c.Text("mode", "constant");
  if (c.version() >= 11 && c.Input(1) && !c.PartialOf(c.Input(1)).known()) return ComputedPad(c, mode);
  OCTET_ASSIGN(std::vector<int64_t> pads, PadAmounts(c));
  std::vector<int64_t> begins, ends;
  bool cuts = false;
  for (int i = 0; i < rank; ++i) {
    int64_t &before = pads[static_cast<size_t>(i)], &after = pads[static_cast<size_t>(i + rank)];
    begins.push_back(std::max<int64_t>(-before, 0));
    ends.push_back(after < 0 ? after : INT64_MAX);
    cuts |= before < 0 || after < 0;
    before = std::max<int64_t>(before, 0);
    after = std::max<int64_t>(after, 0);
  }
  if (cuts) {
    OCTET_ASSIGN(x, Slice(c, x, begins, ends, {}, {}));
  }
  if (mode == "edge" || mode == "wrap") return Set(c, PadByParts(c, x, pads, mode == "wrap"));
  std::vector<int32_t> amounts;
  for (int i = 0; i < rank; ++i) {
    amounts.push_back(static_cast<int32_t>(pads[static_cast<size_t>(i)]));
    amounts.push_back(static_cast<int32_t>(pads[static_cast<size_t>(i + rank)]));
  }
  const Value p = c.Constant<int32_t>(Shape{rank, 2}, std::span<const int32_t>(amounts));
  if (mode == "reflect") return Set(c, c.Make("mirror_pad", {x, p}, {{"mode", 0}}));
  if (mode != "constant") return c.Fail("mode constant, reflect, edge or wrap", mode, "");
  Value with;
  if (c.version() >= 11) with = c.Input(2);
  else if (c.Number("value", 0) != 0) with = c.Scalar(static_cast<float>(c.Number("value", 0)));
  const std::vector<float> number = with ? c.FloatsOf(with) : std::vector<float>{0.0f};
  if (number.size() == 1 && number[0] == 0.0f) return Set(c, c.Make("pad", {x, p}));
  OCTET_ASSIGN(with, c.Cast(with, c.type(x).dtype));
  OCTET_ASSIGN(with, c.Reshape(with, Shape{}));
  return Set(c, c.Make("padv2", {x, p, with}));
}

Status ConvertTile(NodeContext& c) {
  OCTET_ASSIGN(const Value times, c.Cast(c.Input(1), DType::kI32));
  OCTET_ASSIGN(const Value y, c.Make("tile", {c.Input(0), times}));
  const Partial counts = c.PartialOf(c.Input(1));
  Shape shape = c.shape(c.Input(0));  // Computed counts leave the rank, and what the known ones multiply.
  for (int i = 0; i < shape.rank(); ++i) {
    const bool known = counts.valid && i < static_cast<int>(counts.numbers.size()) && counts.numbers[static_cast<size_t>(i)].known && shape[i] != kUnknown;
    const int64_t size = known ? shape[i] * std::clamp<int64_t>(counts.numbers[static_cast<size_t>(i)].value, 0, INT32_MAX) : 0;
    shape[i] = known && size <= INT32_MAX ? static_cast<int32_t>(size) : kUnknown;
  }
  c.RefineShape(y, shape);
  c.SetOutput(0, y);
  return {};
}

// [N, b, b, C/b², H, W] (DCR) or [N, C/b², b, b, H, W] (CRD): the operator is DCR on channels last.
Status ConvertDepthToSpace(NodeContext& c) {
  const auto b = static_cast<int32_t>(c.Int("blocksize", 1));
  Value x = c.Input(0);
  const Shape in = c.shape(x);
  if (in.rank() != 4 || b < 1 || in[1] == kUnknown || in[1] % (b * b) != 0) return c.Fail("[N, C, H, W] with channels in blocks", in.text(), "check the model");
  if (c.Text("mode", "DCR") == "CRD") {  // The order of channels is a gather; constant, so it folds into what comes before.
    std::vector<int32_t> order;
    const int32_t each = in[1] / (b * b);
    for (int32_t i = 0; i < in[1]; ++i) order.push_back(i % each * b * b + i / each);
    OCTET_ASSIGN(x, c.Make("gather", {x, c.Vector(order)}, {{"axis", 1}}));
  }
  OCTET_ASSIGN(Value y, ChannelsLast(c, x));
  OCTET_ASSIGN(y, c.Make("depth_to_space", {y}, {{"block_size", b}}));
  return Set(c, ChannelsSecond(c, y));
}
Status ConvertSpaceToDepth(NodeContext& c) {
  const auto b = static_cast<int32_t>(c.Int("blocksize", 1));
  const int32_t channels = c.rank(c.Input(0)) == 4 ? c.shape(c.Input(0))[1] : kUnknown;
  OCTET_ASSIGN(Value y, ChannelsLast(c, c.Input(0)));
  OCTET_ASSIGN(y, c.Make("space_to_depth", {y}, {{"block_size", b}}));
  if (c.Text("mode", "DCR") == "CRD") {
    if (channels == kUnknown || b < 1) return c.Fail("a known number of channels", c.shape(y).text(), "");
    std::vector<int32_t> order;
    for (int32_t i = 0; i < channels * b * b; ++i) order.push_back(i % (b * b) * channels + i / (b * b));
    OCTET_ASSIGN(y, c.Make("gather", {y, c.Vector(order)}, {{"axis", 3}}));
  }
  return Set(c, ChannelsSecond(c, y));
}

Status ConvertRange(NodeContext& c) {
  std::vector<Value> in;
  for (int i = 0; i < 3; ++i) {
    Value v = c.Input(i);
    if (c.rank(v) != 0) {
      OCTET_ASSIGN(v, c.Reshape(v, Shape{}));
    }
    in.push_back(v);
  }
  OCTET_ASSIGN(const Value y, c.Make("range", in));
  c.RefineShape(y, Shape{c.rank(y) == 1 ? c.shape(y)[0] : kUnknown});
  return Set(c, y);
}

// 1 where the triangle keeps: a constant, multiplied (floats may be infinite: selected).
Status ConvertTrilu(NodeContext& c) {
  const Value x = c.Input(0);
  int64_t k = 0;
  if (c.Input(1)) {
    OCTET_ASSIGN(const std::vector<int64_t> given, c.IntsAt(1, "k", {0}));
    if (!given.empty()) k = given[0];
  }
  k = std::max(k, -INT64_MAX);
  return Set(c, Banded(c, x, c.Bool("upper", true) ? BandLimits{-k, {}} : BandLimits{{}, k}));
}

Status ConvertEyeLike(NodeContext& c) {
  const int64_t k = c.Int("k", 0);
  if (c.rank(c.Input(0)) != 2) return c.Fail("a matrix", c.shape(c.Input(0)).text(), "check the model");
  OCTET_ASSIGN(const Value diagonal, Band(c, c.Input(0), {-std::clamp<int64_t>(k, -INT32_MAX, INT32_MAX), k}));
  return Set(c, c.Cast(diagonal, c.Has("dtype") ? ComputeType(static_cast<int32_t>(c.Int("dtype", kFloat))) : c.type(c.Input(0)).dtype));
}

Status ConvertReverseSequence(NodeContext& c) {
  OCTET_ASSIGN(const Value lengths, c.Cast(c.Input(1), DType::kI32));
  return Set(c, ReverseSequences(c, c.Input(0), lengths, c.Int("time_axis", 0), c.Int("batch_axis", 1)));
}

constexpr NodeRule kRules[] = {
    {"Transpose", 0, ConvertTranspose}, {"Concat", 0, ConvertConcat}, {"Slice", 0, ConvertSlice}, {"Split", 0, ConvertSplit}, {"Pad", 0, ConvertPad},
    {"Tile", 0, ConvertTile}, {"DepthToSpace", 0, ConvertDepthToSpace}, {"SpaceToDepth", 0, ConvertSpaceToDepth}, {"Range", 0, ConvertRange},
    {"Trilu", 0, ConvertTrilu}, {"EyeLike", 0, ConvertEyeLike}, {"ReverseSequence", 0, ConvertReverseSequence}};

}  // namespace

const std::span<const NodeRule> kMovementRules = kRules;

}  // namespace octet::importers::onnx
