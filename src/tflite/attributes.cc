// SPDX-License-Identifier: Apache-2.0
// Field s of a table is found through entry 4 + 2 * s of its vtable; an absent field keeps its default.
#include "tflite/attributes.h"

#include <cstring>

#include "flatbuffers/flatbuffers.h"

namespace octet::tflite {
namespace {

template <class T, class Out> Status ReadShort(const flatbuffers::Vector<T>* list, const ops::AttrRow& row, Out* out) {
  if (!list) return {};
  if (list->size() > out->v.size())
    return Error(Code::kUnsupported, "%.*s has %u entries, octet goes up to %zu", static_cast<int>(row.name.size()),
                 row.name.data(), list->size(), out->v.size());
  out->count = static_cast<int32_t>(list->size());
  std::memcpy(out->v.data(), list->Data(), list->size() * sizeof(T));  // The verifier aligns the length, four bytes, not what follows.
  return {};
}

// Stays in the file.
template <class T> void Refer(const flatbuffers::Vector<T>* list, ops::List<T>* out) {
  if (list) *out = {list->data(), list->size()};
}
void Refer(const flatbuffers::String* text, ops::List<char>* out) {
  if (text) *out = {text->data(), text->size()};
}

}  // namespace

Status ReadAttributes(const ops::AttrLayout& layout, const void* options, std::byte* attributes) {
  if (layout.init) layout.init(attributes);
  if (!options) return {};
  const auto* table = static_cast<const flatbuffers::Table*>(options);
  for (const ops::AttrRow& row : layout.rows) {
    const auto field = static_cast<flatbuffers::voffset_t>(4 + 2 * row.slot);
    void* to = row.at(attributes);
    const auto scalar = [&]<class T>(T* value) { *value = table->GetField<T>(field, *value); };
    switch (row.kind) {
      case ops::AttrKind::kBool: *static_cast<bool*>(to) = table->GetField<uint8_t>(field, *static_cast<bool*>(to)) != 0; break;
      case ops::AttrKind::kI8: scalar(static_cast<int8_t*>(to)); break;
      case ops::AttrKind::kI32: scalar(static_cast<int32_t*>(to)); break;
      case ops::AttrKind::kI64: scalar(static_cast<int64_t*>(to)); break;
      case ops::AttrKind::kF32: scalar(static_cast<float*>(to)); break;
      case ops::AttrKind::kSubgraph: scalar(static_cast<int32_t*>(to)); break;
      case ops::AttrKind::kInts:
        OCTET_TRY(ReadShort(table->GetPointer<const flatbuffers::Vector<int32_t>*>(field), row, static_cast<ops::Ints*>(to)));
        break;
      case ops::AttrKind::kLongs:
        OCTET_TRY(ReadShort(table->GetPointer<const flatbuffers::Vector<int64_t>*>(field), row, static_cast<ops::Longs*>(to)));
        break;
      case ops::AttrKind::kFloats: Refer(table->GetPointer<const flatbuffers::Vector<float>*>(field), static_cast<ops::Floats*>(to)); break;
      case ops::AttrKind::kBytes: Refer(table->GetPointer<const flatbuffers::Vector<uint8_t>*>(field), static_cast<ops::Bytes*>(to)); break;
      case ops::AttrKind::kSubgraphs: Refer(table->GetPointer<const flatbuffers::Vector<int32_t>*>(field), static_cast<ops::Subgraphs*>(to)); break;
      case ops::AttrKind::kText: Refer(table->GetPointer<const flatbuffers::String*>(field), static_cast<ops::Text*>(to)); break;
    }
  }
  return {};
}

}  // namespace octet::tflite
