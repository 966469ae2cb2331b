// SPDX-License-Identifier: Apache-2.0
// StringStrip (TensorFlow's): each text without ASCII's white space at its ends.
#include "ops/text_util.h"

namespace octet::ops::flex_string_strip {
namespace {

Status Check(const OpView& op) { return CheckNode(op); }

// Parts of the texts.
Status Strip(const void* params, const Run& run) {
  for (int64_t i = 0; i < static_cast<const TextCount*>(params)->count; ++i) {
    std::string_view text = run.input<StringRef>(0)[i].view();
    while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
    while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
    run.output<StringRef>(0)[i] = {text.data(), text.size()};
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<TextCount>();
  *params = {p.op.in(0)->shape.elements()};
  p.SetRun(Strip, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_strip", .code = BuiltinCode::kCustom, .custom_name = "FlexStringStrip",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToText, .check = Check, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_strip
