// SPDX-License-Identifier: Apache-2.0
// Operators from a shared library; tests/runtime/custom_op.py builds the library and names it in OCTET_EXAMPLE_OPS.
#include <cstdlib>

#include "ops/flexbuffer_util.h"
#include "runtime/op_library.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

TEST(CustomOps, ALibraryThatIsNoneIsAClearError) {
  const Status missing = runtime::LoadOps("/nowhere/libnothing.so");
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(missing.message().find("/nowhere/libnothing.so"), std::string::npos);
}

TEST(CustomOps, TheExampleRuns) {
  const char* library = std::getenv("OCTET_EXAMPLE_OPS");
  if (!library) GTEST_SKIP() << "OCTET_EXAMPLE_OPS names no library";
  for (int twice = 0; twice < 2; ++twice) {
    const Status loaded = runtime::LoadOps(library);
    ASSERT_TRUE(loaded.ok()) << loaded.message();
  }
  const ops::OpDef* def = ops::Find(ops::BuiltinCode::kCustom, "ExampleScale");
  ASSERT_NE(def, nullptr);
  for (const bool with_option : {false, true}) {
    test::Builder b;
    const graph::TensorId x = b.Input("x", {DType::kF32, Shape{3}, {}}), y = b.g().AddTensor("y", {DType::kF32, Shape{3}, {}});
    const graph::NodeId node = b.g().AddNode(*def, graph::Attributes(def->attrs), {x}, {y}, "scale");
    const float factor = 0.5f;
    const auto option = std::as_bytes(std::span(&factor, 1));
    if (with_option) b.g().node(node).custom_options.assign(option.begin(), option.end());
    b.g().outputs = {y};
    test::Runner runner(b.model);
    const float by = with_option ? factor : 2.0f;
    EXPECT_EQ(runner.Run<float>({1, 2, -3}), (std::vector<float>{by, 2 * by, -3 * by}));
  }
  test::Builder wrong;  // The library's own words arrive.
  const graph::TensorId i = wrong.Input("i", {DType::kI32, Shape{3}, {}}), y = wrong.g().AddTensor("y", {DType::kI32, Shape{3}, {}});
  wrong.g().AddNode(*def, graph::Attributes(def->attrs), {i}, {y}, "scale");
  wrong.g().outputs = {y};
  test::Runner runner(wrong.model);
  const Status status = runner.it->Allocate();
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.message().find("expected one float32 input"), std::string::npos) << status.message();
}

// As TensorFlow Lite's converter 2.21 wrote them for a node Mfcc.
TEST(FlexMap, WritesTheBytesOfTheConverter) {
  using Scalar = ops::FlexScalar;
  constexpr std::string_view kKeys("dct_coefficient_count\0filterbank_channel_count\0lower_frequency_limit\0upper_frequency_limit\0", 91);
  constexpr uint8_t kRest[] = {4, 92, 71, 47, 26, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0, 12, 0, 0, 0, 30, 0, 0, 0, 0, 0, 200, 66, 0, 128, 109, 69, 6, 6, 14, 14,
                               20, 38, 1};
  std::vector<std::byte> wanted(std::as_bytes(std::span(kKeys)).begin(), std::as_bytes(std::span(kKeys)).end());
  wanted.insert(wanted.end(), std::as_bytes(std::span(kRest)).begin(), std::as_bytes(std::span(kRest)).end());
  const std::vector<std::byte> bytes = ops::WriteFlexMap({{"upper_frequency_limit", Scalar::Kind::kFloat, 0, 3800},
                                                          {"lower_frequency_limit", Scalar::Kind::kFloat, 0, 100},
                                                          {"filterbank_channel_count", Scalar::Kind::kInt, 30, 0},
                                                          {"dct_coefficient_count", Scalar::Kind::kInt, 12, 0}});
  EXPECT_EQ(bytes, wanted);
}

TEST(FlexMap, ReadsWhatItWrites) {
  using Scalar = ops::FlexScalar;
  for (const int64_t n : {0l, -1l, 127l, 128l, -129l, 40000l, 1l << 31, -(1l << 40)}) {
    std::vector<std::string> keys;
    std::vector<Scalar> scalars = {{"z", Scalar::Kind::kBool, 1, 0}, {"y", Scalar::Kind::kFloat, 0, 0.5f}};
    for (int i = 0; i < 60; ++i) keys.push_back("a key of some length, number " + std::to_string(i));
    for (const std::string& key : keys) scalars.push_back({key, Scalar::Kind::kInt, n, 0});
    const std::vector<std::byte> bytes = ops::WriteFlexMap(scalars);
    const ops::FlexMap map(bytes);
    for (const std::string& key : keys) EXPECT_EQ(map.Int(key, 5), n);
    EXPECT_EQ(map.Int("z", 0), 1);
    EXPECT_EQ(map.Number("y", 0), 0.5);
  }
}

TEST(FlexMap, ReadsScalarsAndRefusesWhatIsNone) {
  // {"a": 7, "b": 0.5, "long_name": -3, "flag": true}, as the flatbuffers library writes it.
  const uint8_t bytes[] = {97, 0, 98, 0, 108, 111, 110, 103, 95, 110, 97, 109, 101, 0, 102, 108, 97, 103, 0, 4, 20, 19, 8, 19, 4, 0, 0, 0, 1,
                           0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 63, 1, 0, 0, 0, 253, 255, 255, 255, 6, 14, 106, 6, 20, 38, 1};
  const ops::FlexMap map(std::as_bytes(std::span(bytes)));
  EXPECT_EQ(map.Int("a", 0), 7);
  EXPECT_EQ(map.Number("b", 0), 0.5);
  EXPECT_EQ(map.Int("long_name", 0), -3);
  EXPECT_EQ(map.Int("flag", 0), 1);
  for (size_t n = 0; n < sizeof bytes; ++n) {  // No part of it is read beyond its end.
    const std::vector<uint8_t> part(bytes, bytes + n);
    const ops::FlexMap cut(std::as_bytes(std::span(part)));
    (void)cut.Number("long_name", 0);
  }
  EXPECT_EQ(map.Int("missing", 5), 5);
  EXPECT_FALSE(map.Has("c"));
}

}  // namespace
}  // namespace octet
