// SPDX-License-Identifier: Apache-2.0
#include "importers/savedmodel/table.h"

#include <array>
#include <cstring>

namespace octet::importers::savedmodel {
namespace {

constexpr size_t kFooter = 48, kTrailer = 5;
constexpr uint64_t kMagic = 0xdb4775248b80fb57;
constexpr size_t kMaxBlock = size_t{1} << 28;  // TensorFlow's blocks are of 256 KB; one entry may be larger.

// CRC-32C (Castagnoli), one byte at a time, and LevelDB's mask over it.
uint32_t MaskedCrc(Bytes bytes) {
  static const std::array<uint32_t, 256> kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int k = 0; k < 8; ++k) c = c & 1 ? (c >> 1) ^ 0x82f63b78u : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  uint32_t crc = ~0u;
  for (const std::byte b : bytes) crc = kTable[(crc ^ std::to_integer<uint32_t>(b)) & 0xff] ^ (crc >> 8);
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

// Takes varints and bytes from the front.
class Reader {
 public:
  explicit Reader(Bytes bytes) : rest_(bytes) {}
  bool Varint(uint64_t* value) {
    *value = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto b = std::to_integer<uint64_t>(rest_[0]);
      rest_ = rest_.subspan(1);
      *value |= (b & 0x7f) << shift;
      if (b < 0x80) return true;
    }
    return false;
  }
  bool Take(uint64_t count, Bytes* bytes) {
    if (count > rest_.size()) return false;
    *bytes = rest_.first(count);
    rest_ = rest_.subspan(count);
    return true;
  }
  bool empty() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

uint64_t LittleEndian(Bytes bytes) {
  uint64_t v = 0;
  for (size_t i = 0; i < bytes.size(); ++i) v |= std::to_integer<uint64_t>(bytes[i]) << (8 * i);
  return v;
}

// Snappy: a length, then literals and copies from what is there already.
// Source: github.com/google/snappy/blob/main/format_description.txt
bool Uncompress(Bytes from, std::vector<std::byte>* to) {
  Reader in(from);
  uint64_t size = 0;
  if (!in.Varint(&size) || size > kMaxBlock) return false;
  Bytes bytes;
  while (!in.empty()) {
    if (!in.Take(1, &bytes)) return false;
    const auto tag = std::to_integer<uint32_t>(bytes[0]);
    uint64_t length = 0, offset = 0;
    if ((tag & 3) == 0) {
      length = (tag >> 2) + 1;
      if (length > 60) {
        if (!in.Take(length - 60, &bytes)) return false;
        length = LittleEndian(bytes) + 1;
      }
      if (!in.Take(length, &bytes) || to->size() + length > size) return false;
      to->insert(to->end(), bytes.begin(), bytes.end());
      continue;
    }
    const uint64_t wide = (tag & 3) == 1 ? 1 : (tag & 3) == 2 ? 2 : 4;
    if (!in.Take(wide, &bytes)) return false;
    length = wide == 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    offset = LittleEndian(bytes) | (wide == 1 ? uint64_t{tag >> 5} << 8 : 0);
    if (offset == 0 || offset > to->size() || to->size() + length > size) return false;
    for (uint64_t i = 0; i < length; ++i) to->push_back((*to)[to->size() - offset]);
  }
  return to->size() == size;
}

class Table {
 public:
  Table(Bytes file, const std::string& path) : file_(file), path_(path) {}

  Status Read(std::map<std::string, std::vector<std::byte>>* entries) {
    if (file_.size() < kFooter || LittleEndian(file_.last(8)) != kMagic) return Bad("it does not end as the index of a checkpoint does");
    Reader footer(file_.last(kFooter));
    uint64_t skip = 0, offset = 0, size = 0;
    if (!footer.Varint(&skip) || !footer.Varint(&skip) || !footer.Varint(&offset) || !footer.Varint(&size)) return Bad("its footer is malformed");
    std::map<std::string, std::vector<std::byte>> blocks;
    OCTET_TRY(ReadBlock(offset, size, &blocks));
    for (const auto& [last_key, handle] : blocks) {
      Reader h(handle);
      if (!h.Varint(&offset) || !h.Varint(&size)) return Bad("a block's place is malformed");
      OCTET_TRY(ReadBlock(offset, size, entries));
    }
    return {};
  }

 private:
  Status Bad(const char* what) const { return Error(Code::kInvalidModel, "'%s': %s; copy the model again", path_.c_str(), what); }

  Status ReadBlock(uint64_t offset, uint64_t size, std::map<std::string, std::vector<std::byte>>* entries) {
    if (size > kMaxBlock || offset > file_.size() || size + kTrailer > file_.size() - offset) return Bad("a block lies outside the file");
    // Blocks do not overlap in a sound file; in a hostile one, reading them over and over must end.
    if ((read_ += size + kTrailer) > file_.size()) return Bad("its blocks overlap");
    Bytes block = file_.subspan(offset, size);
    if (LittleEndian(file_.subspan(offset + size + 1, 4)) != MaskedCrc(file_.subspan(offset, size + 1))) return Bad("a block's checksum differs");
    std::vector<std::byte> plain;
    const auto compression = std::to_integer<int>(file_[offset + size]);
    if (compression > 1) return Bad("a block has an unknown compression");
    if (compression == 1) {
      if (!Uncompress(block, &plain)) return Bad("a block does not uncompress");
      block = plain;
    }
    if (block.size() < 4) return Bad("a block is too short");
    const uint64_t restarts = LittleEndian(block.last(4));
    if (restarts > block.size() / 4 - 1) return Bad("a block has more restarts than bytes");
    return ReadEntries(block.first(block.size() - 4 * (restarts + 1)), entries);
  }

  Status ReadEntries(Bytes block, std::map<std::string, std::vector<std::byte>>* entries) {
    Reader in(block);
    std::string key;
    while (!in.empty()) {
      uint64_t shared = 0, unshared = 0, length = 0;
      Bytes rest, value;
      if (!in.Varint(&shared) || !in.Varint(&unshared) || !in.Varint(&length) || shared > key.size() || !in.Take(unshared, &rest) || !in.Take(length, &value))
        return Bad("an entry is malformed");
      key.resize(shared);
      key.append(reinterpret_cast<const char*>(rest.data()), rest.size());
      // Shared prefixes let few bytes spell long keys.
      if ((spelled_ += key.size()) > 64 * file_.size() + (1u << 20)) return Bad("its keys are longer than the file could hold");
      (*entries)[key].assign(value.begin(), value.end());
    }
    return {};
  }

  Bytes file_;
  const std::string& path_;
  uint64_t read_ = 0, spelled_ = 0;
};

}  // namespace

Result<std::map<std::string, std::vector<std::byte>>> ReadTable(Bytes file, const std::string& path) {
  std::map<std::string, std::vector<std::byte>> entries;
  OCTET_TRY(Table(file, path).Read(&entries));
  return entries;
}

}  // namespace octet::importers::savedmodel
