// SPDX-License-Identifier: Apache-2.0
#include "delegates/flex/flex.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "delegates/flex/tensorflow.h"
#include "ops/flex_util.h"
#include "ops/node_def_util.h"
#include "runtime/shared_model.h"

namespace octet::delegates {
namespace {

struct Known {
  std::string name;
  const TensorFlow* tf;
  ops::OpDef def;
};

// Resources stay TensorFlow's: octet's tensors hold numbers, under which their handles are kept here. The numbers are far from
// those of octet's own resources; they come from data, so every one is looked up.
using Handle = std::shared_ptr<TFE_TensorHandle>;
class Handles {
 public:
  static Handles& Get() {
    static auto& handles = *new Handles;
    return handles;
  }
  ResourceId Reserve() {
    const std::lock_guard lock(mutex_);
    return next_++;
  }
  void Set(ResourceId id, Handle handle) {
    const std::lock_guard lock(mutex_);
    handle.swap(handles_[id]);
  }
  Handle Find(ResourceId id) {
    const std::lock_guard lock(mutex_);
    const auto at = handles_.find(id);
    return at == handles_.end() ? Handle() : at->second;
  }
  void Drop(ResourceId id) {
    const std::lock_guard lock(mutex_);
    handles_.erase(id);
  }

 private:
  std::mutex mutex_;
  ResourceId next_ = 1 << 24;
  std::map<ResourceId, Handle> handles_;
};

struct Operand {
  DType type;
  Shape shape;
  ResourceId resource = -1;  // Of an output that is one.
};
struct Kernel {
  const TensorFlow* tf;
  std::string place;
  ops::NodeDef node;
  std::vector<Operand> inputs, outputs;

  Kernel(const TensorFlow* t, std::string p) : tf(t), place(std::move(p)) {}
  Kernel(const Kernel&) = delete;
  ~Kernel() {
    for (const Operand& o : outputs)
      if (o.resource >= 0) Handles::Get().Drop(o.resource);
  }
};

// A tensor of strings whose characters are its own, however long TensorFlow keeps it.
TF_Tensor* NewStrings(const TensorFlow& tf, const std::vector<int64_t>& dims, const StringRef* strings, size_t count) {
  auto* const list = static_cast<TF_TString*>(std::calloc(count + 1, sizeof(TF_TString)));
  if (!list) return nullptr;
  for (size_t i = 0; i < count; ++i) {
    tf.StringInit(&list[i]);
    tf.StringCopy(&list[i], strings[i].data, strings[i].size);
  }
  const auto free_all = [](void* data, size_t bytes, void* owner) {
    for (size_t k = 0; k < bytes / sizeof(TF_TString); ++k) static_cast<const TensorFlow*>(owner)->StringDealloc(static_cast<TF_TString*>(data) + k);
    std::free(data);
  };
  return tf.NewTensor(ops::TensorFlowNumber(DType::kString), dims.data(), static_cast<int>(dims.size()), list, count * sizeof(TF_TString), free_all,
                      const_cast<TensorFlow*>(&tf));
}

// What one run takes of TensorFlow, given back at its end.
class Call {
 public:
  explicit Call(const Kernel& k) : k_(k), tf_(*k.tf), status_(tf_.NewStatus()) {}
  Call(const Call&) = delete;
  ~Call() {
    for (TFE_TensorHandle* h : handles_)
      if (h) tf_.DeleteTensorHandle(h);
    for (TF_Tensor* t : tensors_) tf_.DeleteTensor(t);
    if (op_) tf_.DeleteOp(op_);
    tf_.DeleteStatus(status_);
  }

  Status Run(const ops::Run& run) {
    op_ = tf_.NewOp(tf_.context, k_.node.op.c_str(), status_);
    OCTET_TRY(Check("TensorFlow does not know it"));
    for (const ops::NodeDef::Attribute& a : k_.node.attributes) {
      if (a.name.starts_with('_')) continue;  // The converter's own notes.
      tf_.SetAttribute(op_, a.name.c_str(), a.value.data(), a.value.size(), status_);
      OCTET_TRY(Check("TensorFlow refuses its attribute"));
    }
    for (size_t i = 0; i < k_.inputs.size(); ++i) OCTET_TRY(AddInput(k_.inputs[i], run.in[i]));
    std::vector<TFE_TensorHandle*> results(k_.outputs.size());
    int count = static_cast<int>(results.size());
    tf_.Execute(op_, results.data(), &count, status_);
    OCTET_TRY(Check("TensorFlow failed"));
    for (int i = 0; i < count; ++i) handles_.push_back(results[static_cast<size_t>(i)]);
    if (count != static_cast<int>(k_.outputs.size()))
      return Error(Code::kInvalidModel, "%s: TensorFlow has %d outputs, the model %zu", k_.place.c_str(), count, k_.outputs.size());
    for (int i = 0; i < count; ++i) OCTET_TRY(TakeOutput(i, results[static_cast<size_t>(i)], run));
    return {};
  }

