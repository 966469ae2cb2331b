// SPDX-License-Identifier: Apache-2.0
// State that outlives a run and is shared by all subgraphs of an interpreter: variables and hash tables.
// Tensors of type resource hold an id; ids come from data, so every use of one is checked.
#pragma once
#include <array>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/aligned_buffer.h"
#include "base/status.h"
#include "base/types.h"

namespace octet::ops {

class Callee;

struct Variable {
  bool set = false;
  TensorType type;
  uint64_t bytes = 0;
  AlignedBuffer data;               // Grows, never shrinks.
  std::deque<std::string> strings;  // The characters of a string variable.
};

// From int64 to string or back: what TensorFlow Lite's tables hold.
struct HashTable {
  DType key = DType::kNone, value = DType::kNone;
  bool filled = false;  // The first import wins.
  std::unordered_map<int64_t, std::string> to_string;
  std::unordered_map<std::string, int64_t> to_int;
  size_t size() const { return to_string.size() + to_int.size(); }
};

// Of one random operator; made of its seeds, and made anew by Allocate.
struct RandomState {
  bool seeded = false;
  std::array<uint32_t, 2> key{};
  std::array<uint32_t, 4> counter{}, start{};
};

class Resources {
 public:
  // The variable or table of that name, made on first use.
  ResourceId VariableId(std::string_view container, std::string_view name);
  ResourceId TableId(int32_t table, DType key, DType value);
  // Null where the id names none.
  Variable* variable(ResourceId id);
  HashTable* table(ResourceId id);
  std::map<const void*, RandomState> generators;  // By the node's attributes.
  // The subgraphs that CALL_ONCE has run.
  std::set<const Callee*> called;

  // No variable has a value any more; CALL_ONCE gives the first ones again.
  void ForgetVariables() {
    for (Variable& v : variables_) v.set = false;
    called.clear();
  }
  void RestartGenerators() {
    for (auto& [_, generator] : generators) generator.counter = generator.start;
  }

 private:
  std::map<std::pair<std::string, std::string>, ResourceId> variable_ids_;
  std::map<int32_t, ResourceId> table_ids_;
  std::deque<Variable> variables_;
  std::deque<HashTable> tables_;
};

}  // namespace octet::ops
