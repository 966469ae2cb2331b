// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/assets.h"

namespace octet::importers::savedmodel {
namespace {

// Links inside of the folder are followed: stores of models keep files as links to their contents.
bool StaysInside(std::string_view name) {
  if (name.empty() || name[0] == '/' || name.find('\0') != std::string_view::npos) return false;
  while (true) {
    const size_t end = name.find('/');
    if (name.substr(0, end) == "..") return false;
    if (end == std::string_view::npos) return true;
    name.remove_prefix(end + 1);
  }
}

}  // namespace

const std::string_view* Assets::Find(std::string_view node) const {
  for (const auto& [tensor, name] : files)
    if (tensor.substr(0, tensor.find(':')) == node) return &name;
  return nullptr;
}

Result<std::string> Assets::Path(std::string_view node) const {
  const std::string_view* name = Find(node);
  if (!name) return Error(Code::kInvalidModel, "'%s': node '%s' names no asset", folder.c_str(), std::string(node).c_str());
  if (!StaysInside(*name))
    return Error(Code::kInvalidModel, "'%s': asset '%s' lies outside of the SavedModel; names of assets are relative to its folder assets", folder.c_str(),
                 std::string(*name).c_str());
  return folder + "/assets/" + std::string(*name);
}

}  // namespace octet::importers::savedmodel
