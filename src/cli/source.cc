// SPDX-License-Identifier: Apache-2.0
#include "cli/source.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "cli/output.h"
#include "exporter/exporter.h"
#include "ops/flex_util.h"
#include "passes/pass.h"
#include "tflite/value_check.h"
#include "tflite/view.h"

namespace octet::cli {
namespace {

Result<Shape> ParseShape(std::string_view text) {
  Shape shape;
  do {
    const size_t comma = std::min(text.find(','), text.size());
    int32_t d = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + comma, d);
    if (error != std::errc() || end != text.data() + comma || d < -1 || d == 0 || shape.rank() == kMaxRank)
      return Error(Code::kInvalidArgument, "--input: expected a shape such as 1,28,28,3, found '%.*s'", static_cast<int>(text.size()), text.data());
    shape.push_back(d);
    text.remove_prefix(std::min(comma + 1, text.size()));
  } while (!text.empty());
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

std::map<std::string, int> TensorFlowOperators(const graph::Model& model) {
  std::map<std::string, int> operators;
  for (const graph::Graph& g : model.subgraphs)
    for (const graph::NodeId id : g.order())
      if (const std::string_view name = g.node(id).op->custom_name; ops::HasOwnKernel(name)) ++operators[std::string(name)];
  return operators;
}

void NoteTensorFlowOperators(const std::map<std::string, int>& operators) {
  if (operators.empty()) return;
  std::string list;
  for (const auto& [name, count] : operators) list += (list.empty() ? "" : ", ") + name + Format(" (%d)", count);
  Print(stderr, "octet: warning: operators of TensorFlow's own: %s; octet computes them itself, LiteRT needs its Flex delegate for them\n", list.c_str());
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

Status WriteModel(graph::Model& model, const std::string& path) { return exporter::ExportFile(model, path); }

Result<TfliteFile> TfliteFile::From(const std::string& path, importers::ImportOptions options) {
  const bool as_it_is = options.input_shapes.empty() && options.signature.empty() && options.layers.empty();
  if (as_it_is && IsTflite(path)) return TfliteFile(path);
  options.unroll = true;
  OCTET_ASSIGN(graph::Model model, LoadSource(path, options));
  const char* folder = std::getenv("TMPDIR");
  std::string name = std::string(folder && *folder ? folder : "/tmp") + "/octet-XXXXXX";
  const int fd = ::mkstemp(name.data());
  if (fd < 0) return Error(Code::kIo, "cannot make a temporary file '%s': %s", name.c_str(), std::strerror(errno));
  ::close(fd);
  TfliteFile file(name, std::make_unique<ScratchFile>(name));
  OCTET_TRY(WriteModel(model, name));
  return file;
}

Result<std::optional<tflite::DataMetadata>> ModelMetadata(const std::string& path) {
  if (!IsTflite(path)) return std::optional<tflite::DataMetadata>();
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  OCTET_ASSIGN(const tflite::View view, tflite::View::Open(file.bytes()));
  return tflite::MetadataOf(view);
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

void Warn(const tflite::ValueCheck& seen, const std::string& path) {
  if (seen.outside() || seen.narrow()) Print(stderr, "warning: '%s': %s\n", path.c_str(), seen.Text().c_str());
}

void WarnOutside(const data::Dataset& data, const tflite::InputMetadata& in) {
  if (data.num_inputs() != 1 || data.input_type(0).dtype != DType::kF32) return;
  constexpr int64_t kSamples = 100;
  tflite::ValueCheck seen(in);
  for (int64_t i = 0; i < std::min(data.size(), kSamples); ++i) seen.Add(data.sample(0, i));
  Warn(seen, data.path());
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
    tflite::ValueCheck seen(metadata->inputs[0]);
    seen.Add(array.bytes);
    Warn(seen, path);
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
