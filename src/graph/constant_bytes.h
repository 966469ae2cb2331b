// SPDX-License-Identifier: Apache-2.0
// The bytes of a constant. What a large model's weights are rewritten to lies in a temporary file, mapped: a graph of
// gigabytes takes the memory of what was looked at last.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "base/file.h"

namespace octet::graph {

class ConstantBytes {
 public:
  explicit ConstantBytes(std::vector<std::byte> bytes);
  // In a file that stays mapped as long as this.
  ConstantBytes(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> file);
  // In the temporary file.
  explicit ConstantBytes(StoredPart part) : part_(std::move(part)), bytes_(part_.bytes()) {}
  ConstantBytes(const ConstantBytes&) = delete;
  ConstantBytes& operator=(const ConstantBytes&) = delete;
  ~ConstantBytes();

  const std::byte* data() const { return bytes_.data(); }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  const std::byte* begin() const { return bytes_.data(); }
  const std::byte* end() const { return bytes_.data() + bytes_.size(); }
  const std::byte& operator[](size_t i) const { return bytes_[i]; }
  // The memory of bytes that lie in a file may go until somebody looks again.
  void Forget() const;

 private:
  std::vector<std::byte> owned_;
  std::shared_ptr<const MappedFile> file_;
  StoredPart part_;
  std::span<const std::byte> bytes_;
};

// Shared between tensors and graphs; never changed once made.
using Buffer = std::shared_ptr<const ConstantBytes>;
Buffer MakeBuffer(std::span<const std::byte> bytes);
Buffer MakeBuffer(std::vector<std::byte>&& bytes);
Buffer MakeBuffer(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> file);

// Of the size and both ends, which tell most constants apart without looking at all of them.
size_t QuickHash(std::span<const std::byte> bytes);

}  // namespace octet::graph
