// SPDX-License-Identifier: Apache-2.0
#include "runtime/interpreter.h"

#include <algorithm>
#include <map>

#include "base/built.h"
#include "base/strings.h"
#include "runtime/context.h"
#include "runtime/foreign_op.h"
#include "runtime/plan.h"
#include "runtime/shadow.h"

namespace octet::runtime {
namespace {

// The first type of its outputs that the operator is not built for, or nothing.
std::string_view TypeLeftOut(const tflite::SubgraphInfo& g, const tflite::OperatorInfo& op) {
  for (const int32_t t : op.outputs)
    if (t >= 0 && !Builds(op.op->name, Name(g.tensors[static_cast<size_t>(t)].type.dtype))) return Name(g.tensors[static_cast<size_t>(t)].type.dtype);
  return {};
}

// All operators that octet lacks, at once, with counts.
Status CheckOperators(const tflite::View& view) {
  std::map<std::string, int> missing;
  for (const tflite::SubgraphInfo& g : view.subgraphs())
    for (const tflite::OperatorInfo& op : g.operators) {
      if (!op.op) ++missing[std::string(op.code_name) + (op.lacks ? std::string(" with ") + op.lacks : "")];
      else if (const std::string_view type = TypeLeftOut(g, op); !type.empty())
        ++missing[std::string(op.code_name) + " of " + std::string(type) + ", left out of this build,"];
    }
  if (missing.empty()) return {};
  if (const auto edgetpu = missing.find("edgetpu-custom-op"); edgetpu != missing.end()) return NeedsEdgeTpu(edgetpu->second);
  std::string list;
  const bool flex = std::ranges::all_of(missing, [](const auto& m) { return m.first.starts_with("Flex"); });
  for (const auto& [name, count] : missing) list += (list.empty() ? "" : ", ") + name + Format(" (%d)", count);
  if (flex)
    return Error(Code::kUnsupported,
                 "these operators are TensorFlow's own: %s; they need its library: --delegate \"flex;library=.../tensorflow/libtensorflow_cc.so.2\", "
                 "or the same path in OCTET_TENSORFLOW. Better: convert without SELECT_TF_OPS", list.c_str());
  return Error(Code::kUnsupported, "octet has no kernel for these operators: %s", list.c_str());
}

struct End {
  int tensor;
  std::string_view key;  // The signature's name for it; terminated.
};

class Runner : public Interpreter {
 public:
  static Result<std::unique_ptr<Interpreter>> Make(std::shared_ptr<const SharedModel> model, Options options) {
    OCTET_TRY(CheckOperators(model->view()));
    std::unique_ptr<Runner> runner(new Runner(model, options));
    OCTET_TRY(runner->Select(options.signature));
    if (options.delegates.shadow.share > 0) {
      OCTET_ASSIGN(runner->shadow_, ShadowCheck::Make(model, options));
    }
    return std::unique_ptr<Interpreter>(std::move(runner));
  }

  Status Select(std::string_view key) override {
    const tflite::View& view = context_.model->view();
    const tflite::SignatureInfo* signature = nullptr;
    for (const tflite::SignatureInfo& s : view.signatures())
      if (s.key == key) signature = &s;
    if (!signature && !key.empty()) {
      std::string keys;
      for (const tflite::SignatureInfo& s : view.signatures()) keys += " " + std::string(s.key);
      return Error(Code::kInvalidArgument, "there is no signature '%s'; the model has:%s", std::string(key).c_str(), keys.empty() ? " none" : keys.c_str());
    }
    Entry& entry = entries_[std::string(key)];
    if (!entry.plan) Fill(entry, signature);
    entry_ = &entry;
    key_ = key;
    return {};
  }

