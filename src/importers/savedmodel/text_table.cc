// SPDX-License-Identifier: Apache-2.0
// Attributes and their meaning: tensorflow/core/ops/lookup_ops.cc, tensorflow/core/kernels/lookup_util.cc.
#include "importers/savedmodel/text_table.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/file.h"
#include "base/strings.h"
#include "importers/savedmodel/context.h"

namespace octet::importers::savedmodel {
namespace {

constexpr int64_t kWholeLine = -2, kLineNumber = -1;  // As key_index and value_index.
constexpr size_t kMostLines = size_t{1} << 24, kMostBytes = size_t{1} << 30;

int64_t IntOf(const NodeDef& n, std::string_view key, int64_t fallback) {
  data::WireField f;
  return n.Get(key).Find(Attribute::kInt, &f) ? f.as_int() : fallback;
}

DType TypeIn(const NodeDef& n, std::string_view key) {
  data::WireField f;
  return n.Get(key).Find(Attribute::kType, &f) ? DTypeFromTf(f.as_int()) : DType::kNone;
}

// Spaces around numbers, and a plus, mean nothing.
template <class T> bool ToNumber(std::string_view text, T* value) {
  const size_t first = text.find_first_not_of(" \t\r\n\v\f");
  if (first == std::string_view::npos) return false;
  text = text.substr(first, text.find_last_not_of(" \t\r\n\v\f") + 1 - first);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

class Reader {
 public:
  Reader(const std::string& path, const NodeDef& filling, std::string_view text)
      : path_(path), filling_(filling), lines_(IntOf(filling, "vocab_size", -1)), first_(IntOf(filling, "offset", 0)), rest_(text) {}

  Result<TextTable> Read(const NodeDef& table) {
    OCTET_TRY(ReadLines());
    TextTable contents;
    OCTET_ASSIGN(contents.keys, Convert(TypeIn(table, "key_dtype"), IntOf(filling_, "key_index", kWholeLine)));
    OCTET_ASSIGN(contents.values, Convert(TypeIn(table, "value_dtype"), IntOf(filling_, "value_index", kLineNumber)));
    OCTET_TRY(CheckKeys(contents));
    return contents;
  }

 private:
  Status Bad(const std::string& what) const { return Error(Code::kInvalidModel, "'%s', which fills a lookup table: %s", path_.c_str(), what.c_str()); }

  Status ReadLines() {
    data::WireField f;
    if (filling_.Get("delimiter").Find(Attribute::kText, &f)) delimiter_ = f.as_text();
    if (delimiter_.size() != 1) return Bad(Format("a delimiter of %zu characters; expected one", delimiter_.size()));
    if (rest_.size() > kMostBytes) return Bad(Format("%zu bytes; at most %zu", rest_.size(), kMostBytes));
    while (!rest_.empty() && (lines_ < 0 || static_cast<int64_t>(line_.size()) < lines_)) {
      const size_t end = std::min(rest_.find('\n'), rest_.size());
      std::string_view line = rest_.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (line.empty()) return Bad(Format("line %zu is empty", line_.size() + 1));
      if (line_.size() == kMostLines) return Bad(Format("more than %zu lines", kMostLines));
      line_.push_back(line);
      rest_.remove_prefix(std::min(end + 1, rest_.size()));
    }
    if (line_.empty()) return Bad("it has no lines");
    if (lines_ >= 0 && static_cast<int64_t>(line_.size()) != lines_)
      return Bad(Format("%zu lines; the model expects %lld", line_.size(), static_cast<long long>(lines_)));
    return {};
  }

  Result<std::string_view> Field(size_t line, int64_t index) const {
    std::string_view rest = line_[line];
    if (index == kWholeLine) return rest;
    for (int64_t i = 0; i < index; ++i) {
      const size_t end = rest.find(delimiter_[0]);
      if (end == std::string_view::npos)
        return Bad(Format("line %zu has %lld columns, not column %lld", line + 1, static_cast<long long>(i + 1), static_cast<long long>(index)));
      rest.remove_prefix(end + 1);
    }
    return rest.substr(0, rest.find(delimiter_[0]));
  }

  template <class T> Result<TextTable::Column> Numbers(DType dtype, int64_t index) const {
    std::vector<T> numbers(line_.size());
    for (size_t i = 0; i < line_.size(); ++i) {
      OCTET_ASSIGN(const std::string_view field, Field(i, index));
      if (!ToNumber(field, &numbers[i]))
        return Bad(Format("line %zu: expected %.*s, found '%.*s'", i + 1, static_cast<int>(Name(dtype).size()), Name(dtype).data(),
                          static_cast<int>(std::min(field.size(), size_t{40})), field.data()));
    }
    return Of(dtype, numbers);
  }

  template <class T> Result<TextTable::Column> Of(DType dtype, const std::vector<T>& numbers) const {
    const auto bytes = std::as_bytes(std::span(numbers));
    return TextTable::Column{{dtype, Shape{static_cast<int32_t>(numbers.size())}, {}}, {bytes.begin(), bytes.end()}};
  }

  Result<TextTable::Column> Convert(DType dtype, int64_t index) const {
    if (index < kWholeLine) return Bad(Format("column %lld", static_cast<long long>(index)));
    if (index == kLineNumber) {
      if (dtype != DType::kI64) return Bad(Format("line numbers as %.*s; expected int64", static_cast<int>(Name(dtype).size()), Name(dtype).data()));
      if (first_ < 0 || first_ > INT64_MAX - static_cast<int64_t>(kMostLines)) return Bad(Format("line numbers from %lld", static_cast<long long>(first_)));
      std::vector<int64_t> numbers(line_.size());
      std::iota(numbers.begin(), numbers.end(), first_);
      return Of(dtype, numbers);
    }
    switch (dtype) {
      case DType::kI64: return Numbers<int64_t>(dtype, index);
      case DType::kI32: return Numbers<int32_t>(dtype, index);
      case DType::kF32:
      case DType::kF64: return Numbers<float>(ComputeType(dtype), index);
      case DType::kString: return Texts(index);
      default: return Bad(Format("a column of %.*s; expected text, int64, int32 or float", static_cast<int>(Name(dtype).size()), Name(dtype).data()));
    }
  }

  Result<TextTable::Column> Texts(int64_t index) const {
    std::vector<StringRef> texts;
    texts.reserve(line_.size());
    for (size_t i = 0; i < line_.size(); ++i) {
      OCTET_ASSIGN(const std::string_view field, Field(i, index));
      texts.push_back({field.data(), static_cast<decltype(StringRef::size)>(field.size())});
    }
    return TextTable::Column{{DType::kString, Shape{static_cast<int32_t>(texts.size())}, {}}, WriteStrings(texts)};
  }

  // One key has one value, as TensorFlow demands when it loads the model.
  Status CheckKeys(const TextTable& contents) const {
    const size_t count = line_.size();
    const std::vector<std::string_view> keys = Elements(contents.keys, count), values = Elements(contents.values, count);
    std::vector<uint32_t> order(count);
    std::iota(order.begin(), order.end(), 0u);
    std::ranges::sort(order, [&](uint32_t a, uint32_t b) { return keys[a] != keys[b] ? keys[a] < keys[b] : a < b; });
    for (size_t i = 1; i < count; ++i) {
      const uint32_t a = order[i - 1], b = order[i];
      if (keys[a] == keys[b] && values[a] != values[b]) return Bad(Format("line %u gives the key of line %u another value", b + 1, a + 1));
    }
    return {};
  }

  // Each element's bytes.
  static std::vector<std::string_view> Elements(const TextTable::Column& column, size_t count) {
    std::vector<std::string_view> out(count);
    if (column.type.dtype == DType::kString) {
      std::vector<StringRef> refs(count);
      ReadStrings(column.bytes, refs.data());
      for (size_t i = 0; i < count; ++i) out[i] = refs[i].view();
    } else {
      const size_t size = column.bytes.size() / count;
      for (size_t i = 0; i < count; ++i) out[i] = {reinterpret_cast<const char*>(column.bytes.data()) + i * size, size};
    }
    return out;
  }

  const std::string& path_;
  const NodeDef& filling_;
  const int64_t lines_, first_;      // -1: all there are; the number of the first one.
  std::string_view delimiter_ = "\t", rest_;
  std::vector<std::string_view> line_;
};

}  // namespace

Result<TextTable> ReadTextTable(const std::string& path, const NodeDef& filling, const NodeDef& table) {
  OCTET_ASSIGN(const MappedFile file, MappedFile::Open(path));
  return Reader(path, filling, {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()}).Read(table);
}

}  // namespace octet::importers::savedmodel
