// SPDX-License-Identifier: Apache-2.0
#include "quantizer/rewrite.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <tuple>
#include <utility>

#include "quantizer/reset_states.h"
#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kSmallestWeightScale = 1e-12f;
constexpr size_t kFewestSteps = 3;             // Uses of one weight tensor that make it a recurrent layer.
constexpr double kLargestBias = 1073741823.0;  // INT32_MAX / 2: sums on top must not overflow.

class Rewriter {
 public:
  Rewriter(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options)
      : options_(options), ranges_(ranges) {
    out_.model = model;
  }

  Result<Rewritten> Run() {
    Graph& g = graph();
    const std::vector<NodeId> nodes = g.order();
    ChooseNodes(nodes);
    ChooseScales(nodes);
    for (NodeId id : nodes)
      if (Quantized(id)) OCTET_TRY(QuantizeNode(id));
    act_ = options_.activation;
    for (NodeId id : nodes)
      if (!Quantized(id)) ReadAsFloat(id);
    for (NodeId id : resets_) OCTET_TRY(PrependReset(graph(), id));
    SetOutputs();
    if (!g.Sort()) return Error(Code::kInvalidModel, "the quantized graph has a cycle");
    g.RemoveDead();
    return std::move(out_);
  }

 private:
  Graph& graph() { return out_.model.main(); }
  const Graph& graph() const { return out_.model.main(); }

  bool IsFloatTensor(TensorId t) const { return t != graph::kNoTensor && graph().tensor(t).type.dtype == DType::kF32; }

  void ChooseNodes(const std::vector<NodeId>& nodes) {
    for (NodeId id : nodes) {
      const graph::Node& n = graph().node(id);
      const bool touches_float = std::ranges::any_of(n.outputs, [&](TensorId t) { return IsFloatTensor(t); });
      if (!touches_float) continue;
      const std::string *kept = Reason(n, options_.keep_float), *wide = Reason(n, options_.int16);
      const DType type = wide ? DType::kI16 : options_.activation;
      if (!kept && HasIntegerForm(graph(), id, type) && HasRanges(id)) {
        types_[id] = type;
        if (wide) Note(id, *wide, &out_.int16_nodes);
      } else {
        Note(id, kept ? *kept : type == DType::kI8 ? "has no int8 kernel" : "has no int16 kernel", &out_.float_nodes);
      }
    }
  }

  bool Quantized(NodeId id) const { return types_.contains(id); }

  // Why a node is in the list; null where it is not.
  const std::string* Reason(const graph::Node& n, const std::map<std::string, std::string>& list) const {
    const auto it = list.find(graph().tensor(n.outputs[0]).name);
    return it == list.end() ? nullptr : &it->second;
  }

  void Note(NodeId id, const std::string& reason, std::vector<FloatNode>* list) const {
    const graph::Node& n = graph().node(id);
    const graph::NodeView lens(graph(), id);
    const ops::Cost cost = ops::CostOf(lens.view());
    list->push_back({n.place, std::string(n.op->name), reason, graph().tensor(n.outputs[0]).name, cost.macs, cost.bytes});
  }

  bool HasRanges(NodeId id) const {
    const graph::Node& n = graph().node(id);
    for (TensorId t : n.outputs)
      if (IsFloatTensor(t) && !ranges_.contains(graph().tensor(t).name)) return false;
    return true;
  }

  // ------------------------------------------------------------------ scales of activations
  // Tensors that must share a scale form a class; a class takes the union of its members' ranges.

  TensorId Find(TensorId t) {
    while (class_[t] != t) t = class_[t] = class_[class_[t]];
    return t;
  }

  Range RangeOf(TensorId t) const {
    const graph::Tensor& tensor = graph().tensor(t);
    if (const auto it = ranges_.find(tensor.name); it != ranges_.end()) return it->second;
    Range r;
    if (tensor.constant) {
      for (float v : tensor.data<float>()) {
        if (!std::isfinite(v)) continue;  // A pad of minus infinity is clamped, not a range.
        r.min = std::min(r.min, v);
        r.max = std::max(r.max, v);
      }
    }
    return r;
  }

