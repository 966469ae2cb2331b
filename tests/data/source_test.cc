// SPDX-License-Identifier: Apache-2.0
// Folders, tables, images and sounds: the same samples as an .npz would give.
#include <gtest/gtest.h>
#include <png.h>

#include <cmath>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/wav.h"

namespace octet::data {
namespace {

namespace fs = std::filesystem;

std::string Scratch(const std::string& name) {
  const std::string path = testing::TempDir() + "octet_source_" + name;
  fs::remove_all(path);
  return path;
}

std::vector<float> Floats(const Dataset& d, int64_t index) {
  const std::span<const std::byte> bytes = d.sample(0, index);
  std::vector<float> v(bytes.size() / 4);
  std::memcpy(v.data(), bytes.data(), bytes.size());
  return v;
}

std::vector<std::byte> Png(int width, int height, int format, const std::vector<uint8_t>& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<uint32_t>(width);
  image.height = static_cast<uint32_t>(height);
  image.format = static_cast<uint32_t>(format);
  png_alloc_size_t bytes = 0;
  EXPECT_TRUE(png_image_write_to_memory(&image, nullptr, &bytes, 0, pixels.data(), 0, nullptr));
  std::vector<std::byte> out(bytes);
  EXPECT_TRUE(png_image_write_to_memory(&image, out.data(), &bytes, 0, pixels.data(), 0, nullptr));
  return out;
}

std::vector<std::byte> Wav(uint16_t format, uint16_t bits, const std::vector<std::byte>& data) {
  std::vector<std::byte> out;
  const auto put = [&](auto value) {
    for (size_t i = 0; i < sizeof(value); ++i) out.push_back(reinterpret_cast<const std::byte*>(&value)[i]);
  };
  const auto text = [&](const char* t) {
    for (; *t; ++t) out.push_back(static_cast<std::byte>(*t));
  };
  text("RIFF");
  put(static_cast<uint32_t>(36 + data.size()));
  text("WAVEfmt ");
  put(uint32_t{16});
  put(format);
  put(uint16_t{1});
  put(uint32_t{8000});
  put(uint32_t{8000u * bits / 8});
  put(static_cast<uint16_t>(bits / 8));
  put(bits);
  text("data");
  put(static_cast<uint32_t>(data.size()));
  out.insert(out.end(), data.begin(), data.end());
  return out;
}

TEST(Source, CsvWithHeaderAndLabels) {
  const std::string path = Scratch("table.csv");
  ASSERT_TRUE(WriteFile(path, std::string_view("a,label,b\n0.5,3,-1\r\n\n2,1,4e1\n")).ok());
  auto d = Dataset::Open(path);
  ASSERT_TRUE(d.ok()) << d.error().message();
  EXPECT_EQ((*d)->size(), 2);
  EXPECT_FALSE((*d)->has_shape());
  EXPECT_EQ(Floats(**d, 0), (std::vector<float>{0.5f, -1.0f}));
  EXPECT_EQ(Floats(**d, 1), (std::vector<float>{2.0f, 40.0f}));
  EXPECT_EQ((*d)->label(0), 3);
  EXPECT_EQ((*d)->label(1), 1);
}

TEST(Source, CsvErrorsNameTheLine) {
  const std::string path = Scratch("bad.csv");
  const auto error = [&](std::string_view text) {
    EXPECT_TRUE(WriteFile(path, text).ok());
    auto d = Dataset::Open(path);
    return d.ok() ? std::string() : d.error().message();
  };
  EXPECT_NE(error("1,2\n3\n").find("line 2"), std::string::npos);
  EXPECT_NE(error("a,b\n1,x\n").find("line 2, column 2"), std::string::npos);
  EXPECT_NE(error("a,y\n1,0.5\n").find("no class number"), std::string::npos);
  EXPECT_NE(error("").find("no samples"), std::string::npos);
}

TEST(Source, ClassFoldersOfImages) {
  const std::string path = Scratch("images");
  fs::create_directories(path + "/cat");
  fs::create_directories(path + "/dog");
  const std::vector<uint8_t> first{0, 51, 102, 255}, second{255, 0, 0, 51};
  ASSERT_TRUE(WriteFile(path + "/dog/a.png", Png(2, 2, PNG_FORMAT_GRAY, first)).ok());
  ASSERT_TRUE(WriteFile(path + "/cat/b.png", Png(2, 2, PNG_FORMAT_GRAY, second)).ok());
  auto d = Dataset::Open(path, *ParsePreprocess("scale=1/255,mean=0.2"));
  ASSERT_TRUE(d.ok()) << d.error().message();
  EXPECT_EQ((*d)->input_type(0).shape, (Shape{2, 2, 1}));
  EXPECT_EQ((*d)->label(0), 0);
  EXPECT_EQ((*d)->label(1), 1);
  EXPECT_EQ((*d)->class_names()[1], "dog");
  EXPECT_NEAR(Floats(**d, 1)[1], 0.0f, 1e-6f);
  EXPECT_NEAR(Floats(**d, 0)[0], 0.8f, 1e-6f);
}

TEST(Source, ImagesOfUnequalSizeNeedAResize) {
  const std::string path = Scratch("sizes");
  fs::create_directories(path);
  ASSERT_TRUE(WriteFile(path + "/a.png", Png(2, 2, PNG_FORMAT_RGB, std::vector<uint8_t>(12, 9))).ok());
  ASSERT_TRUE(WriteFile(path + "/b.png", Png(4, 2, PNG_FORMAT_RGB, std::vector<uint8_t>(24, 9))).ok());
  auto d = Dataset::Open(path);
  ASSERT_FALSE(d.ok());
  EXPECT_NE(d.error().message().find("resize"), std::string::npos);
  auto alike = Dataset::Open(path, *ParsePreprocess("resize=3x3"));
  ASSERT_TRUE(alike.ok());
  EXPECT_EQ((*alike)->input_type(0).shape, (Shape{3, 3, 3}));
  EXPECT_EQ(Floats(**alike, 1), std::vector<float>(27, 9.0f));
}

TEST(Source, CutImagesAndSoundsAreErrors) {
  const std::vector<std::byte> png = Png(8, 8, PNG_FORMAT_RGB, std::vector<uint8_t>(192, 77));
  ASSERT_TRUE(DecodeImage(png, 0, "x").ok());
  for (size_t n = 0; n + 16 < png.size(); ++n) EXPECT_FALSE(DecodeImage(std::span(png).first(n), 0, "x").ok()) << n;
  const std::vector<std::byte> wav = Wav(1, 16, std::vector<std::byte>(32));
  ASSERT_TRUE(ParseWav(wav, "x").ok());
  for (size_t n = 0; n < wav.size(); ++n) EXPECT_FALSE(ParseWav(std::span(wav).first(n), "x").ok()) << n;
}

TEST(Source, SoundsOfAllDepths) {
  const auto bytes = [](std::initializer_list<int> list) {
    std::vector<std::byte> out;
    for (int v : list) out.push_back(static_cast<std::byte>(v));
    return out;
  };
  EXPECT_EQ(ParseWav(Wav(1, 8, bytes({128, 0, 192})), "x")->samples, (std::vector<float>{0.0f, -1.0f, 0.5f}));
  EXPECT_EQ(ParseWav(Wav(1, 16, bytes({0, 0x40, 0, 0x80})), "x")->samples, (std::vector<float>{0.5f, -1.0f}));
  EXPECT_EQ(ParseWav(Wav(1, 24, bytes({0, 0, 0x40, 0, 0, 0x80})), "x")->samples, (std::vector<float>{0.5f, -1.0f}));
  EXPECT_EQ(ParseWav(Wav(1, 32, bytes({0, 0, 0, 0x40})), "x")->samples, (std::vector<float>{0.5f}));
  EXPECT_EQ(ParseWav(Wav(3, 32, bytes({0, 0, 0, 0x3f})), "x")->samples, (std::vector<float>{0.5f}));
  EXPECT_FALSE(ParseWav(Wav(7, 8, bytes({1})), "x").ok());  // mu-law.
}

TEST(Preprocess, SaysWhatItReads) {
  const auto p = ParsePreprocess("scale=1/4,mean=1:2:3,std=2,resize=4x6,crop=2x2,color=rgb");
  ASSERT_TRUE(p.ok());
  EXPECT_EQ(Text(*p), "scale=0.25,mean=1:2:3,std=2,resize=4x6,crop=2x2,color=rgb");
  EXPECT_EQ(*ParsePreprocess(Text(*p)), *p);
  for (const char* bad : {"scale", "scale=", "scale=1/0", "std=0", "resize=0x3", "resize=-1", "color=blue", "zoom=2", "mean=nan"})
    EXPECT_FALSE(ParsePreprocess(bad).ok()) << bad;
}

TEST(Preprocess, ResizesCropsAndNormalizes) {
  std::vector<float> v{0, 2, 4, 6};
  Shape shape{2, 2, 1};
  ASSERT_TRUE(Apply(*ParsePreprocess("resize=4x4,crop=2x2,scale=2,mean=1"), &v, &shape).ok());
  EXPECT_EQ(shape, (Shape{2, 2, 1}));
  EXPECT_EQ(v, (std::vector<float>{2, 4, 6, 8}));  // Quarter points between the four pixels: 1.5, 2.5, 3.5, 4.5.
  EXPECT_FALSE(Apply(*ParsePreprocess("crop=3x3"), &v, &shape).ok());
  EXPECT_FALSE(Apply(*ParsePreprocess("mean=1:2"), &v, &shape).ok());
}

}  // namespace
}  // namespace octet::data
