// SPDX-License-Identifier: Apache-2.0
#include "quantizer/rewrite_graph.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "passes/rewrites.h"
#include "quantizer/quantized_constants.h"
#include "quantizer/reset_states.h"
#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::NodeId;
using graph::TensorId;

// The finest power of two that covers the range in int16; TensorFlow Lite's cells take 2^-15 to 2^-9.
Quant PowerOfTwo(Range r) {
  constexpr int kFinest = -15, kCoarsest = -9;
  int power = kFinest;
  while (power < kCoarsest && std::ldexp(32767.0, power) < static_cast<double>(std::max(-r.min, r.max))) ++power;
  return Quant::PerTensor(static_cast<float>(std::ldexp(1.0, power)), 0);
}

class GraphRewriter {
 public:
  GraphRewriter(const Rewriting& r, int32_t at, const IntegerNodes& nodes, const GraphScales& scales, const Ends* called)
      : g_(r.model.subgraphs[static_cast<size_t>(at)]), signatures_(r.model.signatures), options_(r.options), classes_(r.classes), nodes_(nodes),
        scales_(scales), called_(called), constants_(&g_, r.options) {}

  Status Run() {
    if (called_) TakeInputs();
    for (NodeId id : nodes_.all())
      if (nodes_.has(id)) QuantizeNode(id);
    type_ = nodes_.activation();
    for (NodeId id : nodes_.all()) ReadAsFloat(id);
    for (NodeId id : resets_) OCTET_TRY(PrependReset(g_, id));
    if (called_) HandOutputs();
    else SetOutputs();
    if (!g_.Sort()) return Error(Code::kInvalidModel, "the quantized graph has a cycle");
    g_.RemoveDead();
    if (!resets_.empty())  // Their states may have told a batch.
      for (const NodeId id : g_.order()) OCTET_TRY(graph::InferNode(g_, id));
    return {};
  }

 private:
  Quant ScaleOf(TensorId t) const { return scales_.Of(t, type_); }

  // ------------------------------------------------------------------ nodes

