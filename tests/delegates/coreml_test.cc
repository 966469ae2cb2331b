// SPDX-License-Identifier: Apache-2.0
// What the Core ML delegate writes, read by octet's own reader of the wire format; coreml_spec.py has Apple's reader and computes it.
#include <algorithm>
#include <filesystem>
#include <set>
#include <utility>

#include "base/file.h"
#include "data/wire.h"
#include "delegates/coreml/wire_writer.h"
#include "delegates/load.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

using data::WireField;
using data::WireReader;
using Bytes = std::span<const std::byte>;

// The fields of this number, in their order.
std::vector<WireField> Fields(Bytes message, uint32_t number) {
  std::vector<WireField> list;
  WireReader reader(message);
  for (WireField f; reader.Next(&f);)
    if (f.number == number) list.push_back(f);
  EXPECT_TRUE(reader.ok());
  return list;
}
// Down the path of numbers, the first one each time.
Bytes At(Bytes message, std::initializer_list<uint32_t> path) {
  for (const uint32_t number : path) {
    const auto fields = Fields(message, number);
    if (fields.empty()) return {};
    message = fields[0].bytes;
  }
  return message;
}
std::string Text(Bytes b) { return {reinterpret_cast<const char*>(b.data()), b.size()}; }

struct Operation {
  std::string type, result;
};
// What the program does, in its order; every operand must be an input or the result of an operation before.
std::vector<Operation> OperationsOf(Bytes model) {
  const Bytes function = At(model, {502, 2, 2}), block = At(function, {3, 2});
  std::set<std::string> known;
  for (const WireField& input : Fields(function, 1)) known.insert(Text(At(input.bytes, {1})));
  std::vector<Operation> list;
  for (const WireField& op : Fields(block, 3)) {
    for (const WireField& operand : Fields(op.bytes, 2))
      for (const WireField& binding : Fields(At(operand.bytes, {2}), 1))
        EXPECT_TRUE(known.contains(Text(At(binding.bytes, {1})))) << Text(At(binding.bytes, {1}));
    list.push_back({Text(At(op.bytes, {1})), Text(At(op.bytes, {3, 1}))});
    EXPECT_TRUE(known.insert(list.back().result).second) << list.back().result;
  }
  for (const WireField& output : Fields(block, 2)) EXPECT_TRUE(known.contains(Text(output.bytes)));
  return list;
}
std::string Names(Bytes model) {
  std::string text;
  for (const Operation& o : OperationsOf(model))
    if (o.type != "const") text += (text.empty() ? "" : " ") + o.type;
  return text;
}

class CoreMl : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "octet-coreml-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Runs the model with the delegate; its details are left behind.
  template <class T> void Run(const graph::Model& model, const std::vector<T>& x, const std::string& options = "") {
    auto list = delegates::LoadAll({"coreml;spec_dir=" + folder_ + options});
    ASSERT_TRUE(list.ok()) << list.error().message();
    runtime::Options with;
    with.delegates.list = std::move(*list);
    test::Runner runner(model, with);
    const std::vector<T> expected = test::Runner(model).Run<T>(x);
    EXPECT_EQ(runner.Run<T>(x), expected);
    details_ = runner.it->delegates()[0];
  }
  std::vector<std::byte> Read(const std::string& name) const {
    auto file = MappedFile::Open(folder_ + "/" + name);
    EXPECT_TRUE(file.ok()) << (file.ok() ? "" : file.error().message());
    return file.ok() ? std::vector<std::byte>(file->bytes().begin(), file->bytes().end()) : std::vector<std::byte>();
  }

  std::string folder_;
  runtime::DelegateDetails details_;
};

graph::Model Images() {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{1, 8, 8, 3}, {}});
  const auto relu = [](graph::Node& n) { test::SetAttr(n, "fused_activation_function", ops::Activation::kRelu); };
  const auto c = b.Conv("c", x, 4, 3, 1, relu), d = b.Depthwise("d", c, 3, 2), a = b.Node("add", "a", {c, d});
  const auto axes = b.Constant<int32_t>("axes", Shape{2}, {1, 2});
  b.g().outputs = {b.Node("softmax", "y", {b.Node("mean", "m", {a, axes})}, {}, [](graph::Node& n) { test::SetAttr(n, "beta", 1.0f); })};
  return std::move(b.model);
}

TEST(CoreMlWire, IsWhatTheReaderReads) {
  coreml::WireWriter inner, w;
  inner.Varint(1, 300);
  w.Varint(1, 0);
  w.Varint(2, ~uint64_t{0});
  w.Bytes(3, "text");
  w.Message(502, inner);
  const Bytes bytes = std::as_bytes(std::span(w.bytes()));
  EXPECT_EQ(Fields(bytes, 1)[0].bits, 0u);
  EXPECT_EQ(Fields(bytes, 2)[0].as_int(), -1);
  EXPECT_EQ(Fields(bytes, 3)[0].as_text(), "text");
  EXPECT_EQ(Fields(At(bytes, {502}), 1)[0].bits, 300u);
}

