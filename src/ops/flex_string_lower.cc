// SPDX-License-Identifier: Apache-2.0
// StringLower (TensorFlow's): ASCII's letters in lower case; all other bytes stay.
#include "ops/text_util.h"

namespace octet::ops::flex_string_lower {
namespace {

void Map(std::string_view text, char* out) {
  for (const char c : text) *out++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c ^ 32) : c;
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTextMap<Map>}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_lower", .code = BuiltinCode::kCustom, .custom_name = "FlexStringLower",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToText, .check = CheckAsciiLetters, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_lower
