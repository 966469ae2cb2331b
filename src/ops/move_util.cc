// SPDX-License-Identifier: Apache-2.0
#include "ops/move_util.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/thread_pool.h"
#include "kernels/elementwise.h"

namespace octet::ops {
namespace {

struct alignas(16) Bytes16 {
  uint64_t low, high;
};

template <class T> T Load(const std::byte* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T> void CopyLine(const StridedCopy::Axis& a, const std::byte* from, std::byte* to) {
  for (int64_t i = 0; i < a.size; ++i) {
    const T v = Load<T>(from + i * a.src);
    std::memcpy(to + i * a.dst, &v, sizeof v);
  }
}

// An N x N transposition of 16-byte rows: log2(N) rounds that interleave row i with row i + N/2.
template <class T> using Lanes [[gnu::vector_size(16)]] = T;
template <class T, int... i> Lanes<T> ZipLow(Lanes<T> a, Lanes<T> b, std::integer_sequence<int, i...>) {
  return __builtin_shufflevector(a, b, (i / 2 + i % 2 * static_cast<int>(sizeof...(i)))...);
}
template <class T, int... i> Lanes<T> ZipHigh(Lanes<T> a, Lanes<T> b, std::integer_sequence<int, i...>) {
  constexpr int n = sizeof...(i);
  return __builtin_shufflevector(a, b, (n / 2 + i / 2 + i % 2 * n)...);
}
template <class T>
void TransposeSquare(const std::byte* from, int64_t from_pitch, std::byte* to, int64_t to_pitch) {
  constexpr int n = 16 / static_cast<int>(sizeof(T));
  constexpr auto lanes = std::make_integer_sequence<int, n>();
  Lanes<T> row[n], next[n];
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) std::memcpy(&row[i], from + i * from_pitch, 16);
#pragma GCC unroll 4
  for (int round = 1; round < n; round *= 2) {
#pragma GCC unroll 8
    for (int i = 0; i < n / 2; ++i) {
      next[2 * i] = ZipLow<T>(row[i], row[i + n / 2], lanes);
      next[2 * i + 1] = ZipHigh<T>(row[i], row[i + n / 2], lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < n; ++i) row[i] = next[i];
  }
#pragma GCC unroll 16
  for (int i = 0; i < n; ++i) std::memcpy(to + i * to_pitch, &row[i], 16);
}

// The two innermost axes at once, in squares that fit the first-level cache: a transposition reads along
// one axis and writes along the other, so that either order alone would miss on every element.
template <class T>
void CopyPlane(const StridedCopy::Axis& y, const StridedCopy::Axis& x, const std::byte* from, std::byte* to) {
  constexpr int64_t kSquare = 16, kSize = sizeof(T), kLanes = 16 / kSize;
  const bool transposes = kLanes > 1 && y.src == kSize && x.dst == kSize;
  for (int64_t y0 = 0; y0 < y.size; y0 += kSquare) {
    const int64_t y1 = std::min(y.size, y0 + kSquare);
    for (int64_t x0 = 0; x0 < x.size; x0 += kSquare) {
      const int64_t x1 = std::min(x.size, x0 + kSquare);
      const std::byte* source = from + y0 * y.src + x0 * x.src;
      std::byte* target = to + y0 * y.dst + x0 * x.dst;
      if (transposes && y1 - y0 == kSquare && x1 - x0 == kSquare) {
        if constexpr (kLanes > 1) {
          for (int64_t i = 0; i < kSquare; i += kLanes)
            for (int64_t j = 0; j < kSquare; j += kLanes)
              TransposeSquare<T>(source + i * y.src + j * x.src, x.src, target + i * y.dst + j * x.dst, y.dst);
        }
      } else {
        const StridedCopy::Axis part{x1 - x0, x.src, x.dst};
        for (int64_t i = 0; i < y1 - y0; ++i) CopyLine<T>(part, source + i * y.src, target + i * y.dst);
      }
    }
  }
}

// Whether the two innermost axes are transposed, and as many squares wide as makes a kernel for it worthwhile.
bool Transposes32(const StridedCopy::Axis& y, const StridedCopy::Axis& x) { return y.src == 4 && x.dst == 4 && y.size >= 8 && x.size >= 8; }

template <class T> void CopyInner(const StridedCopy& c, int depth, const std::byte* from, std::byte* to) {
  const StridedCopy::Axis& a = c.axis[depth];
  if (depth == c.rank - 1) return CopyLine<T>(a, from, to);
  if (depth == c.rank - 2) {
    const StridedCopy::Axis& x = c.axis[depth + 1];
    if (sizeof(T) == 4 && Transposes32(a, x)) return kernels::Vectors().transpose_32(from, x.src, x.size, a.size, to, a.dst);
    return CopyPlane<T>(a, x, from, to);
  }
  for (int64_t i = 0; i < a.size; ++i) CopyInner<T>(c, depth + 1, from + i * a.src, to + i * a.dst);
}

void CopyRuns(const StridedCopy& c, int depth, const std::byte* from, std::byte* to) {
  if (depth == c.rank) {
    std::memcpy(to, from, static_cast<size_t>(c.run));
    return;
  }
  const StridedCopy::Axis& a = c.axis[depth];
  if (depth + 1 == c.rank) return CopyRows(from, a.src, to, a.dst, a.size, c.run);
  for (int64_t i = 0; i < a.size; ++i) CopyRuns(c, depth + 1, from + i * a.src, to + i * a.dst);
}

void CopyFrom(const StridedCopy& c, int depth, const std::byte* from, std::byte* to) {
  if (c.rank > depth) {
    switch (c.run) {
      case 1:
        return CopyInner<uint8_t>(c, depth, from, to);
      case 2:
        return CopyInner<uint16_t>(c, depth, from, to);
      case 4:
        return CopyInner<uint32_t>(c, depth, from, to);
      case 8:
        return CopyInner<uint64_t>(c, depth, from, to);
      case 16:
        return CopyInner<Bytes16>(c, depth, from, to);
      default:
        break;
    }
  }
  CopyRuns(c, depth, from, to);
}

struct CopyParams {
  StridedCopy copy;
  int input;
};

Status RunCopy(const void* params, const Run& run) {
  const auto& p = *static_cast<const CopyParams*>(params);
  Copy(p.copy, run.in[p.input], run.out[0], *run.pool);
  return {};
}

struct IdentityParams {
  size_t bytes;
};

Status RunIdentity(const void* params, const Run& run) {
  const size_t bytes = static_cast<const IdentityParams*>(params)->bytes;
  if (run.in[0] != run.out[0] && bytes > 0) std::memcpy(run.out[0], run.in[0], bytes);
  return {};
}

}  // namespace

void StridedCopy::Finish(int64_t element_bytes) {
  run = element_bytes;
  int kept = 0;
  for (int i = 0; i < rank; ++i) {
    if (axis[i].size == 0) {  // Nothing to move at all.
      rank = 1;
      axis[0] = {};
      return;
    }
    if (axis[i].size == 1) continue;
    Axis* last = kept > 0 ? &axis[kept - 1] : nullptr;
    if (last && last->src == axis[i].src * axis[i].size && last->dst == axis[i].dst * axis[i].size)
      *last = {last->size * axis[i].size, axis[i].src, axis[i].dst};
    else axis[kept++] = axis[i];
  }
  rank = kept;
  if (rank > 0 && axis[rank - 1].src == run && axis[rank - 1].dst == run) run *= axis[--rank].size;
}

void CopyRows(const std::byte* from, int64_t from_pitch, std::byte* to, int64_t to_pitch, int64_t rows, int64_t n) {
  constexpr int64_t kWord = 16, kShort = 8 * kWord;  // Up to there a call of memcpy costs more than the bytes.
  if (n % kWord != 0 || n > kShort) {
    for (int64_t r = 0; r < rows; ++r) std::memcpy(to + r * to_pitch, from + r * from_pitch, static_cast<size_t>(n));
    return;
  }
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t i = 0; i < n; i += kWord) std::memcpy(to + r * to_pitch + i, from + r * from_pitch + i, kWord);
}

void Copy(const StridedCopy& c, const std::byte* from, std::byte* to) {
  CopyFrom(c, 0, from + c.src_offset, to + c.dst_offset);
}

void Copy(const StridedCopy& c, const std::byte* from, std::byte* to, ThreadPool& pool) {
  constexpr int64_t kWorthwhile = 1 << 15;  // Bytes; below that handing work over costs more than it saves.
  int64_t bytes = c.run;
  for (int i = 0; i < c.rank; ++i) bytes *= c.axis[i].size;
  if (pool.threads() == 1 || c.rank < 2 || bytes < kWorthwhile) return Copy(c, from, to);
  const StridedCopy::Axis& a = c.axis[0];
  pool.For(a.size,
           [&](int64_t i, int) { CopyFrom(c, 1, from + c.src_offset + i * a.src, to + c.dst_offset + i * a.dst); });
}

void FillElements(std::byte* to, int64_t count, const std::byte* element, int64_t element_bytes) {
  if (count <= 0) return;
  const bool uniform = std::all_of(element, element + element_bytes, [&](std::byte b) { return b == element[0]; });
  if (uniform) {
    std::memset(to, std::to_integer<int>(element[0]), static_cast<size_t>(count * element_bytes));
    return;
  }
  std::memcpy(to, element, static_cast<size_t>(element_bytes));
  for (int64_t done = 1; done < count;) {  // Doubling: the copied part is the source of the next copy.
    const int64_t n = std::min(done, count - done);
    std::memcpy(to + done * element_bytes, to, static_cast<size_t>(n * element_bytes));
    done += n;
  }
}

Status SetCopy(Prepare& p, const StridedCopy& copy, int input) {
  auto* params = p.Params<CopyParams>();
  *params = {copy, input};
  p.SetRun(RunCopy, params);
  return {};
}

Status PrepareIdentity(Prepare& p) {
  auto* params = p.Params<IdentityParams>();
  uint64_t bytes = 0;
  if (!CheckedBytes(p.op.in(0)->dtype, p.op.in(0)->shape, &bytes))
    return p.op.Fail(Code::kOutOfMemory, "too large");
  params->bytes = bytes;
  p.SetRun(RunIdentity, params);
  return {};
}

}  // namespace octet::ops