#ifndef __APPLE__
TEST(CoreMlElsewhere, IsAnErrorThatSaysWhy) {
  const auto says = [](const std::string& spec) {
    const auto list = delegates::LoadAll({spec});
    return list.ok() ? std::string() : list.error().message();
  };
  EXPECT_NE(says("coreml").find("Core ML is part of Apple's systems"), std::string::npos) << says("coreml");
  EXPECT_NE(says("coreml").find("coreml;spec_dir=DIR writes"), std::string::npos);
  EXPECT_NE(says("coreml;units=ane;spec_dir=d").find("expected precision=float32|float16, units="), std::string::npos);
}

TEST_F(CoreMl, ImagesAreTransposedOnlyAtTheEnds) {
  Run(Images(), test::RandomFloats(8 * 8 * 3, 3));
  const std::string package = "nodes_0-4.mlpackage/";
  const std::vector<std::byte> model = Read(package + "Data/com.apple.CoreML/model.mlmodel");
  EXPECT_EQ(Fields(model, 1)[0].bits, 8u);
  EXPECT_EQ(Names(model), "transpose conv relu conv add reduce_mean softmax identity");
  EXPECT_EQ(Text(At(model, {2, 1, 1})), "tensor_0");
  ASSERT_EQ(details_.failures.size(), 1u);
  EXPECT_NE(details_.failures[0].find("its model is in '" + folder_ + "/nodes_0-4.mlpackage'; Core ML is part of Apple's systems"), std::string::npos)
      << details_.failures[0];
  // Two weights and two biases, each at a multiple of 64 behind 64 bytes that describe it.
  const std::vector<std::byte> weights = Read(package + "Data/com.apple.CoreML/weights/weight.bin");
  uint32_t head[2];
  std::memcpy(head, weights.data(), sizeof head);
  EXPECT_EQ(head[0], 4u);
  EXPECT_EQ(head[1], 2u);
  // The same model gives the same bytes.
  Run(Images(), test::RandomFloats(8 * 8 * 3, 3));
  EXPECT_EQ(Read(package + "Data/com.apple.CoreML/model.mlmodel"), model);
  EXPECT_EQ(Read(package + "Data/com.apple.CoreML/weights/weight.bin"), weights);
}

TEST_F(CoreMl, HalfPrecisionIsCastAtTheEnds) {
  Run(Images(), test::RandomFloats(8 * 8 * 3, 3), ";precision=float16");
  EXPECT_EQ(Names(Read("nodes_0-4.mlpackage/Data/com.apple.CoreML/model.mlmodel")), "cast transpose conv relu conv add reduce_mean softmax cast identity");
}

TEST_F(CoreMl, IntegersAreRealInside) {
  test::Builder b;
  const TensorType type{DType::kI8, Shape{2, 8}, {{0.5f}, {3}, 0, 0}};
  const auto x = b.Input("x", type);
  b.g().outputs = {b.Node("tanh", "y", {b.Node("add", "a", {x, x}, type)}, {DType::kI8, Shape{2, 8}, {{1.0f / 128}, {0}, 0, 0}})};
  Run(b.model, test::RandomBytes(16, 4));
  EXPECT_EQ(Names(Read("nodes_0-1.mlpackage/Data/com.apple.CoreML/model.mlmodel")),
            "cast dequantize add quantize dequantize tanh quantize dequantize cast identity");
}

TEST_F(CoreMl, WhatItHasNotIsSaid) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{4, 6}, {}});
  const auto e = b.Node("elu", "e", {x}), r = b.Node("round", "r", {e});
  b.g().outputs = {b.Node("elu", "y", {r})};
  Run(b.model, test::RandomFloats(24, 1));
  ASSERT_FALSE(details_.reasons.empty());
  EXPECT_TRUE(std::ranges::any_of(details_.reasons,
                                  [](const auto& why) { return why.op == "round" && why.text == "Core ML has no such operation, or octet does not map it"; }));
}

TEST_F(CoreMl, AFolderThatCannotBeMadeIsAFailure) {
  const std::string made = std::exchange(folder_, "/proc/nowhere");
  Run(Images(), test::RandomFloats(8 * 8 * 3, 3));
  ASSERT_EQ(details_.failures.size(), 1u);
  EXPECT_NE(details_.failures[0].find("cannot make the folder '/proc/nowhere/"), std::string::npos) << details_.failures[0];
  folder_ = made;
}
#endif

}  // namespace
}  // namespace octet
