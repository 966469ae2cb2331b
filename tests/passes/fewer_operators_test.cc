// SPDX-License-Identifier: Apache-2.0
// Rewrites that leave fewer operators than the source has.
#include "graph/text.h"
#include "ops/conv_3d_util.h"
#include "tests/passes/meaning.h"

namespace octet {
namespace {

using test::Builder;
using test::ExpectBecomes;
using test::ExpectSameMeaning;
using test::Names;

graph::TensorId Reshaped(Builder& b, const std::string& name, graph::TensorId x, const std::vector<int32_t>& shape) {
  return b.Node("reshape", name, {x, b.Constant<int32_t>(name + "/shape", Shape{static_cast<int32_t>(shape.size())}, shape)});
}

graph::TensorId Dense(Builder& b, const std::string& name, graph::TensorId x, int32_t out) {
  const int32_t in = b.g().tensor(x).type.shape.back();
  return b.Node("fully_connected", name,
                {x, b.Constant<float>(name + "/w", Shape{out, in}, test::RandomFloats(static_cast<size_t>(out * in), 3)), graph::kNoTensor});
}

// A recurrent cell's x W + h U + b. What is added twice, or before an activation, stays where it is.
TEST(FewerOperators, ConstantsOfASumGoToALayer) {
  for (const bool clipped : {false, true}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, Shape{2, 4}, {}});
    graph::Attributes attrs(ops::Find("add")->attrs);
    if (clipped) *static_cast<ops::Activation*>(ops::Find("add")->attrs.rows[0].at(attrs.get())) = ops::Activation::kRelu;
    const auto sum = b.g().AddTensor("sum", {DType::kF32, Shape{2, 3}, {}});
    b.g().AddNode(*ops::Find("add"), attrs, {Dense(b, "a", x, 3), Dense(b, "b", b.Node("tanh", "t", {x}), 3)}, {sum}, "sum");
    b.g().outputs = {b.Node("add", "y", {sum, b.Constant<float>("k", Shape{3}, {0.5f, -1, 2})})};
    ExpectSameMeaning(b, Shape{2, 4},
                      clipped ? Names{"fully_connected", "tanh", "fully_connected", "add", "add"} : Names{"fully_connected", "tanh", "fully_connected", "add"});
  }
}

// As many filters as the kernel is deep: the channels are the weights' last axis, and those of a transposed convolution the one before. The source gives no
// bias.
TEST(FewerOperators, FactorsOfVolumesGoIntoTheFilter) {
  for (const bool transposed : {false, true}) {
    Builder b;
    const Shape shape{1, 4, 4, 4, 2};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto w = b.Constant<float>("w", transposed ? Shape{3, 2, 2, 3, 2} : Shape{3, 2, 2, 2, 3}, test::RandomFloats(72, 3));
    const ops::OpDef& op = *ops::Find(transposed ? "conv_3d_transpose" : "conv_3d");
    graph::Attributes attrs(op.attrs);
    attrs.as<ops::Conv3dAttrs>() = {.padding = ops::Padding::kValid, .stride_d = 1, .stride_w = 1, .stride_h = 1};
    const auto y = b.g().AddTensor("y", {DType::kF32, transposed ? Shape{1, 6, 5, 5, 3} : Shape{1, 2, 3, 3, 3}, {}});
    std::vector<graph::TensorId> inputs = {x, w};
    if (transposed) inputs = {b.Constant<int32_t>("out", Shape{5}, {1, 6, 5, 5, 3}), w, x};
    b.g().AddNode(op, attrs, inputs, {y}, "y");
    const auto scaled = b.Node("mul", "scaled", {y, b.Constant<float>("k", Shape{3}, {0.5f, -1, 2})});
    b.g().outputs = {b.Node("add", "z", {scaled, b.Constant<float>("a", Shape{3}, {1, 2, 3})})};
    ExpectSameMeaning(b, shape, {transposed ? "conv_3d_transpose" : "conv_3d"});
  }
}

// A convolution over sequences is one over images and a reshape: a cell's sums and products of such are computed before it.
// One that moves the open dimension stays, because numbers of one row could be stretched over others.
TEST(FewerOperators, WhatIsReshapedAlikeMeetsBefore) {
  const auto operators = [](const std::string& from, const std::string& to, const std::string& wanted) {
    Result<graph::Model> model = graph::Parse("graph main\ninput x: f32" + from + "\ninput y: f32" + from + "\nconst s: i32[3] = " + wanted + R"(
const half: f32[] = [0.5]
reshape (x, s) -> (a: f32)" + to + R"()
reshape (y, s) -> (b: f32)" + to + R"()
mul (b, half) -> (c: f32)" + to + R"()
tanh (c) -> (d: f32)" + to + R"()
add (a, d) -> (e: f32)" + to + ")\noutput e\n");
    EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message());
    EXPECT_TRUE(passes::Optimize(*model).ok());
    return test::Operators(*model);
  };
  EXPECT_EQ(operators("[?,1,4,3]", "[?,4,3]", "[-1,4,3]"), (Names{"mul", "tanh", "add", "reshape"}));
  EXPECT_EQ(operators("[2,?,3]", "[?,2,3]", "[-1,2,3]"), (Names{"reshape", "reshape", "mul", "tanh", "add"}));
}

