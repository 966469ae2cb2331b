// SPDX-License-Identifier: Apache-2.0
// The C interface over the runtime: the one place where a Status becomes a caller's OctetError.
#include "octet/octet.h"

#include <cstring>
#include <thread>

#include "api/handles.h"
#include "delegates/flex/flex.h"
#include "runtime/shared_model.h"

using octet::Code;
using octet::Format;
using octet::Shape;
using octet::Status;
namespace runtime = octet::runtime;
using octet::api::Report;

namespace octet::api {

OctetCode Report(const Status& status, OctetError* error) {
  const OctetCode code = status.ok() ? OCTET_OK : static_cast<OctetCode>(status.code());
  if (!error) return code;
  error->code = code;
  error->text[0] = '\0';
  if (status.ok()) return code;
  const size_t n = std::min(status.message().size(), sizeof(error->text) - 1);
  std::memcpy(error->text, status.message().data(), n);
  error->text[n] = '\0';
  return code;
}

}  // namespace octet::api

namespace {

static_assert(OCTET_MAX_RANK == octet::kMaxRank);
static_assert(OCTET_CANCELLED == static_cast<int>(Code::kCancelled));
static_assert(OCTET_UINT4 == static_cast<int>(octet::DType::kU4));

// With TensorFlow's own operators where OCTET_TENSORFLOW names its library.
octet::Result<std::shared_ptr<const runtime::Model>> WithFlex(octet::Result<std::shared_ptr<const runtime::Model>> result) {
  if (!result.ok()) return result;
  OCTET_ASSIGN(octet::delegates::FlexModel flex, octet::delegates::WithFlexOps(std::move(*result), ""));
  return std::move(flex.model);
}

OctetModel* Opened(octet::Result<std::shared_ptr<const runtime::Model>> opened, OctetError* error) {
  auto result = WithFlex(std::move(opened));
  (void)Report(result.ok() ? Status() : std::move(result).status(), error);
  if (!result.ok()) return nullptr;
  OctetModel* model = octet::api::Handles<OctetModel>::Make();
  model->model = std::move(*result);
  return model;
}

// Only what the caller's struct_size covers is read.
runtime::Options ToOptions(const OctetOptions* from, bool* closed_delegate) {
  OctetOptions o = {};
  if (from) std::memcpy(&o, from, std::min(from->struct_size, sizeof(o)));
  runtime::Options options;
  options.threads = std::max(1, o.threads);
  options.kernels = o.kernels == OCTET_KERNELS_REFERENCE ? runtime::Kernels::kReference : runtime::Kernels::kFast;
  options.keep_all_tensors = o.keep_all_tensors != 0;
  if (o.signature) options.signature = o.signature;
  if (o.memory_limit_bytes) options.memory_limit_bytes = o.memory_limit_bytes;
  for (int32_t i = 0; o.delegates && i < o.num_delegates; ++i) {
    const OctetDelegateHandle* d = o.delegates[i];
    *closed_delegate |= d && !d->open;
    if (d && d->delegate) options.delegates.list.push_back(d->delegate);
  }
  for (int32_t i = 0; o.deny && i < o.num_deny; ++i) options.delegates.deny.emplace_back(o.deny[i]);
  options.delegates.min_nodes = std::max(1, o.min_nodes);
  options.delegates.shadow.share = o.shadow_share;
  return options;
}

void CopyDims(const Shape& from, int32_t* to) {
  for (int i = 0; i < from.rank(); ++i) to[i] = from[i];
}

OctetCode Fill(const runtime::TensorRef& ref, OctetTensor* t) {
  *t = {};
  t->name = ref.name.data();  // Terminated in the file.
  t->dtype = static_cast<OctetDType>(ref.type->dtype);
  t->rank = ref.type->shape.rank();
  CopyDims(ref.type->shape, t->dims);
  CopyDims(ref.signature, t->signature);
  t->data = ref.data;
  t->bytes = static_cast<size_t>(ref.bytes);
  const octet::Quant& q = ref.type->quant;
  t->num_scales = static_cast<int32_t>(q.scale.size());
  t->scales = q.scale.data();
  t->zero_points = q.zero_point.data();
  t->axis = q.axis;
  t->block_size = q.block_size;
  return OCTET_OK;
}

bool Within(int32_t i, int count) { return i >= 0 && i < count; }

bool Open(const OctetModel* model) { return model && model->model; }
bool Open(const OctetInterpreter* it) { return it && it->interpreter; }

// What `action` does with the interpreter, for this thread alone.
template <class Action>
OctetCode With(OctetInterpreter* it, OctetError* error, Action action) {
  const octet::api::Use use(it);
  return Report(use.ok() ? action(*it->interpreter) : use.status(), error);
}

const octet::tflite::View& ViewOf(const OctetModel* model) { return static_cast<const runtime::SharedModel&>(*model->model).view(); }

}  // namespace

const char* octet_version(void) { return OCTET_VERSION; }

