// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_SIGNATURE_RUNNER_H_
#define TENSORFLOW_LITE_SIGNATURE_RUNNER_H_

#include <memory>
#include <string>
#include <vector>

#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/c/c_api_experimental.h"

namespace tflite {

// One of a model's named entry points. Belongs to its interpreter.
class SignatureRunner {
 public:
  SignatureRunner(TfLiteSignatureRunner* runner, std::string key) : runner_(runner, TfLiteSignatureRunnerDelete), key_(std::move(key)) {
    for (size_t i = 0; i < input_size(); ++i) input_names_.push_back(TfLiteSignatureRunnerGetInputName(runner, static_cast<int32_t>(i)));
    for (size_t i = 0; i < output_size(); ++i) output_names_.push_back(TfLiteSignatureRunnerGetOutputName(runner, static_cast<int32_t>(i)));
  }

  const std::string& signature_key() const { return key_; }
  size_t input_size() const { return TfLiteSignatureRunnerGetInputCount(runner_.get()); }
  size_t output_size() const { return TfLiteSignatureRunnerGetOutputCount(runner_.get()); }
  const std::vector<const char*>& input_names() const { return input_names_; }
  const std::vector<const char*>& output_names() const { return output_names_; }
  TfLiteTensor* input_tensor(const char* name) { return TfLiteSignatureRunnerGetInputTensor(runner_.get(), name); }
  const TfLiteTensor* output_tensor(const char* name) const { return TfLiteSignatureRunnerGetOutputTensor(runner_.get(), name); }
  // Only dimensions that the model leaves free may change.
  TfLiteStatus ResizeInputTensorStrict(const char* name, const std::vector<int>& dims) {
    return TfLiteSignatureRunnerResizeInputTensor(runner_.get(), name, dims.data(), static_cast<int32_t>(dims.size()));
  }
  TfLiteStatus ResizeInputTensor(const char* name, const std::vector<int>& dims) { return ResizeInputTensorStrict(name, dims); }
  TfLiteStatus AllocateTensors() { return TfLiteSignatureRunnerAllocateTensors(runner_.get()); }
  TfLiteStatus Invoke() { return TfLiteSignatureRunnerInvoke(runner_.get()); }
  TfLiteStatus Cancel() { return TfLiteSignatureRunnerCancel(runner_.get()); }

 private:
  std::unique_ptr<TfLiteSignatureRunner, void (*)(TfLiteSignatureRunner*)> runner_;
  std::string key_;
  std::vector<const char*> input_names_, output_names_;
};

}  // namespace tflite

#endif  // TENSORFLOW_LITE_SIGNATURE_RUNNER_H_
