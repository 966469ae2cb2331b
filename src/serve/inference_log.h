// SPDX-License-Identifier: Apache-2.0
// What one model's inferences took, counted without locks: for /metrics, the statistics extension and telemetry.
#pragma once
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string_view>

namespace octet::serve {

enum class Stage : uint8_t { kQueue, kCopyIn, kInvoke, kCopyOut, kTotal };
inline constexpr int kStages = 5;
inline constexpr std::array<std::string_view, kStages> kStageNames = {"queue", "copy_in", "invoke", "copy_out", "total"};

using StageTimes = std::array<uint64_t, kStages>;  // Nanoseconds.

struct OperatorTime {
  std::string_view op;  // Lives as long as the model.
  uint64_t ns = 0;      // Of all its nodes in one inference.
};

// Whoever else wants to know; called on the inference's thread and must not block.
class InferenceSink {
 public:
  virtual ~InferenceSink() = default;
  virtual void Done(int series, const StageTimes& ns) = 0;
  virtual void Failed(int series, std::string_view code) = 0;
  virtual void Expired(int series) = 0;   // Waited longer than its timeout.
  virtual void Rejected(int series) = 0;  // Found the queue full.
  virtual void Shadow(int series, bool agrees) = 0;
  // Every how many inferences operators are timed; 0: never.
  virtual int operator_sampling() const = 0;
  virtual void Operators(int series, std::span<const OperatorTime> times) = 0;
};

// Cumulative counts of fixed bounds: 50 us * 2^i, the last one open.
class LatencyBuckets {
 public:
  static constexpr int kCount = 20;
  static constexpr uint64_t BoundNs(int i) { return uint64_t{50'000} << i; }
  void Add(uint64_t ns) {
    int i = 0;
    while (i < kCount - 1 && ns > BoundNs(i)) ++i;
    counts_[static_cast<size_t>(i)].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(ns, std::memory_order_relaxed);
  }
  uint64_t count(int i) const { return counts_[static_cast<size_t>(i)].load(std::memory_order_relaxed); }
  uint64_t sum_ns() const { return sum_ns_.load(std::memory_order_relaxed); }

 private:
  std::array<std::atomic<uint64_t>, kCount> counts_{};
  std::atomic<uint64_t> sum_ns_{0};
};

struct InferenceLog {
  InferenceSink* sink = nullptr;
  int series = -1;  // The sink's number for this model.
  std::array<LatencyBuckets, kStages> stages;
  std::atomic<uint64_t> ok{0}, failed{0}, rejected{0}, expired{0}, executions{0}, last_ms{0}, shadow_same{0}, shadow_other{0};
  std::atomic<uint64_t> invoke_ns_average{0};  // Of an execution, moving.

  void Done(const StageTimes& ns) {
    ok.fetch_add(1, std::memory_order_relaxed);
    for (int i = 0; i < kStages; ++i) stages[static_cast<size_t>(i)].Add(ns[static_cast<size_t>(i)]);
    if (sink) sink->Done(series, ns);
  }
  void Executed(uint64_t ns) {
    const uint64_t before = invoke_ns_average.load(std::memory_order_relaxed);
    invoke_ns_average.store(before ? (7 * before + ns) / 8 : ns, std::memory_order_relaxed);
    executions.fetch_add(1, std::memory_order_relaxed);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    last_ms.store(static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()), std::memory_order_relaxed);
  }
  void Expired() {
    expired.fetch_add(1, std::memory_order_relaxed);
    if (sink) sink->Expired(series);
  }
  void Rejected() {
    rejected.fetch_add(1, std::memory_order_relaxed);
    if (sink) sink->Rejected(series);
  }
  void Shadow(bool agrees) {
    (agrees ? shadow_same : shadow_other).fetch_add(1, std::memory_order_relaxed);
    if (sink) sink->Shadow(series, agrees);
  }
  void Failed(std::string_view code) {
    failed.fetch_add(1, std::memory_order_relaxed);
    if (sink) sink->Failed(series, code);
  }
};

}  // namespace octet::serve
