// SPDX-License-Identifier: Apache-2.0
// The GPU delegate on what this machine has (PoCL and Mesa in CI): integers equal to the CPU's bits, floats near them.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "delegates/load.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

using test::Builder;

// Compiled programs stay in the build folder for the next run.
std::string Cache() { return std::string(OCTET_SOURCE_DIR) + "/build/gpu-cache"; }

// A setting of the delegate per instance of the tests below.
class Gpu : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    setenv("POCL_CACHE_DIR", (Cache() + "/pocl").c_str(), 0);
    auto loaded = delegates::LoadAll({"gpu;cache=" + Cache() + ";" + GetParam()});
    if (!loaded.ok()) GTEST_SKIP() << "no GPU in software here (pocl-opencl-icd, libgl1-mesa-dri): " << loaded.error().message();
    options_.delegates.list = std::move(*loaded);
    options_.delegates.pay_off = runtime::PayOff::kOff;
  }

  // Both answers for the same input; every node must be the delegate's.
  template <class T> std::pair<std::vector<T>, std::vector<T>> Both(const graph::Model& model, const std::vector<T>& x) {
    test::Runner cpu(model), gpu(model, options_);
    std::pair<std::vector<T>, std::vector<T>> answers{cpu.Run<T>(x), gpu.Run<T>(x)};
    const auto details = gpu.it->delegates();
    EXPECT_EQ(details[0].nodes, details[0].total_nodes)
        << (details[0].reasons.empty() ? "" : std::string(details[0].reasons[0].op) + ": " + details[0].reasons[0].text);
    for (const std::string& failure : details[0].failures) ADD_FAILURE() << failure;
    return answers;
  }
  float tolerance() const { return GetParam().find("float16") != std::string::npos ? 2e-2f : 2e-5f; }
  void ExpectNear(const graph::Model& model, const std::vector<float>& x) {
    const auto [want, got] = Both<float>(model, x);
    float largest = 1.0f;
    for (float v : want) largest = std::max(largest, std::abs(v));
    EXPECT_LE(test::LargestDifference(want, got), tolerance() * largest);
  }

  runtime::Options options_;
};

TensorType F32(Shape shape) { return {DType::kF32, shape, {}}; }

// Channels that are no multiple of four on the way in, in the middle and at the end; a residual sum; activations.
graph::Model Convolutions() {
  Builder b;
  auto x = b.Input("x", F32({2, 9, 7, 3}));
  const auto same = [](graph::Node& n) {
    test::SetAttr(n, "padding", ops::Padding::kSame);
    test::SetAttr<int32_t>(n, "stride_w", 1);
    test::SetAttr<int32_t>(n, "stride_h", 1);
  };
  auto a = b.Conv("a", x, 8, 3, 1, [](graph::Node& n) { test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu6); });
  auto d = b.Depthwise("d", a, 3, 2);
  auto e = b.Conv("e", d, 8, 1, 3, same);
  auto s = b.Node("add", "s", {a, e});
  auto h = b.Node("hard_swish", "h", {s});
  auto f = b.Conv("f", h, 5, 3, 4, [&](graph::Node& n) {
    test::SetAttr<int32_t>(n, "stride_w", 2);
    test::SetAttr<int32_t>(n, "stride_h", 2);
  });
  auto p = b.Node("max_pool_2d", "p", {f}, {}, [&](graph::Node& n) {
    same(n);
    test::SetAttr<int32_t>(n, "filter_width", 3);
    test::SetAttr<int32_t>(n, "filter_height", 2);
  });
  auto axes = b.Constant<int32_t>("axes", Shape{2}, {1, 2});
  auto m = b.Node("mean", "m", {p, axes});
  b.g().outputs = {b.Node("softmax", "y", {m}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  return std::move(b.model);
}
TEST_P(Gpu, Convolutions) { ExpectNear(Convolutions(), test::RandomFloats(2 * 9 * 7 * 3, 5)); }

// Attention as transformers have it: matrices of two computed operands, transposes, layer normalization in pieces.
TEST_P(Gpu, Attention) {
  Builder b;
  auto x = b.Input("x", F32({1, 6, 8}));
  const auto project = [&](const std::string& name, uint32_t seed) {
    auto w = b.Constant<float>(name + "/w", Shape{8, 8}, test::RandomFloats(64, seed));
    auto y = b.Node("fully_connected", name, {x, w, -1}, {}, [](graph::Node& n) { test::SetAttr(n, "keep_num_dims", true); });
    auto shape = b.Constant<int32_t>(name + "/shape", Shape{4}, {1, 6, 2, 4});
    auto split = b.Node("reshape", name + "/heads", {y, shape});
    return b.Node("transpose", name + "/t", {split, b.Constant<int32_t>(name + "/perm", Shape{4}, {0, 2, 1, 3})});
  };
  auto q = project("q", 1), k = project("k", 2), v = project("v", 3);
  auto scores = b.Node("batch_matmul", "scores", {q, k}, {}, [](graph::Node& n) { test::SetAttr(n, "adj_y", true); });
  auto weights = b.Node("softmax", "weights", {scores}, {}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 0.5f); });
  auto mixed = b.Node("batch_matmul", "mixed", {weights, v});
  auto axis = b.Constant<int32_t>("axis", Shape{1}, {-1});
  auto mean = b.Node("mean", "mean", {mixed, axis}, {}, [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); });
  auto deviation = b.Node("squared_difference", "deviation", {mixed, mean});
  auto variance = b.Node("mean", "variance", {deviation, axis}, {}, [](graph::Node& n) { test::SetAttr(n, "keep_dims", true); });
  auto scale = b.Node("rsqrt", "scale", {b.Node("add", "epsilon", {variance, b.Constant<float>("e", Shape{}, {1e-2f})})});
  auto centered = b.Node("sub", "centered", {mixed, mean});
  b.g().outputs = {b.Node("gelu", "y", {b.Node("mul", "normal", {centered, scale})})};
  ExpectNear(std::move(b.model), test::RandomFloats(48, 9));
}

