// SPDX-License-Identifier: Apache-2.0
// A device through OpenCL 1.2. Events time commands where profiling is on.
#include <cstring>

#include "delegates/gpu/device.h"
#include "delegates/gpu/opencl.h"

namespace octet::gpu {
namespace {

using cl::Functions;

Status Check(cl::Int code, const char* what) {
  if (code == cl::kSuccess) return {};
  const bool memory = code == cl::kMemAllocationFailure || code == cl::kOutOfResources || code == cl::kOutOfHostMemory;
  return Error(memory ? Code::kOutOfMemory : Code::kDelegate, "%s: %s", what, cl::ErrorName(code).c_str());
}

// Objects of OpenCL, each with the function that frees it.
template <class T> class Handle {
 public:
  using Free = cl::Int (*)(T);
  Handle() = default;
  Handle(T object, Free free) : object_(object), free_(free) {}
  Handle(Handle&& o) noexcept : object_(o.object_), free_(o.free_) { o.object_ = nullptr; }
  Handle& operator=(Handle&& o) noexcept {
    std::swap(object_, o.object_);
    std::swap(free_, o.free_);
    return *this;
  }
  ~Handle() {
    if (object_) free_(object_);
  }
  T get() const { return object_; }

 private:
  T object_ = nullptr;
  Free free_ = nullptr;
};

struct ClBuffer : Buffer {
  Handle<cl::Mem> mem;
  size_t bytes = 0;
  void* mapped = nullptr;  // Of host memory: where it is mapped while the host has it.
};
struct ClProgram : Program {
  Handle<cl::Program> program;
};
struct ClCommand : Command {
  Handle<cl::Kernel> kernel;
  std::unique_ptr<Buffer> params;
  size_t global[3], local[3];
};

class ClDevice final : public Device {
 public:
  ClDevice(const Functions& f, cl::DeviceId id, Handle<cl::Context> context, Handle<cl::Queue> queue, DeviceInfo info)
      : f_(f), id_(id), context_(std::move(context)), queue_(std::move(queue)) {
    info_ = std::move(info);
  }
  ~ClDevice() override {
    if (!events_.empty()) f_.Finish(queue_.get());
    for (cl::Event e : events_) f_.ReleaseEvent(e);
  }

  Result<std::unique_ptr<Buffer>> MakeBuffer(size_t bytes, const void* init) override {
    if (bytes > info_.largest_buffer)
      return Error(Code::kOutOfMemory, "a buffer of %zu bytes; the device takes %llu", bytes, static_cast<unsigned long long>(info_.largest_buffer));
    return Create(cl::kMemReadWrite | (init ? cl::Bits{cl::kMemCopyHostPtr} : cl::Bits{0}), bytes, const_cast<void*>(init));
  }

  Result<std::unique_ptr<Buffer>> WrapHostMemory(void* host, size_t bytes) override {
    if (!info_.unified) return std::unique_ptr<Buffer>();
    OCTET_ASSIGN(std::unique_ptr<Buffer> buffer, Create(cl::kMemReadWrite | cl::kMemUseHostPtr, bytes, host));
    OCTET_TRY(TakeBack(*buffer));
    return buffer;
  }
  Status Lend(Buffer& buffer) override {
    auto& b = static_cast<ClBuffer&>(buffer);
    if (!b.mapped) return {};
    OCTET_TRY(Check(f_.EnqueueUnmapMemObject(queue_.get(), b.mem.get(), b.mapped, 0, nullptr, nullptr), "clEnqueueUnmapMemObject"));
    b.mapped = nullptr;
    return {};
  }
  Status TakeBack(Buffer& buffer) override {
    auto& b = static_cast<ClBuffer&>(buffer);
    cl::Int code = cl::kSuccess;
    b.mapped = f_.EnqueueMapBuffer(queue_.get(), b.mem.get(), 1, cl::kMapRead | cl::kMapWrite, 0, b.bytes, 0, nullptr, nullptr, &code);
    return Check(code, "clEnqueueMapBuffer");
  }

