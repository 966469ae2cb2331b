// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of TensorFlow Lite's C interface.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "tensorflow/lite/c/c_api.h"
#include "tflite_abi/delegate.h"
#include "tflite_abi/mirror.h"
#include "tflite_abi/registration.h"

namespace octet::tflite_abi {

// Where messages go: the user's function, or stderr.
struct ErrorReporter {
  void (*report)(void* user_data, const char* format, va_list args) = nullptr;
  void* user_data = nullptr;
  [[gnu::format(printf, 2, 3)]] void Report(const char* format, ...) const;
  TfLiteStatus Check(const Status& status) const;  // Reports what is not OK.
};

// The runtime's interpreter that all entry points of one TfLiteInterpreter share.
struct Engine {
  std::unique_ptr<runtime::Interpreter> interpreter;
  const void* selected = nullptr;  // The session whose entry point is current.
};

// One entry point of a model, running: the first subgraph, or a signature.
class Session {
 public:
  // Null, reported, where the model has no such signature ("": the first subgraph).
  static std::unique_ptr<Session> Create(std::shared_ptr<Engine> engine, std::string signature, const ErrorReporter& reporter);

  // The interpreter with this session's entry point selected.
  runtime::Interpreter& interpreter();
  TfLiteTensor* tensor(int index) { return (void)interpreter(), mirror_->Refresh(index); }
  TfLiteTensor* input(int i) { return i < 0 || static_cast<size_t>(i) >= inputs.size() ? nullptr : tensor(inputs[static_cast<size_t>(i)]); }
  TfLiteTensor* output(int i) { return i < 0 || static_cast<size_t>(i) >= outputs.size() ? nullptr : tensor(outputs[static_cast<size_t>(i)]); }
  TfLiteStatus Resize(int input, const int* dims, int rank, bool strict);
  TfLiteStatus Allocate();
  TfLiteStatus Invoke();
  TfLiteStatus AddDelegate(std::shared_ptr<const runtime::Delegate> delegate);

  std::vector<int> inputs, outputs;  // Tensor indices.
  std::vector<int> variables;
  const ErrorReporter reporter;
  const std::shared_ptr<Engine> engine;

 private:
  Session(std::shared_ptr<Engine> engine, std::string signature, const ErrorReporter& reporter);

  const std::string signature_;
  std::unique_ptr<Mirror> mirror_;
  void TellFailures();
  bool allocated_ = false;
  size_t failures_told_ = 0;
};

}  // namespace octet::tflite_abi

struct TfLiteModel {
  std::shared_ptr<const octet::runtime::Model> model;
};

struct TfLiteInterpreterOptions {
  octet::runtime::Options options;
  octet::tflite_abi::ErrorReporter reporter;
  bool cancellation = false;
  std::vector<octet::tflite_abi::CustomOp> custom_ops;
  std::string refused;  // What was asked for that octet cannot do; creating an interpreter says so.
};

struct TfLiteInterpreter {
  std::shared_ptr<const octet::runtime::Model> model;
  TfLiteInterpreterOptions options;
  std::unique_ptr<octet::tflite_abi::Session> session;
};

struct TfLiteSignatureRunner {
  std::unique_ptr<octet::tflite_abi::Session> session;
  bool cancellation = false;
};
