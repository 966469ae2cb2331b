// SPDX-License-Identifier: Apache-2.0
#include "importers/lowerings/signs.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace octet::importers {
namespace {

using graph::Graph;
using graph::Node;
using graph::TensorId;

bool OneOf(std::string_view op, std::initializer_list<std::string_view> ops) { return std::ranges::find(ops, op) != ops.end(); }

// Whether all that an operator's outputs hold are elements of its inputs, and zeros.
bool Moves(const ops::OpDef& op) { return (op.traits & (ops::kMovesBytes | ops::kAliases)) && !op.outputs.empty(); }

// Of such an operator: whether input i gives elements, as one of the outputs' type.
bool GivesElements(const ops::OpDef& op, size_t i) { return op.inputs[std::min(i, op.inputs.size() - 1)].type == op.outputs[0].type; }

// The only input whose numbers an operator moves, rounds or casts; -1: none, or there are several.
int MovedInput(const Node& node) {
  if (OneOf(node.op->name, {"cast", "floor", "ceil", "round"})) return 0;
  if (!Moves(*node.op)) return -1;
  int moved = -1;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (!GivesElements(*node.op, i)) continue;
    if (moved >= 0) return -1;
    moved = static_cast<int>(i);
  }
  return moved;
}

bool IsUnsigned(DType t) { return t == DType::kBool || t == DType::kU8 || t == DType::kU16 || t == DType::kU32 || t == DType::kU64; }

template <class T> bool NoneBelowZero(const graph::Tensor& t) {
  return std::ranges::all_of(t.data<T>(), [](T v) { return v >= T{0}; });
}

bool ConstantNeverNegative(const graph::Tensor& t) {
  switch (t.type.dtype) {
    case DType::kI64: return NoneBelowZero<int64_t>(t);
    case DType::kI32: return NoneBelowZero<int32_t>(t);
    case DType::kI16: return NoneBelowZero<int16_t>(t);
    case DType::kI8: return NoneBelowZero<int8_t>(t);
    case DType::kF32: return NoneBelowZero<float>(t);
    default: return IsUnsigned(t.type.dtype);
  }
}

class Signs {
 public:
  Signs(const Graph& g, const std::set<TensorId>& known) : g_(g), known_(known) {}

  bool NeverNegative(TensorId v, int depth = 0) {
    constexpr int kDeepest = 32, kMostLooks = 256;
    if (v < 0 || depth > kDeepest || ++looks_ > kMostLooks) return false;
    const graph::Tensor& t = g_.tensor(v);
    if (t.constant) return ConstantNeverNegative(t);
    if (IsUnsigned(t.type.dtype) || known_.contains(v)) return true;
    return t.producer >= 0 && Makes(g_.node(t.producer), v, depth + 1);
  }

 private:
  bool Makes(const Node& node, TensorId v, int depth) {
    const std::string_view op = node.op->name;
    const auto input = [&](size_t i) { return i < node.inputs.size() && NeverNegative(node.inputs[i], depth); };
    const auto never = [&](TensorId in) { return NeverNegative(in, depth); };
    if (Moves(*node.op)) {
      for (size_t i = 0; i < node.inputs.size(); ++i)
        if (GivesElements(*node.op, i) && !never(node.inputs[i])) return false;
      return true;
    }
    if (const int moved = MovedInput(node); moved >= 0) return input(static_cast<size_t>(moved));
    if (OneOf(op, {"where", "arg_max", "arg_min", "shape", "rank", "abs", "relu", "relu6", "square"})) return true;
    if (op == "topk_v2" || op == "unique") return v == node.outputs[1] || input(0);
    if (OneOf(op, {"add", "mul", "minimum", "add_n", "div", "floor_div"})) return std::ranges::all_of(node.inputs, never);
    if (op == "maximum") return std::ranges::any_of(node.inputs, never);
    if (OneOf(op, {"sum", "reduce_max", "reduce_min", "reduce_prod", "cumsum"})) return input(0);
    if (op == "floor_mod") return input(1);
    if (op == "range") return input(0) && input(2);
    if (OneOf(op, {"select", "select_v2"})) return input(1) && input(2);
    return false;
  }

  const Graph& g_;
  const std::set<TensorId>& known_;
  int looks_ = 0;
};

}  // namespace

bool NeverNegative(const Graph& g, TensorId v, const std::set<TensorId>& known) { return v >= 0 && Signs(g, known).NeverNegative(v); }

TensorId SourceOfNumbers(const Graph& g, TensorId v) {
  while (v >= 0 && g.tensor(v).producer >= 0) {
    const Node& maker = g.node(g.tensor(v).producer);
    const int moved = MovedInput(maker);
    if (moved < 0) break;
    v = maker.inputs[static_cast<size_t>(moved)];
  }
  return v;
}

}  // namespace octet::importers
