// SPDX-License-Identifier: Apache-2.0
#include "fleet/collector.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "fleet/batch.h"
#include "fleet/schema.h"
#include "fleet/tokens.h"
#include "report/json.h"
#include "serve/http_server.h"

namespace octet::fleet {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr size_t kMostUploadsPerBatch = 512;
constexpr size_t kBytesPerBatch = 4 << 20;         // As sent.
constexpr int kMostWaitingPerDevice = 2;
constexpr seconds kMostWait{20};                   // Then 503: the device has a timeout of its own.
constexpr int kAwaySeconds = 15, kBusySeconds = 5;  // Retry-After.

struct Job {
  Upload upload;
  serve::Reply reply;
  Clock::time_point since;
};

serve::HttpResponse Refuse(int http, std::string_view message, int retry_after = 0) {
  serve::HttpResponse response = serve::JsonError(http, message);
  if (retry_after > 0) response.headers.emplace_back("Retry-After", std::to_string(retry_after));
  return response;
}

serve::HttpResponse Ok(std::string body) {
  serve::HttpResponse response;
  response.body = std::move(body);
  return response;
}

// The subject that `authorize` gave: number and name.
int DeviceOf(const serve::HttpRequest& request) {
  int id = 0;
  std::from_chars(request.subject.data(), request.subject.data() + request.subject.size(), id);
  return id;
}

serve::HttpResponse Answer(const Outcome& outcome) {
  if (outcome.http == 503) return Refuse(503, "the database does not take records now", kAwaySeconds);
  if (outcome.http != 200) return Refuse(outcome.http, outcome.error);
  report::Json j;
  j.Object().Field("accepted", outcome.accepted).Field("duplicate", outcome.duplicate).Field("rejected", outcome.rejected).Field("expired", outcome.expired).Key("errors").Array();
  for (const LineError& error : outcome.errors) j.Object().Field("line", error.line).Field("reason", error.reason).End();
  return Ok(j.End().End().text());
}

struct Counters {
  std::atomic<int64_t> accepted{0}, duplicate{0}, rejected{0}, expired{0}, uploads{0}, busy{0}, away{0}, batches{0}, bytes{0};
};

class CollectorImpl final : public Collector {
 public:
  explicit CollectorImpl(const CollectorOptions& options) : options_(options) {}
  ~CollectorImpl() override { Stop(); }
  Status Run();
  uint16_t port() const override { return server_->port(); }
  void Stop() override;

 private:
  std::optional<serve::HttpResponse> Refusal(int device_id, size_t bytes);
  void Receive(serve::HttpRequest request, serve::Reply reply);
  serve::HttpResponse Metrics();
  void Work();
  void Maintain();
  std::vector<Job> TakeBatch();
  void Finish(std::vector<Job> batch, std::vector<Outcome> outcomes);
  void RefuseWaiting();
  bool Sleep(milliseconds time);  // False when stopping.

