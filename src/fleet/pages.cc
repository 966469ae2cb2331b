// SPDX-License-Identifier: Apache-2.0
#include "fleet/pages.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <vector>

#include "fleet/database.h"
#include "fleet/json_cursor.h"
#include "fleet/report.h"
#include "fleet/schema.h"
#include "serve/http_server.h"
#include "serve/routes.h"

namespace octet::fleet {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kConnections = 4;
constexpr std::chrono::seconds kReportAge{30};  // A report of a large fleet takes a second: not for every reader.

// What a page asks: a SELECT whose rows become a JSON array. {name} parts of the query string are $1, $2, …
struct Question {
  const char* path;
  std::vector<const char*> parameters;
  const char* sql;
};

const Question kQuestions[] = {
    {"/api/totals", {}, "SELECT (SELECT count(last_seen) FROM fleet.device) AS devices, (SELECT count(*) FROM fleet.device WHERE last_seen < now() - fleet.setting('silent_hours') * interval '1 hour') AS silent, "
                        "sum(ok) AS inferences, sum(errors) AS errors, round((sum(span_s) FILTER (WHERE throttled) / nullif(sum(span_s), 0))::numeric, 4)::float8 AS throttled, max(at) AS at "
                        "FROM fleet.hourly WHERE at > now() - interval '7 days'"},
    {"/api/hours", {"model"}, "SELECT at, extract(epoch FROM at)::int AS t, ok, fleet.quantile_ms(h, 0.5) AS p50, fleet.quantile_ms(h, 0.95) AS p95, fleet.quantile_ms(h, 0.99) AS p99 FROM ("
                              "SELECT at, sum(ok) AS ok, fleet.hist_merge(invoke) AS h FROM fleet.hourly WHERE NOT overflow AND at > now() - interval '7 days' AND model = $1 GROUP BY at) x ORDER BY at"},
    {"/api/models", {}, "SELECT model, sum(ok) AS inferences, count(DISTINCT version) AS versions, count(DISTINCT device_model) AS kinds, fleet.quantile_ms(fleet.hist_merge(invoke), 0.5) AS p50, "
                        "fleet.quantile_ms(fleet.hist_merge(invoke), 0.95) AS p95 FROM fleet.daily WHERE NOT overflow AND at > now() - interval '30 days' GROUP BY model ORDER BY inferences DESC"},
    {"/api/distributions", {"model"}, "SELECT device_model, soc, cpu, delegate, ok, h, fleet.quantile_ms(h, 0.5) AS p50, fleet.quantile_ms(h, 0.95) AS p95, fleet.quantile_ms(h, 0.99) AS p99 FROM ("
                                      "SELECT device_model, min(soc) AS soc, min(cpu) AS cpu, delegate, sum(ok) AS ok, fleet.hist_merge(invoke) AS h FROM fleet.daily "
                                      "WHERE NOT overflow AND at > now() - interval '7 days' AND model = $1 GROUP BY device_model, delegate) x WHERE h IS NOT NULL ORDER BY p50"},
    {"/api/sides", {"model"}, "SELECT p.before, p.after, d.device_model, d.delegate, d.version, d.ok, d.h FROM fleet.version_pairs p JOIN ("
                              "SELECT model, version, device_model, delegate, sum(ok) AS ok, fleet.hist_merge(invoke) AS h FROM fleet.daily WHERE NOT overflow AND at > now() - interval '30 days' AND model = $1 "
                              "GROUP BY model, version, device_model, delegate) d ON d.model = p.model AND d.version IN (p.before, p.after) WHERE h IS NOT NULL"},
    {"/api/worst", {}, "SELECT * FROM fleet.worst_devices LIMIT 30"},
    {"/api/recent", {}, "SELECT d.name AS device, h.model AS device_model, d.rows, d.last_seen FROM fleet.device d LEFT JOIN fleet.hardware h ON h.id = d.hardware_id WHERE d.last_seen IS NOT NULL ORDER BY d.last_seen DESC LIMIT 12"},
    {"/api/stages", {}, "SELECT * FROM fleet.stages ORDER BY total_s DESC LIMIT 40"},
    {"/api/operators", {"model"}, "SELECT * FROM fleet.operators WHERE model = $1 ORDER BY device_model, version, share DESC"},
    {"/api/device", {"name"}, "SELECT d.name, d.rows, d.first_seen, d.last_seen, d.bytes, h.model AS device_model, h.soc, h.cpu, h.os, h.driver, h.mem_mb, a.committed, a.dropped, a.missing, a.skew_us "
                              "FROM fleet.device d LEFT JOIN fleet.hardware h ON h.id = d.hardware_id LEFT JOIN fleet.accounts a ON a.device_id = d.id WHERE d.name = $1"},
    {"/api/history", {"name"}, "SELECT extract(epoch FROM at)::int AS t, s.model, s.version, s.delegate, s.thermal, r.ok, r.errors, r.temp_c, fleet.quantile_ms(invoke, 0.5) AS p50, fleet.quantile_ms(invoke, 0.95) AS p95 "
                               "FROM fleet.record r JOIN fleet.series s ON s.id = r.series_id WHERE device_id = (SELECT id FROM fleet.device WHERE name = $1) AND at > now() - interval '2 days' AND invoke IS NOT NULL "
                               "ORDER BY at LIMIT 3000"},
    {"/api/deviceops", {"name"}, "SELECT extract(epoch FROM at)::int AS t, s.model, o.op, fleet.ms(fleet.hist_mean(o.h::bigint[])) AS ms FROM fleet.record r JOIN fleet.series s ON s.id = r.series_id "
                                 "CROSS JOIN LATERAL jsonb_each_text(r.ops) AS o(op, h) WHERE device_id = (SELECT id FROM fleet.device WHERE name = $1) AND at > now() - interval '2 days' AND ops IS NOT NULL ORDER BY at LIMIT 5000"},
};

// The value of a name in a query string; nothing where it is no text that the database takes.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    std::string pair(query.substr(0, end));
    query.remove_prefix(std::min(end + 1, query.size()));
    if (!pair.starts_with(name) || pair.size() <= name.size() || pair[name.size()] != '=') continue;
    std::ranges::replace(pair, '+', ' ');
    std::string value;
    const bool text = serve::PercentDecode(std::string_view(pair).substr(name.size() + 1), &value) && IsUtf8(value) && value.find('\0') == std::string::npos;
    return text ? std::optional(value) : std::nullopt;
  }
  return "";
}

