// SPDX-License-Identifier: Apache-2.0
#include "cli/source.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "exporter/exporter.h"
#include "passes/pass.h"
#include "tflite/view.h"

namespace octet::cli {
namespace {

Result<Shape> ParseShape(std::string_view text) {
  Shape shape;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    int32_t d = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + comma, d);
    if (error != std::errc() || end != text.data() + comma || d < -1 || shape.rank() == kMaxRank)
      return Error(Code::kInvalidArgument, "expected a shape such as 1,28,28,3, found '%.*s'", static_cast<int>(text.size()), text.data());
    shape.push_back(d);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return shape;
}

bool IsTflite(const std::string& path) {
  const Result<MappedFile> file = MappedFile::Open(path);
  return file.ok() && file->bytes().size() >= 8 && std::memcmp(file->bytes().data() + 4, "TFL3", 4) == 0;
}

}  // namespace

void SourceFlags::Declare(FlagSet& flags) {
  flags.Option("--input", &inputs, "NAME:SHAPE, e.g. image:1,224,224,3: fix an input's shape (repeatable)");
  flags.Option("--signature", &signature, "NAME of a SavedModel's signature; without it serving_default, or the only one", false);
  flags.Option("--layers", &layers, "FILE that says what custom Keras layers compute, as JSON: docs/convert.md", false);
  flags.Flag("--allow-flex", &allow_flex, "Ops without a builtin operator stay TensorFlow's own, which need its library where the model runs");
}

Result<importers::ImportOptions> SourceFlags::Options() const {
  importers::ImportOptions options;
  options.signature = signature;
  options.layers = layers;
  for (const std::string& text : inputs) {
    const size_t colon = text.rfind(':');
    const std::string name = colon == std::string::npos ? "" : text.substr(0, colon);
    OCTET_ASSIGN(const Shape shape, ParseShape(std::string_view(text).substr(colon == std::string::npos ? 0 : colon + 1)));
    options.input_shapes.emplace_back(name, shape);
  }
  return options;
}

Result<graph::Model> LoadSource(const std::string& path, const importers::ImportOptions& options) {
  OCTET_ASSIGN(graph::Model model, importers::Import(path, options));
  OCTET_TRY(passes::Optimize(model));
  return model;
}

Status WriteModel(const graph::Model& model, const std::string& path) {
  OCTET_ASSIGN(const std::vector<std::byte> bytes, exporter::Export(model));
  return WriteFile(path, bytes);
}

