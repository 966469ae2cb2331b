// SPDX-License-Identifier: Apache-2.0
// Uploads of several devices as one transaction: parse, COPY into staging, merge, commit.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fleet/database.h"
#include "fleet/record.h"

namespace octet::fleet {

inline constexpr size_t kMostBodyBytes = 1 << 20, kMostUnpackedBytes = 8 << 20;
inline constexpr int kMostLines = 5000;

struct Upload {
  int device_id = 0;
  std::string device, body;  // As sent.
  bool gzip = false;
};

struct LineError {
  int line;
  std::string reason;
};

// What a device is answered.
struct Outcome {
  int http = 200;             // 400, 413: `error` says why; 503: the database.
  std::string error;
  int64_t accepted = 0, duplicate = 0, rejected = 0, expired = 0;
  std::vector<LineError> errors;  // The first ten.
};

// The numbers of dimension rows, asked from the database once per text. Texts are as devices write them, so a few thousand cover a fleet.
class DimensionCache final : public Dimensions {
 public:
  explicit DimensionCache(Database* database) : database_(database) {}
  int Hardware(int device_id, std::string_view object) override { return Number(&hardware_, "SELECT fleet.intern_hardware($1, $2)", device_id, object); }
  int Series(int device_id, std::string_view object) override { return Number(&series_, "SELECT fleet.intern_series($1, $2)", device_id, object); }
  bool failed() const { return failed_; }  // The database did not answer: what was parsed since is worth nothing.

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Numbers = std::unordered_map<std::string, int, Hash, std::equal_to<>>;
  int Number(Numbers* known, const char* sql, int device_id, std::string_view object);
  Database* database_;
  Numbers hardware_, series_;
  bool failed_ = false;
};

// One connection to the database and what belongs to it. Not for several threads.
class Merger {
 public:
  static Result<Merger> Open(const std::string& url);
  // One outcome per upload. At most one upload of a device in one call.
  std::vector<Outcome> Merge(const std::vector<const Upload*>& uploads);
  bool connected() const { return database_->connected() && !dimensions_->failed(); }

 private:
  struct Parsed;
  Merger(std::unique_ptr<Database> database) : database_(std::move(database)), dimensions_(std::make_unique<DimensionCache>(database_.get())) {}
  Parsed Parse(const Upload& upload);
  Status Commit(std::vector<Parsed*>& parts);
  void CommitOrSplit(std::vector<Parsed*> parts);
  std::unique_ptr<Database> database_;
  std::unique_ptr<DimensionCache> dimensions_;
};

// Unpacks gzip, at most `most` bytes.
Result<std::string> Gunzip(std::string_view bytes, size_t most);

}  // namespace octet::fleet