serve::HttpResponse Page(std::string content_type, std::string body) {
  serve::HttpResponse response;
  response.content_type = std::move(content_type);
  response.body = std::move(body);
  response.headers = {{"X-Content-Type-Options", "nosniff"}, {"Referrer-Policy", "no-referrer"}, {"X-Frame-Options", "DENY"},
                      {"Content-Security-Policy", "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'"}};
  return response;
}

class PagesImpl final : public Pages {
 public:
  explicit PagesImpl(const PagesOptions& options) : options_(options) {}
  ~PagesImpl() override { Stop(); }
  uint16_t port() const override { return server_->port(); }
  void Stop() override {
    if (server_) server_->Stop(std::chrono::seconds(5));
  }

  Status Run() {
    OCTET_ASSIGN(Database database, Database::Connect(options_.database));
    OCTET_TRY(CheckSchema(database));
    serve::HttpOptions http;
    http.address = options_.address;
    http.port = options_.port;
    http.cert_file = options_.cert_file;
    http.key_file = options_.key_file;
    http.max_body_bytes = 1024;
    http.workers = kConnections;
    server_ = std::make_unique<serve::HttpServer>(http);
    server_->On("GET", "/", [](const serve::HttpRequest&) { return Page("text/html; charset=utf-8", std::string(PagesHtml())); });
    server_->On("GET", "/health", [](const serve::HttpRequest&) { return Page("application/json", "{\"live\":true}"); });
    server_->On("GET", "/api/report", [this](const serve::HttpRequest&) { return Report(); });
    for (const Question& question : kQuestions)
      server_->On("GET", question.path, [this, &question](const serve::HttpRequest& request) { return Answer(question, request); });
    return server_->Start();
  }

 private:
  serve::HttpResponse Answer(const Question& question, const serve::HttpRequest& request) {
    std::vector<Parameter> parameters;
    for (const char* name : question.parameters) {
      std::optional<std::string> value = QueryValue(request.query, name);
      if (!value) return serve::JsonError(400, std::string("expected UTF-8 without zero bytes for ") + name + ", percent-encoded");
      parameters.emplace_back(std::move(value));
    }
    Result<Lease> lease = Borrow();
    if (!lease.ok()) return serve::JsonError(503, lease.error().message());
    Result<Rows> rows = lease->database->Query(std::string("SELECT coalesce(json_agg(answer), '[]') FROM (") + question.sql + ") answer", parameters);
    if (!rows.ok()) return serve::JsonError(503, rows.error().message());
    return Page("application/json", std::string(rows->text(0, 0)));
  }

  serve::HttpResponse Report() {
    const std::lock_guard lock(report_mutex_);
    if (report_.empty() || Clock::now() - reported_ > kReportAge) {
      Result<Lease> lease = Borrow();
      if (!lease.ok()) return serve::JsonError(503, lease.error().message());
      Result<FleetReport> report = MakeReport(*lease->database, {});
      if (!report.ok()) return serve::JsonError(503, report.error().message());
      report_ = JsonOf(*report);
      reported_ = Clock::now();
    }
    return Page("application/json", report_);
  }

  // A connection that goes back when it is dropped, unless it broke.
  struct Lease {
    PagesImpl* owner;
    std::unique_ptr<Database> database;
    Lease(PagesImpl* pages, std::unique_ptr<Database> connection) : owner(pages), database(std::move(connection)) {}
    Lease(Lease&&) = default;
    ~Lease() {
      if (!database || !database->connected()) return;
      const std::lock_guard lock(owner->mutex_);
      owner->free_.push_back(std::move(database));
    }
  };

  Result<Lease> Borrow() {
    {
      const std::lock_guard lock(mutex_);
      if (!free_.empty()) {
        std::unique_ptr<Database> database = std::move(free_.back());
        free_.pop_back();
        return Lease(this, std::move(database));
      }
    }
    OCTET_ASSIGN(Database opened, Database::Connect(options_.database, 5));
    OCTET_TRY(opened.Run("SET statement_timeout = '20s'; SET default_transaction_read_only = on; SET jit = off"));
    return Lease(this, std::make_unique<Database>(std::move(opened)));
  }

  PagesOptions options_;
  std::mutex mutex_, report_mutex_;
  std::vector<std::unique_ptr<Database>> free_;
  std::string report_;
  Clock::time_point reported_{};
  std::unique_ptr<serve::HttpServer> server_;
};

}  // namespace

Result<std::unique_ptr<Pages>> Pages::Start(const PagesOptions& options) {
  auto pages = std::make_unique<PagesImpl>(options);
  OCTET_TRY(pages->Run());
  return std::unique_ptr<Pages>(std::move(pages));
}

}  // namespace octet::fleet
