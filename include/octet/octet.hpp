// SPDX-License-Identifier: Apache-2.0
// octet's C++ interface: header-only over octet.h (link liboctet). C++20. Nothing is thrown: what can fail returns a Status
// or a Result.
//
//   auto model = octet::Model::Open("model.tflite");                      // Shared by any number of sessions and threads.
//   auto session = octet::Session::Create(*model);                        // After `if (!model.ok())`.
//   auto pixels = session->Input<float>(0);                               // A span over the tensor itself: no copies.
//   std::copy(image.begin(), image.end(), pixels->begin());
//   if (octet::Status s = session->Run(); !s.ok()) std::puts(s.text().c_str());
//   auto scores = session->Output<float>(0);
//
// Threads: a Model is shared. A Session is used by one thread at a time; a second one that calls Run is told so.
// Spans are valid until the next Resize, Select or Allocate, and for outputs whose shape depends on data until the next Run.
#ifndef OCTET_OCTET_HPP_
#define OCTET_OCTET_HPP_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "octet/octet.h"

namespace octet {
inline namespace api {  // Names of their own for the linker: a static library may have the same ones inside.

// OK, or a code and one line: where, what was expected, what was found, what to do.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(OctetCode code, std::string text) : code_(code), text_(std::move(text)) {}
  static Status From(OctetCode code, const OctetError& error) { return code == OCTET_OK ? Status() : Status(code, error.text); }

  bool ok() const { return code_ == OCTET_OK; }
  OctetCode code() const { return code_; }
  const std::string& text() const { return text_; }

 private:
  OctetCode code_ = OCTET_OK;
  std::string text_;
};

// A value, or why there is none. Asking for the value of a failed Result ends the program with its text.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Status status) : status_(std::move(status)) {}

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& operator*() & { return Checked(); }
  T&& operator*() && { return std::move(Checked()); }
  T* operator->() { return &Checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->Checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->Checked(); }

 private:
  T& Checked() {
    if (!value_) {
      std::fprintf(stderr, "octet: the value of a failed Result was used: %s\n", status_.text().c_str());
      std::abort();
    }
    return *value_;
  }

  std::optional<T> value_;
  Status status_;
};

// The element type of a tensor that a span of T may stand for.
template <class T> inline constexpr int32_t kDTypeOf = -1;
template <> inline constexpr int32_t kDTypeOf<float> = OCTET_FLOAT32;
template <> inline constexpr int32_t kDTypeOf<double> = OCTET_FLOAT64;
template <> inline constexpr int32_t kDTypeOf<int8_t> = OCTET_INT8;
template <> inline constexpr int32_t kDTypeOf<uint8_t> = OCTET_UINT8;
template <> inline constexpr int32_t kDTypeOf<int16_t> = OCTET_INT16;
template <> inline constexpr int32_t kDTypeOf<uint16_t> = OCTET_UINT16;
template <> inline constexpr int32_t kDTypeOf<int32_t> = OCTET_INT32;
template <> inline constexpr int32_t kDTypeOf<uint32_t> = OCTET_UINT32;
template <> inline constexpr int32_t kDTypeOf<int64_t> = OCTET_INT64;
template <> inline constexpr int32_t kDTypeOf<uint64_t> = OCTET_UINT64;
template <> inline constexpr int32_t kDTypeOf<bool> = OCTET_BOOL;

inline const char* Name(OctetDType dtype) {
  constexpr const char* kNames[] = {"float32", "float16", "int32", "uint8", "int64", "string", "bool", "int16", "complex64", "int8", "float64",
                                    "complex128", "uint64", "resource", "variant", "uint32", "uint16", "int4", "bfloat16", "int2", "uint4"};
  const auto i = static_cast<size_t>(dtype);
  return i < std::size(kNames) ? kNames[i] : "unknown";
}

