// SPDX-License-Identifier: Apache-2.0
#include "graph/constant_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

namespace octet::graph {
namespace {

std::vector<std::byte> Numbers(size_t bytes, unsigned seed) {
  std::vector<std::byte> v(bytes);
  for (size_t i = 0; i < bytes; ++i) v[i] = static_cast<std::byte>((i * 2654435761u + seed) >> 7);
  return v;
}

// Far more than stays in memory.
void ExpectAllKept() {
  constexpr size_t kCount = 40, kBytes = (1 << 20) + 12;
  std::vector<Buffer> buffers;
  for (unsigned i = 0; i < kCount; ++i) buffers.push_back(i % 2 ? MakeBuffer(Numbers(kBytes, i)) : MakeBuffer(std::span<const std::byte>(Numbers(kBytes, i))));
  for (unsigned i = 0; i < kCount; i += 3) buffers[i].reset();
  for (unsigned i = 0; i < kCount; ++i) {
    if (!buffers[i]) continue;
    buffers[i]->Forget();
    EXPECT_TRUE(std::ranges::equal(*buffers[i], Numbers(kBytes, i))) << i;
  }
}

TEST(ConstantBytes, AreThereWhereverTheyLie) { ExpectAllKept(); }

TEST(ConstantBytes, StayInMemoryWhereNoFileCanBe) {
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before ? before : "";
  ::setenv("TMPDIR", "/nonexistent", 1);
  ExpectAllKept();
  if (before) ::setenv("TMPDIR", kept.c_str(), 1);
  else ::unsetenv("TMPDIR");
}

TEST(ConstantBytes, OfAFileAreNotCopiedUnlessTheyLieAtAnOddPlace) {
  const std::string path = testing::TempDir() + "/octet_constant_bytes";
  const std::vector<std::byte> numbers = Numbers(1 << 20, 7);
  ASSERT_TRUE(WriteFile(path, std::span<const std::byte>(numbers)).ok());
  auto opened = MappedFile::Open(path);
  ASSERT_TRUE(opened.ok()) << opened.error().message();
  const auto file = std::make_shared<const MappedFile>(std::move(*opened));
  const auto even = file->bytes().subspan(64), odd = file->bytes().subspan(1);
  const Buffer mapped = MakeBuffer(even, file), copied = MakeBuffer(odd, file);
  EXPECT_EQ(mapped->data(), even.data());
  EXPECT_NE(copied->data(), odd.data());
  mapped->Forget();
  EXPECT_TRUE(std::ranges::equal(*mapped, std::span(numbers).subspan(64)));
  EXPECT_TRUE(std::ranges::equal(*copied, std::span(numbers).subspan(1)));
}

TEST(ConstantBytes, HashesOfTheSameBytesAreTheSame) {
  std::vector<std::byte> a = Numbers(100000, 1), b = a;
  EXPECT_EQ(QuickHash(a), QuickHash(b));
  b.back() ^= std::byte{1};
  EXPECT_NE(QuickHash(a), QuickHash(b));
  EXPECT_NE(QuickHash(std::span(a).first(50)), QuickHash(std::span(a).first(51)));
}

}  // namespace
}  // namespace octet::graph
