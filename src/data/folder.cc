// SPDX-License-Identifier: Apache-2.0
// Folders of samples, one file each: images, sounds, arrays. Class folders give the labels, in the order of
// their names, as Keras counts them; else labels.csv says "file,label".
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>

#include "data/image.h"
#include "data/npy.h"
#include "data/sources.h"
#include "data/wav.h"
#include "data/zip.h"

namespace octet::data {
namespace {

namespace fs = std::filesystem;

struct Sample {
  std::vector<float> values;
  Shape shape;
};

bool IsSample(const std::string& name) {
  return IsImageName(name) || name.ends_with(".wav") || name.ends_with(".npy") || name.ends_with(".npz");
}

// Names of what lies in a folder, sorted; hidden files are left out.
Result<std::vector<std::string>> Names(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::string name = it->path().filename().string();
    if (!name.starts_with('.')) names.push_back(std::move(name));
  }
  if (error) return Error(Code::kIo, "cannot read folder '%s': %s", folder.c_str(), error.message().c_str());
  std::ranges::sort(names);
  return names;
}

Result<Sample> FromArray(const Array& a, const std::string& where) {
  if (a.dtype == DType::kString || a.dtype == DType::kC64 || a.dtype == DType::kC128)
    return Error(Code::kInvalidArgument, "%s: expected numbers", where.c_str());
  Sample s{{}, a.shape};
  const int64_t n = a.shape.elements();
  for (int64_t i = 0; i < n; ++i) s.values.push_back(static_cast<float>(ElementAt(a, i)));
  return s;
}

Result<Sample> Read(const std::string& path, const Preprocess& preprocess) {
  if (path.ends_with(".npz")) {
    OCTET_ASSIGN(const auto archive, Archive::Open(path));
    const Array* x = archive->Find("x");
    if (!x && archive->arrays().size() == 1) x = &archive->arrays()[0];
    if (!x) return Error(Code::kInvalidArgument, "'%s': expected an array x", path.c_str());
    return FromArray(*x, path);
  }
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  if (path.ends_with(".npy")) {
    OCTET_ASSIGN(const Array a, ParseNpy(file.bytes(), path));
    return FromArray(a, path);
  }
  if (path.ends_with(".wav")) {
    OCTET_ASSIGN(Sound sound, ParseWav(file.bytes(), path));
    Shape shape{static_cast<int32_t>(sound.samples.size()) / sound.channels};
    if (sound.channels > 1) shape.push_back(sound.channels);
    return Sample{std::move(sound.samples), shape};
  }
  OCTET_ASSIGN(const Image image, DecodeImage(file.bytes(), preprocess.channels, path));
  return Sample{{image.pixels.begin(), image.pixels.end()}, Shape{image.height, image.width, image.channels}};
}

class Folder {
 public:
  Folder(std::string path, const Preprocess& preprocess) : path_(std::move(path)), preprocess_(preprocess) {}

  Result<Source> Load() {
    OCTET_ASSIGN(const std::vector<std::string> names, Names(path_));
    OCTET_ASSIGN(SampleWriter writer, SampleWriter::Create());
    Source source;
    std::vector<int64_t> labels;
    for (const std::string& name : names) {
      if (!IsFolder(path_ + "/" + name)) continue;
      OCTET_ASSIGN(const std::vector<std::string> files, Names(path_ + "/" + name));
      for (const std::string& file : files) {
        if (!IsSample(file)) continue;
        OCTET_TRY(Add(path_ + "/" + name + "/" + file, &writer));
        labels.push_back(static_cast<int64_t>(source.class_names.size()));
      }
      source.class_names.push_back(name);
    }
    if (source.class_names.empty()) OCTET_TRY(LoadFlat(names, &writer, &labels));
    if (writer.count() == 0)
      return Error(Code::kInvalidArgument, "'%s' has no samples: expected .png, .jpg, .wav, .npy or .npz files, or folders of them", path_.c_str());
    OCTET_ASSIGN(const Array x, writer.Finish("x", &source));
    source.arrays.push_back(x);
    if (!labels.empty()) {
      OCTET_ASSIGN(const Array y, WriteLabels(labels, &source));
      source.arrays.push_back(y);
    }
    return source;
  }

 private:
  Status Add(const std::string& file, SampleWriter* writer) {
    OCTET_ASSIGN(Sample sample, Read(file, preprocess_));
    const bool skip = preprocess_.raw_only && !IsImageName(file);
    const Status applied = skip ? Status() : Apply(preprocess_, &sample.values, &sample.shape);
    if (!applied.ok()) return Error(applied.code(), "'%s': %s", file.c_str(), applied.message().c_str());
    return writer->Append(sample.values, sample.shape, "'" + file + "'");
  }

  Status LoadFlat(const std::vector<std::string>& names, SampleWriter* writer, std::vector<int64_t>* labels) {
    std::map<std::string, int64_t> labelled;
    const bool has_labels = std::ranges::binary_search(names, "labels.csv");
    if (has_labels) OCTET_TRY(ReadLabels(path_ + "/labels.csv", &labelled));
    for (const std::string& name : names) {
      if (!IsSample(name)) continue;
      if (has_labels) {
        const auto it = labelled.find(name);
        if (it == labelled.end()) return Error(Code::kInvalidArgument, "'%s/labels.csv' has no label for '%s'", path_.c_str(), name.c_str());
        labels->push_back(it->second);
      }
      OCTET_TRY(Add(path_ + "/" + name, writer));
    }
    return {};
  }

  // "file,label" per line; a first line without a number is a header.
  static Status ReadLabels(const std::string& path, std::map<std::string, int64_t>* labels) {
    OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
    std::string_view rest(reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size());
    for (int line = 1; !rest.empty(); ++line) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view row = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      while (row.ends_with('\r') || row.ends_with(' ')) row.remove_suffix(1);
      if (row.empty()) continue;
      const size_t comma = row.rfind(',');
      int64_t label = 0;
      const char* last = row.data() + row.size();
      const bool ok = comma != std::string_view::npos && std::from_chars(row.data() + comma + 1, last, label).ptr == last && comma + 1 < row.size();
      if (!ok && line > 1) return Error(Code::kInvalidArgument, "'%s', line %d: expected file,label", path.c_str(), line);
      if (ok) (*labels)[std::string(row.substr(0, comma))] = label;
    }
    return {};
  }

  std::string path_;
  const Preprocess& preprocess_;
};

}  // namespace

bool IsFolder(const std::string& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

Result<Source> LoadFolder(const std::string& path, const Preprocess& preprocess) { return Folder(path, preprocess).Load(); }

}  // namespace octet::data
