// SPDX-License-Identifier: Apache-2.0
// TextVectorization: texts are cleaned, split into tokens, joined into n-grams, and looked up in a vocabulary.
#include <algorithm>

#include "base/strings.h"
#include "importers/keras/builder.h"
#include "importers/keras/layers/lookup.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/tensorflow_op.h"

namespace octet::importers::keras {
namespace {

// Rows of different lengths.
struct Tokens {
  Value values;  // One after the other.
  Value places;  // int64 [n, 2]: row and column of each; none for n-grams, which have `splits`.
  Value splits;  // int64 [rows + 1]: where each row begins.
  Value count;   // int64 [1]: rows.
  Value shape;   // int64 [2]: rows, and tokens of the longest one.
};

Value Longs(LayerContext& c, std::vector<int64_t> v) { return c.Constant<int64_t>(Shape{static_cast<int32_t>(v.size())}, v); }
Value Long(LayerContext& c, int64_t v) { return c.Constant<int64_t>(Shape{}, std::span(&v, 1)); }

Value TextOf(LayerContext& c, std::string_view text) {
  const StringRef ref{text.data(), text.size()};
  return c.Constant({DType::kString, Shape{}, {}}, WriteStrings(std::span(&ref, 1)));
}

Result<Value> Cleaned(LayerContext& c, Value x) {
  const Json& how = c.Get("standardize");
  const std::string name = how.is_text() ? how.text() : "";
  if (!how.is_null() && name != "lower" && name != "strip_punctuation" && name != "lower_and_strip_punctuation")
    return c.Fail("standardize by name: lower, strip_punctuation, lower_and_strip_punctuation or None", how.is_text() ? name : "a Python function",
                  "use one of these, or clean texts before the model");
  if (name.starts_with("lower")) {
    OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "StringLower", {x}, {DType::kString}, {TextAttr("encoding", "")}));
    x = y[0];
  }
  if (name.ends_with("strip_punctuation")) {
    constexpr std::string_view kPunctuation = R"([!"#$%&()\*\+,-\./:;<=>?@\[\\\]^_`{|}~\'])";  // As Keras writes it.
    OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "StaticRegexReplace", {x}, {DType::kString},
                                                              {TextAttr("pattern", kPunctuation), TextAttr("rewrite", ""), BoolAttr("replace_global", true)}));
    x = y[0];
  }
  return x;
}

// A vector of texts: [batch, 1] without its last axis.
Result<Value> AsVector(LayerContext& c, Value x) {
  if (c.rank(x) == 1) return x;
  if (c.rank(x) != 2 || c.shape(x)[1] != 1) return c.Fail("texts [batch] or [batch, 1]", c.shape(x).text(), "split other shapes before the model");
  return c.Make("reshape", {x, c.Vector({-1})}, {{"new_shape", std::vector<int32_t>{-1}}});
}

// [0, 1, ..., n - 1], int64; n is a scalar.
Result<Value> Count(LayerContext& c, Value n) {
  OCTET_ASSIGN(const Value y, c.Make("range", {Long(c, 0), n, Long(c, 1)}));
  c.construction().Refine(y, {DType::kI64, Shape{kUnknown}, {}});
  return y;
}

// How many elements a vector has, int64 [1].
Result<Value> LengthOf(LayerContext& c, Value x) { return c.Make("shape", {x}, {{"out_type", static_cast<int64_t>(DType::kI64)}}); }
Result<Value> AsScalar(LayerContext& c, Value x) { return c.Make("reshape", {x, c.Vector(std::span<const int32_t>())}); }

Result<Tokens> SplitCharacters(LayerContext& c, Value texts) {
  OCTET_ASSIGN(const std::vector<Value> decoded, MakeTensorFlowOp(c, "UnicodeDecode", {texts}, {DType::kI64, DType::kI32},
                                                                  {TextAttr("input_encoding", "UTF-8"), TextAttr("errors", "replace"),
                                                                   IntAttr("replacement_char", 0xfffd),
                                                                   BoolAttr("replace_control_characters", false), TypeAttr("Tsplits", DType::kI64)}));
  OCTET_ASSIGN(const Value length, LengthOf(c, decoded[1]));
  OCTET_ASSIGN(Value bound, c.Make("add", {length, Longs(c, {1})}));
  OCTET_ASSIGN(bound, AsScalar(c, bound));
  OCTET_ASSIGN(const Value each, Count(c, bound));  // Every character is a row.
  OCTET_ASSIGN(const std::vector<Value> texts_of, MakeTensorFlowOp(c, "UnicodeEncode", {decoded[1], each}, {DType::kString},
                                                                   {TextAttr("output_encoding", "UTF-8"), TextAttr("errors", "replace"),
                                                                    IntAttr("replacement_char", 0xfffd), TypeAttr("Tsplits", DType::kI64)}));
  OCTET_ASSIGN(const Value count, LengthOf(c, texts));
  return Tokens{texts_of[0], {}, decoded[0], count, {}};
}

