// SPDX-License-Identifier: Apache-2.0
#include "base/types.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <utility>

#include "base/float16.h"

namespace octet {
namespace {

TEST(Types, CopiesOfListsShareUntilOneIsWrittenTo) {
  const SharedList<int32_t> a = {1, 2, 3};
  SharedList<int32_t> b = a;
  EXPECT_EQ(std::as_const(b).data(), a.data());
  EXPECT_EQ(b, a);
  b[1] = 7;
  EXPECT_NE(std::as_const(b).data(), a.data());
  EXPECT_EQ(b, (SharedList<int32_t>{1, 7, 3}));
  EXPECT_EQ(a, (SharedList<int32_t>{1, 2, 3}));
  SharedList<int32_t> c = a;
  c.push_back(4);
  EXPECT_EQ(a.size(), 3u);
  EXPECT_EQ(c.back(), 4);
}

TEST(Types, ListsOfNoneOneAndManyAreOneKind) {
  SharedList<float> list;
  EXPECT_TRUE(list.empty());
  list.push_back(1.5f);
  const SharedList<float> one = list;
  list[0] = 2.5f;
  EXPECT_EQ(one, SharedList<float>{1.5f});
  list.push_back(3.5f);
  EXPECT_EQ(list, (SharedList<float>{2.5f, 3.5f}));
  list.resize(1);
  EXPECT_EQ(list, SharedList<float>{2.5f});
  list.resize(3, 4.0f);
  EXPECT_EQ(list, (SharedList<float>{2.5f, 4.0f, 4.0f}));
  list.assign(0, 0.0f);
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list, SharedList<float>());
}

TEST(Types, BytesAreCheckedAgainstOverflow) {
  uint64_t bytes = 0;
  EXPECT_TRUE(CheckedBytes(DType::kF32, Shape{2, 3}, &bytes));
  EXPECT_EQ(bytes, 24u);
  EXPECT_TRUE(CheckedBytes(DType::kI4, Shape{3}, &bytes));
  EXPECT_EQ(bytes, 2u);
  EXPECT_TRUE(CheckedBytes(DType::kF32, Shape{0, 7}, &bytes));
  EXPECT_EQ(bytes, 0u);
  EXPECT_FALSE(CheckedBytes(DType::kF32, Shape{kUnknown, 3}, &bytes));
  EXPECT_FALSE(CheckedBytes(DType::kF32, Shape{INT32_MAX, INT32_MAX, INT32_MAX}, &bytes));
}

TEST(Types, DimensionsThatAShapeLacksAreOne) {
  EXPECT_EQ(Shape{}.back(), 1);
  EXPECT_EQ((Shape{7, 5}).back(), 5);
  EXPECT_EQ((Shape{7, 5}).back(2), 7);
  EXPECT_EQ((Shape{7, 5}).back(3), 1);
  EXPECT_EQ((Shape{2, 3, 4, 5, 6, 7, 8, 9}).back(0), 1);
}

TEST(Types, ShapesPrintAndCompare) {
  EXPECT_EQ((Shape{kUnknown, 28, 28, 1}).text(), "[?,28,28,1]");
  EXPECT_EQ(Shape{}.text(), "[]");
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_FALSE((Shape{1, kUnknown}).known());
  EXPECT_FALSE((Shape{1, 2}) == (Shape{1, 2, 1}));
}

TEST(Types, NamesRoundTrip) {
  for (int i = 0; i <= 20; ++i) EXPECT_EQ(DTypeFromName(Name(static_cast<DType>(i))), static_cast<DType>(i));
  EXPECT_EQ(DTypeFromName("nonsense"), DType::kNone);
}

TEST(Float16, EveryHalfSurvivesTheRoundTrip) {
  for (uint32_t h = 0; h < 0x10000; ++h) {
    const float f = F16ToF32(static_cast<uint16_t>(h));
    if (std::isnan(f)) continue;
    EXPECT_EQ(F32ToF16(f), h);
  }
}

TEST(Float16, RoundsToNearestEven) {
  EXPECT_EQ(F32ToF16(1.0f + 0x1p-11f), F32ToF16(1.0f));            // A tie goes to the even neighbour.
  EXPECT_EQ(F32ToF16(1.0f + 3 * 0x1p-11f), F32ToF16(1.0f + 0x1p-9f));
  EXPECT_EQ(F32ToF16(65520.0f), 0x7c00);                           // Halfway above the largest: infinity.
  EXPECT_EQ(F32ToF16(65519.0f), 0x7bff);
  EXPECT_EQ(F32ToF16(0x1p-25f), 0);                                // Half of the smallest subnormal.
  EXPECT_EQ(F32ToBF16(std::numeric_limits<float>::infinity()), 0x7f80);
}

}  // namespace
}  // namespace octet
