// SPDX-License-Identifier: Apache-2.0
// Operators that put elements at computed places: patches back into images, what a pool took its maxima from, the newest
// entries of a cache.
#include <algorithm>
#include <array>

#include "importers/onnx/context.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kMaxCells = 1 << 22;

// [N, C*cells of a patch, patches] -> [N, C, image]: patches add up where they overlap. Each pixel gathers what falls on it; of
// pixels with fewer cells than the others the rest are zeros, which lie behind the patches.
Status ConvertCol2Im(NodeContext& c) {
  const Shape in = c.shape(c.Input(0));
  OCTET_ASSIGN(const std::vector<int64_t> image, c.IntsAt(1, "image_shape", {}));
  OCTET_ASSIGN(const std::vector<int64_t> block, c.IntsAt(2, "block_shape", {}));
  const size_t rank = image.size();
  const std::vector<int64_t> ones(rank, 1), strides = c.Ints("strides", ones), dilations = c.Ints("dilations", ones),
                                            pads = c.Ints("pads", std::vector<int64_t>(2 * rank, 0));
  if (in.rank() != 3 || rank < 1 || rank > 5 || block.size() != rank || strides.size() != rank || dilations.size() != rank || pads.size() != 2 * rank ||
      !c.IsSmall(Shape(in.dims().subspan(1)), int64_t{1} << 31))
    return c.Fail("patches of known size, and an image's and a block's", in.text(), "give the input's shape");
  int64_t cells = 1, patches = 1, pixels = 1;
  std::vector<int64_t> across;  // Patches along each axis.
  for (size_t i = 0; i < rank; ++i) {
    if (image[i] < 1 || image[i] > kMaxCells || block[i] < 1 || block[i] > kMaxCells || strides[i] < 1 || strides[i] > kMaxCells || dilations[i] < 1 ||
        dilations[i] > kMaxCells || pads[i] < 0 || pads[i] > kMaxCells || pads[i + rank] < 0 || pads[i + rank] > kMaxCells)
      return c.Fail("positive sizes", "others", "check the model");
    across.push_back((image[i] + pads[i] + pads[i + rank] - dilations[i] * (block[i] - 1) - 1) / strides[i] + 1);
    cells *= block[i], patches *= std::max<int64_t>(across[i], 0), pixels *= image[i];
    if (cells > kMaxCells || patches > kMaxCells || pixels > kMaxCells) return c.Fail("fewer than 2^22 elements", "more", "");
  }
  if (patches != in[2] || in[1] % cells != 0 || cells * patches > kMaxCells)
    return c.Fail(Format("%lld patches of %lld cells", static_cast<long long>(patches), static_cast<long long>(cells)), in.text(), "check the model");
  std::vector<std::vector<int32_t>> sources(static_cast<size_t>(pixels));
  size_t most = 1;
  for (int64_t k = 0; k < cells; ++k)
    for (int64_t p = 0; p < patches; ++p) {
      int64_t place = 0, cell = k, patch = p, stride = 1;
      bool inside = true;
      for (size_t i = rank; i-- > 0;) {
        const int64_t at = patch % across[i] * strides[i] + cell % block[i] * dilations[i] - pads[i];
        inside &= at >= 0 && at < image[i];
        place += at * stride;
        stride *= image[i], cell /= block[i], patch /= across[i];
      }
      if (!inside) continue;
      std::vector<int32_t>& of = sources[static_cast<size_t>(place)];
      of.push_back(static_cast<int32_t>(k * patches + p));
      most = std::max(most, of.size());
    }
  const auto channels = static_cast<int32_t>(in[1] / cells), n = static_cast<int32_t>(cells * patches), each = static_cast<int32_t>(most);
  if (pixels * each > kMaxCells) return c.Fail("fewer than 2^22 cells on the pixels", "more", "");
  std::vector<int32_t> from;
  bool uneven = false;
  for (std::vector<int32_t>& of : sources) {
    uneven |= of.size() < most;
    of.resize(most, n);
    from.insert(from.end(), of.begin(), of.end());
  }
  OCTET_ASSIGN(Value v, c.Reshape(c.Input(0), Shape{in[0], channels, n}));
  if (uneven) {
    OCTET_ASSIGN(v, c.Make("pad", {v, c.Constant<int32_t>(Shape{3, 2}, std::array<int32_t, 6>{0, 0, 0, 0, 0, 1})}));
  }
  OCTET_ASSIGN(v, c.Make("gather", {v, c.Vector(from)}, {{"axis", 2}}));
  if (each > 1) {
    OCTET_ASSIGN(v, c.Reshape(v, Shape{in[0], channels, static_cast<int32_t>(pixels), each}));
    OCTET_ASSIGN(v, c.Make("sum", {v, c.Vector({3})}));
  }
  Shape out{in[0], channels};
  for (const int64_t size : image) out.push_back(static_cast<int32_t>(size));
  OCTET_ASSIGN(v, c.Reshape(v, out));
  c.SetOutput(0, v);
  return {};
}