  CollectorOptions options_;
  Tokens tokens_;
  Counters counters_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Job> waiting_;
  size_t waiting_bytes_ = 0;
  std::set<int> merging_;  // Devices in a batch now: one batch of a device at a time, so that its counts are its own.
  std::atomic<bool> stopping_{false}, away_{false};
  std::vector<std::thread> threads_;
  std::unique_ptr<serve::HttpServer> server_;
};

Status CollectorImpl::Run() {
  OCTET_ASSIGN(Database database, Database::Connect(options_.database));
  OCTET_TRY(CheckSchema(database));
  OCTET_TRY(tokens_.Refresh(database));
  serve::HttpOptions http;
  http.address = options_.address;
  http.port = options_.port;
  http.cert_file = options_.cert_file;
  http.key_file = options_.key_file;
  http.open_paths = {"/health", "/ready", "/metrics"};
  http.max_body_bytes = kMostBodyBytes;
  http.max_buffered_bytes = 2 * options_.most_waiting_bytes;
  http.max_connections = 4096;
  http.authorize = [this](std::string_view token, std::string_view) -> std::optional<std::string> {
    const std::optional<TokenDevice> device = tokens_.Find(token);
    if (!device) return std::nullopt;
    return std::to_string(device->id) + " " + device->name;
  };
  server_ = std::make_unique<serve::HttpServer>(http);
  server_->OnAsync(
      "POST", "/v1/telemetry", [this](serve::HttpRequest request, serve::Reply reply) { Receive(std::move(request), std::move(reply)); },
      [this](const serve::HttpRequest& head, uint64_t body_bytes) {
        const std::lock_guard lock(mutex_);
        return Refusal(DeviceOf(head), body_bytes);
      });
  server_->On("GET", "/health", [](const serve::HttpRequest&) { return Ok("{\"live\":true}"); });
  server_->On("GET", "/ready", [this](const serve::HttpRequest&) {
    return away_ ? Refuse(503, "the database is away", kAwaySeconds) : Ok("{\"ready\":true}");
  });
  server_->On("GET", "/metrics", [this](const serve::HttpRequest&) { return Metrics(); });
  OCTET_TRY(server_->Start());
  for (int i = 0; i < options_.connections; ++i) threads_.emplace_back([this] { Work(); });
  threads_.emplace_back([this] { Maintain(); });
  return {};
}

// Under the mutex: why an upload of so many bytes cannot wait here now.
std::optional<serve::HttpResponse> CollectorImpl::Refusal(int device_id, size_t bytes) {
  if (away_) return ++counters_.away, Refuse(503, "the database is away", kAwaySeconds);
  const bool full = waiting_bytes_ + bytes > options_.most_waiting_bytes || stopping_;
  const auto same = std::count_if(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(waiting_.size(), 1000)),
                                  [&](const Job& job) { return job.upload.device_id == device_id; });
  if (!full && same < kMostWaitingPerDevice) return std::nullopt;
  ++counters_.busy;
  return Refuse(429, full ? "too much waits already" : "two uploads of this device wait already", kBusySeconds);
}

// On an I/O thread: only what costs nothing.
void CollectorImpl::Receive(serve::HttpRequest request, serve::Reply reply) {
  const std::string_view encoding = request.header("content-encoding");
  if (!encoding.empty() && encoding != "gzip" && encoding != "identity") return reply(Refuse(400, "Content-Encoding: gzip or none"));
  Upload upload;
  upload.device_id = DeviceOf(request);
  upload.device = request.subject.substr(request.subject.find(' ') + 1);
  upload.gzip = encoding == "gzip";
  upload.body = std::move(request.body);
  std::unique_lock lock(mutex_);
  if (std::optional<serve::HttpResponse> refusal = Refusal(upload.device_id, upload.body.size())) {  // It may have filled up meanwhile.
    lock.unlock();
    return reply(std::move(*refusal));
  }
  waiting_bytes_ += upload.body.size();
  waiting_.push_back({std::move(upload), std::move(reply), Clock::now()});
  lock.unlock();
  changed_.notify_one();
}

