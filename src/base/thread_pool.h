// SPDX-License-Identifier: Apache-2.0
// A fixed set of threads for data-parallel loops. Callers may cut work by the number of threads, but no sum:
// float results are the same bits for every thread count.
#pragma once
#include <cstdint>
#include <memory>
#include <type_traits>

namespace octet {

class ThreadPool {
 public:
  // `threads` counts the caller: 1 starts none. Clamped to [1, 256].
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls body(task, thread) for every task in [0, tasks), each once, in any order; returns when all
  // are done. `thread` < threads() names the scratch a task may use. Fewer than 2^32 tasks. Not reentrant; one caller at a time.
  template <class Body> void For(int64_t tasks, const Body& body) {
    if (threads_ == 1 || tasks <= 1) {
      for (int64_t i = 0; i < tasks; ++i) body(i, 0);
      return;
    }
    Dispatch(tasks, [](const void* b, int64_t i, int t) { (*static_cast<const Body*>(b))(i, t); }, &body);
  }

 private:
  using Call = void (*)(const void* body, int64_t task, int thread);
  void Dispatch(int64_t tasks, Call call, const void* body);
  struct State;
  int threads_;
  std::unique_ptr<State> state_;
};

}  // namespace octet
