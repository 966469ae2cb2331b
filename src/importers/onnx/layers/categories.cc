// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: words and numbers for each other. Text is looked up in a hash table, numbers by position.
#include <algorithm>
#include <cmath>

#include "base/strings.h"
#include "importers/lowerings/lookup.h"
#include "importers/lowerings/resource.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {
namespace {

Value Texts(NodeContext& c, const std::vector<std::string>& texts) {
  std::vector<StringRef> refs;
  for (const std::string& t : texts) refs.push_back({t.data(), static_cast<decltype(StringRef::size)>(t.size())});
  return c.Constant({DType::kString, Shape{static_cast<int32_t>(texts.size())}, {}}, WriteStrings(refs));
}
Value Numbers(NodeContext& c, const std::vector<int64_t>& v) { return c.Constant<int64_t>(Shape{static_cast<int32_t>(v.size())}, v); }
Value Floats(NodeContext& c, const std::vector<double>& v) {
  const std::vector<float> f(v.begin(), v.end());
  return c.Constant<float>(Shape{static_cast<int32_t>(f.size())}, f);
}

// By a hash table: one side is text, the other int64.
Result<Value> FindText(NodeContext& c, Value x, Value keys, Value values, Value otherwise) {
  const DType key = c.type(keys).dtype, value = c.type(values).dtype;
  const int32_t id = c.builder().NextTable();
  const graph::Tensor k = c.builder().graph().tensor(keys.id), v = c.builder().graph().tensor(values.id);
  OCTET_TRY(AddInitializer(c, [&]() -> Status {
    OCTET_ASSIGN(const Value handle, AddTableHandle(c, id, key, value));
    AddEffect(c, "hashtable_import", {handle, c.Constant(k.type, *k.constant), c.Constant(v.type, *v.constant)});
    return {};
  }));
  OCTET_ASSIGN(const Value handle, AddTableHandle(c, id, key, value));
  const Value inputs[] = {handle, x, otherwise};
  return c.EmitAs("hashtable_find", inputs, nullptr, {value, c.shape(x), {}});
}

Status Find(NodeContext& c, Value keys, Value values, Value otherwise) {
  const Value x = c.Input(0);
  Value y;
  if (c.type(keys).dtype == DType::kString || c.type(values).dtype == DType::kString) {
    const bool both = c.type(keys).dtype == DType::kString && c.type(values).dtype == DType::kString;
    if (both || (c.type(keys).dtype != DType::kI64 && c.type(values).dtype != DType::kI64)) return c.Fail("text to int64 or back", "other types", "");
    OCTET_ASSIGN(y, FindText(c, x, keys, values, otherwise));
  } else {
    std::vector<int64_t> list;
    for (const int64_t k : c.data_as<int64_t>(keys)) list.push_back(k);
    for (const float k : c.data_as<float>(keys)) {
      if (k != std::floor(k) || std::fabs(k) > 1e9f) return c.Fail("whole numbers as keys", std::to_string(k), "");
      list.push_back(static_cast<int64_t>(k));
    }
    OCTET_ASSIGN(const Value whole, c.Cast(x, DType::kI64));
    OCTET_ASSIGN(y, FindNumbers(c, whole, list, values, otherwise));
  }
  c.SetOutput(0, y);
  return {};
}

// cats_strings and cats_int64s belong together; the input says which way.
Status ConvertCategoryMapper(NodeContext& c) {
  const std::vector<std::string> words = c.Texts("cats_strings");
  const std::vector<int64_t> numbers = c.Ints("cats_int64s", {});
  if (words.empty() || words.size() != numbers.size())
    return c.Fail("as many words as numbers", Format("%zu and %zu", words.size(), numbers.size()), "check the model");
  if (c.type(c.Input(0)).dtype == DType::kString) return Find(c, Texts(c, words), Numbers(c, numbers), Numbers(c, {c.Int("default_int64", -1)}));
  return Find(c, Numbers(c, numbers), Texts(c, words), Texts(c, {c.Text("default_string", "_Unused")}));
}

Status ConvertLabelEncoder(NodeContext& c) {
  Value keys, values, otherwise;
  if (c.Has("keys_strings")) keys = Texts(c, c.Texts("keys_strings"));
  else if (c.Has("keys_int64s")) keys = Numbers(c, c.Ints("keys_int64s", {}));
  else if (c.Has("keys_floats")) keys = Floats(c, c.Numbers("keys_floats", {}));
  if (c.Has("values_strings")) {
    values = Texts(c, c.Texts("values_strings"));
    otherwise = Texts(c, {c.Text("default_string", "_Unused")});
  } else if (c.Has("values_int64s")) {
    values = Numbers(c, c.Ints("values_int64s", {}));
    otherwise = Numbers(c, {c.Int("default_int64", -1)});
  } else if (c.Has("values_floats")) {
    values = Floats(c, c.Numbers("values_floats", {}));
    otherwise = Floats(c, {c.Number("default_float", -0.0)});
  }
  if (!keys || !values || !(c.shape(keys) == c.shape(values))) return c.Fail("as many keys as values, as lists", "others", "");
  return Find(c, keys, values, otherwise);
}

constexpr NodeRule kRules[] = {{"ai.onnx.ml.CategoryMapper", 0, ConvertCategoryMapper}, {"ai.onnx.ml.LabelEncoder", 0, ConvertLabelEncoder}};

}  // namespace

const std::span<const NodeRule> kCategoryRules = kRules;

}  // namespace octet::importers::onnx
