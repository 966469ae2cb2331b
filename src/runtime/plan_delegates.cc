// SPDX-License-Identifier: Apache-2.0
// Which nodes of a segment delegates compute, and how their parts become steps; what happens when one fails.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "runtime/partition.h"
#include "runtime/plan.h"

namespace octet::runtime {
namespace {

using Clock = std::chrono::steady_clock;
double MicrosSince(Clock::time_point start) { return std::chrono::duration<double, std::micro>(Clock::now() - start).count(); }

// What one core of a kind computes in octet's kernels; for estimates only (docs/delegates.md).
struct CpuRates {
  double f32_gmacs_s, int8_gmacs_s, gbytes_s;
};
CpuRates RatesOf(const Cpu& cpu) {
  if (cpu.has(Isa::kAmx)) return {60, 300, 8};
  if (cpu.has(Isa::kAvx512)) return {60, 150, 8};
  if (cpu.has(Isa::kAvx2)) return {35, 65, 8};
  return cpu.has(Isa::kNeon) ? CpuRates{10, 20, 6} : CpuRates{2, 2, 4};
}

double Micros(const ops::Cost& cost, bool is_float, double f32_gmacs_s, double int8_gmacs_s, double gbytes_s) {
  const double rate = is_float ? f32_gmacs_s : int8_gmacs_s;
  const double compute = rate > 0 ? static_cast<double>(cost.macs) / rate * 1e-3 : 0;
  const double memory = gbytes_s > 0 ? static_cast<double>(cost.bytes) / gbytes_s * 1e-3 : 0;
  return std::max(compute, memory);
}

// "conv_2d", "#12", a tensor's name, or the layer that its name begins with.
bool Names(const std::string& entry, int node, std::string_view op, std::string_view place) {
  if (entry == op || entry == place || entry == Format("#%d", node)) return true;
  return !entry.empty() && place.size() > entry.size() && place.starts_with(entry) &&
         std::string_view("/:;").find(place[entry.size()]) != std::string_view::npos;
}

}  // namespace

// One segment's nodes on their way to their delegates.
class Plan::Delegation {
 public:
  Delegation(Plan& plan, Segment& segment, size_t first_step) : plan_(plan), segment_(segment) {
    for (size_t i = first_step; i < plan.steps_.size(); ++i) nodes_.push_back(plan.steps_[i].node);
    for (int n : nodes_) costs_.push_back(plan.CostOf(n));
    for (size_t i = 0; i < nodes_.size(); ++i) stays_.push_back(Stays(nodes_[i]));
    owned_.assign(nodes_.size(), false);
    part_mark_.resize(plan.graph_.operators.size());
    tensor_mark_.resize(plan.tensors_.size());
    readers_.resize(plan.tensors_.size());
    for (size_t n = 0; n < part_mark_.size(); ++n)
      for (int32_t t : op(static_cast<int>(n)).inputs)
        if (t >= 0) readers_[static_cast<size_t>(t)].push_back(static_cast<int>(n));
    for (int32_t t : plan.graph_.outputs) readers_[static_cast<size_t>(t)].push_back(-1);  // The caller.
  }

  Status Run() {
    Partition partition(Edges());
    const Delegates& with = plan_.options_.delegates;
    for (size_t d = 0; d < with.list.size(); ++d) OCTET_TRY(Offer(static_cast<int>(d), &partition));
    order_ = partition.Order();
    for (std::vector<int>& unit : order_)
      for (int& n : unit) n = nodes_[static_cast<size_t>(n)];
    return {};
  }
  const std::vector<std::vector<int>>& order() const { return order_; }

 private:
  const Options& options() const { return plan_.options_; }
  const tflite::OperatorInfo& op(int node) const { return plan_.graph_.operators[static_cast<size_t>(node)]; }
  std::string_view PlaceOf(int node) const {
    return op(node).outputs.empty() ? std::string_view() : plan_.graph_.tensors[static_cast<size_t>(op(node).outputs[0])].name;
  }

