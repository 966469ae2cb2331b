// SPDX-License-Identifier: Apache-2.0
#include "quantizer/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <set>

#include "quantizer/choose_params.h"
#include "quantizer/roles.h"
#include "quantizer/session.h"

namespace octet::quantizer {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

constexpr double kUneasyDb = 25;
// On one core float makes about 30 multiply-adds a nanosecond, int8 100; three of its float's four bytes come at 10 a nanosecond.
constexpr double kMac_ns = 1.0 / 30 - 1.0 / 100, kByte_ns = 0.75 / 10;
constexpr double kRuined = 10;  // Noise over signal where the outputs become infinite: 1/sqrt of what was rounded to 0.

constexpr int kGiven = -1;      // In place of the node that makes a tensor: the model's inputs.

// Rounds tensors to an integer grid right after they were computed, inputs before anything is; everything else stays float.
class Injector : public runtime::Observer {
 public:
  explicit Injector(const runtime::Interpreter& interpreter) : interpreter_(interpreter) {
    for (int i = 0; i < interpreter.num_inputs(); ++i)
      if (interpreter.input(i).type->dtype == DType::kF32) made_[std::string(interpreter.input(i).name)] = {kGiven, i};
    for (int n = 0; n < interpreter.num_nodes(); ++n)
      for (int32_t t : interpreter.node(n).outputs)
        if (interpreter.tensor(t).type->dtype == DType::kF32) made_[std::string(interpreter.tensor(t).name)] = {n, t};
  }
  // The first node that makes one of the tensors, or kGiven; nothing where the model has none of them.
  std::optional<int> FirstNode(const Injection& injection) const {
    std::optional<int> first;
    for (const std::string& name : injection.tensors)
      if (const auto it = made_.find(name); it != made_.end()) first = std::min(first.value_or(it->second.first), it->second.first);
    return first;
  }
  void Aim(const Injection& injection) {
    targets_.clear();
    for (const std::string& name : injection.tensors)
      if (const auto it = made_.find(name); it != made_.end()) targets_.push_back(it->second);
    injection_ = &injection;
  }
  void BeforeNode(int node) override {
    for (const auto& [n, input] : targets_)
      if (n == kGiven && node == 0) Round(interpreter_.input(input));
  }
  void AfterNode(int node) override {
    for (const auto& [n, tensor] : targets_)
      if (n == node) Round(interpreter_.tensor(tensor));
  }

 private:
  void Round(const runtime::TensorRef& t) const {
    auto* x = reinterpret_cast<float*>(t.data);
    const float scale = injection_->quant.scale0(), zero = static_cast<float>(injection_->quant.zero0());
    const Levels levels = LevelsOf(injection_->type);
    const int64_t n = t.type->shape.elements();
    for (int64_t i = 0; i < n; ++i) x[i] = scale * (std::clamp(std::round(x[i] / scale) + zero, levels.low, levels.high) - zero);
  }

  const runtime::Interpreter& interpreter_;
  std::map<std::string, std::pair<int, int32_t>> made_;  // Node and tensor, or kGiven and which input, by name.
  std::vector<std::pair<int, int32_t>> targets_;
  const Injection* injection_ = nullptr;
};

bool RunsPartly(const runtime::Interpreter& interpreter) {
  for (int i = 0; i < interpreter.num_tensors(); ++i)
    if (interpreter.tensor(i).variable) return false;  // Set to zero before every run.
  return interpreter.is_static();
}

// The first node to compute and the injection's position, of those that touch anything.
std::vector<std::pair<int, size_t>> FromTheEnd(const Injector& injector, const std::vector<Injection>& injections) {
  std::vector<std::pair<int, size_t>> order;
  for (size_t i = 0; i < injections.size(); ++i)
    if (const std::optional<int> first = injector.FirstNode(injections[i])) order.emplace_back(*first, i);
  std::ranges::stable_sort(order, std::greater(), &std::pair<int, size_t>::first);
  return order;
}

double Power(const std::vector<float>& a, const std::vector<float>* minus) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double d = static_cast<double>(a[i]) - (minus ? static_cast<double>((*minus)[i]) : 0.0);
    sum += d * d;
  }
  return sum;
}

