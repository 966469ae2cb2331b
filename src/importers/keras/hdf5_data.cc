// SPDX-License-Identifier: Apache-2.0
// Element types, attributes and the elements of datasets.
#include <zlib.h>

#include <algorithm>

#include "importers/keras/cursor.h"
#include "importers/keras/hdf5.h"

namespace octet::importers::keras {
namespace {

constexpr uint16_t kSpace = 1, kDatatype = 3, kLayout = 8, kFilters = 11, kAttribute = 12, kAttributeInfo = 21;
constexpr uint16_t kDeflate = 1, kShuffle = 2, kFletcher32 = 3;
constexpr uint64_t kNoAddress = UINT64_MAX;
constexpr uint64_t kMostInflated = 1032;  // Deflate's best ratio.

uint64_t Pad8(uint64_t n) { return (n + 7) / 8 * 8; }

DType IntegerType(uint32_t size, bool is_signed) {
  switch (size) {
    case 1: return is_signed ? DType::kI8 : DType::kU8;
    case 2: return is_signed ? DType::kI16 : DType::kU16;
    case 4: return is_signed ? DType::kI32 : DType::kU32;
    case 8: return is_signed ? DType::kI64 : DType::kU64;
    default: return DType::kNone;
  }
}

DType FloatType(uint32_t size, int exponent_bits) {
  if (size == 4 && exponent_bits == 8) return DType::kF32;
  if (size == 8 && exponent_bits == 11) return DType::kF64;
  if (size == 2 && exponent_bits == 5) return DType::kF16;
  if (size == 2 && exponent_bits == 8) return DType::kBF16;
  return DType::kNone;
}

}  // namespace

Result<Hdf5::Type> Hdf5::ParseType(std::span<const std::byte> body) const {
  enum { kInteger = 0, kFloat = 1, kText = 3, kOpaque = 5, kEnum = 8, kVariable = 9 };
  Cursor c(body);
  const int kind = c.Get<uint8_t>() & 15;
  const auto bits = c.Get<uint16_t>();
  c.Skip(1);
  Type type;
  type.size = c.Get<uint32_t>();
  if (!c.ok() || type.size == 0) return Bad("wrong element type");
  bool big_endian = false;
  if (kind == kInteger) {
    type.dtype = IntegerType(type.size, bits & 8);
    big_endian = (bits & 1) && type.size > 1;
  } else if (kind == kFloat) {
    c.Skip(5);  // Bit offset, precision, where the exponent lies.
    type.dtype = FloatType(type.size, c.Get<uint8_t>());
    big_endian = bits & 1;
  } else if (kind == kEnum) {  // numpy's bool: an enumeration over int8.
    type.dtype = type.size == 1 ? DType::kBool : DType::kNone;
  } else if (kind == kOpaque && type.size == 2) {
    type.dtype = DType::kBF16;  // Keras stores bfloat16 as two raw bytes.
  } else if (kind == kText) {
    type.kind = Type::Kind::kText;
    type.space_padded = (bits & 15) == 2;
  } else if (kind == kVariable && (bits & 15) == 1) {
    type.kind = Type::Kind::kVariableText;
  }
  if (type.dtype != DType::kNone) type.kind = Type::Kind::kNumber;
  if (big_endian) return Error(Code::kUnsupported, "'%s': '/%s' is big-endian; expected little-endian numbers", where_.c_str(), path_.c_str());
  return type;
}

Result<Hdf5::Space> Hdf5::ParseSpace(std::span<const std::byte> body) const {
  Cursor c(body);
  Space space;
  const int version = c.Get<uint8_t>(), rank = c.Get<uint8_t>();
  c.Skip(1);
  if (version == 1) c.Skip(5);
  else if (version == 2) space.null = c.Get<uint8_t>() == 2;
  else return Bad("wrong dataspace");
  for (int i = 0; i < rank; ++i) {
    space.dims.push_back(c.Get<uint64_t>());
    if (__builtin_mul_overflow(space.elements, space.dims.back(), &space.elements)) return Bad("its dimensions are too large");
  }
  if (!c.ok()) return Bad("wrong dataspace");
  if (space.null) {
    space.dims = {0};
    space.elements = 0;
  }
  return space;
}

// ------------------------------------------------------------------------------- attributes

Result<std::optional<Hdf5::Attribute>> Hdf5::ParseAttribute(const Message& m, std::string_view name) const {
  Cursor c(m.body);
  const int version = c.Get<uint8_t>();
  const auto flags = c.Get<uint8_t>();
  const auto name_bytes = c.Get<uint16_t>(), type_bytes = c.Get<uint16_t>(), space_bytes = c.Get<uint16_t>();
  if (version == 3) c.Skip(1);  // Character set of the name.
  const auto padded = [&](uint64_t n) { return version == 1 ? Pad8(n) : n; };
  std::string_view found = c.Text(padded(name_bytes));
  found = found.substr(0, found.find('\0'));
  const auto type = c.Take(padded(type_bytes)), space = c.Take(padded(space_bytes));
  if (!c.ok() || version < 1 || version > 3) return Bad("wrong attribute");
  if (found != name) return std::optional<Attribute>();
  if (version > 1 && (flags & 3))
    return Error(Code::kUnsupported, "'%s': attribute '%s' of '/%s' has a shared type", where_.c_str(), std::string(name).c_str(), path_.c_str());
  Attribute a;
  OCTET_ASSIGN(a.type, ParseType(type));
  OCTET_ASSIGN(a.space, ParseSpace(space));
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(a.space.elements, uint64_t{a.type.size}, &bytes)) return Bad("an attribute is too large");
  a.data = c.Take(bytes);
  if (!c.ok()) return Bad("attribute '" + std::string(name) + "' is cut off");
  return std::optional<Attribute>(a);
}

