// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <random>
#include <set>

#include "base/file.h"
#include "exporter/target_runtime.h"
#include "importers/importer.h"
#include "tests/model_builder.h"
#include "tflite/view.h"

namespace octet {
namespace {

graph::Model Sample(int32_t channels = 2) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{kUnknown, 6, 6, channels}, {}});
  const auto stride = [](graph::Node& n) {
    test::SetAttr<int32_t>(n, "stride_h", 1);
    test::SetAttr<int32_t>(n, "stride_w", 1);
  };
  const auto first = b.Conv("first", x, channels, 3, 1, stride), second = b.Conv("second", first, channels, 3, 1, stride);  // The same seed: equal constants.
  b.g().outputs = {second};
  b.model.signatures = {{"serving_default", {{"image", x}}, {{"answer", second}}, 0}};
  return b.model;
}

TEST(Exporter, SameModelSameBytes) {
  EXPECT_EQ(*exporter::Export(Sample()), *exporter::Export(Sample()));
}

TEST(Exporter, AnOlderRuntimeIsRefusedByOperatorAndPlace) {
  test::Builder b;
  b.g().outputs = {b.Node("gelu", "block/gelu", {b.Input("x", {DType::kF32, Shape{2}, {}})})};
  EXPECT_TRUE(exporter::CheckRuntime(b.model, "2.20").ok());
  const Status old = exporter::CheckRuntime(b.model, "2.3");
  ASSERT_EQ(old.code(), Code::kUnsupported);
  EXPECT_NE(old.message().find("gelu version"), std::string::npos) << old.message();
  EXPECT_NE(old.message().find("block/gelu"), std::string::npos) << old.message();
  for (const char* bad : {"", "2", "2.", "two", "2.3.4.5"}) EXPECT_EQ(exporter::CheckRuntime(b.model, bad).code(), Code::kInvalidArgument) << bad;
}

// No version of QUANTIZE says so, but releases before refuse it.
TEST(Exporter, BytesToSixteenBitsNeedALaterRuntimeThanTheVersionSays) {
  test::Builder b;
  const auto q = b.Node("quantize", "bytes", {b.Input("x", {DType::kF32, Shape{2}, {}})}, {DType::kI8, {}, Quant::PerTensor(0.1f, 0)});
  b.g().outputs = {q};
  EXPECT_TRUE(exporter::CheckRuntime(b.model, "2.11").ok());
  b.g().outputs = {b.Node("quantize", "wide", {q}, {DType::kI16, {}, Quant::PerTensor(0.001f, 0)})};
  EXPECT_EQ(exporter::CheckRuntime(b.model, "2.11").code(), Code::kUnsupported);
  EXPECT_TRUE(exporter::CheckRuntime(b.model, "2.22").ok());
}

TEST(Exporter, ConstantsAreAlignedAndStoredOnce) {
  for (const int32_t channels : {2, 16}) {  // Filters of 144 and 9216 bytes: to what the format asks for, and to a cache line.
    const auto bytes = *exporter::Export(Sample(channels));
    const auto view = tflite::View::Open(bytes);
    ASSERT_TRUE(view.ok()) << view.error().message();
    std::set<const std::byte*> places;
    int constants = 0;
    for (const tflite::TensorInfo& t : view->subgraphs()[0].tensors) {
      if (!t.has_constant) continue;
      ++constants;
      places.insert(t.constant.data());
      EXPECT_EQ((t.constant.data() - bytes.data()) % (t.constant.size() < 4096 ? 16 : 64), 0) << t.name;
    }
    EXPECT_EQ(constants, 2);
    EXPECT_EQ(places.size(), 2u);
  }
}

// Equal constants are one tensor, but not where they have scales: LiteRT does not run that.
TEST(Exporter, ConstantsOnScalesStayTensorsOfTheirOwn) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kI8, Shape{3}, Quant::PerTensor(0.5f, 0)});
  const auto constant = [&](const std::string& name, float scale) { return b.Constant<int8_t>(name, Shape{3}, {1, 2, 3}, Quant::PerTensor(scale, 0)); };
  const TensorType type{DType::kI8, {}, Quant::PerTensor(1.0f, 0)};
  const auto one = b.Node("add", "one", {x, constant("a", 0.5f)}, type), two = b.Node("add", "two", {one, constant("b", 0.5f)}, type);
  b.g().outputs = {b.Node("add", "three", {two, constant("c", 0.25f)}, type)};
  const auto bytes = *exporter::Export(b.model);
  const auto view = tflite::View::Open(bytes);
  ASSERT_TRUE(view.ok()) << view.error().message();
  std::vector<std::string> names;
  std::set<const std::byte*> places;
  for (const tflite::TensorInfo& t : view->subgraphs()[0].tensors) {
    if (!t.has_constant) continue;
    names.emplace_back(t.name);
    places.insert(t.constant.data());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(places.size(), 1u);
}

// A shape's or axis' name is nobody's; a table's is.
TEST(Exporter, FewIndicesAreCalledByTheirNumber) {
  test::Builder b;
  const auto x = b.Input("x", {DType::kF32, Shape{2, 3}, {}});
  const auto flat = b.Node("reshape", "flat", {x, b.Constant<int32_t>("flat/a_long_name_for_a_shape", Shape{1}, {6})});
  b.g().outputs = {b.Node("gather", "y", {flat, b.Constant<int32_t>("table", Shape{20}, std::vector<int32_t>(20, 1))})};
  const auto bytes = *exporter::Export(b.model);
  const auto view = tflite::View::Open(bytes);
  ASSERT_TRUE(view.ok()) << view.error().message();
  std::vector<std::string> names;
  for (const tflite::TensorInfo& t : view->subgraphs()[0].tensors) names.emplace_back(t.name);
  EXPECT_EQ(names, (std::vector<std::string>{"x", "/1", "flat", "table", "y"}));
}

