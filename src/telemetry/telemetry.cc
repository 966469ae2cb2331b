// SPDX-License-Identifier: Apache-2.0
#include "telemetry/telemetry.h"

#include <algorithm>

#include "telemetry/device.h"

namespace octet::telemetry {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto kRetryDisk = std::chrono::seconds(10);
constexpr int64_t kHeartbeatMs = 15 * 60'000, kBetweenBatchesMs = 100;

Send ToCollector(const Config& c) {
  PostRequest r;
  r.url = c.url;
  r.ca_file = c.ca_file;
  r.headers = {{"Authorization", "Bearer " + c.token}, {"Content-Type", "application/x-ndjson"}, {"Content-Encoding", "gzip"}};
  return HttpSend(std::move(r));
}

}  // namespace

Telemetry::Telemetry(Config config, Report report, Send send)
    : config_(std::move(config)), report_(std::move(report)), send_(send ? std::move(send) : ToCollector(config_)) {
  RecorderOptions options;
  options.hardware = config_.hardware;
  options.window_us = config_.window_us;
  options.state = ThisState;
  options.gauges = ThisGauges;
  recorder_ = std::make_unique<Recorder>(std::move(options), [this](std::vector<std::string> bodies) { Enqueue(std::move(bodies)); });
  spool_thread_ = std::thread([this] { SpoolLoop(); });
  upload_thread_ = std::thread([this] { UploadLoop(); });
}

Telemetry::~Telemetry() {
  recorder_.reset();  // Its last windows come to Enqueue.
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  spool_thread_.join();
  upload_thread_.join();
}

void Telemetry::Enqueue(std::vector<std::string> bodies) {
  {
    std::lock_guard lock(mutex_);
    for (std::string& body : bodies) pending_.push_back(std::move(body));
    if (pending_.size() > kMaxPending) {
      const size_t excess = pending_.size() - kMaxPending;
      pending_.erase(pending_.begin(), pending_.begin() + static_cast<int64_t>(excess));
      lost_ += static_cast<int64_t>(excess);
    }
  }
  changed_.notify_all();
}

std::shared_ptr<Spool> Telemetry::spool() {
  std::lock_guard lock(mutex_);
  return spool_;
}

bool Telemetry::OpenSpool() {
  if (spool()) return true;
  std::string note;
  auto opened = Spool::Open({config_.spool, config_.device, config_.spool_bytes, config_.max_age_s}, &note);
  if (!note.empty()) report_("telemetry: " + note);
  if (!opened.ok() && opened.error().message() != last_problem_) report_(last_problem_ = opened.error().message());
  if (!opened.ok()) return false;
  last_problem_.clear();
  std::lock_guard lock(mutex_);
  spool_ = std::move(*opened);
  return true;
}

// Bodies stay pending until they are committed.
void Telemetry::CommitPending(int64_t running_s) {
  std::vector<std::string> bodies;
  int64_t lost = 0;
  {
    std::lock_guard lock(mutex_);
    bodies.swap(pending_);
    lost = std::exchange(lost_, 0);
  }
  const bool open = OpenSpool();  // Also with nothing to commit: what lies in it waits for its upload.
  if (open && bodies.empty() && lost == 0) return;
  const Status status = open ? spool()->Commit(bodies, lost, running_s) : Error(Code::kIo, "no spool");
  std::lock_guard lock(mutex_);
  if (status.ok()) {
    ++commits_;
    return;
  }
  if (spool_ && status.message() != last_problem_) report_(last_problem_ = status.message());
  pending_.insert(pending_.begin(), std::make_move_iterator(bodies.begin()), std::make_move_iterator(bodies.end()));
  lost_ += lost;
  if (spool_ && spool_->damaged()) spool_.reset();  // Opened anew, and set aside, next time.
}

void Telemetry::SpoolLoop() {
  OpenSpool();
  changed_.notify_all();
  Clock::time_point last = Clock::now();
  bool ending = false;
  while (!ending) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kRetryDisk, [&] { return stopping_ || !pending_.empty(); });
      ending = stopping_;
      committing_ = true;
    }
    const auto running = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - last);
    const uint64_t before = commits_;
    CommitPending(running.count());
    bool failed = false;
    {
      std::lock_guard lock(mutex_);
      if (commits_ != before) last += running;
      committing_ = false;
      failed = !pending_.empty() && commits_ == before;
    }
    changed_.notify_all();
    if (!failed || ending) continue;
    std::unique_lock lock(mutex_);  // A full disk is not asked again at once.
    changed_.wait_for(lock, kRetryDisk, [&] { return stopping_; });
  }
  if (const auto s = spool()) (void)s->Close();
  std::lock_guard lock(mutex_);
  if (!pending_.empty()) report_(Format("telemetry: %zu records could not be written and end here", pending_.size()));
}

void Telemetry::Flush() {
  recorder_->Flush();
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::seconds(5), [&] { return pending_.empty() && !committing_; });
}

void Telemetry::UploadLoop() {
  UploadOptions options;
  options.device = config_.device;
  Uploader uploader(options, send_);
  const Clocks clocks = Clocks::System();
  uint64_t seen = UINT64_MAX;
  Clock::time_point said_hello = Clock::now() - std::chrono::milliseconds(kHeartbeatMs);
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto heartbeat_at = said_hello + std::chrono::milliseconds(kHeartbeatMs);
    changed_.wait_until(lock, heartbeat_at, [&] { return stopping_ || (spool_ && commits_ != seen); });
    if (stopping_) break;
    const std::shared_ptr<Spool> s = spool_;
    const uint64_t commits = commits_;
    lock.unlock();
    std::string note;
    const bool heartbeat = Clock::now() >= heartbeat_at;
    const int64_t wait_ms = s ? uploader.Attempt(*s, heartbeat, clocks.wall_us(), clocks.mono_us(), &note) : kBetweenBatchesMs;
    if (!note.empty()) report_("telemetry: " + note);
    lock.lock();
    if (wait_ms == 0 || (wait_ms < 0 && heartbeat)) said_hello = Clock::now();
    if (wait_ms < 0) seen = commits;
    else changed_.wait_for(lock, std::chrono::milliseconds(std::max(wait_ms, kBetweenBatchesMs)), [&] { return stopping_; });
  }
}

}  // namespace octet::telemetry
