// SPDX-License-Identifier: Apache-2.0
// Tables: one sample per row. With a header, a column called label, class or y holds the labels.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "data/sources.h"

namespace octet::data {
namespace {

using Row = std::vector<std::string_view>;

std::string_view Trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t' || s.front() == '"')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r' || s.back() == '"')) s.remove_suffix(1);
  return s;
}

Row Split(std::string_view line, char separator) {
  Row cells;
  while (true) {
    const size_t at = line.find(separator);
    cells.push_back(Trim(line.substr(0, at)));
    if (at == std::string_view::npos) return cells;
    line.remove_prefix(at + 1);
  }
}

bool Number(std::string_view text, double* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool IsLabel(std::string_view name) {
  constexpr std::string_view kNames[] = {"label", "labels", "class", "y", "target"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

class Table {
 public:
  Table(std::string path, std::string_view text) : path_(std::move(path)), rest_(text) {}

  Result<Source> Load(const Preprocess& preprocess) {
    OCTET_ASSIGN(SampleWriter writer, SampleWriter::Create());
    Source source;
    std::vector<int64_t> labels;
    std::string_view line;
    while (NextLine(&line)) {
      if (separator_ == 0) separator_ = line.find(',') != std::string_view::npos ? ',' : line.find(';') != std::string_view::npos ? ';' : '\t';
      const Row row = Split(line, separator_);
      double number = 0;
      if (columns_ == 0 && !std::ranges::all_of(row, [&](std::string_view c) { return Number(c, &number); })) {
        OCTET_TRY(ReadHeader(row));
        continue;
      }
      OCTET_TRY(ReadRow(row, preprocess, &writer, &labels));
    }
    if (writer.count() == 0) return Error(Code::kInvalidArgument, "'%s' has no samples: expected one row of numbers per sample", path_.c_str());
    OCTET_ASSIGN(const Array x, writer.Finish("x", &source));
    source.arrays.push_back(x);
    source.has_shape = false;
    if (label_ >= 0) {
      OCTET_ASSIGN(const Array y, WriteLabels(labels, &source));
      source.arrays.push_back(y);
    }
    return source;
  }

 private:
  bool NextLine(std::string_view* line) {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find('\n'), rest_.size());
      *line = rest_.substr(0, end);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
      ++number_;
      if (!Trim(*line).empty()) return true;
    }
    return false;
  }

  Status ReadHeader(const Row& row) {
    columns_ = row.size();
    for (size_t i = 0; i < row.size(); ++i)
      if (IsLabel(row[i])) label_ = static_cast<int>(i);
    return columns_ > (label_ >= 0 ? 1u : 0u) ? Status() : Error(Code::kInvalidArgument, "'%s': no columns of values", path_.c_str());
  }

  Status ReadRow(const Row& row, const Preprocess& preprocess, SampleWriter* writer, std::vector<int64_t>* labels) {
    if (columns_ == 0) columns_ = row.size();
    if (row.size() != columns_) return Error(Code::kInvalidArgument, "'%s', line %d: %zu columns, expected %zu", path_.c_str(), number_, row.size(), columns_);
    std::vector<float> values;
    for (size_t i = 0; i < row.size(); ++i) {
      double v = 0;
      if (!Number(row[i], &v))
        return Error(Code::kInvalidArgument, "'%s', line %d, column %zu: expected a number, found '%.*s'", path_.c_str(), number_, i + 1,
                     static_cast<int>(std::min<size_t>(row[i].size(), 40)), row[i].data());
      if (static_cast<int>(i) != label_) {
        values.push_back(static_cast<float>(v));
        continue;
      }
      if (v != std::floor(v) || std::fabs(v) > 0x1p53)
        return Error(Code::kInvalidArgument, "'%s', line %d: label %g is no class number", path_.c_str(), number_, v);
      labels->push_back(static_cast<int64_t>(v));
    }
    Shape shape{static_cast<int32_t>(values.size())};
    OCTET_TRY(Apply(preprocess, &values, &shape));
    return writer->Append(values, shape, Format("'%s', line %d", path_.c_str(), number_));
  }

  std::string path_;
  std::string_view rest_;
  char separator_ = 0;
  size_t columns_ = 0;
  int label_ = -1, number_ = 0;
};

}  // namespace

Result<Source> LoadCsv(const std::string& path, const Preprocess& preprocess) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  return Table(path, {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}).Load(preprocess);
}

}  // namespace octet::data
