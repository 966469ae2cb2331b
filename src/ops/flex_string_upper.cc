// SPDX-License-Identifier: Apache-2.0
// StringUpper (TensorFlow's): ASCII's letters in upper case; all other bytes stay.
#include "ops/text_util.h"

namespace octet::ops::flex_string_upper {
namespace {

void Map(std::string_view text, char* out) {
  for (const char c : text) *out++ = c >= 'a' && c <= 'z' ? static_cast<char>(c ^ 32) : c;
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTextMap<Map>}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_upper", .code = BuiltinCode::kCustom, .custom_name = "FlexStringUpper",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToText, .check = CheckAsciiLetters, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_upper