  int num_inputs() const override { return static_cast<int>(entry_->inputs.size()); }
  int num_outputs() const override { return static_cast<int>(entry_->outputs.size()); }
  TensorRef input(int i) const override { return tensor(entry_->inputs[i].tensor); }
  TensorRef output(int i) const override { return tensor(entry_->outputs[i].tensor); }
  int input_tensor(int i) const override { return entry_->inputs[i].tensor; }
  int output_tensor(int i) const override { return entry_->outputs[i].tensor; }
  std::string_view input_key(int i) const override { return entry_->inputs[i].key; }
  std::string_view output_key(int i) const override { return entry_->outputs[i].key; }

  int FindInput(std::string_view name) const override {
    for (size_t i = 0; i < entry_->inputs.size(); ++i)
      if (entry_->inputs[i].key == name || graph().tensors[entry_->inputs[i].tensor].name == name) return static_cast<int>(i);
    for (const tflite::SignatureInfo& s : context_.model->view().signatures()) {
      for (const tflite::SignatureInfo::Entry& e : s.inputs)
        if (e.name == name && s.subgraph == entry_->subgraph)
          for (size_t i = 0; i < entry_->inputs.size(); ++i)
            if (entry_->inputs[i].tensor == e.tensor) return static_cast<int>(i);
    }
    return -1;
  }

  Status Resize(int input, const Shape& shape) override {
    if (input < 0 || input >= num_inputs()) return Error(Code::kInvalidArgument, "there is no input %d; the model has %d", input, num_inputs());
    for (int32_t d : shape.dims())
      if (d < 0) return Error(Code::kInvalidArgument, "input %d: the shape %s has a negative dimension", input, shape.text().c_str());
    Shape& current = entry_->wanted[PositionInGraph(entry_->inputs[input].tensor)].shape;
    if (!(current == shape)) entry_->allocated = false;
    current = shape;
    return {};
  }

  Status Allocate() override {
    if (entry_->allocated) return {};
    context_.Renew();
    context_.resources.RestartGenerators();
    std::vector<Shape> shapes;
    for (const TensorType& type : entry_->wanted) shapes.push_back(type.shape);
    OCTET_TRY(plan().Build(shapes));
    entry_->allocated = true;
    entry_->computed = false;
    return {};
  }

  Status InvokeFrom(int node) override {
    if (!entry_->computed) return Error(Code::kInvalidArgument, "call Invoke before InvokeFrom");
    context_.Renew();
    return plan().RunFrom(node, pool_, observer_);
  }

  Status Bind(int tensor, std::byte* memory, uint64_t bytes) override {
    if (!entry_->allocated) return Error(Code::kInvalidArgument, "call Allocate before memory of your own is bound");
    if (tensor < 0 || tensor >= num_tensors()) return Error(Code::kInvalidArgument, "there is no tensor %d; the model has %d", tensor, num_tensors());
    if (memory && std::ranges::count(entry_->outputs, tensor, &End::tensor) > 1)
      return Error(Code::kUnsupported, "tensor %d is several outputs at once: it cannot lie in the memory of one", tensor);
    return plan().BindExternal(tensor, memory, bytes);
  }

  Status Invoke() override {
    if (!entry_->allocated) return Error(Code::kInvalidArgument, "call Allocate before Invoke");
    for (auto& [_, entry] : entries_) entry.computed = false;  // Their strings go.
    context_.Renew();
    context_.strings.Clear();
    context_.cancelled &= ~Context::kCancelled;
    OCTET_TRY(plan().Run(pool_, observer_));
    entry_->computed = true;
    return shadow_ && shadow_->Due() ? Compare() : Status();
  }

  Status ResetVariables() override {
    for (auto& [_, entry] : entries_)
      if (entry.plan) entry.plan->ResetVariables();
    context_.ResetVariables();
    return {};
  }

  Status Restart() override {
    context_.resources.ForgetVariables();
    context_.resources.RestartGenerators();
    return ResetVariables();
  }

  void Cancel() override { context_.cancelled |= Context::kCancelled; }
  void Hold(bool held) override {
    if (held) context_.cancelled |= Context::kHeld;
    else context_.cancelled &= ~Context::kHeld;
  }

