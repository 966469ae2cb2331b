// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/c_api.h"

#include <cstdio>
#include <cstring>

namespace octet::tflite_abi {

void ErrorReporter::Report(const char* format, ...) const {
  va_list args;
  va_start(args, format);
  if (report) {
    report(user_data, format, args);
  } else {
    std::fputs("ERROR: ", stderr);
    std::vfprintf(stderr, format, args);
    std::fputc('\n', stderr);
  }
  va_end(args);
}

TfLiteStatus ErrorReporter::Check(const Status& status) const {
  if (status.ok()) return kTfLiteOk;
  Report("%s", status.message().c_str());
  return status.code() == Code::kCancelled ? kTfLiteCancelled : status.code() == Code::kDelegate ? kTfLiteDelegateError : kTfLiteError;
}

Turn::Turn(Engine& engine, const ErrorReporter& reporter) : ok(!engine.busy.exchange(true, std::memory_order_acquire)), engine_(engine) {
  if (!ok) reporter.Report("the interpreter is in use by another thread; give each thread one of its own, or take turns");
}

std::unique_ptr<Session> Session::Create(std::shared_ptr<Engine> engine, std::string signature, const ErrorReporter& reporter) {
  if (const Status status = engine->interpreter->Select(signature); !status.ok()) return (void)reporter.Check(status), nullptr;
  engine->selected = nullptr;
  return std::unique_ptr<Session>(new Session(std::move(engine), std::move(signature), reporter));
}

Session::Session(std::shared_ptr<Engine> shared, std::string signature, const ErrorReporter& error_reporter)
    : reporter(error_reporter), engine(std::move(shared)), signature_(std::move(signature)), mirror_(new Mirror(*engine->interpreter)) {
  const runtime::Interpreter& it = interpreter();
  for (int i = 0; i < it.num_inputs(); ++i) inputs.push_back(it.input_tensor(i));
  for (int i = 0; i < it.num_outputs(); ++i) outputs.push_back(it.output_tensor(i));
  for (int i = 0; i < it.num_tensors(); ++i)
    if (it.tensor(i).variable) variables.push_back(i);
}

runtime::Interpreter& Session::interpreter() {
  if (engine->selected != this) {
    (void)engine->interpreter->Select(signature_).ok();  // It was selected before: it is there.
    engine->selected = this;
  }
  return *engine->interpreter;
}

TfLiteStatus Session::Resize(int input, const int* dims, int rank, bool strict) {
  runtime::Interpreter& it = interpreter();
  if (input < 0 || input >= it.num_inputs()) {
    reporter.Report("Invalid tensor index %d: the model has %d inputs.", input, it.num_inputs());
    return kTfLiteError;
  }
  if (rank < 0 || rank > kMaxRank || (rank > 0 && !dims)) {
    reporter.Report("Input %d: expected 0 to %d dimensions, found %d.", input, kMaxRank, rank);
    return kTfLiteError;
  }
  const runtime::TensorRef t = it.input(input);
  for (int i = 0; strict && i < rank; ++i) {
    if (rank == t.signature.rank() && (t.signature[i] == kUnknown || t.type->shape[i] == dims[i])) continue;
    reporter.Report(
        "Attempting to resize dimension %d of tensor %d with value %d to %d. ResizeInputTensorStrict only allows mutating unknown dimensions identified by -1.",
        i, inputs[static_cast<size_t>(input)], i < t.type->shape.rank() ? t.type->shape[i] : 0, dims[i]);
    return kTfLiteError;
  }
  const Shape shape(std::span(dims, static_cast<size_t>(rank)));
  if (shape == t.type->shape && allocated_) return kTfLiteOk;
  allocated_ = false;
  const TfLiteStatus status = reporter.Check(it.Resize(input, shape));
  if (status == kTfLiteOk) (void)mirror_->Refresh(inputs[static_cast<size_t>(input)]);  // The new dimensions at once; there are no data until memory is placed.
  return status;
}

TfLiteStatus Session::Allocate() {
  const Turn turn(*engine, reporter);
  if (!turn.ok) return kTfLiteError;
  TfLiteStatus status = reporter.Check(interpreter().Allocate());
  if (status == kTfLiteOk) status = BindMemory();
  allocated_ = status == kTfLiteOk;
  if (allocated_) mirror_->RefreshAll();
  if (allocated_) failures_told_ = 0, TellFailures();
  return status;
}

// An interpreter whose memory is there keeps it so; what the inputs held is gone.
TfLiteStatus Session::AddDelegate(TfLiteDelegate* delegate) {
  const OwnDelegate* own = AsOwn(delegate);
  if (own && !own->why.empty()) reporter.Report("%s", own->why.c_str());
  std::shared_ptr<const runtime::Delegate> taken = own ? own->delegate : Borrow(delegate);
  TfLiteStatus status = kTfLiteOk;
  if (taken) {
    interpreter().AddDelegate(std::move(taken));
    if (allocated_) status = Allocate();
  }
  if (engine->telemetry) engine->telemetry->Event("ModifyGraphWithDelegate", status);
  return status;
}

TfLiteStatus Session::SetMemory(int tensor, const TfLiteCustomAllocation& memory, int64_t flags) {
  constexpr uintptr_t kAlignment = 64;
  TfLiteTensor* t = this->tensor(tensor);
  if (!t || (t->allocation_type != kTfLiteArenaRw && t->allocation_type != kTfLiteArenaRwPersistent && t->allocation_type != kTfLiteCustom)) {
    reporter.Report("tensor %d cannot have memory of the program's: expected an input, output or variable", tensor);
    return kTfLiteError;
  }
  if (!memory.data || (!(flags & kTfLiteCustomAllocationFlagsSkipAlignCheck) && reinterpret_cast<uintptr_t>(memory.data) % kAlignment != 0)) {
    reporter.Report("memory for tensor %d: expected an address that is a multiple of %d, found %p", tensor, static_cast<int>(kAlignment), memory.data);
    return kTfLiteError;
  }
  memory_[tensor] = memory;
  t->allocation_type = kTfLiteCustom;
  t->data.data = memory.data;
  return allocated_ ? BindMemory() : kTfLiteOk;
}

TfLiteStatus Session::BindMemory() {
  for (const auto& [tensor, memory] : memory_) {
    const TfLiteStatus status = reporter.Check(engine->interpreter->Bind(tensor, static_cast<std::byte*>(memory.data), memory.bytes));
    if (status != kTfLiteOk) return allocated_ = false, status;
  }
  return kTfLiteOk;
}

// A delegate that failed, and what took over: never silently.
void Session::TellFailures() {
  const std::vector<std::pair<int, std::string>>& failures = engine->interpreter->delegate_failures();
  for (; failures_told_ < failures.size(); ++failures_told_) reporter.Report("%s", failures[failures_told_].second.c_str());
}

TfLiteStatus Session::Invoke() {
  if (!allocated_) {
    reporter.Report("Invoke called on model that is not ready.");
    return kTfLiteError;
  }
  const Turn turn(*engine, reporter);
  if (!turn.ok) return kTfLiteError;
  runtime::Interpreter& it = interpreter();
  const TfLiteStatus status = reporter.Check(it.Invoke());
  if (engine->telemetry) engine->telemetry->Event("Invoke", status);
  if (status != kTfLiteOk) return status;
  if (!it.is_static()) mirror_->RefreshAll();
  TellFailures();
  return kTfLiteOk;
}

namespace {

TfLiteModel* Opened(Result<std::shared_ptr<const runtime::Model>> model, const ErrorReporter& reporter) {
  if (!model.ok()) return (void)reporter.Check(model.error()), nullptr;
  return new TfLiteModel{std::move(*model)};
}

int Position(const runtime::Interpreter& it, const char* name, bool output) {
  const int n = output ? it.num_outputs() : it.num_inputs();
  for (int i = 0; name && i < n; ++i)
    if ((output ? it.output_key(i) : it.input_key(i)) == name) return i;
  return -1;
}

}  // namespace
}  // namespace octet::tflite_abi

