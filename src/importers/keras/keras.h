// SPDX-License-Identifier: Apache-2.0
// Keras' own files: .keras (Keras 3 and tf_keras), .h5 (Keras 2 and 3), and an unpacked .keras folder.
#pragma once
#include <string>
#include <vector>

#include "importers/importer.h"

namespace octet::importers::keras {

enum class Container : uint8_t { kZip, kHdf5, kFolder };

// What is not supported goes to `findings`; the model is then unfinished.
Result<graph::Model> Import(const std::string& path, Container container, const ImportOptions& options, std::vector<Finding>* findings);

}  // namespace octet::importers::keras
