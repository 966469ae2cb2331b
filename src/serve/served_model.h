// SPDX-License-Identifier: Apache-2.0
// One loaded model: its interpreters, allocated once, each with a thread of its own, behind one bounded queue.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/status.h"
#include "runtime/interpreter.h"
#include "serve/inference_log.h"
#include "serve/input_watch.h"

namespace octet::serve {

struct ModelConfig {
  std::string name, version = "1", path, signature, delegate = "cpu";  // The delegate as for `octet run`.
  int threads = 1;          // Per instance.
  int instances = 1;        // Interpreters that run at the same time.
  int queue = 64;           // Requests that may wait.
  int max_batch = 1;        // Requests of one row that may run as one; 1: no batching.
  int batch_wait_us = 0;    // How long an instance waits for more rows.
  int shadow = 0;           // Every so many inferences are repeated on the reference kernels and compared; 0: none.
  uint64_t memory_bytes = 1ull << 30;  // Per instance.
};

// For those who compare models: what was loaded and what loading took.
struct ModelFacts {
  std::string precision;  // "float32", "float16", "int8", "int16x8", "int4", "dynamic"
  int nodes = 0, delegated = 0, partitions = 0;
  std::vector<std::pair<std::string, std::string>> fallback;  // Operators that the delegate leaves to the CPU, and why.
  uint64_t arena_bytes = 0, load_ns = 0, prepare_ns = 0, first_ns = 0;
  void Describe(const std::vector<runtime::DelegateDetails>& details);
};

struct TensorSpec {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;  // kUnknown where requests choose.
};

// An input as the interpreter wants it. `bytes` may lie in the request's body; strings are in TensorFlow Lite's form.
struct BoundInput {
  int index = 0;
  Shape shape;
  std::span<const std::byte> bytes;
  std::vector<std::byte> owned;
};

// What a job's `done` reads: the outputs' rows that are its own, valid during the call.
class Outputs {
 public:
  Outputs(const runtime::Interpreter* interpreter, int row, int rows) : interpreter_(interpreter), row_(row), rows_(rows) {}
  Shape shape(int output) const;
  Result<std::vector<std::byte>> strings(int output) const { return interpreter_->Strings(output); }
  std::span<const std::byte> bytes(int output) const;

 private:
  const runtime::Interpreter* interpreter_;
  int row_, rows_;  // rows_ > 1: of a batch.
};

struct Job {
  std::vector<BoundInput> inputs;
  // Called once, on the instance's thread, with the outputs or the reason why there are none.
  std::function<void(const Status& status, const Outputs* outputs)> done;
  std::chrono::steady_clock::time_point received, enqueued, deadline = std::chrono::steady_clock::time_point::max();
};

// Into row `row` of the interpreter's inputs.
Status CopyInputs(const Job& job, size_t row, runtime::Interpreter& interpreter);

enum class Submitted { kQueued, kFull, kDraining };

class ServedModel {
 public:
  // Reads, verifies, allocates and warms up.
  static Result<std::shared_ptr<ServedModel>> Load(const ModelConfig& config);
  ~ServedModel();

  const ModelConfig& config() const { return config_; }
  const std::string& sha256() const { return sha256_; }
  const ModelFacts& facts() const { return facts_; }
  std::span<const TensorSpec> inputs() const { return inputs_; }
  std::span<const TensorSpec> outputs() const { return outputs_; }
  InferenceLog& log() { return log_; }
  InputWatch* input_watch() { return input_watch_.get(); }  // Null where the model's metadata promise no range.
  int waiting() const;
  int retry_after_seconds() const;  // When the queue may have room again.

  Submitted Submit(Job job);  // `job.done` is not called unless it was queued.
  void Drain();               // Takes no more jobs; returns when all are done.

 private:
  struct Instance;
  explicit ServedModel(ModelConfig config);
  Status Open();
  Status AddInstance();
  Status WatchInput();
  Status Describe(const runtime::Interpreter& interpreter);
  Result<std::unique_ptr<runtime::Interpreter>> MakeInterpreter(int rows) const;
  Result<std::unique_ptr<runtime::Interpreter>> MakeReference() const;
  void Compare(Instance& instance, const Job& job, const Outputs& served);
  void Work(Instance& instance);
  std::vector<Job> Take();
  bool IsRow(const Job& job) const;
  Status Compute(Instance& instance, const std::vector<Job>& jobs, runtime::Interpreter** interpreter, std::chrono::steady_clock::time_point* copied,
                 std::string_view* failed);
  void Run(Instance& instance, std::vector<Job>& jobs);

  ModelConfig config_;
  std::vector<std::byte> file_;  // A copy: files that are overwritten in place must not change what runs.
  std::string sha256_;
  ModelFacts facts_;
  std::vector<std::shared_ptr<const runtime::Delegate>> delegates_;
  std::shared_ptr<const runtime::Model> model_;
  std::vector<TensorSpec> inputs_, outputs_;
  bool has_state_ = false;
  InferenceLog log_;
  std::unique_ptr<InputWatch> input_watch_;
  std::vector<std::unique_ptr<Instance>> instances_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> queue_;
  bool draining_ = false;
};

}  // namespace octet::serve