  void QuantizeNode(NodeId id) {
    const graph::Node n = g_.node(id);  // A copy: inputs change below.
    type_ = *nodes_.TypeOf(id);
    WeightedOp weighted;
    const bool has_weights = FindWeights(g_, id, &weighted);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const int operand = static_cast<int>(i);
      if (!IsFloatTensor(g_, n.inputs[i]) || nodes_.HandsFloat(id, i) || (has_weights && (operand == weighted.weights || operand == weighted.bias))) continue;
      const TensorId own = OperandByRule(n, operand);
      g_.SetInput(id, operand, own != graph::kNoTensor ? own : IntegerOperand(n, operand, id));
    }
    AddIntermediates(n, id);
    // Sums of 16 bits whose scales happen to be powers of two would be shifted, which kernels refuse for most of such scales.
    if (bool* shifts = passes::FindAttr<bool>(g_.node(id), "pot_scale_int16"); shifts && type_ == DType::kI16) *shifts = false;
    if (std::ranges::any_of(n.inputs, [&](TensorId t) { return t != graph::kNoTensor && g_.tensor(t).resets; })) resets_.push_back(id);
    if (has_weights) constants_.SetWeights(id, weighted, ScaleOf(n.inputs[weighted.data]).scale0(), type_);
    for (size_t i = 0; i < n.outputs.size(); ++i)
      if (IsFloatTensor(g_, n.outputs[i]) && nodes_.MakesInteger(n.outputs[i])) g_.SetOutput(id, static_cast<int>(i), IntegerOf(n.outputs[i]));
  }

  // Operands whose rule says more than "int8": states, symmetric weights, biases of several products.
  TensorId OperandByRule(const graph::Node& n, int operand) {
    const TensorId t = n.inputs[static_cast<size_t>(operand)];
    const ops::QuantRow* rule = RuleFor(*n.op, operand, type_);
    const graph::Tensor& source = g_.tensor(t);
    if (source.is_variable) return State(t, n, operand, rule);
    if (!rule || !source.constant) return graph::kNoTensor;
    const auto scale = [&](TensorId of, float steps) { return SymmetricScale(g_.tensor(of).data<float>(), steps); };
    if (rule->kind == ops::QuantKind::kSymmetric) return constants_.Symmetric<int8_t>(t, scale(t, kInt8Steps));
    if (rule->kind == ops::QuantKind::kSymmetric16) return constants_.Symmetric<int16_t>(t, scale(t, LevelsOf(DType::kI16).high));
    if (rule->kind == ops::QuantKind::kProductBias)
      return constants_.Symmetric<int32_t>(t, ScaleOf(n.inputs[0]).scale0() * scale(n.inputs[static_cast<size_t>(rule->other)], kInt8Steps));
    return graph::kNoTensor;
  }

  TensorId State(TensorId t, const graph::Node& n, int operand, const ops::QuantRow* rule) {
    const bool cell = rule && rule->kind == ops::QuantKind::kPowerOfTwo16;
    const Quant scale = cell ? PowerOfTwo(scales_.RangeOf(t)) : scales_.Wanted(n, operand, t, type_);
    const TensorId state = g_.AddTensor(g_.tensor(t).name, {QuantizedType(rule, type_), g_.tensor(t).type.shape, scale});
    g_.tensor(state).is_variable = true;
    return state;
  }

  // Tensors that hold nothing but the scales of inner values, where the definition names them.
  void AddIntermediates(const graph::Node& n, NodeId id) {
    int last = -1;
    for (const ops::QuantRow& row : n.op->quantization)
      if (row.operand >= ops::kIntermediate) last = std::max(last, row.operand - ops::kIntermediate);
    std::vector<TensorId> list;
    for (int i = 0; i <= last; ++i) {
      const ops::QuantRow* rule = nullptr;
      for (const ops::QuantRow& row : n.op->quantization)
        if (row.operand == ops::kIntermediate + i) rule = &row;
      const Quant q = rule ? ScaleOf(OperandOf(n, rule->other)) : Quant::PerTensor(1.0f, 0);
      list.push_back(g_.AddTensor(n.place + Format("/intermediate_%d", i), {rule ? DType::kI8 : DType::kI16, Shape{}, q}));
    }
    if (!list.empty()) g_.node(id).intermediates = std::move(list);
  }

  // The integer form of operand i; requantized where the rule, or the called subgraph, wants another scale than the tensor has.
  TensorId IntegerOperand(const graph::Node& n, int operand, NodeId id) {
    const auto call = nodes_.calls().find(id);
    const TensorId t = n.inputs[static_cast<size_t>(operand)];
    return IntegerForm(t, call == nodes_.calls().end() ? scales_.Wanted(n, operand, t, type_) : HandedScale(call->second, operand), n.place, id);
  }

  // That of the subgraphs' input.
  Quant HandedScale(const IntegerCall& call, int operand) const {
    return classes_.Of(call.handed[static_cast<size_t>(operand - call.flow.first)], type_);
  }

  // ------------------------------------------------------------------ tensors

  TensorId IntegerForm(TensorId t, const Quant& wanted, const std::string& place, NodeId before) {
    if (g_.is_constant(t)) return constants_.Activation(t, type_, wanted);
    const TensorId q = IntegerOf(t);
    if (wanted == g_.tensor(q).type.quant) return q;
    const TensorId r = g_.AddTensor(g_.tensor(t).name + "/requantized", {type_, g_.tensor(t).type.shape, wanted});
    Emit("quantize", q, r, place, before);
    return r;
  }

  // The integer twin of a float tensor, made on first use: the producer writes it, or a QUANTIZE does.
  TensorId IntegerOf(TensorId t) {
    if (const auto it = twins_.find({t, type_}); it != twins_.end()) return it->second;
    const graph::Tensor& source = g_.tensor(t);
    const DType first = FirstType(t);
    if (first != type_) return Converted(t, first);
    const bool made = nodes_.MakesInteger(t);
    const bool both = !made || g_.is_output(t) || ReadByFloat(t);
    const std::string name = source.name + (both ? std::string(kInt8Suffix) : std::string());
    const TensorId q = g_.AddTensor(name, {type_, source.type.shape, ScaleOf(t)});
    twins_[{t, type_}] = q;
    first_.try_emplace(t, type_);
    if (!made) EmitEntry(t, q);
    return q;
  }

  // The integer type that the tensor is computed in; the others are made from it. What comes in float becomes
  // whatever is asked for; an integer input of the model has one type.
  DType FirstType(TensorId t) const {
    if (IsInput(g_, t)) return TakesInteger(t) ? nodes_.activation() : type_;
    const NodeId producer = g_.tensor(t).producer;
    if (const auto it = first_.find(t); it != first_.end() && producer < 0) return it->second;
    return nodes_.TypeOf(producer).value_or(type_);
  }

  // Between int8 and int16.
  TensorId Converted(TensorId t, DType from) {
    const DType wanted = std::exchange(type_, from);
    const TensorId first = IntegerOf(t);
    type_ = wanted;
    const TensorId q = g_.AddTensor(g_.tensor(t).name + (wanted == DType::kI16 ? "/to_int16" : "/to_int8"), {wanted, g_.tensor(t).type.shape, ScaleOf(t)});
    twins_[{t, wanted}] = q;
    Emit("quantize", first, q, g_.tensor(t).name, -1);
    return q;
  }

  bool ReadByFloat(TensorId t) const {
    return std::ranges::any_of(g_.tensor(t).consumers, [&](NodeId id) { return nodes_.ReadsFloat(id, t); });
  }

  // Float nodes between integer ones read through a DEQUANTIZE, which a shape does not need.
  void ReadAsFloat(NodeId id) {
    const std::vector<TensorId> inputs = g_.node(id).inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!IsFloatTensor(g_, inputs[i]) || (nodes_.has(id) && !nodes_.HandsFloat(id, i))) continue;
      if (NeedsDequantize(inputs[i]) && ReadsShapeOnly(*g_.node(id).op, static_cast<int>(i))) g_.SetInput(id, static_cast<int>(i), TwinOf(inputs[i]));
      else FloatOf(inputs[i]);
    }
  }

  // The integer tensor that stands for t first of all; none where nothing was quantized.
  TensorId TwinOf(TensorId t) const {
    const auto first = first_.find(t);
    return first == first_.end() ? graph::kNoTensor : twins_.at({t, first->second});
  }

  // Is only its integer twin computed?
  bool NeedsDequantize(TensorId t) const { return TwinOf(t) != graph::kNoTensor && g_.tensor(t).producer < 0 && !IsInput(g_, t); }

  // Makes sure that the float tensor is computed when only its integer twin is.
  void FloatOf(TensorId t) {
    if (NeedsDequantize(t)) Emit("dequantize", TwinOf(t), t, g_.tensor(t).name, -1);
  }

  void Emit(std::string_view op, TensorId from, TensorId to, const std::string& place, NodeId before) {
    const ops::OpDef& def = *ops::Find(op);
    g_.AddNode(def, graph::Attributes(def.attrs), {from}, {to}, place, before);
  }

  // ------------------------------------------------------------------ the graph's ends

  // Is this input of the graph an integer in the end?
  bool TakesInteger(TensorId input) const {
    if (!called_) return options_.inputs != DType::kF32;
    return called_->inputs[static_cast<size_t>(std::ranges::find(g_.inputs, input) - g_.inputs.begin())] >= 0;
  }

  // Into integers: a QUANTIZE behind the float tensor, or, at a model input with integer io, the input itself.
  void EmitEntry(TensorId t, TensorId q) {
    const auto at = std::ranges::find(g_.inputs, t);
    if (at == g_.inputs.end() || !TakesInteger(t)) return Emit("quantize", t, q, g_.tensor(t).name, -1);
    const std::string name = g_.tensor(t).name;
    g_.tensor(t).name += "/float";
    TensorId entry = q;
    if (!called_ && options_.inputs == DType::kU8 && type_ == DType::kI8) entry = Uint8Twin(q, true);
    g_.tensor(entry).name = name;
    *at = entry;
    if (!called_) RenameEntries(t, entry, true);
  }

  // uint8 is int8 with the zero point moved by 128.
  TensorId Uint8Twin(TensorId q, bool before) {
    const graph::Tensor source = g_.tensor(q);  // A copy: adding a tensor may move the others.
    const Quant moved = Quant::PerTensor(source.type.quant.scale0(), source.type.quant.zero0() + 128);
    const TensorId u = g_.AddTensor(source.name + "/uint8", {DType::kU8, source.type.shape, moved});
    if (before) Emit("quantize", u, q, source.name, -1);
    else Emit("quantize", q, u, source.name, -1);
    return u;
  }

  // Of a called graph: whatever is handed over as integers, also what only passes through.
  void TakeInputs() {
    const std::vector<TensorId> inputs = g_.inputs;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (called_->inputs[i] >= 0) IntegerOf(inputs[i]);
  }
  void HandOutputs() {
    const std::vector<TensorId> outputs = g_.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (called_->outputs[i] < 0) FloatOf(outputs[i]);
      else g_.outputs[i] = IntegerForm(outputs[i], classes_.Of(called_->outputs[i], type_), std::string(g_.tensor(outputs[i]).name), -1);
    }
  }

  void SetOutputs() {
    const std::vector<TensorId> outputs = g_.outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const TensorId t = outputs[i];
      if (TwinOf(t) == graph::kNoTensor || options_.outputs == DType::kF32 || !IsFloatTensor(g_, t)) {
        FloatOf(t);
        continue;
      }
      const std::string name = g_.tensor(t).name;
      TensorId end = IntegerOf(t);
      if (options_.outputs == DType::kU8 && type_ == DType::kI8) end = Uint8Twin(end, false);
      g_.tensor(t).name += "/float";
      g_.tensor(end).name = name;
      g_.outputs[i] = end;
      RenameEntries(t, end, false);
    }
  }

  void RenameEntries(TensorId from, TensorId to, bool input) {
    for (graph::Signature& s : signatures_)
      for (graph::SignatureEntry& e : input ? s.inputs : s.outputs)
        if (e.tensor == from) e.tensor = to;
  }

  graph::Graph& g_;
  std::vector<graph::Signature>& signatures_;
  const RewriteOptions& options_;
  ScaleClasses& classes_;
  const IntegerNodes& nodes_;
  const GraphScales& scales_;
  const Ends* const called_;
  QuantizedConstants constants_;
  DType type_ = nodes_.activation();                      // Of the activations of the node at work.
  std::vector<NodeId> resets_;                            // Begin every run anew.
  std::map<std::pair<TensorId, DType>, TensorId> twins_;  // Float tensor -> its integer form.
  std::map<TensorId, DType> first_;                       // The form that it is computed in.
};

}  // namespace

Status RewriteGraph(const Rewriting& rewriting, int32_t at, const IntegerNodes& nodes, const GraphScales& scales, const Ends* called) {
  return GraphRewriter(rewriting, at, nodes, scales, called).Run();
}

}  // namespace octet::quantizer
