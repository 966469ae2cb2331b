// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include "base/mutex.h"

#if defined(OCTET_NO_THREADS)

namespace octet {

struct ThreadPool::State {};
ThreadPool::ThreadPool(int) : threads_(1) {}
ThreadPool::~ThreadPool() = default;
void ThreadPool::Dispatch(int64_t, Call, const void*) {}  // One thread never asks.

}  // namespace octet

#else

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <thread>
#include <vector>

namespace octet {
namespace {

// Waiting threads spin about this many pauses (tens of microseconds) before they sleep: layers of
// one inference follow each other faster than a futex wakes.
constexpr int kSpins = 20000;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<uint64_t> round{0};     // Raised once per loop; workers wait for it to change.
  std::atomic<bool> stop{false};
  std::atomic<int> running{0};        // Workers that have not finished this round.
  std::atomic<int64_t> next{0};
  int64_t tasks = 0;
  Call call = nullptr;
  const void* body = nullptr;

  void Drain(int thread) {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) call(body, i, thread);
  }

  void Worker(int thread) {
    uint64_t seen = 0;
    while (true) {
      for (int spin = 0; spin < kSpins && round.load(std::memory_order_acquire) == seen; ++spin) Pause();
      if (round.load(std::memory_order_acquire) == seen) {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return round.load(std::memory_order_relaxed) != seen; });
      }
      seen = round.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      Drain(thread);
      running.fetch_sub(1, std::memory_order_release);
    }
  }

  void Raise() {
    std::lock_guard lock(mutex);
    round.fetch_add(1, std::memory_order_release);
    wake.notify_all();
  }
};

ThreadPool::ThreadPool(int threads) : threads_(std::clamp(threads, 1, 256)), state_(new State) {
  for (int t = 1; t < threads_; ++t) state_->workers.emplace_back([this, t] { state_->Worker(t); });
}

ThreadPool::~ThreadPool() {
  if (threads_ == 1) return;
  state_->stop = true;
  state_->Raise();
  for (std::thread& w : state_->workers) w.join();
}

void ThreadPool::Dispatch(int64_t tasks, Call call, const void* body) {
  State& s = *state_;
  s.call = call;
  s.body = body;
  s.tasks = tasks;
  s.next.store(0, std::memory_order_relaxed);
  s.running.store(threads_ - 1, std::memory_order_relaxed);
  s.Raise();
  s.Drain(0);
  while (s.running.load(std::memory_order_acquire) != 0) Pause();
}

}  // namespace octet

#endif
