// SPDX-License-Identifier: Apache-2.0
// What a layer becomes that is not an operator of its own. One-operator layers have their rule in the
// operator's file (ops/import.h); here are wrappers, recurrences, attention, keras.ops and TFOpLambda.
#pragma once
#include <span>
#include <string_view>

#include "base/status.h"

namespace octet::importers::keras {

class LayerContext;

struct LayerRule {
  std::string_view name;  // Class, op or function.
  Status (*convert)(LayerContext&);
};

// One table per file of layers/.
extern const std::span<const LayerRule> kPlainRules;  // plain.cc
extern const std::span<const LayerRule> kMaskRules;  // mask.cc
extern const std::span<const LayerRule> kWrapperRules;  // wrapper.cc
extern const std::span<const LayerRule> kRecurrentRules;  // recurrent.cc
extern const std::span<const LayerRule> kConvLstmRules;  // conv_lstm.cc
extern const std::span<const LayerRule> kQuantizedRules;  // quantized.cc
extern const std::span<const LayerRule> kNormalizationRules;  // normalization.cc
extern const std::span<const LayerRule> kResizeRules;  // resize.cc
extern const std::span<const LayerRule> kAttentionRules;  // attention.cc
extern const std::span<const LayerRule> kProjectionRules;  // projection.cc
extern const std::span<const LayerRule> kArithmeticRules;  // arithmetic.cc
extern const std::span<const LayerRule> kShapingRules;  // shaping.cc
extern const std::span<const LayerRule> kActivationRules;  // activation.cc
extern const std::span<const LayerRule> kPreprocessingRules;  // preprocessing.cc
extern const std::span<const LayerRule> kElementwiseRules;  // elementwise.cc
extern const std::span<const LayerRule> kActivationOpRules;  // activation_ops.cc
extern const std::span<const LayerRule> kReductionRules;  // reductions.cc
extern const std::span<const LayerRule> kRunningRules;  // running.cc
extern const std::span<const LayerRule> kProductRules;  // products.cc
extern const std::span<const LayerRule> kOrderRules;  // order.cc
extern const std::span<const LayerRule> kCountingRules;  // counting.cc
extern const std::span<const LayerRule> kDiagonalRules;  // diagonals.cc
extern const std::span<const LayerRule> kGridRules;  // grids.cc
extern const std::span<const LayerRule> kWindowRules;  // windows.cc
extern const std::span<const LayerRule> kWarpingRules;  // warping.cc
extern const std::span<const LayerRule> kDecodingRules;  // decoding.cc
extern const std::span<const LayerRule> kWholeNumberRules;  // whole_numbers.cc
extern const std::span<const LayerRule> kRearrangeRules;  // rearrange.cc
extern const std::span<const LayerRule> kArrayRules;  // arrays.cc
extern const std::span<const LayerRule> kLookupRules;  // lookup.cc
extern const std::span<const LayerRule> kHashingRules;  // hashing.cc
extern const std::span<const LayerRule> kTextRules;  // text.cc
extern const std::span<const LayerRule> kSpectrogramRules;  // spectrogram.cc
extern const std::span<const LayerRule> kContrastRules;  // contrast.cc
extern const std::span<const LayerRule> kPictureRules;  // pictures.cc
extern const std::span<const LayerRule> kStatisticRules;  // statistics.cc
extern const std::span<const LayerRule> kLinalgRules;  // linalg.cc
extern const std::span<const LayerRule> kTransformRules;  // transforms.cc
extern const std::span<const LayerRule> kConvolutionRules;  // convolution.cc
extern const std::span<const LayerRule> kLocallyConnectedRules;  // locally_connected.cc
extern const std::span<const LayerRule> kNetworkRules;  // functional.cc
extern const std::span<const LayerRule> kFunctionRules;  // functions.cc
extern const std::span<const LayerRule> kRawFunctionRules;  // raw_functions.cc
extern const std::span<const LayerRule> kShapeRules;  // shapes.cc
extern const std::span<const LayerRule> kComplexRules;  // complex.cc
extern const std::span<const LayerRule> kFilterRules;  // filters.cc

// Activations by name, where no operator's file has them.
extern const std::span<const LayerRule> kNamedActivations;

// Of a layer class; null when there is none here.
const LayerRule* FindLayerRule(std::string_view class_name);

}  // namespace octet::importers::keras
