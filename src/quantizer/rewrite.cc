// SPDX-License-Identifier: Apache-2.0
#include "quantizer/rewrite.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "graph/nibbles.h"
#include "passes/calls.h"
#include "passes/rewrites.h"
#include "passes/visible_ranges.h"
#include "quantizer/reset_states.h"
#include "quantizer/roles.h"
#include "quantizer/scale_classes.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr float kSmallestWeightScale = 1e-12f;
constexpr float kFewestDivisorSteps = 32;      // From zero: a root of 32 steps is made of 4, which rounding may take away.
constexpr float kCoarsestSums = 256;           // XNNPACK's own limit.
constexpr int kSumBits = 20, kSumBits16 = 15;  // By which LiteRT's sums are finer than twice an operand's step; the output's may not be finer.
constexpr size_t kFewestSteps = 3;             // Uses of one weight tensor that make it a recurrent layer.
constexpr double kLargestBias = 1073741823.0;  // INT32_MAX / 2: sums on top must not overflow.

// What all graphs of the model share.
struct Rewriting {
  const RewriteOptions& options;
  const std::map<std::string, Range>& ranges;
  Rewritten out = {};
  ScaleClasses classes = {};     // Of all tensors as they came, graph by graph:
  std::vector<int> base = {};    // each graph's first one.
  int Number(int32_t graph, TensorId t) const { return base[static_cast<size_t>(graph)] + t; }
  graph::Graph& graph(int32_t at) { return out.model.subgraphs[static_cast<size_t>(at)]; }
};

// A node that calls subgraphs which compute in integers, and what is handed over as such.
struct IntegerCall {
  passes::CallFlow flow;
  DType type = DType::kI8;
  std::vector<bool> in, out;  // Of the subgraphs' inputs, of the node's outputs.
  std::vector<int> handed = {};  // The subgraphs' inputs, by their numbers: the subgraphs are rewritten before the caller.
};

// How a called graph's ends are handed over: the tensor whose scale they have, by its number; -1 for what is no integer.
struct Ends {
  DType type = DType::kI8;
  std::vector<int> inputs, outputs;
};

// One graph.
class GraphRewriter {
 public:
  GraphRewriter(Rewriting* shared, int32_t at) : shared_(*shared), at_(at), options_(shared->options), ranges_(shared->ranges), out_(shared->out) {}

  DType activation() const { return activation_; }
  void SetActivation(DType type) { activation_ = type; }

  // What of a call becomes integer; nothing: the node and its subgraphs stay as they are.
  using DecideCall = std::function<std::optional<IntegerCall>(const graph::Node& n, DType activation)>;
  void ChooseNodes(const DecideCall& decide) {
    nodes_ = graph().order();
    const std::set<NodeId> deciding = at_ == 0 && options_.inputs == DType::kF32 ? OnlyDeciding() : std::set<NodeId>();
    for (NodeId id : nodes_) {
      const graph::Node& n = graph().node(id);
      const bool makes_float = std::ranges::any_of(n.outputs, [&](TensorId t) { return IsFloatTensor(t) && graph().uses(t) > 0; });
      if (!makes_float && !ReadsIntegers(n)) continue;
      if (const std::string* kept = Reason(n, options_.keep_float)) Note(id, *kept, &out_.float_nodes);
      else if (deciding.contains(id))
        Note(id, "only integers come of it (comparisons, indices, levels of the source's own), which are exact on the inputs as they are", &out_.float_nodes);
      else if (n.callees.empty()) ChooseNode(id);
      else ChooseCall(id, decide);
    }
  }

  const std::map<NodeId, IntegerCall>& calls() const { return calls_; }
  bool any() const { return !types_.empty(); }

  // Does a node of the graph compute it in integers, or take it so?
  bool MakesInteger(TensorId t) const {
    const NodeId producer = graph().tensor(t).producer;
    if (!Quantized(producer)) return false;
    const auto call = calls_.find(producer);
    return call == calls_.end() ||
           call->second.out[static_cast<size_t>(std::ranges::find(graph().node(producer).outputs, t) - graph().node(producer).outputs.begin())];
  }
  bool ReadAsInteger(TensorId t) const {
    return std::ranges::any_of(graph().tensor(t).consumers, [&](NodeId id) { return Quantized(id) && !ReadsFloat(id, t); });
  }