  Result<std::unique_ptr<Program>> Build(const ProgramSource& source) override {
    cl::Int code = cl::kSuccess;
    const char* text = source.text.c_str();
    const size_t length = source.text.size();
    auto p = std::make_unique<ClProgram>();
    const cl::Program made = f_.CreateProgramWithSource(context_.get(), 1, &text, &length, &code);
    if (!made) return Check(code ? code : cl::kOutOfHostMemory, "clCreateProgramWithSource");
    p->program = {made, f_.ReleaseProgram};
    OCTET_TRY(Compile(*p));
    return std::unique_ptr<Program>(std::move(p));
  }

  std::vector<std::byte> BinaryOf(const Program& program) override {
    const cl::Program p = static_cast<const ClProgram&>(program).program.get();
    size_t bytes = 0;
    if (f_.GetProgramInfo(p, cl::kProgramBinarySizes, sizeof bytes, &bytes, nullptr) != cl::kSuccess || bytes == 0) return {};
    std::vector<std::byte> binary(bytes);
    auto* to = reinterpret_cast<unsigned char*>(binary.data());
    if (f_.GetProgramInfo(p, cl::kProgramBinaries, sizeof to, &to, nullptr) != cl::kSuccess) return {};
    return binary;
  }

  Result<std::unique_ptr<Program>> Load(const ProgramSource&, std::span<const std::byte> binary) override {
    cl::Int code = cl::kSuccess, status = cl::kSuccess;
    const auto* bytes = reinterpret_cast<const unsigned char*>(binary.data());
    const size_t size = binary.size();
    auto p = std::make_unique<ClProgram>();
    const cl::Program made = f_.CreateProgramWithBinary(context_.get(), 1, &id_, &size, &bytes, &status, &code);
    if (!made) return Check(code ? code : cl::kOutOfHostMemory, "clCreateProgramWithBinary");
    p->program = {made, f_.ReleaseProgram};
    OCTET_TRY(Check(status, "clCreateProgramWithBinary"));
    OCTET_TRY(Compile(*p));
    return std::unique_ptr<Program>(std::move(p));
  }

  Result<std::unique_ptr<Command>> MakeCommand(const Program& program, std::span<Buffer* const> buffers, std::span<const int32_t> params, Extent groups,
                                               Extent group) override {
    auto command = std::make_unique<ClCommand>();
    cl::Int code = cl::kSuccess;
    const cl::Kernel kernel = f_.CreateKernel(static_cast<const ClProgram&>(program).program.get(), "octet_kernel", &code);
    if (!kernel) return Check(code ? code : cl::kOutOfHostMemory, "clCreateKernel");
    command->kernel = {kernel, f_.ReleaseKernel};
    size_t largest = 0;
    OCTET_TRY(Check(f_.GetKernelWorkGroupInfo(kernel, id_, cl::kKernelWorkGroupSize, sizeof largest, &largest, nullptr), "clGetKernelWorkGroupInfo"));
    if (size_t{group[0]} * group[1] * group[2] > largest)
      return Error(Code::kDelegate, "a kernel takes %zu items per group, %ux%ux%u are wanted", largest, group[0], group[1], group[2]);
    for (int d = 0; d < 3; ++d) {
      command->local[d] = group[d];
      command->global[d] = size_t{groups[d]} * group[d];
    }
    OCTET_ASSIGN(command->params, MakeBuffer(std::max<size_t>(params.size(), 1) * sizeof(int32_t), params.empty() ? nullptr : params.data()));
    OCTET_TRY(SetArgument(*command, 0, *command->params));
    for (size_t i = 0; i < buffers.size(); ++i) OCTET_TRY(SetBuffer(*command, static_cast<int>(i), *buffers[i]));
    return std::unique_ptr<Command>(std::move(command));
  }
  Status SetBuffer(Command& command, int index, Buffer& buffer) override { return SetArgument(static_cast<ClCommand&>(command), index + 1, buffer); }

