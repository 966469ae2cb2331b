// SPDX-License-Identifier: Apache-2.0
// TensorFlow Lite's C++ interpreter by its names, over the C interface (link libtensorflowlite_c). Models come from
// FlatBufferModel and InterpreterBuilder; building graphs by hand (AddTensors, AddNodeWithParameters) is not offered.
#ifndef TENSORFLOW_LITE_INTERPRETER_H_
#define TENSORFLOW_LITE_INTERPRETER_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensorflow/lite/c/c_api.h"
#include "tensorflow/lite/c/c_api_experimental.h"
#include "tensorflow/lite/core/api/error_reporter.h"
#include "tensorflow/lite/signature_runner.h"
#include "tensorflow/lite/type_to_tflitetype.h"

extern "C" {
// octet's own, for what the C interface does not tell.
TFL_CAPI_EXPORT int32_t TfLiteOctetNodeCount(const TfLiteInterpreter* interpreter);
TFL_CAPI_EXPORT TfLiteStatus TfLiteOctetNode(const TfLiteInterpreter* interpreter, int32_t i, int32_t* builtin_code, const char** custom_name,
                                             TfLiteIntArray** inputs, TfLiteIntArray** outputs);
}

namespace tflite {

class Interpreter {
 public:
  using Options = std::shared_ptr<TfLiteInterpreterOptions>;

  // Null where the C interface makes none, which it has reported. For InterpreterBuilder.
  static std::unique_ptr<Interpreter> Make(std::shared_ptr<TfLiteModel> model, Options options, ErrorReporter* reporter) {
    TfLiteInterpreter* handle = TfLiteInterpreterCreate(model.get(), options.get());
    return std::unique_ptr<Interpreter>(handle ? new Interpreter(handle, std::move(model), std::move(options), reporter) : nullptr);
  }

  const std::vector<int>& inputs() const { return inputs_; }
  const std::vector<int>& outputs() const { return outputs_; }
  const std::vector<int>& variables() const { return variables_; }
  size_t tensors_size() const { return tensors_size_; }
  size_t nodes_size() const { return static_cast<size_t>(TfLiteOctetNodeCount(get())); }
  size_t subgraphs_size() const { return 1; }  // Those that control flow calls are not shown.
  // Indices of the nodes, in the order in which they run.
  const std::vector<int>& execution_plan() const {
    for (size_t i = plan_.size(); i < nodes_size(); ++i) plan_.push_back(static_cast<int>(i));
    return plan_;
  }
  // A picture of the node: its operator's code or name, and which tensors it reads and writes. Null: there is none.
  const std::pair<TfLiteNode, TfLiteRegistration>* node_and_registration(int index) const {
    if (index < 0 || static_cast<size_t>(index) >= nodes_size()) return nullptr;
    auto& picture = nodes_[index];
    if (picture) return &picture->pair;
    Node node;
    node.pair = {};
    TfLiteRegistration& registration = node.pair.second;
    registration.version = 1;
    if (TfLiteOctetNode(get(), index, &registration.builtin_code, &registration.custom_name, &node.pair.first.inputs, &node.pair.first.outputs) != kTfLiteOk)
      return nullptr;
    node.inputs.reset(node.pair.first.inputs);
    node.outputs.reset(node.pair.first.outputs);
    picture = std::make_unique<Node>(std::move(node));
    return &picture->pair;
  }
  const char* GetInputName(int i) const { return TfLiteTensorName(input_tensor(static_cast<size_t>(i))); }
  const char* GetOutputName(int i) const { return TfLiteTensorName(output_tensor(static_cast<size_t>(i))); }