// Operands of every way to broadcast.
TEST_P(Gpu, Broadcasts) {
  for (const Shape& shape : {Shape{1, 3, 4, 8}, Shape{8}, Shape{3, 1, 8}, Shape{4, 1}, Shape{3, 1, 1}, Shape{1, 1, 1, 1}, Shape{4, 8}}) {
    Builder b;
    auto x = b.Input("x", F32({2, 3, 4, 8}));
    auto c = b.Constant<float>("c", shape, test::RandomFloats(static_cast<size_t>(shape.elements()), 3));
    b.g().outputs = {b.Node("sub", "y", {b.Node("mul", "m", {x, c}), c})};
    ExpectNear(std::move(b.model), test::RandomFloats(192, 4));
  }
}

// An 8-bit network: every kind of rounding that the CPU's reference has.
TEST_P(Gpu, IntegersAreTheCpusBits) {
  const auto quant = [](float scale, int32_t zero) { return Quant::PerTensor(scale, zero); };
  Builder b;
  auto x = b.Input("x", {DType::kI8, Shape{1, 8, 9, 6}, quant(0.02f, 5)});
  Quant per_channel;
  std::vector<int32_t> bias(7);
  for (int c = 0; c < 7; ++c)
    per_channel.scale.push_back(0.003f + 0.001f * static_cast<float>(c)), per_channel.zero_point.push_back(0), bias[static_cast<size_t>(c)] = 40 * c - 90;
  auto w = b.Constant<int8_t>("w", Shape{7, 3, 3, 6}, test::RandomBytes(7 * 54, 1), per_channel);
  auto conv = b.Node("conv_2d", "conv", {x, w, b.Constant<int32_t>("bias", Shape{7}, bias)}, {DType::kI8, {}, quant(0.05f, -7)},
                     [](graph::Node& n) { test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu6); });
  auto act = b.Node("logistic", "act", {conv}, {DType::kI8, {}, quant(1.0f / 256, -128)});
  auto mul = b.Node("mul", "mul", {conv, act}, {DType::kI8, {}, quant(0.03f, 3)});
  auto sum = b.Node("add", "sum", {mul, conv}, {DType::kI8, {}, quant(0.07f, -20)});
  auto pool = b.Node("average_pool_2d", "pool", {sum}, {DType::kI8, {}, quant(0.07f, -20)}, [](graph::Node& n) {
    test::SetAttr<int32_t>(n, "filter_width", 3);
    test::SetAttr<int32_t>(n, "filter_height", 3);
    test::SetAttr<int32_t>(n, "stride_w", 2);
    test::SetAttr<int32_t>(n, "stride_h", 2);
  });
  auto mean = b.Node("mean", "mean", {pool, b.Constant<int32_t>("axes", Shape{2}, {1, 2})}, {DType::kI8, {}, quant(0.04f, 9)});
  auto fw = b.Constant<int8_t>("fw", Shape{10, 7}, test::RandomBytes(70, 2), quant(0.01f, 0));
  auto fc = b.Node("fully_connected", "fc", {mean, fw, -1}, {DType::kI8, {}, quant(0.11f, 1)});
  b.g().outputs = {b.Node("softmax", "y", {fc}, {DType::kI8, {}, quant(1.0f / 256, -128)}, [](graph::Node& n) { test::SetAttr<float>(n, "beta", 1.0f); })};
  for (uint32_t seed = 1; seed < 4; ++seed) {
    const auto [want, got] = Both<int8_t>(b.model, test::RandomBytes(8 * 9 * 6, seed));
    EXPECT_EQ(want, got);
  }
}