  // -- scales
  void NoteFixed() {
    for (NodeId id : nodes_) {
      if (!Use(id)) continue;
      const graph::Node& n = graph().node(id);
      for (size_t i = 0; i < n.outputs.size(); ++i) {
        const ops::QuantRow* rule = RuleFor(*n.op, ~static_cast<int>(i), act_);
        if (rule && rule->kind == ops::QuantKind::kFixed)
          shared_.classes.Fix(Number(n.outputs[i]), act_, Quant::PerTensor(rule->fixed_scale, rule->fixed_zero_point));
      }
    }
  }
  // What has no fixed scale first: whether a fixed one covers a class shows when the class is whole.
  void JoinSameScales(bool fixed_too) {
    for (NodeId id : nodes_)
      if (Use(id)) JoinSameScales(id, fixed_too);
  }
  // An unrolled recurrent layer repeats its step: the nodes from one use of the same weights to the next. What the
  // same node makes in every step gets one scale, as the fused operators have it, so that the steps share their
  // biases and the file its tables.
  void JoinSteps() {
    std::map<TensorId, std::vector<size_t>> uses;  // Weights -> positions in the order of execution.
    WeightedOp op;
    for (size_t k = 0; k < nodes_.size(); ++k)
      if (Quantized(nodes_[k]) && FindWeights(graph(), nodes_[k], &op)) uses[graph().node(nodes_[k]).inputs[op.weights]].push_back(k);
    for (const auto& [weights, at] : uses)
      for (size_t i = 1; at.size() >= kFewestSteps && i < at.size(); ++i) JoinStep(at[0], at[i], std::min(at[1] - at[0], nodes_.size() - at[i]));
  }
  // Kernels refuse a divisor of no steps; other samples may come nearer to zero.
  void FindDivisions(std::map<std::string, std::string>* refused) {
    for (NodeId id : nodes_) {
      const graph::Node& n = graph().node(id);
      const TensorId t = passes::DivisorOf(n);
      if (!Use(id) || !IsFloatTensor(t)) continue;
      const std::string& name = graph().tensor(n.outputs[0]).name;
      if (RangeOf(t).nearest < kFewestDivisorSteps * ScaleOf(t).scale0()) refused->try_emplace(name, "divides by numbers that would be rounded to zero");
      else if (HangsOnDecisions(t)) refused->try_emplace(name, "divides by a count of what rounded numbers may decide otherwise");
    }
  }
  // Kernels refuse sums whose steps are that much coarser than the output's.
  void FindCoarseSums(std::map<std::string, std::string>* refused) {
    for (NodeId id : nodes_) {
      if (!Use(id)) continue;
      const TensorId made = graph().node(id).outputs[0];
      if (const float step = CoarsestStep(id); step > 0 && step >= ScaleOf(made).scale0())
        refused->try_emplace(graph().tensor(made).name, "one step of its input moves the output from end to end, which kernels refuse");
    }
  }
  // What an operator's own check refuses: an average over more cells than sums of 16-bit numbers have room for.
  void FindUnfit(std::map<std::string, std::string>* refused) {
    for (NodeId id : nodes_) {
      const graph::Node& n = graph().node(id);
      const auto computed = [&](TensorId t) { return IsFloatTensor(t) && !graph().is_constant(t); };
      if (!Use(id) || !n.op->check || !n.callees.empty() || !std::ranges::all_of(n.inputs, computed)) continue;
      const graph::NodeView lens(graph(), id);
      std::vector<TensorType> types;
      for (TensorId t : n.inputs) types.push_back({act_, graph().tensor(t).type.shape, ScaleOf(t)});
      for (TensorId t : n.outputs) types.push_back({act_, graph().tensor(t).type.shape, ScaleOf(t)});
      std::vector<const TensorType*> operands;
      for (const TensorType& t : types) operands.push_back(&t);
      ops::OpView view = lens.view();
      view.inputs = std::span(operands).first(n.inputs.size());
      view.outputs = std::span(operands).subspan(n.inputs.size());
      if (const Status fits = n.op->check(view); !fits.ok()) refused->try_emplace(graph().tensor(n.outputs[0]).name, fits.message());
    }
  }
  void ReportClasses() {
    std::map<int, ScaleClass> by_root;
    act_ = activation_;
    const auto quantized = [&](NodeId id) { return Quantized(id); };
    const size_t tensors = graph().tensors().size();
    std::vector<bool> fixed(tensors);
    for (size_t i = 0; i < tensors; ++i) fixed[i] = shared_.classes.Fixed(Number(static_cast<TensorId>(i)), act_);
    for (size_t i = 0; i < tensors; ++i) {
      const auto t = static_cast<TensorId>(i);
      const graph::Tensor& tensor = graph().tensor(t);
      if (!IsFloatTensor(t) || tensor.constant || (!quantized(tensor.producer) && std::ranges::none_of(tensor.consumers, quantized))) continue;
      ScaleClass& c = by_root[shared_.classes.Find(Number(t))];
      c.tensors.push_back(tensor.name);
      c.quant = ScaleOf(t);
      c.fixed = fixed[i];
    }
    for (auto& [root, c] : by_root) out_.classes.push_back(std::move(c));
  }

