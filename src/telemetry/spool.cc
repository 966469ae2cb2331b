// SPDX-License-Identifier: Apache-2.0
#include "telemetry/spool.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/random.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>
#include <utility>

namespace octet::telemetry {
namespace {

// Of the disk: what moving the log into the file may take (wal_autocheckpoint), and a little more. Of the records: what goes at once when it is full, and what
// is always kept of them.
constexpr int64_t kReserveBytes = 1280 << 10, kGiveUpBytes = 128 << 10, kLeastBytes = 64 << 10;

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS records(id INTEGER PRIMARY KEY AUTOINCREMENT, line TEXT NOT NULL, running_s INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS state(
  one INTEGER PRIMARY KEY CHECK (one = 1), spool TEXT NOT NULL, boot TEXT NOT NULL DEFAULT '', seq INTEGER NOT NULL DEFAULT 0, clean INTEGER NOT NULL DEFAULT 1,
  previous_boot TEXT NOT NULL DEFAULT '', previous_seq INTEGER NOT NULL DEFAULT 0, previous_clean INTEGER NOT NULL DEFAULT 1,
  committed INTEGER NOT NULL DEFAULT 0, dropped_bytes INTEGER NOT NULL DEFAULT 0, dropped_age INTEGER NOT NULL DEFAULT 0, dropped_rejected INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0, running_s INTEGER NOT NULL DEFAULT 0,
  pin_first INTEGER NOT NULL DEFAULT 0, pin_last INTEGER NOT NULL DEFAULT -1);
PRAGMA user_version = 1;
)";

// One prepared statement, values bound in order.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql) { sqlite3_prepare_v2(db, sql, -1, &statement_, nullptr); }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  Statement& Bind(int64_t value) {
    if (statement_) sqlite3_bind_int64(statement_, ++bound_, value);
    return *this;
  }
  Statement& Bind(const std::string& text) {
    if (statement_) sqlite3_bind_text(statement_, ++bound_, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }
  bool Row() { return statement_ && (code_ = sqlite3_step(statement_)) == SQLITE_ROW; }
  bool Done() { return !Row() && code_ == SQLITE_DONE; }  // For what gives no rows.
  bool ok() const { return code_ == SQLITE_ROW || code_ == SQLITE_DONE; }
  void Reset() {
    sqlite3_reset(statement_);
    bound_ = 0;
  }
  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  std::string Text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))) : "";
  }

 private:
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0, code_ = SQLITE_ERROR;
};

}  // namespace

struct Spool::Lock : std::mutex {};

// Rolled back unless committed.
struct Spool::Transaction {
  explicit Transaction(Spool* spool) : lock(*spool->lock_), spool_(*spool) {}
  ~Transaction() {
    if (open && !sqlite3_get_autocommit(spool_.db_)) sqlite3_exec(spool_.db_, "ROLLBACK", nullptr, nullptr, nullptr);
  }
  Status Begin() {
    OCTET_TRY(spool_.Run("BEGIN IMMEDIATE"));
    open = true;
    return {};
  }
  Status Commit() { return spool_.Run("COMMIT"); }
  std::lock_guard<std::mutex> lock;
  Spool& spool_;
  bool open = false;
};

std::string RandomHex(int digits) {
  std::string hex;
  while (static_cast<int>(hex.size()) < digits) {
    unsigned char byte = 0;
    if (::getrandom(&byte, 1, 0) == 1) hex += Format("%02x", byte);
  }
  hex.resize(static_cast<size_t>(digits));
  return hex;
}

Status Spool::Failed(const char* what) {
  const int code = sqlite3_errcode(db_) & 0xff;
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) damaged_ = true;
  full_ = code == SQLITE_FULL || sqlite3_extended_errcode(db_) == SQLITE_IOERR_WRITE;
  if (code == SQLITE_BUSY) return Error(Code::kIo, "telemetry spool '%s': another process has it, only one may; it is tried again", options_.path.c_str());
  return Error(Code::kIo, "telemetry spool '%s': %s: %s", options_.path.c_str(), what, sqlite3_errmsg(db_));
}

