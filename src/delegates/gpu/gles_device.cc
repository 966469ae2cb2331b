// SPDX-License-Identifier: Apache-2.0
// A device through OpenGL ES 3.1's compute shaders, without a window. Buffers are storage blocks in the order of a
// program's arguments, numbers the uniform array p.
#include <algorithm>
#include <chrono>
#include <cstring>

#include "delegates/gpu/device.h"
#include "delegates/gpu/opengl.h"

namespace octet::gpu {
namespace {

using gl::Egl;
using gl::EglHandle;
using gl::Gl;

// Where the thread's current context was before, so that it is so again.
struct Current {
  EglHandle display = nullptr, draw = nullptr, read = nullptr, context = nullptr;
  gl::Enum api = 0;
};

struct GlBuffer : Buffer {
  explicit GlBuffer(const Gl& f) : f(f) {}
  ~GlBuffer() override { f.DeleteBuffers(1, &id); }
  const Gl& f;
  gl::UInt id = 0;
};
struct GlProgram : Program {
  explicit GlProgram(const Gl& f) : f(f), id(f.CreateProgram()) {}
  ~GlProgram() override { f.DeleteProgram(id); }
  const Gl& f;
  const gl::UInt id;
};
struct GlCommand : Command {
  gl::UInt program;
  gl::Int params_at;
  std::vector<gl::UInt> buffers;
  std::vector<int32_t> params;
  Extent groups;
};

class GlesDevice final : public Device {
 public:
  static Result<std::unique_ptr<Device>> Open(const DeviceChoice& choice) {
    std::unique_ptr<GlesDevice> d(new GlesDevice);
    OCTET_ASSIGN(d->egl_, gl::LoadEgl(choice.library));
    OCTET_TRY(d->MakeContext());
    OCTET_TRY(d->Enter());
    Status status = d->Look(choice);
    d->Leave();
    OCTET_TRY(std::move(status));
    return std::unique_ptr<Device>(std::move(d));
  }
  ~GlesDevice() override {
    if (surface_) egl_.DestroySurface(display_, surface_);
    if (context_) egl_.DestroyContext(display_, context_);  // The display is the process's.
  }

  Status Enter() override {
    before_ = {egl_.GetCurrentDisplay(), egl_.GetCurrentSurface(gl::kEglDraw), egl_.GetCurrentSurface(gl::kEglRead), egl_.GetCurrentContext(), egl_.QueryAPI()};
    egl_.BindAPI(gl::kEglApi);
    return EglCheck(egl_.MakeCurrent(display_, surface_, surface_, context_), "eglMakeCurrent");
  }
  void Leave() override {
    egl_.MakeCurrent(display_, nullptr, nullptr, nullptr);
    if (before_.api) egl_.BindAPI(before_.api);
    if (before_.context) egl_.MakeCurrent(before_.display, before_.draw, before_.read, before_.context);
  }

  Result<std::unique_ptr<Buffer>> MakeBuffer(size_t bytes, const void* init) override {
    if (bytes > info_.largest_buffer)
      return Error(Code::kOutOfMemory, "a buffer of %zu bytes; the device takes %llu", bytes, static_cast<unsigned long long>(info_.largest_buffer));
    auto b = std::make_unique<GlBuffer>(f_);
    f_.GenBuffers(1, &b->id);
    f_.BindBuffer(gl::kStorageBuffer, b->id);
    f_.BufferData(gl::kStorageBuffer, static_cast<intptr_t>(bytes), init, gl::kDynamicCopy);
    OCTET_TRY(Check("glBufferData"));
    return std::unique_ptr<Buffer>(std::move(b));
  }
  // OpenGL ES has no such memory.
  Result<std::unique_ptr<Buffer>> WrapHostMemory(void*, size_t) override { return std::unique_ptr<Buffer>(); }
  Status Lend(Buffer&) override { return {}; }
  Status TakeBack(Buffer&) override { return {}; }

