// SPDX-License-Identifier: Apache-2.0
// Where samples come from, other than .npz: each source becomes arrays in an unlinked temporary file, one
// sample at a time, so that memory does not grow with the data.
#pragma once
#include <list>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/npz.h"
#include "data/preprocess.h"

namespace octet::data {

struct Source {
  std::vector<Array> arrays;  // As an .npz would hold them.
  std::list<MappedFile> files;  // That they lie in.
  std::vector<std::string> class_names;
  bool has_shape = true;
};

bool IsFolder(const std::string& path);
Result<Source> LoadFolder(const std::string& path, const Preprocess& preprocess);
Result<Source> LoadCsv(const std::string& path, const Preprocess& preprocess);

// Samples of equal shape, appended one by one.
class SampleWriter {
 public:
  static Result<SampleWriter> Create();
  // `where` names the sample in errors.
  Status Append(const std::vector<float>& values, const Shape& shape, const std::string& where);
  // The array [count, shape...] of what was appended.
  Result<Array> Finish(const std::string& name, Source* source);
  int32_t count() const { return count_; }

 private:
  explicit SampleWriter(TemporaryFile file) : file_(std::move(file)) {}
  TemporaryFile file_;
  Shape shape_;
  int32_t count_ = 0;
};

// The same for whole numbers, kept in memory until then.
Result<Array> WriteLabels(const std::vector<int64_t>& labels, Source* source);

}  // namespace octet::data
