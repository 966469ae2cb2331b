// SPDX-License-Identifier: Apache-2.0
// octet_fleet_load: plays N devices against the real collector and database, and measures. See --help.
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

#include "cli/fleet_players.h"
#include "fleet/batch.h"
#include "fleet/schema.h"
#include "report/json.h"

namespace octet::cli {
namespace {

using Clock = std::chrono::steady_clock;
using fleet::ArrayText, fleet::Database, fleet::DimensionCache, fleet::Merger, fleet::Outcome, fleet::Parameter, fleet::Rows, fleet::Upload;

struct Options {
  PlayOptions play;
  std::string database, mode = "http", dump;
  int port = 8088, threads = 2;
  double duplicates = 0.02, give_up_s = 600;
  bool ahead = false;
};

struct Totals {
  std::atomic<int64_t> records{0}, uploads{0}, accepted{0}, duplicate{0}, rejected{0}, retries{0}, bytes{0};
};

std::string TokenOf(const std::string& device) { return "octet_load_" + device; }

// One connection to the collector, kept open; a lost one is opened again with the next request.
class Client {
 public:
  explicit Client(int port) : port_(port) {}
  ~Client() { Close(); }
  // The status code, 0 when there was no answer; the body in `answer`.
  int Post(const std::string& token, const std::string& body, std::string* answer) {
    const std::string head = Format(
        "POST /v1/telemetry HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/x-ndjson\r\nContent-Length: %zu\r\n\r\n",
        token.c_str(), body.size());
    if ((fd_ < 0 && !Open()) || !Send(head) || !Send(body)) return Close(), 0;
    return Receive(answer);
  }

 private:
  bool Open() {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<uint16_t>(port_));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{60, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    const int at_once = 1;  // Head and body are two sends: held back, the second would wait 40 ms for the first's acknowledgement.
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) return true;
    Close();
    return false;
  }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }
  int Receive(std::string* answer) {
    std::string got;
    char piece[16384];
    while (true) {
      const size_t end = got.find("\r\n\r\n"), at = got.find("Content-Length: ");
      if (end != std::string::npos) {
        const size_t length = at < end ? std::stoul(got.substr(at + 16)) : 0;
        if (got.size() >= end + 4 + length) {
          *answer = got.substr(end + 4, length);
          if (got.find("Connection: close") < end) Close();
          return std::atoi(got.c_str() + 9);
        }
      }
      const ssize_t n = ::recv(fd_, piece, sizeof piece, 0);
      if (n <= 0) return Close(), 0;
      got.append(piece, static_cast<size_t>(n));
    }
  }
  int port_, fd_ = -1;
};

int64_t FieldOf(const std::string& json, const std::string& name) {
  const size_t at = json.find("\"" + name + "\":");
  return at == std::string::npos ? 0 : std::atoll(json.c_str() + at + name.size() + 3);
}

// Sends until it is answered for good, as a device would.
bool Deliver(Client& client, const Player& player, const std::string& body, const Options& o, Totals* totals) {
  const auto deadline = Clock::now() + std::chrono::duration<double>(o.give_up_s);
  while (Clock::now() < deadline) {
    std::string answer;
    const int code = client.Post(TokenOf(player.name()), body, &answer);
    if (code == 200) {
      totals->accepted += FieldOf(answer, "accepted");
      totals->duplicate += FieldOf(answer, "duplicate");
      totals->rejected += FieldOf(answer, "rejected");
      return true;
    }
    if (code == 400 || code == 413) return std::fprintf(stderr, "%d: %s\n", code, answer.c_str()), false;
    ++totals->retries;
    std::this_thread::sleep_for(std::chrono::milliseconds(code == 0 ? 50 : 200));
  }
  return false;
}

struct Planned {
  const Player* player;
  std::string body;
};

// Every thread plays each `threads`-th device, upload after upload. With --ahead all uploads are made before the clock starts.
class Schedule {
 public:
  Schedule(const Options& o, std::vector<std::unique_ptr<Player>>& players, int thread)
      : o_(o), players_(players), first_(static_cast<size_t>(thread)), at_(first_) {
    Planned planned;
    while (o.ahead && Make(&planned)) ahead_.push_back(std::move(planned));
  }
  bool Next(Planned* out) {
    if (!o_.ahead) return Make(out);
    if (taken_ == ahead_.size()) return false;
    *out = std::move(ahead_[taken_++]);
    return true;
  }

 private:
  bool Make(Planned* out) {
    while (from_ < o_.play.minutes) {
      if (at_ >= players_.size()) {
        at_ = first_;
        from_ += o_.play.batch_minutes;
        continue;
      }
      Player& player = *players_[at_];
      at_ += static_cast<size_t>(o_.threads);
      *out = {&player, player.Upload(from_, std::min(o_.play.minutes, from_ + o_.play.batch_minutes))};
      if (!out->body.empty()) return true;
    }
    return false;
  }
  const Options& o_;
  std::vector<std::unique_ptr<Player>>& players_;
  size_t first_, at_, taken_ = 0;
  int from_ = 0;
  std::vector<Planned> ahead_;
};

