// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/rules.h"

#include <algorithm>

#include "importers/keras/builder.h"

namespace octet::importers::keras {

bool IsOperation(const Layer& layer) { return layer.module.starts_with("keras.src.ops") || layer.module.starts_with("keras.ops"); }

namespace {

// keras.ops calls and TensorFlow functions share class names with layers: they have names of their own.
std::string RuleName(const Layer& layer, int version) {
  const std::string op = "ops." + layer.class_name;
  if (IsOperation(layer)) return op;
  // The .h5 files of Keras 3 leave the module out, but only layers can be trainable.
  if (layer.module.empty() && version > 2 && !layer.config->Has("trainable") && FindLayerRule(op)) return op;
  if (layer.class_name == "TFOpLambda" || layer.class_name == "SlicingOpLambda") return "tf." + (*layer.config)["function"].text();
  return layer.class_name;
}

// Layers that combine their inputs element by element.
bool Merges(std::string_view name) {
  constexpr std::string_view kNames[] = {"Add", "Average", "Maximum", "Minimum", "Multiply", "Subtract"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

}  // namespace

const LayerRule* FindLayerRule(std::string_view name) {
  constexpr const std::span<const LayerRule>* kTables[] = {&kPlainRules, &kMaskRules, &kWrapperRules, &kRecurrentRules, &kConvLstmRules,
      &kQuantizedRules, &kNormalizationRules, &kResizeRules, &kAttentionRules, &kProjectionRules, &kArithmeticRules, &kShapingRules,
      &kActivationRules, &kPreprocessingRules, &kElementwiseRules, &kActivationOpRules, &kReductionRules, &kRunningRules, &kProductRules,
      &kOrderRules, &kCountingRules, &kDiagonalRules, &kGridRules, &kArrayRules, &kLookupRules, &kHashingRules, &kTextRules, &kSpectrogramRules,
      &kContrastRules, &kPictureRules, &kStatisticRules, &kLinalgRules, &kTransformRules, &kConvolutionRules, &kLocallyConnectedRules,
      &kNetworkRules, &kWindowRules, &kFunctionRules, &kRawFunctionRules, &kShapeRules, &kFilterRules, &kComplexRules,
      &kWarpingRules, &kDecodingRules, &kRearrangeRules, &kWholeNumberRules};
  for (const auto* rules : kTables)
    for (const LayerRule& rule : *rules)
      if (rule.name == name) return &rule;
  return nullptr;
}

bool HasRule(const Layer& layer, int version) {
  const std::string name = RuleName(layer, version);
  return FindLayerRule(name) || ops::FindImport(ops::Source::kKeras, name, version);
}

Status Builder::RunRule(LayerContext& c) {
  const std::string name = RuleName(c.layer(), version_);
  const bool custom = custom_.Has(c.layer());
  const LayerRule* own = custom ? nullptr : FindLayerRule(name);
  const ops::ImportRule* rule = custom || own ? nullptr : ops::FindImport(ops::Source::kKeras, name, version_);
  if (!custom && !own && !rule) return c.Fail("a layer that octet has", "class " + name, "build it from other layers");
  const bool takes_complex = own >= kComplexRules.data() && own < kComplexRules.data() + kComplexRules.size();
  if (!takes_complex && c.HasImaginary()) return c.Fail("real numbers", "complex ones", "take tf.abs, or real and imaginary part, before");
  const auto computes_floats = {"Dense", "EinsumDense", "BatchNormalization", "Average"};  // Their weights promote whole numbers.
  if (!custom && std::ranges::find(computes_floats, name) != computes_floats.end()) OCTET_TRY(c.InputsToFloat());
  if (!custom && (Merges(name) || name == "Concatenate")) OCTET_TRY(c.InputsToOneType());
  if (!custom && Merges(name)) OCTET_TRY(c.InputsToOneRank());
  Status status = custom ? custom_.Convert(c) : own ? own->convert(c) : c.ConvertOperatorRule(*rule);
  Status trouble = c.TakeTrouble();
  if (!trouble.ok()) return trouble;
  if (!status.ok()) {
    if (c.finding() || status.message().find(c.place()) != std::string::npos) return status;
    return Error(status.code(), "%s '%s': %s", c.layer().class_name.c_str(), c.place().c_str(), status.message().c_str());
  }
  // Of TensorFlow's functions the file names what the model's author wrote: nothing of it may be passed over.
  if (const std::string* unread = name.starts_with("tf.") ? c.Unread() : nullptr)
    return c.Fail("arguments of " + name.substr(3) + " that octet knows", "'" + *unread + "'", "build it from other layers");
  if (c.outputs().empty() || !c.outputs()[0]) return Error(Code::kInvalidModel, "%s '%s' has no output", c.layer().class_name.c_str(), c.place().c_str());
  return {};
}

}  // namespace octet::importers::keras
