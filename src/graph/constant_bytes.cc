// SPDX-License-Identifier: Apache-2.0
#include "graph/constant_bytes.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>

namespace octet::graph {
namespace {

constexpr size_t kLarge = 256 << 10;            // From here on a part of a file is worth its mapping.
constexpr size_t kMostInMemory = 8 << 20;      // Of large constants. Models below never meet the temporary file.
constexpr size_t kHashed = 4 << 10;             // Of each end.
constexpr uintptr_t kAlignment = 16;            // What kernels may rely on.

std::atomic<size_t> in_memory{0};

// One for all graphs of the process, as long as there is something in it. Where there is none (no room, no such folder), bytes stay in memory.
std::optional<StoredPart> Store(std::span<const std::byte> bytes) {
  static std::mutex mutex;
  static std::weak_ptr<TemporaryFile> current;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<TemporaryFile> file = current.lock();
  if (!file) {
    Result<TemporaryFile> fresh = TemporaryFile::Create();
    if (!fresh.ok()) return std::nullopt;
    current = file = std::make_shared<TemporaryFile>(std::move(*fresh));
  }
  Result<StoredPart> part = TemporaryFile::Store(file, bytes);
  if (!part.ok()) return std::nullopt;
  return std::move(*part);
}

}  // namespace

ConstantBytes::ConstantBytes(std::vector<std::byte> bytes) : owned_(std::move(bytes)), bytes_(owned_) {
  if (owned_.size() >= kLarge) in_memory += owned_.size();
}

ConstantBytes::ConstantBytes(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> file) : file_(std::move(file)), bytes_(bytes) {}

ConstantBytes::~ConstantBytes() {
  if (owned_.size() >= kLarge) in_memory -= owned_.size();
  if (file_) Forget();
}

void ConstantBytes::Forget() const {
  if (file_) file_->Release(bytes_);
  else part_.Forget();
}

Buffer MakeBuffer(std::span<const std::byte> bytes) {
  if (bytes.size() >= kLarge && in_memory + bytes.size() > kMostInMemory) {
    if (std::optional<StoredPart> part = Store(bytes)) return std::make_shared<const ConstantBytes>(std::move(*part));
  }
  return std::make_shared<const ConstantBytes>(std::vector<std::byte>(bytes.begin(), bytes.end()));
}

Buffer MakeBuffer(std::vector<std::byte>&& bytes) {
  if (bytes.size() >= kLarge && in_memory + bytes.size() > kMostInMemory) return MakeBuffer(std::span<const std::byte>(bytes));
  return std::make_shared<const ConstantBytes>(std::move(bytes));
}

Buffer MakeBuffer(std::span<const std::byte> bytes, std::shared_ptr<const MappedFile> file) {
  if (bytes.size() < kLarge || reinterpret_cast<uintptr_t>(bytes.data()) % kAlignment != 0) return MakeBuffer(bytes);
  return std::make_shared<const ConstantBytes>(bytes, std::move(file));
}

size_t QuickHash(std::span<const std::byte> bytes) {
  const auto hash = [](std::span<const std::byte> part) { return std::hash<std::string_view>()({reinterpret_cast<const char*>(part.data()), part.size()}); };
  if (bytes.size() <= 2 * kHashed) return hash(bytes);
  return hash(bytes.first(kHashed)) ^ (hash(bytes.last(kHashed)) * 31) ^ bytes.size();
}

}  // namespace octet::graph
