// SPDX-License-Identifier: Apache-2.0
#include "quantizer/session.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace octet::quantizer {
namespace {

template <class T> void Dequantize(const runtime::TensorRef& t, std::vector<float>& out) {
  const T* q = reinterpret_cast<const T*>(t.data);
  const float scale = t.type->quant.empty() ? 1.0f : t.type->quant.scale0();
  const int32_t zero = t.type->quant.zero0();
  for (size_t i = 0; i < out.size(); ++i) out[i] = scale * static_cast<float>(static_cast<int64_t>(q[i]) - zero);
}

// Without the batch: what one sample has to look like.
Shape SampleShape(const Shape& input) {
  return input.rank() == 0 ? Shape() : Shape(input.dims().subspan(1));
}

bool SameUpToUnknown(const Shape& model, const Shape& sample) {
  if (model.rank() != sample.rank()) return false;
  for (int i = 0; i < model.rank(); ++i)
    if (model[i] != kUnknown && model[i] != sample[i]) return false;
  return true;
}

}  // namespace

std::vector<float> RealValues(const runtime::TensorRef& t) {
  std::vector<float> out(static_cast<size_t>(t.type->shape.elements()));
  switch (t.type->dtype) {
    case DType::kF32: std::memcpy(out.data(), t.data, out.size() * 4); break;
    case DType::kI8: Dequantize<int8_t>(t, out); break;
    case DType::kU8: Dequantize<uint8_t>(t, out); break;
    case DType::kI16: Dequantize<int16_t>(t, out); break;
    case DType::kI32: Dequantize<int32_t>(t, out); break;
    case DType::kI64: Dequantize<int64_t>(t, out); break;
    default: break;
  }
  return out;
}

Result<std::unique_ptr<Session>> Session::Open(const std::string& path, Options options) {
  auto session = std::make_unique<Session>();
  OCTET_ASSIGN(session->model_, runtime::Model::Open(path));
  OCTET_ASSIGN(session->interpreter_, runtime::Interpreter::Create(session->model_, {.threads = options.threads, .keep_all_tensors = options.keep_all_tensors}));
  return session;
}

Result<std::unique_ptr<Session>> Session::FromBytes(std::vector<std::byte> bytes, Options options) {
  auto session = std::make_unique<Session>();
  session->bytes_ = std::move(bytes);
  OCTET_ASSIGN(session->model_, runtime::Model::FromBytes(session->bytes_));
  OCTET_ASSIGN(session->interpreter_, runtime::Interpreter::Create(session->model_, {.threads = options.threads, .keep_all_tensors = options.keep_all_tensors}));
  return session;
}

Status Session::Check(const data::Dataset& data) {
  const int inputs = interpreter_->num_inputs();
  if (data.num_inputs() != inputs)
    return Error(Code::kInvalidArgument, "'%s': expected %d input arrays, one per model input, found %d", data.path().c_str(), inputs, data.num_inputs());
  data_input_.clear();
  for (int i = 0; i < inputs; ++i) {
    const runtime::TensorRef in = interpreter_->input(i);
    int from = i;
    for (int k = 0; k < data.num_inputs(); ++k)
      if (interpreter_->FindInput(data.input_name(k)) == i) from = k;
    const TensorType sample = data.input_type(from);
    const Shape wanted = SampleShape(in.signature);
    if (!SameUpToUnknown(wanted, sample.shape))
      return Error(Code::kInvalidArgument, "'%s': expected samples of shape %s for input '%s', found %s", data.path().c_str(), wanted.text().c_str(),
                   std::string(in.name).c_str(), sample.shape.text().c_str());
    const bool quantized = sample.dtype == DType::kF32 && !in.type->quant.empty();
    if (sample.dtype != in.type->dtype && !quantized)
      return Error(Code::kInvalidArgument, "'%s': expected %s for input '%s', found %s", data.path().c_str(), std::string(NumpyName(in.type->dtype)).c_str(),
                   std::string(in.name).c_str(), std::string(NumpyName(sample.dtype)).c_str());
    Shape shape{1};
    for (int32_t d : sample.shape.dims()) shape.push_back(d);
    if (in.signature.rank() > 0) OCTET_TRY(interpreter_->Resize(i, shape));
    data_input_.push_back(from);
  }
  return interpreter_->Allocate();
}

Status Session::SetInput(const data::Dataset& data, int model_input, int data_input, int64_t index) {
  const runtime::TensorRef in = interpreter_->input(model_input);
  const std::span<const std::byte> bytes = data.sample(data_input, index);
  if (data.input_type(data_input).dtype != DType::kF32) {
    std::memcpy(in.data, bytes.data(), std::min<size_t>(bytes.size(), in.bytes));
    return {};
  }
  std::vector<float> x(bytes.size() / sizeof(float));
  std::memcpy(x.data(), bytes.data(), bytes.size());
  for (float v : x)
    if (!std::isfinite(v))
      return Error(Code::kInvalidArgument, "'%s': sample %lld holds %s", data.path().c_str(), static_cast<long long>(index), std::isnan(v) ? "NaN" : "infinity");
  if (in.type->dtype == DType::kF32) {
    std::memcpy(in.data, x.data(), bytes.size());
    return {};
  }
  const float scale = in.type->quant.scale0();
  const int32_t zero = in.type->quant.zero0();
  const bool is_signed = in.type->dtype == DType::kI8;
  for (size_t i = 0; i < x.size(); ++i) {
    const int32_t q = static_cast<int32_t>(std::clamp(std::round(x[i] / scale) + static_cast<float>(zero), is_signed ? -128.0f : 0.0f, is_signed ? 127.0f : 255.0f));
    in.data[i] = static_cast<std::byte>(q);
  }
  return {};
}

Status Session::Run(const data::Dataset& data, int64_t index) {
  for (size_t i = 0; i < data_input_.size(); ++i) OCTET_TRY(SetInput(data, static_cast<int>(i), data_input_[i], index));
  OCTET_TRY(interpreter_->ResetVariables());
  return interpreter_->Invoke();
}

}  // namespace octet::quantizer
