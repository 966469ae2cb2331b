// SPDX-License-Identifier: Apache-2.0
// Reads the central directory at the end of the file, never the local headers' sizes (they may be zero).
#include "data/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <functional>

namespace octet::data {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kCentral = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr size_t kLocalBytes = 30, kCentralBytes = 46, kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr uint16_t kStored = 0, kDeflated = 8, kZip64Extra = 1;

template <class T> T Load(std::span<const std::byte> bytes, uint64_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

bool Inside(std::span<const std::byte> bytes, uint64_t at, uint64_t size) {
  return at <= bytes.size() && size <= bytes.size() - at;
}

// A member above 4 GB keeps 0xffffffff in the 32-bit fields and the truth, in this order, in an extra field.
bool ReadZip64(std::span<const std::byte> extra, Zip::Member* m) {
  uint64_t* const fields[] = {&m->size, &m->packed, &m->header};
  const bool wanted = std::ranges::any_of(fields, [](uint64_t* f) { return *f == UINT32_MAX; });
  if (!wanted) return true;
  for (size_t at = 0; Inside(extra, at, 4);) {
    const auto id = Load<uint16_t>(extra, at), size = Load<uint16_t>(extra, at + 2);
    if (!Inside(extra, at + 4, size)) return false;
    if (id == kZip64Extra) {
      size_t value = at + 4;
      for (uint64_t* field : fields) {
        if (*field != UINT32_MAX) continue;
        if (value + 8 > at + 4 + size) return false;
        *field = Load<uint64_t>(extra, value);
        value += 8;
      }
      return true;
    }
    at += 4 + size;
  }
  return true;  // Exactly 4 GB - 1, without an extra field.
}

constexpr size_t kPart = 4 << 20;  // Of large contents, read and given back one after the other.

// `done` hears of every part but the last.
uint32_t Crc(std::span<const std::byte> bytes, const std::function<void(std::span<const std::byte>)>& done) {
  uLong crc = 0;
  while (true) {
    const auto part = bytes.first(std::min(kPart, bytes.size()));
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(part.data()), part.size());
    if (part.size() == bytes.size()) return static_cast<uint32_t>(crc);
    bytes = bytes.subspan(part.size());
    done(part);
  }
}

}  // namespace

bool Zip::Is(std::span<const std::byte> bytes) {
  if (bytes.size() < 4) return false;
  const auto magic = Load<uint32_t>(bytes, 0);
  return magic == kLocal || magic == kEnd;
}

Status Zip::Bad(const char* what) const {
  return Error(Code::kInvalidModel, "'%s': broken ZIP archive: %s", path_.c_str(), what);
}

Result<std::unique_ptr<Zip>> Zip::Open(const std::string& path) {
  auto zip = std::make_unique<Zip>();
  zip->path_ = path;
  OCTET_ASSIGN(zip->file_, MappedFile::Open(path));
  OCTET_TRY(zip->ReadDirectory());
  return zip;
}

Status Zip::ReadDirectory() {
  const auto bytes = file_.bytes();
  if (bytes.size() < kEndBytes) return Bad("it is too short");
  uint64_t end = bytes.size() - kEndBytes;
  const uint64_t lowest = end > UINT16_MAX ? end - UINT16_MAX : 0;  // A comment may follow.
  while (Load<uint32_t>(bytes, end) != kEnd) {
    if (end == lowest) return Bad("its directory is missing; the file may be cut off");
    --end;
  }
  uint64_t count = Load<uint16_t>(bytes, end + 10), start = Load<uint32_t>(bytes, end + 16);
  if (end >= kLocatorBytes && Load<uint32_t>(bytes, end - kLocatorBytes) == kLocator64) {
    const auto at = Load<uint64_t>(bytes, end - kLocatorBytes + 8);
    if (!Inside(bytes, at, kEnd64Bytes) || Load<uint32_t>(bytes, at) != kEnd64) return Bad("wrong ZIP64 locator");
    count = Load<uint64_t>(bytes, at + 32);
    start = Load<uint64_t>(bytes, at + 48);
  }
  if (count > bytes.size() / kCentralBytes) return Bad("more members than fit into the file");
  members_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) OCTET_TRY(ReadEntry(&start));
  return {};
}

