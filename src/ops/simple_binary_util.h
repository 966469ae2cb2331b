// SPDX-License-Identifier: Apache-2.0
// Binary operators without rescaling: y = f(a, b) on equal element types (and equal scales).
#pragma once
#include "ops/binary_util.h"

namespace octet::ops {

struct SimpleParams {
  Broadcast shape;
};

template <class T, class F> Status RunSimple(const void* params, const Run& run) {
  RunBroadcast(static_cast<const SimpleParams*>(params)->shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), F());
  return {};
}

template <class F> Status PrepareSimple(Prepare& prepare) {
  auto* p = prepare.Params<SimpleParams>();
  p->shape = CollapseBroadcast(prepare.op.in(0)->shape, prepare.op.in(1)->shape, prepare.op.out(0)->shape);
  switch (prepare.op.in(0)->dtype) {
    case DType::kF32: prepare.SetRun(RunSimple<float, F>, p); break;
    case DType::kI64: prepare.SetRun(RunSimple<int64_t, F>, p); break;
    case DType::kI16: prepare.SetRun(RunSimple<int16_t, F>, p); break;
    case DType::kI8: prepare.SetRun(RunSimple<int8_t, F>, p); break;
    case DType::kU8: prepare.SetRun(RunSimple<uint8_t, F>, p); break;
    default: prepare.SetRun(RunSimple<int32_t, F>, p); break;
  }
  return {};
}

// Comparisons: floats and plain integers of equal scale; the answer is a bool.
template <class T, class F> Status RunComparison(const void* params, const Run& run) {
  RunBroadcast(static_cast<const SimpleParams*>(params)->shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<bool>(0), F());
  return {};
}

}  // namespace octet::ops
