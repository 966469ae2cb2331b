// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <numeric>
#include <string>

#include "ops/move_attrs.h"
#include "ops/shape_util.h"
#include "tests/ops/single_op.h"

namespace octet::ops::test {
namespace {

template <class T> std::vector<T> Count(int64_t n) {
  std::vector<T> v(static_cast<size_t>(n));
  std::iota(v.begin(), v.end(), T{0});
  return v;
}

template <class T> void ExpectTransposed(const Shape& in, const std::vector<int32_t>& perm, int threads) {
  const Tensor x = Tensor::Of<T>(in, Count<T>(in.elements()));
  auto y = SingleOp("transpose").Run({x, Tensor::Constant<int32_t>(Shape{in.rank()}, perm)}, 1, threads);
  ASSERT_TRUE(y.ok()) << y.error().message();
  const Shape& out = (*y)[0].type.shape;
  const auto from = Strides(in), to = Strides(out);
  const std::vector<T> got = (*y)[0].As<T>();
  for (int64_t i = 0; i < in.elements(); ++i) {
    int64_t at = 0, rest = i;
    for (int d = 0; d < out.rank(); ++d) {
      at += rest / to[d] * from[perm[d]];
      rest %= to[d];
    }
    ASSERT_EQ(got[i], static_cast<T>(at)) << in.text() << " element " << i;
  }
}

TEST(Movement, TransposeAgreesWithIndexArithmetic) {
  ExpectTransposed<int8_t>({5, 37}, {1, 0}, 1);
  ExpectTransposed<float>({2, 3, 4, 5}, {0, 3, 1, 2}, 1);
  ExpectTransposed<int16_t>({3, 1, 7, 2, 5}, {4, 2, 0, 1, 3}, 1);
  ExpectTransposed<int64_t>({2, 3, 2, 2, 3, 2}, {5, 4, 3, 2, 1, 0}, 1);
  ExpectTransposed<float>({8, 64, 200}, {0, 2, 1}, 3);  // Large enough for threads.
}

Result<std::vector<Tensor>> Slice(const StridedSliceAttrs& attrs, const Tensor& x, std::vector<int32_t> begin,
                                  std::vector<int32_t> end, std::vector<int32_t> stride) {
  const Shape n{static_cast<int32_t>(begin.size())};
  return SingleOp("strided_slice")
      .With(attrs)
      .Run({x, Tensor::Constant<int32_t>(n, begin), Tensor::Constant<int32_t>(n, end),
            Tensor::Constant<int32_t>(n, stride)});
}

TEST(Movement, StridedSliceAsNumpy) {
  const Tensor x = Tensor::Of<int32_t>({2, 3, 4}, Count<int32_t>(24));
  auto y = Slice({.begin_mask = 1, .end_mask = 1}, x, {0, 2, -1}, {0, 0, 0}, {1, -1, -2});  // x[:, 2:0:-1, -1:0:-2]
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{2, 2, 2}));
  EXPECT_EQ((*y)[0].As<int32_t>(), (std::vector<int32_t>{11, 9, 7, 5, 23, 21, 19, 17}));
}

TEST(Movement, StridedSliceExpandsEllipsisAndAxes) {
  const Tensor x = Tensor::Of<int32_t>({2, 3, 4}, Count<int32_t>(24));
  auto y = Slice({.ellipsis_mask = 1, .new_axis_mask = 2, .shrink_axis_mask = 4}, x, {0, 0, 1}, {0, 0, 2},
                 {1, 1, 1});  // x[..., None, 1]
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{2, 3, 1}));
  EXPECT_EQ((*y)[0].As<int32_t>(), (std::vector<int32_t>{1, 5, 9, 13, 17, 21}));
}

TEST(Movement, MirrorPadRepeatsBackwards) {
  const Tensor x = Tensor::Of<int8_t>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor paddings = Tensor::Constant<int32_t>({2, 2}, {1, 0, 2, 1});
  auto reflect = SingleOp("mirror_pad").Run({x, paddings});
  ASSERT_TRUE(reflect.ok()) << reflect.error().message();
  EXPECT_EQ((*reflect)[0].As<int8_t>(),
            (std::vector<int8_t>{6, 5, 4, 5, 6, 5, 3, 2, 1, 2, 3, 2, 6, 5, 4, 5, 6, 5}));
  auto symmetric = SingleOp("mirror_pad").With(int8_t{1}).Run({x, paddings});
  ASSERT_TRUE(symmetric.ok());
  EXPECT_EQ((*symmetric)[0].As<int8_t>(),
            (std::vector<int8_t>{2, 1, 1, 2, 3, 3, 2, 1, 1, 2, 3, 3, 5, 4, 4, 5, 6, 6}));
}

