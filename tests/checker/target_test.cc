// SPDX-License-Identifier: Apache-2.0
#include "checker/target.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/model_builder.h"

namespace octet::checker {
namespace {

using test::Builder;

TEST(Targets, AllAreWellFormedAndNameKnownOperators) {
  const std::vector<std::string> names = TargetNames();
  for (const char* name : {"cpu", "gpu", "edgetpu", "nnapi", "coreml", "hexagon", "micro"}) {
    EXPECT_NE(std::ranges::find(names, name), names.end()) << name;
    auto target = LoadTarget(name);
    ASSERT_TRUE(target.ok()) << target.error().message();
    EXPECT_FALSE(target->sources.empty());
    for (const Need& need : target->needs)
      EXPECT_TRUE(need.op == "*" || ops::Find(need.op)) << name << ": " << need.op;
  }
  EXPECT_FALSE(LoadTarget("toaster").ok());
}

TEST(Targets, RulesAreRead) {
  constexpr const char* kRules =
      "title Toy\nsource here\n# a comment\nop add mul\nneed mul rank out <= 3 \"too deep\" -> \"flatten\"\ninstead relu \"use mul\"\n"
      "types i8 \"integers only\" -> \"quantize\"\nstatic \"fixed sizes\" -> \"--input\"\n";
  auto target = ParseTarget("toy", kRules);
  ASSERT_TRUE(target.ok()) << target.error().message();
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 2, 2, 2}, {}});
  const auto y = b.Node("mul", "block/scale", {x, b.Constant<float>("m", Shape{}, {2.0f})});
  b.g().outputs = {b.Node("relu", "block/act", {y})};
  const std::vector<Obstacle> found = Evaluate(*target, b.model);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_NE(found[0].reason.find("integers only"), std::string::npos);
  EXPECT_EQ(found[1].place, "block/scale");
  EXPECT_EQ(found[1].advice, "flatten");
  EXPECT_EQ(found[2].op, "relu");
  EXPECT_EQ(found[2].advice, "use mul");
  EXPECT_EQ(found[3].reason, "fixed sizes");
}

TEST(Targets, MistakesAreNamedByLine) {
  auto target = ParseTarget("toy", "title Toy\nsource here\nop add\nneed add rank zero <= 3 \"a\" -> \"b\"\n");
  ASSERT_FALSE(target.ok());
  EXPECT_NE(target.error().message().find("line 4"), std::string::npos) << target.error().message();
}

}  // namespace
}  // namespace octet::checker
