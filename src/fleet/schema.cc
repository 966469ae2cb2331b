// SPDX-License-Identifier: Apache-2.0
#include "fleet/schema.h"

#include <openssl/rand.h>
#include <openssl/sha.h>

namespace octet::fleet {
namespace {

Result<int> VersionOf(Database& database) {
  OCTET_ASSIGN(const Rows there, database.Query("SELECT to_regclass('fleet.migration') IS NOT NULL"));
  if (there.text(0, 0) != "t") return 0;
  OCTET_ASSIGN(const Rows version, database.Query("SELECT coalesce(max(version), 0) FROM fleet.migration"));
  return static_cast<int>(version.integer(0, 0));
}

// What was run must be what this octet would run: a schema half of one and half of another release would lose records.
Status CheckApplied(Database& database, int version) {
  for (const Migration& migration : Migrations()) {
    if (migration.version > version) break;
    OCTET_ASSIGN(const Rows same,
                 database.Query("SELECT digest = $2 FROM fleet.migration WHERE version = $1", {std::to_string(migration.version), Hex(Sha256(migration.sql))}));
    if (same.size() == 0 || same.text(0, 0) != "t")
      return Error(
          Code::kUnsupported,
          "the database's migration %s is not this octet's: it was made by an earlier development version; export it with that one and begin with a new database",
          std::string(migration.name).c_str());
  }
  return {};
}

Status RunMigration(Database& database, const Migration& migration) {
  OCTET_TRY(database.Run("BEGIN; SET LOCAL client_min_messages = warning"));
  Status status = database.Run(std::string(migration.sql));
  if (status.ok()) {
    Result<Rows> noted = database.Query("INSERT INTO fleet.migration (version, name, digest) VALUES ($1, $2, $3)",
                                        {std::to_string(migration.version), std::string(migration.name), Hex(Sha256(migration.sql))});
    if (!noted.ok()) status = std::move(noted).status();
  }
  if (status.ok()) return database.Run("COMMIT");
  (void)database.Run("ROLLBACK");
  return Error(Code::kIo, "migration %s: %s", std::string(migration.name).c_str(), status.message().c_str());
}

Status MigrateLocked(Database& database, std::vector<std::string>* done) {
  OCTET_TRY(database.Run("SET client_min_messages = warning; CREATE SCHEMA IF NOT EXISTS fleet;"
                         "CREATE TABLE IF NOT EXISTS fleet.migration (version int PRIMARY KEY, name text NOT NULL, made timestamptz NOT NULL DEFAULT now());"
                         "ALTER TABLE fleet.migration ADD COLUMN IF NOT EXISTS digest text"));
  OCTET_ASSIGN(const int version, VersionOf(database));
  if (version > static_cast<int>(Migrations().size()))
    return Error(Code::kUnsupported, "the database is at version %d, this octet knows %zu; use the newer octet", version, Migrations().size());
  OCTET_TRY(CheckApplied(database, version));
  for (const Migration& migration : Migrations()) {
    if (migration.version <= version) continue;
    OCTET_TRY(RunMigration(database, migration));
    done->emplace_back(migration.name);
  }
  return database.Run("SELECT fleet.maintain()");
}

Result<std::string> DeviceNumber(Database& database, const std::string& device) {
  OCTET_ASSIGN(const Rows rows,
               database.Query("INSERT INTO fleet.device (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING id", {device}));
  return std::string(rows.text(0, 0));
}

}  // namespace

Result<std::vector<std::string>> Migrate(Database& database) {
  std::vector<std::string> done;
  OCTET_TRY(database.Run("SELECT pg_advisory_lock(hashtext('fleet.migrate'))"));
  Status status = MigrateLocked(database, &done);
  (void)database.Run("SELECT pg_advisory_unlock(hashtext('fleet.migrate'))");
  if (!status.ok()) return status;
  return done;
}

Status CheckSchema(Database& database) {
  OCTET_ASSIGN(const Rows there, database.Query("SELECT has_schema_privilege(n.oid, 'usage') FROM pg_namespace n WHERE nspname = 'fleet'"));
  if (there.size() == 0) return Error(Code::kIo, "database: there is no schema 'fleet'; run octet fleet init as its owner first");
  if (there.text(0, 0) != "t")
    return Error(Code::kIo, "database: this user may not use the schema 'fleet'; log in as octet_ingest (ingest) or octet_reader (report, serve)");
  return {};
}

Result<std::string> NewToken(Database& database, const std::string& device) {
  unsigned char random[32];
  if (RAND_bytes(random, sizeof random) != 1) return Error(Code::kIo, "no random numbers from the system");
  const std::string token = "octet_" + Hex({reinterpret_cast<const char*>(random), sizeof random});
  OCTET_ASSIGN(const std::string id, DeviceNumber(database, device));
  OCTET_ASSIGN([[maybe_unused]] const Rows rows,
               database.Query("INSERT INTO fleet.token (hash, device_id) VALUES (decode($1, 'hex'), $2)", {Hex(Sha256(token)), id}));
  return token;
}

Status RevokeTokens(Database& database, const std::string& device) {
  OCTET_ASSIGN(
      const Rows rows,
      database.Query("UPDATE fleet.token SET revoked = now() WHERE revoked IS NULL AND device_id = (SELECT id FROM fleet.device WHERE name = $1) RETURNING 1",
                     {device}));
  if (rows.size() == 0) return Error(Code::kInvalidArgument, "device %s has no live token", device.c_str());
  return {};
}

Status BindRole(Database& database, const std::string& device, const std::string& role) {
  OCTET_ASSIGN(const std::string id, DeviceNumber(database, device));
  OCTET_ASSIGN(
      [[maybe_unused]] const Rows bound,
      database.Query("INSERT INTO fleet.login (role, device_id) VALUES ($1, $2) ON CONFLICT (role) DO UPDATE SET device_id = excluded.device_id", {role, id}));
  OCTET_ASSIGN(const Rows quoted, database.Query("SELECT quote_ident($1)", {role}));
  return database.Run("GRANT octet_device TO " + std::string(quoted.text(0, 0)));
}

std::string Sha256(std::string_view bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::string Hex(std::string_view bytes) {
  std::string text;
  for (unsigned char c : bytes) text += Format("%02x", c);
  return text;
}

}  // namespace octet::fleet
