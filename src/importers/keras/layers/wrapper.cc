// SPDX-License-Identifier: Apache-2.0
// Layers around one other layer.
#include <algorithm>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"
#include "importers/lowerings/dims.h"

namespace octet::importers::keras {
namespace {

// The inner layer sees [batch * time, ...]: every step is a sample of its own.
Status ConvertTimeDistributed(LayerContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  const Json& inner = c.Get("layer");
  const Variables variables = c.builder().weights().Inside(c.variables(), "layer", 0, SIZE_MAX / 2);
  const std::string& name = inner["config"]["name"].text();
  std::vector<int32_t> folded = {-1};
  for (int i = 2; i < in.rank(); ++i) folded.push_back(in[i]);
  if (in.rank() < 2 || std::count(folded.begin() + 1, folded.end(), kUnknown) > 0)
    return c.Fail("a time axis and known other dimensions", in.text(), "give the input's shape");
  OCTET_ASSIGN(const Value flat, c.Make("reshape", {x, c.Vector(folded)}));
  OCTET_ASSIGN(const std::vector<Value> y, c.Apply(inner, variables, std::span(&flat, 1), name));
  if (y.empty() || !y[0]) return c.Fail("a layer with an output", "none", "");
  std::vector<Dim> unfolded = {DimOf(c, x, 0), DimOf(c, x, 1)};
  for (int i = 1; i < c.rank(y[0]); ++i) unfolded.push_back({c.shape(y[0])[i], {}, 0});
  OCTET_ASSIGN(const Value result, Reshape(c, y[0], unfolded));
  c.SetOutput(0, result);
  return {};
}

// At inference the kernel that was stored is the normalized one.
Status ConvertSpectralNormalization(LayerContext& c) {
  const Json& inner = c.Get("layer");
  const Variables variables = c.builder().weights().Inside(c.variables(), "layer", 0, SIZE_MAX / 2);
  const Value x = c.Input(0);
  OCTET_ASSIGN(const std::vector<Value> y, c.Apply(inner, variables, std::span(&x, 1), inner["config"]["name"].text()));
  c.SetOutput(0, y[0]);
  return {};
}

constexpr LayerRule kRules[] = {{"TimeDistributed", ConvertTimeDistributed}, {"SpectralNormalization", ConvertSpectralNormalization}};

}  // namespace

const std::span<const LayerRule> kWrapperRules = kRules;

}  // namespace octet::importers::keras
