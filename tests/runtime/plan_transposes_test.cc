// SPDX-License-Identifier: Apache-2.0
// Transpositions that products take over, against plans in which they are computed.
#include "tests/model_builder.h"

namespace octet {
namespace {

using graph::TensorId;
using test::Builder;
using test::Runner;

TensorId Transposed(Builder& b, const std::string& name, TensorId x, const std::vector<int32_t>& perm, TensorType type) {
  return b.Node("transpose", name, {x, b.Constant<int32_t>(name + "_perm", Shape{static_cast<int32_t>(perm.size())}, perm)}, std::move(type));
}

// Transpositions that run.
int Left(const Runner& runner) {
  int left = 0;
  for (int i = 0; i < runner.it->num_nodes(); ++i) left += runner.it->node(i).op == "transpose" && runner.it->node(i).kernel != "fused";
  return left;
}

// All outputs, one after the other.
std::vector<std::byte> RunAll(Runner& runner) {
  const Status allocated = runner.it->Allocate();
  EXPECT_TRUE(allocated.ok()) << (allocated.ok() ? "" : allocated.message());
  for (int i = 0; i < runner.it->num_inputs(); ++i) {
    const auto x = runner.it->input(i);
    if (x.type->dtype == DType::kF32) {
      const std::vector<float> values = test::RandomFloats(x.bytes / 4, static_cast<uint32_t>(i + 1));
      std::memcpy(x.data, values.data(), x.bytes);
    } else {
      const std::vector<int8_t> values = test::RandomBytes(x.bytes, static_cast<uint32_t>(i + 1));
      std::memcpy(x.data, values.data(), x.bytes);
    }
  }
  std::vector<std::byte> all;
  for (int run = 0; run < 2; ++run) {  // The second one meets what the first has left in the arena.
    EXPECT_TRUE(runner.it->Invoke().ok());
    all.clear();
    for (int i = 0; i < runner.it->num_outputs(); ++i) {
      const auto y = runner.it->output(i);
      all.insert(all.end(), y.data, y.data + y.bytes);
    }
  }
  return all;
}

void ExpectSameBits(const graph::Model& model, int left) {
  Runner whole(model, {.keep_all_tensors = true});
  const std::vector<std::byte> want = RunAll(whole);
  EXPECT_FALSE(want.empty());
  for (int threads : {1, 2, 3}) {
    Runner runner(model, {.threads = threads});
    EXPECT_EQ(want, RunAll(runner)) << threads << " threads";
    EXPECT_EQ(left, Left(runner));
  }
}

// softmax(q k^T) v of several heads that lie side by side, [batch, tokens, heads, size] each.
struct Attention {
  TensorId heads, y;
  Attention(Builder& b, DType dtype, bool columns_first, int32_t tokens = 19, int32_t size = 24) {
    const int32_t batch = 2, count = 3;
    const auto type = [&](float scale, int32_t zero) { return TensorType{dtype, {}, dtype == DType::kI8 ? Quant::PerTensor(scale, zero) : Quant()}; };
    const auto input = [&](const char* name, float scale, int32_t zero) {
      TensorType t = type(scale, zero);
      t.shape = {batch, tokens, count, size};
      return b.Input(name, t);
    };
    heads = Transposed(b, "heads", input("q", 0.02f, 3), {0, 2, 1, 3}, type(0.02f, 3));
    const std::vector<int32_t> to_columns{0, 2, -1, 1}, to_rows{0, 2, 1, 3};
    const TensorId keys = Transposed(b, "keys", input("k", 0.03f, -5), columns_first ? to_columns : to_rows, type(0.03f, -5));
    const TensorId values = Transposed(b, "values", input("v", 0.01f, 0), {0, 2, 1, 3}, type(0.01f, 0));
    const TensorId scores = b.Node("batch_matmul", "scores", {heads, keys}, type(0.4f, 1), [&](graph::Node& n) { test::SetAttr(n, "adj_y", !columns_first); });
    const TensorId weights = b.Node("softmax", "weights", {scores}, type(1.0f / 256, -128), [](graph::Node& n) { test::SetAttr(n, "beta", 1.0f); });
    const TensorId context = b.Node("batch_matmul", "context", {weights, values}, type(0.01f, 4));
    y = Transposed(b, "y", context, {0, 2, 1, 3}, type(0.01f, 4));
  }
};

TEST(Transposes, OfAttentionAreTakenOver) {
  for (const DType dtype : {DType::kF32, DType::kI8}) {
    for (const bool columns_first : {false, true}) {
      SCOPED_TRACE(columns_first);
      Builder b;
      b.g().outputs = {Attention(b, dtype, columns_first).y};
      ExpectSameBits(b.model, 0);
    }
  }
}

TEST(Transposes, WhatOthersReadStays) {
  Builder b;
  const Attention a(b, DType::kF32, false);
  b.g().outputs = {a.y, a.heads};
  ExpectSameBits(b.model, 1);
  Builder again;
  const Attention c(again, DType::kF32, false);
  again.g().outputs = {c.y, again.Node("neg", "negative", {c.heads})};
  ExpectSameBits(again.model, 1);
}

// Rows of x whose values lie apart would be gathered one by one.
TEST(Transposes, OfTheDepthOfXStay) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, {2, 30, 17}, {}}), y = b.Input("y", {DType::kF32, {2, 30, 40}, {}});
  b.g().outputs = {b.Node("batch_matmul", "product", {Transposed(b, "turned", x, {0, 2, 1}, {}), y})};
  ExpectSameBits(b.model, 1);
}

// One matrix of y for all batches of x, transposed; and an output whose columns turn into rows.
TEST(Transposes, OfWhatIsBroadcast) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, {3, 2, 5, 8}, {}}), y = b.Input("y", {DType::kF32, {8, 2, 1, 9}, {}});
  const auto product = b.Node("batch_matmul", "product", {Transposed(b, "x_turned", x, {1, 0, 2, 3}, {}), Transposed(b, "y_turned", y, {1, 2, 0, 3}, {})});
  b.g().outputs = {Transposed(b, "turned", product, {0, 1, 3, 2}, {})};
  ExpectSameBits(b.model, 1);
}

}  // namespace
}  // namespace octet
