// SPDX-License-Identifier: Apache-2.0
#include "data/npz.h"

#include <cmath>

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <deque>
#include <string>

#include "base/file.h"
#include "data/dataset.h"
#include "data/npy.h"

namespace octet::data {
namespace {

std::string Scratch(const std::string& name) { return testing::TempDir() + "octet_npz_" + name; }

// The elements live until the program ends.
template <class T> Array Make(std::string name, Shape shape, std::vector<T> v) {
  static auto& kept = *new std::deque<std::vector<T>>();
  kept.push_back(std::move(v));
  return {std::move(name), DTypeOf<T>, shape, sizeof(T), false, std::as_bytes(std::span(kept.back()))};
}

// A .npy file with a header of one's own.
std::vector<std::byte> Npy(const std::string& dict, size_t data_bytes, char version = 1) {
  std::string s = std::string("\x93NUMPY") + version + '\0';
  s += static_cast<char>(dict.size());
  s += '\0';
  if (version > 1) s += std::string(2, '\0');
  s += dict + std::string(data_bytes, 'a');
  const auto b = std::as_bytes(std::span(s));
  return {b.begin(), b.end()};
}

std::string ErrorOf(const std::string& dict, size_t data_bytes) {
  auto r = ParseNpy(Npy(dict, data_bytes), "'f'");
  return r.ok() ? "" : r.error().message();
}

// A ZIP with one deflated member, its directory sizes as given.
std::string Deflated(const std::string& name, const std::string& content, uint32_t claimed) {
  std::string packed(compressBound(content.size()) + 16, '\0');
  z_stream s = {};
  deflateInit2(&s, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  s.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  s.avail_in = static_cast<uInt>(content.size());
  s.next_out = reinterpret_cast<Bytef*>(packed.data());
  s.avail_out = static_cast<uInt>(packed.size());
  deflate(&s, Z_FINISH);
  packed.resize(s.total_out);
  deflateEnd(&s);
  const auto u16 = [](size_t v) { return std::string{static_cast<char>(v), static_cast<char>(v >> 8)}; };
  const auto u32 = [&](size_t v) { return u16(v & 0xffff) + u16(v >> 16); };
  const uint32_t crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
  const std::string common = u16(20) + u16(0) + u16(8) + u32(0) + u32(crc) + u32(packed.size()) + u32(claimed) + u16(name.size()) + u16(0);
  std::string zip = "PK\3\4" + common + name + packed;
  const size_t start = zip.size();
  zip += "PK\1\2" + u16(20) + common + u16(0) + u16(0) + u16(0) + u32(0) + u32(0) + name;
  zip += "PK\5\6" + u32(0) + u16(1) + u16(1) + u32(zip.size() - start) + u32(start) + u16(0);
  return zip;
}

TEST(Npz, RoundTripKeepsNamesTypesShapesAndBytes) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> y = {7, -8};
  Array text{"t", DType::kString, {2}, 8, true, std::as_bytes(std::span(x)).first(16)};
  const Array in[] = {Make("x", {2, 3}, x), Make("y", {2}, y), text, Make<int8_t>("empty", {0, 3}, {}), Make("scalar", {}, std::vector<double>{2.5})};
  const std::string path = Scratch("round.npz");
  ASSERT_TRUE(WriteNpz(path, in).ok());
  auto r = Archive::Open(path);
  ASSERT_TRUE(r.ok()) << r.error().message();
  ASSERT_EQ((*r)->arrays().size(), std::size(in));
  for (size_t i = 0; i < std::size(in); ++i) {
    const Array& a = (*r)->arrays()[i];
    EXPECT_EQ(a.name, in[i].name);
    EXPECT_EQ(a.dtype, in[i].dtype);
    EXPECT_EQ(a.shape, in[i].shape);
    EXPECT_EQ(a.unicode, in[i].unicode);
    ASSERT_EQ(a.bytes.size(), in[i].bytes.size());
    EXPECT_TRUE(std::ranges::equal(a.bytes, in[i].bytes)) << a.name;
  }
  EXPECT_EQ((*r)->Find("y"), &(*r)->arrays()[1]);
  EXPECT_EQ((*r)->Find("z"), nullptr);
}

TEST(Npz, DeflatedMembersAreInflatedAndChecked) {
  const auto npy = Npy("{'descr': '|u1', 'fortran_order': False, 'shape': (3000,), }", 3000);
  const std::string content(reinterpret_cast<const char*>(npy.data()), npy.size());
  const std::string path = Scratch("deflated.npz");
  std::string zip = Deflated("x.npy", content, static_cast<uint32_t>(content.size()));
  ASSERT_TRUE(WriteFile(path, zip).ok());
  auto good = Archive::Open(path);
  ASSERT_TRUE(good.ok()) << good.error().message();
  EXPECT_EQ((*good)->arrays()[0].bytes.size(), 3000u);
  EXPECT_EQ((*good)->arrays()[0].bytes[2999], std::byte{'a'});

  ASSERT_TRUE(WriteFile(path, Deflated("x.npy", content, 100)).ok());
  auto longer = Archive::Open(path);
  ASSERT_FALSE(longer.ok());
  EXPECT_NE(longer.error().message().find("longer"), std::string::npos) << longer.error().message();

  for (size_t i = 14; i < 18; ++i) zip[zip.size() - 22 - 46 - 5 + 2 + i] ^= 1;  // The directory's CRC.
  ASSERT_TRUE(WriteFile(path, zip).ok());
  auto wrong = Archive::Open(path);
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find("checksum"), std::string::npos) << wrong.error().message();
}

TEST(Npz, EveryTruncationIsAnError) {
  const std::vector<float> x(12, 1.0f);
  const Array in[] = {Make("x", {3, 4}, x), Make("y", {12}, x)};
  auto bytes = ToNpz(in);
  ASSERT_TRUE(bytes.ok());
  const std::string path = Scratch("cut.npz");
  for (size_t n = 0; n < bytes->size(); n += 7) {
    ASSERT_TRUE(WriteFile(path, std::span(*bytes).first(n)).ok());
    auto r = Archive::Open(path);
    ASSERT_FALSE(r.ok()) << n;
    EXPECT_NE(r.error().message().find(path), std::string::npos);
  }
}

TEST(Npy, SaysWhatItCannotRead) {
  EXPECT_NE(ErrorOf("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 8).find("Python objects"), std::string::npos);
  EXPECT_NE(ErrorOf("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4).find("big-endian"), std::string::npos);
  EXPECT_NE(ErrorOf("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4).find("structured"), std::string::npos);
  EXPECT_NE(ErrorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }", 4).find("cut off"), std::string::npos);
  EXPECT_NE(ErrorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (2147483647, 2147483647, 2147483647), }", 4), "");
  EXPECT_NE(ErrorOf("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4), "");
  EXPECT_EQ(ErrorOf("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2), }", 8), "");
  EXPECT_TRUE(ParseNpy(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, 2), "f").ok());
  EXPECT_TRUE(ParseNpy(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, 3), "f").ok());
  EXPECT_FALSE(ParseNpy(Npy("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, 9), "f").ok());
}

TEST(Npy, ReadsColumnsAsRows) {
  std::vector<std::byte> file = Npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3, 2), }", 48);
  const std::vector<float> columns{0, 6, 2, 8, 4, 10, 1, 7, 3, 9, 5, 11};
  std::memcpy(file.data() + file.size() - 48, columns.data(), 48);
  const Result<Array> a = ParseNpy(file, "f");
  ASSERT_TRUE(a.ok()) << a.error().message();
  EXPECT_EQ(a->shape, (Shape{2, 3, 2}));
  for (int64_t i = 0; i < 12; ++i) EXPECT_EQ(ElementAt(*a, i), static_cast<double>(i));
  EXPECT_NE(ErrorOf("{'descr': '<f4', 'fortran_order': True, 'shape': (2, 2), }", 12).find("cut off"), std::string::npos);
}

TEST(Dataset, SamplesAndLabels) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};
  const Array in[] = {Make("x", {3, 2}, x), Make("y", {3, 1}, std::vector<uint8_t>{4, 5, 6})};
  const std::string path = Scratch("set.npz");
  ASSERT_TRUE(WriteNpz(path, in).ok());
  auto r = Dataset::Open(path);
  ASSERT_TRUE(r.ok()) << r.error().message();
  EXPECT_EQ((*r)->size(), 3);
  EXPECT_EQ((*r)->num_inputs(), 1);
  EXPECT_EQ((*r)->input_type(0).shape, Shape{2});
  EXPECT_EQ((*r)->label(2), 6);
  float got[2];
  std::memcpy(got, (*r)->sample(0, 1).data(), sizeof got);
  EXPECT_EQ(got[0], 3);
  EXPECT_EQ(got[1], 4);
}

TEST(Dataset, ErrorsNameTheTrouble) {
  const std::string path = Scratch("bad.npz");
  const auto error = [&](std::vector<Array> arrays) {
    EXPECT_TRUE(WriteNpz(path, arrays).ok());
    auto r = Dataset::Open(path);
    return r.ok() ? std::string() : r.error().message();
  };
  const std::vector<float> v(12, 0.5f);
  EXPECT_NE(error({Make("x", {0, 2}, std::vector<float>{})}).find("no samples"), std::string::npos);
  EXPECT_NE(error({Make("y", {3}, std::vector<int32_t>{1, 2, 3})}).find("no samples"), std::string::npos);
  EXPECT_NE(error({Make("x", {4, 3}, v), Make("y", {3}, std::vector<int32_t>{1, 2, 3})}).find("unequal length"), std::string::npos);
  EXPECT_NE(error({Make("a", {4, 3}, v), Make("b", {3, 4}, v)}).find("unequal length"), std::string::npos);
  EXPECT_NE(error({Make("x", {1, 3}, std::vector<float>(3)), Make("y", {1}, std::vector<float>{std::nanf("")})}).find("class number"), std::string::npos);
}

}  // namespace
}  // namespace octet::data