using octet::tflite_abi::ErrorReporter;
using octet::tflite_abi::Position;
using octet::tflite_abi::Session;

// -- versions: of TensorFlow Lite, whose interface this is

const char* TfLiteVersion(void) { return "2.19.0"; }
const char* TfLiteExtensionApisVersion(void) { return "2.19.0"; }
int TfLiteSchemaVersion(void) { return 3; }

// -- models

TfLiteModel* TfLiteModelCreateWithErrorReporter(const void* model_data, size_t model_size, void (*reporter)(void*, const char*, va_list), void* user_data) {
  return octet::tflite_abi::Opened(octet::runtime::Model::FromBytes({static_cast<const std::byte*>(model_data), model_data ? model_size : 0}),
                                   {reporter, user_data});
}
TfLiteModel* TfLiteModelCreate(const void* model_data, size_t model_size) {
  return TfLiteModelCreateWithErrorReporter(model_data, model_size, nullptr, nullptr);
}

TfLiteModel* TfLiteModelCreateFromFileWithErrorReporter(const char* model_path, void (*reporter)(void*, const char*, va_list), void* user_data) {
  if (!model_path) return nullptr;
  return octet::tflite_abi::Opened(octet::runtime::Model::Open(model_path), {reporter, user_data});
}
TfLiteModel* TfLiteModelCreateFromFile(const char* model_path) { return TfLiteModelCreateFromFileWithErrorReporter(model_path, nullptr, nullptr); }
void TfLiteModelDelete(TfLiteModel* model) { delete model; }

