// SPDX-License-Identifier: Apache-2.0
#include "data/npy.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cstring>
#include <memory>
#include <vector>

namespace octet::data {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicBytes = 6;
constexpr size_t kAlign = 64;

struct TypeName {
  std::string_view descr;
  DType dtype;
};
constexpr TypeName kTypes[] = {
    {"b1", DType::kBool}, {"i1", DType::kI8},  {"u1", DType::kU8},  {"i2", DType::kI16}, {"u2", DType::kU16},
    {"i4", DType::kI32},  {"u4", DType::kU32}, {"i8", DType::kI64}, {"u8", DType::kU64}, {"f2", DType::kF16},
    {"f4", DType::kF32},  {"f8", DType::kF64}, {"c8", DType::kC64}, {"c16", DType::kC128}};

bool Number(std::string_view text, uint64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

// The text of `key`'s value in the header's dict, from its first character on; empty when there is none.
std::string_view ValueOf(std::string_view header, std::string_view key) {
  for (const char quote : {'\'', '"'}) {
    const std::string quoted = quote + std::string(key) + quote;
    size_t at = header.find(quoted);
    if (at == std::string_view::npos) continue;
    at = header.find_first_not_of(" :", at + quoted.size());
    if (at != std::string_view::npos) return header.substr(at);
  }
  return {};
}

Status ParseType(std::string_view header, const std::string& where, Array* a) {
  const std::string_view value = ValueOf(header, "descr");
  if (value.starts_with('['))
    return Error(Code::kInvalidArgument, "%s: a structured array; expected plain numbers", where.c_str());
  const size_t end = value.empty() ? std::string_view::npos : value.find(value[0], 1);
  if (end == std::string_view::npos || end < 2) return Error(Code::kInvalidArgument, "%s: no element type", where.c_str());
  std::string_view descr = value.substr(1, end - 1);
  const std::string whole(descr);
  if (descr.find('O') != std::string_view::npos)
    return Error(Code::kInvalidArgument, "%s: an array of Python objects; save it with a numeric dtype, for example x.astype('float32')",
                 where.c_str());
  const char order = descr[0];
  if (order == '<' || order == '>' || order == '|' || order == '=') descr.remove_prefix(1);
  for (const TypeName& type : kTypes) {
    if (type.descr != descr) continue;
    a->dtype = type.dtype;
    a->item_bytes = static_cast<uint32_t>(BitsOf(type.dtype) / 8);
    if (order == '>' && a->item_bytes > 1)
      return Error(Code::kInvalidArgument, "%s: big-endian elements ('%s'); save them with x.astype('<%s')", where.c_str(),
                   whole.c_str(), std::string(descr).c_str());
    return {};
  }
  uint64_t width = 0;
  const bool text = (descr.starts_with('U') || descr.starts_with('S')) && Number(descr.substr(1), &width);
  if (!text || width > UINT32_MAX / 4 || (order == '>' && descr[0] == 'U'))
    return Error(Code::kInvalidArgument, "%s: element type '%s'; expected bool, an integer, a float, complex or text, little-endian",
                 where.c_str(), whole.c_str());
  a->dtype = DType::kString;
  a->unicode = descr[0] == 'U';
  a->item_bytes = static_cast<uint32_t>(width) * (a->unicode ? 4 : 1);
  return {};
}

Status ParseShape(std::string_view header, const std::string& where, Array* a) {
  std::string_view value = ValueOf(header, "shape");
  const size_t end = value.find(')');
  if (!value.starts_with('(') || end == std::string_view::npos)
    return Error(Code::kInvalidArgument, "%s: no shape", where.c_str());
  value = value.substr(1, end - 1);
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    std::string_view dim = value.substr(0, comma);
    while (dim.starts_with(' ')) dim.remove_prefix(1);
    while (dim.ends_with(' ') || dim.ends_with('L')) dim.remove_suffix(1);  // Python 2 wrote 3L.
    value.remove_prefix(std::min(comma + 1, value.size()));
    if (dim.empty() && value.empty()) break;
    uint64_t n = 0;
    if (!Number(dim, &n) || n > INT32_MAX)
      return Error(Code::kInvalidArgument, "%s: dimension '%s' is not a number below 2^31", where.c_str(), std::string(dim).c_str());
    if (a->shape.rank() == kMaxRank)
      return Error(Code::kInvalidArgument, "%s: more than %d dimensions", where.c_str(), kMaxRank);
    a->shape.push_back(static_cast<int32_t>(n));
  }
  return {};
}

// The elements one row after the other, where the file has columns: numpy saves a transposed array so.
std::shared_ptr<const std::vector<std::byte>> ByRows(const Array& a, std::span<const std::byte> columns) {
  const int rank = a.shape.rank();
  std::array<size_t, kMaxRank> step{}, at{};  // In bytes, between neighbours along an axis.
  size_t bytes = a.item_bytes;
  for (int i = 0; i < rank; ++i) {
    step[static_cast<size_t>(i)] = bytes;
    bytes *= static_cast<size_t>(a.shape[i]);
  }
  auto rows = std::make_shared<std::vector<std::byte>>(columns.size());
  size_t from = 0;
  for (size_t to = 0; to < rows->size(); to += a.item_bytes) {
    std::memcpy(rows->data() + to, columns.data() + from, a.item_bytes);
    for (int i = rank - 1; i >= 0; --i) {
      const auto axis = static_cast<size_t>(i), n = static_cast<size_t>(a.shape[i]);
      from += step[axis];
      if (++at[axis] < n) break;
      from -= step[axis] * n;
      at[axis] = 0;
    }
  }
  return rows;
}

}  // namespace

