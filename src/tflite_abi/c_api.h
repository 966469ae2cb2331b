// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of TensorFlow Lite's C interface.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tensorflow/lite/c/c_api.h"
#include "tflite_abi/delegate.h"
#include "tflite_abi/mirror.h"
#include "tflite_abi/op_resolver.h"
#include "tflite_abi/registration.h"
#include "tflite_abi/telemetry.h"

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
  std::unique_ptr<Telemetry> telemetry;  // Null: nobody asked. Outlives the interpreter, which calls it.
  std::unique_ptr<runtime::Interpreter> interpreter;
  const void* selected = nullptr;  // The session whose entry point is current.
  std::atomic<bool> busy = false;  // A thread is inside.
};

// The engine for one thread; a second one is told.
class Turn {
 public:
  Turn(Engine& engine, const ErrorReporter& reporter);
  Turn(const Turn&) = delete;
  ~Turn() {
    if (ok) engine_.busy.store(false, std::memory_order_release);
  }
  const bool ok;

 private:
  Engine& engine_;
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
  TfLiteStatus AddDelegate(TfLiteDelegate* delegate);
  // The tensor lies in the program's memory, which is checked when memory is placed, and at once where it is.
  TfLiteStatus SetMemory(int tensor, const TfLiteCustomAllocation& memory, int64_t flags);

  std::vector<int> inputs, outputs;  // Tensor indices.
  std::vector<int> variables;
  const ErrorReporter reporter;
  const std::shared_ptr<Engine> engine;

 private:
  Session(std::shared_ptr<Engine> engine, std::string signature, const ErrorReporter& reporter);

  const std::string signature_;
  std::unique_ptr<Mirror> mirror_;
  void TellFailures();
  TfLiteStatus BindMemory();
  std::map<int, TfLiteCustomAllocation> memory_;  // By tensor.
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
  octet::tflite_abi::OpResolver ops;
  TfLiteTelemetryProfilerStruct* telemetry = nullptr;
  std::vector<TfLiteDelegate*> delegates;
  std::shared_ptr<const octet::tflite_abi::OwnDelegate> nnapi;  // Where TfLiteInterpreterOptionsSetUseNNAPI asked for it.
};

struct TfLiteInterpreter {
  std::shared_ptr<const octet::runtime::Model> model;
  TfLiteInterpreterOptions options;
  std::unique_ptr<octet::tflite_abi::Session> session;
};

namespace octet::tflite_abi {
// Null, reported, where it cannot be made. selected: only operators that the options list.
TfLiteInterpreter* CreateInterpreter(const TfLiteModel* model, const TfLiteInterpreterOptions* options, bool selected);
}  // namespace octet::tflite_abi

struct TfLiteSignatureRunner {
  std::unique_ptr<octet::tflite_abi::Session> session;
  bool cancellation = false;
};
