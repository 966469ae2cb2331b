// SPDX-License-Identifier: Apache-2.0
#include "fleet/database.h"

#include <libpq-fe.h>

#include <charconv>
#include <cstdlib>

namespace octet::fleet {
namespace {

PGconn* Connection(void* p) { return static_cast<PGconn*>(p); }
PGresult* Answer(void* p) { return static_cast<PGresult*>(p); }

std::string Trimmed(const char* text) {
  std::string line = text ? text : "";
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  return line;
}

bool Good(PGresult* result) {
  const ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

}  // namespace

Rows::~Rows() { PQclear(Answer(result_)); }
int Rows::size() const { return PQntuples(Answer(result_)); }
int Rows::columns() const { return PQnfields(Answer(result_)); }
std::string_view Rows::name(int column) const { return PQfname(Answer(result_), column); }
unsigned Rows::type(int column) const { return PQftype(Answer(result_), column); }
bool Rows::null(int row, int column) const { return PQgetisnull(Answer(result_), row, column) != 0; }
std::string_view Rows::text(int row, int column) const {
  return {PQgetvalue(Answer(result_), row, column), static_cast<size_t>(PQgetlength(Answer(result_), row, column))};
}
int64_t Rows::integer(int row, int column) const {
  const std::string_view digits = text(row, column);
  int64_t value = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), value);
  return value;
}
double Rows::number(int row, int column) const { return std::strtod(PQgetvalue(Answer(result_), row, column), nullptr); }

Result<Database> Database::Connect(const std::string& url, int timeout_s) {
  const std::string timeout = std::to_string(timeout_s);
  // Keepalives end a connection whose other end vanished without a word.
  const char* keys[] = {"dbname", "connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "application_name",
                        "client_encoding", nullptr};
  const char* values[] = {url.empty() ? nullptr : url.c_str(), timeout.c_str(), "10", "5", "3", "30000", "octet", "UTF8", nullptr};
  Database database(PQconnectdbParams(keys, values, 1));
  if (!database.connected())
    return Error(Code::kIo, "database: %s; give --database postgresql://USER@HOST/NAME or set PGHOST, PGUSER and PGDATABASE",
                 Trimmed(PQerrorMessage(Connection(database.connection_))).c_str());
  PQsetNoticeProcessor(Connection(database.connection_), [](void*, const char*) {}, nullptr);
  return database;
}

Database::Database(Database&& o) noexcept : connection_(o.connection_), sqlstate_(std::move(o.sqlstate_)) { o.connection_ = nullptr; }
Database& Database::operator=(Database&& o) noexcept {
  std::swap(connection_, o.connection_);
  std::swap(sqlstate_, o.sqlstate_);
  return *this;
}
Database::~Database() {
  if (connection_) PQfinish(Connection(connection_));
}
bool Database::connected() const { return connection_ && PQstatus(Connection(connection_)) == CONNECTION_OK; }

Status Database::Failure(void* result) {
  const char* state = result ? PQresultErrorField(Answer(result), PG_DIAG_SQLSTATE) : nullptr;
  sqlstate_ = state ? state : "";
  std::string message = Trimmed(result ? PQresultErrorMessage(Answer(result)) : PQerrorMessage(Connection(connection_)));
  PQclear(Answer(result));
  return Error(Code::kIo, "database: %s", message.c_str());
}

Status Database::Run(const std::string& sql) {
  PGresult* result = PQexec(Connection(connection_), sql.c_str());
  if (!Good(result)) return Failure(result);
  PQclear(result);
  return {};
}

Result<Rows> Database::Query(const std::string& sql, std::span<const Parameter> parameters) {
  std::vector<const char*> values;
  for (const Parameter& p : parameters) values.push_back(p ? p->c_str() : nullptr);
  PGresult* result = PQexecParams(Connection(connection_), sql.c_str(), static_cast<int>(values.size()), nullptr, values.data(), nullptr, nullptr, 0);
  if (!Good(result)) return Failure(result);
  return Rows(result);
}

Status Database::Copy(const std::string& statement, std::string_view data) {
  PGconn* connection = Connection(connection_);
  PGresult* result = PQexec(connection, statement.c_str());
  if (PQresultStatus(result) != PGRES_COPY_IN) return Failure(result);
  PQclear(result);
  constexpr size_t kPiece = 1 << 20;
  bool sent = true;
  for (size_t at = 0; sent && at < data.size(); at += kPiece) {
    const std::string_view piece = data.substr(at, kPiece);
    sent = PQputCopyData(connection, piece.data(), static_cast<int>(piece.size())) == 1;
  }
  PQputCopyEnd(connection, sent ? nullptr : "connection broke");
  Status status;
  while (PGresult* end = PQgetResult(connection)) {
    if (Good(end) || !status.ok()) PQclear(end);
    else status = Failure(end);
  }
  if (status.ok() && (!sent || !connected())) return Failure(nullptr);
  return status;
}

std::string ArrayText(std::span<const Parameter> values) {
  std::string text = "{";
  for (const Parameter& value : values) {
    if (text.size() > 1) text += ',';
    if (!value) {
      text += "NULL";
      continue;
    }
    text += '"';
    for (char c : *value) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  return text + "}";
}

}  // namespace octet::fleet
