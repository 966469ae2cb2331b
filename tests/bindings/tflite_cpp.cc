// SPDX-License-Identifier: Apache-2.0
// A program in TensorFlow Lite's C++ names: loads, resizes, runs, ranks, brings a custom operator. It sees include/ alone and links
// libtensorflowlite_c.so. Usage: tflite_cpp MODELS (of binding_models.cc)
#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tensorflow/lite/core/interpreter.h"
#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/kernels/kernel_util.h"
#include "tensorflow/lite/kernels/register.h"
#include "tensorflow/lite/model.h"
#include "tensorflow/lite/optional_debug_tools.h"
#include "tensorflow/lite/stderr_reporter.h"
#include "tensorflow/lite/version.h"
#include "expect.h"

namespace {

std::string g_models;

class Listener : public tflite::ErrorReporter {
 public:
  int Report(const char* format, va_list args) override {
    char line[1000];
    std::vsnprintf(line, sizeof(line), format, args);
    text += line;
    return 0;
  }
  std::string text;
};

std::string Path(const char* name) { return g_models + "/" + name + ".tflite"; }

std::unique_ptr<tflite::Interpreter> Build(const char* name, int threads = 1) {
  static std::vector<std::unique_ptr<tflite::FlatBufferModel>> models;
  models.push_back(tflite::FlatBufferModel::BuildFromFile(Path(name).c_str()));
  EXPECT(models.back() != nullptr);
  tflite::ops::builtin::BuiltinOpResolver resolver;
  std::unique_ptr<tflite::Interpreter> interpreter;
  EXPECT(tflite::InterpreterBuilder(*models.back(), resolver)(&interpreter, threads) == kTfLiteOk);
  return interpreter;
}

void Minimal() {
  auto interpreter = Build("add");
  EXPECT(interpreter->AllocateTensors() == kTfLiteOk);
  tflite::PrintInterpreterState(interpreter.get());
  float* x = interpreter->typed_input_tensor<float>(0);
  float* y = interpreter->typed_input_tensor<float>(1);
  for (int i = 0; i < 4; ++i) {
    x[i] = static_cast<float>(i);
    y[i] = 10;
  }
  EXPECT(interpreter->Invoke() == kTfLiteOk);
  EXPECT(interpreter->typed_output_tensor<float>(0)[3] == 13.0f);
  EXPECT(interpreter->typed_output_tensor<int8_t>(0) == nullptr);
  EXPECT(std::string(interpreter->GetInputName(1)) == "y" && std::string(interpreter->GetOutputName(0)) == "sum");
}

// What an image classifier does: look at the input, resize to a batch, fill, run, rank.
void Classify() {
  auto interpreter = Build("add", 2);
  const int input = interpreter->inputs()[0];
  const TfLiteIntArray* dims = interpreter->tensor(input)->dims;
  EXPECT(dims->size == 2 && dims->data[1] == 4);
  EXPECT(interpreter->ResizeInputTensorStrict(interpreter->inputs()[1], {5, 4}) == kTfLiteError);
  EXPECT(interpreter->ResizeInputTensorStrict(input, {3, 4}) == kTfLiteOk);
  EXPECT(interpreter->AllocateTensors() == kTfLiteOk);
  EXPECT(interpreter->SetNumThreads(1) == kTfLiteOk);  // Afterwards, too; shapes stay.
  std::iota(interpreter->typed_tensor<float>(input), interpreter->typed_tensor<float>(input) + 12, 0.0f);
  std::fill_n(interpreter->typed_input_tensor<float>(1), 4, 0.0f);
  EXPECT(interpreter->Invoke() == kTfLiteOk);
  const TfLiteTensor* output = interpreter->output_tensor(0);
  EXPECT(output->dims->data[0] == 3 && output->type == kTfLiteFloat32);
  const float* scores = output->data.f;
  EXPECT(std::max_element(scores, scores + 12) - scores == 11);
}

// What profilers print.
void Nodes() {
  auto interpreter = Build("slow");
  EXPECT(interpreter->nodes_size() == 4000 && interpreter->execution_plan().size() == 4000 && interpreter->execution_plan()[7] == 7);
  const auto* node = interpreter->node_and_registration(7);
  EXPECT(node && std::string(tflite::EnumNameBuiltinOperator(static_cast<tflite::BuiltinOperator>(node->second.builtin_code))) == "SIN");
  EXPECT(node->first.inputs->size == 1 && node->first.inputs->data[0] == 7 && node->first.outputs->data[0] == 8);
  EXPECT(interpreter->node_and_registration(7) == node && !interpreter->node_and_registration(4000) && !interpreter->node_and_registration(-1));
}

void Signatures() {
  auto interpreter = Build("add");
  EXPECT(interpreter->signature_keys().size() == 1 && *interpreter->signature_keys()[0] == "serve");
  tflite::SignatureRunner* runner = interpreter->GetSignatureRunner("serve");
  EXPECT(runner && runner->input_size() == 2 && std::string(runner->input_names()[0]) == "left");
  EXPECT(runner->ResizeInputTensor("left", {2, 4}) == kTfLiteOk && runner->AllocateTensors() == kTfLiteOk);
  runner->input_tensor("left")->data.f[7] = 5;
  runner->input_tensor("right")->data.f[3] = 1;
  EXPECT(runner->Invoke() == kTfLiteOk && runner->output_tensor("total")->data.f[7] == 6);
  EXPECT(interpreter->output_tensor_by_signature("total", "serve") == runner->output_tensor("total"));
}

TfLiteStatus TwicePrepare(TfLiteContext* context, TfLiteNode* node) {
  TF_LITE_ENSURE_EQ(context, tflite::NumInputs(node), 1);
  const TfLiteTensor* x;
  TF_LITE_ENSURE_OK(context, tflite::GetInputSafe(context, node, 0, &x));
  TF_LITE_ENSURE_TYPES_EQ(context, x->type, kTfLiteFloat32);
  return context->ResizeTensor(context, tflite::GetOutput(context, node, 0), TfLiteIntArrayCopy(x->dims));
}

TfLiteStatus TwiceInvoke(TfLiteContext* context, TfLiteNode* node) {
  const TfLiteTensor* x = tflite::GetInput(context, node, 0);
  float* y = tflite::GetTensorData<float>(tflite::GetOutput(context, node, 0));
  for (int64_t i = 0; i < tflite::NumElements(x); ++i) y[i] = 2 * tflite::GetTensorData<float>(x)[i];
  return kTfLiteOk;
}

// By a resolver that lists what it needs.
void CustomOperator() {
  Listener listener;
  tflite::MutableOpResolver resolver;
  resolver.AddBuiltin(tflite::BuiltinOperator_ADD, tflite::ops::builtin::Register_ADD(), 1, 4);
  std::unique_ptr<tflite::Interpreter> interpreter;
  auto early = tflite::FlatBufferModel::BuildFromFile(Path("custom").c_str(), &listener);
  EXPECT(early && tflite::InterpreterBuilder(*early, resolver)(&interpreter) == kTfLiteError);
  EXPECT(listener.text.find("Twice") != std::string::npos);

  static TfLiteRegistration twice = {};
  twice.prepare = TwicePrepare;
  twice.invoke = TwiceInvoke;
  resolver.AddCustom("Twice", &twice);
  EXPECT(resolver.FindOp("Twice", 1) && !resolver.FindOp("Thrice", 1) && resolver.FindOp(tflite::BuiltinOperator_ADD, 3));
  EXPECT(tflite::InterpreterBuilder(*early, resolver)(&interpreter) == kTfLiteOk);
  EXPECT(interpreter->AllocateTensors() == kTfLiteOk);
  interpreter->typed_input_tensor<float>(0)[3] = 21;
  EXPECT(interpreter->Invoke() == kTfLiteOk && interpreter->typed_output_tensor<float>(0)[3] == 42);

  // octet's own, or none, where a model needs it: said aloud.
  resolver.AddBuiltin(tflite::BuiltinOperator_ADD, &twice, 1, 9);
  EXPECT(tflite::InterpreterBuilder(*early, resolver)(&interpreter) == kTfLiteOk);
  auto add = tflite::FlatBufferModel::BuildFromFile(Path("add").c_str(), &listener);
  EXPECT(add && tflite::InterpreterBuilder(*add, resolver)(&interpreter) == kTfLiteError);
  EXPECT(listener.text.find("builtin operators") != std::string::npos);
}

void BadModels() {
  Listener listener;
  EXPECT(!tflite::FlatBufferModel::BuildFromFile("/nowhere.tflite", &listener));
  EXPECT(listener.text.find("/nowhere.tflite") != std::string::npos);
  const char eight[] = {0x18, 0, 0, 0, 'T', 'F', 'L', '3'};  // Crashes the original.
  EXPECT(!tflite::FlatBufferModel::BuildFromBuffer(eight, sizeof(eight), &listener));
  std::ifstream in(Path("add"), std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  auto model = tflite::FlatBufferModel::VerifyAndBuildFromBuffer(bytes.data(), bytes.size());
  std::unique_ptr<tflite::Interpreter> interpreter;
  EXPECT(model && tflite::InterpreterBuilder(*model, tflite::ops::builtin::BuiltinOpResolver())(&interpreter) == kTfLiteOk);
  EXPECT(interpreter->Invoke() == kTfLiteError);  // Not allocated.
  EXPECT(tflite::InterpreterBuilder(*model, tflite::ops::builtin::BuiltinOpResolver())(&interpreter, -2) == kTfLiteError);
}

void Cancellation() {
  auto interpreter = Build("slow");
  EXPECT(interpreter->AllocateTensors() == kTfLiteOk);
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    EXPECT(interpreter->Cancel() == kTfLiteOk);
  });
  EXPECT(interpreter->Invoke() == kTfLiteCancelled);
  other.join();
}

}  // namespace

int main(int, char** argv) {
  g_models = argv[1];
  Minimal();
  Classify();
  Nodes();
  Signatures();
  CustomOperator();
  BadModels();
  Cancellation();
  if (g_failed == 0) std::puts("TensorFlow Lite's C++ names: all checks passed");
  return g_failed > 0;
}
