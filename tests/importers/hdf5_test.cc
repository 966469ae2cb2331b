// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/hdf5.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "base/file.h"
#include "base/float16.h"

namespace octet::importers::keras {
namespace {

std::string Data(const std::string& name) { return std::string(OCTET_SOURCE_DIR) + "/tests/importers/data/" + name; }

struct Opened {
  MappedFile file;
  std::unique_ptr<Hdf5> h5;
};

Opened OpenData(const std::string& name) {
  Opened o;
  auto file = MappedFile::Open(Data(name));
  EXPECT_TRUE(file.ok());
  o.file = std::move(*file);
  auto h5 = Hdf5::Open(o.file.bytes(), name);
  EXPECT_TRUE(h5.ok()) << h5.error().message();
  o.h5 = std::move(*h5);
  return o;
}

template <class T> std::vector<T> Values(Hdf5& h5, const std::string& path, DType dtype, const Shape& shape) {
  auto a = h5.Read(path);
  EXPECT_TRUE(a.ok()) << a.error().message();
  if (!a.ok()) return {};
  EXPECT_EQ(a->dtype, dtype);
  EXPECT_EQ(a->shape, shape);
  std::vector<T> v(a->bytes.size() / sizeof(T));
  if (!v.empty()) std::memcpy(v.data(), a->bytes.data(), a->bytes.size());
  return v;
}

TEST(Hdf5, ChunksFiltersAndElementTypes) {
  const Opened o = OpenData("features.h5");
  const auto gzip = Values<float>(*o.h5, "a/b/gzip", DType::kF32, {12, 7});
  for (size_t i = 0; i < gzip.size(); ++i) ASSERT_EQ(gzip[i], static_cast<float>(i));
  const auto chunks = Values<int16_t>(*o.h5, "a/b/chunks", DType::kI16, {3, 4, 5});
  for (size_t i = 0; i < chunks.size(); ++i) ASSERT_EQ(chunks[i], static_cast<int16_t>(i));
  const auto half = Values<uint16_t>(*o.h5, "a/b/half", DType::kF16, {2});
  EXPECT_EQ(F16ToF32(half.at(1)), -2.0f);
  const auto brain = Values<uint16_t>(*o.h5, "a/b/brain", DType::kBF16, {2});
  EXPECT_EQ(BF16ToF32(brain.at(1)), -2.0f);
  EXPECT_EQ(Values<uint8_t>(*o.h5, "a/b/bool", DType::kBool, {3}), (std::vector<uint8_t>{1, 0, 1}));
  EXPECT_EQ(Values<double>(*o.h5, "a/b/scalar", DType::kF64, {}), std::vector<double>{2.5});
  EXPECT_TRUE(Values<float>(*o.h5, "a/b/empty", DType::kF32, {0}).empty());
}

TEST(Hdf5, GroupsAndAttributes) {
  const Opened o = OpenData("features.h5");
  const auto layers = o.h5->Children("many");
  ASSERT_TRUE(layers.ok());
  EXPECT_EQ(layers->size(), 12u);
  EXPECT_EQ(layers->at(3), "layer11");
  EXPECT_EQ(*o.h5->Texts("a/b", "fixed"), (std::vector<std::string>{"abc", "de"}));
  const auto variable = o.h5->Texts("a/b", "variable");
  ASSERT_TRUE(variable.ok()) << variable.error().message();
  EXPECT_EQ(*variable, (std::vector<std::string>{"h\xc3\xa9llo", "", std::string(300, 'x')}));
  EXPECT_TRUE(o.h5->Texts("a/b", "none")->empty());
  EXPECT_FALSE(*o.h5->HasAttribute("a/b", "other"));
  EXPECT_FALSE(*o.h5->Exists("a/c"));
}

TEST(Hdf5, ErrorsNameThePath) {
  const Opened o = OpenData("features.h5");
  const auto big = o.h5->Read("a/b/big");
  ASSERT_FALSE(big.ok());
  EXPECT_EQ(big.error().code(), Code::kUnsupported);
  EXPECT_NE(big.error().message().find("'/a/b/big' is big-endian"), std::string::npos);
  const auto group = o.h5->Read("a/b");
  ASSERT_FALSE(group.ok());
  EXPECT_NE(group.error().message().find("/a/b"), std::string::npos);
  EXPECT_FALSE(o.h5->Read("a/nothing").ok());
}

TEST(Hdf5, NewerHeadersWithCompactLinks) {
  const Opened o = OpenData("latest.h5");
  EXPECT_EQ(Values<int32_t>(*o.h5, "a/b", DType::kI32, {4}).size(), 4u);
  EXPECT_EQ(*o.h5->Texts("", "text"), std::vector<std::string>{"value"});
}

// Reads all there is; what comes back does not matter, that it comes back does.
void Walk(Hdf5& h5, const std::string& path, int depth) {
  if (depth > 6) return;
  (void)h5.Texts(path, "variable").ok();
  (void)h5.Texts(path, "fixed").ok();
  const auto children = h5.Children(path);
  if (!children.ok()) return;
  for (const std::string& child : *children) Walk(h5, path.empty() ? child : path + "/" + child, depth + 1);
  if (children->empty()) (void)h5.Read(path).ok();
}

TEST(Hdf5, DamagedFilesAreErrors) {
  for (const char* name : {"features.h5", "latest.h5"}) {
    auto file = MappedFile::Open(Data(name));
    ASSERT_TRUE(file.ok());
    const std::vector<std::byte> whole(file->bytes().begin(), file->bytes().end());
    for (size_t n = 0; n < whole.size(); n += 997)
      if (auto h5 = Hdf5::Open(std::span(whole).first(n), name); h5.ok()) Walk(**h5, "", 0);
    std::mt19937 random(1);
    for (int round = 0; round < 400; ++round) {
      std::vector<std::byte> bytes = whole;
      for (int k = 0; k < 4; ++k) bytes[random() % bytes.size()] = static_cast<std::byte>(random() % 3 ? random() : 255);
      if (auto h5 = Hdf5::Open(bytes, name); h5.ok()) Walk(**h5, "", 0);
    }
  }
}

}  // namespace
}  // namespace octet::importers::keras
