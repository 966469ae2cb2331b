// SPDX-License-Identifier: Apache-2.0
#include "tflite_abi/delegate_context.h"

#include <algorithm>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <set>

#include "runtime/partition.h"
#include "tflite_abi/builtin_data.h"
#include "tflite_abi/mirror.h"
#include "tflite_abi/registration.h"

namespace octet::tflite_abi {
namespace {

TfLiteIntArray* ToArray(const std::vector<int>& values) { return ToIntArray(std::span<const int32_t>(values)); }

std::vector<int> ToVector(const TfLiteIntArray* a) { return a ? std::vector<int>(a->data, a->data + a->size) : std::vector<int>(); }

Quant QuantOf(const OctetDelegateTensor& t) {
  Quant q;
  q.scale.assign(t.scales, t.scales + t.num_scales);
  q.zero_point.assign(t.zero_points, t.zero_points + t.num_scales);
  q.axis = t.quantized_dimension;
  return q;
}

// Who reads what the nodes of a list write, in the words of runtime::Partition.
std::vector<std::vector<int>> EdgesOf(const OctetDelegateGraph& graph, const std::vector<int>& nodes) {
  std::vector<std::vector<int>> edges(nodes.size());
  std::vector<int> producer(static_cast<size_t>(graph.num_tensors), -1);
  for (size_t i = 0; i < nodes.size(); ++i) {
    const OctetDelegateNode& n = graph.nodes[nodes[i]];
    for (int32_t k = 0; k < n.num_inputs; ++k)
      if (n.inputs[k] >= 0 && producer[static_cast<size_t>(n.inputs[k])] >= 0)
        edges[static_cast<size_t>(producer[static_cast<size_t>(n.inputs[k])])].push_back(static_cast<int>(i));
    for (int32_t k = 0; k < n.num_outputs; ++k) producer[static_cast<size_t>(n.outputs[k])] = static_cast<int>(i);
  }
  return edges;
}

}  // namespace

void EndsOf(const OctetDelegateGraph& graph, const std::vector<int>& nodes, std::vector<int>* inputs, std::vector<int>* outputs) {
  std::vector<char> inside(static_cast<size_t>(graph.num_nodes)), made(static_cast<size_t>(graph.num_tensors)), read(made.size());
  for (int n : nodes) {
    inside[static_cast<size_t>(n)] = 1;
    for (int32_t k = 0; k < graph.nodes[n].num_outputs; ++k) made[static_cast<size_t>(graph.nodes[n].outputs[k])] = 1;
  }
  for (int32_t i = 0; i < graph.num_outputs; ++i) read[static_cast<size_t>(graph.outputs[i])] = 1;
  std::set<int> in, out;
  for (int32_t n = 0; n < graph.num_nodes; ++n)
    for (int32_t k = 0; k < graph.nodes[n].num_inputs; ++k) {
      const int32_t t = graph.nodes[n].inputs[k];
      if (t < 0) continue;
      if (!inside[static_cast<size_t>(n)]) read[static_cast<size_t>(t)] = 1;
      else if (!made[static_cast<size_t>(t)]) in.insert(t);
    }
  for (int n : nodes)
    for (int32_t k = 0; k < graph.nodes[n].num_outputs; ++k)
      if (read[static_cast<size_t>(graph.nodes[n].outputs[k])]) out.insert(graph.nodes[n].outputs[k]);
  inputs->assign(in.begin(), in.end());
  outputs->assign(out.begin(), out.end());
}

DelegateContext::DelegateContext(TfLiteDelegate* delegate, const OctetDelegateGraph& graph)
    : delegate_(delegate), graph_(graph), claim_of_(static_cast<size_t>(graph.num_nodes), -1) {
  tensors_.reserve(static_cast<size_t>(graph.num_tensors));
  for (int32_t i = 0; i < graph.num_tensors; ++i) AddTensor(graph.tensors[i]);
  std::vector<int> numbers;
  for (int32_t i = 0; i < graph.num_nodes; ++i) {
    const int number = graph.nodes[i].index;
    numbers.push_back(number);
    if (static_cast<size_t>(number) >= position_of_.size()) position_of_.resize(static_cast<size_t>(number) + 1, -1);
    position_of_[static_cast<size_t>(number)] = i;
    AddNode(graph.nodes[i]);
  }
  plan_ = ToArray(numbers);
  SetFunctions();
}

void DelegateContext::SetFunctions() {
  context_.impl_ = this;
  context_.tensors = tensors_.data();
  context_.tensors_size = tensors_.size();
  context_.recommended_num_threads = graph_.threads;
  context_.GetExecutionPlan = GetExecutionPlan;
  context_.GetNodeAndRegistration = GetNodeAndRegistration;
  context_.ReplaceNodeSubsetsWithDelegateKernels = ReplaceNodeSubsets;
  context_.PreviewDelegatePartitioning = PreviewPartitioning;
  context_.ResizeTensor = ResizeTensor;
  context_.ResizeTensorExplicit = ResizeTensorExplicit;
  context_.ReportError = ReportError;
  context_.AddTensors = AddTensors;
  context_.GetTensor = GetTensor;
  context_.AllocatePersistentBuffer = AllocatePersistentBuffer;
}

DelegateContext::~DelegateContext() {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    TfLiteTensor& t = tensors_[i];
    if (t.buffer_handle != kTfLiteNullBufferHandle && t.delegate == delegate_) {
      const TfLiteOpaqueDelegateBuilder* opaque = delegate_->opaque_delegate_builder;
      if (opaque && opaque->FreeBufferHandle) {
        opaque->FreeBufferHandle(reinterpret_cast<TfLiteOpaqueContext*>(&context_), reinterpret_cast<TfLiteOpaqueDelegate*>(delegate_), opaque->data,
                                 &t.buffer_handle);
      } else if (!opaque && delegate_->FreeBufferHandle) {
        delegate_->FreeBufferHandle(&context_, delegate_, &t.buffer_handle);
      }
    }
    const bool own = i >= static_cast<size_t>(graph_.num_tensors) && t.allocation_type == kTfLiteDynamic;
    if (!own) t.allocation_type = kTfLiteMemNone;  // The data are the interpreter's, or the kernel's.
    TfLiteTensorFree(&t);
  }
  for (Node& n : nodes_) {
    for (TfLiteIntArray* a : {n.node.inputs, n.node.outputs, n.node.intermediates, n.node.temporaries}) TfLiteIntArrayFree(a);
    std::free(n.node.builtin_data);
  }
  for (TfLiteDelegateParams& p : preview_)
    for (TfLiteIntArray* a : {p.nodes_to_replace, p.input_tensors, p.output_tensors}) TfLiteIntArrayFree(a);
  TfLiteIntArrayFree(plan_);
}