  Status Write(Buffer& buffer, const void* from, size_t bytes) override {
    return Check(f_.EnqueueWriteBuffer(queue_.get(), static_cast<ClBuffer&>(buffer).mem.get(), 0, 0, bytes, from, 0, nullptr, nullptr), "clEnqueueWriteBuffer");
  }
  Status Enqueue(Command& command, bool timed) override {
    auto& c = static_cast<ClCommand&>(command);
    cl::Event event = nullptr;
    OCTET_TRY(Check(f_.EnqueueNDRangeKernel(queue_.get(), c.kernel.get(), 3, nullptr, c.global, c.local, 0, nullptr, timed ? &event : nullptr),
                    "clEnqueueNDRangeKernel"));
    if (event) events_.push_back(event);
    return {};
  }
  Status Read(Buffer& buffer, void* to, size_t bytes) override {
    return Check(f_.EnqueueReadBuffer(queue_.get(), static_cast<ClBuffer&>(buffer).mem.get(), 1, 0, bytes, to, 0, nullptr, nullptr), "clEnqueueReadBuffer");
  }
  Status Finish() override { return Check(f_.Finish(queue_.get()), "clFinish"); }

  Result<std::vector<double>> TakeMicros() override {
    std::vector<double> micros;
    Status status;
    for (cl::Event e : events_) {
      cl::ULong start = 0, end = 0;  // Nanoseconds.
      if (status.ok()) status = Check(f_.GetEventProfilingInfo(e, cl::kProfilingStart, sizeof start, &start, nullptr), "clGetEventProfilingInfo");
      if (status.ok()) status = Check(f_.GetEventProfilingInfo(e, cl::kProfilingEnd, sizeof end, &end, nullptr), "clGetEventProfilingInfo");
      micros.push_back(static_cast<double>(end - start) * 1e-3);
      f_.ReleaseEvent(e);
    }
    events_.clear();
    OCTET_TRY(std::move(status));
    return micros;
  }

 private:
  Result<std::unique_ptr<Buffer>> Create(cl::Bits flags, size_t bytes, void* host) {
    auto b = std::make_unique<ClBuffer>();
    cl::Int code = cl::kSuccess;
    const cl::Mem mem = f_.CreateBuffer(context_.get(), flags, bytes, host, &code);
    if (!mem) return Check(code ? code : cl::kOutOfHostMemory, "clCreateBuffer");
    b->mem = {mem, f_.ReleaseMemObject};
    b->bytes = bytes;
    return std::unique_ptr<Buffer>(std::move(b));
  }
  Status SetArgument(ClCommand& c, int index, Buffer& buffer) {
    const cl::Mem mem = static_cast<ClBuffer&>(buffer).mem.get();
    return Check(f_.SetKernelArg(c.kernel.get(), static_cast<cl::UInt>(index), sizeof mem, &mem), "clSetKernelArg");
  }
  Status Compile(ClProgram& p) {
    const cl::Int code = f_.BuildProgram(p.program.get(), 1, &id_, "", nullptr, nullptr);
    if (code == cl::kSuccess) return {};
    std::string log(300, '\0');
    size_t bytes = 0;
    if (f_.GetProgramBuildInfo(p.program.get(), id_, cl::kProgramBuildLog, 0, nullptr, &bytes) == cl::kSuccess && bytes > 0 && bytes < (1u << 20)) {
      log.resize(bytes);
      if (f_.GetProgramBuildInfo(p.program.get(), id_, cl::kProgramBuildLog, bytes, log.data(), nullptr) != cl::kSuccess) log.clear();
    }
    return Error(Code::kDelegate, "clBuildProgram: %s: %.300s", cl::ErrorName(code).c_str(), log.c_str());
  }

