// SPDX-License-Identifier: Apache-2.0
// Layers around one other layer.
#include <algorithm>

#include "importers/keras/builder.h"
#include "importers/keras/rules.h"

namespace octet::importers::keras {
namespace {

// The inner layer sees [batch * time, ...]: every step is a sample of its own.
Status ConvertTimeDistributed(LayerContext& c) {
  const Value x = c.Input(0);
  const Shape in = c.shape(x);
  const Json& inner = c.Get("layer");
  const Variables variables = c.builder().weights().Inside(c.variables(), "layer", 0, SIZE_MAX / 2);
  const std::string& name = inner["config"]["name"].text();
  std::vector<int32_t> folded = {-1}, unfolded = {-1, in.rank() > 1 ? in[1] : kUnknown};
  for (int i = 2; i < in.rank(); ++i) folded.push_back(in[i]);
  if (in.rank() < 2 || std::count(folded.begin() + 1, folded.end(), kUnknown) > 0)
    return c.Fail("a time axis and known other dimensions", in.text(), "give the input's shape");
  if (unfolded[1] == kUnknown) {
    if (in[0] == kUnknown) return c.Fail("a known number of time steps", in.text(), "fix the length in the input's shape");
    unfolded = {in[0], -1};
  }
  OCTET_ASSIGN(const Value flat, c.Make("reshape", {x, c.Vector(folded)}));
  OCTET_ASSIGN(const std::vector<Value> y, c.Apply(inner, variables, std::span(&flat, 1), name));
  const Shape out = c.shape(y[0]);
  for (int i = 1; i < out.rank(); ++i) unfolded.push_back(out[i]);
  if (std::count(unfolded.begin(), unfolded.end(), -1) > 1) return c.Fail("known dimensions", out.text(), "give the input's shape");
  OCTET_ASSIGN(const Value result, c.Make("reshape", {y[0], c.Vector(unfolded)}));
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