Result<std::optional<Hdf5::Attribute>> Hdf5::FindAttribute(std::string_view path, std::string_view name) {
  OCTET_ASSIGN(const Object* object, Find(path));
  bool dense = false;
  if (!object) return std::optional<Attribute>();
  for (const Message& m : object->messages) {
    if (m.type == kAttribute) {
      OCTET_ASSIGN(std::optional<Attribute> a, ParseAttribute(m, name));
      if (a) return a;
    } else if (m.type == kAttributeInfo) {
      Cursor c(m.body);
      c.Skip(1);
      if (c.Get<uint8_t>() & 1) c.Skip(2);
      dense |= c.Get<uint64_t>() != kNoAddress;
    }
  }
  if (dense)
    return Error(Code::kUnsupported, "'%s': '/%s' uses HDF5's dense attribute storage; save the file with h5py's default libver, or as .keras",
                 where_.c_str(), path_.c_str());
  return std::optional<Attribute>();
}

Result<bool> Hdf5::HasAttribute(std::string_view path, std::string_view name) {
  OCTET_ASSIGN(const std::optional<Attribute> a, FindAttribute(path, name));
  return a.has_value();
}

Result<std::string> Hdf5::HeapText(std::span<const std::byte> reference) {
  Cursor c(reference);
  const auto length = c.Get<uint32_t>();
  const auto address = c.Get<uint64_t>();
  const auto index = c.Get<uint32_t>();
  if (!c.ok()) return Bad("wrong reference to a string");
  if (length == 0) return std::string();
  auto it = heaps_.find(address);
  if (it == heaps_.end()) {  // Parsed once, or many references to one heap would take quadratic time.
    std::map<uint16_t, std::string_view> objects;
    Cursor head(At(address));
    head.Expect("GCOL");
    head.Skip(4);
    const auto bytes = head.Get<uint64_t>();
    if (!head.ok() || bytes < 16) return Bad("wrong global heap");
    Cursor heap(head.Take(bytes - 16));
    while (heap.left() >= 16) {
      const auto id = heap.Get<uint16_t>();
      heap.Skip(6);
      const auto size = heap.Get<uint64_t>();
      if (id == 0) break;  // The free space at the end.
      if (size > heap.left() || !Spend()) return Bad("wrong global heap");
      const std::string_view text = heap.Text(size);
      heap.Skip(std::min<uint64_t>(Pad8(size) - size, heap.left()));
      objects.emplace(id, text);
    }
    it = heaps_.emplace(address, std::move(objects)).first;
  }
  const auto object = it->second.find(static_cast<uint16_t>(index));
  if (object == it->second.end() || object->second.size() < length) return Bad("a string is missing from the global heap");
  return std::string(object->second.substr(0, length));
}

