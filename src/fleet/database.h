// SPDX-License-Identifier: Apache-2.0
// PostgreSQL behind one class: a connection, text parameters, rows of text, COPY. The only file that knows libpq is database.cc.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace octet::fleet {

using Parameter = std::optional<std::string>;  // Without a value: NULL.

// The answer to a query; NULL reads as an empty text.
class Rows {
 public:
  explicit Rows(void* result) : result_(result) {}
  Rows(Rows&& o) noexcept : result_(o.result_) { o.result_ = nullptr; }
  ~Rows();
  int size() const;
  int columns() const;
  std::string_view name(int column) const;
  unsigned type(int column) const;  // The type's OID.
  std::string_view text(int row, int column) const;
  bool null(int row, int column) const;
  int64_t integer(int row, int column) const;
  double number(int row, int column) const;

 private:
  void* result_;
};

// Not for several threads at one time. All failures are Code::kIo; sqlstate() tells them apart.
class Database {
 public:
  // `url`: a libpq connection string or URL; empty: PGHOST and its kin. Waits at most `timeout_s`.
  static Result<Database> Connect(const std::string& url, int timeout_s = 10);
  Database(Database&& o) noexcept;
  Database& operator=(Database&& o) noexcept;
  ~Database();

  Status Run(const std::string& sql);  // One or several statements without parameters.
  Result<Rows> Query(const std::string& sql, std::span<const Parameter> parameters = {});
  Result<Rows> Query(const std::string& sql, std::initializer_list<Parameter> parameters) {
    return Query(sql, std::span(parameters.begin(), parameters.size()));
  }
  // `statement`: COPY … FROM STDIN; `data`: in COPY's text format.
  Status Copy(const std::string& statement, std::string_view data);

  bool connected() const;                          // False once the connection broke: connect anew.
  const std::string& sqlstate() const { return sqlstate_; }  // Of the last failure; empty when the connection broke.

 private:
  explicit Database(void* connection) : connection_(connection) {}
  Status Failure(void* result);
  void* connection_;
  std::string sqlstate_;
};

// A PostgreSQL array literal of texts; entries without a value become NULL.
std::string ArrayText(std::span<const Parameter> values);

}  // namespace octet::fleet