 private:
  Status Check(const char* what) const {
    if (tf_.GetCode(status_) == 0) return {};
    return Error(Code::kInvalidArgument, "%s (%s): %s: %s", k_.node.op.c_str(), k_.place.c_str(), what, tf_.Message(status_));
  }

  Status AddResource(const std::byte* data) {
    ResourceId id = 0;
    std::memcpy(&id, data, sizeof id);
    resources_.push_back(Handles::Get().Find(id));
    if (!resources_.back()) return Error(Code::kInvalidArgument, "%s (%s): its resource is none of TensorFlow's", k_.node.op.c_str(), k_.place.c_str());
    tf_.AddInput(op_, resources_.back().get(), status_);
    return Check("TensorFlow refuses a resource");
  }

  Status AddInput(const Operand& operand, const std::byte* data) {
    std::vector<int64_t> dims(operand.shape.dims().begin(), operand.shape.dims().end());
    uint64_t bytes = 0;
    if (!CheckedBytes(operand.type, operand.shape, &bytes)) return Error(Code::kOutOfMemory, "%s: an input is too large", k_.place.c_str());
    if (operand.type == DType::kResource) return AddResource(data);
    const bool text = operand.type == DType::kString;
    TF_Tensor* tensor = text ? NewStrings(tf_, dims, reinterpret_cast<const StringRef*>(data), static_cast<size_t>(operand.shape.elements()))
                             : tf_.AllocateTensor(ops::TensorFlowNumber(operand.type), dims.data(), static_cast<int>(dims.size()), bytes);
    if (!tensor)
      return Error(Code::kOutOfMemory, "%s: TensorFlow has no memory for an input of %llu bytes", k_.place.c_str(), static_cast<unsigned long long>(bytes));
    tensors_.push_back(tensor);
    if (bytes > 0 && !text) std::memcpy(tf_.TensorData(tensor), data, bytes);
    TFE_TensorHandle* handle = tf_.NewTensorHandle(tensor, status_);
    if (handle) handles_.push_back(handle);
    OCTET_TRY(Check("TensorFlow refuses an input"));
    tf_.AddInput(op_, handle, status_);
    return Check("TensorFlow refuses an input");
  }

  // The handle of a resource is kept until the node makes the next one.
  Status TakeResource(int i, const ops::Run& run) {
    const ResourceId id = k_.outputs[static_cast<size_t>(i)].resource;
    TFE_TensorHandle*& handle = handles_[handles_.size() - k_.outputs.size() + static_cast<size_t>(i)];
    Handles::Get().Set(id, Handle(std::exchange(handle, nullptr), tf_.DeleteTensorHandle));
    OCTET_ASSIGN(std::byte* const room, run.host->SetOutput(i, Shape{}));
    std::memcpy(room, &id, sizeof id);
    return {};
  }

  Status TakeStrings(const TF_Tensor* tensor, size_t count, const ops::Run& run, StringRef* to) {
    const auto* from = static_cast<const TF_TString*>(tf_.TensorData(tensor));
    for (size_t k = 0; k < count; ++k) {
      const size_t size = tf_.StringSize(&from[k]);
      OCTET_ASSIGN(char* const room, run.host->Characters(size));
      if (size > 0) std::memcpy(room, tf_.StringData(&from[k]), size);
      to[k] = {room, size};
    }
    return {};
  }

  Status TakeOutput(int i, TFE_TensorHandle* handle, const ops::Run& run) {
    if (k_.outputs[static_cast<size_t>(i)].type == DType::kResource) return TakeResource(i, run);
    TF_Tensor* tensor = tf_.Resolve(handle, status_);
    if (tensor) tensors_.push_back(tensor);
    OCTET_TRY(Check("TensorFlow does not give an output"));
    const Operand& operand = k_.outputs[static_cast<size_t>(i)];
    Shape shape;
    const int rank = tf_.NumDims(tensor);
    bool fits = rank <= kMaxRank && tf_.TensorType(tensor) == ops::TensorFlowNumber(operand.type);
    for (int d = 0; fits && d < rank; ++d) {
      fits = tf_.Dim(tensor, d) <= INT32_MAX;
      shape.push_back(static_cast<int32_t>(tf_.Dim(tensor, d)));
    }
    uint64_t bytes = 0;
    const bool text = operand.type == DType::kString, countable = fits && CheckedBytes(operand.type, shape, &bytes);
    const auto count = static_cast<size_t>(countable ? shape.elements() : 0);
    if (!countable || (text ? count * sizeof(TF_TString) : bytes) != tf_.TensorByteSize(tensor))
      return Error(Code::kInvalidModel, "%s (%s): TensorFlow's output %d is not of the type that the model declares", k_.node.op.c_str(), k_.place.c_str(), i);
    OCTET_ASSIGN(std::byte* const room, run.host->SetOutput(i, shape));
    if (text) return TakeStrings(tensor, count, run, reinterpret_cast<StringRef*>(room));
    if (bytes > 0) std::memcpy(room, tf_.TensorData(tensor), bytes);
    return {};
  }