TEST(Exporter, UnknownBatchIsOneInTheShapeAndFreeInTheSignature) {
  const auto bytes = *exporter::Export(Sample());
  const auto view = tflite::View::Open(bytes);
  const tflite::TensorInfo& x = view->subgraphs()[0].tensors[view->subgraphs()[0].inputs[0]];
  EXPECT_EQ(x.type.shape, (Shape{1, 6, 6, 2}));
  EXPECT_EQ(x.signature, (Shape{kUnknown, 6, 6, 2}));
  ASSERT_EQ(view->signatures().size(), 1u);
  EXPECT_EQ(view->signatures()[0].inputs[0].name, "image");
}

TEST(Exporter, WhatIsReadBackIsWrittenAgain) {
  const std::string path = testing::TempDir() + "/octet_roundtrip.tflite";
  const auto bytes = *exporter::Export(Sample());
  ASSERT_TRUE(WriteFile(path, bytes).ok());
  auto read = importers::Import(path);
  ASSERT_TRUE(read.ok()) << read.error().message();
  EXPECT_EQ(*exporter::Export(*read), bytes);
  std::filesystem::remove(path);
}

// Constants of some kilobytes are copied into the flatbuffer, larger ones are not; two of them are the same.
graph::Model Heavy() {
  test::Builder b;
  graph::TensorId x = b.Input("x", {DType::kF32, Shape{1, 100}, {}});
  std::mt19937 random(3);
  std::vector<float> same;
  for (const int columns : {100, 5, 200, 700, 700, 700}) {
    const int depth = b.g().tensor(x).type.shape[1];
    std::vector<float> w(static_cast<size_t>(columns * depth));
    for (float& v : w) v = static_cast<float>(random() % 1000);
    if (columns == 700 && depth == 700) w = same.empty() ? same = w : same;
    x = b.Node("add", "y", {b.Node("mul", "m", {x, x}), b.Constant<float>("c", Shape{1, depth}, std::vector<float>(static_cast<size_t>(depth), 1.0f))});
    x = b.Node("fully_connected", "fc", {x, b.Constant<float>("w", Shape{columns, depth}, w)});
  }
  b.g().outputs = {x};
  return std::move(b.model);
}

TEST(Exporter, AFileHasTheSameBytes) {
  const std::string path = testing::TempDir() + "/octet_given.tflite";
  for (const graph::Model& model : {Sample(), Heavy()}) {
    for (const uint64_t inside : {exporter::kMaxConstantsInside, uint64_t{0}}) {
      const auto bytes = *exporter::Export(model, inside);
      ASSERT_TRUE(exporter::ExportFile(model, path, inside).ok());
      const auto file = MappedFile::Open(path);
      EXPECT_TRUE(std::ranges::equal(file->bytes(), bytes)) << inside;
      auto read = importers::Import(path);
      ASSERT_TRUE(read.ok()) << read.error().message();
      EXPECT_EQ(*exporter::Export(*read, inside), bytes) << inside;
    }
  }
  std::filesystem::remove(path);
}

TEST(Exporter, LargeConstantsLieInTheFileAlignedAndOnce) {
  const graph::Model model = Heavy();
  const auto bytes = *exporter::Export(model);
  const auto view = tflite::View::Open(bytes);
  ASSERT_TRUE(view.ok()) << view.error().message();
  EXPECT_LT(bytes.size(), 4u * (100 * 100 + 500 + 1000 + 700 * 200 + 700 * 700) + 8192);
  size_t found = 0;
  for (const graph::Tensor& t : model.main().tensors()) {
    if (!t.constant || t.constant->size() < (64 << 10)) continue;
    const auto at = std::search(bytes.begin(), bytes.end(), t.constant->begin(), t.constant->end());
    ASSERT_NE(at, bytes.end()) << t.name;
    EXPECT_EQ((at - bytes.begin()) % 64, 0) << t.name;
    ++found;
  }
  EXPECT_EQ(found, 3u);
}

TEST(View, EveryTruncationIsRefusedOrComplete) {
  const auto bytes = *exporter::Export(Sample());
  for (size_t keep = 0; keep < bytes.size(); keep += 7) {
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(keep));
    EXPECT_FALSE(tflite::View::Open(cut).ok()) << keep << " of " << bytes.size();
  }
}

TEST(View, FlippedBytesNeverCrash) {
  const auto bytes = *exporter::Export(Sample());
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::byte> bad = bytes;
    for (int i = 0; i < 3; ++i) bad[random() % bad.size()] = static_cast<std::byte>(random());
    auto model = runtime::Model::FromBytes(bad);
    if (!model.ok()) continue;
    auto interpreter = runtime::Interpreter::Create(*model, {.memory_limit_bytes = 1 << 20});
    if (interpreter.ok() && (*interpreter)->Allocate().ok()) (void)(*interpreter)->Invoke().ok();
  }
}

}  // namespace
}  // namespace octet
