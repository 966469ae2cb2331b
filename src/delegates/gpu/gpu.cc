// SPDX-License-Identifier: Apache-2.0
#include "delegates/gpu/gpu.h"

#include <chrono>
#include <cstring>
#include <mutex>

#include "delegates/gpu/kernels.h"
#include "delegates/gpu/lower.h"
#include "delegates/gpu/part.h"

namespace octet::gpu {
namespace {

struct Options {
  DeviceChoice choice;
  bool half = false, fuse = true, zero_copy = true;
  std::string cache = DefaultCacheFolder(), tune = "auto";
};

struct Delegate {
  Options options;
  std::unique_ptr<Device> device;
  std::unique_ptr<ProgramCache> programs;
  OctetDelegateRates rates{};
  std::mutex mutex;  // One queue.

  ~Delegate() {
    const std::scoped_lock lock(mutex);
    const bool entered = device && device->Enter().ok();
    programs.reset();
    if (entered) device->Leave();
  }
  Settings settings() const { return {options.half, device->info().most_buffers, device->info().largest_buffer, options.fuse}; }
  Part::Setup setup(bool profile) {
    return {*device, *programs, options.zero_copy, profile, options.tune == "on" || (options.tune == "auto" && !device->info().is_cpu)};
  }
};

struct Session {
  Delegate& delegate;
};
struct Kernel {
  Delegate& delegate;
  std::unique_ptr<Part> part;
};

// The device is this thread's while the object lives.
class Turn {
 public:
  explicit Turn(Delegate& d) : d_(d), lock_(d.mutex), status_(d.device->Enter()), entered_(status_.ok()) {}
  ~Turn() {
    if (entered_) d_.device->Leave();
  }
  Status TakeStatus() { return std::move(status_); }

