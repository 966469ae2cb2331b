// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

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

}  // namespace
}  // namespace octet
