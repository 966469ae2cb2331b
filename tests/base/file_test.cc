// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>

#include <deque>
#include <filesystem>
#include <string>
#include <vector>

namespace octet {
namespace {

std::string_view Text(const MappedFile& f) { return {reinterpret_cast<const char*>(f.bytes().data()), f.bytes().size()}; }

TEST(File, WritesWholeFilesAndLeavesNothingBeside) {
  const auto folder = std::filesystem::path(testing::TempDir()) / "octet_file_test";
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const std::string path = folder / "a.txt";
  ASSERT_TRUE(WriteFile(path, std::string_view("first")).ok());
  ASSERT_TRUE(WriteFile(path, std::string_view("second")).ok());
  auto file = MappedFile::Open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(Text(*file), "second");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
}

TEST(File, IdentityTellsAFileFromTheOneThatTookItsName) {
  const std::string path = testing::TempDir() + "/octet_identity";
  ASSERT_TRUE(WriteFile(path, std::string_view("first")).ok());
  const auto first = MappedFile::Open(path), same = MappedFile::Open(path);
  ASSERT_TRUE(first.ok() && same.ok());
  EXPECT_EQ(first->identity(), same->identity());
  EXPECT_FALSE(first->identity().settled());
  ASSERT_TRUE(WriteFile(path, std::string_view("other")).ok());
  const auto other = MappedFile::Open(path);
  ASSERT_TRUE(other.ok());
  EXPECT_NE(first->identity(), other->identity());
  FileIdentity old = other->identity();
  old.modified_ns = old.changed_ns -= 3'000'000'000;
  EXPECT_TRUE(old.settled());
}

TEST(File, ErrorsNameTheFileAndTheReason) {
  auto missing = MappedFile::Open("/nonexistent/model.tflite");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), Code::kIo);
  EXPECT_NE(missing.error().message().find("/nonexistent/model.tflite"), std::string::npos);
  EXPECT_FALSE(MappedFile::Open(testing::TempDir()).ok());
  EXPECT_FALSE(CheckWritable("/nonexistent/out.tflite").ok());
  EXPECT_FALSE(CheckWritable(testing::TempDir()).ok());
  EXPECT_FALSE(WriteFile("/nonexistent/out.tflite", std::string_view("x")).ok());
}

TEST(File, PartsOfATemporaryFileAreThereAgainAfterTheirMemoryWent) {
  auto created = TemporaryFile::Create();
  ASSERT_TRUE(created.ok()) << created.error().message();
  const auto file = std::make_shared<TemporaryFile>(std::move(*created));
  std::vector<std::string> texts = {std::string(10000, 'a'), std::string(1, 'b'), std::string(5000, 'c')};
  std::deque<StoredPart> parts;
  for (const std::string& text : texts) {
    auto part = TemporaryFile::Store(file, std::as_bytes(std::span(text.data(), text.size())));
    ASSERT_TRUE(part.ok()) << part.error().message();
    parts.push_back(std::move(*part));
  }
  parts.pop_front();  // The others stay.
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i].Forget();
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(parts[i].bytes().data()), parts[i].bytes().size()), texts[i + 1]);
  }
  const auto empty = TemporaryFile::Store(file, {});
  ASSERT_TRUE(empty.ok());
  EXPECT_TRUE(empty->bytes().empty());
}

TEST(File, WhoAsksHearsWhichPartsAreWritten) {
  const std::string path = testing::TempDir() + "/octet_parts", a = "one", b = "two";
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(a)), {}, std::as_bytes(std::span(b))};
  std::vector<size_t> written;
  ASSERT_TRUE(WriteFile(path, parts, [&](size_t i) { written.push_back(i); }).ok());
  EXPECT_EQ(written, (std::vector<size_t>{0, 1, 2}));
  EXPECT_EQ(Text(*MappedFile::Open(path)), "onetwo");
}

}  // namespace
}  // namespace octet