Status Spool::Run(const char* sql) { return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? Status() : Failed(sql); }

// Where there is no room, the log makes some. Where that is not enough, as others fill the disk, more of the oldest records go.
template <class F> Status Spool::Change(const F& change) {
  full_ = false;
  Status status = change();
  if (status.ok() || !std::exchange(full_, false)) return status;
  EndLog();
  status = change();
  if (status.ok() || !full_) return status;
  KeepFewer();
  return change();
}

// The log moves into the file and ends; the reserve helps.
void Spool::EndLog() {
  std::lock_guard lock(*lock_);
  std::remove((options_.path + ".reserve").c_str());
  sqlite3_wal_checkpoint_v2(db_, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
}

// From the next commit on.
void Spool::KeepFewer() {
  std::lock_guard lock(*lock_);
  Statement read(db_, "SELECT bytes FROM state");
  const int64_t bytes = std::min(room_.value_or(INT64_MAX), read.Row() ? read.Int(0) : 0);
  room_ = std::max(kLeastBytes, bytes - kGiveUpBytes);
}

int64_t Spool::FreeBytes() const {
  struct statvfs disk;
  if (::statvfs(options_.path.c_str(), &disk) != 0) return INT64_MAX;
  return static_cast<int64_t>(std::min(static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize), 1e15));
}

// When there is room for the reserve and as much again, there is room for records.
void Spool::Reserve() {
  if (FreeBytes() < 2 * kReserveBytes) return;
  room_.reset();
  const std::string path = options_.path + ".reserve";
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return;  // It is there; or nothing can be there.
  const bool whole = ::posix_fallocate(file, 0, kReserveBytes) == 0;
  ::close(file);
  if (!whole) std::remove(path.c_str());
}

Result<std::unique_ptr<Spool>> Spool::Open(const SpoolOptions& options, std::string* note) {
  for (int tries = 0;; ++tries) {
    std::unique_ptr<Spool> spool(new Spool);
    spool->lock_ = std::make_unique<Lock>();
    Status status = spool->Prepare(options);
    if (status.ok()) return spool;
    if (tries > 0 || !spool->damaged_) return status;
    spool.reset();
    const std::string aside = options.path + ".damaged";
    *note = status.message() + "; set aside as " + aside + ", a new one is begun";
    std::rename(options.path.c_str(), aside.c_str());
    std::remove((options.path + "-wal").c_str());
  }
}

Status Spool::Prepare(const SpoolOptions& options) {
  options_ = options;
  boot_ = RandomHex(16);
  if (sqlite3_open_v2(options.path.c_str(), &db_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr) != SQLITE_OK)
    return Failed("cannot open it");
  sqlite3_busy_timeout(db_, 2000);
  // One process has it; every commit is on disk before it counts.
  for (const char* sql : {"PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 250",
                          "PRAGMA journal_size_limit = 4194304", "PRAGMA temp_store = MEMORY"})
    OCTET_TRY(Run(sql));
  Statement check(db_, "PRAGMA quick_check(1)");
  if (!check.Row()) return Failed("cannot read it");
  if (check.Text(0) != "ok") {
    damaged_ = true;
    return Error(Code::kIo, "telemetry spool '%s': its pages are damaged: %s", options_.path.c_str(), check.Text(0).c_str());
  }
  OCTET_TRY(Change([this] { return BeginBoot(); }));
  Reserve();
  return {};
}

Status Spool::BeginBoot() {
  Transaction t(this);
  OCTET_TRY(t.Begin());
  OCTET_TRY(Run(kSchema));
  if (!Statement(db_, "INSERT OR IGNORE INTO state(one, spool) VALUES (1, ?)").Bind(RandomHex(16)).Done()) return Failed("cannot write it");
  if (!Statement(db_, "UPDATE state SET previous_boot = boot, previous_seq = seq, previous_clean = clean, boot = ?, seq = 0, clean = 0").Bind(boot_).Done())
    return Failed("cannot write it");
  return t.Commit();
}

