// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: what is learned of tables. Scaled and picked columns, linear models; see trees.cc and support_vectors.cc.
#include <cmath>

#include "base/strings.h"
#include "importers/lowerings/activation.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/layers/learned.h"
#include "importers/onnx/rules.h"

namespace octet::importers::onnx {

std::vector<float> FloatsAt(NodeContext& c, std::string_view key) {
  const std::vector<double> v = c.Numbers(key, {});
  return {v.begin(), v.end()};
}

std::vector<int64_t> IntsAt(NodeContext& c, std::string_view key) {
  const AttributeProto* a = c.Find(key);
  return a ? std::vector<int64_t>(a->ints.begin(), a->ints.end()) : std::vector<int64_t>();
}

Value Row(NodeContext& c, const std::vector<float>& v) { return c.Constant<float>(Shape{static_cast<int32_t>(v.size())}, v); }

Result<Value> Rows(NodeContext& c) {
  const Value x = c.Input(0);
  if (c.rank(x) < 1 || c.rank(x) > 2) return c.Fail("rows of numbers", c.shape(x).text(), "");
  OCTET_ASSIGN(const Value numbers, c.Cast(x, DType::kF32));
  return c.rank(x) == 2 ? Result<Value>(numbers) : c.Make("expand_dims", {numbers, c.ScalarInt(0)});
}

Result<Value> Transformed(NodeContext& c, Value scores) {
  constexpr std::string_view kNames[] = {"NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"};
  std::string how = c.Text("post_transform", "");
  const int64_t number = c.Int("post_transform", 0);  // TreeEnsemble has one instead of a name.
  if (how.empty()) how = number >= 0 && number < std::ssize(kNames) ? kNames[number] : std::to_string(number);
  if (how == "NONE") return scores;
  if (how == "LOGISTIC") return c.Emit("logistic", {scores});
  if (how == "SOFTMAX") return c.Make("softmax", {scores}, {{"beta", 1.0}});
  return c.Fail("post_transform NONE, LOGISTIC or SOFTMAX", how, "");
}

Result<Labels> ReadLabels(NodeContext& c) {
  for (const char* key : {"classlabels_int64s", "classlabels_ints"}) {
    const std::vector<int64_t> v = c.Ints(key, {});
    const auto n = static_cast<int32_t>(v.size());
    if (n > 0) return Labels{c.Constant<int64_t>(Shape{n}, v), n};
  }
  const std::vector<std::string> texts = c.Texts("classlabels_strings");
  std::vector<StringRef> refs;
  for (const std::string& t : texts) refs.push_back({t.data(), static_cast<decltype(StringRef::size)>(t.size())});
  const auto n = static_cast<int32_t>(texts.size());
  if (n < 1) return c.Fail("names of classes", "none", "check the model");
  return Labels{c.Constant({DType::kString, Shape{n}, {}}, WriteStrings(refs)), n};
}

Status SetLabel(NodeContext& c, const Labels& labels, Value number) {
  OCTET_ASSIGN(const Value label, c.Make("gather", {labels.names, number}, {{"axis", 0}}));
  c.SetOutput(0, label);
  return {};
}

Status Classify(NodeContext& c, const Labels& labels, Value scores) {
  OCTET_ASSIGN(const Value best, c.Make("arg_max", {scores, c.ScalarInt(1)}, {{"output_type", static_cast<int64_t>(DType::kI32)}}));
  OCTET_TRY(SetLabel(c, labels, best));
  OCTET_ASSIGN(const Value y, Transformed(c, scores));
  c.SetOutput(1, y);
  return {};
}

namespace {

// Of two classes, the second one where the score [N, 1] is above that.
Status SetSecondAbove(NodeContext& c, const Labels& labels, Value score, float threshold) {
  OCTET_ASSIGN(Value second, c.Emit("greater", {score, c.Scalar(threshold)}));
  OCTET_ASSIGN(second, c.Cast(second, DType::kI32));
  OCTET_ASSIGN(second, c.Make("reshape", {second, c.Vector({-1})}));
  return SetLabel(c, labels, second);
}

}  // namespace

Status ClassifyByProbability(NodeContext& c, const Labels& labels, Value probability) {
  OCTET_TRY(SetSecondAbove(c, labels, probability, 0.5f));
  OCTET_ASSIGN(const Value other, c.Emit("sub", {c.Scalar(1), probability}));
  OCTET_ASSIGN(const Value both, c.Make("concatenation", {other, probability}, {{"axis", 1}}));
  c.SetOutput(1, both);
  return {};
}

Status ClassifyByMargin(NodeContext& c, const Labels& labels, Value margin) {
  OCTET_TRY(SetSecondAbove(c, labels, margin, 0));
  OCTET_ASSIGN(const Value other, c.Emit("neg", {margin}));
  OCTET_ASSIGN(Value both, c.Make("concatenation", {other, margin}, {{"axis", 1}}));
  OCTET_ASSIGN(both, Transformed(c, both));
  c.SetOutput(1, both);
  return {};
}

namespace {

// ---------------------------------------------------------------------------------------- columns

// (x - offset) * scale
Status ConvertScaler(NodeContext& c) {
  OCTET_ASSIGN(Value x, c.Cast(c.Input(0), DType::kF32));
  const std::vector<float> offset = FloatsAt(c, "offset"), scale = FloatsAt(c, "scale");
  if (!offset.empty()) {
    OCTET_ASSIGN(x, c.Emit("sub", {x, Row(c, offset)}));
  }
  return Set(c, scale.empty() ? Result<Value>(x) : c.Emit("mul", {x, Row(c, scale)}));
}

// By the largest number, the sum of magnitudes, or the length of each row.
Status ConvertNormalizer(NodeContext& c) {
  OCTET_ASSIGN(const Value x, c.Cast(c.Input(0), DType::kF32));
  const std::string norm = c.Text("norm", "MAX");
  const Value last = c.Vector({c.rank(x) - 1});
  if (c.rank(x) < 1) return c.Fail("rows of numbers", "a scalar", "");
  Value size;
  if (norm == "L2") {
    OCTET_ASSIGN(size, c.Emit("mul", {x, x}));
    OCTET_ASSIGN(size, c.Make("sum", {size, last}, {{"keep_dims", 1}}));
    OCTET_ASSIGN(size, c.Emit("sqrt", {size}));
  } else {
    OCTET_ASSIGN(size, norm == "L1" ? c.Emit("abs", {x}) : Result<Value>(x));
    OCTET_ASSIGN(size, c.Make(norm == "L1" ? "sum" : "reduce_max", {size, last}, {{"keep_dims", 1}}));
  }
  OCTET_ASSIGN(const Value zero, c.Emit("equal", {size, c.Scalar(0)}));
  OCTET_ASSIGN(size, c.Emit("select_v2", {zero, c.Scalar(1), size}));
  return Set(c, c.Emit("div", {x, size}));
}

Status ConvertBinarizer(NodeContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const Value numbers, c.Cast(x, DType::kF32));
  OCTET_ASSIGN(const Value above, c.Emit("greater", {numbers, c.Scalar(static_cast<float>(c.Number("threshold", 0)))}));
  return Set(c, c.Cast(above, c.type(x).dtype));
}

// What stands for no number becomes another one.
Status ConvertImputer(NodeContext& c) {
  const Value x = c.Input(0);
  const bool whole = c.Has("imputed_value_int64s");
  Value with, missing;
  if (whole) {
    const std::vector<int64_t> v = c.Ints("imputed_value_int64s", {});
    const int64_t replaced = c.Int("replaced_value_int64", 0);
    with = c.Constant<int64_t>(Shape{static_cast<int32_t>(v.size())}, v);
    OCTET_ASSIGN(missing, c.Emit("equal", {x, c.Constant<int64_t>(Shape{}, std::span(&replaced, 1))}));
  } else {
    const auto replaced = static_cast<float>(c.Number("replaced_value_float", 0));
    with = Row(c, FloatsAt(c, "imputed_value_floats"));
    OCTET_ASSIGN(missing, std::isnan(replaced) ? c.Emit("not_equal", {x, x}) : c.Emit("equal", {x, c.Scalar(replaced)}));
  }
  const DType own = c.type(x).dtype;
  if (own != (whole ? DType::kI64 : DType::kF32)) return c.Fail("numbers of the type of those that are put in", std::string(Name(own)), "");
  return Set(c, c.Emit("select_v2", {missing, with, x}));
}

// Columns by their places.
Status ConvertFeatureExtractor(NodeContext& c) {
  const Value x = c.Input(0);
  if (c.rank(x) < 1) return c.Fail("rows", "a scalar", "");
  OCTET_ASSIGN(Value at, c.Cast(c.Input(1), DType::kI32));
  OCTET_ASSIGN(at, c.Make("reshape", {at, c.Vector({-1})}));
  OCTET_ASSIGN(const Value y, c.Make("gather", {x, at}, {{"axis", c.rank(x) - 1}}));
  return Set(c, c.rank(x) > 1 ? Result<Value>(y) : c.Make("expand_dims", {y, c.ScalarInt(0)}));
}

// Columns side by side.
Status ConvertFeatureVectorizer(NodeContext& c) {
  std::vector<Value> parts;
  for (int i = 0; i < c.num_inputs(); ++i) {
    OCTET_ASSIGN(Value part, c.Cast(c.Input(i), DType::kF32));
    if (c.rank(part) == 1) {
      OCTET_ASSIGN(part, c.Make("expand_dims", {part, c.ScalarInt(-1)}));
    }
    parts.push_back(part);
  }
  return Set(c, parts.size() == 1 ? Result<Value>(parts[0]) : c.Make("concatenation", parts, {{"axis", 1}}));
}

// ----------------------------------------------------------------------------------------- scores

// ----------------------------------------------------------------------------------------- linear

Result<Value> LinearScores(NodeContext& c, const std::vector<float>& weights, std::vector<float> bias, int64_t outputs) {
  OCTET_ASSIGN(const Value x, Rows(c));
  if (outputs < 1 || weights.empty() || weights.size() % static_cast<size_t>(outputs) != 0 || (!bias.empty() && bias.size() != static_cast<size_t>(outputs)))
    return c.Fail("weights and a bias for each output", Format("%zu and %zu", weights.size(), bias.size()), "check the model");
  bias.resize(static_cast<size_t>(outputs), 0.0f);
  const auto n = static_cast<int32_t>(outputs), columns = static_cast<int32_t>(weights.size() / static_cast<size_t>(outputs));
  return c.Make("fully_connected", {x, c.Constant<float>(Shape{n, columns}, weights), Row(c, bias)});
}

Status ConvertLinearRegressor(NodeContext& c) {
  OCTET_ASSIGN(const Value y, LinearScores(c, FloatsAt(c, "coefficients"), FloatsAt(c, "intercepts"), c.Int("targets", 1)));
  return Set(c, Transformed(c, y));
}

Status ConvertLinearClassifier(NodeContext& c) {
  const std::vector<float> bias = FloatsAt(c, "intercepts");
  OCTET_ASSIGN(const Labels labels, ReadLabels(c));
  OCTET_ASSIGN(const Value scores, LinearScores(c, FloatsAt(c, "coefficients"), bias, bias.empty() ? labels.count : static_cast<int64_t>(bias.size())));
  const int32_t n = c.shape(scores).back();
  if (n == 1 && labels.count == 2) return ClassifyByMargin(c, labels, scores);
  return n == labels.count ? Classify(c, labels, scores) : c.Fail("a score for each class", std::to_string(n), "check the model");
}

Status ConvertZipMap(NodeContext& c) { return c.Fail("scores as a tensor", "a list of maps", "convert the classifier with options={'zipmap': False}"); }

constexpr NodeRule kRules[] = {
    {"ai.onnx.ml.ZipMap", 0, ConvertZipMap},
    {"ai.onnx.ml.Scaler", 0, ConvertScaler}, {"ai.onnx.ml.Normalizer", 0, ConvertNormalizer}, {"ai.onnx.ml.Binarizer", 0, ConvertBinarizer},
    {"ai.onnx.ml.Imputer", 0, ConvertImputer}, {"ai.onnx.ml.ArrayFeatureExtractor", 0, ConvertFeatureExtractor},
    {"ai.onnx.ml.FeatureVectorizer", 0, ConvertFeatureVectorizer}, {"ai.onnx.ml.LinearRegressor", 0, ConvertLinearRegressor},
    {"ai.onnx.ml.LinearClassifier", 0, ConvertLinearClassifier}};

}  // namespace

const std::span<const NodeRule> kLearnedRules = kRules;

}  // namespace octet::importers::onnx
