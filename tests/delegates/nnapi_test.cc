// SPDX-License-Identifier: Apache-2.0
// NNAPI against a library that stands in for Android's and executes what it is told.
#include "base/library.h"
#include "delegates/load.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

using test::Builder;

const std::string kLibrary = OCTET_NNAPI_STANDIN;
const std::vector<float> kX = test::RandomFloats(1 * 8 * 8 * 3, 1);

template <class F> F Function(const char* name) { return reinterpret_cast<F>(Library::Open(kLibrary)->Find(name)); }
void Fail(const char* what) { Function<void (*)(const char*)>("standin_fail")(what); }
int Alive() { return Function<int (*)()>("standin_alive")(); }

graph::Model Model() {
  Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 8, 8, 3}, {}});
  const auto c = b.Conv("c", x, 4, 3, 7, [](graph::Node& n) {
    test::SetAttr<int32_t>(n, "stride_w", 1);
    test::SetAttr<int32_t>(n, "stride_h", 1);
    test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu);
  });
  const auto p = b.Node("max_pool_2d", "p", {c}, {}, [](graph::Node& n) {
    for (const char* name : {"stride_w", "stride_h", "filter_width", "filter_height"}) test::SetAttr<int32_t>(n, name, 2);
    test::SetAttr(n, "padding", ops::Padding::kValid);
  });
  const auto a = b.Node("add", "a", {p, p});
  const auto s = b.Node("sin", "s", {a});  // Not NNAPI's.
  const auto f = b.Node("reshape", "f", {s, b.Constant<int32_t>("shape", Shape{2}, {1, 64})});
  const auto w = b.Constant<float>("w", Shape{5, 64}, test::RandomFloats(5 * 64, 9));
  b.g().outputs = {b.Node("fully_connected", "y", {f, w})};
  return std::move(b.model);
}

struct Outcome {
  std::vector<float> y;
  std::vector<runtime::DelegateDetails> details;
};
Outcome RunWith(const std::string& options) {
  Outcome o;
  auto list = delegates::LoadAll({"nnapi;library=" + kLibrary + options});
  EXPECT_TRUE(list.ok()) << (list.ok() ? "" : list.error().message());
  runtime::Options with;
  with.delegates.list = std::move(*list);
  test::Runner runner(Model(), with);
  for (int again = 0; again < 3; ++again) o.y = runner.Run<float>(kX);
  o.details = runner.it->delegates();
  return o;
}

TEST(Nnapi, PartsRunThere) {
  const std::vector<float> expected = test::Runner(Model()).Run<float>(kX);
  for (const std::string options : {"", ";burst=0;fp16=1;preference=low_power", ";accelerator=standin-npu", ";cpu=0"}) {
    const Outcome o = RunWith(options);
    EXPECT_LT(test::LargestDifference(o.y, expected), 1e-4f) << options;
    EXPECT_EQ(o.details[0].name, "nnapi");
    EXPECT_EQ(o.details[0].nodes, 5) << options;
    EXPECT_EQ(o.details[0].partitions, 2) << options;
    EXPECT_TRUE(o.details[0].failures.empty()) << o.details[0].failures[0];
    EXPECT_EQ(Alive(), 0) << options;
  }
  EXPECT_GT(Function<int (*)()>("standin_computed")(), 0);
}

TEST(Nnapi, FailuresGoToTheCpu) {
  const std::vector<float> expected = test::Runner(Model()).Run<float>(kX);
  for (const char* what :
       {"Model_create", "Model_addOperand", "Model_finish", "Compilation_create", "Compilation_finish", "Execution_create", "Execution_compute"}) {
    Fail(what);
    const Outcome o = RunWith("");
    Fail("");
    EXPECT_EQ(o.y, expected) << what;
    ASSERT_FALSE(o.details[0].failures.empty()) << what;
    EXPECT_NE(o.details[0].failures[0].find("NNAPI refuses"), std::string::npos) << o.details[0].failures[0];
    EXPECT_EQ(Alive(), 0) << what;
  }
  const Outcome weak = RunWith(";accelerator=standin-weak");
  EXPECT_EQ(weak.y, expected);
  EXPECT_NE(weak.details[0].failures[0].find("the accelerator does not support conv_2d"), std::string::npos) << weak.details[0].failures[0];
}

TEST(Nnapi, WhatIsMissingIsSaid) {
  const auto says = [](const std::string& spec) {
    const auto list = delegates::LoadAll({spec});
    return list.ok() ? std::string() : list.error().message();
  };
  EXPECT_NE(says("nnapi;library=/nowhere/libneuralnetworks.so").find("NNAPI is Android's"), std::string::npos);
  EXPECT_NE(says("nnapi;library=" + kLibrary + ";accelerator=tpu").find("there are: standin-npu standin-weak"), std::string::npos);
  EXPECT_NE(says("nnapi;speed=high").find("expected library, accelerator"), std::string::npos);
}

}  // namespace
}  // namespace octet
