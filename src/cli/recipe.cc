// SPDX-License-Identifier: Apache-2.0
#include "cli/recipe.h"

#include <algorithm>
#include <optional>
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

constexpr std::string_view kSchemes[] = {"float32", "float16", "dynamic", "int8", "int16x8", "int4", "int4-block"};

// The scheme of one entry: {"regex": ..., "operation": ..., "algorithm_key": ...,
//   "op_config": {"weight_tensor_config": {"num_bits": 8, "granularity": ...}, "activation_tensor_config": ...}}
Result<std::string> SchemeOf(const std::string& path, const Json& entry) {
  const std::string pattern = entry["regex"].text(), algorithm = entry["algorithm_key"].text();
  const Json &config = entry["op_config"], &activation = config["activation_tensor_config"], &weight = config["weight_tensor_config"];
  if (algorithm == "no_quantize") return std::string("float32");
  if (algorithm == "float_casting") return std::string("float16");
  const int64_t bits = weight.is_null() ? 8 : weight["num_bits"].integer();
  if (bits != 4 && bits != 8) return Bad(path, Format("rule '%s': weights of %lld bits; expected 4 or 8", pattern.c_str(), static_cast<long long>(bits)));
  if (activation.is_null()) return std::string(bits == 4 ? "int4-block" : "dynamic");
  const int64_t activation_bits = activation["num_bits"].integer();
  if (activation_bits != 8 && (activation_bits != 16 || bits != 8))
    return Bad(path, Format("rule '%s': activations of %lld bits beside weights of %lld; expected 8, or 16 beside 8", pattern.c_str(),
                            static_cast<long long>(activation_bits), static_cast<long long>(bits)));
  if (activation_bits == 16) return std::string("int16x8");
  return std::string(bits == 4 ? "int4" : "int8");
}

Result<std::vector<RecipeRule>> FromJson(const std::string& path, std::string_view text) {
  OCTET_ASSIGN(const Json list, Json::Parse(text, path));
  std::vector<RecipeRule> rules{{".*", "", "float32"}};
  for (const Json& entry : list.items()) {
    RecipeRule rule{entry["regex"].text(), Lower(entry["operation"].text()), ""};
    if (rule.op == "*" || rule.op == "all_supported") rule.op.clear();
    if (rule.op == "conv_2d_transpose") rule.op = "transpose_conv";
    OCTET_ASSIGN(rule.scheme, SchemeOf(path, entry));
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
    if (std::ranges::find(kSchemes, scheme) == std::end(kSchemes))
      return Bad(path, Format("line %d: expected REGEX and float32, float16, dynamic, int8, int16x8, int4 or int4-block", number));
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

namespace {

// std::regex goes down a level of its stack for each character, and names are as long as files like.
bool Contains(const std::string& name, const std::regex& pattern) {
  constexpr size_t kLooksAt = 4096;
  return std::regex_search(name.begin(), name.begin() + static_cast<std::ptrdiff_t>(std::min(name.size(), kLooksAt)), pattern);
}

bool Fits(const RecipeRule& rule, const std::regex& pattern, const graph::Graph& g, const graph::Node& n) {
  if (n.outputs.empty() || (!rule.op.empty() && rule.op != n.op->name)) return false;  // What writes a variable makes nothing.
  return Contains(n.place, pattern) || Contains(g.tensor(n.outputs[0]).name, pattern);
}

void Set(const std::string& scheme, const std::string& name, quantizer::RewriteOptions* options, WeightSchemes* weights) {
  options->int4.erase(name);
  options->keep_float.erase(name);
  options->int16.erase(name);
  for (quantizer::Layers* list : {&weights->dynamic, &weights->int4_block, &weights->float16}) list->erase(name);
  if (scheme == "int4") options->int4.insert(name);
  if (scheme == "dynamic") weights->dynamic.insert(name);
  if (scheme == "int4-block") weights->int4_block.insert(name);
  if (scheme == "float16") weights->float16.insert(name);
  if (scheme == "int16x8") options->int16[name] = "int16x8 by the recipe";
  else if (scheme != "int4" && scheme != "int8") options->keep_float[name] = scheme + " by the recipe";
}

}  // namespace

Status ApplyRecipe(const std::vector<RecipeRule>& rules, const graph::Graph& g, quantizer::RewriteOptions* options, WeightSchemes* weights) {
  for (const RecipeRule& rule : rules) {
    std::optional<std::regex> pattern;
    try {
      pattern.emplace(rule.pattern);
    } catch (const std::regex_error&) {
      return Error(Code::kInvalidArgument, "'%s' is no regular expression", rule.pattern.c_str());
    }
    bool used = false;
    for (graph::NodeId id : g.order()) {
      if (!Fits(rule, *pattern, g, g.node(id))) continue;
      used = true;
      Set(rule.scheme, g.tensor(g.node(id).outputs[0]).name, options, weights);
    }
    // Rules for kinds of operators are written for many models at once.
    if (!used && rule.op.empty()) return Error(Code::kInvalidArgument, "the recipe's '%s' fits no layer; octet inspect lists them", rule.pattern.c_str());
  }
  return {};
}

Status ApplyWeightSchemes(const WeightSchemes& weights, const quantizer::RewriteOptions& options, graph::Model* model) {
  if (!weights.dynamic.empty()) OCTET_TRY(quantizer::QuantizeDynamicRange(*model, &weights.dynamic, options));
  if (!weights.int4_block.empty()) OCTET_TRY(quantizer::QuantizeInt4Blocks(*model, &weights.int4_block, options));
  if (!weights.float16.empty()) OCTET_TRY(quantizer::QuantizeFloat16(*model, &weights.float16));
  return {};
}

}  // namespace octet::cli
