// SPDX-License-Identifier: Apache-2.0
#include "ops/split_util.h"

#include <cstring>

namespace octet::ops {
namespace {

Status Cut(const void* params, const Run& run) {
  const auto& p = *static_cast<const Bands*>(params);
  const std::byte* from = run.in[p.input];
  for (int64_t r = 0; r < p.outer; ++r) {
    for (int i = 0; i < p.count; ++i) {
      const int64_t n = p.bytes[i];
      if (n > 0 && run.out[i]) std::memcpy(run.out[i] + r * n, from, static_cast<size_t>(n));
      from += n;
    }
  }
  return {};
}

}  // namespace

Status SetBands(Prepare& p, int input, int axis, std::span<const int64_t> extent) {
  const TensorType& in = *p.op.in(input);
  const int64_t inner = in.shape.elements(axis + 1, in.shape.rank()) * BytesOf(in.dtype);
  auto* bytes = p.Array<int64_t>(extent.size());
  for (size_t i = 0; i < extent.size(); ++i) bytes[i] = extent[i] * inner;
  auto* params = p.Params<Bands>();
  *params = {input, static_cast<int>(extent.size()), in.shape.elements(0, axis), bytes};
  p.SetRun(Cut, params);
  return {};
}

}  // namespace octet::ops