// A tensor as it is now: what OctetTensor says, with spans.
struct TensorInfo : OctetTensor {
  std::string_view text_name() const { return name ? name : ""; }
  std::span<const int32_t> shape() const { return {dims, static_cast<size_t>(rank)}; }
  std::span<const int32_t> shape_signature() const { return {signature, static_cast<size_t>(rank)}; }
  float scale() const { return num_scales > 0 ? scales[0] : 0.0f; }
  int32_t zero_point() const { return num_scales > 0 ? zero_points[0] : 0; }
};

// A verified .tflite model. Copies are the same model; it lives as long as the last copy or session of it.
class Model {
 public:
  // The file is mapped, not read: it must not change while the model lives.
  static Result<Model> Open(const std::string& path) {
    OctetError error;
    return Made(octet_model_open(path.c_str(), &error), error, nullptr);
  }
  // Copies nothing: `bytes` must outlive the model and its sessions.
  static Result<Model> FromBytes(std::span<const std::byte> bytes) {
    OctetError error;
    return Made(octet_model_from_bytes(bytes.data(), bytes.size(), &error), error, nullptr);
  }
  // Keeps the bytes.
  static Result<Model> FromBuffer(std::vector<std::byte> bytes) {
    auto kept = std::make_shared<const std::vector<std::byte>>(std::move(bytes));
    OctetError error;
    OctetModel* model = octet_model_from_bytes(kept->data(), kept->size(), &error);
    return Made(model, error, std::move(kept));
  }

  std::vector<std::string_view> signatures() const {
    std::vector<std::string_view> keys;
    for (int32_t i = 0; i < octet_model_num_signatures(get()); ++i) keys.push_back(octet_model_signature(get(), i));
    return keys;
  }
  const OctetModel* get() const { return model_.get(); }

 private:
  static Result<Model> Made(OctetModel* model, const OctetError& error, std::shared_ptr<const std::vector<std::byte>> bytes) {
    if (!model) return Status(error.code, error.text);
    Model made;
    made.model_ = {model, [bytes = std::move(bytes)](OctetModel* m) { octet_model_close(m); }};
    return made;
  }

  std::shared_ptr<OctetModel> model_;
};

struct Options {
  int threads = 1;
  bool reference_kernels = false;
  bool keep_all_tensors = false;         // So that any tensor can be read after Run.
  std::string signature = {};            // Empty: the first subgraph's own inputs and outputs.
  uint64_t memory_limit_bytes = 0;       // 0: 4 GiB.
};

using Clock = std::chrono::steady_clock;

namespace internal {

// A native interpreter and, once somebody asks for them, the thread that runs it and the thread that watches its deadline.
class Engine {
 public:
  Engine(Model model, OctetInterpreter* interpreter) : it(interpreter), model_(std::move(model)) {}
  Engine(const Engine&) = delete;
  ~Engine() {
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
      if (running_) octet_hold(it, 1);
    }
    changed_.notify_all();
    if (worker_.joinable()) worker_.join();
    if (watcher_.joinable()) watcher_.join();
    octet_interpreter_close(it);
  }

  // At most one thread inside.
  bool Enter() { return !busy_.exchange(true, std::memory_order_acquire); }
  void Leave() { busy_.store(false, std::memory_order_release); }

  Status Allocate() {
    if (allocated) return {};
    OctetError error;
    const OctetCode code = octet_allocate(it, &error);
    allocated = code == OCTET_OK;
    return Status::From(code, error);
  }

  Status Invoke() {
    if (Status s = Allocate(); !s.ok()) return s;
    OctetError error;
    const OctetCode code = octet_invoke(it, &error);
    return Status::From(code, error);
  }

  // The caller has entered; the worker leaves for it. Returns the run's number.
  uint64_t Start(std::optional<Clock::time_point> deadline) {
    const std::lock_guard lock(mutex_);
    running_ = true;
    expired_ = false;
    deadline_ = deadline;
    ++number_;
    if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
    if (deadline && !watcher_.joinable()) watcher_ = std::thread([this] { Watch(); });
    changed_.notify_all();
    return number_;
  }

