// SPDX-License-Identifier: Apache-2.0
// A device that uploads straight into PostgreSQL, for owners who give devices a database login (docs/telemetry.md).
#pragma once
#include <string>

#include "telemetry/uploader.h"

namespace octet::fleet {

// `url`: postgresql://ROLE@HOST/DATABASE?sslmode=verify-full. Used by one thread.
telemetry::Send DirectUpload(std::string url);

}  // namespace octet::fleet