  // Why the node is nobody else's business; empty: it may be delegated.
  std::string Stays(int node) const {
    const tflite::OperatorInfo& o = op(node);
    const bool custom = o.op->code == ops::BuiltinCode::kCustom;  // What it does is its library's word.
    if (!ops::CalledSubgraphs(o.op->attrs, o.attributes.data()).empty()) return CallsText(o);
    if (!custom && (o.op->traits & ops::kRandom)) return "it makes random numbers";
    if (!custom && (o.op->traits & ops::kSideEffects)) return "it keeps or changes state";
    for (const std::span<const int32_t> list : {o.inputs, o.outputs})
      for (int32_t t : list) {
        if (t < 0) continue;
        const DType type = plan_.tensors_[static_cast<size_t>(t)].type.dtype;
        if (plan_.graph_.tensors[static_cast<size_t>(t)].is_variable) return "it keeps state between runs";
        if (type == DType::kString || type == DType::kResource || type == DType::kVariant) return "strings and resources are the CPU's";
      }
    return o.outputs.empty() ? "it has no output" : "";
  }

  // Nodes of called subgraphs are in nobody's list, so this says what becomes of them.
  std::string CallsText(const tflite::OperatorInfo& o) const {
    std::string list;
    for (const int32_t g : ops::CalledSubgraphs(o.op->attrs, o.attributes.data())) {
      const tflite::SubgraphInfo& called = plan_.context_.model->view().subgraphs()[static_cast<size_t>(g)];
      list += Format("%s'%s' of %zu", list.empty() ? "" : ", ", std::string(called.name).c_str(), called.operators.size());
    }
    return "it calls subgraphs, whose nodes stay on the CPU with it (" + list + "): their ends are in the caller's memory, which is another one in each call";
  }

  // Data, and the order of what has effects.
  std::vector<std::vector<int>> Edges() const {
    std::vector<std::vector<int>> edges(nodes_.size());
    std::vector<int> producer(plan_.tensors_.size(), -1);
    int last_effect = -1;
    for (size_t i = 0; i < nodes_.size(); ++i) {
      const int n = static_cast<int>(i);
      for (int32_t t : op(nodes_[i]).inputs)
        if (t >= 0 && producer[static_cast<size_t>(t)] >= 0) edges[static_cast<size_t>(producer[static_cast<size_t>(t)])].push_back(n);
      if (!stays_[i].empty()) {
        if (last_effect >= 0) edges[static_cast<size_t>(last_effect)].push_back(n);
        last_effect = n;
      }
      for (int32_t t : op(nodes_[i]).outputs) producer[static_cast<size_t>(t)] = n;
    }
    return edges;
  }

  void Refuse(int delegate, int position, std::string text) { plan_.refusals_.push_back({delegate, nodes_[static_cast<size_t>(position)], std::move(text)}); }
  void Fail(int delegate, std::string text) { plan_.failures_.emplace_back(delegate, std::move(text)); }

  std::shared_ptr<const DelegateGraph> Graph() {
    if (graph_) return graph_;
    std::vector<const TensorType*> types;
    std::vector<const std::byte*> constants;
    for (const TensorState& t : plan_.tensors_) {
      types.push_back(&t.type);
      constants.push_back(t.known() && t.type.dtype != DType::kString ? t.data : nullptr);
    }
    graph_ = std::make_shared<DelegateGraph>(plan_.graph_, types, constants, nodes_, costs_, options().threads, options().delegates.profile);
    return graph_;
  }

  Status Offer(int d, Partition* partition) {
    const Delegate& delegate = *options().delegates.list[static_cast<size_t>(d)];
    const std::string& off = plan_.context_.delegate_failures[static_cast<size_t>(d)];
    if (!off.empty()) {
      Fail(d, "it is switched off: " + off);
      for (size_t i = 0; i < nodes_.size(); ++i)
        if (!owned_[i]) Refuse(d, static_cast<int>(i), "the delegate is switched off");
      return {};
    }
    auto session = DelegateSession::Begin(delegate, Graph());
    if (!session.ok()) {
      Fail(d, session.error().message() + "; its nodes go to who comes next");
      for (size_t i = 0; i < nodes_.size(); ++i)
        if (!owned_[i]) Refuse(d, static_cast<int>(i), "the delegate refused the model");
      return {};
    }
    segment_.sessions.push_back(std::move(*session));
    Grant(d, *segment_.sessions.back(), Ask(d, *segment_.sessions.back()), partition);
    return {};
  }

