// SPDX-License-Identifier: Apache-2.0
// Bytes as a path: readers that map files are fuzzed without touching a disk.
#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace octet::fuzz {

class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, size_t size) : fd_(::memfd_create("fuzz", 0)) {
    while (size > 0) {
      const ssize_t n = ::write(fd_, data, size);
      if (n <= 0) break;
      data += n;
      size -= static_cast<size_t>(n);
    }
  }
  ~MemoryFile() { ::close(fd_); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace octet::fuzz