  Result<std::unique_ptr<Program>> Build(const ProgramSource& source) override {
    const gl::UInt shader = f_.CreateShader(gl::kComputeShader);
    const char* text = source.text.c_str();
    f_.ShaderSource(shader, 1, &text, nullptr);
    f_.CompileShader(shader);
    gl::Int good = 0;
    char log[300] = {};
    f_.GetShaderiv(shader, gl::kCompileStatus, &good);
    if (!good) f_.GetShaderInfoLog(shader, sizeof log, nullptr, log);
    auto p = std::make_unique<GlProgram>(f_);
    if (good) {
      f_.ProgramParameteri(p->id, gl::kProgramBinaryRetrievable, 1);
      f_.AttachShader(p->id, shader);
      f_.LinkProgram(p->id);
      f_.GetProgramiv(p->id, gl::kLinkStatus, &good);
      if (!good) f_.GetProgramInfoLog(p->id, sizeof log, nullptr, log);
    }
    f_.DeleteShader(shader);
    if (!good) return Error(Code::kDelegate, "glCompileShader: %s", log);
    OCTET_TRY(Check("glLinkProgram"));
    return std::unique_ptr<Program>(std::move(p));
  }

  // The format's number, then the driver's bytes.
  std::vector<std::byte> BinaryOf(const Program& program) override {
    gl::Int formats = 0, bytes = 0;
    const gl::UInt id = static_cast<const GlProgram&>(program).id;
    f_.GetIntegerv(gl::kNumProgramBinaryFormats, &formats);
    if (formats > 0) f_.GetProgramiv(id, gl::kProgramBinaryLength, &bytes);
    if (bytes <= 0) return {};
    std::vector<std::byte> binary(sizeof(gl::Enum) + static_cast<size_t>(bytes));
    gl::Enum format = 0;
    gl::Int written = 0;
    f_.GetProgramBinary(id, bytes, &written, &format, binary.data() + sizeof format);
    std::memcpy(binary.data(), &format, sizeof format);
    binary.resize(sizeof format + static_cast<size_t>(std::clamp(written, 0, bytes)));
    return f_.GetError() == gl::kNoError && written > 0 ? binary : std::vector<std::byte>();
  }
  Result<std::unique_ptr<Program>> Load(const ProgramSource&, std::span<const std::byte> binary) override {
    gl::Enum format = 0;
    if (binary.size() <= sizeof format) return Error(Code::kDelegate, "a program of %zu bytes", binary.size());
    std::memcpy(&format, binary.data(), sizeof format);
    auto p = std::make_unique<GlProgram>(f_);
    f_.ProgramBinary(p->id, format, binary.data() + sizeof format, static_cast<gl::Int>(binary.size() - sizeof format));
    gl::Int good = 0;
    f_.GetProgramiv(p->id, gl::kLinkStatus, &good);
    if (f_.GetError() != gl::kNoError || !good) return Error(Code::kDelegate, "glProgramBinary: not this driver's");
    return std::unique_ptr<Program>(std::move(p));
  }

  Result<std::unique_ptr<Command>> MakeCommand(const Program& program, std::span<Buffer* const> buffers, std::span<const int32_t> params, Extent groups,
                                               Extent) override {
    auto c = std::make_unique<GlCommand>();
    c->program = static_cast<const GlProgram&>(program).id;
    c->params_at = f_.GetUniformLocation(c->program, "p");
    for (Buffer* b : buffers) c->buffers.push_back(static_cast<GlBuffer*>(b)->id);
    c->params.assign(params.begin(), params.end());
    c->groups = groups;
    OCTET_TRY(Check("glGetUniformLocation"));
    return std::unique_ptr<Command>(std::move(c));
  }
  Status SetBuffer(Command& command, int index, Buffer& buffer) override {
    static_cast<GlCommand&>(command).buffers[static_cast<size_t>(index)] = static_cast<GlBuffer&>(buffer).id;
    return {};
  }