// Waits for work; what is taken has each device once and none that another thread is merging. Empty: stopping.
std::vector<Job> CollectorImpl::TakeBatch() {
  std::unique_lock lock(mutex_);
  std::vector<Job> batch;
  while (batch.empty()) {
    size_t bytes = 0;
    for (size_t i = 0; i < waiting_.size() && batch.size() < kMostUploadsPerBatch && bytes < kBytesPerBatch;) {
      Job& job = waiting_[i];
      if (!merging_.insert(job.upload.device_id).second) {
        ++i;
        continue;
      }
      bytes += job.upload.body.size();
      batch.push_back(std::move(job));
      waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    waiting_bytes_ -= bytes;
    if (batch.empty() && stopping_ && waiting_.empty()) return batch;
    if (batch.empty()) changed_.wait_for(lock, milliseconds(200));
  }
  return batch;
}

void CollectorImpl::Finish(std::vector<Job> batch, std::vector<Outcome> outcomes) {
  for (size_t i = 0; i < batch.size(); ++i) {
    const Outcome& o = outcomes[i];
    counters_.accepted += o.accepted;
    counters_.duplicate += o.duplicate;
    counters_.rejected += o.rejected;
    counters_.expired += o.expired;
    counters_.bytes += static_cast<int64_t>(batch[i].upload.body.size());
    ++(o.http == 503 ? counters_.away : counters_.uploads);
    batch[i].reply(Answer(o));
  }
  ++counters_.batches;
  {
    const std::lock_guard lock(mutex_);
    for (const Job& job : batch) merging_.erase(job.upload.device_id);
  }
  changed_.notify_all();
}

// The database is away, or what waits has waited too long: whoever waits is told so, instead of running into his own timeout.
void CollectorImpl::RefuseWaiting() {
  std::vector<Job> refused;
  {
    const std::lock_guard lock(mutex_);
    const auto now = Clock::now();
    while (!waiting_.empty() && (away_ || now - waiting_.front().since > kMostWait)) {
      waiting_bytes_ -= waiting_.front().upload.body.size();
      refused.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  counters_.away += static_cast<int64_t>(refused.size());
  for (Job& job : refused) job.reply(Refuse(503, "the database is slow or away", kAwaySeconds));
}

void CollectorImpl::Work() {
  std::optional<Merger> merger;
  while (true) {
    if (!merger || !merger->connected()) {
      merger.reset();
      Result<Merger> opened = Merger::Open(options_.database);
      away_ = !opened.ok();
      if (!opened.ok()) {
        RefuseWaiting();
        if (!Sleep(milliseconds(500))) return RefuseWaiting();
        continue;
      }
      merger.emplace(std::move(*opened));
    }
    std::vector<Job> batch = TakeBatch();
    if (batch.empty()) return;
    std::vector<const Upload*> uploads;
    for (const Job& job : batch) uploads.push_back(&job.upload);
    std::vector<Outcome> outcomes = merger->Merge(uploads);
    if (!merger->connected()) away_ = true;
    Finish(std::move(batch), std::move(outcomes));
    RefuseWaiting();
  }
}

bool CollectorImpl::Sleep(milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [this] { return stopping_.load(); });
}

// Tokens, partitions, retention, roll-ups: a connection of its own, so that none of it delays an upload.
void CollectorImpl::Maintain() {
  std::optional<Database> database;
  auto next_maintenance = Clock::now(), next_tokens = Clock::now() + seconds(2);
  do {
    RefuseWaiting();
    if (!database || !database->connected()) {
      database.reset();
      Result<Database> opened = Database::Connect(options_.database, 5);
      if (!opened.ok()) continue;
      database.emplace(std::move(*opened));
    }
    if (Clock::now() >= next_tokens) {
      (void)tokens_.Refresh(*database);
      next_tokens = Clock::now() + seconds(2);
    }
    if (Clock::now() >= next_maintenance && database->Run("SELECT fleet.maintain()").ok()) next_maintenance = Clock::now() + seconds(options_.maintain_seconds);
    for (bool more = true; more && !stopping_;) {
      Result<Rows> counted = database->Query("SELECT fleet.roll_up()");
      more = counted.ok() && counted->integer(0, 0) > 0;
    }
  } while (Sleep(seconds(1)));
}

serve::HttpResponse CollectorImpl::Metrics() {
  std::string text;
  const auto add = [&text](const char* name, const char* help, const char* type, int64_t value) {
    text += Format("# HELP octet_ingest_%s %s\n# TYPE octet_ingest_%s %s\noctet_ingest_%s %lld\n", name, help, name, type, name, static_cast<long long>(value));
  };
  add("records_total", "Records committed.", "counter", counters_.accepted);
  add("duplicates_total", "Records that were there already.", "counter", counters_.duplicate);
  add("rejected_total", "Lines refused alone.", "counter", counters_.rejected);
  add("expired_total", "Records older than retention.", "counter", counters_.expired);
  add("uploads_total", "Uploads answered.", "counter", counters_.uploads);
  add("batches_total", "Transactions.", "counter", counters_.batches);
  add("bytes_total", "Bytes of bodies as sent.", "counter", counters_.bytes);
  add("busy_total", "Uploads answered 429.", "counter", counters_.busy);
  add("away_total", "Uploads answered 503.", "counter", counters_.away);
  const serve::HttpStats stats = server_->stats();
  add("unauthorized_total", "Requests answered 401.", "counter", static_cast<int64_t>(stats.unauthorized));
  const std::lock_guard lock(mutex_);
  add("waiting_bytes", "Bytes that wait for a merge.", "gauge", static_cast<int64_t>(waiting_bytes_));
  serve::HttpResponse response = Ok(std::move(text));
  response.content_type = "text/plain; version=0.0.4";
  return response;
}

void CollectorImpl::Stop() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_.exchange(true)) return;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  if (server_) server_->Stop(seconds(5));
  std::deque<Job>().swap(waiting_);
}

}  // namespace

Result<std::unique_ptr<Collector>> Collector::Start(const CollectorOptions& options) {
  auto collector = std::make_unique<CollectorImpl>(options);
  OCTET_TRY(collector->Run());
  return std::unique_ptr<Collector>(std::move(collector));
}

}  // namespace octet::fleet