  const Kernel& k_;
  const TensorFlow& tf_;
  TF_Status* status_;
  TFE_Op* op_ = nullptr;
  std::vector<TF_Tensor*> tensors_;
  std::vector<TFE_TensorHandle*> handles_;
  std::vector<Handle> resources_;
};

struct Params {
  Kernel* kernel;
};

Status Prepare(ops::Prepare& p) {
  auto* params = p.Params<Params>();
  params->kernel = new Kernel(static_cast<const Known*>(p.op.def->self)->tf, std::string(p.op.place));
  p.Keep(params->kernel, [](void* kernel) { delete static_cast<Kernel*>(kernel); });
  Kernel& k = *params->kernel;
  if (!ops::ReadNodeDef(p.op.custom_options, &k.node)) return p.op.Fail(Code::kInvalidModel, "its options hold no NodeDef of TensorFlow");
  for (const auto& [list, to] : {std::pair(p.op.inputs, &k.inputs), std::pair(p.op.outputs, &k.outputs)})
    for (const TensorType* t : list) {
      if (!t) return p.op.Fail(Code::kInvalidModel, "an operand is absent");
      if (ops::TensorFlowNumber(t->dtype) == 0 || t->dtype == DType::kVariant)
        return p.op.Fail(Code::kUnsupported, "octet hands TensorFlow no %s", std::string(NumpyName(t->dtype)).c_str());
      to->push_back({t->dtype, t->shape});
      if (to == &k.outputs && t->dtype == DType::kResource) to->back().resource = Handles::Get().Reserve();
    }
  p.SetRun([](const void* q, const ops::Run& run) { return Call(*static_cast<const Params*>(q)->kernel).Run(run); }, params);
  return {};
}
constexpr ops::Variant kVariants[] = {{.name = "flex", .prepare = Prepare}};
constexpr ops::OpKernel kKernel = {.variants = kVariants};

Status RegisterFlex(const std::string& name, const TensorFlow* tf) {
  static std::mutex mutex;
  static auto& known = *new std::deque<Known>;  // For the rest of the process.
  const std::lock_guard lock(mutex);
  if (ops::Find(ops::BuiltinCode::kCustom, name)) return {};
  Known& k = known.emplace_back(Known{name, tf, {}});
  k.def.name = k.name;
  ops::DefineFlex(&k.def);
  k.def.traits |= ops::kSideEffects;
  k.def.self = &k;
  return ops::Register(&k.def, &kKernel);
}

}  // namespace

Result<FlexModel> WithFlexOps(std::shared_ptr<const runtime::Model> model, const std::string& library) {
  std::map<std::string, int> names;
  for (const tflite::SubgraphInfo& g : static_cast<const runtime::SharedModel&>(*model).view().subgraphs())
    for (const tflite::OperatorInfo& op : g.operators)
      if (op.is_custom && op.code_name.starts_with("Flex") && !ops::HasOwnKernel(op.code_name)) ++names[std::string(op.code_name)];
  const char* environment = std::getenv("OCTET_TENSORFLOW");
  const std::string path = !library.empty() ? library : environment ? environment : "";
  if (names.empty() || path.empty()) return FlexModel{std::move(model), {}};
  OCTET_ASSIGN(const TensorFlow* const tf, TensorFlow::Load(path));
  std::string list;
  for (const auto& [name, count] : names) {
    OCTET_TRY(RegisterFlex(name, tf));
    list += (list.empty() ? "" : ", ") + name + Format(" (%d)", count);
  }
  OCTET_ASSIGN(model, runtime::Model::Reopen(std::move(model)));
  return FlexModel{std::move(model), "TensorFlow ('" + path + "') computes " + list +
                                         ": its library is hundreds of megabytes, every call copies operands to and fro, and memory behind them is placed while the model runs"};
}

}  // namespace octet::delegates