// Convolutions over sequences of any number and length, as PyTorch exports them: between them, nothing is squeezed.
TEST(FewerOperators, SequencesStayImagesBetweenConvolutions) {
  Result<graph::Model> model = graph::Parse(R"(graph main
input x: f32[?,1,?,4]
const w: f32[4,1,1,4] = [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]
const b: f32[4] = [0,0,0,0]
const axis: i32[] = [1]
conv_2d (x, w, b) -> (c: f32[?,1,?,4]) stride_h=1 stride_w=1
squeeze (c) -> (s: f32[?,?,4]) squeeze_dims=[1]
tanh (s) -> (t: f32[?,?,4])
expand_dims (t, axis) -> (e: f32[?,1,?,4])
conv_2d (e, w, b) -> (d: f32[?,1,?,4]) stride_h=1 stride_w=1
squeeze (d) -> (r: f32[?,?,4]) squeeze_dims=[1]
tanh (r) -> (u: f32[?,?,4])
add (s, u) -> (y: f32[?,?,4])
output y
)");
  ASSERT_TRUE(model.ok()) << model.error().message();
  ASSERT_TRUE(passes::Optimize(*model).ok());
  EXPECT_EQ(test::Operators(*model), (Names{"conv_2d", "tanh", "conv_2d", "tanh", "add", "squeeze"}));
}

// Repeated rows are no ones: theirs stays.
TEST(FewerOperators, RepeatingWhatAProductSpreadsGoes) {
  for (const auto& [rows, operators] : {std::pair(1, Names{"mul"}), std::pair(2, Names{"tile", "mul"})}) {
    Builder b;
    const Shape shape{rows, 3, 1};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto wide = b.Node("tile", "wide", {x, b.Constant<int32_t>("times", Shape{3}, {2, 1, 2})});
    b.g().outputs = {b.Node("mul", "y", {wide, b.Constant<float>("k", Shape{2 * rows, 3, 2}, test::RandomFloats(static_cast<size_t>(12 * rows), 4))})};
    ExpectSameMeaning(b, shape, operators);
  }
}

TEST(FewerOperators, SlicesOfEverythingGo) {
  ExpectBecomes(
      R"(graph main
input x: f32[4,3]
const begin: i32[2] = [0,0]
const end: i32[2] = [4,3]
const step: i32[2] = [1,1]
const back: i32[2] = [-1,1]
strided_slice (x, begin, end, step) -> (all: f32[4,3])
strided_slice (all, begin, end, back) -> (turned: f32[4,3]) begin_mask=1 end_mask=1
exp (turned) -> (y: f32[4,3])
output y
)",
      R"(graph main
input x: f32[4,3]
const begin: i32[2] = [0,0]
const end: i32[2] = [4,3]
const back: i32[2] = [-1,1]
strided_slice (x, begin, end, back) -> (turned: f32[4,3]) begin_mask=1 end_mask=1 ellipsis_mask=0 new_axis_mask=0 shrink_axis_mask=0 offset=false
exp (turned) -> (y: f32[4,3])
output y
)");
}

// Of the second pair the parts are not equal.
TEST(FewerOperators, SlicesThatAreAllPartsBecomeASplit) {
  for (const auto& [cut, operators] : {std::pair(2, Names{"split", "sub"}), std::pair(1, Names{"strided_slice", "strided_slice", "sub"})}) {
    Builder b;
    const Shape shape{3, 4};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto slice = [&](const std::string& name, int32_t from, int32_t to, int32_t end_mask) {
      return b.Node("strided_slice", name,
                    {x, b.Constant<int32_t>(name + "/from", Shape{2}, {0, from}), b.Constant<int32_t>(name + "/to", Shape{2}, {0, to}),
                     b.Constant<int32_t>(name + "/step", Shape{2}, {1, 1})},
                    {}, [=](graph::Node& n) {
                      test::SetAttr<int32_t>(n, "begin_mask", 1);
                      test::SetAttr<int32_t>(n, "end_mask", end_mask);
                    });
    };
    const auto last = slice("last", -2, 0, 3), first = slice("first", 0, cut, 1);
    b.g().outputs = {b.Node("sub", "y", {last, first})};
    ExpectSameMeaning(b, shape, operators);
  }
}

