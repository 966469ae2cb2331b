// SPDX-License-Identifier: Apache-2.0
// What the states of recurrent operators go through inside a sequence: the operator runs again, alone, one
// step at a time, on the input that the whole model gave it.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "runtime/interpreter.h"

namespace octet::quantizer {

struct StateRange {
  float min = 0, max = 0;
};

// One thread at a time.
class StateObserver {
 public:
  // One per operator that keeps states over a sequence; empty where the model has none.
  static Result<std::vector<std::unique_ptr<StateObserver>>> ForAll(const graph::Model& model);
  // After `whole` has run a sample; adds to ranges(), by the variables' names.
  Status Observe(const runtime::Interpreter& whole);
  const std::map<std::string, StateRange>& ranges() const { return ranges_; }

 private:
  static Result<std::unique_ptr<StateObserver>> Make(const graph::Graph& g, graph::NodeId id);
  std::string input_;                      // In the whole model.
  std::vector<std::byte> bytes_;
  std::shared_ptr<const runtime::Model> model_;
  std::unique_ptr<runtime::Interpreter> step_;
  std::vector<int> states_;                // Tensors of step_.
  std::map<std::string, StateRange> ranges_;
};

}  // namespace octet::quantizer