Status Zip::ReadEntry(uint64_t* at) {
  const auto bytes = file_.bytes();
  if (!Inside(bytes, *at, kCentralBytes) || Load<uint32_t>(bytes, *at) != kCentral) return Bad("wrong directory entry");
  const auto flags = Load<uint16_t>(bytes, *at + 8);
  const uint64_t name = Load<uint16_t>(bytes, *at + 28), extra = Load<uint16_t>(bytes, *at + 30);
  const uint64_t comment = Load<uint16_t>(bytes, *at + 32);
  if (!Inside(bytes, *at + kCentralBytes, name + extra + comment)) return Bad("a directory entry is cut off");
  Member m;
  m.name.assign(reinterpret_cast<const char*>(bytes.data()) + *at + kCentralBytes, name);
  m.method = Load<uint16_t>(bytes, *at + 10);
  m.crc = Load<uint32_t>(bytes, *at + 16);
  m.packed = Load<uint32_t>(bytes, *at + 20);
  m.size = Load<uint32_t>(bytes, *at + 24);
  m.header = Load<uint32_t>(bytes, *at + 42);
  if (!ReadZip64(bytes.subspan(*at + kCentralBytes + name, extra), &m)) return Bad("wrong ZIP64 entry");
  if (flags & 1) return Error(Code::kUnsupported, "'%s': member '%s' is encrypted", path_.c_str(), m.name.c_str());
  *at += kCentralBytes + name + extra + comment;
  members_.push_back(std::move(m));
  return {};
}

const Zip::Member* Zip::Find(std::string_view name) const {
  const auto it = std::ranges::find(members_, name, &Member::name);
  return it == members_.end() ? nullptr : &*it;
}

Result<std::span<const std::byte>> Zip::Read(const Member& m) {
  const auto bytes = file_.bytes();
  const char* name = m.name.c_str();
  const auto bad = [&](const char* what) {
    return Error(Code::kInvalidModel, "'%s': member '%s' of the ZIP archive is broken: %s", path_.c_str(), name, what);
  };
  if (!Inside(bytes, m.header, kLocalBytes) || Load<uint32_t>(bytes, m.header) != kLocal) return bad("no header");
  const uint64_t skip = kLocalBytes + Load<uint16_t>(bytes, m.header + 26) + Load<uint16_t>(bytes, m.header + 28);
  if (!Inside(bytes, m.header, skip) || !Inside(bytes, m.header + skip, m.packed)) return bad("it is cut off");
  const auto packed = bytes.subspan(m.header + skip, m.packed);
  std::span<const std::byte> contents = packed;
  if (m.method == kDeflated) {
    OCTET_ASSIGN(contents, Inflate(m, packed));
  } else if (m.method != kStored) {
    return Error(Code::kUnsupported, "'%s': member '%s' uses ZIP method %d; expected stored or deflated", path_.c_str(),
                 name, m.method);
  }
  if (contents.size() != m.size) return bad("its size is not what the directory says");
  if (Crc(contents, [this](std::span<const std::byte> part) { Release(part); }) != m.crc) return bad("its checksum is wrong");
  return contents;
}

Result<std::span<const std::byte>> Zip::Inflate(const Member& m, std::span<const std::byte> packed) {
  const auto bad = [&](const char* what) {
    return Error(Code::kInvalidModel, "'%s': cannot inflate '%s': %s", path_.c_str(), m.name.c_str(), what);
  };
  OCTET_ASSIGN(TemporaryFile file, TemporaryFile::Create());
  z_stream stream = {};
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return Error(Code::kOutOfMemory, "zlib has no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> close(&stream, inflateEnd);
  std::vector<std::byte> chunk(1 << 18);
  uint64_t total = 0;
  for (int code = Z_OK; code != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      if (packed.empty()) return bad("it is cut off");
      const size_t n = std::min(packed.size(), kPart);
      if (stream.next_in) file_.Release({reinterpret_cast<const std::byte*>(stream.next_in) - kPart, kPart});  // All before were whole.
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
      stream.avail_in = static_cast<uInt>(n);
      packed = packed.subspan(n);
    }
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = static_cast<uInt>(chunk.size());
    code = inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END) return bad("the data are damaged");
    const size_t made = chunk.size() - stream.avail_out;
    total += made;
    if (total > m.size) return bad("it is longer than the directory says");
    OCTET_TRY(file.Append(std::span(chunk).first(made)));
  }
  OCTET_ASSIGN(MappedFile mapped, file.Map());
  inflated_.push_back(std::move(mapped));
  return inflated_.back().bytes();
}

void Zip::Release(std::span<const std::byte> part) const {
  file_.Release(part);
  for (const MappedFile& file : inflated_) file.Release(part);
}

}  // namespace octet::data
