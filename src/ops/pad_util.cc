// SPDX-License-Identifier: Apache-2.0
#include "ops/pad_util.h"

namespace octet::ops {

Status CheckPaddings(const OpView& op) {
  const int rank = op.in(0)->shape.rank();
  const Shape& s = op.in(1)->shape;
  if (s.rank() != 2 || (s[0] != kUnknown && s[0] != rank) || (s[1] != kUnknown && s[1] != 2))
    return op.Fail(Code::kInvalidModel, "paddings: expected [%d,2], found %s", rank, s.text().c_str());
  IntList paddings;
  if (!ReadInts(op, 1, &paddings)) return {};
  for (int64_t p : paddings.span())
    if (p < 0 || p > INT32_MAX)
      return op.Fail(Code::kInvalidModel, "padding %lld is not in [0, 2^31)", static_cast<long long>(p));
  return {};
}

Status InferPadded(const OpView& op, std::span<OutputType> out) {
  const Shape& in = op.in(0)->shape;
  IntList paddings;
  out[0].dynamic = !ReadInts(op, 1, &paddings);
  for (int i = 0; i < in.rank() && !out[0].dynamic; ++i) {
    const int64_t d = paddings.v[2 * i] + in[i] + paddings.v[2 * i + 1];
    if (in[i] != kUnknown && !FitsDimension(d))
      return op.Fail(Code::kInvalidModel, "padded dimension %d is too large", i);
    out[0].shape.push_back(in[i] == kUnknown ? kUnknown : static_cast<int32_t>(d));
  }
  return {};
}

int VersionOfPad(const OpView& op) { return std::max(RowVersion(op), op.in(0)->shape.rank() > 4 ? 4 : 1); }

StridedCopy PadInterior(const OpView& op, const IntList& paddings) {
  const Shape& in = op.in(0)->shape;
  const int64_t bytes = BytesOf(op.in(0)->dtype);
  const auto from = Strides(in), to = Strides(op.out(0)->shape);
  StridedCopy copy;
  for (int i = 0; i < in.rank(); ++i) {
    copy.Add(in[i], from[i] * bytes, to[i] * bytes);
    copy.dst_offset += paddings.v[2 * i] * to[i] * bytes;
  }
  copy.Finish(bytes);
  return copy;
}

}  // namespace octet::ops
