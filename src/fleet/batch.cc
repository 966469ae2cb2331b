// SPDX-License-Identifier: Apache-2.0
#include "fleet/batch.h"

#include <zlib.h>

#include <memory>

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

struct Merger::Parsed {
  const Upload* upload;
  Outcome outcome;
  std::string rows;
  Parameter status;
  int64_t records = 0;
};

Result<Merger> Merger::Open(const std::string& url) {
  OCTET_ASSIGN(Database connected, Database::Connect(url, 5));
  auto database = std::make_unique<Database>(std::move(connected));
  OCTET_TRY(database->Run("SET statement_timeout = '60s'; SET lock_timeout = '20s'; SELECT fleet.open_staging()"));
  return Merger(std::move(database));
}

Merger::Parsed Merger::Parse(const Upload& upload) {
  Parsed parsed{&upload, {}, {}, {}, 0};
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
  parsed.rows.reserve(text.size());
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.empty()) continue;
    if (++lines > kMostLines) return fail(413, Format("more than %d lines", kMostLines)), parsed;
    const Line read = ParseLine(line, upload.device_id, upload.device, *dimensions_, &parsed.rows);
    if (read.error) {
      ++parsed.outcome.rejected;
      const std::string_view field = read.field.substr(0, 64);
      if (parsed.outcome.errors.size() < kMostErrors) parsed.outcome.errors.push_back({number, (field.empty() ? "" : std::string(field) + ": ") + read.error});
    } else if (read.status) {
      parsed.status = std::string(line);
    } else {
      ++parsed.records;
    }
  }
  if (lines == 0) fail(400, "no lines");
  return parsed;
}

Status Merger::Commit(std::vector<Parsed*>& parts) {
  std::string rows;
  std::vector<Parameter> devices, bytes, rejected, statuses;
  std::map<int, Parsed*> by_device;
  for (Parsed* part : parts) {
    rows += part->rows;
    devices.emplace_back(std::to_string(part->upload->device_id));
    bytes.emplace_back(std::to_string(part->upload->body.size()));
    rejected.emplace_back(std::to_string(part->outcome.rejected));
    statuses.push_back(part->status);
    by_device[part->upload->device_id] = part;
  }
  OCTET_TRY(database_->Run("BEGIN"));
  if (!rows.empty()) OCTET_TRY(database_->Copy(std::string("COPY pg_temp.staging (") + kStagingColumns + ") FROM STDIN", rows));
  OCTET_ASSIGN(const Rows merged, database_->Query("SELECT device_id, accepted, expired FROM fleet.merge($1, $2, $3, $4)",
                                                   {ArrayText(devices), ArrayText(bytes), ArrayText(rejected), ArrayText(statuses)}));
  OCTET_TRY(database_->Run("COMMIT"));
  for (int i = 0; i < merged.size(); ++i) {
    Parsed& part = *by_device[static_cast<int>(merged.integer(i, 0))];
    part.outcome.accepted = merged.integer(i, 1);
    part.outcome.expired = merged.integer(i, 2);
    part.outcome.duplicate = part.records - part.outcome.accepted - part.outcome.expired;
  }
  return {};
}

// A batch that the database refuses for what is in it is halved until the one that is bad stands alone.
void Merger::CommitOrSplit(std::vector<Parsed*> parts) {
  for (int attempt = 0; !parts.empty(); ++attempt) {
    Status status = Commit(parts);
    if (status.ok()) return;
    const std::string state = database_->sqlstate();
    if (database_->connected()) (void)database_->Run("ROLLBACK");
    if (IsRetryable(state) && attempt < 3) continue;
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
