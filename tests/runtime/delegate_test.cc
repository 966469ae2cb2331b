// SPDX-License-Identifier: Apache-2.0
// Parts of models on a delegate: who gets what, and the right answer whatever fails.
#include "tests/model_builder.h"
#include "tests/runtime/fake_delegate.h"

namespace octet {
namespace {

using test::Builder;
using test::Fake;

constexpr int32_t kSize = 12;

// #0 a = x + c; #1 b = -a; #2 t = tanh(b) (the CPU's); #3 d = relu(t); #4 y = a * d.
graph::Model Islands() {
  Builder b;
  const TensorType type{DType::kF32, Shape{1, kSize}, {}};
  const auto x = b.Input("x", type);
  const auto c = b.Constant<float>("c", Shape{1, kSize}, test::RandomFloats(kSize, 3));
  const auto a = b.Node("add", "block/a", {x, c});
  const auto n = b.Node("neg", "block/b", {a});
  const auto t = b.Node("tanh", "t", {n});
  const auto d = b.Node("relu", "d", {t});
  const auto y = b.Node("mul", "y", {a, d});
  b.g().outputs = {y};
  return std::move(b.model);
}

runtime::Options With(std::vector<std::shared_ptr<const runtime::Delegate>> list) {
  runtime::Options options;
  options.delegates.list = std::move(list);
  return options;
}

const std::vector<float> kX = test::RandomFloats(kSize, 1);

std::vector<float> Expected() { return test::Runner(Islands()).Run<float>(kX); }

TEST(Delegates, ComputePartsAndSayWhich) {
  Fake fake;
  {
    test::Runner runner(Islands(), With({fake.Make()}));
    EXPECT_EQ(runner.Run<float>(kX), Expected());
    EXPECT_EQ(fake.parts, (std::vector<std::vector<int>>{{0, 1}, {3, 4}}));
    const auto details = runner.it->delegates();
    ASSERT_EQ(details.size(), 2u);
    EXPECT_EQ(details[0].name, "fake");
    EXPECT_EQ(details[0].nodes, 4);
    EXPECT_EQ(details[0].total_nodes, 5);
    EXPECT_EQ(details[0].partitions, 2);
    EXPECT_EQ(details[0].copies, 6);  // x -> a, b and t, a -> y.
    EXPECT_EQ(details[0].copy_bytes, 6 * kSize * 4);
    ASSERT_EQ(details[0].reasons.size(), 1u);
    EXPECT_EQ(details[0].reasons[0].op, "tanh");
    EXPECT_EQ(details[0].reasons[0].text, "it knows no such operator");
    EXPECT_EQ(details[1].name, "cpu");
    EXPECT_EQ(details[1].nodes, 1);
    EXPECT_EQ(runner.it->node(0).kernel, "fake");
    EXPECT_NE(runner.it->node(2).kernel, "fake");
    EXPECT_EQ(runner.it->delegate_timings().size(), 4u);
  }
  EXPECT_EQ(fake.begun, fake.ended);
  EXPECT_EQ(fake.prepared, fake.released);
  EXPECT_EQ(fake.destroyed, 1);
}

TEST(Delegates, EveryFailureStillGivesTheRightAnswer) {
  for (const std::string fail : {"begin", "prepare", "run", "silent run"}) {
    Fake fake;
    fake.fail = fail;
    {
      test::Runner runner(Islands(), With({fake.Make()}));
      for (int again = 0; again < 3; ++again) EXPECT_EQ(runner.Run<float>(kX), Expected()) << fail;
      const auto details = runner.it->delegates();
      EXPECT_EQ(details[0].nodes, 0) << fail;
      EXPECT_EQ(details[1].nodes, 5) << fail;
      ASSERT_FALSE(details[0].failures.empty()) << fail;
      EXPECT_NE(details[0].failures[0].find("'fake'"), std::string::npos) << details[0].failures[0];
      EXPECT_NE(details[0].failures[0].find(fail.find("run") != std::string::npos ? "took over" : "who comes next"), std::string::npos)
          << details[0].failures[0];
    }
    EXPECT_EQ(fake.begun, fake.ended) << fail;
    EXPECT_EQ(fake.prepared, fake.released) << fail;
    EXPECT_EQ(fake.destroyed, 1) << fail;
  }
}

TEST(Delegates, OneThatFailsLaterIsNotAskedAgain) {
  Fake fake;
  fake.fail = "run";
  fake.fail_after = 3;  // Of two parts: in the second inference, with data of the CPU's between.
  test::Runner runner(Islands(), With({fake.Make()}));
  for (int again = 0; again < 3; ++again) EXPECT_EQ(runner.Run<float>(kX), Expected());
  const int runs = fake.runs;
  ASSERT_TRUE(runner.it->Resize(0, Shape{2, kSize}).ok());
  ASSERT_TRUE(runner.it->Allocate().ok());
  ASSERT_TRUE(runner.it->Invoke().ok());
  EXPECT_EQ(fake.runs, runs);
  EXPECT_NE(runner.it->delegates()[0].failures[0].find("switched off"), std::string::npos);
}

TEST(Delegates, ASecondOneTakesWhatTheFirstLeaves) {
  Fake first, second;
  first.takes = [](const OctetDelegateNode& n) { return std::string(n.op) == "add"; };
  test::Runner runner(Islands(), With({first.Make("one"), second.Make("two")}));
  EXPECT_EQ(runner.Run<float>(kX), Expected());
  EXPECT_EQ(first.parts, (std::vector<std::vector<int>>{{0}}));
  EXPECT_EQ(second.parts, (std::vector<std::vector<int>>{{1}, {3, 4}}));
  // What the first cannot prepare goes to the second.
  first.fail = "prepare";
  second.parts.clear();
  test::Runner again(Islands(), With({first.Make("one"), second.Make("two")}));
  EXPECT_EQ(again.Run<float>(kX), Expected());
  EXPECT_EQ(second.parts, (std::vector<std::vector<int>>{{0, 1}, {3, 4}}));
}

TEST(Delegates, NodesAreDeniedByOperatorLayerAndNumber) {
  for (const std::string entry : {"add", "block/a", "block", "#0"}) {
    Fake fake;
    runtime::Options options = With({fake.Make()});
    options.delegates.deny = {entry};
    test::Runner runner(Islands(), std::move(options));
    EXPECT_EQ(runner.Run<float>(kX), Expected()) << entry;
    const auto details = runner.it->delegates();
    EXPECT_EQ(details[0].nodes, entry == "block" ? 2 : 3) << entry;
    EXPECT_EQ(details[0].reasons[0].text, "denied by '" + entry + "'");
  }
}

TEST(Delegates, SmallPartsAndLossesStayOnTheCpu) {
  Fake fake;
  runtime::Options options = With({fake.Make()});
  options.delegates.min_nodes = 3;
  test::Runner small(Islands(), options);
  EXPECT_EQ(small.Run<float>(kX), Expected());
  EXPECT_EQ(small.it->delegates()[0].nodes, 0);
  EXPECT_EQ(small.it->delegates()[0].reasons[1].text, "its part has 2 nodes, fewer than 3");

  Fake slow;
  slow.rates = {.run_us = 500, .copy_gbytes_s = 1, .f32_gmacs_s = 100, .int8_gmacs_s = 100, .gbytes_s = 100, .node_us = 0};
  test::Runner losing(Islands(), With({slow.Make()}));
  EXPECT_EQ(losing.Run<float>(kX), Expected());
  EXPECT_EQ(losing.it->delegates()[0].nodes, 0);
  EXPECT_NE(losing.it->delegates()[0].reasons[1].text.find("does not pay: about 50"), std::string::npos) << losing.it->delegates()[0].reasons[1].text;

  Fake busy;
  busy.rates = {};
  busy.rates.node_us = 250;
  test::Runner launching(Islands(), With({busy.Make()}));
  EXPECT_EQ(launching.Run<float>(kX), Expected());
  EXPECT_EQ(launching.it->delegates()[0].nodes, 0);
  EXPECT_NE(launching.it->delegates()[0].reasons[1].text.find("does not pay: about 500"), std::string::npos) << launching.it->delegates()[0].reasons[1].text;

  runtime::Options to_slow = With({slow.Make()});
  to_slow.delegates.pay_off = runtime::PayOff::kOff;
  test::Runner all(Islands(), to_slow);
  EXPECT_EQ(all.Run<float>(kX), Expected());
  EXPECT_EQ(all.it->delegates()[0].nodes, 4);

  Fake sleepy;
  sleepy.sleep_ms = 2;
  runtime::Options to_sleepy = With({sleepy.Make()});
  to_sleepy.delegates.pay_off = runtime::PayOff::kMeasure;
  test::Runner measured(Islands(), to_sleepy);
  EXPECT_EQ(measured.Run<float>(kX), Expected());
  EXPECT_EQ(measured.it->delegates()[0].nodes, 0);
  EXPECT_NE(measured.it->delegates()[0].reasons[0].text.find("does not pay: measured"), std::string::npos);

  Fake many;
  runtime::Options to_many = With({many.Make()});
  to_many.delegates.max_parts = 1;
  test::Runner one(Islands(), to_many);
  EXPECT_EQ(one.Run<float>(kX), Expected());
  EXPECT_EQ(one.it->delegates()[0].partitions, 1);
}

TEST(Delegates, APartThatTakesTooLongGoesBack) {
  Fake fake;
  fake.sleep_ms = 5;
  runtime::Options options = With({fake.Make()});
  options.delegates.timeout_ms = 1;
  test::Runner runner(Islands(), options);
  for (int again = 0; again < 2; ++again) EXPECT_EQ(runner.Run<float>(kX), Expected());
  EXPECT_EQ(fake.runs, 2);  // Each part once.
  EXPECT_NE(runner.it->delegates()[0].failures[0].find("the limit is 1.0"), std::string::npos);
}

TEST(Delegates, NewShapesArePartitionedAnew) {
  Fake fake;
  test::Runner runner(Islands(), With({fake.Make()}));
  (void)runner.Run<float>(kX);
  ASSERT_TRUE(runner.it->Resize(0, Shape{3, kSize}).ok());
  const std::vector<float> x = test::RandomFloats(3 * kSize, 5);
  test::Runner plain(Islands());
  ASSERT_TRUE(plain.it->Resize(0, Shape{3, kSize}).ok());
  EXPECT_EQ(runner.Run<float>(x), plain.Run<float>(x));
  EXPECT_EQ(fake.parts.size(), 4u);
  EXPECT_EQ(fake.released, 2);
}

// What lies behind a shape that only running tells is delegated when it is known.
TEST(Delegates, DynamicShapesArePartitionedWhileRunning) {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, kSize}, {}});
  const auto n = b.Input("n", {DType::kI32, Shape{2}, {}});
  const auto a = b.Node("relu", "a", {x});
  const auto r = b.Node("reshape", "r", {a, n});
  const auto y = b.Node("neg", "y", {r});
  b.g().outputs = {y};
  Fake fake;
  test::Runner runner(b.model, With({fake.Make()}));
  ASSERT_TRUE(runner.it->Allocate().ok());
  for (const int32_t rows : {2, 3, 3, 2}) {
    std::memcpy(runner.it->input(0).data, kX.data(), kX.size() * sizeof(float));
    const int32_t shape[] = {rows, kSize / rows};
    std::memcpy(runner.it->input(1).data, shape, sizeof shape);
    ASSERT_TRUE(runner.it->Invoke().ok());
    const runtime::TensorRef out = runner.it->output(0);
    EXPECT_EQ(out.type->shape, (Shape{rows, kSize / rows}));
    for (size_t i = 0; i < kX.size(); ++i) EXPECT_EQ(reinterpret_cast<const float*>(out.data)[i], -std::max(0.0f, kX[i]));
    EXPECT_EQ(runner.it->delegates()[0].nodes, 2);
  }
  EXPECT_EQ(fake.prepared, 4);  // The first part once, the second for [2,6], [3,4] and [2,6].
  EXPECT_EQ(fake.released, 2);
}

