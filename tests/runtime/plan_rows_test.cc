// SPDX-License-Identifier: Apache-2.0
// Operators that run together on a few rows at a time, against plans in which they do not.
#include "runtime/plan_rows.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

using runtime::StripOf;
using test::Builder;
using test::Runner;

// Steps that stand for more than one node.
int Groups(const Runner& runner) {
  int groups = 0;
  for (int i = 0; i < runner.it->num_nodes(); ++i) groups += runner.it->node(i).kernel == "rows" || runner.it->node(i).kernel == "normalize";
  return groups;
}

template <class T> void ExpectSameBits(const graph::Model& model, const std::vector<T>& x, int groups) {
  const std::vector<T> want = Runner(model, {.keep_all_tensors = true}).Run(x);
  for (int threads : {1, 2, 3}) {
    Runner runner(model, {.threads = threads});
    EXPECT_EQ(want, runner.Run(x)) << threads << " threads";
    EXPECT_EQ(groups, Groups(runner));
  }
}

void KeepDims(graph::Node& node) { test::SetAttr(node, "keep_dims", true); }

// Normalized over its last axis, or others, scaled and moved: written out as converters do.
struct LayerNorm {
  graph::TensorId mean, y;
  LayerNorm(Builder& b, const Shape& s, graph::TensorId x, bool has_beta, std::vector<int32_t> axes = {}) {
    const int32_t n = s.back();
    if (axes.empty()) axes = {s.rank() - 1};
    const Shape count{static_cast<int32_t>(axes.size())};
    const auto axis = b.Constant<int32_t>("axis", count, axes);
    axes.back() -= s.rank();
    const auto last = b.Constant<int32_t>("last", count, axes);
    const auto small = b.Constant<float>("eps", Shape{}, {1e-3f});
    const auto gamma = b.Constant<float>("gamma", Shape{n}, test::RandomFloats(static_cast<size_t>(n), 2));
    const auto beta = b.Constant<float>("beta", Shape{1, n}, test::RandomFloats(static_cast<size_t>(n), 3));
    mean = b.Node("mean", "mean", {x, axis}, {}, KeepDims);
    const auto negative = has_beta ? mean : b.Node("neg", "negative", {mean});
    const auto square = b.Node("squared_difference", "square", {x, mean});
    const auto variance = b.Node("mean", "variance", {square, last}, {}, KeepDims);
    const auto scale = b.Node("mul", "scale", {b.Node("rsqrt", "rsqrt", {b.Node("add", "variance_eps", {variance, small})}), gamma});
    const auto product = b.Node("mul", "product", {negative, scale});
    const auto moved = has_beta ? b.Node("sub", "moved", {beta, product}) : product;
    y = b.Node("add", "y", {b.Node("mul", "scaled", {x, scale}), moved});
  }
};

TEST(Rows, StripsKeepTheRank) {
  EXPECT_EQ(StripOf(Shape{2, 3, 4}, 2), (Shape{1, 2, 4}));
  EXPECT_EQ(StripOf(Shape{7, 4}, 2), (Shape{2, 4}));
  EXPECT_EQ(StripOf(Shape{5}, 2), Shape{5});  // One row.
  EXPECT_EQ(StripOf(Shape{}, 2), Shape{});
}

TEST(Normalizations, OfAnyNumberOfRows) {
  for (const Shape& s : {Shape{1, 197, 96}, Shape{3, 128}, Shape{2, 4, 9, 301}, Shape{7, 5}}) {
    for (bool has_beta : {false, true}) {
      SCOPED_TRACE(s.text());
      Builder b;
      b.g().outputs = {LayerNorm(b, s, b.Input("x", {DType::kF32, s, {}}), has_beta).y};
      ExpectSameBits(b.model, test::RandomFloats(static_cast<size_t>(s.elements()), 4), 1);
    }
  }
}

