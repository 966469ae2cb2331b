// SPDX-License-Identifier: Apache-2.0
#include "tests/tflite_abi/layout.h"

#include <gtest/gtest.h>

namespace {

TEST(TfLiteAbi, ArraysCompareAndCopy) {
  TfLiteIntArray* a = TfLiteIntArrayCreate(3);
  const int values[] = {4, 5, 6};
  for (int i = 0; i < 3; ++i) a->data[i] = values[i];
  TfLiteIntArray* b = TfLiteIntArrayCopy(a);
  EXPECT_TRUE(TfLiteIntArrayEqual(a, b));
  EXPECT_TRUE(TfLiteIntArrayEqualsArray(a, 3, values));
  b->data[2] = 7;
  EXPECT_FALSE(TfLiteIntArrayEqual(a, b));
  EXPECT_FALSE(TfLiteIntArrayEqual(a, nullptr));
  EXPECT_EQ(TfLiteIntArrayGetSizeInBytes(3), 16u);
  TfLiteIntArrayFree(a);
  TfLiteIntArrayFree(b);
}

TEST(TfLiteAbi, OnlyDynamicTensorsOwnTheirMemory) {
  TfLiteTensor t = {};
  t.allocation_type = kTfLiteArenaRw;
  EXPECT_EQ(TfLiteTensorRealloc(64, &t), kTfLiteOk);
  EXPECT_EQ(t.data.data, nullptr);
  t.allocation_type = kTfLiteDynamic;
  EXPECT_EQ(TfLiteTensorRealloc(64, &t), kTfLiteOk);
  t.data.raw[63] = 5;
  EXPECT_EQ(TfLiteTensorRealloc(128, &t), kTfLiteOk);
  EXPECT_EQ(t.data.raw[63], 5);
  EXPECT_EQ(t.bytes, 128u);
  TfLiteTensorFree(&t);
  EXPECT_EQ(t.data.data, nullptr);
}

TEST(TfLiteAbi, TypesHaveNames) {
  EXPECT_STREQ(TfLiteTypeGetName(kTfLiteInt8), "INT8");
  EXPECT_STREQ(TfLiteTypeGetName(static_cast<TfLiteType>(31)), "Unknown type");
}

}  // namespace
