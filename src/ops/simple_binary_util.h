// SPDX-License-Identifier: Apache-2.0
// Binary operators without rescaling: y = f(a, b) on equal element types (and equal scales).
#pragma once
#include "ops/binary_util.h"

namespace octet::ops {

struct SimpleParams {
  Broadcast shape;
};

// 16-bit floats reach F as float.
template <class T, class F> Status RunSimple(const void* params, const Run& run) {
  RunBroadcast(static_cast<const SimpleParams*>(params)->shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0),
               [](T a, T b) { return static_cast<T>(F()(static_cast<Compute<T>>(a), static_cast<Compute<T>>(b))); });
  return {};
}

// Ts: the element types that the operator's rows name.
template <class F, class... Ts> Status PrepareSimple(Prepare& prepare) {
  auto* p = prepare.Params<SimpleParams>();
  p->shape = CollapseBroadcast(prepare.op.in(0)->shape, prepare.op.in(1)->shape, prepare.op.out(0)->shape);
  prepare.SetRun(ByType<Ts...>(prepare.op.in(0)->dtype, []<class T>() -> RunFn { return RunSimple<T, F>; }), p);
  return {};
}

}  // namespace octet::ops