  // -- the graph itself; `called`: null for the main graph, whose ends the options tell.
  Status Rewrite(const Ends* called) {
    called_ = called;
    act_ = activation_;
    if (called_) TakeInputs();
    for (NodeId id : nodes_)
      if (Quantized(id)) OCTET_TRY(QuantizeNode(id));
    act_ = activation_;
    for (NodeId id : nodes_) ReadAsFloat(id);
    for (NodeId id : resets_) OCTET_TRY(PrependReset(graph(), id));
    if (called_) HandOutputs();
    else SetOutputs();
    if (!graph().Sort()) return Error(Code::kInvalidModel, "the quantized graph has a cycle");
    graph().RemoveDead();
    if (!resets_.empty())  // Their states may have told a batch.
      for (const NodeId id : graph().order()) OCTET_TRY(graph::InferNode(graph(), id));
    return {};
  }

  // The range of a tensor as it came.
  Range RangeOf(TensorId t) const {
    const graph::Tensor& tensor = graph().tensor(t);
    Range r;
    if (tensor.type.dtype != DType::kF32) return r;
    if (const auto it = ranges_.find(tensor.name); it != ranges_.end()) return it->second;
    if (tensor.constant) {
      for (float v : tensor.data<float>()) {
        if (!std::isfinite(v)) continue;  // A pad of minus infinity is clamped, not a range.
        r.min = std::min(r.min, v);
        r.max = std::max(r.max, v);
      }
    }
    return r;
  }

 private:
  Graph& graph() { return shared_.graph(at_); }
  const Graph& graph() const { return shared_.graph(at_); }
  int Number(TensorId t) const { return shared_.Number(at_, t); }

  bool IsFloatTensor(TensorId t) const { return t != graph::kNoTensor && graph().tensor(t).type.dtype == DType::kF32; }

  // What is made of the inputs element by element, and read by nothing but such nodes and ones that make integers.
  std::set<NodeId> OnlyDeciding() const {
    std::set<NodeId> found;
    for (NodeId id : nodes_) {
      const graph::Node& n = graph().node(id);
      const bool plain = (n.op->traits & (ops::kElementwise | ops::kMovesBytes)) && n.callees.empty();
      const bool early = std::ranges::all_of(
          n.inputs, [&](TensorId t) { return !IsFloatTensor(t) || graph().is_constant(t) || IsInput(t) || found.contains(graph().tensor(t).producer); });
      if (plain && early) found.insert(id);
    }
    for (auto id = nodes_.rbegin(); id != nodes_.rend(); ++id)
      if (std::ranges::any_of(graph().node(*id).outputs, [&](TensorId t) { return IsFloatTensor(t) && ReadAsFloats(t, found); })) found.erase(*id);
    return found;
  }
  // Does anything that makes more than integers read it, but for those?
  bool ReadAsFloats(TensorId t, const std::set<NodeId>& but) const {
    return graph().is_output(t) || std::ranges::any_of(graph().tensor(t).consumers, [&](NodeId id) {
             return !but.contains(id) && std::ranges::any_of(graph().node(id).outputs,
                                                             [&](TensorId made) { return IsReal(graph().tensor(made).type.dtype) && graph().uses(made) > 0; });
           });
  }
  static bool IsReal(DType t) { return IsFloat(t) || t == DType::kC64; }
  bool IsInput(TensorId t) const { return std::ranges::find(graph().inputs, t) != graph().inputs.end(); }

  // Would its results be the same without a DEQUANTIZE before it?
  bool ReadsIntegers(const graph::Node& n) const {
    return n.callees.empty() && TellsIntegersApart(*n.op) && std::ranges::all_of(n.inputs, [&](TensorId t) { return !IsFloatTensor(t) || MakesInteger(t); });
  }

  void ChooseNode(NodeId id) {
    const std::string* wide = Reason(graph().node(id), options_.int16);
    const DType type = wide ? DType::kI16 : activation_;
    if (HasIntegerForm(graph(), id, type) && HasRanges(id)) {
      types_[id] = type;
      if (wide) Note(id, *wide, &out_.int16_nodes);
    } else {
      Note(id, type == DType::kI8 ? "has no int8 kernel" : "has no int16 kernel", &out_.float_nodes);
    }
  }