// -- options

TfLiteInterpreterOptions* TfLiteInterpreterOptionsCreate(void) { return new TfLiteInterpreterOptions; }
TfLiteInterpreterOptions* TfLiteInterpreterOptionsCopy(const TfLiteInterpreterOptions* from) { return new TfLiteInterpreterOptions(*from); }
void TfLiteInterpreterOptionsDelete(TfLiteInterpreterOptions* options) { delete options; }
void TfLiteInterpreterOptionsSetNumThreads(TfLiteInterpreterOptions* options, int32_t num_threads) { options->options.threads = std::max(1, num_threads); }
void TfLiteInterpreterOptionsSetErrorReporter(TfLiteInterpreterOptions* options, void (*reporter)(void*, const char*, va_list), void* user_data) {
  options->reporter = {reporter, user_data};
}
TfLiteStatus TfLiteInterpreterOptionsEnableCancellation(TfLiteInterpreterOptions* options, bool enable) {
  options->cancellation = enable;
  return kTfLiteOk;
}

void TfLiteInterpreterOptionsAddOperator(TfLiteInterpreterOptions* options, TfLiteOperator* op) { options->ops.Add(op); }
void TfLiteInterpreterOptionsAddDelegate(TfLiteInterpreterOptions* options, TfLiteOpaqueDelegate* delegate) {
  if (delegate) options->delegates.push_back(delegate);
}

// -- interpreters

