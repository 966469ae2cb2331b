// SPDX-License-Identifier: Apache-2.0
// UnicodeDecode (TensorFlow's): the characters of all texts one after the other, and where each text begins. How many there are
// is data: infer counts them once the texts are known.
#include "base/utf8.h"
#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_unicode_decode {
namespace {

constexpr Operand kOutputs[] = {{.name = "row_splits", .type = 'P'}, {.name = "char_values", .type = 'C'}};
constexpr TypeRow kTypes[] = {{"S=str P=i32|i64 C=i32"}};

enum class Malformed : uint8_t { kReplace, kIgnore, kStrict };

Malformed TreatmentOf(const NodeDef& node) {
  const std::string_view errors = node.Text("errors", "replace");
  return errors == "ignore" ? Malformed::kIgnore : errors == "strict" ? Malformed::kStrict : Malformed::kReplace;
}

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (const auto encoding = node.Text("input_encoding", "UTF-8"); encoding != "UTF-8")
    return op.Fail(Code::kUnsupported, "expected UTF-8, found input_encoding '%s'", std::string(encoding).c_str());
  if (node.Bool("replace_control_characters", false))
    return op.Fail(Code::kUnsupported, "control characters are not replaced here; leave replace_control_characters out");
  return {};
}

// Calls found(character) for each, the replacement where it is none. False: `strict` met one that is malformed.
template <class F> bool ForEachCharacter(std::string_view text, Malformed malformed, int32_t replacement, const F& found) {
  while (!text.empty()) {
    size_t length = 0;
    const int32_t rune = DecodeUtf8(text, &length);
    if (rune < 0) length = MalformedLength(text);
    if (rune < 0 && malformed == Malformed::kStrict) return false;
    if (rune >= 0 || malformed == Malformed::kReplace) found(rune < 0 ? replacement : rune);
    text.remove_prefix(length);
  }
  return true;
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const Shape& in = op.in(0)->shape;
  out[0].shape = {in.known() && in.elements() < INT32_MAX ? static_cast<int32_t>(in.elements()) + 1 : kUnknown};
  out[1] = {DType::kI32, {kUnknown}};
  if (op.out(0)) out[0].dtype = op.out(0)->dtype;
  if (!op.has_const(0)) return {};
  int64_t count = 0;
  for (const StringRef text : op.const_of<StringRef>(0))
    if (!ForEachCharacter(text.view(), TreatmentOf(node), 0, [&](int32_t) { ++count; }))
      return op.Fail(Code::kInvalidArgument, "a text is no UTF-8 (errors='strict')");
  if (!FitsDimension(count)) return op.Fail(Code::kOutOfMemory, "too many characters");
  out[1].shape = {static_cast<int32_t>(count)};
  return {};
}

struct Params {
  int64_t texts, room;
  Malformed malformed;
  int32_t replacement;
  bool wide;
};

Status Decode(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  int64_t count = 0;
  const auto set_split = [&](int64_t i) {
    if (p.wide) run.output<int64_t>(0)[i] = count;
    else run.output<int32_t>(0)[i] = static_cast<int32_t>(count);
  };
  set_split(0);
  bool good = true;
  for (int64_t i = 0; i < p.texts; ++i) {
    good &= ForEachCharacter(run.input<StringRef>(0)[i].view(), p.malformed, p.replacement, [&](int32_t rune) {
      if (count < p.room) run.output<int32_t>(1)[count] = rune;
      ++count;
    });
    set_split(i + 1);
  }
  if (good && count == p.room) return {};
  return Error(Code::kInvalidArgument, "flex_unicode_decode: planned for %lld characters, found %lld", static_cast<long long>(p.room),
               static_cast<long long>(count));
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), p.op.out(1)->shape[0], TreatmentOf(node), static_cast<int32_t>(node.Int("replacement_char", 0xfffd)),
             p.op.out(0)->dtype == DType::kI64};
  p.SetRun(Decode, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_unicode_decode", .code = BuiltinCode::kCustom, .custom_name = "FlexUnicodeDecode",
    .inputs = kTextInput, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_unicode_decode
