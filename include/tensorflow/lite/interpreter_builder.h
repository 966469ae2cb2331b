// SPDX-License-Identifier: Apache-2.0
#ifndef TENSORFLOW_LITE_INTERPRETER_BUILDER_H_
#define TENSORFLOW_LITE_INTERPRETER_BUILDER_H_

#include <memory>
#include <utility>

#include "tensorflow/lite/core/api/op_resolver.h"
#include "tensorflow/lite/interpreter.h"
#include "tensorflow/lite/model_builder.h"

namespace tflite {

class InterpreterBuilder {
 public:
  InterpreterBuilder(const FlatBufferModel& model, const OpResolver& resolver)
      : model_(model.handle()), reporter_(model.error_reporter()), options_(TfLiteInterpreterOptionsCreate(), TfLiteInterpreterOptionsDelete) {
    TfLiteInterpreterOptionsSetErrorReporter(options_.get(), internal::ReportTo, reporter_);
    (void)TfLiteInterpreterOptionsEnableCancellation(options_.get(), true);
    for (const auto& [name, registration] : resolver.custom_ops())
      TfLiteInterpreterOptionsAddCustomOp(options_.get(), name.c_str(), &registration, registration.version, registration.version);
    for (const auto& [op, registration] : resolver.replaced_ops())
      TfLiteInterpreterOptionsAddBuiltinOp(options_.get(), static_cast<TfLiteBuiltinOperator>(op), &registration, registration.version, registration.version);
  }

  TfLiteStatus SetNumThreads(int num_threads) {
    if (num_threads < -1) return reporter_->Report("num_threads should be >= -1, found %d", num_threads), kTfLiteError;
    TfLiteInterpreterOptionsSetNumThreads(options_.get(), num_threads);
    return kTfLiteOk;
  }
  InterpreterBuilder& AddDelegate(TfLiteDelegate* delegate) {
    TfLiteInterpreterOptionsAddDelegate(options_.get(), reinterpret_cast<TfLiteOpaqueDelegate*>(delegate));
    return *this;
  }
  InterpreterBuilder& AddDelegate(TfLiteOpaqueDelegateStruct* delegate) { return AddDelegate(reinterpret_cast<TfLiteDelegate*>(delegate)); }

  TfLiteStatus operator()(std::unique_ptr<Interpreter>* interpreter) {
    if (!interpreter) return kTfLiteError;
    *interpreter = Interpreter::Make(model_, Interpreter::Options(TfLiteInterpreterOptionsCopy(options_.get()), TfLiteInterpreterOptionsDelete), reporter_);
    return *interpreter ? kTfLiteOk : kTfLiteError;
  }
  TfLiteStatus operator()(std::unique_ptr<Interpreter>* interpreter, int num_threads) {
    const TfLiteStatus status = SetNumThreads(num_threads);
    return status == kTfLiteOk ? (*this)(interpreter) : status;
  }

 private:
  std::shared_ptr<TfLiteModel> model_;
  ErrorReporter* reporter_;
  Interpreter::Options options_;
};

}  // namespace tflite

#endif  // TENSORFLOW_LITE_INTERPRETER_BUILDER_H_
