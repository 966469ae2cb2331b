// SPDX-License-Identifier: Apache-2.0
// A GPU as the delegate sees it: memory, programs, commands in one queue. Two kinds: OpenCL and OpenGL ES 3.1.
// Objects are used by one thread at a time and die before their device.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace octet::gpu {

using Extent = std::array<uint32_t, 3>;

enum class Language : uint8_t { kOpenClC, kGlsl };

struct DeviceInfo {
  std::string name;      // "NVIDIA H100 (OpenCL 3.0)".
  std::string identity;  // Vendor, device, driver: what compiled programs and tuned sizes belong to.
  Language language = Language::kOpenClC;
  bool is_cpu = false;   // A software device: kernels are checked on it, not tuned.
  bool unified = false;  // Host and device share memory.
  uint64_t largest_buffer = 0;
  uint32_t largest_group = 0;
  uint32_t most_buffers = 0;  // Arguments of one kernel.
};

class Buffer {
 public:
  virtual ~Buffer() = default;
};
class Program {
 public:
  virtual ~Program() = default;
};
// A program with its arguments and sizes.
class Command {
 public:
  virtual ~Command() = default;
};

struct ProgramSource {
  std::string text;
  int num_buffers = 0;
};

class Device {
 public:
  virtual ~Device() = default;
  const DeviceInfo& info() const { return info_; }
  // Around all use: OpenGL's context belongs to one thread at a time.
  virtual Status Enter() { return {}; }
  virtual void Leave() {}

  // Contents: `init`, `bytes` long, or undefined where it is null.
  virtual Result<std::unique_ptr<Buffer>> MakeBuffer(size_t bytes, const void* init) = 0;
  // The host's own memory as a buffer, without a copy, where memory is unified; null where it is not. Between Lend and
  // TakeBack the device has it, else the host. Starts with the host.
  virtual Result<std::unique_ptr<Buffer>> WrapHostMemory(void* host, size_t bytes) = 0;
  virtual Status Lend(Buffer& buffer) = 0;
  virtual Status TakeBack(Buffer& buffer) = 0;

  virtual Result<std::unique_ptr<Program>> Build(const ProgramSource& source) = 0;
  // What Load takes; empty where the driver has no such form.
  virtual std::vector<std::byte> BinaryOf(const Program& program) = 0;
  virtual Result<std::unique_ptr<Program>> Load(const ProgramSource& source, std::span<const std::byte> binary) = 0;

  // `groups` work groups of `group` items each; `group` is what the source was written for.
  virtual Result<std::unique_ptr<Command>> MakeCommand(const Program& program, std::span<Buffer* const> buffers, std::span<const int32_t> params, Extent groups,
                                                       Extent group) = 0;
  virtual Status SetBuffer(Command& command, int index, Buffer& buffer) = 0;

  virtual Status Write(Buffer& buffer, const void* from, size_t bytes) = 0;  // `from` may be reused after Finish only.
  virtual Status Enqueue(Command& command, bool timed) = 0;
  virtual Status Read(Buffer& buffer, void* to, size_t bytes) = 0;  // Waits for all that was enqueued before.
  virtual Status Finish() = 0;
  // Of commands enqueued as timed since the last call, in their order; after Finish.
  virtual Result<std::vector<double>> TakeMicros() = 0;

 protected:
  DeviceInfo info_;
};

// Options of the delegate that choose a device.
struct DeviceChoice {
  bool profile = true;  // Commands can be timed.
  std::string api;      // "opencl", "gles" or empty: the first that is there.
  std::string device;   // Part of its name, or empty.
  std::string library;  // Of OpenCL or EGL, or empty: the system's.
};
Result<std::unique_ptr<Device>> OpenDevice(const DeviceChoice& choice);
Result<std::unique_ptr<Device>> OpenClDevice(const DeviceChoice& choice);
Result<std::unique_ptr<Device>> OpenGlesDevice(const DeviceChoice& choice);

}  // namespace octet::gpu
