// SPDX-License-Identifier: Apache-2.0
// StaticRegexReplace (TensorFlow's): what matches a regular expression is rewritten, everywhere or once.
#include "ops/regex_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_static_regex_replace {
namespace {

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const Result<Regex> regex = Regex::Compile(node.Text("pattern", ""));
  if (!regex.ok()) return op.Fail(Code::kUnsupported, "%s", regex.error().message().c_str());
  if (!CheckRewrite(node.Text("rewrite", ""), regex->groups()))
    return op.Fail(Code::kInvalidModel, "the rewrite has a lone backslash, or names a group that the pattern lacks");
  return {};
}

struct Params {
  int64_t count;
  const Regex* regex;
  std::string_view rewrite;
  bool all;
};

Status Rewrite(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const Rewriter rewriter(*p.regex, p.rewrite, p.all);
  for (int64_t i = 0; i < p.count; ++i) {
    const std::string_view text = run.input<StringRef>(0)[i].view();
    const uint64_t bytes = rewriter.Bytes(text, run.workspace);
    OCTET_ASSIGN(char* const room, run.host->Characters(bytes));
    rewriter.Write(text, run.workspace, room);
    run.output<StringRef>(0)[i] = {room, bytes};
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  OCTET_ASSIGN(const Regex* const regex, KeepRegex(p, node.Text("pattern", "")));
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), regex, node.Text("rewrite", ""), node.Bool("replace_global", true)};
  p.SetRun(Rewrite, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_static_regex_replace", .code = BuiltinCode::kCustom, .custom_name = "FlexStaticRegexReplace",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToText, .check = Check, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_static_regex_replace