namespace octet::tflite_abi {
namespace {

// Operators are looked up when a model is opened: one that was opened before its custom operators were known is
// opened again, in place.
Result<std::shared_ptr<const runtime::Model>> WithCustomOps(std::shared_ptr<const runtime::Model> model, const OpResolver& resolver, bool selected) {
  OCTET_ASSIGN(const std::vector<CustomOp> ops, resolver.Resolve(*model, selected));
  if (ops.empty()) return model;
  OCTET_TRY(RegisterOps(ops));
  return runtime::Model::Reopen(std::move(model));
}

void TakeDelegate(const OwnDelegate* own, std::shared_ptr<const runtime::Delegate> delegate, const ErrorReporter& reporter, runtime::Options* options) {
  if (own && !own->why.empty()) reporter.Report("%s", own->why.c_str());
  if (own) options->threads = std::max(options->threads, own->threads);
  if (own && own->max_parts > 0) options->delegates.max_parts = own->max_parts;
  if (delegate) options->delegates.list.push_back(std::move(delegate));
}

}  // namespace

TfLiteInterpreter* CreateInterpreter(const TfLiteModel* model, const TfLiteInterpreterOptions* optional_options, bool selected) {
  if (!model) return nullptr;
  auto interpreter = std::make_unique<TfLiteInterpreter>();
  if (optional_options) interpreter->options = *optional_options;
  const TfLiteInterpreterOptions& options = interpreter->options;
  auto opened = WithCustomOps(model->model, options.ops, selected);
  if (!opened.ok()) return (void)options.reporter.Check(opened.error()), nullptr;
  interpreter->model = *opened;
  runtime::Options runtime_options = options.options;
  if (options.nnapi) TakeDelegate(options.nnapi.get(), options.nnapi->delegate, options.reporter, &runtime_options);
  for (TfLiteDelegate* d : options.delegates) {
    const OwnDelegate* own = AsOwn(d);
    TakeDelegate(own, own ? own->delegate : Borrow(d), options.reporter, &runtime_options);
  }
  auto made = runtime::Interpreter::Create(interpreter->model, runtime_options);
  if (!made.ok()) return (void)options.reporter.Check(made.error()), nullptr;
  auto engine = std::make_shared<Engine>();
  engine->interpreter = std::move(*made);
  if (options.telemetry) engine->telemetry = std::make_unique<Telemetry>(options.telemetry, *interpreter->model, *engine->interpreter);
  interpreter->session = Session::Create(std::move(engine), "", options.reporter);
  return interpreter->session ? interpreter.release() : nullptr;
}

}  // namespace octet::tflite_abi

TfLiteInterpreter* TfLiteInterpreterCreate(const TfLiteModel* model, const TfLiteInterpreterOptions* optional_options) {
  return octet::tflite_abi::CreateInterpreter(model, optional_options, false);
}
void TfLiteInterpreterDelete(TfLiteInterpreter* interpreter) { delete interpreter; }

int32_t TfLiteInterpreterGetInputTensorCount(const TfLiteInterpreter* it) { return static_cast<int32_t>(it->session->inputs.size()); }
int32_t TfLiteInterpreterGetOutputTensorCount(const TfLiteInterpreter* it) { return static_cast<int32_t>(it->session->outputs.size()); }
const int* TfLiteInterpreterInputTensorIndices(const TfLiteInterpreter* it) { return it->session->inputs.data(); }
const int* TfLiteInterpreterOutputTensorIndices(const TfLiteInterpreter* it) { return it->session->outputs.data(); }
TfLiteTensor* TfLiteInterpreterGetInputTensor(const TfLiteInterpreter* it, int32_t i) { return it->session->input(i); }
const TfLiteTensor* TfLiteInterpreterGetOutputTensor(const TfLiteInterpreter* it, int32_t i) { return it->session->output(i); }
TfLiteTensor* TfLiteInterpreterGetTensor(const TfLiteInterpreter* it, int index) { return it->session->tensor(index); }
TfLiteStatus TfLiteInterpreterResizeInputTensor(TfLiteInterpreter* it, int32_t i, const int* dims, int32_t rank) {
  return it->session->Resize(i, dims, rank, false);
}
TfLiteStatus TfLiteInterpreterAllocateTensors(TfLiteInterpreter* it) { return it->session->Allocate(); }
TfLiteStatus TfLiteInterpreterInvoke(TfLiteInterpreter* it) { return it->session->Invoke(); }
TfLiteStatus TfLiteInterpreterCancel(const TfLiteInterpreter* it) {
  if (!it->options.cancellation) return kTfLiteError;
  it->session->engine->interpreter->Cancel();
  return kTfLiteOk;
}
// -- signatures

