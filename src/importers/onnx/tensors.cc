// SPDX-License-Identifier: Apache-2.0
#include "importers/onnx/tensors.h"

#include <algorithm>
#include <cstring>

#include "base/float16.h"

namespace octet::importers::onnx {
namespace {

struct Element {
  int32_t type;
  std::string_view name;
  DType compute, declared;
  int bits;  // As stored in raw bytes.
};
constexpr Element kElements[] = {
    {kFloat, "float32", DType::kF32, DType::kF32, 32},   {kUint8, "uint8", DType::kU8, DType::kU8, 8},
    {kInt8, "int8", DType::kI8, DType::kI8, 8},          {kUint16, "uint16", DType::kU16, DType::kU16, 16},
    {kInt16, "int16", DType::kI16, DType::kI16, 16},     {kInt32, "int32", DType::kI32, DType::kI32, 32},
    {kInt64, "int64", DType::kI64, DType::kI64, 64},     {kString, "string", DType::kString, DType::kString, 0},
    {kBool, "bool", DType::kBool, DType::kBool, 8},      {kFloat16, "float16", DType::kF32, DType::kF16, 16},
    {kDouble, "float64", DType::kF32, DType::kF64, 64},  {kUint32, "uint32", DType::kU32, DType::kU32, 32},
    {kUint64, "uint64", DType::kI64, DType::kI64, 64},   {kBfloat16, "bfloat16", DType::kF32, DType::kF32, 16},
    {kUint4, "uint4", DType::kU8, DType::kU8, 4},        {kInt4, "int4", DType::kI8, DType::kI8, 4},
    {kComplex64, "complex64", DType::kNone, DType::kNone, 64}, {kComplex128, "complex128", DType::kNone, DType::kNone, 128},
    {17, "float8e4m3fn", DType::kNone, DType::kNone, 8}, {18, "float8e4m3fnuz", DType::kNone, DType::kNone, 8},
    {19, "float8e5m2", DType::kNone, DType::kNone, 8},   {20, "float8e5m2fnuz", DType::kNone, DType::kNone, 8},
    {23, "float4e2m1", DType::kNone, DType::kNone, 4},   {24, "float8e8m0", DType::kNone, DType::kNone, 8},
    {25, "uint2", DType::kNone, DType::kNone, 2},        {26, "int2", DType::kNone, DType::kNone, 2}};
constexpr Element kNothing = {0, "no element type", DType::kNone, DType::kNone, 0};

const Element& Find(int32_t type) {
  for (const Element& e : kElements)
    if (e.type == type) return e;
  return kNothing;
}

Status Bad(const TensorProto& t, const std::string& what) {
  return Error(Code::kInvalidModel, "tensor '%s': %s", std::string(t.name).c_str(), what.c_str());
}

template <class T> void Put(std::vector<std::byte>* bytes, size_t i, T v) { std::memcpy(bytes->data() + i * sizeof(T), &v, sizeof(T)); }

// Element i of a type other than the one that octet computes with.
float WideFloat(int32_t type, const std::byte* at) {
  if (type == kDouble) {
    double v;
    std::memcpy(&v, at, 8);
    return static_cast<float>(v);
  }
  uint16_t v;
  std::memcpy(&v, at, 2);
  return type == kFloat16 ? F16ToF32(v) : BF16ToF32(v);
}

void FromRaw(const Element& e, std::span<const std::byte> raw, StoredTensor* out) {
  const auto n = static_cast<size_t>(out->shape.elements());
  if (e.bits == 4) {  // Two to a byte, the first in the low half.
    for (size_t i = 0; i < n; ++i) {
      const int v = std::to_integer<int>(raw[i / 2]) >> (i % 2 ? 4 : 0) & 15;
      out->bytes[i] = static_cast<std::byte>(e.type == kInt4 && v > 7 ? v - 16 : v);
    }
  } else if (out->dtype == DType::kF32 && e.type != kFloat) {
    for (size_t i = 0; i < n; ++i) Put(&out->bytes, i, WideFloat(e.type, raw.data() + i * static_cast<size_t>(e.bits / 8)));
  } else {
    std::ranges::copy(raw.first(out->bytes.size()), out->bytes.begin());
  }
}

// float_data = 4, int32_data = 5, int64_data = 7, double_data = 10, uint64_data = 11. Small integers and the bits
// of half floats are in int32_data, two 4-bit numbers to an entry.
bool FromLists(const Element& e, const TensorProto& t, StoredTensor* out) {
  const auto kind = [](uint32_t field) {
    return field == 4 ? data::WireField::Kind::kFixed32 : field == 10 ? data::WireField::Kind::kFixed64 : data::WireField::Kind::kVarint;
  };
  std::vector<uint64_t> v;
  for (const data::WireField& f : t.typed)
    if (!data::AppendPacked(f, kind(f.number), &v)) return false;
  const auto n = static_cast<size_t>(out->shape.elements());
  if (v.size() != (e.bits == 4 ? (n + 1) / 2 : n)) return false;
  for (size_t i = 0; i < n; ++i) {
    switch (e.type) {
      case kFloat: Put(&out->bytes, i, static_cast<uint32_t>(v[i])); break;
      case kDouble: Put(&out->bytes, i, static_cast<float>(std::bit_cast<double>(v[i]))); break;
      case kFloat16: Put(&out->bytes, i, F16ToF32(static_cast<uint16_t>(v[i]))); break;
      case kBfloat16: Put(&out->bytes, i, BF16ToF32(static_cast<uint16_t>(v[i]))); break;
      case kUint4: case kInt4: {
        const int q = static_cast<int>(v[i / 2] >> (i % 2 ? 4 : 0) & 15);
        out->bytes[i] = static_cast<std::byte>(e.type == kInt4 && q > 7 ? q - 16 : q);
        break;
      }
      default:  // Little-endian integers: their low bytes.
        std::memcpy(out->bytes.data() + i * static_cast<size_t>(e.bits / 8), &v[i], static_cast<size_t>(e.bits / 8));
    }
  }
  return true;
}

// The file format's string tensors: count, offsets [count + 1] of int32, characters.
Status FromStrings(const TensorProto& t, StoredTensor* out) {
  const auto n = static_cast<size_t>(out->shape.elements());
  std::vector<std::string_view> texts;
  for (const data::WireField& f : t.typed)
    if (f.number == 6) texts.push_back(f.as_text());
  if (texts.size() != n) return Bad(t, Format("%zu strings, its shape says %zu", texts.size(), n));
  size_t at = 4 * (n + 2), total = at;
  for (const std::string_view s : texts) total += s.size();
  if (total > INT32_MAX) return Bad(t, "its strings are larger than 2 GB");
  out->bytes.resize(total);
  Put(&out->bytes, 0, static_cast<int32_t>(n));
  for (size_t i = 0; i < n; ++i) {
    Put(&out->bytes, i + 1, static_cast<int32_t>(at));
    std::ranges::copy(std::as_bytes(std::span(texts[i])), out->bytes.begin() + static_cast<std::ptrdiff_t>(at));
    at += texts[i].size();
  }
  Put(&out->bytes, n + 1, static_cast<int32_t>(at));
  return {};
}

}  // namespace

DType ComputeType(int32_t type) { return Find(type).compute; }
DType DeclaredType(int32_t type) { return Find(type).declared; }
std::string_view TypeName(int32_t type) { return Find(type).name; }

Result<std::span<const std::byte>> Tensors::External(const TensorProto& t) {
  const std::string location(t.location);
  bool inside = !location.empty() && location[0] != '/' && location.find('\0') == std::string::npos;
  for (size_t at = 0; inside && at <= location.size();) {
    const size_t slash = std::min(location.find_first_of("/\\", at), location.size());
    inside = location.substr(at, slash - at) != "..";
    at = slash + 1;
  }
  if (!inside) return Bad(t, "its data lies at '" + location + "', outside the model's folder; put it beside the model");
  auto it = files_.find(location);
  if (it == files_.end()) {
    auto file = MappedFile::Open(folder_ + "/" + location);
    if (!file.ok()) return Bad(t, "its data file cannot be read: " + file.error().message());
    it = files_.emplace(location, std::move(*file)).first;
  }
  const std::span<const std::byte> bytes = it->second.bytes();
  const auto size = static_cast<int64_t>(bytes.size());
  if (t.offset < 0 || t.offset > size || (t.length >= 0 && t.length > size - t.offset))
    return Bad(t, Format("bytes %lld to %lld of '%s', which has %lld", static_cast<long long>(t.offset),
                         static_cast<long long>(t.offset + t.length), location.c_str(), static_cast<long long>(size)));
  return bytes.subspan(static_cast<size_t>(t.offset), static_cast<size_t>(t.length >= 0 ? t.length : size - t.offset));
}

Result<StoredTensor> Tensors::Read(const TensorProto& t) {
  const Element& e = Find(t.type);
  StoredTensor out;
  out.dtype = e.compute;
  if (out.dtype == DType::kNone)
    return Error(Code::kUnsupported, "tensor '%s' has the element type %s", std::string(t.name).c_str(), std::string(e.name).c_str());
  if (t.dims.size() > kMaxRank)
    return Error(Code::kUnsupported, "tensor '%s' has %zu dimensions; at most %d", std::string(t.name).c_str(), t.dims.size(), kMaxRank);
  for (const int64_t d : t.dims) {
    if (d < 0 || d > INT32_MAX) return Bad(t, Format("a dimension of %lld", static_cast<long long>(d)));
    out.shape.push_back(static_cast<int32_t>(d));
  }
  uint64_t count = 0;  // Elements, checked.
  if (!CheckedBytes(DType::kI8, out.shape, &count) || count > (uint64_t{1} << 40)) return Bad(t, "its size overflows");
  if (e.type == kString) {
    OCTET_TRY(FromStrings(t, &out));
    return out;
  }
  std::span<const std::byte> raw = t.raw;
  if (t.external) {
    OCTET_ASSIGN(raw, External(t));
  }
  const uint64_t stored = (count * static_cast<uint64_t>(e.bits) + 7) / 8;
  const bool lists = !t.external && !t.has_raw;
  // Before anything is allocated: every element needs at least one byte in the file (half of one for 4 bits).
  uint64_t there = raw.size();
  for (const data::WireField& f : t.typed) there += lists ? std::max<size_t>(1, f.bytes.size()) : 0;
  if (lists ? there < (count + 1) / 2 : there < stored || (!t.external && there != stored))
    return Bad(t, Format("%llu bytes, its shape says %llu", static_cast<unsigned long long>(there), static_cast<unsigned long long>(stored)));
  out.bytes.resize(static_cast<size_t>(count * static_cast<uint64_t>(BitsOf(out.dtype)) / 8));
  if (count == 0) return out;
  if (!lists) {
    FromRaw(e, raw, &out);
    for (const auto& [path, file] : files_) file.Release(raw);
    if (done_) done_(raw);
  }
  if (lists && !FromLists(e, t, &out)) return Bad(t, "its list does not have as many elements as its shape says");
  return out;
}

}  // namespace octet::importers::onnx
