// SPDX-License-Identifier: Apache-2.0
// What interpreters of one model share, and what each keeps for itself.
#include <array>
#include <cmath>

#include "base/file.h"
#include "base/strings.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

graph::Model Dense(int32_t in, int32_t out) {
  test::Builder b;
  const graph::TensorId x = b.Input("x", {DType::kI8, Shape{8, in}, Quant::PerTensor(0.1f, 3)});
  const graph::TensorId w = b.Constant<int8_t>("w", Shape{out, in}, test::RandomBytes(static_cast<size_t>(in * out), 1), Quant::PerTensor(0.02f, 0));
  const graph::TensorId bias = b.Constant<int32_t>("b", Shape{out}, std::vector<int32_t>(static_cast<size_t>(out), 7), Quant::PerTensor(0.002f, 0));
  b.g().outputs = {b.Node("fully_connected", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.5f, -2)})};
  return b.model;
}

TEST(Sharing, PackedWeightsAreOnce) {
  const auto bytes = *exporter::Export(Dense(256, 256));
  const auto model = *runtime::Model::FromBytes(bytes);
  Result<std::unique_ptr<runtime::Interpreter>> first = runtime::Interpreter::Create(model);
  ASSERT_TRUE((*first)->Allocate().ok());
  const uint64_t packed = (*first)->memory().packed_bytes;
  Result<std::unique_ptr<runtime::Interpreter>> second = runtime::Interpreter::Create(model);
  ASSERT_TRUE((*second)->Allocate().ok());
  EXPECT_EQ((*second)->memory().packed_bytes, packed);
}

TEST(Sharing, InterpretersComputeApart) {
  const auto bytes = *exporter::Export(Dense(32, 16));
  const auto model = *runtime::Model::FromBytes(bytes);
  Result<std::unique_ptr<runtime::Interpreter>> a = runtime::Interpreter::Create(model), b = runtime::Interpreter::Create(model);
  ASSERT_TRUE((*a)->Allocate().ok() && (*b)->Allocate().ok());
  std::memset((*a)->input(0).data, 1, (*a)->input(0).bytes);
  std::memset((*b)->input(0).data, 9, (*b)->input(0).bytes);
  ASSERT_TRUE((*a)->Invoke().ok());
  const std::vector<std::byte> before((*a)->output(0).data, (*a)->output(0).data + (*a)->output(0).bytes);
  ASSERT_TRUE((*b)->Invoke().ok());
  EXPECT_EQ(std::memcmp(before.data(), (*a)->output(0).data, before.size()), 0);
}

// How sums are rounded lies beside the packed weights, under their name: what a second operator computed for the same weights is its own.
TEST(Sharing, OperatorsOfTheSameWeightsRoundEachTheirOwn) {
  test::Builder b;
  const graph::TensorId x = b.Input("x", {DType::kI8, Shape{8, 64}, Quant::PerTensor(0.1f, 3)});
  const graph::TensorId w = b.Constant<int8_t>("w", Shape{32, 64}, test::RandomBytes(32 * 64, 1), Quant::PerTensor(0.02f, 0));
  const graph::TensorId bias = b.Constant<int32_t>("b", Shape{32}, std::vector<int32_t>(32, 7), Quant::PerTensor(0.002f, 0));
  b.g().outputs = {b.Node("fully_connected", "y", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.5f, -2)}),
                   b.Node("fully_connected", "z", {x, w, bias}, {DType::kI8, {}, Quant::PerTensor(0.3f, 11)})};
  const auto bytes = *exporter::Export(b.model);
  const auto model = *runtime::Model::FromBytes(bytes);
  runtime::Options reference;
  reference.kernels = runtime::Kernels::kReference;
  const Result<std::unique_ptr<runtime::Interpreter>> fast = runtime::Interpreter::Create(model), slow = runtime::Interpreter::Create(model, reference);
  const std::vector<int8_t> values = test::RandomBytes(8 * 64, 5);
  for (runtime::Interpreter* it : {(*fast).get(), (*slow).get()}) {
    ASSERT_TRUE(it->Allocate().ok());
    std::memcpy(it->input(0).data, values.data(), values.size());
    ASSERT_TRUE(it->Invoke().ok());
  }
  for (int i : {0, 1}) EXPECT_EQ(std::memcmp((*fast)->output(i).data, (*slow)->output(i).data, (*slow)->output(i).bytes), 0) << i;
}

