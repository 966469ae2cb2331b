// SPDX-License-Identifier: Apache-2.0
// Layers that are nothing at inference, and Activation.
#include "importers/keras/context.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

Status PassThrough(LayerContext& c) {
  c.SetOutput(0, c.Input(0));
  return {};
}

// Augmentation computes in the layer's float type even where it changes nothing.
Status PassAsFloat(LayerContext& c) {
  OCTET_ASSIGN(const Value y, c.Cast(c.Input(0), DType::kF32));
  c.SetOutput(0, y);
  return {};
}

Status ConvertActivation(LayerContext& c) {
  if (!c.Has("activation")) return c.Fail("an activation", "none", "name one");
  OCTET_ASSIGN(const Value y, c.Activate(c.Input(0)));
  c.SetOutput(0, y);
  return {};
}

constexpr LayerRule kRules[] = {
    {"Activation", ConvertActivation},
    {"Identity", PassThrough},
    {"Dropout", PassThrough},
    {"SpatialDropout1D", PassThrough},
    {"SpatialDropout2D", PassThrough},
    {"SpatialDropout3D", PassThrough},
    {"GaussianDropout", PassThrough},
    {"GaussianNoise", PassThrough},
    {"AlphaDropout", PassThrough},
    {"StochasticDepth", PassThrough},
    {"ActivityRegularization", PassThrough},
    {"RandomFlip", PassAsFloat},
    {"RandomRotation", PassAsFloat},
    {"RandomZoom", PassAsFloat},
    {"RandomTranslation", PassAsFloat},
    {"RandomContrast", PassAsFloat},
    {"RandomBrightness", PassAsFloat},
    {"RandomShear", PassAsFloat},
    {"RandomErasing", PassAsFloat},
    {"RandomPerspective", PassAsFloat},
    {"RandomColorJitter", PassAsFloat},
    {"RandomColorDegeneration", PassAsFloat},
    {"RandomGaussianBlur", PassAsFloat},
    {"RandomGrayscale", PassAsFloat},
    {"RandomHue", PassAsFloat},
    {"RandomInvert", PassAsFloat},
    {"RandomPosterization", PassAsFloat},
    {"RandomSaturation", PassAsFloat},
    {"RandomSharpness", PassAsFloat},
    {"RandomElasticTransform", PassAsFloat},
    {"RandomHeight", PassAsFloat},
    {"RandomWidth", PassAsFloat},
    {"RandAugment", PassAsFloat},
    {"Solarization", PassAsFloat},
    {"Equalization", PassThrough},
    {"AugMix", PassAsFloat},
    {"CutMix", PassAsFloat},
    {"MixUp", PassAsFloat},
};

}  // namespace

const std::span<const LayerRule> kPlainRules = kRules;

}  // namespace octet::importers::keras
