// SPDX-License-Identifier: Apache-2.0
// The only door to files: read-only mappings and writes that are whole or not there.
#pragma once
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace octet {

// Which file it is, and in which state: a name may stand for another one a moment later.
struct FileIdentity {
  uint64_t device = 0, inode = 0, bytes = 0;
  int64_t modified_ns = 0, changed_ns = 0;  // Contents; contents or attributes. Since 1970.
  auto operator<=>(const FileIdentity&) const = default;
  // Whether the last change is so long ago that another one would have left another time: file systems tell times to two
  // seconds at worst.
  bool settled() const;
};

// A read-only mapping of a whole file; the bytes live as long as the object. Thread-safe to read.
class MappedFile {
 public:
  static Result<MappedFile> Open(const std::string& path);
  MappedFile() = default;
  MappedFile(MappedFile&& o) noexcept : data_(o.data_), size_(o.size_), identity_(o.identity_) { o.data_ = nullptr; o.size_ = 0; }
  MappedFile& operator=(MappedFile&& o) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const FileIdentity& identity() const { return identity_; }  // When it was opened.
  // The memory of whole pages inside `part` may go; they are read again from the file if somebody looks.
  void Release(std::span<const std::byte> part) const;

 private:
  friend class TemporaryFile;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  FileIdentity identity_;
};

class TemporaryFile;

// Bytes that lie in a temporary file; its room is free again when they go.
class StoredPart {
 public:
  StoredPart() = default;
  StoredPart(StoredPart&&) = default;
  ~StoredPart();
  std::span<const std::byte> bytes() const { return mapping_.bytes().first(size_); }
  void Forget() const { mapping_.Release(mapping_.bytes()); }

 private:
  friend class TemporaryFile;
  MappedFile mapping_;
  size_t offset_ = 0, size_ = 0;
  std::shared_ptr<TemporaryFile> file_;
};

// A nameless file for what should not live in memory, in $TMPDIR or /tmp. Written once, then mapped; or part by part.
class TemporaryFile {
 public:
  static Result<TemporaryFile> Create();
  // Behind what is there.
  static Result<StoredPart> Store(const std::shared_ptr<TemporaryFile>& file, std::span<const std::byte> bytes);
  TemporaryFile(TemporaryFile&& o) noexcept : fd_(o.fd_), size_(o.size_) { o.fd_ = -1; }
  ~TemporaryFile();
  Status Append(std::span<const std::byte> bytes);
  Result<MappedFile> Map();

 private:
  friend class StoredPart;
  TemporaryFile() = default;
  int fd_ = -1;
  size_t size_ = 0;
};

// Writes beside the target and renames, so that a reader sees the old file or the new one, whole. `written` hears of each part that
// is not looked at any more.
Status WriteFile(const std::string& path, std::span<const std::span<const std::byte>> parts, const std::function<void(size_t)>& written = {});
inline Status WriteFile(const std::string& path, std::span<const std::byte> bytes) { return WriteFile(path, std::span(&bytes, 1)); }
inline Status WriteFile(const std::string& path, std::string_view text) {
  return WriteFile(path, std::as_bytes(std::span(text.data(), text.size())));
}
// Fails now, with the reason, where WriteFile would fail after long work.
Status CheckWritable(const std::string& path);

}  // namespace octet