  const Functions f_;
  const cl::DeviceId id_;
  const Handle<cl::Context> context_;
  const Handle<cl::Queue> queue_;
  std::vector<cl::Event> events_;
};

std::string TextOf(const Functions& f, cl::DeviceId id, cl::UInt what) {
  size_t bytes = 0;
  if (f.GetDeviceInfo(id, what, 0, nullptr, &bytes) != cl::kSuccess || bytes == 0 || bytes > (1u << 16)) return {};
  std::string text(bytes, '\0');
  if (f.GetDeviceInfo(id, what, bytes, text.data(), nullptr) != cl::kSuccess) return {};
  text.resize(std::strlen(text.c_str()));
  return text;
}
template <class T> T NumberOf(const Functions& f, cl::DeviceId id, cl::UInt what) {
  T value{};
  if (f.GetDeviceInfo(id, what, sizeof value, &value, nullptr) != cl::kSuccess) return T{};
  return value;
}

DeviceInfo InfoOf(const Functions& f, cl::DeviceId id) {
  DeviceInfo info;
  const std::string version = TextOf(f, id, cl::kDeviceVersion);
  info.name = TextOf(f, id, cl::kDeviceName) + " (" + version + ")";
  info.identity = TextOf(f, id, cl::kDeviceVendor) + "|" + info.name + "|" + TextOf(f, id, cl::kDriverVersion);
  info.language = Language::kOpenClC;
  info.is_cpu = (NumberOf<cl::Bits>(f, id, cl::kDeviceType) & cl::kTypeCpu) != 0;
  info.unified = NumberOf<cl::Bool>(f, id, cl::kHostUnifiedMemory) != 0;
  info.largest_buffer = NumberOf<cl::ULong>(f, id, cl::kMaxMemAllocSize);
  info.largest_group = static_cast<uint32_t>(NumberOf<size_t>(f, id, cl::kMaxWorkGroupSize));
  info.most_buffers = 32;  // Arguments of 1 kB at least, an address each.
  return info;
}

// Of all platforms: GPUs before accelerators before CPUs.
Result<cl::DeviceId> ChooseDevice(const Functions& f, const std::string& wanted, cl::Platform* of) {
  cl::UInt count = 0;
  cl::Platform platforms[16] = {};
  if (const cl::Int code = f.GetPlatformIDs(16, platforms, &count); code != cl::kSuccess) return Check(code, "clGetPlatformIDs");
  std::string seen;
  for (const cl::Bits type : {cl::kTypeGpu, cl::kTypeAccelerator, cl::kTypeCpu}) {
    for (cl::UInt p = 0; p < std::min<cl::UInt>(count, 16); ++p) {
      cl::DeviceId ids[16] = {};
      cl::UInt devices = 0;
      if (f.GetDeviceIDs(platforms[p], type, 16, ids, &devices) != cl::kSuccess) continue;
      for (cl::UInt d = 0; d < std::min<cl::UInt>(devices, 16); ++d) {
        const std::string name = TextOf(f, ids[d], cl::kDeviceName);
        seen += (seen.empty() ? "" : ", ") + name;
        if (name.find(wanted) == std::string::npos || !NumberOf<cl::Bool>(f, ids[d], cl::kDeviceAvailable) ||
            !NumberOf<cl::Bool>(f, ids[d], cl::kCompilerAvailable))
          continue;
        *of = platforms[p];
        return ids[d];
      }
    }
  }
  if (seen.empty()) return Error(Code::kUnsupported, "OpenCL is there, but no device");
  return Error(Code::kUnsupported, "OpenCL has no usable device named '%s'; there are: %s", wanted.c_str(), seen.c_str());
}

}  // namespace

Result<std::unique_ptr<Device>> OpenClDevice(const DeviceChoice& choice) {
  OCTET_ASSIGN(const Functions f, cl::Load(choice.library));
  cl::Platform platform = nullptr;
  OCTET_ASSIGN(const cl::DeviceId id, ChooseDevice(f, choice.device, &platform));
  const cl::ContextProperty properties[] = {cl::kContextPlatform, reinterpret_cast<cl::ContextProperty>(platform), 0};
  cl::Int code = cl::kSuccess;
  Handle<cl::Context> context(f.CreateContext(properties, 1, &id, nullptr, nullptr, &code), f.ReleaseContext);
  if (!context.get()) return Check(code ? code : cl::kOutOfHostMemory, "clCreateContext");
  Handle<cl::Queue> queue(f.CreateCommandQueue(context.get(), id, choice.profile ? cl::Bits{cl::kQueueProfiling} : cl::Bits{0}, &code), f.ReleaseCommandQueue);
  if (!queue.get()) return Check(code ? code : cl::kOutOfHostMemory, "clCreateCommandQueue");
  return std::unique_ptr<Device>(std::make_unique<ClDevice>(f, id, std::move(context), std::move(queue), InfoOf(f, id)));
}

}  // namespace octet::gpu
