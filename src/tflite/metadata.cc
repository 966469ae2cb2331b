// SPDX-License-Identifier: Apache-2.0
#include "tflite/metadata.h"

#include <algorithm>
#include <cstring>

#include "metadata_generated.h"
#include "tflite/view.h"

namespace octet::tflite {
namespace {

namespace fb = meta;
using flatbuffers::Offset;

constexpr char kLabels[] = "labels.txt";

std::vector<float> Floats(const flatbuffers::Vector<float>* v) { return v ? std::vector<float>(v->begin(), v->end()) : std::vector<float>(); }

InputMetadata ReadInput(const fb::TensorMetadata& t) {
  InputMetadata in;
  if (t.name()) in.name = t.name()->str();
  if (const auto* units = t.process_units()) {
    for (const fb::ProcessUnit* unit : *units) {
      const fb::NormalizationOptions* n = unit->options_as_NormalizationOptions();
      if (!n) continue;
      in.mean = Floats(n->mean());
      in.std = Floats(n->std());
    }
  }
  if (const fb::Content* content = t.content()) {
    if (const fb::ImageProperties* image = content->content_properties_as_ImageProperties()) {
      in.channels = image->color_space() == fb::ColorSpaceType::GRAYSCALE ? 1 : image->color_space() == fb::ColorSpaceType::RGB ? 3 : 0;
      if (const fb::ImageSize* size = image->default_size()) {
        in.height = static_cast<int32_t>(std::min<uint32_t>(size->height(), INT32_MAX));
        in.width = static_cast<int32_t>(std::min<uint32_t>(size->width(), INT32_MAX));
      }
    }
  }
  if (const fb::Stats* stats = t.stats()) {
    in.min = Floats(stats->min());
    in.max = Floats(stats->max());
  }
  return in;
}

Offset<fb::TensorMetadata> WriteInput(flatbuffers::FlatBufferBuilder& b, const InputMetadata& in) {
  const auto name = b.CreateString(in.name);
  std::vector<Offset<fb::ProcessUnit>> units;
  if (!in.mean.empty() || !in.std.empty()) {
    const auto options = fb::CreateNormalizationOptions(b, b.CreateVector(in.mean), b.CreateVector(in.std));
    units.push_back(fb::CreateProcessUnit(b, fb::ProcessUnitOptions::NormalizationOptions, options.Union()));
  }
  Offset<fb::Content> content;
  if (in.channels > 0) {
    const auto size = in.height > 0 ? fb::CreateImageSize(b, static_cast<uint32_t>(in.width), static_cast<uint32_t>(in.height)) : 0;
    const auto image = fb::CreateImageProperties(b, in.channels == 1 ? fb::ColorSpaceType::GRAYSCALE : fb::ColorSpaceType::RGB, size);
    content = fb::CreateContent(b, fb::ContentProperties::ImageProperties, image.Union());
  } else {
    content = fb::CreateContent(b, fb::ContentProperties::FeatureProperties, fb::CreateFeatureProperties(b).Union());
  }
  const auto stats = in.min.empty() ? 0 : fb::CreateStats(b, b.CreateVector(in.max), b.CreateVector(in.min));
  return fb::CreateTensorMetadata(b, name, 0, 0, content, b.CreateVector(units), stats);
}

template <class T> void Put(std::vector<std::byte>* out, T value) {
  const auto* bytes = reinterpret_cast<const std::byte*>(&value);
  for (size_t i = 0; i < sizeof(T); ++i) out->push_back(bytes[i]);
}
void Put(std::vector<std::byte>* out, std::string_view text) {
  for (char c : text) out->push_back(static_cast<std::byte>(c));
}

uint32_t Crc32(std::string_view text) {
  constexpr uint32_t kPolynomial = 0xedb88320;
  uint32_t crc = ~0u;
  for (char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ kPolynomial : crc >> 1;
  }
  return ~crc;
}

}  // namespace

Result<std::optional<DataMetadata>> ReadMetadata(std::span<const std::byte> content) {
  if (content.empty()) return std::optional<DataMetadata>();
  // The entry may lie at any alignment in the model.
  const std::vector<std::byte> copy(content.begin(), content.end());
  flatbuffers::Verifier verifier(reinterpret_cast<const uint8_t*>(copy.data()), copy.size());
  if (!fb::VerifyModelMetadataBuffer(verifier)) return Error(Code::kInvalidModel, "the model's %s is malformed", kMetadataName);
  DataMetadata m;
  const auto* graphs = fb::GetModelMetadata(copy.data())->subgraph_metadata();
  if (!graphs || graphs->size() == 0 || !graphs->Get(0)->input_tensor_metadata()) return std::optional<DataMetadata>(std::move(m));
  for (const fb::TensorMetadata* t : *graphs->Get(0)->input_tensor_metadata()) m.inputs.push_back(ReadInput(*t));
  return std::optional<DataMetadata>(std::move(m));
}

Result<std::optional<DataMetadata>> MetadataOf(const View& view) {
  const auto entry = [&](std::string_view name) { return std::ranges::find(view.metadata(), name, &MetadataInfo::name); };
  const auto said = entry(kMetadataName), own = entry(kPreprocessName);
  if (said == view.metadata().end()) return std::optional<DataMetadata>();
  OCTET_ASSIGN(std::optional<DataMetadata> found, ReadMetadata(said->bytes));
  if (found && own != view.metadata().end()) found->preprocess.assign(reinterpret_cast<const char*>(own->bytes.data()), own->bytes.size());
  return found;
}

std::vector<std::byte> WriteMetadata(const DataMetadata& m, const std::string& model_name) {
  flatbuffers::FlatBufferBuilder b;
  std::vector<Offset<fb::TensorMetadata>> inputs, outputs;
  for (const InputMetadata& in : m.inputs) inputs.push_back(WriteInput(b, in));
  if (!m.labels.empty()) {
    const std::vector<Offset<fb::AssociatedFile>> files{fb::CreateAssociatedFile(b, b.CreateString(kLabels), 0, fb::AssociatedFileType::TENSOR_AXIS_LABELS)};
    const auto content = fb::CreateContent(b, fb::ContentProperties::FeatureProperties, fb::CreateFeatureProperties(b).Union());
    outputs.push_back(fb::CreateTensorMetadata(b, b.CreateString("class"), 0, 0, content, 0, 0, b.CreateVector(files)));
  }
  const std::vector<Offset<fb::SubGraphMetadata>> graphs{
      fb::CreateSubGraphMetadata(b, 0, 0, b.CreateVector(inputs), outputs.empty() ? 0 : b.CreateVector(outputs))};
  b.Finish(fb::CreateModelMetadata(b, b.CreateString(model_name), 0, 0, b.CreateVector(graphs), 0, 0, 0, b.CreateString("1.0.0")),
           fb::ModelMetadataIdentifier());
  const auto* bytes = reinterpret_cast<const std::byte*>(b.GetBufferPointer());
  return {bytes, bytes + b.GetSize()};
}

std::vector<std::byte> LabelArchive(const std::vector<std::string>& labels, size_t offset) {
  constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
  constexpr uint16_t kVersion = 20, kFirstDay = 0x21;  // 1 January 1980: the same input gives the same bytes.
  std::string text;
  for (const std::string& label : labels) text += label + "\n";
  const auto size = static_cast<uint32_t>(text.size());
  const uint16_t name = sizeof(kLabels) - 1;
  std::vector<std::byte> out;
  const auto common = [&] {
    for (uint16_t v : {kVersion, uint16_t{0}, uint16_t{0}, uint16_t{0}, kFirstDay}) Put(&out, v);
    for (uint32_t v : {Crc32(text), size, size}) Put(&out, v);
    for (uint16_t v : {name, uint16_t{0}}) Put(&out, v);
  };
  Put(&out, kLocal);
  common();
  Put(&out, std::string_view(kLabels));
  Put(&out, std::string_view(text));
  const auto directory = static_cast<uint32_t>(out.size());
  Put(&out, kCentral);
  Put(&out, kVersion);
  common();
  for (uint16_t v : {0, 0, 0}) Put(&out, v);             // Comment, disk, internal attributes.
  Put(&out, uint32_t{0});                                // External attributes.
  Put(&out, static_cast<uint32_t>(offset));
  Put(&out, std::string_view(kLabels));
  const auto end = static_cast<uint32_t>(out.size());
  Put(&out, kEnd);
  for (uint16_t v : {0, 0, 1, 1}) Put(&out, v);
  for (uint32_t v : {end - directory, static_cast<uint32_t>(offset) + directory}) Put(&out, v);
  Put(&out, uint16_t{0});
  return out;
}

}  // namespace octet::tflite