  std::vector<bool> Ask(int d, const DelegateSession& session) {
    std::vector<bool> taken(nodes_.size());
    for (size_t i = 0; i < nodes_.size(); ++i) {
      if (owned_[i]) continue;
      std::string why = WhyKept(d, static_cast<int>(i));
      if (why.empty()) why = session.WhyNot(static_cast<int>(i));
      taken[i] = why.empty();
      if (!taken[i]) Refuse(d, static_cast<int>(i), std::move(why));
    }
    return taken;
  }

  // What octet or the user decides before the delegate is asked.
  std::string WhyKept(int d, int i) const {
    const int node = nodes_[static_cast<size_t>(i)];
    if (!stays_[static_cast<size_t>(i)].empty()) return stays_[static_cast<size_t>(i)];
    for (const std::string& entry : options().delegates.deny)
      if (Names(entry, node, op(node).op->name, PlaceOf(node))) return "denied by '" + entry + "'";
    for (const Refusal& slow : plan_.slow_)
      if (slow.delegate == d && slow.node == node) return slow.text;
    return {};
  }

  // Of what it takes, the parts that are large enough, pay, and can be prepared.
  void Grant(int d, const DelegateSession& session, const std::vector<bool>& taken, Partition* partition) {
    std::vector<std::vector<int>> parts = partition->Cut(taken);
    const int most = options().delegates.max_parts;
    if (most > 0 && static_cast<int>(parts.size()) > most) {
      std::ranges::stable_sort(parts, std::greater<>(), [&](const std::vector<int>& part) { return Work(part); });
      for (size_t k = static_cast<size_t>(most); k < parts.size(); ++k)
        for (int i : parts[k]) Refuse(d, i, Format("beyond the limit of %d parts", most));
      parts.resize(static_cast<size_t>(most));
    }
    for (const std::vector<int>& positions : parts) {
      auto part = std::make_unique<DelegatePart>(plan_, session, d);
      part->positions = positions;
      for (int i : positions) part->nodes.push_back(nodes_[static_cast<size_t>(i)]);
      SetEnds(*part);
      std::string why = WhyNotWorth(*part);
      if (why.empty()) why = Prepare(*part);
      for (int i : positions) {
        if (!why.empty()) Refuse(d, i, why);
        else owned_[static_cast<size_t>(i)] = true;
      }
      if (!why.empty()) continue;
      partition->Keep(positions);
      segment_.parts.push_back(std::move(part));
    }
  }

  int64_t Work(const std::vector<int>& positions) const {
    int64_t work = 0;
    for (int i : positions) work += costs_[static_cast<size_t>(i)].macs + costs_[static_cast<size_t>(i)].bytes;
    return work;
  }

  void SetEnds(DelegatePart& part) {
    const int mark = ++mark_;
    for (int n : part.nodes) {
      part_mark_[static_cast<size_t>(n)] = mark;
      for (int32_t t : op(n).outputs) tensor_mark_[static_cast<size_t>(t)] = mark;
    }
    for (int n : part.nodes)
      for (int32_t t : op(n).inputs)
        if (t >= 0 && !plan_.tensors_[static_cast<size_t>(t)].known() && std::exchange(tensor_mark_[static_cast<size_t>(t)], mark) != mark)
          part.inputs.push_back(t);
    const auto leaves = [&](int32_t t) {
      const std::vector<int>& readers = readers_[static_cast<size_t>(t)];
      return std::ranges::any_of(readers, [&](int n) { return n < 0 || part_mark_[static_cast<size_t>(n)] != mark; });
    };
    for (int n : part.nodes)
      for (int32_t t : op(n).outputs)
        if (leaves(t)) part.outputs.push_back(t);
  }