  Status Write(Buffer& buffer, const void* from, size_t bytes) override {
    f_.BindBuffer(gl::kStorageBuffer, static_cast<GlBuffer&>(buffer).id);
    f_.BufferSubData(gl::kStorageBuffer, 0, static_cast<intptr_t>(bytes), from);
    return Check("glBufferSubData");
  }
  Status Enqueue(Command& command, bool timed) override {
    auto& c = static_cast<GlCommand&>(command);
    f_.UseProgram(c.program);
    for (size_t i = 0; i < c.buffers.size(); ++i) f_.BindBufferBase(gl::kStorageBuffer, static_cast<gl::UInt>(i), c.buffers[i]);
    if (!c.params.empty() && c.params_at >= 0) f_.Uniform1iv(c.params_at, static_cast<gl::Int>(c.params.size()), c.params.data());
    if (timed) StartTimer();
    f_.DispatchCompute(c.groups[0], c.groups[1], c.groups[2]);
    f_.MemoryBarrier(gl::kStorageBarrier | gl::kBufferUpdateBarrier);
    if (timed) StopTimer();
    return Check("glDispatchCompute");
  }
  Status Read(Buffer& buffer, void* to, size_t bytes) override {
    f_.BindBuffer(gl::kStorageBuffer, static_cast<GlBuffer&>(buffer).id);
    const void* from = f_.MapBufferRange(gl::kStorageBuffer, 0, static_cast<intptr_t>(bytes), gl::kMapReadBit);
    if (from) {
      std::memcpy(to, from, bytes);
      f_.UnmapBuffer(gl::kStorageBuffer);
    }
    OCTET_TRY(Check("glMapBufferRange"));
    return from ? Status() : Error(Code::kDelegate, "glMapBufferRange gave nothing");
  }
  Status Finish() override {
    f_.Finish();
    return Check("glFinish");
  }
  Result<std::vector<double>> TakeMicros() override {
    std::vector<double> micros = std::move(clocked_);
    clocked_.clear();
    for (gl::UInt q : queries_) {
      uint64_t nanoseconds = 0;
      f_.GetQueryObjectui64v(q, gl::kQueryResult, &nanoseconds);
      micros.push_back(static_cast<double>(nanoseconds) * 1e-3);
      f_.DeleteQueries(1, &q);
    }
    queries_.clear();
    OCTET_TRY(Check("glGetQueryObjectui64vEXT"));
    return micros;
  }

 private:
  GlesDevice() = default;

  Status EglCheck(gl::UInt good, const char* what) { return good ? Status() : Error(Code::kDelegate, "%s: EGL error %#x", what, egl_.GetError()); }
  Status Check(const char* what) {
    const gl::Enum code = f_.GetError();
    return code == gl::kNoError ? Status() : Error(code == gl::kOutOfMemory ? Code::kOutOfMemory : Code::kDelegate, "%s: OpenGL error %#x", what, code);
  }

  // Mesa has a platform without surfaces; elsewhere the display is the default one and a surface of one pixel will do.
  Status MakeContext() {
    const char* extensions = egl_.QueryString(nullptr, gl::kEglExtensions);
    if (egl_.GetPlatformDisplay && extensions && std::strstr(extensions, "EGL_MESA_platform_surfaceless"))
      display_ = egl_.GetPlatformDisplay(gl::kEglPlatformSurfaceless, nullptr, nullptr);
    if (!display_) display_ = egl_.GetDisplay(nullptr);
    if (!display_) return Error(Code::kUnsupported, "EGL has no display");
    OCTET_TRY(EglCheck(egl_.Initialize(display_, nullptr, nullptr), "eglInitialize"));
    OCTET_TRY(EglCheck(egl_.BindAPI(gl::kEglApi), "eglBindAPI"));
    const char* more = egl_.QueryString(display_, gl::kEglExtensions);
    const bool surfaceless = more && std::strstr(more, "EGL_KHR_surfaceless_context");
    const gl::Int wanted[] = {gl::kEglRenderableType, gl::kEglEs3Bit, gl::kEglSurfaceType, surfaceless ? 0 : gl::kEglPbufferBit, gl::kEglNone};
    EglHandle config = nullptr;
    gl::Int count = 0;
    OCTET_TRY(EglCheck(egl_.ChooseConfig(display_, wanted, &config, 1, &count), "eglChooseConfig"));
    if (count < 1) return Error(Code::kUnsupported, "EGL has no configuration for OpenGL ES 3");
    const gl::Int version[] = {gl::kEglContextMajor, 3, gl::kEglContextMinor, 1, gl::kEglNone};
    context_ = egl_.CreateContext(display_, config, nullptr, version);
    OCTET_TRY(EglCheck(context_ != nullptr, "eglCreateContext"));
    const gl::Int pixel[] = {gl::kEglWidth, 1, gl::kEglHeight, 1, gl::kEglNone};
    if (!surfaceless) surface_ = egl_.CreatePbufferSurface(display_, config, pixel);
    return {};
  }

