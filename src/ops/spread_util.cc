// SPDX-License-Identifier: Apache-2.0
#include "ops/spread_util.h"

namespace octet::ops {
namespace {

constexpr int64_t kFar = int64_t{1} << 40;  // No dimension is there: sums of such numbers do not overflow.

struct Params {
  StridedCopy copy;
  int64_t elements, element_bytes;
  int padding;
};

Status RunSpread(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  FillElements(run.out[0], p.elements, run.in[p.padding], p.element_bytes);
  Copy(p.copy, run.in[0], run.out[0], *run.pool);
  return {};
}

}  // namespace

Status InferSpread(const OpView& op, const Spread& spread, Shape* out) {
  const Shape& in = op.in(0)->shape;
  *out = in;
  for (int i = 0; i < in.rank(); ++i) {
    const int64_t low = spread.low[i], high = spread.high[i], interior = spread.interior[i];
    if (interior < 0) return op.Fail(Code::kInvalidModel, "axis %d: %lld elements between neighbours", i, static_cast<long long>(interior));
    if (in[i] == kUnknown) continue;
    if (std::max({std::abs(low), std::abs(high), interior}) > kFar) return op.Fail(Code::kInvalidModel, "axis %d: too much padding", i);
    int64_t size = 0;
    if (__builtin_mul_overflow(std::max<int64_t>(in[i] - 1, 0), interior, &size)) size = kFar;
    size = std::min(size, kFar) + in[i] + low + high;
    if (!FitsDimension(size)) return op.Fail(Code::kInvalidModel, "axis %d: the result has %lld elements", i, static_cast<long long>(size));
    (*out)[i] = static_cast<int32_t>(size);
  }
  return {};
}

Status PrepareSpread(Prepare& p, const Spread& spread, int padding) {
  const Shape &in = p.op.in(0)->shape, &out = p.op.out(0)->shape;
  const int64_t bytes = BytesOf(p.op.in(0)->dtype);
  auto* params = p.Params<Params>();
  *params = {{}, out.elements(), bytes, padding};
  StridedCopy& copy = params->copy;
  for (int i = 0; i < in.rank(); ++i) {
    const int64_t step = spread.interior[i] + 1, low = spread.low[i];
    const int64_t src = in.elements(i + 1, in.rank()) * bytes, dst = out.elements(i + 1, out.rank()) * bytes;
    // Element k lands at low + k * step: the first and the one behind the last that lie inside.
    const int64_t first = low < 0 ? (-low + step - 1) / step : 0;
    const int64_t room = out[i] - low;  // k * step < room.
    const int64_t end = std::min<int64_t>(in[i], room <= 0 ? 0 : (room + step - 1) / step);
    copy.Add(std::max<int64_t>(end - first, 0), src, dst * step);
    if (end <= first) continue;
    copy.src_offset += first * src;
    copy.dst_offset += (low + first * step) * dst;
  }
  copy.Finish(bytes);
  p.SetRun(RunSpread, params);
  return {};
}

}  // namespace octet::ops