TEST(Sharing, AFileIsOneModelWhileItIsOpen) {
  const std::string path = std::string(OCTET_SOURCE_DIR) + "/tests/ops/vectors/CAST/0.tflite";
  const auto a = runtime::Model::Open(path), b = runtime::Model::Open(path);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(*a, *b);
}

// Times of files are coarse: what was just written may change without another time.
TEST(Sharing, AFileThatWasJustWrittenIsReadAgain) {
  const std::string path = testing::TempDir() + "/octet_sharing.tflite";
  ASSERT_TRUE(WriteFile(path, *exporter::Export(Dense(32, 16))).ok());
  const auto a = runtime::Model::Open(path), b = runtime::Model::Open(path);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(*a, *b);
}

TEST(Strings, MoveThroughAModel) {
  test::Builder b;
  const graph::TensorId x = b.Input("x", {DType::kString, Shape{2, 2}, {}});
  const graph::TensorId shape = b.Constant<int32_t>("shape", Shape{1}, std::vector<int32_t>{4});
  b.g().outputs = {b.Node("reshape", "y", {x, shape}, {DType::kString, {}, {}})};
  test::Runner runner(b.model);
  ASSERT_TRUE(runner.it->Allocate().ok());
  EXPECT_EQ(runner.it->input(0).data, nullptr);  // References stay inside.
  EXPECT_FALSE(runner.it->Strings(0).ok());      // Nothing was computed yet.
  const std::string words[] = {"one", "", "drei", "four"};
  std::vector<StringRef> refs;
  for (const std::string& w : words) refs.push_back({w.data(), w.size()});
  EXPECT_FALSE(runner.it->SetStrings(0, WriteStrings(std::span(refs).first(3))).ok());
  ASSERT_TRUE(runner.it->SetStrings(0, WriteStrings(refs)).ok());
  ASSERT_TRUE(runner.it->Invoke().ok());
  EXPECT_EQ(*runner.it->Strings(0), WriteStrings(refs));
}

// What no step has written yet, as each step finds its output.
class BeforeEach : public runtime::Observer {
 public:
  explicit BeforeEach(const runtime::Interpreter& it) : it_(it) {}
  void BeforeNode(int) override {
    std::array<float, 4> found;
    std::memcpy(found.data(), it_.output(0).data, sizeof found);
    std::ranges::copy(found, std::back_inserter(seen));
  }
  std::vector<float> seen;

 private:
  const runtime::Interpreter& it_;
};

TEST(Poison, FillsWhatAStepIsAboutToWrite) {
  test::Builder b;
  const graph::TensorId x = b.Input("x", {DType::kF32, Shape{4}, {}});
  b.g().outputs = {b.Node("abs", "y", {x}, {DType::kF32, {}, {}})};
  for (const bool poison : {false, true}) {
    test::Runner runner(b.model, {.poison_memory = poison});
    BeforeEach watch(*runner.it);
    runner.it->SetObserver(&watch);
    for (int run = 0; run < 2; ++run) EXPECT_EQ(runner.Run<float>({1, -2, 3, -4}), (std::vector<float>{1, 2, 3, 4}));
    ASSERT_EQ(watch.seen.size(), 8u);
    EXPECT_EQ(std::ranges::all_of(watch.seen, [](float v) { return std::isnan(v); }), poison);  // Else: zeros, and the last run's.
  }
}

}  // namespace
}  // namespace octet