// Of a dimension of unknown size, what is cut off does not show in the shape.
TEST(FewerOperators, SlicesOfUnknownSizeAreNoParts) {
  for (const auto& [end, operators] : {std::pair("0", Names{"split", "exp", "abs"}), std::pair("-1", Names{"strided_slice", "strided_slice", "exp", "abs"})}) {
    const bool all = end == std::string("0");
    auto model = graph::Parse(std::string(R"(graph main
input x: f32[?,4]
const from: i32[2] = [0,0]
const middle: i32[2] = [)") + end + R"(,2]
const half: i32[2] = [0,2]
const to: i32[2] = [0,4]
const step: i32[2] = [1,1]
strided_slice (x, from, middle, step) -> (a: f32[?,2]) begin_mask=1 end_mask=)" + (all ? "1" : "0") + R"(
strided_slice (x, half, to, step) -> (b: f32[?,2]) begin_mask=1 end_mask=1
exp (a) -> (y: f32[?,2])
abs (b) -> (z: f32[?,2])
output y
output z
)");
    ASSERT_TRUE(model.ok()) << model.error().message();
    ASSERT_TRUE(passes::Optimize(*model).ok());
    EXPECT_EQ(test::Operators(*model), operators);
  }
}

TEST(FewerOperators, AMatrixTimesAVectorIsADenseLayer) {
  for (const Shape& shape : {Shape{3}, Shape{2, 3}}) {
    Builder b;
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    std::vector<int32_t> columns(shape.dims().begin(), shape.dims().end()), rows = columns;
    columns.push_back(1);
    rows.back() = 4;
    const auto product =
        b.Node("batch_matmul", "product", {b.Constant<float>("matrix", Shape{4, 3}, test::RandomFloats(12, 2)), Reshaped(b, "columns", x, columns)});
    b.g().outputs = {b.Node("add", "y", {Reshaped(b, "vector", product, rows), b.Constant<float>("bias", Shape{4}, {1, 2, 3, 4})})};
    ExpectSameMeaning(b, shape, shape.rank() == 1 ? Names{"reshape", "fully_connected", "reshape"} : Names{"fully_connected"});
  }
}

TEST(FewerOperators, ReshapesOfAnyKindMerge) {
  Builder b;
  const Shape shape{4, 1, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto flat = Reshaped(b, "flat", x, {12});
  b.g().outputs = {b.Node("exp", "y", {b.Node("expand_dims", "column", {flat, b.Constant<int32_t>("axis", Shape{}, {1})})})};
  ExpectSameMeaning(b, shape, {"reshape", "exp"});
}

// TensorFlow writes a dense layer over sequences as a product of matrices between reshapes, and its bias behind them.
TEST(FewerOperators, ADenseLayerKeepsItsDimensions) {
  Builder b;
  const Shape shape{2, 5, 4};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto product = Dense(b, "product", Reshaped(b, "rows", x, {10, 4}), 6);
  const auto sum = b.Node("add", "sum", {Reshaped(b, "sequence", product, {2, 5, 6}), b.Constant<float>("bias", Shape{6}, {1, 2, 3, 4, 5, 6})});
  b.g().outputs = {b.Node("relu", "y", {sum})};
  ExpectSameMeaning(b, shape, {"fully_connected"});
}

TEST(FewerOperators, TheHeadsOfAnAttentionHaveTheirBiasBeforeTheyAreCut) {
  Builder b;
  const Shape shape{2, 5, 4};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto heads = Reshaped(b, "heads", Dense(b, "product", x, 6), {2, 5, 3, 2});
  b.g().outputs = {b.Node("add", "y", {heads, b.Constant<float>("bias", Shape{3, 2}, {1, 2, 3, 4, 5, 6})})};
  ExpectSameMeaning(b, shape, {"fully_connected", "reshape"});
  Builder other;  // A number per head, not per channel.
  const auto cut = Reshaped(other, "heads", Dense(other, "product", other.Input("x", {DType::kF32, shape, {}}), 6), {2, 5, 3, 2});
  other.g().outputs = {other.Node("add", "y", {cut, other.Constant<float>("bias", Shape{3, 1}, {1, 2, 3})})};
  ExpectSameMeaning(other, shape, {"fully_connected", "reshape", "add"});
}

TEST(FewerOperators, TheScaleOfAnAttentionGoesIntoTheQueries) {
  Builder b;
  const Shape shape{2, 5, 4};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto q =
      b.Node("transpose", "turned", {Reshaped(b, "queries", Dense(b, "q", x, 6), {2, 5, 3, 2}), b.Constant<int32_t>("order", Shape{4}, {0, 2, 1, 3})});
  const auto k = b.Constant<float>("keys", Shape{2, 3, 2, 7}, test::RandomFloats(84, 9));
  b.g().outputs = {b.Node("mul", "y", {b.Node("batch_matmul", "scores", {q, k}), b.Constant<float>("scale", Shape{}, {0.25f})})};
  ExpectSameMeaning(b, shape, {"fully_connected", "reshape", "transpose", "batch_matmul"});
}

// With another reader, the output's name goes to the one that stays.
TEST(FewerOperators, AnOutputMergesWithItsTwin) {
  ExpectBecomes(
      R"(graph main
input x: f32[3]
exp (x) -> (one: f32[3])
abs (one) -> (z: f32[3])
exp (x) -> (y: f32[3])
output y
output z
)",
      R"(graph main
input x: f32[3]
exp (x) -> (y: f32[3])
abs (y) -> (z: f32[3])
output y
output z
)");
}

TEST(FewerOperators, SignsMoveIntoSums) {
  ExpectBecomes(
      R"(graph main
input x: f32[2,3]
const c: f32[3] = [1,-2,3]
neg (x) -> (minus: f32[2,3])
mul (minus, x) -> (square: f32[2,3])
add (square, c) -> (sum: f32[2,3])
neg (x) -> (minus2: f32[2,3])
exp (x) -> (e: f32[2,3])
sub (e, minus2) -> (plus: f32[2,3])
mul (sum, plus) -> (y: f32[2,3])
output y
)",
      R"(graph main
input x: f32[2,3]
const c: f32[3] = [1,-2,3]
mul (x, x) -> (square: f32[2,3]) fused_activation_function=0
sub (c, square) -> (sum: f32[2,3]) fused_activation_function=0 pot_scale_int16=true
exp (x) -> (e: f32[2,3])
add (e, x) -> (plus: f32[2,3]) fused_activation_function=0 pot_scale_int16=true
mul (sum, plus) -> (y: f32[2,3]) fused_activation_function=0
output y
)");
}

