// SPDX-License-Identifier: Apache-2.0
// Binary operators that divide: integers look for zeros among the divisors before anything is computed.
#pragma once
#include "ops/simple_binary_util.h"

namespace octet::ops {

struct DivisionParams {
  Broadcast shape;
  int64_t divisors;
};

// An error when an integer divisor equals `zero`, its zero point.
template <class T> Status CheckDivisors(const T* divisor, int64_t count, int32_t zero = 0) {
  if constexpr (std::is_integral_v<T>) {
    for (int64_t i = 0; i < count; ++i)
      if (divisor[i] == zero)
        return Error(Code::kInvalidArgument, "division by zero: divisor %lld of %lld", static_cast<long long>(i), static_cast<long long>(count));
  }
  return {};
}

template <class T, class F> Status RunDivision(const void* params, const Run& run) {
  const auto& p = *static_cast<const DivisionParams*>(params);
  OCTET_TRY(CheckDivisors(run.input<T>(1), p.divisors));
  RunBroadcast(p.shape, *run.pool, run.input<T>(0), run.input<T>(1), run.output<T>(0), F());
  return {};
}

template <class F, class... Ts> Status PrepareDivision(Prepare& prepare) {
  const OpView& op = prepare.op;
  auto* p = prepare.Params<DivisionParams>();
  *p = {CollapseBroadcast(op.in(0)->shape, op.in(1)->shape, op.out(0)->shape), op.in(1)->shape.elements()};
  prepare.SetRun(ByType<Ts...>(op.in(0)->dtype, []<class T>() -> RunFn { return RunDivision<T, F>; }), p);
  return {};
}

}  // namespace octet::ops