void DelegateContext::AddTensor(const OctetDelegateTensor& from) {
  TfLiteTensor& t = tensors_.emplace_back();
  t.type = ToTfLiteType(static_cast<DType>(from.type));
  t.dims = ToIntArray(std::span(from.dims, from.rank < 0 ? 0u : static_cast<size_t>(from.rank)));
  t.name = from.name;
  t.bytes = from.bytes;
  t.quantization = ToQuantization(QuantOf(from));
  if (from.num_scales == 1) t.params = {from.scales[0], from.zero_points[0]};
  t.buffer_handle = kTfLiteNullBufferHandle;
  t.allocation_type = from.data ? kTfLiteMmapRo : kTfLiteArenaRw;
  t.data.raw_const = static_cast<const char*>(from.data);
}

void DelegateContext::AddNode(const OctetDelegateNode& from) {
  Node& n = nodes_.emplace_back();
  n.node.inputs = ToIntArray(std::span(from.inputs, static_cast<size_t>(from.num_inputs)));
  n.node.outputs = ToIntArray(std::span(from.outputs, static_cast<size_t>(from.num_outputs)));
  n.node.intermediates = TfLiteIntArrayCreate(0);
  n.node.temporaries = TfLiteIntArrayCreate(0);
  n.node.builtin_data = MakeBuiltinData(from);
  n.node.custom_initial_data = from.options;
  n.node.custom_initial_data_size = static_cast<int>(from.options_bytes);
  n.registration.builtin_code = from.code;
  n.registration.custom_name = from.custom_name;
  n.registration.version = from.version;
}

Status DelegateContext::Prepare() {
  const TfLiteOpaqueDelegateBuilder* opaque = delegate_->opaque_delegate_builder;
  TfLiteStatus status = kTfLiteError;
  if (opaque) {
    if (!opaque->Prepare) return Error(Code::kDelegate, "its builder has no Prepare");
    status = opaque->Prepare(reinterpret_cast<TfLiteOpaqueContext*>(&context_), reinterpret_cast<TfLiteOpaqueDelegate*>(delegate_), opaque->data);
  } else {
    if (!delegate_->Prepare) return Error(Code::kDelegate, "it has no Prepare");
    status = delegate_->Prepare(&context_, delegate_);
  }
  const std::string error = TakeError();
  if (status != kTfLiteOk) return Error(Code::kDelegate, "its Prepare answered %d%s%s", status, error.empty() ? "" : ": ", error.c_str());
  return {};
}

