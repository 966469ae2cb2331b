// SPDX-License-Identifier: Apache-2.0
// The database's schema: numbered migrations, built in (src/fleet/migrations), each run once and whole.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fleet/database.h"

namespace octet::fleet {

struct Migration {
  int version;
  std::string_view name, sql;
};
std::span<const Migration> Migrations();  // In order; generated from the files.

// Brings the database up to date; returns the names of what was run. Safe to run twice, and by two at one time.
Result<std::vector<std::string>> Migrate(Database& database);
// Fails with advice when the database is not at this build's version.
Status CheckSchema(Database& database);

// A new token of a device, which is made when it is not there. Kept as its SHA-256 only: the text returned is the only copy.
Result<std::string> NewToken(Database& database, const std::string& device);
Status RevokeTokens(Database& database, const std::string& device);
// Binds a database role, which must be there, to a device for direct uploads.
Status BindRole(Database& database, const std::string& device, const std::string& role);

std::string Sha256(std::string_view bytes);  // 32 bytes.
std::string Hex(std::string_view bytes);

}  // namespace octet::fleet