  void ChooseCall(NodeId id, const DecideCall& decide) {
    const std::string* wide = Reason(graph().node(id), options_.int16);
    const DType type = wide ? DType::kI16 : activation_;
    std::optional<IntegerCall> call = decide(graph().node(id), type);
    if (!call) return Note(id, "calls subgraphs that compute in float", &out_.float_nodes);
    if (wide) Note(id, *wide, &out_.int16_nodes);
    types_[id] = type;
    calls_.emplace(id, *std::move(call));
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

  TensorId OperandOf(const graph::Node& n, int operand) const { return operand < 0 ? n.outputs[~operand] : n.inputs[operand]; }

  // In relation to what kernels take, the coarsest step of what is summed up: the data's, times the largest weight's, or an operand's.
  // 0: it is no such sum.
  float CoarsestStep(NodeId id) {
    const graph::Node& n = graph().node(id);
    WeightedOp op;
    if (FindWeights(graph(), id, &op)) {
      const float step = ScaleOf(n.inputs[static_cast<size_t>(op.data)]).scale0() * SymmetricScale(n.inputs[static_cast<size_t>(op.weights)], kInt8Steps);
      return act_ == DType::kI8 ? step / kCoarsestSums : 0;
    }
    constexpr uint32_t kSum = ops::kElementwise | ops::kJointlyHomogeneous;
    float step = 0;
    for (TensorId t : n.inputs)
      if ((n.op->traits & kSum) == kSum && IsFloatTensor(t)) step = std::max(step, ScaleOf(t).scale0());
    return std::ldexp(step, 1 - (act_ == DType::kI8 ? kSumBits : kSumBits16));
  }

  // From here on, "the" integer type is that of the node; false where it has none.
  bool Use(NodeId id) {
    const auto it = types_.find(id);
    if (it != types_.end()) act_ = it->second;
    return it != types_.end();
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

  void JoinStep(size_t first, size_t other, size_t length) {
    WeightedOp op;
    FindWeights(graph(), nodes_[first], &op);
    if (!Use(nodes_[first]) || types_[nodes_[other]] != act_) return;
    Unite(graph().node(nodes_[first]).inputs[op.data], graph().node(nodes_[other]).inputs[op.data]);
    for (size_t k = 0; k < length; ++k) {
      const graph::Node &a = graph().node(nodes_[first + k]), &b = graph().node(nodes_[other + k]);
      if (a.op != b.op || a.place != b.place || a.outputs.size() != b.outputs.size() || !SameType(nodes_[first + k], nodes_[other + k])) return;
      for (size_t i = 0; i < a.outputs.size(); ++i)
        if (IsFloatTensor(a.outputs[i])) Unite(a.outputs[i], b.outputs[i]);
    }
  }

  bool SameType(NodeId a, NodeId b) const {
    const auto of_a = types_.find(a), of_b = types_.find(b);
    return of_a != types_.end() && of_b != types_.end() && of_a->second == of_b->second;
  }

  void Unite(TensorId a, TensorId b) { shared_.classes.Unite(Number(a), Number(b), act_); }
  bool HasFixed(TensorId t) { return shared_.classes.HasFixed(Number(t)); }
  Quant ScaleOf(TensorId t) { return shared_.classes.Of(Number(t), act_); }

  // ------------------------------------------------------------------ nodes

  Status QuantizeNode(NodeId id) {
    const graph::Node n = graph().node(id);  // A copy: inputs change below.
    Use(id);
    WeightedOp weighted;
    const bool has_weights = FindWeights(graph(), id, &weighted);
    for (size_t i = 0; i < n.inputs.size(); ++i) {
      const int operand = static_cast<int>(i);
      if (!IsFloatTensor(n.inputs[i]) || HandsFloat(id, i) || (has_weights && (operand == weighted.weights || operand == weighted.bias))) continue;
      const TensorId own = OperandByRule(n, operand);
      graph().SetInput(id, operand, own != graph::kNoTensor ? own : Int8Operand(n, operand, id));
    }
    AddIntermediates(n, id);
    // Sums of 16 bits whose scales happen to be powers of two would be shifted, which kernels refuse for most of such scales.
    if (bool* shifts = passes::FindAttr<bool>(graph().node(id), "pot_scale_int16"); shifts && act_ == DType::kI16) *shifts = false;
    if (std::ranges::any_of(n.inputs, [&](TensorId t) { return t != graph::kNoTensor && graph().tensor(t).resets; })) resets_.push_back(id);
    if (has_weights) OCTET_TRY(QuantizeWeights(id, weighted, ScaleOf(n.inputs[weighted.data]).scale0()));
    for (size_t i = 0; i < n.outputs.size(); ++i)
      if (IsFloatTensor(n.outputs[i]) && MakesInteger(n.outputs[i])) graph().SetOutput(id, static_cast<int>(i), Int8Of(n.outputs[i]));
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
      const TensorId state =
          graph().AddTensor(source.name, {QuantizedType(rule, act_), source.type.shape, cell ? PowerOfTwo(RangeOf(t)) : WantedScale(n, operand, t)});
      graph().tensor(state).is_variable = true;
      return state;
    }
    if (!rule || !source.constant) return graph::kNoTensor;
    if (rule->kind == ops::QuantKind::kSymmetric) return Rounded<int8_t>(t, SymmetricScale(t, kInt8Steps));
    if (rule->kind == ops::QuantKind::kSymmetric16) return Rounded<int16_t>(t, SymmetricScale(t, LevelsOf(DType::kI16).high));
    if (rule->kind == ops::QuantKind::kProductBias)
      return Rounded<int32_t>(t, ScaleOf(n.inputs[0]).scale0() * SymmetricScale(n.inputs[static_cast<size_t>(rule->other)], kInt8Steps));
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
    for (float v : graph().tensor(t).data<float>())
      values.push_back(static_cast<T>(std::clamp(std::round(static_cast<double>(v) / static_cast<double>(scale)), -kMost, kMost)));
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

  // Is it made of truths about computed numbers, as the size of a sparse softmax's support? A sum of weights in between evens them out.
  bool HangsOnDecisions(TensorId t) const {
    std::vector<TensorId> open = {t};
    std::set<NodeId> seen;
    while (!open.empty()) {
      const TensorId made = open.back();
      open.pop_back();
      const NodeId id = made == graph::kNoTensor ? -1 : graph().tensor(made).producer;
      WeightedOp op;
      if (id < 0 || FindWeights(graph(), id, &op) || !seen.insert(id).second) continue;
      const std::vector<TensorId>& inputs = graph().node(id).inputs;
      const auto computed = [&](TensorId in) { return IsFloatTensor(in) && graph().tensor(in).producer >= 0; };
      if (graph().tensor(made).type.dtype == DType::kBool && std::ranges::any_of(inputs, computed)) return true;
      open.insert(open.end(), inputs.begin(), inputs.end());
    }
    return false;
  }

  // Is operand i of the node one that a call takes in float?
  bool HandsFloat(NodeId id, size_t i) const {
    const auto call = calls_.find(id);
    if (call == calls_.end()) return false;
    const auto first = static_cast<size_t>(call->second.flow.first);
    return i < first || !call->second.in[i - first];
  }
  // Does the node read t in float, wherever it does?
  bool ReadsFloat(NodeId id, TensorId t) const {
    if (!Quantized(id)) return true;
    const graph::Node& n = graph().node(id);
    for (size_t i = 0; i < n.inputs.size(); ++i)
      if (n.inputs[i] == t && HandsFloat(id, i)) return true;
    return false;
  }

  // The int8 form of operand i; requantized where the rule wants another scale than the tensor has.
  TensorId Int8Operand(const graph::Node& n, int operand, NodeId id) {
    const auto call = calls_.find(id);
    return Int8Form(n.inputs[operand], call == calls_.end() ? WantedScale(n, operand, n.inputs[operand]) : HandedScale(call->second, operand), n.place, id);
  }

  TensorId Int8Form(TensorId t, const Quant& wanted, std::string place, NodeId before) {  // A copy: what it was read from may move.
    if (graph().is_constant(t)) return Int8Constant(t, wanted);
    const TensorId q = Int8Of(t);
    if (wanted == graph().tensor(q).type.quant) return q;
    const TensorId r = graph().AddTensor(graph().tensor(t).name + "/requantized", {act_, graph().tensor(t).type.shape, wanted});
    Emit("quantize", q, r, place, before);
    return r;
  }

  // That of the subgraphs' input.
  Quant HandedScale(const IntegerCall& call, int operand) {
    return shared_.classes.Of(call.handed[static_cast<size_t>(operand - call.flow.first)], act_);
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
    const bool made = MakesInteger(t);
    const bool both = !made || graph().is_output(t) || ReadByFloat(t);
    const std::string name = source.name + (both ? std::string(kInt8Suffix) : std::string());
    const TensorType type{act_, source.type.shape, ScaleOf(t)};
    const TensorId q = graph().AddTensor(name, type);
    twins_[{t, act_}] = q;
    first_.try_emplace(t, act_);
    if (!made) EmitEntry(t, q);
    return q;
  }

  // The integer type that the tensor is computed in; the others are made from it. What comes in float becomes
  // whatever is asked for; an integer input of the model has one type.
  DType FirstType(TensorId t) const {
    if (IsInput(t)) return TakesInteger(t) ? activation_ : act_;
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
    const TensorId q =
        graph().AddTensor(graph().tensor(t).name + (wanted == DType::kI16 ? "/to_int16" : "/to_int8"), {wanted, graph().tensor(t).type.shape, ScaleOf(t)});
    twins_[{t, wanted}] = q;
    Emit("quantize", first, q, graph().tensor(t).name, -1);
    return q;
  }

  bool ReadByFloat(TensorId t) const {
    return std::ranges::any_of(graph().tensor(t).consumers, [&](NodeId id) { return ReadsFloat(id, t); });
  }

  // Into int8: a QUANTIZE behind the float tensor, or, at a model input with integer io, the input itself.
  void EmitEntry(TensorId t, TensorId q) {
    auto& inputs = graph().inputs;
    const auto at = std::ranges::find(inputs, t);
    if (at == inputs.end() || !TakesInteger(t)) {
      Emit("quantize", t, q, graph().tensor(t).name, -1);
      return;
    }
    const std::string name = graph().tensor(t).name;
    graph().tensor(t).name += "/float";
    TensorId entry = q;
    if (!called_ && options_.inputs == DType::kU8 && act_ == DType::kI8) entry = Uint8Twin(q, true);
    graph().tensor(entry).name = name;
    *at = entry;
    if (!called_) RenameEntries(t, entry, true);
  }

  // Is this input of the graph an integer in the end?
  bool TakesInteger(TensorId input) const {
    if (!called_) return options_.inputs != DType::kF32;
    return called_->inputs[static_cast<size_t>(std::ranges::find(graph().inputs, input) - graph().inputs.begin())] >= 0;
  }

  // uint8 is int8 with the zero point moved by 128.
  TensorId Uint8Twin(TensorId q, bool before) {
    const graph::Tensor source = graph().tensor(q);  // A copy: adding a tensor may move the others.
    const TensorId u = graph().AddTensor(source.name + "/uint8",
                                         {DType::kU8, source.type.shape, Quant::PerTensor(source.type.quant.scale0(), source.type.quant.zero0() + 128)});
    if (before) Emit("quantize", u, q, source.name, -1);
    else Emit("quantize", q, u, source.name, -1);
    return u;
  }

  void Emit(std::string_view op, TensorId from, TensorId to, const std::string& place, NodeId before) {
    const ops::OpDef& def = *ops::Find(op);
    graph().AddNode(def, graph::Attributes(def.attrs), {from}, {to}, place, before);
  }

  // Float nodes between int8 ones read through a DEQUANTIZE, which a shape does not need.
  void ReadAsFloat(NodeId id) {
    const std::vector<TensorId> inputs = graph().node(id).inputs;
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!IsFloatTensor(inputs[i]) || (Quantized(id) && !HandsFloat(id, i))) continue;
      if (NeedsDequantize(inputs[i]) && ReadsShapeOnly(*graph().node(id).op, static_cast<int>(i))) graph().SetInput(id, static_cast<int>(i), TwinOf(inputs[i]));
      else FloatOf(inputs[i]);
    }
  }