Result<std::vector<std::string>> Hdf5::Texts(std::string_view path, std::string_view name) {
  OCTET_ASSIGN(const std::optional<Attribute> a, FindAttribute(path, name));
  if (!a) return Bad("no attribute '" + std::string(name) + "'");
  std::vector<std::string> texts;
  uint64_t total = 0;
  for (uint64_t i = 0; i < a->space.elements; ++i) {  // h5py writes an empty list as float64 of shape (0).
    const auto item = a->data.subspan(i * a->type.size, a->type.size);
    if (a->type.kind == Type::Kind::kVariableText) {
      OCTET_ASSIGN(std::string text, HeapText(item));
      texts.push_back(std::move(text));
    } else if (a->type.kind == Type::Kind::kText) {
      std::string_view text(reinterpret_cast<const char*>(item.data()), item.size());
      text = text.substr(0, text.find('\0'));
      while (a->type.space_padded && text.ends_with(' ')) text.remove_suffix(1);
      texts.emplace_back(text);
    } else {
      return Bad("attribute '" + std::string(name) + "' is not text");
    }
    total += texts.back().size();  // Many references to one long string must not multiply it.
    if (total > bytes_.size()) return Bad("attribute '" + std::string(name) + "' is larger than the file");
  }
  return texts;
}

// --------------------------------------------------------------------------------- datasets

Result<Hdf5Array> Hdf5::Read(std::string_view path) {
  OCTET_ASSIGN(const Object* object, Find(path));
  if (!object) return Error(Code::kInvalidModel, "'%s': no dataset '/%s'", where_.c_str(), std::string(path).c_str());
  const Message* type_message = nullptr;
  const Message* space_message = nullptr;
  for (const Message& m : object->messages) {
    if (m.type == kDatatype) type_message = &m;
    if (m.type == kSpace) space_message = &m;
  }
  if (!type_message || !space_message) return Bad("it is not a dataset");
  if ((type_message->flags | space_message->flags) & 2)
    return Error(Code::kUnsupported, "'%s': '/%s' has a shared type", where_.c_str(), path_.c_str());
  OCTET_ASSIGN(const Type type, ParseType(type_message->body));
  OCTET_ASSIGN(const Space space, ParseSpace(space_message->body));
  if (type.kind != Type::Kind::kNumber)
    return Error(Code::kUnsupported, "'%s': '/%s' has an element type that is not a number", where_.c_str(), path_.c_str());
  if (space.dims.size() > kMaxRank)
    return Error(Code::kUnsupported, "'%s': '/%s' has %zu dimensions; at most %d", where_.c_str(), path_.c_str(), space.dims.size(), kMaxRank);
  Hdf5Array array;
  array.dtype = type.dtype;
  for (const uint64_t d : space.dims) {
    if (d > INT32_MAX) return Bad("a dimension is above 2^31");
    array.shape.push_back(static_cast<int32_t>(d));
  }
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(space.elements, uint64_t{type.size}, &bytes) || bytes / kMostInflated > bytes_.size())
    return Bad("it is larger than the file can hold");
  if (bytes > 0) OCTET_TRY(ReadLayout(*object, bytes, type.size, space, &array.bytes));
  return array;
}

