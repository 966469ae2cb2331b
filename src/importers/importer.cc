// SPDX-License-Identifier: Apache-2.0
#include "importers/importer.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/file.h"
#include "data/zip.h"
#include "importers/keras/hdf5.h"
#include "importers/keras/keras.h"
#include "importers/onnx/onnx.h"
#include "importers/savedmodel/saved_model.h"
#include "importers/tflite/tflite.h"

namespace octet::importers {
namespace {

bool FileExists(const std::string& path) {
  struct stat info;
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode);
}

Status Unknown(const std::string& path) {
  return Error(Code::kInvalidModel, "'%s' is not a model that octet reads; expected .keras, .h5, .onnx, a SavedModel's folder, a frozen .pb or .tflite",
               path.c_str());
}

// What only one kind of source takes would be passed over in silence with another.
Status CheckKind(const std::string& path, const ImportOptions& options, bool keras, bool saved_model) {
  if (!options.layers.empty() && !keras)
    return Error(Code::kInvalidArgument, "--layers '%s' says what custom Keras layers compute; '%s' is no Keras model", options.layers.c_str(), path.c_str());
  if (!options.signature.empty() && !saved_model)
    return Error(Code::kInvalidArgument, "--signature '%s' chooses among a SavedModel's signatures; '%s' is no SavedModel's folder", options.signature.c_str(),
                 path.c_str());
  return {};
}

Result<graph::Model> ImportKeras(const std::string& path, keras::Container container, const ImportOptions& options, std::vector<Finding>* findings) {
  OCTET_TRY(CheckKind(path, options, true, false));
  return keras::Import(path, container, options, findings);
}

Result<graph::Model> ImportFolder(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  if (FileExists(path + "/config.json")) return ImportKeras(path, keras::Container::kFolder, options, findings);
  OCTET_TRY(CheckKind(path, options, false, true));
  if (FileExists(path + "/saved_model.pb")) return savedmodel::ImportFolder(path, options, findings);
  return Error(Code::kInvalidModel, "'%s' is a directory without a model; expected saved_model.pb or config.json in it", path.c_str());
}

Result<graph::Model> ImportAny(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return ImportFolder(path, options, findings);
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  const auto bytes = file.bytes();
  if (bytes.empty()) return Error(Code::kInvalidModel, "'%s' is empty", path.c_str());
  if (data::Zip::Is(bytes)) return ImportKeras(path, keras::Container::kZip, options, findings);
  if (keras::Hdf5::Is(bytes)) return ImportKeras(path, keras::Container::kHdf5, options, findings);
  OCTET_TRY(CheckKind(path, options, false, false));
  if (tflite::Is(bytes)) return tflite::Import(bytes, options, findings, &file);
  if (onnx::Is(bytes)) return onnx::Import(bytes, path, options, findings, &file);
  if (savedmodel::IsGraph(bytes)) return savedmodel::ImportGraph(path, options, findings);
  return Unknown(path);
}

}  // namespace

std::string Text(const Finding& f) {
  return f.kind + " '" + f.place + "': " + f.reason + (f.advice.empty() ? "" : "; " + f.advice);
}

namespace {

bool SameNode(const Finding& a, const Finding& b) { return a.place == b.place && a.kind == b.kind; }

// Leaves out what no output needs.
void KeepLiving(const graph::Model& model, std::vector<Finding>* flex) {
  std::set<std::pair<std::string, std::string>> living;
  for (const graph::Graph& g : model.subgraphs)
    for (const graph::NodeId id : g.order()) living.emplace(g.node(id).op->custom_name, g.node(id).place);
  std::erase_if(*flex, [&](const Finding& f) { return !living.contains({"Flex" + f.kind, f.place}); });
}

Result<graph::Model> ImportLiving(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  OCTET_ASSIGN(graph::Model model, ImportAny(path, options, findings));
  for (graph::Graph& g : model.subgraphs) g.RemoveDead();
  if (options.flex) KeepLiving(model, options.flex);
  return model;
}

}  // namespace

Result<graph::Model> Import(const std::string& path, const ImportOptions& options) {
  std::vector<Finding> findings;
  OCTET_ASSIGN(graph::Model model, ImportLiving(path, options, &findings));
  if (findings.empty()) return model;
  std::string all;
  for (const Finding& f : findings) all += (all.empty() ? "" : "\n") + Text(f);
  return Status(Code::kUnsupported, std::move(all));
}

Result<std::vector<Finding>> Check(const std::string& path, ImportOptions options, graph::Model* imported) {
  options.flex = nullptr;
  std::vector<Finding> findings, flex, rest;
  auto model = ImportLiving(path, options, &findings);
  if (!model.ok() && model.error().code() != Code::kUnsupported) return std::move(model).status();
  if (!model.ok()) findings.push_back({path, "model", path, model.error().message(), ""});
  if (findings.empty() && imported) *imported = std::move(*model);
  if (findings.empty()) return findings;
  options.flex = &flex;  // What lies behind such ops comes to light, too.
  (void)ImportLiving(path, options, &rest);
  for (Finding& f : findings) f.flex = std::ranges::any_of(flex, [&](const Finding& g) { return SameNode(f, g); });
  for (const auto& more : {rest, flex})
    for (const Finding& f : more)
      if (std::ranges::none_of(findings, [&](const Finding& g) { return SameNode(f, g); })) findings.push_back(f);
  return findings;
}

}  // namespace octet::importers
