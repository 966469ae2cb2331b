// SPDX-License-Identifier: Apache-2.0
#include "ops/binary_util.h"

#include <cstring>

namespace octet::ops {

Broadcast CollapseBroadcast(const Shape& a, const Shape& b, const Shape& out) {
  const auto stride_a = Strides(a), stride_b = Strides(b);
  const auto stride = [&](const Shape& s, const auto& strides, int i) -> int64_t {
    const int at = i - (out.rank() - s.rank());
    return at < 0 || s[at] == 1 ? 0 : strides[at];
  };
  Broadcast c;
  for (int i = 0; i < out.rank(); ++i) {
    if (out[i] == 1) continue;
    const int64_t sa = stride(a, stride_a, i), sb = stride(b, stride_b, i), n = out[i];
    const int p = c.rank - 1;
    if (p >= 0 && c.a[p] == sa * n && c.b[p] == sb * n) {
      c.dim[p] *= n;
      c.a[p] = sa;
      c.b[p] = sb;
    } else {
      c.dim[c.rank] = n;
      c.a[c.rank] = sa;
      c.b[c.rank++] = sb;
    }
  }
  if (c.rank == 0) c = {1, {1}, {1}, {1}};
  return c;
}

void ForBroadcastRows(const Broadcast& s, ThreadPool& pool, const BroadcastData& data, void (*row)(const void*, const BroadcastRow&), const void* context) {
  constexpr int64_t kChunk = 16384;  // Elements per task: work is cut from shapes, not from threads.
  const int last = s.rank - 1;
  const int64_t n = s.dim[last];
  int64_t rows = 1;
  for (int i = 0; i < last; ++i) rows *= s.dim[i];
  if (n == 0 || rows == 0) return;
  const auto run = [&](int64_t at_a, int64_t at_b, int64_t at_y, int64_t count) {
    row(context, {static_cast<const std::byte*>(data.a) + at_a * data.size, static_cast<const std::byte*>(data.b) + at_b * data.size,
                  static_cast<std::byte*>(data.y) + at_y * data.size_y, s.a[last], s.b[last], count});
  };
  if (rows == 1) {
    pool.For((n + kChunk - 1) / kChunk, [&](int64_t t, int) {
      const int64_t at = t * kChunk;
      run(at * s.a[last], at * s.b[last], at, std::min(kChunk, n - at));
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
      run(at_a, at_b, r * n, n);
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

namespace {
constexpr int64_t kPiece = 4096;  // Bytes of a stretched element's copies: both operands' stay in the first cache.

void Repeat(const std::byte* element, int64_t size, int64_t count, std::byte* to) {
  const size_t bytes = static_cast<size_t>(size * count);
  std::memcpy(to, element, static_cast<size_t>(size));
  for (size_t done = static_cast<size_t>(size); done < bytes; done *= 2) std::memcpy(to + done, to, std::min(done, bytes - done));
}
}  // namespace

void RunBroadcastLoop(const Broadcast& s, ThreadPool& pool, const BroadcastData& data, BroadcastLoop loop, const void* f) {
  struct Context {
    const BroadcastData& data;
    BroadcastLoop loop;
    const void* f;
  } const context{data, loop, f};
  const auto row = [](const void* c, const BroadcastRow& r) {
    const auto& [d, run, function] = *static_cast<const Context*>(c);
    if (r.step_a == 1 && r.step_b == 1) return run(function, r.a, r.b, r.y, r.n);
    alignas(64) std::byte copies_a[kPiece], copies_b[kPiece];
    const int64_t piece = std::min(r.n, kPiece / d.size);
    if (r.step_a == 0) Repeat(r.a, d.size, piece, copies_a);
    if (r.step_b == 0) Repeat(r.b, d.size, piece, copies_b);
    for (int64_t at = 0; at < r.n; at += piece)
      run(function, r.step_a == 0 ? copies_a : r.a + at * d.size, r.step_b == 0 ? copies_b : r.b + at * d.size, r.y + at * d.size_y, std::min(piece, r.n - at));
  };
  ForBroadcastRows(s, pool, data, row, &context);
}

Status CheckBinary(const OpView& op) {
  const TensorType &a = *op.in(0), &b = *op.in(1);
  Shape out;
  if (!BroadcastShape(a.shape, b.shape, &out))
    return op.Fail(Code::kInvalidModel, "shapes %s and %s do not broadcast", a.shape.text().c_str(), b.shape.text().c_str());
  return {};
}

Status CheckBinaryWithActivation(const OpView& op) {
  OCTET_TRY(CheckActivation(op, op.attrs<ActivationAttrs>().activation));
  OCTET_TRY(CheckBinary(op));
  const DType t = op.in(0)->dtype;
  if (t != DType::kI8 && t != DType::kU8 && t != DType::kI16) return {};
  // Without any quantization the numbers are plain integers: scale 1 (ScaleOrOne).
  const bool plain = op.in(0)->quant.empty() && op.in(1)->quant.empty() && (!op.out(0) || op.out(0)->quant.empty());
  if (plain && (t == DType::kI16 || op.attrs<ActivationAttrs>().activation == Activation::kNone)) return {};
  OCTET_TRY(CheckPerTensor(op, *op.in(0), "lhs"));
  OCTET_TRY(CheckPerTensor(op, *op.in(1), "rhs"));
  return op.out(0) ? CheckPerTensor(op, *op.out(0), "output") : Status();
}

Status InferBinary(const OpView& op, std::span<OutputType> out) {
  out[0].dtype = op.in(0)->dtype;
  BroadcastShape(op.in(0)->shape, op.in(1)->shape, &out[0].shape);
  return {};
}

Result<Value> MergedInputs(ImportContext& c, std::string_view op) {
  if (c.num_inputs() < 1) return c.Fail("at least one input", "none", "connect the layer");
  Value y = c.Input(0);
  for (int i = 1; i < c.num_inputs(); ++i) {
    OCTET_ASSIGN(y, c.Emit(op, {y, c.Input(i)}));
  }
  return y;
}

Status MergeInputs(ImportContext& c, std::string_view op) {
  OCTET_ASSIGN(Value y, MergedInputs(c, op));
  c.SetOutput(0, y);
  return {};
}

}  // namespace octet::ops
