// SPDX-License-Identifier: Apache-2.0
#include "fleet/batch.h"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "fleet/batch_sums.h"

namespace octet::fleet {

namespace {
constexpr size_t kMostCached = 100'000;
constexpr size_t kMostErrors = 10;

bool IsRetryable(const std::string& sqlstate) { return sqlstate.starts_with("40"); }  // Deadlock, serialization.
// The database cannot now: out of resources, stopped by its operator, locked too long.
bool IsDatabaseTrouble(const std::string& sqlstate) {
  for (const char* kind : {"08", "53", "55", "57", "58", "25", "XX"})
    if (sqlstate.starts_with(kind)) return true;
  return sqlstate.empty();
}
}  // namespace

Result<std::string> Gunzip(std::string_view bytes, size_t most) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) return Error(Code::kOutOfMemory, "no memory to unpack");
  std::string out;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  int state = Z_OK;
  char piece[1 << 16];
  while (state == Z_OK && out.size() <= most) {
    stream.next_out = reinterpret_cast<Bytef*>(piece);
    stream.avail_out = sizeof piece;
    state = inflate(&stream, Z_NO_FLUSH);
    if (state != Z_OK && state != Z_STREAM_END) break;
    if (state == Z_OK && stream.avail_out == sizeof piece) break;  // Input ended in the middle.
    out.append(piece, sizeof piece - stream.avail_out);
  }
  inflateEnd(&stream);
  if (out.size() > most) return Error(Code::kOutOfMemory, "more than %zu bytes when unpacked", most);
  if (state != Z_STREAM_END) return Error(Code::kInvalidArgument, "the body is not gzip, or ends too soon");
  return out;
}

int DimensionCache::Number(Numbers* known, const char* sql, int device_id, std::string_view object) {
  if (const auto it = known->find(object); it != known->end()) return it->second;
  if (failed_) return 0;
  Result<Rows> rows = database_->Query(sql, {std::to_string(device_id), std::string(object)});
  if (!rows.ok()) {
    failed_ = IsDatabaseTrouble(database_->sqlstate());
    return 0;
  }
  if (rows->null(0, 0)) return 0;
  if (known->size() >= kMostCached) known->clear();
  return known->emplace(object, static_cast<int>(rows->integer(0, 0))).first->second;
}

struct ParsedRecord {
  Identity identity;
  size_t begin, end;  // Its row in `rows`.
  int hardware;
  enum { kNew, kThere, kExpired } state = kNew;
};

struct Merger::Parsed {
  const Upload* upload;
  Outcome outcome;
  std::string rows;
  Parameter status;
  std::vector<ParsedRecord> records;
};

namespace {

// A column of a batch as an array literal.
class Column {
 public:
  void Add(int64_t value) { Separate(), text_ += std::to_string(value); }
  void AddNull() { Separate(), text_ += "NULL"; }
  std::string Text() const { return text_ + "}"; }

 private:
  void Separate() { text_ += text_.size() > 1 ? "," : ""; }
  std::string text_ = "{";
};

}  // namespace

Result<Merger> Merger::Open(const std::string& url) {
  OCTET_ASSIGN(Database connected, Database::Connect(url, 5));
  auto database = std::make_unique<Database>(std::move(connected));
  OCTET_TRY(database->Run("SET statement_timeout = '60s'; SET lock_timeout = '20s'; SET jit = off"));
  return Merger(std::move(database));
}

Merger::Parsed Merger::Parse(const Upload& upload) {
  Parsed parsed{&upload, {}, {}, {}, {}};
  const auto fail = [&parsed](int http, std::string error) {
    parsed.outcome.http = http;
    parsed.outcome.error = std::move(error);
  };
  std::string unpacked;
  if (upload.gzip) {
    Result<std::string> bytes = Gunzip(upload.body, kMostUnpackedBytes);
    if (!bytes.ok()) return fail(bytes.error().code() == Code::kOutOfMemory ? 413 : 400, bytes.error().message()), parsed;
    unpacked = std::move(*bytes);
  }
  std::string_view text = upload.gzip ? std::string_view(unpacked) : std::string_view(upload.body);
  int number = 0, lines = 0;
  std::set<Identity> seen;
  parsed.rows.reserve(text.size());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    if (++lines > kMostLines) return fail(413, Format("more than %d lines", kMostLines)), parsed;
    const size_t begin = parsed.rows.size();
    const Line read = ParseLine(line, upload.device_id, upload.device, *dimensions_, &parsed.rows);
    if (read.error) {
      ++parsed.outcome.rejected;
      const std::string_view field = read.field.substr(0, 64);
      if (parsed.outcome.errors.size() < kMostErrors) parsed.outcome.errors.push_back({number, (field.empty() ? "" : std::string(field) + ": ") + read.error});
    } else if (read.status) {
      parsed.status = std::string(line);
    } else if (seen.insert(read.identity).second) {
      parsed.records.push_back({read.identity, begin, parsed.rows.size(), read.hardware});
    } else {
      ++parsed.outcome.duplicate;
    }
  }
  if (lines == 0) fail(400, "no lines");
  return parsed;
}

