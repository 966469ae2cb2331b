// SPDX-License-Identifier: Apache-2.0
// StridedSlice: numpy's x[begin:end:stride, …] with masks for "from the start", "to the end", "…",
// new axes and dropped axes. With `offset`, end counts from begin.
#include "ops/import.h"
#include "ops/layout_util.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::strided_slice {
namespace {

using Attrs = StridedSliceAttrs;
constexpr AttrRow kRows[] = {
    Attr<&Attrs::begin_mask>("begin_mask", 0),
    Attr<&Attrs::end_mask>("end_mask", 1),
    Attr<&Attrs::ellipsis_mask>("ellipsis_mask", 2),
    Attr<&Attrs::new_axis_mask>("new_axis_mask", 3),
    Attr<&Attrs::shrink_axis_mask>("shrink_axis_mask", 4),
    Attr<&Attrs::offset>("offset", 5),
};

constexpr Operand kInputs[] = {{.name = "input"},
                               {.name = "begin", .type = 'I', .role = Role::kShape},
                               {.name = "end", .type = 'I', .role = Role::kShape},
                               {.name = "strides", .type = 'I', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {
    {"T=f32|f16|bf16|f64|u8|i16|u16|i32|i64|u64|c64 I=i32"}, {"T=i8 I=i32", 2}, {"T=bool I=i32", 3}, {"T=str I=i32", 5}, {"T=u32 I=i32", 7}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone},
                               {.operand = 2, .kind = QuantKind::kNone},
                               {.operand = 3, .kind = QuantKind::kNone}};

// One output axis, or (kept = false) one that the result drops.
struct Axis {
  int input;  // -1: a new axis.
  int64_t begin, stride, count;
  bool kept;
};
struct Axes {
  int count = 0;
  std::array<Axis, 2 * kMaxRank> axis;
};

bool Bit(int32_t mask, int64_t i) { return (static_cast<uint32_t>(mask) >> i & 1) != 0; }

// The range along one axis of size `size`; count -1 when the size is unknown and matters.
Axis Range(const Attrs& a, int64_t i, int input, int64_t begin, int64_t end, int64_t stride, int32_t size) {
  if (Bit(a.shrink_axis_mask, i)) {
    if (Bit(a.begin_mask, i)) begin = 0;
    if (begin < 0 && size != kUnknown) begin += size;
    return {input, begin, 1, 1, false};
  }
  if (size == kUnknown) {
    const bool all = Bit(a.begin_mask, i) && Bit(a.end_mask, i);
    return {input, 0, stride, all && stride == 1 ? kUnknown : -1, true};
  }
  // Where a missing bound lies, and where an index beyond the axis stops.
  const int64_t first = stride > 0 ? 0 : size - 1, last = stride > 0 ? size : -1;
  const int64_t low = std::min(first, last), high = std::max(first, last);
  const auto place = [&](int64_t v) { return std::clamp(v < 0 ? v + size : v, low, high); };
  const int64_t from = Bit(a.begin_mask, i) ? first : place(begin);
  const int64_t to = Bit(a.end_mask, i) ? last : a.offset ? std::clamp(from + end, low, high) : place(end);
  const int64_t span = stride > 0 ? to - from : from - to, step = stride > 0 ? stride : -stride;
  return {input, from, stride, span > 0 ? (span + step - 1) / step : 0, true};
}

// Expands "…" and missing trailing axes. False when the operands are not known yet.
bool Expand(const OpView& op, Axes* axes) {
  IntList begin, end, stride;
  if (!ReadInts(op, 1, &begin) || !ReadInts(op, 2, &end) || !ReadInts(op, 3, &stride)) return false;
  const Attrs& a = op.attrs<Attrs>();
  const Shape& in = op.in(0)->shape;
  const int64_t n = begin.count;
  int named = 0;  // Input axes that the entries speak of.
  for (int64_t i = 0; i < n; ++i) named += !Bit(a.ellipsis_mask, i) && !Bit(a.new_axis_mask, i);
  int input = 0;
  const auto whole = [&] {
    axes->axis[axes->count++] = {input, 0, 1, in[input], true};
    ++input;
  };
  for (int64_t i = 0; i < n; ++i) {
    if (Bit(a.ellipsis_mask, i)) {
      for (int rest = in.rank() - named; rest > 0 && input < in.rank(); --rest) whole();
    } else if (Bit(a.new_axis_mask, i)) {
      axes->axis[axes->count++] = {-1, 0, 1, 1, true};
    } else if (input < in.rank()) {
      axes->axis[axes->count++] = Range(a, i, input, begin.v[i], end.v[i], stride.v[i], in[input]);
      ++input;
    }
  }
  while (input < in.rank()) whole();
  return true;
}

Status Check(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  const Shape& in = op.in(0)->shape;
  for (int i = 1; i <= 3; ++i) {
    const Shape& s = op.in(i)->shape;
    if (s.rank() != 1 || (s[0] != kUnknown && op.in(1)->shape[0] != kUnknown && s[0] != op.in(1)->shape[0]))
      return op.Fail(Code::kInvalidModel, "expected begin, end and strides as vectors of one length, found %s and %s",
                     op.in(1)->shape.text().c_str(), s.text().c_str());
  }
  IntList begin, stride;
  if (!ReadInts(op, 1, &begin) || !ReadInts(op, 3, &stride)) return {};
  if (begin.count > kMaxRank)
    return op.Fail(Code::kInvalidModel, "%lld entries are too many", static_cast<long long>(begin.count));
  int named = 0, added = 0;
  for (int64_t i = 0; i < begin.count; ++i) {
    const bool new_axis = !Bit(a.ellipsis_mask, i) && Bit(a.new_axis_mask, i);
    added += new_axis;
    named += !new_axis && !Bit(a.ellipsis_mask, i);
    if (stride.v[i] == 0) return op.Fail(Code::kInvalidModel, "stride %lld is zero", static_cast<long long>(i));
    if (Bit(a.shrink_axis_mask, i) && stride.v[i] < 0)
      return op.Fail(Code::kInvalidModel, "axis %lld is dropped but has a negative stride",
                     static_cast<long long>(i));
  }
  if (named > in.rank())
    return op.Fail(Code::kInvalidModel, "%d indices for the %d dimensions of %s", named, in.rank(),
                   in.text().c_str());
  if (in.rank() + added > kMaxRank)
    return op.Fail(Code::kUnsupported, "rank %d is above %d", in.rank() + added, kMaxRank);
  Axes axes;
  if (!Expand(op, &axes)) return {};
  for (int i = 0; i < axes.count; ++i) {
    const Axis& x = axes.axis[i];
    if (!x.kept && x.input >= 0 && in[x.input] != kUnknown && (x.begin < 0 || x.begin >= in[x.input]))
      return op.Fail(Code::kInvalidModel, "index %lld is outside dimension %d of %s",
                     static_cast<long long>(x.begin), x.input, in.text().c_str());
  }
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  Axes axes;
  out[0].dynamic = !Expand(op, &axes);
  for (int i = 0; i < axes.count && !out[0].dynamic; ++i)
    if (axes.axis[i].kept) out[0].shape.push_back(static_cast<int32_t>(axes.axis[i].count));
  return {};
}

int Version(const OpView& op) {
  const Attrs& a = op.attrs<Attrs>();
  int version = RowVersion(op);
  if (op.in(0)->shape.rank() > 4) version = std::max(version, 4);
  if (a.ellipsis_mask != 0 || a.new_axis_mask != 0) version = std::max(version, 6);
  return a.offset ? 8 : version;
}

Status PrepareSlice(Prepare& p) {
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto from = Strides(p.op.in(0)->shape), to = Strides(p.op.out(0)->shape);
  Axes axes;
  Expand(p.op, &axes);
  StridedCopy copy;
  for (int i = 0, o = 0; i < axes.count; ++i) {
    const Axis& x = axes.axis[i];
    const int64_t step = x.input < 0 ? 0 : from[x.input] * bytes;
    if (x.count > 0) copy.src_offset += x.begin * step;
    if (x.kept) copy.Add(x.count, x.stride * step, to[o++] * bytes);
  }
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareSlice}};

// Keras: `cropping` is one number, one per axis, or [before, after] per axis; it arrives flattened.
Status FromKerasCropping(ImportContext& c) {
  const Value x = c.Input(0);
  const size_t axes = static_cast<size_t>(std::max(c.rank(x) - 2, 0));
  const std::vector<int64_t> given = c.Ints("cropping", {1});
  std::vector<int32_t> before, after;
  for (size_t i = 0; i < axes; ++i) {
    const auto at = [&](size_t side) {
      return given.empty() ? 0 : given[given.size() == 2 * axes ? 2 * i + side : given.size() == axes ? i : 0];
    };
    before.push_back(static_cast<int32_t>(at(0)));
    after.push_back(static_cast<int32_t>(at(1)));
  }
  OCTET_ASSIGN(Value y, CropAxes(c, x, FirstSpatialAxis(c), before, after));
  c.SetOutput(0, y);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "Cropping1D", 0, FromKerasCropping},
                                 {Source::kKeras, "Cropping2D", 0, FromKerasCropping},
                                 {Source::kKeras, "Cropping3D", 0, FromKerasCropping}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "strided_slice",
    .code = BuiltinCode::kStridedSlice,
    .attrs = Layout<Attrs>(OptionsTable::kStridedSlice, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::strided_slice
