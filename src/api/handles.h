// SPDX-License-Identifier: Apache-2.0
// What stands behind the handles of octet.h.
#pragma once
#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "octet/octet.h"
#include "runtime/delegate.h"
#include "runtime/interpreter.h"

struct OctetModel {
  std::shared_ptr<const octet::runtime::Model> model;  // Null: closed.
};

struct OctetInterpreter {
  std::unique_ptr<octet::runtime::Interpreter> interpreter;    // Null: closed.
  std::atomic<bool> busy = false;                              // A thread is inside.
  std::map<int32_t, octet::runtime::NodeInfo> nodes;           // What octet_node handed out.
  std::vector<octet::runtime::DelegateDetails> delegates = {};  // As octet_num_delegates saw them.
};

struct OctetDelegateHandle {
  std::shared_ptr<const octet::runtime::Delegate> delegate;  // Null: "cpu".
  bool open = false;
};

namespace octet::api {

// The one place where a Status becomes a caller's OctetError.
OctetCode Report(const Status& status, OctetError* error);

// Handles, which are small, outlive their closing: the last ones that were closed are known as such, so that their use is an error and
// no crash; after kKept others they serve again.
template <class T>
class Handles {
 public:
  static T* Make() {
    const std::lock_guard lock(mutex());
    if (closed().size() < kKept) return new T;
    T* handle = closed().front();
    closed().pop_front();
    return handle;
  }
  // What it held is freed by now.
  static void Keep(T* handle) {
    const std::lock_guard lock(mutex());
    closed().push_back(handle);
  }

 private:
  static constexpr size_t kKept = 256;
  static std::mutex& mutex() {
    static auto& mutex = *new std::mutex;
    return mutex;
  }
  static std::deque<T*>& closed() {
    static auto& closed = *new std::deque<T*>;
    return closed;
  }
};

// The interpreter, for this thread alone. Where it cannot be had, status() says why.
class Use {
 public:
  explicit Use(OctetInterpreter* it) : it_(it), entered_(it && !it->busy.exchange(true, std::memory_order_acquire)) {}
  Use(const Use&) = delete;
  ~Use() {
    if (entered_) it_->busy.store(false, std::memory_order_release);
  }
  bool ok() const { return entered_ && it_->interpreter; }
  Status status() const {
    if (ok()) return {};
    if (!it_) return Error(Code::kInvalidArgument, "the interpreter is NULL; did octet_interpreter_create fail?");
    if (!entered_) return Error(Code::kInvalidArgument, "the interpreter is in use by another thread; give each thread one of its own, or take turns");
    return Error(Code::kInvalidArgument, "the interpreter was closed");
  }

 private:
  OctetInterpreter* const it_;
  const bool entered_;
};

}  // namespace octet::api
