// SPDX-License-Identifier: Apache-2.0
// A real number for every complex one.
#pragma once
#include "ops/unary_util.h"

namespace octet::ops {

inline constexpr Operand kComplexInputs[] = {{.name = "input", .type = 'C'}};
inline constexpr TypeRow kComplexTypes[] = {{"C=c64 T=f32", 1}, {"C=c128 T=f64", 1}};

inline Status InferComplex(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype == DType::kC64 ? DType::kF32 : DType::kF64;
  return InferUnary(op, out);
}

template <class T, class F> Status RunComplex(const void* params, const Run& run) {
  const auto* x = run.input<std::complex<T>>(0);
  T* y = run.output<T>(0);
  ForChunks(run, static_cast<const UnaryParams*>(params)->count, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) y[i] = F()(x[i]);
  });
  return {};
}

template <class F> Status PrepareComplex(Prepare& p) {
  auto* params = p.Params<UnaryParams>();
  params->count = CountOf(p.op);
  p.SetRun(p.op.in(0)->dtype == DType::kC64 ? RunComplex<float, F> : RunComplex<double, F>, params);
  return {};
}

}  // namespace octet::ops