Result<Array> ParseNpy(std::span<const std::byte> file, const std::string& where) {
  const auto cut = [&] { return Error(Code::kInvalidArgument, "%s: not a whole .npy array; the file may be cut off", where.c_str()); };
  if (file.size() < kMagicBytes + 6 || std::memcmp(file.data(), kMagic, kMagicBytes) != 0) return cut();
  const int major = static_cast<int>(file[kMagicBytes]);
  if (major < 1 || major > 3) return Error(Code::kInvalidArgument, "%s: .npy version %d; expected 1, 2 or 3", where.c_str(), major);
  const size_t field = major == 1 ? 2 : 4, start = kMagicBytes + 2 + field;
  uint32_t length = 0;
  std::memcpy(&length, file.data() + kMagicBytes + 2, field);
  if (length > file.size() - start) return cut();
  const std::string_view header(reinterpret_cast<const char*>(file.data()) + start, length);
  Array a;
  OCTET_TRY(ParseType(header, where, &a));
  OCTET_TRY(ParseShape(header, where, &a));
  uint64_t bytes = a.item_bytes;
  int stretched = 0;
  for (const int32_t d : a.shape.dims()) {
    stretched += d > 1;
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(d), &bytes)) return cut();
  }
  const auto elements = file.subspan(start + length);
  if (elements.size() < bytes)
    return Error(Code::kInvalidArgument, "%s: %zu bytes of elements; expected %llu for shape %s; the file may be cut off", where.c_str(),
                 elements.size(), static_cast<unsigned long long>(bytes), a.shape.text().c_str());
  a.bytes = elements.first(bytes);
  // A vector has one order only, whatever the flag says.
  if (stretched > 1 && ValueOf(header, "fortran_order").starts_with("True")) {
    a.rows = ByRows(a, a.bytes);
    a.bytes = *a.rows;
  }
  return a;
}

Result<std::string> NpyHeader(const Array& a) {
  std::string descr;
  for (const TypeName& type : kTypes)
    if (type.dtype == a.dtype) descr = (BitsOf(a.dtype) == 8 ? "|" : "<") + std::string(type.descr);
  if (a.dtype == DType::kString) descr = a.unicode ? Format("<U%u", a.item_bytes / 4) : Format("|S%u", a.item_bytes);
  if (descr.empty())
    return Error(Code::kInvalidArgument, "array '%s': numpy has no element type %s", a.name.c_str(), std::string(NumpyName(a.dtype)).c_str());
  std::string shape;
  for (const int32_t d : a.shape.dims()) shape += Format("%d, ", d);
  if (a.shape.rank() == 1) shape.pop_back();
  if (a.shape.rank() > 1) shape.resize(shape.size() - 2);
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  text.append(kAlign - (kMagicBytes + 4 + text.size() + 1) % kAlign, ' ');
  text += '\n';
  std::string header(kMagic, kMagicBytes);
  header += {'\x01', '\x00', static_cast<char>(text.size() & 0xff), static_cast<char>(text.size() >> 8)};
  return header + text;
}

}  // namespace octet::data
