// SPDX-License-Identifier: Apache-2.0
// StringLookup and IntegerLookup.
#include "importers/keras/layers/lookup.h"

#include <algorithm>
#include <charconv>

#include "base/strings.h"
#include "importers/keras/builder.h"
#include "importers/keras/layers/categories.h"
#include "importers/keras/layers/hashing.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/lookup.h"
#include "importers/lowerings/resource.h"

namespace octet::importers::keras {
namespace {

constexpr size_t kMostWords = size_t{1} << 24;
constexpr int64_t kMissing = -2;  // No index.

std::string Token(const Json& j) { return j.is_text() ? j.text() : std::to_string(j.integer()); }

Result<Vocabulary> ReadVocabulary(LayerContext& c) {
  Vocabulary v;
  v.places = c.Int("num_oov_indices", 1);
  if (v.places < 0 || v.places > 1 << 20) return c.Fail("num_oov_indices", std::to_string(v.places), "");
  v.has_mask = c.Has("mask_token");
  v.mask = Token(c.Get("mask_token"));
  v.unknown = Token(c.Get("oov_token"));
  v.indices = c.Text("output_mode", "int") == "int";
  OCTET_TRY(ReadWords(c, &v));
  return v;
}

Value Texts(LayerContext& c, const std::vector<std::string>& texts) {
  std::vector<StringRef> refs;
  for (const std::string& t : texts) refs.push_back({t.data(), static_cast<decltype(StringRef::size)>(t.size())});
  return c.Constant({DType::kString, Shape{static_cast<int32_t>(texts.size())}, {}}, WriteStrings(refs));
}
Value Numbers(LayerContext& c, const std::vector<int64_t>& v) { return c.Constant<int64_t>(Shape{static_cast<int32_t>(v.size())}, v); }
Value Number(LayerContext& c, int64_t v) { return c.Constant<int64_t>(Shape{}, std::span<const int64_t>(&v, 1)); }

// Words and the indices that a lookup gives them.
void Entries(const Vocabulary& v, std::vector<std::string>* words, std::vector<int64_t>* indices) {
  if (v.has_mask) {  // Where the result is no index, a masked word is in no category.
    words->push_back(v.mask);
    indices->push_back(v.indices ? 0 : -1);
  }
  for (size_t i = 0; i < v.words.size(); ++i) {
    words->push_back(v.words[i]);
    indices->push_back(v.first_word() + static_cast<int64_t>(i));
  }
}

Result<Value> FindInTable(LayerContext& c, Value x, Value keys, Value values, Value otherwise) {
  const DType key = c.type(keys).dtype, value = c.type(values).dtype;
  const int32_t id = c.builder().NextTable();
  const auto inputs_of = [&]() { return AddTableHandle(c, id, key, value); };
  // The lists are constants of the graph outside: inside they are told anew.
  const graph::Graph& g = c.builder().graph();
  const graph::Tensor k = g.tensor(keys.id), v = g.tensor(values.id);
  OCTET_TRY(AddInitializer(c, [&]() -> Status {
    OCTET_ASSIGN(const Value handle, inputs_of());
    const Value in_keys = c.Constant(k.type, *k.constant), in_values = c.Constant(v.type, *v.constant);
    AddEffect(c, "hashtable_import", {handle, in_keys, in_values});
    return {};
  }));
  OCTET_ASSIGN(const Value handle, inputs_of());
  const Value inputs[] = {handle, x, otherwise};
  return c.EmitAs("hashtable_find", inputs, nullptr, {value, c.shape(x), {}});
}

// Where the index is kMissing, one of several places for unknown words instead: `place` counts them from 0.
Result<Value> WithPlaces(LayerContext& c, const Vocabulary& v, Value index, Value place) {
  OCTET_ASSIGN(place, c.Make("add", {place, Number(c, v.first_unknown())}));
  OCTET_ASSIGN(const Value missing, c.Make("equal", {index, Number(c, kMissing)}));
  return c.Make("select_v2", {missing, place, index});
}

// As Encode, for indices in rows of different lengths: ones added up where [row, index] says.
Result<Value> CountInRows(LayerContext& c, const std::string& mode, Value ids, const Rows& rows, int32_t classes) {
  if (mode != "count" && mode != "multi_hot") return c.Fail("output_mode int, multi_hot, count or tf_idf", mode, "");
  const Value pair[] = {rows.of_each, ids};
  OCTET_ASSIGN(Value at, c.Make("pack", pair, {{"axis", 1}, {"values_count", 2}}));
  OCTET_ASSIGN(at, c.Cast(at, DType::kI32));
  OCTET_ASSIGN(const Value count, c.Cast(rows.count, DType::kI32));
  const Value sizes[] = {count, c.Vector({classes})};
  OCTET_ASSIGN(const Value shape, c.Make("concatenation", sizes, {{"axis", 0}}));
  OCTET_ASSIGN(const Value length, c.Make("shape", {ids}, {{"out_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_ASSIGN(const Value ones, c.Make("fill", {length, c.Scalar(1)}));
  OCTET_ASSIGN(Value y, c.Make("scatter_nd", {at, ones, shape}));
  c.construction().Refine(y, {DType::kF32, Shape{kUnknown, classes}, {}});
  if (mode == "count") return y;
  return c.Make("minimum", {y, c.Scalar(1)});
}

// What the constructor got, one per word, or what adapting found, then also of what is no word.
std::vector<float> IdfWeights(LayerContext& c) {
  std::vector<float> weights;
  for (const double w : c.Numbers("idf_weights", {})) weights.push_back(static_cast<float>(w));
  if (!weights.empty() || c.variables().group.empty()) return weights;
  const Result<Value> stored = c.builder().FloatVariable(c.variables().group + "/vars/idf_weights", "idf_weights", c);
  if (stored.ok())
    for (const float w : c.data_as<float>(*stored)) weights.push_back(w);
  return weights;
}

// The other way: index -> word.
Status ConvertInverse(LayerContext& c, const Vocabulary& v) {
  std::vector<std::string> words;
  std::vector<int64_t> indices;
  Entries(v, &words, &indices);
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kI64));
  OCTET_ASSIGN(const Value y, FindInTable(c, x, Numbers(c, indices), Texts(c, words), Texts(c, {v.unknown})));
  c.SetOutput(0, y);
  return {};
}

Status ConvertStringLookup(LayerContext& c) {
  OCTET_ASSIGN(const Vocabulary v, ReadVocabulary(c));
  if (c.Bool("invert", false)) return ConvertInverse(c, v);
  OCTET_ASSIGN(const Value index, IndicesOf(c, v, c.Input(0)));
  return Finish(c, v, index);
}

// ---------------------------------------------------------------------------- whole numbers

Result<Value> FindNumber(LayerContext& c, Value x, const std::vector<int64_t>& words, const std::vector<int64_t>& indices, int64_t unknown) {
  return FindNumbers(c, x, words, Numbers(c, indices), Number(c, unknown));
}

Result<std::vector<int64_t>> ToNumbers(LayerContext& c, const std::vector<std::string>& words) {
  std::vector<int64_t> numbers;
  for (const std::string& word : words) {
    int64_t n = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), n);
    if (error != std::errc() || end != word.data() + word.size()) return c.Fail("whole numbers in the vocabulary", "'" + word + "'", "");
    numbers.push_back(n);
  }
  return numbers;
}

Status ConvertIntegerLookup(LayerContext& c) {
  OCTET_ASSIGN(const Vocabulary v, ReadVocabulary(c));
  std::vector<std::string> words;
  std::vector<int64_t> indices;
  Entries(v, &words, &indices);
  OCTET_ASSIGN(const std::vector<int64_t> numbers, ToNumbers(c, words));
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kI64));
  if (c.Bool("invert", false)) {
    OCTET_ASSIGN(const std::vector<int64_t> unknown, ToNumbers(c, {v.unknown}));
    OCTET_ASSIGN(const Value y, FindNumber(c, x, indices, numbers, unknown[0]));
    c.SetOutput(0, y);
    return {};
  }
  const int64_t unknown = v.places == 1 ? v.first_unknown() : -1;
  OCTET_ASSIGN(Value index, FindNumber(c, x, numbers, indices, v.places > 1 ? kMissing : unknown));
  if (v.places > 1) {
    Value place;
    if (c.Text("oov_method", "floormod") == "floormod") {
      OCTET_ASSIGN(place, c.Make("floor_mod", {x, Number(c, v.places)}));
    } else {
      OCTET_ASSIGN(const Value digits, Digits(c, x));
      OCTET_ASSIGN(place, HashTexts(c, digits, v.places));
    }
    OCTET_ASSIGN(index, WithPlaces(c, v, index, place));
  }
  return Finish(c, v, index);
}