  // The integer tensor that stands for t first of all; none where nothing was quantized.
  TensorId TwinOf(TensorId t) const {
    const auto first = first_.find(t);
    return first == first_.end() ? graph::kNoTensor : twins_.at({t, first->second});
  }

  // Is only its integer twin computed?
  bool NeedsDequantize(TensorId t) const {
    return TwinOf(t) != graph::kNoTensor && graph().tensor(t).producer < 0 && !IsInput(t);
  }

  // Makes sure that the float tensor is computed when only its integer twin is.
  void FloatOf(TensorId t) {
    if (NeedsDequantize(t)) Emit("dequantize", TwinOf(t), t, graph().tensor(t).name, -1);
  }

  // Of a called graph: whatever is handed over as integers, also what only passes through.
  void TakeInputs() {
    const std::vector<TensorId> inputs = graph().inputs;
    for (size_t i = 0; i < inputs.size(); ++i)
      if (called_->inputs[i] >= 0) Int8Of(inputs[i]);
  }
  void HandOutputs() {
    const std::vector<TensorId> outputs = graph().outputs;
    for (size_t i = 0; i < outputs.size(); ++i) {
      if (called_->outputs[i] < 0) FloatOf(outputs[i]);
      else graph().outputs[i] = Int8Form(outputs[i], shared_.classes.Of(called_->outputs[i], act_), graph().tensor(outputs[i]).name, -1);
    }
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
    const Levels levels = LevelsOf(act_);
    std::vector<T> values;
    for (float v : source.data<float>()) {
      const float x = std::round(v / q.scale0()) + static_cast<float>(q.zero0());
      values.push_back(static_cast<T>(std::clamp(std::isnan(x) ? 0.0f : x, levels.low, levels.high)));
    }
    return Constant(t, {act_, source.type.shape, q}, std::as_bytes(std::span(values)));
  }

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
    if (dtype == DType::kI4) quantized = graph::Pack4(quantized);
    graph().SetInput(id, op.weights, Constant(weights, {dtype, shape, stored}, std::as_bytes(std::span(quantized))));
    return {};
  }

  // The quantized form of a constant. Uses that agree on the scales share one tensor: an unrolled recurrent
  // layer reads the same weights in every step.
  TensorId Constant(TensorId from, const TensorType& type, std::span<const std::byte> bytes) {
    const auto [it, fresh] = constants_.try_emplace({from, {type.quant.scale.begin(), type.quant.scale.end()}, type.quant.zero0()}, graph::kNoTensor);
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
    constexpr double kMost = sizeof(T) == 4 ? 0x1p31 - 1 : 0x1p47;  // The 16x8 kernels sum in 48 bits.
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

  Rewriting& shared_;
  const int32_t at_;
  const RewriteOptions& options_;
  const std::map<std::string, Range>& ranges_;
  Rewritten& out_;
  const Ends* called_ = nullptr;     // Of the graph; null: it is the main one.
  DType activation_ = options_.activation;  // Of the graph's nodes, but for those that are apart.
  DType act_ = activation_;                 // Of the node at work.
  std::vector<NodeId> nodes_;        // As they came.
  std::map<NodeId, DType> types_;    // Of activations, of what becomes integer.
  std::map<NodeId, IntegerCall> calls_;
  std::vector<NodeId> resets_;
  std::map<std::tuple<TensorId, std::vector<float>, int32_t>, TensorId> constants_;  // Quantized forms, by source, scales and zero point.
  std::map<std::pair<TensorId, DType>, TensorId> twins_;  // Float tensor -> its integer form.
  std::map<TensorId, DType> first_;                       // The form that it is computed in.
};

