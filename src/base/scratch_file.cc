// SPDX-License-Identifier: Apache-2.0
#include "base/scratch_file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

namespace octet {
namespace {

// Scratch files by name; a handler of signals may look at any time.
std::array<std::atomic<const char*>, 64> g_scratch;

bool Swap(const char* from, const char* to) {
  return std::ranges::any_of(g_scratch, [&](std::atomic<const char*>& name) {
    const char* expected = from;
    return name.compare_exchange_strong(expected, to);
  });
}

}  // namespace

// Where all places are taken, only the destructor removes it.
ScratchFile::ScratchFile(std::string path) : path_(std::move(path)) { (void)Swap(nullptr, path_.c_str()); }
ScratchFile::~ScratchFile() {
  ::unlink(path_.c_str());
  (void)Swap(path_.c_str(), nullptr);
}

void RemoveScratchFiles() {
  for (const std::atomic<const char*>& name : g_scratch)
    if (const char* path = name.load()) ::unlink(path);
}

}  // namespace octet