TEST(Normalizations, WhatOthersReadStays) {
  Builder b;
  const Shape s{5, 32};
  const LayerNorm norm(b, s, b.Input("x", {DType::kF32, s, {}}), true);
  b.g().outputs = {norm.y, norm.mean};
  ExpectSameBits(b.model, test::RandomFloats(static_cast<size_t>(s.elements()), 4), 0);
}

// Over other axes, too, even where as many means as a strip has rows are left.
TEST(Normalizations, OfWholeImagesStay) {
  Builder b;
  const Shape s{1, 5, 2, 16};
  b.g().outputs = {LayerNorm(b, s, b.Input("x", {DType::kF32, s, {}}), true, {1, 3}).y};
  ExpectSameBits(b.model, test::RandomFloats(static_cast<size_t>(s.elements()), 4), 0);
}

// e^(x - mean) / its sum, plus a constant of as many rows.
TEST(RowGroups, ChainsOfAnyNumberOfRows) {
  for (const Shape& s : {Shape{1, 197, 96}, Shape{3, 50, 128}, Shape{2, 4, 9, 300}, Shape{7, 5000}}) {
    SCOPED_TRACE(s.text());
    Builder b;
    const auto x = b.Input("x", {DType::kF32, s, {}});
    const auto axis = b.Constant<int32_t>("axis", Shape{1}, {s.rank() - 1});
    const auto rows = b.Constant<float>("r", s, test::RandomFloats(static_cast<size_t>(s.elements()), 1));
    const auto power = b.Node("exp", "power", {b.Node("sub", "moved", {x, b.Node("mean", "mean", {x, axis}, {}, KeepDims)})});
    const auto part = b.Node("div", "part", {power, b.Node("sum", "total", {power, axis}, {}, KeepDims)});
    const auto y = b.Node("add", "y", {rows, part});
    for (const graph::TensorId end : {y, power}) {  // Read inside and outside.
      b.g().outputs = {end, end == y ? power : y};
      ExpectSameBits(b.model, test::RandomFloats(static_cast<size_t>(s.elements()), 4), 1);
    }
  }
}

TEST(RowGroups, SmallChainsAndOtherRowsStayAsTheyAre) {
  Builder b;
  const Shape s{64, 512};
  const auto x = b.Input("x", {DType::kF32, s, {}});
  const auto axis = b.Constant<int32_t>("axis", Shape{1}, {0});
  const auto columns = b.Node("mean", "columns", {x, axis}, {}, KeepDims);  // Over the rows: not row by row.
  b.g().outputs = {b.Node("sub", "y", {x, columns})};
  ExpectSameBits(b.model, test::RandomFloats(static_cast<size_t>(s.elements()), 5), 0);
  Builder small;
  const auto z = small.Input("x", {DType::kF32, {8, 16}, {}});
  small.g().outputs = {small.Node("exp", "y", {small.Node("neg", "n", {z})})};
  ExpectSameBits(small.model, test::RandomFloats(128, 6), 0);
}

TEST(RowGroups, BytesAndAMask) {
  std::mt19937 random(7);
  Builder b;
  const Shape s{1, 2, 61, 500};
  const Quant q = Quant::PerTensor(0.05f, 3);
  const auto x = b.Input("x", {DType::kI8, s, q});
  const auto mask = b.Constant<int8_t>("mask", Shape{1, 1, 1, 500}, test::RandomBytes(500, 8), Quant::PerTensor(0.02f, -7));
  const auto masked = b.Node("add", "masked", {x, mask}, {DType::kI8, {}, q});
  const auto squared = b.Node("mul", "squared", {masked, x}, {DType::kI8, {}, Quant::PerTensor(0.1f, -100)});
  b.g().outputs = {b.Node("sub", "y", {squared, masked}, {DType::kI8, {}, Quant::PerTensor(0.2f, 9)})};
  ExpectSameBits(b.model, test::RandomBytes(static_cast<size_t>(s.elements()), random()), 1);
}

}  // namespace
}  // namespace octet