// What only moves elements, of every size modulo four.
TEST_P(Gpu, MovesElements) {
  for (const int32_t channels : {1, 3, 4, 8}) {
    Builder b;
    const Quant q = Quant::PerTensor(0.1f, 4);
    const TensorType type{DType::kI8, {}, q};
    auto x = b.Input("x", {DType::kI8, Shape{1, 4, 6, channels}, q});
    auto padded = b.Node("pad", "padded", {x, b.Constant<int32_t>("paddings", Shape{4, 2}, {0, 0, 1, 2, 0, 1, 0, 0})}, type);
    auto reversed = b.Node("reverse_v2", "reversed", {padded, b.Constant<int32_t>("axes", Shape{1}, {2})}, type);
    auto turned = b.Node("transpose", "turned", {reversed, b.Constant<int32_t>("perm", Shape{4}, {0, 2, 1, 3})}, type);
    auto piece = b.Node("strided_slice", "piece",
                        {turned, b.Constant<int32_t>("begin", Shape{4}, {0, 1, 1, 0}), b.Constant<int32_t>("end", Shape{4}, {1, 7, 6, channels}),
                         b.Constant<int32_t>("steps", Shape{4}, {1, 2, 1, 1})},
                        type);
    auto joined = b.Node("concatenation", "joined", {piece, piece, piece}, type, [](graph::Node& n) { test::SetAttr<int32_t>(n, "axis", 3); });
    b.g().outputs = {b.Node("tile", "y", {joined, b.Constant<int32_t>("times", Shape{4}, {1, 2, 1, 1})}, type)};
    const auto [want, got] = Both<int8_t>(b.model, test::RandomBytes(static_cast<size_t>(24 * channels), 3));
    EXPECT_EQ(want, got) << channels;
  }
}

// A tensor under several shapes is one memory: an input that leaves again, and two outputs of one value.
TEST_P(Gpu, ReshapedEndsAreAllThere) {
  Builder b;
  auto x = b.Input("x", F32({4, 4}));
  auto flat = b.Node("reshape", "flat", {x, b.Constant<int32_t>("s", Shape{1}, {16})});
  auto r = b.Node("relu", "r", {x});
  auto turned = b.Node("reshape", "turned", {r, b.Constant<int32_t>("t", Shape{2}, {2, 8})});
  b.g().outputs = {flat, r, turned};
  test::Runner cpu(b.model), gpu(b.model, options_);
  for (uint32_t seed = 1; seed < 3; ++seed) {
    cpu.Run<float>(test::RandomFloats(16, seed));
    gpu.Run<float>(test::RandomFloats(16, seed));
    for (int i = 0; i < 3; ++i)
      for (int e = 0; e < 16; ++e)
        EXPECT_NEAR(reinterpret_cast<const float*>(gpu.it->output(i).data)[e], reinterpret_cast<const float*>(cpu.it->output(i).data)[e], tolerance()) << i;
  }
}

// From floats and back, at the edges between two integers.
TEST_P(Gpu, QuantizesExactly) {
  if (GetParam().find("float16") != std::string::npos) GTEST_SKIP() << "halves hold other floats";
  Builder b;
  auto x = b.Input("x", F32({1, 1026}));
  auto q = b.Node("quantize", "q", {x}, {DType::kI8, {}, Quant::PerTensor(0.0472f, -11)});
  b.g().outputs = {b.Node("dequantize", "y", {q}, F32({}))};
  std::vector<float> values;
  for (int i = -256; i <= 256; ++i) {
    const float edge = (static_cast<float>(i) + 0.5f) * 0.0472f;
    values.push_back(edge);
    values.push_back(std::nextafter(edge, i % 2 ? 1e9f : -1e9f));
  }
  const auto [want, got] = Both<float>(b.model, values);
  EXPECT_EQ(want, got);
}

