// SPDX-License-Identifier: Apache-2.0
// The rewrites that pipeline.cc lists, and what they share.
#pragma once
#include <algorithm>
#include <optional>

#include "passes/pass.h"

namespace octet::passes {

Result<int> RemoveIdentity(graph::Graph& g);
// Of loops whose subgraphs nobody else calls; at least one variable stays.
Result<int> DropLoopVariables(graph::Model& model);
Result<int> MergeLoopVariables(graph::Model& model);
Result<int> MergeLoopLists(graph::Model& model);
Result<int> HoistConditions(graph::Model& model);
Result<int> FoldConstants(graph::Graph& g);
Result<int> MergeDuplicates(graph::Graph& g);
Result<int> ShareVariables(graph::Graph& g);
Result<int> ReadDimensions(graph::Graph& g);
Result<int> SimplifyArithmetic(graph::Graph& g);
Result<int> Reassociate(graph::Graph& g);
Result<int> FuseNormalization(graph::Graph& g);
Result<int> FuseHardSwish(graph::Graph& g);
Result<int> FuseDilation(graph::Graph& g);
Result<int> FoldInputs(graph::Graph& g);
Result<int> MergeSlices(graph::Graph& g);
Result<int> MergeSteps(graph::Graph& g);
Result<int> MatrixVector(graph::Graph& g);
Result<int> MergeBroadcasts(graph::Graph& g);
Result<int> MergeReshapes(graph::Graph& g);
Result<int> LiftElementwise(graph::Graph& g);
Result<int> MergeTransposes(graph::Graph& g);
Result<int> ReshapeOnes(graph::Graph& g);
Result<int> MoveTransposes(graph::Graph& g);
Result<int> ReshapeTransposes(graph::Graph& g);
Result<int> FoldScale(graph::Graph& g);
Result<int> FoldAffine(graph::Graph& g);
Result<int> FusePadding(graph::Graph& g);
Result<int> FuseActivation(graph::Graph& g);
Result<int> LowerQuantized(graph::Graph& g);
// Takes the grids off float constants that no integer operator asked for.
void DropGrids(graph::Graph& g);

// Takes `node` out: everyone who read its output reads its input `i`. A graph output keeps its name.
// False where that cannot be (the output is a graph output and the input is one, too, or is not computed).
bool Bypass(graph::Graph& g, graph::NodeId node, int i = 0);

// Puts another operator in the place of `node`: it makes the same output.
graph::NodeId Replace(graph::Graph& g, graph::NodeId node, std::string_view op, std::vector<graph::TensorId> inputs, graph::Attributes attrs);
graph::NodeId Replace(graph::Graph& g, graph::NodeId node, std::string_view op, std::vector<graph::TensorId> inputs);
// A reshape of x to the shape of y in the place of `node`, which made y. At most one dimension of y is unknown.
graph::NodeId ReplaceByReshape(graph::Graph& g, graph::NodeId node, graph::TensorId x);

// The node of that name that makes t, or -1.
graph::NodeId Maker(const graph::Graph& g, graph::TensorId t, std::string_view op);

// The node behind that one in the order, or -1.
graph::NodeId NodeAfter(const graph::Graph& g, graph::NodeId id);

// x where t is expand_dims(x, axis), or kNoTensor.
graph::TensorId WithoutAxis(const graph::Graph& g, graph::TensorId t, int axis);

// The one int32 of a constant that has no other, or nothing.
std::optional<int32_t> ConstantNumber(const graph::Graph& g, graph::TensorId t);

// One float for all elements of a constant, or nothing.
std::optional<float> UniformValue(const graph::Graph& g, graph::TensorId t);

// Moves the output of `second` to `first` and erases `second`: first -> mid -> second -> y becomes
// first -> y. `mid` must have no other use.
void AbsorbConsumer(graph::Graph& g, graph::NodeId first, graph::NodeId second);

// The attribute of that name as a T, or null where the operator has none.
template <class T> T* FindAttr(graph::Node& n, std::string_view name) {
  for (const ops::AttrRow& row : n.op->attrs.rows)
    if (row.name == name && row.kind == ops::KindOf<T>()) return static_cast<T*>(row.at(n.attrs.get()));
  return nullptr;
}
template <class T> const T* FindAttr(const graph::Node& n, std::string_view name) { return FindAttr<T>(const_cast<graph::Node&>(n), name); }

// Copies of the node list are walked, because rewrites change it; erased nodes are skipped.
template <class Body> int ForEachNode(graph::Graph& g, const Body& body) {
  int rewrites = 0;
  for (const std::vector<graph::NodeId> nodes = g.order(); graph::NodeId id : nodes)
    if (g.node(id).op) rewrites += body(id) ? 1 : 0;
  return rewrites;
}

}  // namespace octet::passes
