// SPDX-License-Identifier: Apache-2.0
#include "delegates/coreml/package.h"

#include <filesystem>

#include "base/file.h"

namespace octet::coreml {
namespace {

// The items' identifiers only have to differ: the same model gives the same bytes.
std::string Manifest(bool weights) {
  const auto item = [](const char* id, const char* name, const char* what) {
    return Format(
        "        \"%s\": {\n            \"author\": \"com.apple.CoreML\",\n            \"description\": \"%s\",\n            \"name\": \"%s\",\n            \"path\": \"com.apple.CoreML/%s\"\n        }",
        id, what, name, name);
  };
  constexpr const char *kModel = "6F637465-7400-4000-8000-000000000001", *kWeights = "6F637465-7400-4000-8000-000000000002";
  std::string text = "{\n    \"fileFormatVersion\": \"1.0.0\",\n    \"itemInfoEntries\": {\n" + item(kModel, "model.mlmodel", "CoreML Model Specification");
  if (weights) text += ",\n" + item(kWeights, "weights", "CoreML Model Weights");
  return text + Format("\n    },\n    \"rootModelIdentifier\": \"%s\"\n}\n", kModel);
}

}  // namespace

Result<std::string> WritePackage(const std::string& folder, const std::string& name, const Program& program) {
  const std::string package = folder + "/" + name + ".mlpackage", data = package + "/Data/com.apple.CoreML";
  std::error_code failed;
  std::filesystem::create_directories(data + "/weights", failed);
  if (failed) return Error(Code::kIo, "cannot make the folder '%s': %s", data.c_str(), failed.message().c_str());
  const bool weights = !program.weights().empty();
  OCTET_TRY(WriteFile(data + "/model.mlmodel", program.Specification()));
  OCTET_TRY(WriteFile(data + "/weights/weight.bin", program.weights()));
  OCTET_TRY(WriteFile(package + "/Manifest.json", Manifest(weights)));
  return package;
}

}  // namespace octet::coreml