// All graphs: what each node becomes, callees before their callers; then the scales of all; then the graphs.
class Rewriter {
 public:
  Rewriter(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options) : shared_{options, ranges} {
    shared_.out.model = model;
    callers_ = passes::CallersOf(model);
    for (size_t g = 0; g < model.subgraphs.size(); ++g) {
      parts_.emplace_back(&shared_, static_cast<int32_t>(g));
      shared_.base.push_back(tensors_);
      tensors_ += static_cast<int>(model.subgraphs[g].tensors().size());
      for (size_t t = 0; t < model.subgraphs[g].tensors().size(); ++t) shared_.classes.Add(parts_.back().RangeOf(static_cast<TensorId>(t)));
    }
  }

  // What must not be integer with these scales, by its first output, with the reason.
  const std::map<std::string, std::string>& refused() const { return refused_; }

  Result<Rewritten> Run() {
    Choose(0, shared_.options.activation);
    ChooseScales();
    for (int32_t g : taking_part_) {
      part(g).FindDivisions(&refused_);
      part(g).FindCoarseSums(&refused_);
      part(g).FindUnfit(&refused_);
    }
    for (int32_t g : taking_part_) {
      const auto ends = ends_.find(g);
      OCTET_TRY(part(g).Rewrite(ends == ends_.end() ? nullptr : &ends->second));
    }
    for (const auto& [g, ends] : ends_)
      if (std::ranges::find(taking_part_, g) == taking_part_.end()) RetypeInputs(shared_.graph(g), ends);
    OCTET_TRY(graph::LinkCallees(shared_.out.model));
    return std::move(shared_.out);
  }

