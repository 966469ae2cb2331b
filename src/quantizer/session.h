// SPDX-License-Identifier: Apache-2.0
// A model that runs on samples of a data set: what calibration, gate and diagnosis share.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "runtime/interpreter.h"

namespace octet::quantizer {

// Real values of a tensor: floats as they are, quantized integers as scale * (q - zero).
std::vector<float> RealValues(const runtime::TensorRef& tensor);

// One thread at a time. Inputs are set sample by sample (batch 1, or the whole input where samples have its rank); float data for integer inputs is
// quantized with the input's scale, as a user would do it.
class Session {
 public:
  struct Options {
    int threads = 1;
    bool keep_all_tensors = false, keep_all_nodes = false;  // As runtime::Options has them.
  };
  static Result<std::unique_ptr<Session>> Open(const std::string& path, Options options);
  static Result<std::unique_ptr<Session>> FromBytes(std::vector<std::byte> bytes, Options options);
  static Result<std::unique_ptr<Session>> FromModel(std::shared_ptr<const runtime::Model> model, Options options);

  // Does the data fit the model: number, shapes and types of inputs? Says expected and found.
  Status Check(const data::Dataset& data);
  // Sets the inputs of sample `index`, and forgets what others left behind; a NaN or infinity in it is an error that names it.
  Status Prepare(const data::Dataset& data, int64_t index);
  // The same, and runs it.
  Status Run(const data::Dataset& data, int64_t index);

  runtime::Interpreter& interpreter() { return *interpreter_; }
  std::vector<float> Output(int i = 0) const { return RealValues(interpreter_->output(i)); }
  std::vector<float> AllOutputs() const;  // One after the other.

 private:
  Status SetInput(const data::Dataset& data, int model_input, int data_input, int64_t index);

  std::vector<std::byte> bytes_;
  std::shared_ptr<const runtime::Model> model_;
  std::unique_ptr<runtime::Interpreter> interpreter_;
  std::vector<int> data_input_;  // Of the data set, per model input.
};

// Samples [first, end) with `step` between them.
struct SampleRange {
  int64_t first = 0, end = 0, step = 1;
  int64_t count() const { return end <= first ? 0 : (end - first + step - 1) / step; }
};

using Progress = std::function<void(std::string_view what, int64_t done, int64_t total)>;

// Samples are dealt out to this many sessions by their position alone, so that sums come out the same for
// any number of threads.
inline constexpr int kStrands = 4;
using SampleBody = std::function<Status(Session& session, int strand, int64_t sample, int64_t position)>;

// Calls `body` for every sample, on as many threads as the machine has, each strand in order. The body runs the model.
Status ForSamples(std::shared_ptr<const runtime::Model> model, Session::Options options, const data::Dataset& data, SampleRange samples, std::string_view what,
                  const Progress& progress, const SampleBody& body);

}  // namespace octet::quantizer
