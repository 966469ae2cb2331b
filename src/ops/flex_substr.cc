// SPDX-License-Identifier: Apache-2.0
// Substr (TensorFlow's): of each text `len` bytes from `pos` on, as far as there are; negative positions count from the end.
#include <algorithm>

#include "ops/text_util.h"

namespace octet::ops::flex_substr {
namespace {

constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}, {.name = "pos"}, {.name = "len"}};
constexpr TypeRow kTypes[] = {{"S=str T=i32|i64 O=str"}};

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  if (node.Text("unit", "BYTE") != "BYTE")
    return op.Fail(Code::kUnsupported, "expected positions of bytes (unit BYTE), found unit '%s'", std::string(node.Text("unit", "BYTE")).c_str());
  const Shape &text = op.in(0)->shape, &pos = op.in(1)->shape, &len = op.in(2)->shape;
  if (!text.known() || !pos.known() || !len.known()) return {};
  if (!(pos == len) || (pos.elements() != 1 && !(pos == text)))
    return op.Fail(Code::kUnsupported, "expected one position and length, or one for each text: texts %s, positions %s, lengths %s",
                   text.text().c_str(), pos.text().c_str(), len.text().c_str());
  return {};
}

struct Params {
  int64_t count;
  bool one, wide;
};

Status Cut(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  const auto number = [&](int operand, int64_t i) { return p.wide ? run.input<int64_t>(operand)[i] : run.input<int32_t>(operand)[i]; };
  for (int64_t i = 0; i < p.count; ++i) {
    const std::string_view text = run.input<StringRef>(0)[i].view();
    const auto size = static_cast<int64_t>(text.size());
    const int64_t pos = number(1, p.one ? 0 : i), len = number(2, p.one ? 0 : i);
    if (pos > size || pos < -size)
      return Error(Code::kInvalidArgument, "flex_substr: position %lld is outside of a text of %lld bytes", static_cast<long long>(pos),
                   static_cast<long long>(size));
    const int64_t begin = pos < 0 ? pos + size : pos;
    OCTET_ASSIGN(run.output<StringRef>(0)[i], Keep(run, text.substr(static_cast<size_t>(begin), static_cast<size_t>(std::max<int64_t>(len, 0)))));
  }
  return {};
}

Status PrepareReference(Prepare& p) {
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), p.op.in(1)->shape.elements() == 1, p.op.in(1)->dtype == DType::kI64};
  p.SetRun(Cut, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_substr", .code = BuiltinCode::kCustom, .custom_name = "FlexSubstr",
    .inputs = kInputs, .outputs = kTextOutput, .types = kTypes, .check = Check, .infer = InferText};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_substr