Status Hdf5::ReadLayout(const Object& object, uint64_t bytes, uint32_t item, const Space& space, std::vector<std::byte>* out) {
  enum { kCompact = 0, kContiguous = 1, kChunked = 2 };
  const auto it = std::ranges::find(object.messages, kLayout, &Message::type);
  if (it == object.messages.end()) return Bad("the dataset has no layout");
  Cursor c(it->body);
  const int version = c.Get<uint8_t>(), kind = c.Get<uint8_t>();
  if ((version != 3 && version != 4) || kind > kChunked || (version == 4 && kind == kChunked))
    return Error(Code::kUnsupported, "'%s': '/%s' is stored in HDF5 layout version %d, class %d; save the file with h5py's default libver, or as .keras",
                 where_.c_str(), path_.c_str(), version, kind);
  if (kind == kChunked) {
    Chunks chunks;
    const int rank = c.Get<uint8_t>() - 1;
    chunks.tree = c.Get<uint64_t>();
    for (int i = 0; i < rank; ++i) chunks.dims.push_back(c.Get<uint32_t>());
    if (!c.ok() || chunks.dims.size() != space.dims.size() || std::ranges::count(chunks.dims, 0u) > 0) return Bad("wrong chunk sizes");
    OCTET_TRY(ReadFilters(object, &chunks));
    out->resize(bytes);
    uint64_t covered = 0;
    OCTET_TRY(ReadChunks(chunks, chunks.tree, 256, item, space, &covered, out));
    return covered == space.elements ? Status() : Bad("some of its chunks are missing");
  }
  std::span<const std::byte> data;
  if (kind == kContiguous) {
    Cursor place(At(c.Get<uint64_t>()));
    if (c.Get<uint64_t>() < bytes) return Bad("its data are shorter than its shape");
    data = place.Take(bytes);
    if (!place.ok()) return Bad("its data are cut off");
  } else {
    c.Skip(2);
    data = c.Take(bytes);
  }
  if (!c.ok()) return Bad("its data are cut off");
  out->assign(data.begin(), data.end());
  if (done_) done_(data);
  return {};
}

Status Hdf5::ReadFilters(const Object& object, Chunks* chunks) const {
  const auto it = std::ranges::find(object.messages, kFilters, &Message::type);
  if (it == object.messages.end()) return {};
  Cursor c(it->body);
  const int version = c.Get<uint8_t>(), count = c.Get<uint8_t>();
  if (version == 1) c.Skip(6);
  for (int i = 0; i < count; ++i) {
    const auto id = c.Get<uint16_t>();
    const uint64_t name = version == 1 || id >= 256 ? c.Get<uint16_t>() : 0;
    c.Skip(2);
    const uint64_t values = c.Get<uint16_t>();
    c.Skip(version == 1 ? Pad8(name) : name);
    c.Skip(4 * (version == 1 ? values + values % 2 : values));
    if (!c.ok()) return Bad("wrong filters");
    if (id != kDeflate && id != kShuffle && id != kFletcher32)
      return Error(Code::kUnsupported, "'%s': '/%s' is compressed by HDF5 filter %d; octet reads gzip and shuffle", where_.c_str(), path_.c_str(), id);
    chunks->filters.push_back(id);
  }
  return {};
}

namespace {

// Copies the part of a chunk that lies inside the array; returns the number of elements copied.
uint64_t CopyChunk(std::span<const std::byte> chunk, std::span<const uint64_t> chunk_dims, std::span<const uint64_t> at,
                   std::span<const uint64_t> dims, uint32_t item, std::byte* out) {
  const size_t rank = dims.size();
  if (rank == 0) {
    std::copy_n(chunk.data(), item, out);
    return 1;
  }
  uint64_t rows = 1;
  for (size_t d = 0; d + 1 < rank; ++d) rows *= std::min(chunk_dims[d], dims[d] - at[d]);
  const uint64_t width = std::min(chunk_dims[rank - 1], dims[rank - 1] - at[rank - 1]);
  std::vector<uint64_t> index(rank, 0);
  for (uint64_t row = 0; row < rows; ++row) {
    uint64_t from = 0, to = 0;
    for (size_t d = 0; d < rank; ++d) {
      from = from * chunk_dims[d] + index[d];
      to = to * dims[d] + at[d] + index[d];
    }
    std::copy_n(chunk.data() + from * item, width * item, out + to * item);
    for (size_t d = rank - 1; d-- > 0;) {
      if (++index[d] < std::min(chunk_dims[d], dims[d] - at[d])) break;
      index[d] = 0;
    }
  }
  return rows * width;
}

}  // namespace

