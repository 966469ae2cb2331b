// SPDX-License-Identifier: Apache-2.0
// Images seen through a projective transformation.
#include "importers/lowerings/warp.h"

#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// images, transformations, size of the result, value outside (version 3)
Status ConvertWarp(NodeContext& c) {
  std::vector<int64_t> size;
  if (!c.IntsOf(2, &size) || size.size() != 2 || size[0] < 1 || size[1] < 1 || size[0] > kMostWarped || size[1] > kMostWarped)
    return c.Fail("a known size", "a computed one", "give the input's shape");
  const Value images = c.Input(0), transforms = c.Input(1), fill = c.num_inputs() > 3 ? c.Input(3) : c.Scalar(0);
  if (!images || !transforms) return {};
  if (!fill) return c.Fail("a fill value", "none", "check the model");
  const WarpMode mode{c.Text("interpolation", "NEAREST"), c.Text("fill_mode", "CONSTANT")};
  OCTET_ASSIGN(const Value y, Warp(c, images, transforms, static_cast<int32_t>(size[0]), static_cast<int32_t>(size[1]), mode, fill));
  return Set(c, c.Cast(y, c.type(images).dtype));
}

constexpr NodeRule kRules[] = {{"ImageProjectiveTransformV2", ConvertWarp}, {"ImageProjectiveTransformV3", ConvertWarp}};

}  // namespace

const std::span<const NodeRule> kWarpRules = kRules;

}  // namespace octet::importers::savedmodel