constexpr LayerRule kRules[] = {{"StringLookup", ConvertStringLookup}, {"IntegerLookup", ConvertIntegerLookup}};

}  // namespace

const std::span<const LayerRule> kLookupRules = kRules;

Status ReadWords(LayerContext& c, Vocabulary* v) {
  if (const Json& words = c.Get("vocabulary"); words.is_list()) {
    for (const Json& word : words.items()) v->words.push_back(Token(word));
  } else {
    Result<std::string> file = c.builder().weights().Asset(c.variables(), "vocabulary.txt");
    if (!file.ok())
      return c.Fail("a vocabulary in the file", "none",
                    "adapt the layer before saving, as .keras or SavedModel; a .h5 file has the vocabulary only where the layer's constructor got it");
    std::string_view rest = *file;
    while (true) {
      const size_t end = rest.find('\n');
      v->words.emplace_back(rest.substr(0, end));
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
  }
  if (v->words.size() > kMostWords) return c.Fail("at most 2^24 words", std::to_string(v->words.size()), "");
  // The list may begin with the tokens that stand for none of its words.
  std::vector<std::string> special(static_cast<size_t>(v->first_unknown()), v->mask);
  special.insert(special.end(), static_cast<size_t>(v->places), v->unknown);
  if (v->words.size() >= special.size() && std::ranges::equal(special, std::span(v->words).first(special.size())))
    v->words.erase(v->words.begin(), v->words.begin() + static_cast<std::ptrdiff_t>(special.size()));
  if (v->words.empty()) return c.Fail("a vocabulary", "an empty one", "adapt the layer before saving");
  return {};
}

Result<Value> IndicesOf(LayerContext& c, const Vocabulary& v, Value x) {
  std::vector<std::string> words;
  std::vector<int64_t> indices;
  Entries(v, &words, &indices);
  const int64_t unknown = v.places == 0 ? -1 : v.places == 1 ? v.first_unknown() : kMissing;
  OCTET_ASSIGN(const Value index, FindInTable(c, x, Texts(c, words), Numbers(c, indices), Numbers(c, {unknown})));
  if (v.places < 2) return index;
  OCTET_ASSIGN(const Value place, HashTexts(c, x, v.places));
  return WithPlaces(c, v, index, place);
}

Status Finish(LayerContext& c, const Vocabulary& v, Value index, const Rows* rows) {
  const std::string mode = c.Text("output_mode", "int");
  const int64_t depth = c.Bool("pad_to_max_tokens", false) ? c.Int("max_tokens", v.size()) : v.size();
  if (depth < v.size() || depth > INT32_MAX) return c.Fail("max_tokens for the whole vocabulary", std::to_string(depth), "");
  if (mode == "int") {
    c.SetOutput(0, index);
    return {};
  }
  const std::string counted = mode == "tf_idf" ? "count" : mode;
  OCTET_ASSIGN(Value y, rows ? CountInRows(c, counted, index, *rows, static_cast<int32_t>(depth)) : Encode(c, counted, index, static_cast<int32_t>(depth)));
  if (mode == "tf_idf") {
    std::vector<float> weights = IdfWeights(c);
    // Of the words; an unknown one weighs what they do on average.
    if (weights.size() == v.words.size()) {
      double sum = 0;
      for (const float w : weights) sum += static_cast<double>(w);
      weights.insert(weights.begin(), static_cast<size_t>(v.first_word()), static_cast<float>(sum / static_cast<double>(weights.size())));
    }
    if (const auto n = static_cast<int64_t>(weights.size()); n != v.size() && n != depth)
      return c.Fail("idf_weights in the file, one per word", std::to_string(n), "adapt the layer before saving, or give them to the constructor");
    weights.resize(static_cast<size_t>(depth), 0.0f);
    OCTET_ASSIGN(y, c.Make("mul", {y, c.Constant<float>(Shape{static_cast<int32_t>(depth)}, weights)}));
  } else if (c.builder().version() > 2) {
    OCTET_ASSIGN(y, c.Cast(y, DType::kI64));
  }
  c.SetOutput(0, y);
  return {};
}

}  // namespace octet::importers::keras
