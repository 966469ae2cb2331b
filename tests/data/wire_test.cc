// SPDX-License-Identifier: Apache-2.0
#include "data/wire.h"

#include <gtest/gtest.h>

namespace octet::data {
namespace {

using Kind = WireField::Kind;

std::vector<std::byte> Bytes(std::initializer_list<int> values) {
  std::vector<std::byte> bytes;
  for (int v : values) bytes.push_back(static_cast<std::byte>(v));
  return bytes;
}

TEST(Wire, ReadsEveryKindOfField) {
  // 1: 150, 2: "hi", 3: 1.0f, 4: 1.0, 5: -1.
  const auto message = Bytes({0x08, 0x96, 0x01, 0x12, 2, 'h', 'i', 0x1d, 0, 0, 0x80, 0x3f, 0x21, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0x28,
                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});
  WireReader reader(message);
  WireField f;
  ASSERT_TRUE(reader.Next(&f));
  EXPECT_EQ(f.number, 1u);
  EXPECT_EQ(f.as_int(), 150);
  ASSERT_TRUE(reader.Next(&f));
  EXPECT_EQ(f.as_text(), "hi");
  ASSERT_TRUE(reader.Next(&f));
  EXPECT_EQ(f.as_float(), 1.0f);
  ASSERT_TRUE(reader.Next(&f));
  EXPECT_EQ(f.as_double(), 1.0);
  ASSERT_TRUE(reader.Next(&f));
  EXPECT_EQ(f.as_int32(), -1);
  EXPECT_FALSE(reader.Next(&f));
  EXPECT_TRUE(reader.ok());
}

TEST(Wire, MalformedFieldsEndTheMessage) {
  for (const auto& message : {Bytes({0x12, 5, 'h'}), Bytes({0x08}), Bytes({0x1d, 0, 0}), Bytes({0x0b}), Bytes({0x00, 1}),
                              Bytes({0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1})}) {
    WireReader reader(message);
    WireField f;
    EXPECT_FALSE(reader.Next(&f));
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Wire, PackedAndRepeatedAreTheSame) {
  const auto varints = Bytes({3, 0x96, 0x01}), floats = Bytes({0, 0, 0x80, 0x3f}), cut = Bytes({0x96});
  std::vector<uint64_t> values;
  EXPECT_TRUE(AppendPacked({1, Kind::kVarint, 7}, Kind::kVarint, &values));
  EXPECT_TRUE(AppendPacked({1, Kind::kBytes, 0, varints}, Kind::kVarint, &values));
  EXPECT_EQ(values, (std::vector<uint64_t>{7, 3, 150}));
  values.clear();
  EXPECT_TRUE(AppendPacked({1, Kind::kBytes, 0, floats}, Kind::kFixed32, &values));
  EXPECT_EQ(values, std::vector<uint64_t>{0x3f800000});
  EXPECT_FALSE(AppendPacked({1, Kind::kBytes, 0, cut}, Kind::kVarint, &values));
  EXPECT_FALSE(AppendPacked({1, Kind::kBytes, 0, varints}, Kind::kFixed32, &values));
}

}  // namespace
}  // namespace octet::data
