// SPDX-License-Identifier: Apache-2.0
// AutoContrast, which Keras also runs at inference: every image's channels are stretched over the whole range,
// y = clip((x - low) * range / (high - low)); channels of one value stay as they are.
#include "importers/keras/builder.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

Status ConvertAutoContrast(LayerContext& c) {
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kF32));
  const std::vector<double> range = c.Numbers("value_range", {0, 255});
  if (range.size() != 2 || range[0] == range[1] || c.rank(x) < 3 || c.rank(x) > 4)
    return c.Fail("images and a value_range of two numbers", c.shape(x).text(), "");
  const auto from = static_cast<float>(range[0]), to = static_cast<float>(range[1]);
  const Value axes = c.rank(x) == 4 ? c.Vector({1, 2}) : c.Vector({0, 1});
  OCTET_ASSIGN(const Value low, c.Make("reduce_min", {x, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value high, c.Make("reduce_max", {x, axes}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value width, c.Make("sub", {high, low}));
  OCTET_ASSIGN(const Value scale, c.Make("div", {c.Scalar(to - from), width}));
  OCTET_ASSIGN(Value y, c.Make("sub", {x, low}));
  OCTET_ASSIGN(y, c.Make("mul", {y, scale}));
  if (from != 0) {
    OCTET_ASSIGN(y, c.Make("add", {y, c.Scalar(from)}));
  }
  OCTET_ASSIGN(y, c.Make("maximum", {y, c.Scalar(from)}));
  OCTET_ASSIGN(y, c.Make("minimum", {y, c.Scalar(to)}));
  OCTET_ASSIGN(const Value varies, c.Make("not_equal", {high, low}));
  OCTET_ASSIGN(y, c.Make("select_v2", {varies, y, x}));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"AutoContrast", ConvertAutoContrast}};

}  // namespace

const std::span<const LayerRule> kContrastRules = kRules;

}  // namespace octet::importers::keras
