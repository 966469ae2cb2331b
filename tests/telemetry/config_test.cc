// SPDX-License-Identifier: Apache-2.0
#include "telemetry/config.h"

#include <gtest/gtest.h>

#include "base/file.h"

namespace octet::telemetry {
namespace {

Status Read(const std::string& endpoint) {
  const std::string path = testing::TempDir() + "/telemetry_config.json";
  OCTET_TRY(WriteFile(path, R"({"endpoint":")" + endpoint + R"(","salt":"0123456789abcdef","identity":"here","spool":"/tmp/spool.db"})"));
  Result<Config> config = ReadConfig(path);
  return config.ok() ? Status() : std::move(config).status();
}

TEST(TelemetryConfig, OnlyThisMachinesDatabaseNeedsNoProof) {
  for (const char* here :
       {"localhost/fleet", "localhost:5432/fleet", "device:secret@127.0.0.1/fleet", "127.0.0.1:5432/fleet", "[::1]/fleet", "[::1]:5432/fleet", "localhost"})
    EXPECT_TRUE(Read(std::string("postgresql://") + here).ok()) << here;
  for (const char* there : {"localhost.example.org/fleet", "127.0.0.1.example.org/fleet", "localhost,example.org/fleet", "127.0.0.10/fleet",
                            "example.org?user=me@127.0.0.1", "localhost/fleet?host=example.org", "/fleet"}) {
    const Status status = Read(std::string("postgresql://") + there);
    ASSERT_FALSE(status.ok()) << there;
    EXPECT_NE(status.message().find("sslmode=verify-full"), std::string::npos) << status.message();
  }
  EXPECT_TRUE(Read("postgresql://example.org/fleet?sslmode=verify-full").ok());
}

}  // namespace
}  // namespace octet::telemetry
