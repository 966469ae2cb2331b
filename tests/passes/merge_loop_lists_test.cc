// SPDX-License-Identifier: Apache-2.0
#include "graph/text.h"
#include "tests/passes/meaning.h"

namespace octet::passes {
namespace {

// h doubles in every round and is written to `list`, which begins with zeros of h's batch.
std::string Doubling(std::string_view limit, std::string_view step, std::string_view row) {
  const auto text = [](std::string_view s) { return std::string(s); };
  return R"(graph main
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
    output y
    graph cond
    input n: i32[]
    input list: f32[4,?,3]
    input h: f32[?,3]
    const limit: i32[] = [)" + text(limit) + R"(]
    less (n, limit) -> (go: bool[])
    output go
    graph body
    input n: i32[]
    input list: f32[4,?,3]
    input h: f32[?,3]
    const step: i32[] = [)" + text(step) + R"(]
    const axis: i32[] = [0]
    const none: i32[] = [0]
    add (n, step) -> (next: i32[])
    add (h, h) -> (twice: f32[?,3])
    expand_dims ()" + text(row) + R"(, axis) -> (row: f32[1,?,3])
    pack (n, none, none) -> (at: i32[3]) values_count=3
    dynamic_update_slice (list, row, at) -> (written: f32[4,?,3])
    output next
    output written
    output twice
    )";
}

struct Case {
  std::string_view limit, step, row;
  bool begins;  // As rows of h.
};

TEST(MergeLoopLists, AListThatIsWrittenAsAWholeBeginsAsRows) {
  const test::Names fills = {"shape", "slice", "concatenation", "fill", "while"}, packs = {"pack", "while"};
  for (const Case& c : {Case{"4", "1", "twice", true}, Case{"3", "1", "twice", false}, Case{"4", "2", "twice", false}, Case{"4", "1", "h", false}}) {
    SCOPED_TRACE(std::string(c.limit) + " " + std::string(c.step) + " " + std::string(c.row));
    Result<graph::Model> model = graph::Parse(Doubling(c.limit, c.step, c.row));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const std::vector<float> x{1, 2, 3}, want = test::Runner(*model).Run(x);
    const Status status = Optimize(*model);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(test::Operators(*model), c.begins ? packs : fills);
    EXPECT_EQ(test::Runner(*model).Run(x), want);
  }
}

// A list of one row that the rounds replace, of which its row is read.
std::string LastRow(std::string_view limit) {
  return R"(graph main
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
    output last
    graph cond
    input n: i32[]
    input list: f32[1,?,3]
    input h: f32[?,3]
    const limit: i32[] = [)" +
         std::string(limit) + R"(]
    less (n, limit) -> (go: bool[])
    output go
    graph body
    input n: i32[]
    input list: f32[1,?,3]
    input h: f32[?,3]
    const step: i32[] = [1]
    const axis: i32[] = [0]
    add (n, step) -> (next: i32[])
    add (h, h) -> (twice: f32[?,3])
    expand_dims (twice, axis) -> (row: f32[1,?,3])
    output next
    output row
    output twice
    )";
}

TEST(MergeLoopLists, AListOfOneRowIsWhatWasWrittenLast) {
  for (const bool runs : {true, false}) {
    Result<graph::Model> model = graph::Parse(LastRow(runs ? "2" : "0"));
    ASSERT_TRUE(model.ok()) << model.error().message();
    const std::vector<float> x{1, 2, 3}, want = test::Runner(*model).Run(x);
    const Status status = Optimize(*model);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(test::Operators(*model), runs ? (test::Names{"tanh", "while"}) : (test::Names{"tanh", "expand_dims", "while", "strided_slice"}));
    EXPECT_EQ(test::Runner(*model).Run(x), want);
  }
}

}  // namespace
}  // namespace octet::passes