TEST(Delegates, TheShadowCheckGivesTheRightAnswerAndSwitchesOff) {
  Fake fake;
  fake.fail = "wrong";
  fake.fail_after = 3;
  runtime::Options options = With({fake.Make()});
  options.delegates.shadow = {.share = 0.5, .tolerance = 1e-3, .max_mismatches = 1};
  test::Runner runner(Islands(), options);
  // Runs 0, 2, 4... are checked; of two parts, the delegate is wrong from run 1 on: unchecked runs are wrong until it is off.
  for (int run = 0; run < 8; ++run) {
    const std::vector<float> y = runner.Run<float>(kX);
    EXPECT_TRUE(run == 1 || run == 3 || y == Expected()) << run;
  }
  const runtime::ShadowReport report = runner.it->shadow();
  EXPECT_EQ(report.checked, 3);
  EXPECT_EQ(report.mismatches, 2);
  EXPECT_GT(report.worst, 1);
  EXPECT_TRUE(report.switched_off);
  EXPECT_EQ(runner.it->delegates()[0].nodes, 0);
  EXPECT_NE(runner.it->delegates()[0].failures[0].find("2 of 3 inferences different"), std::string::npos);
  ASSERT_TRUE(runner.it->Resize(0, Shape{2, kSize}).ok());
  ASSERT_TRUE(runner.it->Allocate().ok());
  EXPECT_EQ(runner.it->delegates()[0].nodes, 0);

  Fake good;
  runtime::Options to_good = With({good.Make()});
  to_good.delegates.shadow.share = 1;
  test::Runner fine(Islands(), to_good);
  for (int run = 0; run < 4; ++run) EXPECT_EQ(fine.Run<float>(kX), Expected());
  EXPECT_EQ(fine.it->shadow().checked, 4);
  EXPECT_EQ(fine.it->shadow().mismatches, 0);
}

