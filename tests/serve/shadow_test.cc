// SPDX-License-Identifier: Apache-2.0
#include "serve/shadow.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace octet::serve {
namespace {

template <class T> bool Same(DType dtype, std::vector<T> a, std::vector<T> b, bool exact = true) {
  return SameElements(dtype, std::as_bytes(std::span(a)), std::as_bytes(std::span(b)), exact);
}

TEST(ServeShadow, FloatsByTheLargestIntegersByTheBit) {
  EXPECT_TRUE(Same<float>(DType::kF32, {1.0f, 100.0f}, {2.9f, 100.0f}));
  EXPECT_FALSE(Same<float>(DType::kF32, {1.0f, 100.0f}, {3.1f, 100.0f}));
  EXPECT_FALSE(Same<float>(DType::kF32, {NAN}, {NAN}));
  EXPECT_FALSE(Same<float>(DType::kF32, {1.0f}, {1.0f, 2.0f}));
  EXPECT_TRUE(Same<float>(DType::kF32, {0.0f}, {0.0f}));
  EXPECT_FALSE(Same<int8_t>(DType::kI8, {1}, {2}));
  EXPECT_TRUE(Same<int8_t>(DType::kI8, {1}, {2}, false));
  EXPECT_FALSE(Same<int8_t>(DType::kI8, {127}, {-128}, false));
  EXPECT_FALSE(Same<int32_t>(DType::kI32, {1}, {2}, false));
}

}  // namespace
}  // namespace octet::serve
