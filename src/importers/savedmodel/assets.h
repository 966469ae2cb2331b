// SPDX-License-Identifier: Apache-2.0
// The files in a SavedModel's folder `assets`: a constant or placeholder of the main graph stands for the name of each.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace octet::importers::savedmodel {

struct Assets {
  std::string folder;                                                // Of the SavedModel; empty for a graph without one.
  std::vector<std::pair<std::string_view, std::string_view>> files;  // Tensor ("node:0"), name below assets/.

  bool Has(std::string_view node) const { return Find(node) != nullptr; }
  // Of the file that the node names. An error where the name leads out of the folder.
  Result<std::string> Path(std::string_view node) const;

 private:
  const std::string_view* Find(std::string_view node) const;
};

}  // namespace octet::importers::savedmodel
