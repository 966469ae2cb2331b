// SPDX-License-Identifier: Apache-2.0
// ResizeNearestNeighbor: out[y, x] = in[floor(y·in_h/out_h), floor(x·in_w/out_w)]; half_pixel_centers
// measures from pixel centers, align_corners rounds instead.
#include <cmath>
#include <cstring>

#include "base/thread_pool.h"
#include "ops/move_util.h"
#include "ops/resize_util.h"

namespace octet::ops::resize_nearest_neighbor {
namespace {

constexpr AttrRow kRows[] = {Attr<&ResizeAttrs::align_corners>("align_corners", 0),
                             Attr<&ResizeAttrs::half_pixel_centers>("half_pixel_centers", 1)};

constexpr Operand kInputs[] = {{.name = "input"}, {.name = "size", .type = 'S', .role = Role::kShape}};
constexpr Operand kOutputs[] = {{.name = "output"}};
constexpr TypeRow kTypes[] = {{"T=f32|u8 S=i32"}, {"T=i8 S=i32", 2}, {"T=i16 S=i32", 4}};
constexpr QuantRow kQuant[] = {{.operand = ~0, .kind = QuantKind::kSameAs, .other = 0},
                               {.operand = 1, .kind = QuantKind::kNone}};

int Version(const OpView& op) {
  const ResizeAttrs& a = op.attrs<ResizeAttrs>();
  return std::max(RowVersion(op), a.half_pixel_centers || a.align_corners ? 3 : 1);
}

struct Params {
  int32_t batches, in_h, in_w, out_h, out_w;
  int64_t pixel;  // Bytes.
  const int32_t* rows;
  const int32_t* columns;
};

Status Resize(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  run.pool->For(int64_t{p.batches} * p.out_h, [&](int64_t row, int) {
    const std::byte* from = run.in[0] + (row / p.out_h * p.in_h + p.rows[row % p.out_h]) * p.in_w * p.pixel;
    std::byte* to = run.out[0] + row * p.out_w * p.pixel;
    for (int32_t x = 0; x < p.out_w; ++x)
      std::memcpy(to + x * p.pixel, from + p.columns[x] * p.pixel, static_cast<size_t>(p.pixel));
  });
  return {};
}

int32_t Nearest(const ResizeAttrs& a, int32_t i, int32_t in, int32_t out) {
  const float scale = a.align_corners && out > 1 ? static_cast<float>(in - 1) / static_cast<float>(out - 1)
                                                 : static_cast<float>(in) / static_cast<float>(out);
  const float x = (static_cast<float>(i) + (a.half_pixel_centers ? 0.5f : 0.0f)) * scale;
  const auto index = static_cast<int32_t>(a.align_corners ? std::round(x) : std::floor(x));
  return std::clamp(index, 0, in - 1);
}

Status PrepareResize(Prepare& p) {
  const ResizeAttrs& a = p.op.attrs<ResizeAttrs>();
  const Shape& in = p.op.in(0)->shape;
  const Shape& out = p.op.out(0)->shape;
  auto* rows = p.Array<int32_t>(static_cast<size_t>(out[1]));
  auto* columns = p.Array<int32_t>(static_cast<size_t>(out[2]));
  for (int32_t i = 0; i < out[1]; ++i) rows[i] = Nearest(a, i, in[1], out[1]);
  for (int32_t i = 0; i < out[2]; ++i) columns[i] = Nearest(a, i, in[2], out[2]);
  auto* params = p.Params<Params>();
  *params = {in[0], in[1], in[2], out[1], out[2], in[3] * BytesOf(p.op.in(0)->dtype), rows, columns};
  p.SetRun(Resize, params);
  return {};
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareResize}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "resize_nearest_neighbor",
    .code = BuiltinCode::kResizeNearestNeighbor,
    .attrs = Layout<ResizeAttrs>(OptionsTable::kResizeNearestNeighbor, kRows),
    .inputs = kInputs,
    .outputs = kOutputs,
    .types = kTypes,
    .quantization = kQuant,
    .traits = kMovesBytes | kHomogeneous | kKeepsChannels,
    .check = CheckResize,
    .infer = InferResize,
    .version = Version,
};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::resize_nearest_neighbor
