// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/kernel_context.h"

#include <cstdarg>
#include <cstdlib>
#include <cstring>

#include "tflite_abi/mirror.h"

namespace octet::tflite_abi {
namespace {

std::vector<char> Chars(std::span<const std::byte> bytes) {
  const auto* p = reinterpret_cast<const char*>(bytes.data());
  return {p, p + bytes.size()};
}

}  // namespace

KernelContext::KernelContext(const TfLiteRegistration& registration, const ops::OpView& op)
    : registration_(registration), place_(op.place), options_(Chars(op.custom_options)), num_inputs_(op.num_inputs()), num_outputs_(op.num_outputs()) {
  tensors_.reserve(static_cast<size_t>(num_inputs_ + num_outputs_));
  node_.inputs = TfLiteIntArrayCreate(num_inputs_);
  node_.outputs = TfLiteIntArrayCreate(num_outputs_);
  node_.intermediates = TfLiteIntArrayCreate(0);
  node_.temporaries = TfLiteIntArrayCreate(0);
  for (int i = 0; i < num_inputs_; ++i) {
    node_.inputs->data[i] = op.in(i) ? i : kTfLiteOptionalTensor;
    Add(op.in(i), op.in(i) ? op.constants[static_cast<size_t>(i)] : nullptr);
  }
  for (int i = 0; i < num_outputs_; ++i) {
    node_.outputs->data[i] = num_inputs_ + i;
    Add(op.out(i), nullptr);
  }
  node_.custom_initial_data = options_.data();
  node_.custom_initial_data_size = static_cast<int>(options_.size());
  context_.impl_ = this;
  context_.tensors = tensors_.data();
  context_.tensors_size = tensors_.size();
  context_.recommended_num_threads = 1;
  context_.ResizeTensor = ResizeTensor;
  context_.ResizeTensorExplicit = ResizeTensorExplicit;
  context_.ReportError = ReportError;
  context_.AddTensors = AddTensors;
  context_.GetTensor = GetTensor;
  context_.AllocatePersistentBuffer = AllocatePersistentBuffer;
  context_.AllocateBufferForEval = AllocateBufferForEval;
  context_.RequestScratchBufferInArena = RequestScratchBuffer;
  context_.GetScratchBuffer = GetScratchBuffer;
  node_.user_data = CallInit(registration_, &context_, options_.data(), options_.size());
}

KernelContext::~KernelContext() {
  CallFree(registration_, &context_, node_.user_data);
  for (size_t i = 0; i < tensors_.size(); ++i) {
    TfLiteTensor& t = tensors_[i];
    const bool own = t.allocation_type == kTfLiteDynamic || i >= static_cast<size_t>(num_inputs_ + num_outputs_);
    if (!own) t.data.data = nullptr;  // Operands are the interpreter's.
    t.allocation_type = kTfLiteDynamic;
    TfLiteTensorFree(&t);
  }
  for (TfLiteIntArray* a : {node_.inputs, node_.outputs, node_.intermediates, node_.temporaries}) TfLiteIntArrayFree(a);
}

void KernelContext::Add(const TensorType* type, const std::byte* constant) {
  TfLiteTensor& t = tensors_.emplace_back();
  t.buffer_handle = kTfLiteNullBufferHandle;
  if (!type) return;
  t.type = ToTfLiteType(type->dtype);
  t.dims = ToIntArray(type->shape.dims());
  t.quantization = ToQuantization(type->quant);
  if (type->quant.scale.size() == 1) t.params = {type->quant.scale0(), type->quant.zero0()};
  t.allocation_type = constant ? kTfLiteMmapRo : kTfLiteArenaRw;
  t.data.raw_const = reinterpret_cast<const char*>(constant);
  if (!BytesOf(t, &t.bytes)) t.bytes = 0;
}

Status KernelContext::Failed(const char* what) const {
  return Error(Code::kInvalidArgument, "%s at '%s': %s%s%s", registration_.custom_name ? registration_.custom_name : "custom operator", place_.c_str(), what,
               error_.empty() ? "" : ": ", error_.c_str());
}

Status KernelContext::Prepare() {
  if (node_.user_data == TfLiteKernelInitFailed()) return Failed("its init failed");
  if (CallPrepare(registration_, &context_, &node_) != kTfLiteOk) return Failed("its prepare failed");
  for (size_t i = static_cast<size_t>(num_inputs_ + num_outputs_); i < tensors_.size(); ++i) {
    TfLiteTensor& t = tensors_[i];  // A temporary: memory of its own, kept between runs.
    if (!BytesOf(t, &t.bytes)) return Failed("a temporary's size does not fit");
    if (t.allocation_type == kTfLiteDynamic) continue;
    std::free(t.data.data);
    t.data.data = std::malloc(t.bytes > 0 ? t.bytes : 1);
    if (!t.data.data) return Error(Code::kOutOfMemory, "cannot get %zu bytes for a temporary of '%s'", t.bytes, place_.c_str());
  }
  return {};
}

Shape KernelContext::shape(int output) const {
  const TfLiteIntArray* dims = tensor_of(num_inputs_ + output).dims;
  return dims ? Shape(std::span(dims->data, static_cast<size_t>(dims->size))) : Shape();
}

Status KernelContext::Invoke(const ops::Run& run) {
  for (int i = 0; i < num_inputs_; ++i) tensors_[static_cast<size_t>(i)].data.raw = reinterpret_cast<char*>(run.in[i]);
  for (int i = 0; i < num_outputs_; ++i)
    if (!dynamic(i)) tensors_[static_cast<size_t>(num_inputs_ + i)].data.raw = reinterpret_cast<char*>(run.out[i]);
  const TfLiteStatus status = CallInvoke(registration_, &context_, &node_);
  eval_.clear();
  if (status == kTfLiteCancelled) return Error(Code::kCancelled, "'%s' was cancelled", place_.c_str());
  if (status != kTfLiteOk) return Failed("its invoke failed");
  for (int i = 0; i < num_outputs_; ++i) {
    if (!dynamic(i)) continue;
    const TfLiteTensor& t = tensor_of(num_inputs_ + i);
    OCTET_ASSIGN(std::byte* const to, run.host->SetOutput(i, shape(i)));
    if (t.bytes > 0) std::memcpy(to, t.data.raw, t.bytes);
  }
  return {};
}

TfLiteStatus KernelContext::ResizeTensor(TfLiteContext* context, TfLiteTensor* tensor, TfLiteIntArray* size) {
  if (size->size > kMaxRank) {
    ReportError(context, "a tensor of %d dimensions; octet has up to %d", size->size, kMaxRank);
    TfLiteIntArrayFree(size);
    return kTfLiteError;
  }
  TfLiteIntArrayFree(tensor->dims);
  tensor->dims = size;
  size_t bytes = 0;
  if (!BytesOf(*tensor, &bytes)) return kTfLiteError;
  if (tensor->allocation_type == kTfLiteDynamic) return TfLiteTensorRealloc(bytes, tensor);
  tensor->bytes = bytes;
  return kTfLiteOk;
}

TfLiteStatus KernelContext::ResizeTensorExplicit(TfLiteContext* context, TfLiteTensor* tensor, int dims, const int* shape) {
  TfLiteIntArray* size = TfLiteIntArrayCreate(dims);
  if (!size) return kTfLiteError;
  if (dims > 0) std::memcpy(size->data, shape, static_cast<size_t>(dims) * sizeof(int));
  return ResizeTensor(context, tensor, size);
}

void KernelContext::ReportError(TfLiteContext* context, const char* format, ...) {
  va_list args;
  va_start(args, format);
  AppendReport(&Of(context).error_, format, args);
  va_end(args);
}

TfLiteStatus KernelContext::AddTensors(TfLiteContext* context, int count, int* first) { return AppendTensors(context, &Of(context).tensors_, count, first); }
TfLiteTensor* KernelContext::GetTensor(const TfLiteContext* context, int index) { return TensorAt(Of(context).tensors_, index); }
void* KernelContext::AllocatePersistentBuffer(TfLiteContext* context, size_t bytes) { return Of(context).buffers_.emplace_back(bytes + 1).data(); }
TfLiteStatus KernelContext::AllocateBufferForEval(TfLiteContext* context, size_t bytes, void** memory) {
  *memory = Of(context).eval_.emplace_back(bytes + 1).data();
  return kTfLiteOk;
}
TfLiteStatus KernelContext::RequestScratchBuffer(TfLiteContext* context, size_t bytes, int* index) {
  *index = static_cast<int>(Of(context).scratch_.size());
  Of(context).scratch_.emplace_back(bytes + 1);
  return kTfLiteOk;
}
void* KernelContext::GetScratchBuffer(TfLiteContext* context, int index) {
  std::deque<std::vector<char>>& scratch = Of(context).scratch_;
  return index >= 0 && static_cast<size_t>(index) < scratch.size() ? scratch[static_cast<size_t>(index)].data() : nullptr;
}

}  // namespace octet::tflite_abi