TEST_P(Gpu, SaysWhyNot) {
  Builder b;
  auto x = b.Input("x", F32({1, 4}));
  b.g().outputs = {b.Node("cumsum", "y", {x, b.Constant<int32_t>("axis", Shape{}, {1})})};
  test::Runner runner(b.model, options_);
  runner.Run<float>({1, 2, 3, 4});
  const auto details = runner.it->delegates();
  ASSERT_EQ(details[0].reasons.size(), 1u);
  EXPECT_EQ(details[0].reasons[0].text, "the GPU has no kernel for cumsum");
}

TEST_P(Gpu, TimesItsKernels) {
  options_.delegates.profile = true;
  test::Runner runner(Convolutions(), options_);
  runner.Run<float>(test::RandomFloats(2 * 9 * 7 * 3, 5));
  EXPECT_GE(runner.it->delegate_timings().size(), 5u);
  for (const runtime::DelegateTiming& t : runner.it->delegate_timings()) EXPECT_GE(t.us, 0.0);
}

// Tiles and work groups that were measured give the same answer, also when they are remembered.
TEST_P(Gpu, TunesItsProducts) {
  if (GetParam() != "api=gles" && GetParam() != "api=opencl") GTEST_SKIP() << "once for each interface";
  auto loaded = delegates::LoadAll({"gpu;tune=on;cache=" + Cache() + ";" + GetParam()});
  ASSERT_TRUE(loaded.ok());
  options_.delegates.list = std::move(*loaded);
  Builder b;
  b.g().outputs = {b.Conv("c", b.Input("x", F32({1, 5, 2, 4})), 8, 3, 1)};
  for (int again = 0; again < 2; ++again) ExpectNear(b.model, test::RandomFloats(40, 5));
}

// What lies in the cache is not trusted: cut off, changed or foreign, it is made again.
TEST_P(Gpu, DamagedCachesAreMadeAgain) {
  if (GetParam() != "api=gles" && GetParam() != "api=opencl") GTEST_SKIP() << "once for each interface";
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / ("octet-gpu-cache-" + std::to_string(getpid()));
  const std::vector<float> x = test::RandomFloats(64, 2);
  Builder b;
  b.g().outputs = {b.Node("tanh", "y", {b.Input("x", F32({64}))})};
  const std::vector<float> want = test::Runner(b.model).Run<float>(x);
  for (int damage = 0; damage < 4; ++damage) {
    auto loaded = delegates::LoadAll({"gpu;cache=" + folder.string() + ";" + GetParam()});
    ASSERT_TRUE(loaded.ok());
    options_.delegates.list = std::move(*loaded);
    test::Runner runner(b.model, options_);
    EXPECT_LE(test::LargestDifference(want, runner.Run<float>(x)), 1e-5f);
    EXPECT_TRUE(runner.it->delegates()[0].failures.empty());
    ASSERT_FALSE(fs::is_empty(folder));
    for (const fs::directory_entry& e : fs::directory_iterator(folder)) {
      const auto size = fs::file_size(e.path());
      if (damage == 0) fs::resize_file(e.path(), size / 2);
      if (damage == 1) fs::resize_file(e.path(), 3);
      if (damage == 2) {
        std::fstream file(e.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(size / 2)).put('x');
      }
    }
  }
  fs::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(OpenCl, Gpu, testing::Values("api=opencl", "api=opencl;precision=float16", "api=opencl;fuse=off;zero_copy=off"));
INSTANTIATE_TEST_SUITE_P(Gles, Gpu, testing::Values("api=gles"));

TEST(GpuOptions, UnknownOnesAreErrors) {
  for (const char* text : {"gpu;speed=fast", "gpu;precision=int3", "gpu;library=./no-such-library.so;api=opencl"}) {
    const auto loaded = delegates::LoadAll({text});
    ASSERT_FALSE(loaded.ok()) << text;
    EXPECT_NE(loaded.error().message().find("'gpu' cannot be created"), std::string::npos) << loaded.error().message();
  }
}

}  // namespace
}  // namespace octet
