// SPDX-License-Identifier: Apache-2.0
// Errors are values. OK is a null pointer, so the hot path pays one compare.
// A message says where, what was expected, what was found, and what to do.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace octet {

enum class Code : uint8_t {
  kInvalidArgument = 1,  // The caller broke the contract: wrong shape, type, option or data.
  kInvalidModel,         // The file is malformed or inconsistent.
  kUnsupported,          // Well formed, but octet (or the chosen target) cannot run it.
  kOutOfMemory,          // More memory than the budget or the machine allows.
  kIo,                   // The operating system refused: missing, unreadable, unwritable.
  kDelegate,             // A delegate failed; its part may fall back to the CPU.
  kAccuracy,             // The accuracy gate said no.
  kCancelled,            // The caller cancelled, or a limit on loops or time was reached.
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : state_(new State{code, std::move(message)}) {}

  bool ok() const { return state_ == nullptr; }
  Code code() const { return state_->code; }                      // Only when !ok().
  const std::string& message() const { return state_->message; }  // Only when !ok().

 private:
  struct State {
    Code code;
    std::string message;
  };
  std::unique_ptr<const State> state_;
};
static_assert(sizeof(Status) == sizeof(void*));

// printf-style: the runtime links neither iostream nor fmt.
[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...);
[[gnu::format(printf, 2, 3)]] Status Error(Code code, const char* format, ...);

// A value or the reason why there is none. Access only after ok().
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : has_(true) { new (&value_) T(std::move(value)); }
  Result(Status error) : has_(false) { new (&error_) Status(std::move(error)); }
  Result(Result&& other) noexcept : has_(other.has_) {
    if (has_) new (&value_) T(std::move(other.value_));
    else new (&error_) Status(std::move(other.error_));
  }
  Result& operator=(Result&&) = delete;
  ~Result() {
    if (has_) value_.~T();
    else error_.~Status();
  }

  bool ok() const { return has_; }
  const Status& error() const { return error_; }          // Only when !ok().
  Status status() && { return std::move(error_); }        // Only when !ok().
  T& operator*() { return value_; }
  const T& operator*() const { return value_; }
  T* operator->() { return &value_; }
  const T* operator->() const { return &value_; }

 private:
  bool has_;
  union {
    T value_;
    Status error_;
  };
};

}  // namespace octet

// Return early with the error. The only control-flow macros of the code base.
#define OCTET_TRY(expr)                                    \
  do {                                                     \
    if (::octet::Status try_ = (expr); !try_.ok()) return try_; \
  } while (0)
#define OCTET_CAT_(a, b) a##b
#define OCTET_CAT(a, b) OCTET_CAT_(a, b)
#define OCTET_ASSIGN(decl, expr)                                                            \
  auto OCTET_CAT(r_, __LINE__) = (expr);                                                    \
  if (!OCTET_CAT(r_, __LINE__).ok()) return std::move(OCTET_CAT(r_, __LINE__)).status();    \
  decl = std::move(*OCTET_CAT(r_, __LINE__))
