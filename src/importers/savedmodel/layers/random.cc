// SPDX-License-Identifier: Apache-2.0
// Numbers drawn anew in every run. Those of the stateless ops are a function of their seed, also where that is a variable that counts
// (Keras' SeedGenerator): TensorFlow's own operators, so that the file says what the source says.
#include <algorithm>

#include "importers/lowerings/selection.h"
#include "importers/savedmodel/builder.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/flex.h"
#include "importers/savedmodel/rules.h"

namespace octet::importers::savedmodel {
namespace {

// Uniform in [0, 1) or normal, of the shape that input 0 tells.
Result<Value> Draw(NodeContext& c, const char* op) {
  const Value dims = c.Input(0);
  if (!dims) return Value{};
  OCTET_ASSIGN(const Value shape, c.Cast(dims, DType::kI32));
  const Value inputs[] = {shape};
  OCTET_ASSIGN(const std::vector<Value> y, c.MakeMany(op, inputs, {{"seed", c.Int("seed", 0)}, {"seed2", c.Int("seed2", 0)}}, 1));
  const Partial* known = c.Known(0);
  c.Refine(y[0], {DType::kF32, known ? Shape(known->dims()) : Shape(), {}});
  return y[0];
}

Status ConvertUniform(NodeContext& c) {
  OCTET_ASSIGN(const Value y, Draw(c, "random_uniform"));
  c.SetOutput(0, y);
  return {};
}

Status ConvertNormal(NodeContext& c) {
  OCTET_ASSIGN(const Value y, Draw(c, "random_standard_normal"));
  c.SetOutput(0, y);
  return {};
}

// least + floor(u * (most - least)).
Status ConvertUniformInt(NodeContext& c) {
  const Value least = c.Input(1), most = c.Input(2);
  if (!least || !most) return {};
  OCTET_ASSIGN(Value y, Draw(c, "random_uniform"));
  if (!y) return {};
  OCTET_ASSIGN(Value width, c.Make("sub", {most, least}));
  OCTET_ASSIGN(width, c.Cast(width, DType::kF32));
  OCTET_ASSIGN(y, c.Make("mul", {y, width}));
  OCTET_ASSIGN(y, c.Make("floor", {y}));
  OCTET_ASSIGN(y, c.Cast(y, c.type(least).dtype));
  OCTET_ASSIGN(y, c.Make("add", {y, least}));
  c.SetOutput(0, y);
  return {};
}

// To the bit, which LiteRT leaves to TensorFlow.
Status DrawExactly(NodeContext& c) {
  OCTET_TRY(AddFlex(c));
  if (c.outputs().empty()) return {};
  const Partial* known = c.Known(0);
  const Value y = c.outputs().front();
  if (known && !c.data(y)) c.Refine(y, {c.type(y).dtype, Shape(known->dims()), {}});
  return {};
}

// The rows in the order of as many random numbers.
Status ConvertShuffle(NodeContext& c) {
  const Value x = c.Input(0);
  if (!x) return {};
  if (c.rank(x) < 1 || c.shape(x)[0] < 1) return c.Fail("a known number of rows", c.shape(x).text(), "");
  const int32_t n = c.shape(x)[0];
  const Value inputs[] = {c.Vector({n})};
  OCTET_ASSIGN(const std::vector<Value> keys, c.MakeMany("random_uniform", inputs, {{"seed", c.Int("seed", 0)}, {"seed2", c.Int("seed2", 0)}}, 1));
  OCTET_ASSIGN(const std::vector<Value> sorted,
               c.EmitNode("topk_v2", std::vector<Value>{keys[0], c.ScalarInt(n)}, nullptr, {{DType::kF32, {}, {}}, {DType::kI32, {}, {}}}));
  OCTET_ASSIGN(const Value y, c.Make("gather", {x, sorted[1]}, {{"axis", 0}}));
  c.SetOutput(0, y);
  return {};
}

Status ConvertMultinomial(NodeContext& c) {
  const Value logits = c.Input(0), samples = c.Input(1);
  if (!logits || !samples) return {};
  const DType type = c.Has("output_dtype") ? c.Type("output_dtype") : DType::kI64;
  const ops::OpDef& def = *ops::Find("multinomial");
  graph::Attributes attrs(def.attrs);
  for (const ops::AttrRow& row : def.attrs.rows) *static_cast<int64_t*>(row.at(attrs.get())) = c.Int(row.name, 0);
  OCTET_ASSIGN(const std::vector<Value> y, c.EmitNode("multinomial", std::vector<Value>{logits, samples}, attrs.get(), {{type, {}, {}}}));
  std::vector<int64_t> n;
  c.Refine(y[0], {type, Shape{c.shape(logits)[0], c.IntsOf(1, &n) && n.size() == 1 ? static_cast<int32_t>(n[0]) : kUnknown}, {}});
  c.SetOutput(0, y[0]);
  return {};
}

// The only one that TensorFlow has for CPUs.
Status ConvertAlgorithm(NodeContext& c) {
  constexpr int32_t kPhilox = 1;
  c.SetOutput(0, c.ScalarInt(kPhilox));
  return {};
}

constexpr NodeRule kRules[] = {{"RandomUniform", ConvertUniform}, {"RandomStandardNormal", ConvertNormal}, {"RandomUniformInt", ConvertUniformInt},
                               {"RandomShuffle", ConvertShuffle}, {"Multinomial", ConvertMultinomial}, {"StatelessRandomGetAlg", ConvertAlgorithm},
                               {"StatelessRandomUniformV2", DrawExactly}, {"StatelessRandomNormalV2", DrawExactly},
                               {"StatelessRandomUniformIntV2", DrawExactly}, {"StatelessTruncatedNormalV2", DrawExactly},
                               {"StatelessRandomUniformFullIntV2", DrawExactly}};

}  // namespace

const std::span<const NodeRule> kRandomRules = kRules;

}  // namespace octet::importers::savedmodel
