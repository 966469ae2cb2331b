// SPDX-License-Identifier: Apache-2.0
#include <atomic>
#include <cstdarg>
#include <thread>

#include "tensorflow/lite/c/c_api_experimental.h"
#include "tests/model_builder.h"

namespace octet {
namespace {

std::vector<std::byte> QuantizedRelu() {
  test::Builder b;
  const Quant q = Quant::PerTensor(0.5f, -1);
  const auto x = b.Input("x", {DType::kI8, Shape{kUnknown, 3}, q});
  b.g().outputs = {b.Node("relu", "y", {x}, {DType::kI8, {}, q})};
  b.model.signatures = {{"serve", {{"in", x}}, {{"out", b.g().outputs[0]}}, 0}};
  return *exporter::Export(b.model);
}

// What the reporter was told.
void Collect(void* to, const char* format, va_list args) {
  char text[500];
  vsnprintf(text, sizeof(text), format, args);
  *static_cast<std::string*>(to) += text;
}

struct Handles {
  explicit Handles(const std::vector<std::byte>& bytes) {
    model = TfLiteModelCreate(bytes.data(), bytes.size());
    TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
    TfLiteInterpreterOptionsSetNumThreads(options, 2);
    TfLiteInterpreterOptionsSetErrorReporter(options, Collect, &messages);
    it = TfLiteInterpreterCreate(model, options);
    TfLiteInterpreterOptionsDelete(options);
  }
  ~Handles() {
    TfLiteInterpreterDelete(it);
    TfLiteModelDelete(model);
  }
  std::string messages;
  TfLiteModel* model;
  TfLiteInterpreter* it;
};

TEST(TfLiteCApi, CreateAllocateInvoke) {
  const std::vector<std::byte> bytes = QuantizedRelu();
  Handles h(bytes);
  ASSERT_NE(h.it, nullptr);
  EXPECT_EQ(TfLiteInterpreterGetInputTensorCount(h.it), 1);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(h.it), kTfLiteOk);
  TfLiteTensor* x = TfLiteInterpreterGetInputTensor(h.it, 0);
  EXPECT_EQ(TfLiteTensorType(x), kTfLiteInt8);
  EXPECT_EQ(TfLiteTensorNumDims(x), 2);
  EXPECT_EQ(TfLiteTensorDim(x, 1), 3);
  EXPECT_STREQ(TfLiteTensorName(x), "x");
  EXPECT_EQ(TfLiteTensorQuantizationParams(x).scale, 0.5f);
  EXPECT_EQ(TfLiteTensorQuantizationParams(x).zero_point, -1);
  ASSERT_EQ(x->quantization.type, kTfLiteAffineQuantization);
  ASSERT_NE(x->dims_signature, nullptr);
  EXPECT_EQ(x->dims_signature->data[0], -1);
  const int8_t in[3] = {-100, 0, 50};
  EXPECT_EQ(TfLiteTensorCopyFromBuffer(x, in, 2), kTfLiteError);  // One byte short.
  ASSERT_EQ(TfLiteTensorCopyFromBuffer(x, in, 3), kTfLiteOk);
  ASSERT_EQ(TfLiteInterpreterInvoke(h.it), kTfLiteOk);
  int8_t out[3];
  ASSERT_EQ(TfLiteTensorCopyToBuffer(TfLiteInterpreterGetOutputTensor(h.it, 0), out, 3), kTfLiteOk);
  EXPECT_EQ(out[0], -1);
  EXPECT_EQ(out[2], 50);
  EXPECT_EQ(TfLiteInterpreterGetInputTensor(h.it, 1), nullptr);
  EXPECT_EQ(TfLiteInterpreterGetTensor(h.it, 99), nullptr);
}

TEST(TfLiteCApi, ResizeMakesRoomAtTheSameAddressOfTheStructure) {
  const std::vector<std::byte> bytes = QuantizedRelu();
  Handles h(bytes);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(h.it), kTfLiteOk);
  const TfLiteTensor* x = TfLiteInterpreterGetInputTensor(h.it, 0);
  const int dims[2] = {5, 3};
  ASSERT_EQ(TfLiteInterpreterResizeInputTensor(h.it, 0, dims, 2), kTfLiteOk);
  EXPECT_EQ(TfLiteTensorDim(x, 0), 5);  // At once, without data.
  EXPECT_EQ(TfLiteTensorByteSize(x), 15u);
  EXPECT_EQ(TfLiteTensorData(x), nullptr);
  EXPECT_EQ(TfLiteInterpreterInvoke(h.it), kTfLiteError);  // Not allocated again yet.
  EXPECT_NE(h.messages.find("not ready"), std::string::npos);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(h.it), kTfLiteOk);
  EXPECT_EQ(TfLiteInterpreterGetInputTensor(h.it, 0), x);
  EXPECT_EQ(TfLiteTensorByteSize(x), 15u);
}

