// SPDX-License-Identifier: Apache-2.0
// Tables' columns reach from thousandths to thousands. One int8 scale for all of them leaves the narrow ones no
// steps; one for the weights, which are the larger the narrower a column is, the wide ones.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "quantizer/session.h"

namespace octet::quantizer {

using KeptInFloat = std::map<std::string, std::string>;  // By the first output, with the reason.

// Inputs of dense layers whose features reach unlike far are brought to [-1, 1] feature by feature, before they are quantized; the layers'
// weights take it back.
Result<KeptInFloat> EvenInputs(graph::Model& model, const data::Dataset& data, SampleRange samples);

// The same inputs, by name, where nothing can be done: they come in int8.
Result<std::vector<std::string>> UnlikeInputs(const graph::Model& model, const data::Dataset& data, SampleRange samples);

}  // namespace octet::quantizer