Result<Tokens> Split(LayerContext& c, Value x) {
  OCTET_ASSIGN(const Value texts, AsVector(c, x));
  if (c.Get("split").text() == "character") return SplitCharacters(c, texts);
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "StringSplitV2", {texts, TextOf(c, "")}, {DType::kI64, DType::kString, DType::kI64},
                                                            {IntAttr("maxsplit", -1)}));
  Tokens t{y[1], y[0], {}, {}, y[2]};
  OCTET_ASSIGN(t.count, c.Make("slice", {t.shape, c.Vector({0}), c.Vector({1})}));
  return t;
}

// The row of each token, int64 [n].
Result<Value> RowsOf(LayerContext& c, const Tokens& t) {
  if (t.places) {
    OCTET_ASSIGN(const Value column, c.Make("slice", {t.places, c.Vector({0, 0}), c.Vector({-1, 1})}));
    return c.Make("reshape", {column, c.Vector({-1})}, {{"new_shape", std::vector<int32_t>{-1}}});
  }
  // How many rows end at or before it.
  OCTET_ASSIGN(const Value ends, c.Make("slice", {t.splits, c.Vector({1}), c.Vector({-1})}));
  OCTET_ASSIGN(Value n, LengthOf(c, t.values));
  OCTET_ASSIGN(n, AsScalar(c, n));
  OCTET_ASSIGN(Value place, Count(c, n));
  OCTET_ASSIGN(place, c.Make("expand_dims", {place, c.Vector({1})}));
  OCTET_ASSIGN(const Value behind, c.Make("less_equal", {ends, place}));
  OCTET_ASSIGN(const Value one, c.Cast(behind, DType::kI64));
  return c.Make("sum", {one, c.Vector({1})}, {{"keep_dims", 0}});
}

// Where rows begin: how many tokens lie in rows before.
Result<Value> SplitsOf(LayerContext& c, const Tokens& t) {
  if (t.splits) return t.splits;
  OCTET_ASSIGN(const Value rows, RowsOf(c, t));
  OCTET_ASSIGN(Value bound, c.Make("add", {t.count, Longs(c, {1})}));
  OCTET_ASSIGN(bound, AsScalar(c, bound));
  OCTET_ASSIGN(Value row, Count(c, bound));
  OCTET_ASSIGN(row, c.Make("expand_dims", {row, c.Vector({1})}));
  OCTET_ASSIGN(const Value before, c.Make("less", {rows, row}));
  OCTET_ASSIGN(const Value one, c.Cast(before, DType::kI64));
  return c.Make("sum", {one, c.Vector({1})}, {{"keep_dims", 0}});
}

// `ngrams` n stands for all widths up to n.
Result<Tokens> Grams(LayerContext& c, const Tokens& t) {
  std::vector<int64_t> widths;
  const Json& asked = c.Get("ngrams");
  if (asked.is_list()) widths = c.Ints("ngrams", {});
  else
    for (int64_t n = 1; n <= std::min<int64_t>(asked.integer(), 100); ++n) widths.push_back(n);
  if (widths.empty() || widths.size() > 64) return c.Fail("ngrams of 1 to 64 widths", std::to_string(widths.size()), "");
  OCTET_ASSIGN(const Value splits, SplitsOf(c, t));
  OCTET_ASSIGN(const std::vector<Value> y, MakeTensorFlowOp(c, "StringNGrams", {t.values, splits}, {DType::kString, DType::kI64},
                                                            {TextAttr("separator", " "), IntsAttr("ngram_widths", widths), TextAttr("left_pad", ""),
                                                             TextAttr("right_pad", ""), IntAttr("pad_width", 0),
                                                             BoolAttr("preserve_short_sequences", false), TypeAttr("Tsplits", DType::kI64)}));
  return Tokens{y[0], {}, y[1], t.count, {}};
}

