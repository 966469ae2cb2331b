// SPDX-License-Identifier: Apache-2.0
// Reducing rows into the segments that a list of ids names.
#pragma once
#include <limits>

#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {

inline constexpr Operand kUnsortedSegmentInputs[] = {{.name = "data"}, {.name = "ids", .type = 'I'}, {.name = "segments", .type = 'N', .role = Role::kShape}};
inline constexpr Operand kSegmentOutputs[] = {{.name = "output"}};
inline constexpr TypeRow kUnsortedSegmentTypes[] = {{"T=f32|i32 I=i32 N=i32"}};

Status CheckUnsortedSegment(const OpView& op);
Status InferUnsortedSegment(const OpView& op, std::span<OutputType> out);

struct SegmentParams {
  int64_t ids, segments, row;
};

// F::Start<T>() is what a segment without rows holds. Ids below zero are left out.
template <class T, class F> Status RunSegments(const void* params, const Run& run) {
  const auto& p = *static_cast<const SegmentParams*>(params);
  T* out = run.output<T>(0);
  std::fill_n(out, p.segments * p.row, F::template Start<T>());
  for (int64_t i = 0; i < p.ids; ++i) {
    const int32_t id = run.input<int32_t>(1)[i];
    if (id >= p.segments) return Error(Code::kInvalidArgument, "segment id %d, there are %lld segments", id, static_cast<long long>(p.segments));
    if (id < 0) continue;
    const T* from = run.input<T>(0) + i * p.row;
    T* to = out + id * p.row;
    for (int64_t k = 0; k < p.row; ++k) to[k] = F()(to[k], from[k]);
  }
  return {};
}

template <class F> Status PrepareSegments(Prepare& p) {
  const Shape &data = p.op.in(0)->shape, &ids = p.op.in(1)->shape;
  auto* params = p.Params<SegmentParams>();
  *params = {ids.elements(), p.op.out(0)->shape[0], data.elements(ids.rank(), data.rank())};
  p.SetRun(p.op.in(0)->dtype == DType::kF32 ? RunSegments<float, F> : RunSegments<int32_t, F>, params);
  return {};
}

struct SegmentAdd {
  template <class T> static constexpr T Start() { return T{0}; }
  float operator()(float a, float b) const { return a + b; }
  int32_t operator()(int32_t a, int32_t b) const { return static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b)); }
};

}  // namespace octet::ops
