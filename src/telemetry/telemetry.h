// SPDX-License-Identifier: Apache-2.0
// Telemetry as a whole: recorder, spool and uploader, each with a thread of its own, so that a slow disk or network holds
// up nothing but itself.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/config.h"
#include "telemetry/recorder.h"
#include "telemetry/spool.h"
#include "telemetry/uploader.h"

namespace octet::telemetry {

class Telemetry {
 public:
  using Report = std::function<void(const std::string&)>;  // A line for the log; from any thread.

  // `send`: another way than HTTP to the configuration's endpoint.
  Telemetry(Config config, Report report, Send send = {});
  // Hands over and commits the open minute, then ends without waiting for the collector.
  ~Telemetry();

  Recorder& recorder() { return *recorder_; }
  uint64_t lost_events() const { return recorder_->lost_events(); }
  const Config& config() const { return config_; }
  // What waits in memory for the disk is committed, as far as the disk allows.
  void Flush();

 private:
  void Enqueue(std::vector<std::string> bodies);
  void SpoolLoop();
  void UploadLoop();
  bool OpenSpool();
  void CommitPending(int64_t running_s);
  std::shared_ptr<Spool> spool();

  static constexpr size_t kMaxPending = 2048;  // Records, while the disk refuses.

  Config config_;
  Report report_;
  Send send_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> pending_;
  int64_t lost_ = 0;            // Of pending_, the oldest that had to go; counted at the next commit.
  std::shared_ptr<Spool> spool_;
  uint64_t commits_ = 0;
  bool committing_ = false, stopping_ = false;
  std::string last_problem_;

  std::unique_ptr<Recorder> recorder_;
  std::thread spool_thread_, upload_thread_;
};

}  // namespace octet::telemetry