  std::string WhyNotWorth(const DelegatePart& part) const {
    const Delegates& with = options().delegates;
    if (static_cast<int>(part.nodes.size()) < with.min_nodes) return Format("its part has %zu nodes, fewer than %d", part.nodes.size(), with.min_nodes);
    if (part.outputs.empty()) return "nobody reads what its part computes";
    if (with.pay_off != PayOff::kEstimate) return {};
    const OctetDelegateRates rates = part.session.delegate().rates();
    if (rates.run_us <= 0 && rates.copy_gbytes_s <= 0 && rates.f32_gmacs_s <= 0 && rates.int8_gmacs_s <= 0 && rates.gbytes_s <= 0 && rates.node_us <= 0)
      return {};
    const CpuRates cpu = RatesOf(ThisCpu());
    double there = rates.run_us, here = 0;
    for (int i : part.positions) {
      const ops::Cost& cost = costs_[static_cast<size_t>(i)];
      const bool is_float = IsFloat(plan_.tensors_[static_cast<size_t>(op(nodes_[static_cast<size_t>(i)]).outputs[0])].type.dtype);
      there += std::max(rates.node_us, 0.0) + Micros(cost, is_float, rates.f32_gmacs_s, rates.int8_gmacs_s, rates.gbytes_s);
      here += Micros(cost, is_float, cpu.f32_gmacs_s, cpu.int8_gmacs_s, cpu.gbytes_s) / std::max(1, options().threads);
    }
    uint64_t copied = 0;
    for (const std::vector<int32_t>* list : {&part.inputs, &part.outputs})
      for (int32_t t : *list) copied += BytesOf(plan_.tensors_[static_cast<size_t>(t)].type);
    if (rates.copy_gbytes_s > 0) there += static_cast<double>(copied) / rates.copy_gbytes_s * 1e-3;
    if (there < here) return {};
    return Format("its part of %zu nodes does not pay: about %.0f us with copies of %.1f kB, %.0f us on the CPU", part.nodes.size(), there,
                  static_cast<double>(copied) * 1e-3, here);
  }

  std::string Prepare(DelegatePart& part) {
    const OctetDelegatePart seen{part.positions.data(), static_cast<int32_t>(part.positions.size()), part.inputs.data(), part.outputs.data(),
                                 static_cast<int32_t>(part.inputs.size()), static_cast<int32_t>(part.outputs.size())};
    auto kernel = part.session.Prepare(seen);
    if (!kernel.ok()) {
      Fail(part.delegate, kernel.error().message() + Format("; its %zu nodes from #%d on go to who comes next", part.nodes.size(), part.nodes[0]));
      return kernel.error().message();
    }
    part.kernel = *kernel;
    part.prepared = true;
    part.variant.name = part.session.delegate().name();
    return {};
  }