// -softplus(-x), where softplus(x) is relu(x) - log(logistic(|x|)).
TEST(FewerOperators, SignsLeaveTheLogarithmOfASigmoid) {
  Builder b;
  const Shape shape{2, 3};
  const auto minus = b.Node("neg", "minus", {b.Input("x", {DType::kF32, shape, {}})});
  const auto log = b.Node("log", "log", {b.Node("logistic", "logistic", {b.Node("abs", "abs", {minus})})});
  b.g().outputs = {b.Node("neg", "y", {b.Node("sub", "softplus", {b.Node("relu", "relu", {minus}), log})})};
  ExpectSameMeaning(b, shape, {"abs", "logistic", "log", "minimum", "add"});
}

TEST(FewerOperators, WhatIsPutTogetherAgainWasNeverCut) {
  for (const auto& [axis, operators] : {std::pair(1, Names{"abs"}), std::pair(0, Names{"unpack", "pack", "abs"})}) {
    Builder b;
    const Shape shape{2, 2, 3};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const ops::OpDef& unpack = *ops::Find("unpack");
    std::vector<graph::TensorId> parts;
    for (const char* name : {"one", "two"}) parts.push_back(b.g().AddTensor(name, {DType::kF32, Shape{2, 3}, {}}));
    graph::Node& cut = b.g().node(b.g().AddNode(unpack, graph::Attributes(unpack.attrs), {x}, parts, "cut"));
    test::SetAttr<int32_t>(cut, "num", 2);
    test::SetAttr<int32_t>(cut, "axis", 1);
    const auto whole = b.Node("pack", "whole", parts, {}, [axis = axis](graph::Node& n) {
      test::SetAttr<int32_t>(n, "values_count", 2);
      test::SetAttr<int32_t>(n, "axis", axis);
    });
    b.g().outputs = {b.Node("abs", "y", {whole})};
    ExpectSameMeaning(b, shape, operators);
  }
}

TEST(FewerOperators, AStateOfZeroDisappearsFromTheFirstStep) {
  for (const auto& [gate, operators] : {std::pair("logistic", Names{"exp"}), std::pair("exp", Names{"exp", "mul", "add"})}) {  // exp may be infinite.
    Builder b;
    const Shape shape{2, 3};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto kept = b.Node("mul", "kept", {b.Node(gate, "gate", {x}), b.Constant<float>("state", shape, std::vector<float>(6, 0.0f))});
    b.g().outputs = {b.Node("add", "y", {kept, b.Node("exp", "e", {x})})};
    ExpectSameMeaning(b, shape, operators);
  }
}

