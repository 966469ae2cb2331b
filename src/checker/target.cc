// SPDX-License-Identifier: Apache-2.0
#include "checker/target.h"

#include <algorithm>
#include <charconv>

namespace octet::checker {
namespace {

struct File {
  std::string_view name, text;
};
constexpr File kFiles[] = {
#include "targets.inc"
};

// Words and "quoted texts" of a line; # begins a comment.
bool Split(std::string_view line, std::vector<std::string>* words) {
  words->clear();
  for (size_t at = 0; at < line.size();) {
    if (line[at] == ' ' || line[at] == '\t') {
      ++at;
    } else if (line[at] == '#') {
      break;
    } else if (line[at] == '"') {
      const size_t end = line.find('"', at + 1);
      if (end == std::string_view::npos) return false;
      words->emplace_back(line.substr(at + 1, end - at - 1));
      at = end + 1;
    } else {
      const size_t end = std::min(line.find_first_of(" \t", at), line.size());
      words->emplace_back(line.substr(at, end - at));
      at = end;
    }
  }
  return true;
}

bool ToNumber(const std::string& text, double* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool ToOperand(const std::string& text, int* out) {
  double number = 0;
  if (text == "out") return *out = -1, true;
  if (!ToNumber(text, &number)) return false;
  *out = static_cast<int>(number);
  return true;
}

// The trailing "REASON" -> "ADVICE".
bool TakeText(std::vector<std::string>* words, Advice* text) {
  const size_t n = words->size();
  if (n < 3 || (*words)[n - 2] != "->") return false;
  text->reason = (*words)[n - 3];
  text->advice = (*words)[n - 1];
  words->resize(n - 3);
  return true;
}

bool ParseCondition(std::span<const std::string> w, Condition* c) {
  if (w.empty()) return false;
  c->kind = w[0];
  const auto relation = [&](size_t at) {
    if (w.size() != at + 2) return false;
    c->relation = w[at];
    return (w[at] == "==" || w[at] == "!=" || w[at] == "<=" || w[at] == ">=") && ToNumber(w[at + 1], &c->number);
  };
  if (c->kind == "attr" && w.size() > 1) return c->name = w[1], relation(2);
  if ((c->kind == "rank" || c->kind == "elements") && w.size() > 1) return ToOperand(w[1], &c->operand) && relation(2);
  if ((c->kind == "dim" || c->kind == "value") && w.size() > 2) return ToOperand(w[1], &c->operand) && ToOperand(w[2], &c->axis) && relation(3);
  if (c->kind == "each" && w.size() > 1) return ToOperand(w[1], &c->operand) && relation(2);
  if (c->kind == "inputs" || c->kind == "version") return relation(1);
  if (c->kind == "type" && w.size() > 2) return c->types.assign(w.begin() + 2, w.end()), ToOperand(w[1], &c->operand);
  if ((c->kind == "constant" || c->kind == "computed") && w.size() == 2) return ToOperand(w[1], &c->operand);
  if (c->kind == "equal" && w.size() == 3) return c->name = w[1], c->other = w[2], true;
  return false;
}

// Alternatives with "or" between them.
bool ParseConditions(std::span<const std::string> w, std::vector<Condition>* conditions) {
  for (;;) {
    const auto end = std::ranges::find(w, "or");
    const auto count = static_cast<size_t>(end - w.begin());
    if (!ParseCondition(w.first(count), &conditions->emplace_back())) return false;
    if (end == w.end()) return true;
    w = w.subspan(count + 1);
  }
}

bool ParseLine(std::vector<std::string> words, Target* t) {
  const bool verified = words[0] != "unverified";
  if (!verified) words.erase(words.begin());
  if (words.empty() || (!verified && words[0] != "op" && words[0] != "need")) return false;
  const std::string head = words[0];
  words.erase(words.begin());
  if (head == "title" || head == "source") {
    std::string text;
    for (const std::string& w : words) text += (text.empty() ? "" : " ") + w;
    if (head == "title") t->title = text;
    else t->sources.push_back(text);
    return !text.empty();
  }
  if (head == "static") return t->wants_static = true, TakeText(&words, &t->static_text) && words.empty();
  if (head == "types") {
    if (!TakeText(&words, &t->types_text)) return false;
    t->types = words;
    return !words.empty();
  }
  if (head == "op") {
    t->ops.insert(t->ops.end(), words.begin(), words.end());
    if (!verified) t->unverified.insert(t->unverified.end(), words.begin(), words.end());
    return !words.empty();
  }
  if (head == "need") {
    Need need;
    if (!TakeText(&words, &need.text) || words.size() < 2) return false;
    need.op = words[0];
    need.verified = verified;
    if (!ParseConditions(std::span(words).subspan(1), &need.conditions)) return false;
    t->needs.push_back(std::move(need));
    return true;
  }
  if (head == "instead" && words.size() == 2) return t->instead.emplace_back(words[0], words[1]), true;
  return false;
}

}  // namespace

std::vector<std::string> TargetNames() {
  std::vector<std::string> names;
  for (const File& f : kFiles) names.emplace_back(f.name);
  return names;
}

Result<Target> ParseTarget(std::string_view name, std::string_view text) {
  Target t;
  t.name = name;
  int number = 0;
  std::vector<std::string> words;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    ++number;
    const std::string line(text.substr(at, end - at));
    if (!Split(line, &words) || (!words.empty() && !ParseLine(words, &t)))
      return Error(Code::kInvalidArgument, "target %s, line %d: not understood: %s", t.name.c_str(), number, line.c_str());
    at = end + 1;
  }
  if (t.title.empty() || t.sources.empty() || t.ops.empty())
    return Error(Code::kInvalidArgument, "target %s needs a title, a source and operators", t.name.c_str());
  return t;
}

Result<Target> LoadTarget(std::string_view name) {
  for (const File& f : kFiles)
    if (f.name == name) return ParseTarget(name, f.text);
  std::string names;
  for (const File& f : kFiles) names += (names.empty() ? "" : ", ") + std::string(f.name);
  return Error(Code::kInvalidArgument, "no target '%s'; expected one of %s", std::string(name).c_str(), names.c_str());
}

}  // namespace octet::checker
