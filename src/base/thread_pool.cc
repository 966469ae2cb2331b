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
#include <chrono>
#include <condition_variable>
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

// Tasks [first, end) of one thread: it takes from the front, who has none left takes from the back. A thread so gets about the
// same part of every loop, and finds in its own cache what it wrote in the one before.
class alignas(64) Span {
 public:
  void Set(int64_t first, int64_t end) { span_.store(Packed(first, end), std::memory_order_release); }
  int64_t TakeFirst() {
    return Take([](int64_t first, int64_t end) { return Taken{first, Packed(first + 1, end)}; });
  }
  int64_t TakeLast() {
    return Take([](int64_t first, int64_t end) { return Taken{end - 1, Packed(first, end - 1)}; });
  }

 private:
  struct Taken {
    int64_t task;
    uint64_t left;
  };
  static uint64_t Packed(int64_t first, int64_t end) { return static_cast<uint64_t>(first) << 32 | static_cast<uint32_t>(end); }
  // -1: none left.
  template <class Choose> int64_t Take(const Choose& choose) {
    uint64_t span = span_.load(std::memory_order_relaxed);
    while (true) {
      const auto first = static_cast<int64_t>(span >> 32), end = static_cast<int64_t>(span & 0xffffffff);
      if (first >= end) return -1;
      const Taken taken = choose(first, end);
      if (span_.compare_exchange_weak(span, taken.left, std::memory_order_acq_rel)) return taken.task;
    }
  }
  std::atomic<uint64_t> span_{0};
};

}  // namespace

// A loop is done when `undone` is 0; nobody waits for a worker that took no task. Whoever holds a task may read the loop's
// description: no other loop begins before the task is done.
struct ThreadPool::State {
  explicit State(int threads) : spans(static_cast<size_t>(threads)) {}
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake, finished;
  std::atomic<uint64_t> round{0};  // Raised once per loop; workers wait for it to change.
  std::atomic<bool> stop{false};
  std::atomic<bool> caller_sleeps{false};
  std::atomic<int64_t> undone{0};
  std::vector<Span> spans;  // Of every thread.
  Call call = nullptr;
  const void* body = nullptr;

  void Drain(int thread) {
    const auto own = static_cast<size_t>(thread);
    int64_t done = 0;
    for (int64_t i; (i = spans[own].TakeFirst()) >= 0; ++done) call(body, i, thread);
    for (size_t t = 1; t < spans.size(); ++t)
      for (int64_t i; (i = spans[(own + t) % spans.size()].TakeLast()) >= 0; ++done) call(body, i, thread);
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

ThreadPool::ThreadPool(int threads) : threads_(std::clamp(threads, 1, 256)), state_(new State(threads_)) {
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
  s.undone.store(tasks, std::memory_order_relaxed);
  for (int64_t t = 0; t < threads_; ++t) s.spans[static_cast<size_t>(t)].Set(tasks * t / threads_, tasks * (t + 1) / threads_);
  s.Raise();
  s.Drain(0);
  s.WaitForAll();
}

}  // namespace octet

#endif