Spool::~Spool() { sqlite3_close(db_); }

Status Spool::Commit(const std::vector<std::string>& bodies, int64_t lost, int64_t running_s) {
  OCTET_TRY(Change([&] { return TryCommit(bodies, lost, running_s); }));
  Reserve();
  return {};
}

Status Spool::TryCommit(const std::vector<std::string>& bodies, int64_t lost, int64_t running_s) {
  Transaction t(this);
  OCTET_TRY(t.Begin());
  Statement read(
      db_, "UPDATE state SET running_s = running_s + ?, seq = seq + ?, committed = committed + ?, dropped_bytes = dropped_bytes + ? RETURNING seq, running_s");
  if (!read.Bind(running_s).Bind(lost).Bind(lost).Bind(lost).Row()) return Failed("cannot count");
  int64_t seq = read.Int(0), bytes = 0;
  const int64_t now = read.Int(1);
  if (!read.Done()) return Failed("cannot count");
  Statement insert(db_, "INSERT INTO records(line, running_s) VALUES (?, ?)");
  for (const std::string& body : bodies) {
    const std::string line = "{\"v\":1,\"device\":\"" + options_.device + "\",\"boot\":\"" + boot_ + "\",\"seq\":" + std::to_string(++seq) + "," + body;
    bytes += static_cast<int64_t>(line.size());
    if (!insert.Bind(line).Bind(now).Done()) return Failed("cannot write a record");
    insert.Reset();
  }
  const auto added = static_cast<int64_t>(bodies.size());
  if (!Statement(db_, "UPDATE state SET seq = ?, committed = committed + ?, bytes = bytes + ?").Bind(seq).Bind(added).Bind(bytes).Done())
    return Failed("cannot count");
  OCTET_TRY(EnforceBounds(bytes));
  return t.Commit();
}

// The oldest go first; never those that are on their way. On a disk that is nearly full, records take the place of older ones: a file that grew to the
// last byte could not take up its log any more, and without its log nothing can be changed, deleting included.
Status Spool::EnforceBounds(int64_t added) {
  const auto drop = [&](const char* sql, int64_t value, const char* count) -> Status {
    int64_t records = 0, bytes = 0;
    Statement deleted(db_, sql);
    deleted.Bind(value);
    while (deleted.Row()) {
      ++records;
      bytes += deleted.Int(0);
    }
    if (!deleted.ok()) return Failed("cannot drop records");
    return records == 0 || Statement(db_, count).Bind(records).Bind(bytes).Done() ? Status() : Failed("cannot count");
  };
  OCTET_TRY(drop(
      "DELETE FROM records WHERE running_s < (SELECT running_s FROM state) - ? AND id NOT BETWEEN (SELECT pin_first FROM state) AND (SELECT pin_last FROM state) RETURNING length(CAST(line AS BLOB))",
      options_.max_age_s, "UPDATE state SET dropped_age = dropped_age + ?, bytes = bytes - ?"));
  Statement read(db_, "SELECT bytes FROM state");
  if (!read.Row()) return Failed("cannot read");
  if (!room_ && FreeBytes() < kReserveBytes) room_ = std::max(kLeastBytes, read.Int(0) - added);
  const int64_t excess = read.Int(0) - std::min(options_.max_bytes, room_.value_or(INT64_MAX));
  if (excess <= 0) return {};
  // Up to the record with which enough is gone.
  return drop(
      "DELETE FROM records WHERE id IN (SELECT id FROM (SELECT id, sum(length(CAST(line AS BLOB))) OVER (ORDER BY id) - length(CAST(line AS BLOB)) AS before FROM records "
      "WHERE id NOT BETWEEN (SELECT pin_first FROM state) AND (SELECT pin_last FROM state)) WHERE before < ?) RETURNING length(CAST(line AS BLOB))",
      excess, "UPDATE state SET dropped_bytes = dropped_bytes + ?, bytes = bytes - ?");
}

