// SPDX-License-Identifier: Apache-2.0
#include "base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace octet {
namespace {

bool AllZero(std::span<const std::byte> bytes) {
  return std::ranges::all_of(bytes, [](std::byte b) { return b == std::byte{0}; });
}

TEST(AlignedBuffer, IsZeroAlignedAndReadableBehindItsEnd) {
  for (const uint64_t bytes : {1ull, 4096ull, (1ull << 19) - 1, 1ull << 19, 5ull << 19, (4ull << 20) + 17}) {
    const Result<AlignedBuffer> buffer = AlignedBuffer::Make(bytes);
    ASSERT_TRUE(buffer.ok()) << bytes;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer->data()) % 64, 0u);
    buffer->Populate(bytes / 2, bytes - bytes / 2);
    EXPECT_TRUE(AllZero({buffer->data(), bytes + 64})) << bytes;
    std::fill_n(buffer->data(), bytes, std::byte{1});
  }
}

TEST(AlignedBuffer, SizesThatNoSystemHasAreErrors) {
  EXPECT_FALSE(AlignedBuffer::Make(UINT64_MAX).ok());
  EXPECT_FALSE(AlignedBuffer::Make(UINT64_MAX / 2).ok());
}

// Parts are zero until somebody writes them, aligned, and nobody else's; also after Clear, when memory is used again.
TEST(Region, HandsOutPartsOfTheirOwn) {
  Region region;
  for (int round = 0; round < 3; ++round) {
    std::vector<std::span<std::byte>> parts;
    uint64_t all = 0;
    for (uint64_t bytes = 1; bytes < 3'000'000; bytes = bytes * 3 + 1) {
      const Result<std::byte*> part = region.Take(bytes, round == 1 ? 1 << 20 : 0);
      ASSERT_TRUE(part.ok());
      EXPECT_EQ(reinterpret_cast<uintptr_t>(*part) % 64, 0u);
      parts.emplace_back(*part, bytes);
      EXPECT_TRUE(AllZero(parts.back())) << round << " " << bytes;
      std::ranges::fill(parts.back(), static_cast<std::byte>(parts.size()));
      all += bytes;
    }
    for (size_t i = 0; i < parts.size(); ++i) EXPECT_TRUE(std::ranges::all_of(parts[i], [&](std::byte b) { return b == static_cast<std::byte>(i + 1); })) << i;
    EXPECT_GE(region.taken(), all);
    region.Clear();
    EXPECT_EQ(region.taken(), 0u);
  }
}

TEST(Region, EmptyPartsHaveAnAddressAndHugeOnesAnError) {
  Region region;
  const Result<std::byte*> empty = region.Take(0);
  ASSERT_TRUE(empty.ok());
  EXPECT_NE(*empty, nullptr);
  EXPECT_FALSE(region.Take(UINT64_MAX).ok());
  EXPECT_FALSE(region.Take(UINT64_MAX / 2).ok());
  EXPECT_TRUE(region.Take(100, UINT64_MAX).ok());
}

}  // namespace
}  // namespace octet