 private:
  GraphRewriter& part(int32_t g) { return parts_[static_cast<size_t>(g)]; }

  void Choose(int32_t g, DType activation) {
    part(g).SetActivation(activation);
    part(g).ChooseNodes([&](const graph::Node& n, DType type) { return DecideCall(g, n, type); });
    taking_part_.push_back(g);
  }

  // What only this node calls may become integer with it.
  std::optional<IntegerCall> DecideCall(int32_t g, const graph::Node& n, DType type) {
    const std::optional<passes::CallFlow> flow = passes::FlowOf(shared_.out.model, n);
    if (!flow || std::ranges::any_of(flow->subgraphs, [&](int32_t callee) { return callers_[static_cast<size_t>(callee)] != 1 || callee == g; }))
      return std::nullopt;
    if (flow->loops && DecidedByItsValues(*flow)) return std::nullopt;
    for (int32_t callee : flow->makers()) Choose(callee, type);
    IntegerCall call{*flow, type, {}, {}};
    for (size_t i = static_cast<size_t>(flow->first); i < n.inputs.size(); ++i) call.in.push_back(HandsInteger(*flow, i - static_cast<size_t>(flow->first)));
    for (size_t i = 0; i < n.outputs.size(); ++i) call.out.push_back(MakesInteger(g, *flow, n, i));
    if (flow->loops)  // One value: what comes out goes in again.
      for (size_t i = 0; i < call.in.size(); ++i)
        call.in[i] = call.out[i] = HasRange(g, n.outputs[i]) && !ReadByCondition(*flow, i) && (call.in[i] || call.out[i]);
    if (std::ranges::none_of(flow->makers(), [&](int32_t callee) { return part(callee).any(); })) return std::nullopt;
    for (size_t k = 0; k < flow->subgraphs.size(); ++k) ends_[flow->subgraphs[k]] = EndsOf(g, n, call, k);
    call.handed = ends_[flow->subgraphs[0]].inputs;
    return call;
  }

  bool HasRange(int32_t g, TensorId t) {
    const graph::Tensor& tensor = shared_.graph(g).tensor(t);
    return tensor.type.dtype == DType::kF32 && shared_.ranges.contains(tensor.name);
  }
  bool HandsInteger(const passes::CallFlow& flow, size_t i) {
    const int32_t any = flow.subgraphs.back();
    if (shared_.graph(any).tensor(shared_.graph(any).inputs[i]).type.dtype != DType::kF32) return false;
    return std::ranges::any_of(flow.makers(), [&](int32_t callee) { return part(callee).ReadAsInteger(shared_.graph(callee).inputs[i]); });
  }
  bool MakesInteger(int32_t g, const passes::CallFlow& flow, const graph::Node& n, size_t i) {
    return HasRange(g, n.outputs[i]) &&
           std::ranges::any_of(flow.makers(), [&](int32_t callee) { return part(callee).MakesInteger(shared_.graph(callee).outputs[i]); });
  }
  bool ReadByCondition(const passes::CallFlow& flow, size_t i) {
    const Graph& condition = shared_.graph(flow.subgraphs[0]);
    return condition.uses(condition.inputs[i]) > 0;
  }
  // Is how long it runs decided by floats that it computes? Rounded, they may never reach their limit.
  bool DecidedByItsValues(const passes::CallFlow& flow) {
    const Graph& body = shared_.graph(flow.subgraphs[1]);
    for (size_t i = 0; i < body.inputs.size(); ++i)
      if (ReadByCondition(flow, i) && body.tensor(body.inputs[i]).type.dtype == DType::kF32 && body.outputs[i] != body.inputs[i]) return true;
    return false;
  }

