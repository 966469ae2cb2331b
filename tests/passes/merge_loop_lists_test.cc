// SPDX-License-Identifier: Apache-2.0
#include "graph/text.h"
#include "tests/passes/loop_text.h"
#include "tests/passes/meaning.h"

namespace octet::passes {
namespace {

// h doubles in every round and is written to `list`, which begins with zeros of h's batch.
std::string Doubling(const std::string& limit, const std::string& step, const std::string& row) {
  const test::LoopText loop{.main = R"(
    input h: f32[?,3]
    const start: i32[] = [0]
    const first: i32[1] = [0]
    const one: i32[1] = [1]
    const rows: i32[1] = [4]
    const units: i32[1] = [3]
    const zero: f32[] = [0]
    shape (h) -> (s: i32[2]) out_type=2
    slice (s, first, one) -> (batch: i32[1])
    concatenation (rows, batch, units) -> (size: i32[3])
    fill (size, zero) -> (zeros: f32[4,?,3])
    while (start, zeros, h) -> (m: i32[], list: f32[4,?,3], y: f32[?,3]) cond_subgraph_index=#1 body_subgraph_index=#2
    output list
    output y)",
                            .variables = R"(
    input n: i32[]
    input list: f32[4,?,3]
    input h: f32[?,3])",
                            .condition = test::Below(limit),
                            .body = test::Whole("step", step) + test::Whole("axis", "0") + test::Whole("none", "0") + R"(
    add (n, step) -> (next: i32[])
    add (h, h) -> (twice: f32[?,3])
    expand_dims ()" + row + R"(, axis) -> (row: f32[1,?,3])
    pack (n, none, none) -> (at: i32[3]) values_count=3
    dynamic_update_slice (list, row, at) -> (written: f32[4,?,3])
    output next
    output written
    output twice)"};
  return loop.text();
}

// A list of one row that the rounds replace, of which its row is read.
std::string LastRow(const std::string& limit) {
  const test::LoopText loop{.main = R"(
    input h: f32[?,3]
    const start: i32[] = [0]
    const axis: i32[] = [0]
    const back: i32[1] = [-1]
    const end: i32[1] = [0]
    const one: i32[1] = [1]
    tanh (h) -> (begun: f32[?,3])
    expand_dims (h, axis) -> (rows: f32[1,?,3])
    while (start, rows, begun) -> (m: i32[], list: f32[1,?,3], y: f32[?,3]) cond_subgraph_index=#1 body_subgraph_index=#2
    strided_slice (list, back, end, one) -> (last: f32[?,3]) shrink_axis_mask=1
    output last)",
                            .variables = R"(
    input n: i32[]
    input list: f32[1,?,3]
    input h: f32[?,3])",
                            .condition = test::Below(limit),
                            .body = test::Whole("step", "1") + test::Whole("axis", "0") + R"(
    add (n, step) -> (next: i32[])
    add (h, h) -> (twice: f32[?,3])
    expand_dims (twice, axis) -> (row: f32[1,?,3])
    output next
    output row
    output twice)"};
  return loop.text();
}

// Optimised, it has these operators and gives the same as before.
void ExpectOperators(const std::string& text, const test::Names& operators) {
  Result<graph::Model> model = graph::Parse(text);
  ASSERT_TRUE(model.ok()) << model.error().message();
  const std::vector<float> x{1, 2, 3}, want = test::Runner(*model).Run(x);
  const Status status = Optimize(*model);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(test::Operators(*model), operators);
  EXPECT_EQ(test::Runner(*model).Run(x), want);
}

TEST(MergeLoopLists, AListThatIsWrittenAsAWholeBeginsAsRows) {
  const test::Names fills = {"shape", "slice", "concatenation", "fill", "while"}, packs = {"pack", "while"};
  ExpectOperators(Doubling("4", "1", "twice"), packs);
  ExpectOperators(Doubling("3", "1", "twice"), fills);
  ExpectOperators(Doubling("4", "2", "twice"), fills);
  ExpectOperators(Doubling("4", "1", "h"), fills);
}

TEST(MergeLoopLists, AListOfOneRowIsWhatWasWrittenLast) {
  ExpectOperators(LastRow("2"), {"tanh", "while"});
  ExpectOperators(LastRow("0"), {"tanh", "expand_dims", "while", "strided_slice"});
}

}  // namespace
}  // namespace octet::passes
