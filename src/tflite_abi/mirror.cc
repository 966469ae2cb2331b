// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/mirror.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace octet::tflite_abi {

TfLiteIntArray* ToIntArray(std::span<const int32_t> values) {
  TfLiteIntArray* a = TfLiteIntArrayCreate(static_cast<int>(values.size()));
  if (!values.empty()) std::memcpy(a->data, values.data(), values.size_bytes());
  return a;
}

TfLiteQuantization ToQuantization(const Quant& q) {
  if (q.empty()) return {kTfLiteNoQuantization, nullptr};
  auto* affine = static_cast<TfLiteAffineQuantization*>(std::malloc(sizeof(TfLiteAffineQuantization)));
  affine->scale = TfLiteFloatArrayCreate(static_cast<int>(q.scale.size()));
  std::memcpy(affine->scale->data, q.scale.data(), q.scale.size() * sizeof(float));
  affine->zero_point = ToIntArray(q.zero_point);
  affine->quantized_dimension = q.axis;
  return {kTfLiteAffineQuantization, affine};
}

void AppendReport(std::string* reports, const char* format, va_list args) {
  constexpr size_t kEnough = 2000;
  char text[500];
  std::vsnprintf(text, sizeof(text), format, args);
  if (reports->size() < kEnough) *reports += (reports->empty() ? "" : "; ") + std::string(text);
}

TfLiteStatus AppendTensors(TfLiteContext* context, std::vector<TfLiteTensor>* tensors, int count, int* first) {
  constexpr int kMostTensors = 1 << 24;
  if (count < 0 || count > kMostTensors - static_cast<int>(tensors->size())) return kTfLiteError;
  if (first) *first = static_cast<int>(tensors->size());
  TfLiteTensor fresh{};
  fresh.buffer_handle = kTfLiteNullBufferHandle;
  tensors->resize(tensors->size() + static_cast<size_t>(count), fresh);
  context->tensors = tensors->data();
  context->tensors_size = tensors->size();
  return kTfLiteOk;
}

bool SizeOfType(TfLiteType type, size_t* bytes) {
  switch (type) {
    case kTfLiteBool:
    case kTfLiteInt8:
    case kTfLiteUInt8: *bytes = 1; return true;
    case kTfLiteInt16:
    case kTfLiteUInt16:
    case kTfLiteFloat16:
    case kTfLiteBFloat16: *bytes = 2; return true;
    case kTfLiteFloat32:
    case kTfLiteInt32:
    case kTfLiteUInt32: *bytes = 4; return true;
    case kTfLiteFloat64:
    case kTfLiteInt64:
    case kTfLiteUInt64:
    case kTfLiteComplex64: *bytes = 8; return true;
    case kTfLiteComplex128: *bytes = 16; return true;
    default: return false;
  }
}

namespace {

TfLiteAllocationType AllocationOf(const runtime::TensorRef& t) {
  if (t.constant) return kTfLiteMmapRo;
  if (t.variable) return kTfLiteArenaRwPersistent;
  return t.type->dtype == DType::kString ? kTfLiteDynamic : kTfLiteArenaRw;
}

}  // namespace

Mirror::Mirror(const runtime::Interpreter& interpreter)
    : interpreter_(interpreter), tensors_(static_cast<size_t>(interpreter.num_tensors())), filled_(tensors_.size()) {}

Mirror::~Mirror() {
  for (TfLiteTensor& t : tensors_) {
    t.allocation_type = kTfLiteMemNone;  // The data are the interpreter's.
    TfLiteTensorFree(&t);
  }
}

void Mirror::Fill(int index) {
  const runtime::TensorRef from = interpreter_.tensor(index);
  TfLiteTensor& t = tensors_[static_cast<size_t>(index)];
  t.type = ToTfLiteType(from.type->dtype);
  t.name = from.name.data();  // Terminated in the file.
  t.allocation_type = AllocationOf(from);
  t.is_variable = from.variable;
  t.buffer_handle = kTfLiteNullBufferHandle;
  t.quantization = ToQuantization(from.type->quant);
  if (from.type->quant.scale.size() == 1) t.params = {from.type->quant.scale0(), from.type->quant.zero0()};
  if (!from.signature.known()) t.dims_signature = ToIntArray(from.signature.dims());
  filled_[static_cast<size_t>(index)] = 1;
}

TfLiteTensor* Mirror::Refresh(int index) {
  if (index < 0 || static_cast<size_t>(index) >= tensors_.size()) return nullptr;
  if (!filled_[static_cast<size_t>(index)]) Fill(index);
  const runtime::TensorRef from = interpreter_.tensor(index);
  TfLiteTensor& t = tensors_[static_cast<size_t>(index)];
  const std::span<const int32_t> dims = from.type->shape.dims();
  if (!TfLiteIntArrayEqualsArray(t.dims, static_cast<int>(dims.size()), dims.data()) || !t.dims) {
    TfLiteIntArrayFree(t.dims);
    t.dims = ToIntArray(dims);
  }
  t.data.data = from.data;
  t.bytes = static_cast<size_t>(from.bytes);
  return &t;
}

void Mirror::RefreshAll() {
  for (size_t i = 0; i < filled_.size(); ++i)
    if (filled_[i]) (void)Refresh(static_cast<int>(i));
}

}  // namespace octet::tflite_abi
