// SPDX-License-Identifier: Apache-2.0
// One uploaded line (docs/telemetry.md): checked in full, then either a row for COPY into the staging table or a status line.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace octet::fleet {

// The numbers of the dimension rows of `hardware` and `key` objects, given as the JSON text of the line.
class Dimensions {
 public:
  virtual ~Dimensions() = default;
  // 0: the device has had its share of new ones for today.
  virtual int Hardware(int device_id, std::string_view object) = 0;
  virtual int Series(int device_id, std::string_view object) = 0;
};

inline constexpr size_t kMostLineBytes = 64 << 10;

// The columns that a row has, for COPY fleet's staging (…).
extern const char* const kStagingColumns;

struct Line {
  const char* error = nullptr;   // Why it is rejected; `field` says where.
  std::string_view field;
  bool status = false;           // A status line: `text` goes to merge() as it is.
};

// Appends the row to `rows` when the line is a record. `device` is the name the token stands for.
Line ParseLine(std::string_view text, int device_id, std::string_view device, Dimensions& dimensions, std::string* rows);

}  // namespace octet::fleet
