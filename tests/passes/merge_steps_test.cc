// SPDX-License-Identifier: Apache-2.0
#include "graph/text.h"
#include "tests/passes/meaning.h"

namespace octet::passes {
namespace {

// The columns of x in the other order, read and written one by one; the last one goes to `place`.
std::string Turned(int place) {
  return R"(graph main
input x: f32[2,3]
const zeros: f32[2,3] = [0,0,0,0,0,0]
const first: i32[] = [0]
const second: i32[] = [1]
const third: i32[] = [2]
const left: i32[2] = [0,0]
const middle: i32[2] = [0,1]
const right: i32[2] = [0,)" + std::to_string(place) + R"(]
gather (x, first) -> (a: f32[2]) axis=1
gather (x, third) -> (c: f32[2]) axis=1
gather (x, second) -> (b: f32[2]) axis=1
expand_dims (a, second) -> (ea: f32[2,1])
expand_dims (b, second) -> (eb: f32[2,1])
expand_dims (c, second) -> (ec: f32[2,1])
dynamic_update_slice (zeros, ec, left) -> (one: f32[2,3])
dynamic_update_slice (one, eb, middle) -> (two: f32[2,3])
dynamic_update_slice (two, ea, right) -> (y: f32[2,3])
output y
)";
}

TEST(MergeSteps, AllRowsBecomeOneUnpackAndOnePack) {
  for (const int place : {2, 1}) {  // Where nothing goes to the last column, zeros stay there.
    Result<graph::Model> model = graph::Parse(Turned(place));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const std::vector<float> x = test::RandomFloats(6, 5), want = test::Runner(*model).Run(x);
    ASSERT_TRUE(Optimize(*model).ok());
    const test::Names names = test::Operators(*model);
    EXPECT_EQ(names.front(), "unpack");
    EXPECT_EQ(names.size() == 2 && names.back() == "pack", place == 2);
    EXPECT_EQ(test::Runner(*model).Run(x), want);
  }
}

TEST(MergeSteps, SomeRowsStay) {
  Result<graph::Model> model = graph::Parse(R"(graph main
input x: f32[2,3]
const first: i32[] = [0]
const third: i32[] = [2]
gather (x, first) -> (a: f32[2]) axis=1
gather (x, third) -> (c: f32[2]) axis=1
add (a, c) -> (y: f32[2])
output y
)");
  ASSERT_TRUE(model.ok() && Optimize(*model).ok());
  EXPECT_EQ(test::Operators(*model), (test::Names{"gather", "gather", "add"}));
}

}  // namespace
}  // namespace octet::passes
