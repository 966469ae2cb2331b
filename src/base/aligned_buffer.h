// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstddef>
#include <cstdint>
#include <utility>

#include "base/status.h"

namespace octet {

// Zeroed memory at a 64-byte boundary; pages that nobody touches cost nothing.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  static Result<AlignedBuffer> Make(uint64_t bytes);
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

}  // namespace octet