// Indices [rows, length], padded with 0 and cut to `length`; -1: as long as the longest row.
Result<Value> Padded(LayerContext& c, const Tokens& t, Value index, int64_t length) {
  Value y;
  const int32_t columns = length < 0 ? kUnknown : static_cast<int32_t>(length);
  if (t.places) {
    Value shape = t.shape;
    if (length >= 0) {
      OCTET_ASSIGN(shape, c.Make("maximum", {shape, Longs(c, {0, length})}));
    }
    OCTET_ASSIGN(y, c.Make("sparse_to_dense", {t.places, shape, index, Long(c, 0)}));
    c.construction().Refine(y, {DType::kI64, Shape{kUnknown, kUnknown}, {}});
    if (length >= 0) {
      OCTET_ASSIGN(y, c.Make("slice", {y, c.Vector({0, 0}), c.Vector({-1, columns})}));
    }
  } else {
    constexpr std::string_view kKind[] = {"ROW_SPLITS"};
    OCTET_ASSIGN(const std::vector<Value> dense,
                 MakeTensorFlowOp(c, "RaggedTensorToTensor", {Longs(c, {-1, length}), index, Long(c, 0), t.splits}, {DType::kI64},
                                  {TypeAttr("T", DType::kI64), TypeAttr("Tindex", DType::kI64), TypeAttr("Tshape", DType::kI64),
                                   IntAttr("num_row_partition_tensors", 1), TextsAttr("row_partition_types", kKind)}));
    y = dense[0];
  }
  c.construction().Refine(y, {DType::kI64, Shape{c.rank(c.Input(0)) > 0 ? c.shape(c.Input(0))[0] : kUnknown, columns}, {}});
  return y;
}

Status Check(LayerContext& c) {
  if (c.Bool("sparse", false) || c.Bool("ragged", false))
    return c.Fail("dense outputs", c.Bool("sparse", false) ? "sparse=True" : "ragged=True", "build the layer without it");
  if (c.Text("encoding", "utf-8") != "utf-8") return c.Fail("encoding utf-8", c.Text("encoding", ""), "");
  if (const Json& split = c.Get("split"); split.text() != "whitespace" && split.text() != "character")
    return c.Fail("split whitespace or character", split.is_text() ? "split " + split.text() : split.is_null() ? "split None" : "a Python function",
                  "split before the model and start with StringLookup on the tokens");
  if (c.num_inputs() < 1 || c.type(c.Input(0)).dtype != DType::kString) return c.Fail("texts as input", "numbers", "");
  if (c.Int("output_sequence_length", 0) < 0 || c.Int("output_sequence_length", 0) > 1 << 24)
    return c.Fail("output_sequence_length", std::to_string(c.Int("output_sequence_length", 0)), "");
  return {};
}

Status ConvertTextVectorization(LayerContext& c) {
  OCTET_TRY(Check(c));
  Vocabulary v;
  v.unknown = "[UNK]";
  v.has_mask = true;  // "".
  v.indices = c.Text("output_mode", "int") == "int";
  OCTET_TRY(ReadWords(c, &v));
  OCTET_ASSIGN(const Value clean, Cleaned(c, c.Input(0)));
  OCTET_ASSIGN(Tokens tokens, Split(c, clean));
  if (c.Has("ngrams")) {
    OCTET_ASSIGN(tokens, Grams(c, tokens));
  }
  OCTET_ASSIGN(Value index, IndicesOf(c, v, tokens.values));
  if (v.indices) {
    OCTET_ASSIGN(index, Padded(c, tokens, index, c.Int("output_sequence_length", -1)));
    return Finish(c, v, index);
  }
  OCTET_ASSIGN(const Value of_each, RowsOf(c, tokens));
  const Rows rows{of_each, tokens.count};
  return Finish(c, v, index, &rows);
}

constexpr LayerRule kRules[] = {{"TextVectorization", ConvertTextVectorization}};

}  // namespace

const std::span<const LayerRule> kTextRules = kRules;

}  // namespace octet::importers::keras
