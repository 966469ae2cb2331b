// SPDX-License-Identifier: Apache-2.0
#include "importers/importer.h"

#include <sys/stat.h>

#include <cstring>

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
  return Error(Code::kInvalidModel, "'%s' is not a model that octet reads; expected .keras, .h5, .onnx, a SavedModel's folder, a frozen .pb or .tflite", path.c_str());
}

Result<graph::Model> ImportFolder(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  if (FileExists(path + "/config.json")) return keras::Import(path, keras::Container::kFolder, options, findings);
  if (FileExists(path + "/saved_model.pb")) return savedmodel::ImportFolder(path, options, findings);
  return Error(Code::kInvalidModel, "'%s' is a directory without a model; expected saved_model.pb or config.json in it", path.c_str());
}

Result<graph::Model> ImportAny(const std::string& path, const ImportOptions& options, std::vector<Finding>* findings) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return ImportFolder(path, options, findings);
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  const auto bytes = file.bytes();
  if (bytes.empty()) return Error(Code::kInvalidModel, "'%s' is empty", path.c_str());
  if (data::Zip::Is(bytes)) return keras::Import(path, keras::Container::kZip, options, findings);
  if (tflite::Is(bytes)) return tflite::Import(bytes, options, findings);
  if (keras::Hdf5::Is(bytes)) return keras::Import(path, keras::Container::kHdf5, options, findings);
  if (onnx::Is(bytes)) return onnx::Import(bytes, path, options, findings);
  if (savedmodel::IsGraph(bytes)) return savedmodel::ImportGraph(path, options, findings);
  return Unknown(path);
}

}  // namespace

std::string Text(const Finding& f) {
  return f.kind + " '" + f.place + "': " + f.reason + (f.advice.empty() ? "" : "; " + f.advice);
}

Result<graph::Model> Import(const std::string& path, const ImportOptions& options) {
  std::vector<Finding> findings;
  OCTET_ASSIGN(graph::Model model, ImportAny(path, options, &findings));
  if (findings.empty()) {
    for (graph::Graph& g : model.subgraphs) g.RemoveDead();
    return model;
  }
  std::string all;
  for (const Finding& f : findings) all += (all.empty() ? "" : "\n") + Text(f);
  return Status(Code::kUnsupported, std::move(all));
}

Result<std::vector<Finding>> Check(const std::string& path, const ImportOptions& options) {
  std::vector<Finding> findings;
  OCTET_ASSIGN(const graph::Model model, ImportAny(path, options, &findings));
  (void)model;
  return findings;
}

}  // namespace octet::importers