  TensorId OperandOf(const graph::Node& n, int operand) const { return operand < 0 ? n.outputs[~operand] : n.inputs[operand]; }

  void ChooseScales(const std::vector<NodeId>& nodes) {
    class_.resize(graph().tensors().size());
    std::iota(class_.begin(), class_.end(), 0);
    for (size_t i = 0; i < class_.size(); ++i)
      if (const auto t = static_cast<TensorId>(i); IsFloatTensor(t)) unions_[t] = RangeOf(t);
    for (NodeId id : nodes)
      if (Use(id)) NoteFixed(id);
    // What has no fixed scale first: whether a fixed one covers a class shows when the class is whole.
    for (const bool fixed_too : {false, true})
      for (NodeId id : nodes)
        if (Use(id)) JoinSameScales(id, fixed_too);
    JoinSteps(nodes);
    act_ = options_.activation;
    std::set<TensorId> fixed;
    for (const auto& [of, scale] : scales_)
      if (of.second == act_) fixed.insert(Find(of.first));
    ReportClasses(fixed);
  }

  // From here on, "the" integer type is that of the node; false where it has none.
  bool Use(NodeId id) {
    const auto it = types_.find(id);
    if (it != types_.end()) act_ = it->second;
    return it != types_.end();
  }

  void ReportClasses(const std::set<TensorId>& fixed) {
    std::map<TensorId, ScaleClass> by_root;
    const auto quantized = [&](NodeId id) { return Quantized(id); };
    for (size_t i = 0; i < class_.size(); ++i) {
      const auto t = static_cast<TensorId>(i);
      const graph::Tensor& tensor = graph().tensor(t);
      if (!IsFloatTensor(t) || tensor.constant || (!quantized(tensor.producer) && std::ranges::none_of(tensor.consumers, quantized))) continue;
      ScaleClass& c = by_root[Find(t)];
      c.tensors.push_back(tensor.name);
      c.quant = ScaleOf(t);
      c.fixed = fixed.contains(Find(t));
    }
    for (auto& [root, c] : by_root) out_.classes.push_back(std::move(c));
  }