// An operator that nobody but a delegate knows runs there, and nowhere else.
TEST(Delegates, ForeignOperatorsNeedTheirDelegate) {
  for (const std::string name : {"edgetpu-custom-op", "vendor-blob"}) {
    Builder b;
    const TensorType type{DType::kF32, Shape{1, kSize}, {}};
    const auto x = b.Input("x", type);
    const auto y = b.g().AddTensor("y", type);
    ops::OpDef def{};
    static const ops::Operand operand{.name = "x"};
    static const ops::TypeRow row{""};
    def.name = def.custom_name = name;
    def.code = ops::BuiltinCode::kCustom;
    def.inputs = def.outputs = std::span(&operand, 1);
    def.types = std::span(&row, 1);
    b.g().AddNode(def, graph::Attributes(def.attrs), {x}, {y}, "blob");
    b.g().outputs = {y};
    const std::vector<std::byte> bytes = *exporter::Export(b.model);
    const auto model = *runtime::Model::FromBytes(bytes);
    const auto without = runtime::Interpreter::Create(model);
    ASSERT_FALSE(without.ok());
    EXPECT_NE(without.error().message().find(name[0] == 'e' ? "compiled for the Edge TPU (1 edgetpu-custom-op)" : "vendor-blob (1)"), std::string::npos)
        << without.error().message();
    Fake refusing;
    auto with = runtime::Interpreter::Create(model, With({refusing.Make()}));
    ASSERT_TRUE(with.ok());
    const Status status = (*with)->Allocate();
    ASSERT_FALSE(status.ok());
    EXPECT_EQ(status.code(), Code::kUnsupported);
    EXPECT_NE(status.message().find(name[0] == 'e' ? "compiled for the Edge TPU" : "no delegate took it"), std::string::npos) << status.message();
    Fake fitting;
    fitting.custom = true;
    auto fits = runtime::Interpreter::Create(model, With({fitting.Make()}));
    ASSERT_TRUE(fits.ok());
    ASSERT_TRUE((*fits)->Allocate().ok());
    std::memcpy((*fits)->input(0).data, kX.data(), kX.size() * sizeof(float));
    ASSERT_TRUE((*fits)->Invoke().ok());
    EXPECT_EQ(reinterpret_cast<const float*>((*fits)->output(0).data)[3], std::max(0.0f, kX[3]));
  }
}