Status Hdf5::ReadChunks(const Chunks& chunks, uint64_t node, int level_above, uint32_t item, const Space& space, uint64_t* covered,
                        std::vector<std::byte>* out) {
  const size_t rank = space.dims.size();
  uint64_t chunk_bytes = item;
  for (const uint64_t d : chunks.dims)
    if (__builtin_mul_overflow(chunk_bytes, d, &chunk_bytes)) return Bad("its chunks are too large");
  if (chunk_bytes / kMostInflated > bytes_.size()) return Bad("its chunks are larger than the file can hold");
  Cursor c(At(node));
  c.Expect("TREE");
  const int type = c.Get<uint8_t>(), level = c.Get<uint8_t>();
  const int count = c.Get<uint16_t>();
  c.Skip(16);
  if (!c.ok() || type != 1 || level >= level_above) return Bad("wrong B-tree node of chunks");
  for (int i = 0; i < count; ++i) {
    const auto packed = c.Get<uint32_t>(), mask = c.Get<uint32_t>();
    std::vector<uint64_t> at;
    for (size_t d = 0; d < rank; ++d) at.push_back(c.Get<uint64_t>());
    c.Skip(8);  // Offset within the element: zero.
    const auto child = c.Get<uint64_t>();
    if (!c.ok() || !Spend()) return Bad("wrong B-tree node of chunks");
    if (level > 0) {
      OCTET_TRY(ReadChunks(chunks, child, level, item, space, covered, out));
      continue;
    }
    for (size_t d = 0; d < rank; ++d)
      if (at[d] >= space.dims[d] || at[d] % chunks.dims[d] != 0) return Bad("a chunk lies outside the dataset");
    Cursor place(At(child));
    const auto raw = place.Take(packed);
    if (!place.ok()) return Bad("a chunk is cut off");
    OCTET_ASSIGN(const std::vector<std::byte> data, Unfilter(chunks, raw, mask, chunk_bytes, item));
    *covered += CopyChunk(data, chunks.dims, at, space.dims, item, out->data());
    if (*covered > space.elements) return Bad("a chunk is there twice");
  }
  return {};
}

Result<std::vector<std::byte>> Hdf5::Unfilter(const Chunks& chunks, std::span<const std::byte> raw, uint32_t mask, uint64_t bytes,
                                              uint32_t item) const {
  std::vector<std::byte> data(raw.begin(), raw.end());
  for (size_t i = chunks.filters.size(); i-- > 0;) {  // They were applied in order.
    if (i < 32 && (mask >> i & 1)) continue;
    if (chunks.filters[i] == kFletcher32) {
      if (data.size() < 4) return Bad("a chunk is cut off");
      data.resize(data.size() - 4);
    } else if (chunks.filters[i] == kDeflate) {
      std::vector<std::byte> inflated(bytes + 4);  // Room for a Fletcher checksum inside.
      uLongf size = inflated.size();
      if (uncompress(reinterpret_cast<Bytef*>(inflated.data()), &size, reinterpret_cast<const Bytef*>(data.data()), data.size()) != Z_OK)
        return Bad("a chunk cannot be inflated");
      inflated.resize(size);
      data = std::move(inflated);
    } else {  // Shuffle: all first bytes of the elements, then all second bytes, ...
      std::vector<std::byte> plain(data);
      const size_t n = data.size() / item;
      for (size_t e = 0; e < n; ++e)
        for (size_t b = 0; b < item; ++b) plain[e * item + b] = data[b * n + e];
      data = std::move(plain);
    }
  }
  if (data.size() != bytes) return Bad("a chunk has the wrong size");
  return data;
}

}  // namespace octet::importers::keras
