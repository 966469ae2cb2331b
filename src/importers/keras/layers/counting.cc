// SPDX-License-Identifier: Apache-2.0
// keras.ops that count and group numbers by what they are.
#include "importers/keras/builder.h"
#include "importers/keras/layers/arguments.h"
#include "importers/keras/layers/promotion.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

Status ConvertSegment(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  OCTET_ASSIGN(Value ids, Operand(c, 1, {"segment_ids"}, DType::kI32));
  if (!c.Has("num_segments")) return c.Fail("num_segments", "none", "");
  OCTET_ASSIGN(ids, c.Cast(ids, DType::kI32));
  const DType own = c.type(x).dtype;
  const std::string_view kind = c.kind();
  const char* op = kind == "SegmentMax" ? "unsorted_segment_max" : kind == "SegmentMin" ? "unsorted_segment_min"
      : kind == "SegmentProd" ? "unsorted_segment_prod" : "unsorted_segment_sum";
  if (own == DType::kI64 || own == DType::kU32) return c.Fail("float32 or integers of at most 32 bits", std::string(NumpyName(own)), "cast the input");
  OCTET_ASSIGN(const Value wide, Widened(c, x));
  OCTET_ASSIGN(const Value y, c.Make(op, {wide, ids, Int(c, static_cast<int32_t>(c.Int("num_segments", 1)))}));
  return Set(c, c.Cast(y, own));
}

// Whether a number is among those of another tensor.
Status ConvertIsIn(LayerContext& c) {
  OCTET_ASSIGN(const Pair p, Operands(c, Literals::kOwn));
  OCTET_ASSIGN(const Value each, c.Make("expand_dims", {p.a, c.Vector({-1})}));
  OCTET_ASSIGN(const Value all, c.Make("reshape", {p.b, c.Vector({-1})}));
  OCTET_ASSIGN(Value y, c.Make("equal", {each, all}));
  OCTET_ASSIGN(y, c.Make("reduce_any", {y, c.Vector({c.rank(p.a)})}, {{"keep_dims", 0}}));
  return Set(c, c.Bool("invert", false) ? c.Make("logical_not", {y}) : Result<Value>(y));
}

// How often each whole number occurs along the last axis.
Status ConvertBincount(LayerContext& c) {
  OCTET_ASSIGN(const Value x, Tensor(c));
  const auto n = static_cast<int32_t>(c.Int("minlength", 0));
  if (n < 1 || !c.Get("weights").is_null()) return c.Fail("a minlength that no number reaches, without weights", std::to_string(n), "");
  OCTET_ASSIGN(const Value ids, c.Cast(x, DType::kI32));
  OCTET_ASSIGN(const Value hot, c.Make("one_hot", {ids, Int(c, n), Int(c, 1), Int(c, 0)}, {{"axis", -1}}));
  return Set(c, c.Make("sum", {hot, c.Vector({c.rank(x) - 1})}, {{"keep_dims", 0}}));
}

constexpr LayerRule kRules[] = {
    {"ops.SegmentSum", ConvertSegment}, {"ops.SegmentMax", ConvertSegment}, {"ops.SegmentMin", ConvertSegment}, {"ops.SegmentProd", ConvertSegment},
    {"ops.IsIn", ConvertIsIn}, {"ops.Bincount", ConvertBincount}};

}  // namespace

const std::span<const LayerRule> kCountingRules = kRules;

}  // namespace octet::importers::keras
