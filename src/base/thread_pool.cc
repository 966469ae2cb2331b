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
// So many pauses and the caller offers its core: to a worker that has none, where threads outnumber cores.
constexpr int kPatience = 2000;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Tasks [first, end) of one thread: it takes from the front, who has none left takes from the back. A thread so gets about the
// same part of every loop, and finds in its own cache what it wrote in the one before.
class alignas(64) Span {
 public:
  void Set(int64_t first, int64_t end) { span_.store(Packed(first, end), std::memory_order_relaxed); }
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
      if (span_.compare_exchange_weak(span, taken.left, std::memory_order_relaxed)) return taken.task;
    }
  }
  std::atomic<uint64_t> span_{0};
};

}  // namespace

struct ThreadPool::State {
  explicit State(int threads) : spans(static_cast<size_t>(threads)) {}
  std::vector<std::thread> workers;
  std::mutex mutex;
  std::condition_variable wake;
  std::atomic<uint64_t> round{0};     // Raised once per loop; workers wait for it to change.
  std::atomic<bool> stop{false};
  std::atomic<int> running{0};        // Workers that have not finished this round.
  std::vector<Span> spans;            // Of every thread.
  Call call = nullptr;
  const void* body = nullptr;

  void Drain(int thread) {
    const auto own = static_cast<size_t>(thread);
    for (int64_t i; (i = spans[own].TakeFirst()) >= 0;) call(body, i, thread);
    for (size_t t = 1; t < spans.size(); ++t)
      for (int64_t i; (i = spans[(own + t) % spans.size()].TakeLast()) >= 0;) call(body, i, thread);
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
  for (int64_t t = 0; t < threads_; ++t) s.spans[static_cast<size_t>(t)].Set(tasks * t / threads_, tasks * (t + 1) / threads_);
  s.running.store(threads_ - 1, std::memory_order_relaxed);
  s.Raise();
  s.Drain(0);
  for (int spin = 1; s.running.load(std::memory_order_acquire) != 0; ++spin) spin % kPatience ? Pause() : std::this_thread::yield();
}

}  // namespace octet

#endif
