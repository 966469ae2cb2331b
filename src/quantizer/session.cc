// SPDX-License-Identifier: Apache-2.0
#include "quantizer/session.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <optional>
#include <thread>

#include "base/thread_pool.h"

namespace octet::quantizer {
namespace {

template <class T> void Dequantize(const runtime::TensorRef& t, std::vector<float>& out) {
  const T* q = reinterpret_cast<const T*>(t.data);
  const float scale = t.type->quant.empty() ? 1.0f : t.type->quant.scale0();
  const int32_t zero = t.type->quant.zero0();
  for (size_t i = 0; i < out.size(); ++i) out[i] = scale * static_cast<float>(static_cast<int64_t>(q[i]) - zero);
}

bool SameUpToUnknown(const Shape& model, const Shape& sample) {
  if (model.rank() != sample.rank()) return false;
  for (int i = 0; i < model.rank(); ++i)
    if (model[i] != kUnknown && model[i] != sample[i]) return false;
  return true;
}

// Where the model may have its batch: along the first axis or, where the size of that is fixed, along one that is open or one, as steps of time may come
// first. -1: nowhere, a sample is all of an input.
std::vector<int> BatchAxes(const Shape& model) {
  std::vector<int> axes;
  for (int i = 1; i < model.rank() && model[0] > 1; ++i)
    if (model[i] == kUnknown || model[i] == 1) axes.push_back(i);
  if (model.rank() > 0) axes.push_back(0);
  axes.push_back(-1);
  return axes;
}

// What one sample has to look like.
Shape SampleShape(const Shape& model, int batch_axis) {
  Shape sample;
  for (int i = 0; i < model.rank(); ++i)
    if (i != batch_axis) sample.push_back(model[i]);
  return sample;
}

Shape BatchOfOne(const Shape& sample, int batch_axis) {
  Shape batch;
  for (int i = 0; i < sample.rank() || i == batch_axis; ++i) {
    if (i == batch_axis) batch.push_back(1);
    if (i < sample.rank()) batch.push_back(sample[i]);
  }
  return batch;
}

// The model's input for a sample. Rows of a table have no shape but the model's.
std::optional<Shape> InputShape(const Shape& model, const Shape& sample, bool has_shape) {
  for (int axis : BatchAxes(model)) {
    const Shape wanted = SampleShape(model, axis);
    if (has_shape ? SameUpToUnknown(wanted, sample) : wanted.known() && wanted.elements() == sample.elements())
      return BatchOfOne(has_shape ? sample : wanted, axis);
  }
  return std::nullopt;
}

std::string WantedSamples(const Shape& model) {
  std::string text;
  for (int axis : BatchAxes(model))
    if (text.empty() || model[0] > 1) text += (text.empty() ? "" : " or ") + SampleShape(model, axis).text();
  return text;
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

Result<std::unique_ptr<Session>> Session::FromModel(std::shared_ptr<const runtime::Model> model, Options options) {
  auto session = std::make_unique<Session>();
  session->model_ = std::move(model);
  OCTET_ASSIGN(session->interpreter_,
               runtime::Interpreter::Create(
                   session->model_, {.threads = options.threads, .keep_all_tensors = options.keep_all_tensors, .keep_all_nodes = options.keep_all_nodes}));
  return session;
}

Result<std::unique_ptr<Session>> Session::Open(const std::string& path, Options options) {
  OCTET_ASSIGN(std::shared_ptr<const runtime::Model> model, runtime::Model::Open(path));
  return FromModel(std::move(model), options);
}

Result<std::unique_ptr<Session>> Session::FromBytes(std::vector<std::byte> bytes, Options options) {
  OCTET_ASSIGN(std::shared_ptr<const runtime::Model> model, runtime::Model::FromBytes(bytes));
  OCTET_ASSIGN(auto session, FromModel(std::move(model), options));
  session->bytes_ = std::move(bytes);  // Moving a vector leaves its elements where they are.
  return session;
}

std::vector<float> Session::AllOutputs() const {
  std::vector<float> all;
  for (int i = 0; i < interpreter_->num_outputs(); ++i) {
    const std::vector<float> y = Output(i);
    all.insert(all.end(), y.begin(), y.end());
  }
  return all;
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
    const std::optional<Shape> shape = InputShape(in.signature, sample.shape, data.has_shape());
    if (!shape)
      return Error(Code::kInvalidArgument, "'%s': expected samples of shape %s for input '%s', found %s", data.path().c_str(),
                   WantedSamples(in.signature).c_str(), std::string(in.name).c_str(), sample.shape.text().c_str());
    const bool quantized = sample.dtype == DType::kF32 && !in.type->quant.empty();
    if (sample.dtype != in.type->dtype && !quantized)
      return Error(Code::kInvalidArgument, "'%s': expected %s for input '%s', found %s", data.path().c_str(), std::string(NumpyName(in.type->dtype)).c_str(),
                   std::string(in.name).c_str(), std::string(NumpyName(sample.dtype)).c_str());
    if (shape->rank() > 0) OCTET_TRY(interpreter_->Resize(i, *shape));
    data_input_.push_back(from);
  }
  return interpreter_->Allocate();
}

namespace {

template <class T> void QuantizeAs(const runtime::TensorRef& in, std::span<const float> x) {
  const float scale = in.type->quant.scale0(), zero = static_cast<float>(in.type->quant.zero0());
  for (size_t i = 0; i < x.size(); ++i) {
    const auto q = static_cast<T>(
        std::clamp(std::round(x[i] / scale) + zero, static_cast<float>(std::numeric_limits<T>::min()), static_cast<float>(std::numeric_limits<T>::max())));
    std::memcpy(in.data + i * sizeof(T), &q, sizeof(T));
  }
}

// As a user would do it.
void QuantizeInto(const runtime::TensorRef& in, std::span<const float> x) {
  if (in.type->dtype == DType::kI16) QuantizeAs<int16_t>(in, x);
  else if (in.type->dtype == DType::kU8) QuantizeAs<uint8_t>(in, x);
  else QuantizeAs<int8_t>(in, x);
}

}  // namespace

Status Session::SetInput(const data::Dataset& data, int model_input, int data_input, int64_t index) {
  const runtime::TensorRef in = interpreter_->input(model_input);
  const std::span<const std::byte> bytes = data.sample(data_input, index);
  if (data.input_type(data_input).dtype != DType::kF32) {
    std::memcpy(in.data, bytes.data(), std::min<size_t>(bytes.size(), in.bytes));
    return {};
  }
  const bool floats = in.type->dtype == DType::kF32;
  std::vector<float> copy(floats ? 0 : bytes.size() / sizeof(float));
  const std::span<float> x = floats ? std::span(reinterpret_cast<float*>(in.data), bytes.size() / sizeof(float)) : std::span(copy);
  std::memcpy(x.data(), bytes.data(), x.size_bytes());
  for (float v : x)
    if (!std::isfinite(v))
      return Error(Code::kInvalidArgument, "'%s': sample %lld holds %s", data.path().c_str(), static_cast<long long>(index),
                   std::isnan(v) ? "NaN" : "infinity");
  if (!floats) QuantizeInto(in, x);
  return {};
}

Status Session::Prepare(const data::Dataset& data, int64_t index) {
  for (size_t i = 0; i < data_input_.size(); ++i) OCTET_TRY(SetInput(data, static_cast<int>(i), data_input_[i], index));
  return interpreter_->Restart();
}

Status Session::Run(const data::Dataset& data, int64_t index) {
  OCTET_TRY(Prepare(data, index));
  return interpreter_->Invoke();
}

Status ForSamples(std::shared_ptr<const runtime::Model> model, Session::Options options, const data::Dataset& data, SampleRange samples, std::string_view what,
                  const Progress& progress, const SampleBody& body) {
  const int64_t count = samples.count();
  ThreadPool pool(static_cast<int>(std::min<int64_t>(std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kStrands), count)));
  std::vector<Status> results(kStrands);
  std::vector<std::unique_ptr<Session>> sessions(static_cast<size_t>(pool.threads()));  // Every run begins anew: strands may share one.
  std::atomic<int64_t> done = 0;
  const auto run = [&](int64_t strand, std::unique_ptr<Session>& session) -> Status {
    if (strand >= count) return {};
    if (!session) {
      OCTET_ASSIGN(auto fresh, Session::FromModel(model, options));
      OCTET_TRY(fresh->Check(data));
      session = std::move(fresh);  // One that failed is nobody's: the next strand says so again.
    }
    for (int64_t position = strand; position < count; position += kStrands) {
      OCTET_TRY(body(*session, static_cast<int>(strand), samples.first + position * samples.step, position));
      const int64_t now = ++done;
      if (progress && strand == 0) progress(what, now, count);
    }
    return {};
  };
  pool.For(kStrands, [&](int64_t strand, int thread) { results[static_cast<size_t>(strand)] = run(strand, sessions[static_cast<size_t>(thread)]); });
  for (Status& status : results) OCTET_TRY(std::move(status));
  return {};
}

}  // namespace octet::quantizer