TEST(Delegates, AForeignNameIsFreeForWhoBringsAKernel) {
  static constexpr ops::Variant variant{.name = "real"};
  static constexpr ops::OpKernel none{}, kernel{.variants = std::span(&variant, 1)};
  static ops::OpDef foreign, real, second;
  for (ops::OpDef* def : {&foreign, &real, &second}) def->name = def->custom_name = "later-op", def->code = ops::BuiltinCode::kCustom;
  EXPECT_TRUE(ops::Register(&foreign, &none).ok());
  EXPECT_TRUE(ops::Register(&real, &kernel).ok());
  EXPECT_EQ(ops::Find(ops::BuiltinCode::kCustom, "later-op"), &real);
  EXPECT_FALSE(ops::Register(&second, &kernel).ok());
}

// Nodes run in another order than the file's then: no tensor's memory may be given away too early.
TEST(Delegates, RandomGraphsGiveTheSameBits) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    Builder b;
    const TensorType type{DType::kF32, Shape{1, kSize}, {}};
    std::vector<graph::TensorId> values{b.Input("x", type)};
    const int n = 4 + static_cast<int>(random() % 24);
    for (int i = 0; i < n; ++i) {
      static constexpr const char* kOps[] = {"neg", "relu", "tanh", "add", "mul", "add"};
      const char* op = kOps[random() % 6];
      const auto pick = [&] { return values[values.size() - 1 - random() % std::min<size_t>(values.size(), 6)]; };
      std::vector<graph::TensorId> inputs{pick()};
      if (op[0] == 'a' || op[0] == 'm') inputs.push_back(pick());
      values.push_back(b.Node(op, "n" + std::to_string(i), inputs));
    }
    b.g().outputs = {values.back(), values[values.size() / 2]};
    const std::vector<float> expected = test::Runner(b.model).Run<float>(kX);
    for (const std::string fail : {"", "run", "prepare"}) {
      Fake fake, second;
      fake.takes = [seed](const OctetDelegateNode& node) { return (static_cast<uint32_t>(node.index) * 2654435761u + seed) >> 13 & 1; };
      fake.fail = fail;
      fake.fail_after = static_cast<int>(seed % 3);
      test::Runner runner(b.model, With(seed % 2 ? std::vector{fake.Make(), second.Make()} : std::vector{fake.Make()}));
      for (int again = 0; again < 3; ++again) EXPECT_EQ(runner.Run<float>(kX), expected) << seed << fail;
    }
  }
}

}  // namespace
}  // namespace octet
