// SPDX-License-Identifier: Apache-2.0
// Tile: the input repeated multiples[i] times along dimension i.
#include <algorithm>

#include "ops/import.h"
#include "ops/keras_conv_util.h"
#include "ops/layout_util.h"
#include "ops/move_attrs.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops::tile {
namespace {

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "multiples", .type = 'M', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|f16|bf16|f64|u8|i16|u16|i32|u32|i64|u64|bool|c64 M=i32|i64"}, {"T=str M=i32|i64", 2}, {"T=i8 M=i32|i64", 3}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

Status Check(const OpView& op) {
  OCTET_TRY(CheckVector(op, 1, op.in(0)->shape.rank(), "multiples"));
  IntList multiples;
  if (!ReadInts(op, 1, &multiples)) return {};
  for (int64_t m : multiples.span())
    if (!FitsDimension(m))
      return op.Fail(Code::kInvalidModel, "multiple %lld is not in [0, 2^31)", static_cast<long long>(m));
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  IntList multiples;
  out[0].dynamic = !ReadInts(op, 1, &multiples);
  for (int i = 0; i < in.rank() && !out[0].dynamic; ++i) {
    const int64_t d = in[i] * multiples.v[i];
    if (in[i] != kUnknown && !FitsDimension(d))
      return op.Fail(Code::kInvalidModel, "tiled dimension %d is too large", i);
    out[0].shape.push_back(in[i] == kUnknown ? kUnknown : static_cast<int32_t>(d));
  }
  return {};
}

Status PrepareTile(Prepare& p) {
  const Shape& in = p.op.in(0)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  const auto from = Strides(in), to = Strides(p.op.out(0)->shape);
  IntList multiples;
  ReadInts(p.op, 1, &multiples);
  StridedCopy copy;
  for (int i = 0; i < in.rank(); ++i) {
    copy.Add(multiples.v[i], 0, in[i] * to[i] * bytes);
    copy.Add(in[i], from[i] * bytes, to[i] * bytes);
  }
  copy.Finish(bytes);
  return SetCopy(p, copy, 0);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTile}};

// [batch, features] -> [batch, n, features]
Status FromKerasRepeatVector(ImportContext& c) {
  OCTET_ASSIGN(Value x, InsertAxis(c, c.Input(0), 1));
  OCTET_ASSIGN(x, c.Emit("tile", {x, c.Vector({1, static_cast<int32_t>(c.Int("n", 1)), 1})}));
  c.SetOutput(0, x);
  return {};
}

// Nearest neighbours along one axis: every element `size` times, as [.., length, 1, ..] tiled and flattened.
Result<Value> RepeatAxis(ImportContext& c, Value x, int axis, int64_t size) {
  if (size == 1) return x;
  Shape shape = c.shape(x);
  const int64_t length = shape[axis] == kUnknown ? kUnknown : shape[axis] * size;
  if (size < 1 || length > INT32_MAX || shape.rank() >= kMaxRank)
    return c.Fail("a positive size", std::to_string(size), "correct the layer's size");
  shape[axis] = static_cast<int32_t>(length);
  std::vector<int32_t> multiples(shape.rank() + 1, 1);
  multiples[axis + 1] = static_cast<int32_t>(size);
  OCTET_ASSIGN(const Value apart, InsertAxis(c, x, axis + 1));
  OCTET_ASSIGN(const Value tiled, c.Emit("tile", {apart, c.Vector(multiples)}));
  if (std::ranges::count(shape.dims(), kUnknown) <= 1) return ReshapeTo(c, tiled, shape);
  std::vector<Value> sizes;  // The others' lengths; what remains is the axis'.
  for (int i = 0; i < shape.rank(); ++i) {
    OCTET_ASSIGN(const Value size, i == axis ? Result<Value>(c.Constant<int32_t>(Shape{}, std::span(&kUnknown, 1))) : DimensionOf(c, x, i));
    sizes.push_back(size);
  }
  const PackAttrs pack{.values_count = shape.rank(), .axis = 0};
  OCTET_ASSIGN(const Value to, c.Emit("pack", sizes, &pack));
  const Value inputs[] = {tiled, to};
  return c.EmitAs("reshape", inputs, nullptr, {c.type(x).dtype, shape, {}});
}

Status FromKerasUpSampling(ImportContext& c) {
  Value x = c.Input(0);
  const size_t axes = static_cast<size_t>(std::max(c.rank(x) - 2, 0));
  const std::vector<int64_t> size = PerAxis(c, "size", axes, 2);
  if (size.size() != axes)
    return c.Fail("one size per axis", std::to_string(size.size()), "correct the layer's size");
  for (size_t i = 0; i < axes; ++i) {
    OCTET_ASSIGN(x, RepeatAxis(c, x, FirstSpatialAxis(c) + static_cast<int>(i), size[i]));
  }
  c.SetOutput(0, x);
  return {};
}

constexpr ImportRule kRules[] = {{Source::kKeras, "RepeatVector", 0, FromKerasRepeatVector},
                                 {Source::kKeras, "UpSampling1D", 0, FromKerasUpSampling},
                                 {Source::kKeras, "UpSampling3D", 0, FromKerasUpSampling}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "tile",
    .code = BuiltinCode::kTile,
    .attrs = Layout<NoAttrs>(OptionsTable::kTile, {}),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes,
    .check = Check,
    .infer = Infer,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {.rules = kRules};

}  // namespace octet::ops::tile
