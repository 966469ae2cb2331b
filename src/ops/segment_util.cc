// SPDX-License-Identifier: Apache-2.0
#include "ops/segment_util.h"

namespace octet::ops {

Status CheckUnsortedSegment(const OpView& op) {
  const Shape &data = op.in(0)->shape, &ids = op.in(1)->shape;
  bool fits = ids.rank() >= 1 && ids.rank() <= data.rank();
  for (int i = 0; fits && i < ids.rank(); ++i) fits = ids[i] == kUnknown || data[i] == kUnknown || ids[i] == data[i];
  if (!fits) return op.Fail(Code::kInvalidModel, "the ids %s do not begin the data's shape %s", ids.text().c_str(), data.text().c_str());
  return CheckScalar(op, 2, "segments");
}

Status InferUnsortedSegment(const OpView& op, std::span<OutputType> out) {
  const Shape &data = op.in(0)->shape, &ids = op.in(1)->shape;
  int64_t segments = 0;
  out[0].dtype = op.in(0)->dtype;
  out[0].dynamic = !ReadInt(op, 2, &segments);
  if (out[0].dynamic) return {};
  if (!FitsDimension(segments)) return op.Fail(Code::kInvalidArgument, "%lld segments", static_cast<long long>(segments));
  out[0].shape = {static_cast<int32_t>(segments)};
  for (int i = ids.rank(); i < data.rank(); ++i) out[0].shape.push_back(data[i]);
  return {};
}

}  // namespace octet::ops