TEST(TfLiteCApi, SignaturesAreStrictAboutShapes) {
  const std::vector<std::byte> bytes = QuantizedRelu();
  Handles h(bytes);
  ASSERT_EQ(TfLiteInterpreterGetSignatureCount(h.it), 1);
  EXPECT_STREQ(TfLiteInterpreterGetSignatureKey(h.it, 0), "serve");
  TfLiteSignatureRunner* r = TfLiteInterpreterGetSignatureRunner(h.it, "serve");
  ASSERT_NE(r, nullptr);
  EXPECT_STREQ(TfLiteSignatureRunnerGetInputName(r, 0), "in");
  EXPECT_STREQ(TfLiteSignatureRunnerGetOutputName(r, 0), "out");
  const int fixed[2] = {1, 4}, free[2] = {2, 3};
  EXPECT_EQ(TfLiteSignatureRunnerResizeInputTensor(r, "in", fixed, 2), kTfLiteError);
  EXPECT_EQ(TfLiteSignatureRunnerResizeInputTensor(r, "in", free, 2), kTfLiteOk);
  EXPECT_EQ(TfLiteSignatureRunnerResizeInputTensor(r, "none", free, 2), kTfLiteError);
  ASSERT_EQ(TfLiteSignatureRunnerAllocateTensors(r), kTfLiteOk);
  EXPECT_EQ(TfLiteTensorByteSize(TfLiteSignatureRunnerGetInputTensor(r, "in")), 6u);
  ASSERT_EQ(TfLiteSignatureRunnerInvoke(r), kTfLiteOk);
  EXPECT_NE(TfLiteSignatureRunnerGetOutputTensor(r, "out"), nullptr);
  TfLiteSignatureRunnerDelete(r);
  EXPECT_EQ(TfLiteInterpreterGetSignatureRunner(h.it, "none"), nullptr);
}

TEST(TfLiteCApi, ASecondThreadIsTold) {
  test::Builder b;
  auto x = b.Input("x", {DType::kF32, Shape{1 << 16}, {}});
  for (int i = 0; i < 2000; ++i) x = b.Node(i % 2 ? "sin" : "exp", "s" + std::to_string(i), {x});
  b.g().outputs = {x};
  const std::vector<std::byte> bytes = *exporter::Export(b.model);
  TfLiteModel* model = TfLiteModelCreate(bytes.data(), bytes.size());
  TfLiteInterpreterOptions* options = TfLiteInterpreterOptionsCreate();
  std::string messages;  // Who is told writes, while the other one is inside.
  TfLiteInterpreterOptionsSetErrorReporter(options, Collect, &messages);
  TfLiteInterpreterOptionsEnableCancellation(options, true);
  TfLiteInterpreter* it = TfLiteInterpreterCreate(model, options);
  ASSERT_EQ(TfLiteInterpreterAllocateTensors(it), kTfLiteOk);
  std::atomic<bool> done = false;
  TfLiteStatus first = kTfLiteOk;
  std::thread other([&] {
    do first = TfLiteInterpreterInvoke(it);
    while (first == kTfLiteError);  // Told as well, when the other one was inside first.
    done = true;
  });
  while (!done && TfLiteInterpreterAllocateTensors(it) == kTfLiteOk) std::this_thread::yield();  // Before the other one is inside, all is well.
  const bool told = !done;
  while (!done) TfLiteInterpreterCancel(it);
  other.join();
  EXPECT_TRUE(!told || messages.find("in use by another thread") != std::string::npos) << messages;
  EXPECT_TRUE(first == kTfLiteOk || first == kTfLiteCancelled);
  TfLiteInterpreterDelete(it);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteModelDelete(model);
}

TEST(TfLiteCApi, BadModelsAreNullAndReported) {
  std::string messages;
  EXPECT_EQ(TfLiteModelCreateWithErrorReporter("garbage", 7, Collect, &messages), nullptr);
  EXPECT_FALSE(messages.empty());
  EXPECT_EQ(TfLiteModelCreateFromFileWithErrorReporter("/nowhere", Collect, &messages), nullptr);
  EXPECT_EQ(TfLiteInterpreterCreate(nullptr, nullptr), nullptr);
}

}  // namespace
}  // namespace octet
