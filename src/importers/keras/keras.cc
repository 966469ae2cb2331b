// SPDX-License-Identifier: Apache-2.0
#include "importers/keras/keras.h"

#include <charconv>
#include <optional>

#include "base/file.h"
#include "data/zip.h"
#include "importers/keras/builder.h"
#include "importers/keras/json.h"
#include "importers/keras/network.h"
#include "importers/keras/weights.h"

namespace octet::importers::keras {
namespace {

constexpr int kNewest = 3;

// The parts of a model, whatever they were packed in. The bytes live as long as this object.
struct Parts {
  std::unique_ptr<data::Zip> zip;
  MappedFile config_file, weights_file;
  std::string config;
  std::span<const std::byte> weights;
  int version = kNewest;
  bool by_position = false;
};

int MajorVersion(std::string_view text) {
  int major = kNewest;
  std::from_chars(text.data(), text.data() + text.size(), major);
  return major;
}

std::string_view AsText(std::span<const std::byte> bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

Result<std::span<const std::byte>> ReadMember(data::Zip& zip, const char* name, const char* advice) {
  const data::Zip::Member* member = zip.Find(name);
  if (!member) return Error(Code::kInvalidModel, "'%s': the archive has no %s; %s", zip.path().c_str(), name, advice);
  return zip.Read(*member);
}

Status ReadVersion(std::string_view metadata, const std::string& path, int* version) {
  OCTET_ASSIGN(const Json json, Json::Parse(metadata, path));
  if (json["keras_version"].is_text()) *version = MajorVersion(json["keras_version"].text());
  return {};
}

Status OpenZip(const std::string& path, Parts* parts) {
  OCTET_ASSIGN(parts->zip, data::Zip::Open(path));
  OCTET_ASSIGN(const std::span<const std::byte> config, ReadMember(*parts->zip, "config.json", "it is not a .keras model"));
  parts->config = AsText(config);
  const data::Zip::Member* metadata = parts->zip->Find("metadata.json");
  if (metadata) {
    OCTET_ASSIGN(const std::span<const std::byte> bytes, parts->zip->Read(*metadata));
    OCTET_TRY(ReadVersion(AsText(bytes), path, &parts->version));
  }
  OCTET_ASSIGN(parts->weights, ReadMember(*parts->zip, "model.weights.h5", "save the model with weights in one HDF5 file"));
  return {};
}

Status OpenFolder(const std::string& path, Parts* parts) {
  OCTET_ASSIGN(parts->config_file, MappedFile::Open(path + "/config.json"));
  OCTET_ASSIGN(parts->weights_file, MappedFile::Open(path + "/model.weights.h5"));
  parts->config = AsText(parts->config_file.bytes());
  parts->weights = parts->weights_file.bytes();
  auto metadata = MappedFile::Open(path + "/metadata.json");
  return metadata.ok() ? ReadVersion(AsText(metadata->bytes()), path, &parts->version) : Status();
}

Status OpenHdf5(const std::string& path, Parts* parts) {
  OCTET_ASSIGN(parts->weights_file, MappedFile::Open(path));
  parts->weights = parts->weights_file.bytes();
  parts->by_position = true;
  OCTET_ASSIGN(const std::unique_ptr<Hdf5> file, Hdf5::Open(parts->weights, path));
  OCTET_ASSIGN(const bool has_config, file->HasAttribute("", "model_config"));
  if (!has_config)
    return Error(Code::kUnsupported, "'%s' has weights only, no model; save the whole model, for example model.save('model.keras')", path.c_str());
  OCTET_ASSIGN(std::vector<std::string> config, file->Texts("", "model_config"));
  if (config.size() != 1) return Error(Code::kInvalidModel, "'%s': model_config is not one text", path.c_str());
  parts->config = std::move(config[0]);
  OCTET_ASSIGN(const bool has_version, file->HasAttribute("", "keras_version"));
  parts->version = 2;  // Files without it are older.
  if (has_version) {
    OCTET_ASSIGN(const std::vector<std::string> version, file->Texts("", "keras_version"));
    if (!version.empty()) parts->version = MajorVersion(version[0]);
  }
  return {};
}

Result<std::string> ReadAsset(const std::string& path, Container container, Parts& parts, const std::string& name) {
  if (container == Container::kZip) {
    OCTET_ASSIGN(const std::span<const std::byte> bytes, ReadMember(*parts.zip, name.c_str(), "save the model again"));
    return std::string(AsText(bytes));
  }
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path + "/" + name));
  return std::string(AsText(file.bytes()));
}

}  // namespace

Result<graph::Model> Import(const std::string& path, Container container, const ImportOptions& options, std::vector<Finding>* findings) {
  Parts parts;
  OCTET_TRY(container == Container::kZip ? OpenZip(path, &parts) : container == Container::kHdf5 ? OpenHdf5(path, &parts) : OpenFolder(path, &parts));
  OCTET_ASSIGN(const Json config, Json::Parse(parts.config, path));
  const std::string& kind = config["class_name"].text();
  const Layer head = ParseLayerHead(config);
  if (!IsNetworkClass(kind) || !head.custom.empty()) {
    if (kind.empty()) return Error(Code::kInvalidModel, "'%s': the config names no model class", path.c_str());
    findings->push_back({head.name, kind, head.name, "a model of a class of one's own, whose Python code is not in the file",
                         "save keras.Model(model.inputs, model.outputs), or export it as a SavedModel: model.export(folder)"});
    return graph::Model();
  }
  OCTET_ASSIGN(const std::unique_ptr<Network> network, ParseNetwork(config));
  OCTET_ASSIGN(const std::unique_ptr<Weights> weights, Weights::Open(parts.weights, path, parts.by_position));
  weights->OnRead([&](std::span<const std::byte> read) { parts.zip ? parts.zip->Release(read) : parts.weights_file.Release(read); });
  OCTET_TRY(weights->Assign(*network));
  if (container != Container::kHdf5)
    weights->SetAssets([&](const std::string& name) { return ReadAsset(path, container, parts, "assets/" + name); });
  OCTET_ASSIGN(CustomLayers custom, CustomLayers::Read(options.layers));
  Builder builder(*weights, options, std::move(custom), parts.version);
  return builder.Build(*network, findings);
}

}  // namespace octet::importers::keras
