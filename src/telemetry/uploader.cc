// SPDX-License-Identifier: Apache-2.0
#include "telemetry/uploader.h"

#include <zlib.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

namespace octet::telemetry {
namespace {

constexpr int64_t kFirstWaitMs = 1000, kLongestWaitMs = 600'000, kUnauthorizedMs = 10'000, kRetryMs = 60'000;

// Between the wait and half more: devices that were refused together do not come back together.
int64_t Jittered(int64_t ms) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  return ms + static_cast<int64_t>(random() % static_cast<uint64_t>(ms / 2 + 1));
}

// How many records the collector will never take, of its answer 200.
int64_t Refused(const std::string& body) {
  const auto answer = nlohmann::json::parse(body, nullptr, false);
  int64_t refused = 0;
  for (const char* key : {"rejected", "expired"})
    if (answer.is_object() && answer.contains(key) && answer[key].is_number_integer()) refused += answer[key].get<int64_t>();
  return refused;
}

Result<std::string> Gzip(const std::string& text) {
  z_stream z{};
  if (deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return Error(Code::kOutOfMemory, "no memory to pack records");
  std::string out(deflateBound(&z, text.size()), '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  z.avail_in = static_cast<uInt>(text.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  if (code != Z_STREAM_END) return Error(Code::kOutOfMemory, "records could not be packed");
  return out;
}

}  // namespace

std::string StatusLine(const std::string& device, const SpoolStatus& s, int64_t now_us, int64_t uptime_us) {
  nlohmann::ordered_json line = {{"v", 1}, {"kind", "status"}, {"device", device}, {"boot", s.boot}, {"spool", s.spool}, {"sent_us", now_us},
                                 {"uptime_us", uptime_us}, {"committed", s.committed}};
  line["dropped"] = {{"bytes", s.dropped_bytes}, {"age", s.dropped_age}, {"rejected", s.dropped_rejected}};
  line["depth"] = s.depth;
  line["bytes"] = s.bytes;
  if (!s.previous_boot.empty()) line["previous"] = {{"boot", s.previous_boot}, {"last_seq", s.previous_last_seq}, {"clean", s.previous_clean}};
  return line.dump();
}

Send HttpSend(PostRequest request) {
  return [request = std::move(request)](const std::string& lines) -> Result<PostResponse> {
    PostRequest filled = request;
    OCTET_ASSIGN(filled.body, Gzip(lines));
    return HttpPost(filled);
  };
}

int64_t Uploader::Backoff() {
  const int64_t wait = std::min(kLongestWaitMs, kFirstWaitMs << std::min(failures_, 20));
  ++failures_;
  return Jittered(wait);
}

void Uploader::Note(std::string problem, std::string* note) {
  if (problem != last_problem_) *note = problem;
  last_problem_ = std::move(problem);
}

int64_t Uploader::Attempt(Spool& spool, bool heartbeat, int64_t now_us, int64_t uptime_us, std::string* note) {
  const auto batch = spool.Take(options_.max_lines, options_.max_bytes);
  const auto status = spool.Read();
  if (!batch.ok() || !status.ok()) return Note((batch.ok() ? status.error() : batch.error()).message(), note), Backoff();
  if (batch->lines.empty() && !heartbeat) return -1;
  std::string text = StatusLine(options_.device, *status, now_us, uptime_us) + "\n";
  for (const std::string& line : batch->lines) text += line + "\n";
  const auto answer = send_(text);
  if (!answer.ok()) return Note(answer.error().message(), note), Backoff();
  return Answered(spool, *batch, *answer, note);
}

int64_t Uploader::Answered(Spool& spool, const Batch& batch, const PostResponse& answer, std::string* note) {
  if (answer.status == 200) {
    const Status done = batch.lines.empty() ? Status() : spool.Delivered(batch, Refused(answer.body));
    if (!done.ok()) return Note(done.message(), note), Backoff();  // It will be sent again, and be a duplicate.
    if (!last_problem_.empty()) *note = "uploads work again";
    last_problem_.clear();
    failures_ = unauthorized_ = 0;
    return batch.lines.empty() ? -1 : 0;
  }
  Note("the collector answered " + std::to_string(answer.status) + ": " + answer.body.substr(0, 200), note);
  if (answer.status == 400 || answer.status == 413) {
    const Status halved = batch.lines.empty() ? Status() : spool.Halve(batch);
    return halved.ok() && !batch.lines.empty() ? 0 : Backoff();
  }
  if (answer.status == 401)
    return Jittered(std::min(kLongestWaitMs, kUnauthorizedMs << std::min(unauthorized_++, 10)));  // A token that was just made is known in seconds.
  if (answer.status == 429 || answer.status == 503)
    return Jittered(std::clamp<int64_t>(answer.retry_after_s >= 0 ? int64_t{1000} * answer.retry_after_s : kRetryMs, 1000, 86'400'000));
  return Backoff();
}

}  // namespace octet::telemetry