// Returns the seconds that sending took, negative after a failure.
template <class Send> double PlayAll(const Options& o, std::vector<std::unique_ptr<Player>>& players, Totals* totals, Send make_send) {
  std::atomic<bool> good{true};
  std::vector<std::unique_ptr<Schedule>> schedules;
  for (int t = 0; t < o.threads; ++t) schedules.push_back(std::make_unique<Schedule>(o, players, t));
  const auto start = Clock::now();
  std::vector<std::thread> threads;
  for (int t = 0; t < o.threads; ++t)
    threads.emplace_back([&, t] {
      auto send = make_send();
      for (Planned planned; good && schedules[static_cast<size_t>(t)]->Next(&planned);) {
        ++totals->uploads;
        totals->bytes += static_cast<int64_t>(planned.body.size());
        if (!send(*planned.player, planned.body)) good = false;
      }
      if (!send.Flush()) good = false;
    });
  for (std::thread& thread : threads) thread.join();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  return good ? seconds : -seconds;
}

struct OverHttp {
  OverHttp(const Options& options, Totals* all) : o(options), totals(all), client(std::make_unique<Client>(o.port)), random(o.play.seed) {}
  const Options& o;
  Totals* totals;
  std::unique_ptr<Client> client;
  std::mt19937_64 random;
  bool operator()(const Player& player, const std::string& body) {
    if (!Deliver(*client, player, body, o, totals)) return false;
    return std::uniform_real_distribution<double>(0, 1)(random) >= o.duplicates || Deliver(*client, player, body, o, totals);  // As after a lost answer.
  }
  bool Flush() { return true; }
};

// What the collector does behind HTTP, without HTTP.
struct Direct {
  const Options& o;
  Totals* totals;
  std::shared_ptr<Merger> merger;
  const std::unordered_map<std::string, int>& ids;
  std::vector<Upload> waiting;
  size_t bytes = 0;
  std::set<int> devices;  // In `waiting`: each at most once.
  bool operator()(const Player& player, const std::string& body) {
    const int id = ids.at(player.name());
    if (!devices.insert(id).second && (!Flush() || !devices.insert(id).second)) return false;
    bytes += body.size();
    waiting.push_back({id, player.name(), body, false});
    return waiting.size() < 512 && bytes < (8 << 20) ? true : Flush();
  }
  bool Flush() {
    devices.clear();
    std::vector<const Upload*> uploads;
    for (const Upload& upload : waiting) uploads.push_back(&upload);
    bool good = true;
    for (const Outcome& outcome : merger->Merge(uploads)) {
      totals->accepted += outcome.accepted;
      totals->duplicate += outcome.duplicate;
      totals->rejected += outcome.rejected;
      if (outcome.http != 200) good = (std::fprintf(stderr, "%d: %s\n", outcome.http, outcome.error.c_str()), false);
    }
    waiting.clear();
    bytes = 0;
    return good;
  }
};

// The rows themselves into a file, for COPY alone.
struct ToFile {
  std::FILE* file;
  std::shared_ptr<Database> database;
  std::shared_ptr<DimensionCache> dimensions;
  const std::unordered_map<std::string, int>& ids;
  bool operator()(const Player& player, const std::string& body) {
    std::string rows;
    for (size_t at = 0; at < body.size();) {
      const size_t end = body.find('\n', at);
      (void)fleet::ParseLine(std::string_view(body).substr(at, end - at), ids.at(player.name()), player.name(), *dimensions, &rows);
      at = end + 1;
    }
    return std::fwrite(rows.data(), 1, rows.size(), file) == rows.size();
  }
  bool Flush() { return true; }
};

// Devices and tokens in bulk, as `octet fleet token` makes them one by one.
Status Enrol(Database& database, const std::vector<std::unique_ptr<Player>>& players) {
  constexpr size_t kPiece = 10'000;
  for (size_t from = 0; from < players.size(); from += kPiece) {
    std::vector<Parameter> names, hashes;
    for (size_t i = from; i < std::min(players.size(), from + kPiece); ++i) {
      names.emplace_back(players[i]->name());
      hashes.emplace_back(fleet::Hex(fleet::Sha256(TokenOf(players[i]->name()))));
    }
    OCTET_ASSIGN(
        [[maybe_unused]] const Rows rows,
        database.Query(
            "WITH d AS (INSERT INTO fleet.device (name) SELECT unnest($1::text[]) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id, name) "
            "INSERT INTO fleet.token (hash, device_id) SELECT decode(x.hash, 'hex'), d.id FROM unnest($1::text[], $2::text[]) AS x(name, hash) JOIN d ON d.name = x.name ON CONFLICT DO NOTHING",
            {ArrayText(names), ArrayText(hashes)}));
  }
  return {};
}

