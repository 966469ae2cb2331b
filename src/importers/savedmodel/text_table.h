// SPDX-License-Identifier: Apache-2.0
// A lookup table's contents as lines of a text file: keys and values are whole lines, their numbers, or columns.
#pragma once
#include <string>
#include <vector>

#include "importers/savedmodel/graph_def.h"

namespace octet::importers::savedmodel {

struct TextTable {
  struct Column {
    TensorType type;
    std::vector<std::byte> bytes;
  };
  Column keys, values;
};

// As the node InitializeTableFromTextFileV2 says, for a table of the types that its node says.
Result<TextTable> ReadTextTable(const std::string& path, const NodeDef& filling, const NodeDef& table);

}  // namespace octet::importers::savedmodel
