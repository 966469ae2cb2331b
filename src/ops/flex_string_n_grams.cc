// SPDX-License-Identifier: Apache-2.0
// StringNGrams (TensorFlow's): for each row of texts, all runs of some widths, joined. Rows are told by where they begin. How
// many there are is data: infer counts them once the rows are known.
#include <algorithm>

#include "ops/operand_util.h"
#include "ops/text_util.h"

namespace octet::ops::flex_string_n_grams {
namespace {

constexpr Operand kInputs[] = {{.name = "data", .type = 'S'}, {.name = "data_splits", .type = 'I', .role = Role::kIndex}};
constexpr Operand kOutputs[] = {{.name = "ngrams", .type = 'S'}, {.name = "ngrams_splits", .type = 'I'}};
constexpr TypeRow kTypes[] = {{"S=str I=i32|i64"}};
constexpr size_t kMostWidths = 64;

Status Check(const OpView& op) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const std::vector<int64_t> widths = node.Ints("ngram_widths");
  if (widths.empty() || widths.size() > kMostWidths || std::ranges::any_of(widths, [](int64_t w) { return w < 1 || w > INT32_MAX; }))
    return op.Fail(Code::kInvalidModel, "expected 1 to %zu widths above 0, found %zu", kMostWidths, widths.size());
  if (node.Int("pad_width", 0) != 0)
    return op.Fail(Code::kUnsupported, "n-grams of padded texts (pad_width %lld)", static_cast<long long>(node.Int("pad_width", 0)));
  if (op.in(0)->shape.rank() != 1 || op.in(1)->shape.rank() != 1)
    return op.Fail(Code::kInvalidModel, "expected vectors, found %s and %s", op.in(0)->shape.text().c_str(), op.in(1)->shape.text().c_str());
  return {};
}

int64_t At(DType type, const std::byte* data, int64_t i) {
  if (type == DType::kI64) return reinterpret_cast<const int64_t*>(data)[i];
  return reinterpret_cast<const int32_t*>(data)[i];
}

struct Params {
  DType type;
  int64_t splits, texts, room;
  const int64_t* widths;
  int64_t num_widths;
  bool keeps_short;
  std::string_view separator;
};

// Calls found(first text, texts) for each n-gram and row_end() after each row. False: rows that are not in order.
template <class F, class G> bool ForEachGram(const Params& p, const std::byte* splits, const F& found, const G& row_end) {
  if (p.splits > 0 && At(p.type, splits, 0) != 0) return false;
  for (int64_t row = 0; row + 1 < p.splits; ++row) {
    const int64_t begin = At(p.type, splits, row), length = At(p.type, splits, row + 1) - begin;
    if (length < 0 || length > p.texts - begin) return false;
    bool any = false;
    for (int64_t i = 0; i < p.num_widths; ++i)
      for (int64_t k = 0; k + p.widths[i] <= length; ++k, any = true) found(begin + k, p.widths[i]);
    if (!any && length > 0 && p.keeps_short) found(begin, length);
    row_end();
  }
  return true;
}

Params ParamsOf(const OpView& op, const NodeDef& node, const std::vector<int64_t>& widths) {
  return {op.in(1)->dtype, op.in(1)->shape[0], op.in(0)->shape[0], 0, widths.data(), static_cast<int64_t>(widths.size()),
          node.Bool("preserve_short_sequences", false), node.Text("separator", "")};
}

Status Infer(const OpView& op, std::span<OutputType> out) {
  out[0] = {DType::kString, {kUnknown}};
  out[1] = {op.in(1)->dtype, op.in(1)->shape};
  if (!op.has_const(1) || !op.in(0)->shape.known()) return {};
  OCTET_ASSIGN(const NodeDef node, ReadNode(op));
  const std::vector<int64_t> widths = node.Ints("ngram_widths");
  int64_t count = 0;
  if (!ForEachGram(ParamsOf(op, node, widths), op.constants[1], [&](int64_t, int64_t) { ++count; }, [] {}))
    return op.Fail(Code::kInvalidArgument, "its rows are not in order, or reach beyond the texts");
  if (!FitsDimension(count)) return op.Fail(Code::kOutOfMemory, "too many n-grams");
  out[0].shape[0] = static_cast<int32_t>(count);
  return {};
}

Status Join(const void* params, const Run& run) {
  const auto& p = *static_cast<const Params*>(params);
  int64_t count = 0, row = 0;
  Status status;
  const auto set_split = [&] {
    if (row < p.splits && p.type == DType::kI64) run.output<int64_t>(1)[row] = count;
    else if (row < p.splits) run.output<int32_t>(1)[row] = static_cast<int32_t>(count);
    ++row;
  };
  set_split();
  const bool good = ForEachGram(p, run.in[1], [&](int64_t first, int64_t n) {
    if (count >= p.room || !status.ok()) return;
    Result<StringRef> kept = KeepJoined(run, n, p.separator, [&](int64_t i) { return run.input<StringRef>(0)[first + i].view(); });
    if (kept.ok()) run.output<StringRef>(0)[count++] = *kept;
    else status = std::move(kept).status();
  }, set_split);
  if (!status.ok()) return status;
  return good && count == p.room ? Status() : Error(Code::kInvalidArgument, "flex_string_n_grams: its rows are not in order, or reach beyond the texts");
}

Status PrepareReference(Prepare& p) {
  OCTET_ASSIGN(const NodeDef node, ReadNode(p.op));
  const std::vector<int64_t> widths = node.Ints("ngram_widths");
  auto* kept = p.Array<int64_t>(widths.size());
  std::ranges::copy(widths, kept);
  auto* params = p.Params<Params>();
  *params = ParamsOf(p.op, node, widths);
  params->widths = kept;
  params->room = p.op.out(0)->shape[0];
  p.SetRun(Join, params);
  return {};
}
constexpr Variant kVariants[] = {{.name = "reference", .prepare = PrepareReference}};

}  // namespace

extern constinit const OpDef kDef = {
    .name = "flex_string_n_grams", .code = BuiltinCode::kCustom, .custom_name = "FlexStringNGrams",
    .inputs = kInputs, .outputs = kOutputs, .types = kTypes, .check = Check, .infer = Infer};
extern constinit const OpKernel kKernel = {.variants = kVariants};
extern constinit const OpImport kImport = {};

}  // namespace octet::ops::flex_string_n_grams