  void NoteFixed(NodeId id) {
    const graph::Node& n = graph().node(id);
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const ops::QuantRow* rule = RuleFor(*n.op, ~static_cast<int>(i), act_);
      if (rule && rule->kind == ops::QuantKind::kFixed) scales_[{n.outputs[i], act_}] = Quant::PerTensor(rule->fixed_scale, rule->fixed_zero_point);
    }
  }

  void JoinSameScales(NodeId id, bool fixed_too) {
    const graph::Node& n = graph().node(id);
    const auto join = [&](int operand) {
      const ops::QuantRow* rule = RuleFor(*n.op, operand, act_);
      if (!rule || rule->kind != ops::QuantKind::kSameAs) return;
      const TensorId a = OperandOf(n, operand), b = OperandOf(n, rule->other);
      if (IsFloatTensor(a) && IsFloatTensor(b) && (fixed_too || (!HasFixed(a) && !HasFixed(b)))) Unite(a, b);
    };
    for (size_t i = 0; i < n.inputs.size(); ++i) join(static_cast<int>(i));
    for (size_t i = 0; i < n.outputs.size(); ++i) join(~static_cast<int>(i));
  }

  // An unrolled recurrent layer repeats its step: the nodes from one use of the same weights to the next. What the
  // same node makes in every step gets one scale, as the fused operators have it, so that the steps share their
  // biases and the file its tables.
  void JoinSteps(const std::vector<NodeId>& nodes) {
    std::map<TensorId, std::vector<size_t>> uses;  // Weights -> positions in the order of execution.
    WeightedOp op;
    for (size_t k = 0; k < nodes.size(); ++k)
      if (Quantized(nodes[k]) && FindWeights(graph(), nodes[k], &op)) uses[graph().node(nodes[k]).inputs[op.weights]].push_back(k);
    for (const auto& [weights, at] : uses)
      for (size_t i = 1; at.size() >= kFewestSteps && i < at.size(); ++i) JoinStep(nodes, at[0], at[i], std::min(at[1] - at[0], nodes.size() - at[i]));
  }

  void JoinStep(const std::vector<NodeId>& nodes, size_t first, size_t other, size_t length) {
    WeightedOp op;
    FindWeights(graph(), nodes[first], &op);
    if (!Use(nodes[first]) || types_[nodes[other]] != act_) return;
    Unite(graph().node(nodes[first]).inputs[op.data], graph().node(nodes[other]).inputs[op.data]);
    for (size_t k = 0; k < length; ++k) {
      const graph::Node &a = graph().node(nodes[first + k]), &b = graph().node(nodes[other + k]);
      if (a.op != b.op || a.place != b.place || a.outputs.size() != b.outputs.size() || !SameType(nodes[first + k], nodes[other + k])) return;
      for (size_t i = 0; i < a.outputs.size(); ++i)
        if (IsFloatTensor(a.outputs[i])) Unite(a.outputs[i], b.outputs[i]);
    }
  }

  bool SameType(NodeId a, NodeId b) const {
    const auto of_a = types_.find(a), of_b = types_.find(b);
    return of_a != types_.end() && of_b != types_.end() && of_a->second == of_b->second;
  }

  // A fixed scale wins over a chosen one; two different fixed ones stay apart and meet in a requantize.
  void Unite(TensorId a, TensorId b) {
    a = Find(a);
    b = Find(b);
    if (a == b) return;
    for (DType type : {DType::kI8, DType::kI16}) {
      const auto of_a = scales_.find({a, type}), of_b = scales_.find({b, type});
      const bool fixed_a = of_a != scales_.end(), fixed_b = of_b != scales_.end();
      if (fixed_a && fixed_b && !(of_a->second == of_b->second)) return;
      if (fixed_a && !Covers(of_a->second, type, unions_[b])) return;
      if (fixed_b && !Covers(of_b->second, type, unions_[a])) return;
    }
    const bool to_b = scales_.contains({b, act_});
    const TensorId root = to_b ? b : a, joined = to_b ? a : b;
    class_[joined] = root;
    unions_[root] = {std::min(unions_[a].min, unions_[b].min), std::max(unions_[a].max, unions_[b].max)};
    for (DType type : {DType::kI8, DType::kI16})
      if (const auto it = scales_.find({joined, type}); it != scales_.end()) scales_.try_emplace({root, type}, it->second);
  }

  bool HasFixed(TensorId t) {
    const TensorId root = Find(t);
    return scales_.contains({root, DType::kI8}) || scales_.contains({root, DType::kI16});
  }

  static bool Covers(const Quant& q, DType type, Range r) {
    const float low = q.scale0() * (Low(type) - static_cast<float>(q.zero0())), high = q.scale0() * (High(type) - static_cast<float>(q.zero0()));
    return r.min >= low - q.scale0() && r.max <= high + q.scale0();
  }

  Quant ScaleOf(TensorId t) {
    const TensorId root = Find(t);
    const auto [it, fresh] = scales_.try_emplace({root, act_});
    if (fresh) it->second = ActivationQuant(act_, unions_.contains(root) ? unions_[root] : RangeOf(t));
    return it->second;
  }

  // ------------------------------------------------------------------ nodes

  Status QuantizeNode(NodeId id) {
    const graph::Node n = graph().node(id);  // A copy: inputs change below.
    Use(id);
    WeightedOp weighted;
    const bool has_weights = FindWeights(graph(), id, &weighted);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const int operand = static_cast<int>(i);
      if (!IsFloatTensor(n.inputs[i]) || (has_weights && (operand == weighted.weights || operand == weighted.bias))) continue;
      const TensorId own = OperandByRule(n, operand);
      graph().SetInput(id, operand, own != graph::kNoTensor ? own : Int8Operand(n, operand, id));
    }
    AddIntermediates(n, id);
    if (std::ranges::any_of(n.inputs, [&](TensorId t) { return t != graph::kNoTensor && graph().tensor(t).resets; })) resets_.push_back(id);
    if (has_weights) OCTET_TRY(QuantizeWeights(id, weighted, ScaleOf(n.inputs[weighted.data]).scale0()));
    for (size_t i = 0; i < n.outputs.size(); ++i)
      if (IsFloatTensor(n.outputs[i])) graph().SetOutput(id, static_cast<int>(i), Int8Of(n.outputs[i]));
    return {};
  }

  // ------------------------------------------------------------------ recurrent operators

  // Operands whose rule says more than "int8": states, symmetric weights, biases of several products.
  TensorId OperandByRule(const graph::Node& n, int operand) {
    const TensorId t = n.inputs[static_cast<size_t>(operand)];
    const ops::QuantRow* rule = RuleFor(*n.op, operand, act_);
    const graph::Tensor& source = graph().tensor(t);
    if (source.is_variable) {
      const bool cell = rule && rule->kind == ops::QuantKind::kPowerOfTwo16;
      const TensorId state = graph().AddTensor(source.name, {QuantizedType(rule, act_), source.type.shape, cell ? PowerOfTwo(RangeOf(t)) : WantedScale(n, operand, t)});
      graph().tensor(state).is_variable = true;
      return state;
    }
    if (!rule || !source.constant) return graph::kNoTensor;
    if (rule->kind == ops::QuantKind::kSymmetric) return Rounded<int8_t>(t, SymmetricScale(t, 127));
    if (rule->kind == ops::QuantKind::kSymmetric16) return Rounded<int16_t>(t, SymmetricScale(t, 32767));
    if (rule->kind == ops::QuantKind::kProductBias)
      return Rounded<int32_t>(t, ScaleOf(n.inputs[0]).scale0() * SymmetricScale(n.inputs[static_cast<size_t>(rule->other)], 127));
    return graph::kNoTensor;
  }

  float SymmetricScale(TensorId t, float steps) const {
    float most = 0;
    for (float v : graph().tensor(t).data<float>()) most = std::max(most, std::abs(v));
    return std::max(most / steps, kSmallestWeightScale);
  }

  template <class T> TensorId Rounded(TensorId t, float scale) {
    constexpr double kMost = static_cast<double>(std::numeric_limits<T>::max());
    std::vector<T> values;
    for (float v : graph().tensor(t).data<float>()) values.push_back(static_cast<T>(std::clamp(std::round(static_cast<double>(v) / static_cast<double>(scale)), -kMost, kMost)));
    return Constant(t, {DTypeOf<T>, graph().tensor(t).type.shape, Quant::PerTensor(scale, 0)}, std::as_bytes(std::span(values)));
  }

  // The finest power of two that covers the range in int16; TensorFlow Lite's cells take 2^-15 to 2^-9.
  static Quant PowerOfTwo(Range r) {
    constexpr int kFinest = -15, kCoarsest = -9;
    int power = kFinest;
    while (power < kCoarsest && std::ldexp(32767.0, power) < static_cast<double>(std::max(-r.min, r.max))) ++power;
    return Quant::PerTensor(static_cast<float>(std::ldexp(1.0, power)), 0);
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
      list.push_back(graph().AddTensor(n.place + Format("/intermediate_%d", i), {rule ? DType::kI8 : DType::kI16, Shape{}, q}));
    }
    if (!list.empty()) graph().node(id).intermediates = std::move(list);
  }

  // The int8 form of operand i; requantized where the rule wants another scale than the tensor has.
  TensorId Int8Operand(const graph::Node& n, int operand, NodeId id) {
    const TensorId t = n.inputs[operand];
    if (graph().is_constant(t)) return Int8Constant(t, WantedScale(n, operand, t));
    const TensorId q = Int8Of(t);
    const Quant wanted = WantedScale(n, operand, t);
    if (wanted == graph().tensor(q).type.quant) return q;
    const TensorId r = graph().AddTensor(graph().tensor(t).name + "/requantized", {act_, graph().tensor(t).type.shape, wanted});
    Emit("quantize", q, r, n.place, id);
    return r;
  }

  Quant WantedScale(const graph::Node& n, int operand, TensorId t) {
    const ops::QuantRow* rule = RuleFor(*n.op, operand, act_);
    if (rule && rule->kind == ops::QuantKind::kSameAs) return ScaleOf(OperandOf(n, rule->other));
    for (size_t i = 0; i < n.outputs.size(); ++i) {
      const ops::QuantRow* out = RuleFor(*n.op, ~static_cast<int>(i), act_);
      if (out && out->kind == ops::QuantKind::kSameAs && out->other == operand) return ScaleOf(n.outputs[i]);
    }
    return ScaleOf(t);
  }

  // The integer twin of a float tensor, made on first use: the producer writes it, or a QUANTIZE does.
  TensorId Int8Of(TensorId t) {
    if (const auto it = twins_.find({t, act_}); it != twins_.end()) return it->second;
    const graph::Tensor& source = graph().tensor(t);
    const DType first = FirstType(t);
    if (first != act_) return Converted(t, first);
    const NodeId producer = source.producer;
    const bool both = producer < 0 || !Quantized(producer) || graph().is_output(t) || ReadByFloat(t);
    const std::string name = source.name + (both ? std::string(kInt8Suffix) : std::string());
    const TensorType type{act_, source.type.shape, ScaleOf(t)};
    const TensorId q = graph().AddTensor(name, type);
    twins_[{t, act_}] = q;
    first_.try_emplace(t, act_);
    if (producer < 0 || !Quantized(producer)) EmitEntry(t, q);
    return q;
  }

  // The integer type that the tensor is computed in; the others are made from it. What comes in float becomes
  // whatever is asked for; an integer input of the model has one type.
  DType FirstType(TensorId t) const {
    if (std::ranges::find(graph().inputs, t) != graph().inputs.end()) return options_.inputs != DType::kF32 ? options_.activation : act_;
    const NodeId producer = graph().tensor(t).producer;
    if (const auto it = first_.find(t); it != first_.end() && producer < 0) return it->second;
    const auto type = types_.find(producer);
    return type == types_.end() ? act_ : type->second;
  }

  // Between int8 and int16.
  TensorId Converted(TensorId t, DType from) {
    const DType wanted = std::exchange(act_, from);
    const TensorId first = Int8Of(t);
    act_ = wanted;
    const TensorId q = graph().AddTensor(graph().tensor(t).name + (wanted == DType::kI16 ? "/to_int16" : "/to_int8"), {wanted, graph().tensor(t).type.shape, ScaleOf(t)});
    twins_[{t, wanted}] = q;
    Emit("quantize", first, q, graph().tensor(t).name, -1);
    return q;
  }

  bool ReadByFloat(TensorId t) const {
    return std::ranges::any_of(graph().tensor(t).consumers, [&](NodeId id) { return !Quantized(id); });
  }

  // Into int8: a QUANTIZE behind the float tensor, or, at a model input with integer io, the input itself.
  void EmitEntry(TensorId t, TensorId q) {
    auto& inputs = graph().inputs;
    const auto at = std::ranges::find(inputs, t);
    if (at == inputs.end() || options_.inputs == DType::kF32) {
      Emit("quantize", t, q, graph().tensor(t).name, -1);
      return;
    }
    const std::string name = graph().tensor(t).name;
    graph().tensor(t).name += "/float";
    TensorId entry = q;
    if (options_.inputs == DType::kU8 && act_ == DType::kI8) entry = Uint8Twin(q, true);
    graph().tensor(entry).name = name;
    *at = entry;
    RenameEntries(t, entry, true);
  }

  // uint8 is int8 with the zero point moved by 128.
  TensorId Uint8Twin(TensorId q, bool before) {
    const graph::Tensor source = graph().tensor(q);  // A copy: adding a tensor may move the others.
    const TensorId u = graph().AddTensor(source.name + "/uint8", {DType::kU8, source.type.shape, Quant::PerTensor(source.type.quant.scale0(), source.type.quant.zero0() + 128)});
    if (before) Emit("quantize", u, q, source.name, -1);
    else Emit("quantize", q, u, source.name, -1);
    return u;
  }

  void Emit(std::string_view op, TensorId from, TensorId to, const std::string& place, NodeId before) {
    const ops::OpDef& def = *ops::Find(op);
    graph().AddNode(def, graph::Attributes(def.attrs), {from}, {to}, place, before);
  }

  // Float nodes between int8 ones read through a DEQUANTIZE.
  void ReadAsFloat(NodeId id) {
    const std::vector<TensorId> inputs = graph().node(id).inputs;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (IsFloatTensor(inputs[i])) FloatOf(inputs[i]);
  }

  // The integer tensor that stands for t first of all; none where nothing was quantized.
  TensorId TwinOf(TensorId t) const {
    const auto first = first_.find(t);
    return first == first_.end() ? graph::kNoTensor : twins_.at({t, first->second});
  }

  // Makes sure that the float tensor is computed when only its integer twin is.
  void FloatOf(TensorId t) {
    const TensorId twin = TwinOf(t);
    if (twin == graph::kNoTensor || graph().tensor(t).producer >= 0 || std::ranges::find(graph().inputs, t) != graph().inputs.end()) return;
    Emit("dequantize", twin, t, graph().tensor(t).name, -1);
  }

  void SetOutputs() {
    const std::vector<TensorId> outputs = graph().outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      const TensorId t = outputs[i];
      if (TwinOf(t) == graph::kNoTensor || options_.outputs == DType::kF32 || !IsFloatTensor(t)) {
        FloatOf(t);
        continue;
      }
      const std::string name = graph().tensor(t).name;
      TensorId end = Int8Of(t);
      if (options_.outputs == DType::kU8 && act_ == DType::kI8) end = Uint8Twin(end, false);
      graph().tensor(t).name += "/float";
      graph().tensor(end).name = name;
      graph().outputs[i] = end;
      RenameEntries(t, end, false);
    }
  }

  void RenameEntries(TensorId from, TensorId to, bool input) {
    for (graph::Signature& s : out_.model.signatures)
      for (graph::SignatureEntry& e : input ? s.inputs : s.outputs)
        if (e.tensor == from) e.tensor = to;
  }

  // ------------------------------------------------------------------ constants

  TensorId Int8Constant(TensorId t, const Quant& q) { return act_ == DType::kI8 ? RoundedTo<int8_t>(t, q) : RoundedTo<int16_t>(t, q); }

  template <class T> TensorId RoundedTo(TensorId t, const Quant& q) {
    const graph::Tensor& source = graph().tensor(t);
    std::vector<T> values;
    for (float v : source.data<float>()) {
      const float x = std::round(v / q.scale0()) + static_cast<float>(q.zero0());
      values.push_back(static_cast<T>(std::clamp(std::isnan(x) ? 0.0f : x, Low(act_), High(act_))));
    }
    return Constant(t, {act_, source.type.shape, q}, std::as_bytes(std::span(values)));
  }

  static float Low(DType type) { return type == DType::kI8 ? -128.0f : -32767.0f; }
  static float High(DType type) { return type == DType::kI8 ? 127.0f : 32767.0f; }

  Status QuantizeWeights(NodeId id, const WeightedOp& op, float input_scale) {
    const graph::Node& n = graph().node(id);
    const graph::Tensor& w = graph().tensor(n.inputs[op.weights]);
    const std::span<const float> values = w.data<float>();
    const Shape shape = w.type.shape;
    const ChannelLayout layout(shape, op.output_axis);
    const bool per_tensor = options_.OneScale(shape);
    const DType dtype = TakesInt4(graph(), id, options_.int4, act_) ? DType::kI4 : DType::kI8;
    const float steps = dtype == DType::kI4 ? kInt4Steps : kInt8Steps;
    Quant q{WeightScales(values, layout, dtype == DType::kI4), std::vector<int32_t>(static_cast<size_t>(layout.channels), 0), op.output_axis, 0};
    if (per_tensor) std::ranges::fill(q.scale, std::ranges::max(q.scale));

    const TensorId bias = op.bias >= 0 ? n.inputs[op.bias] : graph::kNoTensor;
    if (bias != graph::kNoTensor) RaiseForBias(graph().tensor(bias).data<float>(), input_scale, per_tensor, q);
    std::vector<int8_t> quantized = WeightSteps(values, layout, q.scale, steps);
    const Quant stored = per_tensor ? Quant::PerTensor(q.scale[0], 0) : q;
    const TensorId weights = n.inputs[op.weights];
    if (bias != graph::kNoTensor) QuantizeBias(id, op.bias, input_scale, per_tensor, q);
    if (dtype == DType::kI4) quantized = Pack4(quantized);
    graph().SetInput(id, op.weights, Constant(weights, {dtype, shape, stored}, std::as_bytes(std::span(quantized))));
    return {};
  }

  // The quantized form of a constant. Uses that agree on the scales share one tensor: an unrolled recurrent
  // layer reads the same weights in every step.
  TensorId Constant(TensorId from, const TensorType& type, std::span<const std::byte> bytes) {
    const auto [it, fresh] = constants_.try_emplace({from, type.quant.scale, type.quant.zero0()}, graph::kNoTensor);
    if (fresh) it->second = graph().AddConstant(graph().tensor(from).name, type, graph::MakeBuffer(bytes));
    return it->second;
  }

  // A bias beyond INT32_MAX / 2 steps raises its channel's weight scale (dead channels after folding).
  void RaiseForBias(std::span<const float> bias, float input_scale, bool per_tensor, Quant& q) const {
    if (act_ == DType::kI16) return;  // 64 bits hold any.
    for (size_t c = 0; c < bias.size(); ++c) {
      const double least = std::abs(static_cast<double>(bias[c])) / kLargestBias / static_cast<double>(input_scale);
      if (static_cast<double>(q.scale[c]) < least) q.scale[c] = static_cast<float>(least);
    }
    if (per_tensor) std::ranges::fill(q.scale, std::ranges::max(q.scale));
  }

  void QuantizeBias(NodeId id, int operand, float input_scale, bool per_tensor, const Quant& weights) {
    if (act_ == DType::kI8) RoundBias<int32_t>(id, operand, input_scale, per_tensor, weights);
    else RoundBias<int64_t>(id, operand, input_scale, per_tensor, weights);
  }

  template <class T> void RoundBias(NodeId id, int operand, float input_scale, bool per_tensor, const Quant& weights) {
    constexpr double kMost = sizeof(T) == 4 ? 2147483647.0 : 0x1p47;  // The 16x8 kernels sum in 48 bits.
    const TensorId b = graph().node(id).inputs[operand];
    const std::span<const float> values = graph().tensor(b).data<float>();
    Quant q{std::vector<float>(values.size()), std::vector<int32_t>(values.size(), 0), 0, 0};
    std::vector<T> quantized(values.size());
    for (size_t c = 0; c < values.size(); ++c) {
      q.scale[c] = input_scale * weights.scale[c];
      const double steps = static_cast<double>(values[c]) / (static_cast<double>(input_scale) * static_cast<double>(weights.scale[c]));
      quantized[c] = static_cast<T>(std::clamp(std::round(steps), -kMost, kMost));
    }
    if (per_tensor || q.scale.size() == 1) q = Quant::PerTensor(q.scale[0], 0);
    graph().SetInput(id, operand, Constant(b, {DTypeOf<T>, graph().tensor(b).type.shape, q}, std::as_bytes(std::span(quantized))));
  }

  const RewriteOptions& options_;
  DType act_ = options_.activation;  // Of the node at work.
  const std::map<std::string, Range>& ranges_;
  Rewritten out_;
  std::map<NodeId, DType> types_;    // Of activations, of what becomes integer.
  std::vector<NodeId> resets_;
  std::vector<TensorId> class_;
  std::map<std::pair<TensorId, DType>, Quant> scales_;    // By class root.
  std::map<TensorId, Range> unions_;                      // The same.
  std::map<std::tuple<TensorId, std::vector<float>, int32_t>, TensorId> constants_;  // Quantized forms, by source, scales and zero point.
  std::map<std::pair<TensorId, DType>, TensorId> twins_;  // Float tensor -> its integer form.
  std::map<TensorId, DType> first_;                       // The form that it is computed in.
};

}  // namespace

Result<Rewritten> RewriteToInt8(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options) {
  return Rewriter(model, ranges, options).Run();
}

}  // namespace octet::quantizer
