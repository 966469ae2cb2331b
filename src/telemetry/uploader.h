// SPDX-License-Identifier: Apache-2.0
// Brings the spool's records to the collector: one batch at a time, the same again until its fate is known.
#pragma once
#include <functional>
#include <string>

#include "telemetry/http_post.h"
#include "telemetry/spool.h"

namespace octet::telemetry {

// Brings lines to the other side; its answer as HTTP has it. An error: no answer.
using Send = std::function<Result<PostResponse>(const std::string& lines)>;
// POST to the collector, packed. `request` has all but the body.
Send HttpSend(PostRequest request);

struct UploadOptions {
  std::string device;
  size_t max_lines = 5000 - 1, max_bytes = (1 << 20) - 4096;  // With the status line, within the protocol's limits.
};

class Uploader {
 public:
  Uploader(UploadOptions options, Send send) : options_(std::move(options)), send_(std::move(send)) {}

  // One attempt. How many milliseconds to wait before the next one: 0 when there is more to send, -1 when there is nothing.
  // `heartbeat`: say hello even without records. `note`: what went wrong, where it was something new.
  int64_t Attempt(Spool& spool, bool heartbeat, int64_t now_us, int64_t uptime_us, std::string* note);

 private:
  int64_t Backoff();
  int64_t Answered(Spool& spool, const Batch& batch, const PostResponse& answer, std::string* note);
  void Note(std::string problem, std::string* note);

  UploadOptions options_;
  Send send_;
  int failures_ = 0, unauthorized_ = 0;
  std::string last_problem_;
};

std::string StatusLine(const std::string& device, const SpoolStatus& status, int64_t now_us, int64_t uptime_us);

}  // namespace octet::telemetry
