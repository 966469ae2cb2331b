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

// Keras 3: a factor counts where its mask does; where none counts, the product is 0.
Status ConvertMaskedProduct(LayerContext& c) {
  Value y, any;
  bool all = true;
  for (int i = 0; i < c.num_inputs(); ++i) all &= static_cast<bool>(c.builder().MaskOf(c.Input(i)));
  for (int i = 0; i < c.num_inputs(); ++i) {
    Value x = c.Input(i);
    if (const Value mask = c.builder().version() >= 3 ? c.builder().MaskOf(x) : Value{}) {
      OCTET_ASSIGN(const Value counts, c.Make("expand_dims", {mask, c.Vector({-1})}));
      OCTET_ASSIGN(x, c.Make("select_v2", {counts, x, c.Scalar(1)}));
      OCTET_ASSIGN(any, any ? c.Make("logical_or", {any, counts}) : Result<Value>(counts));
    }
    OCTET_ASSIGN(y, y ? c.Make("mul", {y, x}) : Result<Value>(x));
  }
  if (any && all) {
    OCTET_ASSIGN(y, c.Make("select_v2", {any, y, c.Scalar(0)}));
  }
  c.SetOutput(0, y);
  return {};
}

Status ConvertMultiply(LayerContext& c) {
  for (int i = 0; i < c.num_inputs(); ++i)
    if (c.builder().MaskOf(c.Input(i))) return ConvertMaskedProduct(c);
  return c.ApplyOperatorRule();
}

constexpr LayerRule kRules[] = {{"Masking", ConvertMasking}, {"Multiply", ConvertMultiply}, {"GlobalAveragePooling1D", ConvertMaskedMean}};

// Layers that hand the mask of their first tensor on. Recurrent ones do so themselves.
constexpr std::string_view kPass[] = {
    "Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization", "Dense", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
    "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "GroupQueryAttention", "GroupedQueryAttention", "MultiHeadAttention", "Normalization",
    "PReLU", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D", "ThresholdedReLU", "TimeDistributed", "UnitNormalization", "Attention", "AdditiveAttention"};
constexpr std::string_view kMerge[] = {"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"};

bool Among(std::string_view kind, std::span<const std::string_view> list) { return std::ranges::find(list, kind) != list.end(); }

// The merged mask or none. Keras 3: where any input counts, if all have one; Keras 2: where all that have one count.
Result<Value> MergedMask(LayerContext& c) {
  const bool any = c.builder().version() >= 3;
  Value merged;
  for (int i = 0; i < c.num_inputs(); ++i) {
    const Value mask = c.builder().MaskOf(c.Input(i));
    if (!mask && any) return Value{};
    if (!mask || mask == merged) continue;
    OCTET_ASSIGN(merged, merged ? c.Make(any ? "logical_or" : "logical_and", {merged, mask}) : Result<Value>(mask));
  }
  return merged;
}

// Over features as merged; over time one after the other.
Result<Value> ConcatenatedMask(LayerContext& c) {
  std::vector<Value> masks;
  for (int i = 0; i < c.num_inputs(); ++i) masks.push_back(c.builder().MaskOf(c.Input(i)));
  if (std::ranges::none_of(masks, [](Value v) { return static_cast<bool>(v); })) return Value{};
  const int rank = c.rank(c.Input(0));
  const int64_t axis = c.Int("axis", -1) < 0 ? c.Int("axis", -1) + rank : c.Int("axis", -1);
  if (axis == rank - 1) return MergedMask(c);
  if (axis != 1 || !std::ranges::all_of(masks, [](Value v) { return static_cast<bool>(v); }))
    return c.Fail("masks of all inputs, and time or features as axis", "others", "remove the masks before");
  return c.Make("concatenation", masks, {{"axis", 1}});
}

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
  if (c.num_inputs() == 0 || !outputs[0] || MaskOf(outputs[0])) return {};
  Value mask;
  if (Among(kind, kPass)) mask = MaskOf(c.Input(0));
  if (Among(kind, kMerge)) {
    OCTET_ASSIGN(mask, MergedMask(c));
  }
  if (kind == "Concatenate") {
    OCTET_ASSIGN(mask, ConcatenatedMask(c));
  }
  if (mask) SetMask(outputs[0], mask);
  return {};
}

}  // namespace octet::importers::keras
