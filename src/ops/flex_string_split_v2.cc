// SPDX-License-Identifier: Apache-2.0
// StringSplitV2 (TensorFlow's): the parts of texts between separators, as a sparse tensor: where each stands [n, 2], the
// parts [n], and how many rows and columns there are [2]. How many is data: infer counts them once the texts are known.
#include <algorithm>

#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_string_split_v2 {
namespace {

constexpr Operand kInputs[] = {{.name = "input", .type = 'S'}, {.name = "sep", .type = 'S'}};
constexpr Operand kOutputs[] = {{.name = "indices", .type = 'I'}, {.name = "values", .type = 'S'}, {.name = "shape", .type = 'I'}};
constexpr TypeRow kTypes[] = {{"S=str I=i64"}};

// Calls found(part) for each. Without a separator, runs of white space are one and ends have none, as in Python's split;
// after `most` separators (where 0 or more) the rest is one part.
template <class F> void ForEachPart(std::string_view text, std::string_view separator, int64_t most, const F& found) {
  if (most == 0) return found(text);
  int64_t splits = 0;
  if (!separator.empty()) {
    for (size_t at = 0; (at = text.find(separator)) != std::string_view::npos;) {
      found(text.substr(0, at));
      text.remove_prefix(at + separator.size());
      if (++splits == most) break;
    }
    return found(text);
  }
  const auto skip = [&] { text.remove_prefix(static_cast<size_t>(std::ranges::find_if_not(text, IsSpace) - text.begin())); };
  for (skip(); !text.empty();) {
    const auto size = static_cast<size_t>(std::ranges::find_if(text, IsSpace) - text.begin());
    found(text.substr(0, size));
    text.remove_prefix(size);
    skip();
    if (++splits == most) return found(text);
  }
}

Status Check(const OpView& op) {
  OCTET_TRY(CheckScalar(op, 1, "sep"));
  if (op.in(0)->shape.rank() != 1) return op.Fail(Code::kInvalidModel, "expected a vector of texts, found %s", op.in(0)->shape.text().c_str());
  return CheckNode(op);
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kI64, {kUnknown, 2}};
  out[1] = {DType::kString, {kUnknown}};
  out[2] = {DType::kI64, {2}};
  if (!op.has_const(0) || !op.has_const(1)) return {};
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  int64_t count = 0;
  for (const StringRef text : op.const_of<StringRef>(0))
    ForEachPart(text.view(), op.const_of<StringRef>(1)[0].view(), node.Int("maxsplit", -1), [&](std::string_view) { ++count; });
  if (!FitsDimension(count)) return op.Fail(Code::kOutOfMemory, "too many parts");
  out[0].shape[0] = out[1].shape[0] = static_cast<int32_t>(count);
  return {};
}

struct Params {
  int64_t texts, most, room;
};

// Parts are characters of the texts.
Status Split(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  int64_t count = 0, widest = 0;
  for (int64_t row = 0; row < p.texts; ++row) {
    int64_t column = 0;
    ForEachPart(run.input<StringRef>(0)[row].view(), run.input<StringRef>(1)->view(), p.most, [&](std::string_view part) {
      if (count < p.room) {
        run.output<int64_t>(0)[2 * count] = row;
        run.output<int64_t>(0)[2 * count + 1] = column;
        run.output<StringRef>(1)[count] = {part.data(), part.size()};
      }
      ++count;
      ++column;
    });
    widest = std::max(widest, column);
  }
  run.output<int64_t>(2)[0] = p.texts;
  run.output<int64_t>(2)[1] = widest;
  if (count == p.room) return {};
  return Error(Code::kInvalidArgument, "flex_string_split_v2: planned for %lld parts, found %lld", static_cast<long long>(p.room),
               static_cast<long long>(count));
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  auto* params = p.Params<Params>();
  *params = {p.op.in(0)->shape.elements(), node.Int("maxsplit", -1), p.op.out(1)->shape[0]};
  p.SetRun(Split, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_split_v2", .code = BuiltinCode::kCustom, .custom_name = "FlexStringSplitV2",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_split_v2
