// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

namespace octet {
namespace {
constexpr uint64_t kReadAhead = 64;  // Vector kernels may read (never write) this far behind a tensor.

#if defined(__wasi__)  // Mappings there are made of malloc, aligned to 16 bytes.
void* Get(uint64_t bytes, AlignedBuffer::Pages) {
  void* const p = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (p) std::memset(p, 0, bytes);
  return p;
}
void Free(void* p, uint64_t) { std::free(p); }
#else
// Anonymous mappings are zero, page aligned, and fail cleanly where operator new would end the process.
void* Get(uint64_t bytes, [[maybe_unused]] AlignedBuffer::Pages pages) {
  void* const p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
#if defined(MADV_HUGEPAGE)
  // Large ones in large pages: fewer faults at first touch, fewer misses of the address cache later.
  constexpr uint64_t kLarge = 4u << 20;
  if (bytes >= kLarge) ::madvise(p, bytes, MADV_HUGEPAGE);
#endif
#if defined(MADV_POPULATE_WRITE)
  if (pages == AlignedBuffer::Pages::kNow) ::madvise(p, bytes, MADV_POPULATE_WRITE);  // Advice: older kernels refuse it.
#endif
  return p;
}
void Free(void* p, uint64_t bytes) { ::munmap(p, bytes); }
#endif
}  // namespace

Result<AlignedBuffer> AlignedBuffer::Make(uint64_t bytes, Pages pages) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  if (bytes > SIZE_MAX - kReadAhead) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
  void* const p = Get(bytes + kReadAhead, pages);
  if (!p) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
  buffer.data_ = static_cast<std::byte*>(p);
  buffer.bytes_ = bytes;
  return buffer;
}

AlignedBuffer::~AlignedBuffer() {
  if (data_) Free(data_, bytes_ + kReadAhead);
}

}  // namespace octet
