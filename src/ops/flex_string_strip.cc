// SPDX-License-Identifier: Apache-2.0
// StringStrip (TensorFlow's): each text without ASCII's white space at its ends.
#include "ops/text_util.h"

namespace octet::ops::flex_string_strip {
namespace {

Status Check(const OpView& op) { return CheckNode(op); }

std::string Map(std::string_view text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsSpace(text.back())) text.remove_suffix(1);
  return std::string(text);
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTextMap<Map>}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_strip", .code = BuiltinCode::kCustom, .custom_name = "FlexStringStrip",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToText, .check = Check, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_strip
