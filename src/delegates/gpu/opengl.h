// SPDX-License-Identifier: Apache-2.0
// As much of EGL 1.4 and OpenGL ES 3.1 as octet calls, written anew: numbers and signatures. Loaded when a delegate is
// created.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"

namespace octet::gpu::gl {

using Enum = uint32_t;
using UInt = uint32_t;
using Int = int32_t;
using EglHandle = void*;

enum : Int {
  kEglNone = 0x3038, kEglExtensions = 0x3055, kEglSurfaceType = 0x3033, kEglPbufferBit = 1, kEglRenderableType = 0x3040, kEglEs3Bit = 0x40,
  kEglContextMajor = 0x3098, kEglContextMinor = 0x30FB, kEglDraw = 0x3059, kEglRead = 0x305A, kEglWidth = 0x3057, kEglHeight = 0x3056,
};
enum : Enum {
  kEglApi = 0x30A0, kEglPlatformSurfaceless = 0x31DD,
  kComputeShader = 0x91B9, kCompileStatus = 0x8B81, kLinkStatus = 0x8B82, kInfoLogLength = 0x8B84,
  kStorageBuffer = 0x90D2, kDynamicCopy = 0x88EA, kMapReadBit = 1,
  kVendor = 0x1F00, kRenderer = 0x1F01, kVersion = 0x1F02, kNumExtensions = 0x821D, kExtensions = 0x1F03,
  kMaxStorageBlocks = 0x90DB, kMaxStorageBlockSize = 0x90DE, kMaxGroupInvocations = 0x90EB,
  kStorageBarrier = 0x2000, kBufferUpdateBarrier = 0x200,
  kProgramBinaryLength = 0x8741, kProgramBinaryRetrievable = 0x8257, kNumProgramBinaryFormats = 0x87FE,
  kTimeElapsed = 0x88BF, kQueryResult = 0x8866,
  kNoError = 0, kOutOfMemory = 0x0505,
};

#define OCTET_EGL_FUNCTIONS(F)                                                              \
  F(GetProcAddress, void*, (const char*))                                                   \
  F(GetDisplay, EglHandle, (void*))                                                         \
  F(Initialize, UInt, (EglHandle, Int*, Int*))                                              \
  F(QueryString, const char*, (EglHandle, Int))                                             \
  F(BindAPI, UInt, (Enum))                                                                  \
  F(QueryAPI, Enum, (void))                                                                 \
  F(ChooseConfig, UInt, (EglHandle, const Int*, EglHandle*, Int, Int*))                     \
  F(CreateContext, EglHandle, (EglHandle, EglHandle, EglHandle, const Int*))                \
  F(DestroyContext, UInt, (EglHandle, EglHandle))                                           \
  F(CreatePbufferSurface, EglHandle, (EglHandle, EglHandle, const Int*))                    \
  F(DestroySurface, UInt, (EglHandle, EglHandle))                                           \
  F(MakeCurrent, UInt, (EglHandle, EglHandle, EglHandle, EglHandle))                        \
  F(GetCurrentContext, EglHandle, (void))                                                   \
  F(GetCurrentDisplay, EglHandle, (void))                                                   \
  F(GetCurrentSurface, EglHandle, (Int))                                                    \
  F(GetError, Int, (void))

#define OCTET_GL_FUNCTIONS(F)                                                               \
  F(GetError, Enum, (void))                                                                 \
  F(GetString, const uint8_t*, (Enum))                                                      \
  F(GetStringi, const uint8_t*, (Enum, UInt))                                               \
  F(GetIntegerv, void, (Enum, Int*))                                                        \
  F(CreateShader, UInt, (Enum))                                                             \
  F(ShaderSource, void, (UInt, Int, const char* const*, const Int*))                        \
  F(CompileShader, void, (UInt))                                                            \
  F(GetShaderiv, void, (UInt, Enum, Int*))                                                  \
  F(GetShaderInfoLog, void, (UInt, Int, Int*, char*))                                       \
  F(DeleteShader, void, (UInt))                                                             \
  F(CreateProgram, UInt, (void))                                                            \
  F(AttachShader, void, (UInt, UInt))                                                       \
  F(ProgramParameteri, void, (UInt, Enum, Int))                                             \
  F(LinkProgram, void, (UInt))                                                              \
  F(GetProgramiv, void, (UInt, Enum, Int*))                                                 \
  F(GetProgramInfoLog, void, (UInt, Int, Int*, char*))                                      \
  F(GetProgramBinary, void, (UInt, Int, Int*, Enum*, void*))                                \
  F(ProgramBinary, void, (UInt, Enum, const void*, Int))                                    \
  F(DeleteProgram, void, (UInt))                                                            \
  F(UseProgram, void, (UInt))                                                               \
  F(GetUniformLocation, Int, (UInt, const char*))                                           \
  F(Uniform1iv, void, (Int, Int, const Int*))                                               \
  F(GenBuffers, void, (Int, UInt*))                                                         \
  F(DeleteBuffers, void, (Int, const UInt*))                                                \
  F(BindBuffer, void, (Enum, UInt))                                                         \
  F(BindBufferBase, void, (Enum, UInt, UInt))                                               \
  F(BufferData, void, (Enum, intptr_t, const void*, Enum))                                  \
  F(BufferSubData, void, (Enum, intptr_t, intptr_t, const void*))                           \
  F(MapBufferRange, void*, (Enum, intptr_t, intptr_t, UInt))                                \
  F(UnmapBuffer, uint8_t, (Enum))                                                           \
  F(DispatchCompute, void, (UInt, UInt, UInt))                                              \
  F(MemoryBarrier, void, (UInt))                                                            \
  F(Finish, void, (void))                                                                   \
  F(GenQueries, void, (Int, UInt*))                                                         \
  F(DeleteQueries, void, (Int, const UInt*))                                                \
  F(BeginQuery, void, (Enum, UInt))                                                         \
  F(EndQuery, void, (Enum))

struct Egl {
#define OCTET_GL_MEMBER(name, result, parameters) result(*name) parameters = nullptr;
  OCTET_EGL_FUNCTIONS(OCTET_GL_MEMBER)
  EglHandle (*GetPlatformDisplay)(Enum, void*, const intptr_t*) = nullptr;  // EGL 1.5; may be null.
};
struct Gl {
  OCTET_GL_FUNCTIONS(OCTET_GL_MEMBER)
#undef OCTET_GL_MEMBER
  void (*GetQueryObjectui64v)(UInt, Enum, uint64_t*) = nullptr;  // Of EXT_disjoint_timer_query; may be null.
};

// Of the system, or of one library that has both.
Result<Egl> LoadEgl(const std::string& library);
Result<Gl> LoadGl(const Egl& egl, const std::string& library);

}  // namespace octet::gpu::gl