  Plan& plan_;
  Segment& segment_;
  std::vector<int> nodes_;            // In the file; below, positions in this list.
  std::vector<ops::Cost> costs_;
  std::vector<std::string> stays_;
  std::vector<bool> owned_;
  std::vector<std::vector<int>> readers_;        // Of tensors: nodes, -1 for the caller.
  std::vector<int> part_mark_, tensor_mark_;     // By node and tensor: of the part looked at last.
  int mark_ = 0;
  std::shared_ptr<const DelegateGraph> graph_;
  std::vector<std::vector<int>> order_;
};

DelegatePart::~DelegatePart() {
  if (prepared) session.delegate().functions().release(kernel);
}

Status Plan::DelegateSteps(Segment& segment, size_t first_step) {
  if (options_.delegates.list.empty() || use_ != Use::kEntry || first_step >= steps_.size()) return {};
  Delegation delegation(*this, segment, first_step);
  OCTET_TRY(delegation.Run());
  if (segment.parts.empty()) return {};
  Reorder(delegation.order(), segment, first_step);
  RenewLastUses(segment, first_step);
  return {};
}

// Positions stay within the segment's, so that they compare with those of others; a part has its last node's.
void Plan::Reorder(const std::vector<std::vector<int>>& order, const Segment& segment, size_t first_step) {
  int position = segment.first_node + static_cast<int>(first_step - segment.first_step);
  steps_.resize(first_step);
  std::vector<DelegatePart*> part_at(graph_.operators.size());
  for (const std::unique_ptr<DelegatePart>& part : segment.parts) part_at[part->nodes[0]] = part.get();
  for (const std::vector<int>& unit : order) {
    position += static_cast<int>(unit.size());
    for (int n : unit) position_[n] = position - 1;
    Step& step = steps_.emplace_back();
    step.node = unit[0];
    DelegatePart* const part = part_at[step.node];
    if (!part) continue;
    step.part = part;
    step.run = RunPart;
    step.params = part;
    step.variant = &part->variant;
  }
}

void Plan::RenewLastUses(const Segment& segment, size_t first_step) {
  const auto ends_here = [&](int32_t t) { return t >= 0 && last_reader_[t] < segment.end_node; };
  for (int pass = 0; pass < 2; ++pass)
    for (size_t i = first_step; i < steps_.size(); ++i)
      for (const std::span<const int32_t> list : {InputsOf(steps_[i]), OutputsOf(steps_[i])})
        for (int32_t t : list)
          if (ends_here(t)) last_use_[t] = pass == 0 ? -1 : std::max(last_use_[t], PositionOf(steps_[i]));
}

Status Plan::RunPart(const void* params, const ops::Run& run) {
  DelegatePart& part = *static_cast<DelegatePart*>(const_cast<void*>(params));
  if (part.handed_back) return RunOnCpu(part, run);
  Plan& plan = part.plan;
  const double limit_us = plan.options_.delegates.timeout_ms * 1000;
  const Clock::time_point start = limit_us > 0 ? Clock::now() : Clock::time_point();
  char error[400] = {};
  const Delegate& delegate = part.session.delegate();
  const int answer = delegate.functions().run(part.kernel, reinterpret_cast<const void* const*>(run.in), reinterpret_cast<void* const*>(run.out),
                                              error, sizeof error);
  const double took_us = limit_us > 0 ? MicrosSince(start) : 0;
  if (answer == OCTET_DELEGATE_OK && took_us <= limit_us) return {};
  error[sizeof error - 1] = 0;
  const std::string why = answer != OCTET_DELEGATE_OK ? DelegateFailed(delegate, "it failed while running", error).message()
                                                      : Format("delegate '%s': a run took %.1f ms, the limit is %.1f", delegate.name().c_str(),
                                                               took_us * 1e-3, limit_us * 1e-3);
  plan.context_.delegate_failures[part.delegate] = why;
  plan.failures_.emplace_back(part.delegate, why + Format("; the CPU's kernels took over its %zu nodes from #%d on", part.nodes.size(), part.nodes[0]));
  OCTET_TRY(plan.HandBack(part));
  return answer == OCTET_DELEGATE_OK ? Status() : RunOnCpu(part, run);
}

Status Plan::RunOnCpu(const DelegatePart& part, const ops::Run& run) {
  for (const Step& step : part.cpu) OCTET_TRY(step.run(step.params, {step.in.data(), step.out.data(), step.workspace, run.pool, run.host}));
  return {};
}

// Kernels for the part's nodes, with memory of their own for what lies between them: nothing that is there moves.
Status Plan::HandBack(DelegatePart& part) {
  std::vector<Life> lives;
  std::vector<int32_t> between;
  std::vector<int> life_of(tensors_.size(), -1);
  const int end = static_cast<int>(part.nodes.size());
  part.cpu.assign(part.nodes.size(), {});
  for (int i = 0; i < end; ++i) {
    const tflite::OperatorInfo& op = graph_.operators[part.nodes[i]];
    OCTET_TRY(Prepare(part.nodes[i], part.cpu[i], nullptr));
    for (int32_t t : op.inputs)
      if (t >= 0 && life_of[t] >= 0) lives[life_of[t]].last = i;
    for (int32_t t : op.outputs) {
      if (std::ranges::find(part.outputs, t) != part.outputs.end()) continue;
      life_of[t] = static_cast<int>(lives.size());
      lives.push_back({BytesOf(tensors_[t].type), i, i});
      between.push_back(t);
    }
  }
  for (int i = 0; i < end; ++i) lives.push_back({part.cpu[i].workspace_bytes, i, i});
  const Placement placement = PlaceMemory(lives);
  OCTET_TRY(CheckLimit(placement.arena_bytes));
  OCTET_ASSIGN(part.memory, AlignedBuffer::Make(std::max<uint64_t>(placement.arena_bytes, kArenaAlignment)));
  for (size_t k = 0; k < between.size(); ++k) {
    TensorState& t = tensors_[between[k]];
    t.home = Home::kArena;
    t.bytes = lives[k].bytes;
    t.data = part.memory.data() + placement.offsets[k];
  }
  for (int i = 0; i < end; ++i) part.cpu[i].workspace = part.memory.data() + placement.offsets[between.size() + static_cast<size_t>(i)];
  BindPart(part);
  part.handed_back = true;
  return {};
}

Status Plan::HandBackAll(const std::string& why) {
  for (Segment& segment : segments_)
    for (const std::unique_ptr<DelegatePart>& part : segment.parts) {
      if (part->handed_back) continue;
      OCTET_TRY(HandBack(*part));
      failures_.emplace_back(part->delegate, why + Format("; the CPU's kernels took over its %zu nodes from #%d on", part->nodes.size(), part->nodes[0]));
    }
  return {};
}

void Plan::BindPart(DelegatePart& part) const {
  for (Step& step : part.cpu) BindOperands(step.node, &step.in, &step.out);
}

// Parts of the first segment against the CPU, with whatever the memory holds: zeros.
Status Plan::RefuseSlowParts(bool* any) {
  if (options_.delegates.pay_off != PayOff::kMeasure || segments_.empty()) return {};
  ThreadPool pool(options_.threads);
  constexpr int kRuns = 4;  // The first warms up.
  for (size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    if (!step.part) continue;
    DelegatePart& part = *const_cast<DelegatePart*>(step.part);
    const ops::Run run{step.in.data(), step.out.data(), step.workspace, &pool, this};
    double there = INFINITY, here = INFINITY;
    for (int k = 0; k < kRuns; ++k) {
      const Clock::time_point start = Clock::now();
      OCTET_TRY(RunPart(&part, run));
      if (k > 0) there = std::min(there, MicrosSince(start));
    }
    if (part.handed_back) continue;  // It failed: said already.
    OCTET_TRY(HandBack(part));
    for (int k = 0; k < kRuns; ++k) {
      const Clock::time_point start = Clock::now();
      OCTET_TRY(RunOnCpu(part, run));
      if (k > 0) here = std::min(here, MicrosSince(start));
    }
    part.handed_back = there >= here;
    if (!part.handed_back) continue;
    *any = true;
    for (int n : part.nodes)
      slow_.push_back({part.delegate, n, Format("its part of %zu nodes does not pay: measured %.0f us, %.0f us on the CPU", part.nodes.size(), there, here)});
  }
  return {};
}

ops::Cost Plan::CostOf(int node) const {
  const tflite::OperatorInfo& op = graph_.operators[node];
  std::vector<const TensorType*> in, out;
  std::vector<const std::byte*> constants;
  for (int32_t t : op.inputs) {
    in.push_back(t < 0 ? nullptr : &tensors_[t].type);
    constants.push_back(t >= 0 && tensors_[t].known() ? tensors_[t].data : nullptr);
  }
  for (int32_t t : op.outputs) out.push_back(&tensors_[t].type);
  return ops::CostOf({op.op, PlaceOf(node), in, out, constants, op.attributes.data()});
}

ops::Cost Plan::CostOf(const NodeGroup& group) const {
  ops::Cost cost;
  const auto add = [&](std::span<const int32_t> tensors, bool constant) {
    for (int32_t t : tensors)
      if (t >= 0 && tensors_[t].known() == constant) cost.bytes += static_cast<int64_t>(BytesOf(tensors_[t].type));
  };
  add(group.inputs, false), add(group.outputs, false);
  for (int n : group.nodes) {
    cost.macs += CostOf(n).macs;
    add(graph_.operators[n].inputs, true);
  }
  return cost;
}

const DelegatePart* Plan::part_of(int node) const {
  for (const Segment& segment : segments_)
    for (const std::unique_ptr<DelegatePart>& part : segment.parts)
      if (!part->handed_back && std::ranges::find(part->nodes, node) != part->nodes.end()) return part.get();
  return nullptr;
}

std::vector<DelegateDetails> Plan::delegate_details() const {
  const std::vector<std::shared_ptr<const Delegate>>& list = options_.delegates.list;
  std::vector<DelegateDetails> all(list.size() + 1);
  std::vector<int64_t> macs(all.size());
  for (size_t d = 0; d < list.size(); ++d) all[d].name = list[d]->name();
  DelegateDetails& cpu = all.back();
  cpu.name = "cpu";
  std::vector<size_t> owner(graph_.operators.size(), list.size());
  for (const Segment& segment : segments_)
    for (const std::unique_ptr<DelegatePart>& part : segment.parts) {
      if (part->handed_back) continue;
      DelegateDetails& d = all[static_cast<size_t>(part->delegate)];
      ++d.partitions;
      d.copies += static_cast<int>(part->inputs.size() + part->outputs.size());
      for (const std::vector<int32_t>* ends : {&part->inputs, &part->outputs})
        for (int32_t t : *ends) d.copy_bytes += static_cast<int64_t>(BytesOf(tensors_[t].type));
      for (int n : part->nodes) owner[static_cast<size_t>(n)] = static_cast<size_t>(part->delegate);
    }
  int total = 0;
  int64_t total_macs = 0;
  for (size_t n = 0; n < owner.size(); ++n) {
    const std::span<const int32_t> outputs = graph_.operators[n].outputs;
    if (!outputs.empty() && tensors_[outputs[0]].home == Home::kFolded) continue;
    const int64_t node_macs = CostOf(static_cast<int>(n)).macs;
    ++total;
    ++all[owner[n]].nodes;
    macs[owner[n]] += node_macs;
    total_macs += node_macs;
  }
  for (size_t d = 0; d < all.size(); ++d) {
    all[d].total_nodes = total;
    if (total > 0)
      all[d].mac_share = total_macs > 0 ? static_cast<double>(macs[d]) / static_cast<double>(total_macs) : static_cast<double>(all[d].nodes) / total;
  }
  for (const Refusal& r : refusals_) {
    const tflite::OperatorInfo& op = graph_.operators[r.node];
    const std::string_view place = op.outputs.empty() ? std::string_view() : graph_.tensors[op.outputs[0]].name;
    all[static_cast<size_t>(r.delegate)].reasons.push_back({r.node, op.op->name, place, r.text});
  }
  for (const auto& [d, text] : failures_) all[static_cast<size_t>(d)].failures.push_back(text);
  return all;
}

std::vector<DelegateTiming> Plan::delegate_timings() const {
  std::vector<DelegateTiming> all;
  for (const Segment& segment : segments_)
    for (const std::unique_ptr<DelegatePart>& part : segment.parts) {
      const OctetDelegate& f = part->session.delegate().functions();
      if (part->handed_back || !f.timings) continue;
      const OctetDelegateGraph& graph = part->session.graph();
      std::vector<OctetDelegateTiming> timings(static_cast<size_t>(graph.num_nodes) + 16);
      const int32_t count = std::min(f.timings(part->kernel, timings.data(), static_cast<int32_t>(timings.size())), static_cast<int32_t>(timings.size()));
      for (int32_t i = 0; i < count; ++i)
        if (timings[i].node >= 0 && timings[i].node < graph.num_nodes) all.push_back({graph.nodes[timings[i].node].index, timings[i].us});
    }
  return all;
}

}  // namespace octet::runtime
