// SPDX-License-Identifier: Apache-2.0
#include "ops/matmul_shape_util.h"

#include <algorithm>
#include <vector>

namespace octet::ops {
namespace {

// Of a tensor's axes, in elements, whose memory has its axis a as axis order[a]; empty: as it is.
std::vector<int64_t> StridesOf(const Shape& s, std::span<const int32_t> order) {
  const auto rank = static_cast<size_t>(s.rank());
  std::vector<size_t> axis_at(rank);
  for (size_t a = 0; a < rank; ++a) axis_at[order.empty() ? a : static_cast<size_t>(order[a])] = a;
  std::vector<int64_t> strides(rank);
  int64_t step = 1;
  for (size_t i = rank; i-- > 0; step *= s[static_cast<int>(axis_at[i])]) strides[axis_at[i]] = step;
  return strides;
}

// Where the matrix of each batch of `batch` lies in a tensor of these strides, whose own batch axes may be fewer, or broadcast.
const int64_t* PlacesOf(Prepare& p, const Shape& batch, const Shape& s, std::span<const int64_t> strides) {
  const int64_t batches = batch.elements();
  auto* at = p.Array<int64_t>(static_cast<size_t>(std::max<int64_t>(batches, 1)));
  const int skip = batch.rank() + 2 - s.rank();
  for (int64_t b = 0; b < batches; ++b) {
    int64_t rest = b;
    for (int i = batch.rank() - 1; i >= 0; rest /= batch[i], --i)
      if (i >= skip && s[i - skip] != 1) at[b] += rest % batch[i] * strides[static_cast<size_t>(i - skip)];
  }
  return at;
}

}  // namespace

Shape BatchOf(const Shape& s) { return Shape(s.dims().first(static_cast<size_t>(s.rank() - 2))); }

const int64_t* MatrixIndices(Prepare& p, const Shape& in, const Shape& out, int64_t batches) {
  return PlacesOf(p, batches > 0 ? BatchOf(out) : Shape{0}, in, StridesOf(BatchOf(in), {}));
}

MatmulShape MatmulShapeOf(Prepare& p, bool adj_x, bool adj_y) {
  const OpView& op = p.op;
  const Shape &x = op.in(0)->shape, &y = op.in(1)->shape, &out = op.out(0)->shape, batch = BatchOf(out);
  const std::vector<int64_t> x_strides = StridesOf(x, p.input_order[0]), y_strides = StridesOf(y, p.input_order[1]),
                             out_strides = StridesOf(out, p.output_order);
  const auto back = [](const std::vector<int64_t>& strides, size_t i) { return strides[strides.size() - i]; };
  MatmulShape shape{.batches = batch.elements(), .m = x.back(adj_x ? 1 : 2), .k = x.back(adj_x ? 2 : 1), .n = y.back(adj_y ? 2 : 1),
                    .y_matrices = BatchOf(y).elements()};
  shape.x_row = back(x_strides, adj_x ? 1 : 2), shape.x_depth = back(x_strides, adj_x ? 2 : 1);
  shape.y_depth = back(y_strides, adj_y ? 1 : 2), shape.y_column = back(y_strides, adj_y ? 2 : 1);
  shape.out_row = back(out_strides, 2);
  shape.x_at = PlacesOf(p, batch, x, x_strides);
  shape.y_of = MatrixIndices(p, y, out, shape.batches);
  shape.out_at = PlacesOf(p, batch, out, out_strides);
  shape.y_at = PlacesOf(p, BatchOf(y), y, y_strides);
  return shape;
}

}  // namespace octet::ops
