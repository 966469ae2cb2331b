// SPDX-License-Identifier: Apache-2.0
#include "graph/text.h"
#include "tests/passes/meaning.h"

namespace octet::passes {
namespace {

test::Names Optimized(std::string_view text) {
  Result<graph::Model> model = graph::Parse(text);
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message());
  const Status status = Optimize(*model);
  EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.message());
  return test::Operators(*model);
}

// Of zeros, too, whose size is put together: one shape is left, and nothing is computed to be counted.
TEST(ReadDimensions, SizesAreAskedOfWhereTheyComeFrom) {
  EXPECT_EQ(Optimized(R"(graph main
input x: f32[?,4]
const first: i32[1] = [0]
const second: i32[1] = [1]
const four: i32[] = [4]
const zero: f32[] = [0]
tanh (x) -> (t: f32[?,4])
shape (t) -> (s: i32[2])
strided_slice (s, first, second, second) -> (n: i32[]) shrink_axis_mask=1
pack (n, four) -> (dims: i32[2]) values_count=2
fill (dims, zero) -> (z: f32[?,4])
shape (z) -> (u: i32[2])
slice (u, first, second) -> (m: i32[1])
output z
output m
)"),
            (test::Names{"shape", "strided_slice", "pack", "fill", "slice"}));
}

// A slice of all the rest is of one number only as long as it is the last.
TEST(ReadDimensions, ASliceOfTheRestStaysOneNumber) {
  Result<graph::Model> model = graph::Parse(R"(graph main
input x: f32[?,4,3]
const last: i32[1] = [1]
const rest: i32[1] = [-1]
const order: i32[3] = [2,0,1]
const rows: i32[1] = [2]
transpose (x, order) -> (t: f32[3,?,4])
sum (t, rows) -> (u: f32[3,?])
shape (u) -> (s: i32[2])
slice (s, last, rest) -> (m: i32[1])
output m
)");
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE(Optimize(*model).ok());
  const graph::Graph& g = model->main();
  ASSERT_EQ(test::Operators(*model), (test::Names{"shape", "slice"}));
  const graph::Node& slice = g.node(g.tensor(g.outputs[0]).producer);
  EXPECT_EQ(g.tensor(slice.inputs[1]).data<int32_t>()[0], 0);
  EXPECT_EQ(g.tensor(slice.inputs[2]).data<int32_t>()[0], 1);
}

// Either side of a sum may be the one that is stretched. A place from the end counts as any other.
TEST(ReadDimensions, SizesThatMayBeOthersStay) {
  EXPECT_EQ(Optimized(R"(graph main
input x: f32[?,4]
input y: f32[?,4]
const first: i32[1] = [0]
const second: i32[1] = [1]
add (x, y) -> (t: f32[?,4])
shape (t) -> (s: i32[2])
strided_slice (s, first, second, second) -> (n: i32[]) shrink_axis_mask=1
output n
)"),
            (test::Names{"add", "shape", "strided_slice"}));
  EXPECT_EQ(Optimized(R"(graph main
input x: f32[4,?]
const back: i32[1] = [-1]
const end: i32[1] = [2]
const one: i32[1] = [1]
const order: i32[2] = [1,0]
transpose (x, order) -> (t: f32[?,4])
expand_dims (t, one) -> (e: f32[?,1,4])
transpose (t, order) -> (w: f32[4,?])
shape (w) -> (s: i32[2])
strided_slice (s, back, end, one) -> (n: i32[1])
output e
output n
)"),
            (test::Names{"transpose", "expand_dims", "shape", "strided_slice"}));
}

// Nothing is computed for the size of zeros that are there already; of another size, they are not the same.
TEST(ReadDimensions, ZerosOfOneSizeAreMadeOnce) {
  const auto zeros = [](const std::string& sized) {
    return Optimized(R"(graph main
input x: f32[?,4]
input y: f32[?,4]
const first: i32[1] = [0]
const second: i32[1] = [1]
const four: i32[] = [4]
const zero: f32[] = [0]
shape (x) -> (s: i32[2])
strided_slice (s, first, second, second) -> (n: i32[]) shrink_axis_mask=1
pack (n, four) -> (dims: i32[2]) values_count=2
fill (dims, zero) -> (z: f32[?,4])
tanh ()" + sized + R"() -> (t: f32[?,4])
zeros_like (t) -> (u: f32[?,4])
minimum (x, z) -> (a: f32[?,4])
maximum (y, u) -> (b: f32[?,4])
output a
output b
)");
  };
  EXPECT_EQ(zeros("x"), (test::Names{"shape", "strided_slice", "pack", "fill", "minimum", "maximum"}));
  EXPECT_EQ(zeros("y"), (test::Names{"shape", "strided_slice", "pack", "fill", "tanh", "zeros_like", "minimum", "maximum"}));
}

// A filter makes of zeros as many zeros as it has outputs: where rows of such are there, those. With a bias, or where it is infinite, it does not.
TEST(ReadDimensions, FilteredZerosAreSummedUp) {
  const auto filtered = [](const std::string& weight, const std::string& bias) {
    return Optimized(R"(graph main
input x: f32[?,3,3,1]
input t: f32[?,?,3,3,2]
const w: f32[2,1,1,1] = [1,)" + weight + R"(]
const b: f32[2] = [0,)" + bias + R"(]
const first: i32[1] = [0]
const second: i32[1] = [1]
const n: i32[1] = [5]
const rest: i32[3] = [3,3,2]
const zero: f32[] = [0]
shape (x) -> (s: i32[4])
slice (s, first, second) -> (batch: i32[1])
concatenation (n, batch, rest) -> (dims: i32[5])
fill (dims, zero) -> (rows: f32[5,?,3,3,2])
zeros_like (x) -> (z: f32[?,3,3,1])
conv_2d (z, w, b) -> (h: f32[?,3,3,2]) stride_w=1 stride_h=1
add (rows, t) -> (y: f32[?,?,3,3,2])
tanh (h) -> (g: f32[?,3,3,2])
output y
output g
)");
  };
  EXPECT_EQ(filtered("2", "0"), (test::Names{"shape", "slice", "concatenation", "fill", "sum", "add", "tanh"}));
  const test::Names whole = {"shape", "slice", "concatenation", "fill", "zeros_like", "conv_2d", "add", "tanh"};
  EXPECT_EQ(filtered("2", "1"), whole);
  EXPECT_EQ(filtered("inf", "0"), whole);
}

}  // namespace
}  // namespace octet::passes