  // Of run `number`, or of the last one where it is over for long.
  Status Wait(uint64_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !running_ || number_ != number; });
    return status_;
  }
  bool Done(uint64_t number) {
    const std::lock_guard lock(mutex_);
    return !running_ || number_ != number;
  }
  void Cancel(uint64_t number) {
    const std::lock_guard lock(mutex_);
    if (running_ && number_ == number) octet_hold(it, 1);
  }

  OctetInterpreter* const it;
  bool allocated = false;

 private:
  void Work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return running_ || ending_; });
      if (!running_) return;
      lock.unlock();
      Status status = Invoke();
      lock.lock();
      octet_hold(it, 0);
      if (status.code() == OCTET_CANCELLED && expired_) status = Status(OCTET_CANCELLED, "the deadline passed before the run was done");
      status_ = std::move(status);
      deadline_.reset();
      running_ = false;
      Leave();
      changed_.notify_all();
    }
  }

  void Watch() {
    std::unique_lock lock(mutex_);
    while (!ending_) {
      if (!deadline_) {
        changed_.wait(lock);
      } else if (Clock::now() < *deadline_) {
        changed_.wait_until(lock, *deadline_);
      } else {
        expired_ = true;
        octet_hold(it, 1);
        deadline_.reset();
      }
    }
  }

  const Model model_;
  std::atomic<bool> busy_ = false;
  std::mutex mutex_;  // Of what follows.
  std::condition_variable changed_;
  std::thread worker_, watcher_;
  std::optional<Clock::time_point> deadline_;
  uint64_t number_ = 0;
  bool running_ = false, expired_ = false, ending_ = false;
  Status status_;
};

}  // namespace internal

// A run that goes on in another thread. Leave the session's tensors alone until Wait has returned.
class Pending {
 public:
  Pending(std::shared_ptr<internal::Engine> engine, uint64_t number) : engine_(std::move(engine)), number_(number) {}
  explicit Pending(Status refused) : refused_(std::move(refused)) {}

  bool Done() const { return !engine_ || engine_->Done(number_); }
  Status Wait() { return engine_ ? engine_->Wait(number_) : refused_; }
  // Ends the run with OCTET_CANCELLED at the next operator.
  void Cancel() {
    if (engine_) engine_->Cancel(number_);
  }

 private:
  std::shared_ptr<internal::Engine> engine_;
  uint64_t number_ = 0;
  Status refused_;
};

// One use of a model: its own tensors, states and threads.
class Session {
 public:
  static Result<Session> Create(const Model& model, const Options& options = {}) {
    OctetOptions o = {};
    o.struct_size = sizeof(o);
    o.threads = options.threads;
    o.kernels = options.reference_kernels ? OCTET_KERNELS_REFERENCE : OCTET_KERNELS_FAST;
    o.keep_all_tensors = options.keep_all_tensors;
    o.signature = options.signature.empty() ? nullptr : options.signature.c_str();
    o.memory_limit_bytes = options.memory_limit_bytes;
    OctetError error;
    OctetInterpreter* it = octet_interpreter_create(model.get(), &o, &error);
    if (!it) return Status(error.code, error.text);
    Session session;
    session.engine_ = std::make_shared<internal::Engine>(model, it);
    return session;
  }

  int num_inputs() const { return octet_num_inputs(it()); }
  int num_outputs() const { return octet_num_outputs(it()); }
  // By the signature's key or the tensor's name; -1: none.
  int FindInput(std::string_view name) const { return Find(name, num_inputs(), octet_input_key, octet_input); }
  int FindOutput(std::string_view name) const { return Find(name, num_outputs(), octet_output_key, octet_output); }
  Result<TensorInfo> InputInfo(int i) const { return Info("input", i, num_inputs(), octet_input); }
  Result<TensorInfo> OutputInfo(int i) const { return Info("output", i, num_outputs(), octet_output); }
  Result<TensorInfo> Tensor(int index) const { return Info("tensor", index, octet_num_tensors(it()), octet_tensor); }

