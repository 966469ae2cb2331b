// SPDX-License-Identifier: Apache-2.0
// One of TensorFlow's ops on its own, imported by the rules for its graphs: what functions of TensorFlow are in other formats.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "importers/importer.h"
#include "importers/lowerings/tensorflow_op.h"

namespace octet::importers::savedmodel {

struct OpInput {
  TensorType type;
  graph::Buffer constant;          // Null: its value is known only when the model runs.
  std::vector<int32_t> elements;   // What is known of it then: of a vector of whole numbers, all, kUnknown where not; or empty.
};

struct SingleOp {
  std::string_view op;
  std::vector<OpInput> inputs;
  std::vector<NodeAttr> attrs;
  int outputs = 1;
  std::string place;
};

// A model whose inputs are those that are not constant; outputs that the importer does not make are kNoTensor. Without one where the op cannot be
// imported: `finding` says why.
Result<std::optional<graph::Model>> ImportOp(const SingleOp& op, Finding* finding);

}  // namespace octet::importers::savedmodel
