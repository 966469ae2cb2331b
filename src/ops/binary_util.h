// SPDX-License-Identifier: Apache-2.0
// y = f(a, b) with numpy's broadcasting: shapes are collapsed once, loops carry no index arithmetic.
#pragma once
#include "base/thread_pool.h"
#include "ops/element_util.h"
#include "ops/import.h"
#include "ops/quant_util.h"
#include "ops/shape_util.h"

namespace octet::ops {

// Dimensions after merging neighbours that both operands walk alike; strides in elements, 0 where stretched.
struct Broadcast {
  int rank = 0;
  int64_t dim[kMaxRank] = {}, a[kMaxRank] = {}, b[kMaxRank] = {};
};
Broadcast CollapseBroadcast(const Shape& a, const Shape& b, const Shape& out);

inline constexpr Operand kBinaryInputs[] = {{.name = "lhs"}, {.name = "rhs"}};
inline constexpr Operand kOneOutput[] = {{.name = "output", .type = 'Y'}};  // Infer sets its type.

struct ActivationAttrs {
  Activation activation = Activation::kNone;
};
inline constexpr AttrRow kActivationRows[] = {Attr<&ActivationAttrs::activation>("fused_activation_function", 0)};

// The bounds of a fused activation on plain numbers of type T.
template <class T> struct Bounds {
  Compute<T> low, high;
};
template <class T> Bounds<T> BoundsOf(ClampF32 c) {
  using Limits = std::numeric_limits<T>;
  if constexpr (!std::is_integral_v<T>) return {c.low, c.high};
  else return {std::isfinite(c.low) ? static_cast<T>(static_cast<int64_t>(c.low)) : Limits::min(),
               std::isfinite(c.high) ? static_cast<T>(static_cast<int64_t>(c.high)) : Limits::max()};
}

inline double ScaleOrOne(const Quant& q) { return q.empty() ? 1.0 : static_cast<double>(q.scale0()); }

// Shapes broadcast; integer activations have one scale each; a known fused activation.
Status CheckBinary(const OpView& op);
Status CheckBinaryWithActivation(const OpView& op);
// The answer has the inputs' type, whatever the file says of it, as in LiteRT.
Status InferBinary(const OpView& op, std::span<OutputType> out);

// One row of the innermost dimension; the strides are 0 or 1 except where a transposed view would need more.
template <class A, class Y, class F> void BroadcastRow(const A* a, int64_t sa, const A* b, int64_t sb, Y* y, int64_t n, const F& f) {
  if (sa == 1 && sb == 1) {
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
  } else if (sa == 1) {
    const A right = *b;
    for (int64_t i = 0; i < n; ++i) y[i] = f(a[i], right);
  } else if (sb == 1) {
    const A left = *a;
    for (int64_t i = 0; i < n; ++i) y[i] = f(left, b[i]);
  } else {
    std::fill_n(y, n, f(*a, *b));
  }
}

// Calls row(a, step_a, b, step_b, y, n) for every row of the innermost dimension; long rows come in pieces.
template <class A, class Y, class Row> void ForBroadcastRows(const Broadcast& s, ThreadPool& pool, const A* a, const A* b, Y* y, const Row& row) {
  constexpr int64_t kChunk = 16384;  // Elements per task: work is cut from shapes, not from threads.
  const int last = s.rank - 1;
  const int64_t n = s.dim[last];
  int64_t rows = 1;
  for (int i = 0; i < last; ++i) rows *= s.dim[i];
  if (n == 0 || rows == 0) return;
  if (rows == 1) {
    pool.For((n + kChunk - 1) / kChunk, [&](int64_t t, int) {
      const int64_t at = t * kChunk;
      row(a + at * s.a[last], s.a[last], b + at * s.b[last], s.b[last], y + at, std::min(kChunk, n - at));
    });
    return;
  }
  const int64_t per_task = std::max<int64_t>(1, kChunk / n);
  pool.For((rows + per_task - 1) / per_task, [&](int64_t t, int) {
    const int64_t first = t * per_task, end = std::min(rows, first + per_task);
    int64_t index[kMaxRank] = {}, at_a = 0, at_b = 0;
    for (int64_t i = last - 1, rest = first; i >= 0; --i) {
      index[i] = rest % s.dim[i];
      rest /= s.dim[i];
      at_a += index[i] * s.a[i];
      at_b += index[i] * s.b[i];
    }
    for (int64_t r = first; r < end; ++r) {
      row(a + at_a, s.a[last], b + at_b, s.b[last], y + r * n, n);
      for (int i = last - 1; i >= 0; --i) {  // The next row's place, as an odometer counts.
        at_a += s.a[i];
        at_b += s.b[i];
        if (++index[i] < s.dim[i]) break;
        at_a -= s.a[i] * s.dim[i];
        at_b -= s.b[i] * s.dim[i];
        index[i] = 0;
      }
    }
  });
}

template <class A, class Y, class F> void RunBroadcast(const Broadcast& s, ThreadPool& pool, const A* a, const A* b, Y* y, const F& f) {
  ForBroadcastRows(s, pool, a, b, y, [&](const A* row_a, int64_t step_a, const A* row_b, int64_t step_b, Y* row_y, int64_t n) {
    BroadcastRow(row_a, step_a, row_b, step_b, row_y, n, f);
  });
}

// A merge layer of Keras: op(op(x0, x1), x2) ...
Status MergeInputs(ImportContext& c, std::string_view op);
Result<Value> MergedInputs(ImportContext& c, std::string_view op);

}  // namespace octet::ops
