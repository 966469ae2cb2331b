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

// The arrays of a broadcast, and their elements' sizes in bytes.
struct BroadcastData {
  const void *a, *b;
  void* y;
  int64_t size, size_y;  // a and b have one type.
};

// One row of the innermost dimension; an operand's step is 1 element, or 0 where it is stretched.
struct BroadcastRow {
  const std::byte *a, *b;
  std::byte* y;
  int64_t step_a, step_b, n;
};

// Calls row for every row; long rows come in pieces.
void ForBroadcastRows(const Broadcast& s, ThreadPool& pool, const BroadcastData& data, void (*row)(const void* context, const BroadcastRow& row),
                      const void* context);

// y[i] = f(a[i], b[i]) for i < n. One loop per function and type: who is stretched comes as an array, too.
using BroadcastLoop = void (*)(const void* f, const void* a, const void* b, void* y, int64_t n);
void RunBroadcastLoop(const Broadcast& s, ThreadPool& pool, const BroadcastData& data, BroadcastLoop loop, const void* f);

template <class A, class Y, class F> void RunBroadcast(const Broadcast& s, ThreadPool& pool, const A* a, const A* b, Y* y, const F& function) {
  const auto loop = [](const void* f, const void* from_a, const void* from_b, void* to, int64_t n) {
    const F apply = *static_cast<const F*>(f);
    const A *left = static_cast<const A*>(from_a), *right = static_cast<const A*>(from_b);
    Y* out = static_cast<Y*>(to);
    for (int64_t i = 0; i < n; ++i) out[i] = apply(left[i], right[i]);
  };
  RunBroadcastLoop(s, pool, {a, b, y, sizeof(A), sizeof(Y)}, loop, &function);
}

// A merge layer of Keras: op(op(x0, x1), x2) ...
Status MergeInputs(ImportContext& c, std::string_view op);
Result<Value> MergedInputs(ImportContext& c, std::string_view op);

}  // namespace octet::ops