  // The tensor's memory as elements of T, which must be its type; std::byte stands for any.
  template <class T> Result<std::span<T>> Input(int i) {
    if (Status s = Allocate(); !s.ok()) return s;
    return Span<T>(InputInfo(i));
  }
  template <class T> Result<std::span<const T>> Output(int i) {
    if (Status s = Allocate(); !s.ok()) return s;
    auto span = Span<T>(OutputInfo(i));
    if (!span.ok()) return span.status();
    return std::span<const T>(*span);
  }
  template <class T> Status SetInput(int i, std::span<const T> values) {
    auto to = Input<T>(i);
    if (!to.ok()) return to.status();
    if (to->size() != values.size())
      return Status(OCTET_INVALID_ARGUMENT,
                    "input " + std::to_string(i) + ": expected " + std::to_string(to->size()) + " elements, found " + std::to_string(values.size()));
    std::memcpy(to->data(), values.data(), values.size_bytes());
    return {};
  }

  // The end lies in the caller's memory, which outlives its use, until the next Resize or an empty span: see octet_bind_input.
  Status BindInput(int i, std::span<std::byte> memory) { return Bind(octet_bind_input, i, memory); }
  Status BindOutput(int i, std::span<std::byte> memory) { return Bind(octet_bind_output, i, memory); }

  Status SetStrings(int i, std::span<const std::string> strings) {
    if (Status s = Allocate(); !s.ok()) return s;
    std::vector<int32_t> table = {static_cast<int32_t>(strings.size())};
    size_t end = 4 * (strings.size() + 2);
    for (const std::string& s : strings) {
      table.push_back(static_cast<int32_t>(end));
      end += s.size();
    }
    if (end > INT32_MAX) return Status(OCTET_INVALID_ARGUMENT, "input " + std::to_string(i) + ": its strings have more than 2 GiB");
    table.push_back(static_cast<int32_t>(end));
    std::string packed(reinterpret_cast<const char*>(table.data()), table.size() * 4);
    for (const std::string& s : strings) packed += s;
    OctetError error;
    const OctetCode code = octet_set_strings(it(), i, packed.data(), packed.size(), &error);
    return Status::From(code, error);
  }
  Result<std::vector<std::string>> GetStrings(int i) const {
    OctetError error;
    size_t bytes = 0;
    OctetCode code = octet_get_strings(it(), i, nullptr, 0, &bytes, &error);
    std::vector<char> packed(code == OCTET_OK ? bytes : 0);
    if (code == OCTET_OK) code = octet_get_strings(it(), i, packed.data(), packed.size(), &bytes, &error);
    if (code != OCTET_OK) return Status(code, error.text);
    const auto number = [&](size_t k) {
      int32_t v;
      std::memcpy(&v, packed.data() + 4 * k, 4);
      return static_cast<size_t>(v);
    };
    std::vector<std::string> strings;
    for (size_t k = 0; k < number(0); ++k) strings.emplace_back(packed.data() + number(k + 1), number(k + 2) - number(k + 1));
    return strings;
  }