TfLiteStatus DelegateContext::GetExecutionPlan(TfLiteContext* context, TfLiteIntArray** plan) {
  *plan = Of(context).plan_;
  return kTfLiteOk;
}

TfLiteStatus DelegateContext::GetNodeAndRegistration(TfLiteContext* context, int index, TfLiteNode** node, TfLiteRegistration** registration) {
  DelegateContext& self = Of(context);
  const int position = index >= 0 && static_cast<size_t>(index) < self.position_of_.size() ? self.position_of_[static_cast<size_t>(index)] : -1;
  if (position < 0) return kTfLiteError;
  Node& n = self.nodes_[static_cast<size_t>(position)];
  *node = &n.node;
  *registration = &n.registration;
  return kTfLiteOk;
}

bool DelegateContext::PositionsOf(const TfLiteIntArray* nodes, std::vector<int>* positions) const {
  for (int number : ToVector(nodes)) {
    const bool known = number >= 0 && static_cast<size_t>(number) < position_of_.size() && position_of_[static_cast<size_t>(number)] >= 0;
    if (!known) return false;
    positions->push_back(position_of_[static_cast<size_t>(number)]);
  }
  std::ranges::sort(*positions);
  return true;
}

TfLiteStatus DelegateContext::ReplaceNodeSubsets(TfLiteContext* context, TfLiteRegistration registration, const TfLiteIntArray* nodes,
                                                 TfLiteDelegate* delegate) {
  DelegateContext& self = Of(context);
  self.claims_.push_back(registration);
  std::vector<int> positions;
  if (delegate != self.delegate_ || !self.PositionsOf(nodes, &positions)) {
    ReportError(context, "it asked to replace a node that is not in the execution plan");
    return kTfLiteError;
  }
  for (int p : positions) self.claim_of_[static_cast<size_t>(p)] = static_cast<int>(self.claims_.size()) - 1;
  return kTfLiteOk;
}

TfLiteStatus DelegateContext::Replace(TfLiteOperator* op, const TfLiteIntArray* nodes, TfLiteOpaqueDelegate* delegate) {
  operators_.emplace_back(op);
  TfLiteRegistration registration{};
  registration.builtin_code = op->builtin_code;
  registration.custom_name = op->custom_name.c_str();
  registration.version = op->version;
  registration.registration_external = op;
  return ReplaceNodeSubsets(&context_, registration, nodes, reinterpret_cast<TfLiteDelegate*>(delegate));
}

TfLiteOperator* DelegateContext::OperatorOf(int number) {
  TfLiteNode* node = nullptr;
  TfLiteRegistration* r = nullptr;
  if (GetNodeAndRegistration(&context_, number, &node, &r) != kTfLiteOk) return nullptr;
  if (r->registration_external) return r->registration_external;
  auto op = std::make_unique<TfLiteOperator>();
  op->builtin_code = r->builtin_code;
  op->custom_name = r->custom_name ? r->custom_name : "";
  op->version = r->version;
  r->registration_external = op.get();
  operators_.push_back(std::move(op));
  return r->registration_external;
}

TfLiteStatus DelegateContext::PreviewPartitioning(TfLiteContext* context, const TfLiteIntArray* nodes, TfLiteDelegateParams** params, int* count) {
  DelegateContext& self = Of(context);
  std::vector<int> positions, all;
  if (!self.PositionsOf(nodes, &positions)) return kTfLiteError;
  for (int i = 0; i < self.graph_.num_nodes; ++i) all.push_back(i);
  std::vector<bool> taken(all.size());
  for (int p : positions) taken[static_cast<size_t>(p)] = true;
  for (TfLiteDelegateParams& p : self.preview_)
    for (TfLiteIntArray* a : {p.nodes_to_replace, p.input_tensors, p.output_tensors}) TfLiteIntArrayFree(a);
  self.preview_.clear();
  for (const std::vector<int>& part : runtime::Partition(EdgesOf(self.graph_, all)).Cut(taken)) {
    std::vector<int> numbers, inputs, outputs;
    for (int p : part) numbers.push_back(self.graph_.nodes[p].index);
    EndsOf(self.graph_, part, &inputs, &outputs);
    self.preview_.push_back({self.delegate_, ToArray(numbers), ToArray(inputs), ToArray(outputs)});
  }
  *params = self.preview_.data();
  *count = static_cast<int>(self.preview_.size());
  return kTfLiteOk;
}

