// SPDX-License-Identifier: Apache-2.0
// Records on disk until the collector has them: an SQLite file in WAL mode. Every change and what it counts are one
// transaction, so that at any moment, whatever was killed when: records committed = in the spool + delivered + dropped.
// On a full disk the oldest records make room for new ones. Deleting takes room, too, so a reserve lies beside the spool.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

struct sqlite3;

namespace octet::telemetry {

struct SpoolOptions {
  std::string path;
  std::string device;
  int64_t max_bytes = 64 << 20;     // Of records; the file is little larger.
  int64_t max_age_s = 30 * 86'400;  // Of running time: no jump of a clock makes a record old.
};

struct SpoolStatus {
  std::string spool, boot, previous_boot;
  int64_t committed = 0, dropped_bytes = 0, dropped_age = 0, dropped_rejected = 0, depth = 0, bytes = 0, previous_last_seq = 0;
  bool previous_clean = false;
};

struct Batch {
  std::vector<std::string> lines;
  int64_t first = 0, last = 0;  // Numbers in the spool.
};

// Thread-safe: one connection, one lock.
class Spool {
 public:
  // A file that is no spool any more is set aside and begun anew; *note says so.
  static Result<std::unique_ptr<Spool>> Open(const SpoolOptions& options, std::string* note);
  ~Spool();  // Without Close this was not a clean end.

  // Gives each body its number and commits them, dropping the oldest records where the bounds want it. `lost`: records that
  // could not be committed earlier; they are counted as committed and as dropped. `running_s`: since the last call.
  Status Commit(const std::vector<std::string>& bodies, int64_t lost, int64_t running_s);

  // The oldest records, up to the limits. They are pinned until Delivered or Halve: their fate is unknown while they are
  // on their way, so they are neither dropped nor mixed with others; the next call gives the same again, after a kill, too.
  Result<Batch> Take(size_t max_lines, size_t max_bytes);
  Status Delivered(const Batch& batch, int64_t rejected);
  // The batch is too much at once: the next Take gives its first half. A single record is dropped as rejected.
  Status Halve(const Batch& batch);

  Result<SpoolStatus> Read();
  Status Close();  // A clean end.
  bool damaged() const { return damaged_; }

 private:
  Spool() = default;
  Status Prepare(const SpoolOptions& options);
  Status BeginBoot();
  Status TryCommit(const std::vector<std::string>& bodies, int64_t lost, int64_t running_s);
  Status TryTake(size_t max_lines, size_t max_bytes, Batch* taken);
  Status TryDelivered(const Batch& batch, int64_t rejected);
  Status TryHalve(const Batch& batch);
  Status EnforceBounds(int64_t added);
  int64_t FreeBytes() const;
  template <class F> Status Change(const F& change);
  void EndLog();
  void KeepFewer();
  void Reserve();
  Status Run(const char* sql);
  Status Failed(const char* what);

  struct Lock;
  struct Transaction;
  SpoolOptions options_;
  sqlite3* db_ = nullptr;
  std::string boot_;
  std::atomic<bool> damaged_{false};
  bool full_ = false;             // The last failure was for want of room.
  std::optional<int64_t> room_;   // Bytes of records that the disk seems to have room for; nothing: enough.
  std::unique_ptr<Lock> lock_;
};

std::string RandomHex(int digits);

}  // namespace octet::telemetry
