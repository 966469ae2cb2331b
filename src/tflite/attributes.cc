// SPDX-License-Identifier: Apache-2.0
// Field s of a table is found through entry 4 + 2 * s of its vtable; an absent field keeps its default.
#include "tflite/attributes.h"

#include <algorithm>

#include "flatbuffers/flatbuffers.h"

namespace octet::tflite {
namespace {

Status ReadInts(const flatbuffers::Vector<int32_t>* list, const ops::AttrRow& row, ops::Ints* out) {
  if (!list) return {};
  if (list->size() > out->v.size())
    return Error(Code::kUnsupported, "%.*s has %u entries, octet goes up to %d", static_cast<int>(row.name.size()),
                 row.name.data(), list->size(), kMaxRank);
  out->count = static_cast<int32_t>(list->size());
  std::copy(list->begin(), list->end(), out->v.begin());
  return {};
}

}  // namespace

Result<std::vector<std::byte>> ReadAttributes(const ops::AttrLayout& layout, const void* options) {
  std::vector<std::byte> attributes(layout.bytes);
  if (layout.init) layout.init(attributes.data());
  if (!options) return attributes;
  const auto* table = static_cast<const flatbuffers::Table*>(options);
  for (const ops::AttrRow& row : layout.rows) {
    const auto field = static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot);
    void* to = row.at(attributes.data());
    const auto scalar = [&]<class T>(T* value) { *value = table->GetField<T>(field, *value); };
    switch (row.kind) {
      case ops::AttrKind::kBool: *static_cast<bool*>(to) = table->GetField<uint8_t>(field, *static_cast<bool*>(to)) != 0; break;
      case ops::AttrKind::kI8: scalar(static_cast<int8_t*>(to)); break;
      case ops::AttrKind::kI32: scalar(static_cast<int32_t*>(to)); break;
      case ops::AttrKind::kI64: scalar(static_cast<int64_t*>(to)); break;
      case ops::AttrKind::kF32: scalar(static_cast<float*>(to)); break;
      case ops::AttrKind::kInts:
        OCTET_TRY(ReadInts(table->GetPointer<const flatbuffers::Vector<int32_t>*>(field), row, static_cast<ops::Ints*>(to)));
        break;
    }
  }
  return attributes;
}

}  // namespace octet::tflite
