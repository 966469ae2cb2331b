// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <sys/mman.h>

namespace octet {
namespace {
constexpr uint64_t kReadAhead = 64;  // Vector kernels may read (never write) this far behind a tensor.
}  // namespace

Result<AlignedBuffer> AlignedBuffer::Make(uint64_t bytes, [[maybe_unused]] Pages pages) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  if (bytes > SIZE_MAX - kReadAhead) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
  // Anonymous mappings are zero, page aligned, and fail cleanly where operator new would end the process.
  void* p = ::mmap(nullptr, bytes + kReadAhead, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
#if defined(MADV_HUGEPAGE)
  // Large ones in large pages: fewer faults at first touch, fewer misses of the address cache later.
  constexpr uint64_t kLarge = 4u << 20;
  if (bytes >= kLarge) ::madvise(p, bytes + kReadAhead, MADV_HUGEPAGE);
#endif
#if defined(MADV_POPULATE_WRITE)
  if (pages == Pages::kNow) ::madvise(p, bytes + kReadAhead, MADV_POPULATE_WRITE);  // Advice: older kernels refuse it.
#endif
  buffer.data_ = static_cast<std::byte*>(p);
  buffer.bytes_ = bytes;
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_) ::munmap(data_, bytes_ + kReadAhead);
}

}  // namespace octet