Result<TfliteFile> TfliteFile::From(const std::string& path) {
  if (IsTflite(path)) return TfliteFile(path, false);
  OCTET_ASSIGN(const graph::Model model, LoadSource(path));
  std::string name = std::string(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp") + "/octet-XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return Error(Code::kIo, "cannot make a temporary file '%s': %s", name.c_str(), std::strerror(errno));
  ::close(fd);
  TfliteFile file(name, true);
  OCTET_TRY(WriteModel(model, name));
  return file;
}

TfliteFile::~TfliteFile() {
  if (temporary_) ::unlink(path_.c_str());
}

Result<std::optional<tflite::DataMetadata>> ModelMetadata(const std::string& path) {
  if (!IsTflite(path)) return std::optional<tflite::DataMetadata>();
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  OCTET_ASSIGN(const tflite::View view, tflite::View::Open(file.bytes()));
  for (const auto& m : view.metadata())
    if (m.name == tflite::kMetadataName) {
      OCTET_ASSIGN(std::optional<tflite::DataMetadata> found, tflite::ReadMetadata(m.bytes));
      for (const auto& own : view.metadata())
        if (found && own.name == tflite::kPreprocessName) found->preprocess.assign(reinterpret_cast<const char*>(own.bytes.data()), own.bytes.size());
      return found;
    }
  return std::optional<tflite::DataMetadata>();
}

namespace {

Result<data::Preprocess> FromMetadata(const tflite::InputMetadata& in) {
  data::Preprocess p;
  p.mean.assign(in.mean.begin(), in.mean.end());
  p.std.assign(in.std.begin(), in.std.end());
  p.channels = in.channels;
  p.resize_height = in.height;
  p.resize_width = in.width;
  return p;
}

// The share of values outside the promised range that is no accident.
constexpr double kOutsideShare = 0.01, kMargin = 0.05;

// What values are seen, against what a model's metadata promise.
class SeenValues {
 public:
  explicit SeenValues(const tflite::InputMetadata& in) : promised_(in.min.size() == 1 && in.max.size() == 1) {
    if (!promised_) return;
    low_ = static_cast<double>(in.min[0]);
    high_ = static_cast<double>(in.max[0]);
  }

  void Add(std::span<const std::byte> floats) {
    const double margin = kMargin * (high_ - low_);
    for (size_t at = 0; promised_ && at + sizeof(float) <= floats.size(); at += sizeof(float), ++count_) {
      float v;
      std::memcpy(&v, floats.data() + at, sizeof v);
      const auto x = static_cast<double>(v);
      least_ = std::min(least_, x);
      most_ = std::max(most_, x);
      outside_ += x < low_ - margin || x > high_ + margin;
    }
  }

  void Warn(const std::string& path) const {
    if (count_ == 0) return;
    const bool narrow = most_ - least_ < (high_ - low_) / 8;  // Forgotten scale: everything in a corner of the range.
    if (static_cast<double>(outside_) > kOutsideShare * static_cast<double>(count_) || narrow)
      std::fprintf(stderr, "warning: '%s': expected values from %g to %g, as the model's metadata say, found %g to %g; is the preprocessing the same?\n", path.c_str(), low_, high_,
                   least_, most_);
  }

 private:
  bool promised_;
  double low_ = 0, high_ = 0, least_ = INFINITY, most_ = -INFINITY;
  int64_t count_ = 0, outside_ = 0;
};

void WarnOutside(const data::Dataset& data, const tflite::InputMetadata& in) {
  if (data.num_inputs() != 1 || data.input_type(0).dtype != DType::kF32) return;
  constexpr int64_t kSamples = 100;
  SeenValues seen(in);
  for (int64_t i = 0; i < std::min(data.size(), kSamples); ++i) seen.Add(data.sample(0, i));
  seen.Warn(data.path());
}

}  // namespace

Result<std::unique_ptr<data::Dataset>> OpenData(const std::string& path, const std::string& preprocess, const std::string& model) {
  OCTET_ASSIGN(data::Preprocess p, data::ParsePreprocess(preprocess));
  OCTET_ASSIGN(const std::optional<tflite::DataMetadata> metadata, ModelMetadata(model));
  const bool said = metadata && metadata->inputs.size() == 1;
  if (said && preprocess.empty()) {
    OCTET_ASSIGN(p, metadata->preprocess.empty() ? FromMetadata(metadata->inputs[0]) : data::ParsePreprocess(metadata->preprocess));
    p.raw_only = true;
  }
  OCTET_ASSIGN(std::unique_ptr<data::Dataset> data, data::Dataset::Open(path, p));
  if (said) WarnOutside(*data, metadata->inputs[0]);
  return data;
}

Status WarnAboutInput(const std::string& model, const data::Archive& archive, const std::string& path) {
  OCTET_ASSIGN(const std::optional<tflite::DataMetadata> metadata, ModelMetadata(model));
  if (!metadata || metadata->inputs.size() != 1) return {};
  for (const data::Array& array : archive.arrays()) {
    if (array.dtype != DType::kF32 || array.name == "y") continue;
    SeenValues seen(metadata->inputs[0]);
    seen.Add(array.bytes);
    seen.Warn(path);
  }
  return {};
}

Result<double> ParsePoints(const std::string& text) {
  std::string_view digits = text;
  if (digits.ends_with('%')) digits.remove_suffix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size() || !(value >= 0) || value > 100)
    return Error(Code::kInvalidArgument, "expected percentage points such as 1%%, found '%s'", text.c_str());
  return value;
}

}  // namespace octet::cli