  Status SetStrings(int input, std::span<const std::byte> buffer) override {
    if (input < 0 || input >= num_inputs()) return Error(Code::kInvalidArgument, "there is no input %d; the model has %d", input, num_inputs());
    const TensorRef to = this->input(input);
    if (!entry_->allocated || to.type->dtype != DType::kString) return Error(Code::kInvalidArgument, "input %d is not an allocated tensor of strings", input);
    if (!IsStringBuffer(buffer, to.type->shape.elements()))
      return Error(Code::kInvalidArgument, "input %d: the buffer does not hold %lld strings", input, static_cast<long long>(to.type->shape.elements()));
    std::vector<std::byte>& kept = entry_->strings[static_cast<size_t>(input)];
    kept.assign(buffer.begin(), buffer.end());
    ReadStrings(kept, reinterpret_cast<StringRef*>(plan().tensors()[entry_->inputs[input].tensor].data));
    return {};
  }

  Result<std::vector<std::byte>> Strings(int output) const override {
    if (output < 0 || output >= num_outputs()) return Error(Code::kInvalidArgument, "there is no output %d; the model has %d", output, num_outputs());
    const TensorRef from = this->output(output);
    if (!entry_->computed || from.type->dtype != DType::kString) return Error(Code::kInvalidArgument, "output %d is not a computed tensor of strings", output);
    return WriteStrings({reinterpret_cast<const StringRef*>(plan().tensors()[entry_->outputs[output].tensor].data),
                         static_cast<size_t>(from.type->shape.elements())});
  }

  int num_tensors() const override { return static_cast<int>(graph().tensors.size()); }
  TensorRef tensor(int i) const override {
    const tflite::TensorInfo& info = graph().tensors[i];
    TensorRef ref{info.name, &info.type, info.signature, nullptr, 0, info.has_constant, info.is_variable};
    if (const size_t input = entry_->allocated ? SIZE_MAX : PositionInGraph(i); input < entry_->wanted.size()) ref.type = &entry_->wanted[input];
    if (info.type.dtype == DType::kString) {  // References: not for others' hands.
      if (entry_->allocated) ref.type = &plan().tensors()[i].type;
      return ref;
    }
    if (!entry_->allocated) {
      uint64_t bytes = 0;
      if (CheckedBytes(ref.type->dtype, ref.type->shape, &bytes)) ref.bytes = bytes;
      return ref;
    }
    const TensorState& t = plan().tensors()[i];
    ref.type = &t.type;
    ref.data = t.data;
    ref.bytes = t.bytes;
    return ref;
  }

  int num_nodes() const override { return static_cast<int>(graph().operators.size()); }
  NodeInfo node(int i) const override {
    const tflite::OperatorInfo& op = graph().operators[i];
    NodeInfo info{op.op->name, "folded", "", {op.inputs.begin(), op.inputs.end()}, {op.outputs.begin(), op.outputs.end()}, 0, 0};
    if (!op.outputs.empty()) info.place = graph().tensors[op.outputs[0]].name;
    if (!entry_->allocated) return info;
    const NodeGroup* group = nullptr;
    for (const Step& step : plan().steps())
      if (step.node == i) info.kernel = step.variant->name, group = step.group;
    if (plan().fused(i)) info.kernel = "fused";
    if (const DelegatePart* part = plan().part_of(i)) info.kernel = part->variant.name;
    if (info.kernel == "folded" || info.kernel == "fused") return info;  // It takes no time; what fuses it has its work.
    const ops::Cost cost = group ? plan().CostOf(*group) : plan().CostOf(i);
    info.macs = cost.macs;
    info.bytes = cost.bytes;
    return info;
  }