int32_t TfLiteInterpreterGetSignatureCount(const TfLiteInterpreter* it) { return static_cast<int32_t>(it->model->signatures().size()); }
const char* TfLiteInterpreterGetSignatureKey(const TfLiteInterpreter* it, int32_t i) {
  return i >= 0 && i < TfLiteInterpreterGetSignatureCount(it) ? it->model->signatures()[static_cast<size_t>(i)].data() : nullptr;
}
TfLiteSignatureRunner* TfLiteInterpreterGetSignatureRunner(const TfLiteInterpreter* it, const char* signature_key) {
  if (!signature_key) return nullptr;
  auto session = Session::Create(it->session->engine, signature_key, it->options.reporter);
  return session ? new TfLiteSignatureRunner{std::move(session), it->options.cancellation} : nullptr;
}
size_t TfLiteSignatureRunnerGetInputCount(const TfLiteSignatureRunner* r) { return r->session->inputs.size(); }
size_t TfLiteSignatureRunnerGetOutputCount(const TfLiteSignatureRunner* r) { return r->session->outputs.size(); }
const char* TfLiteSignatureRunnerGetInputName(const TfLiteSignatureRunner* r, int32_t i) {
  return i >= 0 && static_cast<size_t>(i) < r->session->inputs.size() ? r->session->interpreter().input_key(i).data() : nullptr;
}
const char* TfLiteSignatureRunnerGetOutputName(const TfLiteSignatureRunner* r, int32_t i) {
  return i >= 0 && static_cast<size_t>(i) < r->session->outputs.size() ? r->session->interpreter().output_key(i).data() : nullptr;
}
TfLiteStatus TfLiteSignatureRunnerResizeInputTensor(TfLiteSignatureRunner* r, const char* name, const int* dims, int32_t rank) {
  return r->session->Resize(Position(r->session->interpreter(), name, false), dims, rank, true);
}
TfLiteStatus TfLiteSignatureRunnerAllocateTensors(TfLiteSignatureRunner* r) { return r->session->Allocate(); }
TfLiteStatus TfLiteSignatureRunnerInvoke(TfLiteSignatureRunner* r) { return r->session->Invoke(); }
TfLiteTensor* TfLiteSignatureRunnerGetInputTensor(TfLiteSignatureRunner* r, const char* name) {
  return r->session->input(Position(r->session->interpreter(), name, false));
}
const TfLiteTensor* TfLiteSignatureRunnerGetOutputTensor(const TfLiteSignatureRunner* r, const char* name) {
  return r->session->output(Position(r->session->interpreter(), name, true));
}
void TfLiteSignatureRunnerDelete(TfLiteSignatureRunner* r) { delete r; }

// -- tensors

TfLiteType TfLiteTensorType(const TfLiteTensor* tensor) { return tensor->type; }
int32_t TfLiteTensorNumDims(const TfLiteTensor* tensor) { return tensor->dims ? tensor->dims->size : -1; }
int32_t TfLiteTensorDim(const TfLiteTensor* tensor, int32_t i) { return i >= 0 && i < TfLiteTensorNumDims(tensor) ? tensor->dims->data[i] : -1; }
size_t TfLiteTensorByteSize(const TfLiteTensor* tensor) { return tensor->bytes; }
void* TfLiteTensorData(const TfLiteTensor* tensor) { return tensor->data.data; }
const char* TfLiteTensorName(const TfLiteTensor* tensor) { return tensor->name; }
TfLiteQuantizationParams TfLiteTensorQuantizationParams(const TfLiteTensor* tensor) { return tensor->params; }
TfLiteStatus TfLiteTensorCopyFromBuffer(TfLiteTensor* tensor, const void* input_data, size_t input_data_size) {
  if (!tensor || !tensor->data.data || tensor->bytes != input_data_size) return kTfLiteError;
  std::memcpy(tensor->data.data, input_data, input_data_size);
  return kTfLiteOk;
}
TfLiteStatus TfLiteTensorCopyToBuffer(const TfLiteTensor* tensor, void* output_data, size_t output_data_size) {
  if (!tensor || !tensor->data.data || tensor->bytes != output_data_size) return kTfLiteError;
  std::memcpy(output_data, tensor->data.data, output_data_size);
  return kTfLiteOk;
}
