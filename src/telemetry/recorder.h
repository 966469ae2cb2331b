// SPDX-License-Identifier: Apache-2.0
// Counts inferences without ever making them wait: callers put events into a ring, a thread of its own empties it, keeps
// one window a key, and hands over the encoded windows when their minute is over.
#pragma once
#include <array>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "telemetry/record.h"
#include "telemetry/ring.h"

namespace octet::telemetry {

using SeriesId = int;  // A loaded model's, from Recorder::Open.
using NameId = int;    // Of an operator, an error code or a fallback, from Recorder::Name.

enum class Count : uint8_t { kDeadlineMiss, kShadow, kShadowMismatch, kLostFrames };

struct Event {
  enum Kind : uint8_t { kInference, kStage, kOperator, kError, kCount, kFallback };
  Kind kind = kInference;
  uint8_t detail = 0;  // Stage or Count.
  uint16_t series = 0;
  int32_t name = 0;
  std::array<uint64_t, 5> ns{};
};

// Both clocks, so that tests can make them jump.
struct Clocks {
  std::function<int64_t()> wall_us, mono_us;
  static Clocks System();
};

struct RecorderOptions {
  Hardware hardware;
  Clocks clocks = Clocks::System();
  std::function<State()> state;    // Asked every few seconds, on the recorder's thread.
  std::function<Gauges()> gauges;  // Asked once a window.
  int64_t window_us = 60'000'000;
  size_t max_keys = 64;
  size_t ring = 4096;
};

class Recorder {
 public:
  using Sink = std::function<void(std::vector<std::string> bodies)>;  // On the recorder's thread; must not block for long.

  Recorder(RecorderOptions options, Sink sink);
  ~Recorder();  // Hands over the open windows.

  // Slow; when a model is loaded. Beyond some thousand series: one that lands in the overflow record.
  SeriesId Open(const Key& key);
  NameId Name(std::string_view text);

  // The hot path: no lock, no allocation, no system call. What does not fit into the ring is counted as lost.
  void Inference(SeriesId series, const std::array<uint64_t, 5>& ns) { Push({Event::kInference, 0, static_cast<uint16_t>(series), 0, ns}); }
  void StageTime(SeriesId series, Stage stage, uint64_t ns) { Push({Event::kStage, static_cast<uint8_t>(stage), static_cast<uint16_t>(series), 0, {ns}}); }
  void OperatorTime(SeriesId series, NameId op, uint64_t ns) { Push({Event::kOperator, 0, static_cast<uint16_t>(series), op, {ns}}); }
  void Error(SeriesId series, NameId code) { Push({Event::kError, 0, static_cast<uint16_t>(series), code, {}}); }
  void Add(SeriesId series, Count count) { Push({Event::kCount, static_cast<uint8_t>(count), static_cast<uint16_t>(series), 0, {}}); }
  void Fallback(SeriesId series, NameId op, NameId reason) { Push({Event::kFallback, 0, static_cast<uint16_t>(series), op, {static_cast<uint64_t>(reason)}}); }

  uint64_t lost_events() const { return lost_.load(std::memory_order_relaxed); }
  void Flush();  // Ends the open windows now. For tests and for a graceful end.

 private:
  using WindowKey = std::pair<SeriesId, State>;

  void Push(const Event& event) {
    if (!ring_.Push(event)) lost_.fetch_add(1, std::memory_order_relaxed);
  }
  void Loop();
  void Empty();
  Window& WindowOf(SeriesId series);
  void Apply(const Event& event);
  std::string NameText(NameId id);
  void CloseWindows();

  RecorderOptions options_;
  Sink sink_;
  Ring<Event> ring_;
  std::atomic<uint64_t> lost_{0};

  std::mutex names_mutex_;
  std::vector<Key> series_;
  std::vector<std::string> names_;
  std::map<std::string, NameId, std::less<>> name_ids_;

  std::mutex work_mutex_;  // The recorder's thread, or Flush.
  State state_;
  int64_t state_at_us_ = 0, start_wall_us_ = 0, start_mono_us_ = 0;
  std::map<WindowKey, Window> windows_;
  Window overflow_;
  bool overflowed_ = false;

  std::mutex stop_mutex_;
  std::condition_variable stop_changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace octet::telemetry
