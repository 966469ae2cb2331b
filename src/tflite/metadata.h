// SPDX-License-Identifier: Apache-2.0
// What a model says about its data: normalisation, image size, value range, labels. Stored under the name
// that TensorFlow Lite's own metadata tools use, with the label file in a ZIP behind the model.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace octet::tflite {

class View;

inline constexpr char kMetadataName[] = "TFLITE_METADATA";
inline constexpr char kPreprocessName[] = "OCTET_PREPROCESS";  // The same in octet's own words: crops, too.

struct InputMetadata {
  std::string name;
  std::vector<float> mean, std;  // x' = (x - mean) / std on raw values; empty where not said.
  int32_t height = 0, width = 0; // Of images; 0 where not said.
  int32_t channels = 0;          // 1 gray, 3 red, green, blue, 0 not said.
  std::vector<float> min, max;   // Of what the model takes, after normalisation.
};

struct DataMetadata {
  std::vector<InputMetadata> inputs;
  std::string preprocess;           // Of kPreprocessName; kept as an entry of its own.
  std::vector<std::string> labels;  // Written as labels.txt.
};

// nullopt where `content` is empty; an error where it is not the metadata that it says to be.
Result<std::optional<DataMetadata>> ReadMetadata(std::span<const std::byte> content);
// What the verified file says.
Result<std::optional<DataMetadata>> MetadataOf(const View& view);
std::vector<std::byte> WriteMetadata(const DataMetadata& metadata, const std::string& model_name);

// A ZIP with one stored file, to be put behind the first `offset` bytes of a model.
std::vector<std::byte> LabelArchive(const std::vector<std::string>& labels, size_t offset);

}  // namespace octet::tflite
