// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/status.h"

namespace octet {

// Vector kernels may read (never write) this far behind a tensor: whoever cuts memory into parts that kernels read leaves room for it.
inline constexpr int64_t kReadAhead = 64;

// Zeroed memory at a 64-byte boundary, with kReadAhead bytes behind it; pages that nobody touches cost nothing.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  static Result<AlignedBuffer> Make(uint64_t bytes);
  static uint64_t Whole(uint64_t bytes);  // What the pages of so many bytes hold.
  AlignedBuffer(AlignedBuffer&& o) noexcept : data_(std::exchange(o.data_, nullptr)), bytes_(std::exchange(o.bytes_, 0)) {}
  AlignedBuffer& operator=(AlignedBuffer&& o) noexcept {
    std::swap(data_, o.data_);
    std::swap(bytes_, o.bytes_);
    return *this;
  }
  ~AlignedBuffer();
  std::byte* data() const { return data_; }
  uint64_t bytes() const { return bytes_; }
  // Finds the pages of a part that will be filled, all at once: cheaper than one by one at their first touch.
  void Populate(uint64_t at, uint64_t bytes) const;

 private:
  std::byte* data_ = nullptr;
  uint64_t bytes_ = 0;
};

// Memory that is taken in parts and given back at once: a mapping and page faults for each part would cost more than what is
// done with most. Zeroed, at 64-byte boundaries.
class Region {
 public:
  Region() = default;
  Region(Region&&) = default;
  Region& operator=(Region&& o) noexcept {
    std::swap(pieces_, o.pieces_);
    std::swap(used_, o.used_);
    std::swap(populated_, o.populated_);
    std::swap(taken_, o.taken_);
    return *this;
  }
  ~Region() { Allow(); }
  // expected: what is likely to be taken from now on, this part included.
  Result<std::byte*> Take(uint64_t bytes, uint64_t expected = 0);
  void Clear();  // All parts are given back; some memory is kept for the next ones.
  uint64_t taken() const { return taken_; }

 private:
  Status Add(uint64_t bytes);
  void Populate(uint64_t end);
  // To sanitizers: what nobody took.
  void Forbid() const;
  void Allow() const;
  std::vector<AlignedBuffer> pieces_;
  uint64_t used_ = 0, populated_ = 0;  // Of the last piece.
  uint64_t taken_ = 0;
};

}  // namespace octet
