// SPDX-License-Identifier: Apache-2.0
#include "ops/split_util.h"

#include <algorithm>
#include <cstring>

namespace octet::ops {
namespace {

constexpr int64_t kShort = 128;  // Bytes. Up to there one output after the other is faster than one row after the other.

Status CutShort(const void* params, const Run& run) {
  const auto& p = *static_cast<const Bands*>(params);
  int64_t pitch = 0, begin = 0;
  for (int i = 0; i < p.count; ++i) pitch += p.bytes[i];
  for (int i = 0; i < p.count; begin += p.bytes[i++])
    if (p.bytes[i] > 0 && run.out[i]) CopyRows(run.in[p.input] + begin, pitch, run.out[i], p.bytes[i], p.outer, p.bytes[i]);
  return {};
}

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
  const bool is_short = std::ranges::all_of(std::span(bytes, extent.size()), [](int64_t n) { return n <= kShort; });
  p.SetRun(is_short ? CutShort : Cut, params);
  return {};
}

}  // namespace octet::ops
