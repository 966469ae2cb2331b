// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "runtime/memory_plan.h"
#include "tests/model_builder.h"

namespace octet::runtime {
namespace {

using test::Builder;
using test::Runner;

// Aligned; apart where they live at the same time; within an arena that is no smaller than what lives at the worst step.
void ExpectSound(const std::vector<Life>& lives) {
  const Placement p = PlaceMemory(lives);
  ASSERT_EQ(p.offsets.size(), lives.size());
  int end = 0;
  for (size_t i = 0; i < lives.size(); ++i) {
    ASSERT_EQ(p.offsets[i] % kArenaAlignment, 0u);
    ASSERT_LE(p.offsets[i] + lives[i].bytes, p.arena_bytes);
    end = std::max(end, lives[i].last + 1);
  }
  uint64_t most = 0;
  std::vector<std::pair<uint64_t, uint64_t>> spots;
  for (int step = 0; step < end; ++step) {
    spots.clear();
    uint64_t sum = 0;
    for (size_t i = 0; i < lives.size(); ++i) {
      if (lives[i].first > step || lives[i].last < step || lives[i].bytes == 0) continue;
      spots.push_back({p.offsets[i], p.offsets[i] + lives[i].bytes});
      sum += (lives[i].bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    }
    std::sort(spots.begin(), spots.end());
    for (size_t k = 1; k < spots.size(); ++k) ASSERT_LE(spots[k - 1].second, spots[k].first) << "step " << step;
    most = std::max(most, sum);
  }
  EXPECT_EQ(p.lower_bound_bytes, most);
  EXPECT_GE(p.arena_bytes, most);
  const Placement again = PlaceMemory(lives);
  EXPECT_EQ(again.offsets, p.offsets);
  EXPECT_EQ(again.arena_bytes, p.arena_bytes);
}

TEST(MemoryPlan, LivesThatMeetNeverOverlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Life> lives(1 + random() % 60);
    for (Life& l : lives) {
      l.bytes = random() % 5000;
      l.first = static_cast<int>(random() % 40);
      l.last = l.first + static_cast<int>(random() % 10);
    }
    ExpectSound(lives);
  }
}

// Unrolled loops, whose rounds need the same again; with time reversed every other time, and with sizes from nothing to gigabytes.
TEST(MemoryPlan, LivesOfUnrolledLoops) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    std::vector<Life> body(1 + random() % 12);
    const int steps = 2 + static_cast<int>(random() % 8), rounds = 1 + static_cast<int>(random() % (round % 10 ? 12 : 150));
    for (Life& l : body) {
      l.bytes = random() % 6 ? (random() >> random() % 32) : 0;
      l.first = static_cast<int>(random() % static_cast<uint32_t>(steps));
      l.last = l.first + static_cast<int>(random() % static_cast<uint32_t>(steps + 2));
    }
    std::vector<Life> lives;
    for (int r = 0; r < rounds; ++r)
      for (const Life& l : body) lives.push_back({l.bytes, l.first + r * steps, l.last + r * steps});
    if (random() % 2) lives.push_back({random() % 100000, 0, rounds * steps});  // What all rounds read.
    if (round % 2) {
      const int end = (rounds + 2) * steps + 4;
      for (Life& l : lives) l = {l.bytes, end - l.last, end - l.first};
    }
    std::shuffle(lives.begin(), lives.end(), random);
    ExpectSound(lives);
  }
}

TEST(MemoryPlan, SharedModelsFitWithinFivePercentOfTheBound) {
  const std::filesystem::path folder = std::filesystem::path(OCTET_SOURCE_DIR) / "../shared/zoo/perf";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "the shared models are not here";
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".tflite") continue;
    auto model = Model::Open(entry.path().string());
    ASSERT_TRUE(model.ok()) << model.error().message();
    auto interpreter = Interpreter::Create(*model);
    if (!interpreter.ok() || !(*interpreter)->Allocate().ok()) continue;
    const MemoryUse use = (*interpreter)->memory();
    EXPECT_LE(static_cast<double>(use.arena_bytes), 1.05 * static_cast<double>(use.lower_bound_bytes)) << entry.path();
    ++models;
  }
  EXPECT_GT(models, 20);
}

Builder Residual() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 6, 6, 4}, {}});
  const auto stride = [](graph::Node& n) {
    test::SetAttr<int32_t>(n, "stride_h", 1);
    test::SetAttr<int32_t>(n, "stride_w", 1);
  };
  const auto conv = b.Conv("conv", x, 4, 3, 1, stride);
  const auto sum = b.Node("add", "sum", {conv, x});
  b.g().outputs = {b.Node("reshape", "flat", {sum, b.Constant<int32_t>("s", Shape{2}, {-1, 144})})};
  return b;
}

