// SPDX-License-Identifier: Apache-2.0
// What a target (a delegate, an accelerator, the microcontroller runtime) takes of a .tflite. The rules of each target
// are one file of checker/targets, built in; its grammar:
//   title TEXT                       the target's own name
//   source URL                       where the rules are from; may repeat
//   static "REASON" -> "ADVICE"      every dimension must be known
//   types T…  "REASON" -> "ADVICE"   element types of activations; a model of others is reported once
//   op NAME…                         operators that it has (as in .tflite, lower case); "op *": all
//   need NAME CONDITION "REASON" -> "ADVICE"     must hold wherever NAME ("*": any operator) is used
//   instead NAME "ADVICE"            what to write in the place of an operator that it lacks
//   unverified op …, unverified need …          the same, where no source at hand says so: whoever relies on it is told
// CONDITION is one of these, or several with "or" between them:
//   attr NAME OP NUMBER     rank OPERAND OP NUMBER     dim OPERAND AXIS OP NUMBER     elements OPERAND OP NUMBER
//   constant OPERAND        computed OPERAND           inputs OP NUMBER               equal ATTR ATTR
//   type OPERAND T…         version OP NUMBER          each OPERAND OP NUMBER         value OPERAND INDEX OP NUMBER
// with OP one of == != <= >=, OPERAND an input, or "out"; each and value look into constants of whole numbers. What is absent
// or unknown satisfies a condition.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace octet::checker {

struct Advice {
  std::string reason, advice;
};

struct Condition {
  std::string kind, name, other;
  int operand = 0, axis = 0;  // operand -1: the output.
  std::string relation;
  double number = 0;
  std::vector<std::string> types;
};

struct Need {
  std::string op;
  std::vector<Condition> conditions;  // One of them must hold.
  Advice text;
  bool verified = true;
};

struct Target {
  std::string name, title;
  std::vector<std::string> sources, ops, types;
  std::vector<std::string> unverified;  // Of the operators.
  bool wants_static = false;
  Advice static_text, types_text;
  std::vector<Need> needs;
  std::vector<std::pair<std::string, std::string>> instead;
};

// One thing that does not run on the target.
struct Obstacle {
  std::string place, op, reason, advice;  // op empty: the whole model.
};

std::vector<std::string> TargetNames();
Result<Target> LoadTarget(std::string_view name);
// The grammar above; `name` is for messages.
Result<Target> ParseTarget(std::string_view name, std::string_view text);
// What stands in the way, each once.
std::vector<Obstacle> Evaluate(const Target& target, const graph::Model& model);
// The model's operators that the target has as far as is known, but no source at hand says so.
std::vector<std::string> TakenOnTrust(const Target& target, const graph::Model& model);

}  // namespace octet::checker