TEST(Movement, PadFillsWithTheZeroPoint) {
  Tensor x = Tensor::Of<int8_t>({1, 2}, {1, 2}, Quant::PerTensor(0.5f, -3));
  auto y = SingleOp("pad").Declare({x.type}).Run({x, Tensor::Constant<int64_t>({2, 2}, {0, 1, 1, 0})});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<int8_t>(), (std::vector<int8_t>{-3, 1, 2, -3, -3, -3}));
}

TEST(Movement, BatchSpaceRoundTrip) {
  const Tensor x = Tensor::Of<float>({1, 4, 6, 2}, Count<float>(48));
  const Tensor block = Tensor::Constant<int32_t>({2}, {2, 3}),
               none = Tensor::Constant<int32_t>({2, 2}, {0, 0, 0, 0});
  auto spread = SingleOp("space_to_batch_nd").Run({x, block, none});
  ASSERT_TRUE(spread.ok()) << spread.error().message();
  EXPECT_EQ((*spread)[0].type.shape, (Shape{6, 2, 2, 2}));
  EXPECT_EQ((*spread)[0].As<float>()[8], 2.0f);  // Entry 1 starts with the pixel right of entry 0's first.
  auto woven = SingleOp("batch_to_space_nd").Run({(*spread)[0], block, none});
  ASSERT_TRUE(woven.ok());
  EXPECT_EQ((*woven)[0].As<float>(), x.As<float>());
}

TEST(Movement, SplitTakesTheRest) {
  const Tensor x = Tensor::Of<uint8_t>({2, 5}, Count<uint8_t>(10));
  auto y = SingleOp("split_v")
               .With(SplitAttrs{2})
               .Run({x, Tensor::Constant<int32_t>({2}, {2, -1}), Tensor::Constant<int32_t>({}, {1})}, 2);
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].As<uint8_t>(), (std::vector<uint8_t>{0, 1, 5, 6}));
  EXPECT_EQ((*y)[1].As<uint8_t>(), (std::vector<uint8_t>{2, 3, 4, 7, 8, 9}));
}

TEST(Movement, IndicesAreCheckedWhenTheyAreUsed) {
  const Tensor table = Tensor::Of<float>({3, 2}, Count<float>(6));
  EXPECT_TRUE(SingleOp("gather").Run({table, Tensor::Of<int32_t>({2}, {2, 0})}).ok());
  for (int32_t bad : {-1, 3, INT32_MAX, INT32_MIN}) {
    EXPECT_FALSE(SingleOp("gather").Run({table, Tensor::Of<int32_t>({2}, {0, bad})}).ok()) << bad;
    EXPECT_FALSE(SingleOp("gather_nd").Run({table, Tensor::Of<int32_t>({1, 2}, {bad, 0})}).ok()) << bad;
  }
}

TEST(Movement, HostileOperandsAreRefused) {
  const Tensor x = Tensor::Of<float>({2, 2}, {1, 2, 3, 4});
  const auto refused = [&](const char* op, std::vector<Tensor> rest) {
    rest.insert(rest.begin(), x);
    EXPECT_FALSE(SingleOp(op).Run(rest).ok()) << op;
  };
  const int32_t big = INT32_MAX;
  refused("reshape", {Tensor::Constant<int32_t>({3}, {big, big, big})});
  refused("reshape", {Tensor::Constant<int32_t>({2}, {-1, -1})});
  refused("reshape", {Tensor::Constant<int32_t>({2}, {-1, 3})});
  refused("tile", {Tensor::Constant<int32_t>({2}, {big, 2})});
  refused("pad", {Tensor::Constant<int32_t>({2, 2}, {big, big, 0, 0})});
  refused("pad", {Tensor::Constant<int32_t>({2, 2}, {-1, 0, 0, 0})});
  refused("transpose", {Tensor::Constant<int32_t>({2}, {0, 0})});
  refused("slice", {Tensor::Constant<int32_t>({2}, {1, 0}), Tensor::Constant<int32_t>({2}, {2, 1})});
  refused("broadcast_to", {Tensor::Constant<int32_t>({2}, {3, 2})});
  refused("mirror_pad", {Tensor::Constant<int32_t>({2, 2}, {2, 0, 0, 0})});
  EXPECT_FALSE(SingleOp("range")
                   .Run({Tensor::Of<int32_t>({}, {0}), Tensor::Of<int32_t>({}, {5}), Tensor::Of<int32_t>({}, {0})})
                   .ok());
}

