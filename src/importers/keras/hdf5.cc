// SPDX-License-Identifier: Apache-2.0
// Superblock, object headers and groups. Field layouts: "HDF5 File Format Specification Version 3.0".
#include "importers/keras/hdf5.h"

#include <algorithm>
#include <cstring>

#include "importers/keras/cursor.h"

namespace octet::importers::keras {
namespace {

constexpr std::string_view kSignature = "\x89HDF\r\n\x1a\n";
constexpr uint64_t kNoAddress = UINT64_MAX;
constexpr uint16_t kLinkInfo = 2, kLink = 6, kContinuation = 16, kSymbolTable = 17;
constexpr size_t kMaxMessages = 1 << 20;

uint64_t SignatureOffset(std::span<const std::byte> bytes) {
  // At 0, or behind a user block of 512 bytes or a larger power of two.
  for (uint64_t at = 0; at + kSignature.size() <= bytes.size(); at = at ? at * 2 : 512)
    if (Cursor(bytes.subspan(at)).Expect(kSignature)) return at;
  return kNoAddress;
}

}  // namespace

bool Hdf5::Is(std::span<const std::byte> bytes) { return SignatureOffset(bytes) != kNoAddress; }

Status Hdf5::Bad(std::string_view what) const {
  return Error(Code::kInvalidModel, "'%s': broken HDF5 file at '/%s': %.*s", where_.c_str(), path_.c_str(),
               static_cast<int>(what.size()), what.data());
}

std::span<const std::byte> Hdf5::At(uint64_t address) const {
  return address < bytes_.size() ? bytes_.subspan(address) : std::span<const std::byte>();
}

Result<std::unique_ptr<Hdf5>> Hdf5::Open(std::span<const std::byte> bytes, std::string where) {
  auto file = std::make_unique<Hdf5>();
  file->where_ = std::move(where);
  file->bytes_ = bytes;
  file->budget_ = 4096 + bytes.size();
  OCTET_TRY(file->ReadSuperblock());
  return file;
}

Status Hdf5::ReadSuperblock() {
  const uint64_t start = SignatureOffset(bytes_);
  if (start == kNoAddress) return Error(Code::kInvalidModel, "'%s' is not an HDF5 file", where_.c_str());
  bytes_ = bytes_.subspan(start);
  Cursor c(bytes_.subspan(kSignature.size()));
  const int version = c.Get<uint8_t>();
  if (version > 3) return Error(Code::kUnsupported, "'%s': HDF5 superblock version %d; expected 0 to 3", where_.c_str(), version);
  if (version < 2) c.Skip(4);
  const int offset_bytes = c.Get<uint8_t>(), length_bytes = c.Get<uint8_t>();
  if (version < 2) c.Skip(1 + 2 + 2 + 4 + (version == 1 ? 4 : 0));
  else c.Skip(1);
  c.Skip(8 + 8);  // Base address; free space or extension.
  const auto end = c.Get<uint64_t>();
  if (version < 2) c.Skip(8 + 8);
  root_ = c.Get<uint64_t>();
  if (!c.ok()) return Bad("it is cut off");
  if (offset_bytes != 8 || length_bytes != 8)
    return Error(Code::kUnsupported, "'%s': HDF5 addresses of %d bytes; expected 8", where_.c_str(), offset_bytes);
  if (end > start + bytes_.size()) return Bad("it is cut off");
  return {};
}

Result<Hdf5::Object*> Hdf5::Load(uint64_t address) {
  if (const auto it = objects_.find(address); it != objects_.end()) return &it->second;
  Object object;
  const auto header = At(address);
  if (Cursor(header).Expect("OHDR")) OCTET_TRY(ReadHeader2(address, &object));
  else OCTET_TRY(ReadHeader1(address, &object));
  return &objects_.emplace(address, std::move(object)).first->second;
}

Status Hdf5::ReadHeader1(uint64_t address, Object* object) {
  Cursor head(At(address));
  const int version = head.Get<uint8_t>();
  head.Skip(1);
  const size_t count = head.Get<uint16_t>();
  head.Skip(4);
  const auto size = head.Get<uint32_t>();
  head.Skip(4);
  if (!head.ok() || version != 1) return Bad("no object header");
  std::vector<std::span<const std::byte>> blocks = {head.Take(size)};
  if (!head.ok()) return Bad("its header is cut off");
  for (size_t b = 0; b < blocks.size(); ++b) {
    Cursor c(blocks[b]);
    while (c.left() >= 8 && object->messages.size() < count) {
      Message m;
      m.type = c.Get<uint16_t>();
      const auto bytes = c.Get<uint16_t>();
      m.flags = c.Get<uint8_t>();
      c.Skip(3);
      m.body = c.Take(bytes);
      if (!c.ok()) return Bad("a header message is cut off");
      object->messages.push_back(m);
      if (m.type != kContinuation) continue;
      Cursor next(m.body);
      Cursor block(At(next.Get<uint64_t>()));
      blocks.push_back(block.Take(next.Get<uint64_t>()));
      if (!next.ok() || !block.ok()) return Bad("a header continuation lies outside the file");
    }
  }
  return {};
}

Status Hdf5::ReadHeader2(uint64_t address, Object* object) {
  constexpr size_t kChecksum = 4;
  Cursor head(At(address));
  head.Skip(4);
  const int version = head.Get<uint8_t>();
  const auto flags = head.Get<uint8_t>();
  if (flags & 0x20) head.Skip(16);  // Times.
  if (flags & 0x10) head.Skip(4);   // When to store attributes densely.
  const uint64_t size = head.GetWidth(1 << (flags & 3));
  std::vector<std::span<const std::byte>> blocks = {head.Take(size)};
  if (!head.ok() || version != 2) return Bad("its header is cut off");
  const size_t header_bytes = flags & 4 ? 6 : 4;
  for (size_t b = 0; b < blocks.size(); ++b) {
    Cursor c(blocks[b]);
    while (c.left() >= header_bytes) {
      Message m;
      m.type = c.Get<uint8_t>();
      const auto bytes = c.Get<uint16_t>();
      m.flags = c.Get<uint8_t>();
      c.Skip(header_bytes - 4);
      m.body = c.Take(bytes);
      if (!c.ok() || object->messages.size() >= kMaxMessages) return Bad("a header message is cut off");
      object->messages.push_back(m);
      if (m.type != kContinuation) continue;
      Cursor next(m.body);
      Cursor block(At(next.Get<uint64_t>()));
      const auto length = next.Get<uint64_t>();
      if (!block.Expect("OCHK") || length < 4 + kChecksum) return Bad("wrong header continuation");
      blocks.push_back(block.Take(length - 4 - kChecksum));
      if (!next.ok() || !block.ok() || blocks.size() > bytes_.size() / 16) return Bad("a header continuation lies outside the file");
    }
  }
  return {};
}

Status Hdf5::ReadLinks(Object* object) {
  if (object->links_read) return {};
  for (const Message& m : object->messages) {
    Cursor c(m.body);
    if (m.type == kSymbolTable) {
      const auto tree = c.Get<uint64_t>(), heap = c.Get<uint64_t>();
      if (!c.ok()) return Bad("wrong symbol table message");
      OCTET_TRY(ReadSymbolTable(tree, heap, object));
    } else if (m.type == kLink) {
      OCTET_TRY(ReadLinkMessage(m, object));
    } else if (m.type == kLinkInfo) {
      c.Skip(1);
      if (c.Get<uint8_t>() & 1) c.Skip(8);
      if (c.Get<uint64_t>() != kNoAddress)
        return Error(Code::kUnsupported, "'%s': the group '/%s' uses HDF5's dense link storage; save the file with h5py's default "
                     "libver, or as .keras", where_.c_str(), path_.c_str());
    }
  }
  object->links_read = true;
  return {};
}

Status Hdf5::ReadLinkMessage(const Message& m, Object* object) {
  Cursor c(m.body);
  const int version = c.Get<uint8_t>();
  const auto flags = c.Get<uint8_t>();
  const int kind = flags & 8 ? c.Get<uint8_t>() : 0;
  if (flags & 4) c.Skip(8);
  if (flags & 16) c.Skip(1);
  const uint64_t length = c.GetWidth(1 << (flags & 3));
  const std::string_view name = c.Text(length);
  if (version != 1 || !c.ok()) return Bad("wrong link message");
  if (kind != 0) return {};  // Soft and external links: Keras writes none.
  const auto address = c.Get<uint64_t>();
  if (!c.ok()) return Bad("wrong link message");
  object->links.emplace(name, address);
  return {};
}

Status Hdf5::ReadSymbolTable(uint64_t tree, uint64_t heap, Object* object) {
  Cursor h(At(heap));
  h.Expect("HEAP");
  h.Skip(4);
  const auto heap_bytes = h.Get<uint64_t>();
  h.Skip(8);
  Cursor names(At(h.Get<uint64_t>()));
  const auto text = names.Take(heap_bytes);
  if (!h.ok() || !names.ok()) return Bad("the group's names are cut off");
  struct Step {
    uint64_t address;
    int level;  // Levels fall from parent to child, so the walk ends.
  };
  std::vector<Step> todo = {{tree, 256}};
  while (!todo.empty()) {
    const Step step = todo.back();
    todo.pop_back();
    Cursor c(At(step.address));
    c.Expect("TREE");
    const int type = c.Get<uint8_t>(), level = c.Get<uint8_t>();
    const int count = c.Get<uint16_t>();
    c.Skip(16);
    if (!c.ok() || type != 0 || level >= step.level) return Bad("wrong B-tree node of a group");
    for (int i = 0; i < count; ++i) {
      c.Skip(8);
      const auto child = c.Get<uint64_t>();
      if (!c.ok() || !Spend()) return Bad("wrong B-tree node of a group");
      if (level > 0) todo.push_back({child, level});
      else OCTET_TRY(ReadSymbolNode(child, text, object));
    }
  }
  return {};
}

Status Hdf5::ReadSymbolNode(uint64_t address, std::span<const std::byte> names, Object* object) {
  Cursor c(At(address));
  c.Expect("SNOD");
  c.Skip(2);
  const int count = c.Get<uint16_t>();
  for (int i = 0; i < count; ++i) {
    const auto name = c.Get<uint64_t>(), header = c.Get<uint64_t>();
    const auto cache = c.Get<uint32_t>();
    c.Skip(4 + 16);
    if (!c.ok() || name >= names.size() || !Spend()) return Bad("wrong symbol table node");
    const char* text = reinterpret_cast<const char*>(names.data()) + name;
    const size_t length = ::strnlen(text, names.size() - name);
    if (length == names.size() - name) return Bad("a name has no end");
    if (cache != 2) object->links.emplace(std::string(text, length), header);  // 2: a soft link.
  }
  return c.ok() ? Status() : Bad("wrong symbol table node");
}

Result<Hdf5::Object*> Hdf5::Find(std::string_view path) {
  path_.clear();
  OCTET_ASSIGN(Object* object, Load(root_));
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (name.empty() || name == ".") continue;
    OCTET_TRY(ReadLinks(object));
    const auto it = object->links.find(name);
    if (it == object->links.end()) return static_cast<Object*>(nullptr);
    path_ += (path_.empty() ? "" : "/") + std::string(name);
    OCTET_ASSIGN(object, Load(it->second));
  }
  return object;
}

Result<bool> Hdf5::Exists(std::string_view path) {
  OCTET_ASSIGN(const Object* object, Find(path));
  return object != nullptr;
}

Result<std::vector<std::string>> Hdf5::Children(std::string_view path) {
  OCTET_ASSIGN(Object* object, Find(path));
  std::vector<std::string> names;
  if (!object) return names;
  OCTET_TRY(ReadLinks(object));
  for (const auto& [name, address] : object->links) names.push_back(name);
  return names;
}

}  // namespace octet::importers::keras
