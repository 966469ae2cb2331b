// SPDX-License-Identifier: Apache-2.0
// Masks: which time steps count. Keras sends them along with a tensor; here they are tensors beside it.
//   Masking: mask[b,t] = any_k(x[b,t,k] != value), y = x * mask.    Embedding(mask_zero): mask = ids != 0.
#include <algorithm>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

Status ConvertMasking(LayerContext& c) {
  const Value x = c.Input(0);
  OCTET_ASSIGN(const Value differs, c.Make("not_equal", {x, c.Scalar(static_cast<float>(c.Number("mask_value", 0)))}));
  OCTET_ASSIGN(const Value kept, c.Make("reduce_any", {differs, c.Vector({-1})}, {{"keep_dims", 1}}));
  OCTET_ASSIGN(const Value factor, c.Cast(kept, DType::kF32));
  OCTET_ASSIGN(const Value y, c.Make("mul", {x, factor}));
  OCTET_ASSIGN(const Value mask, c.Make("reduce_any", {differs, c.Vector({-1})}, {{"keep_dims", 0}}));
  c.builder().SetMask(y, mask);
  c.SetOutput(0, y);
  return {};
}

// sum(x * mask) / sum(mask) over time; without a mask the operator's own rule does it.
Status ConvertMaskedMean(LayerContext& c) {
  OCTET_ASSIGN(const Value mask, c.Mask());
  if (!mask) return c.ApplyOperatorRule();
  if (c.Text("data_format", "channels_last") != "channels_last") return c.Fail("channels_last", "channels_first", "permute the input");
  OCTET_ASSIGN(Value weights, c.Cast(mask, DType::kF32));
  OCTET_ASSIGN(weights, c.Make("expand_dims", {weights, c.Vector({-1})}));
  OCTET_ASSIGN(const Value kept, c.Make("mul", {c.Input(0), weights}));
  const int64_t keep = c.Bool("keepdims", false);
  OCTET_ASSIGN(const Value sum, c.Make("sum", {kept, c.Vector({1})}, {{"keep_dims", keep}}));
  OCTET_ASSIGN(const Value count, c.Make("sum", {weights, c.Vector({1})}, {{"keep_dims", keep}}));
  OCTET_ASSIGN(const Value y, c.Make("div", {sum, count}));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {{"Masking", ConvertMasking}, {"GlobalAveragePooling1D", ConvertMaskedMean}};

// Layers of one tensor (or of tensors of one shape) that hand a mask on. Recurrent ones do so themselves.
constexpr std::string_view kPass[] = {
    "Activation", "ActivityRegularization", "Add", "AlphaDropout", "Average", "BatchNormalization", "Dense", "Dropout", "ELU",
    "EinsumDense", "GaussianDropout", "GaussianNoise", "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "Maximum",
    "Minimum", "GroupQueryAttention", "MultiHeadAttention", "Multiply", "PReLU", "RMSNormalization", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D",
    "Subtract", "ThresholdedReLU", "TimeDistributed", "UnitNormalization", "Attention", "AdditiveAttention"};

}  // namespace

const std::span<const LayerRule> kMaskRules = kRules;

Status Builder::PassMask(LayerContext& c) {
  const std::span<const Value> outputs = c.outputs();
  const std::string_view kind = c.kind();
  if ((kind == "Embedding" || (kind == "ReversibleEmbedding" && !c.Bool("reverse", false))) && c.Bool("mask_zero", false)) {
    const DType ids = c.type(c.Input(0)).dtype;
    const std::vector<std::byte> zero(static_cast<size_t>(BitsOf(ids)) / 8);
    const Value none = c.Constant(TensorType{ids, Shape{}, {}}, zero);
    OCTET_ASSIGN(const Value mask, c.Make("not_equal", {c.Input(0), none}));
    SetMask(outputs[0], mask);
    return {};
  }
  if (std::ranges::find(kPass, kind) == std::end(kPass)) return {};
  for (int i = 0; i < c.num_inputs(); ++i) {
    const Value mask = MaskOf(c.Input(i));
    if (!mask) continue;
    if (MaskOf(outputs[0]) && !(MaskOf(outputs[0]) == mask))
      return c.Fail("inputs with one mask", "several masks", "merge after the masks are used");
    SetMask(outputs[0], mask);
  }
  return {};
}

}  // namespace octet::importers::keras
