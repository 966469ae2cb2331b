// SPDX-License-Identifier: Apache-2.0
// Compiled programs: in memory by their text, and on disk, because drivers compile slowly. What is on disk is checked
// before it is used, and made again where it does not fit.
#pragma once
#include <map>
#include <memory>
#include <string>

#include "delegates/gpu/device.h"

namespace octet::gpu {

class ProgramCache {
 public:
  // `folder`: empty for none. The device outlives the cache.
  ProgramCache(Device& device, std::string folder) : device_(device), folder_(std::move(folder)) {}
  Result<const Program*> Get(const ProgramSource& source);
  // A small text kept under a key ("tune|..."); empty where there is none.
  std::string Remembered(const std::string& key) const;
  void Remember(const std::string& key, const std::string& text) const;

 private:
  std::string PathOf(const std::string& key) const;
  std::vector<std::byte> Read(const std::string& key) const;
  void Write(const std::string& key, std::span<const std::byte> bytes) const;

  Device& device_;
  const std::string folder_;
  std::map<std::string, std::unique_ptr<Program>> programs_;
};

// $XDG_CACHE_HOME/octet/gpu or ~/.cache/octet/gpu; empty where neither is set.
std::string DefaultCacheFolder();

}  // namespace octet::gpu
