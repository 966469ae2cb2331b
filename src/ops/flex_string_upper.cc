// SPDX-License-Identifier: Apache-2.0
// StringUpper (TensorFlow's): ASCII's letters in upper case; all other bytes stay.
#include "ops/text_util.h"

namespace octet::ops::flex_string_upper {
namespace {

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (!node.Text("encoding", "").empty()) return op.Fail(Code::kUnsupported, "letters beyond ASCII (encoding 'utf-8') have no tables here; leave the encoding out");
  return {};
}

void Map(std::string_view text, char* out) {
  for (const char c : text) *out++ = c >= 'a' && c <= 'z' ? static_cast<char>(c ^ 32) : c;
}

constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareTextMap<Map>}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_upper", .code = BuiltinCode::kCustom, .custom_name = "FlexStringUpper",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTextToText, .check = Check, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_upper
