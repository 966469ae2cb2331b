// SPDX-License-Identifier: Apache-2.0
#include "base/library.h"

#if defined(__wasi__)

namespace octet {

Result<Library> Library::OpenSystem(const std::string& name) {
  return Error(Code::kUnsupported, "cannot load '%s': WebAssembly modules load no libraries", name.c_str());
}
Result<Library> Library::OpenPlugin(const std::string& path) { return Open(path); }
void* Library::Find(const char*) const { return nullptr; }

}  // namespace octet

#else

#include <dlfcn.h>

namespace octet {

Result<Library> Library::OpenSystem(const std::string& name) {
  void* handle = ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return Error(Code::kIo, "cannot load '%s': %s", name.c_str(), ::dlerror());
  return Library(handle);
}

Result<Library> Library::OpenPlugin(const std::string& path) {
  auto library = Open(path);
  if (library.ok() || library.error().message().find("undefined symbol") == std::string::npos) return library;
  // What octet exports is private to whoever loaded octet (a Python module): make it visible to others, once needed.
  ::Dl_info self{};
  if (!::dladdr(reinterpret_cast<void*>(&LoadFunction), &self) || !::dlopen(self.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD)) return library;
  return Open(path);
}

void* Library::Find(const char* symbol) const { return ::dlsym(handle_, symbol); }

}  // namespace octet

#endif

namespace octet {

Result<Library> Library::Open(const std::string& path) {
  // A bare name would be searched in the system's folders: files are meant.
  return OpenSystem(path.find('/') == std::string::npos ? "./" + path : path);
}

Result<void*> LoadFunction(const std::string& path, const char* function, const char* kind) {
  OCTET_ASSIGN(const Library library, Library::Open(path));
  if (void* found = library.Find(function)) return found;
  return Error(Code::kInvalidArgument, "'%s' has no function %s; is it a %s?", path.c_str(), function, kind);
}

}  // namespace octet
