// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <string>

namespace octet {

// A file that goes with this object, or with the process where RemoveScratchFiles is called by the signal that ends it: 64 at a time, from
// any threads. The object owns the name, makes no file, and does not mind if there is none in the end.
class ScratchFile {
 public:
  explicit ScratchFile(std::string path);
  ScratchFile(const ScratchFile&) = delete;
  ~ScratchFile();
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
};
void RemoveScratchFiles();  // From a signal handler, too.

}  // namespace octet