Result<Batch> Spool::Take(size_t max_lines, size_t max_bytes) {
  Batch batch;
  OCTET_TRY(Change([&] { return TryTake(max_lines, max_bytes, &batch); }));
  return batch;
}

Status Spool::TryTake(size_t max_lines, size_t max_bytes, Batch* taken) {
  Transaction t(this);
  OCTET_TRY(t.Begin());
  Statement pin(db_, "SELECT pin_first, pin_last FROM state");
  if (!pin.Row()) return Failed("cannot read");
  const int64_t first = pin.Int(0), last = pin.Int(1);
  const bool pinned = last >= first;
  Batch batch;
  size_t bytes = 0;
  Statement read(db_, "SELECT id, line FROM records WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?");
  read.Bind(pinned ? first : 0).Bind(pinned ? last : INT64_MAX).Bind(pinned ? INT64_MAX : static_cast<int64_t>(max_lines));
  while (read.Row()) {
    std::string line = read.Text(1);
    if (!pinned && !batch.lines.empty() && bytes + line.size() > max_bytes) break;
    bytes += line.size() + 1;
    if (batch.lines.empty()) batch.first = read.Int(0);
    batch.last = read.Int(0);
    batch.lines.push_back(std::move(line));
  }
  if (!read.ok()) return Failed("cannot read records");
  read.Reset();
  if (!pinned && !batch.lines.empty() && !Statement(db_, "UPDATE state SET pin_first = ?, pin_last = ?").Bind(batch.first).Bind(batch.last).Done())
    return Failed("cannot pin records");
  pin.Reset();
  OCTET_TRY(t.Commit());
  *taken = std::move(batch);
  return {};
}

Status Spool::Delivered(const Batch& batch, int64_t rejected) {
  return Change([&] { return TryDelivered(batch, rejected); });
}

Status Spool::TryDelivered(const Batch& batch, int64_t rejected) {
  Transaction t(this);
  OCTET_TRY(t.Begin());
  int64_t bytes = 0;
  for (const std::string& line : batch.lines) bytes += static_cast<int64_t>(line.size());
  if (!Statement(db_, "DELETE FROM records WHERE id BETWEEN ? AND ?").Bind(batch.first).Bind(batch.last).Done()) return Failed("cannot delete records");
  if (!Statement(db_, "UPDATE state SET bytes = bytes - ?, dropped_rejected = dropped_rejected + ?, pin_first = 0, pin_last = -1")
           .Bind(bytes)
           .Bind(rejected)
           .Done())
    return Failed("cannot count");
  return t.Commit();
}

Status Spool::Halve(const Batch& batch) {
  if (batch.lines.size() <= 1) return Delivered(batch, static_cast<int64_t>(batch.lines.size()));
  return Change([&] { return TryHalve(batch); });
}

Status Spool::TryHalve(const Batch& batch) {
  Transaction t(this);
  OCTET_TRY(t.Begin());
  Statement half(db_, "UPDATE state SET pin_last = (SELECT id FROM records WHERE id >= pin_first ORDER BY id LIMIT 1 OFFSET ?)");
  if (!half.Bind(static_cast<int64_t>(batch.lines.size() / 2) - 1).Done()) return Failed("cannot pin records");
  return t.Commit();
}

Result<SpoolStatus> Spool::Read() {
  std::lock_guard lock(*lock_);
  Statement s(
      db_,
      "SELECT spool, boot, previous_boot, committed, dropped_bytes, dropped_age, dropped_rejected, (SELECT count(*) FROM records), bytes, previous_seq, previous_clean FROM state");
  if (!s.Row()) return Failed("cannot read");
  return SpoolStatus{s.Text(0), s.Text(1), s.Text(2), s.Int(3), s.Int(4), s.Int(5), s.Int(6), s.Int(7), s.Int(8), s.Int(9), s.Int(10) != 0};
}

Status Spool::Close() {
  std::lock_guard lock(*lock_);
  return Run("UPDATE state SET clean = 1");
}

}  // namespace octet::telemetry
