// SPDX-License-Identifier: Apache-2.0
//   assign_variable(v, x), read_variable(v) -> y   becomes   assign_variable(v, x), and y's readers read x
//   read_variable(v) -> x, read_variable(v) -> y   becomes   read_variable(v) -> x, and y's readers read x
// as long as nothing in between can write: no other subgraph is called, and no variable is written whose name is not known.
#include <map>

#include "passes/rewrites.h"

namespace octet::passes {
namespace {

using graph::Graph;
using graph::NodeId;
using graph::TensorId;

// What is known of variables at one place of the order. Handles with the same attributes are the same variable.
class Known {
 public:
  explicit Known(const Graph& g) : g_(g) {}

  // The node that names the variable, or -1.
  NodeId Variable(TensorId handle) {
    const NodeId made_by = g_.tensor(handle).producer;
    if (made_by < 0 || g_.node(made_by).op->name != "var_handle") return -1;
    const auto same = std::ranges::find_if(names_, [&](NodeId other) { return g_.node(other).attrs == g_.node(made_by).attrs; });
    if (same != names_.end()) return *same;
    names_.push_back(made_by);
    return made_by;
  }
  void Set(NodeId variable, TensorId value) { values_[variable] = value; }
  void Forget() { values_.clear(); }
  TensorId Value(NodeId variable) const {
    const auto it = values_.find(variable);
    return it == values_.end() ? graph::kNoTensor : it->second;
  }

 private:
  const Graph& g_;
  std::vector<NodeId> names_;
  std::map<NodeId, TensorId> values_;
};

bool SameType(const Graph& g, TensorId a, TensorId b) {
  const TensorType &x = g.tensor(a).type, &y = g.tensor(b).type;
  return x.dtype == y.dtype && x.shape == y.shape && x.quant == y.quant;
}

bool Read(Graph& g, NodeId id, Known* known) {
  const TensorId y = g.node(id).outputs[0];
  const NodeId variable = known->Variable(g.node(id).inputs[0]);
  if (variable < 0) return false;
  const TensorId value = known->Value(variable);
  if (value == graph::kNoTensor || g.is_output(y) || !SameType(g, value, y)) {
    known->Set(variable, y);
    return false;
  }
  g.ReplaceUses(y, value);
  g.Erase(id);
  return true;
}

}  // namespace

Result<int> ShareVariables(Graph& g) {
  Known known(g);
  return ForEachNode(g, [&](NodeId id) {
    const graph::Node& n = g.node(id);
    if (n.op->name == "read_variable") return Read(g, id, &known);
    if (n.op->name == "assign_variable" && known.Variable(n.inputs[0]) >= 0) {
      known.Set(known.Variable(n.inputs[0]), n.inputs[1]);
    } else if ((n.op->traits & ops::kSideEffects) && !n.op->name.starts_with("hashtable")) {
      known.Forget();
    }
    return false;
  });
}

}  // namespace octet::passes
