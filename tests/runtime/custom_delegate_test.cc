// SPDX-License-Identifier: Apache-2.0
// Delegates from shared libraries; tests/runtime/custom_delegate.py builds the example and names it in
// OCTET_EXAMPLE_DELEGATE.
#include <cstdlib>

#include "delegates/load.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

TEST(CustomDelegate, WhatIsNoDelegateIsAClearError) {
  EXPECT_NE(delegates::LoadAll({"gpuu"}).error().message().find("there is no delegate 'gpuu'"), std::string::npos);
  EXPECT_NE(delegates::LoadAll({"/nowhere/lib.so;a=b"}).error().message().find("/nowhere/lib.so"), std::string::npos);
  EXPECT_NE(delegates::LoadAll({";a=b"}).error().message().find("expected a name"), std::string::npos);
  EXPECT_NE(delegates::LoadAll({"x;=b"}).error().message().find("key=value"), std::string::npos);
  const auto cpu = delegates::LoadAll({"cpu"});
  ASSERT_TRUE(cpu.ok());
  EXPECT_TRUE(cpu->empty());
}

TEST(CustomDelegate, TheExampleRuns) {
  const char* library = std::getenv("OCTET_EXAMPLE_DELEGATE");
  if (!library) GTEST_SKIP() << "OCTET_EXAMPLE_DELEGATE names no library";
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 8}, {}});
  const auto a = b.Node("add", "a", {x, b.Constant<float>("c", Shape{1, 8}, test::RandomFloats(8, 2))});
  const auto t = b.Node("tanh", "t", {a});
  b.g().outputs = {b.Node("mul", "y", {t, a})};
  const std::vector<float> in = test::RandomFloats(8, 1), expected = test::Runner(b.model).Run<float>(in);
  for (const std::string only : {"", ";only=add", ";only=mul"}) {
    auto list = delegates::LoadAll({library + only});
    ASSERT_TRUE(list.ok()) << list.error().message();
    runtime::Options options;
    options.delegates.list = std::move(*list);
    test::Runner runner(b.model, std::move(options));
    EXPECT_EQ(runner.Run<float>(in), expected);
    EXPECT_EQ(runner.it->delegates()[0].nodes, only.empty() ? 2 : 1) << only;
  }
}

}  // namespace
}  // namespace octet
