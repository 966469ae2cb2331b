// SPDX-License-Identifier: Apache-2.0
// As much of OpenCL 1.2's C interface as octet calls, written anew: types, numbers and signatures. The library itself
// is loaded when a delegate is created; nobody needs its headers or links it.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace octet::gpu::cl {

using Int = int32_t;
using UInt = uint32_t;
using ULong = uint64_t;
using Bool = UInt;
using Bits = ULong;
using Platform = struct PlatformTag*;
using DeviceId = struct DeviceTag*;
using Context = struct ContextTag*;
using Queue = struct QueueTag*;
using Mem = struct MemTag*;
using Program = struct ProgramTag*;
using Kernel = struct KernelTag*;
using Event = struct EventTag*;
using ContextProperty = intptr_t;

enum : Int {
  kSuccess = 0,
  kDeviceNotFound = -1,
  kMemAllocationFailure = -4,
  kOutOfResources = -5,
  kOutOfHostMemory = -6,
};
enum : UInt {
  kDeviceType = 0x1000, kMaxComputeUnits = 0x1002, kMaxWorkGroupSize = 0x1004, kMaxMemAllocSize = 0x1010, kGlobalMemSize = 0x101F,
  kDeviceAvailable = 0x1027, kCompilerAvailable = 0x1028, kDeviceName = 0x102B, kDeviceVendor = 0x102C, kDriverVersion = 0x102D, kDeviceVersion = 0x102F,
  kDeviceExtensions = 0x1030, kHostUnifiedMemory = 0x1035,
  kPlatformName = 0x0902,
  kProgramBinarySizes = 0x1165, kProgramBinaries = 0x1166, kProgramBuildLog = 0x1183,
  kKernelWorkGroupSize = 0x11B0,
  kProfilingStart = 0x1282, kProfilingEnd = 0x1283,
};
enum : Bits {
  kTypeCpu = 2, kTypeGpu = 4, kTypeAccelerator = 8, kTypeAll = 0xFFFFFFFF,
  kQueueProfiling = 2,
  kMemReadWrite = 1, kMemUseHostPtr = 8, kMemCopyHostPtr = 32,
  kMapRead = 1, kMapWrite = 2,
};
enum : ContextProperty { kContextPlatform = 0x1084 };

// name in the library, result, parameters.
#define OCTET_OPENCL_FUNCTIONS(F)                                                                                                          \
  F(GetPlatformIDs, Int, (UInt, Platform*, UInt*))                                                                                         \
  F(GetPlatformInfo, Int, (Platform, UInt, size_t, void*, size_t*))                                                                        \
  F(GetDeviceIDs, Int, (Platform, Bits, UInt, DeviceId*, UInt*))                                                                           \
  F(GetDeviceInfo, Int, (DeviceId, UInt, size_t, void*, size_t*))                                                                          \
  F(CreateContext, Context, (const ContextProperty*, UInt, const DeviceId*, void (*)(const char*, const void*, size_t, void*), void*, Int*)) \
  F(ReleaseContext, Int, (Context))                                                                                                        \
  F(CreateCommandQueue, Queue, (Context, DeviceId, Bits, Int*))                                                                            \
  F(ReleaseCommandQueue, Int, (Queue))                                                                                                     \
  F(CreateBuffer, Mem, (Context, Bits, size_t, void*, Int*))                                                                               \
  F(ReleaseMemObject, Int, (Mem))                                                                                                          \
  F(CreateProgramWithSource, Program, (Context, UInt, const char**, const size_t*, Int*))                                                  \
  F(CreateProgramWithBinary, Program, (Context, UInt, const DeviceId*, const size_t*, const unsigned char**, Int*, Int*))                  \
  F(BuildProgram, Int, (Program, UInt, const DeviceId*, const char*, void (*)(Program, void*), void*))                                     \
  F(GetProgramInfo, Int, (Program, UInt, size_t, void*, size_t*))                                                                          \
  F(GetProgramBuildInfo, Int, (Program, DeviceId, UInt, size_t, void*, size_t*))                                                           \
  F(ReleaseProgram, Int, (Program))                                                                                                        \
  F(CreateKernel, Kernel, (Program, const char*, Int*))                                                                                    \
  F(GetKernelWorkGroupInfo, Int, (Kernel, DeviceId, UInt, size_t, void*, size_t*))                                                         \
  F(ReleaseKernel, Int, (Kernel))                                                                                                          \
  F(SetKernelArg, Int, (Kernel, UInt, size_t, const void*))                                                                                \
  F(EnqueueNDRangeKernel, Int, (Queue, Kernel, UInt, const size_t*, const size_t*, const size_t*, UInt, const Event*, Event*))             \
  F(EnqueueReadBuffer, Int, (Queue, Mem, Bool, size_t, size_t, void*, UInt, const Event*, Event*))                                         \
  F(EnqueueWriteBuffer, Int, (Queue, Mem, Bool, size_t, size_t, const void*, UInt, const Event*, Event*))                                  \
  F(EnqueueMapBuffer, void*, (Queue, Mem, Bool, Bits, size_t, size_t, UInt, const Event*, Event*, Int*))                                   \
  F(EnqueueUnmapMemObject, Int, (Queue, Mem, void*, UInt, const Event*, Event*))                                                           \
  F(Flush, Int, (Queue))                                                                                                                   \
  F(Finish, Int, (Queue))                                                                                                                  \
  F(GetEventProfilingInfo, Int, (Event, UInt, size_t, void*, size_t*))                                                                     \
  F(ReleaseEvent, Int, (Event))

struct Functions {
#define OCTET_OPENCL_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  OCTET_OPENCL_FUNCTIONS(OCTET_OPENCL_MEMBER)
#undef OCTET_OPENCL_MEMBER
};

// `library`: a path, or empty for the system's loader. It stays for the rest of the process.
Result<Functions> Load(const std::string& library);
// "CL_OUT_OF_RESOURCES (-5)".
std::string ErrorName(Int code);

}  // namespace octet::gpu::cl