// The graph's own tensors have the shapes that octet infers; those that the delegate added are its to size.
TfLiteStatus DelegateContext::ResizeTensor(TfLiteContext* context, TfLiteTensor* tensor, TfLiteIntArray* size) {
  const bool same = TfLiteIntArrayEqual(tensor->dims, size);
  if (!same && !Of(context).added(tensor)) {
    TfLiteIntArrayFree(size);
    ReportError(context, "it wants to give tensor '%s' another shape than the operators infer", tensor->name ? tensor->name : "");
    return kTfLiteError;
  }
  if (tensor->dims != size) TfLiteIntArrayFree(tensor->dims);
  tensor->dims = size;
  size_t bytes = 0;
  if (!BytesOf(*tensor, &bytes)) return kTfLiteError;
  if (tensor->allocation_type == kTfLiteDynamic && Of(context).added(tensor)) return TfLiteTensorRealloc(bytes, tensor);
  tensor->bytes = bytes;
  return kTfLiteOk;
}

TfLiteStatus DelegateContext::ResizeTensorExplicit(TfLiteContext* context, TfLiteTensor* tensor, int dims, const int* shape) {
  return ResizeTensor(context, tensor, ToIntArray(std::span(shape, dims > 0 ? static_cast<size_t>(dims) : 0)));
}

void DelegateContext::ReportError(TfLiteContext* context, const char* format, ...) {
  va_list args;
  va_start(args, format);
  AppendReport(&Of(context).error_, format, args);
  va_end(args);
}

TfLiteStatus DelegateContext::AddTensors(TfLiteContext* context, int count, int* first) { return AppendTensors(context, &Of(context).tensors_, count, first); }
TfLiteTensor* DelegateContext::GetTensor(const TfLiteContext* context, int index) { return TensorAt(Of(context).tensors_, index); }
void* DelegateContext::AllocatePersistentBuffer(TfLiteContext* context, size_t bytes) { return Of(context).buffers_.emplace_back(bytes + 1).data(); }

DelegateKernel::DelegateKernel(DelegateContext& context, const OctetDelegatePart& part)
    : context_(context),
      nodes_(part.nodes, part.nodes + part.num_nodes),
      inputs_(part.inputs, part.inputs + part.num_inputs),
      outputs_(part.outputs, part.outputs + part.num_outputs) {
  Cut();
}

void DelegateKernel::Cut() {
  runtime::Partition partition(EdgesOf(context_.graph_, nodes_));
  std::set<int> claims;
  for (int n : nodes_) claims.insert(context_.claim_of(n));
  for (int claim : claims) {
    std::vector<bool> taken;
    for (int n : nodes_) taken.push_back(context_.claim_of(n) == claim);
    for (const std::vector<int>& part : partition.Cut(taken)) partition.Keep(part);
  }
  for (const std::vector<int>& unit : partition.Order()) {
    Unit& u = units_.emplace_back();
    for (int i : unit) u.nodes.push_back(nodes_[static_cast<size_t>(i)]);
    u.claim = context_.claim_of(u.nodes[0]);
    SetEnds(u);
  }
}

void DelegateKernel::SetEnds(Unit& u) {
  std::vector<int> numbers, inputs, outputs;
  for (int n : u.nodes) numbers.push_back(context_.graph_.nodes[n].index);
  EndsOf(context_.graph_, u.nodes, &inputs, &outputs);
  for (int t : outputs)
    if (std::ranges::find(outputs_, t) == outputs_.end()) between_.push_back(t);
  TfLiteDelegate* delegate = context_.delegate_;
  u.params = {delegate, ToArray(numbers), ToArray(inputs), ToArray(outputs)};
  u.opaque_params = {reinterpret_cast<TfLiteOpaqueDelegate*>(delegate), delegate->opaque_delegate_builder ? delegate->opaque_delegate_builder->data : nullptr,
                     u.params.nodes_to_replace, u.params.input_tensors, u.params.output_tensors};
  u.node.inputs = ToArray(inputs);
  u.node.outputs = ToArray(outputs);
  u.node.intermediates = TfLiteIntArrayCreate(0);
  u.node.temporaries = TfLiteIntArrayCreate(0);
  u.node.delegate = delegate;
  u.node.builtin_data = delegate->opaque_delegate_builder ? static_cast<void*>(&u.opaque_params) : &u.params;
}

DelegateKernel::~DelegateKernel() {
  for (Unit& u : units_) {
    if (u.initialized) CallFree(context_.claims_[static_cast<size_t>(u.claim)], &context_.context_, u.node.user_data);
    for (TfLiteIntArray* a :
         {u.params.nodes_to_replace, u.params.input_tensors, u.params.output_tensors, u.node.inputs, u.node.outputs, u.node.intermediates, u.node.temporaries})
      TfLiteIntArrayFree(a);
  }
  for (size_t i = first_added_; i < end_added_; ++i)
    if (context_.tensors_[i].allocation_type != kTfLiteDynamic) context_.tensors_[i].data.data = nullptr;
}