TEST(Interpreter, ABatchGivesWhatItsRowsGive) {
  const Builder b = Residual();
  const std::vector<float> x = test::RandomFloats(3 * 144, 4);
  Runner one(b.model), three(b.model);
  ASSERT_TRUE(three.it->Resize(0, Shape{3, 6, 6, 4}).ok());
  const std::vector<float> together = three.Run(x);
  for (size_t row = 0; row < 3; ++row) {
    const std::vector<float> single =
        one.Run(std::vector<float>(x.begin() + static_cast<ptrdiff_t>(row * 144), x.begin() + static_cast<ptrdiff_t>(row * 144 + 144)));
    EXPECT_EQ(single, std::vector<float>(together.begin() + static_cast<ptrdiff_t>(row * 144), together.begin() + static_cast<ptrdiff_t>(row * 144 + 144)));
  }
}

TEST(Interpreter, InputsSurviveARun) {
  const Builder b = Residual();
  Runner r(b.model);
  const std::vector<float> x = test::RandomFloats(144, 8), first = r.Run(x);
  ASSERT_TRUE(r.it->Invoke().ok());
  std::vector<float> again(first.size());
  std::memcpy(again.data(), r.it->output(0).data, again.size() * 4);
  EXPECT_EQ(first, again);
}

TEST(Interpreter, WrongUseIsAClearError) {
  const Builder b = Residual();
  Runner r(b.model);
  EXPECT_EQ(r.it->Invoke().message(), "call Allocate before Invoke");
  EXPECT_FALSE(r.it->Resize(1, Shape{1}).ok());
  EXPECT_FALSE(r.it->Resize(0, Shape{-1, 6, 6, 4}).ok());
  ASSERT_TRUE(r.it->Resize(0, Shape{1, 6, 6, 5}).ok());
  EXPECT_FALSE(r.it->Allocate().ok());  // The filter has four input channels.
  EXPECT_EQ(r.it->FindInput("nonsense"), -1);
  EXPECT_EQ(r.it->FindInput("x"), 0);
}

// Shapes that nobody computed: 2^64 elements are no bytes when multiplied carelessly, and a kernel would read them.
TEST(Interpreter, InputsAndVariablesThatNoMemoryHoldsAreAnError) {
  for (const char* given : {"input x", "variable x"}) {
    const std::string text = std::string("graph main\n") + given +
                             ": f32[65536,65536,65536,65536]\n"
                             "const begin: i32[4] = [9,0,0,0]\n"
                             "const size: i32[4] = [1,1,1,1]\n"
                             "slice (x, begin, size) -> (y: f32[1,1,1,1]) @y\n"
                             "output y\n";
    const auto model = graph::Parse(text);
    ASSERT_TRUE(model.ok()) << model.error().message();
    const Status status = Runner(*model).it->Allocate();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.message(), "tensor 'x' of [65536,65536,65536,65536] is too large");
  }
}

// A variable has its memory before anything computes.
TEST(Interpreter, AnOutputMustFitTheVariableItIs) {
  const auto model = graph::Parse(
      "graph main\n"
      "input x: i32[8]\n"
      "variable y: i8[2]\n"
      "cast (x) -> (y) @y\n"
      "output y\n");
  ASSERT_TRUE(model.ok()) << model.error().message();
  const Status status = Runner(*model).it->Allocate();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "cast at 'y': output 0 is a variable of [2] but computes as [8]");
}

TEST(Interpreter, AnOperandBehindAnAbsentOneMustBeThere) {
  auto model = graph::Parse(
      "graph main\n"
      "input x: f32[1,4]\n"
      "const feature: f32[2,4] = all 1\n"
      "const time: f32[2,3] = [1,2,3,4,5,6]\n"
      "svdf (x, feature, time, -) -> (y: f32[1,2]) rank=1 @y\n"
      "output y\n");
  ASSERT_TRUE(model.ok()) << model.error().message();
  const Status status = graph::InferModel(*model);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "svdf at 'y': expected 5 inputs, found 4");
}

TEST(Interpreter, AMemoryLimitIsAnError) {
  const Builder b = Residual();
  Runner r(b.model, {.memory_limit_bytes = 1000});
  const Status status = r.it->Allocate();
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.code(), Code::kOutOfMemory);
}

// What was in an output's place before does not show.
TEST(Interpreter, AProductOfNothingIsWritten) {
  const auto model = graph::Parse(
      "graph main\n"
      "input x: i8[4] q(1,0)\n"
      "input none: i8[0,4] q(1,0)\n"
      "const axis: i32[1] = [0]\n"
      "relu (x) -> (a: i8[4] q(1,0)) @a\n"
      "abs (a) -> (b: i8[4] q(1,0)) @b\n"
      "reduce_prod (none, axis) -> (y: i8[4] q(1,0)) @y\n"
      "output y\n");
  ASSERT_TRUE(model.ok()) << model.error().message();
  EXPECT_EQ(Runner(*model, {.keep_all_nodes = true}).Run<int8_t>({1, 2, 3, 4}), (std::vector<int8_t>{0, 0, 0, 0}));
}