Result<std::unordered_map<std::string, int>> DeviceNumbers(Database& database) {
  OCTET_ASSIGN(const Rows rows, database.Query("SELECT name, id FROM fleet.device"));
  std::unordered_map<std::string, int> ids;
  for (int i = 0; i < rows.size(); ++i) ids.emplace(std::string(rows.text(i, 0)), static_cast<int>(rows.integer(i, 1)));
  return ids;
}

Result<int> Load(Options o) {
  if (o.play.until_us == 0)
    o.play.until_us = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<std::unique_ptr<Player>> players;
  for (int i = 0; i < o.play.devices; ++i) players.push_back(std::make_unique<Player>(o.play, i));
  OCTET_ASSIGN(Database database, Database::Connect(o.database));
  OCTET_TRY(Enrol(database, players));
  OCTET_ASSIGN(const auto ids, DeviceNumbers(database));
  if (o.mode == "http") std::this_thread::sleep_for(std::chrono::seconds(3));  // The collector reads tokens every two seconds.
  std::vector<std::shared_ptr<Merger>> mergers;
  for (int t = 0; o.mode == "direct" && t < o.threads; ++t) {
    OCTET_ASSIGN(Merger merger, Merger::Open(o.database));
    mergers.push_back(std::make_shared<Merger>(std::move(merger)));
  }
  Totals totals;
  std::atomic<size_t> next{0};
  double seconds = 0;
  if (o.mode == "http") {
    seconds = PlayAll(o, players, &totals, [&] { return OverHttp(o, &totals); });
  } else if (o.mode == "direct") {
    seconds = PlayAll(o, players, &totals, [&] { return Direct{o, &totals, mergers[next++], ids, {}, 0, {}}; });
  } else {
    o.threads = 1;
    std::FILE* file = std::fopen(o.dump.c_str(), "w");
    if (!file) return Error(Code::kIo, "%s: cannot be written", o.dump.c_str());
    auto shared = std::make_shared<Database>(std::move(database));
    seconds = PlayAll(o, players, &totals, [&] { return ToFile{file, shared, std::make_shared<DimensionCache>(shared.get()), ids}; });
    if (std::fclose(file) != 0) return Error(Code::kIo, "%s: cannot be written", o.dump.c_str());
  }
  int64_t records = 0;
  for (const auto& player : players) records += player->committed();
  report::Json j;
  j.Object().Field("devices", o.play.devices).Field("records", records).Field("accepted", totals.accepted.load()).Field("duplicate", totals.duplicate.load()).Field("rejected", totals.rejected.load());
  j.Field("uploads", totals.uploads.load()).Field("retries", totals.retries.load()).Field("bytes", totals.bytes.load()).Field("seconds", std::abs(seconds)).Field("records_per_s", static_cast<double>(records) / std::abs(seconds)).End();
  std::printf("%s\n", j.text().c_str());
  return seconds > 0 ? 0 : 1;
}

}  // namespace
}  // namespace octet::cli

int main(int argc, char** argv) {
  octet::cli::Options o;
  CLI::App app{"Plays devices against the collector (http), or straight into the database (direct), or writes COPY rows to a file (dump)."};
  app.add_option("--mode", o.mode)->check(CLI::IsMember({"http", "direct", "dump"}))->capture_default_str();
  app.add_option("--database", o.database, "As the schema's owner")->required();
  app.add_option("--port", o.port, "Of the collector")->capture_default_str();
  app.add_option("--dump", o.dump, "File of --mode dump");
  app.add_option("--threads", o.threads)->capture_default_str();
  app.add_option("--devices", o.play.devices)->capture_default_str();
  app.add_option("--minutes", o.play.minutes)->capture_default_str();
  app.add_option("--batch-minutes", o.play.batch_minutes)->capture_default_str();
  app.add_option("--inferences", o.play.inferences, "A minute")->capture_default_str();
  app.add_option("--operators-every", o.play.operators_every, "Minutes")->capture_default_str();
  app.add_option("--seed", o.play.seed)->capture_default_str();
  app.add_option("--offline", o.play.offline, "Share of devices with an offline spell")->capture_default_str();
  app.add_option("--skewed", o.play.skewed, "Share of devices with a wrong clock")->capture_default_str();
  app.add_option("--duplicates", o.duplicates, "Share of uploads sent twice")->capture_default_str();
  app.add_option("--slow-class", o.play.slow_class, "Hardware model that the new version makes slower …");
  app.add_option("--slow-factor", o.play.slow_factor, "… by this factor")->capture_default_str();
  app.add_flag("--ahead", o.ahead, "Make all uploads before the clock starts");
  app.add_option("--give-up", o.give_up_s, "Seconds")->capture_default_str();
  app.add_option("--until-us", o.play.until_us, "When the last minute ends; now if not given");
  CLI11_PARSE(app, argc, argv);
  octet::Result<int> done = octet::cli::Load(o);
  if (done.ok()) return *done;
  std::fprintf(stderr, "octet_fleet_load: %s\n", done.error().message().c_str());
  return 2;
}