class Planner {
 public:
  Planner(const Graph& g, const Sensitivity& s, FloatBudget budget, const std::map<std::string, std::string>& in_float) : g_(g), budget_(budget) {
    for (NodeId id : g.order()) {
      macs_ += Macs(id);
      if (!g.node(id).outputs.empty() && in_float.contains(g.tensor(g.node(id).outputs[0]).name)) in_float_.insert(id);
    }
    for (size_t i = 0; i < g.tensors().size(); ++i)
      if (const auto it = s.noise.find(g.tensors()[i].name); it != s.noise.end() && !g.tensors()[i].constant) noise_[static_cast<TensorId>(i)] = it->second;
  }

  std::vector<std::vector<std::string>> Run() {
    std::vector<std::vector<std::string>> steps;
    while (true) {
      std::set<NodeId> best;
      double most = 0;
      for (const auto& [t, noise] : noise_) {
        const std::set<NodeId> more = Missing(t);
        if (more.empty() || !Fits(more)) continue;
        const double gain = Gain(more) / Nanoseconds(more);
        if (gain <= most) continue;
        most = gain;
        best = more;
      }
      if (best.empty()) return steps;
      steps.emplace_back();
      for (NodeId id : best) steps.back().push_back(g_.tensor(g_.node(id).outputs[0]).name);
      chosen_.insert(best.begin(), best.end());
    }
  }

 private:
  // What makes or reads t and is not in float yet.
  std::set<NodeId> Missing(TensorId t) const {
    std::set<NodeId> nodes(g_.tensor(t).consumers.begin(), g_.tensor(t).consumers.end());
    if (g_.tensor(t).producer >= 0) nodes.insert(g_.tensor(t).producer);
    std::erase_if(nodes, [&](NodeId id) { return chosen_.contains(id) || in_float_.contains(id); });
    return nodes;
  }

  bool Fits(const std::set<NodeId>& more) const {
    std::set<NodeId> all = more;
    all.insert(chosen_.begin(), chosen_.end());
    int64_t macs = 0;
    for (NodeId id : all) macs += Macs(id);
    const auto refuses = [&](NodeId id) { return KeepsState(id) || (budget_.instead == DType::kI16 && !HasIntegerForm(g_, id, DType::kI16)); };
    return all.size() <= static_cast<size_t>(budget_.operators) && ExtraBytes(all) <= budget_.bytes && std::ranges::none_of(more, refuses) &&
           macs <= macs_ / 2;  // Else it is no int8 model any more.
  }

  int64_t Macs(NodeId id) const { return SampleCost(g_, id).macs; }

  double Nanoseconds(const std::set<NodeId>& more) const {
    double time = 0;
    for (NodeId id : more) time += kStep_ns + FloatNanoseconds(g_, id);
    return time;
  }

  bool KeepsState(NodeId id) const {
    return std::ranges::any_of(g_.node(id).inputs, [&](TensorId t) { return t != graph::kNoTensor && g_.tensor(t).is_variable; });
  }

  // Weights take four bytes each instead of one, whoever reads them besides.
  int64_t ExtraBytes(const std::set<NodeId>& nodes) const {
    std::set<TensorId> weights;
    if (budget_.instead != DType::kF32) return 0;
    for (NodeId id : nodes)
      for (TensorId t : g_.node(id).inputs)
        if (g_.is_constant(t) && g_.tensor(t).type.dtype == DType::kF32) weights.insert(t);
    int64_t bytes = 0;
    for (TensorId t : weights) bytes += 3 * g_.tensor(t).type.shape.elements();
    return bytes;
  }

  // Noise of all tensors that `more` frees from being quantized.
  double Gain(const std::set<NodeId>& more) const {
    double gain = 0;
    for (const auto& [t, noise] : noise_) {
      const std::set<NodeId> left = Missing(t);
      if (!left.empty() && std::ranges::includes(more, left)) gain += noise;
    }
    return gain;
  }

  const Graph& g_;
  FloatBudget budget_;
  std::map<TensorId, double> noise_;
  std::set<NodeId> chosen_, in_float_;  // in_float_: anyway.
  int64_t macs_ = 0;  // Of the whole graph.
};

// A product whose one factor has a single position and all the other's channels.
bool GatesChannels(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  if (n.inputs.size() != 2 || !(n.op->traits & ops::kElementwise) || (n.op->traits & ops::kUnary)) return false;
  for (TensorId t : n.inputs)
    if (t == graph::kNoTensor || g.is_constant(t) || g.tensor(t).type.shape.rank() < 3) return false;
  const Shape *large = &g.tensor(n.inputs[0]).type.shape, *small = &g.tensor(n.inputs[1]).type.shape;
  if (large->elements(1, large->rank()) < small->elements(1, small->rank())) std::swap(large, small);
  return large->back() == small->back() && small->back() > 1 && small->elements(1, small->rank() - 1) == 1 && large->elements(1, large->rank() - 1) > 1;
}

