// SPDX-License-Identifier: Apache-2.0
#include "cli/recipe.h"

#include <algorithm>
#include <regex>

#include "base/file.h"
#include "importers/keras/json.h"

namespace octet::cli {
namespace {

using importers::keras::Json;

Status Bad(const std::string& path, const std::string& what) { return Error(Code::kInvalidArgument, "'%s': %s", path.c_str(), what.c_str()); }

std::string Lower(std::string s) {
  std::ranges::transform(s, s.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return s;
}

// [{"regex": ..., "operation": ..., "algorithm_key": ..., "op_config": {"weight_tensor_config": {"num_bits": 8}, ...}}]
Result<std::vector<RecipeRule>> FromJson(const std::string& path, std::string_view text) {
  OCTET_ASSIGN(const Json list, Json::Parse(text, path));
  std::vector<RecipeRule> rules;
  for (const Json& entry : list.items()) {
    RecipeRule rule{entry["regex"].text(), Lower(entry["operation"].text()), "int8"};
    if (rule.op == "*" || rule.op == "all_supported") rule.op.clear();
    const Json &config = entry["op_config"], &activation = config["activation_tensor_config"];
    const int64_t weights = config["weight_tensor_config"].is_null() ? 8 : config["weight_tensor_config"]["num_bits"].integer();
    if (entry["algorithm_key"].text() == "no_quantize") rule.scheme = "float32";
    else if (!activation.is_null() && activation["num_bits"].integer() != 8) return Bad(path, "rule '" + rule.pattern + "': activations of 8 bits only; --scheme int16x8 takes 16 for the whole model");
    else if (weights == 4) rule.scheme = "int4";
    else if (weights != 8) return Bad(path, Format("rule '%s': weights of %lld bits; expected 4 or 8", rule.pattern.c_str(), static_cast<long long>(weights)));
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<std::vector<RecipeRule>> FromLines(const std::string& path, std::string_view text) {
  std::vector<RecipeRule> rules;
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    while (!line.empty() && (line.front() == ' ' || line.front() == '\t')) line.remove_prefix(1);
    if (line.empty()) continue;
    const size_t gap = line.find_last_of(" \t");
    const std::string scheme(gap == std::string_view::npos ? std::string_view() : line.substr(gap + 1));
    if (scheme != "float32" && scheme != "int8" && scheme != "int4") return Bad(path, Format("line %d: expected REGEX and float32, int8 or int4", number));
    std::string_view pattern = line.substr(0, gap);
    while (pattern.ends_with(' ') || pattern.ends_with('\t')) pattern.remove_suffix(1);
    rules.push_back({std::string(pattern), "", scheme});
  }
  return rules;
}

}  // namespace

Result<std::vector<RecipeRule>> ReadRecipe(const std::string& path) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
  const size_t first = text.find_first_not_of(" \t\r\n");
  const bool json = first != std::string_view::npos && text[first] == '[';
  return json ? FromJson(path, text) : FromLines(path, text);
}

Status ApplyRecipe(const std::vector<RecipeRule>& rules, const graph::Graph& g, quantizer::RewriteOptions* options) {
  std::vector<std::regex> patterns;
  for (const RecipeRule& rule : rules) {
    try {
      patterns.emplace_back(rule.pattern);
    } catch (const std::regex_error&) {
      return Error(Code::kInvalidArgument, "'%s' is no regular expression", rule.pattern.c_str());
    }
  }
  for (graph::NodeId id : g.order()) {
    const graph::Node& n = g.node(id);
    const std::string& name = g.tensor(n.outputs[0]).name;
    for (size_t i = 0; i < rules.size(); ++i) {
      if (!rules[i].op.empty() && rules[i].op != n.op->name) continue;
      if (!std::regex_search(n.place, patterns[i]) && !std::regex_search(name, patterns[i])) continue;
      options->int4.erase(name);
      options->keep_float.erase(name);
      if (rules[i].scheme == "int4") options->int4.insert(name);
      if (rules[i].scheme == "float32") options->keep_float[name] = "kept in float by the recipe";
    }
  }
  return {};
}

}  // namespace octet::cli
