// SPDX-License-Identifier: Apache-2.0
#include "ops/binary_vector_util.h"

#include <cstdlib>
#include <cstring>

#include "base/thread_pool.h"
#include "ops/int8_util.h"
#include "ops/unary_util.h"

namespace octet::ops {
namespace {

// Many rows [outer, rows, n] that meet one short one each, [outer, 1, n] (a factor per channel).
struct ShortRows {
  int64_t outer = 0, rows = 0, n = 0;
  bool a_is_short = false;
};

// Rows [rows, n] that meet one value each, [rows, 1] (a factor per pixel).
struct SingleValues {
  int64_t rows = 0, n = 0;
  bool a_is_single = false;
};

struct NumberParams {
  int64_t count = 0;
  kernels::Binary op{};
  float operand = 0;
  ClampF32 clamp;
};

Status RunWithNumberF32(const void* params, const Run& run) {
  const auto& p = *static_cast<const NumberParams*>(params);
  const auto apply = kernels::Vectors().binary_f32[static_cast<int>(p.op)];
  ForChunks(run, p.count, [&](int64_t begin, int64_t end) {
    apply(run.input<float>(0) + begin, 1, &p.operand, 0, end - begin, p.clamp.low, p.clamp.high, run.output<float>(0) + begin);
  });
  return {};
}

struct Params {
  Broadcast shape;
  kernels::Binary op{};
  ClampF32 clamp;
  PairS8 pair = nullptr;
  PairS16 pair_s16 = nullptr;
  kernels::ScaledPair q;
  ShortRows repeated;
  SingleValues spread;
  bool by_factors = false;  // The short row is factors of floored products (Elementwise::product_rows_s8).
};

Status RunF32(const void* params, const Run& run) {
  const auto row = [](const void* context, const BroadcastRow& r) {
    const auto& p = *static_cast<const Params*>(context);
    kernels::Vectors().binary_f32[static_cast<int>(p.op)](reinterpret_cast<const float*>(r.a), r.step_a, reinterpret_cast<const float*>(r.b), r.step_b, r.n,
                                                          p.clamp.low, p.clamp.high, reinterpret_cast<float*>(r.y));
  };
  ForBroadcastRows(static_cast<const Params*>(params)->shape, *run.pool, {run.in[0], run.in[1], run.out[0], sizeof(float), sizeof(float)}, row, params);
  return {};
}

Status RunS8(const void* params, const Run& run) {
  const auto row = [](const void* context, const BroadcastRow& r) {
    const auto& p = *static_cast<const Params*>(context);
    p.pair(reinterpret_cast<const int8_t*>(r.a), r.step_a, reinterpret_cast<const int8_t*>(r.b), r.step_b, r.n, p.q, reinterpret_cast<int8_t*>(r.y));
  };
  ForBroadcastRows(static_cast<const Params*>(params)->shape, *run.pool, {run.in[0], run.in[1], run.out[0], 1, 1}, row, params);
  return {};
}

Status RunS16(const void* params, const Run& run) {
  const auto row = [](const void* context, const BroadcastRow& r) {
    const auto& p = *static_cast<const Params*>(context);
    p.pair_s16(reinterpret_cast<const int16_t*>(r.a), r.step_a, reinterpret_cast<const int16_t*>(r.b), r.step_b, r.n, p.q, reinterpret_cast<int16_t*>(r.y));
  };
  ForBroadcastRows(static_cast<const Params*>(params)->shape, *run.pool, {run.in[0], run.in[1], run.out[0], sizeof(int16_t), sizeof(int16_t)}, row, params);
  return {};
}

constexpr int64_t kRepeated = 4096;     // Bytes of a short row's copies, and ...
constexpr int64_t kPieceBytes = 16384;  // ... of the rows of a task.
constexpr int64_t kFactors = 1024;      // Of copies that become floats: with what they meet, they stay in the first-level cache.
constexpr int32_t kMostShift = 1 << 23; // With a product, below 2^24.
static_assert(kRepeated / 2 <= kernels::SharedRow::kMost && kFactors <= kernels::SharedRow::kMost);

// Whether `shape` is such rows, and short enough for a call per row to cost more than the row.
bool FindShortRows(const Broadcast& s, int64_t value_bytes, ShortRows* found) {
  const int last = s.rank - 1;
  if (s.rank < 2 || s.rank > 3 || s.dim[last] * value_bytes > kRepeated / 2 || s.a[last] != 1 || s.b[last] != 1) return false;
  const int64_t n = s.dim[last];
  const auto full = [&](const int64_t* stride) { return stride[last - 1] == n && (s.rank == 2 || stride[0] == n * s.dim[1]); };
  const auto is_short = [&](const int64_t* stride) { return stride[last - 1] == 0 && (s.rank == 2 || stride[0] == n); };
  const bool a_is_short = is_short(s.a) && full(s.b);
  if (n == 0 || (!a_is_short && !(is_short(s.b) && full(s.a)))) return false;
  *found = {s.rank == 3 ? s.dim[0] : 1, s.dim[last - 1], n, a_is_short};
  return true;
}

bool FindSingleValues(const Broadcast& s, int64_t value_bytes, SingleValues* found) {
  if (s.rank != 2 || s.dim[1] * value_bytes > kRepeated / 2 || s.dim[1] == 0) return false;
  const int64_t n = s.dim[1];
  const auto full = [&](const int64_t* stride) { return stride[0] == n && stride[1] == 1; };
  const auto single = [](const int64_t* stride) { return stride[0] == 1 && stride[1] == 0; };
  const bool a_is_single = single(s.a) && full(s.b);
  *found = {s.dim[0], n, a_is_single};
  return a_is_single || (single(s.b) && full(s.a));
}

void Pair(const Params& p, const float* a, const float* b, int64_t n, float* y) {
  kernels::Vectors().binary_f32[static_cast<int>(p.op)](a, 1, b, 1, n, p.clamp.low, p.clamp.high, y);
}
void Pair(const Params& p, const int16_t* a, const int16_t* b, int64_t n, int16_t* y) { p.pair_s16(a, 1, b, 1, n, p.q, y); }
void Pair(const Params& p, const int8_t* a, const int8_t* b, int64_t n, int8_t* y) { p.pair(a, 1, b, 1, n, p.q, y); }

// A row's copies, one behind the other: each time as many as there are.
template <class T> void Repeat(const T* row, int64_t n, int64_t end, T* copies) {
  std::copy_n(row, n, copies);
  for (int64_t there = n; there < end; there *= 2) std::copy_n(copies, std::min(there, end - there), copies + there);
}

// Copies of the short row side by side: a call for many rows.
template <class T> Status RunShortRows(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const ShortRows& s = p.repeated;
  constexpr int64_t kCopies = kRepeated / sizeof(T), kPiece = kPieceBytes / sizeof(T);
  const int64_t all = s.rows * s.n, step = std::max<int64_t>(1, (p.by_factors ? kFactors : kCopies) / s.n) * s.n;
  const int64_t piece = kPiece / step * step, pieces = (all + piece - 1) / piece;
  const T *rows = run.input<T>(s.a_is_short ? 1 : 0), *shorts = run.input<T>(s.a_is_short ? 0 : 1);
  run.pool->For(s.outer * pieces, [&](int64_t task, int) {
    const int64_t o = task / pieces, first = task % pieces * piece, end = std::min(all, first + piece);
    T copies[kCopies];
    Repeat(shorts + o * s.n, s.n, std::min(step, end - first), copies);
    for (int64_t i = first; i < end;) {
      const int64_t n = std::min(step, end - i);
      const T* x = rows + o * all + i;
      T* y = run.output<T>(0) + o * all + i;
      if constexpr (sizeof(T) == 1) {
        if (p.by_factors) {
          const int64_t together = (end - i) / n;
          const kernels::SharedRow shared = s.a_is_short ? kernels::SharedRow{p.q.zero_b, p.q.zero_a} : kernels::SharedRow{p.q.zero_a, p.q.zero_b};
          kernels::Vectors().product_rows_s8(x, copies, n, together, shared, p.q, y);
          i += together * n;
          continue;
        }
      }
      Pair(p, s.a_is_short ? copies : x, s.a_is_short ? x : copies, n, y);
      i += n;
    }
  });
  return {};
}

// The values, each as often as its row is long: a call for many rows.
template <class T> Status RunSingleValues(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const SingleValues& s = p.spread;
  constexpr int64_t kCopies = kRepeated / sizeof(T), kPiece = kPieceBytes / sizeof(T);
  const int64_t step = kCopies / s.n, piece = std::max(step, kPiece / s.n);  // In rows.
  const T *rows = run.input<T>(s.a_is_single ? 1 : 0), *values = run.input<T>(s.a_is_single ? 0 : 1);
  run.pool->For((s.rows + piece - 1) / piece, [&](int64_t task, int) {
    T copies[kCopies];
    const int64_t end = std::min(s.rows, (task + 1) * piece);
    for (int64_t first = task * piece; first < end; first += step) {
      const int64_t together = std::min(step, end - first);
      for (int64_t r = 0; r < together; ++r) std::fill_n(copies + r * s.n, s.n, values[first + r]);
      const T* x = rows + first * s.n;
      Pair(p, s.a_is_single ? copies : x, s.a_is_single ? x : copies, together * s.n, run.output<T>(0) + first * s.n);
    }
  });
  return {};
}

// How operands of these shapes meet.
template <class T> void SetPairs(Prepare& prepare, Params* p, RunFn any) {
  prepare.SetRun(FindShortRows(p->shape, sizeof(T), &p->repeated)     ? RunShortRows<T>
                 : FindSingleValues(p->shape, sizeof(T), &p->spread) ? RunSingleValues<T>
                                                                    : any, p);
}

Params* Begin(Prepare& prepare) {
  auto* p = prepare.Params<Params>();
  p->shape = CollapseBroadcast(prepare.op.in(0)->shape, prepare.op.in(1)->shape, prepare.op.out(0)->shape);
  return p;
}

}  // namespace

Status PrepareBinaryF32(Prepare& prepare, kernels::Binary op, ClampF32 clamp) {
  Params* p = Begin(prepare);
  p->op = op;
  p->clamp = clamp;
  SetPairs<float>(prepare, p, RunF32);
  return {};
}

Status PrepareWithNumberF32(Prepare& prepare, kernels::Binary op, float operand, ClampF32 clamp) {
  auto* p = prepare.Params<NumberParams>();
  *p = {CountOf(prepare.op), op, operand, clamp};
  prepare.SetRun(RunWithNumberF32, p);
  return {};
}

Status PreparePairS8(Prepare& prepare, PairS8 run, const kernels::ScaledPair& q) {
  Params* p = Begin(prepare);
  p->pair = run;
  p->q = q;
  p->by_factors = q.floor.scale > 0 && std::abs(q.floor.shift) < kMostShift;
  SetPairs<int8_t>(prepare, p, RunS8);
  return {};
}

Status PrepareProductPairS8(Prepare& prepare, const Multiplier& rescale, Clamp32 clamp) {
  const int32_t zero_a = prepare.op.in(0)->quant.zero0(), zero_b = prepare.op.in(1)->quant.zero0(), zero = prepare.op.out(0)->quant.zero0();
  kernels::ScaledPair q{zero_a, zero_b, zero, 0, clamp.low, clamp.high, {}, {}, RescaleOf(rescale, 255 * 255)};
  const auto product = [&](int32_t a, int32_t b) { return int64_t{a - zero_a} * (b - zero_b); };
  const auto [low, high] = std::minmax({product(-128, -128), product(-128, 127), product(127, -128), product(127, 127)});
  kernels::FlooredPanel floor;
  if (FloorOf(rescale, zero, clamp, {low, high}, &floor)) q.floor = {floor.scale[0], floor.fine[0], floor.plus[0], floor.plus_negative[0], floor.bias[0]};
  return PreparePairS8(prepare, kernels::Vectors().product_s8, q);
}

Status PreparePairS16(Prepare& prepare, PairS16 run, const kernels::ScaledPair& q) {
  Params* p = Begin(prepare);
  p->pair_s16 = run;
  p->q = q;
  SetPairs<int16_t>(prepare, p, RunS16);
  return {};
}

}  // namespace octet::ops
