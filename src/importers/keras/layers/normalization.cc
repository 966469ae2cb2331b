// SPDX-License-Identifier: Apache-2.0
//   GroupNormalization: (x - mean) / sqrt(variance + eps) * gamma + beta over positions and the channels of a group
//   RMSNormalization:   x / sqrt(mean(x^2) + eps) * scale
#include <algorithm>
#include <array>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/normalization.h"

namespace octet::importers::keras {
namespace {

Status ConvertGroup(LayerContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  const int64_t axis = c.Int("axis", -1);
  if (in.rank() < 2 || (axis != -1 && axis != in.rank() - 1)) return c.Fail("channels in the last axis", std::to_string(axis), "permute the input");
  const int32_t channels = in.back();
  auto groups = static_cast<int32_t>(c.Int("groups", 32));
  if (groups == -1) groups = channels;
  const bool known = std::ranges::find(in.dims().subspan(1), kUnknown) == in.dims().end();
  if (!known || groups < 1 || channels % groups != 0) return c.Fail("known dimensions and groups that divide the channels", in.text(), "give the input's shape");
  std::vector<int32_t> whole = {-1};
  for (int i = 1; i < in.rank(); ++i) whole.push_back(in[i]);
  const auto positions = static_cast<int32_t>(in.elements(1, in.rank() - 1));
  OCTET_ASSIGN(const Value apart, c.Make("reshape", {x, c.Vector({-1, positions, groups, channels / groups})}));
  OCTET_ASSIGN(Value y, Normalize(c, apart, std::array<int32_t, 2>{1, 3}, static_cast<float>(c.Number("epsilon", 1e-3)), nullptr));
  OCTET_ASSIGN(y, c.Make("reshape", {y, c.Vector(whole)}));
  int next = 0;
  if (c.Bool("scale", true)) {
    OCTET_ASSIGN(const Value gamma, c.Weight(next++));
    OCTET_ASSIGN(y, c.Make("mul", {y, gamma}));
  }
  if (c.Bool("center", true)) {
    OCTET_ASSIGN(const Value beta, c.Weight(next++));
    OCTET_ASSIGN(y, c.Make("add", {y, beta}));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertRms(LayerContext& c) {
  const Value x = c.Input(0);
  std::vector<int32_t> axes;
  for (const int64_t a : c.Ints("axis", {-1})) axes.push_back(static_cast<int32_t>(a));
  if (axes.size() != 1 || (axes[0] != -1 && axes[0] != c.rank(x) - 1)) return c.Fail("the last axis", "others", "permute the input");
  OCTET_ASSIGN(Value y, RmsNormalize(c, x, axes, static_cast<float>(c.Number("epsilon", 1e-6))));
  OCTET_ASSIGN(const Value scale, c.Weight(0));
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