  Status Resize(int i, std::span<const int32_t> dims) {
    OctetError error;
    const OctetCode code = octet_resize_input(it(), i, dims.data(), static_cast<int32_t>(dims.size()), &error);
    if (engine_) engine_->allocated = engine_->allocated && code != OCTET_OK;
    return Status::From(code, error);
  }
  Status Resize(int i, std::initializer_list<int32_t> dims) { return Resize(i, std::span(dims.begin(), dims.size())); }
  // Another entry point of the model; "": the first subgraph's own.
  Status Select(const std::string& signature) {
    OctetError error;
    const OctetCode code = octet_select(it(), signature.c_str(), &error);
    if (engine_) engine_->allocated = engine_->allocated && code != OCTET_OK;
    return Status::From(code, error);
  }
  // Infers shapes and places memory. Input, Output and Run do it when it is due.
  Status Allocate() { return engine_ ? engine_->Allocate() : Gone(); }
  bool is_static() const { return octet_is_static(it()) != 0; }
  Status ResetVariables() {
    OctetError error;
    const OctetCode code = octet_reset_variables(it(), &error);
    return Status::From(code, error);
  }

  Status Run() {
    if (!engine_) return Gone();
    if (!engine_->Enter()) return Busy();
    Status status = engine_->Invoke();
    engine_->Leave();
    return status;
  }
  // In a thread of the session's own. A deadline that passes ends it with OCTET_CANCELLED.
  Pending RunAsync(std::optional<Clock::time_point> deadline = {}) {
    if (!engine_) return Pending(Gone());
    if (!engine_->Enter()) return Pending(Busy());
    return Pending(engine_, engine_->Start(deadline));
  }

  OctetInterpreter* get() const { return it(); }

 private:
  Session() = default;
  OctetInterpreter* it() const { return engine_ ? engine_->it : nullptr; }  // Null: moved from; octet.h says so.
  static Status Gone() { return Status(OCTET_INVALID_ARGUMENT, "the session was moved from"); }
  Status Bind(OctetCode (*bind)(OctetInterpreter*, int32_t, void*, size_t, OctetError*), int i, std::span<std::byte> memory) {
    if (Status s = Allocate(); !s.ok()) return s;
    OctetError error;
    const OctetCode code = bind(it(), i, memory.data(), memory.size(), &error);
    return Status::From(code, error);
  }
  static Status Busy() {
    return Status(OCTET_INVALID_ARGUMENT, "the session is running; wait for it, or give each thread a session of its own: they share the model");
  }

  template <class Key, class Get> int Find(std::string_view name, int count, Key key, Get get) const {
    for (int i = 0; i < count; ++i) {
      OctetTensor t;
      if (name == key(it(), i) || (get(it(), i, &t) == OCTET_OK && name == t.name)) return i;
    }
    return -1;
  }

  template <class Get> Result<TensorInfo> Info(const char* kind, int i, int count, Get get) const {
    TensorInfo info;
    if (get(it(), i, &info) != OCTET_OK)
      return Status(OCTET_INVALID_ARGUMENT, "there is no " + std::string(kind) + " " + std::to_string(i) + "; there are " + std::to_string(count));
    return info;
  }

  template <class T> static Result<std::span<T>> Span(const Result<TensorInfo>& info) {
    if (!info.ok()) return info.status();
    constexpr bool kRaw = std::is_same_v<T, std::byte>;
    static_assert(kRaw || kDTypeOf<T> >= 0, "no tensor has elements of this type");
    if (info->dtype == OCTET_STRING)
      return Status(OCTET_INVALID_ARGUMENT, "'" + std::string(info->text_name()) + "' holds strings: use SetStrings and GetStrings");
    if (!kRaw && info->dtype != kDTypeOf<T>)
      return Status(OCTET_INVALID_ARGUMENT, "'" + std::string(info->text_name()) + "' holds " + Name(info->dtype) + ", asked for as " +
                                                Name(static_cast<OctetDType>(kRaw ? 0 : kDTypeOf<T>)));
    if (!info->data && info->bytes > 0)
      return Status(OCTET_INVALID_ARGUMENT, "'" + std::string(info->text_name()) + "' has no memory: its shape is known after Run");
    return std::span<T>(static_cast<T*>(info->data), info->bytes / sizeof(T));
  }

  std::shared_ptr<internal::Engine> engine_;
};

}  // namespace api
}  // namespace octet

#endif  // OCTET_OCTET_HPP_
