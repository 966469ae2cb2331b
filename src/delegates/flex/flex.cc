// SPDX-License-Identifier: Apache-2.0
#include "delegates/flex/flex.h"

#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <vector>

#include "delegates/flex/node_def.h"
#include "delegates/flex/tensorflow.h"
#include "ops/flex_util.h"
#include "runtime/shared_model.h"

namespace octet::delegates {
namespace {

struct Known {
  std::string name;
  const TensorFlow* tf;
  ops::OpDef def;
};

struct Operand {
  DType type;
  Shape shape;
};
struct Kernel {
  const TensorFlow* tf;
  std::string place;
  NodeDef node;
  std::vector<Operand> inputs, outputs;
};

// What one run takes of TensorFlow, given back at its end.
class Call {
 public:
  explicit Call(const Kernel& k) : k_(k), tf_(*k.tf), status_(tf_.NewStatus()) {}
  Call(const Call&) = delete;
  ~Call() {
    for (TFE_TensorHandle* h : handles_) tf_.DeleteTensorHandle(h);
    for (TF_Tensor* t : tensors_) tf_.DeleteTensor(t);
    if (op_) tf_.DeleteOp(op_);
    tf_.DeleteStatus(status_);
  }

  Status Run(const ops::Run& run) {
    op_ = tf_.NewOp(tf_.context, k_.node.op.c_str(), status_);
    OCTET_TRY(Check("TensorFlow does not know it"));
    for (const NodeDef::Attribute& a : k_.node.attributes) {
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
    if (count != static_cast<int>(k_.outputs.size())) return Error(Code::kInvalidModel, "%s: TensorFlow has %d outputs, the model %zu", k_.place.c_str(), count, k_.outputs.size());
    for (int i = 0; i < count; ++i) OCTET_TRY(TakeOutput(i, results[static_cast<size_t>(i)], run));
    return {};
  }

 private:
  Status Check(const char* what) const {
    if (tf_.GetCode(status_) == 0) return {};
    return Error(Code::kInvalidArgument, "%s (%s): %s: %s", k_.node.op.c_str(), k_.place.c_str(), what, tf_.Message(status_));
  }

  Status AddInput(const Operand& operand, const std::byte* data) {
    std::vector<int64_t> dims(operand.shape.dims().begin(), operand.shape.dims().end());
    uint64_t bytes = 0;
    if (!CheckedBytes(operand.type, operand.shape, &bytes)) return Error(Code::kOutOfMemory, "%s: an input is too large", k_.place.c_str());
    TF_Tensor* tensor = tf_.AllocateTensor(ToTensorFlow(operand.type), dims.data(), static_cast<int>(dims.size()), bytes);
    if (!tensor) return Error(Code::kOutOfMemory, "%s: TensorFlow has no memory for an input of %llu bytes", k_.place.c_str(), static_cast<unsigned long long>(bytes));
    tensors_.push_back(tensor);
    if (bytes > 0) std::memcpy(tf_.TensorData(tensor), data, bytes);
    TFE_TensorHandle* handle = tf_.NewTensorHandle(tensor, status_);
    if (handle) handles_.push_back(handle);
    OCTET_TRY(Check("TensorFlow refuses an input"));
    tf_.AddInput(op_, handle, status_);
    return Check("TensorFlow refuses an input");
  }

  Status TakeOutput(int i, TFE_TensorHandle* handle, const ops::Run& run) {
    TF_Tensor* tensor = tf_.Resolve(handle, status_);
    if (tensor) tensors_.push_back(tensor);
    OCTET_TRY(Check("TensorFlow does not give an output"));
    const Operand& operand = k_.outputs[static_cast<size_t>(i)];
    Shape shape;
    const int rank = tf_.NumDims(tensor);
    bool fits = rank <= kMaxRank && tf_.TensorType(tensor) == ToTensorFlow(operand.type);
    for (int d = 0; fits && d < rank; ++d) {
      fits = tf_.Dim(tensor, d) <= INT32_MAX;
      shape.push_back(static_cast<int32_t>(tf_.Dim(tensor, d)));
    }
    uint64_t bytes = 0;
    if (!fits || !CheckedBytes(operand.type, shape, &bytes) || bytes != tf_.TensorByteSize(tensor))
      return Error(Code::kInvalidModel, "%s (%s): TensorFlow's output %d is not of the type that the model declares", k_.node.op.c_str(), k_.place.c_str(), i);
    OCTET_ASSIGN(std::byte* const room, run.host->SetOutput(i, shape));
    if (bytes > 0) std::memcpy(room, tf_.TensorData(tensor), bytes);
    return {};
  }

  const Kernel& k_;
  const TensorFlow& tf_;
  TF_Status* status_;
  TFE_Op* op_ = nullptr;
  std::vector<TF_Tensor*> tensors_;
  std::vector<TFE_TensorHandle*> handles_;
};

struct Params {
  Kernel* kernel;
};

Status Prepare(ops::Prepare& p) {
  auto* params = p.Params<Params>();
  params->kernel = new Kernel{static_cast<const Known*>(p.op.def->self)->tf, std::string(p.op.place), {}, {}, {}};
  p.Keep(params->kernel, [](void* kernel) { delete static_cast<Kernel*>(kernel); });
  Kernel& k = *params->kernel;
  if (!ReadNodeDef(p.op.custom_options, &k.node)) return p.op.Fail(Code::kInvalidModel, "its options hold no NodeDef of TensorFlow");
  for (const auto& [list, to] : {std::pair(p.op.inputs, &k.inputs), std::pair(p.op.outputs, &k.outputs)})
    for (const TensorType* t : list) {
      if (!t) return p.op.Fail(Code::kInvalidModel, "an operand is absent");
      if (ToTensorFlow(t->dtype) == 0) return p.op.Fail(Code::kUnsupported, "octet hands TensorFlow no %s", std::string(NumpyName(t->dtype)).c_str());
      to->push_back({t->dtype, t->shape});
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
      if (op.is_custom && op.code_name.starts_with("Flex")) ++names[std::string(op.code_name)];
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
