// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/dims.h"

#include <algorithm>

#include "ops/keras_conv_util.h"

namespace octet::importers {

Result<Value> Reshape(Lowering& c, Value v, std::span<const Dim> dims) {
  Shape shape;
  for (const Dim& d : dims) shape.push_back(d.size);
  const auto remains = [](const Dim& d) { return d.size == kUnknown && !d.from; };
  const auto rest = std::ranges::count_if(dims, remains);
  if (rest > 1) return c.Fail("at most one dimension that only the others tell", shape.text(), "fix the input's shape");
  if (std::ranges::count(shape.dims(), kUnknown) <= 1) return c.Make("reshape", {v, c.Vector({shape.dims().begin(), shape.dims().end()})});
  size_t open = 0;  // Written as -1: one axis less to ask for.
  for (size_t i = 0; i < dims.size(); ++i)
    if (dims[i].size == kUnknown && (rest == 0 || remains(dims[i]))) open = i;
  std::vector<Value> sizes;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (i == open || dims[i].size != kUnknown) {
      const int32_t size = dims[i].size;
      sizes.push_back(c.Constant<int32_t>(Shape{}, std::span(&size, 1)));
    } else {
      OCTET_ASSIGN(const Value size, ops::DimensionOf(c, dims[i].from, dims[i].axis));
      sizes.push_back(size);
    }
  }
  OCTET_ASSIGN(const Value to, c.Make("pack", sizes, {{"values_count", static_cast<int64_t>(sizes.size())}, {"axis", 0}}));
  const Value inputs[] = {v, to};
  return c.EmitAs("reshape", inputs, nullptr, {c.type(v).dtype, shape, {}});
}

}  // namespace octet::importers
