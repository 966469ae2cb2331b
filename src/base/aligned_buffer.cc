// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#if defined(__has_feature)  // Clang's way to say it.
#if __has_feature(address_sanitizer)
#define OCTET_ASAN
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define OCTET_ASAN
#endif
#if defined(OCTET_ASAN)
#include <sanitizer/asan_interface.h>
#endif

namespace octet {
namespace {
#if defined(__wasi__)  // Mappings there are made of malloc, aligned to 16 bytes.
void* Get(uint64_t bytes) {
  void* const p = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
  if (p) std::memset(p, 0, bytes);
  return p;
}
void Free(void* p, uint64_t) { std::free(p); }
uint64_t MappedBytes(uint64_t bytes) { return bytes; }
#else
constexpr uint64_t kPages = 64u << 10;  // Whole pages on any system.
// A large page costs what some dozens of small ones cost (measured: 40 us against 1.2 us each, in a virtual machine), and fewer
// misses of the address cache later; what would fill less than kWorthLarge of one stays in small ones: new to all caches, a large one
// takes as long to clear, and memory counts.
constexpr uint64_t kLargePage = 2u << 20, kWorthLarge = 3u << 18;

bool InLargePages(uint64_t bytes) { return bytes >= kWorthLarge; }
uint64_t Rounded(uint64_t bytes, uint64_t to) { return (bytes + to - 1) / to * to; }
uint64_t MappedBytes(uint64_t bytes) {
  return InLargePages(bytes) && InLargePages(bytes % kLargePage) ? Rounded(bytes, kLargePage) : Rounded(bytes, kPages);
}

// Anonymous mappings are zero, page aligned, and fail cleanly where operator new would end the process.
std::byte* Map(uint64_t bytes) {
  void* const p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

// At a large page's boundary: what was mapped around it is given back.
std::byte* MapLarge(uint64_t bytes) {
  std::byte* const p = Map(bytes + kLargePage);
  if (!p) return nullptr;
  const uint64_t before = Rounded(reinterpret_cast<uintptr_t>(p), kLargePage) - reinterpret_cast<uintptr_t>(p);
  if (before > 0) ::munmap(p, before);
  if (before < kLargePage) ::munmap(p + before + bytes, kLargePage - before);
#if defined(MADV_HUGEPAGE)
  ::madvise(p + before, bytes, MADV_HUGEPAGE);  // Advice: systems without large pages refuse it.
#endif
  return p + before;
}

void* Get(uint64_t bytes) { return InLargePages(bytes) ? MapLarge(MappedBytes(bytes)) : Map(MappedBytes(bytes)); }
void Free(void* p, uint64_t bytes) { ::munmap(p, MappedBytes(bytes)); }
#endif
}  // namespace

Result<AlignedBuffer> AlignedBuffer::Make(uint64_t bytes) {
  AlignedBuffer buffer;
  if (bytes == 0) return buffer;
  if (bytes > SIZE_MAX / 2) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
  void* const p = Get(bytes + kReadAhead);
  if (!p) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
  buffer.data_ = static_cast<std::byte*>(p);
  buffer.bytes_ = bytes;
  return buffer;
}

uint64_t AlignedBuffer::Whole(uint64_t bytes) { return MappedBytes(bytes + kReadAhead) - kReadAhead; }

void AlignedBuffer::Populate([[maybe_unused]] uint64_t at, [[maybe_unused]] uint64_t bytes) const {
#if defined(MADV_POPULATE_WRITE)
  static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const uintptr_t begin = reinterpret_cast<uintptr_t>(data_ + at) / page * page;
  ::madvise(reinterpret_cast<void*>(begin), reinterpret_cast<uintptr_t>(data_ + at) + bytes - begin, MADV_POPULATE_WRITE);  // Advice: older kernels refuse it.
#endif
}

AlignedBuffer::~AlignedBuffer() {
  if (data_) Free(data_, bytes_ + kReadAhead);
}

namespace {
constexpr uint64_t kPart = 64;
constexpr uint64_t kFirstPiece = 16u << 10, kMostAhead = 32u << 20;
#if defined(OCTET_ASAN)
constexpr uint64_t kBetween = 64;  // Bytes behind each part that nobody may touch.
#else
constexpr uint64_t kBetween = 0;
#endif
}  // namespace

Status Region::Add(uint64_t bytes) {
  OCTET_ASSIGN(AlignedBuffer piece, AlignedBuffer::Make(bytes));
  pieces_.push_back(std::move(piece));
  used_ = populated_ = 0;
  Forbid();
  return {};
}

Result<std::byte*> Region::Take(uint64_t bytes, uint64_t expected) {
  if (bytes > SIZE_MAX / 2) return Error(Code::kOutOfMemory, "cannot get %llu bytes", static_cast<unsigned long long>(bytes));
  const uint64_t room = (bytes + kPart - 1) / kPart * kPart + kBetween;
  if (pieces_.empty() || used_ + room > pieces_.back().bytes()) {
    // Of half of what was taken: few pieces, whatever comes, and little that nobody takes.
    if (!Add(AlignedBuffer::Whole(std::max({room, std::min(std::max(expected, taken_ / 2), kMostAhead), kFirstPiece}))).ok()) OCTET_TRY(Add(room));
  }
  std::byte* const part = pieces_.back().data() + used_;
#if defined(OCTET_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(part, bytes);
#endif
  used_ += room;
  taken_ += room;
  if (used_ > populated_) Populate(used_);
  return part;
}

// A little ahead, so that small parts share a system call.
void Region::Populate(uint64_t end) {
  const uint64_t to = std::min(pieces_.back().bytes(), std::max(end + end / 4, populated_ + kFirstPiece));
  pieces_.back().Populate(populated_, to - populated_);
  populated_ = to;
}

void Region::Clear() {
  Allow();
  if (pieces_.size() > 1) pieces_.erase(pieces_.begin(), pieces_.end() - 1);
  if (!pieces_.empty()) std::memset(pieces_[0].data(), 0, used_);
  used_ = taken_ = 0;
  Forbid();
}

// What is left of the last piece is nobody's.
void Region::Forbid() const {
#if defined(OCTET_ASAN)
  if (!pieces_.empty()) ASAN_POISON_MEMORY_REGION(pieces_.back().data() + used_, pieces_.back().bytes() - used_);
#endif
}

// Before it goes back to the system.
void Region::Allow() const {
#if defined(OCTET_ASAN)
  for (const AlignedBuffer& piece : pieces_) ASAN_UNPOISON_MEMORY_REGION(piece.data(), piece.bytes());
#endif
}

}  // namespace octet
