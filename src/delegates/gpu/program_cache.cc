// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/program_cache.h"

#include <sys/stat.h>

#include <cstdlib>
#include <cstring>

#include "base/file.h"

namespace octet::gpu {
namespace {

constexpr char kMagic[8] = {'o', 'c', 't', 'e', 't', 'g', 'p', '1'};

// FNV-1a: tells files apart and finds damage, nothing more.
uint64_t Hash(std::span<const std::byte> bytes, uint64_t h = 0xcbf29ce484222325ull) {
  for (const std::byte b : bytes) h = (h ^ static_cast<uint8_t>(b)) * 0x100000001b3ull;
  return h;
}
uint64_t Hash(const std::string& text) { return Hash(std::as_bytes(std::span(text))); }

struct Header {
  char magic[8];
  uint64_t key_bytes, key_hash, size, hash;
};

void MakeFolders(const std::string& path) {
  for (size_t at = 1; at != std::string::npos;) {
    at = path.find('/', at + 1);
    ::mkdir(path.substr(0, at).c_str(), 0755);  // Where that fails, so does the write, which is no harm.
  }
}

}  // namespace

std::string DefaultCacheFolder() {
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache && cache[0] == '/') return std::string(cache) + "/octet/gpu";
  const char* home = std::getenv("HOME");
  return home && home[0] == '/' ? std::string(home) + "/.cache/octet/gpu" : std::string();
}

std::string ProgramCache::PathOf(const std::string& key) const { return Format("%s/%016llx", folder_.c_str(), static_cast<unsigned long long>(Hash(key))); }

std::vector<std::byte> ProgramCache::Read(const std::string& key) const {
  if (folder_.empty()) return {};
  const auto file = MappedFile::Open(PathOf(key));
  if (!file.ok()) return {};
  const std::span<const std::byte> bytes = (*file).bytes();
  Header h;
  if (bytes.size() < sizeof h) return {};
  std::memcpy(&h, bytes.data(), sizeof h);
  const std::span<const std::byte> payload = bytes.subspan(sizeof h);
  // The key's other half: length, and its hash from another start.
  const bool fits = std::memcmp(h.magic, kMagic, sizeof kMagic) == 0 && h.key_bytes == key.size() &&
                    h.key_hash == Hash(std::as_bytes(std::span(key)), key.size()) && h.size == payload.size() && h.hash == Hash(payload);
  return fits ? std::vector<std::byte>(payload.begin(), payload.end()) : std::vector<std::byte>();
}

void ProgramCache::Write(const std::string& key, std::span<const std::byte> payload) const {
  if (folder_.empty() || payload.empty()) return;
  Header h{{}, key.size(), Hash(std::as_bytes(std::span(key)), key.size()), payload.size(), Hash(payload)};
  std::memcpy(h.magic, kMagic, sizeof kMagic);
  std::vector<std::byte> all(sizeof h + payload.size());
  std::memcpy(all.data(), &h, sizeof h);
  std::memcpy(all.data() + sizeof h, payload.data(), payload.size());
  MakeFolders(folder_);
  if (!WriteFile(PathOf(key), all).ok()) return;  // A cache that cannot be written is only slow.
}

Result<const Program*> ProgramCache::Get(const ProgramSource& source) {
  if (const auto found = programs_.find(source.text); found != programs_.end()) return static_cast<const Program*>(found->second.get());
  const std::string key = device_.info().identity + "|" + source.text;
  if (const std::vector<std::byte> binary = Read(key); !binary.empty()) {
    auto loaded = device_.Load(source, binary);
    if (loaded.ok()) return static_cast<const Program*>((programs_[source.text] = std::move(*loaded)).get());
  }
  OCTET_ASSIGN(std::unique_ptr<Program> program, device_.Build(source));
  Write(key, device_.BinaryOf(*program));
  return static_cast<const Program*>((programs_[source.text] = std::move(program)).get());
}

std::string ProgramCache::Remembered(const std::string& key) const {
  const std::vector<std::byte> bytes = Read(device_.info().identity + "|" + key);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
void ProgramCache::Remember(const std::string& key, const std::string& text) const {
  Write(device_.info().identity + "|" + key, std::as_bytes(std::span(text)));
}

}  // namespace octet::gpu
