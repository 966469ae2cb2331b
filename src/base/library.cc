// SPDX-License-Identifier: Apache-2.0
#include "base/library.h"

#include <dlfcn.h>

namespace octet {

Result<Library> Library::Open(const std::string& path) {
  // A bare name would be searched in the system's folders: files are meant.
  return OpenSystem(path.find('/') == std::string::npos ? "./" + path : path);
}

Result<Library> Library::OpenSystem(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return Error(Code::kIo, "cannot load '%s': %s", name.c_str(), ::dlerror());
  return Library(handle);
}

void* Library::Find(const char* symbol) const { return ::dlsym(handle_, symbol); }

Result<void*> LoadFunction(const std::string& path, const char* function, const char* kind) {
  OCTET_ASSIGN(const Library library, Library::Open(path));
  if (void* found = library.Find(function)) return found;
  return Error(Code::kInvalidArgument, "'%s' has no function %s; is it a %s?", path.c_str(), function, kind);
}

}  // namespace octet