  bool is_static() const override { return entry_->allocated && plan().is_static(); }
  MemoryUse memory() const override {
    MemoryUse use = context_.memory();
    use.arena_bytes += plan().memory().arena_bytes;
    use.lower_bound_bytes += plan().memory().lower_bound_bytes;
    return use;
  }
  void AddDelegate(std::shared_ptr<const Delegate> delegate) override {
    context_.options.delegates.list.push_back(std::move(delegate));
    context_.delegate_failures.emplace_back();
    for (auto& [_, entry] : entries_) entry.allocated = false;
  }
  std::vector<DelegateDetails> delegates() const override { return entry_->allocated ? plan().delegate_details() : std::vector<DelegateDetails>(); }
  const std::vector<std::pair<int, std::string>>& delegate_failures() const override { return plan().delegate_failures(); }
  ShadowReport shadow() const override { return shadow_ ? shadow_->report() : ShadowReport(); }
  std::vector<DelegateTiming> delegate_timings() const override { return plan().delegate_timings(); }
  void SetObserver(Observer* observer) override {
    observer_ = observer;
    context_.call_observer = observer && observer->WatchesCalls() ? observer : nullptr;
  }

 private:
  // A signature, or subgraph 0: with a plan of its own.
  struct Entry {
    int subgraph = 0;
    std::unique_ptr<Plan> plan;
    std::vector<End> inputs, outputs;
    std::vector<TensorType> wanted;               // Of inputs in graph order: with the shapes that are asked for.
    std::vector<std::vector<std::byte>> strings;  // Per input: the characters that were set.
    bool allocated = false;
    bool computed = false;  // The last Invoke went well.
  };

  Runner(std::shared_ptr<const SharedModel> model, const Options& options) : context_(std::move(model), options), pool_(options.threads) {}

  void Fill(Entry& entry, const tflite::SignatureInfo* signature) {
    entry.subgraph = signature ? signature->subgraph : 0;
    entry.plan = std::make_unique<Plan>(context_, entry.subgraph, Plan::Use::kEntry);
    const tflite::SubgraphInfo& g = entry.plan->graph();
    for (int32_t t : g.inputs) entry.wanted.push_back(g.tensors[t].type);
    if (signature) {
      for (const auto& e : signature->inputs) entry.inputs.push_back({e.tensor, e.name});
      for (const auto& e : signature->outputs) entry.outputs.push_back({e.tensor, e.name});
    } else {
      for (int32_t t : g.inputs) entry.inputs.push_back({t, ""});
      for (int32_t t : g.outputs) entry.outputs.push_back({t, ""});
    }
    entry.strings.resize(entry.inputs.size());
  }

  Status Compare() {
    if (shadow_->report().switched_off) return {};
    std::string failed;
    OCTET_TRY(shadow_->Compare(*this, key_, &failed));
    if (failed.empty()) return {};
    for (std::string& off : context_.delegate_failures) off = failed;
    for (auto& [_, entry] : entries_)
      if (entry.allocated) OCTET_TRY(entry.plan->HandBackAll(failed));
    return {};
  }

  Plan& plan() const { return *entry_->plan; }
  const tflite::SubgraphInfo& graph() const { return entry_->plan->graph(); }
  size_t PositionInGraph(int tensor) const {
    return static_cast<size_t>(std::ranges::find(graph().inputs, tensor) - graph().inputs.begin());
  }

  Context context_;
  ThreadPool pool_;
  std::map<std::string, Entry, std::less<>> entries_;  // By signature.
  Entry* entry_ = nullptr;
  std::string key_;  // The entry's.
  std::unique_ptr<ShadowCheck> shadow_;
  Observer* observer_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Interpreter>> Interpreter::Create(std::shared_ptr<const Model> model, Options options) {
  if (!options.delegates.list.empty()) {
    OCTET_ASSIGN(model, AdmitForeignOps(std::move(model)));
  }
  return Runner::Make(std::static_pointer_cast<const SharedModel>(std::move(model)), std::move(options));
}

}  // namespace octet::runtime