OctetModel* octet_model_open(const char* path, OctetError* error) {
  if (!path) return (void)Report(octet::Error(Code::kInvalidArgument, "octet_model_open: the path is NULL"), error), nullptr;
  return Opened(runtime::Model::Open(path), error);
}

OctetModel* octet_model_from_bytes(const void* data, size_t bytes, OctetError* error) {
  return Opened(runtime::Model::FromBytes({static_cast<const std::byte*>(data), data ? bytes : 0}), error);
}

void octet_model_close(OctetModel* model) {
  if (!Open(model)) return;
  model->model = nullptr;
  octet::api::Handles<OctetModel>::Keep(model);
}

int32_t octet_model_num_signatures(const OctetModel* model) { return Open(model) ? static_cast<int32_t>(model->model->signatures().size()) : 0; }

const char* octet_model_signature(const OctetModel* model, int32_t i) {
  return Within(i, octet_model_num_signatures(model)) ? model->model->signatures()[static_cast<size_t>(i)].data() : nullptr;
}

int32_t octet_model_num_subgraphs(const OctetModel* model) { return Open(model) ? model->model->num_subgraphs() : 0; }

int32_t octet_model_signature_subgraph(const OctetModel* model, int32_t i) {
  return Within(i, octet_model_num_signatures(model)) ? ViewOf(model).signatures()[static_cast<size_t>(i)].subgraph : -1;
}

int32_t octet_model_num_tensors(const OctetModel* model, int32_t subgraph) {
  return Within(subgraph, octet_model_num_subgraphs(model)) ? static_cast<int32_t>(ViewOf(model).subgraphs()[static_cast<size_t>(subgraph)].tensors.size())
                                                            : -1;
}

OctetCode octet_model_tensor(const OctetModel* model, int32_t subgraph, int32_t index, OctetTensor* tensor) {
  if (!Within(index, octet_model_num_tensors(model, subgraph))) return OCTET_INVALID_ARGUMENT;
  const auto& t = ViewOf(model).subgraphs()[static_cast<size_t>(subgraph)].tensors[static_cast<size_t>(index)];
  runtime::TensorRef ref{t.name, &t.type, t.signature, nullptr, 0, t.has_constant, t.is_variable};
  if (t.has_constant && t.type.dtype != octet::DType::kString) ref.data = const_cast<std::byte*>(t.constant.data());
  if (!octet::CheckedBytes(t.type.dtype, t.type.shape, &ref.bytes)) ref.bytes = 0;
  return Fill(ref, tensor);
}

OctetInterpreter* octet_interpreter_create(const OctetModel* model, const OctetOptions* options, OctetError* error) {
  if (!model)
    return (void)Report(octet::Error(Code::kInvalidArgument, "octet_interpreter_create: the model is NULL; did octet_model_open fail?"), error), nullptr;
  if (!model->model) return (void)Report(octet::Error(Code::kInvalidArgument, "octet_interpreter_create: the model was closed"), error), nullptr;
  bool closed = false;
  const runtime::Options wanted = ToOptions(options, &closed);
  if (closed) return (void)Report(octet::Error(Code::kInvalidArgument, "octet_interpreter_create: one of its delegates was closed"), error), nullptr;
  auto made = runtime::Interpreter::Create(model->model, wanted);
  (void)Report(made.ok() ? Status() : std::move(made).status(), error);
  if (!made.ok()) return nullptr;
  OctetInterpreter* interpreter = octet::api::Handles<OctetInterpreter>::Make();
  interpreter->interpreter = std::move(*made);
  return interpreter;
}

// A run that goes on is ended first.
void octet_interpreter_close(OctetInterpreter* it) {
  if (!Open(it)) return;
  while (it->busy.exchange(true, std::memory_order_acquire)) {
    it->interpreter->Hold(true);
    std::this_thread::yield();
  }
  it->interpreter = nullptr;
  it->nodes.clear();
  it->delegates.clear();
  it->busy.store(false, std::memory_order_release);
  octet::api::Handles<OctetInterpreter>::Keep(it);
}

int32_t octet_num_inputs(const OctetInterpreter* it) { return Open(it) ? it->interpreter->num_inputs() : 0; }
int32_t octet_num_outputs(const OctetInterpreter* it) { return Open(it) ? it->interpreter->num_outputs() : 0; }
int32_t octet_num_tensors(const OctetInterpreter* it) { return Open(it) ? it->interpreter->num_tensors() : 0; }
int32_t octet_input_index(const OctetInterpreter* it, int32_t i) { return Within(i, octet_num_inputs(it)) ? it->interpreter->input_tensor(i) : -1; }
int32_t octet_output_index(const OctetInterpreter* it, int32_t i) { return Within(i, octet_num_outputs(it)) ? it->interpreter->output_tensor(i) : -1; }
const char* octet_input_key(const OctetInterpreter* it, int32_t i) { return Within(i, octet_num_inputs(it)) ? it->interpreter->input_key(i).data() : nullptr; }
const char* octet_output_key(const OctetInterpreter* it, int32_t i) {
  return Within(i, octet_num_outputs(it)) ? it->interpreter->output_key(i).data() : nullptr;
}

