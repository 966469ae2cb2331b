// SPDX-License-Identifier: Apache-2.0
#include "telemetry/recorder.h"

#include <chrono>
#include <cstdlib>

namespace octet::telemetry {
namespace {

constexpr auto kEmptyEvery = std::chrono::milliseconds(20);  // A ring of 4096 takes 200,000 events a second.
constexpr int64_t kStateEveryUs = 5'000'000, kJumpUs = 5'000'000;
constexpr size_t kMaxSeries = 4096, kMaxNames = 8192;

template <class C> int64_t Micros() { return std::chrono::duration_cast<std::chrono::microseconds>(C::now().time_since_epoch()).count(); }

// The entry of `key`, or null where there are `limit` others already.
template <class Map, class K> auto* Within(Map& map, const K& key, size_t limit) {
  const auto found = map.find(key);
  if (found != map.end()) return &found->second;
  return map.size() < limit ? &map[key] : nullptr;
}

}  // namespace

Clocks Clocks::System() { return {Micros<std::chrono::system_clock>, Micros<std::chrono::steady_clock>}; }

Recorder::Recorder(RecorderOptions options, Sink sink) : options_(std::move(options)), sink_(std::move(sink)), ring_(options_.ring) {
  series_.emplace_back();  // Series 0: the overflow.
  names_.emplace_back("other");
  start_wall_us_ = options_.clocks.wall_us();
  start_mono_us_ = options_.clocks.mono_us();
  thread_ = std::thread([this] { Loop(); });
}

Recorder::~Recorder() {
  {
    std::lock_guard lock(stop_mutex_);
    stopping_ = true;
  }
  stop_changed_.notify_all();
  thread_.join();
  Flush();
}

SeriesId Recorder::Open(const Key& key) {
  std::lock_guard lock(names_mutex_);
  if (series_.size() >= kMaxSeries) return 0;
  series_.push_back(key);
  return static_cast<SeriesId>(series_.size() - 1);
}

NameId Recorder::Name(std::string_view text) {
  std::lock_guard lock(names_mutex_);
  if (const auto found = name_ids_.find(text); found != name_ids_.end()) return found->second;
  if (names_.size() >= kMaxNames) return 0;
  names_.emplace_back(text);
  return name_ids_[std::string(text)] = static_cast<NameId>(names_.size() - 1);
}

std::string Recorder::NameText(NameId id) {
  std::lock_guard lock(names_mutex_);
  return names_[static_cast<size_t>(id)];
}

void Recorder::Loop() {
  std::unique_lock lock(stop_mutex_);
  while (!stopping_) {
    stop_changed_.wait_for(lock, kEmptyEvery);
    lock.unlock();
    {
      std::lock_guard work(work_mutex_);
      Empty();
      if (options_.clocks.mono_us() - start_mono_us_ >= options_.window_us) CloseWindows();
    }
    lock.lock();
  }
}

void Recorder::Flush() {
  std::lock_guard work(work_mutex_);
  Empty();
  CloseWindows();
}

void Recorder::Empty() {
  const int64_t now = options_.clocks.mono_us();
  if (options_.state && (state_at_us_ == 0 || now - state_at_us_ >= kStateEveryUs)) {
    state_ = options_.state();
    state_at_us_ = now;
  }
  Event event;
  for (size_t i = 0; i < 2 * options_.ring && ring_.Pop(&event); ++i) Apply(event);
}

Window& Recorder::WindowOf(SeriesId series) {
  if (series > 0)
    if (Window* w = Within(windows_, WindowKey{series, state_}, options_.max_keys)) return *w;
  overflowed_ = true;
  return overflow_;
}

void Recorder::Apply(const Event& e) {
  Window& w = WindowOf(e.series);
  switch (e.kind) {
    case Event::kInference:
      ++w.ok;
      for (size_t s = 0; s < e.ns.size(); ++s) w.lat[s].Add(e.ns[s]);
      break;
    case Event::kStage: w.lat[e.detail].Add(e.ns[0]); break;
    case Event::kOperator:
      if (Histogram* h = Within(w.ops, NameText(e.name), Window::kMaxOperators)) h->Add(e.ns[0]);
      break;
    case Event::kError: {
      uint64_t* n = Within(w.errors, NameText(e.name), Window::kMaxErrors - 1);
      ++(n ? *n : w.errors["other"]);
      break;
    }
    case Event::kCount: ++*std::array{&w.deadline_miss, &w.shadow, &w.shadow_mismatch, &w.lost_frames}[e.detail]; break;
    case Event::kFallback:
      if (uint64_t* n = Within(w.fallback, std::pair(NameText(e.name), NameText(static_cast<NameId>(e.ns[0]))), Window::kMaxFallbacks)) ++*n;
      break;
  }
}

// The monotonic clock measures the window. Where the wall clock jumped meanwhile, the later time counts: it is the one that
// was set right (a device that wakes up in 1970).
void Recorder::CloseWindows() {
  Times t{start_wall_us_, options_.clocks.wall_us(), options_.clocks.mono_us()};
  const int64_t elapsed = t.mono_us - start_mono_us_;
  if (std::llabs(t.end_us - t.start_us - elapsed) > kJumpUs) t.start_us = t.end_us - elapsed;
  start_wall_us_ = t.end_us;
  start_mono_us_ = t.mono_us;
  t.start_us = std::min(t.start_us, t.end_us);
  std::vector<std::string> bodies;
  const Gauges gauges = !windows_.empty() && options_.gauges ? options_.gauges() : Gauges{};
  for (const auto& [key, window] : windows_) {
    Key series;
    {
      std::lock_guard lock(names_mutex_);
      series = series_[static_cast<size_t>(key.first)];
    }
    bodies.push_back(EncodeBody(t, options_.hardware, &series, key.second, window, gauges));
  }
  if (overflowed_) bodies.push_back(EncodeBody(t, options_.hardware, nullptr, {}, overflow_, gauges));
  windows_.clear();
  overflow_ = {};
  overflowed_ = false;
  if (!bodies.empty()) sink_(std::move(bodies));
}

}  // namespace octet::telemetry