  // Null: no such tensor; typed: or of another type.
  TfLiteTensor* tensor(int index) { return TfLiteInterpreterGetTensor(get(), index); }
  const TfLiteTensor* tensor(int index) const { return TfLiteInterpreterGetTensor(get(), index); }
  TfLiteTensor* input_tensor(size_t i) { return i < inputs_.size() ? tensor(inputs_[i]) : nullptr; }
  const TfLiteTensor* input_tensor(size_t i) const { return i < inputs_.size() ? tensor(inputs_[i]) : nullptr; }
  TfLiteTensor* output_tensor(size_t i) { return i < outputs_.size() ? tensor(outputs_[i]) : nullptr; }
  const TfLiteTensor* output_tensor(size_t i) const { return i < outputs_.size() ? tensor(outputs_[i]) : nullptr; }
  template <class T> T* typed_tensor(int index) { return Typed<T>(tensor(index)); }
  template <class T> const T* typed_tensor(int index) const { return Typed<T>(const_cast<Interpreter*>(this)->tensor(index)); }
  template <class T> T* typed_input_tensor(int i) { return Typed<T>(input_tensor(static_cast<size_t>(i))); }
  template <class T> const T* typed_input_tensor(int i) const { return const_cast<Interpreter*>(this)->typed_input_tensor<T>(i); }
  template <class T> T* typed_output_tensor(int i) { return Typed<T>(output_tensor(static_cast<size_t>(i))); }
  template <class T> const T* typed_output_tensor(int i) const { return const_cast<Interpreter*>(this)->typed_output_tensor<T>(i); }

  TfLiteStatus ResizeInputTensor(int tensor_index, const std::vector<int>& dims) {
    const TfLiteStatus status = TfLiteInterpreterResizeInputTensor(get(), InputPosition(tensor_index), dims.data(), static_cast<int32_t>(dims.size()));
    if (status == kTfLiteOk) resized_[tensor_index] = dims;
    return status;
  }
  // Only dimensions that the model leaves free may change.
  TfLiteStatus ResizeInputTensorStrict(int tensor_index, const std::vector<int>& dims) {
    const TfLiteTensor* t = InputPosition(tensor_index) < 0 ? nullptr : tensor(tensor_index);
    for (int i = 0; t && i < t->dims->size && i < static_cast<int>(dims.size()); ++i) {
      const bool free = t->dims_signature && i < t->dims_signature->size && t->dims_signature->data[i] == -1;
      if (free || t->dims->data[i] == dims[static_cast<size_t>(i)]) continue;
      reporter_->Report(
          "Attempting to resize dimension %d of tensor %d with value %d to %d. ResizeInputTensorStrict only allows mutating unknown dimensions identified by -1.",
          i, tensor_index, t->dims->data[i], dims[static_cast<size_t>(i)]);
      return kTfLiteError;
    }
    return ResizeInputTensor(tensor_index, dims);
  }
  TfLiteStatus AllocateTensors() {
    const TfLiteStatus status = TfLiteInterpreterAllocateTensors(get());
    allocated_ = allocated_ || status == kTfLiteOk;
    return status;
  }
  TfLiteStatus Invoke() { return TfLiteInterpreterInvoke(get()); }
  TfLiteStatus ResetVariableTensors() { return TfLiteInterpreterResetVariableTensors(get()); }
  TfLiteStatus EnsureTensorDataIsReadable(int tensor_index) { return TfLiteInterpreterEnsureTensorDataIsReadable(get(), tensor_index); }

  // Both set the interpreter up again: pointers to tensors that were asked for before are gone.
  TfLiteStatus SetNumThreads(int num_threads) {
    if (num_threads < -1) return reporter_->Report("num_threads should be >= -1, found %d", num_threads), kTfLiteError;
    TfLiteInterpreterOptionsSetNumThreads(options_.get(), num_threads);
    return Renew(kTfLiteError);
  }
  TfLiteStatus ModifyGraphWithDelegate(TfLiteDelegate* delegate) {
    Options kept = options_;
    options_ = Options(TfLiteInterpreterOptionsCopy(kept.get()), TfLiteInterpreterOptionsDelete);
    TfLiteInterpreterOptionsAddDelegate(options_.get(), reinterpret_cast<TfLiteOpaqueDelegate*>(delegate));
    const TfLiteStatus status = Renew(kTfLiteDelegateError);
    if (status != kTfLiteOk) options_ = kept;
    return status;
  }

  // Float32 is computed in float32 either way.
  void SetAllowFp16PrecisionForFp32(bool allow) { allow_fp16_ = allow; }
  bool GetAllowFp16PrecisionForFp32() const { return allow_fp16_; }
  // octet can always be cancelled from another thread.
  TfLiteStatus EnableCancellation() { return kTfLiteOk; }
  TfLiteStatus Cancel() { return TfLiteInterpreterCancel(get()); }