OctetCode octet_input(const OctetInterpreter* it, int32_t i, OctetTensor* tensor) {
  return Within(i, octet_num_inputs(it)) ? Fill(it->interpreter->input(i), tensor) : OCTET_INVALID_ARGUMENT;
}
OctetCode octet_output(const OctetInterpreter* it, int32_t i, OctetTensor* tensor) {
  return Within(i, octet_num_outputs(it)) ? Fill(it->interpreter->output(i), tensor) : OCTET_INVALID_ARGUMENT;
}
OctetCode octet_tensor(const OctetInterpreter* it, int32_t index, OctetTensor* tensor) {
  return Within(index, octet_num_tensors(it)) ? Fill(it->interpreter->tensor(index), tensor) : OCTET_INVALID_ARGUMENT;
}

OctetCode octet_resize_input(OctetInterpreter* it, int32_t i, const int32_t* dims, int32_t rank, OctetError* error) {
  if (rank < 0 || rank > OCTET_MAX_RANK || (rank > 0 && !dims))
    return Report(octet::Error(Code::kInvalidArgument, "input %d: expected 0 to %d dimensions, found %d", i, OCTET_MAX_RANK, rank), error);
  return With(it, error, [&](auto& interpreter) { return interpreter.Resize(i, Shape(std::span(dims, static_cast<size_t>(rank)))); });
}

OctetCode octet_allocate(OctetInterpreter* it, OctetError* error) {
  return With(it, error, [](auto& interpreter) { return interpreter.Allocate(); });
}
OctetCode octet_bind_input(OctetInterpreter* it, int32_t i, void* data, size_t bytes, OctetError* error) {
  return With(it, error, [&](auto& interpreter) {
    if (!Within(i, interpreter.num_inputs()))
      return octet::Error(Code::kInvalidArgument, "there is no input %d; the model has %d", i, interpreter.num_inputs());
    return interpreter.Bind(interpreter.input_tensor(i), static_cast<std::byte*>(data), bytes);
  });
}
OctetCode octet_bind_output(OctetInterpreter* it, int32_t i, void* data, size_t bytes, OctetError* error) {
  return With(it, error, [&](auto& interpreter) {
    if (!Within(i, interpreter.num_outputs()))
      return octet::Error(Code::kInvalidArgument, "there is no output %d; the model has %d", i, interpreter.num_outputs());
    return interpreter.Bind(interpreter.output_tensor(i), static_cast<std::byte*>(data), bytes);
  });
}
int32_t octet_is_static(const OctetInterpreter* it) { return Open(it) && it->interpreter->is_static() ? 1 : 0; }
OctetCode octet_invoke(OctetInterpreter* it, OctetError* error) {
  return With(it, error, [](auto& interpreter) { return interpreter.Invoke(); });
}
void octet_cancel(OctetInterpreter* it) {
  if (Open(it)) it->interpreter->Cancel();
}
void octet_hold(OctetInterpreter* it, int32_t held) {
  if (Open(it)) it->interpreter->Hold(held != 0);
}
OctetCode octet_select(OctetInterpreter* it, const char* signature, OctetError* error) {
  return With(it, error, [&](auto& interpreter) { return interpreter.Select(signature ? signature : ""); });
}
OctetCode octet_set_strings(OctetInterpreter* it, int32_t input, const void* buffer, size_t bytes, OctetError* error) {
  return With(it, error, [&](auto& interpreter) { return interpreter.SetStrings(input, {static_cast<const std::byte*>(buffer), buffer ? bytes : 0}); });
}
OctetCode octet_get_strings(const OctetInterpreter* it, int32_t output, void* buffer, size_t capacity, size_t* bytes, OctetError* error) {
  return With(const_cast<OctetInterpreter*>(it), error, [&](auto& interpreter) {
    auto strings = interpreter.Strings(output);
    if (!strings.ok()) return std::move(strings).status();
    *bytes = strings->size();
    if (buffer && capacity > 0) std::memcpy(buffer, strings->data(), std::min(capacity, strings->size()));
    return Status();
  });
}
OctetCode octet_reset_variables(OctetInterpreter* it, OctetError* error) {
  return With(it, error, [](auto& interpreter) { return interpreter.ResetVariables(); });
}

int32_t octet_num_nodes(const OctetInterpreter* it) { return Open(it) ? it->interpreter->num_nodes() : 0; }

OctetCode octet_node(OctetInterpreter* it, int32_t i, OctetNode* node) {
  if (!Within(i, octet_num_nodes(it))) return OCTET_INVALID_ARGUMENT;
  const runtime::NodeInfo& n = it->nodes[i] = it->interpreter->node(i);
  // Names of operators and kernels are literals of their definitions, so terminated.
  *node = {n.op.data(), n.kernel.data(), n.inputs.data(), n.outputs.data(), static_cast<int32_t>(n.inputs.size()), static_cast<int32_t>(n.outputs.size()),
           n.macs};
  return OCTET_OK;
}
