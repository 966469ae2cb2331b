// SPDX-License-Identifier: Apache-2.0
// StringLength (TensorFlow's): bytes of each text, or its characters in UTF-8.
#include <algorithm>

#include "ops/text_util.h"

namespace octet::ops::flex_string_length {
namespace {

constexpr TypeRow kTypes[] = {{"S=str O=i32"}};

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const std::string_view unit = node.Text("unit", "BYTE");
  if (unit != "BYTE" && unit != "UTF8_CHAR")
    return op.Fail(Code::kInvalidModel, "expected the unit BYTE or UTF8_CHAR, found '%.*s'", static_cast<int>(std::min<size_t>(unit.size(), 40)), unit.data());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kI32, op.in(0)->shape};
  return {};
}

struct Params {
  int64_t count;
  bool characters;
};

// Characters are counted by the bytes that begin one, whatever follows.
Status Count(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  for (int64_t i = 0; i < p.count; ++i) {
    const std::string_view text = run.input<StringRef>(0)[i].view();
    const auto begins = [](char c) { return (c & 0xc0) != 0x80; };
    run.output<int32_t>(0)[i] = static_cast<int32_t>(p.characters ? std::ranges::count_if(text, begins) : static_cast<int64_t>(text.size()));
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), node.Text("unit", "BYTE") == "UTF8_CHAR"};
  p.SetRun(Count, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_length", .code = BuiltinCode::kCustom, .custom_name = "FlexStringLength",
    .inputs = kTextInput, .outputs = kTextOutput, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_length
