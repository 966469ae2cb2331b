// SPDX-License-Identifier: Apache-2.0
#include "ops/window_util.h"

#include <algorithm>

#include "base/thread_pool.h"
#include "ops/operand_util.h"

namespace octet::ops {
namespace {

constexpr int64_t kFar = int64_t{1} << 31;

struct Params {
  Windows windows;
  int rank;
  std::array<int64_t, kMaxRank> in, out, in_stride;
};

struct Add { template <class T> T operator()(T a, T b) const { return static_cast<T>(a + b); } };
struct Mul {
  template <class T> T operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) return a * b;
    else return static_cast<T>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));  // Narrow types would become int.
  }
};
struct Min { template <class T> T operator()(T a, T b) const { return a <= b ? a : b; } };
struct Max { template <class T> T operator()(T a, T b) const { return a >= b ? a : b; } };
struct All { template <class T> T operator()(T a, T b) const { return static_cast<T>(a && b); } };
struct Any { template <class T> T operator()(T a, T b) const { return static_cast<T>(a || b); } };

// One window, axis by axis; `at` is the offset of its first element in the padded and dilated tensor.
template <class T, class F>
T Reduce(const Params& p, const T* in, T init, const int64_t* at, int axis, int64_t offset, bool inside, T value) {
  const Windows& w = p.windows;
  for (int64_t k = 0; k < w.size[axis]; ++k) {
    const int64_t place = at[axis] + k * w.dilation[axis] - w.low[axis];
    const int64_t element = place / w.base[axis];
    const bool there = inside && place >= 0 && place % w.base[axis] == 0 && element < p.in[axis];
    const int64_t next = offset + element * p.in_stride[axis];
    if (axis + 1 < p.rank) value = Reduce<T, F>(p, in, init, at, axis + 1, next, there, value);
    else value = F()(value, there ? in[next] : init);
  }
  return value;
}

template <class T, class F> Status RunWindows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const T init = *run.input<T>(1);
  int64_t inner = 1;
  for (int i = 1; i < p.rank; ++i) inner *= p.out[i];
  run.pool->For(p.out[0], [&](int64_t row, int) {
    int64_t at[kMaxRank];
    for (int64_t i = 0; i < inner; ++i) {
      int64_t rest = i;
      for (int a = p.rank - 1; a > 0; rest /= p.out[a], --a) at[a] = rest % p.out[a] * p.windows.stride[a];
      at[0] = row * p.windows.stride[0];
      run.output<T>(0)[row * inner + i] = Reduce<T, F>(p, run.input<T>(0), init, at, 0, 0, true, init);
    }
  });
  return {};
}

template <class F> void SetFor(Prepare& p, const Params* params) {
  // Integers are computed without sign where only the bits count: overflow wraps.
  constexpr bool kWraps = std::is_same_v<F, Add> || std::is_same_v<F, Mul>;
  switch (p.op.in(0)->dtype) {
    case DType::kF32: p.SetRun(RunWindows<float, F>, params); break;
    case DType::kF64: p.SetRun(RunWindows<double, F>, params); break;
    case DType::kI16: p.SetRun(RunWindows<std::conditional_t<kWraps, uint16_t, int16_t>, F>, params); break;
    case DType::kI32: p.SetRun(RunWindows<std::conditional_t<kWraps, uint32_t, int32_t>, F>, params); break;
    case DType::kI64: p.SetRun(RunWindows<std::conditional_t<kWraps, uint64_t, int64_t>, F>, params); break;
    case DType::kU8: p.SetRun(RunWindows<uint8_t, F>, params); break;
    default: p.SetRun(RunWindows<std::conditional_t<kWraps, uint8_t, int8_t>, F>, params); break;
  }
}

}  // namespace

Status InferWindows(const OpView& op, const Windows& w, Shape* out) {
  const Shape& in = op.in(0)->shape;
  OCTET_TRY(CheckScalar(op, 1, "initial value"));
  if (in.rank() < 1) return op.Fail(Code::kInvalidModel, "a scalar has no windows");
  *out = in;
  for (int i = 0; i < in.rank(); ++i) {
    const auto bad = [](int64_t v) { return v < 1 || v > kFar; };
    if (bad(w.size[i]) || bad(w.stride[i]) || bad(w.dilation[i]) || bad(w.base[i]) || std::max(std::abs(w.low[i]), std::abs(w.high[i])) > kFar)
      return op.Fail(Code::kInvalidModel, "axis %d: window %lld, stride %lld and dilation %lld are at least 1", i, static_cast<long long>(w.size[i]),
                     static_cast<long long>(w.stride[i]), static_cast<long long>(w.dilation[i]));
    if (in[i] == kUnknown) continue;
    // All factors are below 2^31 (or 2^31 itself): the products fit.
    const int64_t padded = (in[i] > 0 ? (in[i] - 1) * w.base[i] + 1 : 0) + w.low[i] + w.high[i];
    const int64_t reach = (w.size[i] - 1) * w.dilation[i] + 1;
    const int64_t steps = padded < reach ? 0 : (padded - reach) / w.stride[i] + 1;
    if (!FitsDimension(steps)) return op.Fail(Code::kInvalidModel, "axis %d: %lld windows", i, static_cast<long long>(steps));
    (*out)[i] = static_cast<int32_t>(steps);
  }
  return {};
}

Status PrepareWindows(Prepare& p, const Windows& windows) {
  const Shape &in = p.op.in(0)->shape, &out = p.op.out(0)->shape;
  auto* params = p.Params<Params>();
  params->windows = windows;
  params->rank = in.rank();
  for (int i = 0; i < in.rank(); ++i) {
    params->in[i] = in[i];
    params->out[i] = out[i];
    params->in_stride[i] = in.elements(i + 1, in.rank());
  }
  switch (windows.function) {
    case WindowFunction::kAdd: SetFor<Add>(p, params); break;
    case WindowFunction::kMul: SetFor<Mul>(p, params); break;
    case WindowFunction::kMinimum: SetFor<Min>(p, params); break;
    case WindowFunction::kMaximum: SetFor<Max>(p, params); break;
    case WindowFunction::kAll: SetFor<All>(p, params); break;
    case WindowFunction::kAny: SetFor<Any>(p, params); break;
    default: return p.op.Fail(Code::kUnsupported, "octet does not know how to reduce its windows");
  }
  return {};
}

}  // namespace octet::ops