TEST(Movement, UnknownDimensionsStayUnknown) {
  Tensor x = Tensor::Of<float>({2, 3}, Count<float>(6));
  x.type.shape = Shape{kUnknown, 3};
  std::vector<OutputType> out(1);
  ASSERT_TRUE(SingleOp("transpose").Infer({x, Tensor::Constant<int32_t>({2}, {1, 0})}, &out).ok());
  EXPECT_EQ(out[0].shape, (Shape{3, kUnknown}));
  ASSERT_TRUE(SingleOp("concatenation").With(ConcatenationAttrs{.axis = 0}).Infer({x, x}, &out).ok());
  EXPECT_EQ(out[0].shape, (Shape{kUnknown, 3}));
  ASSERT_TRUE(SingleOp("shape").With(ShapeAttrs{DType::kI32}).Infer({x}, &out).ok());
  EXPECT_EQ(out[0].shape, Shape{2});
  ASSERT_TRUE(SingleOp("transpose").Infer({x, Tensor::Of<int32_t>({2}, {1, 0})}, &out).ok());
  EXPECT_TRUE(out[0].dynamic);
}

StringRef Text(const char* s) { return {s, std::strlen(s)}; }

// Strings are elements like others: references move, characters stay.
TEST(Movement, Strings) {
  const Tensor x = Tensor::Of<StringRef>({2, 2}, {Text("a"), Text("bc"), Text(""), Text("d")});
  const auto words = [](const Result<std::vector<Tensor>>& y) {
    std::vector<std::string> list;
    EXPECT_TRUE(y.ok()) << y.error().message();
    if (y.ok())
      for (const StringRef& s : (*y)[0].As<StringRef>()) list.emplace_back(s.view());
    return list;
  };
  using Words = std::vector<std::string>;
  EXPECT_EQ(words(SingleOp("gather").Run({x, Tensor::Of<int16_t>({2}, {1, 1})})), (Words{"", "d", "", "d"}));
  EXPECT_EQ(words(SingleOp("strided_slice")
                      .Run({x, Tensor::Constant<int32_t>({2}, {1, 1}), Tensor::Constant<int32_t>({2}, {-3, -3}), Tensor::Constant<int32_t>({2}, {-1, -1})})),
            (Words{"d", "", "bc", "a"}));
  EXPECT_EQ(words(SingleOp("tile").Run({x, Tensor::Constant<int32_t>({2}, {1, 2})})), (Words{"a", "bc", "a", "bc", "", "d", "", "d"}));
  EXPECT_EQ(words(SingleOp("fill").Declare({x.type}).Run({Tensor::Constant<int64_t>({1}, {3}), Tensor::Of<StringRef>({}, {Text("z")})})),
            (Words{"z", "z", "z"}));
  auto same = SingleOp("equal").Declare({{DType::kBool, {}, {}}}).Run({x, Tensor::Of<StringRef>({2, 1}, {Text("bc"), Text("")})});
  ASSERT_TRUE(same.ok()) << same.error().message();
  EXPECT_EQ((*same)[0].As<uint8_t>(), (std::vector<uint8_t>{0, 1, 1, 0}));
}

TEST(Movement, FourBitRows) {
  Tensor x = Tensor::Of<uint8_t>({1, 2}, {0x21});
  x.type.dtype = DType::kI4;
  auto y = SingleOp("concatenation").With(ConcatenationAttrs{.axis = 1}).Run({x, x});
  ASSERT_TRUE(y.ok()) << y.error().message();
  EXPECT_EQ((*y)[0].type.shape, (Shape{1, 4}));
  EXPECT_EQ((*y)[0].As<uint8_t>(), (std::vector<uint8_t>{0x21, 0x21}));
  x.type.shape = {1, 1};  // Half a byte a row.
  EXPECT_FALSE(SingleOp("concatenation").With(ConcatenationAttrs{.axis = 1}).Run({x, x}).ok());
}

// What does not fit is said with what was found.
TEST(Movement, RefusalsNameWhatTheyFound) {
  const auto refusal = [](const char* op, const std::vector<Tensor>& inputs) {
    std::vector<OutputType> out(1);
    const Status status = SingleOp(op).Infer(inputs, &out);
    return status.ok() ? std::string("taken") : std::string(status.message());
  };
  const Tensor scalar = Tensor::Of<float>({}, {1}), pair = Tensor::Of<int32_t>({2}, {0, 1}), number = Tensor::Of<int32_t>({}, {1});
  EXPECT_NE(refusal("gather_nd", {scalar, pair}).find("found [] and [2]"), std::string::npos) << refusal("gather_nd", {scalar, pair});
  EXPECT_NE(refusal("scatter_nd", {number, scalar, pair}).find("found [] and [2]"), std::string::npos) << refusal("scatter_nd", {number, scalar, pair});
  EXPECT_NE(refusal("strided_slice", {Tensor::Of<float>({2}, {1, 2}), pair, Tensor::Of<int32_t>({1}, {1}), pair}).find("found [2] and [1]"), std::string::npos);
}

}  // namespace
}  // namespace octet::ops::test