// Values at the flat positions that the pool gave; output_shape may be larger than what the window says.
Status ConvertMaxUnpool(NodeContext& c) {
  const Shape in = c.shape(c.Input(0));
  const int spatial = in.rank() - 2;
  if (spatial < 1 || !c.IsSmall(in, INT32_MAX)) return c.Fail("an image of known size", in.text(), "give the input's size with --input");
  const auto count = static_cast<size_t>(spatial);
  const std::vector<int64_t> size = c.Ints("kernel_shape", {}), strides = c.Ints("strides", std::vector<int64_t>(count, 1)),
                             pads = c.Ints("pads", std::vector<int64_t>(2 * count, 0));
  if (size.size() != count || strides.size() != count || pads.size() != 2 * count) return c.Fail("a window per axis", in.text(), "check the model");
  Shape out{in[0], in[1]};
  int64_t elements = int64_t{in[0]} * in[1];
  for (size_t i = 0; i < count; ++i) {
    if (strides[i] < 1 || strides[i] > kMaxCells || size[i] < 1 || size[i] > kMaxCells || pads[i] < 0 || pads[i] > kMaxCells || pads[i + count] < 0 ||
        pads[i + count] > kMaxCells)
      return c.Fail("a window of positive sizes", "others", "check the model");
    const int64_t n = (in[static_cast<int>(i) + 2] - 1) * strides[i] - pads[i] - pads[i + count] + size[i];
    if (n < 1 || n > INT32_MAX || (elements *= n) > INT32_MAX) return c.Fail("a result of fewer than 2^31 elements", std::to_string(n), "check the model");
    out.push_back(static_cast<int32_t>(n));
  }
  const auto n = static_cast<int32_t>(in.elements());
  OCTET_ASSIGN(Value at, c.Cast(c.Input(1), DType::kI32));
  OCTET_ASSIGN(at, c.Reshape(at, Shape{n, 1}));
  OCTET_ASSIGN(const Value values, c.Reshape(c.Input(0), Shape{n}));
  OCTET_ASSIGN(Value y, c.Make("scatter_nd", {at, values, c.Vector({static_cast<int32_t>(elements)})}));
  OCTET_ASSIGN(y, c.Reshape(y, out));
  OCTET_ASSIGN(const std::vector<int64_t> wanted, c.IntsAt(2, "output_shape", std::vector<int64_t>(out.dims().begin(), out.dims().end())));
  std::vector<int32_t> more(static_cast<size_t>(2 * out.rank()), 0);
  if (wanted.size() != static_cast<size_t>(out.rank()))
    return c.Fail("an output size of the input's rank", Format("%zu sizes", wanted.size()), "check the model");
  for (int i = 0; i < out.rank(); ++i) {
    const int64_t extra = wanted[static_cast<size_t>(i)] - out[i];
    if (extra < 0 || extra > (1 << 28))
      return c.Fail("an output no smaller than " + out.text(), std::to_string(wanted[static_cast<size_t>(i)]), "check the model");
    more[static_cast<size_t>(2 * i + 1)] = static_cast<int32_t>(extra);
  }
  OCTET_ASSIGN(y, c.Make("pad", {y, c.Constant<int32_t>(Shape{out.rank(), 2}, std::span<const int32_t>(more))}));
  c.SetOutput(0, y);
  return {};
}

