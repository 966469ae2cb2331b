// SPDX-License-Identifier: Apache-2.0
// ZIP archives (also ZIP64) with stored or deflated members: the container of .npz and .keras.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/status.h"

namespace octet::data {

class Zip {
 public:
  struct Member {
    std::string name;
    uint16_t method = 0;      // 0 stored, 8 deflated.
    uint32_t crc = 0;
    uint64_t packed = 0, size = 0;
    uint64_t header = 0;      // Offset of the local header.
  };

  // Reads the directory; members are read when they are asked for.
  static Result<std::unique_ptr<Zip>> Open(const std::string& path);
  // True for a ZIP's first bytes.
  static bool Is(std::span<const std::byte> bytes);

  const std::string& path() const { return path_; }
  const std::vector<Member>& members() const { return members_; }
  const Member* Find(std::string_view name) const;
  // The member's contents, checked against its CRC: stored ones where they lie in the mapped file
  // (so at any alignment), deflated ones inflated into a temporary file. They live as long as this object.
  Result<std::span<const std::byte>> Read(const Member& member);
  // Contents that are not looked at for a while leave memory; looked at again, they come back.
  void Release(std::span<const std::byte> part) const;

 private:
  Status ReadDirectory();
  Status ReadEntry(uint64_t* at);
  Status Bad(const char* what) const;
  Result<std::span<const std::byte>> Inflate(const Member& member, std::span<const std::byte> packed);

  std::string path_;
  MappedFile file_;
  std::vector<Member> members_;
  std::vector<MappedFile> inflated_;
};

}  // namespace octet::data