Status DelegateKernel::Failed(const char* what) const {
  const std::string error = context_.TakeError();
  return Error(Code::kDelegate, "%s%s%s", what, error.empty() ? "" : ": ", error.c_str());
}

Status DelegateKernel::Prepare() {
  first_added_ = end_added_ = context_.tensors_.size();
  for (Unit& u : units_) {
    OCTET_TRY(PrepareUnit(u));
    end_added_ = context_.tensors_.size();
  }
  for (size_t i = first_added_; i < end_added_; ++i) OCTET_TRY(Allocate(context_.tensors_[i], static_cast<int>(i)));
  for (int t : between_) OCTET_TRY(Allocate(context_.tensors_[static_cast<size_t>(t)], t));
  return {};
}

Status DelegateKernel::PrepareUnit(Unit& u) {
  const TfLiteRegistration& registration = context_.claims_[static_cast<size_t>(u.claim)];
  u.node.user_data = CallInit(registration, &context_.context_, static_cast<const char*>(u.node.builtin_data), 0);
  if (u.node.user_data == TfLiteKernelInitFailed()) return Failed("its kernel's init failed");
  u.initialized = true;
  if (CallPrepare(registration, &context_.context_, &u.node) != kTfLiteOk) return Failed("its kernel's prepare failed");
  return {};
}

Status DelegateKernel::Allocate(TfLiteTensor& t, int index) {
  if (t.allocation_type == kTfLiteDynamic || t.data.data) return {};  // Its own, or the delegate's memory.
  size_t bytes = 0;
  if (!BytesOf(t, &bytes)) return Error(Code::kDelegate, "tensor %d that it added has no valid type and shape", index);
  t.bytes = bytes;
  t.data.data = memory_.emplace_back(bytes / sizeof(uint64_t) + 1).data();
  return {};
}

// What the delegate keeps on its device comes to the processor's memory when others read it.
Status DelegateKernel::CopyBack(int index) {
  TfLiteTensor& t = context_.tensors_[static_cast<size_t>(index)];
  if (!t.data_is_stale) return {};
  TfLiteDelegate* delegate = context_.delegate_;
  const TfLiteOpaqueDelegateBuilder* opaque = delegate->opaque_delegate_builder;
  TfLiteStatus status = kTfLiteError;
  if (t.buffer_handle == kTfLiteNullBufferHandle) return Error(Code::kDelegate, "it left tensor '%s' on its device without a handle", t.name);
  if (opaque && opaque->CopyFromBufferHandle) {
    status = opaque->CopyFromBufferHandle(reinterpret_cast<TfLiteOpaqueContext*>(&context_.context_), reinterpret_cast<TfLiteOpaqueDelegate*>(delegate),
                                          opaque->data, t.buffer_handle, reinterpret_cast<TfLiteOpaqueTensor*>(&t));
  } else if (!opaque && delegate->CopyFromBufferHandle) {
    status = delegate->CopyFromBufferHandle(&context_.context_, delegate, t.buffer_handle, &t);
  }
  if (status != kTfLiteOk) return Failed("its copy from the device failed");
  t.data_is_stale = false;
  return {};
}

Status DelegateKernel::Run(const void* const* in, void* const* out) {
  std::vector<TfLiteTensor>& tensors = context_.tensors_;
  for (size_t i = 0; i < inputs_.size(); ++i) tensors[static_cast<size_t>(inputs_[i])].data.raw_const = static_cast<const char*>(in[i]);
  for (size_t i = 0; i < outputs_.size(); ++i) tensors[static_cast<size_t>(outputs_[i])].data.data = out[i];
  for (Unit& u : units_)
    if (CallInvoke(context_.claims_[static_cast<size_t>(u.claim)], &context_.context_, &u.node) != kTfLiteOk) return Failed("its kernel's invoke failed");
  for (size_t i = 0; i < outputs_.size(); ++i) {
    OCTET_TRY(CopyBack(outputs_[i]));
    const TfLiteTensor& t = tensors[static_cast<size_t>(outputs_[i])];
    if (t.data.data != out[i]) std::memcpy(out[i], t.data.data, context_.graph_.tensors[outputs_[i]].bytes);  // It moved the tensor to memory of its own.
  }
  return {};
}

}  // namespace octet::tflite_abi
