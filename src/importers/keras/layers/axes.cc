// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/layers/axes.h"

#include <numeric>

#include "importers/keras/layers/arguments.h"
#include "ops/shape_util.h"

namespace octet::importers::keras {

Result<int> AxisOf(LayerContext& c, int64_t axis, int rank) {
  int at = 0;
  if (!ops::NormalizeAxis(axis, rank, &at)) return c.Fail("an axis inside the rank", std::to_string(axis), "");
  return at;
}

std::vector<int32_t> AxesOf(const LayerContext& c, int rank, int position) {
  std::vector<int64_t> axes;
  if (IntsOf(LiteralOf(c, position, {"axis", "axes"}), &axes)) return {axes.begin(), axes.end()};
  std::vector<int32_t> all(static_cast<size_t>(rank));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

int64_t Keeps(const LayerContext& c) { return c.Get("keepdims").boolean(); }

Result<Value> Exchanged(LayerContext& c, Value x, int axis) {
  const int last = c.rank(x) - 1;
  if (axis == last) return x;
  std::vector<int32_t> order(static_cast<size_t>(last) + 1);
  std::iota(order.begin(), order.end(), 0);
  std::swap(order[static_cast<size_t>(axis)], order[static_cast<size_t>(last)]);
  return c.Make("transpose", {x, c.Vector(order)});
}

}  // namespace octet::importers::keras
