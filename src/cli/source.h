// SPDX-License-Identifier: Apache-2.0
// What several commands do first: read a model of any format, optimise it, write it somewhere.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/scratch_file.h"
#include "cli/command.h"
#include "data/dataset.h"
#include "data/npz.h"
#include "graph/graph.h"
#include "importers/importer.h"
#include "tflite/metadata.h"

namespace octet::cli {

inline constexpr const char* kAnySource = "A .keras, .h5, .onnx, .pb or .tflite file, or a SavedModel's folder";  // In help texts.

// How a source is read, as the commands that convert and check say it.
struct SourceFlags {
  std::vector<std::string> inputs;
  std::string signature, layers;
  bool allow_flex = false;
  void Declare(FlagSet& flags);
  Result<importers::ImportOptions> Options() const;  // Without `flex`.
};

// Imported and optimised, in float.
Result<graph::Model> LoadSource(const std::string& path, const importers::ImportOptions& options = {});

// Operators of TensorFlow's that octet computes itself and LiteRT does not ("FlexStringLower"), and how often they occur.
std::map<std::string, int> TensorFlowOperators(const graph::Model& model);
// Says so on stderr, where there are any.
void NoteTensorFlowOperators(const std::map<std::string, int>& operators);

// A .tflite of the model: the file itself when it is one already, else a temporary file, whose recurrent layers have the steps
// that quantize writes: tensors are compared by name.
class TfliteFile {
 public:
  static Result<TfliteFile> From(const std::string& path, importers::ImportOptions options = {});
  const std::string& path() const { return path_; }

 private:
  explicit TfliteFile(std::string path, std::unique_ptr<ScratchFile> scratch = nullptr) : path_(std::move(path)), scratch_(std::move(scratch)) {}
  std::string path_;
  std::unique_ptr<ScratchFile> scratch_;
};

// The model's constants are in the file afterwards and no more in memory.
Status WriteModel(graph::Model& model, const std::string& path);

// Samples, preprocessed as `preprocess` says or, where that is empty, as the metadata of `model` do: then
// images and integers only. Says on stderr where the data lie outside what the metadata promise.
Result<std::unique_ptr<data::Dataset>> OpenData(const std::string& path, const std::string& preprocess, const std::string& model);

// The same for arrays that are handed over as they are.
Status WarnAboutInput(const std::string& model, const data::Archive& archive, const std::string& path);

// What the model's metadata say; nothing where it has none.
Result<std::optional<tflite::DataMetadata>> ModelMetadata(const std::string& path);

// "1%" or "1" -> 1 (percentage points).
Result<double> ParsePoints(const std::string& text);

}  // namespace octet::cli
