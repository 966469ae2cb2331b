// SPDX-License-Identifier: Apache-2.0
#include "data/sources.h"

namespace octet::data {

Result<SampleWriter> SampleWriter::Create() {
  OCTET_ASSIGN(TemporaryFile file, TemporaryFile::Create());
  return SampleWriter(std::move(file));
}

Status SampleWriter::Append(const std::vector<float>& values, const Shape& shape, const std::string& where) {
  if (count_ == 0) shape_ = shape;
  if (!(shape == shape_))
    return Error(Code::kInvalidArgument, "%s: shape %s, the samples before have %s; --preprocess resize=HxW makes images alike", where.c_str(),
                 shape.text().c_str(), shape_.text().c_str());
  ++count_;
  return file_.Append(std::as_bytes(std::span(values)));
}

Result<Array> SampleWriter::Finish(const std::string& name, Source* source) {
  OCTET_ASSIGN(MappedFile file, file_.Map());
  Array a{.name = name, .dtype = DType::kF32, .shape = Shape{count_}, .item_bytes = 4, .unicode = false, .bytes = file.bytes()};
  for (int32_t d : shape_.dims()) a.shape.push_back(d);
  source->files.push_back(std::move(file));
  return a;
}

Result<Array> WriteLabels(const std::vector<int64_t>& labels, Source* source) {
  OCTET_ASSIGN(TemporaryFile file, TemporaryFile::Create());
  OCTET_TRY(file.Append(std::as_bytes(std::span(labels))));
  OCTET_ASSIGN(MappedFile mapped, file.Map());
  Array a{.name = "y", .dtype = DType::kI64, .shape = Shape{static_cast<int32_t>(labels.size())}, .item_bytes = 8, .unicode = false, .bytes = mapped.bytes()};
  source->files.push_back(std::move(mapped));
  return a;
}

}  // namespace octet::data