  std::vector<const std::string*> signature_keys() const {
    std::vector<const std::string*> keys;
    for (const std::string& key : keys_) keys.push_back(&key);
    return keys;
  }
  // Null key: the first one. Null: no such signature, which was reported.
  SignatureRunner* GetSignatureRunner(const char* key) {
    if (!key && keys_.empty()) return reporter_->Report("the model has no signatures"), nullptr;
    const std::string name = key ? key : keys_[0];
    auto& runner = runners_[name];
    if (!runner)
      if (TfLiteSignatureRunner* made = TfLiteInterpreterGetSignatureRunner(get(), name.c_str())) runner = std::make_unique<SignatureRunner>(made, name);
    return runner.get();
  }
  TfLiteTensor* input_tensor_by_signature(const char* name, const char* key) {
    SignatureRunner* runner = GetSignatureRunner(key);
    return runner ? runner->input_tensor(name) : nullptr;
  }
  const TfLiteTensor* output_tensor_by_signature(const char* name, const char* key) {
    SignatureRunner* runner = GetSignatureRunner(key);
    return runner ? runner->output_tensor(name) : nullptr;
  }

  ErrorReporter* error_reporter() const { return reporter_; }
  TfLiteInterpreter* get() const { return handle_.get(); }

 private:
  using Handle = std::unique_ptr<TfLiteInterpreter, void (*)(TfLiteInterpreter*)>;

  Interpreter(TfLiteInterpreter* handle, std::shared_ptr<TfLiteModel> model, Options options, ErrorReporter* reporter)
      : handle_(handle, TfLiteInterpreterDelete), model_(std::move(model)), options_(std::move(options)), reporter_(reporter) {
    for (int32_t i = 0; i < TfLiteInterpreterGetInputTensorCount(handle); ++i) inputs_.push_back(TfLiteInterpreterGetInputTensorIndex(handle, i));
    for (int32_t i = 0; i < TfLiteInterpreterGetOutputTensorCount(handle); ++i) outputs_.push_back(TfLiteInterpreterGetOutputTensorIndex(handle, i));
    for (int32_t i = 0; i < TfLiteInterpreterGetSignatureCount(handle); ++i) keys_.push_back(TfLiteInterpreterGetSignatureKey(handle, i));
    for (; const TfLiteTensor* t = TfLiteInterpreterGetTensor(handle, static_cast<int>(tensors_size_)); ++tensors_size_)
      if (t->is_variable) variables_.push_back(static_cast<int>(tensors_size_));
  }

  template <class T> static T* Typed(TfLiteTensor* t) { return t && t->type == typeToTfLiteType<T>() ? reinterpret_cast<T*>(t->data.raw) : nullptr; }

  int InputPosition(int tensor_index) const {
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i] == tensor_index) return static_cast<int>(i);
    return -1;
  }

  // The same model with the options as they are now, in the same shapes. On failure the old interpreter stays.
  TfLiteStatus Renew(TfLiteStatus failed) {
    Handle made(TfLiteInterpreterCreate(model_.get(), options_.get()), TfLiteInterpreterDelete);
    if (!made) return failed;
    for (const auto& [index, dims] : resized_)
      if (TfLiteInterpreterResizeInputTensor(made.get(), InputPosition(index), dims.data(), static_cast<int32_t>(dims.size())) != kTfLiteOk) return failed;
    if (allocated_ && TfLiteInterpreterAllocateTensors(made.get()) != kTfLiteOk) return failed;
    runners_.clear();
    handle_ = std::move(made);
    return kTfLiteOk;
  }

  struct Node {
    std::pair<TfLiteNode, TfLiteRegistration> pair;
    std::unique_ptr<TfLiteIntArray, void (*)(TfLiteIntArray*)> inputs{nullptr, TfLiteIntArrayFree}, outputs{nullptr, TfLiteIntArrayFree};
  };

  Handle handle_;
  std::shared_ptr<TfLiteModel> model_;
  Options options_;
  ErrorReporter* reporter_;
  std::vector<int> inputs_, outputs_, variables_;
  size_t tensors_size_ = 0;
  std::vector<std::string> keys_;
  std::map<int, std::vector<int>> resized_;
  std::map<std::string, std::unique_ptr<SignatureRunner>> runners_;
  mutable std::vector<int> plan_;
  mutable std::map<int, std::unique_ptr<Node>> nodes_;
  bool allocated_ = false, allow_fp16_ = false;
};

}  // namespace tflite

#endif  // TENSORFLOW_LITE_INTERPRETER_H_
