// SPDX-License-Identifier: Apache-2.0
// Models with one loop, as text.
#pragma once
#include <string>

namespace octet::test {

// The lines of the three graphs; those of `variables` stand at the head of both subgraphs. The loop is
// `while … cond_subgraph_index=#1 body_subgraph_index=#2` in `main`.
struct LoopText {
  std::string main, variables, condition, body;
  std::string text() const {
    return "graph main\n" + main + "\ngraph cond\n" + variables + "\n" + condition + "\ngraph body\n" + variables + "\n" + body + "\n";
  }
};

// One line: a constant number.
inline std::string Whole(const std::string& name, const std::string& value) { return "const " + name + ": i32[] = [" + value + "]\n"; }

// The condition n < limit.
inline std::string Below(const std::string& limit) { return Whole("limit", limit) + "less (n, limit) -> (go: bool[])\noutput go"; }

}  // namespace octet::test
