// SPDX-License-Identifier: Apache-2.0
// Numbers drawn anew in every run, of a shape that is given or another tensor's.
#include "importers/lowerings/activation.h"
#include "importers/onnx/builder.h"
#include "importers/onnx/rules.h"
#include "ops/philox_util.h"

namespace octet::importers::onnx {
namespace {

constexpr int64_t kFloat = 1, kHalf = 10, kDouble = 11;  // TensorProto.DataType

// The operand that tells the shape: of input 0 where there is one.
Result<Value> Dims(NodeContext& c) {
  if (c.num_inputs() > 0) {
    if (const Shape& s = c.shape(c.Input(0)); s.known()) return c.Vector(std::vector<int32_t>(s.dims().begin(), s.dims().end()));
    return c.Make("shape", {c.Input(0)}, {{"out_type", static_cast<int64_t>(DType::kI32)}});
  }
  std::vector<int32_t> dims;
  for (const int64_t d : c.Ints("shape", {})) {
    dims.push_back(static_cast<int32_t>(d));
    if (d < 0 || dims.back() != d || dims.size() > kMaxRank) return c.Fail("a shape", std::to_string(d), "");
  }
  return c.Vector(dims);
}

// Uniform in [0, 1), or normal.
Result<Value> Draw(NodeContext& c, std::string_view op) {
  OCTET_ASSIGN(const Value shape, Dims(c));
  const auto seed = static_cast<int64_t>(c.Number("seed", 0));
  OCTET_ASSIGN(const std::vector<Value> y, c.MakeMany(op, std::span(&shape, 1), {{"seed", seed}, {"seed2", int64_t{0}}}, 1));
  if (c.num_inputs() > 0) c.RefineShape(y[0], c.shape(c.Input(0)));
  return y[0];
}

Status CheckType(const NodeContext& c) {
  const int64_t type = c.Int("dtype", kFloat);
  if (type == kFloat || type == kHalf || type == kDouble) return {};
  return c.Fail("numbers of floating point", "element type " + std::to_string(type), "draw floats and add a Cast");
}

template <bool Normal> Status ConvertRandom(NodeContext& c) {
  OCTET_TRY(CheckType(c));
  const double low = Normal ? c.Number("mean", 0) : c.Number("low", 0), width = Normal ? c.Number("scale", 1) : c.Number("high", 1) - low;
  OCTET_ASSIGN(Value y, Draw(c, Normal ? "random_standard_normal" : "random_uniform"));
  OCTET_ASSIGN(y, Times(c, y, static_cast<float>(width)));
  return Set(c, Plus(c, y, static_cast<float>(low)));
}

// Ones with the probability that each element tells.
Status ConvertBernoulli(NodeContext& c) {
  OCTET_TRY(CheckType(c));
  OCTET_ASSIGN(const Value u, Draw(c, "random_uniform"));
  OCTET_ASSIGN(const Value y, c.Emit("less", {u, c.Input(0)}));
  return Set(c, c.Cast(y, DType::kF32));
}

// Numbers of classes, as often as sample_size says.
Status ConvertMultinomial(NodeContext& c) {
  constexpr int64_t kInt32 = 6;
  const int64_t samples = c.Int("sample_size", 1);
  if (samples < 0 || samples > INT32_MAX) return c.Fail("a number of samples", std::to_string(samples), "check the model");
  const DType type = c.Int("dtype", kInt32) == kInt32 ? DType::kI32 : DType::kI64;
  const Value in[] = {c.Input(0), c.ScalarInt(static_cast<int32_t>(samples))};
  const ops::RandomAttrs attrs{.seed = static_cast<int64_t>(c.Number("seed", 0))};
  return Set(c, c.EmitAs("multinomial", in, &attrs, {type, {}, {}}));
}

constexpr NodeRule kRules[] = {{"RandomUniform", 0, ConvertRandom<false>}, {"RandomUniformLike", 0, ConvertRandom<false>},
                               {"RandomNormal", 0, ConvertRandom<true>}, {"RandomNormalLike", 0, ConvertRandom<true>}, {"Bernoulli", 0, ConvertBernoulli},
                               {"Multinomial", 0, ConvertMultinomial}};

}  // namespace

const std::span<const NodeRule> kRandomRules = kRules;

}  // namespace octet::importers::onnx
