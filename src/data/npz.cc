// SPDX-License-Identifier: Apache-2.0
#include "data/npz.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>

#include "base/file.h"
#include "base/float16.h"
#include "data/npy.h"
#include "data/zip.h"

namespace octet::data {
namespace {

constexpr std::string_view kSuffix = ".npy";

class NpzArchive : public Archive {
 public:
  Status OpenZip(const std::string& path) {
    OCTET_ASSIGN(zip_, Zip::Open(path));
    for (const Zip::Member& m : zip_->members()) {
      if (!m.name.ends_with(kSuffix)) continue;
      OCTET_ASSIGN(const std::span<const std::byte> bytes, zip_->Read(m));
      OCTET_TRY(Add(bytes, "'" + path + "', array '" + m.name + "'", m.name.substr(0, m.name.size() - kSuffix.size())));
    }
    return {};
  }
  Status OpenNpy(MappedFile file, const std::string& path) {
    file_ = std::move(file);
    return Add(file_.bytes(), "'" + path + "'", "x");
  }
  const std::vector<Array>& arrays() const override { return arrays_; }
  void Release(std::span<const std::byte> part) const override {
    file_.Release(part);
    if (zip_) zip_->Release(part);
  }

 private:
  Status Add(std::span<const std::byte> bytes, const std::string& where, std::string name) {
    OCTET_ASSIGN(Array a, ParseNpy(bytes, where));
    a.name = std::move(name);
    arrays_.push_back(std::move(a));
    return {};
  }