// A chain of 8-bit operators becomes a table only where they take all 256 values: this divisor is zero for one that never comes.
TEST(TableFusion, WhatRefusesSomeValueRunsOnTheOthers) {
  test::Builder b;
  const TensorType type{DType::kI8, Shape{1, 4}, Quant::PerTensor(1.0f / 64, 0)};
  const auto x = b.Input("x", type), size = b.Node("abs", "size", {x}, type);
  b.g().outputs = {b.Node("div", "sign", {x, size}, type)};
  const std::vector<int8_t> in = {-100, 3, 127, -1}, want = {-64, 64, 64, -64};
  EXPECT_EQ(test::Runner(b.model).Run(in), want);
}

// A scale per channel is a function per channel.
TEST(TableFusion, ChannelsOfTheirOwnScalesStay) {
  const Quant whole = Quant::PerTensor(0.5f, 0), channels{.scale = {0.5f, 2.0f}, .zero_point = {0, 0}, .axis = 1};
  for (const Quant& q : {channels, whole}) {
    test::Builder b;
    const auto x = b.Input("x", {DType::kI8, Shape{2, 2}, q});
    const auto real = b.Node("dequantize", "real", {x});
    b.g().outputs = {b.Node("quantize", "y", {b.Node("relu", "positive", {real})}, {DType::kI8, {}, q.per_channel() ? whole : channels})};
    const std::vector<int8_t> in = {8, 8, -8, 9}, want = q.per_channel() ? std::vector<int8_t>{8, 32, 0, 36} : std::vector<int8_t>{8, 2, 0, 2};
    EXPECT_EQ(test::Runner(b.model).Run(in), want);
  }
}

// A variable's reader may be the next run, or who asks for it.
TEST(TableFusion, WhatIsWrittenToAVariableStays) {
  const auto model = graph::Parse(
      "graph main\n"
      "input x: i8[2] q(1,0)\n"
      "variable v: i8[2] q(1,0)\n"
      "relu (x) -> (r: i8[2] q(1,0)) @r\n"
      "abs (r) -> (v) @v\n"
      "neg (x) -> (y: i8[2] q(1,0)) @y\n"
      "output y\n");
  ASSERT_TRUE(model.ok()) << model.error().message();
  Runner r(*model);
  r.Run<int8_t>({5, -3});
  int seen = 0;
  for (int t = 0; t < r.it->num_tensors(); ++t) {
    if (r.it->tensor(t).name != "v") continue;
    ++seen;
    EXPECT_EQ(r.it->tensor(t).data[0], std::byte{5});
  }
  EXPECT_EQ(seen, 1);
}

}  // namespace

// All pairs of bytes, whatever the scales: the short way to round a sum must never show. Equal scales make every second
// sum a half.
TEST(Kernels, EverySumOfBytesIsTheReferences) {
  std::mt19937 random(7);
  std::vector<int8_t> a, b;
  for (int i = 0; i < 256; ++i)
    for (int j = 0; j < 256; ++j) a.push_back(static_cast<int8_t>(i - 128)), b.push_back(static_cast<int8_t>(j - 128));
  const auto scale = [&] { return std::exp2(static_cast<float>(static_cast<int>(random() % 160) - 80) / 16.0f); };
  const auto zero = [&] { return static_cast<int32_t>(random() % 256) - 128; };
  for (int round = 0; round < 60; ++round) {
    const float same = scale();
    const auto quant = [&] { return Quant::PerTensor(round % 6 == 0 ? same : scale(), zero()); };
    test::Builder m;
    const auto x = m.Input("x", {DType::kI8, Shape{1 << 16}, quant()}), y = m.Input("y", {DType::kI8, Shape{1 << 16}, quant()});
    m.g().outputs = {m.Node(round % 2 ? "sub" : "add", "z", {x, y}, {DType::kI8, {}, quant()}, [&](graph::Node& n) {
      test::SetAttr(n, "fused_activation_function", round % 3 ? ops::Activation::kNone : ops::Activation::kRelu6);
    })};
    std::vector<std::byte> answers[2];
    for (const runtime::Kernels kernels : {runtime::Kernels::kReference, runtime::Kernels::kFast}) {
      runtime::Options options;
      options.kernels = kernels;
      test::Runner runner(m.model, options);
      ASSERT_TRUE(runner.it->Allocate().ok());
      std::memcpy(runner.it->input(0).data, a.data(), a.size());
      std::memcpy(runner.it->input(1).data, b.data(), b.size());
      ASSERT_TRUE(runner.it->Invoke().ok());
      const runtime::TensorRef z = runner.it->output(0);
      answers[kernels == runtime::Kernels::kFast].assign(z.data, z.data + z.bytes);
    }
    EXPECT_TRUE(answers[0] == answers[1]) << "round " << round;
  }
}

}  // namespace octet::runtime
