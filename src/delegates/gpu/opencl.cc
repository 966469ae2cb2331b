// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/opencl.h"

#include "base/library.h"

namespace octet::gpu::cl {
namespace {

Result<Library> OpenFirst(const std::string& library) {
  if (!library.empty()) return Library::Open(library);
  // The loader's own name first; phones have the driver's library instead.
  for (const char* name : {"libOpenCL.so.1", "libOpenCL.so", "/vendor/lib64/libOpenCL.so", "/system/vendor/lib64/libOpenCL.so",
                           "/System/Library/Frameworks/OpenCL.framework/OpenCL"}) {
    auto opened = Library::OpenSystem(name);
    if (opened.ok()) return opened;
  }
  return Error(Code::kIo, "there is no OpenCL library (libOpenCL.so.1)");
}

}  // namespace

Result<Functions> Load(const std::string& path) {
  OCTET_ASSIGN(const Library library, OpenFirst(path));
  Functions f;
#define OCTET_OPENCL_FIND(name, result, parameters)                                   \
  f.name = reinterpret_cast<result(*) parameters>(library.Find("cl" #name));          \
  if (!f.name) return Error(Code::kUnsupported, "the OpenCL library has no cl" #name);
  OCTET_OPENCL_FUNCTIONS(OCTET_OPENCL_FIND)
#undef OCTET_OPENCL_FIND
  return f;
}

std::string ErrorName(Int code) {
  struct Named {
    Int code;
    const char* name;
  };
  static constexpr Named kNames[] = {{-1, "DEVICE_NOT_FOUND"},       {-2, "DEVICE_NOT_AVAILABLE"},   {-3, "COMPILER_NOT_AVAILABLE"},
                                     {-4, "MEM_OBJECT_ALLOCATION_FAILURE"}, {-5, "OUT_OF_RESOURCES"},       {-6, "OUT_OF_HOST_MEMORY"},
                                         {-11, "BUILD_PROGRAM_FAILURE"}, {-30, "INVALID_VALUE"}, {-36, "INVALID_COMMAND_QUEUE"}, {-38, "INVALID_MEM_OBJECT"},
                                        {-42, "INVALID_BINARY"},
                                            {-46, "INVALID_KERNEL_NAME"}, {-51, "INVALID_ARG_SIZE"},      {-52, "INVALID_KERNEL_ARGS"},
                                       {-54, "INVALID_WORK_GROUP_SIZE"}, {-61, "INVALID_BUFFER_SIZE"}, {-1001, "PLATFORM_NOT_FOUND_KHR"}};
  for (const Named& n : kNames)
    if (n.code == code) return Format("CL_%s (%d)", n.name, code);
  return Format("OpenCL error %d", code);
}

}  // namespace octet::gpu::cl