  MappedFile file_;
  std::unique_ptr<Zip> zip_;
  std::vector<Array> arrays_;
};

// Little-endian fields one after the other.
class Bytes {
 public:
  template <class T> Bytes& Put(T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    out.insert(out.end(), p, p + sizeof(T));
    return *this;
  }
  Bytes& Put(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
    out.insert(out.end(), bytes.begin(), bytes.end());
    return *this;
  }
  std::vector<std::byte> out;
};

struct Entry {
  std::string name;
  uint32_t crc = 0;
  uint64_t size = 0, offset = 0;
};

constexpr uint16_t kVersion = 45;      // ZIP64.
constexpr uint32_t kDate = 0x00210000; // 1980-01-01 00:00, the earliest there is: no timestamps.

// Local and central header agree up to here; sizes are in the ZIP64 field, always.
void PutCommon(Bytes& b, const Entry& e, uint16_t extra_bytes) {
  b.Put<uint16_t>(kVersion).Put<uint16_t>(0).Put<uint16_t>(0).Put<uint32_t>(kDate).Put(e.crc);
  b.Put<uint32_t>(UINT32_MAX).Put<uint32_t>(UINT32_MAX).Put(static_cast<uint16_t>(e.name.size())).Put(extra_bytes);
}

void PutLocal(Bytes& b, Entry& e, std::string_view header, std::span<const std::byte> elements) {
  e.offset = b.out.size();
  b.Put<uint32_t>(0x04034b50);
  PutCommon(b, e, 20);
  b.Put(std::string_view(e.name)).Put<uint16_t>(1).Put<uint16_t>(16).Put(e.size).Put(e.size).Put(header);
  b.out.insert(b.out.end(), elements.begin(), elements.end());
}

void PutCentral(Bytes& b, const Entry& e) {
  b.Put<uint32_t>(0x02014b50).Put<uint16_t>(kVersion);
  PutCommon(b, e, 28);
  b.Put<uint16_t>(0).Put<uint16_t>(0).Put<uint16_t>(0).Put<uint32_t>(0).Put<uint32_t>(UINT32_MAX);
  b.Put(std::string_view(e.name)).Put<uint16_t>(1).Put<uint16_t>(24).Put(e.size).Put(e.size).Put(e.offset);
}

void PutEnd(Bytes& b, uint64_t start, uint64_t count) {
  const uint64_t end = b.out.size();
  b.Put<uint32_t>(0x06064b50).Put<uint64_t>(44).Put<uint16_t>(kVersion).Put<uint16_t>(kVersion).Put<uint32_t>(0).Put<uint32_t>(0);
  b.Put(count).Put(count).Put<uint64_t>(end - start).Put(start);
  b.Put<uint32_t>(0x07064b50).Put<uint32_t>(0).Put(end).Put<uint32_t>(1);
  b.Put<uint32_t>(0x06054b50).Put<uint32_t>(0).Put<uint16_t>(UINT16_MAX).Put<uint16_t>(UINT16_MAX);
  b.Put<uint32_t>(UINT32_MAX).Put<uint32_t>(UINT32_MAX).Put<uint16_t>(0);
}

uint32_t Crc(uint32_t crc, const void* data, size_t size) {
  if (size == 0) return crc;  // zlib starts anew at a null pointer.
  return static_cast<uint32_t>(crc32_z(crc, static_cast<const Bytef*>(data), size));
}

}  // namespace

const Array* Archive::Find(std::string_view name) const {
  const auto it = std::ranges::find(arrays(), name, &Array::name);
  return it == arrays().end() ? nullptr : &*it;
}

Result<std::unique_ptr<Archive>> Archive::Open(const std::string& path) {
  auto archive = std::make_unique<NpzArchive>();
  OCTET_ASSIGN(MappedFile file, MappedFile::Open(path));
  if (Zip::Is(file.bytes())) {
    OCTET_TRY(archive->OpenZip(path));
  } else if (file.bytes().size() >= 6 && std::memcmp(file.bytes().data(), "\x93NUMPY", 6) == 0) {
    OCTET_TRY(archive->OpenNpy(std::move(file), path));
  } else {
    return Error(Code::kInvalidArgument, "'%s' is not an .npz or .npy file; write one with numpy.savez(path, x=x, y=y)", path.c_str());
  }
  return std::unique_ptr<Archive>(std::move(archive));
}

Result<std::vector<std::byte>> ToNpz(std::span<const Array> arrays) {
  Bytes b;
  std::vector<Entry> entries;
  for (const Array& a : arrays) {
    OCTET_ASSIGN(const std::string header, NpyHeader(a));
    Entry e{a.name + std::string(kSuffix), Crc(0, header.data(), header.size()), header.size() + a.bytes.size()};
    if (e.name.size() > UINT16_MAX) return Error(Code::kInvalidArgument, "an array's name is longer than 65,535 bytes");
    e.crc = Crc(e.crc, a.bytes.data(), a.bytes.size());
    PutLocal(b, e, header, a.bytes);
    entries.push_back(std::move(e));
  }
  const uint64_t start = b.out.size();
  for (const Entry& e : entries) PutCentral(b, e);
  PutEnd(b, start, entries.size());
  return std::move(b.out);
}

Status WriteNpz(const std::string& path, std::span<const Array> arrays) {
  OCTET_ASSIGN(const std::vector<std::byte> bytes, ToNpz(arrays));
  return WriteFile(path, bytes);
}

namespace {

template <class T> T At(const Array& a, int64_t i) {
  T value;
  std::memcpy(&value, a.bytes.data() + sizeof(T) * static_cast<size_t>(i), sizeof(T));
  return value;
}

}  // namespace

double ElementAt(const Array& a, int64_t i) {
  switch (a.dtype) {
    case DType::kI8: return At<int8_t>(a, i);
    case DType::kBool:
    case DType::kU8: return At<uint8_t>(a, i);
    case DType::kI16: return At<int16_t>(a, i);
    case DType::kU16: return At<uint16_t>(a, i);
    case DType::kI32: return At<int32_t>(a, i);
    case DType::kU32: return At<uint32_t>(a, i);
    case DType::kI64: return static_cast<double>(At<int64_t>(a, i));
    case DType::kU64: return static_cast<double>(At<uint64_t>(a, i));
    case DType::kF16: return static_cast<double>(F16ToF32(At<uint16_t>(a, i)));
    case DType::kF32: return static_cast<double>(At<float>(a, i));
    default: return At<double>(a, i);
  }
}

}  // namespace octet::data