// Marks what the database has already, or does not want any more.
Status Merger::Filter(const std::vector<Parsed*>& parts, bool thorough) {
  Column devices, boots, seqs, ats;
  std::vector<ParsedRecord*> records;
  for (Parsed* part : parts)
    for (ParsedRecord& record : part->records) {
      devices.Add(part->upload->device_id);
      boots.Add(record.identity.boot);
      seqs.Add(record.identity.seq);
      ats.Add(record.identity.start_us);
      record.state = ParsedRecord::kNew;
      records.push_back(&record);
    }
  OCTET_ASSIGN(const Rows rows, database_->Query("SELECT place, expired FROM fleet.begin_batch($1, $2, $3, $4, $5)",
                                                 {devices.Text(), boots.Text(), seqs.Text(), ats.Text(), thorough ? "t" : "f"}));
  for (int i = 0; i < rows.size(); ++i)
    records[static_cast<size_t>(rows.integer(i, 0) - 1)]->state = rows.text(i, 1) == "t" ? ParsedRecord::kExpired : ParsedRecord::kThere;
  return {};
}

Status Merger::Account(const std::vector<Parsed*>& parts) {
  Column devices, accepted, expired, rejected, bytes, hardware, last_us, boot_devices, boots, boot_rows, max_seqs;
  std::vector<Parameter> statuses;
  for (Parsed* part : parts) {
    struct Boot { int64_t rows = 0, max_seq = 0; };
    std::map<int64_t, Boot> by_boot;
    int64_t fresh = 0, old = 0, last = 0;
    int last_hardware = 0;
    for (const ParsedRecord& record : part->records) {
      old += record.state == ParsedRecord::kExpired;
      if (record.state != ParsedRecord::kNew) continue;
      Boot& boot = by_boot[record.identity.boot];
      ++fresh, ++boot.rows;
      boot.max_seq = std::max(boot.max_seq, record.identity.seq);
      last = std::max(last, record.identity.start_us);
      last_hardware = record.hardware;
    }
    const int device = part->upload->device_id;
    devices.Add(device), accepted.Add(fresh), expired.Add(old), rejected.Add(part->outcome.rejected),
        bytes.Add(static_cast<int64_t>(part->upload->body.size()));
    fresh > 0 ? hardware.Add(last_hardware) : hardware.AddNull();
    fresh > 0 ? last_us.Add(last) : last_us.AddNull();
    statuses.push_back(part->status);
    for (const auto& [number, boot] : by_boot) boot_devices.Add(device), boots.Add(number), boot_rows.Add(boot.rows), max_seqs.Add(boot.max_seq);
  }
  OCTET_ASSIGN([[maybe_unused]] const Rows done,
               database_->Query("SELECT fleet.end_batch($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
                                {devices.Text(), accepted.Text(), expired.Text(), rejected.Text(), bytes.Text(), hardware.Text(), last_us.Text(), ArrayText(statuses), boot_devices.Text(), boots.Text(),
                                 boot_rows.Text(), max_seqs.Text()}));
  return {};
}

Status Merger::Commit(std::vector<Parsed*>& parts, bool thorough) {
  std::sort(parts.begin(), parts.end(), [](const Parsed* a, const Parsed* b) { return a->upload->device_id < b->upload->device_id; });
  OCTET_TRY(database_->Run("BEGIN"));
  OCTET_TRY(Filter(parts, thorough));
  std::string rows;
  BatchSums sums;
  for (const Parsed* part : parts)
    for (const ParsedRecord& record : part->records) {
      if (record.state != ParsedRecord::kNew) continue;
      const auto row = std::string_view(part->rows).substr(record.begin, record.end - record.begin);
      rows += row;
      sums.Add(row);
    }
  if (!rows.empty()) OCTET_TRY(database_->Copy(kCopyRecords, rows));
  OCTET_TRY(sums.Copy(*database_));
  OCTET_TRY(Account(parts));
  OCTET_TRY(database_->Run("COMMIT"));
  for (Parsed* part : parts)
    for (const ParsedRecord& record : part->records)
      ++(record.state == ParsedRecord::kNew ? part->outcome.accepted : record.state == ParsedRecord::kThere ? part->outcome.duplicate : part->outcome.expired);
  return {};
}

// A batch that the database refuses for what is in it is halved until the one that is bad stands alone.
void Merger::CommitOrSplit(std::vector<Parsed*> parts) {
  bool thorough = false;
  for (int attempt = 0; !parts.empty(); ++attempt) {
    Status status = Commit(parts, thorough);
    if (status.ok()) return;
    const std::string state = database_->sqlstate();
    if (database_->connected()) (void)database_->Run("ROLLBACK");
    const bool met = state == "23505" && !thorough;  // Another collector merged a record of these meanwhile.
    thorough |= met;
    if (met || (IsRetryable(state) && attempt < 3)) continue;
    const bool trouble = !database_->connected() || IsDatabaseTrouble(state) || IsRetryable(state);
    if (!trouble && parts.size() > 1) {
      const auto middle = parts.begin() + static_cast<std::ptrdiff_t>(parts.size() / 2);
      CommitOrSplit({parts.begin(), middle});
      CommitOrSplit({middle, parts.end()});
      return;
    }
    for (Parsed* part : parts) {
      part->outcome.http = trouble ? 503 : 400;
      part->outcome.error = status.message();
    }
    return;
  }
}

std::vector<Outcome> Merger::Merge(const std::vector<const Upload*>& uploads) {
  std::vector<Parsed> parsed;
  parsed.reserve(uploads.size());
  for (const Upload* upload : uploads) parsed.push_back(Parse(*upload));
  std::vector<Parsed*> good;
  for (Parsed& part : parsed) {
    if (part.outcome.http == 200 && dimensions_->failed()) part.outcome = {503, "the database does not answer", 0, 0, 0, 0, {}};
    if (part.outcome.http == 200) good.push_back(&part);
  }
  CommitOrSplit(good);
  std::vector<Outcome> outcomes;
  for (Parsed& part : parsed) outcomes.push_back(std::move(part.outcome));
  return outcomes;
}

}  // namespace octet::fleet