TEST(FewerOperators, BoundsBecomeActivations) {
  Builder b;
  const Shape shape{2, 3};
  const auto scalar = [&](const std::string& name, float v) { return b.Constant<float>(name, Shape{}, {v}); };
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto six = b.Node("maximum", "six", {b.Node("minimum", "most", {x, scalar("6", 6)}), scalar("0", 0)});
  const auto one = b.Node("minimum", "one", {b.Node("maximum", "least", {six, scalar("-1", -1)}), scalar("1", 1)});
  b.g().outputs = {b.Node("maximum", "y", {scalar("zero", 0), b.Node("minimum", "other", {one, scalar("0.5", 0.5f)})})};
  ExpectSameMeaning(b, shape, {"relu6", "relu_n1_to_1", "minimum", "relu"});
}

TEST(FewerOperators, DivisionByTheNormIsOneOperator) {
  for (const bool root : {true, false}) {
    for (const int32_t axis : {-1, 0}) {
      Builder b;
      const Shape shape{2, 3};
      const auto x = b.Input("x", {DType::kF32, shape, {}});
      const auto sum = b.Node("sum", "sum", {b.Node("square", "square", {x}), b.Constant<int32_t>("axis", Shape{1}, {axis})}, {},
                              [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); });
      const auto bounded = b.Node("maximum", "bounded", {sum, b.Constant<float>("least", Shape{}, {1e-12f})});
      const auto norm = b.Node(root ? "sqrt" : "rsqrt", "norm", {bounded});
      b.g().outputs = {b.Node(root ? "div" : "mul", "y", {x, norm})};
      ExpectSameMeaning(b, shape, axis < 0 ? Names{"l2_normalization"} : Names{"square", "sum", "maximum", root ? "sqrt" : "rsqrt", root ? "div" : "mul"});
    }
  }
}

// Keras 3's normalization; a bound that norms meet is another function.
TEST(FewerOperators, TheInverseNormMayBeBoundedFromAbove) {
  for (const float most : {1e12f, 2.0f}) {
    Builder b;
    const Shape shape{2, 3};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto sum = b.Node("sum", "sum", {b.Node("square", "square", {x}), b.Constant<int32_t>("axis", Shape{1}, {-1})}, {},
                            [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); });
    b.g().outputs = {b.Node("mul", "y", {x, b.Node("minimum", "inverse", {b.Node("rsqrt", "root", {sum}), b.Constant<float>("most", Shape{}, {most})})})};
    ExpectSameMeaning(b, shape, most > 2 ? Names{"l2_normalization"} : Names{"square", "sum", "rsqrt", "minimum", "mul"});
  }
}

