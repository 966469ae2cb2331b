// SPDX-License-Identifier: Apache-2.0
// Moving elements without looking at them: out[j·dst] = in[j·src] over a box of indices j. Transpose,
// slice, tile, pad, concatenation and their kin differ only in sizes, strides and offsets.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "ops/op_def.h"

namespace octet::ops {

// Bytes of one element; 0 for types whose elements are not whole bytes.
inline int64_t BytesOf(DType t) { return BitsOf(t) % 8 == 0 ? BitsOf(t) / 8 : 0; }

inline constexpr int kMaxCopyRank = 2 * kMaxRank;

struct StridedCopy {
  struct Axis {
    int64_t size = 0, src = 0, dst = 0;  // Strides in bytes; src may be 0 (repeat) or negative (reverse).
  };
  int rank = 0;
  std::array<Axis, kMaxCopyRank> axis{};
  int64_t src_offset = 0, dst_offset = 0;  // Bytes.
  int64_t run = 0;                         // Contiguous bytes moved at once.

  // Outermost first.
  void Add(int64_t size, int64_t src_stride, int64_t dst_stride) { axis[rank++] = {size, src_stride, dst_stride}; }
  // After the last Add: merges axes and finds the longest contiguous run.
  void Finish(int64_t element_bytes);
};

void Copy(const StridedCopy& copy, const std::byte* from, std::byte* to);
// Cuts the outermost axis among the threads when there is enough to move.
void Copy(const StridedCopy& copy, const std::byte* from, std::byte* to, ThreadPool& pool);

// Rows of `n` bytes that lie `pitch` bytes apart.
void CopyRows(const std::byte* from, int64_t from_pitch, std::byte* to, int64_t to_pitch, int64_t rows, int64_t n);

// `count` copies of one element.
void FillElements(std::byte* to, int64_t count, const std::byte* element, int64_t element_bytes);

// Runs a StridedCopy from input to output 0.
Status SetCopy(Prepare& p, const StridedCopy& copy, int input);
// The same bytes under another shape; nothing moves when the plan lets both share memory.
Status PrepareIdentity(Prepare& p);

}  // namespace octet::ops
