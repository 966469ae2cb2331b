// SPDX-License-Identifier: Apache-2.0
//   GroupNormalization: (x - mean) / sqrt(variance + eps) * gamma + beta over positions and the channels of a group
//   RMSNormalization:   x / sqrt(mean(x^2) + eps) * scale
#include <algorithm>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/dims.h"
#include "importers/lowerings/normalization.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {
namespace {

// The positions of axes [from, to) as one dimension.
Dim Positions(const LayerContext& c, Value x, int from, int to) {
  const Shape& in = c.shape(x);
  if (to - from == 1) return DimOf(c, x, from);
  const auto axes = in.dims().subspan(static_cast<size_t>(from), static_cast<size_t>(to - from));
  return std::ranges::find(axes, kUnknown) != axes.end() ? Dim{} : Dim{static_cast<int32_t>(in.elements(from, to))};
}

Status ConvertGroup(LayerContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  int axis = 0;
  if (in.rank() < 2 || !ops::NormalizeAxis(c.Int("axis", -1), in.rank(), &axis) || axis == 0)
    return c.Fail("channels in an axis behind the batch", std::to_string(c.Int("axis", -1)), "correct the layer's axis");
  const int32_t channels = in[axis];
  auto groups = static_cast<int32_t>(c.Int("groups", 32));
  if (groups == -1) groups = channels;
  const Dim before = Positions(c, x, 1, axis), after = Positions(c, x, axis + 1, in.rank());
  const bool open = std::ranges::find(in.dims().subspan(1), kUnknown) != in.dims().end();
  if (channels == kUnknown || groups < 1 || channels % groups != 0)
    return c.Fail("groups that divide the channels", in.text(), "give the input's shape");
  const Dim batch = open ? DimOf(c, x, 0) : Dim{};
  std::vector<Dim> whole = {batch}, split = {batch, before, {groups}, {channels / groups}};
  std::vector<int32_t> parameter = {channels}, over = {1, 3};  // The parameters broadcast from the axis of channels on.
  for (int i = 1; i < in.rank(); ++i) whole.push_back(DimOf(c, x, i));
  for (int i = axis + 1; i < in.rank(); ++i) parameter.push_back(1);
  if (after.size != 1) {
    split.push_back(after);
    over.push_back(4);
  }
  OCTET_ASSIGN(const Value apart, Reshape(c, x, split));
  OCTET_ASSIGN(Value y, Normalize(c, apart, over, static_cast<float>(c.Number("epsilon", 1e-3)), nullptr));
  OCTET_ASSIGN(y, Reshape(c, y, whole));
  int next = 0;
  const auto apply = [&](const char* op) -> Status {
    OCTET_ASSIGN(Value v, c.Weight(next++));
    if (parameter.size() > 1) {
      OCTET_ASSIGN(v, c.Make("reshape", {v, c.Vector(parameter)}));
    }
    OCTET_ASSIGN(y, c.Make(op, {y, v}));
    return {};
  };
  if (c.Bool("scale", true)) OCTET_TRY(apply("mul"));
  if (c.Bool("center", true)) OCTET_TRY(apply("add"));
  c.SetOutput(0, y);
  return {};
}

Status ConvertRms(LayerContext& c) {
  const Value x = c.Input(0);
  std::vector<int32_t> axes, wide(static_cast<size_t>(c.rank(x)), 1);
  for (const int64_t a : c.Ints("axis", {-1})) {
    int axis = 0;
    if (!ops::NormalizeAxis(a, c.rank(x), &axis) || (!axes.empty() && axes.back() >= axis))
      return c.Fail("ascending axes inside the rank", std::to_string(a), "correct the layer's axis");
    axes.push_back(axis);
    wide[static_cast<size_t>(axis)] = c.shape(x)[axis];
  }
  OCTET_ASSIGN(Value y, RmsNormalize(c, x, axes, static_cast<float>(c.Number("epsilon", 1e-6))));
  OCTET_ASSIGN(Value scale, c.Weight(0));
  if (axes.size() != 1 || axes[0] != c.rank(x) - 1) {
    OCTET_ASSIGN(scale, c.Make("reshape", {scale, c.Vector(wide)}));
  }
  OCTET_ASSIGN(y, c.Make("mul", {y, scale}));
  c.SetOutput(0, y);
  return {};
}

// x / sqrt(max(sum x^2, 1e-12)) over the axes.
Status ConvertUnit(LayerContext& c) {
  const Value x = c.Input(0);
  std::vector<int32_t> axes;
  for (const int64_t a : c.Ints("axis", {-1})) axes.push_back(static_cast<int32_t>(a));
  OCTET_ASSIGN(Value y, c.Make("mul", {x, x}));
  OCTET_ASSIGN(y, c.Make("sum", {y, c.Vector(axes)}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(1e-12f)}));
  OCTET_ASSIGN(y, c.Make("rsqrt", {y}));
  OCTET_ASSIGN(y, c.Make("mul", {x, y}));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"GroupNormalization", ConvertGroup}, {"RMSNormalization", ConvertRms}, {"UnitNormalization", ConvertUnit}};

}  // namespace

const std::span<const LayerRule> kNormalizationRules = kRules;

}  // namespace octet::importers::keras
