// SPDX-License-Identifier: Apache-2.0
#include "serve/input_watch.h"

#include <gtest/gtest.h>

#include <vector>

namespace octet::serve {
namespace {

tflite::InputMetadata Promised(std::vector<float> min, std::vector<float> max) {
  tflite::InputMetadata in;
  in.min = std::move(min);
  in.max = std::move(max);
  return in;
}

void Look(InputWatch& watch, const std::vector<float>& values) { watch.Look(std::as_bytes(std::span(values))); }

TEST(InputWatch, SaysWhatIsExpectedAndFoundAndThenRarely) {
  std::vector<std::string> said;
  InputWatch watch(Promised({0}, {1}));
  watch.SetReport([&](const std::string& text) { said.push_back(text); });
  for (int i = 0; i < 10; ++i) Look(watch, {0, 0.5f, 1});
  EXPECT_TRUE(said.empty());
  for (int i = 0; i < 12; ++i) Look(watch, {0, 100, 255});
  ASSERT_EQ(said.size(), 2u);  // The first and the tenth.
  EXPECT_NE(said[0].find("expected values from 0 to 1"), std::string::npos);
  EXPECT_NE(said[0].find("found 0 to 255"), std::string::npos);
  EXPECT_EQ(watch.outside(), 12u);
}

// One dark picture proves nothing, a row of them does: the scale was applied twice.
TEST(InputWatch, NoticesValuesInACorner) {
  InputWatch watch(Promised({0}, {1}));
  for (int i = 0; i < 31; ++i) Look(watch, {0, 0.002f, 0.004f});
  EXPECT_EQ(watch.outside(), 0u);
  Look(watch, {0, 0.002f, 0.004f});
  EXPECT_EQ(watch.outside(), 1u);
}

TEST(InputWatch, PromisesOfOtherFormsAreNone) {
  EXPECT_FALSE(InputWatch(Promised({}, {})).promised());
  EXPECT_FALSE(InputWatch(Promised({0, 0, 0}, {1, 1, 1})).promised());
}

}  // namespace
}  // namespace octet::serve
