// SPDX-License-Identifier: Apache-2.0
#include "ops/window_util.h"

#include <algorithm>
#include <cstring>

#include "base/thread_pool.h"
#include "ops/move_util.h"
#include "ops/operand_util.h"

namespace octet::ops {
namespace {

constexpr int64_t kFar = int64_t{1} << 31;

struct Params {
  Windows windows;
  int rank;
  std::array<int64_t, kMaxRank> in, out, in_stride;
  int64_t element_bytes;
  // The last axis of one window, joined to `value`; `in` is where the axis begins, outside of the tensor it is all initial values.
  void (*reduce_last)(const Params& p, const std::byte* in, const std::byte* init, int64_t at, bool inside, std::byte* value);
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

// Where element k of a window is along an axis; false: on padding, or between dilated elements.
bool ElementOf(const Params& p, int axis, int64_t at, int64_t k, int64_t* element) {
  const Windows& w = p.windows;
  const int64_t place = at + k * w.dilation[axis] - w.low[axis];
  *element = place / w.base[axis];
  return place >= 0 && place % w.base[axis] == 0 && *element < p.in[axis];
}

template <class T, class F> void ReduceLast(const Params& p, const std::byte* in, const std::byte* init, int64_t at, bool inside, std::byte* value) {
  const int axis = p.rank - 1;
  T result = *reinterpret_cast<const T*>(value);
  for (int64_t k = 0, element = 0; k < p.windows.size[axis]; ++k) {
    const bool there = ElementOf(p, axis, at, k, &element) && inside;
    result = F()(result, there ? reinterpret_cast<const T*>(in)[element] : *reinterpret_cast<const T*>(init));
  }
  *reinterpret_cast<T*>(value) = result;
}

// One window, axis by axis; `at` is the offset of its first element in the padded and dilated tensor.
void Reduce(const Params& p, const std::byte* in, const std::byte* init, const int64_t* at, int axis, int64_t offset, bool inside, std::byte* value) {
  if (axis + 1 == p.rank) return p.reduce_last(p, in + (inside ? offset * p.element_bytes : 0), init, at[axis], inside, value);
  for (int64_t k = 0, element = 0; k < p.windows.size[axis]; ++k) {
    const bool there = ElementOf(p, axis, at[axis], k, &element) && inside;
    Reduce(p, in, init, at, axis + 1, offset + element * p.in_stride[axis], there, value);
  }
}

Status RunWindows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const size_t bytes = static_cast<size_t>(p.element_bytes);
  int64_t inner = 1;
  for (int i = 1; i < p.rank; ++i) inner *= p.out[i];
  run.pool->For(p.out[0], [&](int64_t row, int) {
    int64_t at[kMaxRank];
    for (int64_t i = 0; i < inner; ++i) {
      int64_t rest = i;
      for (int a = p.rank - 1; a > 0; rest /= p.out[a], --a) at[a] = rest % p.out[a] * p.windows.stride[a];
      at[0] = row * p.windows.stride[0];
      std::byte* value = run.out[0] + (row * inner + i) * p.element_bytes;
      std::memcpy(value, run.in[1], bytes);
      Reduce(p, run.in[0], run.in[1], at, 0, 0, true, value);
    }
  });
  return {};
}

template <class F> void SetFor(DType type, Params* p) {
  // Integers are computed without sign where only the bits count: overflow wraps.
  constexpr bool kWraps = std::is_same_v<F, Add> || std::is_same_v<F, Mul>;
  switch (type) {
    case DType::kF32: p->reduce_last = ReduceLast<float, F>; break;
    case DType::kF64: p->reduce_last = ReduceLast<double, F>; break;
    case DType::kI16: p->reduce_last = ReduceLast<std::conditional_t<kWraps, uint16_t, int16_t>, F>; break;
    case DType::kI32: p->reduce_last = ReduceLast<std::conditional_t<kWraps, uint32_t, int32_t>, F>; break;
    case DType::kI64: p->reduce_last = ReduceLast<std::conditional_t<kWraps, uint64_t, int64_t>, F>; break;
    case DType::kU8: p->reduce_last = ReduceLast<uint8_t, F>; break;
    default: p->reduce_last = ReduceLast<std::conditional_t<kWraps, uint8_t, int8_t>, F>; break;
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
  const DType type = p.op.in(0)->dtype;
  params->windows = windows;
  params->element_bytes = BytesOf(type);
  params->rank = in.rank();
  for (int i = 0; i < in.rank(); ++i) {
    params->in[i] = in[i];
    params->out[i] = out[i];
    params->in_stride[i] = in.elements(i + 1, in.rank());
  }
  switch (windows.function) {
    case WindowFunction::kAdd: SetFor<Add>(type, params); break;
    case WindowFunction::kMul: SetFor<Mul>(type, params); break;
    case WindowFunction::kMinimum: SetFor<Min>(type, params); break;
    case WindowFunction::kMaximum: SetFor<Max>(type, params); break;
    case WindowFunction::kAll: SetFor<All>(type, params); break;
    case WindowFunction::kAny: SetFor<Any>(type, params); break;
    default: return p.op.Fail(Code::kUnsupported, "octet does not know how to reduce its windows");
  }
  p.SetRun(RunWindows, params);
  return {};
}

}  // namespace octet::ops