// A cache with `update` written along `axis` from write_indices [batch] on; circular: on from its beginning. Cell s of a batch
// is update s - write where there is one.
Status ConvertTensorScatter(NodeContext& c) {
  const Value past = c.Input(0), update = c.Input(1);
  const Shape s = c.shape(past), u = c.shape(update);
  OCTET_ASSIGN(const int32_t axis, c.Axis(c.Int("axis", -2), s.rank()));
  if (axis == 0 || u.rank() != s.rank() || s[axis] < 1 || s[axis] > kMaxCells || u[axis] < 1)
    return c.Fail("a cache and an update of known length", s.text() + " and " + u.text(), "give the inputs' shapes");
  std::vector<int32_t> order = {0, axis};  // The axis behind the batch.
  for (int32_t i = 1; i < s.rank(); ++i)
    if (i != axis) order.push_back(i);
  std::vector<int32_t> back(order.size());
  for (size_t i = 0; i < order.size(); ++i) back[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
  std::vector<int32_t> cells;
  for (int32_t i = 0; i < s[axis]; ++i) cells.push_back(i);
  if (!c.Input(2) && (s[0] < 1 || s[0] > kMaxCells)) return c.Fail("a known batch", s.text(), "give the inputs' shapes");
  Value from = c.Input(2) ? c.Input(2) : c.Constant<int32_t>(Shape{s[0]}, std::vector<int32_t>(static_cast<size_t>(std::max(s[0], 0)), 0));
  OCTET_ASSIGN(from, c.Cast(from, DType::kI32));
  OCTET_ASSIGN(from, c.Reshape(from, Shape{s[0], 1}));
  OCTET_ASSIGN(Value which, c.Emit("sub", {c.Constant<int32_t>(Shape{1, s[axis]}, std::span<const int32_t>(cells)), from}));
  if (c.Text("mode", "linear") == "circular") {
    OCTET_ASSIGN(which, c.Emit("floor_mod", {which, c.ScalarInt(s[axis])}));
  }
  OCTET_ASSIGN(const Value low, c.Emit("greater_equal", {which, c.ScalarInt(0)}));
  OCTET_ASSIGN(const Value high, c.Emit("less", {which, c.ScalarInt(u[axis])}));
  OCTET_ASSIGN(Value written, c.Emit("logical_and", {low, high}));
  Shape wide{s[0], s[axis]};
  for (int i = 2; i < s.rank(); ++i) wide.push_back(1);
  OCTET_ASSIGN(written, c.Reshape(written, wide));
  OCTET_ASSIGN(which, c.Emit("maximum", {which, c.ScalarInt(0)}));
  OCTET_ASSIGN(which, c.Emit("minimum", {which, c.ScalarInt(u[axis] - 1)}));
  OCTET_ASSIGN(Value v, c.Transpose(update, order));
  OCTET_ASSIGN(v, c.Make("gather", {v, which}, {{"axis", 1}, {"batch_dims", 1}}));
  OCTET_ASSIGN(const Value old, c.Transpose(past, order));
  OCTET_ASSIGN(v, c.Emit("select_v2", {written, v, old}));
  OCTET_ASSIGN(v, c.Transpose(v, back));
  c.SetOutput(0, v);
  return {};
}

constexpr NodeRule kRules[] = {{"Col2Im", 0, ConvertCol2Im}, {"MaxUnpool", 0, ConvertMaxUnpool}, {"TensorScatter", 0, ConvertTensorScatter}};

}  // namespace

const std::span<const NodeRule> kPlacementRules = kRules;

}  // namespace octet::importers::onnx
