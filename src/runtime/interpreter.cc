// SPDX-License-Identifier: Apache-2.0
#include "runtime/interpreter.h"

#include <algorithm>
#include <map>

#include "runtime/plan.h"

namespace octet::runtime {
namespace {

// All operators that octet lacks, at once, with counts.
Status CheckOperators(const tflite::SubgraphInfo& g) {
  std::map<std::string, int> missing;
  for (const tflite::OperatorInfo& op : g.operators)
    if (!op.op) ++missing[std::string(op.code_name)];
  if (missing.empty()) return {};
  std::string list;
  for (const auto& [name, count] : missing) list += (list.empty() ? "" : ", ") + name + Format(" (%d)", count);
  return Error(Code::kUnsupported, "octet has no kernel for these operators: %s", list.c_str());
}

struct End {
  int tensor;
  std::string_view key;  // The signature's name for it; terminated.
};

class Runner : public Interpreter {
 public:
  static Result<std::unique_ptr<Interpreter>> Make(std::shared_ptr<const SharedModel> model, Options options) {
    const tflite::View& view = model->view();
    const tflite::SignatureInfo* signature = nullptr;
    for (const tflite::SignatureInfo& s : view.signatures())
      if (s.key == options.signature) signature = &s;
    if (!signature && !options.signature.empty()) {
      std::string keys;
      for (const tflite::SignatureInfo& s : view.signatures()) keys += " " + std::string(s.key);
      return Error(Code::kInvalidArgument, "there is no signature '%s'; the model has:%s", options.signature.c_str(), keys.empty() ? " none" : keys.c_str());
    }
    const int subgraph = signature ? signature->subgraph : 0;
    if (signature)
      for (const tflite::SignatureInfo::Entry& e : signature->inputs)
        if (std::ranges::find(view.subgraphs()[subgraph].inputs, e.tensor) == view.subgraphs()[subgraph].inputs.end())
          return Error(Code::kInvalidModel, "signature '%s': '%s' is not an input of its subgraph", options.signature.c_str(), std::string(e.name).c_str());
    OCTET_TRY(CheckOperators(view.subgraphs()[subgraph]));
    return std::unique_ptr<Interpreter>(new Runner(std::move(model), subgraph, signature, options));
  }

  int num_inputs() const override { return static_cast<int>(inputs_.size()); }
  int num_outputs() const override { return static_cast<int>(outputs_.size()); }
  TensorRef input(int i) const override { return tensor(inputs_[i].tensor); }
  TensorRef output(int i) const override { return tensor(outputs_[i].tensor); }
  int input_tensor(int i) const override { return inputs_[i].tensor; }
  int output_tensor(int i) const override { return outputs_[i].tensor; }
  std::string_view input_key(int i) const override { return inputs_[i].key; }
  std::string_view output_key(int i) const override { return outputs_[i].key; }

  int FindInput(std::string_view name) const override {
    for (size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i].key == name || graph_.tensors[inputs_[i].tensor].name == name) return static_cast<int>(i);
    for (const tflite::SignatureInfo& s : model_->view().signatures()) {
      for (const tflite::SignatureInfo::Entry& e : s.inputs)
        if (e.name == name && s.subgraph == subgraph_)
          for (size_t i = 0; i < inputs_.size(); ++i)
            if (inputs_[i].tensor == e.tensor) return static_cast<int>(i);
    }
    return -1;
  }

  Status Resize(int input, const Shape& shape) override {
    if (input < 0 || input >= num_inputs()) return Error(Code::kInvalidArgument, "there is no input %d; the model has %d", input, num_inputs());
    for (int32_t d : shape.dims())
      if (d < 0) return Error(Code::kInvalidArgument, "input %d: the shape %s has a negative dimension", input, shape.text().c_str());
    Shape& current = shapes_[PositionInGraph(inputs_[input].tensor)];
    if (!(current == shape)) allocated_ = false;
    current = shape;
    return {};
  }

