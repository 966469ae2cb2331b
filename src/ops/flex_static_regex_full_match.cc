// SPDX-License-Identifier: Apache-2.0
// StaticRegexFullMatch (TensorFlow's): whether a regular expression matches the whole text.
#include "ops/regex_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_static_regex_full_match {
namespace {

constexpr TypeRow kTypes[] = {{"S=str O=bool"}};

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const Result<Regex> regex = Regex::Compile(node.Text("pattern", ""));
  return regex.ok() ? Status() : op.Fail(Code::kUnsupported, "%s", regex.error().message().c_str());
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kBool, op.in(0)->shape};
  return {};
}

struct Params {
  int64_t count;
  const Regex* regex;
};

Status Match(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) run.output<bool>(0)[i] = p.regex->MatchesAll(run.input<StringRef>(0)[i].view(), run.workspace);
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  OCTET_ASSIGN(const Regex* const regex, KeepRegex(p, node.Text("pattern", "")));
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), regex};
  p.SetRun(Match, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_static_regex_full_match", .code = BuiltinCode::kCustom, .custom_name = "FlexStaticRegexFullMatch",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_static_regex_full_match