 private:
  Delegate& d_;
  const std::scoped_lock<std::mutex> lock_;
  Status status_;
  const bool entered_;
};

int Answer(const Status& status, char* error, size_t error_bytes) {
  if (status.ok()) return OCTET_DELEGATE_OK;
  const size_t count = std::min(status.message().size(), error_bytes - 1);
  std::memcpy(error, status.message().data(), count);
  error[count] = 0;
  return OCTET_DELEGATE_ERROR;
}

Status OneOf(const std::string& key, const std::string& value, std::initializer_list<const char*> values) {
  std::string list;
  for (const char* v : values) {
    if (value == v) return {};
    list += std::string(list.empty() ? "" : ", ") + v;
  }
  return Error(Code::kInvalidArgument, "option '%s': expected %s, found '%s'", key.c_str(), list.c_str(), value.c_str());
}

Status SetOption(const std::string& key, const std::string& value, Options* o) {
  if (key == "api") {
    o->choice.api = value;
    return OneOf(key, value, {"opencl", "gles"});
  }
  if (key == "precision") {
    o->half = value == "float16";
    return OneOf(key, value, {"float32", "float16"});
  }
  if (key == "fuse" || key == "zero_copy") {
    (key == "fuse" ? o->fuse : o->zero_copy) = value != "off";
    return OneOf(key, value, {"on", "off"});
  }
  if (key == "tune") {
    o->tune = value;
    return OneOf(key, value, {"auto", "on", "off"});
  }
  if (key == "cache") o->cache = value == "off" ? "" : value;
  else if (key == "device") o->choice.device = value;
  else if (key == "library") o->choice.library = value;
  else return Error(Code::kInvalidArgument, "there is no option '%s'; expected api, device, precision, fuse, zero_copy, tune, cache or library", key.c_str());
  return {};
}

// What a launch costs that has nothing to do: kernels of one part wait for each other.
Result<double> LaunchMicros(Delegate& d) {
  constexpr int kLaunches = 64;
  const Argument y{"y", Kind::kF32, true};
  const Extent group = {64, 1, 1};
  OCTET_ASSIGN(const Program* program,
               d.programs->Get({Render(d.device->info().language, {&y, 1}, "#define FINISH(v) STORE_y(o, ALL_F4(0.0f));\n", kMapBody, group), 1}));
  OCTET_ASSIGN(const std::unique_ptr<Buffer> buffer, d.device->MakeBuffer(BytesOf(Kind::kF32, 256), nullptr));
  Buffer* const buffers[] = {buffer.get()};
  const int32_t quads[] = {64};
  OCTET_ASSIGN(const std::unique_ptr<Command> command, d.device->MakeCommand(*program, buffers, quads, {1, 1, 1}, group));
  double least = 1e9;
  for (int round = 0; round < 3; ++round) {
    OCTET_TRY(d.device->Finish());
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kLaunches; ++i) OCTET_TRY(d.device->Enqueue(*command, false));
    OCTET_TRY(d.device->Finish());
    least = std::min(least, std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  return least / kLaunches;
}

// What an empty trip to the device and back costs, and how fast it copies. A software device is there to check results:
// nothing is known of it, so that every part goes there.
Status MeasureRates(Delegate& d) {
  if (d.device->info().is_cpu) return {};
  OCTET_ASSIGN(d.rates.node_us, LaunchMicros(d));
  constexpr size_t kBytes = 1 << 22;
  const std::vector<std::byte> host(kBytes);
  std::vector<std::byte> back(kBytes);
  OCTET_ASSIGN(const std::unique_ptr<Buffer> buffer, d.device->MakeBuffer(kBytes, host.data()));
  double least[2] = {1e9, 1e9};
  for (int round = 0; round < 6; ++round) {
    const size_t bytes = round % 2 == 0 ? 64 : kBytes;
    const auto start = std::chrono::steady_clock::now();
    OCTET_TRY(d.device->Write(*buffer, host.data(), bytes));
    OCTET_TRY(d.device->Read(*buffer, back.data(), bytes));
    least[round % 2] = std::min(least[round % 2], std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
  }
  d.rates.run_us = least[0];
  if (least[1] > least[0]) d.rates.copy_gbytes_s = 2.0 * kBytes / (least[1] - least[0]) * 1e-3;
  return {};
}

Status CreateDelegate(const OctetDelegateOption* options, size_t num_options, Delegate& d) {
  for (size_t i = 0; i < num_options; ++i) OCTET_TRY(SetOption(options[i].key, options[i].value, &d.options));
  OCTET_ASSIGN(d.device, OpenDevice(d.options.choice));
  d.programs = std::make_unique<ProgramCache>(*d.device, d.options.cache);
  Turn turn(d);
  OCTET_TRY(turn.TakeStatus());
  return MeasureRates(d);
}

int Create(const OctetDelegateOption* options, size_t num_options, void** self, char* error, size_t error_bytes) {
  auto d = std::make_unique<Delegate>();
  const Status status = CreateDelegate(options, num_options, *d);
  if (status.ok()) *self = d.release();
  return Answer(status, error, error_bytes);
}
void Destroy(void* self) { delete static_cast<Delegate*>(self); }

void Rates(void* self, OctetDelegateRates* rates) { *rates = static_cast<Delegate*>(self)->rates; }

int Begin(void* self, const OctetDelegateGraph*, void** session, char*, size_t) {
  *session = new Session{*static_cast<Delegate*>(self)};
  return OCTET_DELEGATE_OK;
}
void End(void* session) { delete static_cast<Session*>(session); }

int Takes(void* session, const OctetDelegateGraph* graph, int32_t index, char* reason, size_t reason_bytes) {
  const Delegate& d = static_cast<Session*>(session)->delegate;
  Builder builder(*graph, d.settings(), true);
  Status status = Lower(Node(*graph, index), builder);
  if (status.ok()) status = builder.CheckLimits();
  return Answer(status, reason, reason_bytes) == OCTET_DELEGATE_OK;
}

Status PreparePart(Delegate& d, const OctetDelegateGraph& graph, const OctetDelegatePart& part, std::unique_ptr<Part>* made) {
  Builder builder(graph, d.settings(), false);
  for (int32_t i = 0; i < part.num_nodes; ++i) {
    const Node node(graph, part.nodes[i]);
    if (Status s = Lower(node, builder); !s.ok())
      return Error(s.code(), "%s '%s': %s", graph.nodes[part.nodes[i]].op, std::string(node.view().place).c_str(), s.message().c_str());
  }
  OCTET_TRY(builder.Finish(part));
  Turn turn(d);
  OCTET_TRY(turn.TakeStatus());
  OCTET_ASSIGN(*made, Part::Make(d.setup(graph.profile != 0), graph, part, builder));
  return {};
}

int Prepare(void* session, const OctetDelegateGraph* graph, const OctetDelegatePart* part, void** kernel, char* error, size_t error_bytes) {
  Delegate& d = static_cast<Session*>(session)->delegate;
  std::unique_ptr<Part> made;
  const Status status = PreparePart(d, *graph, *part, &made);
  if (status.ok()) *kernel = new Kernel{d, std::move(made)};
  return Answer(status, error, error_bytes);
}

int Run(void* kernel, const void* const* in, void* const* out, char* error, size_t error_bytes) {
  auto& k = *static_cast<Kernel*>(kernel);
  Turn turn(k.delegate);
  Status status = turn.TakeStatus();
  if (status.ok()) status = k.part->Run(in, out);
  return Answer(status, error, error_bytes);
}

int32_t Timings(void* kernel, OctetDelegateTiming* timings, int32_t capacity) {
  const std::vector<OctetDelegateTiming>& list = static_cast<Kernel*>(kernel)->part->timings();
  std::copy_n(list.begin(), std::min(list.size(), static_cast<size_t>(std::max(capacity, 0))), timings);
  return static_cast<int32_t>(list.size());
}

void Release(void* kernel) {
  std::unique_ptr<Kernel> k(static_cast<Kernel*>(kernel));
  Turn turn(k->delegate);
  k->part.reset();
}

constexpr OctetDelegate kGpu = {
    OCTET_DELEGATE_VERSION, sizeof(OctetDelegate), "gpu", Create, Destroy, Rates, Begin, Takes, Prepare, Run, Timings, Release, End};

}  // namespace

// OpenCL, unless it is only software and OpenGL ES is not.
Result<std::unique_ptr<Device>> OpenDevice(const DeviceChoice& choice) {
  if (choice.api == "gles") return OpenGlesDevice(choice);
  auto cl = OpenClDevice(choice);
  if (choice.api == "opencl" || (cl.ok() && !(*cl)->info().is_cpu)) return cl;
  auto gles = OpenGlesDevice(choice);
  if (gles.ok() && (!cl.ok() || !(*gles)->info().is_cpu)) return gles;
  if (cl.ok()) return cl;
  return Error(Code::kUnsupported, "there is no GPU to use: %s; OpenGL ES: %s", cl.error().message().c_str(), gles.error().message().c_str());
}

const OctetDelegate* Functions() { return &kGpu; }
Status CheckOptions(const runtime::Delegate::Settings& settings) {
  Options options;
  for (const auto& [key, value] : settings) OCTET_TRY(SetOption(key, value, &options));
  return {};
}

}  // namespace octet::gpu
