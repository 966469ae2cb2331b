// SPDX-License-Identifier: Apache-2.0
// Features of sound that TensorFlow Lite has custom operators for, with their options as TensorFlow Lite's converter writes them.
#include "importers/lowerings/tensorflow_op.h"
#include "importers/savedmodel/context.h"
#include "importers/savedmodel/rules.h"
#include "ops/flexbuffer_util.h"

namespace octet::importers::savedmodel {
namespace {

using ops::FlexScalar;

FlexScalar IntOf(const NodeContext& c, std::string_view key, int64_t fallback) { return {key, FlexScalar::Kind::kInt, c.Int(key, fallback), 0}; }
FlexScalar FloatOf(const NodeContext& c, std::string_view key, double fallback) {
  return {key, FlexScalar::Kind::kFloat, 0, static_cast<float>(c.Number(key, fallback))};
}

Status AddOp(NodeContext& c, std::vector<FlexScalar> options) {
  const ops::OpDef* def = ops::Find(ops::BuiltinCode::kCustom, c.kind());
  if (!def) return c.Fail("an operator that this build has", std::string(c.kind()), "");
  const std::vector<Value> in = c.Inputs(static_cast<int>(def->inputs.size()));
  if (!Ready(in) || c.lacks_input()) return {};
  OCTET_ASSIGN(const std::vector<Value> out, AddCustomOp(c, *def, in, {{DType::kF32, {}, {}}}, ops::WriteFlexMap(std::move(options))));
  c.SetOutput(0, out[0]);
  return {};
}

Status ConvertSpectrogram(NodeContext& c) {
  return AddOp(c, {IntOf(c, "window_size", 0), IntOf(c, "stride", 0), {"magnitude_squared", FlexScalar::Kind::kBool, c.Bool("magnitude_squared", false), 0}});
}

Status ConvertMfcc(NodeContext& c) {
  return AddOp(c, {FloatOf(c, "upper_frequency_limit", 4000), FloatOf(c, "lower_frequency_limit", 20), IntOf(c, "filterbank_channel_count", 40),
                   IntOf(c, "dct_coefficient_count", 13)});
}

constexpr NodeRule kRules[] = {{"AudioSpectrogram", ConvertSpectrogram}, {"Mfcc", ConvertMfcc}};

}  // namespace

const std::span<const NodeRule> kAudioRules = kRules;

}  // namespace octet::importers::savedmodel