  Status Allocate() override {
    if (allocated_) return {};
    OCTET_TRY(plan_.Build(shapes_));
    allocated_ = true;
    return {};
  }

  Status Invoke() override {
    if (!allocated_) return Error(Code::kInvalidArgument, "call Allocate before Invoke");
    return plan_.Run(pool_, observer_);
  }

  Status ResetVariables() override {
    plan_.ResetVariables();
    return {};
  }

  int num_tensors() const override { return static_cast<int>(graph_.tensors.size()); }
  TensorRef tensor(int i) const override {
    const tflite::TensorInfo& info = graph_.tensors[i];
    TensorRef ref{info.name, &info.type, info.signature, nullptr, 0, info.has_constant, info.is_variable};
    if (!allocated_) {
      uint64_t bytes = 0;
      if (CheckedBytes(info.type.dtype, info.type.shape, &bytes)) ref.bytes = bytes;
      return ref;
    }
    const TensorState& t = plan_.tensors()[i];
    ref.type = &t.type;
    ref.data = t.data;
    ref.bytes = t.bytes;
    return ref;
  }

  int num_nodes() const override { return static_cast<int>(graph_.operators.size()); }
  NodeInfo node(int i) const override {
    const tflite::OperatorInfo& op = graph_.operators[i];
    NodeInfo info{op.op->name, "folded", "", op.inputs, op.outputs, 0, 0};
    if (!op.outputs.empty()) info.place = graph_.tensors[op.outputs[0]].name;
    if (!allocated_) return info;
    for (const Step& step : plan_.steps())
      if (step.node == i) info.kernel = step.variant->name;
    if (info.kernel == "folded") return info;
    std::vector<const TensorType*> in, out;
    std::vector<const std::byte*> constants;
    for (int32_t t : op.inputs) {
      in.push_back(t < 0 ? nullptr : &plan_.tensors()[t].type);
      constants.push_back(t >= 0 && plan_.tensors()[t].known() ? plan_.tensors()[t].data : nullptr);
    }
    for (int32_t t : op.outputs) out.push_back(&plan_.tensors()[t].type);
    const ops::Cost cost = ops::CostOf({op.op, info.place, in, out, constants, op.attributes.data()});
    info.macs = cost.macs;
    info.bytes = cost.bytes;
    return info;
  }

  bool is_static() const override { return allocated_ && plan_.is_static(); }
  MemoryUse memory() const override { return plan_.memory(); }
  void SetObserver(Observer* observer) override { observer_ = observer; }

 private:
  Runner(std::shared_ptr<const SharedModel> model, int subgraph, const tflite::SignatureInfo* signature, const Options& options)
      : model_(std::move(model)), subgraph_(subgraph), graph_(model_->view().subgraphs()[subgraph]), plan_(model_, subgraph, options), pool_(options.threads) {
    for (int32_t t : graph_.inputs) shapes_.push_back(graph_.tensors[t].type.shape);
    if (signature) {
      for (const auto& e : signature->inputs) inputs_.push_back({e.tensor, e.name});
      for (const auto& e : signature->outputs) outputs_.push_back({e.tensor, e.name});
    } else {
      for (int32_t t : graph_.inputs) inputs_.push_back({t, ""});
      for (int32_t t : graph_.outputs) outputs_.push_back({t, ""});
    }
  }

  size_t PositionInGraph(int tensor) const {
    return static_cast<size_t>(std::ranges::find(graph_.inputs, tensor) - graph_.inputs.begin());
  }

  std::shared_ptr<const SharedModel> model_;
  const int subgraph_;
  const tflite::SubgraphInfo& graph_;
  Plan plan_;
  ThreadPool pool_;
  std::vector<End> inputs_, outputs_;
  std::vector<Shape> shapes_;  // Wanted, in graph order.
  bool allocated_ = false;
  Observer* observer_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Interpreter>> Interpreter::Create(std::shared_ptr<const Model> model, Options options) {
  return Runner::Make(std::static_pointer_cast<const SharedModel>(std::move(model)), std::move(options));
}

}  // namespace octet::runtime
