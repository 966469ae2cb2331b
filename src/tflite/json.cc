// SPDX-License-Identifier: Apache-2.0
// A verified file as JSON: a walk over the tables that flatc makes from the schema, so that a new field
// of the schema appears by itself. Absent fields (those with default values) are left out, as flatc does.
#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"
#include "tflite/schema.h"
#include "tflite/view.h"

namespace octet::tflite {
namespace {

using flatbuffers::TypeTable;

template <class T> T Read(const uint8_t* p) { return flatbuffers::ReadScalar<T>(p); }

class Writer {
 public:
  Writer(size_t file_bytes, bool with_data) : entries_left_(file_bytes + 1024), with_data_(with_data) {}

  void Table(const flatbuffers::Table& table, const TypeTable& type) {
    Open('{');
    uint8_t union_type = 0;  // The field before a union's value says what it is.
    for (size_t i = 0; i < type.num_elems; ++i) {
      const flatbuffers::TypeCode code = type.type_codes[i];
      const uint8_t* at = table.GetAddressOf(flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i)));
      if (code.base_type == flatbuffers::ET_UTYPE) union_type = at ? Read<uint8_t>(at) : 0;
      if (Special(table, type, i, at) || !at) continue;
      const TypeTable* of = code.sequence_ref < 0 ? nullptr : type.type_refs[code.sequence_ref]();
      Key(type.names[i]);
      if (code.is_repeating) Vector(at + Read<flatbuffers::uoffset_t>(at), code, of);
      else Value(at, code, of, union_type);
    }
    Close('}');
  }

  std::string Take() { return std::move(out_) + '\n'; }

 private:
  void Line() { out_.append(1, '\n').append(2 * depth_, ' '); }
  void Open(char bracket) {
    out_ += bracket;
    ++depth_;
    first_ = true;
  }
  void Close(char bracket) {
    --depth_;
    if (!first_) Line();
    out_ += bracket;
    first_ = false;
  }
  void Comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void Key(const char* name) {
    Comma();
    Line();
    out_.append(1, '"').append(name).append("\": ");
  }

  // What is not printed as it stands. True: done.
  bool Special(const flatbuffers::Table& table, const TypeTable& type, size_t field, const uint8_t* at) {
    if (&type == fb::BufferTypeTable() && field == 0 && at && !with_data_) {
      Key("size");
      out_ += std::to_string(reinterpret_cast<const fb::Buffer&>(table).data()->size());
      return true;
    }
    if (&type == fb::OperatorCodeTypeTable() && std::strcmp(type.names[field], "builtin_code") == 0) {
      const auto& code = reinterpret_cast<const fb::OperatorCode&>(table);  // Old files have the other field only.
      Key("builtin_code");
      Integer(std::max<int32_t>(code.deprecated_builtin_code(), static_cast<int32_t>(code.builtin_code())), fb::BuiltinOperatorTypeTable());
      return true;
    }
    return false;
  }

  // Vectors that are shared so often that the text would exceed the file by far become null.
  bool Spend(size_t entries) {
    if (entries > entries_left_) {
      out_ += "null";
      return false;
    }
    entries_left_ -= entries;
    return true;
  }

  void Vector(const uint8_t* vector, flatbuffers::TypeCode code, const TypeTable* of) {
    const auto size = Read<flatbuffers::uoffset_t>(vector);
    if (!Spend(size)) return;
    const bool tables = code.base_type == flatbuffers::ET_SEQUENCE;
    const uint8_t* at = vector + sizeof(flatbuffers::uoffset_t);
    Open('[');
    for (size_t i = 0; i < size; ++i, at += Width(code.base_type)) {
      Comma();
      if (tables) Line();
      else if (i) out_ += ' ';
      Value(at, code, of, 0);
    }
    first_ = !tables || size == 0;  // Scalars stay on one line.
    Close(']');
  }

  static size_t Width(unsigned type) {
    switch (type) {
      case flatbuffers::ET_UTYPE:
      case flatbuffers::ET_BOOL:
      case flatbuffers::ET_CHAR:
      case flatbuffers::ET_UCHAR: return 1;
      case flatbuffers::ET_SHORT:
      case flatbuffers::ET_USHORT: return 2;
      case flatbuffers::ET_LONG:
      case flatbuffers::ET_ULONG:
      case flatbuffers::ET_DOUBLE: return 8;
      default: return 4;
    }
  }

  void Value(const uint8_t* at, flatbuffers::TypeCode code, const TypeTable* of, uint8_t union_type) {
    switch (code.base_type) {
      case flatbuffers::ET_BOOL: out_ += Read<uint8_t>(at) ? "true" : "false"; break;
      case flatbuffers::ET_UTYPE:
      case flatbuffers::ET_UCHAR: Integer(Read<uint8_t>(at), of); break;
      case flatbuffers::ET_CHAR: Integer(Read<int8_t>(at), of); break;
      case flatbuffers::ET_SHORT: Integer(Read<int16_t>(at), of); break;
      case flatbuffers::ET_USHORT: Integer(Read<uint16_t>(at), of); break;
      case flatbuffers::ET_INT: Integer(Read<int32_t>(at), of); break;
      case flatbuffers::ET_UINT: Integer(Read<uint32_t>(at), of); break;
      case flatbuffers::ET_LONG: Integer(Read<int64_t>(at), of); break;
      case flatbuffers::ET_ULONG: out_ += std::to_string(Read<uint64_t>(at)); break;
      case flatbuffers::ET_FLOAT: Float(Read<float>(at)); break;
      case flatbuffers::ET_DOUBLE: Float(Read<double>(at)); break;
      case flatbuffers::ET_STRING: String(at + Read<flatbuffers::uoffset_t>(at)); break;
      default: Sequence(at + Read<flatbuffers::uoffset_t>(at), of, union_type); break;
    }
  }

  // A union of a kind that the schema lacks was not verified: its bytes stay untouched.
  void Sequence(const uint8_t* at, const TypeTable* of, uint8_t union_type) {
    if (of->st == flatbuffers::ST_UNION) {
      const bool known = union_type > 0 && union_type < of->num_elems;
      of = known ? of->type_refs[of->type_codes[union_type].sequence_ref]() : nullptr;
    }
    if (of) Table(*reinterpret_cast<const flatbuffers::Table*>(at), *of);
    else out_ += "null";
  }

  void Integer(int64_t v, const TypeTable* names) {
    if (names && v >= 0 && static_cast<size_t>(v) < names->num_elems) out_.append(1, '"').append(names->names[v]).append(1, '"');
    else out_ += std::to_string(v);
  }

  template <class T> void Float(T v) {
    char text[40];
    if (!std::isfinite(v)) out_ += "null";
    else out_.append(text, std::to_chars(text, text + sizeof text, v).ptr);
  }

  void String(const uint8_t* at) {
    const auto& string = *reinterpret_cast<const flatbuffers::String*>(at);
    if (!Spend(string.size())) return;
    AppendJsonText({string.data(), string.size()}, &out_);
  }

  std::string out_;
  size_t depth_ = 0, entries_left_;
  bool first_ = true;
  const bool with_data_;
};

}  // namespace

std::string ToJson(const View& view, bool with_data) {
  Writer writer(view.file().size(), with_data);
  writer.Table(*flatbuffers::GetRoot<flatbuffers::Table>(view.file().data()), *fb::ModelTypeTable());
  return writer.Take();
}

}  // namespace octet::tflite
