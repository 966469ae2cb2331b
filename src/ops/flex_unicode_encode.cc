// SPDX-License-Identifier: Apache-2.0
// UnicodeEncode (TensorFlow's): rows of characters, told by where they begin, as texts in UTF-8.
#include "base/utf8.h"
#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_unicode_encode {
namespace {

constexpr Operand kInputs[] = {{.name = "input_values", .type = 'C'}, {.name = "input_splits", .type = 'P', .role = Role::kIndex}};
constexpr TypeRow kTypes[] = {{"C=i32 P=i32|i64 O=str"}};

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (const auto encoding = node.Text("output_encoding", "UTF-8"); encoding != "UTF-8")
    return op.Fail(Code::kUnsupported, "expected UTF-8, found output_encoding '%s'", std::string(encoding).c_str());
  const Shape &values = op.in(0)->shape, &splits = op.in(1)->shape;
  if (values.rank() != 1 || splits.rank() != 1 || splits[0] == 0)
    return op.Fail(Code::kInvalidModel, "expected vectors of characters and splits, found %s and %s", values.text().c_str(), splits.text().c_str());
  return {};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  const Shape& splits = op.in(1)->shape;
  out[0] = {DType::kString, {splits[0] == kUnknown ? kUnknown : splits[0] - 1}};
  return {};
}

struct Params {
  int64_t texts, values;
  int32_t replacement;
  bool wide, strict, ignore;
};

bool IsCharacter(int32_t r) { return r >= 0 && r <= 0x10ffff && (r < 0xd800 || r >= 0xe000); }

Status Encode(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto split = [&](int64_t i) { return p.wide ? run.input<int64_t>(1)[i] : run.input<int32_t>(1)[i]; };
  for (int64_t i = 0; i < p.texts; ++i) {
    if (split(i) < 0 || split(i + 1) < split(i) || split(i + 1) > p.values)
      return Error(Code::kInvalidArgument, "flex_unicode_encode: its rows are not in order, or reach beyond the characters");
    OCTET_ASSIGN(char* const room, run.host->Characters(4 * static_cast<uint64_t>(split(i + 1) - split(i))));
    size_t size = 0;
    for (int64_t k = split(i); k < split(i + 1); ++k) {
      const int32_t rune = run.input<int32_t>(0)[k];
      if (!IsCharacter(rune) && p.strict) return Error(Code::kInvalidArgument, "flex_unicode_encode: %d is no character (errors='strict')", rune);
      if (IsCharacter(rune)) size += EncodeUtf8(rune, room + size);
      else if (!p.ignore) size += EncodeUtf8(p.replacement, room + size);
    }
    run.output<StringRef>(0)[i] = {room, size};
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const int64_t replacement = node.Int("replacement_char", 0xfffd);
  auto* params = p.Params<Params>();
  *params = {p.op.out(0)->shape[0], p.op.in(0)->shape[0], replacement >= 0 && replacement <= 0x10ffff ? static_cast<int32_t>(replacement) : 0xfffd,
             p.op.in(1)->dtype == DType::kI64, node.Text("errors", "replace") == "strict", node.Text("errors", "replace") == "ignore"};
  p.SetRun(Encode, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_unicode_encode", .code = BuiltinCode::kCustom, .custom_name = "FlexUnicodeEncode",
    .inputs = kInputs, .outputs = kTextOutput, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_unicode_encode
