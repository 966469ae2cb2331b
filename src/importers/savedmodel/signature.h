// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs of a SavedModel's signature, in the order of the function that was saved: the file keeps them in
// maps without one, and its wrapper function sorts them by name.
#pragma once
#include <string>
#include <vector>

#include "importers/savedmodel/functions.h"

namespace octet::importers::savedmodel {

struct Port {
  std::string name;
  std::string_view tensor;
  DType dtype = DType::kF32;
  StoredShape shape;
};
struct Signature {
  std::string key;
  std::vector<Port> inputs, outputs;
};

// Keys of the signatures that are worth a subgraph each, in the order in which they were given to the saver; where there is
// a "serving_default" it comes first, and those that call the same function as an earlier one are left out.
Result<std::vector<std::string>> SignatureKeys(MetaGraph& meta, Functions& functions);

// The signature named `wanted`; where that is empty, "serving_default" or the only one.
Result<Signature> ChooseSignature(MetaGraph& meta, Functions& functions, const std::string& wanted);

// Of a graph without one: placeholders, and nodes that nobody reads.
Result<Signature> SignatureOfGraph(const GraphDef& graph);

}  // namespace octet::importers::savedmodel
