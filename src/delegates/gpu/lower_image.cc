// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/kernels.h"
#include "delegates/gpu/lower.h"
#include "ops/resize_util.h"

namespace octet::gpu {
namespace {

Status LowerResizeBilinear(const Node& node, Builder& b) {
  OCTET_ASSIGN(const ValueId in, b.In(node, 0));
  OCTET_ASSIGN(const ValueId out, b.Out(node));
  const bool floats = IsFloatKind(b.value(in).kind);
  if (!floats && node.in_type(0).dtype != DType::kI8) return Error(Code::kUnsupported, "%s", std::string(NumpyName(node.in_type(0).dtype)).c_str());
  const ops::ResizeAttrs attributes{node.Int("align_corners") != 0, node.Int("half_pixel_centers") != 0};
  const Shape &x = node.in_type(0).shape, &y = node.out_type().shape;
  std::vector<int32_t> places;
  for (const int axis : {1, 2})
    for (int32_t i = 0; i < y[axis]; ++i) {
      if (floats) {
        const auto p = ops::PlaceBetween(attributes, i, x[axis], y[axis], 0.0f);
        places.insert(places.end(), {p.low, p.high, FloatBits(p.at)});
      } else {
        const auto p = ops::PlaceBetween(attributes, i, x[axis], y[axis], int32_t{0});
        places.insert(places.end(), {p.low, p.high, p.at});
      }
    }
  const ValueId table = b.Integers(std::move(places));
  const ValueId from = PadChannels(b, node.index(), in, x.elements(0, 3), x[3], 0), to = PaddedOutput(b, out, y.elements(0, 3), x[3]);
  Launch& l = b.Emit(node.index(), kResizeBody, to);
  l.arguments = {{"x", from}, {"t", table}};
  const int32_t c4 = Quads(x[3]), quads = static_cast<int32_t>(y.elements(0, 3)) * c4;
  l.params = {quads, c4, y[2], y[1], x[1], x[2]};
  l.items = Builder::Flat(quads);
  if (!floats) l.defines = "#define INTEGER\n";
  Unpad(b, node.index(), to, out, y.elements(0, 3), x[3]);
  return {};
}

}  // namespace

LowerFn FindImage(std::string_view op) { return op == "resize_bilinear" ? LowerResizeBilinear : nullptr; }

}  // namespace octet::gpu