  Status Look(const DeviceChoice& choice) {
    OCTET_ASSIGN(f_, gl::LoadGl(egl_, choice.library));
    const auto text = [&](gl::Enum what) {
      const uint8_t* s = f_.GetString(what);
      return std::string(s ? reinterpret_cast<const char*>(s) : "");
    };
    info_.name = text(gl::kRenderer) + " (" + text(gl::kVersion) + ")";
    if (info_.name.find(choice.device) == std::string::npos)
      return Error(Code::kUnsupported, "OpenGL ES has no device named '%s'; there is: %s", choice.device.c_str(), info_.name.c_str());
    info_.identity = text(gl::kVendor) + "|" + info_.name;
    info_.language = Language::kGlsl;
    for (const char* software : {"llvmpipe", "softpipe", "SwiftShader"}) info_.is_cpu |= info_.name.find(software) != std::string::npos;
    const auto number = [&](gl::Enum what) {
      gl::Int value = 0;
      f_.GetIntegerv(what, &value);
      return static_cast<uint32_t>(std::max(value, 0));
    };
    info_.largest_buffer = number(gl::kMaxStorageBlockSize);
    info_.largest_group = number(gl::kMaxGroupInvocations);
    info_.most_buffers = number(gl::kMaxStorageBlocks);
    gl::Int extensions = 0;
    f_.GetIntegerv(gl::kNumExtensions, &extensions);
    for (gl::Int i = 0; i < extensions; ++i) {
      const uint8_t* name = f_.GetStringi(gl::kExtensions, static_cast<gl::UInt>(i));
      if (name && std::strcmp(reinterpret_cast<const char*>(name), "GL_EXT_disjoint_timer_query") == 0)
        f_.GetQueryObjectui64v = reinterpret_cast<decltype(f_.GetQueryObjectui64v)>(egl_.GetProcAddress("glGetQueryObjectui64vEXT"));
    }
    return Check("glGetIntegerv");
  }

  // Without timer queries the device is waited for, so that the host's clock tells.
  void StartTimer() {
    if (f_.GetQueryObjectui64v) {
      f_.GenQueries(1, &queries_.emplace_back());
      f_.BeginQuery(gl::kTimeElapsed, queries_.back());
      return;
    }
    f_.Finish();
    start_ = std::chrono::steady_clock::now();
  }
  void StopTimer() {
    if (f_.GetQueryObjectui64v) return f_.EndQuery(gl::kTimeElapsed);
    f_.Finish();
    clocked_.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start_).count());
  }

  Egl egl_;
  Gl f_;
  EglHandle display_ = nullptr, context_ = nullptr, surface_ = nullptr;
  Current before_;
  std::vector<gl::UInt> queries_;
  std::vector<double> clocked_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace

Result<std::unique_ptr<Device>> OpenGlesDevice(const DeviceChoice& choice) { return GlesDevice::Open(choice); }

}  // namespace octet::gpu
