// SPDX-License-Identifier: Apache-2.0
// Shared libraries loaded at run time. They stay for the rest of the process.
#pragma once
#include <string>

#include "base/status.h"

namespace octet {

class Library {
 public:
  // A bare name means a file of this folder, as everywhere in octet;
  static Result<Library> Open(const std::string& path);
  // here one that the system finds in its own folders ("libOpenCL.so.1").
  static Result<Library> OpenSystem(const std::string& name);
  void* Find(const char* symbol) const;  // Null when it has none.

 private:
  explicit Library(void* handle) : handle_(handle) {}
  void* handle_;
};

// A function of the library; `kind` ("library of custom operators") is what it is expected to be.
Result<void*> LoadFunction(const std::string& path, const char* function, const char* kind);

}  // namespace octet
