// SPDX-License-Identifier: Apache-2.0
// TensorFlow SavedModels and frozen graphs -> graph.
#pragma once
#include <string>
#include <vector>

#include "graph/graph.h"
#include "importers/importer.h"

namespace octet::importers::savedmodel {

// A folder with saved_model.pb.
Result<graph::Model> ImportFolder(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings);

// A GraphDef on its own: its placeholders are the inputs, what nobody reads the outputs.
bool IsGraph(std::span<const std::byte> bytes);
Result<graph::Model> ImportGraph(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings);

}  // namespace octet::importers::savedmodel
