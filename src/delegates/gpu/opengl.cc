// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/opengl.h"

#include "base/library.h"

namespace octet::gpu::gl {
namespace {

Result<Library> OpenFirst(const std::string& chosen, std::initializer_list<const char*> names) {
  if (!chosen.empty()) return Library::Open(chosen);
  for (const char* name : names) {
    auto opened = Library::OpenSystem(name);
    if (opened.ok()) return opened;
  }
  return Error(Code::kIo, "there is no %s", *names.begin());
}

}  // namespace

Result<Egl> LoadEgl(const std::string& chosen) {
  OCTET_ASSIGN(const Library library, OpenFirst(chosen, {"libEGL.so.1", "libEGL.so"}));
  Egl f;
#define OCTET_EGL_FIND(name, result, parameters)                             \
  f.name = reinterpret_cast<result(*) parameters>(library.Find("egl" #name)); \
  if (!f.name) return Error(Code::kUnsupported, "the EGL library has no egl" #name);
  OCTET_EGL_FUNCTIONS(OCTET_EGL_FIND)
#undef OCTET_EGL_FIND
  f.GetPlatformDisplay = reinterpret_cast<decltype(f.GetPlatformDisplay)>(library.Find("eglGetPlatformDisplay"));
  return f;
}

Result<Gl> LoadGl(const Egl& egl, const std::string& chosen) {
  OCTET_ASSIGN(const Library library, OpenFirst(chosen, {"libGLESv2.so.2", "libGLESv2.so"}));
  Gl f;
#define OCTET_GL_FIND(name, result, parameters)                                                               \
  {                                                                                                           \
    void* found = library.Find("gl" #name);                                                                   \
    if (!found) found = egl.GetProcAddress("gl" #name);                                                       \
    if (!found) return Error(Code::kUnsupported, "OpenGL ES has no gl" #name);                                \
    f.name = reinterpret_cast<result(*) parameters>(found);                                                   \
  }
  OCTET_GL_FUNCTIONS(OCTET_GL_FIND)
#undef OCTET_GL_FIND
  return f;
}

}  // namespace octet::gpu::gl