// A matrix product of two computed tensors, as in attention.
bool MultipliesComputed(const Graph& g, NodeId id) {
  const graph::Node& n = g.node(id);
  const auto computed = [&](TensorId t) {
    return t != graph::kNoTensor && !g.is_constant(t) && !g.tensor(t).is_variable && g.tensor(t).type.dtype == DType::kF32;
  };
  return n.inputs.size() >= 2 && !(n.op->traits & ops::kElementwise) && computed(n.inputs[0]) && computed(n.inputs[1]) &&
         ops::CostOf(graph::NodeView(g, id).view()).macs != 0;
}

}  // namespace

Result<InjectedNoise> MeasureNoise(std::shared_ptr<const runtime::Model> model, const std::vector<Injection>& injections, const data::Dataset& data,
                                   SampleRange samples, const Progress& progress) {
  std::vector<InjectedNoise> strands(kStrands, {0, std::vector<double>(injections.size(), 0.0)});
  OCTET_TRY(ForSamples(std::move(model), {.keep_all_tensors = true}, data, samples, "sensitivity", progress,
                       [&](Session& session, int strand, int64_t sample, int64_t) -> Status {
                         InjectedNoise& s = strands[static_cast<size_t>(strand)];
                         runtime::Interpreter& interpreter = session.interpreter();
                         OCTET_TRY(session.Run(data, sample));
                         const std::vector<float> reference = session.AllOutputs();
                         const double signal = Power(reference, nullptr);
                         s.signal += signal;
                         Injector injector(interpreter);
                         interpreter.SetObserver(&injector);
                         // From the last node to the first: what comes before a node is then still as the first run left it.
                         const bool partly = RunsPartly(interpreter);
                         for (const auto& [first, i] : FromTheEnd(injector, injections)) {
                           injector.Aim(injections[i]);
                           if (partly && first == kGiven) {
                             OCTET_TRY(session.Prepare(data, sample));  // Another input may be rounded.
                           }
                           OCTET_TRY(partly ? interpreter.InvokeFrom(std::max(first, 0)) : session.Run(data, sample));
                           const double noise = Power(session.AllOutputs(), &reference);
                           s.noise[i] += std::isfinite(noise) ? noise : kRuined * signal;
                         }
                         interpreter.SetObserver(nullptr);
                         return {};
                       }));
  InjectedNoise result{0, std::vector<double>(injections.size(), 0.0)};
  for (const InjectedNoise& s : strands) {
    result.signal += s.signal;
    for (size_t i = 0; i < s.noise.size(); ++i) result.noise[i] += s.noise[i];
  }
  return result;
}

Result<Sensitivity> MeasureSensitivity(std::shared_ptr<const runtime::Model> model, const std::map<std::string, Quant>& scales, DType type,
                                       const data::Dataset& data, SampleRange samples, const Progress& progress) {
  std::vector<Injection> injections;
  for (const auto& [name, quant] : scales) injections.push_back({{name}, quant, type});
  OCTET_ASSIGN(const InjectedNoise measured, MeasureNoise(std::move(model), injections, data, samples, progress));
  Sensitivity result{measured.signal, {}};
  for (size_t i = 0; i < injections.size(); ++i) result.noise[injections[i].tensors[0]] = measured.noise[i];
  return result;
}

double FloatNanoseconds(const Graph& g, NodeId id) {
  const ops::Cost cost = SampleCost(g, id);
  return kMac_ns * static_cast<double>(cost.macs) + kByte_ns * static_cast<double>(cost.bytes);
}

FloatBudget BudgetOf(const Graph& g, int64_t file_bytes) {
  if (std::ranges::any_of(g.order(), [&](NodeId id) { return GatesChannels(g, id); })) return {8, SavingBytes(file_bytes), kUneasyDb};
  const bool attends = std::ranges::any_of(g.order(), [&](NodeId id) { return MultipliesComputed(g, id); });
  return {4, file_bytes / 20, attends ? kUneasyDb : kBadDb};
}

std::vector<std::vector<std::string>> PlanFloat(const Graph& g, const Sensitivity& sensitivity, FloatBudget budget,
                                                const std::map<std::string, std::string>& in_float) {
  return Planner(g, sensitivity, budget, in_float).Run();
}

}  // namespace octet::quantizer
