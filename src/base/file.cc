// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/scratch_file.h"

namespace octet {
namespace {

Status IoError(const char* what, const std::string& path) {
  return Error(Code::kIo, "%s '%s': %s", what, path.c_str(), std::strerror(errno));
}

Status WriteAll(int fd, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return IoError("cannot write", path);
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return {};
}

Status WriteAndSync(int fd, std::span<const std::span<const std::byte>> parts, const std::string& path, const std::function<void(size_t)>& written) {
  for (size_t i = 0; i < parts.size(); ++i) {
    OCTET_TRY(WriteAll(fd, parts[i], path));
    if (written) written(i);
  }
  return ::fsync(fd) == 0 || errno == EINVAL ? Status() : IoError("cannot write", path);
}

std::string TemporaryBeside(const std::string& path) {
  return path + Format(".part-%d", static_cast<int>(::getpid()));
}

// The file that a link leads to: renaming would put a file in the link's place, and /dev/stdout is a link.
Result<std::string> BehindLinks(const std::string& path) {
#if !defined(__wasi__)
  struct stat info;
  if (::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode) && ::stat(path.c_str(), &info) == 0) {
    char* real = ::realpath(path.c_str(), nullptr);
    if (!real) return IoError("cannot write", path);  // Of /proc, to a file that was deleted.
    std::string target = real;
    std::free(real);
    return target;
  }
#endif
  return path;
}

FileIdentity IdentityOf(const struct stat& s) {
#if defined(__APPLE__)
  const timespec modified = s.st_mtimespec, changed = s.st_ctimespec;
#else
  const timespec modified = s.st_mtim, changed = s.st_ctim;
#endif
  const auto ns = [](const timespec& t) { return int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec; };
  return {static_cast<uint64_t>(s.st_dev), static_cast<uint64_t>(s.st_ino), static_cast<uint64_t>(s.st_size), ns(modified), ns(changed)};
}

}  // namespace

bool FileIdentity::settled() const {
  constexpr int64_t kSettled = 2'000'000'000;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count() - std::max(modified_ns, changed_ns) > kSettled;
}

Result<MappedFile> MappedFile::Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return IoError("cannot open", path);
  struct stat info;
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    return Error(Code::kIo, "cannot read '%s': it is not a regular file", path.c_str());
  }
  MappedFile file;
  file.size_ = static_cast<size_t>(info.st_size);
  file.identity_ = IdentityOf(info);
  if (file.size_ > 0) {
    void* p = ::mmap(nullptr, file.size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) {
      file.size_ = 0;
      ::close(fd);
      return IoError("cannot map", path);
    }
    file.data_ = static_cast<const std::byte*>(p);
  }
  ::close(fd);
  return file;
}

MappedFile& MappedFile::operator=(MappedFile&& o) noexcept {
  std::swap(data_, o.data_);
  std::swap(size_, o.size_);
  std::swap(identity_, o.identity_);
  return *this;
}

void MappedFile::Release(std::span<const std::byte> part) const {
  const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data()), end = begin + part.size();
  const auto whole = reinterpret_cast<uintptr_t>(data_);
  if (!data_ || begin < whole || end > whole + size_) return;
  [[maybe_unused]] const uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
#if !defined(__wasi__)  // There, a mapping is a copy.
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
#endif
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(const_cast<std::byte*>(data_), size_);
}

Result<TemporaryFile> TemporaryFile::Create() {
#if defined(__wasi__)
  return Error(Code::kUnsupported, "WebAssembly modules have no temporary files");
#else
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") + "/octet-XXXXXX";
  TemporaryFile file;
  file.fd_ = ::mkostemp(path.data(), O_CLOEXEC);
  if (file.fd_ < 0) return IoError("cannot create", path);
  ::unlink(path.c_str());
  return file;
#endif
}

TemporaryFile::~TemporaryFile() {
  if (fd_ >= 0) ::close(fd_);
}

Status TemporaryFile::Append(std::span<const std::byte> bytes) {
  size_ += bytes.size();
  return WriteAll(fd_, bytes, "temporary file");
}

// Each part begins with a page, to be mapped alone.
Result<StoredPart> TemporaryFile::Store(const std::shared_ptr<TemporaryFile>& file, std::span<const std::byte> bytes) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  StoredPart part;
  part.offset_ = (file->size_ + page - 1) / page * page;
  part.size_ = bytes.size();
  if (bytes.empty()) return part;
  if (::lseek(file->fd_, static_cast<off_t>(part.offset_), SEEK_SET) < 0) return IoError("cannot write", "temporary file");
  file->size_ = part.offset_;
  OCTET_TRY(file->Append(bytes));
  void* p = ::mmap(nullptr, part.size_, PROT_READ, MAP_SHARED, file->fd_, static_cast<off_t>(part.offset_));
  if (p == MAP_FAILED) return IoError("cannot map", "temporary file");
  part.mapping_.data_ = static_cast<const std::byte*>(p);
  part.mapping_.size_ = part.size_;
  part.file_ = file;
  return part;
}

StoredPart::~StoredPart() {
  if (!file_) return;
  mapping_ = MappedFile();
#if defined(FALLOC_FL_PUNCH_HOLE)  // Elsewhere the room is free when the file goes.
  (void)::fallocate(file_->fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset_), static_cast<off_t>(size_));
#endif
}

Result<MappedFile> TemporaryFile::Map() {
  MappedFile file;
  if (size_ == 0) return file;
  void* p = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd_, 0);
  if (p == MAP_FAILED) return IoError("cannot map", "temporary file");
  file.data_ = static_cast<const std::byte*>(p);
  file.size_ = size_;
  return file;
}

Status WriteFile(const std::string& path, std::span<const std::span<const std::byte>> parts, const std::function<void(size_t)>& written) {
  constexpr mode_t kNew = 0644, kPermissions = 0777;
  struct stat info;
  const bool there = ::stat(path.c_str(), &info) == 0;
  if (there && !S_ISREG(info.st_mode)) {  // A pipe, a terminal.
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    if (fd < 0) return IoError("cannot write", path);
    Status status = WriteAndSync(fd, parts, path, written);
    ::close(fd);
    return status;
  }
  OCTET_ASSIGN(const std::string target, BehindLinks(path));
  const ScratchFile temporary(TemporaryBeside(target));
  const int fd = ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, there ? info.st_mode & kPermissions : kNew);
  if (fd < 0) return IoError("cannot write", path);
  Status status = WriteAndSync(fd, parts, path, written);
  ::close(fd);
  if (status.ok() && ::rename(temporary.path().c_str(), target.c_str()) != 0) status = IoError("cannot write", path);
  return status;
}

Status CheckWritable(const std::string& path) {
  struct stat info;
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return Error(Code::kIo, "cannot write '%s': it is a directory", path.c_str());
    if (!S_ISREG(info.st_mode)) return {};
  }
  OCTET_ASSIGN(const std::string target, BehindLinks(path));
  const ScratchFile temporary(TemporaryBeside(target));
  const int fd = ::open(temporary.path().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) return IoError("cannot write", path);
  ::close(fd);
  return {};
}

}  // namespace octet
