// SPDX-License-Identifier: Apache-2.0
#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace octet {
namespace {

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits a little for what is about to happen: layers of one inference follow each other faster than a futex wakes.
// First without letting go of the core, then letting others have it: where threads are more than cores, whoever
// is waited for may need this one. False: it took too long, and is worth a sleep.
template <class Happened> bool SpinUntil(const Happened& happened) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::microseconds kAlone(10), kAtMost(400);
  constexpr int kPauses = 32;  // Between looks at the clock.
  const Clock::time_point start = Clock::now();
  for (Clock::duration waited{}; waited < kAtMost; waited = Clock::now() - start) {
    for (int i = 0; i < kPauses; ++i) {
      if (happened()) return true;
      Pause();
    }
    if (waited > kAlone) std::this_thread::yield();
  }
  return happened();
}

}  // namespace

// A loop's tasks are handed out by counting `left` down, and done when `undone` is 0; nobody waits for a worker that took
// none. Whoever holds a task may read the loop's description: no other loop begins before the task is done.
struct ThreadPool::State {
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::atomic<uint64_t> round{0};  // Raised once per loop; workers wait for it to change.
  std::atomic<bool> stop{false};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<int64_t> left{0}, undone{0};
  int64_t tasks = 0;
  Call call = nullptr;
  const void* body = nullptr;

  void Drain(int thread) {
    int64_t done = 0;
    for (int64_t n; (n = left.fetch_sub(1, std::memory_order_acq_rel)) > 0; ++done) call(body, tasks - n, thread);
    if (done == 0 || undone.fetch_sub(done) != done || !caller_sleeps.load()) return;
    const std::lock_guard lock(mutex);
    finished.notify_one();
  }

  void Worker(int thread) {
    uint64_t seen = 0;
    while (true) {
      if (!SpinUntil([&] { return round.load(std::memory_order_acquire) != seen; })) {
        std::unique_lock lock(mutex);
        wake.wait(lock, [&] { return round.load(std::memory_order_relaxed) != seen; });
      }
      seen = round.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      Drain(thread);
    }
  }

  void Raise() {
    std::lock_guard lock(mutex);
    round.fetch_add(1, std::memory_order_release);
    wake.notify_all();
  }

  void WaitForAll() {
    if (SpinUntil([&] { return undone.load(std::memory_order_acquire) == 0; })) return;
    caller_sleeps.store(true);
    std::unique_lock lock(mutex);
    finished.wait(lock, [&] { return undone.load() == 0; });
    caller_sleeps.store(false);
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
  s.undone.store(tasks, std::memory_order_relaxed);
  s.left.store(tasks, std::memory_order_release);
  s.Raise();
  s.Drain(0);
  s.WaitForAll();
}

}  // namespace octet
