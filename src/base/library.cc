// SPDX-License-Identifier: Apache-2.0
#include "base/library.h"

#include <dlfcn.h>

namespace octet {

Result<void*> LoadFunction(const std::string& path, const char* function) {
  // A bare name would be searched in the system's folders: files are meant.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return Error(Code::kIo, "cannot load '%s': %s", path.c_str(), ::dlerror());
  void* found = ::dlsym(library, function);
  if (!found) return Error(Code::kInvalidArgument, "'%s' has no function %s; is it a library of custom operators?", path.c_str(), function);
  return found;
}

}  // namespace octet