  Ends EndsOf(int32_t g, const graph::Node& n, const IntegerCall& call, size_t callee) {
    Ends ends{.type = call.type, .inputs = {}, .outputs = {}};
    const int32_t own = call.flow.subgraphs[callee];
    for (size_t i = 0; i < call.in.size(); ++i) ends.inputs.push_back(call.in[i] ? shared_.Number(own, shared_.graph(own).inputs[i]) : -1);
    for (size_t i = 0; i < n.outputs.size(); ++i) ends.outputs.push_back(call.out[i] ? shared_.Number(g, n.outputs[i]) : -1);
    return ends;
  }

  // Of a condition, which reads none of them.
  void RetypeInputs(Graph& g, const Ends& ends) {
    for (size_t i = 0; i < ends.inputs.size(); ++i) {
      if (ends.inputs[i] < 0) continue;
      TensorType& type = g.tensor(g.inputs[i]).type;
      type.dtype = ends.type;
      type.quant = shared_.classes.Of(ends.inputs[i], ends.type);
    }
  }

  void ChooseScales() {
    ForCalls([&](int32_t g, const graph::Node& n, const IntegerCall& call) { TieInputs(g, n, call); });
    for (int32_t g : taking_part_) part(g).NoteFixed();
    for (const bool fixed_too : {false, true}) {
      for (int32_t g : taking_part_) part(g).JoinSameScales(fixed_too);
      ForCalls([&](int32_t g, const graph::Node& n, const IntegerCall& call) { JoinEnds(g, n, call, fixed_too); });
    }
    for (int32_t g : taking_part_) part(g).JoinSteps();
    part(0).ReportClasses();
  }

  template <class Body> void ForCalls(const Body& body) {
    for (int32_t g : taking_part_)
      for (const auto& [id, call] : part(g).calls()) body(g, shared_.graph(g).node(id), call);
  }

  // All subgraphs take a value with one scale; it is a loop's own in every round.
  void TieInputs(int32_t g, const graph::Node& n, const IntegerCall& call) {
    for (size_t i = 0; i < call.in.size(); ++i) {
      if (!call.in[i]) continue;
      const int first = InputOf(call, 0, i);
      shared_.classes.Unite(first, InputOf(call, 1, i), call.type);
      if (call.flow.loops) shared_.classes.Unite(first, shared_.Number(g, n.outputs[i]), call.type);
    }
  }

  void JoinEnds(int32_t g, const graph::Node& n, const IntegerCall& call, bool fixed_too) {
    const auto join = [&](int a, int b) {
      if (fixed_too || (!shared_.classes.HasFixed(a) && !shared_.classes.HasFixed(b))) shared_.classes.Unite(a, b, call.type);
    };
    for (size_t i = 0; i < call.in.size(); ++i)
      if (call.in[i]) join(InputOf(call, 0, i), shared_.Number(g, n.inputs[i + static_cast<size_t>(call.flow.first)]));
    for (size_t i = 0; i < call.out.size(); ++i)
      for (int32_t callee : call.flow.makers())
        if (call.out[i]) join(shared_.Number(g, n.outputs[i]), shared_.Number(callee, shared_.graph(callee).outputs[i]));
  }

  int InputOf(const IntegerCall& call, size_t callee, size_t i) {
    const int32_t g = call.flow.subgraphs[callee];
    return shared_.Number(g, shared_.graph(g).inputs[i]);
  }
  Rewriting shared_;
  std::deque<GraphRewriter> parts_;    // Of all graphs.
  std::vector<int> callers_;
  std::vector<int32_t> taking_part_;   // Callees before their callers.
  std::map<int32_t, Ends> ends_;
  std::map<std::string, std::string> refused_;
  int tensors_ = 0;
};

}  // namespace

Result<Rewritten> RewriteToInt8(const graph::Model& model, const std::map<std::string, Range>& ranges, const RewriteOptions& options) {
  Rewriter rewriter(model, ranges, options);
  OCTET_ASSIGN(Rewritten rewritten, rewriter.Run());
  if (rewriter.refused().empty()) return rewritten;
  RewriteOptions without = options;  // Each round takes one at least.
  without.keep_float.insert(rewriter.refused().begin(), rewriter.refused().end());
  return RewriteToInt8(model, ranges, without);
}

}  // namespace octet::quantizer
