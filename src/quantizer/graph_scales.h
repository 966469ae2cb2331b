// SPDX-License-Identifier: Apache-2.0
// The scales of one graph's tensors by the operators' rules: which are fixed, which have to be one, and which an operand takes.
#pragma once
#include "quantizer/integer_nodes.h"
#include "quantizer/scale_classes.h"

namespace octet::quantizer {

class GraphScales {
 public:
  // Adds the graph's tensors, as they are now, to the classes, which all graphs of the model share. All four outlive it.
  GraphScales(const graph::Graph& g, const IntegerNodes& nodes, const std::map<std::string, Range>& ranges, ScaleClasses* classes);

  // The number of a tensor in the classes.
  int Number(graph::TensorId t) const { return first_ + t; }
  // Of a tensor as it came: what was observed, or what a constant holds.
  Range RangeOf(graph::TensorId t) const;

  // In this order, each for all graphs before the next. What has no fixed scale is joined first: whether a fixed one covers a class shows when
  // the class is whole.
  void Fix();
  void JoinSame(bool fixed_too);
  void JoinSteps();

  // From then on. For users of that type.
  Quant Of(graph::TensorId t, DType type) const { return classes_.Of(Number(t), type); }
  // That operand i of the node (outputs: ~i), which is t, has to have.
  Quant Wanted(const graph::Node& n, int operand, graph::TensorId t, DType type) const;
  // All classes that integer nodes make or read.
  std::vector<ScaleClass> Report() const;

 private:
  void JoinSame(const graph::Node& n, DType type, bool fixed_too);
  void JoinStep(size_t first, size_t other, size_t length);
  bool SameType(graph::NodeId a, graph::NodeId b) const;
  void Unite(graph::TensorId a, graph::TensorId b, DType type) { classes_.Unite(Number(a), Number(b), type); }

  const graph::Graph& g_;
  const IntegerNodes& nodes_;
  const std::map<std::string, Range>& ranges_;
  ScaleClasses& classes_;
  int first_ = 0;
};

// Of a node: an input, or for ~i an output.
inline graph::TensorId OperandOf(const graph::Node& n, int operand) { return operand < 0 ? n.outputs[~operand] : n.inputs[operand]; }

}  // namespace octet::quantizer
