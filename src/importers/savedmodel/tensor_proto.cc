// SPDX-License-Identifier: Apache-2.0
// TensorProto: raw bytes, or typed values of which the last one repeats until the shape is full.
#include <cstring>

#include "importers/savedmodel/graph_def.h"

namespace octet::importers::savedmodel {
namespace {

using data::WireField;
using Kind = WireField::Kind;

constexpr uint64_t kMaxBytes = uint64_t{1} << 31;  // A protocol buffer cannot hold more.

// Where TensorProto keeps the values of an element type, how they are stored, and how wide an element is.
struct Storage {
  int64_t type;
  uint32_t field;
  Kind kind;
  int width;
  int parts = 1;  // Complex numbers are two.
};
constexpr Storage kStorage[] = {{1, 5, Kind::kFixed32, 4},   {2, 6, Kind::kFixed64, 8},  {3, 7, Kind::kVarint, 4},   {4, 7, Kind::kVarint, 1},
                                {5, 7, Kind::kVarint, 2},    {6, 7, Kind::kVarint, 1},   {8, 9, Kind::kFixed32, 4, 2}, {9, 10, Kind::kVarint, 8},
                                {10, 11, Kind::kVarint, 1},  {14, 13, Kind::kVarint, 2}, {17, 7, Kind::kVarint, 2},  {19, 13, Kind::kVarint, 2},
                                {22, 16, Kind::kVarint, 4},  {23, 17, Kind::kVarint, 8}, {18, 12, Kind::kFixed64, 8, 2}};

const Storage* StorageOf(int64_t type) {
  for (const Storage& s : kStorage)
    if (s.type == type) return &s;
  return nullptr;
}

Status Bad(std::string_view where, const std::string& what) {
  return Error(Code::kInvalidModel, "constant '%.*s': %s", static_cast<int>(where.size()), where.data(), what.c_str());
}

// Elements of a shape; false when it is not known or has more than a message can hold.
bool Count(const StoredShape& shape, uint64_t* count) {
  *count = 1;
  for (const int64_t d : shape.dims)
    if (d < 0 || __builtin_mul_overflow(*count, static_cast<uint64_t>(d), count) || *count > kMaxBytes) return false;
  return shape.known_rank;
}

Status Fill(const Storage& s, const std::vector<uint64_t>& values, Bytes content, uint64_t count, std::string_view where, TensorProto* tensor) {
  const uint64_t bytes = count * static_cast<uint64_t>(s.width * s.parts);
  if (bytes > kMaxBytes) return Bad(where, "larger than 2 GiB");
  if (!content.empty()) {
    if (content.size() != bytes) return Bad(where, Format("%zu bytes where its shape needs %llu", content.size(), static_cast<unsigned long long>(bytes)));
    tensor->bytes.assign(content.begin(), content.end());
    return {};
  }
  const uint64_t parts = count * static_cast<uint64_t>(s.parts);
  if (values.size() > parts) return Bad(where, Format("%zu values for %llu elements", values.size(), static_cast<unsigned long long>(count)));
  tensor->bytes.resize(bytes);
  for (uint64_t i = 0; i < parts && !values.empty(); ++i) {
    const uint64_t v = values[i < values.size() ? i : s.parts == 1 ? values.size() - 1 : values.size() - 2 + i % 2];
    std::memcpy(tensor->bytes.data() + i * static_cast<uint64_t>(s.width), &v, static_cast<size_t>(s.width));
  }
  return {};
}

}  // namespace

Result<TensorProto> ReadTensor(Bytes message, std::string_view where) {
  TensorProto tensor;
  Bytes content;
  std::vector<WireField> fields;
  data::WireReader reader(message);
  WireField f;
  while (reader.Next(&f)) {
    if (f.number == 1) tensor.type = f.as_int();
    else if (f.number == 4) content = f.bytes;
    else if (f.number == 8) tensor.texts.emplace_back(f.as_text());
    else if (f.number > 4) fields.push_back(f);
    if (f.number != 2) continue;
    OCTET_ASSIGN(tensor.shape, ReadShape(f.bytes));
  }
  uint64_t count = 0;
  if (!reader.ok()) return Bad(where, "its protocol buffer is malformed");
  if (!Count(tensor.shape, &count)) return Bad(where, "its shape is not known");
  if (tensor.type == 7) {
    if (tensor.texts.size() > count || count > (1u << 26)) return Bad(where, "more texts than its shape has elements");
    if (!tensor.texts.empty()) tensor.texts.resize(count, tensor.texts.back());
    tensor.texts.resize(count);
    return tensor;
  }
  const Storage* storage = StorageOf(tensor.type);
  if (!storage) return Error(Code::kUnsupported, "constant '%.*s' has the element type %lld, which .tflite does not know", static_cast<int>(where.size()),
                             where.data(), static_cast<long long>(tensor.type));
  std::vector<uint64_t> values;
  for (const WireField& field : fields)
    if (field.number == storage->field && !data::AppendPacked(field, storage->kind, &values)) return Bad(where, "its values are malformed");
  OCTET_TRY(Fill(*storage, values, content, count, where, &tensor));
  return tensor;
}

}  // namespace octet::importers::savedmodel