TEST(FewerOperators, PowersHaveNames) {
  Builder b;
  const Shape shape{2, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto power = [&](const std::string& name, graph::TensorId t, float n) {
    return b.Node("pow", name, {t, b.Constant<float>(name + "/n", Shape{}, {n})});
  };
  b.g().outputs = {power("y", power("root", power("same", power("square", x, 2), 1), 0.5f), 3)};
  ExpectSameMeaning(b, shape, {"mul", "sqrt", "pow"});
}

TEST(FewerOperators, ZeroMinusIsTheNegative) {
  Builder b;
  const Shape shape{2, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  b.g().outputs = {b.Node("exp", "y", {b.Node("sub", "negative", {b.Constant<float>("zeros", Shape{3}, {0, 0, 0}), x})})};
  ExpectSameMeaning(b, shape, {"neg", "exp"});
}

TEST(FewerOperators, AZeroToSelectNeedsNoShape) {
  Builder b;
  const Shape shape{2, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto above = b.Node("greater", "above", {x, b.Constant<float>("limit", Shape{}, {0.25f})}, {DType::kBool, shape, {}});
  b.g().outputs = {b.Node("select_v2", "y", {above, b.Node("zeros_like", "zeros", {x}), x})};
  ExpectSameMeaning(b, shape, {"greater", "select_v2"});
}

// Of another tensor than the factor it is no mish.
TEST(FewerOperators, MishTakesOneSigmoid) {
  for (const bool same : {true, false}) {
    Builder b;
    const Shape shape{2, 3};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto tail = b.Node("log", "log", {b.Node("logistic", "sigmoid", {b.Node("abs", "abs", {x})})});
    const auto t = b.Node("tanh", "tanh", {b.Node("sub", "softplus", {b.Node("relu", "relu", {x}), tail})});
    b.g().outputs = {b.Node("mul", "y", {t, same ? x : b.Node("exp", "other", {x})})};
    ExpectSameMeaning(b, shape, same ? Names{"neg", "logistic", "log", "tanh", "mul"} : Names{"abs", "logistic", "log", "relu", "sub", "tanh", "exp", "mul"});
  }
}

TEST(FewerOperators, SizesThatArithmeticLeavesAreLeft) {
  Builder b;
  const auto x = b.Input("x", {DType::kI32, Shape{3}, {}});
  const auto one = b.Constant<int32_t>("one", Shape{}, {1}), zero = b.Constant<int32_t>("zero", Shape{}, {0});
  const TensorType type{DType::kI32, Shape{3}, {}};
  b.g().outputs = {b.Node("neg", "y", {b.Node("add", "sum", {b.Node("mul", "product", {x, one}, type), zero}, type)}, type)};
  ASSERT_TRUE(passes::Optimize(b.model).ok());
  EXPECT_EQ(b.g().order().size(), 1u);
}

TEST(FewerOperators, MeansAlongAxesOfOneAreNone) {
  Builder b;
  const Shape shape{2, 1, 1, 3};  // The last image of a network whose input is small.
  const auto axes = b.Constant<int32_t>("axes", Shape{2}, {1, -2});
  const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
  const auto mean = b.Node("mean", "mean", {b.Input("x", {DType::kF32, shape, {}}), axes}, {}, keep);
  b.g().outputs = {b.Node("exp", "y", {b.Node("reduce_max", "most", {mean, axes}, {}, keep)})};
  ExpectSameMeaning(b, shape, Names{"exp"});
}

TEST(FewerOperators, ExponentialsOverTheirSumAreSoftmax) {
  for (const int32_t axis : {1, 0}) {
    Builder b;
    const Shape shape{2, 3};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto along = b.Constant<int32_t>("axis", Shape{1}, {axis});
    const auto keep = [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); };
    const auto e = b.Node("exp", "e", {b.Node("sub", "difference", {x, b.Node("reduce_max", "most", {x, along}, {}, keep)})});
    b.g().outputs = {b.Node("div", "y", {e, b.Node("sum", "sum", {e, along}, {}, keep)})};
    ExpectSameMeaning(b, shape, axis == 1 ? Names{"softmax"} : Names{"reduce_max", "sub", "exp", "sum", "div"});
  }
}

TEST(FewerOperators, HardSwishInAnyOrder) {
  for (const int order : {0, 1, 2}) {
    Builder b;
    const Shape shape{2, 3};
    const auto scalar = [&](const std::string& name, float v) { return b.Constant<float>(name, Shape{}, {v}); };
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto clipped = b.Node("relu6", "clipped", {b.Node("add", "sum", {x, scalar("3", 3)})});
    const auto sixth = [&](graph::TensorId t) {
      return order == 0 ? b.Node("div", "sixth", {t, scalar("6", 6)}) : b.Node("mul", "sixth", {scalar("1/6", 1.0f / 6), t});
    };
    b.g().outputs = {order == 2 ? b.Node("mul", "y", {sixth(clipped), x}) : sixth(b.Node("mul", "y", {x, clipped}))};
    ExpectSameMeaning(b, shape, {"hard_swish"});
  }
}

TEST(FewerOperators, ConstantsOneAfterTheOtherAreOne) {
  Builder b;
  const Shape shape{2, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto scaled =
      b.Node("mul", "scaled", {b.Node("mul", "half", {x, b.Constant<float>("0.5", Shape{}, {0.5f})}), b.Constant<float>("m", Shape{3}, {1, 2, 3})});
  const auto shifted =
      b.Node("sub", "shifted", {b.Node("sub", "less", {scaled, b.Constant<float>("1", Shape{}, {1})}), b.Constant<float>("a", Shape{3}, {3, 4, 5})});
  b.g().outputs = {b.Node("relu", "y", {b.Node("add", "more", {shifted, b.Constant<float>("0.25", Shape{}, {0.25f})})})};
  ExpectSameMeaning(b, shape, {"mul", "sub"});
}

// x + 2^23 - 2^23 rounds to whole numbers.
TEST(FewerOperators, ConstantsThatCancelAreThereForTheRounding) {
  Builder b;
  const Shape shape{2, 3};
  const auto whole = b.Constant<float>("whole", Shape{}, {0x1p23f});
  b.g().outputs = {b.Node("sub", "y", {b.Node("add", "up", {b.Input("x", {DType::kF32, shape, {}}), whole}), whole})};
  ExpectSameMeaning(b, shape, {"add", "sub"});
}

TEST(FewerOperators, SquaresOfDifferencesAndInverseRoots) {
  Builder b;
  const Shape shape{2, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto one = b.Node("sub", "one", {x, b.Constant<float>("c", Shape{3}, {1, 2, 3})}),
             two = b.Node("sub", "two", {b.Constant<float>("d", Shape{}, {4}), x});
  const auto sum = b.Node("add", "sum", {b.Node("square", "first", {one}), b.Node("mul", "second", {two, two})});
  b.g().outputs = {b.Node("div", "y", {b.Constant<float>("numerator", Shape{}, {1}), b.Node("sqrt", "root", {sum})})};
  ExpectSameMeaning(b, shape, {"squared_difference", "squared_difference", "add", "rsqrt"});
}

TEST(FewerOperators, NegatedComparisonsAreTheOpposite) {
  ExpectBecomes(
      R"(graph main
input x: f32[3]
const c: f32[] = [0.5]
const f: f32[] = [2]
equal (x, c) -> (same: bool[3])
logical_not (same) -> (other: bool[3])
less (x, c) -> (below: bool[3])
logical_not (below) -> (not_below: bool[3])
logical_and (other, not_below) -> (both: bool[3])
select_v2 (both, x, f) -> (y: f32[3])
output y
)",
      R"(graph main
input x: f32[3]
const c: f32[] = [0.5]
const f: f32[] = [2]
not_equal (x, c) -> (other: bool[3])
less (x, c) -> (below: bool[3])
logical_not (below) -> (not_below: bool[3])
logical_and (other, not_below) -> (both: bool[3])
select_v2 (both, x, f) -> (y: f32[3])
output y
)");
}

// Both numbers of the second are below its bound.
TEST(FewerOperators, WhichOfTwoNumbersWasSelectedIsTheCondition) {
  ExpectBecomes(
      R"(graph main
input x: f32[3]
const c: f32[] = [0]
const yes: i32[] = [-8]
const no: i32[] = [0]
const more: i32[] = [1]
less (x, c) -> (negative: bool[3])
select_v2 (negative, yes, no) -> (sign: i32[3])
less (sign, no) -> (asked: bool[3])
less (sign, more) -> (always: bool[3])
logical_and (asked, always) -> (both: bool[3])
select_v2 (both, c, x) -> (y: f32[3])
output y
)",
      R"(graph main
input x: f32[3]
const c: f32[] = [0]
const yes: i32[] = [-8]
const no: i32[] = [0]
const more: i32[] = [1]
less (x, c) -> (negative: bool[3])
select_v2 (negative, yes, no) -> (sign: i32[3])
less (sign, more) -> (always: bool[3])
logical_and (negative, always) -> (both: bool[3])
select_v2 (both, c, x) -> (y: f32[3])
output y
)");
}

TEST(FewerOperators, OnesBeforeAShapeAreNoReshape) {
  for (const auto& [wanted, operators] :
       {std::pair(std::vector<int32_t>{1, 1, 4}, Names{"abs", "add"}), std::pair(std::vector<int32_t>{1, 4, 1}, Names{"abs", "reshape", "add"})}) {
    Builder b;
    const Shape shape{1, 4};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    b.g().outputs = {
        b.Node("add", "y", {b.Constant<float>("table", Shape{3, 4, 4}, test::RandomFloats(48, 1)), Reshaped(b, "column", b.Node("abs", "abs", {x}), wanted)})};
    ExpectSameMeaning(b, shape, operators);
  }
}

TEST(FewerOperators, PoolsHaveActivations) {
  for (const char* pool : {"max_pool_2d", "average_pool_2d"}) {
    Builder b;
    const Shape shape{1, 4, 4, 3};
    const auto pooled = b.Node(pool, "pool", {b.Input("x", {DType::kF32, shape, {}})}, {}, [](graph::Node& n) {
      for (const char* name : {"stride_h", "stride_w", "filter_height", "filter_width"}) test::SetAttr<int32_t>(n, name, 2);
    });
    b.g().outputs = {b.Node("relu", "y", {pooled})};
    ExpectSameMeaning(b, shape, {pool});
  }
}

TEST(FewerOperators, WhatIsDoneToTheInputFoldsIntoTheLayer) {
  Builder b;
  const Shape shape{1, 5, 5, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto scaled = b.Node("mul", "scaled", {x, b.Constant<float>("m", Shape{3}, {0.5f, -2.0f, 3.0f})});
  const auto shifted = b.Node("sub", "shifted", {scaled, b.Constant<float>("a", Shape{3}, {1.0f, 0.5f, -1.0f})});
  const auto attrs = [](ops::Padding padding) {
    return [padding](graph::Node& n) {
      test::SetAttr<int32_t>(n, "stride_h", 1);
      test::SetAttr<int32_t>(n, "stride_w", 1);
      test::SetAttr(n, "padding", padding);
    };
  };
  Builder padded = b;
  b.g().outputs = {b.Conv("y", shifted, 4, 3, 1, attrs(ops::Padding::kValid))};
  ExpectSameMeaning(b, shape, {"conv_2d"});
  padded.g().outputs = {padded.Conv("y", shifted, 4, 3, 1, attrs(ops::Padding::kSame))};  // Zeros are padded to the difference.
  ExpectSameMeaning(padded, shape, {"mul", "sub", "conv_2d"});
}

TEST(FewerOperators, WhatIsDoneToASequenceFoldsIntoTheLayerOverItsImage) {
  Builder b;
  const Shape shape{1, 9, 3};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto scaled = b.Node("mul", "scaled", {x, b.Constant<float>("m", Shape{3}, {0.5f, -2.0f, 3.0f})});
  b.g().outputs = {b.Conv("y", Reshaped(b, "image", scaled, {1, 1, 9, 3}), 4, 1, 1, [](graph::Node& n) {
    test::SetAttr<int32_t>(n, "stride_h", 1);
    test::SetAttr<int32_t>(n, "stride_w", 1);
  })};
  ExpectSameMeaning(b, shape, {"reshape", "conv_2d"});
}

TEST(FewerOperators, WhatIsDoneToTheInputFoldsIntoEveryChannelsMultiples) {
  Builder b;
  const Shape shape{1, 5, 5, 2};
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto scaled = b.Node("mul", "scaled", {x, b.Constant<float>("m", Shape{2}, {0.5f, -2.0f})});
  const auto w = b.Constant<float>("w", Shape{1, 3, 3, 6}, test::RandomFloats(54, 4));
  b.g().outputs = {b.Node("depthwise_conv_2d", "y", {scaled, w, b.Constant<float>("b", Shape{6}, test::RandomFloats(6, 5))}, {},
                          [](graph::Node& n) { test::SetAttr<int32_t>(n, "depth_multiplier", 3); })};
  ExpectSameMeaning(b, shape, {"depthwise_conv_2d"});
}

// SAME, none, and a padding that only a pad can say. The filter is 3 wide and dilated by 2: SAME pads 2 on both sides.
TEST(FewerOperators, AConvolutionOverBlocksIsDilated) {
  struct Case {
    std::vector<int32_t> pads, crops;
    Names operators;
  };
  const Case cases[] = {{{2, 2, 2, 2}, {0, 0, 0, 0}, {"conv_2d"}}, {{0, 0, 0, 0}, {0, 0, 0, 0}, {"conv_2d"}}, {{4, 2, 4, 2}, {0, 2, 0, 2}, {"pad", "conv_2d"}}};
  for (const Case& c : cases) {
    Builder b;
    const Shape shape{1, 8, 8, 3};
    const auto x = b.Input("x", {DType::kF32, shape, {}});
    const auto block = b.Constant<int32_t>("block", Shape{2}, {2, 2});
    const auto blocks = b.Node("space_to_batch_nd", "blocks", {x, block, b.Constant<int32_t>("pads", Shape{2, 2}, c.pads)});
    const auto conv = b.Conv("conv", blocks, 4, 3, 1, [](graph::Node& n) {
      test::SetAttr<int32_t>(n, "stride_h", 1);
      test::SetAttr<int32_t>(n, "stride_w", 1);
      test::SetAttr(n, "padding", ops::Padding::kValid);
    });
    b.g().outputs = {b.Node("batch_to_space_nd", "y", {conv, block, b.Constant<int32_t>("crops", Shape{2, 2}, c.crops)})};
    ExpectSameMeaning(b, shape, c.operators);
  }
}

TEST(FewerOperators, AConvolutionOverBlocksOfASequenceIsDilated) {
  Builder b;
  const Shape shape{1, 9, 3};  // Causal: 4 cells before, to a multiple of the block.
  const auto x = b.Input("x", {DType::kF32, shape, {}});
  const auto block = b.Constant<int32_t>("block", Shape{1}, {2});
  const auto blocks = b.Node("space_to_batch_nd", "blocks", {x, block, b.Constant<int32_t>("pads", Shape{1, 2}, {4, 1})});
  const auto image = b.Node("expand_dims", "image", {blocks, b.Constant<int32_t>("axis", Shape{}, {1})});
  const auto w = b.Constant<float>("w", Shape{4, 1, 3, 3}, test::RandomFloats(36, 8));
  const auto conv = b.Node("conv_2d", "conv", {image, w, b.Constant<float>("b", Shape{4}, {1, 2, 3, 4})}, {}, [](graph::Node& n) {
    test::SetAttr<int32_t>(n, "stride_h", 1);
    test::SetAttr<int32_t>(n, "stride_w", 1);
    test::SetAttr(n, "padding", ops::Padding::kValid);
  });
  b.g().outputs = {b.Node("batch_to_space_nd", "y", {Reshaped(b, "sequence", conv, {2, 5, 4}), block, b.Constant<int32_t>("crops", Shape{1, 2}, {0, 1})})};
  ExpectSameMeaning(b, shape, {"pad", "reshape", "conv_2d", "reshape"});
}

}  // namespace
}  // namespace octet
