// SPDX-License-Identifier: Apache-2.0
// What the owner of a device writes down to switch telemetry on (docs/telemetry.md, "On the device").
#pragma once
#include <string>

#include "base/status.h"
#include "telemetry/http_post.h"
#include "telemetry/record.h"

namespace octet::telemetry {

struct Config {
  std::string endpoint, token, ca_file, spool, device;  // `device`: the salted hash.
  Url url;              // Of a collector.
  bool direct = false;  // The endpoint is a PostgreSQL database.
  Hardware hardware;
  int64_t spool_bytes = 64 << 20, max_age_s = 30 * 86'400, window_us = 60'000'000;
  int operator_sampling = 64;  // Operators are timed in every so many inferences; 0: never.
};

Result<Config> ReadConfig(const std::string& path);

// 32 hexadecimal digits of SHA-256(salt, 0, identity).
std::string DeviceId(const std::string& salt, const std::string& identity);

}  // namespace octet::telemetry
