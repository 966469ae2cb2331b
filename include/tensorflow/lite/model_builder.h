// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_MODEL_BUILDER_H_
#define TENSORFLOW_LITE_MODEL_BUILDER_H_

#include <memory>

#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/core/api/error_reporter.h"

namespace tflite {

namespace internal {
inline void ReportTo(void* reporter, const char* format, va_list args) { static_cast<ErrorReporter*>(reporter)->Report(format, args); }
}  // namespace internal

// For programs that bring a check of their own: octet verifies every model in any case.
class TfLiteVerifier {
 public:
  virtual ~TfLiteVerifier() = default;
  virtual bool Verify(const char* data, int length, ErrorReporter* reporter) = 0;
};

// A model in a file that is mapped, or in the caller's memory, which must outlive it. Always verified, whichever way it is built.
class FlatBufferModel {
 public:
  static std::unique_ptr<FlatBufferModel> BuildFromFile(const char* filename, ErrorReporter* reporter = DefaultErrorReporter()) {
    return Made(TfLiteModelCreateFromFileWithErrorReporter(filename, internal::ReportTo, reporter), reporter);
  }
  static std::unique_ptr<FlatBufferModel> VerifyAndBuildFromFile(const char* filename, TfLiteVerifier* = nullptr,
                                                                 ErrorReporter* reporter = DefaultErrorReporter()) {
    return BuildFromFile(filename, reporter);
  }
  static std::unique_ptr<FlatBufferModel> BuildFromBuffer(const char* buffer, size_t size, ErrorReporter* reporter = DefaultErrorReporter()) {
    return Made(TfLiteModelCreateWithErrorReporter(buffer, size, internal::ReportTo, reporter), reporter);
  }
  static std::unique_ptr<FlatBufferModel> VerifyAndBuildFromBuffer(const char* buffer, size_t size, TfLiteVerifier* extra_verifier = nullptr,
                                                                   ErrorReporter* reporter = DefaultErrorReporter()) {
    if (extra_verifier && !extra_verifier->Verify(buffer, static_cast<int>(size), reporter)) return nullptr;
    return BuildFromBuffer(buffer, size, reporter);
  }

  bool initialized() const { return true; }  // What is not a model was never built.
  explicit operator bool() const { return true; }
  ErrorReporter* error_reporter() const { return reporter_; }
  const std::shared_ptr<TfLiteModel>& handle() const { return handle_; }  // For InterpreterBuilder.

 private:
  FlatBufferModel(TfLiteModel* model, ErrorReporter* reporter) : handle_(model, TfLiteModelDelete), reporter_(reporter) {}
  static std::unique_ptr<FlatBufferModel> Made(TfLiteModel* model, ErrorReporter* reporter) {
    return std::unique_ptr<FlatBufferModel>(model ? new FlatBufferModel(model, reporter) : nullptr);
  }

  std::shared_ptr<TfLiteModel> handle_;
  ErrorReporter* reporter_;
};

}  // namespace tflite

#endif  // TENSORFLOW_LITE_MODEL_BUILDER_H_
