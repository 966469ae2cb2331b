// SPDX-License-Identifier: Apache-2.0
#include "quantizer/kernel_limits.h"

#include <algorithm>
#include <cmath>

#include "passes/visible_ranges.h"
#include "quantizer/roles.h"
#include "quantizer/weight_scales.h"

namespace octet::quantizer {
namespace {

using graph::NodeId;
using graph::TensorId;

constexpr float kFewestDivisorSteps = 32;      // From zero: a root of 32 steps is made of 4, which rounding may take away.
constexpr float kCoarsestSums = 256;           // XNNPACK's own limit.
constexpr int kSumBits = 20, kSumBits16 = 15;  // By which LiteRT's sums are finer than twice an operand's step; the output's may not be finer.

class Limits {
 public:
  Limits(const graph::Graph& g, const GraphScales& scales) : g_(g), scales_(scales) {}

  // Why the node cannot be integer with these activations; each null where it can.

  // Kernels refuse a divisor of no steps; other samples may come nearer to zero.
  const char* OfDivision(NodeId id, DType type) const {
    const TensorId t = passes::DivisorOf(g_.node(id));
    if (!IsFloatTensor(g_, t)) return nullptr;
    if (scales_.RangeOf(t).nearest < kFewestDivisorSteps * scales_.Of(t, type).scale0()) return "divides by numbers that would be rounded to zero";
    return HangsOnDecisions(t) ? "divides by a count of what rounded numbers may decide otherwise" : nullptr;
  }

  // Kernels refuse sums whose steps are that much coarser than the output's.
  const char* OfSum(NodeId id, DType type) const {
    const float step = CoarsestStep(id, type);
    const bool coarse = step > 0 && step >= scales_.Of(g_.node(id).outputs[0], type).scale0();
    return coarse ? "one step of its input moves the output from end to end, which kernels refuse" : nullptr;
  }

  // What an operator's own check refuses: an average over more cells than sums of 16-bit numbers have room for.
  Status OfOperator(NodeId id, DType type) const {
    const graph::Node& n = g_.node(id);
    const auto computed = [&](TensorId t) { return IsFloatTensor(g_, t) && !g_.is_constant(t); };
    if (!n.op->check || !n.callees.empty() || !std::ranges::all_of(n.inputs, computed)) return {};
    const graph::NodeView lens(g_, id);
    std::vector<TensorType> types;
    for (TensorId t : n.inputs) types.push_back({type, g_.tensor(t).type.shape, scales_.Of(t, type)});
    for (TensorId t : n.outputs) types.push_back({type, g_.tensor(t).type.shape, scales_.Of(t, type)});
    std::vector<const TensorType*> operands;
    for (const TensorType& t : types) operands.push_back(&t);
    ops::OpView view = lens.view();
    view.inputs = std::span(operands).first(n.inputs.size());
    view.outputs = std::span(operands).subspan(n.inputs.size());
    return n.op->check(view);
  }

 private:
  // In relation to what kernels take, the coarsest step of what is summed up: the data's, times the largest weight's, or an operand's.
  // 0: it is no such sum.
  float CoarsestStep(NodeId id, DType type) const {
    const graph::Node& n = g_.node(id);
    WeightedOp op;
    if (FindWeights(g_, id, &op)) {
      const float step = scales_.Of(n.inputs[op.data], type).scale0() * SymmetricScale(g_.tensor(n.inputs[op.weights]).data<float>(), kInt8Steps);
      return type == DType::kI8 ? step / kCoarsestSums : 0;
    }
    constexpr uint32_t kSum = ops::kElementwise | ops::kJointlyHomogeneous;
    float step = 0;
    for (TensorId t : n.inputs)
      if ((n.op->traits & kSum) == kSum && IsFloatTensor(g_, t)) step = std::max(step, scales_.Of(t, type).scale0());
    return std::ldexp(step, 1 - (type == DType::kI8 ? kSumBits : kSumBits16));
  }

  // Is it made of truths about computed numbers, as the size of a sparse softmax's support? A sum of weights in between evens them out.
  bool HangsOnDecisions(TensorId t) const {
    std::vector<TensorId> open = {t};
    std::set<NodeId> seen;
    while (!open.empty()) {
      const TensorId made = open.back();
      open.pop_back();
      const NodeId id = made == graph::kNoTensor ? -1 : g_.tensor(made).producer;
      WeightedOp op;
      if (id < 0 || FindWeights(g_, id, &op) || !seen.insert(id).second) continue;
      const std::vector<TensorId>& inputs = g_.node(id).inputs;
      const auto computed = [&](TensorId in) { return IsFloatTensor(g_, in) && g_.tensor(in).producer >= 0; };
      if (g_.tensor(made).type.dtype == DType::kBool && std::ranges::any_of(inputs, computed)) return true;
      open.insert(open.end(), inputs.begin(), inputs.end());
    }
    return false;
  }

  const graph::Graph& g_;
  const GraphScales& scales_;
};

}  // namespace

void FindRefused(const graph::Graph& g, const IntegerNodes& nodes, const GraphScales& scales, std::map<std::string, std::string>* refused) {
  const Limits limits(g, scales);
  for (NodeId id : nodes.all()) {
    const std::optional<DType> type = nodes.TypeOf(id);
    if (!type) continue;
    const auto refuse = [&](const std::string& reason) { refused->try_emplace(g.tensor(g.node(id).outputs[0]).name, reason); };
    if (const char* division = limits.OfDivision(id, *type)) refuse(division);
    else if (const char* sum = limits.OfSum(id, *type)) refuse(sum);
    else if (const Status fits = limits.OfOperator(id, *type); !fits.ok()) refuse(fits.message());
  }
}

}  // namespace octet::quantizer
