// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/json.h"

#include <gtest/gtest.h>

#include <cmath>

namespace octet::importers::keras {
namespace {

TEST(Json, ReadersNeverFail) {
  auto j = Json::Parse(R"({"b": [1, 2.5, "x", null, true], "a": {"k": -3}})", "f");
  ASSERT_TRUE(j.ok());
  EXPECT_EQ(j->keys(), (std::vector<std::string>{"b", "a"}));  // The file's order.
  EXPECT_EQ((*j)["b"][size_t{0}].integer(), 1);
  EXPECT_EQ((*j)["b"][1].number(), 2.5);
  EXPECT_EQ((*j)["b"][2].text(), "x");
  EXPECT_TRUE((*j)["b"][3].is_null());
  EXPECT_TRUE((*j)["b"][4].boolean());
  EXPECT_EQ((*j)["a"]["k"].integer(), -3);
  EXPECT_TRUE((*j)["none"]["of"][7]["these"].is_null());
}

TEST(Json, PythonsSpecialNumbers) {
  auto j = Json::Parse(R"({"a": Infinity, "b": [-Infinity, NaN], "c": "a \"NaN\" in text"})", "f");
  ASSERT_TRUE(j.ok()) << j.error().message();
  EXPECT_TRUE(std::isinf((*j)["a"].number()));
  EXPECT_LT((*j)["b"][size_t{0}].number(), 0);
  EXPECT_TRUE(std::isnan((*j)["b"][1].number()));
  EXPECT_EQ((*j)["c"].text(), "a \"NaN\" in text");
}

TEST(Json, BrokenTextIsAnError) {
  for (const char* text : {"", "{", "{\"a\": }", "[1, 2", "nul", "{\"a\" 1}", "\x80"}) {
    auto j = Json::Parse(text, "file");
    ASSERT_FALSE(j.ok()) << text;
    EXPECT_NE(j.error().message().find("'file'"), std::string::npos);
  }
  const std::string deep(100000, '[');
  auto j = Json::Parse(deep, "file");
  ASSERT_FALSE(j.ok());
  EXPECT_NE(j.error().message().find("nesting"), std::string::npos);
}

}  // namespace
}  // namespace octet::importers::keras
